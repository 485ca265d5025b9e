"""What one party says, or hears, as frames: a snoop channel of ours in the bridge of a pooled leg.

The party notices nothing, and need not be in our hands: a channel that its dialplan has, one that rings, one that talks
in a bridge of somebody else's is snooped on alike. There is a message of 160 bytes each 20 ms from the first moment to
the last, silence where nothing is said (``res_stasis_snoop.c`` asks its audiohook 50 times a second, and fills up what
is missing). Sound goes through linear samples of the channel's rate. At 8000 Hz that changes one byte in mu-law, the
negative zero 7F becomes FF, and none in A-law. Where packets bunch Asterisk spreads them out, which delays them by as
much; of more than half a second at once it drops what is oldest. It costs Asterisk some 2.5 ms of CPU a second, a leg
that listens to its own party 0.8 ms.

One that we end has left its application and its bridge at once. Its channel is there until the other one handles its
next frame, or ends (``ast_audiohook_detach`` in ``main/audiohook.c`` waits for that): on hold, say, for as long. Its id
is not free before.

It decides nothing: whom to snoop on, and for how long, is the holder's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from typing import Final, Literal, TypeAlias

import structlog

from otpvoice.ari import errors
from otpvoice.ari.backoff import backoff
from otpvoice.ari.behalf import Behalf
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.ears import Ear
from otpvoice.ari.leg import LegEvent, MediaLeg
from otpvoice.ari.leg_events import within_seconds
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.router import AriEvent
from otpvoice.core.events import MediaLost

log = structlog.get_logger(__name__)

Spy: TypeAlias = Literal["in", "out"]
"""``in``: what the channel says; ``out``: what it hears."""
LEG_WITHIN: Final = 1.0
"""Seconds for a leg to come free."""
ENTERS_WITHIN: Final = 2.0
"""Seconds for the snoop's ``StasisStart``; some milliseconds mostly."""
TRIES: Final = 3
"""How often the snoop's hang-up is asked for."""


class Snoop:
    """``ear`` gets the audio. ``ended`` is called once, where a snoop that was opened ends by itself; then close it.

    It ends with the channel that it snoops on. A leg that dies meanwhile is replaced by another, and what was said in
    between is lost; where there is none it ends, too. ``open`` once; ``close`` at any time, from anywhere, as often as
    you like. An ``open`` that fails, or is cancelled, leaves nothing behind.
    """

    def __init__(  # noqa: PLR0917 - whom, what, by which name; and who hears
        self,
        node: AsteriskNode,
        channel_id: str,
        spy: Spy,
        snoop_id: str,
        ear: Ear,
        ended: Callable[[], None],
    ) -> None:
        self._node, self._spy, self._ear, self._ended = node, spy, ear, ended
        self._spied, self._channel = CallChannel(node.rest, channel_id), CallChannel(node.rest, snoop_id)
        self._leg: MediaLeg | None = None
        self._behalf = Behalf()
        self._told = asyncio.Event()  # that it is there, or gone
        self._registered = self._ordered = self._open = self._gone = False
        self._opening: asyncio.Task[bool] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def gone(self) -> bool:
        """Has Asterisk said that it is gone? It goes with the channel that it snoops on, or somebody ended it."""
        return self._gone

    async def party_is_there(self) -> bool:
        """Ask whether the channel that it snoops on still is. Where nobody can say, it is."""
        try:
            return await self._spied.state() is not None
        except errors.AriError:
            return True

    async def open(self) -> bool:
        """Begin. False: that channel is gone, or this was closed meanwhile. Raises ``NoLegFree``, ``AriError``."""
        if self._closing is not None:
            return False
        self._opening = self._behalf.start(self._begin(), self._channel.id)
        try:
            await asyncio.wait({self._opening})
            begun = not self._opening.cancelled() and self._opening.result() and not self._gone
            if begun and (self._leg is None or self._leg.lost):
                raise errors.AriError("the leg died meanwhile")
            self._open = begun
        finally:
            if not self._open:
                self._let_go()
        if not self._open:
            await self.close()
        return self._open

    async def close(self) -> None:
        """End it, and give its leg back when nobody is in its bridge any more."""
        await asyncio.shield(self._let_go())  # whoever waits may be cancelled: it goes on

    def after_gap(self, alive: Set[str]) -> None:
        """The events socket was away and is back. ``alive``: all channels of our applications."""
        if not self._open:
            return  # not yet: its StasisStart is waited for
        if self._channel.id not in alive:
            self._left()
        elif self._leg is None or self._leg.lost:
            self._renew()

    # --- beginning --------------------------------------------------------------------------------------------------

    async def _begin(self) -> bool:
        if not self._node.connected or self._node.replaced:
            raise errors.AriError("nobody would tell us that it is there")
        leg = await self._take()
        self._node.router.register(self._channel.id, self._hear)
        self._registered = self._ordered = True
        try:
            if not await self._spied.snoop(self._channel.id, self._spy, self._node.settings.own_app):
                self._ordered = False
                return False
        except errors.AnswerLost:
            log.info("snoop.answer_lost", snoop=self._channel.id)  # where it is there its StasisStart tells
        if not await within_seconds(ENTERS_WITHIN, self._told):
            raise errors.AnswerLost("the snoop did not come")
        return await self._enter(leg)

    async def _take(self) -> MediaLeg:
        leg = self._leg = await self._node.pool.take(LEG_WITHIN)
        leg.listener, leg.ear = self._hear_leg, self._ear
        return leg

    async def _enter(self, leg: MediaLeg) -> bool:
        """Move the snoop to the leg. False: it is gone. Raises ``AriError``."""
        leg.expect_guest()
        try:
            entered = await self._channel.enter(leg.bridge_id)
        except errors.Refused:
            leg.expect_nobody()
            raise
        if not entered:
            leg.expect_nobody()
        if leg.lost:
            raise errors.AriError("the leg died meanwhile")
        return entered

    # --- what is told -----------------------------------------------------------------------------------------------

    def _hear(self, event: AriEvent) -> None:
        match event["type"]:
            case "StasisStart":
                self._told.set()
            case "StasisEnd":
                self._left()

    def _hear_leg(self, event: LegEvent) -> None:
        if isinstance(event, MediaLost) and self._open:
            self._renew()

    def _renew(self) -> None:
        if self._renewing is None and self._closing is None and not self._gone:
            self._renewing = self._behalf.start(self._replace_leg(), f"{self._channel.id}-leg")

    async def _replace_leg(self) -> None:
        try:
            await self._give_back()  # first: it may be the one that the pool has too many
            leg = await self._take()
            there = await self._enter(leg)
        except (NoLegFree, errors.AriError) as error:
            log.error("snoop.leg_lost", snoop=self._channel.id, error=type(error).__name__)
            await self._give_back()
            there = not self._node.connected  # else what became of it is known when the node is back
        finally:
            self._renewing = None
        if not there:
            self._end()

    def _left(self) -> None:
        self._gone = True
        self._told.set()
        self._end()

    def _end(self) -> None:
        opened, self._open = self._open, False
        if opened:
            self._ended()

    # --- ending -----------------------------------------------------------------------------------------------------

    def _let_go(self) -> asyncio.Task[None]:
        if self._closing is None:
            self._open = False
            self._closing = self._behalf.start(self._finish(), f"{self._channel.id}-close")
        return self._closing

    async def _finish(self) -> None:
        under_way = {task for task in (self._opening, self._renewing) if task is not None}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._leg is not None:
            self._leg.ear = None
        try:
            await self._hang_up()
        finally:
            if self._registered:
                self._node.router.forget(self._channel.id)
            await self._give_back()

    async def _hang_up(self) -> None:
        """End the snoop. An order that is carried out only after this is a stranger's, whom the node ends."""
        for attempt in range(TRIES if self._node.connected else 1):
            if self._gone or not self._ordered:
                return
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            try:
                await self._channel.hang_up()
                return
            except errors.AriError as error:
                # It ends with whom it snoops on, and is reaped at the next connection.
                log.warning("snoop.not_ended", snoop=self._channel.id, error=type(error).__name__)

    async def _give_back(self) -> None:
        leg, self._leg = self._leg, None
        if leg is not None:
            await self._node.pool.give_back(leg)
