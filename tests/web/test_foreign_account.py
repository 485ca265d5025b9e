"""Whose call is it? Every address of the door, tried with the id of a call that is none of the caller's."""

from __future__ import annotations

from typing import Any, Final

import pytest

from otpvoice.web.app import make_app
from tests.web.world import BODY, KEY, OTHER_KEY, TEST_KEY, Answer, Door, FakeStore, Switchboard, hook_of

OF_NO_CALL: Final = {
    ("POST", "/v1/calls"),
    ("GET", "/v1/calls"),
    ("GET", "/v1/events"),
}
"""Addresses of an account that name no call. What they answer is the account's, and tried below."""
OF_NO_ACCOUNT: Final = (
    "/openapi.json",
    "/docs",
)
"""Pages that anybody may read."""
OF_OTHER_DOORS: Final = ("/v2/", "/api/v1/subaccounts")
"""Whose calls those are is tried where these doors are: ``test_json_rpc``, ``test_callflows``, and beside them."""
STREAM: Final = {"Accept": "text/event-stream"}


def routes() -> list[tuple[str, str]]:
    """Return all addresses, with the methods that they answer."""
    store = FakeStore()
    app = make_app(hook=hook_of(Switchboard(store), store))
    return sorted({(route.method, route.resource.canonical) for route in app.router.routes() if route.resource})


OF_A_CALL: Final = [(method, path) for method, path in routes() if "{id}" in path]


def test_no_address_is_forgotten() -> None:
    of_an_account = {one for one in routes() if not one[1].startswith((*OF_NO_ACCOUNT, *OF_OTHER_DOORS))}
    assert of_an_account == {
        *OF_A_CALL,
        *OF_NO_CALL,
        *(("HEAD", path) for method, path in OF_NO_CALL if method == "GET"),
    }
    assert len(OF_A_CALL) >= 4


async def a_call(door: Door, where: str) -> str:
    """Return the id of a call of the shop's: in progress here, in progress elsewhere, or over."""
    if where == "here":
        return str((await door.ask("POST", "/v1/calls", json=BODY)).body["id"])
    state = "ended" if where == "over" else "answered"
    record = {"id": "call_1", "account": "shop", "state": state, "test": False, "instance": "otp-2"}
    await door.store.keep(record)
    return "call_1"


async def everything(door: Door) -> Any:
    """All that the shop can see, and what was done."""
    seen = [(await door.ask("GET", path)).body for path in ("/v1/calls", "/v1/calls/call_1", "/v1/events")]
    return seen, list(door.calls.hung_up), list(door.calls.placed)


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["json", "stream"])
@pytest.mark.parametrize("where", ["here", "elsewhere", "over"])
@pytest.mark.parametrize("key", [OTHER_KEY, TEST_KEY], ids=["another account", "a test key"])
@pytest.mark.parametrize(("method", "path"), OF_A_CALL)
async def test_a_call_that_is_not_the_caller_s_is_no_call(
    door: Door, method: str, path: str, *, key: str, where: str, headers: dict[str, str]
) -> None:
    call_id = await a_call(door, where)
    before = await everything(door)
    answers = [
        await door.ask(method, path.replace("{id}", one), key=key, headers=headers) for one in (call_id, "call_never")
    ]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body, "nothing is learned of it"
    assert told(answers[0]) == told(answers[1])
    assert await everything(door) == before, "nothing has changed"


def told(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Date"}


@pytest.mark.parametrize(("method", "path"), [*OF_A_CALL, *sorted(OF_NO_CALL)])
async def test_without_a_key_nothing_is_asked_or_done(door: Door, method: str, path: str) -> None:
    call_id = await a_call(door, "here")
    before = await everything(door)
    for key in (None, "nobody-s-key-0123456789"):
        asked = door.store.asked
        answer = await door.ask(method, path.replace("{id}", call_id), key=key, json=BODY)
        assert (answer.status, door.store.asked) == (401, asked)
        assert method == "HEAD" or answer.body["code"] == "unauthorized"
    assert await everything(door) == before


@pytest.mark.parametrize("key", [OTHER_KEY, TEST_KEY])
async def test_what_names_no_call_shows_the_caller_s_own_alone(door: Door, key: str) -> None:
    await a_call(door, "here")
    for path in ("/v1/calls", "/v1/events"):
        assert (await door.ask("GET", path, key=key)).body == {"data": [], "next_cursor": None}
    mine = await door.ask("POST", "/v1/calls", json=BODY, key=key)
    for path in ("/v1/calls", "/v1/events"):
        (found,) = (await door.ask("GET", path, key=key)).body["data"]
        assert mine.body["id"] in str(found)


async def test_the_shop_itself_sees_its_calls_of_tests_too(door: Door) -> None:
    test = await door.ask("POST", "/v1/calls", json=BODY, key=TEST_KEY)
    assert (await door.ask("GET", f"/v1/calls/{test.body['id']}", key=KEY)).body == test.body


@pytest.mark.parametrize("cursor", ["after", "Last-Event-ID"])
async def test_somebody_else_s_event_is_no_place_to_go_on(door: Door, cursor: str) -> None:
    await a_call(door, "here")
    (event,) = (await door.ask("GET", "/v1/events")).body["data"]
    mine = await door.ask("POST", "/v1/calls", json=BODY, key=OTHER_KEY)
    query, headers = ({"after": event["id"]}, {}) if cursor == "after" else ({}, {cursor: event["id"]})
    answer = await door.ask("GET", "/v1/events", key=OTHER_KEY, params=query, headers=headers)
    assert [found["data"]["call"]["id"] for found in answer.body["data"]] == [mine.body["id"]]
