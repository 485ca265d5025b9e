"""What is known of a stream of a call's audio: counted while it runs, and as the record shows it.

Of where it goes only the host is shown: a URL may hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from otpvoice.core.actions import Stream
from otpvoice.core.instants import rfc3339, span_ms


class Disconnected(StrEnum):
    """Who ended a stream: its other side, the call's end, the plan, a shutdown of ours, a limit, or an error."""

    PEER = "peer"
    CALL = "call"
    PLAN = "plan"
    US = "us"
    LIMIT = "limit"
    ERROR = "error"


class StreamStatus(StrEnum):
    """How far a stream is. ``failed``: it never ran, or broke and could not be mended."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StreamReport:
    """A stream so far. Instants in Unix seconds; ``started_at``: the first connection.

    Frames are 20 ms of audio on one track; bytes are those of WebSocket messages. ``dropped``: frames that the other
    side was too slow for. ``close_code``: RFC 6455, 7.4. ``error``: a word.
    """

    name: str
    format: str
    mode: str
    tracks: tuple[str, ...]
    host: str
    status: StreamStatus = StreamStatus.CONNECTING
    disconnected_by: Disconnected | None = None
    started_at: float | None = None
    ended_at: float | None = None
    frames_sent: int = 0
    frames_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    dropped: int = 0
    reconnects: int = 0
    close_code: int | None = None
    close_reason: str | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return its entry in the record and in what is told of it."""
        return {
            "name": self.name,
            "format": self.format,
            "mode": self.mode,
            "tracks": list(self.tracks),
            "host": self.host,
            "status": self.status.value,
            "disconnected_by": self.disconnected_by.value if self.disconnected_by is not None else None,
            "started_at": rfc3339(self.started_at),
            "ended_at": rfc3339(self.ended_at),
            "duration_ms": span_ms(self.started_at, self.ended_at),
            "frames_sent": self.frames_sent,
            "frames_received": self.frames_received,
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "dropped": self.dropped,
            "reconnects": self.reconnects,
            "close_code": self.close_code,
            "close_reason": self.close_reason,
            "error": self.error,
        }


def report_of(order: Stream) -> StreamReport:
    """Return what is known of a stream that was just asked for."""
    try:
        host = urlsplit(order.url).hostname or ""
    except ValueError:
        host = ""
    return StreamReport(order.name, order.format, order.mode, order.tracks, host)
