"""What is in the outbox is posted: at least once, with the same id and the same bytes on every try.

It keeps nothing that the outbox does not know: a process that dies takes no delivery with it, and one that was posted
and not yet crossed out is posted again. The bodies of answers are not looked at.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, assert_never

import structlog

from otpvoice.adapters.outbound.answers import Unreached
from otpvoice.adapters.store.ports import Delivery, Outbox
from otpvoice.adapters.webhooks.attempts import Attempt, Made, lag_of
from otpvoice.adapters.webhooks.insisting import Insisting
from otpvoice.adapters.webhooks.posting import (
    AccountHooks,
    AuthUnsealable,
    Client,
    Poster,
    Unseal,
    host_of,
    nothing_opens,
)
from otpvoice.adapters.webhooks.rounds import Bounds, Ended, Rest, Rounds, until_rung
from otpvoice.adapters.webhooks.verdict import Again, Arrived, EndpointGone, Never, Verdict, of_answer, of_fault

log = structlog.get_logger(__name__)


class Dispatcher:
    """Posts what the outbox has for ``accounts``; deliveries of others stay where they are.

    ``unseal`` opens what goes along in the header Authorization; where it can't, that is a failure like others: the
    key may come back. ``clock``: Unix seconds, sent with each attempt. ``chance``: draws from [0, 1), for the jitter of
    the schedule. ``sleep``, ``rest``: wait so many seconds, for the outbox and for something to do. ``attempted`` is
    told of each attempt. Since the start: ``delivered``, ``failed`` attempts, ``dead`` letters; ``lag``: seconds that
    the last one to arrive took from the write to the arrival, None before there is one.
    """

    def __init__(
        self,
        outbox: Outbox,
        accounts: Mapping[str, AccountHooks],
        client: Client,
        *,
        unseal: Unseal = nothing_opens,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rest: Rest = until_rung,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        attempted: Callable[[Attempt], None] = lambda _: None,
    ) -> None:
        self._attempted = attempted
        self._outbox, self._poster = outbox, Poster(accounts, client, unseal)
        self._clock, self._chance, self._bounds = clock, chance, bounds
        self._insisting = Insisting(sleep)
        slots = asyncio.Semaphore(bounds.all)
        self._rounds = {
            account: Rounds(
                account, outbox, self._deliver, bounds=bounds, slots=slots, insisting=self._insisting, rest=rest
            )
            for account in accounts
        }
        self._running: list[asyncio.Task[None]] = []
        self._closed = False
        self.delivered = self.failed = self.dead = 0
        self.lag: float | None = None

    @property
    def under_way(self) -> int:
        """How many deliveries are being made now."""
        return sum(len(rounds.lanes) for rounds in self._rounds.values())

    async def run(self) -> None:
        """Deliver until ``close``. Cancelled, it takes nothing more; what is under way is for ``close`` to end."""
        if self._closed:
            return
        async with asyncio.TaskGroup() as group:
            self._running = [
                group.create_task(rounds.run(), name=f"webhooks of {account}")
                for account, rounds in self._rounds.items()
            ]

    def wake(self, account: str) -> None:
        """Something was written to the outbox of this account: look now."""
        if account in self._rounds:
            self._rounds[account].wake()

    async def close(self, within: float = 5.0) -> None:
        """Take nothing more, finish what is under way within so many seconds, and leave all else in the outbox.

        What was taken ahead is given back to it, in the same time.
        """
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        ending = {asyncio.create_task(rounds.give_back()) for rounds in self._rounds.values()}
        ending |= {lane for rounds in self._rounds.values() for lane in rounds.lanes}
        if not ending:
            return
        _, late = await asyncio.wait(ending, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for rounds in self._rounds.values():
            await rounds.close()

    async def _deliver(self, delivery: Delivery) -> Ended:
        now = asyncio.get_running_loop().time
        began = now()
        try:
            verdict = await self._attempt(delivery)
        except Exception as fault:  # a mistake of ours must not make one delivery come again for ever, nor stop others
            # By its kind alone: what it says may hold the URL.
            log.error("webhook.broken", **_named(delivery), fault=type(fault).__name__)
            verdict = of_fault("internal_error", attempts=delivery.attempts + 1, chance=self._chance())
        lag = lag_of(delivery, self._clock()) if isinstance(verdict, Arrived) else None
        self._attempted(Attempt(_MADE[type(verdict)], now() - began, lag))
        await self._note(delivery, verdict)
        return Ended(isinstance(verdict, Arrived), verdict.rest if isinstance(verdict, Again) else 0.0)

    async def _attempt(self, delivery: Delivery) -> Verdict:
        attempts = delivery.attempts + 1
        try:
            answer = await self._poster.post(
                delivery.account,
                delivery.endpoint,
                delivery.id,
                delivery.body,
                auth=delivery.auth,
                now=self._clock(),
                seconds=self._bounds.timeout,
            )
        except (Unreached, AuthUnsealable) as fault:
            return of_fault(fault.reason, attempts=attempts, chance=self._chance())
        return of_answer(
            answer.status,
            answer.headers.get("Retry-After"),
            attempts=attempts,
            now=self._clock(),
            chance=self._chance(),
        )

    async def _note(self, delivery: Delivery, verdict: Verdict) -> None:
        """Tell the outbox what became of one that did not arrive, however long that takes."""
        match verdict:
            case Arrived():
                # Crossed out by the rounds, with others.
                lag = max(self._clock() - delivery.created_at, 0.0)
                self.delivered, self.lag = self.delivered + 1, lag
                log.debug("webhook.delivered", **_named(delivery))
            case Again(reason, seconds):
                await self._insisting(lambda: self._outbox.put_back(delivery, seconds, reason))
                self.failed += 1
                log.info("webhook.failed", **_named(delivery), reason=reason, again_in=round(seconds, 1))
            case Never(reason):
                await self._give_up(delivery, reason)
            case EndpointGone(reason):
                # Given up first: should we die in between, the next answer is the same.
                await self._give_up(delivery, reason)
                await self._insisting(lambda: self._outbox.disable(delivery.account, delivery.endpoint))
                log.warning("webhook.endpoint_disabled", **_named(delivery), reason=reason)
            case _:
                assert_never(verdict)

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        await self._insisting(lambda: self._outbox.give_up(delivery, reason))
        self.failed += 1
        self.dead += 1
        log.error("webhook.dead", **_named(delivery), reason=reason, attempts=delivery.attempts + 1)


_MADE: Final = {
    Arrived: Made.DELIVERED,
    Again: Made.RETRIED,
    Never: Made.GIVEN_UP,
    EndpointGone: Made.ENDPOINT_GONE,
}


def _named(delivery: Delivery) -> dict[str, str]:
    return {
        "call": delivery.call,
        "account": delivery.account,
        "webhook": delivery.id,
        "host": host_of(delivery.endpoint),
    }
