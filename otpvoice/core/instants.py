"""Instants and spans as answers show them; inside, both are seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(at: float | None) -> str | None:
    """Return an instant as RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(instant: str) -> float:
    """Return the Unix seconds of an instant as ``rfc3339`` writes it. Raises ``ValueError``."""
    return datetime.fromisoformat(instant).timestamp()


def span_ms(start: float | None, end: float | None) -> int | None:
    """Return milliseconds from one instant to the other; never less than 0, since clocks of two hosts differ."""
    if start is None or end is None:
        return None
    return max(0, round((end - start) * 1000))
