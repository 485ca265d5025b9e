"""Collect the keys that a callee presses, until a rule says that it is enough.

It has no clock and no audio: it is told what was pressed and when, says when it next wants to be woken (``deadline``)
and, once, what was collected. Whether a key cuts the prompt is decided outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from otpvoice.core.secret import Keys

KEYPAD = frozenset("0123456789*#ABCD")
"""All keys that exist, as Asterisk spells them (RFC 4733, 3.2: events 0 to 15)."""
MOST_KEYS = 64
"""No collection is longer, also where no ``max_digits`` is set: a stuck key must not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitRules:
    """When a collection is over and which keys count. Timeouts in seconds.

    ``terminators``: keys that end the collection and are no part of it; ``keep_terminator``: but for the one that did,
    which is then the last of the keys, and not counted among those that the rules ask for. ``valid_digits``: keys that
    count; others are ignored. ``max_digits`` may be None where a terminator can end the collection; ``MOST_KEYS`` holds
    then.
    Raises ``ValueError``, its message beginning with the name of the field that is wrong.
    """

    min_digits: int = 1
    max_digits: int | None = None
    terminators: str = "#"
    valid_digits: str = "0123456789"
    first_digit_timeout: float = 8.0
    inter_digit_timeout: float = 4.0
    overall_timeout: float = 60.0
    keep_terminator: bool = False

    def __post_init__(self) -> None:
        for name in ("terminators", "valid_digits"):
            if not KEYPAD.issuperset(getattr(self, name)):
                raise ValueError(f"{name}: only 0-9, *, # and A-D are keys")
        if self.max_digits is None and not self.terminators:
            raise ValueError("max_digits: required where there are no terminators")
        if self.max_digits is not None and not 1 <= self.max_digits <= MOST_KEYS:
            raise ValueError(f"max_digits: must be 1 to {MOST_KEYS}")
        if not 0 <= self.min_digits <= self.limit:
            raise ValueError(f"min_digits: must be 0 to {self.limit}, the most that is collected")
        if self.min_digits and set(self.terminators).issuperset(self.valid_digits):
            # A terminator is never collected, so nobody could ever satisfy these rules.
            raise ValueError("valid_digits: must hold a key that is no terminator")
        for name in ("first_digit_timeout", "inter_digit_timeout", "overall_timeout"):
            seconds: float = getattr(self, name)
            if not 0 < seconds < math.inf:  # NaN compares false, too
                raise ValueError(f"{name}: must be more than 0 seconds, and finite")

    @property
    def limit(self) -> int:
        """The number of keys that ends the collection."""
        return MOST_KEYS if self.max_digits is None else self.max_digits


class EndedBy(StrEnum):
    """Why a collection was over."""

    TERMINATOR = "terminator"
    MAX_DIGITS = "max_digits"
    INTER_DIGIT_TIMEOUT = "inter_digit_timeout"
    NO_INPUT = "no_input"
    OVERALL_TIMEOUT = "overall_timeout"
    HANGUP = "hangup"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of it. ``valid``: the callee was done, and gave no fewer than ``min_digits`` keys.

    ``ignored`` counts the keys that were pressed and are neither valid digits nor terminators. ``terminator``: the key
    that ended it; None: none did.
    """

    keys: Keys
    ended_by: EndedBy
    valid: bool
    ignored: int
    terminator: Keys | None = None


class DigitCollector:
    """One collection, from the first key to its one ``Collected``; after that it is deaf.

    ``now`` is in seconds of one clock that never goes back. Keys may come before ``arm``: no timer runs yet, but they
    count, and may even end the collection.
    """

    __slots__ = ("_ended", "_ignored", "_keys", "_overall", "_quiet", "_terminators", "_valid_digits", "rules")

    def __init__(self, rules: DigitRules) -> None:
        self.rules = rules
        # Sets, because a text also contains the empty text, and "12" in "123" is true.
        self._terminators = frozenset(rules.terminators)
        self._valid_digits = frozenset(rules.valid_digits)
        self._keys = ""
        self._ignored = 0
        self._overall = math.inf
        self._quiet = math.inf  # the first-digit timer; once there is a key, the inter-digit timer
        self._ended = False

    @property
    def count(self) -> int:
        """How many keys are collected so far."""
        return len(self._keys)

    @property
    def deadline(self) -> float | None:
        """When to call ``expire``; None before ``arm`` and after the end."""
        return min(self._overall, self._quiet) if self._armed else None

    def arm(self, now: float) -> None:
        """Start the timers: the prompt was played out or cut. Only the first call counts."""
        if self._armed or self._ended:
            return
        self._overall = now + self.rules.overall_timeout
        self._wait_for_a_key(now)

    def press(self, key: str, now: float) -> Collected | None:
        """Take a key. Returns the result if the collection is over with it, or was over before it."""
        if self._ended:
            return None
        # A deadline that passed unnoticed wins over the key: a busy event loop gives nobody more time.
        if late := self.expire(now):
            return late
        # The terminator is tested first: with max_digits=3, "12#" is "12", and a terminator may be a valid digit.
        if key in self._terminators:
            return self._end(EndedBy.TERMINATOR, key)
        if key not in self._valid_digits:
            self._ignored += 1
            return None
        self._keys += key
        if len(self._keys) >= self.rules.limit:
            return self._end(EndedBy.MAX_DIGITS)
        if self._armed:
            self._wait_for_a_key(now)
        return None

    def expire(self, now: float) -> Collected | None:
        """End the collection if its ``deadline`` has come. Called early or late, the earliest timer is the reason."""
        if self.deadline is None or now < self.deadline:
            return None
        # When timers end together, the overall timer is the reason: it is the one that no key could have moved. Then
        # the inter-digit timer, then the first-digit timer: those never run both, since the first key swaps them.
        if self._overall <= self._quiet:
            return self._end(EndedBy.OVERALL_TIMEOUT)
        return self._end(EndedBy.INTER_DIGIT_TIMEOUT if self._keys else EndedBy.NO_INPUT)

    def end(self, ended_by: EndedBy) -> Collected | None:
        """End it from outside, by ``HANGUP`` or ``CANCELED``. Returns what there was; None if it was over already.

        Raises ``ValueError`` for the other reasons, which only the collector itself can know.
        """
        if ended_by not in {EndedBy.HANGUP, EndedBy.CANCELED}:
            raise ValueError(f"ended_by: {ended_by} is not for the caller to say")
        return None if self._ended else self._end(ended_by)

    @property
    def _armed(self) -> bool:
        return self._overall < math.inf

    def _wait_for_a_key(self, now: float) -> None:
        rules = self.rules
        self._quiet = now + (rules.inter_digit_timeout if self._keys else rules.first_digit_timeout)

    def _end(self, ended_by: EndedBy, terminator: str = "") -> Collected:
        self._ended = True
        self._overall = self._quiet = math.inf
        # Who hung up was not done, however many keys there are.
        finished = ended_by not in {EndedBy.HANGUP, EndedBy.CANCELED}
        valid = finished and len(self._keys) >= self.rules.min_digits
        keys = self._keys + terminator if self.rules.keep_terminator else self._keys
        return Collected(Keys(keys), ended_by, valid, self._ignored, Keys(terminator) if terminator else None)
