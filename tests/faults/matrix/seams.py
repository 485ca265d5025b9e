"""The product's seams to the world, by name: what passes one is told from what passes another by a line of text.

Pure: names come from what is asked for, with ids put away. A name is a kind of seam and what passes it there, such as
``store finish`` or ``ari POST channels/FIRST``; ``words`` tell more of it, such as the state of a record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

READS: Final = frozenset({"due", "told", "letters", "depth", "left_behind"})
"""Scripts that change nothing."""

_IDS: Final = (
    (re.compile(r"otpvoice-[\w.]+-leg-\d+(-bridge)?"), "LEG"),
    (re.compile(r"otpvoice-[\w.]+-talk-[\w-]+"), "TALK"),
    (re.compile(r"call_[0-9A-Za-z]+-\d+-snoop[\w-]*"), "SNOOP"),
    (re.compile(r"call_[0-9A-Za-z]+-1(?!\w)"), "FIRST"),
    (re.compile(r"call_[0-9A-Za-z]+-\d+"), "SECOND"),
    (re.compile(r"(?<=applications/)[\w.-]+"), "APP"),
    (re.compile(r"(?<=snoop/).+"), "SNOOP"),
    # Asterisk's own: seconds and a number.
    (re.compile(r"(?<=channels/)(?:[\w-]+-)?\d+\.\d+"), "CALLER"),
)


def of_request(method: str, path: str, body: Mapping[str, Any] | None) -> str | None:
    """Return the name of an ARI request; None: it only asks."""
    if method == "GET":
        return None
    plain = named(path.partition("?")[0])
    channel = (body or {}).get("channel") if plain.endswith("/addChannel") else None
    return f"ari {method} {plain}" + (f" {named(f'channels/{channel}').removeprefix('channels/')}" if channel else "")


def named(path: str) -> str:
    """Return a path with what the ids in it stand for."""
    for pattern, name in _IDS:
        path = pattern.sub(name, path)
    return path


def of_script(script: str) -> str | None:
    """Return the name of a script of the store; None: it only asks."""
    return None if script in READS else f"store {script}"


def words_of(arguments: Sequence[str | bytes | int]) -> frozenset[str]:
    """Return the state of the record that a script is to write, and the types of the events that it is to tell."""
    found = set()
    for argument in arguments:
        if isinstance(argument, int) or argument[:1] not in {b"{", "{"}:
            continue
        try:
            told = json.loads(argument)
        except ValueError:
            continue
        found |= {str(told[name]) for name in ("state", "type") if name in told}
    return frozenset(found)


def of_post(body: bytes) -> tuple[str, frozenset[str]]:
    """Return whether somebody is asked or told by a webhook's POST, and the event's type."""
    event = json.loads(body)
    return "ask" if event["data"].get("asked") else "post", frozenset({str(event["type"])})


def of_event(event: object) -> tuple[str, frozenset[str]]:
    """Return the name of something that a session is told, and what it is told about, if that is an event, too."""
    about = getattr(event, "event", None)
    return f"told {type(event).__name__}", frozenset() if about is None else frozenset({type(about).__name__})
