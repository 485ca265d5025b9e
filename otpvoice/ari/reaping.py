"""What is left of a former life on an Asterisk, and what nobody asked for: ended, or let go.

It touches nothing that has an owner here, nor anything that may be another instance's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Set
from typing import Any, Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import Router
from otpvoice.ari.variables import lost
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

GONE_TRIES: Final = 100
GONE_EVERY: Final = 0.05
OWNER_COMES_WITHIN: Final = 1.0
"""Seconds for the ``StasisStart`` of a channel that came from a dialplan while we connected."""


def bridges_of(instance: str) -> re.Pattern[str]:
    """Return what matches the ids of this instance's bridges, and of no other's: ``a`` is not ``a-leg``."""
    return re.compile(rf"otpvoice-{re.escape(instance)}-(leg-[0-9]+-bridge|talk-call_\w+-[0-9]+)", re.ASCII)


class Reaper:
    """``app`` is the dialplan's application; whatever is in ``own_app`` was ordered by this instance."""

    def __init__(self, rest: AriRest, router: Router, *, app: str, own_app: str, instance: str) -> None:
        self._rest, self._router, self._app, self._own_app = rest, router, app, own_app
        self._bridges = bridges_of(instance)
        self._work: dict[str, asyncio.Task[None]] = {}

    async def alive(self, app: str) -> set[str]:
        """Return the ids of all channels that an application has, ringing ones included. Raises ``AriError``."""
        return set((await self._rest.get(f"applications/{app}"))["channel_ids"])

    async def reap(self, ours: Set[str], dialplans: Set[str]) -> None:
        """End channels and bridges of a former life; let callers go on. Raises ``AriError``.

        Former legs are gone before new ones come.
        """
        ownerless = {channel for channel in ours if channel not in self._router}
        for channel in ownerless:
            log.warning("ari.reaped", channel=channel)
            await CallChannel(self._rest, channel).hang_up()
        await self._gone(ownerless)
        for bridge in await self._rest.get("bridges"):
            # Bridges outlive their channels.
            if self._bridges.fullmatch(bridge["id"]) and bridge["id"] not in self._router:
                await self._rest.delete(f"bridges/{bridge['id']}")
        for channel in dialplans:
            if channel not in self._router:
                self._start(channel, self._let_go(channel))

    def hang_up(self, channel: str) -> None:
        """End a channel of our own that nobody waits for, beside all else."""
        self._start(channel, self._hang_up(channel))

    async def close(self) -> None:
        """Stop."""
        for task in self._work.values():
            task.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    def _start(self, channel: str, work: Coroutine[Any, Any, None]) -> None:
        if channel in self._work:
            work.close()
            return
        task = self._work[channel] = asyncio.create_task(work, name=f"reaping-{channel}")
        task.add_done_callback(lambda _: self._work.pop(channel, None))

    async def _hang_up(self, channel: str) -> None:
        log.warning("ari.reaped", channel=channel)
        try:
            await CallChannel(self._rest, channel).hang_up()
        except errors.AriError as error:
            log.warning("ari.not_reaped", channel=channel, error=type(error).__name__)

    async def _let_go(self, channel_id: str) -> None:
        """Somebody whom we answered in a former life hears nothing: whoever is in the dialplan can still be helped."""
        await asyncio.sleep(OWNER_COMES_WITHIN)
        channel = CallChannel(self._rest, channel_id)
        try:
            if channel_id in self._router or await channel.application() != self._app:
                return
            log.warning("ari.let_go", channel=channel_id)
            await channel.set_variables(lost(Fault.APP_LOST.value))
            await channel.go_on()
        except errors.AriError as error:
            log.warning("ari.not_let_go", channel=channel_id, error=type(error).__name__)

    async def _gone(self, channels: Set[str]) -> None:
        for _ in range(GONE_TRIES):
            if not channels or not channels & await self.alive(self._own_app):
                return
            await asyncio.sleep(GONE_EVERY)
        log.warning("ari.not_gone", app=self._own_app, channels=len(channels))
