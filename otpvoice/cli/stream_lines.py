"""What a sink says of streams: a line for people, or a JSON object for programs, from the same facts.

Nothing that came from outside steers a terminal, and no line is longer than a screen can bear.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from otpvoice.cli.client import printable

LONGEST: Final = 600
"""Characters of a message that people are shown."""
_SIGNS: Final = {"audio": "♪", "junk": "!", "fault": "!", "skipped": "!", "refused": "!"}
_MESSAGES: Final = ("began", "digit", "mark", "stopped", "message")
"""What is said by showing the message itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened. ``stream``: its number, 0 for the sink itself; ``at``: seconds after it connected."""

    kind: str
    stream: int = 0
    at: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)


def as_json(line: Line) -> str:
    """Return a line as one JSON object."""
    head = {"kind": line.kind} | ({"stream": line.stream, "at_ms": round(1000 * line.at)} if line.stream else {})
    return json.dumps(head | dict(line.facts), ensure_ascii=True, allow_nan=False)


def is_shown_whole(message: Mapping[str, Any]) -> bool:
    """Can a message be written again as JSON? One that is nested too deep can't, and its text is shown instead."""
    try:
        # It goes 254 deep, wherever it is called: the other one as deep as the stack still is.
        orjson.dumps(message)
    except orjson.JSONEncodeError:
        return False
    return True


def as_text(line: Line) -> str:
    """Return it for people; more than one line where there is more to say."""
    return "\n".join(printable(text) for text in _lines(line))


def _lines(line: Line) -> Iterator[str]:
    if not line.stream:
        yield _said(line.kind, line.facts)
        return
    margin = f"{line.stream:>2} {line.at:>7.2f} s "
    if line.kind in _MESSAGES:
        yield f"{margin} < {_short(line.facts['message'])}"
    if line.kind not in {"message", "digit", "mark", "stopped"}:
        yield f"{margin} {_SIGNS.get(line.kind, '=')} {_said(line.kind, line.facts)}"


def _said(kind: str, facts: Mapping[str, Any]) -> str:
    match kind:
        case "listening":
            return f"listening on {facts['url']}, WAV files go to {facts['dir']}; Ctrl-C ends it"
        case "refused":
            return f"refused {facts['peer']}: {facts['why']}"
        case "ended":
            return f"ended, after {_count(facts['streams'], 'stream')}"
        case "connected":
            return f"connected from {facts['peer']}, {facts['path']}"
        case "began":
            return f"{facts['format']}: {', '.join(facts['tracks'])}; {facts['encoding']}, {facts['sample_rate']} Hz"
        case "audio":
            return (
                f"{facts['track']}  {facts['ms'] / 1000:.2f} s in {_count(facts['messages'], 'message')},"
                f" {_level(facts['peak_dbfs'])}"
            )
        case "junk":
            return f"{facts['why']}: {facts['text']}"
        case "skipped":
            return f"{_count(facts['messages'], 'message')} more in this second"
        case "closed":
            code = f"closed {facts['code']}" if facts["code"] is not None else "broken off"
            return ", ".join([code, *(f"{one['path']} {one['ms'] / 1000:.2f} s" for one in facts["files"])])
        case _:
            return f"{kind} {facts.get('why', '')}".rstrip()


def _level(peak_dbfs: float | None) -> str:
    return "silence" if peak_dbfs is None else f"up to {peak_dbfs:.0f} dBFS"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(message: Any) -> str:
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
