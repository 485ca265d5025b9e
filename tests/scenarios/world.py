"""A world to call in: the product in this process, one Asterisk (real or fake), and phones that pick up.

Stories are told by hand, in order, to the phones and the calls. It starts no Asterisk, and judges nothing but whether
it was left tidy: one summary a call, no leg, channel or bridge of ours left over.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.store import Change, Store, Terms
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.adapters.streams import Streams
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.core.actions import Action, SayCode, Stream
from otpvoice.core.compile import CodeStep, SpokenStep, compile_plan
from otpvoice.core.events import DigitsCollected, Event, OnSecond
from otpvoice.core.locale import Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import OtpCode
from otpvoice.core.speaking import BREATH
from otpvoice.core.speech import CodeCharacter, Script
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialplan import DialplanDoor
from otpvoice.media.g711 import SILENCE, Law
from otpvoice.stasis import Pace, StasisApp, Trunk
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Law as PayloadLaw
from otpvoice.trust.addresses import parse_allow
from tests.fakes import FakeAsterisk
from tests.scenarios.callers import RINGING, Caller, calls_in
from tests.scenarios.finishing import FINISHING
from tests.scenarios.phones import (
    SOON,
    AgentNetwork,
    Answers,
    AnswersAtCancel,
    Dead,
    FakeNetwork,
    Manner,
    Network,
    NeverAnswers,
    Phone,
    Rejects,
)
from tests.scenarios.voice import VOICE

E = TypeVar("E")
FRAME: Final = 160
NOBODY: Final = ("127.0.0.1", 9)
"""A trunk for nobody (discard, RFC 863): calls name the address of their own agent."""
TICK: Final = 0.02
"""Seconds of Asterisk's media clock; nothing is heard or confirmed between two ticks."""
LATE: Final = 0.25
"""Seconds by which a busy machine may be late with anything that is measured on a clock."""
LOCALES: Final[Locales] = load_locales()
SHOWN: Final = "+15550199"
"""The caller ID of all calls that we place."""
OFFERS: Final = CallDefaults(
    {"default": TrunkOffer("default", (SHOWN,))}, Destinations(("+1555",)), "en-US", lead_in=0.1, tail=0.1
)
"""What whoever calls in may ask for."""
_SILENT: Final = b"".join(SILENCE.values())
_worlds = itertools.count(1)


class PlacedCall:
    """A call that was taken: what it told so far, and in the end its summary."""

    def __init__(self, call_id: str, world: World) -> None:
        self.id = call_id
        self.events: list[Event] = []
        self.summary: dict[str, Any] | None = None
        self.plan: CallPlan | None = None
        self.caller_id: str | None = None
        self._world = world
        self._news = asyncio.Event()

    def of(self, kind: type[E]) -> list[E]:
        """Return all events of a type so far, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def keys(self) -> list[str]:
        """What each of the call's gathers collected in the end, sensitive or not."""
        return [event.collected.keys.reveal() for event in self.of(DigitsCollected)]

    async def seen(self, kind: type[E], count: int = 1, within: float = SOON) -> E:
        """Wait for the ``count``-th event of a type. Fails when the call ends without it."""
        await self.until(lambda: len(self.of(kind)) >= count or self.summary is not None, within)
        return self.of(kind)[count - 1]

    async def over(self, within: float = SOON) -> dict[str, Any]:
        """Wait for the summary, as handed to the store."""
        await self.until(lambda: self.summary is not None, within)
        assert self.summary is not None
        return self.summary

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds; it is asked after each event of this call."""
        async with asyncio.timeout(within):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def told_of_second(self, kind: type[E], number: int = 1, count: int = 1, within: float = SOON) -> E:
        """Wait for the ``count``-th event of a type about the second party of this number."""

        def told() -> list[E]:
            events = [event.event for event in self.of(OnSecond) if event.number == number]
            return [event for event in events if isinstance(event, kind)]

        await self.until(lambda: len(told()) >= count or self.summary is not None, within)
        return told()[count - 1]

    def hang_up(self) -> None:
        """As by the API."""
        self._world.app.hang_up(self.id)

    def changed(self) -> None:
        """Something was told."""
        self._news.set()


@dataclass(slots=True)
class Utterance:
    """What one action must sound like: G.711, whole frames, and where in it each code character ends (samples)."""

    audio: bytes = field(repr=False)
    ends: dict[tuple[int, int], int] = field(default_factory=dict)


class World:
    """``async with World(asterisk) as world``. ``law``: of the pool and of the phones; ``legs``: fewest and most.

    ``endpoint`` is the trunk's name in a real Asterisk. ``tidy`` False: what is left over at the end is not looked at,
    for stories in which an Asterisk or a store dies. ``log`` holds what Asterisk wrote since the world began.
    """

    def __init__(
        self,
        asterisk: AsteriskInstance | FakeAsterisk,
        *,
        law: Law = "ulaw",
        legs: tuple[int, int] = (2, 12),
        store: Store | None = None,
        endpoint: str = "trunk",
        network: Network | None = None,
        downloads: Downloads | None = None,
    ) -> None:
        name = f"w{next(_worlds)}"
        self.asterisk = asterisk
        self.tidy = True
        self.store: Store = store or MemoryStore(ttl=3600)
        self.renderer = Renderer([VOICE], LOCALES, law, finishing=FINISHING, downloads=downloads)
        self.calls: dict[str, PlacedCall] = {}
        self.phones: list[Phone] = []
        self.law: Law = law
        heard_law = PayloadLaw.PCMU if law == "ulaw" else PayloadLaw.PCMA
        self.network: Network
        if network is not None:
            self.network = network
        elif isinstance(asterisk, FakeAsterisk):
            self.network = FakeNetwork(asterisk, heard_law)
        else:
            self.network = AgentNetwork(endpoint, heard_law)
        self._client = GuardedClient(parse_allow(["127.0.0.1"]))
        self.streams = Streams(self._client)
        self.app = StasisApp(name, LOCALES, self.renderer, self, [self._follow], relays=self.streams)
        self.node = AsteriskNode(_settings(asterisk, name, law, legs), self.app)
        self.app.nodes.append(self.node)
        self._legs = legs
        self._log_start = _size(asterisk)
        self._stack = AsyncExitStack()

    # --- phones and calls -------------------------------------------------------------------------------------------

    def answers(self, ring: float = 0.0, *, provisional: int | None = 180, hangs_up_at_once: bool = False) -> Phone:
        """Return a phone that rings for so many seconds and picks up."""
        return self._phone(Answers(ring, provisional, hangs_up_at_once))

    def rejects(self, status: int, ring: float | None = None) -> Phone:
        """Return a phone that refuses, after ringing for so many seconds; None: without 180."""
        return self._phone(Rejects(status, ring))

    def never_answers(self, provisional: int | None = 180) -> Phone:
        """Return a phone that nobody picks up."""
        return self._phone(NeverAnswers(provisional))

    def dead(self) -> Phone:
        """Return a phone behind a network that does not say a word."""
        return self._phone(Dead())

    def answers_at_cancel(self) -> Phone:
        """Return a phone that is picked up in the moment in which it stops to ring."""
        return self._phone(AnswersAtCancel())

    def calls_in(self, arguments: str, to: str = RINGING, **headers: str) -> Caller:
        """Return a phone that calls ``to`` now, where the dialplan hands it to us with these arguments.

        ``headers``: ``X_Name`` is the header X-Name.
        """
        assert isinstance(self.network, AgentNetwork | FakeNetwork)
        asterisk = self.asterisk if isinstance(self.asterisk, AsteriskInstance) else None
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        caller = calls_in(self.network, asterisk, f"{self.node.settings.app},{arguments}", to, fields)
        self.phones.append(caller)
        return caller

    @property
    def phone(self) -> Phone:
        """The last phone."""
        return self.phones[-1]

    def plan(self, *actions: Action, to: Phone | str | None = None, **fields: Any) -> CallPlan:
        """Return a plan for a phone (the last one) with short silences; ``fields`` are those of ``CallPlan``."""
        number = to if isinstance(to, str) else (to or self.phone).number
        fields = {"lead_in": 0.1, "tail": 0.1, "ring_timeout": SOON, "max_duration": 120.0} | fields
        return CallPlan(number, SHOWN, "default", "en-US", actions, **fields)

    async def place(
        self, plan: CallPlan, trunk: str | None = None, pace: Pace | None = None, streams: tuple[Stream, ...] = ()
    ) -> PlacedCall:
        """Begin a call; ``trunk`` is a dial string, ``pace`` and ``streams`` those of all calls on it.

        Raises ``NotTaken``.
        """
        way = Trunk("default", trunk or self.network.dial, pace or Pace(), streams)
        record = await self.app.place(plan, way, account="default", door="http")
        return self._call(str(record["id"]))

    async def prepare(self, *actions: Action, trunk: str | None = None, **fields: Any) -> PlacedCall:
        """Have a call wait for a dialplan to come for it. Raises ``NotTaken``."""
        fields = {"lead_in": 0.1, "tail": 0.1, "max_duration": 120.0} | fields
        plan = CallPlan(None, None, "default", "en-US", actions, inbound=True, goes_on=True, **fields)
        way = Trunk("default", trunk or self.network.dial)
        record = await self.app.prepare(plan, way, account="default", door="http")
        return self._call(str(record["id"]))

    async def taken(self, caller: Phone, count: int = 1, within: float = SOON) -> PlacedCall:
        """Wait for the ``count``-th call of somebody who calls in."""

        def taken() -> list[PlacedCall]:
            return [call for call in self.calls.values() if call.caller_id == caller.number]

        await self.until(lambda: len(taken()) >= count, within)
        return taken()[count - 1]

    async def call(self, plan: CallPlan, trunk: str | None = None, within: float = SOON) -> dict[str, Any]:
        """Carry a call to its end. Returns the summary."""
        return await (await self.place(plan, trunk)).over(within)

    # --- what must be heard -----------------------------------------------------------------------------------------

    async def sound_of(self, plan: CallPlan) -> list[Utterance]:
        """Return what a callee hears who stays to the end and presses nothing: an utterance for each spoken action."""
        utterances: list[Utterance] = []
        for step in compile_plan(plan, LOCALES):
            if isinstance(step, SpokenStep) and step.script:
                lead_in = BREATH if utterances else plan.lead_in
                utterances.append(await self.sound_of_script(step.script, lead_in))
        return utterances

    async def sound_of_script(self, script: Script, lead_in: float = BREATH) -> Utterance:
        """Return what is heard of a script that is spoken whole."""
        audio = bytearray(self.renderer.silence(lead_in))
        ends: dict[tuple[int, int], int] = {}
        for item, sound in zip(script, (await self.renderer.prepare(script)).sounds, strict=True):
            audio += sound
            if isinstance(item, CodeCharacter):
                ends[item.reading, item.position] = len(audio)
        audio += SILENCE[self.law] * (-len(audio) % FRAME)
        return Utterance(bytes(audio), ends)

    @staticmethod
    def code_of(say: SayCode, language: str = "en-US") -> CodeStep:
        """Return all that is said around a code that is read by keys, and the code itself."""
        plan = CallPlan(None, None, "default", language, (say,))
        (step,) = compile_plan(plan, LOCALES)
        assert isinstance(step, CodeStep)
        return step

    @property
    def log(self) -> str:
        """What a real Asterisk wrote into its log since this world began."""
        assert isinstance(self.asterisk, AsteriskInstance)
        with self.asterisk.log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    @staticmethod
    def loop_time(wall: float) -> float:
        """Return an instant of an event on the loop's clock, which is that of the phones."""
        return wall - time.time() + asyncio.get_running_loop().time()

    # --- life -------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if isinstance(self.network, AgentNetwork):
                await stack.enter_async_context(self.network)
            ways = {"default": Trunk("default", self.network.dial)}
            offers = replace(OFFERS, check_url=self._client.check)
            self.app.door = DialplanDoor(self.app, "default", offers, ways)
            self._writes = KeptWrites(self.store)
            stack.push_async_callback(self.store.close)
            stack.push_async_callback(self.renderer.close)
            stack.push_async_callback(self._client.close)
            stack.push_async_callback(self.streams.close)
            stack.push_async_callback(self.node.disconnect)
            running = asyncio.create_task(self.node.run(), name="node")
            stack.push_async_callback(_cancel, running)
            await self.until(lambda: running.done() or (self.node.ready and self.node.pool.free >= self._legs[0]))
            if running.done():
                running.result()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._stack:
            if error is not None:
                await self.app.end_all()
            await self.app.drain(SOON)
            assert not self.app.count, "calls are left"
            look = self.tidy and error is None
            if look:
                await self.until(lambda: not self.node.pool.taken)
            await self.node.close()
            left = await self._writes.drain(SOON)
            if look:
                assert not left
                await self._check_summaries()
                await self._check_nothing_left()

    async def until(self, condition: Callable[[], bool], within: float = SOON) -> None:
        """Wait until something holds that tells nobody; looked at every few milliseconds."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - pools and nodes tell nobody
                await asyncio.sleep(0.005)

    # --- where records go (``stasis.Records``) ----------------------------------------------------------------------

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        """Write a new call."""
        await self.store.accept(Change(record.to_json()), Terms(token=token))

    def save(self, record: CallRecord, /) -> None:
        """Keep how far a call got."""
        self._writes.save(Change(record.to_json()))

    def finish(self, record: CallRecord, /) -> None:
        """Keep how a call ended, and tell the story."""
        call = self._call(record.id)
        call.caller_id = record.plan.caller_id
        assert call.summary is None, "a second summary"
        call.summary = record.to_json()
        self._writes.finish(Change(call.summary))
        call.changed()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _phone(self, manner: Manner) -> Phone:
        phone = self.network.phone(manner)
        self.phones.append(phone)
        return phone

    def _call(self, call_id: str) -> PlacedCall:
        return self.calls.setdefault(call_id, PlacedCall(call_id, self))

    def _follow(self, record: CallRecord, event: Event) -> None:
        call = self._call(record.id)
        call.plan, call.caller_id = record.plan, record.plan.caller_id
        call.events.append(event)
        call.changed()

    async def _check_summaries(self) -> None:
        for call in self.calls.values():
            assert call.summary is not None, "a call without a summary"
            assert await self.store.get("default", call.id) == call.summary
        if isinstance(self.store, MemoryStore):
            assert sorted(call_id for call_id, _ in self.store.summaries("default")) == sorted(self.calls)

    async def _check_nothing_left(self) -> None:
        """Asterisk destroys a bridge some time after it said yes to that (``main/bridge.c``: the manager's thread)."""
        async with asyncio.timeout(SOON):
            while await self._left():  # noqa: ASYNC110 - of its end nobody is told
                await asyncio.sleep(0.1)

    async def _left(self) -> list[str]:
        settings = self.node.settings
        handed_to_us = [leg["channel"] for call in self.calls.values() if call.summary for leg in call.summary["legs"]]
        ours = (settings.leg_prefix, settings.talk_prefix, *self.calls, *handed_to_us)
        found = [*await self.node.rest.get("channels"), *await self.node.rest.get("bridges")]
        return [it["id"] for it in found if it["id"].startswith(ours)]


def code(digits: str, **fields: Any) -> SayCode:
    """Return a code that is read once, quickly, with nothing around it; ``fields`` are those of ``SayCode``."""
    quick: dict[str, Any] = {"template": "{code}", "times": 1, "gap": 0.1, "group": 0, "speed": 1.5}
    return SayCode(OtpCode(digits), **(quick | fields))


def ends_with(heard: bytes, *pushed: Utterance) -> bool:
    """Say whether the last that was heard is this, to the byte, with nothing but silence around and between."""
    return _before(heard, pushed) is not None


def is_all(heard: bytes, *pushed: Utterance) -> bool:
    """Say whether this is all that was heard, to the byte."""
    before = _before(heard, pushed)
    return before is not None and not before.strip(_SILENT)


def _before(heard: bytes, pushed: Sequence[Utterance]) -> bytes | None:
    """Return what was heard before the last that was heard; None: that is not this."""
    for utterance in reversed(pushed):
        sound = utterance.audio.strip(_SILENT)
        heard = heard.rstrip(_SILENT)
        if not heard.endswith(sound):
            return None
        heard = heard[: len(heard) - len(sound)]
    return heard


def first_difference(heard: bytes, pushed: bytes) -> int | None:
    """Return the sample at which two sounds part, None where they are equal. Silence at the end does not count."""
    heard, pushed = (sound.rstrip(_SILENT) for sound in (heard, pushed))
    for index, (one, other) in enumerate(zip(heard, pushed, strict=False)):
        if one != other:
            return index
    return None if len(heard) == len(pushed) else min(len(heard), len(pushed))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _size(asterisk: AsteriskInstance | FakeAsterisk) -> int:
    path: Path | None = asterisk.log_path if isinstance(asterisk, AsteriskInstance) else None
    return path.stat().st_size if path is not None and path.exists() else 0


def _settings(asterisk: AsteriskInstance | FakeAsterisk, name: str, law: Law, legs: tuple[int, int]) -> NodeSettings:
    """Each world has applications of its own, so that it takes nothing from the one before it."""
    if isinstance(asterisk, AsteriskInstance):
        url, user, password = asterisk.ari_url, asterisk.ari_user, asterisk.ari_password
    else:
        url, user, password = asterisk.url, asterisk.user, asterisk.password
    return NodeSettings(name, url, user, password, f"otpvoice-{name}", name, law, SILENCE[law], *legs)
