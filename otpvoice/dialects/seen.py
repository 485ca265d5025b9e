"""A call's record as JSON, read so that nothing in it raises: it may be any version's, erased, or short.

What is not what it should be counts as not there. Nothing is judged here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from otpvoice.core.instants import seconds_of


@dataclass(frozen=True, slots=True)
class Seen:
    """One JSON object, the record or a part of it."""

    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str | None:
        """Return a member that is text."""
        value = self.data.get(name)
        # Half a surrogate pair is no character, and no JSON can be made of it.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """Return a member that is a number, and finite."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            return number if math.isfinite(number := float(value)) else None
        except OverflowError:
            return None

    def instant(self, name: str) -> float | None:
        """Return a member that is an instant, in Unix seconds."""
        try:
            at = seconds_of(self.data[name])
            datetime.fromtimestamp(at, UTC)  # else it can be read, and not be written again
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            return None
        return at

    def part(self, name: str) -> Seen:
        """Return a member that is an object; an empty one where it is none."""
        value = self.data.get(name)
        return Seen(value) if isinstance(value, Mapping) else Seen()

    def parts(self, name: str) -> tuple[Seen, ...]:
        """Return the objects of a member that is a list."""
        value = self.data.get(name)
        return tuple(Seen(one) for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()


def to_the_second(at: float) -> str:
    """Return an instant as summaries show it: RFC 3339 in UTC, without a fraction."""
    return datetime.fromtimestamp(math.floor(at), UTC).isoformat().replace("+00:00", "Z")
