"""The bridge in which two parties of a call hear each other, without us.

It moves channels in; who belongs in it, and where they go afterwards, is said by the line.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.backoff import backoff
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.node import AsteriskNode

log = structlog.get_logger(__name__)

TRIES: Final = 3
"""How often the bridge is asked for, and asked away: both are safe to repeat."""

KIND: Final = "mixing,dtmf_events,proxy_media"
"""Never ``native_rtp``, which is what Asterisk makes of two SIP channels else: there keys are not told of."""


class Talk:
    """``open`` it, let both ``enter``, and in the end ``close`` it. ``name``: the second party's channel."""

    def __init__(self, node: AsteriskNode, name: str) -> None:
        self.bridge_id = node.settings.talk_prefix + name
        self._node = node

    async def open(self) -> None:
        """Make the bridge. Raises ``AriError``."""
        self._node.router.register(self.bridge_id, lambda _: None)  # it has an owner: it is not reaped
        failed: errors.AriError | None = None
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            try:
                await self._node.rest.post(f"bridges/{self.bridge_id}", {"type": KIND, "name": self.bridge_id})
            except errors.DuplicateId:
                return  # the answer to our own request was lost
            except (errors.Unreachable, errors.AnswerLost) as error:
                failed = error
            else:
                return
        raise failed or errors.AriError("not asked for")

    async def enter(self, channel: CallChannel) -> bool:
        """Move a channel in. False: it is gone, or not in Stasis. Raises ``AriError``."""
        return await channel.enter(self.bridge_id)

    async def close(self) -> None:
        """Take the bridge away. What can't be is reaped at the next connection."""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            try:
                await self._node.rest.delete(f"bridges/{self.bridge_id}")
                break
            except errors.AriError as error:
                log.warning("talk.not_closed", bridge=self.bridge_id, error=type(error).__name__)
        self._node.router.forget(self.bridge_id)
