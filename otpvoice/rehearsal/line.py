"""One call's connection to scripted callees: the same happenings out and orders in as a line to telephones has.

It takes no media leg and no channel, and rings nobody. Only calls that we place are rehearsed: there is no dialplan
here that could hand a channel to us, or have one back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from otpvoice.core.actions import Stream
from otpvoice.core.compile import sending_seconds
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    DigitsSent,
    Happening,
    OfSecond,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.core.result import Result
from otpvoice.media.playout import Piece
from otpvoice.rehearsal.callee import Callee, Heard
from otpvoice.rehearsal.numbers import ANYBODY, script_for
from otpvoice.rehearsal.playing import Playing
from otpvoice.rehearsal.scripts import CalleeScript

TALK: Final = 1.0
"""Seconds that a second party talks before it hangs up."""


class RehearsalLine:
    """A call to a callee of ``script``. ``second`` says who is at a second party's number; ``wall``: Unix seconds.

    Nothing raises, in whatever order it is told what to do. After the end of the first party only second ones are told
    of; after ``close`` nobody.
    """

    def __init__(
        self,
        script: CalleeScript,
        *,
        second: Callable[[str], CalleeScript] = script_for,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._second, self._wall = second, wall
        self._tell: Callable[[Happening], None] = lambda _: None
        self._first = Callee(script, self._hear, wall)
        self._playing = Playing(self._hear_speech, wall)
        self._seconds: dict[int, Callee] = {}
        self._streams: dict[int, StreamReport] = {}
        self._keys: asyncio.TimerHandle | None = None

    def listen(self, tell: Callable[[Happening], None]) -> None:
        """Say who is told. Before anything else."""
        self._tell = tell

    # --- the first party --------------------------------------------------------------------------------------------

    async def dial(self) -> None:
        """Call the first party, once. What comes of it is told."""
        self._first.dial()

    async def answer(self) -> None:
        """Nobody calls here."""

    async def report(self, result: Result) -> None:
        """No dialplan asks."""

    async def release(self, result: Result) -> None:
        """There is no dialplan to go on in: it is hung up."""
        await self.hang_up(result)

    async def hang_up(self, result: Result) -> None:
        """End the call with the first party."""
        await self.stop()
        self._first.hang_up()

    async def speak(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Let an utterance pass. Once the call is over there is nobody to hear it."""
        if not self._first.over:
            self._playing.begin(utterance_id, pieces)

    async def stop(self) -> None:
        """Cut what is being spoken."""
        self._playing.cut()

    async def send_digits(self, digits: str) -> None:
        """Let the time of these keys pass, which reach nobody: ``DigitsSent``, unless others come or the call ends."""
        self._press(digits, lambda: self._tell(DigitsSent(self._wall())))

    def start_stream(self, number: int, order: Stream) -> None:
        """Say that a stream began: no socket is opened. One that talks is over at once, as if the other side left."""
        report = replace(report_of(order), status=StreamStatus.CONNECTED, started_at=self._wall())
        self._streams[number] = report
        self._tell(StreamStarted(number, report, self._wall()))
        if order.talks:
            self._end_stream(number, Disconnected.PEER)

    def stop_stream(self, number: int) -> None:
        """Say that a stream has ended."""
        self._end_stream(number, Disconnected.PLAN)

    def end_streams(self, by: Disconnected) -> list[StreamEnded]:
        """End all streams. Returns how each has ended."""
        self._streams = {number: _ended(report, by, self._wall()) for number, report in self._streams.items()}
        return [StreamEnded(number, report, self._wall()) for number, report in self._streams.items()]

    async def sample(self) -> None:
        """There is no audio on any wire, and nothing to say of its quality."""

    async def close(self) -> None:
        """Let go of everything: nothing is told any more."""
        self._tell = lambda _: None
        self._playing.drop()
        self._press_no_more()
        for callee in (self._first, *self._seconds.values()):
            callee.close()

    # --- second parties ---------------------------------------------------------------------------------------------

    async def dial_second(self, number: int, to: str, caller_id: str | None, ring_timeout: float) -> None:
        """Call a second party, once; not when the first has gone. What comes of it is told as ``OnSecond``."""
        if number not in self._seconds:
            second = self._party(number, self._second(to))
            if self._first.over:
                second.hang_up()
            else:
                second.dial()

    async def hang_up_second(self, number: int) -> None:
        """End the call with a second party; one that was never called is over by that."""
        self._press_no_more()
        (self._seconds.get(number) or self._party(number, ANYBODY)).hang_up()

    async def send_digits_to_second(self, number: int, digits: str) -> None:
        """Let the time of these keys pass, as ``send_digits`` does: ``OnSecond`` of ``DigitsSent``."""
        if (second := self._seconds.get(number)) is not None and not second.over:
            self._press(digits, lambda: self._tell(OnSecond(number, DigitsSent(self._wall()))))

    async def connect(self, number: int) -> None:
        """Let both parties talk until the second hangs up: ``PartiesConnected``; nothing if one is not there."""
        second = self._seconds.get(number)
        if second is not None and _up(self._first) and _up(second):
            self._first.talk(None)
            second.talk(TALK)
            self._tell(PartiesConnected(self._wall()))

    async def part(self) -> None:
        """Take the first party back, so that it hears us: ``PartiesParted``; nothing if it is gone."""
        if not self._first.over:
            self._tell(PartiesParted(self._wall()))
            self._first.listen()

    def _party(self, number: int, script: CalleeScript) -> Callee:
        def tell(event: OfSecond) -> None:
            self._tell(OnSecond(number, event))

        party = self._seconds[number] = Callee(script, tell, self._wall)
        return party

    def _end_stream(self, number: int, by: Disconnected) -> None:
        report = self._streams.get(number)
        if report is not None and report.disconnected_by is None:
            ended = self._streams[number] = _ended(report, by, self._wall())
            self._tell(StreamEnded(number, ended, self._wall()))

    # --- what is told -----------------------------------------------------------------------------------------------

    def _hear(self, event: OfSecond) -> None:
        if isinstance(event, CallEnded):
            self._playing.drop()
            self._press_no_more()
        self._tell(event)
        if isinstance(event, CallAnswered):
            self._first.listen()

    def _press(self, digits: str, pressed: Callable[[], None]) -> None:
        self._press_no_more()
        if not self._first.over:
            self._keys = asyncio.get_running_loop().call_later(sending_seconds(digits), pressed)

    def _press_no_more(self) -> None:
        if self._keys is not None:
            self._keys.cancel()

    def _hear_speech(self, event: Heard) -> None:
        self._tell(event)
        self._first.hear(event)


def _ended(report: StreamReport, by: Disconnected, at: float) -> StreamReport:
    if report.disconnected_by is not None:
        return report
    return replace(report, status=StreamStatus.COMPLETED, disconnected_by=by, ended_at=at)


def _up(callee: Callee) -> bool:
    return callee.answered and not callee.over
