"""One stream of a call's audio, from its order to its report: connected, connected again, spoken and listened to.

It never holds anybody up: whoever feeds it or asks for its end is served at once, and what that takes on the network
goes on behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog
from structlog.typing import FilteringBoundLogger

from otpvoice.adapters.streams.account import Account, End, broken, ended, left, unconnected
from otpvoice.adapters.streams.connecting import Connecting
from otpvoice.adapters.streams.dialling import Dialled, NotConnected
from otpvoice.adapters.streams.frames import Violation
from otpvoice.adapters.streams.guard import guarded, place_of
from otpvoice.adapters.streams.limits import TICK
from otpvoice.adapters.streams.outgoing import Outgoing, Word
from otpvoice.adapters.streams.ports import Connected, Ended
from otpvoice.adapters.streams.socket import Ending, Socket
from otpvoice.adapters.streams.surroundings import Surroundings
from otpvoice.adapters.streams.talk import Talk
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamReport
from otpvoice.media.streams.tracks import Frame, Tracks
from otpvoice.media.streams.words import Facts, Format, Speaker, StopReason

log = structlog.get_logger(__name__)

_DIGIT_MS: Final = 100
"""How long a key was pressed nobody tells us; the formats want a number."""


@dataclass(frozen=True, slots=True)
class _Session:
    """A connection, and our half of what is said on it."""

    socket: Socket
    speaker: Speaker


class MediaStream:
    """A stream. ``now`` is the event loop's time, everywhere. ``talk`` None: the customer is not heard."""

    def __init__(
        self,
        order: Stream,
        facts: Facts,
        how: Format,
        *,
        connecting: Connecting,
        tracks: Tracks,
        talk: Talk | None,
        around: Surroundings,
    ) -> None:
        self._facts, self._how, self._talks = facts, how, order.talks
        self._connecting, self._tracks, self._talk, self._around = connecting, tracks, talk, around
        self._loop = asyncio.get_running_loop()
        self._session: _Session | None = None
        most = round(around.limits.queue / TICK) * max(1, len(facts.tracks))
        self._outgoing = Outgoing(most, around.limits.controls)
        self._account = Account(order, self._outgoing, talk, around.clock)
        self._opened = self._loop.time()
        self._slot_0_at = around.clock()
        self._ends_at: float | None = None
        self._lost: Ending | None = None  # how the last connection ended that was to be mended
        self._broken: asyncio.Future[tuple[Ending, bool]] = self._loop.create_future()
        self._log: FilteringBoundLogger = log.bind(stream=facts.stream_id, call=facts.call_id, account=facts.account)
        self._life = asyncio.create_task(self._live(), name=facts.stream_id)

    @property
    def report(self) -> StreamReport:
        """What is known of it by now."""
        return self._account.report

    # --- what the call tells ----------------------------------------------------------------------------------------

    @guarded
    def arrived(self, track: str, audio: bytes, now: float) -> None:
        """Audio of a track has come. What is in its turn goes out at once."""
        if not self._account.final and (frames := self._tracks.arrived(track, audio, now)):
            self._take(frames)
            self._flush()

    @guarded
    def pushed(self, audio: bytes, now: float) -> None:
        """Audio has gone into Asterisk's queue."""
        self._tracks.pushed(audio, now)

    @guarded
    def synced(self, queued: int, now: float) -> None:
        """So many frames wait in Asterisk's queue."""
        self._tracks.synced(queued, now)

    @guarded
    def flushed(self, now: float) -> None:
        """Asterisk's queue was thrown away."""
        self._tracks.flushed(now)

    @guarded
    def digit(self, digit: str) -> None:
        """The callee pressed a key."""
        if not self._account.final:
            self._outgoing.word(lambda speaker: speaker.digit(digit, _DIGIT_MS))
            self._flush()

    @guarded
    def played(self, utterance_id: str, index: int) -> None:
        """A piece of what the customer said was played."""
        if self._talk is None or self._account.final:
            return
        try:
            self._return_marks(self._talk.played(utterance_id, index))
        except Violation as violation:
            if self._session is not None:
                self._session.socket.fail(violation.code, violation.word)

    def finish(self, by: Disconnected) -> StreamReport:
        """End it now, and return its final report. Taking leave goes on behind; nothing is told any more."""
        if not self._account.final:
            try:
                end = self._take_leave(by)
            except Exception as error:
                end = self._break_off(error)
            self._settle(end)
        return self.report

    # --- the clock --------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Send what is due, and see to all that has waited for long enough."""
        if self._account.final:
            return
        if frames := self._tracks.tick(now):
            self._take(frames)
        if self._session is None:
            return
        if self._ends_at is not None and now >= self._ends_at:
            self._end(self._take_leave(Disconnected.LIMIT))
            return
        if self._talk is not None:
            self._talk.tick(now)
        if self._outgoing.waits:
            self._flush()
        self._session.socket.tick(now)

    def break_down(self, error: Exception) -> None:
        """Something of ours is broken: it costs this stream."""
        self._end(self._break_off(error))

    # --- what the socket tells --------------------------------------------------------------------------------------

    def heard(self, text: str, now: float) -> None:
        """The customer said something. Of one who only listens it is not even read."""
        if self._talk is not None and self._session is not None:
            self._return_marks(self._talk.take(self._session.speaker.hear(text), now))

    @guarded
    def broke(self, ending: Ending) -> None:
        """The connection has ended, or is about to."""
        if self._account.final or self._session is None:
            return
        again = self._connecting.may_mend(ending)
        if ending.error is not None and not again:
            last = self._session.speaker.closed(StopReason.STOPPED, self._around.clock(), ending.error)
            self._session.socket.send(last)
            self._outgoing.rounded_off()
        proven = self._session.socket.proven
        self._leave()
        if again:
            self._log.info("socket.lost", code=ending.code, error=ending.error)
            self._lost = ending
            self._broken.set_result((ending, proven))
        else:
            self._end(ended(ending, self._connecting.fault_of(ending)))

    # --- its life ---------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            self._adopt(await self._connecting.connect())
            while not self._account.final:
                ending, proven = await self._broken
                self._broken = self._loop.create_future()
                self._adopt(await self._connecting.connect_again(ending, proven=proven))
        except NotConnected as fault:
            self._end(unconnected(Disconnected.ERROR, fault.word, self._lost))
        except Exception as error:
            self.break_down(error)

    def _adopt(self, dialled: Dialled) -> None:
        """Speak through a new connection."""
        around = self._around
        socket = Socket(
            dialled.connection, self, timings=around.timings, limits=around.limits, clock=self._loop.time, log=self._log
        )
        try:
            first = not self._account.started
            self._account.connected(socket, dialled.host)
            if first:
                self._begin()
            facts = replace(self._facts, sample_rate=dialled.rate or self._facts.sample_rate)
            self._session = _Session(socket, self._how.speaker(facts))
            socket.send(self._session.speaker.opened(self._slot_0_at))
            if first:
                self._log.info("socket.connected", host=dialled.host)
                around.tell(Connected(self.report))
            self._flush()
        except Exception:
            if self._session is None:
                around.leave(socket)
                socket.close(1011, "internal")
            raise
        finally:
            # Whatever has become of it meanwhile: it has to hear of its own end.
            socket.begin()

    def _begin(self) -> None:
        now = self._loop.time()
        if self._how.longest is not None:
            self._ends_at = now + self._how.longest
        if self._talks:
            # Who listens hears the call from the order on, in one go; who talks needs no news of before it was there.
            self._outgoing.begin_at(int((now - self._opened) / TICK))
            self._slot_0_at = self._around.clock()

    def _take_leave(self, by: Disconnected) -> End:
        """Say all that is left, and good-bye."""
        if (session := self._session) is None:
            word = "not_connected" if self._lost is None else self._lost.error or "lost"
            return unconnected(by, word, self._lost)
        self._take(self._tracks.finish(self._loop.time()))
        self._flush(everything=True)
        reason = StopReason.CALL_ENDED if by is Disconnected.CALL else StopReason.STOPPED
        session.socket.send(session.speaker.closed(reason, self._around.clock()))
        self._outgoing.rounded_off()
        self._leave()
        session.socket.close(1000, by.value)
        return left(by)

    def _break_off(self, error: Exception) -> End:
        """Go without a word: nothing of ours is to be trusted any more."""
        self._log.error("socket.broken", error=type(error).__name__, where=place_of(error))
        if (session := self._leave()) is not None:
            session.socket.close(1011, "internal")
        return broken()

    def _leave(self) -> _Session | None:
        """Let go of the connection; whoever waits for the last of it does so."""
        session, self._session = self._session, None
        if session is not None:
            self._outgoing.cut_off()
            self._account.disconnected()
            self._around.leave(session.socket)
        return session

    def _end(self, end: End) -> None:
        """It has ended by itself: settle, and tell."""
        if not self._account.final:
            self._settle(end)
            self._around.tell(Ended(self.report))

    def _settle(self, end: End) -> None:
        self._outgoing.drop()
        self._account.settle(end)
        if self._life is not asyncio.current_task():
            self._life.cancel()
        self._around.over()
        self._log.info("socket.ended", by=end.by.value, code=end.code, error=end.error)

    # --- speaking ---------------------------------------------------------------------------------------------------

    def _take(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._outgoing.frame(frame)

    def _flush(self, *, everything: bool = False) -> None:
        if self._session is not None:
            self._outgoing.flush(self._session.speaker, self._session.socket, everything=everything)

    def _return_marks(self, names: Iterable[str]) -> None:
        for name in names:
            if not self._outgoing.word(_mark(name)):
                raise Violation(1008, "flood")
        if names:
            self._flush()


def _mark(name: str) -> Word:
    return lambda speaker: speaker.mark(name)
