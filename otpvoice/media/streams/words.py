"""The vocabulary of media streams: what is told to a customer's WebSocket, and what it says.

A *format* spells these words as JSON text frames. Its ``Speaker`` is our half of one connection, its ``Listener`` the
customer's half, for sinks, examples and tests. Nothing here knows a socket, a clock or a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, Protocol, TypeAlias

from otpvoice.media.g711 import Law

Mode: TypeAlias = Literal["listen", "talk"]
"""``listen``: the customer hears the call. ``talk``: and speaks in it."""


SPOKEN_BY_STREAMS: Final = "stream-"
"""How the names of all utterances begin that a customer speaks; those of plans are numbers."""


class StopReason(StrEnum):
    """Why we end a stream."""

    STOPPED = "stopped"
    """The call goes on, the stream does not."""
    CALL_ENDED = "callended"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a format may say of a stream in its first message.

    ``direction`` (``inbound``, ``outbound``) is the call's, ``caller`` and ``callee`` its two numbers. ``tracks``: of
    ``inbound`` (from the phone), ``outbound`` (to it) and ``second`` (the other party), or ``near`` and ``far`` where a
    channel or a trunk is tapped. ``law`` is that of the audio handed in and out, always 8000 Hz; ``sample_rate`` is
    that on the wire, one of the format's ``rates``.
    """

    stream_id: str
    call_id: str
    account: str
    name: str
    direction: str
    caller: str | None
    callee: str | None
    tracks: tuple[str, ...]
    mode: Mode
    sample_rate: int
    law: Law
    parameters: Mapping[str, str] = field(repr=False)  # people put tokens into them


@dataclass(frozen=True, slots=True)
class AudioHeard:
    """The customer speaks: G.711 in the law of the stream's ``Facts``, 8000 Hz, of any length but 0."""

    audio: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarkAsked:
    """The customer wants to know when all that it said before this has been played, or was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """The customer wants what it said, and was not played yet, thrown away."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message, or part of one, that changes nothing. ``why``, for counters and logs, is one of these words.

    ``not_json``, ``not_an_object``, ``unknown_event``; ``no_payload``, ``bad_payload`` (no base64), ``no_audio``,
    ``too_large``; ``no_name`` of a mark; ``one_way``: nobody listens to the customer.
    """

    why: str


Heard: TypeAlias = AudioHeard | MarkAsked | ClearAsked | Ignored


class Speaker(Protocol):
    """Our half of one connection; a new one for each (re)connection. Each method returns text frames to send."""

    def opened(self, at: float) -> list[str]:
        """Say who calls. ``at``: Unix seconds, the time of slot 0. First, and once."""
        ...

    def media(self, track: str, slot: int, audio: bytes) -> list[str]:
        """Say one frame of 20 ms (160 bytes) of a track, at ``slot`` (from 0, 20 ms each; it only ever grows).

        Where slots are left out, frames were lost, and the customer can see it. Raises ``KeyError`` for a track that
        the facts do not name.
        """
        ...

    def digit(self, digit: str, duration_ms: int) -> list[str]:
        """Say that the phone's party pressed a key; nothing where the format or the mode has no word for it."""
        ...

    def mark(self, name: str) -> list[str]:
        """Say that what came before the customer's mark was played, or cleared."""
        ...

    def closed(self, reason: StopReason, at: float, error: str | None = None) -> list[str]:
        """Say what is left and take leave. ``at``: Unix seconds. ``error``: a word, where something went wrong."""
        ...

    def hear(self, text: str) -> list[Heard]:
        """Understand a text frame of the customer's. Raises nothing, whatever the text is."""
        ...


@dataclass(frozen=True, slots=True)
class StreamBegan:
    """The platform said who calls. ``raw``: the message that said it."""

    tracks: tuple[str, ...]
    encoding: str
    sample_rate: int
    parameters: Mapping[str, str] = field(repr=False)
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AudioTold:
    """Sound of a track: 16-bit little-endian PCM at the stream's rate, ``at_ms`` after the stream's begin."""

    track: str
    at_ms: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DigitTold:
    """A key was pressed."""

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarkTold:
    """What was said before the mark was played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The platform took leave. ``reason``: its own word, where it has one."""

    reason: str | None


Told: TypeAlias = StreamBegan | AudioTold | DigitTold | MarkTold | StreamStopped


class Listener(Protocol):
    """The customer's half of one connection: what the platform's frames mean, and the frames to answer with."""

    def hear(self, text: str) -> list[Told]:
        """Understand a text frame of the platform's. What is no message of this format is nothing; raises nothing."""
        ...

    def say(self, pcm_or_law: bytes) -> list[str]:
        """Speak, in the encoding and at the rate that the wire has. Nothing where the format is one-way."""
        ...

    def mark(self, name: str) -> list[str]:
        """Ask to be told when all that was said so far is played."""
        ...

    def clear(self) -> list[str]:
        """Have what was said and not yet played thrown away."""
        ...


class Format(Protocol):
    """One way to spell a stream.

    ``rates``: Hz on the wire, the first is the default. ``connect_within``: seconds until the customer has answered.
    ``longest``: seconds that a stream may last. ``most_parameters``, ``longest_parameter`` (characters of a name and
    its value) and ``longest_parameters`` (of all of them) bound ``Facts.parameters``. ``asks_by_https``: an https URL
    is asked for the wss URL.
    ``clear_returns_marks``: a clear sends the marks that were waiting back at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def modes(self) -> frozenset[Mode]: ...
    @property
    def rates(self) -> tuple[int, ...]: ...
    @property
    def connect_within(self) -> float: ...
    @property
    def longest(self) -> float | None: ...
    @property
    def most_parameters(self) -> int | None: ...
    @property
    def longest_parameter(self) -> int | None: ...
    @property
    def longest_parameters(self) -> int | None: ...
    @property
    def asks_by_https(self) -> bool: ...
    @property
    def clear_returns_marks(self) -> bool: ...

    def speaker(self, facts: Facts) -> Speaker:
        """Return our half of a new connection."""
        ...

    def listener(self) -> Listener:
        """Return the customer's half of a new connection."""
        ...
