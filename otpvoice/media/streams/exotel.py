"""Exotel's AgentStream: ``connected``, ``start``, ``media``, ``dtmf``, ``mark``, ``clear``, ``stop``.

Audio is 16-bit little-endian PCM at 8000, 16000 or 24000 Hz, 100 ms a message, in multiples of 320 bytes. Source:
Exotel's pages "WebSocket protocol" and "Working with the Stream and Voicebot Applet", its Agent-Stream repository, and
how pipecat reads it. Listening is its Stream applet (``connected``, ``start``, ``media``, ``stop``), talking its
Voicebot applet. Where its pages disagree or are silent:

- names are written in snake_case and read in both spellings (``stream_sid``, ``streamSid``);
- counters are numbers and times are strings, as in the examples of "Working with the Stream and Voicebot Applet"
  (another page has all of them as strings); ``encoding`` is the ``audio/x-raw`` of the newest page (``raw``,
  ``base64`` and ``linear16`` are on others), ``bit_rate`` is computed, in kbit/s;
- sids are our ids as they are;
- tracks other than one ``inbound`` are named in ``start`` (``tracks``) and in each ``media`` (``track``);
- a customer's message may have any size up to 100,000 bytes of audio; a larger one is ignored. What does not fill a
  sample of 8000 Hz waits for the next message;
- a clear throws the marks that wait away with the audio: a mark says that audio *was played*.
"""

from __future__ import annotations

from typing import Any, Final

from otpvoice.media.g711 import SAMPLE_RATE, decode, encode
from otpvoice.media.streams.rates import Downsampler, Upsampler
from otpvoice.media.streams.spelling import (
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

ENCODING: Final = "audio/x-raw"
BATCH: Final = 5
"""Frames of a message: 100 ms."""
UNIT: Final = 320
"""Bytes. Audio comes in multiples of it."""
LARGEST: Final = 100_000
"""Bytes of audio in a customer's message."""


class Exotel:
    """The format. Exotel's 256 characters are for all parameters together."""

    name: Final = "exotel"
    modes: Final[frozenset[Mode]] = frozenset({"listen", "talk"})
    rates: Final = (SAMPLE_RATE, 2 * SAMPLE_RATE, 3 * SAMPLE_RATE)
    connect_within: Final = 10.0
    longest: Final = 3600.0
    most_parameters: Final = 3
    longest_parameter: Final = None
    longest_parameters: Final = 256
    asks_by_https: Final = True
    clear_returns_marks: Final = False

    def query(self, facts: Facts) -> dict[str, str]:
        """Return what an https URL is asked with: Exotel's names for the call, and the customer's own parameters."""
        known = {
            "CallSid": facts.call_id,
            "StreamSid": facts.stream_id,
            "AccountSid": facts.account,
            "From": facts.caller or "",
            "To": facts.callee or "",
            "Direction": facts.direction,
        }
        return {**facts.parameters, **known}

    def speaker(self, facts: Facts) -> ExotelSpeaker:
        return ExotelSpeaker(facts)

    def listener(self) -> ExotelListener:
        return ExotelListener()


class _Batch:
    """Frames of one track that wait for their message, and what the track's next message begins with."""

    __slots__ = ("audio", "chunk", "end", "slot", "suffix", "upsampler")

    def __init__(self, suffix: str, factor: int) -> None:
        self.audio = bytearray()
        self.slot = self.end = 0
        self.chunk = 0
        self.suffix = suffix
        self.upsampler = Upsampler(factor) if factor > 1 else None


class ExotelSpeaker:
    """Our half of a connection, see ``words.Speaker``. Raises ``ValueError`` for a rate that Exotel does not have."""

    def __init__(self, facts: Facts) -> None:
        if facts.sample_rate not in Exotel.rates:
            raise ValueError(f"{facts.sample_rate} Hz is not a rate of this format")
        self._facts = facts
        self._talks = facts.mode == "talk"
        self._call = {"call_sid": facts.call_id, "account_sid": facts.account}
        self._named = facts.tracks != ("inbound",)
        self._sequence = 0
        self._factor = facts.sample_rate // SAMPLE_RATE
        self._batches = {
            track: _Batch(f',"track":{quoted(track)}}}}}' if self._named else "}}", self._factor)
            for track in facts.tracks
        }
        self._middle = f',"stream_sid":{quoted(facts.stream_id)},"media":{{"chunk":'
        self._rest = b""
        self._downsampler = self._new_downsampler()

    def opened(self, at: float) -> list[str]:
        facts = self._facts
        start: dict[str, object] = {
            "stream_sid": facts.stream_id,
            **self._call,
            "from": facts.caller or "",
            "to": facts.callee or "",
            "custom_parameters": dict(facts.parameters),
            "media_format": {
                "encoding": ENCODING,
                "sample_rate": str(facts.sample_rate),
                "bit_rate": str(16 * facts.sample_rate // 1000),
            },
        }
        if self._named:
            start["tracks"] = facts.tracks
        return [spelled({"event": "connected"}), self._message("start", start)]

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        """Nothing until a message is full, or until the slots leap: no message has a gap in it.

        The timestamp is that of its first frame; the chunk counts what was sent.
        """
        batch = self._batches[track]
        messages = [self._sent(batch)] if batch.audio and slot != batch.end else []
        if not batch.audio:
            batch.slot = slot
        batch.audio += audio
        batch.end = slot + 1
        if batch.end - batch.slot == BATCH:
            messages.append(self._sent(batch))
        return messages

    def digit(self, digit: str, duration_ms: int) -> list[str]:
        """In the Voicebot applet only."""
        return [self._message("dtmf", {"digit": digit, "duration": str(duration_ms)})] if self._talks else []

    def mark(self, name: str) -> list[str]:
        return [self._message("mark", {"name": name})] if self._talks else []

    def closed(self, reason: StopReason, at: float, error: str | None = None) -> list[str]:
        """Exotel has no word for an error."""
        rests = [self._sent(batch) for batch in self._batches.values() if batch.audio]
        return [*rests, self._message("stop", {**self._call, "reason": reason.value})]

    def hear(self, text: str) -> list[Heard]:
        if not self._talks:
            return [Ignored("one_way")]
        message = read(text)
        if isinstance(message, str):
            return [Ignored(message)]
        match message.get("event"):
            case "media":
                audio = audio_of(message.get("media"), longest=LARGEST)
                return [Ignored(audio)] if isinstance(audio, str) else self._audio_heard(audio)
            case "mark":
                name = text_of(within(message, "mark").get("name"))
                return [MarkAsked(name) if name else Ignored("no_name")]
            case "clear":
                self._rest, self._downsampler = b"", self._new_downsampler()
                return [ClearAsked()]
            case _:
                return [Ignored("unknown_event")]

    def _audio_heard(self, audio: bytes) -> list[Heard]:
        pcm = self._rest + audio if self._rest else audio
        self._rest = pcm[-1:] if len(pcm) % 2 else b""
        pcm = pcm[:-1] if self._rest else pcm
        law = encode(pcm if self._downsampler is None else self._downsampler.feed(pcm), self._facts.law)
        return [AudioHeard(law)] if law else []

    def _sent(self, batch: _Batch) -> str:
        pcm = decode(bytes(batch.audio), self._facts.law)
        batch.audio.clear()
        if batch.upsampler is not None:
            pcm = batch.upsampler.feed(pcm)
        batch.chunk += 1
        self._sequence += 1
        return (
            f'{{"event":"media","sequence_number":{self._sequence}{self._middle}{batch.chunk}'
            f',"timestamp":"{20 * batch.slot}","payload":"{base64_of(pcm)}"{batch.suffix}'
        )

    def _message(self, event: str, content: object) -> str:
        self._sequence += 1
        head = {"event": event, "sequence_number": self._sequence, "stream_sid": self._facts.stream_id}
        return spelled({**head, event: content})

    def _new_downsampler(self) -> Downsampler | None:
        return Downsampler(self._factor) if self._factor > 1 else None


class ExotelListener:
    """The customer's half of a connection, see ``words.Listener``."""

    def __init__(self) -> None:
        self._stream = ""
        self._rate = SAMPLE_RATE
        self._sequence = self._chunk = self._said = 0

    def hear(self, text: str) -> list[Told]:
        message = read(text)
        told = self._told(message) if isinstance(message, dict) else None
        return [told] if told is not None else []

    def say(self, pcm_or_law: bytes) -> list[str]:
        """16-bit PCM at the stream's rate, of any length; several messages where one would be too large."""
        largest = LARGEST // UNIT * UNIT
        return [self._media(pcm_or_law[first : first + largest]) for first in range(0, len(pcm_or_law), largest)]

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
                track = text_of(at(media, "track") or message.get("track"), "inbound")
                return AudioTold(track, number_of(media.get("timestamp")), audio)
            case "dtmf" if self._stream:
                return DigitTold(text_of(within(message, "dtmf").get("digit")))
            case "mark" if self._stream:
                return MarkTold(text_of(within(message, "mark").get("name")))
            case "stop" if self._stream:
                return StreamStopped(text_of(within(message, "stop").get("reason")) or None)
            case _:
                return None

    def _began(self, message: dict[str, Any]) -> Told | None:
        start = within(message, "start")
        media = within(start, "media_format", "mediaFormat")
        encoding = text_of(media.get("encoding"), ENCODING)
        stream = text_of(at(start, "stream_sid", "streamSid")) or text_of(at(message, "stream_sid", "streamSid"))
        # A start with another encoding is of somebody else's format.
        if not stream or "mulaw" in encoding:
            return None
        rate = number_of(at(media, "sample_rate", "sampleRate"))
        self._stream, self._rate = stream, rate if rate in Exotel.rates else SAMPLE_RATE
        named = strings_of(start.get("tracks"))
        parameters = texts_of(at(start, "custom_parameters", "customParameters"))
        return StreamBegan(named or ("inbound",), encoding, self._rate, parameters, message)

    def _media(self, pcm: bytes) -> str:
        self._chunk += 1
        timestamp = 500 * self._said // self._rate
        self._said += len(pcm)
        return self._message(
            "media", media={"chunk": self._chunk, "timestamp": str(timestamp), "payload": base64_of(pcm)}
        )

    def _message(self, event: str, **content: object) -> str:
        self._sequence += 1
        head = {"event": event, "sequence_number": self._sequence, "stream_sid": self._stream}
        return spelled({**head, **content})
