"""Twilio's Media Streams: ``connected``, ``start``, ``media``, ``dtmf``, ``mark``, ``clear``, ``stop``.

Audio is μ-law at 8000 Hz, 20 ms a message. Source: Twilio's "Media Streams: WebSocket Messages", and how pipecat and
Fonoster read it. Where the documents are silent:

- a ``second`` party, and ``near`` and ``far`` of a tap, are tracks of these names;
- of what a customer sends, ``streamSid`` is not read: there is one stream a socket;
- while we only let listen, what the customer sends changes nothing, as on a unidirectional stream of Twilio's.

Sids have Twilio's shape and are made of our ids: the prefix, and the first 32 hex digits of the SHA-256 of the id.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from otpvoice.media.g711 import SAMPLE_RATE, ulaw_decode
from otpvoice.media.streams.spelling import (
    FROM_ULAW,
    TO_ULAW,
    at,
    audio_of,
    base64_of,
    number_of,
    quoted,
    read,
    spelled,
    strings_of,
    text_of,
    texts_of,
    within,
)
from otpvoice.media.streams.words import (
    AudioHeard,
    AudioTold,
    ClearAsked,
    DigitTold,
    Facts,
    Heard,
    Ignored,
    MarkAsked,
    MarkTold,
    Mode,
    StopReason,
    StreamBegan,
    StreamStopped,
    Told,
)

ENCODING: Final = "audio/x-mulaw"


class Twilio:
    """The format. ``longest_parameter``: Twilio wants a name and its value to be shorter than 500 characters."""

    name: Final = "twilio"
    modes: Final[frozenset[Mode]] = frozenset({"listen", "talk"})
    rates: Final = (SAMPLE_RATE,)
    connect_within: Final = 10.0
    longest: Final = None
    most_parameters: Final = None
    longest_parameter: Final = 499
    longest_parameters: Final = None
    asks_by_https: Final = False
    clear_returns_marks: Final = True

    def speaker(self, facts: Facts) -> TwilioSpeaker:
        return TwilioSpeaker(facts)

    def listener(self) -> TwilioListener:
        return TwilioListener()


class TwilioSpeaker:
    """Our half of a connection, see ``words.Speaker``."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._talks = facts.mode == "talk"
        self._stream = _sid("MZ", facts.stream_id)
        self._call = {"accountSid": _sid("AC", facts.account), "callSid": _sid("CA", facts.call_id)}
        self._to_ulaw = TO_ULAW[facts.law] if facts.law != "ulaw" else None
        self._from_ulaw = FROM_ULAW[facts.law]
        self._sequence = 0
        self._chunks = dict.fromkeys(facts.tracks, 0)
        # What does not change in a message of audio, up to the chunk's number.
        self._middles = {
            track: f'","streamSid":"{self._stream}","media":{{"track":{quoted(track)},"chunk":"'
            for track in facts.tracks
        }

    def opened(self, at: float) -> list[str]:
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        start = {
            "accountSid": self._call["accountSid"],
            "streamSid": self._stream,
            "callSid": self._call["callSid"],
            "tracks": self._facts.tracks,
            "mediaFormat": {"encoding": ENCODING, "sampleRate": SAMPLE_RATE, "channels": 1},
            "customParameters": dict(self._facts.parameters),
        }
        return [spelled(connected), self._message("start", start)]

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        """The timestamp follows the slot; the chunk counts what was sent."""
        self._sequence += 1
        chunk = self._chunks[track] = self._chunks[track] + 1
        payload = base64_of(audio if self._to_ulaw is None else audio.translate(self._to_ulaw))
        head = f'{{"event":"media","sequenceNumber":"{self._sequence}{self._middles[track]}{chunk}'
        return [f'{head}","timestamp":"{20 * slot}","payload":"{payload}"}}}}']

    def digit(self, digit: str, duration_ms: int) -> list[str]:
        """On bidirectional streams only, and without its duration."""
        return [self._message("dtmf", {"track": "inbound_track", "digit": digit})] if self._talks else []

    def mark(self, name: str) -> list[str]:
        return [self._message("mark", {"name": name})] if self._talks else []

    def closed(self, reason: StopReason, at: float, error: str | None = None) -> list[str]:
        """Twilio's ``stop`` has no word for why."""
        return [self._message("stop", self._call)]

    def hear(self, text: str) -> list[Heard]:
        if not self._talks:
            return [Ignored("one_way")]
        message = read(text)
        return [Ignored(message) if isinstance(message, str) else self._heard(message)]

    def _heard(self, message: dict[str, Any]) -> Heard:
        match message.get("event"):
            case "media":
                audio = audio_of(message.get("media"))
                return Ignored(audio) if isinstance(audio, str) else AudioHeard(audio.translate(self._from_ulaw))
            case "mark":
                name = text_of(within(message, "mark").get("name"))
                return MarkAsked(name) if name else Ignored("no_name")
            case "clear":
                return ClearAsked()
            case _:
                return Ignored("unknown_event")

    def _message(self, event: str, content: object) -> str:
        self._sequence += 1
        return spelled(
            {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self._stream, event: content}
        )


class TwilioListener:
    """The customer's half of a connection, see ``words.Listener``."""

    def __init__(self) -> None:
        self._stream = ""

    def hear(self, text: str) -> list[Told]:
        message = read(text)
        told = self._told(message) if isinstance(message, dict) else None
        return [told] if told is not None else []

    def say(self, pcm_or_law: bytes) -> list[str]:
        """μ-law at 8000 Hz, of any length."""
        return [self._message("media", media={"payload": base64_of(pcm_or_law)})]

    def mark(self, name: str) -> list[str]:
        return [self._message("mark", mark={"name": name})]

    def clear(self) -> list[str]:
        return [self._message("clear")]

    def _told(self, message: dict[str, Any]) -> Told | None:
        match message.get("event"):
            case "start":
                return self._began(message)
            case "media" if self._stream:
                media = within(message, "media")
                audio = audio_of(media)
                if isinstance(audio, str):
                    return None
                return AudioTold(
                    text_of(media.get("track"), "inbound"), number_of(media.get("timestamp")), ulaw_decode(audio)
                )
            case "dtmf" if self._stream:
                return DigitTold(text_of(within(message, "dtmf").get("digit")))
            case "mark" if self._stream:
                return MarkTold(text_of(within(message, "mark").get("name")))
            case "stop" if self._stream:
                return StreamStopped(None)
            case _:
                return None

    def _began(self, message: dict[str, Any]) -> Told | None:
        start = within(message, "start")
        media, stream = within(start, "mediaFormat"), text_of(at(start, "streamSid"))
        if media.get("encoding") != ENCODING or not stream:
            return None
        self._stream = stream
        return StreamBegan(
            strings_of(start.get("tracks")),
            ENCODING,
            SAMPLE_RATE,
            texts_of(start.get("customParameters")),
            message,
        )

    def _message(self, event: str, **content: object) -> str:
        return spelled({"event": event, "streamSid": self._stream, **content})


def _sid(prefix: str, value: str) -> str:
    return prefix + sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
