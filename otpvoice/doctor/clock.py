"""Clocks: how far those that we have to do with are from ours.

A webhook is refused by its receiver when its timestamp is 300 s off (Standard Webhooks); times in records are
Asterisk's, leases and ages are Redis's. Nobody's clock is set here, and none is taken for the right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from otpvoice.doctor.asking import Answered
from otpvoice.doctor.finding import Check, Finding

CLOCK = Check("clock", "Do the clocks agree?")
SKEWED = CLOCK.warns(
    "skewed",
    "the clock of {whose} is {seconds:g} s {way} ours",
    "Let both machines be set by NTP: `timedatectl set-ntp true`, then `timedatectl status`. A container has its host's"
    " clock.",
)
FAR = CLOCK.fails(
    "far_off",
    "the clock of {whose} is {seconds:g} s {way} ours: signatures are refused that are 300 s old",
    "Let both machines be set by NTP: `timedatectl set-ntp true`, then `timedatectl status`. Until then webhooks fail"
    " at receivers that look at the time, and times in records are wrong.",
)
WARN_FROM: Final = 5.0
FAIL_FROM: Final = 300.0
"""Seconds. The second is the tolerance of the libraries that verify webhooks."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``offset``: seconds that a clock is ahead of ours, give or take ``doubt``."""

    whose: str
    offset: float
    doubt: float


def reading(whose: str, instant: float, *, began: float, ended: float, resolution: float) -> Reading:
    """Compare an instant (Unix seconds) that was told between two of ours. ``resolution``: of how it was told."""
    # It was cut off to its resolution, so on average it was half of that more.
    offset = instant + resolution / 2 - (began + ended) / 2
    return Reading(whose, offset, (ended - began) / 2 + resolution / 2)


def reading_of(whose: str, answer: Answered) -> Reading | None:
    """Read the clock of an HTTP server: what ARI's ping says, else the header Date. None: it says nothing."""
    document = answer.json
    if isinstance(document, dict) and (instant := _instant(document.get("timestamp"))) is not None:
        return reading(whose, instant, began=answer.began, ended=answer.ended, resolution=0.001)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if (instant := _date(headers)) is not None:
        return reading(whose, instant, began=answer.began, ended=answer.ended, resolution=1.0)
    return None


def judge(readings: Iterable[Reading]) -> list[Finding]:
    """Say which clocks are off."""
    known = list(readings)
    found = [_off(one) for one in known if abs(one.offset) - one.doubt > WARN_FROM]
    if found:
        return found
    if not known:
        return [CLOCK.skipped("nothing that has a clock was reached")]
    said = ", ".join(f"{one.whose} {one.offset:+.1f} s" for one in known)
    return [CLOCK.ok(said, **{one.whose: round(one.offset, 3) for one in known})]


def _off(one: Reading) -> Finding:
    fault = FAR if abs(one.offset) - one.doubt > FAIL_FROM else SKEWED
    return fault(whose=one.whose, seconds=round(abs(one.offset), 1), way="ahead of" if one.offset > 0 else "behind")


def _instant(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
