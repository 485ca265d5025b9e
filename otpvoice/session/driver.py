"""Drive one call from its plan to its end: the only loop there is.

The session joins the pure flow to the world through the ports that it is handed: a line to the telephone, a voice, a
clock and a follower. It makes no decisions of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

import structlog

from otpvoice.core.commands import Ask, Command, Speak, StartStream, StopSpeaking, StopStream, Tell
from otpvoice.core.compile import scripts_in
from otpvoice.core.events import (
    ActionCompleted,
    Asked,
    CallAnswered,
    CallEnded,
    CodeDelivered,
    DigitsCollected,
    Event,
    Flooded,
    HangupAsked,
    Happening,
    Instructed,
    NotInstructed,
    SpeakingFailed,
    StreamEnded,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.media import Disconnected, StreamStatus
from otpvoice.core.outcome import Fault, Outcome, OwnAction, classify
from otpvoice.core.record import CallRecord
from otpvoice.core.result import Result
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.core.timeline import STOOD_STILL, Timeline
from otpvoice.session.line_orders import ordered
from otpvoice.session.ports import Asker, Clock, Line, NoAnswer, Voice
from otpvoice.session.sounds import Sounds

log = structlog.get_logger(__name__)

BACKLOG: Final = 500
"""Events that may wait for one call. More is a flood, and ends the call."""
CAUGHT_UP: Final = 1.0
"""Seconds in which what lay in the sockets has been read."""
SAMPLE_EVERY: Final = 5.0
"""Seconds between two looks at the quality of a call."""


class CallSession:
    """One call. ``follow`` is called with every event right after the record has taken it down."""

    def __init__(
        self,
        *,
        flow: CallFlow,
        record: CallRecord,
        line: Line,
        voice: Voice,
        clock: Clock,
        follow: Callable[[CallRecord, Event], None],
        asker: Asker | None = None,
    ) -> None:
        self.record = record
        self._flow, self._line, self._clock, self._follow = flow, line, clock, follow
        self._timeline = Timeline(clock.wall(), clock.now())
        self._asker = asker
        self._events: asyncio.Queue[Happening] = asyncio.Queue(BACKLOG)
        self._flooded = self._broken = False
        self._sounds = Sounds(voice)
        self._watching: set[asyncio.Task[None]] = set()
        self._acting: set[asyncio.Task[None]] = set()

    def tell(self, event: Happening) -> None:
        """Something happened. Never waits."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self._flooded = True

    def hang_up(self, by: OwnAction) -> None:
        """Somebody wants this call to end."""
        self.tell(HangupAsked(self._clock.wall(), by))

    def give_up(self, by: OwnAction) -> None:
        """Close the record of a call that is not carried to its end."""
        with contextlib.suppress(Exception):  # it may be what is broken
            self._end_streams(self._flow.ending.own or by)
        self.record.end(classify(replace(self._flow.ending, own=self._flow.ending.own or by)), self._clock.wall())

    async def run(self) -> CallRecord:
        """Carry the call to its end. Returns the closed record; raises nothing but cancellation."""
        self._line.listen(self.tell)
        try:
            await self._prepare()
            await self._drive()
        except Exception:
            log.exception("session.broken", call=self.record.id)
            self._broken = True
            with contextlib.suppress(Exception):  # it may be what is broken
                self._flow.receive(CallEnded(self._clock.wall(), fault=Fault.INTERNAL_ERROR), self._clock.now())
        finally:
            if self._broken:
                # A fault of ours must not leave anybody listening to silence, nor the call without a summary.
                let_go = self._line.release if self._flow.plan.goes_on else self._line.hang_up
                self._start(let_go(self._result()), self._acting)
            for task in self._watching:
                task.cancel()
        try:
            self._end_streams(self._flow.ending.own)
        except Exception:
            log.exception("session.streams_broken", call=self.record.id)
        # Now, and not when Asterisk has been told: it may be frozen, and the summary must not wait for that.
        self.record.end(self._outcome(), self._timeline.at(self._clock.now()))
        return self.record

    async def close(self) -> None:
        """Let go of the line, after ``run``; an order to dial or to hang up that is under way is carried out first."""
        await asyncio.gather(*self._watching, *self._acting, return_exceptions=True)
        await self._line.close()

    async def _prepare(self) -> None:
        """Make all sound ahead. Where it can't be made nobody is rung; who hangs up meanwhile is not kept waiting."""
        making = asyncio.create_task(self._sounds.made(self._flow.scripts), name=f"{self.record.id}-sound")
        try:
            while not (making.done() or self._flow.over):
                event = asyncio.create_task(self._events.get())
                try:
                    await asyncio.wait({making, event}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    event.cancel()
                if event.done() and not event.cancelled():
                    await self._take(event.result())
        finally:
            making.cancel()
            await asyncio.wait({making})
        self.record.fallback, self.record.left_out = self._sounds.fallback, self._sounds.left_out
        if self._flow.over:
            return
        # Not ready is not ready, whoever stopped it: nobody is rung and then hears nothing.
        unavailable = (
            SpeechUnavailable("the making of its sound was stopped") if making.cancelled() else making.result()
        )
        if unavailable is None:
            return
        log.error("session.speech_unavailable", call=self.record.id, reason=unavailable.reason)
        fault = Fault.SPEECH_UNAVAILABLE
        await self._perform(self._flow.give_up(*unavailable.complaint, fault, self._clock.now()))

    async def _drive(self) -> None:
        while not self._events.empty():
            # What came at the last moment: who hung up, or was called off, is neither rung nor answered.
            await self._take(self._events.get_nowait())
        await self._perform(self._flow.start(self._clock.now(), self._clock.wall()))
        told = False
        while not self._flow.over:
            try:
                async with asyncio.timeout_at(self._flow.deadline):
                    event = await self._events.get()
            except TimeoutError:
                await self._catch_up()
                await self._perform(self._flow.expire(self._clock.now()))
            else:
                await self._take(event)
            if self._flooded and not told:
                told = True
                log.error("session.flooded", call=self.record.id, backlog=BACKLOG)
                await self._perform(self._flow.receive(Flooded(self._clock.wall()), self._clock.now()))

    async def _catch_up(self) -> None:
        """We stood still: what happened meanwhile lies in sockets, and comes before the deadline that has passed."""
        deadline = self._flow.deadline
        if deadline is None or self._clock.now() - deadline < STOOD_STILL:
            return
        until = self._clock.now() + CAUGHT_UP
        while not self._flow.over:
            try:
                async with asyncio.timeout_at(until):
                    event = await self._events.get()
            except TimeoutError:
                return
            # When it happened nobody knows; it is not to be too late because we are.
            await self._take(event, in_time=True)

    async def _take(self, happening: Happening, *, in_time: bool = False) -> None:
        now = self._clock.now()
        event = self._timeline.told(happening, self._clock.wall(), now)
        self._note(event)
        if in_time and (deadline := self._flow.deadline) is not None:
            now = min(now, math.nextafter(deadline, -math.inf))
        commands = self._flow.receive(event, now)
        if isinstance(event, CallAnswered):
            self._start(self._sample(), self._watching)
        await self._perform(commands)

    async def _perform(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Tell(report=report):
                    self._note(report)
                    told = report.report if isinstance(report, Asked) else report
                    if isinstance(told, ActionCompleted):
                        self._start(self._line.sample(), self._watching)
                    elif isinstance(told, CodeDelivered | DigitsCollected) and self._flow.plan.inbound:
                        # At once: whoever hangs up now leaves a dialplan that asks what there was.
                        self._start(self._line.report(self._result()), self._acting)
                case Speak():
                    await self._speak(command)
                case StopSpeaking():
                    await self._line.stop()
                case StartStream(number=number, order=order):
                    self.record.stream_ordered(number, order)
                    self._line.start_stream(number, order)
                case StopStream(number=number):
                    self._line.stop_stream(number)
                case Ask():
                    self._start(self._ask(), self._watching)
                case _:
                    # Started, not awaited: whatever Asterisk does with the order, the call can be ended meanwhile.
                    self._start(ordered(command, self._line, self.record, self._result), self._acting)

    def _end_streams(self, own: OwnAction | None) -> None:
        """No stream outlives its call: what it came to belongs into the summary."""
        by = Disconnected.US if own is OwnAction.SHUTDOWN else Disconnected.CALL
        ends = {ended.number: ended for ended in self._line.end_streams(by)}
        for number, report in sorted(self.record.streams.items()):
            if report.disconnected_by is None:
                at = self._clock.wall()
                never = replace(
                    report, status=StreamStatus.FAILED, disconnected_by=by, ended_at=at, error="not_connected"
                )
                self._note(ends.get(number) or StreamEnded(number, never, at))

    def _outcome(self) -> Outcome:
        ending = self._flow.ending
        if self._broken and ending.own is None and ending.fault is None:
            ending = replace(ending, fault=Fault.INTERNAL_ERROR)
        return classify(ending)

    def _result(self) -> Result:
        return Result(self._outcome(), self.record.proof.delivered, self._flow.collected)

    async def _speak(self, command: Speak) -> None:
        pieces = self._sounds.of(command)
        if pieces is None:
            self.tell(SpeakingFailed(command.utterance_id, self._clock.wall(), "not_prepared"))
        else:
            await self._line.speak(command.utterance_id, pieces)

    async def _ask(self) -> None:
        """Have somebody asked, and make the sound of the answer; what comes of it is told."""
        try:
            if self._asker is None:
                raise NoAnswer("nobody_to_ask", "there is nobody to ask")
            actions = await self._asker.ask(self.record)
        except NoAnswer as missing:
            self.tell(NotInstructed(self._clock.wall(), missing.code, missing.message))
            return
        unavailable = await self._sounds.made(scripts_in(self._flow.compiled(actions)))
        self.record.fallback, self.record.left_out = self._sounds.fallback, self._sounds.left_out
        if unavailable is not None:
            self.tell(NotInstructed(self._clock.wall(), *unavailable.complaint))
        else:
            self.tell(Instructed(self._clock.wall(), actions))

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY)
            await self._line.sample()

    def _start(self, work: Coroutine[Any, Any, None], where: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work, name=f"{self.record.id}-work")
        where.add(task)
        task.add_done_callback(where.discard)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("session.work_failed", call=self.record.id, exc_info=error)
            self._broken = True
            self.tell(CallEnded(self._clock.wall(), fault=Fault.INTERNAL_ERROR))

    def _note(self, event: Event) -> None:
        self.record.note(event)
        self._follow(self.record, event)
