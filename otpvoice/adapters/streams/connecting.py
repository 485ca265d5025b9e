"""Connections of one stream, one after the other: the first one, and those that mend what broke.

It judges how often and how long that is tried. What is said on a connection is not its business.
"""

from __future__ import annotations

import asyncio
from typing import Final

from otpvoice.adapters.backoff import pause_after
from otpvoice.adapters.streams.dialling import Dialled, Dialler, NotConnected
from otpvoice.adapters.streams.frames import LOST
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.socket import Ending
from otpvoice.core.actions import Stream
from otpvoice.media.streams.words import Facts, Format

_MENDED: Final = frozenset({1001, LOST, 1011, 1012, 1013, 1014})
"""Close codes (RFC 6455, 7.4.1, and its registry) after which a stream that listens is connected again: the other side,
or the way to it, broke down or restarts. All others were meant: it wants no more, or does not want what we send."""
_UNHEARD: Final = frozenset({"no_pong", "slow_consumer"})
"""What we end a connection for where a new one may fare better."""
_HOPELESS: Final = frozenset({"blocked", "bad_url", "bad_auth", "bad_answer", "redirect"})
"""What ends the trying. A status is not among it: what is behind a proxy is 404 or 403, too, while it restarts."""
_BROKE_DOWN: Final = _MENDED - {1001}
"""Who talks and ends so has not left: something went wrong over there, or on the way."""
_REJECTS: Final = frozenset({1002, 1003, 1007, 1009})
"""It can't make anything of what we send."""


class Connecting:
    """Connects one stream."""

    def __init__(
        self, dialler: Dialler, order: Stream, how: Format, facts: Facts, *, timings: Timings, limits: Limits
    ) -> None:
        self._dialler, self._order, self._how, self._facts = dialler, order, how, facts
        self._timings, self._limits = timings, limits
        self._failures = 0

    async def connect(self) -> Dialled:
        """Return the first connection. Raises ``NotConnected``."""
        return await self._dialler.dial(self._order, self._how, self._facts)

    def may_mend(self, ending: Ending) -> bool:
        """Is a stream connected again after this? Who talks is not: the other side has forgotten what was said."""
        if self._order.talks:
            return False
        return ending.code in _MENDED if ending.error is None else ending.error in _UNHEARD

    def fault_of(self, ending: Ending) -> str | None:
        """Return the word for what was wrong with an end that is not mended; None: nothing, it was meant."""
        word = ending.error
        if word is None and ending.code in _REJECTS:
            word = "rejected"
        elif word is None and ending.code in _BROKE_DOWN:
            word = "lost"
        return word

    async def connect_again(self, ending: Ending, *, proven: bool) -> Dialled:
        """Return the next connection. ``proven``: the one that ended had lived for a while. Raises ``NotConnected``."""
        now = asyncio.get_running_loop().time
        until = now() + self._timings.unconnected
        self._failures = 0 if proven else self._failures + 1
        word = ending.error or "lost"
        while self._failures < self._limits.failures and word not in _HOPELESS:
            pause = pause_after(
                self._failures + 1, first=self._timings.first_pause, longest=self._timings.longest_pause
            )
            if now() + pause >= until:
                break
            await asyncio.sleep(pause)
            try:
                return await self._dialler.dial(self._order, self._how, self._facts, tries=1, until=until)
            except NotConnected as fault:
                word = fault.word
                self._failures += 1
        raise NotConnected(word, final=True)
