"""Calls that come in, with the fake and with a real Asterisk: arguments, events, variables, and what follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pytest

from tests.fakes.plain_client import APP, about, told
from tests.fakes.two_callers import CALLER, Arrival, Caller
from tests.fakes.two_worlds import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIG: Final = "x" * 2000
MANY: Final = [f"k{n}={n}" for n in range(140)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", []),
        (",", [""]),
        (",,", ["", ""]),
        (",,,a=1,", ["", "", "a=1", ""]),
        (',say="Hello, world",times=2', ["say=Hello, world", "times=2"]),
        (',"say=Hello, world",x=y=z,tag=', ["say=Hello, world", "x=y=z", "tag="]),
        (r",say=Hello\, world,a=\"b\"", ["say=Hello, world", 'a="b"']),
        (r',"say=a \"big\" world\\",t=1', ['say=a "big" world\\', "t=1"]),
        (',a="b', ["a=b"]),
        (',a="b,c=d', ["a=b,c=d"]),
        (',a=b"c,d"e,f', ["a=bc,de", "f"]),
        (',a="",b=1', ["a=", "b=1"]),
        (r",a=\n,b=\\", ["a=n", "b=\\"]),
        (",a='q,r',b=`x`", ["a='q", "r'", "b=`x`"]),
        (",say=(a,b),c=[d,e],f={g,h}", ["say=(a,b)", "c=[d,e]", "f={g", "h}"]),
        (",say=(a,b", ["say=(a,b"]),
        (',"say=:( a,b",c=1', ["say=:( a,b,c=1"]),
        (r',"say=:\( a,b",c=1', ["say=:( a,b", "c=1"]),
        (",say=a),b],c", ["say=a)", "b]", "c"]),
        (",  say= x , b=2  ", ["  say= x ", " b=2  "]),
        (",a=&|<b>%41+;c", ["a=&|<b>%41+;c"]),
        (",x=é☎,y=z", ["x=é☎", "y=z"]),
        (f",say={BIG},t=1", [f"say={BIG}", "t=1"]),
        ("," + ",".join(MANY), [*MANY[:127], ",".join(MANY[127:])]),
    ],
)
async def test_arguments(world: World, written: str, read: list[str]) -> None:
    call = await world.exchange.comes(Arrival(APP + written))
    start = (await world.events.until("StasisStart"))[-1]
    assert start["args"] == read
    assert start["channel"]["dialplan"]["app_data"] == APP + written
    await call.answered()
    await call.hang_up()


@pytest.mark.parametrize("app_data", ["nobody,a=1", f"{APP},a=\udcff\udcfe,b=1"], ids=["not registered", "not UTF-8"])
async def test_there_is_no_start_and_the_dialplan_goes_on(world: World, app_data: str) -> None:
    call = await world.exchange.comes(Arrival(app_data, state="Ring"))
    assert await world.seen(call, "next") == "FAILED/"
    assert await world.seen(call, "h") == "FAILED/"
    await world.answered()
    assert (await world.ari("GET", f"/applications/{APP}"))[1]["channel_ids"] == ["c1"]


@pytest.mark.parametrize("state", ["Ring", "Up"])
async def test_who_calls_what(world: World, state: str) -> None:
    call = await world.exchange.comes(Arrival(f"{APP},a=1", state, "4711", "Ann"))
    start = (await world.events.until("StasisStart"))[-1]["channel"]
    assert (start["state"], start["caller"]) == (state, {"name": "Ann", "number": CALLER})
    assert (start["connected"], start["language"]) == ({"name": "", "number": ""}, "en")
    assert (start["dialplan"]["context"], start["dialplan"]["exten"]) == ("from-trunk", "4711")
    assert start["dialplan"]["app_name"] == "Stasis"
    assert start["protocol_id"]
    await call.hang_up()
    await world.events.until("StasisEnd")


Act: TypeAlias = Callable[[World, Caller, str], Awaitable[object]]


async def hang_up(world: World, call: Caller, channel_id: str) -> None:
    await call.hang_up()


async def answer_and_hang_up(world: World, call: Caller, channel_id: str) -> None:
    assert await world.ari("POST", f"/channels/{channel_id}/answer") == (204, None)
    await call.answered()
    await call.hang_up()


async def answer_twice(world: World, call: Caller, channel_id: str) -> None:
    for _ in range(2):
        assert await world.ari("POST", f"/channels/{channel_id}/answer") == (204, None)
    await world.ari("DELETE", f"/channels/{channel_id}")


async def delete_as_busy(world: World, call: Caller, channel_id: str) -> None:
    assert (await world.ari("DELETE", f"/channels/{channel_id}", reason="busy"))[0] == 204


async def delete(world: World, call: Caller, channel_id: str) -> None:
    assert (await world.ari("DELETE", f"/channels/{channel_id}"))[0] == 204


def go_on(**body: object) -> Act:
    async def act(world: World, call: Caller, channel_id: str) -> None:
        assert await world.ari("POST", f"/channels/{channel_id}/continue", body) == (204, None)

    return act


async def visit_a_bridge(world: World, call: Caller, channel_id: str) -> None:
    await world.makes_bridge("visited")
    await world.joins("visited", channel_id)
    assert (await world.ari("POST", "/bridges/visited/removeChannel", {"channel": channel_id}))[0] == 204
    await call.hang_up()


async def by_console(world: World, call: Caller, channel_id: str) -> None:
    await call.hung_up_by_console()


async def by_console_in_a_bridge(world: World, call: Caller, channel_id: str) -> None:
    await world.makes_bridge("visited")
    await world.joins("visited", channel_id)
    await call.hung_up_by_console()


async def redirected(world: World, call: Caller, channel_id: str) -> None:
    await call.redirected()


async def to_another_context(world: World, call: Caller, channel_id: str) -> None:
    await go_on(context="after", extension="x")(world, call, channel_id)
    assert await world.seen(call, "next") == "SUCCESS/"


VISITED: Final = ["ChannelEnteredBridge", "ChannelLeftBridge", "HangupRequest(16, None)", "StasisEnd"]
PBX: Final = "HangupRequest(16, None, soft)"


@dataclass(frozen=True)
class End:
    """What is heard of it: by everybody, and then by who is subscribed to the channel; and the last causes."""

    arrival: Arrival
    act: Act
    heard: list[str]
    cause: int
    sip: int | None = None
    by_subscribers: str = PBX


DELETED: Final = ["HangupRequest(32, None, soft)", "StasisEnd"]
BYE: Final = ["HangupRequest(None, None)", "StasisEnd"]
RINGS: Final = Arrival(state="Ring")
ENDS: Final = {
    "cancel": End(
        RINGS,
        hang_up,
        ["HangupRequest(127, 487)", "StasisEnd"],
        127,
        487,
        by_subscribers="HangupRequest(16, 487, soft)",
    ),
    "bye": End(Arrival(), hang_up, BYE, 0),
    "bye, answered by us": End(RINGS, answer_and_hang_up, ["Up", *BYE], 0),
    "answered twice": End(RINGS, answer_twice, ["Up", *DELETED], 16),
    "deleted, ringing": End(RINGS, delete, DELETED, 16),
    "deleted as busy": End(RINGS, delete_as_busy, DELETED, 17, 486),
    "deleted": End(Arrival(), delete, DELETED, 16),
    "bye after a bridge": End(Arrival(), visit_a_bridge, VISITED, 16),
    "hung up by the console": End(Arrival(), by_console, DELETED, 0),
    "hung up by the console in a bridge": End(
        Arrival(),
        by_console_in_a_bridge,
        ["ChannelEnteredBridge", DELETED[0], "ChannelLeftBridge", "StasisEnd"],
        16,
    ),
    "redirected by the console": End(Arrival(cause=19), redirected, ["StasisEnd"], 19, 480),
    "another context": End(Arrival(cause=19), to_another_context, ["StasisEnd"], 19, 480),
    "dialplan says busy": End(Arrival(waits=0.1, cause=17), go_on(), ["StasisEnd"], 17, 486),
    "dialplan, ringing": End(RINGS, go_on(), ["StasisEnd"], 16),
    "dialplan runs off its end": End(Arrival(cause=None), go_on(), ["StasisEnd"], 0),
    "dialplan is not there": End(
        Arrival(waits=9.0), go_on(context="nowhere", extension="q", priority=1), ["StasisEnd"], 0
    ),
}


@pytest.mark.parametrize("subscribed", [True, False])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_ends(world: World, end: End, subscribed: bool) -> None:
    call, channel_id = await world.enters(end.arrival)
    if subscribed:
        await world.subscribe(channel_id)
    await end.act(world, call, channel_id)
    if subscribed:
        events = await world.events.until("ChannelDestroyed", channel_id)
        assert told(events) == [*end.heard, end.by_subscribers, f"Destroyed({end.cause}, {end.sip})"]
        return
    assert told(await world.events.until("StasisEnd", channel_id)) == end.heard
    await world.becomes(f"/channels/{channel_id}", lambda status, _: status == 404)
    # Nothing else is heard of it: the next event is somebody else's.
    await world.place(Person())
    assert about(await world.events.next()) == "c1"


@pytest.mark.parametrize("state", ["Ring", "Up"])
async def test_the_dialplan_sees_what_was_set(world: World, state: str) -> None:
    call, channel_id = await world.enters(Arrival(state=state))
    path = f"/channels/{channel_id}"
    assert await world.ari("POST", f"{path}/variable", {"variable": "OTPVOICE_STATUS", "value": "hangup"}) == (
        204,
        None,
    )
    body = {"variables": {"OTPVOICE_STATUS": "completed", "OTPVOICE_DIGITS": "12"}}
    assert await world.ari("POST", f"{path}/variables", body) == (204, None)
    assert await call.then("next") is None
    await world.ari("POST", f"{path}/continue")
    assert await world.seen(call, "next") == "SUCCESS/completed"
    assert await world.seen(call, "h") == "SUCCESS/completed"


async def test_h_sees_what_was_set_before_a_hang_up(world: World) -> None:
    call, channel_id = await world.enters()
    body = {"variable": "OTPVOICE_STATUS", "value": "hangup"}
    await world.ari("POST", f"/channels/{channel_id}/variable", body)
    await call.hang_up()
    assert await world.seen(call, "h") == "SUCCESS/hangup"
    assert await call.then("next") is None


async def test_continue_from_a_bridge_leaves_the_leg_where_it_is(world: World) -> None:
    await world.bridged()
    _, channel_id = await world.enters(Arrival(waits=9.0))
    await world.joins("b", channel_id)
    await world.events.until("ChannelEnteredBridge", channel_id)
    await world.ari("DELETE", "/channels/c1")
    await world.events.until("ChannelDestroyed", "c1")
    assert await world.ari("POST", f"/channels/{channel_id}/continue") == (204, None)
    events = await world.events.until("StasisEnd", channel_id)
    assert told(events) == ["ChannelLeftBridge", "StasisEnd"]
    assert events[0]["bridge"]["channels"] == ["leg"]


async def test_what_is_refused_once_it_has_gone_on(world: World) -> None:
    call, channel_id = await world.enters(Arrival(waits=9.0))
    path = f"/channels/{channel_id}"
    await world.makes_bridge("b")
    assert await world.ari("POST", f"{path}/continue", {"label": "zzz"}) == (
        404,
        {"message": "Requested label can not be found"},
    )
    await world.ari("POST", f"{path}/continue")
    await world.events.until("StasisEnd")
    elsewhere = {"message": "Channel not in Stasis application"}
    value = {"variable": "A", "value": "1"}
    for request, body in (("answer", None), ("continue", None), ("ring", None), ("variable", value)):
        assert await world.ari("POST", f"{path}/{request}", body) == (409, elsewhere)
    assert await world.ari("POST", f"{path}/variables", {"variables": {"A": "1"}}) == (409, elsewhere)
    assert await world.ari("POST", "/bridges/b/addChannel", {"channel": channel_id}) == (422, elsewhere)
    assert await world.ari("POST", "/bridges/b/removeChannel", {"channel": channel_id}) == (422, elsewhere)
    assert (await world.ari("GET", f"{path}/variable", variable="STASISSTATUS")) == (200, {"value": "SUCCESS"})
    await call.hang_up()
    await world.becomes(path, lambda status, _: status == 404)
    gone = {"message": "Channel not found"}
    for request, body in (("answer", None), ("continue", None), ("variable", value)):
        assert await world.ari("POST", f"{path}/{request}", body) == (404, gone)
    assert await world.ari("POST", "/bridges/b/addChannel", {"channel": channel_id}) == (400, gone)


# Variables

NOT_THERE: Final = (404, {"message": "Provided variable was not found"})
UNREADABLE: Final = (500, {"message": "Unable to read provided function"})
HEADERS: Final = {"X-Name": "Value 1", "X-Evil": 'a,b"c\\d${EXTEN}$[1+1];&|(<x>)', "X-Long": "L" * 1000}


async def test_reading(world: World) -> None:
    _, channel_id = await world.enters(
        Arrival(state="Ring", exten="77", name="Ann", headers=HEADERS, variables={"FOO": "a"})
    )

    async def get(name: str) -> tuple[int, Any]:
        return await world.ari("GET", f"/channels/{channel_id}/variable", variable=name)

    values = {
        "FOO": "a",
        "EXTEN": "77",
        "STASISSTATUS": "",
        "CHANNEL(state)": "Ring",
        "CHANNEL(language)": "en",
        "CALLERID(num)": CALLER,
        "CALLERID(name)": "Ann",
        "TIMEOUT(absolute)": "0",
        "PJSIP_HEADER(read,X-Name)": "Value 1",
        "PJSIP_HEADER(read,x-name)": "Value 1",
        "PJSIP_HEADER(read,X-Evil)": HEADERS["X-Evil"],
        "PJSIP_HEADER(read,X-Long)": HEADERS["X-Long"],
        "PJSIP_HEADERS(X-)": "X-Name,X-Evil,X-Long",
    }
    assert {name: await get(name) for name in values} == {name: (200, {"value": values[name]}) for name in values}
    for name in ("UNSET", "${FOO}", "FOO${EXTEN}", "_FOO"):
        assert await get(name) == NOT_THERE
    for name in ("PJSIP_HEADER(read,X-None)", "SHELL(id)", "FILE(/etc/passwd)", "NOSUCH(x)"):
        assert await get(name) == UNREADABLE
    assert await get("") == (400, {"message": "Variable name is required"})
    assert await world.ari("GET", "/channels/none/variable", variable="A") == (
        404,
        {"message": "Provided channel was not found"},
    )


async def test_writing(world: World) -> None:
    _, channel_id = await world.enters()
    path = f"/channels/{channel_id}/variable"
    rows: list[tuple[str, object, tuple[int, Any]]] = [
        ("A", '${FOO} $[1+1] é "q"', (200, {"value": '${FOO} $[1+1] é "q"'})),
        ("A B", "1", (200, {"value": "1"})),
        ("E", "", (200, {"value": ""})),
        ("A", 5, NOT_THERE),
        ("NOSUCH(x)", "1", UNREADABLE),
        ("CHANNEL(language)", "de", (200, {"value": "de"})),
    ]
    for name, value, read in rows:
        assert await world.ari("POST", path, {"variable": name, "value": value}) == (204, None)
        assert await world.ari("GET", path, variable=name) == read
    assert await world.ari("POST", path, {"variable": "", "value": "1"}) == (
        400,
        {"message": "Variable name is required"},
    )
    await world.ari("POST", path, {"variable": "_INHERITED", "value": "1"})
    assert await world.ari("GET", path, variable="INHERITED") == (200, {"value": "1"})


async def test_several_at_once(world: World) -> None:
    _, channel_id = await world.enters(Arrival(headers={"X-Name": "a, b"}))
    path = f"/channels/{channel_id}/variables"
    assert await world.ari("POST", path, {"variables": {"A": "1", "B": {"value": "2"}, "NO(x)": "3"}}) == (204, None)
    assert await world.ari("GET", path, variables="A, B") == (200, {"variables": {"A": "1", "B": "2"}})
    assert await world.ari("GET", path, variables="A,CHANNEL(state)") == (
        200,
        {"variables": {"A": "1", "CHANNEL(state)": "Up"}},
    )
    assert await world.ari("GET", path, variables="A,UNSET") == NOT_THERE
    assert await world.ari("GET", path, variables="PJSIP_HEADER(read,X-None),A") == UNREADABLE
    assert await world.ari("GET", path, variables="A,PJSIP_HEADER(read,X-Name)") == (
        200,
        {"variables": {"A": "1", "PJSIP_HEADER(read,X-Name)": "a, b"}},
    )
    for names in ("", "A,", "A,,B"):
        assert await world.ari("GET", path, variables=names) == (400, {"message": "Variable names are required"})
    assert await world.ari("POST", path, {"variables": {}}) == (204, None)
    for wrong in ({}, {"variables": [1]}, {"A": "1"}):
        assert await world.ari("POST", path, wrong) == (400, {"message": "The 'variables' field must be a JSON object"})
    for value in (5, None):
        status, answer = await world.ari("POST", path, {"variables": {"A": value}})
        assert (status, answer["message"][:35]) == (400, "Each value in 'variables' must be a")
    for method, query in (("GET", {"variables": "A"}), ("POST", {})):
        body = {"variables": {"A": "1"}} if method == "POST" else None
        assert await world.ari(method, "/channels/none/variables", body, **query) == (
            404,
            {"message": "Provided channel was not found"},
        )


async def test_the_absolute_timeout_is_read_set_cleared_and_put_back(world: World) -> None:
    _, channel_id = await world.enters(Arrival(variables={"TIMEOUT(absolute)": "100"}))
    path = f"/channels/{channel_id}/variable"

    async def left() -> float:
        status, answer = await world.ari("GET", path, variable="TIMEOUT(absolute)")
        assert status == 200
        assert answer["value"] == "0" or len(answer["value"].partition(".")[2]) == 3
        return float(answer["value"])

    async def put(value: str) -> None:
        assert await world.ari("POST", path, {"variable": "TIMEOUT(absolute)", "value": value}) == (204, None)

    assert 90 < await left() <= 100
    for nothing in ("0", "abc", "-1", ""):
        await put("30")
        assert 25 < await left() <= 30
        await put(nothing)
        assert await left() == 0
    await put("61.250")
    assert 60 < await left() <= 61.25
    await world.subscribe(channel_id)
    await put("0.2")
    events = told(await world.events.until("ChannelDestroyed", channel_id))
    assert events == ["StasisEnd", PBX, "Destroyed(0, None)"]
