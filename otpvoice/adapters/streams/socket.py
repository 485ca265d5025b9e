"""One WebSocket of a stream: text in, text out, and nothing that it could be held up by.

Reading and writing are plain calls, without a task: what comes is handed on as it comes, what goes is written while
the transport has room, and beyond that it says so. It judges what the other side does and has not said in words; the
words are its holder's to judge.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from otpvoice.adapters.outbound.handshake import Upgraded
from otpvoice.adapters.streams.bucket import Bucket
from otpvoice.adapters.streams.frames import (
    LONGEST_REASON,
    LOST,
    Incoming,
    Opcode,
    Violation,
    close_frame,
    frame,
    read_close,
    text_of,
)
from otpvoice.adapters.streams.guard import place_of
from otpvoice.adapters.streams.limits import Limits, Timings


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended. ``code`` and ``reason``: of the close frame, theirs or ours; ``LOST``: there was none.

    ``error``: the word for why we ended it; None: they did.
    """

    code: int
    reason: str
    error: str | None = None


class Holder(Protocol):
    """Who has the socket. Raises ``Violation`` from ``heard`` to end it."""

    def heard(self, text: str, now: float, /) -> None:
        """A text message came."""
        ...

    def broke(self, ending: Ending, /) -> None:
        """It has ended, or is ending, and not by ``close``. Told once. Where we end it, a last text is still sent."""
        ...


class Socket:
    """A connection, from its handshake on. ``clock``: the event loop's. ``gone`` is done when nothing is left of it."""

    def __init__(
        self,
        connection: Upgraded,
        holder: Holder,
        *,
        timings: Timings,
        limits: Limits,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self.bytes_sent = self.bytes_received = 0
        self.proven = False
        """It answered a ping of ours: so long it lived."""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection, self._transport = connection, connection.transport
        self._holder, self._timings, self._limits, self._clock, self._log = holder, timings, limits, clock, log
        self._incoming = Incoming(limits.message)
        self._frames = Bucket(limits.frames_a_second, limits.frames_at_once)
        self._bytes = Bucket(limits.bytes_a_second, limits.bytes_at_once)
        self._pings = Bucket(limits.pings_a_second, limits.pings_at_once)
        self._binaries = Bucket(limits.binary_a_second, limits.binary_at_once)
        self._deaf = self._closed = False
        self._cutting: asyncio.TimerHandle | None = None
        now = clock()
        self._alive_at = now
        self._ping_at = now + timings.ping
        self._asked = 0
        self._unanswered: deque[tuple[bytes, float]] = deque()  # pings, and when they were written
        self._late = False
        self._written = self._taken = 0
        self._stuck_since: float | None = None
        name = self._transport.get_extra_info("socket")
        if name is not None:
            name.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)

    def begin(self) -> None:
        """Listen. What came with the handshake is handed on before this returns."""
        self._connection.hand_to(self)

    @property
    def has_room(self) -> bool:
        """May something be written? To a side that is far behind it may not: it would wait where nobody counts it."""
        return not self._late and self._takes

    def send(self, texts: Iterable[str]) -> None:
        """Write some texts, in one go. After a close nothing is written any more."""
        if self._closed or self._transport.is_closing():
            return
        frames = []
        for text in texts:
            payload = text.encode("utf-8", "replace")
            self.bytes_sent += len(payload)
            frames.append(frame(Opcode.TEXT, payload))
        if frames:
            self._write(frames[0] if len(frames) == 1 else b"".join(frames))

    def tick(self, now: float) -> None:
        """See to pings, and to a side that takes nothing or says nothing. Called some times a second."""
        if self._deaf:
            return
        waiting = self._transport.get_write_buffer_size()
        if not waiting or self._written - waiting > self._taken:
            if self._stuck_since is not None:
                self._alive_at = now  # all that could wait did, and some of it went
            self._taken, self._stuck_since = self._written - waiting, None
        elif self._stuck_since is None:
            self._stuck_since = now
        self._late = bool(self._unanswered) and now - self._unanswered[0][1] >= self._limits.queue
        if self._stuck_since is not None and now - self._stuck_since >= self._timings.stalled:
            self.fail(1008, "slow_consumer")
        elif now - self._alive_at >= self._timings.silent:
            # Who reads nothing answers no ping either.
            if self._stuck_since is not None:
                self.fail(1008, "slow_consumer")
            else:
                self.fail(LOST, "no_pong")
        elif now >= self._ping_at and not self._late:
            self._ping_at = now + self._timings.ping
            self._ping(now)

    def close(self, code: int, reason: str = "") -> None:
        """Say good-bye and go: at once where that is answered, else when ``closing`` is over. ``LOST``: say nothing."""
        self._deaf = True
        if self._closed:
            return
        self._closed = True
        if self.gone.done():
            return
        if code == LOST:
            self._cut()
            return
        self._write(close_frame(code, reason))
        # 7.1.1: the server ends the TCP connection first. Before that, closing ours with something unread in it would
        # be a reset, and the other side might never see our close frame.
        self._cutting = asyncio.get_running_loop().call_later(self._timings.closing, self._cut)

    def fail(self, code: int, word: str) -> None:
        """End it for what the other side did, or did not do: the holder is told, and has a last word."""
        if self._deaf:
            return
        self._deaf = True
        self._holder.broke(Ending(code, word if code != LOST else "", word))
        self.close(code, word)

    # --- as receiver of the connection ------------------------------------------------------------------------------

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what came."""
        if not self._deaf:
            try:
                self._take(data)
            except Violation as violation:
                self.fail(violation.code, violation.word)
            except Exception as error:
                # One message costs one stream.
                self._log.error("socket.message_not_understood", error=type(error).__name__, where=place_of(error))
                self.fail(1011, "internal")
        return False, b""

    def feed_eof(self) -> None:
        """The connection is gone."""
        if self._cutting is not None:
            self._cutting.cancel()
        asyncio.get_running_loop().call_soon(self._let_go)
        if not self._deaf:
            self._deaf = self._closed = True
            self._holder.broke(Ending(LOST, ""))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        now = self._alive_at = self._clock()
        if not self._bytes.take(len(data), now):
            raise Violation(1008, "flood")
        for opcode, payload in self._incoming.feed(data):
            if not self._frames.take(1, now):
                raise Violation(1008, "flood")
            match opcode:
                case Opcode.TEXT:
                    self.bytes_received += len(payload)
                    self._holder.heard(text_of(payload), now)
                case Opcode.BINARY:
                    self.bytes_received += len(payload)
                    if not self._binaries.take(1, now):
                        raise Violation(1003, "binary")
                case Opcode.PING | Opcode.PONG:
                    if not self._pings.take(1, now):
                        raise Violation(1008, "flood")
                    self._ping_or_pong(opcode, payload)
                case Opcode.CLOSE:
                    self._other_side_closed(payload)
                case Opcode.CONTINUATION:
                    pass  # counted as a frame; its bytes come with the whole message
            if self._deaf:
                return

    @property
    def _takes(self) -> bool:
        return not self._closed and self._transport.get_write_buffer_size() < self._limits.unsent

    def _ping(self, now: float) -> None:
        self._asked += 1
        payload = self._asked.to_bytes(4, "big")
        self._unanswered.append((payload, now))
        self._write(frame(Opcode.PING, payload))

    def _ping_or_pong(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.PONG:
            # 5.5.3: one may answer all the pings before it; and one that nobody asked for says nothing.
            if payload in [asked for asked, _ in self._unanswered]:
                while self._unanswered.popleft()[0] != payload:
                    pass
                self.proven, self._late = True, False
        elif self._takes:  # 5.5.3: of several pings, only the last one need be answered
            self._write(frame(Opcode.PONG, payload))

    def _other_side_closed(self, payload: bytes) -> None:
        code, reason = read_close(payload)
        self.close(code)
        self._holder.broke(Ending(code, _one_line(reason)))

    def _write(self, data: bytes) -> None:
        self._written += len(data)
        self._transport.write(data)

    def _cut(self) -> None:
        self._transport.abort()

    def _let_go(self) -> None:
        self._connection.close()
        if not self.gone.done():
            self.gone.set_result(None)


def _one_line(reason: str) -> str:
    """Return a reason as it may stand in a log: printable, on one line, no longer than the protocol has it."""
    shown = "".join(character if character.isprintable() else " " for character in reason)
    return shown.encode()[:LONGEST_REASON].decode("utf-8", "ignore")
