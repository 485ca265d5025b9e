"""The rounds of one account: what is due is taken from the outbox, endpoint by endpoint, and given to a lane.

No endpoint waits for another: each has lanes of its own, and only one until it has shown that it takes something, so
that a dead one takes next to nothing from those that live. Nothing is taken that is not posted at once, but for an
endpoint that is quick, of which a few are taken ahead; they go back when it fails. All else stays in the outbox.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from otpvoice.adapters.store.ports import Delivery, Outbox
from otpvoice.adapters.webhooks.ahead import Ahead
from otpvoice.adapters.webhooks.crossing_out import CrossingOut
from otpvoice.adapters.webhooks.insisting import Insisting

log = structlog.get_logger(__name__)

LONGEST_REST: Final = 1.0
"""Seconds after which the outbox is looked at in any case: other processes fill it, too."""
SHORTEST_REST: Final = 0.05
LONGEST_TURN: Final = 0.05
"""Seconds for which a lane begins another post, before it is for others to have its place."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many deliveries may be under way at once: to an endpoint, of an account, of all. ``timeout`` of each, s.

    ``ahead``: so many more may be taken for an endpoint that took one after the other, each within ``quick`` s.
    """

    endpoint: int = 4
    account: int = 32
    all: int = 256
    timeout: float = 15.0
    ahead: int = 28
    quick: float = 1.0

    @property
    def lease(self) -> float:
        """Seconds after which a delivery that was taken is anybody's again: time to post it, and to say so."""
        return 2 * self.timeout

    @property
    def ahead_for(self) -> float:
        """Seconds after the taking within which a post begins: what is left of the lease is enough for it."""
        return self.lease - self.timeout


@dataclass(frozen=True, slots=True)
class Ended:
    """How a post ended. ``fine``: the endpoint took it. ``rest``: seconds for which it wants to be left alone."""

    fine: bool
    rest: float = 0.0


class Deliver(Protocol):
    """Posts one delivery, and tells the outbox what became of it where it did not arrive."""

    def __call__(self, delivery: Delivery, /) -> Awaitable[Ended]: ...


class Rest(Protocol):
    """Returns when the bell rings, or after so many seconds."""

    def __call__(self, bell: asyncio.Event, seconds: float, /) -> Awaitable[object]: ...


async def until_rung(bell: asyncio.Event, seconds: float) -> None:
    """Rest."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()


class Rounds:
    """``run`` goes on until it is cancelled, and never waits for a lane; ``lanes``: those under way.

    ``slots``: of all accounts together, first come, first served.
    """

    def __init__(
        self,
        account: str,
        outbox: Outbox,
        deliver: Deliver,
        *,
        bounds: Bounds,
        slots: asyncio.Semaphore,
        insisting: Insisting,
        rest: Rest,
    ) -> None:
        self._account, self._outbox, self._deliver = account, outbox, deliver
        self._bounds, self._slots, self._insisting, self._rest = bounds, slots, insisting, rest
        self.lanes: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._held: set[tuple[str, str]] = set()
        # In the order of their turns: who was served goes to the end.
        self._waiting: dict[str, None] = {}
        # How many it took, one quickly after the other.
        self._taking: dict[str, int] = {}
        self._ahead = Ahead()
        self._crossing_out = CrossingOut(outbox, insisting)
        self._left_alone: dict[str, float] = {}
        self._bell = asyncio.Event()
        self._look_now = True

    def wake(self) -> None:
        """Something was written to the outbox."""
        self._look_now = True
        self._bell.set()

    async def run(self) -> None:
        """Go round."""
        now = asyncio.get_running_loop().time
        next_look = now()
        while True:
            self._bell.clear()
            if self._look_now or now() >= next_look:
                self._look_now = False
                next_look = now() + await self._look(now())
            for endpoint in tuple(self._waiting):
                await self._serve(endpoint)
            if not self._bell.is_set():
                await self._rest(self._bell, max(next_look - now(), 0))
                self._look_now = self._look_now or not self._bell.is_set()

    async def give_back(self) -> None:
        """Make due now all that was taken ahead. For the end: ``run`` is over."""
        await self._give_back(*self._ahead.endpoints)

    async def close(self) -> None:
        """Cross nothing more out. For the end: there are no lanes any more."""
        await self._crossing_out.close()

    async def _look(self, now: float) -> float:
        """See who has something due. Returns the seconds until it is worth a look again."""
        due, next_due = await self._insisting(lambda: self._outbox.due(self._account))
        self._forget(due, now)
        self._waiting |= dict.fromkeys(due)
        return LONGEST_REST if next_due is None else min(max(next_due, SHORTEST_REST), LONGEST_REST)

    def _forget(self, due: Iterable[str], now: float) -> None:
        """What is known of endpoints is kept while they have something: requests choose them, without end."""
        kept = {*due, *self._under_way, *self._ahead.endpoints}
        self._taking = {endpoint: took for endpoint, took in self._taking.items() if endpoint in kept}
        self._left_alone = {endpoint: until for endpoint, until in self._left_alone.items() if until > now}

    async def _serve(self, endpoint: str) -> None:
        """Start lanes for what is due for an endpoint, as far as there is room."""
        if endpoint in self._left_alone:
            del self._waiting[endpoint]
            await self._give_back(endpoint)
            return
        room = self._room(endpoint)
        if room <= 0:
            return  # the end of a lane rings
        places = await self._slots_of(room)
        more, fresh = True, self._ahead.pick(endpoint, places, asyncio.get_running_loop().time())
        if not fresh:
            await self._give_back(endpoint)
            fresh, more = await self._take(endpoint, places)
        for _ in range(places - len(fresh)):
            self._slots.release()
        for delivery in fresh:
            self._start(delivery)
        del self._waiting[endpoint]
        if more:
            self._waiting[endpoint] = None
            if self._room(endpoint) > 0:
                self._bell.set()

    async def _take(self, endpoint: str, places: int) -> tuple[list[Delivery], bool]:
        """Take what is due, and hold what is more than there are places for. Is there more?"""
        most = places + min(max(self._taking.get(endpoint, 0) - self._bounds.endpoint, 0), self._bounds.ahead)
        until = asyncio.get_running_loop().time() + self._bounds.ahead_for
        taken = await self._insisting(
            lambda: self._outbox.take(self._account, endpoint, most=most, lease=self._bounds.lease)
        )
        # Where the lease ran out before the outbox could be told: it will be, and need not be posted again.
        fresh = [delivery for delivery in taken if (endpoint, delivery.id) not in self._held]
        if len(fresh) > places:
            self._ahead.put(endpoint, fresh[places:], until)
        return fresh[:places], len(taken) == most or len(fresh) > places

    async def _give_back(self, *endpoints: str) -> None:
        """Make due now what was taken ahead for endpoints."""
        back = [delivery for endpoint in endpoints for delivery in self._ahead.clear(endpoint)]
        if back:
            await self._insisting(lambda: self._outbox.give_back(*back))

    def _room(self, endpoint: str) -> int:
        lanes = self._bounds.endpoint if endpoint in self._taking else 1
        return min(lanes - self._under_way[endpoint], self._bounds.account - len(self.lanes))

    async def _slots_of(self, room: int) -> int:
        """Wait for one slot, and have as many as are free: at most ``room``."""
        await self._slots.acquire()
        got = 1
        while got < room and not self._slots.locked():
            await self._slots.acquire()
            got += 1
        return got

    def _start(self, delivery: Delivery) -> None:
        self._under_way[delivery.endpoint] += 1
        lane = asyncio.create_task(self._lane(delivery), name=f"webhook {delivery.id}")
        self.lanes.add(lane)
        lane.add_done_callback(lambda lane: self._done(lane, delivery.endpoint))

    async def _lane(self, delivery: Delivery) -> None:
        """Post one, and for a turn's time what was taken ahead; it ends when all that arrived is crossed out."""
        now = asyncio.get_running_loop().time
        over, endpoint = now() + LONGEST_TURN, delivery.endpoint
        turn = [delivery]
        arrived: list[Delivery] = []
        try:
            while turn:
                delivery = turn.pop()
                self._held.add((endpoint, delivery.id))
                if not await self._post(delivery):
                    break
                arrived.append(delivery)
                self._crossing_out.arrived(delivery)
                if now() < over:
                    turn = self._ahead.pick(endpoint, 1, now())
            if arrived:
                await self._crossing_out.at_once(arrived[-1])
        except Exception as fault:
            # Its lease runs out, and it comes again. By its kind alone: what it says may hold the URL.
            whose = {"call": delivery.call, "account": self._account, "webhook": delivery.id}
            log.error("webhook.broken", **whose, fault=type(fault).__name__)
        finally:
            self._held.difference_update((endpoint, each.id) for each in (delivery, *arrived))

    async def _post(self, delivery: Delivery) -> bool:
        """Post one, and learn from it what the endpoint can take. Did it arrive?"""
        now = asyncio.get_running_loop().time
        begin, endpoint = now(), delivery.endpoint
        ended = await self._deliver(delivery)
        if ended.fine:
            quick = now() - begin <= self._bounds.quick
            self._taking[endpoint] = self._taking.get(endpoint, 0) + 1 if quick else 1
            return True
        self._taking.pop(endpoint, None)
        if ended.rest:
            self._left_alone[endpoint] = now() + ended.rest
        await self._give_back(endpoint)
        return False

    def _done(self, lane: asyncio.Task[None], endpoint: str) -> None:
        self.lanes.discard(lane)
        self._slots.release()
        self._under_way[endpoint] -= 1
        if not self._under_way[endpoint]:
            del self._under_way[endpoint]
        if self._waiting:
            self._bell.set()
