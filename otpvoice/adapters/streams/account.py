"""What is known of a stream: counted while it runs, and final at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from otpvoice.adapters.streams.outgoing import Outgoing
from otpvoice.adapters.streams.socket import Ending, Socket
from otpvoice.adapters.streams.talk import Talk
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of


@dataclass(frozen=True, slots=True)
class End:
    """How a stream ended. ``code`` and ``reason`` are those of the last connection's close frame."""

    status: StreamStatus
    by: Disconnected
    code: int | None = None
    reason: str | None = None
    error: str | None = None


def left(by: Disconnected) -> End:
    """We took leave."""
    return End(StreamStatus.COMPLETED, by, 1000, by.value)


def ended(ending: Ending, word: str | None) -> End:
    """The connection ended. ``word``: what was wrong with that."""
    status = StreamStatus.COMPLETED if word is None else StreamStatus.FAILED
    by = Disconnected.PEER if ending.error is None else Disconnected.ERROR
    return End(status, by, ending.code, ending.reason, word)


def unconnected(by: Disconnected, word: str, lost: Ending | None) -> End:
    """There was no connection, or none any more: ``lost``, then, is the last one's end."""
    if lost is None:
        return End(StreamStatus.FAILED, by, error=word)
    return End(StreamStatus.FAILED, by, lost.code, lost.reason, word)


def broken() -> End:
    """Something of ours is."""
    return End(StreamStatus.FAILED, Disconnected.ERROR, 1011, "internal", "internal")


class Account:
    """One stream's. ``clock``: Unix seconds."""

    def __init__(self, order: Stream, outgoing: Outgoing, talk: Talk | None, clock: Callable[[], float]) -> None:
        self.final = False
        self._report = report_of(order)
        self._outgoing, self._talk, self._clock = outgoing, talk, clock
        self._socket: Socket | None = None

    @property
    def started(self) -> bool:
        """Was it ever connected?"""
        return self._report.started_at is not None

    @property
    def report(self) -> StreamReport:
        """What is known by now."""
        if self.final:
            return self._report
        sent, received = (0, 0) if self._socket is None else (self._socket.bytes_sent, self._socket.bytes_received)
        return replace(
            self._report,
            frames_sent=self._outgoing.sent,
            frames_received=0 if self._talk is None else self._talk.frames,
            bytes_sent=self._report.bytes_sent + sent,
            bytes_received=self._report.bytes_received + received,
            dropped=self._outgoing.dropped,
        )

    def connected(self, socket: Socket, host: str) -> None:
        """It has this connection now, to this host: its first, or once more."""
        self._socket = socket
        self._report = replace(self._report, host=host)
        if self.started:
            self._report = replace(self._report, reconnects=self._report.reconnects + 1)
        else:
            self._report = replace(self._report, status=StreamStatus.CONNECTED, started_at=self._clock())

    def disconnected(self) -> None:
        """The connection counts no more."""
        self._report = self.report
        self._socket = None

    def settle(self, end: End) -> None:
        """It is over."""
        self._report = replace(
            self.report,
            status=end.status,
            disconnected_by=end.by,
            ended_at=self._clock(),
            close_code=end.code,
            close_reason=end.reason or None,
            error=end.error,
        )
        self.final = True
