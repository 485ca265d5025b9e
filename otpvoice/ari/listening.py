"""Listening in on a party for as long as it is wanted: a snoop, and another one where that broke off.

It decides nothing: what is heard goes to an ear, and what becomes of it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass

import structlog

from otpvoice.ari import errors
from otpvoice.ari.backoff import backoff
from otpvoice.ari.ears import Ear
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.snoop import Snoop, Spy

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told: that nothing can be heard for now, each time that a try fails; that the party's channel is gone.

    Neither waits or raises.
    """

    deaf: Callable[[], None]
    gone: Callable[[], None]


class Listening:
    """``spy``: what the channel says (``in``) or hears (``out``). ``name``: what the ids of its snoops begin with.

    ``begin`` it once; ``close`` it in the end. ``heard`` is set while there is a snoop.
    """

    def __init__(  # noqa: PLR0917 - whom, what, by which name; who hears, and who is told
        self, node: AsteriskNode, channel_id: str, spy: Spy, name: str, ear: Ear, told: Told
    ) -> None:
        self.heard = asyncio.Event()
        self._node, self._channel_id, self._spy, self._name = node, channel_id, spy, name
        self._ear, self._told = ear, told
        self._snoop: Snoop | None = None
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Listen, from now on."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    def after_gap(self, alive: Set[str]) -> None:
        """The events socket was away and is back. ``alive``: all channels of our applications."""
        if self._snoop is not None:
            self._snoop.after_gap(alive)

    async def close(self) -> None:
        """Stop. Nothing is told any more, nor heard; returns when the leg is back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._snoop is not None:
            await self._snoop.close()

    async def _run(self) -> None:
        tries = snoops = 0
        while True:
            snoops += 1
            self._ended.clear()
            snoop_id = f"{self._name}-{snoops}"
            snoop = self._snoop = Snoop(self._node, self._channel_id, self._spy, snoop_id, self._ear, self._ended.set)
            try:
                opened = await snoop.open()
            except (NoLegFree, errors.AriError) as error:
                log.warning("listening.not_begun", channel=self._channel_id, error=type(error).__name__)
                opened = False
                self._told.deaf()
            except Exception:
                log.exception("listening.broken", channel=self._channel_id)
                opened = False
                self._told.deaf()
            if opened:
                tries = 0
                self.heard.set()
                await self._ended.wait()
                self.heard.clear()
            there = (opened and not snoop.gone) or await self._party_is_there(snoop)
            await snoop.close()
            if not there:
                self._told.gone()
                return
            await asyncio.sleep(backoff(tries, 0))
            tries += 1

    async def _party_is_there(self, snoop: Snoop) -> bool:
        """Ask, also where nothing was tried. While nobody tells us of this Asterisk it may be another one, which knows
        nobody of before: whoever is told of that says so.
        """
        return await snoop.party_is_there() or not self._node.connected
