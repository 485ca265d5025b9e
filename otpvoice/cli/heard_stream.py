"""One connection of a sink: the messages of a stream in whatever format, as lines and as a WAV file per track.

The format is known by its first messages. It owns no socket and no clock: messages and the time go in, lines come out.
Whatever the other side sends is told and survived; there is a bound to the lines, the tracks and the length.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otpvoice.cli.stream_lines import Line, is_shown_whole
from otpvoice.cli.track_file import TrackFile
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.spelling import read
from otpvoice.media.streams.words import AudioTold, DigitTold, Listener, MarkTold, StreamBegan, StreamStopped, Told

LONGEST: Final = 14_400
"""Seconds of a track that are kept: a call lasts no longer."""
MOST_TRACKS: Final = 8
MOST_LINES: Final = 20
"""Messages of a second that are shown, beside those that hold sound; the others are counted."""
_LONGEST_MESSAGE: Final = 16_384
_LONGEST_JUNK: Final = 200


@dataclass(slots=True)
class _Track:
    file: TrackFile | None
    messages: int = 0
    """In this second, and so is the rest."""
    samples: int = 0
    peak: int = 0


class HeardStream:
    """``number`` is the sink's for it; files are called ``stem-track.wav`` in ``folder``. ``show`` is given each line.

    ``hear``, ``hear_binary`` and ``pass_by`` with the time in seconds, which only ever grows; nothing after ``close``.
    """

    def __init__(self, number: int, stem: str, folder: Path, show: Callable[[Line], None], now: float) -> None:
        self._number, self._stem, self._folder, self._show = number, stem, folder, show
        self._began_at = now
        self._second, self._lines, self._skipped = 0, 0, 0
        self._candidates: dict[str, Listener] = {name: one.listener() for name, one in FORMATS.items()}
        self._rate = 0
        self._named: tuple[str, ...] = ()
        self._heard: dict[str, _Track] = {}
        self._closed = False

    def hear(self, text: str, now: float) -> None:
        """Take a text message."""
        if self._closed:
            return
        self.pass_by(now)
        message = read(text)
        if isinstance(message, str):
            self._junk("no JSON object", text, now)
            return
        told = list(self._understood(text))
        sounds = [one for one in told if isinstance(one, AudioTold)]
        for sound in sounds:
            self._place(sound, now)
        if len(sounds) < len(told) or not sounds:
            kind, facts = _said([one for one in told if not isinstance(one, AudioTold)])
            if kind == "stopped":
                self._sum_up(now)  # what came before it is told before it
            elif kind == "began":
                facts |= {"format": next(iter(self._candidates))}
            whole = len(text) <= _LONGEST_MESSAGE and is_shown_whole(message)
            shown = message if whole else text[:_LONGEST_MESSAGE]
            self._tell(kind, now, **facts, message=shown)

    def hear_binary(self, data: bytes, now: float) -> None:
        """Take a binary message: no format has any."""
        if self._closed:
            return
        self.pass_by(now)
        self._junk("binary", data[:_LONGEST_JUNK].hex(" "), now)

    def pass_by(self, now: float) -> None:
        """Let time pass: at the end of a second it is told what sound came in it."""
        second = int(now - self._began_at)
        if self._closed or second == self._second:
            return
        self._sum_up(now)
        self._second, self._lines = second, 0

    def close(self, now: float, code: int | None) -> None:
        """End the files. ``code``: of the close handshake (RFC 6455 section 7.4), None where there was none."""
        if self._closed:
            return
        self._closed = True
        self._sum_up(now)
        longest = max((track.file.samples for track in self._tracks.values() if track.file is not None), default=0)
        for name in self._tracks:
            self._try(name, lambda file: file.close(longest), now)
        told = [
            {"track": name, "path": str(file.path), "ms": _ms(file.samples, file.rate), "rate": file.rate}
            for name, track in self._tracks.items()
            if (file := track.file) is not None
        ]
        self._show(Line("closed", self._number, now - self._began_at, {"code": code, "files": told}))

    @property
    def _tracks(self) -> dict[str, _Track]:
        """Those that were heard, in the order in which they were named."""
        order = {name: number for number, name in enumerate(self._named)}
        return dict(sorted(self._heard.items(), key=lambda item: order.get(item[0], len(order))))

    def _understood(self, text: str) -> Iterator[Told]:
        for name, listener in self._candidates.items():
            told = listener.hear(text)
            began = next((one for one in told if isinstance(one, StreamBegan)), None)
            if began is not None and not self._rate:
                self._candidates = {name: listener}
                self._rate, self._named = began.sample_rate, began.tracks
                yield from told
                return
            if self._rate:
                yield from told

    def _place(self, sound: AudioTold, now: float) -> None:
        track = self._heard.get(sound.track) or self._new(sound.track, now)
        if track is None:
            return
        pcm = sound.pcm[: len(sound.pcm) - len(sound.pcm) % 2]
        at = max(round(sound.at_ms * self._rate / 1000), 0)
        track.messages += 1
        track.samples += len(pcm) // 2
        track.peak = max(track.peak, _peak(pcm))
        if track.file is None:
            return
        if at + len(pcm) // 2 > LONGEST * self._rate:
            self._junk("beyond the longest call", f"{sound.track} at {sound.at_ms} ms", now)
            return
        self._try(sound.track, lambda file: file.write(at, pcm), now)

    def _new(self, name: str, now: float) -> _Track | None:
        if len(self._heard) >= MOST_TRACKS:
            self._junk("one track too many", name, now)
            return None
        file = None
        try:
            file = TrackFile(self._folder, self._stem, name, self._rate)
        except OSError as error:
            self._fault(name, error, now)
        self._heard[name] = _Track(file)
        return self._heard[name]

    def _sum_up(self, now: float) -> None:
        for name, track in self._tracks.items():
            if track.messages:
                level = None if not track.peak else round(20 * math.log10(track.peak / 32_768), 1)
                facts = {
                    "track": name,
                    "messages": track.messages,
                    "ms": _ms(track.samples, self._rate),
                    "peak_dbfs": level,
                }
                self._show(Line("audio", self._number, now - self._began_at, facts))
                track.messages = track.samples = track.peak = 0
            self._try(name, TrackFile.settle, now)
        if self._skipped:
            self._show(Line("skipped", self._number, now - self._began_at, {"messages": self._skipped}))
            self._skipped = 0

    def _junk(self, why: str, text: str, now: float) -> None:
        self._tell("junk", now, why=why, text=text[:_LONGEST_JUNK])

    def _try(self, name: str, what: Callable[[TrackFile], None], now: float) -> None:
        """Do something with a track's file. One that fails is told of once, and let go."""
        track = self._heard[name]
        if track.file is None:
            return
        try:
            what(track.file)
        except OSError as error:
            self._fault(name, error, now)
            track.file.drop()
            track.file = None

    def _fault(self, track: str, error: OSError, now: float) -> None:
        why = f"{track} is not written: {error.strerror or error}"
        self._show(Line("fault", self._number, now - self._began_at, {"why": why}))

    def _tell(self, kind: str, now: float, **facts: Any) -> None:
        self._lines += 1
        if self._lines > MOST_LINES:
            self._skipped += 1
            return
        self._show(Line(kind, self._number, now - self._began_at, facts))


def _said(told: list[Told]) -> tuple[str, dict[str, Any]]:
    match told:
        case [StreamBegan(tracks, encoding, rate, parameters), *_]:
            began = {"tracks": list(tracks), "encoding": encoding, "sample_rate": rate, "parameters": dict(parameters)}
            return "began", began
        case [DigitTold(digit), *_]:
            return "digit", {"digit": digit}
        case [MarkTold(name), *_]:
            return "mark", {"name": name}
        case [StreamStopped(reason), *_]:
            return "stopped", {"reason": reason}
        case _:
            return "message", {}


def _peak(pcm: bytes) -> int:
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(map(abs, samples), default=0)


def _ms(samples: int, rate: int) -> int:
    return round(1000 * samples / rate)
