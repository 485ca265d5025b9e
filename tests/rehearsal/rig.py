"""A whole call to a scripted callee: the session, flow and record of any call, with a voice that needs no engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import Action, Gather, Say, SayCode
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import Event, Happening
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord, State
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Prepared, Script, Silence
from otpvoice.rehearsal.line import RehearsalLine
from otpvoice.rehearsal.numbers import script_for
from otpvoice.session import Asker, CallSession, Line
from tests.rehearsal.virtual import now

LOCALES: Final = load_locales()
READ: Final = SayCode(OtpCode("4829"))
ASK: Final = Gather(
    DigitRules(min_digits=3, max_digits=8),
    prompt=(Say("Please key it in."),),
    failure=(Say("That was too short."),),
    tries=2,
    sensitive=False,
)


class Clock:
    """The loop's, for both."""

    def now(self) -> float:
        return now()

    def wall(self) -> float:
        return now()


class Voice:
    """A word of half a second, a character of three tenths, and silence as it is asked for."""

    fallback: str | None = None

    async def prepare(self, script: Script, /) -> Prepared:
        return Prepared(tuple(self._sound(item) for item in script), self.fallback)

    async def prepare_all(self, scripts: Sequence[Script], /) -> Sequence[Prepared]:
        return [await self.prepare(script) for script in scripts]

    def silence(self, seconds: float, /) -> bytes:
        return b"\xff" * round(seconds * 8000)

    def _sound(self, item: object) -> bytes:
        match item:
            case Silence(seconds=seconds):
                return self.silence(seconds)
            case CodeCharacter():
                return b"c" * 2400
            case _:
                return b"w" * 4000


class Rehearsal:
    """A call to a number. ``seen``: all that happened and was reported, each with the state of the call by then."""

    def __init__(self, number: str, *actions: Action, asker: Asker | None = None, **changes: Any) -> None:
        given = {"actions": actions or (READ, ASK)} | changes
        plan = CallPlan(number, None, "default", "en", **given)
        flow = CallFlow(plan, LOCALES)
        self.record = CallRecord("call_1", "default", "test", plan, flow.proof, None, "a", now(), test=True)
        self.seen: list[tuple[Event, State]] = []
        line: Line = RehearsalLine(script_for(number), wall=now)
        self.session = CallSession(
            flow=flow, record=self.record, line=line, voice=Voice(), clock=Clock(), follow=self._follow, asker=asker
        )

    def _follow(self, record: CallRecord, event: Event) -> None:
        self.seen.append((event, record.state))

    async def run(self) -> dict[str, Any]:
        """Carry it to its end. Returns the summary."""
        await self.session.run()
        await self.session.close()
        return self.record.to_json()

    @property
    def told(self) -> list[Happening]:
        """What the line told, and nobody else: these calls are hung up by their plan, or the test says so."""
        return [event for event, _ in self.seen if isinstance(event, Happening)]

    def happened(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event, _ in self.seen)


async def rehearse(number: str, *actions: Action, **changes: Any) -> tuple[Rehearsal, dict[str, Any]]:
    """Call a number, and return the call and its summary."""
    call = Rehearsal(number, *actions, **changes)
    return call, await call.run()


def verdict(leg: dict[str, Any]) -> tuple[str, str | None, str]:
    """Return class, reason and who ended it, of a leg or of a call."""
    return leg["outcome"]["class"], leg["outcome"]["reason"], leg["outcome"]["ended_by"]
