"""Voxology's Media Stream: ``init_stream``, ``start_track``, ``live_track``, ``stop_track``, ``end_stream``.

One-way. Audio is μ-law at 8000 Hz, 160 ms a message. Source: Voxology's page "Media Stream", with its eight example
messages. Where it is silent:

- tracks: the phone is ``caller``, the other party ``transfer``; what we say to the phone is ``api``, as its number is
  in ``api_no``. ``near`` and ``far`` are those of a trunk, whose ``service`` is ``sip_trunk``;
- ids: ``stream_id`` and ``subaccount_id`` are numbers, ``app_id`` a UUID (RFC 9562, version 5), made of our ids;
- ``track_sequence_number`` counts ``start_track`` as 1, and from then on time: ``live_track`` *n* is the 160 ms that
  begin (*n* - 2) times 160 ms after the track's start. There is no timestamp, so that what was lost is seen in the
  numbers that never come; what is lost within a message is silence. ``stop_track`` has the last number;
- times: of a track's first frame and of the end of its last; they, and ``duration``, have the gaps in them;
- ``error_code``: see ``ERROR_CODES``; ``error`` is the word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from typing import Any, Final

from otpvoice.media.g711 import SAMPLE_RATE, SILENCE, ulaw_decode
from otpvoice.media.streams.spelling import (
    TO_ULAW,
    audio_of,
    base64_of,
    number_of,
    quoted,
    read,
    spelled,
    strings_of,
    text_of,
    texts_of,
)
from otpvoice.media.streams.words import (
    AudioTold,
    Facts,
    Heard,
    Ignored,
    Mode,
    StopReason,
    StreamBegan,
    StreamStopped,
    Told,
)

BATCH: Final = 8
"""Frames of a message: 160 ms."""
ENCODING: Final = "ulaw"
ERROR_CODES: Final = {"protocol": 1, "bad_utf8": 2, "binary": 3, "too_big": 4, "flood": 5}
"""What the other side may do that ends a connection which can still be told so. Voxology's own codes are unknown."""
OTHER_ERROR: Final = 6
"""Any other word."""
TRACKS: Final = {"inbound": "caller", "second": "transfer", "outbound": "api"}
"""Other tracks are called what we call them."""
TRUNK_TRACKS: Final = frozenset({"near", "far"})

_FRAME: Final = 160
_URL_NAMESPACE: Final = bytes.fromhex("6ba7b8119dad11d180b400c04fd430c8")  # RFC 9562 section 6.6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Voxology:
    """The format."""

    name: Final = "voxology"
    modes: Final[frozenset[Mode]] = frozenset({"listen"})
    rates: Final = (SAMPLE_RATE,)
    connect_within: Final = 10.0
    longest: Final = None
    most_parameters: Final = None
    longest_parameter: Final = None
    longest_parameters: Final = None
    asks_by_https: Final = False
    clear_returns_marks: Final = False

    def speaker(self, facts: Facts) -> VoxologySpeaker:
        return VoxologySpeaker(facts)

    def listener(self) -> VoxologyListener:
        return VoxologyListener()


@dataclass(slots=True)
class _Track:
    name: str
    first: int = 0
    """Slot of its first frame."""
    end: int = 0
    """Slot after that of its last frame."""
    batch: int = 0
    """Number of the message that is being filled, from 0."""
    audio: bytearray = field(default_factory=bytearray)
    number: int = 0
    """The last ``track_sequence_number``."""
    heard: bool = False


class VoxologySpeaker:
    """Our half of a connection, see ``words.Speaker``."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._to_ulaw = TO_ULAW[facts.law] if facts.law != "ulaw" else None
        self._stream = _number(facts.stream_id, bits=53)  # what a number of JavaScript holds exactly
        self._app = {"app_id": _uuid(facts.account), "subaccount_id": _number(facts.account, bits=31)}
        self._service = "sip_trunk" if TRUNK_TRACKS.intersection(facts.tracks) else "programmable_voice"
        # The number of our side, and that of the phone.
        ours, theirs = (facts.callee, facts.caller) if facts.direction == "inbound" else (facts.caller, facts.callee)
        self._numbers = {"api_no": ours, "caller_no": theirs}
        self._tracks = {track: _Track(TRACKS.get(track, track)) for track in facts.tracks}
        self._sequence = 0
        self._began_ms = 0
        self._head = f'{{"stream_id":{self._stream},"type":"live_track","stream_sequence_number":'
        self._middle = f'","call_id":{quoted(facts.call_id)},"name":'

    def opened(self, at: float) -> list[str]:
        self._began_ms = round(1000 * at)
        init = self._message(
            "init_stream",
            **self._app,
            direction=self._facts.direction,
            stream_name=self._facts.name,
            stream_data=dict(self._facts.parameters) or None,
            tracks=[{"name": track.name} for track in self._tracks.values()],
            service=self._service,
        )
        return [init, *(self._started(track) for track in self._tracks.values())]

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        """Nothing until a message is full, or until the slots leap over its end."""
        found = self._tracks[track]
        if not found.heard:
            found.heard, found.first = True, slot
        batch, frame = divmod(slot - found.first, BATCH)
        messages = [self._live(found, full=True)] if found.audio and batch != found.batch else []
        found.batch, found.end = batch, slot + 1
        found.audio += _silence(frame, found.audio)
        found.audio += audio if self._to_ulaw is None else audio.translate(self._to_ulaw)
        if frame == BATCH - 1:
            messages.append(self._live(found))
        return messages

    def digit(self, digit: str, duration_ms: int) -> list[str]:
        """Voxology has no word for it."""
        return []

    def mark(self, name: str) -> list[str]:
        """Nor for this: nobody can ask for one."""
        return []

    def closed(self, reason: StopReason, at: float, error: str | None = None) -> list[str]:
        tracks = list(self._tracks.values())
        rests = [self._live(track) for track in tracks if track.audio]
        stops = [self._stopped(track) for track in tracks]
        end = self._message(
            "end_stream",
            **self._app,
            service=self._service,
            stream_name=self._facts.name,
            tracks=[{"name": track.name, **self._times(track)} for track in tracks],
            error_code=ERROR_CODES.get(error, OTHER_ERROR) if error is not None else None,
            error=error,
            stream_data=dict(self._facts.parameters) or None,
        )
        return [*rests, *stops, end]

    def hear(self, text: str) -> list[Heard]:
        """Whatever it is: nobody is listening."""
        return [Ignored("one_way")]

    def _started(self, track: _Track) -> str:
        track.number = 1
        media = {"encoding": ENCODING, "type": "text", "sample_rate": SAMPLE_RATE}
        return self._message(
            "start_track", **self._numbers, track_sequence_number=1, media_format=media, name=track.name
        )

    def _live(self, track: _Track, *, full: bool = False) -> str:
        self._sequence += 1
        track.number = 2 + track.batch
        if full:
            track.audio += _silence(BATCH, track.audio)
        payload = base64_of(bytes(track.audio))
        track.audio.clear()
        return (
            f'{self._head}{self._sequence},"track_sequence_number":{track.number}'
            f',"media":"{payload}{self._middle}{quoted(track.name)}}}'
        )

    def _stopped(self, track: _Track) -> str:
        times = self._times(track)
        return self._message(
            "stop_track",
            **self._numbers,
            track_sequence_number=track.number + 1,
            duration=times["duration"],
            start_time=times["start_time"],
            end_time=times["end_time"],
            name=track.name,
        )

    def _times(self, track: _Track) -> dict[str, object]:
        start, end = self._began_ms + 20 * track.first, self._began_ms + 20 * track.end
        return {"start_time": _rfc3339(start), "end_time": _rfc3339(end), "duration": end - start}

    def _message(self, kind: str, **content: object) -> str:
        self._sequence += 1
        head = {"stream_id": self._stream, "type": kind, "stream_sequence_number": self._sequence}
        return spelled({**head, "call_id": self._facts.call_id, **content})


class VoxologyListener:
    """The customer's half of a connection, see ``words.Listener``: it can only listen."""

    def __init__(self) -> None:
        self._began = False
        self._span_ms: dict[str, int] = {}

    def hear(self, text: str) -> list[Told]:
        message = read(text)
        told = self._told(message) if isinstance(message, dict) else None
        return [told] if told is not None else []

    def say(self, pcm_or_law: bytes) -> list[str]:
        return []

    def mark(self, name: str) -> list[str]:
        return []

    def clear(self) -> list[str]:
        return []

    def _told(self, message: dict[str, Any]) -> Told | None:
        match message.get("type"):
            case "init_stream":
                self._began = True
                tracks = message.get("tracks")
                listed = tracks if isinstance(tracks, list) else []
                return StreamBegan(
                    strings_of([track.get("name") for track in listed if isinstance(track, dict)]),
                    ENCODING,
                    SAMPLE_RATE,
                    texts_of(message.get("stream_data")),
                    message,
                )
            case "live_track" if self._began:
                return self._audio_told(message)
            case "end_stream" if self._began:
                return StreamStopped(text_of(message.get("error")) or None)
            case _:
                return None

    def _audio_told(self, message: dict[str, Any]) -> Told | None:
        audio = audio_of(message, "media")
        if isinstance(audio, str):
            return None
        track = text_of(message.get("name"), "caller")
        # All messages are as long as the first, but for the last.
        span = self._span_ms.setdefault(track, 1000 * len(audio) // SAMPLE_RATE)
        number = max(number_of(message.get("track_sequence_number")) - 2, 0)
        return AudioTold(track, number * span, ulaw_decode(audio))


def _silence(frames: int, audio: bytearray) -> bytes:
    """Return the silence that makes so many frames of this audio."""
    return SILENCE["ulaw"] * (_FRAME * frames - len(audio))


def _number(name: str, bits: int) -> int:
    return int.from_bytes(sha256(_utf8(name)).digest()) >> 256 - bits


def _uuid(name: str) -> str:
    """Return a name-based UUID (RFC 9562 section 5.5)."""
    name_of_ours = _utf8("urn:otpvoice:account:" + name)
    digest = bytearray(sha1(_URL_NAMESPACE + name_of_ours, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _rfc3339(milliseconds: int) -> str:
    instant = _EPOCH + timedelta(milliseconds=milliseconds)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
