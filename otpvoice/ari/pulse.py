"""Are requests to an Asterisk answered? Asked now and then, while nobody else may be asking anything.

Events that come are no sign of it: they have a socket of their own, and Asterisk a thread for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest

log = structlog.get_logger(__name__)

EVERY: Final = 5.0
WITHIN: Final = 2.5
"""Seconds between requests that only want an answer, and for each of them."""
MISSES: Final = 2
"""How many in a row are not answered until it is said that none is: 15 s at most."""


class Pulse:
    """``felt``: requests are answered, as far as is known. ``told``: why they are not, "" when they are again."""

    def __init__(self, rest: AriRest, node: str, told: Callable[[str], None]) -> None:
        self.felt = True
        self._rest, self._node, self._told = rest, node, told

    async def feel(self) -> None:
        """Ask, for ever. Without an answer no call is placed, joined, or ended."""
        missed = 0
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._rest.get("asterisk/ping", within=WITHIN)
            except errors.AriError as error:
                missed += 1
                if missed == MISSES:
                    self.felt = False
                    self._told(f"no request is answered: {error}")
                    log.error("ari.unanswered", node=self._node, reason=str(error))
                continue
            if missed >= MISSES:
                self.felt = True
                self._told("")
                log.info("ari.answered_again", node=self._node)
            missed = 0
