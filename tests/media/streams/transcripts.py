"""Golden transcripts of streams: what happens, what is sent for it, what comes and what is understood of it.

A line begins with its margin: ``#`` a remark; ``=`` what happens, in words; ``>`` a text frame that is sent for it;
``<`` one that comes; ``~`` what it means. A file that a format's new version makes is written by

    python -m tests.media.streams.transcripts tests/media/streams/examples/FORMAT/good/talk.txt

and read before it is kept.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import (
    AudioHeard,
    ClearAsked,
    Facts,
    Format,
    Heard,
    Ignored,
    MarkAsked,
    Speaker,
    StopReason,
)

EXAMPLES = Path(__file__).parent / "examples"
FRAME = 160


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file: its format is the folder that it lies in."""

    path: Path

    @property
    def format(self) -> Format:
        return FORMATS[self.path.parent.parent.name]

    @property
    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()

    @property
    def sent(self) -> list[str]:
        return [line[2:] for line in self.lines if line.startswith("> ")]

    @property
    def facts(self) -> Facts:
        return _facts(next(line for line in self.lines if line.startswith("= facts ")).removeprefix("= facts "))

    def again(self) -> list[str]:
        """Return the lines as they are when all this happens now."""
        return list(_happening(self.format, self.lines))


def transcripts(kind: str) -> list[Transcript]:
    """Return all of a kind, ``good`` or ``bad``, in the order of their names."""
    found = sorted(EXAMPLES.glob(f"*/{kind}/*.txt"))
    return [Transcript(path) for path in found if path.name != "vendor.txt"]


def frame(code: int) -> bytes:
    """Return 20 ms in which each code but the first is one more than the one before."""
    return bytes((code + i) % 256 for i in range(FRAME))


def _happening(spoken: Format, lines: list[str]) -> Iterator[str]:
    speaker: Speaker | None = None
    for line in lines:
        margin, rest = line[:1], line[2:]
        if margin == "=" and rest.startswith("facts "):
            yield line
            speaker = spoken.speaker(_facts(rest.removeprefix("facts ")))
        elif margin == "=":
            yield line
            assert speaker is not None, "facts come first"
            yield from (f"> {text}" for text in _done(speaker, *rest.split()))
        elif margin == "<":
            yield line
            assert speaker is not None, "facts come first"
            yield from (f"~ {_meaning(heard)}" for heard in speaker.hear(rest))
        elif margin not in {">", "~"}:
            assert margin in {"", "#"}, f"{line!r} has no margin"
            yield line


def _facts(text: str) -> Facts:
    given = json.loads(text)
    return Facts(**{**given, "tracks": tuple(given["tracks"])})


def _done(speaker: Speaker, what: str, *rest: str) -> list[str]:
    match what, rest:
        case "opened", (at,):
            return speaker.opened(float(at))
        case "media", (track, slots, code):
            first, _, last = slots.partition("-")
            each = range(int(first), int(last or first) + 1)
            return [text for slot in each for text in speaker.media(track, slot, frame(int(code)))]
        case "digit", (digit, duration):
            return speaker.digit(digit, int(duration))
        case "mark", (name,):
            return speaker.mark(name)
        case "closed", (reason, at):
            return speaker.closed(StopReason(reason), float(at))
        case "closed", (reason, at, error):
            return speaker.closed(StopReason(reason), float(at), error)
        case _:
            raise AssertionError(f"{what} {rest} is nothing that happens")


def _meaning(heard: Heard) -> str:
    match heard:
        case AudioHeard(audio):
            return f"audio {base64.b64encode(audio).decode()}"
        case MarkAsked(name):
            return f"mark {name}"
        case ClearAsked():
            return "clear"
        case Ignored(why):
            return f"ignored {why}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name).resolve()
        path.write_text("\n".join(Transcript(path).again()) + "\n", encoding="utf-8")
