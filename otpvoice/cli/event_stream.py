"""Server-sent events (HTML Living Standard, section 9.2): lines in, events out.

Lines end with LF or CRLF. What is sent is only taken apart: whether it is an event of ours is for others to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """One event. ``id``: of the last event that had one, to go on behind; empty: none had."""

    id: str
    data: str


def sent(lines: Iterable[bytes]) -> Iterator[Sent | None]:
    """Yield each event; None for a comment, which is a sign of life. A stream that breaks off loses its last event."""
    last, data = "", list[str]()
    for raw in lines:
        line = raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Sent(last, "\n".join(data))
            data = []
        elif not name:
            yield None
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            last = value
