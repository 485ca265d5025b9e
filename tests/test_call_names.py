"""Each line that belongs to a call names it, and no line names another one: many calls at once, and what goes wrong.

The service is whole and its parts are real, but for Asterisk. A line is judged by what it names: ids of channels,
tasks, streams and events have the call's id in them, and of a channel that a dialplan handed to us it is known whose it
was.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.ari.events import translate
from otpvoice.ari.router import AriEvent
from otpvoice.media.wav import Wave
from otpvoice.service import Service
from otpvoice.settings import Settings
from tests.adapters.speech_stands import Untouched
from tests.adapters.streams.customers import Customer, a_customer
from tests.adapters.webhooks_world import NEW, Sink, opened_sink
from tests.fakes import FakeAsterisk
from tests.fakes.call import Call
from tests.fakes.callee import Callee
from tests.web.world import logged

SOON: Final = 20.0
KEYS: Final = {account: f"key-of-{account}-0123456789abcdef" for account in ("shop", "bank")}
CODE: Final = "918273"
SAY: Final = {"type": "say_code", "code": CODE, "template": "{code}", "times": 1, "gap": 0.05, "group": 0, "speed": 2}
OF_ALL: Final = re.compile(r"(ari|service|speech|stasis|store|webhooks)\.|http\.request")
"""What may be told of no call. All else is of one, but for a channel that became none."""
OF_NONE: Final = re.compile(
    r"ari\.(connected|left|lost|not_connected|silent)|(service|webhooks)\.|store\.writes"
    r"|speech\.(cache|decoder|could_not_speak|(not_)?warmed_up|voice_missing)"
)
"""What is never told of one: it is everybody's."""
BECAME_NONE: Final = ("channel.not_read", "dialplan.invalid")
EVENT: Final = re.compile(r"\bevt_([0-9a-f]+)_\d+")
CALL: Final = re.compile(r"\bcall_[0-9a-f]{24,32}")


class House:
    """A service on a fake Asterisk. ``calls``: the account of each call that was asked for, by its id."""

    def __init__(self, asterisk: FakeAsterisk, service: Service, sink: Sink, http: aiohttp.ClientSession) -> None:
        self.asterisk, self.service, self.sink, self._http = asterisk, service, sink, http
        self.calls: dict[str, str] = {}
        self._numbers = 15550100

    def callee(self) -> Callee:
        """Return somebody whom nobody has called yet."""
        self._numbers += 1
        return self.asterisk.callee(str(self._numbers))

    async def place(self, callee: Callee, *actions: dict[str, Any], account: str = "shop", **fields: Any) -> str:
        """Ask for a call. Returns its id."""
        body = {"to": f"+{callee.number}", "actions": list(actions) or [SAY]}
        return await self._post(body | fields, account)

    async def prepare(self, account: str) -> str:
        """Ask for a call that a dialplan is to come for."""
        return await self._post({"dial": False, "actions": [SAY]}, account)

    def arrives(self, *arguments: str) -> Call:
        """A dialplan hands somebody over."""
        return self.asterisk.inbound(f"otpvoice,{','.join(arguments)}", caller=self.callee().number)

    async def ask(self, method: str, path: str, account: str, **options: Any) -> tuple[int, Any]:
        """Send a request. Returns status and body."""
        url = f"http://127.0.0.1:{self.service.port}{path}"
        headers = {"Authorization": f"Bearer {KEYS[account]}"} | options.pop("headers", {})
        async with self._http.request(method, url, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def in_state(self, call: str, state: str) -> dict[str, Any]:
        """Wait until a call has come so far."""
        async with asyncio.timeout(SOON):
            while True:
                _, record = await self.ask("GET", f"/v1/calls/{call}", self.calls[call])
                if record["state"] in {state, "ended"}:
                    return dict(record)
                await asyncio.sleep(0.02)

    async def over(self) -> None:
        """Wait until all calls have ended."""
        async with asyncio.timeout(SOON):
            while self.service.stasis.count:  # noqa: ASYNC110 - nobody tells of all
                await asyncio.sleep(0.02)

    async def _post(self, body: dict[str, Any], account: str) -> str:
        status, record = await self.ask("POST", "/v1/calls", account, json=body)
        assert status == 202, record
        self.calls[record["id"]] = account
        return str(record["id"])


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    """Open a house."""
    async with AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(FakeAsterisk())
        sink = await stack.enter_async_context(opened_sink())
        accounts = "".join(
            f'[[account]]\nid = "{account}"\nkeys = ["{hashlib.sha256(key.encode()).hexdigest()}"]\n'
            f'webhook_url = "{sink.url("/" + account)}"\nwebhook_secrets = "{NEW}"\n'
            for account, key in KEYS.items()
        )
        config = folder / "otpvoice.toml"
        config.write_text(
            f'ari_url = "{asterisk.url}"\nari_user = "{asterisk.user}"\nari_password = "{asterisk.password}"\n'
            'http_bind = "127.0.0.1:0"\ninstance = "one"\nurl_allow = "127.0.0.1"\nmedia_legs = "2:40"\n'
            'lead_in = 0.05\ntail = 0.05\ndev = true\n[[trunk]]\nname = "default"\ndial = "PJSIP/{number}@trunk"\n'
            f'caller_ids = "+15550199"\n{accounts}'
        )
        settings = Settings.load({"OTPVOICE_CONFIG": str(config)})
        http = await stack.enter_async_context(aiohttp.ClientSession())
        service = await stack.enter_async_context(await Service.start(settings))
        async with asyncio.timeout(SOON):
            while service.node.pool.free < 2:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)
        yield House(asterisk, service, sink, http)


def judged(lines: list[dict[str, Any]], calls: dict[str, str]) -> list[str]:
    """Return what is wrong with lines: names that are missing, or another's. ``calls``: accounts by id."""
    channels = {line["channel"]: line["call"] for line in lines if line["event"] in {"call.arrived", "call.tapped"}}
    return [f"{wrong}: {line}" for line in lines if (wrong := _wrong_with(line, channels, calls))]


def _wrong_with(line: dict[str, Any], channels: dict[str, str], calls: dict[str, str]) -> str | None:
    named, text = line.get("call"), json.dumps({key: value for key, value in line.items() if key != "call"})
    of = {*CALL.findall(text), *(f"call_{one}" for one in EVENT.findall(text))}
    of |= {channels[value] for value in line.values() if isinstance(value, str) and value in channels}
    if named is None:
        may = OF_ALL.match(line["event"]) or line["event"] in BECAME_NONE
        return None if may and not of else "it is of no call"
    if OF_NONE.match(line["event"]):
        return "it is everybody's"
    if of - {named}:
        return "it is another call's"
    return None if line.get("account") == calls.get(named, "shop") else "the account is another one"


async def tell_a_lot(house: House, customer: Customer) -> None:
    """Many calls at once, of two accounts; most of them go wrong."""
    ask, place, sink = house.ask, house.place, house.sink
    sink.modes = {"/bank": 500, "/says/nothing": 500, "/gone": 410}
    sink.answers = {"/says/junk": b'{"actions": [{"type": "no_such"}]}', "/junk": b"this is no sound"}
    nothing, junk = ({"url": sink.url(f"/says/{what}"), "interactive": True} for what in ("nothing", "junk"))
    noise = {"type": "play", "url": sink.url("/junk")}
    stream = {"type": "stream", "url": customer.url(), "tracks": ["inbound", "outbound"]}
    lost = {"type": "stream", "name": "lost", "url": sink.url("/no/stream", "ws")}
    keys = {"type": "send_digits", "digits": "12"}
    pause = {"type": "pause", "seconds": 20}
    second = house.callee().answers().hangs_up(0.3)
    dial = {"type": "dial", "to": f"+{second.number}"}
    prepared = await house.prepare("bank")
    house.asterisk.faults.answer("originate", status=400, body={"message": "no"}, times=1)
    await house.in_state(await place(house.callee().answers()), "ended")
    over = await asyncio.gather(
        place(house.callee().answers()),
        place(house.callee().answers().presses("12#"), account="bank", webhook=nothing),
        place(house.callee().answers(), webhook=junk),
        place(house.callee().busy(), account="bank"),
        place(house.callee().rejects(404)),
        place(house.callee().answers(), noise),
        place(house.callee().answers(), noise, account="bank"),
        place(house.callee().answers(), noise | {"url": sink.url("/no/such")}),
        place(house.callee().answers(), dial),
    )
    going_on = await asyncio.gather(
        place(house.callee().answers(), pause),
        place(house.callee().answers(), pause, account="bank"),
        place(house.callee().answers(), stream, lost, pause, account="bank", webhook={"url": sink.url("/gone")}),
        place(house.callee().answers(), keys, pause),
        place(house.callee().never_answers(), account="bank"),
    )
    arrived = [
        house.arrives(*arguments)
        for arguments in (
            ("gather=4",),
            ("gather=4", "no_such=1"),
            ("code=12",),
            (f"call={prepared}",),
            ("call=call_nobodys",),
            (f"stream={customer.url()}", "mode=listen"),
        )
    ]
    for call in over:
        await house.in_state(call, "ended")
    *talking, ringing = going_on
    await house.in_state(ringing, "ringing")
    for call in talking:
        await house.in_state(call, "answered")
    # From here on nobody hears anybody, and nothing is told of it for a while.
    for leg in list(house.asterisk.legs.values()):
        leg.cut()
    house.asterisk.faults.cut_events()
    for call in going_on:
        await ask("POST", f"/v1/calls/{call}/hangup", house.calls[call])
    for caller in arrived:
        caller.hang_up()
    await house.over()
    assert (await ask("GET", f"/v1/calls/{over[0]}", "bank"))[0] == 404
    assert (await ask("DELETE", f"/v1/calls/{over[0]}", "shop"))[0] == 204
    assert (await ask("POST", "/v1/calls", "shop", json={"to": "+1"}))[0] == 422


@pytest.fixture(autouse=True)
def voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that is quick."""

    async def render(*_: object) -> Wave:
        return Wave(8000, bytes(range(1, 201)) * 8)  # 0.1 s

    monkeypatch.setattr(Espeak, "render", render)
    monkeypatch.setattr(Espeak, "missing", lambda _: None)
    monkeypatch.setattr("otpvoice.adapters.speech.house.Workshop", Untouched)


async def test_many_calls_at_once_each_line_names_its_own(tmp_path: Path) -> None:
    with logged() as output:
        async with a_customer() as customer, opened(tmp_path) as house:
            await tell_a_lot(house, customer)
    # The customer of the streams logs, too.
    told = [json.loads(line) for line in output.getvalue().splitlines()]
    lines = [line for line in told if not line.get("logger", "").startswith("websockets")]
    assert judged(lines, house.calls) == []
    assert CODE not in output.getvalue()


async def test_a_request_names_the_call_that_it_is_about(tmp_path: Path) -> None:
    with logged() as output:
        async with opened(tmp_path) as house:
            call = await house.place(house.callee().never_answers(), account="bank")
            for method, path, account in (
                ("GET", f"/v1/calls/{call}", "bank"),
                ("GET", f"/v1/calls/{call}/events", "bank"),
                ("POST", f"/v1/calls/{call}/hangup", "bank"),
                ("GET", f"/v1/calls/{call}", "shop"),
                ("POST", f"/v1/calls/{call}/hangup", "shop"),
                ("GET", "/v1/calls", "bank"),
                ("POST", "/v1/calls", "bank"),
            ):
                await house.ask(method, path, account)
            await house.over()
            await house.ask("DELETE", f"/v1/calls/{call}", "bank")
            requests = await told(output, "http.request", 9)
    assert [(line["status"], line["account"], line.get("call")) for line in requests] == [
        (202, "bank", call),
        (200, "bank", call),
        (200, "bank", call),
        (202, "bank", call),
        (404, "shop", None),
        (404, "shop", None),
        (200, "bank", None),
        (400, "bank", None),
        (204, "bank", call),
    ]


async def test_what_is_told_of_a_leg_is_of_the_call_that_has_it_and_of_nobody_after_that(tmp_path: Path) -> None:
    pause = {"type": "pause", "seconds": 20}
    with logged() as output:
        async with opened(tmp_path) as house:

            async def malformed(count: int) -> list[str | None]:
                outbox = house.asterisk.leg(leg).outbox
                assert outbox is not None
                outbox.send("{")
                return [line.get("call") for line in await told(output, "leg.malformed_control", count)]

            first, second = house.callee().answers(), house.callee().answers()
            calls = await asyncio.gather(house.place(first, pause), house.place(second, pause, account="bank"))
            for call in calls:
                await house.in_state(call, "answered")
            (leg,) = first.call.legs
            assert await malformed(1) == [calls[0]]
            for call in calls:
                await house.ask("POST", f"/v1/calls/{call}/hangup", house.calls[call])
            await house.over()
            assert await malformed(2) == [calls[0], None]


async def test_a_channel_that_comes_again_is_not_its_former_call_s(tmp_path: Path) -> None:
    """It left in a gap of our events, and that call is who hears that it has come once more."""
    with logged() as output:
        async with opened(tmp_path) as house:
            caller = house.arrives("gather=4")
            await told(output, "call.answered")
            house.asterisk.faults.drop_event("StasisEnd")
            await house.service.node.rest.post(f"channels/{caller.channel.id}/continue")
            assert caller.channel.pbx is not None
            caller.channel.pbx.stasis("otpvoice,gather=4,no_such=1")
            (invalid,) = await told(output, "dialplan.invalid")
            caller.hang_up()
            await house.over()
    assert invalid["channel"] == caller.channel.id
    assert "call" not in invalid


async def test_an_event_that_can_not_be_understood_is_told_of_as_its_call_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes on the task that reads all events."""

    def fails_at_hold(event: AriEvent, hangup: AriEvent | None) -> object:
        if event["type"] == "ChannelHold":
            raise KeyError(CODE)
        return translate(event, hangup)

    monkeypatch.setattr("otpvoice.ari.party.translate", fails_at_hold)
    monkeypatch.setattr("otpvoice.ari.inbound.translate", fails_at_hold)
    with logged() as output:
        async with opened(tmp_path) as house:
            callee = house.callee().answers()
            call = await house.place(callee, {"type": "pause", "seconds": 20}, account="bank")
            await house.in_state(call, "answered")
            caller = house.arrives("gather=4")
            await told(output, "call.answered", 2)
            for party in (callee.call, caller):
                party.hold()
            found = await told(output, "ari.event_not_understood", 2)
            for party in (callee.call, caller):
                party.hang_up()
            await house.over()
    (arrived,) = await told(output, "call.arrived")
    assert {(line["call"], line["account"]) for line in found} == {(call, "bank"), (arrived["call"], "shop")}
    assert {line["type"] for line in found} == {"ChannelHold"}
    assert CODE not in output.getvalue()


async def told(output: io.StringIO, event: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait for so many lines of a kind. Returns all that there are."""
    async with asyncio.timeout(SOON):
        while True:
            lines = map(json.loads, output.getvalue().splitlines())
            if len(found := [line for line in lines if line["event"] == event]) >= count:
                return found
            await asyncio.sleep(0.01)
