"""What a phone does, as data: before it answers, with the call, and when.

It does nothing itself: ``script`` follows a scenario on a live call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from otpvoice.testkit.callee.loss import NONE, Loss
from otpvoice.testkit.callee.rtp import Law
from otpvoice.testkit.callee.sdp import Direction
from otpvoice.testkit.callee.steps import HangUp, Hold, Keys, Step, Tone, When


@dataclass(frozen=True, slots=True)
class Answer:
    """200 OK."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A final response that is no success; without ``reason`` the usual phrase of the status."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not 300 <= self.status <= 699:
            raise ValueError("a call is rejected with 300 to 699")


class AtCancel(Enum):
    """What CANCEL meets: a phone that gives up, or one that answered in the same instant (RFC 3261 section 9.2)."""

    TERMINATES = "terminates"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Reporting:
    """When a phone reports: ``first`` seconds after it answered, then every ``every``.

    RFC 3550 section 6.2 has five seconds; a test has no time for that. Reports of the other side are heard ``distance``
    seconds late, as over a line so long: that much longer is the round trip that it measures.
    """

    first: float = 0.5
    every: float = 1.0
    distance: float = 0.0

    def __post_init__(self) -> None:
        if self.first < 0 or self.every <= 0 or self.distance < 0:
            raise ValueError("a phone reports after 0 or more seconds, every some, over 0 or more")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The life of one call at the phone: make one with a class method, add to it with the others.

    Times are seconds: ``ring_after`` from INVITE to the provisional response, ``ring`` from there to the verdict,
    ``silence`` from the answer to the last packet of silence sent (keys and tones are sent all the same).
    ``verdict`` None: none is ever given. The steps run side by side, each from its own moment.
    """

    verdict: Answer | Reject | None = Answer()
    trying: bool = True
    provisional: int | None = 180
    early_media: bool = False
    ring_after: float = 0.0
    ring: float = 0.0
    at_cancel: AtCancel = AtCancel.TERMINATES
    steps: tuple[Step, ...] = ()
    laws: tuple[Law, ...] = (Law.PCMU, Law.PCMA)
    telephone_event: bool = True
    silence: float = math.inf
    loss: Loss = NONE
    reporting: Reporting | None = Reporting()

    @classmethod
    def answers(
        cls, ring: float = 0.0, *, ring_after: float = 0.0, provisional: int | None = 180, early_media: bool = False
    ) -> Scenario:
        """Rings, then answers. ``provisional`` 183 or None (no 18x at all); ``early_media``: with a description."""
        return cls(Answer(), ring=ring, ring_after=ring_after, provisional=provisional, early_media=early_media)

    @classmethod
    def rejects(
        cls,
        status: int,
        reason: str | None = None,
        *,
        ring: float = 0.0,
        ring_after: float = 0.0,
        provisional: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Scenario:
        verdict = Reject(status, reason, tuple((headers or {}).items()))
        return cls(verdict, ring=ring, ring_after=ring_after, provisional=provisional)

    @classmethod
    def never_answers(
        cls, *, ring_after: float = 0.0, provisional: int | None = 180, early_media: bool = False
    ) -> Scenario:
        """Rings for ever. ``provisional`` None: 100 Trying and nothing else."""
        return cls(None, ring_after=ring_after, provisional=provisional, early_media=early_media)

    @classmethod
    def dead(cls) -> Scenario:
        """No reply at all, not even 100 Trying."""
        return cls(None, trying=False, provisional=None)

    @classmethod
    def by_hand(cls) -> Scenario:
        """100 Trying; whatever follows is told to the call: ``ring()``, ``answer()``, ``reject(486)``."""
        return cls(None, provisional=None)

    @classmethod
    def answers_at_cancel(cls) -> Scenario:
        """Rings until CANCEL comes, and answers then: its 200 OK crosses the CANCEL on the wire."""
        return cls(None, at_cancel=AtCancel.ANSWERS)

    @classmethod
    def talks(cls) -> Scenario:
        """For a call that the phone places: of a scenario only what follows the answer is followed there."""
        return cls(None, provisional=None)

    def presses(
        self,
        digits: str,
        *,
        on: float = 0.1,
        off: float = 0.1,
        start: float = 0.0,
        when: When = None,
        end_packets: int = 3,
        lose: frozenset[int] = frozenset(),
        volume: int = 10,
    ) -> Scenario:
        return self.then(Keys(digits, on, off, start, when, end_packets, lose, volume))

    def plays_tone(self, frequency: float, seconds: float, *, start: float = 0.0, when: When = None) -> Scenario:
        return self.then(Tone(frequency, seconds, start, when))

    def holds(
        self,
        seconds: float,
        *,
        start: float = 0.0,
        when: When = None,
        direction: Direction = Direction.SENDONLY,
    ) -> Scenario:
        return self.then(Hold(seconds, start, when, direction))

    def hangs_up(self, after: float = 0.0, *, when: When = None) -> Scenario:
        return self.then(HangUp(after, when))

    def then(self, *steps: Step) -> Scenario:
        return replace(self, steps=(*self.steps, *steps))

    def with_laws(self, *laws: Law) -> Scenario:
        """Only these, the preferred one first."""
        return replace(self, laws=laws)

    def without_telephone_event(self) -> Scenario:
        return replace(self, telephone_event=False)

    def with_silence(self, seconds: float) -> Scenario:
        """Sends silence only for the first ``seconds`` after the answer; 0: a phone that sends nothing by itself."""
        return replace(self, silence=seconds)

    def with_loss(self, share: float, *, seed: int | None = None) -> Scenario:
        """Loses a share of the RTP packets that come, before anybody hears them; see ``Loss``."""
        return replace(self, loss=Loss(share, seed))

    def reports(self, *, first: float = 0.5, every: float = 1.0, distance: float = 0.0) -> Scenario:
        """Reports by RTCP at these times, and hears reports so much later; see ``Reporting``."""
        return replace(self, reporting=Reporting(first, every, distance))

    def without_rtcp(self) -> Scenario:
        """Sends no reports, and hears none."""
        return replace(self, reporting=None)
