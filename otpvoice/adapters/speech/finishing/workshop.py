"""Sound finished by processes of their own, so that a hundred new texts at once delay no call in progress.

They are few, bounded in memory and time, started when there is something to do, and end when there was nothing for a
minute. One that crashes, hangs or writes rubbish is replaced. Nothing is written to a disk. Who waits in line for one
waits in the event loop; the frames go over the pipes in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import Final, TypeVar, TypeVarTuple

import structlog

from otpvoice.adapters.speech.finishing.worker import PROGRAM, Died, NotStarted, Worker, Wrong
from otpvoice.adapters.speech.finishing.workshop_frames import Order
from otpvoice.adapters.speech.turns import Full, Turns
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave

SECONDS: Final = 15.0
"""For one sound, from its turn on, the start of a process included."""
MOST_WAITING: Final = 2000
"""Sounds that wait for their turn."""
MOST_HELD: Final = 256 * 1024 * 1024
"""Bytes of them."""

IDLE: Final = 60.0
"""Seconds after which a process that had nothing to do ends: it holds some 28 MB."""

_URGENT, _RECORDED, _AHEAD = range(3)

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")

log = structlog.get_logger(__name__)


class Workshop:
    """``workers`` processes for what a call waits for, and one more for recordings and for what is made ahead of time.

    So neither five minutes of a recording nor a warm-up is in the way of a call's text, however few workers there are.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        program: Sequence[str] = PROGRAM,
        seconds: float = SECONDS,
        most_waiting: int = MOST_WAITING,
        idle: float = IDLE,
    ) -> None:
        self._program = tuple(program)
        self._seconds = seconds
        self._front = Turns(workers, most_waiting)
        self._back = Turns(1, most_waiting)
        self._threads = ThreadPoolExecutor(workers + 1, "workshop")
        self._idle_for = idle
        # The last one to come back goes first, so that others have nothing to do for long enough to end.
        self._idle: dict[Worker, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Future[None]] = set()
        self._busy: set[Worker] = set()
        self._under_way: set[asyncio.Task[Clip]] = set()
        self._held = 0
        self._closed = False

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        """See ``Finishing``."""
        return await self._finished(Order(wave, speed), _URGENT if urgent else _AHEAD)

    async def recording(self, wave: Wave) -> Clip:
        """See ``Finishing``."""
        return await self._finished(Order(wave, None), _RECORDED)

    async def close(self) -> None:
        """End all processes."""
        self._closed = True
        for turns in (self._front, self._back):
            turns.send_away(_over)
        for worker in self._busy:
            worker.kill()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for worker in list(self._idle):
            self._end(worker)
        await asyncio.gather(*self._ending)
        self._threads.shutdown(wait=False)

    async def _finished(self, order: Order, rank: int) -> Clip:
        if self._closed:
            raise _over()
        turns, size = self._front if rank == _URGENT else self._back, len(order.wave.pcm)
        if self._held + size > MOST_HELD:
            raise _full(turns)
        self._held += size
        try:
            await turns.take(rank)
            # In a context of its own, and to its end, whoever hangs up: a process can't be told that nobody listens.
            task = asyncio.create_task(self._made(order), context=Context())
            self._under_way.add(task)
            task.add_done_callback(partial(self._leave, turns))
            return await asyncio.shield(task)
        except Full:
            raise _full(turns) from None
        finally:
            self._held -= size

    def _leave(self, turns: Turns, task: asyncio.Task[Clip]) -> None:
        self._under_way.discard(task)
        turns.leave()

    async def _made(self, order: Order) -> Clip:
        try:
            try:
                return await self._made_by(self._taken() or await self._fresh(), order)
            except Died:
                log.warning("speech.worker_died", again=True)
            # It may have been dead for long, and so may the other idle ones.
            return await self._made_by(await self._fresh(), order)
        except Died:
            log.warning("speech.worker_died", again=False)
            raise SpeechUnavailable("the sound could not be finished") from None
        except NotStarted as failed:
            raise SpeechUnavailable(f"no process for sound could be started ({failed})") from None

    async def _made_by(self, worker: Worker, order: Order) -> Clip:
        if self._closed:
            await self._in_thread(worker.bury)
            raise _over()
        self._busy.add(worker)
        answering = self._in_thread(worker.finish, order)
        timer = asyncio.get_running_loop().call_later(self._seconds, worker.kill)
        fit = False
        try:
            clip = await asyncio.shield(answering)
            fit = True
        except asyncio.CancelledError:  # the loop is about to end
            worker.kill()
            # Until its thread has seen that: it has the pipes.
            await asyncio.wait([answering])
            raise
        except Wrong:
            log.warning("speech.worker_wrong")
            raise SpeechUnavailable("the sound could not be finished") from None
        except Died:
            if self._closed:
                raise _over() from None
            if timer.when() <= asyncio.get_running_loop().time():
                log.warning("speech.worker_hung", seconds=self._seconds)
                raise SpeechUnavailable("the sound could not be finished in time") from None
            raise
        finally:
            timer.cancel()
            self._busy.discard(worker)
            if fit and not self._closed:
                self._idle[worker] = asyncio.get_running_loop().call_later(self._idle_for, self._end, worker)
            else:
                await self._in_thread(worker.bury)
        if clip is None:
            raise SpeechUnavailable("the sound could not be finished: it is none")
        return clip

    def _taken(self) -> Worker | None:
        if not self._idle:
            return None
        worker, timer = self._idle.popitem()
        timer.cancel()
        return worker

    def _end(self, worker: Worker) -> None:
        self._idle.pop(worker).cancel()
        ending = self._in_thread(worker.bury)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _fresh(self) -> asyncio.Future[Worker]:
        return self._in_thread(Worker, self._program)

    def _in_thread(
        self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments
    ) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _full(turns: Turns) -> SpeechUnavailable:
    log.warning("speech.workshop_full", waiting=turns.waiting)
    return SpeechUnavailable("too much speech is being made at once")


def _over() -> SpeechUnavailable:
    return SpeechUnavailable("nothing is finished any more")
