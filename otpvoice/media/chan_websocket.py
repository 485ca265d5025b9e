"""Asterisk's media socket, ``chan_websocket``: its JSON control messages, both ways.

Audio goes as binary frames and is not touched here. Source: Asterisk's ``channels/chan_websocket.c`` (22.10) and its
documentation page "WebSocket"; the JSON format has to be asked for with ``f(json)``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

MAX_COMMAND: Final = 128
"""Bytes. A longer control frame is dropped with no more than a line in Asterisk's log."""
MAX_MEDIA: Final = 65_500
"""Bytes. A longer binary message ends the channel."""

Direction: TypeAlias = Literal["both", "in", "out"]
"""Seen from the application: ``out`` it only sends, ``in`` it only receives and no playout timer runs."""


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The socket is up. ``frame_size``: bytes of 20 ms in the channel's format; send whole multiples of it."""

    channel_id: str
    format: str
    frame_size: int


@dataclass(frozen=True, slots=True)
class MarkProcessed:
    """The mark with this id has come to the head of the queue: all audio sent before it has been taken for playing."""

    correlation_id: str


@dataclass(frozen=True, slots=True)
class DtmfEnded:
    """A key was released on the far side of the bridge."""

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueueFull:
    """``MEDIA_XOFF``: 900 frames are queued. Beyond 1000, whole messages vanish and their marks still come back."""


@dataclass(frozen=True, slots=True)
class QueueReady:
    """``MEDIA_XON``: fewer than 800 frames are queued."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Answer to ``GET_STATUS``. ``length`` in frames."""

    length: int
    full: bool
    bulk: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """``ERROR``: a command was not possible, for instance a mark while the direction is ``in``."""

    text: str


@dataclass(frozen=True, slots=True)
class Other:
    """An event that nobody here needs."""

    name: str


MediaEvent: TypeAlias = (
    MediaStarted | MarkProcessed | DtmfEnded | QueueFull | QueueReady | QueueStatus | Refused | Other
)


class MalformedControl(ValueError):
    """The text is no control message of ``chan_websocket``."""


def parse(text: str) -> MediaEvent:
    """Read one TEXT frame from Asterisk. Raises ``MalformedControl``, and nothing else."""
    try:
        message = json.loads(text)
        return _event(message["event"], message)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedControl(f"not a control message: {type(error).__name__}") from None


def _event(name: Any, message: dict[str, Any]) -> MediaEvent:
    match name:
        case "MEDIA_MARK_PROCESSED":
            return MarkProcessed(str(message["correlation_id"]))
        case "DTMF_END":
            return DtmfEnded(str(message["digit"]))
        case "MEDIA_XOFF":
            return QueueFull()
        case "MEDIA_XON":
            return QueueReady()
        case "STATUS":
            return QueueStatus(
                length=int(message["queue_length"]),
                full=bool(message["queue_full"]),
                bulk=bool(message["bulk_media"]),
                paused=bool(message["media_paused"]),
            )
        case "MEDIA_START":
            return MediaStarted(str(message["channel_id"]), str(message["format"]), int(message["optimal_frame_size"]))
        case "ERROR":
            return Refused(str(message.get("error_text", "")))
        case _:
            return Other(str(name))


def command(name: str, **fields: str) -> str:
    """Return a command as the TEXT frame that carries it. Raises ``ValueError`` when Asterisk would drop it."""
    text = json.dumps({"command": name, **fields}, separators=(",", ":"))
    if len(text.encode()) > MAX_COMMAND:
        raise ValueError(f"{name} is longer than {MAX_COMMAND} bytes")
    return text


def mark(correlation_id: str) -> str:
    """Ask to be told when all audio sent so far has been taken for playing."""
    return command("MARK_MEDIA", correlation_id=correlation_id)


def direction(value: Direction) -> str:
    """Set who sends. ``in`` stops the playout timer and with it most of an idle leg's cost."""
    return command("SET_MEDIA_DIRECTION", direction=value)


FLUSH: Final = command("FLUSH_MEDIA")
"""Throw the queue away, marks included. It does not end a pause."""
GET_STATUS: Final = command("GET_STATUS")
HANGUP: Final = command("HANGUP")
