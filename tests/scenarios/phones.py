"""Phones that are called: one vocabulary for the callee agent behind a real Asterisk and for the fake's people.

What a phone does before it answers is said ahead (``Answers``, ``Rejects``, …); what it does then is told to it by
hand, in order, by whoever tells the story. It asserts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, assert_never

from otpvoice.testkit.callee import Call as AgentCall
from otpvoice.testkit.callee import CalleeAgent, CallOver, Direction, Invite, Law, Scenario, Stroke
from otpvoice.testkit.callee.tone import sine
from tests.fakes import FakeAsterisk
from tests.fakes.call import Call as FakeCall

SOON: Final = 20.0
"""Seconds within which whatever is awaited has happened, on a busy machine too."""
HEADERS: Final = {
    302: {"Contact": "<sip:19005550100@127.0.0.1>"},
    401: {"WWW-Authenticate": 'Digest realm="network", nonce="1", algorithm=MD5'},
    407: {"Proxy-Authenticate": 'Digest realm="network", nonce="1", algorithm=MD5'},
}
"""What a response of this status would not be without (RFC 3261, 20.7, 20.27, 21.3)."""
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answers:
    """Rings (180, 183, or None: not at all) for so many seconds, then picks up."""

    ring: float = 0.0
    provisional: int | None = 180
    hangs_up_at_once: bool = False


@dataclass(frozen=True, slots=True)
class Rejects:
    """Gives a final response, after ringing for so many seconds; ``ring`` None: at once, without 180."""

    status: int
    ring: float | None = None


@dataclass(frozen=True, slots=True)
class NeverAnswers:
    """Rings for ever; ``provisional`` None: the network takes the call, and that is all."""

    provisional: int | None = 180


@dataclass(frozen=True, slots=True)
class Dead:
    """No SIP reply at all. ``timer_b``: when the fake gives up; a real Asterisk has it in its configuration."""

    timer_b: float = 32.0


@dataclass(frozen=True, slots=True)
class Unconnected:
    """Nobody listens at its network's address: for a real Asterisk the dial string has to name such an address."""


@dataclass(frozen=True, slots=True)
class AnswersAtCancel:
    """Rings until it is canceled, and picks up then: its 200 crosses the CANCEL. The fake has no wire for that."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls in, and is not called: ``callers.py``."""


Manner: TypeAlias = Answers | Rejects | NeverAnswers | Dead | Unconnected | AnswersAtCancel | Calls


class Packet(NamedTuple):
    """One frame of audio as it came: ``at`` on the event loop's clock."""

    at: float
    payload: bytes


class Phone(ABC):
    """A phone with a number of its own. Every wait takes ``within`` seconds, else ``TimeoutError``."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.number = f"+1555{next(_numbers):07}"

    @property
    def user(self) -> str:
        """The number as the network has it."""
        return self.number.removeprefix("+")

    @property
    @abstractmethod
    def rung(self) -> int:
        """How often it was called."""

    @abstractmethod
    async def rings(self, within: float = SOON) -> None:
        """Wait until it is called."""

    @abstractmethod
    async def picked_up(self, within: float = SOON) -> None:
        """Wait until it has answered."""

    @abstractmethod
    async def heard(self, seconds: float, within: float = SOON) -> None:
        """Wait for so much audible sound in all; silence does not count."""

    @abstractmethod
    async def over(self, within: float = SOON) -> None:
        """Wait until the call has ended."""

    @abstractmethod
    async def press(self, digits: str, *, on: float = 0.1, off: float = 0.1) -> None:
        """Key digits; returns when the last gap is over."""

    @abstractmethod
    async def speaks(self, frequency: float, seconds: float) -> None:
        """Say ``tone(frequency, seconds)``; returns when it is out."""

    @abstractmethod
    def tone(self, frequency: float, seconds: float) -> bytes:
        """Return a sine in this phone's law."""

    @abstractmethod
    async def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        """Put the caller on hold."""

    @abstractmethod
    async def resume(self) -> None:
        """Take the caller back."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End the call."""

    @property
    @abstractmethod
    def packets(self) -> list[Packet]:
        """All audio that came, in the order of its arrival."""

    @property
    @abstractmethod
    def strokes(self) -> list[Stroke]:
        """The keys that were pressed."""

    @property
    @abstractmethod
    def told_keys(self) -> str:
        """The keys that the other side pressed, as they arrived here."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """The number of whoever calls, as it is shown here."""

    @property
    def sound(self) -> bytes:
        """All audio that came, end to end, as G.711; what was not sent is not there."""
        return b"".join(packet.payload for packet in self.packets)


class Network(ABC):
    """Where phones are; ``dial`` is the dial string that reaches them."""

    dial: str

    @abstractmethod
    def phone(self, manner: Manner) -> Phone:
        """Return a new phone."""


# --- behind a real Asterisk -----------------------------------------------------------------------------------------


class AgentPhone(Phone):
    """A number of a ``CalleeAgent``. ``call`` is its last call."""

    def __init__(self, manner: Manner) -> None:
        super().__init__(manner)
        self.calls: list[AgentCall] = []
        self.called = asyncio.Event()

    @property
    def call(self) -> AgentCall:
        return self.calls[-1]

    @property
    def rung(self) -> int:
        return len(self.calls)

    async def rings(self, within: float = SOON) -> None:
        async with asyncio.timeout(within):
            await self.called.wait()

    async def picked_up(self, within: float = SOON) -> None:
        await self.rings(within)
        await self.call.answered(within)

    async def heard(self, seconds: float, within: float = SOON) -> None:
        await self.rings(within)
        await self.call.heard(seconds, within)

    async def over(self, within: float = SOON) -> None:
        await self.rings(within)
        await self.call.ended(within)

    async def press(self, digits: str, *, on: float = 0.1, off: float = 0.1) -> None:
        with contextlib.suppress(CallOver):  # the last key may be what ends the call, before its gap is over
            await self.call.press(digits, on=on, off=off)

    async def speaks(self, frequency: float, seconds: float) -> None:
        await self.call.play_tone(frequency, seconds)

    def tone(self, frequency: float, seconds: float) -> bytes:
        return sine(frequency, seconds, self.call.recording.law)

    async def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        await self.call.hold(direction)

    async def resume(self) -> None:
        await self.call.resume()

    async def hang_up(self) -> None:
        await self.call.hang_up()

    @property
    def packets(self) -> list[Packet]:
        recording = self.call.recording
        return [Packet(p.arrival, p.payload) for p in recording.packets if p.payload_type == recording.law.value]

    @property
    def strokes(self) -> list[Stroke]:
        return self.call.strokes

    @property
    def told_keys(self) -> str:
        return self.call.recording.digits()

    @property
    def shown(self) -> str:
        return self.call.invite.caller


class AgentNetwork(Network):
    """One agent, many numbers. No restart of Asterisk is needed: the dial string names the agent's address."""

    def __init__(self, endpoint: str = "trunk", law: Law | None = None) -> None:
        self.agent = CalleeAgent(self._scenario)
        self.law = law
        self._endpoint = endpoint
        self._phones: dict[str, AgentPhone] = {}
        self._sorting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AgentNetwork:
        await self.agent.open()
        host, port = self.agent.address
        self.dial = f"PJSIP/{self._endpoint}/sip:{{number}}@{host}:{port}"
        self._sorting = asyncio.create_task(self._sort(), name="phones")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sorting is not None:
            self._sorting.cancel()
            await asyncio.gather(self._sorting, return_exceptions=True)
        await self.agent.close()

    def phone(self, manner: Manner) -> AgentPhone:
        phone = AgentPhone(manner)
        self._phones[phone.user] = phone
        return phone

    def _scenario(self, invite: Invite) -> Scenario:
        phone = self._phones.get(invite.number)
        if phone is None:
            return Scenario.rejects(404)
        scenario = _scenario_of(phone.manner)
        return scenario if self.law is None else scenario.with_laws(self.law)

    async def _sort(self) -> None:
        while True:
            call = await self.agent.next_call()
            if (phone := self._phones.get(call.invite.number)) is not None:
                phone.calls.append(call)
                phone.called.set()


def _scenario_of(manner: Manner) -> Scenario:
    match manner:
        case Answers(ring, provisional, hangs_up_at_once):
            scenario = Scenario.answers(ring, provisional=provisional)
            return scenario.hangs_up() if hangs_up_at_once else scenario
        case Rejects(status, None):
            return Scenario.rejects(status, headers=HEADERS.get(status))
        case Rejects(status, ring):
            return Scenario.rejects(status, ring=ring or 0.0, provisional=180, headers=HEADERS.get(status))
        case NeverAnswers(provisional):
            return Scenario.never_answers(provisional=provisional)
        case Dead() | Unconnected():
            return Scenario.dead()
        case AnswersAtCancel():
            return Scenario.answers_at_cancel()
        case Calls():
            return Scenario.talks()
        case _:
            assert_never(manner)


# --- the fake's people ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Ear:
    """Counts audible frames, looking at each one once."""

    seen: int = 0
    audible: float = 0.0


class FakePhone(Phone):
    """A number of a ``FakeAsterisk``."""

    def __init__(self, manner: Manner, asterisk: FakeAsterisk, law: Law) -> None:
        super().__init__(manner)
        self._asterisk = asterisk
        self._law = law
        self._strokes: list[Stroke] = []
        self._ear = _Ear()
        self.callee = asterisk.callee(self.user)
        match manner:
            case Answers(ring, provisional, hangs_up_at_once):
                if provisional is not None:
                    self.callee.rings() if provisional == 180 else self.callee.progresses()
                self.callee.answers(ring, ringing=False)
                if hangs_up_at_once:
                    self.callee.hangs_up()
            case Rejects(302, ring):
                # Which of Asterisk's threads is first is anybody's guess.
                ringing = self.callee if ring is None else self.callee.rings()
                ringing.redirects("19005550100", ring or 0.0, dropped=int(self.number[-1]) % 2 == 0)
            case Rejects(status, None):
                self.callee.rejects(status)
            case Rejects(status, ring):
                self.callee.rings().rejects(status, ring or 0.0)
            case NeverAnswers(None):
                self.callee.rejects(408, 1e6)
            case NeverAnswers(provisional):
                self.callee.rings() if provisional == 180 else self.callee.progresses()
            case Dead(timer_b):
                self.callee.unreachable(timer_b)
            case Unconnected():
                self.callee.unconnected()
            case AnswersAtCancel():
                self.callee.never_answers()
            case Calls():
                self.callee.anew()
            case _:
                assert_never(manner)

    @property
    def call(self) -> FakeCall:
        return self.callee.call

    @property
    def rung(self) -> int:
        return len(self.callee.calls)

    async def rings(self, within: float = SOON) -> None:
        await self._asterisk.until(lambda: bool(self.callee.calls), within)

    async def picked_up(self, within: float = SOON) -> None:
        await self._until(lambda: self.call.channel.state == "Up", within)

    async def heard(self, seconds: float, within: float = SOON) -> None:
        await self._until(lambda: self._audible() >= seconds - 1e-6, within)

    async def over(self, within: float = SOON) -> None:
        await self.rings(within)
        await self._asterisk.until(lambda: self.call.over, within)

    async def press(self, digits: str, *, on: float = 0.1, off: float = 0.1) -> None:
        loop = asyncio.get_running_loop()
        for digit in digits:
            down = loop.time()
            await self.call.press(digit, on=on, off=off)
            self._strokes.append(Stroke(digit, down, loop.time() - off))

    async def speaks(self, frequency: float, seconds: float) -> None:
        spoken = self.call.say(self.tone(frequency, seconds))
        await asyncio.sleep(spoken / self._asterisk.speed)

    def tone(self, frequency: float, seconds: float) -> bytes:
        return sine(frequency, seconds, self._law)

    async def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        del direction
        self.call.hold()

    async def resume(self) -> None:
        self.call.unhold()

    async def hang_up(self) -> None:
        self.call.hang_up()

    @property
    def packets(self) -> list[Packet]:
        return [Packet(heard.at, heard.payload) for heard in self.call.heard]

    @property
    def strokes(self) -> list[Stroke]:
        return self._strokes

    @property
    def told_keys(self) -> str:
        return self.call.digits

    @property
    def shown(self) -> str:
        return self.call.channel.caller[1] or self.call.channel.connected[1]

    def _audible(self) -> float:
        ear, heard = self._ear, self.call.heard
        for frame in itertools.islice(heard, ear.seen, None):
            if frame.payload.translate(None, self._law.quiet):
                ear.audible += len(frame.payload) / 8000
        ear.seen = len(heard)
        return ear.audible

    async def _until(self, condition: Callable[[], bool], within: float) -> None:
        """As the agent's waits: the end of the call ends the wait."""
        await self.rings(within)
        await self._asterisk.until(lambda: condition() or self.call.over, within)
        assert condition(), "the call ended first"


class FakeNetwork(Network):
    """The people of a ``FakeAsterisk``."""

    dial = "PJSIP/{number}@trunk"

    def __init__(self, asterisk: FakeAsterisk, law: Law = Law.PCMU) -> None:
        self.asterisk = asterisk
        self.law = law

    def phone(self, manner: Manner) -> FakePhone:
        return FakePhone(manner, self.asterisk, self.law)
