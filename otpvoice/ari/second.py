"""The second parties of a call: called one after the other, each told of under its number; and the talk with one.

They hear no media leg of ours: from the answer to the talk there is silence, and after the talk their call is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Set
from typing import Final

from otpvoice.ari import errors
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.handset import Handset
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.talk import Talk
from otpvoice.ari.telephone import PartyEvent, Telephone
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallReleased,
    CallResumed,
    DigitReceived,
    Happening,
    OnSecond,
)

ENTERS_WITHIN: Final = 1.0
"""Seconds for the ``StasisStart`` of a channel that was found to be up."""


class SecondParties:
    """``make`` makes the party of a number. ``talking``: whom the first talks with, from before it is moved on.

    They are told of also when the first party is gone: whose call is over is told, once, for each.
    """

    def __init__(
        self,
        node: AsteriskNode,
        make: Callable[[int, str, str | None, float], OutboundParty],
    ) -> None:
        self.talking: int | None = None
        self.tell: Callable[[Happening], None] = lambda _: None
        self._node, self._make = node, make
        self._parties: dict[int, OutboundParty] = {}
        self._answered: set[int] = set()
        self._talk: Talk | None = None
        self._moving = asyncio.Lock()

    async def dial(self, number: int, to: str, caller_id: str | None, ring_timeout: float, *, called_off: bool) -> None:
        """Call a party, once. ``called_off``: nobody is there any more to talk with; it is over at once."""
        if number in self._parties:
            return
        party = self._parties[number] = self._make(number, to, caller_id, ring_timeout)
        party.listen(lambda event: self._hear(number, event))
        await (party.hang_up() if called_off else party.dial())

    async def hang_up(self, number: int) -> None:
        """End the call with a party; with one that was never called there is nothing to end, and that is told."""
        if (party := self._parties.get(number)) is not None:
            await party.hang_up()
        else:
            self.tell(OnSecond(number, CallEnded(time.time())))

    def channel_of(self, number: int) -> CallChannel | None:
        """Return the channel of a party; None: it was never called."""
        party = self._parties.get(number)
        return party.channel if party is not None else None

    async def connect(self, number: int, first: Telephone, handset: Handset) -> bool:
        """Let the first party talk with this one. False: one of them is gone, and that is told.

        Raises ``AriError`` or ``NoLegFree``: who hears whom is not known, then.
        """
        async with self._moving:
            second = self._parties.get(number)
            if second is None or _left(first, second):
                return False
            await self._end_talk()
            talk = self._talk = Talk(self._node, second.channel_id)
            await talk.open()
            if not await self._enter(talk, second):
                second.missed()
                await self._end_talk()
                return False
            self.talking = number
            if not await talk.enter(first.channel):
                first.missed()
                await self._end_talk()
                return False
            if _left(second):
                await self._take_back(first, handset)
                return False
            return True

    async def part(self, first: Telephone, handset: Handset) -> bool:
        """Take the first party back to the leg, if it is not there. False: it is gone, and that is told. Raises so."""
        async with self._moving:
            return not first.over and (self.talking is None or await self._take_back(first, handset))

    async def _take_back(self, first: Telephone, handset: Handset) -> bool:
        """Move the first party from the talk to the leg: another one, if ours has died. False: it is gone."""
        if handset.lost:
            await handset.renew()
        else:
            await handset.left_alone()
        joined = await self._join(first, handset)
        await self._end_talk()
        if not joined:
            first.missed()
        elif handset.lost:
            raise errors.AriError("the leg died meanwhile")
        return joined

    async def _join(self, first: Telephone, handset: Handset) -> bool:
        """Let the first party hear the leg; where its death was not known before, another one."""
        try:
            joined = await handset.join(first.channel)
        except errors.Refused:
            if not handset.lost:
                raise
        else:
            if not (joined and handset.lost):
                return joined
        await handset.renew()
        return await handset.join(first.channel)

    async def _end_talk(self) -> None:
        """Take the bridge of the talk away, when the first party is out of it."""
        self.talking = None
        talk, self._talk = self._talk, None
        if talk is not None:
            await talk.close()

    async def sample(self) -> None:
        """Ask Asterisk how the call sounds to each, and tell."""
        for number in sorted(self._answered):  # others may answer meanwhile
            party = self._parties[number]
            sampled = await party.sample() if not party.over else None
            if sampled is not None and not party.over:
                self.tell(OnSecond(number, sampled))

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back."""
        for party in self._parties.values():
            party.after_gap(alive, restarted=restarted)

    def node_lost(self) -> None:
        """Asterisk has been away for too long."""
        for party in self._parties.values():
            party.node_lost()

    async def close(self) -> None:
        """Let go of all: nothing is told any more, nobody is left on the line, no bridge is left."""
        self.tell = lambda _: None
        await asyncio.gather(*(party.close() for party in self._parties.values()))
        await self._end_talk()

    async def _enter(self, talk: Talk, second: OutboundParty) -> bool:
        was_there = second.entered.is_set()
        if await talk.enter(second.channel):
            return True
        if was_there:
            return False
        # A look after a gap found it up, while it was only on its way into Stasis.
        try:
            async with asyncio.timeout(ENTERS_WITHIN):
                await second.entered.wait()
        except TimeoutError:
            return False
        return await talk.enter(second.channel)

    def _hear(self, number: int, event: PartyEvent) -> None:
        match event:
            case CallHeld() | CallResumed() | CallReleased():
                pass
            case DigitReceived() if self.talking != number:
                pass
            case CallAnswered() if number in self._answered:
                pass
            case _:
                if isinstance(event, CallAnswered):
                    self._answered.add(number)
                self.tell(OnSecond(number, event))


def _left(*parties: Telephone) -> bool:
    return any(party.over for party in parties)
