"""An ``AsteriskNode``, or a whole switchboard, against the fake: what the tests of this folder share.

The client under test is the one that is shipped, over real sockets; only speech and the store are stand-ins.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from otpvoice.ari.channel import CallChannel
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import AriEvent
from otpvoice.core.actions import Action, Say
from otpvoice.core.events import Event
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.core.speech import CodeCharacter, Prepared, Script, Silence, SpeechUnavailable
from otpvoice.stasis import NotTaken, StasisApp, Trunk
from tests.fakes import Call, FakeAsterisk, Request
from tests.fakes.channels import Json

WITHIN: Final = 5.0
APP: Final = "otpvoice"
OWN_APP: Final = "otpvoice-a"
PREFIX: Final = "otpvoice-a-leg-"
NUMBER: Final = "15550100"
SILENCE: Final = b"\xff"
FRAME: Final = 160
TONE: Final = 3 * FRAME
"""Bytes of a word, or of a character, as our voice speaks it."""
TRUNK: Final = Trunk("default", "PJSIP/{number}@trunk")
LOCALES: Final = Locales(
    [
        Locale(
            tag="en",
            code="Your code is: {code}",
            code_with_brand="Your {brand} code is: {code}",
            again="Again:",
            capital="capital {letter}",
            gate="Press {key}.",
            gate_any="Press a key.",
            gate_failure="Goodbye.",
            replay="Again by {key}.",
            choose="English by {key}.",
            star="star",
            pound="pound",
            digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
            letters={},
            voices={},
        )
    ]
)


async def eventually(happened: Callable[[], object], within: float = WITHIN) -> None:
    """Wait for a state of the product, looked at every millisecond."""
    async with asyncio.timeout(within):
        while not happened():  # noqa: ASYNC110 - whatever it is, it has no event to wait for
            await asyncio.sleep(0.001)


async def a_while(seconds: float) -> None:
    """Let time pass, to see that nothing comes of it."""
    await asyncio.sleep(seconds)


def node_settings(asterisk: FakeAsterisk, **changes: Any) -> NodeSettings:
    settings = NodeSettings(
        name="one",
        url=asterisk.url,
        user=asterisk.user,
        password=asterisk.password,
        app=APP,
        instance="a",
        law="ulaw",
        silence=SILENCE,
        legs_minimum=1,
        legs_maximum=4,
        last_leg=100,
    )
    return replace(settings, **changes)


class Watcher:
    """A ``Lookout`` that takes down what it is told."""

    def __init__(self) -> None:
        self.gaps: list[tuple[set[str], bool]] = []
        self.lost = 0
        self.strangers: list[AriEvent] = []

    def after_gap(self, node: AsteriskNode, alive: Set[str], *, restarted: bool) -> None:
        self.gaps.append((set(alive), restarted))

    def node_lost(self, node: AsteriskNode) -> None:
        self.lost += 1

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        self.strangers.append(event)


@asynccontextmanager
async def running(node: AsteriskNode, *, connected: bool = True) -> AsyncIterator[AsteriskNode]:
    """Run a node; by default from when it is connected and its minimum of legs is there."""
    task = asyncio.create_task(node.run(), name="node")
    try:
        if connected:
            await eventually(lambda: node.connected and node.pool.free >= node.settings.legs_minimum)
        yield node
    finally:
        ended = task.done() and not task.cancelled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await node.disconnect()
        if ended and not node.replaced:
            task.result()  # it died of something: say of what


@asynccontextmanager
async def a_node(
    asterisk: FakeAsterisk, watcher: Watcher | None = None, *, connected: bool = True, **changes: Any
) -> AsyncIterator[AsteriskNode]:
    node = AsteriskNode(node_settings(asterisk, **changes), watcher or Watcher())
    async with running(node, connected=connected):
        yield node


class Tones:
    """A voice in a hurry: three frames of its own byte for each item, a tenth of the silence. It may be away."""

    def __init__(self) -> None:
        self.unavailable = ""
        self.fallback: str | None = None
        self.may_speak = asyncio.Event()
        self.may_speak.set()
        self.asked = asyncio.Event()

    async def prepare(self, script: Script, /) -> Prepared:
        self.asked.set()
        await self.may_speak.wait()
        if self.unavailable:
            raise SpeechUnavailable(self.unavailable)
        return Prepared(tuple(self._sound(item) for item in script), self.fallback)

    async def prepare_all(self, scripts: Sequence[Script], /) -> Sequence[Prepared]:
        return await asyncio.gather(*map(self.prepare, scripts))

    def _sound(self, item: object) -> bytes:
        match item:
            case Silence(seconds=seconds):
                return self.silence(seconds)
            case CodeCharacter(character=character):
                return character.encode() * TONE
            case _:
                return b"w" * TONE

    def silence(self, seconds: float, /) -> bytes:
        return SILENCE * round(seconds * 800)


@dataclass
class Ledger:
    """Where records go. ``gate``: ``accept`` waits for it."""

    accepted: list[Json] = field(default_factory=list)
    finished: list[Json] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        self.accepted.append(record.to_json())
        await self.gate.wait()
        if self.refuses:
            raise NotTaken("store_unavailable")

    def save(self, record: CallRecord, /) -> None: ...

    def finish(self, record: CallRecord, /) -> None:
        self.finished.append(record.to_json())


class House:
    """A switchboard with one node. ``seen`` are the events of all calls, in order."""

    def __init__(self, asterisk: FakeAsterisk, **changes: Any) -> None:
        self.asterisk = asterisk
        self.voice = Tones()
        self.ledger = Ledger()
        self.seen: list[tuple[str, Event]] = []
        self.stasis = StasisApp("a", LOCALES, self.voice, self.ledger, (self._follow,))
        self.node = AsteriskNode(node_settings(asterisk, **changes), self.stasis)
        self.stasis.nodes.append(self.node)

    def _follow(self, record: CallRecord, event: Event) -> None:
        self.seen.append((record.id, event))

    async def place(self, *actions: Action, number: str = NUMBER, **changes: Any) -> str:
        """Order a call; return its id."""
        given: dict[str, Any] = {"lead_in": 0.0, "tail": 0.0, "ring_timeout": 10.0, "max_duration": 30.0} | changes
        plan = CallPlan(
            to=f"+{number}",
            caller_id=None,
            trunk="default",
            language="en",
            actions=actions or (Say("Hello."),),
            **given,
        )
        record = await self.stasis.place(plan, TRUNK, account="default", door="test")
        return str(record["id"])

    async def summary(self, call_id: str, within: float = WITHIN) -> Json:
        """Wait for the summary of a call."""
        await eventually(lambda: any(record["id"] == call_id for record in self.ledger.finished), within)
        [summary] = [record for record in self.ledger.finished if record["id"] == call_id]
        return summary

    def events(self, call_id: str) -> list[Event]:
        return [event for of, event in self.seen if of == call_id]

    def happened(self, kind: type[Event], call_id: str | None = None) -> list[Event]:
        return [event for of, event in self.seen if isinstance(event, kind) and call_id in (None, of)]

    async def until(self, kind: type[Event], call_id: str | None = None) -> None:
        await eventually(lambda: self.happened(kind, call_id))

    async def legs_back(self) -> None:
        """Wait until no call has a leg and the minimum is there again."""
        await eventually(lambda: self.node.pool.taken == 0 and self.node.pool.free >= self.node.settings.legs_minimum)


@asynccontextmanager
async def a_house(asterisk: FakeAsterisk, **changes: Any) -> AsyncIterator[House]:
    house = House(asterisk, **changes)
    async with running(house.node):
        try:
            yield house
        finally:
            house.voice.may_speak.set()
            await house.stasis.end_all()


ORDER: Final = {"endpoint": f"PJSIP/{NUMBER}@trunk", "app": OWN_APP, "timeout": -1}


async def a_call_on(node: AsteriskNode, leg: MediaLeg, channel_id: str = "call-1") -> CallChannel:
    """A callee who picked up, in the leg's bridge."""
    up = asyncio.Event()
    node.router.register(channel_id, lambda event: up.set() if event["type"] == "StasisStart" else None)
    channel = CallChannel(node.rest, channel_id)
    await node.rest.post(f"channels/{channel_id}", ORDER)
    async with asyncio.timeout(WITHIN):
        await up.wait()
    assert await channel.join(leg)
    return channel


async def assert_clean(node: AsteriskNode) -> None:
    """All free legs are deaf, dumb and alone: nothing of the last call can reach the next one."""
    for leg in node.pool._free:
        assert (leg.ear, leg.listener, leg.watch, leg.listening) == (None, None, None, False)
        assert (await node.rest.get(f"bridges/{leg.bridge_id}"))["channels"] == [leg.channel_id]


def outcome(summary: Json) -> tuple[str, str | None, str]:
    return summary["outcome"]["class"], summary["outcome"]["reason"], summary["outcome"]["ended_by"]


def answers_within(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Give REST so many seconds for an answer."""
    for verb in (AriRest.get, AriRest.post, AriRest._request):
        assert verb.__kwdefaults__ is not None
        monkeypatch.setitem(verb.__kwdefaults__, "within", seconds)


def call_channels(asterisk: FakeAsterisk) -> list[str]:
    """Channels in Asterisk that are no legs."""
    return [channel for channel in asterisk.switch.channels if not channel.startswith(PREFIX)]


def leg_channels(asterisk: FakeAsterisk) -> list[str]:
    return [channel for channel in asterisk.switch.channels if channel.startswith(PREFIX)]


def rung(asterisk: FakeAsterisk) -> Counter[str]:
    """How often each person was rung."""
    return Counter(call.callee.number for call in asterisk.calls)


def of(requests: Sequence[Request], operation: str) -> list[Request]:
    return [request for request in requests if request.operation == operation]


def the_call(asterisk: FakeAsterisk, number: str = NUMBER) -> Call:
    return asterisk.callee(number).call
