"""chan_websocket's queue of frames towards the bridge: pure, without socket and clock.

Commands and audio go in with the moment of their arrival, ``tick`` takes one frame out; events for the socket
come back as dictionaries. Behaviour of Asterisk 22.10.1, channels/chan_websocket.c; the limits are its own.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

QUEUE_MAX: Final = 1000
XOFF_LEVEL: Final = 900
XON_LEVEL: Final = 800
COMMAND_MAX: Final = 128
MESSAGE_MAX: Final = 65_500

Direction: TypeAlias = Literal["in", "out", "both"]
MediaEvent: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Frame:
    payload: bytes
    arrived: float


@dataclass(frozen=True, slots=True)
class _Announcement:
    """A mark, or the end of buffering: waits its turn among the frames and takes no time."""

    event: MediaEvent
    arrived: float


@dataclass(slots=True)
class FrameQueue:
    """One leg's queue. ``direction`` is the application's view: ``in`` means that it only listens."""

    frame_size: int = 160
    direction: Direction = "both"
    length: int = 0
    full: bool = False
    buffering: bool = False
    paused: bool = False
    dropped_messages: int = 0
    complaints: list[str] = field(default_factory=list)  # log lines: chan_websocket tells nobody else
    _items: deque[_Frame | _Announcement] = field(default_factory=deque)
    _leftover: bytes = b""
    _report_drained: bool = False

    @property
    def has_timer(self) -> bool:
        return self.direction != "in"

    @property
    def wants_ticks(self) -> bool:
        """False where a tick would change nothing. (The real timer runs all the same.)"""
        return self.has_timer and not self.paused and bool(self._items or self.full or self._report_drained)

    def audio(self, message: bytes, at: float) -> list[MediaEvent]:
        """A binary message. Dropped whole, and without a word, when 1000 frames are queued already."""
        if self.direction == "in":
            return []
        if self.length >= QUEUE_MAX:
            self.dropped_messages += 1
            return []
        data = self._leftover + message if self.buffering else message
        whole = len(data) - len(data) % self.frame_size
        # Without START_MEDIA_BUFFERING the odd bytes at the end are lost.
        self._leftover = data[whole:] if self.buffering else b""
        events: list[MediaEvent] = []
        for start in range(0, whole, self.frame_size):
            events += self._queue_frame(data[start : start + self.frame_size], at)
        return events

    def _queue_frame(self, payload: bytes, at: float) -> list[MediaEvent]:
        self._items.append(_Frame(payload, at))
        self.length += 1
        if self.full or self.length < XOFF_LEVEL:
            return []
        self.full = True
        return [{"event": "MEDIA_XOFF"}]

    def command(self, text: str, at: float) -> list[MediaEvent]:
        """A text message that is about the queue; what it does not know it logs and ignores."""
        if not 0 < len(text.encode()) <= COMMAND_MAX:
            self.complaints.append(f"TEXT message of length {len(text.encode())} ignored")
            return []
        try:
            body = json.loads(text)
        except ValueError:
            return [_error("Unable to parse JSON command")]
        name = body.get("command") if isinstance(body, dict) else None
        if name in _NEEDS_TIMER and self.direction == "in":
            return [_error(f"{name} not supported while media direction is 'in'")]
        match name:
            case "MARK_MEDIA":
                self._announce("MEDIA_MARK_PROCESSED", body, at)
            case "START_MEDIA_BUFFERING":
                self.buffering = True
            case "STOP_MEDIA_BUFFERING":
                self.buffering = False
                tail, self._leftover = self._leftover, b""
                events = self._queue_frame(tail, at) if tail else []
                self._announce("MEDIA_BUFFERING_COMPLETED", body, at)
                return events
            case "FLUSH_MEDIA":
                # Not the pause, and not the XOFF: its XON follows at the next tick.
                self._items.clear()
                self.length, self.buffering, self._leftover = 0, False, b""
            case "PAUSE_MEDIA":
                self.paused = True
            case "CONTINUE_MEDIA":
                self.paused = False
            case "GET_STATUS":
                return [self._status()]
            case "REPORT_QUEUE_DRAINED":
                self._report_drained = True
            case "SET_MEDIA_DIRECTION":
                return self._set_direction(body.get("direction"))
            case _:
                self.complaints.append(f"command {name} unknown")
        return []

    def _announce(self, event: str, body: dict[str, Any], at: float) -> None:
        correlation_id = body.get("correlation_id")
        said = correlation_id if isinstance(correlation_id, str) else ""
        self._items.append(_Announcement({"event": event, "correlation_id": said}, at))

    def _status(self) -> MediaEvent:
        return {
            "event": "STATUS",
            "queue_length": self.length,
            "xon_level": XON_LEVEL,
            "xoff_level": XOFF_LEVEL,
            "queue_full": self.full,
            "bulk_media": self.buffering,
            "media_paused": self.paused,
        }

    def _set_direction(self, direction: object) -> list[MediaEvent]:
        match direction:
            case "in" | "out" | "both":
                self.direction = direction
                return []
            case None:
                return [_error("SET_MEDIA_DIRECTION requires a 'direction' parameter.\n")]
            case _:
                return [_error(f"'{direction}' is not a valid direction for SET_MEDIA_DIRECTION.\n")]

    def tick(self, at: float) -> tuple[bytes | None, list[MediaEvent]]:
        """20 ms have passed: the frame that goes to the bridge now, if any, and what the marks before it say.

        Only what had arrived by ``at`` is there to be taken. Announcements at the head all go at once; the last
        frame of a queue is thus confirmed one tick after it was taken.
        """
        if self.paused or not self.has_timer:
            return None, []
        events: list[MediaEvent] = []
        if self.full and self.length < XON_LEVEL:
            self.full = False
            events.append({"event": "MEDIA_XON"})
        if not self._items and self._report_drained:
            self._report_drained = False
            events.append({"event": "QUEUE_DRAINED"})
        while self._items and self._items[0].arrived <= at:
            match self._items.popleft():
                case _Announcement(event):
                    events.append(event)
                case _Frame(payload):
                    self.length -= 1
                    return payload, events
        return None, events


_NEEDS_TIMER: Final = {
    "MARK_MEDIA",
    "START_MEDIA_BUFFERING",
    "STOP_MEDIA_BUFFERING",
    "PAUSE_MEDIA",
    "CONTINUE_MEDIA",
}


def _error(text: str) -> MediaEvent:
    return {"event": "ERROR", "error_text": text}
