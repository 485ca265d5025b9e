"""Hand a change over and go on: what the store does not take now is kept, and written when it is back.

It never makes a call wait, and never gives up by itself: what is left at shutdown goes back to the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import replace
from itertools import chain, islice
from typing import Final

import structlog

from otpvoice.adapters.backoff import LONGEST, pause_after
from otpvoice.adapters.store import CallRecord, Change, Estate, Store, StoreUnavailable
from otpvoice.adapters.store.change import going_on, over
from otpvoice.adapters.store.record import ENDED, CallKey, standing_before

log = structlog.get_logger(__name__)

# Writes on the way at once while the store answers; one while it does not.
_ABREAST: Final = 8

# Seconds: while draining there is no time for long pauses.
_DRAINING_PAUSE = 0.2


class KeptWrites:
    """Changes on their way to ``store``: the last record of each call, and all that was told of it meanwhile, in order.

    To be used from one event loop.

    ``limit``: so many calls are kept at most. Over it a record that ended takes the place of one that goes on (that
    one will be written again, its events are lost); with none to give way, the newcomer is lost: an ERROR in the log
    with the call's id, and one more in ``dropped``. A record that ended is never given up for a younger one.
    ``sleep``: waits so many seconds between attempts. ``written`` is told of each change that the store has taken,
    ``adopted`` of each call that another life has taken over.
    """

    def __init__(
        self,
        store: Store,
        *,
        limit: int = 10_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        written: Callable[[Change], None] = lambda _: None,
        adopted: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._written, self._adopted = written, adopted
        self._limit = limit
        self._sleep = sleep
        # Written in this order, ended ones first: nothing but this holds them, while the others come again.
        self._ended: dict[CallKey, Change] = {}
        self._going_on: dict[CallKey, Change] = {}
        self._awaited: dict[CallKey, asyncio.Future[bool]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._pausing: asyncio.Future[None] | None = None
        self._failures = 0  # attempts in a row that the store did not take
        self._draining = False
        self._closed = False
        self.dropped = 0

    @property
    def pending(self) -> int:
        """How many calls have a record that is not written yet."""
        return len(self._ended) + len(self._going_on)

    def kept(self, account: str, call_id: str) -> CallRecord | None:
        """Return a record that is not written yet: newer than what the store has."""
        key = CallKey(account, call_id)
        kept = self._ended.get(key) or self._going_on.get(key)
        return None if kept is None else kept.record

    def save(self, change: Change) -> None:
        """Keep the record of a call that goes on, in place of an earlier one. ValueError if it is malformed.

        Events whose numbers were kept here before are the same ones again, and so are messages by their ids.
        """
        key = going_on(change)
        if key in self._ended:
            if change.events or change.messages:
                self._drop(key, change, "call_has_ended")
            return
        kept = self._going_on.get(key)
        if kept is not None:
            stands = kept.record["state"] in standing_before(change.record["state"])
            if stands and not (change.events or change.messages):
                return
            stays = kept if stands else change
            change = _with_all_that_was_told(stays, kept, change, estate=kept.estate or change.estate)
        self._keep(key, change, self._going_on)

    async def stands(self, account: str, call_id: str, within: float) -> bool | None:
        """Wait until what is kept of a call is written. None: it is not within so many seconds; False: never will be.

        It is never written where the call is another owner's by now, or has ended meanwhile. To be asked in the very
        step in which it was saved.
        """
        key = CallKey(account, call_id)
        if key not in self._going_on:
            return False  # there was no room, or it is closed
        answer = self._awaited.get(key)
        if answer is None or answer.done():
            answer = self._awaited[key] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(answer)
        except TimeoutError:
            return None
        finally:
            if self._awaited.get(key) is answer:
                del self._awaited[key]

    def finish(self, change: Change) -> None:
        """Keep the record of a call that ended, in place of any other. The first end stands. ValueError as above."""
        key = over(change)
        if key in self._ended:
            return
        kept = self._going_on.pop(key, None)
        if kept is not None:
            change = _with_all_that_was_told(change, kept, change, estate=kept.estate)
        self._keep(key, change, self._ended)

    async def drain(self, timeout: float) -> tuple[Change, ...]:  # noqa: ASYNC109 - it ends with an answer
        """Write what is left within ``timeout`` s, and close: what comes later is dropped.

        Returns what could not be written, ended calls first. One whose write was under way may be in the store as well.
        """
        self._draining = True
        if self._pausing is not None:
            self._pausing.cancel()
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        try:
            # A record that comes meanwhile may start the task anew.
            while self._writing is not None and not self._writing.done() and now() < deadline:
                await asyncio.wait({self._writing}, timeout=deadline - now())
        finally:
            self._closed = True
            if self._writing is not None:
                self._writing.cancel()
                await asyncio.wait({self._writing})
        left = (*self._ended.values(), *self._going_on.values())
        self._ended.clear()
        self._going_on.clear()
        for key in self._awaited:
            self._answer(key, stands=False)
        return left

    def _keep(self, key: CallKey, change: Change, where: dict[CallKey, Change]) -> None:
        if self._closed:
            self._drop(key, change, "closed")
            return
        if key not in where and self.pending >= self._limit:
            if where is self._going_on or not self._going_on:
                self._drop(key, change, "no_room")
                return
            giving_way = next(iter(self._going_on))
            self._drop(giving_way, self._going_on.pop(giving_way), "gave_way")
        where[key] = change
        if self._writing is None or self._writing.done():
            # In a context of its own: it writes for all calls, and not for whoever came first.
            self._writing = asyncio.create_task(self._write_all(), name="kept writes", context=Context())

    def _drop(self, key: CallKey, change: Change, why: str) -> None:
        self.dropped += 1
        told = {"events": len(change.events), "messages": len(change.messages)}
        lost = {"reason": why, **told, "dropped": self.dropped}
        log.error("store.record_dropped", call=key.id, account=key.account, **lost)
        self._answer(key, stands=False)

    def _answer(self, key: CallKey, *, stands: bool) -> None:
        answer = self._awaited.get(key)
        if answer is not None and not answer.done():
            answer.set_result(stands)

    async def _write_all(self) -> None:
        """Until nothing is left. A later record starts the task again."""
        while self.pending:
            batch = tuple(islice(self._in_line(), 1 if self._failures else _ABREAST))
            if len(batch) == 1:  # most often; a task of its own would be a tenth of what the write costs
                results = [await self._write(*batch[0])]
            else:
                async with asyncio.TaskGroup() as writes:
                    attempts = [writes.create_task(self._write(key, change)) for key, change in batch]
                results = [attempt.result() for attempt in attempts]
            faults = [fault for fault in results if fault is not None]
            # One record that the store refuses for itself does not hold up the others.
            if len(faults) < len(results):
                self._store_answered()
            else:
                await self._pause_after(faults[0])

    def _in_line(self) -> Iterable[tuple[CallKey, Change]]:
        # Whoever waits for a write has somebody waiting to be called.
        first = [(key, self._going_on[key]) for key in self._awaited if key in self._going_on]
        others = ((key, change) for key, change in self._going_on.items() if key not in self._awaited)
        return chain(first, self._ended.items(), others)

    async def _write(self, key: CallKey, change: Change) -> StoreUnavailable | None:
        where = self._ended if change.record["state"] == ENDED else self._going_on
        try:
            taken = await (self._store.finish(change) if where is self._ended else self._store.save(change))
        except StoreUnavailable as fault:
            if where.get(key) is change:  # to the end of the line, unless a later one has taken its place
                del where[key]
                where[key] = change
            return fault
        except Exception as fault:  # a record that can't be written must not stop all others
            if where.get(key) is change:
                del where[key]
            self._drop(key, change, type(fault).__name__)
            return None
        if not taken and where is self._going_on:
            self._let_go(key)
            return None
        self._written(change)
        if where.get(key) is change:
            del where[key]
            self._answer(key, stands=where is self._going_on)
        elif change.events or change.messages:
            self._strip(key, change)
        return None

    def _let_go(self, key: CallKey) -> None:
        """Another life has taken the call over: what becomes of it is told there, and nothing of it here."""
        log.warning("store.call_adopted", call=key.id, account=key.account)
        self._going_on.pop(key, None)
        self._answer(key, stands=False)
        self._adopted(key.id)

    def _strip(self, key: CallKey, written: Change) -> None:
        """What was told by now need not be told by the change that has taken its place."""
        last, ids = written.events[-1].number if written.events else 0, {each.id for each in written.messages}
        for where in (self._ended, self._going_on):
            if (later := where.get(key)) is not None:
                events = tuple(event for event in later.events if event.number > last)
                messages = tuple(each for each in later.messages if each.id not in ids)
                where[key] = replace(later, events=events, messages=messages)

    def _store_answered(self) -> None:
        if self._failures:
            log.info("store.writes_taken", calls=self.pending)
        self._failures = 0

    async def _pause_after(self, fault: StoreUnavailable) -> None:
        if not self._failures:
            log.warning("store.writes_not_taken", reason=fault.reason, calls=self.pending)
        self._failures += 1
        longest = _DRAINING_PAUSE if self._draining else LONGEST
        self._pausing = asyncio.ensure_future(self._sleep(pause_after(self._failures, longest=longest)))
        try:
            # Not awaited itself: drain() cancels the pause, and only the pause.
            await asyncio.wait({self._pausing})
        finally:
            self._pausing.cancel()
            self._pausing = None


def _with_all_that_was_told(change: Change, kept: Change, later: Change, *, estate: Estate | None) -> Change:
    """Return a change with what the kept one and the later one tell, each once and in order."""
    last, ids = kept.events[-1].number if kept.events else 0, {each.id for each in kept.messages}
    events = (*kept.events, *(event for event in later.events if event.number > last))
    messages = (*kept.messages, *(each for each in later.messages if each.id not in ids))
    return replace(change, events=events, messages=messages, estate=estate)
