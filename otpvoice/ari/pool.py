"""The pool of media legs of one Asterisk: made, connected and retired one at a time, never on the path of a call.

The reason is a scar. ``chan_websocket`` (22.10, unfixed in August 2026) looks a connecting socket up without the lock
under which ending legs are removed (``ao2_weakproxy_find(..., OBJ_NOLOCK)`` in ``incoming_ws_established_cb`` against
``hash_ao2_node_destructor``); when both happen at once the lock can be lost for good, and from then on every leg hangs
until Asterisk is restarted. So one keeper does all of it in turn, ahead of need, and retiring waits until Asterisk has
said that the channel is gone. A leg that does not come up in time means that this has happened: ``wedged``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Set
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import structlog

from otpvoice.ari import errors
from otpvoice.ari.behalf import Behalf
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.making import COMES_UP_WITHIN, NOT_MADE, LegMaker, LegSettings
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import Router
from otpvoice.core.timeline import STOOD_STILL

log = structlog.get_logger(__name__)

LEFT_WITHIN: Final = 1.0
"""Seconds for the event that says that the call's channel has left the leg's bridge."""
RETRY: Final = 1.0
"""Seconds before the next try when a leg could not be made; each failure doubles them."""
RETRY_LONGEST: Final = 60.0
"""A wedged Asterisk keeps a thread and a session of its HTTP server for each try, until it is restarted."""
ON_ITS_WAY: Final = 0.1
"""Seconds for an order whose answer we do not wait for to be carried out: before that there is nothing to take back."""
UNDONE_WITHIN: Final = 1.0
"""Seconds for taking back a leg that was being made when we stop, or lose the connection."""
QUIET: Final = 5.0
"""Seconds without any work after which one leg too many is retired."""


class NoLegFree(Exception):
    """All legs are taken and no more may be made; none came free in the time given."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """``prefix``: of leg ids; their numbers follow ``last_number``. See ``LegPool`` for the others.

    A number of a former life must not come again while its leg lives: ``externalMedia`` with an id that is in use ends
    Asterisk 22.10.1.
    """

    prefix: str
    minimum: int
    maximum: int
    legs: LegSettings
    last_number: int = 0


class LegPool:
    """``minimum`` legs are kept free ahead of need; there are never more than ``maximum``."""

    def __init__(self, rest: AriRest, http: aiohttp.ClientSession, router: Router, settings: PoolSettings) -> None:
        self.wedged = False
        self.not_made = 0  # since the start
        self._rest, self._settings = rest, settings
        self._number = settings.last_number
        self._free: deque[MediaLeg] = deque()
        self._taken: set[MediaLeg] = set()
        self._retiring: deque[MediaLeg] = deque()
        self._waiters: deque[asyncio.Future[MediaLeg]] = deque()
        self._work = asyncio.Event()
        self._maker = LegMaker(rest, http, router, settings.legs, on_lost=self._work.set)
        self._done = asyncio.Event()
        self._busy = self._closing = self._doubted = False
        self._failures = 0
        self._retry_at = 0.0

    @property
    def free(self) -> int:
        """Legs that wait."""
        return len(self._free)

    @property
    def taken(self) -> int:
        """Legs that calls have."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """Calls that wait for a leg."""
        return len(self._waiters)

    @property
    def limit(self) -> int:
        """Legs that there may be."""
        return self._settings.maximum

    @property
    def ids(self) -> set[str]:
        """Ids of all legs that are ours: whatever else bears our prefix is nobody's."""
        return {leg.channel_id for leg in (*self._free, *self._taken, *self._retiring)}

    # --- for calls --------------------------------------------------------------------------------------------------

    async def take(self, within: float) -> MediaLeg:
        """Return a leg. Raises ``NoLegFree`` when none came free within so many seconds, ``MediaWedged`` at once."""
        leg = await self._take(within)
        leg.behalf = Behalf()
        return leg

    async def _take(self, within: float) -> MediaLeg:
        self._drop_lost()
        if self._free:
            leg = self._free.popleft()
            self._taken.add(leg)
            self._work.set()
            return leg
        if self.wedged:
            raise _wedged()
        waiter: asyncio.Future[MediaLeg] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._work.set()
        try:
            await asyncio.wait({waiter}, timeout=within)
        except asyncio.CancelledError:
            if waiter.done() and waiter.exception() is None:  # it came in the same moment: not lost
                self._taken.discard(waiter.result())
                self._offer(waiter.result())
            raise
        finally:
            if not waiter.done():
                waiter.cancel()
                self._waiters.remove(waiter)
        if waiter.cancelled():
            raise NoLegFree(f"no media leg came free within {within:g} s")
        return waiter.result()

    async def give_back(self, leg: MediaLeg) -> None:
        """Return a leg after a call; a second time, nothing happens. Unless it proves clean it is retired."""
        if leg not in self._taken:
            return
        clean = False
        try:
            clean = not (self._closing or leg.lost) and await self._is_alone(leg) and await leg.clean()
        finally:
            self._taken.discard(leg)
            leg.behalf = Behalf.of_nobody()
            if clean:
                self._offer(leg)
            else:
                log.info("leg.retired", leg=leg.channel_id)
                self._retiring.append(leg)
            self._work.set()

    async def _is_alone(self, leg: MediaLeg) -> bool:
        """Is nobody else in the leg's bridge? By the events, and by asking where they fail to come."""
        if await leg.left_alone(LEFT_WITHIN):
            return True
        try:
            bridge = await self._rest.get(f"bridges/{leg.bridge_id}")
        except errors.AriError:
            return False
        return bool(bridge["channels"] == [leg.channel_id])

    def after_gap(self, alive: Set[str]) -> None:
        """The node is connected again: legs that Asterisk does not know are lost, whatever their sockets say."""
        for leg in (*self._free, *self._taken):
            if leg.channel_id not in alive:
                leg.give_up()

    # --- the keeper -------------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Make and retire legs, one at a time, for as long as the node is connected. Run as one task."""
        self._failures, self._retry_at = 0, 0.0
        try:
            while True:
                self._drop_lost()
                if self._retiring:
                    await self._busily(self._maker.retire(self._retiring.popleft()))
                elif self._wanted():
                    await self._busily(self._make())
                else:
                    await self._rest_or_shrink()
        finally:
            # While nobody is connected nobody can know; the next keeper begins with a try.
            self.wedged = False

    async def close(self) -> None:
        """Have the keeper retire all free legs, in turn. Calls that still have one keep it."""
        self._closing = True
        self._retiring.extend(self._free)
        self._free.clear()
        self._work.set()
        while self._retiring or self._busy:
            self._done.clear()
            await self._done.wait()

    async def _busily(self, work: Coroutine[Any, Any, None]) -> None:
        """``close`` waits for what is under way: a leg that comes up meanwhile is to be retired, too."""
        self._busy = True
        try:
            await work
        finally:
            self._busy = False
            self._done.set()

    async def _rest_or_shrink(self) -> None:
        """Nothing to do now. When it stays so, legs that a past rush has left over go, one at a time."""
        self._work.clear()
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._retry_at - now if now < self._retry_at else QUIET):
                await self._work.wait()
        except TimeoutError:
            if len(self._free) > 2 * self._settings.minimum:
                self._retiring.append(self._free.popleft())

    def _wanted(self) -> bool:
        total = len(self._free) + len(self._taken)
        needed = self._settings.minimum + len(self._taken) + len(self._waiters)
        if self._closing or asyncio.get_running_loop().time() < self._retry_at:
            return False
        # Where a leg did not come up one is tried, wanted or not: else nobody would ever see that it is over.
        return self._doubted or total < min(needed, self._settings.maximum)

    def _drop_lost(self) -> None:
        """Legs that died while they waited are retired like others: Asterisk may not have noticed."""
        for leg in [leg for leg in self._free if leg.lost]:
            self._free.remove(leg)
            self._retiring.append(leg)
            self._work.set()

    def _offer(self, leg: MediaLeg) -> None:
        if self._closing:
            self._retiring.append(leg)
            self._work.set()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._taken.add(leg)
                waiter.set_result(leg)
                return
        # The one that waited longest comes last: every leg is used in turn, and a broken one shows.
        self._free.append(leg)

    async def _make(self) -> None:
        self._number += 1
        leg_id = f"{self._settings.prefix}{self._number}"
        told = self._maker.expect(leg_id)
        leg: MediaLeg | None = None
        began = asyncio.get_running_loop().time()
        try:
            leg = await self._maker.make(leg_id, told)
        except NOT_MADE as error:
            # Where its time ran out much later than it should have, it was us who stood still.
            late = asyncio.get_running_loop().time() - began > COMES_UP_WITHIN + STOOD_STILL
            self._failed(leg_id, error, wedged=isinstance(error, TimeoutError) and not late)
            await self._maker.undo(leg_id, told)
        except asyncio.CancelledError:
            # Whoever stops the keeper in the middle of a leg leaves nothing of it behind.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNDONE_WITHIN):
                    await asyncio.sleep(ON_ITS_WAY)
                    await self._maker.undo(leg_id, told)
            raise
        finally:
            if leg is None:
                self._maker.forget(leg_id)
        if leg is not None:
            self.wedged = self._doubted = False
            self._failures = 0
            if len(self._free) + len(self._taken) < self._settings.maximum:
                self._offer(leg)
            else:
                self._retiring.append(leg)

    def _failed(self, leg_id: str, error: Exception, *, wedged: bool) -> None:
        self.wedged = wedged
        self.not_made += 1
        if self.wedged:
            self._doubted = True
            for waiter in self._waiters:
                waiter.set_exception(_wedged())
            self._waiters.clear()
        self._retry_at = asyncio.get_running_loop().time() + min(RETRY * 2**self._failures, RETRY_LONGEST)
        self._failures += 1
        log.error("leg.not_made", leg=leg_id, wedged=self.wedged, error=type(error).__name__)


def _wedged() -> errors.MediaWedged:
    return errors.MediaWedged("media legs do not come up: restart Asterisk")
