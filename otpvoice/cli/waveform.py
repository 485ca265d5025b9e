"""A picture of what was said: the waveform, what is heard where, and how long the gaps are.

It is given all, and asks nobody. The picture is SVG by itself: no script, nothing from elsewhere, light or dark as
whoever looks has it. It shows the digits of a code, since it is made for whoever gave them.
"""

from __future__ import annotations

import sys
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["words", "character", "gap"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of it: ``pcm`` 16-bit little-endian mono, ``label`` what is heard; of a gap nothing is."""

    kind: Kind
    pcm: bytes = field(repr=False)
    label: str = field(default="", repr=False)


ROW: Final = 8.0
"""Seconds side by side; what is longer goes on below, as music does."""
SECOND: Final = 120
"""Pixels."""
MOST_ROWS: Final = 120
"""Longer than that, and nobody looks: sixteen minutes."""

_MARGIN: Final = 28
_LABELS, _HALF, _GAPS, _AXIS, _BETWEEN = 26, 46, 20, 22, 18
"""Heights of a row's parts: what is heard, half of the wave, gaps, time; and what is between rows."""
_HEIGHT: Final = _LABELS + 2 * _HALF + _GAPS + _AXIS
_TITLE: Final = 34
_ROOM: Final = 0.5
"""Seconds of a row that words need to be written in."""
_STEP: Final = 0.5
"""Pixels for which there is one lowest and one highest sample."""
_LETTER, _NARROW, _BROAD, _SQUARE = 7.0, 3.8, 10.5, 13.0
"""Pixels that a letter of a label takes, more or less: most, those of ``_NARROWS`` and ``_BROADS``, and CJK."""
_NARROWS: Final = frozenset("iljtfrI1.,:;!|'’-·() ")
_BROADS: Final = frozenset("mwMWОШЩЖЮ@%…—")

_STYLE: Final = """
  svg { color-scheme: light dark; }
  text { font: 12px system-ui, "Segoe UI", Roboto, Helvetica, Arial, "Noto Sans", sans-serif; fill: #57606a; }
  .paper { fill: #ffffff; }
  .title { font-size: 14px; fill: #24292f; }
  .words { fill: #eaeef2; } .words-wave { fill: #8c959f; }
  .character { fill: #ddf4ff; } .character-wave { fill: #0969da; }
  .heard { fill: #24292f; unicode-bidi: plaintext; } .digit { font-size: 17px; font-weight: 600; fill: #0550ae; }
  .axis, .gap { stroke: #8c959f; stroke-width: 1; fill: none; } .zero { stroke: #d0d7de; stroke-width: 1; }
  .small { font-size: 10.5px; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .paper { fill: #0d1117; }
    .title, .heard { fill: #e6edf3; }
    .words { fill: #1c2229; } .words-wave { fill: #7d8590; }
    .character { fill: #0c2d4d; } .character-wave { fill: #58a6ff; }
    .digit { fill: #a5d6ff; }
    .axis, .gap { stroke: #6e7681; } .zero { stroke: #30363d; }
  }
"""


def svg(parts: Sequence[Part], rate: int, title: str) -> str:
    """Return the picture. ``rate`` in Hz, of all parts; ``title``: what it is, for people.

    Raises ``ValueError`` for what is longer than ``MOST_ROWS`` rows.
    """
    samples = _samples(b"".join(part.pcm for part in parts))
    seconds = len(samples) / rate
    rows = max(ceil(seconds / ROW), 1)
    if rows > MOST_ROWS:
        raise ValueError(f"a picture has at most {MOST_ROWS * ROW / 60:g} minutes")
    width = round(2 * _MARGIN + SECOND * (ROW if rows > 1 else max(seconds, 3.0)))
    height = _TITLE + rows * (_HEIGHT + _BETWEEN)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="{_MARGIN}" y="23">{_text(title)}</text>',
        f'<text class="small" x="{width - _MARGIN}" y="23" text-anchor="end">gaps in ms</text>',
    ]
    placed = list(_placed(parts, rate))
    loudest = max(max(samples, default=0), -min(samples, default=0), 1)
    for row in range(rows):
        lines += _row(row, placed, _Wave(samples, rate, loudest), seconds)
    return "\n".join([*lines, "</svg>", ""])


class _Placed(NamedTuple):
    part: Part
    start: float
    end: float


class _Wave(NamedTuple):
    samples: array[int]
    rate: int
    loudest: int


def _placed(parts: Sequence[Part], rate: int) -> Iterator[_Placed]:
    at = 0
    for part in parts:
        end = at + len(part.pcm) // 2
        if end > at:
            yield _Placed(part, at / rate, end / rate)
        at = end


def _row(row: int, placed: Sequence[_Placed], wave: _Wave, seconds: float) -> Iterator[str]:
    first, last = row * ROW, min((row + 1) * ROW, seconds)
    yield f'<g transform="translate({_MARGIN} {_TITLE + row * (_HEIGHT + _BETWEEN)})">'
    yield f'<line class="zero" x1="0" x2="{_x(last, first)}" y1="{_LABELS + _HALF}" y2="{_LABELS + _HALF}"/>'
    for part, start, end in placed:
        if start < last and end > first:
            here = max(start, first), min(end, last)
            yield from (
                _gap((start, end), here, first) if part.kind == "gap" else _heard(part, (start, end), here, first, wave)
            )
    yield from _axis(first, last)
    yield "</g>"


def _heard(
    part: Part, whole: tuple[float, float], here: tuple[float, float], first: float, wave: _Wave
) -> Iterator[str]:
    """The band behind a piece, its wave, and what is heard, written where it begins."""
    left, right = _x(here[0], first), _x(here[1], first)
    yield (
        f'<rect class="{part.kind}" x="{left}" y="0" width="{round(right - left, 1)}" height="{_LABELS + 2 * _HALF}"'
        ' rx="3"/>'
    )
    yield f'<path class="{part.kind}-wave" d="{_envelope(here, first, wave)}"/>'
    if part.kind == "character":
        if _is_middle(whole, here):
            middle = round((left + right) / 2, 1)
            yield f'<text class="digit" x="{middle}" y="{_LABELS - 7}" text-anchor="middle">{_text(part.label)}</text>'
    elif _is_told(whole, here, first) and (shown := _shortened(part.label, right - left - 8)):
        yield f'<text class="heard" x="{round(left + 5, 1)}" y="{_LABELS - 8}">{_text(shown)}</text>'


def _is_told(whole: tuple[float, float], here: tuple[float, float], first: float) -> bool:
    """Is it here that words are written? Where they begin, or in the next row where that is at the end of one."""
    start, end = whole
    if here[0] == start:
        return here[1] == end or here[1] - start >= _ROOM
    return 0 < first - start < _ROOM


def _is_middle(whole: tuple[float, float], here: tuple[float, float]) -> bool:
    """Is its middle in this row? What goes over the end of one is marked once."""
    return here[0] <= sum(whole) / 2 < here[1]


def _gap(whole: tuple[float, float], here: tuple[float, float], first: float) -> Iterator[str]:
    """The length of a gap in ms, between two ends; upright where there is no room for it."""
    left, right = _x(here[0], first), _x(here[1], first)
    y = _LABELS + 2 * _HALF + 5
    yield f'<path class="gap" d="M{left} {y - 3}v6M{left} {y}H{right}M{right} {y - 3}v6"/>'
    if not _is_middle(whole, here):
        return
    milliseconds = round((whole[1] - whole[0]) * 1000)
    middle = round((left + right) / 2, 1)
    if right - left >= _wide("00000"):
        yield f'<text class="small" x="{middle}" y="{y + 13}" text-anchor="middle">{milliseconds}</text>'
    else:
        yield (
            f'<text class="small" x="{middle}" y="{y - 6}" transform="rotate(-90 {middle} {y - 6})" dy="3.5">'
            f"{milliseconds}</text>"
        )


def _axis(first: float, last: float) -> Iterator[str]:
    y = _LABELS + 2 * _HALF + _GAPS
    marks = [half / 2 for half in range(round(first * 2), int(last * 2) + 1)]
    ticks = "".join(f"M{_x(at, first)} {y}v{6 if at == int(at) else 3}" for at in marks)
    yield f'<path class="axis" d="M0 {y}H{_x(last, first)}{ticks}"/>'
    for at in marks:
        if at == int(at):
            anchor = "start" if at == first else "middle"
            yield (
                f'<text class="small" x="{_x(at, first)}" y="{y + 17}" text-anchor="{anchor}">{int(at)}'
                f"{' s' if at == first else ''}</text>"
            )


def _envelope(here: tuple[float, float], first: float, wave: _Wave) -> str:
    """A path around all samples: along their highest there, along their lowest back."""
    begin, end = round(here[0] * wave.rate), round(here[1] * wave.rate)
    step = max(round(wave.rate * _STEP / SECOND), 1)
    middle, scale = _LABELS + _HALF, (_HALF - 2) / wave.loudest
    above: list[str] = []
    below: list[str] = []
    for at in range(begin, end, step):
        piece = wave.samples[at : min(at + step, end)]
        x = _x(at / wave.rate, first)
        above.append(f"{x} {middle - scale * max(piece):.1f}")
        below.append(f"{x} {middle - scale * min(piece):.1f}")
    return f"M{'L'.join([*above, *reversed(below)])}z"


def _x(at: float, first: float) -> float:
    return round((at - first) * SECOND, 1)


def _samples(pcm: bytes) -> array[int]:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _shortened(label: str, room: float) -> str:
    """Return as much of a label as there is room for; "" where that is nothing to read."""
    label = " ".join(label.split())
    if _wide(label) <= room:
        return label
    while label and _wide(label) + _BROAD > room:
        label = label[:-1]
    return f"{label.rstrip()}…" if len(label) > 1 else ""


def _wide(label: str) -> float:
    return sum(map(_width, label))


def _width(letter: str) -> float:
    if unicodedata.category(letter) == "Mn":
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _SQUARE
    return _NARROW if letter in _NARROWS else _BROAD if letter in _BROADS else _LETTER


def _text(label: str) -> str:
    """Return a label as XML's text: what XML has no room for is left out (XML 1.0, section 2.2)."""
    return escape("".join(one for one in label if unicodedata.category(one) not in {"Cc", "Cs", "Cn"}))
