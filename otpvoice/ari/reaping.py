"""What is left of a former life on an Asterisk, and what nobody asked for: ended, or let go.

It touches nothing that has an owner here, nor anything that may be another instance's.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Coroutine, Set
from typing import Any, Final

import structlog
from structlog.contextvars import bind_contextvars

from otpvoice.ari import errors, limit
from otpvoice.ari.application import channels_in
from otpvoice.ari.behalf import named_by
from otpvoice.ari.channel import OUT_OF_HAND, CallChannel
from otpvoice.ari.errands import Errands
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import Router
from otpvoice.ari.variables import found
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

GONE_TRIES: Final = 100
GONE_EVERY: Final = 0.05
MOST_KNOWN: Final = 10_000
"""Calls that are remembered to have had no owner."""
OWNER_COMES_WITHIN: Final = 1.0
"""Seconds for the ``StasisStart`` of a channel that came from a dialplan just now."""


def bridges_of(instance: str) -> re.Pattern[str]:
    """Return what matches the ids of this instance's bridges, and of no other's: ``a`` is not ``a-leg``."""
    return re.compile(rf"otpvoice-{re.escape(instance)}-(leg-[0-9]+-bridge|talk-call_\w+-[0-9]+)", re.ASCII)


class Reaper:
    """``app`` is the dialplan's application; whatever is in ``own_app`` was ordered by this instance.

    ``ownerless``: calls of our own that had no owner, the last ones: who asks what became of a former life's calls
    knows by them that there were channels.
    """

    def __init__(self, rest: AriRest, router: Router, *, app: str, own_app: str, instance: str) -> None:
        self._rest, self._router, self._app, self._own_app = rest, router, app, own_app
        self._bridges = bridges_of(instance)
        self.ownerless: deque[str] = deque(maxlen=MOST_KNOWN)
        self._seen_before: set[str] = set()
        self._at_work: set[str] = set()
        self._left_alone: set[str] = set()
        self._errands = Errands("reaping", lambda: None)

    async def reap(self, ours: Set[str], dialplans: Set[str]) -> None:
        """End channels and bridges of a former life; let its callers go on. Raises ``AriError``.

        Former legs are gone before new ones come.
        """
        ownerless = {channel for channel in ours if channel not in self._router}
        self._note(ownerless)
        for channel in ownerless:
            log.warning("ari.reaped", channel=channel, **named_by(channel))
            await CallChannel(self._rest, channel).hang_up()
        await self._gone(ownerless)
        for bridge in await self._ownerless_bridges():
            await self._rest.delete(f"bridges/{bridge}")
        self._let_all_go(dialplans, Fault.APP_LOST)

    async def look(self) -> None:
        """Let callers go on whom nobody knows, since no event told that they came. Raises ``AriError``.

        Of a channel whose extension is no UTF-8 Asterisk can't tell: ``Failed to pack JSON for StasisStart message``.

        What is ours and had no owner at the last look either is ended: nobody could be asked to when its call was over.
        """
        channels = {one for one in await channels_in(self._rest, self._own_app) if one not in self._router}
        bridges = await self._ownerless_bridges()
        for channel in channels & self._seen_before:
            self.hang_up(channel)
        for bridge in bridges & self._seen_before:
            await self._rest.delete(f"bridges/{bridge}")
        self._seen_before = channels | bridges
        callers = await channels_in(self._rest, self._app)
        self._left_alone &= callers
        self._let_all_go(callers, Fault.EVENTS_LOST)

    async def _ownerless_bridges(self) -> set[str]:
        """Bridges outlive their channels."""
        bridges = {bridge["id"] for bridge in await self._rest.get("bridges")}
        return {one for one in bridges if self._bridges.fullmatch(one) and one not in self._router}

    def hang_up(self, channel: str) -> None:
        """End a channel of our own that nobody waits for, beside all else."""
        self._note({channel})
        self._start(channel, self._hang_up(channel))

    async def close(self) -> None:
        """Stop."""
        await self._errands.end()

    def _note(self, channels: Set[str]) -> None:
        self.ownerless.extend(channel for channel in channels if channel.startswith("call_"))

    def _let_all_go(self, channels: Set[str], fault: Fault) -> None:
        for channel in channels:
            if channel not in self._router:
                self._start(channel, self._let_go(channel, fault))

    def _start(self, channel: str, work: Coroutine[Any, Any, None]) -> None:
        if channel in self._at_work:
            work.close()
            return
        self._at_work.add(channel)
        self._errands.start(work, channel).add_done_callback(lambda _: self._at_work.discard(channel))

    async def _hang_up(self, channel: str) -> None:
        log.warning("ari.reaped", channel=channel, **named_by(channel))
        try:
            await CallChannel(self._rest, channel).hang_up()
        except errors.AriError as error:
            log.warning("ari.not_reaped", channel=channel, **named_by(channel), error=type(error).__name__)

    async def _let_go(self, channel_id: str, fault: Fault) -> None:
        """Nobody speaks to whoever is on it, or will: but whoever is in the dialplan can still be helped."""
        await asyncio.sleep(OWNER_COMES_WITHIN)
        channel = CallChannel(self._rest, channel_id)
        try:
            in_it = channel_id in await channels_in(self._rest, self._app)
            if channel_id in self._router or not in_it:
                return
            names = ("OTPVOICE_CALL", "OTPVOICE_STATUS", limit.KEPT)
            call, status, kept = [await self._read(channel, name) for name in names]
            bind_contextvars(**named_by(call))
            await channel.set_variables(found(status, fault.value) | limit.restored(kept, time.time()))
            await self._send_on(channel)
        except OUT_OF_HAND:
            if channel_id not in self._left_alone:
                # Its Stasis() failed, and the subscription is what remains: the dialplan has it.
                log.info("ari.left_alone", channel=channel_id)
                self._left_alone.add(channel_id)
        except errors.AriError as error:
            log.warning("ari.not_let_go", channel=channel_id, error=type(error).__name__)
        else:
            log.warning("ari.let_go", channel=channel_id, reason=fault.value)

    async def _send_on(self, channel: CallChannel) -> None:
        try:
            await channel.go_on()
        except OUT_OF_HAND:
            raise
        except errors.Refused as refused:
            # Silence for ever is worse than an end.
            log.error("ari.not_continued", channel=channel.id, status=refused.status)
            await channel.hang_up()

    async def _read(self, channel: CallChannel, name: str) -> str | None:
        """Return a variable of ours, "?" where Asterisk refuses to say; None: never set. Raises ``AriError``."""
        try:
            return await channel.read(name)
        except errors.Refused:
            return "?"

    async def _gone(self, channels: Set[str]) -> None:
        for _ in range(GONE_TRIES):
            if not channels or not channels & await channels_in(self._rest, self._own_app):
                return
            await asyncio.sleep(GONE_EVERY)
        log.warning("ari.not_gone", app=self._own_app, channels=len(channels))
