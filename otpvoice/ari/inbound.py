"""A telephone that was handed to us: a channel that its dialplan sent into Stasis, until it goes on there or ends.

It never leaves a caller in silence: what can't be answered or released is looked at and tried again, and what remains
is ``TIMEOUT(absolute)``. It does not know what the call is about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Set
from typing import Final

import structlog

from otpvoice.ari import errors, limit, telephone
from otpvoice.ari.application import channels_in
from otpvoice.ari.backoff import backoff
from otpvoice.ari.behalf import Behalf
from otpvoice.ari.channel import DEAD_MAN, OUT_OF_HAND
from otpvoice.ari.events import asked_by_callee, instant, number, sip_status, translate
from otpvoice.ari.limit import AbsoluteLimit
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.ari.telephone import Telephone
from otpvoice.ari.variables import at_the_start, lost, on_arrival
from otpvoice.core.events import CallEnded, CallHeld, CallReleased, CallResumed, DigitReceived
from otpvoice.core.foreign import one_line, shown_number
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

PRESENTATION: Final = "CALLERID(num-pres)"
"""``prohib…`` where the caller wants it so, and its trunk's endpoint believes it (``trust_id_inbound``)."""
LONGEST_NUMBER: Final = 79
"""Characters of a number or extension (``AST_MAX_EXTENSION`` of Asterisk, less its end)."""
LONGEST_CALL_ID: Final = 200


class InboundParty(Telephone):
    """Made in the moment of the ``StasisStart``: from then on it hears of its channel. ``close`` it in the end.

    ``greet`` it before all else. ``name``: what Asterisk calls the channel; ``number``: the extension that was dialled;
    ``caller``: None where withheld, which is known for good after ``greet``; ``up``: somebody has picked up. What the
    other side chose is one line, printable.
    Its end is its ``StasisEnd``: after that Asterisk tells us nothing of it, and it is nobody's business here.
    """

    def __init__(self, node: AsteriskNode, start: AriEvent) -> None:
        channel = start["channel"]
        super().__init__(node, str(channel["id"]))
        self.name = str(channel["name"])
        self.number = one_line(channel["dialplan"]["exten"], LONGEST_NUMBER) or ""
        self.caller = shown_number(channel["caller"]["number"], LONGEST_NUMBER)
        self.sip_call_id = one_line(channel.get("protocol_id"), LONGEST_CALL_ID)
        self.arguments = tuple(str(argument) for argument in start["args"])
        self.up = channel["state"] == "Up"
        self.answered_at = self._arrived_at = instant(start)
        self.entered.set()
        self._left = asyncio.Event()
        self._continuing = self._perhaps_continued = self._hanging_up = self._listening = False
        self._greeted = self._hung_up_here = False
        self._limit = AbsoluteLimit(None, 0.0, 0.0)
        # What is written later is what stays.
        self._writing = asyncio.Lock()
        self._result: Mapping[str, str] | None = None
        self._register()
        self._listening = True

    async def greet(self) -> None:
        """Set its variables as of somebody who hung up at once, and ask whether its number may be shown."""
        self._greeted = True
        presentation, _ = await asyncio.gather(self.channel.variable(PRESENTATION), self._try_to_write(on_arrival()))
        if (presentation or "").startswith("prohib"):
            self.caller = None

    async def read(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return variables of the channel; None where one is unset, or Asterisk does not give it."""
        names = tuple(names)
        return dict(zip(names, await asyncio.gather(*(self.channel.variable(name) for name in names)), strict=True))

    async def guard(self, call_id: str, seconds: float) -> None:
        """Make sure that the channel ends should we die, and that its dialplan sees the truth should it end by itself.

        ``seconds``: how long we mean to have it. The dialplan's own ``TIMEOUT(absolute)`` is never made later.
        """
        if not self._greeted:
            await self.greet()
        asked_at, wall = asyncio.get_running_loop().time(), time.time()
        # Asked twice where the answer is lost: what is not known is left alone, and then nothing ends it should we die.
        own = await self.channel.variable(limit.NAME) or await self.channel.variable(limit.NAME)
        self._limit = AbsoluteLimit(own, asked_at, wall)
        await self._try_to_write(self._limit.ours(seconds + DEAD_MAN) | at_the_start(call_id))

    async def report(self, variables: Mapping[str, str]) -> None:
        """Tell its dialplan what is known by now. Whoever has gone, or goes on, is told otherwise."""
        async with self._writing:
            if self.over or self._result is not None:
                return
            try:
                await self.channel.set_variables(variables)
            except errors.AriError as error:
                log.debug("party.not_reported", channel=self.channel_id, error=type(error).__name__)

    async def answer(self) -> bool:
        """Pick up. False: it is gone, which is told. Raises ``AriError``: it is there, and can't be picked up."""
        failed: errors.AriError = errors.AnswerLost("not asked")
        for attempt in range(telephone.TRIES):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            if self.over or self.up:
                return not self.over
            try:
                await self.channel.answer()
            except OUT_OF_HAND:
                self.missed()
                return False
            except (errors.Unreachable, errors.AnswerLost) as error:
                failed = error  # twice does no harm, and its event may have told meanwhile
            else:
                if not self.up:
                    self.up, self.answered_at = True, time.time()
                return not self.over
        raise failed

    async def go_on(self, variables: Mapping[str, str]) -> None:
        """Let it go on in its dialplan, with these variables. ``CallReleased`` is told, or ``CallEnded``."""
        self._result = variables
        for attempt in range(telephone.TRIES):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            if self.over or await self._try_to_go_on():
                return
        log.error("party.not_released", channel=self.channel_id)
        await self._try_to_write(self._limit.again())

    async def hang_up(self, variables: Mapping[str, str]) -> None:
        """End the call. The ``h`` extension of its dialplan sees the variables."""
        self._result, self._hanging_up = variables, True
        if not self.over and await self._try_to_write(variables):
            await self._delete(telephone.TRIES)

    async def close(self) -> None:
        """Let go: nothing is told any more, and whoever is still in our hands goes on in the dialplan."""
        self.over = True
        await self._errands.end()
        for attempt in range(telephone.TRIES if self._node.connected else 1):
            if attempt:
                await asyncio.sleep(backoff(attempt - 1, 0))
            if self._gone or await self._let_go():
                break
        self._forget()

    def after_gap(self, alive: Set[str], *, restarted: bool) -> None:
        """The events socket was away and is back: is the channel still ours?"""
        if not self.over and self.channel_id not in alive:
            fault = Fault.ASTERISK_LOST if restarted else Fault.EVENTS_LOST
            self._errands.start(self._catch_up(fault, self._node.seen_until), "gap")

    # --- requests ---------------------------------------------------------------------------------------------------

    async def _write(self, variables: Mapping[str, str]) -> bool:
        """Set variables. False: the channel is not in our hands any more. Raises ``AriError``."""
        try:
            async with self._writing:
                await self.channel.set_variables(variables)
        except OUT_OF_HAND:
            self.missed()
            return False
        return True

    async def _try_to_write(self, variables: Mapping[str, str]) -> bool:
        """The same, for what is wanted and not needed: what can't be set is logged."""
        for attempt in range(2):
            try:
                return await self._write(variables)
            except errors.AriError as error:
                log.warning("party.not_written", channel=self.channel_id, attempt=attempt, error=type(error).__name__)
        return True

    async def _try_to_go_on(self) -> bool:
        """True: it is out of our hands."""
        try:
            if not await self._write(self._result or {}):
                return True
            await self._write(self._limit.own(asyncio.get_running_loop().time()))
            self._continuing = True  # before it is sent: its event may come before the answer
            await self.channel.go_on()
            accepted = True
        except errors.AnswerLost:
            self._perhaps_continued = self._continuing
            accepted = False
        except errors.AriError as error:
            log.warning("party.not_continued", channel=self.channel_id, error=type(error).__name__)
            self._continuing = self._perhaps_continued
            accepted = isinstance(error, OUT_OF_HAND)  # by somebody else, or by the caller's hang-up
        return await self._has_left(patiently=accepted)

    async def _has_left(self, *, patiently: bool) -> bool:
        """Wait for its ``StasisEnd``, where it is to be expected; then look, and tell."""
        if patiently and self._node.connected:
            try:
                async with asyncio.timeout(telephone.END_TOLD_WITHIN):
                    await self._left.wait()
            except TimeoutError:
                log.warning("party.end_not_told", channel=self.channel_id)
        if not self.over and await self._look() is False:
            self._lost(Fault.EVENTS_LOST, self._node.seen_until)
        return self.over

    async def _let_go(self) -> bool:
        """It is over for us, and perhaps not for the caller. False: that could not be found out, or changed."""
        if not await self._look():
            return self._gone
        log.warning("party.let_go", channel=self.channel_id)
        if self._hanging_up:
            await self._delete(1)
        else:
            fault = self._end_told.fault if isinstance(self._end_told, CallEnded) else None
            reason = (fault or Fault.INTERNAL_ERROR).value
            self._result = self._result or lost(reason)
            await self._try_to_go_on()
        return self._gone

    async def _is_ours(self) -> bool:
        return self.channel_id in await channels_in(self._node.rest, self._node.settings.app)

    async def _catch_up(self, fault: Fault, since: float | None) -> None:
        if not await self._look():
            self._lost(fault, since)

    # --- what Asterisk tells ----------------------------------------------------------------------------------------

    def _hear(self, event: AriEvent) -> None:
        if asked_by_callee(event):
            self._hangup = event
            return
        match event["type"]:
            case "ChannelHangupRequest":
                self._hung_up_here = True
            case "StasisEnd":
                self._depart(instant(event))
            case "StasisStart" if instant(event) > self._arrived_at:
                # It left in a gap, and its dialplan has sent it here once more.
                self._gone = True
                self._lost(Fault.EVENTS_LOST, self._node.seen_until)
                self._forget()
                # Whose it is now is not known yet: it is not this call's.
                Behalf.of_nobody().run(self._node.router.route, event)
            case "ChannelStateChange" if event["channel"]["state"] == "Up" and not self.up:
                self.up, self.answered_at = True, instant(event)
            case "ChannelHold" | "ChannelUnhold" | "ChannelDtmfReceived":
                match translate(event, None):
                    case CallHeld() | CallResumed() | DigitReceived() as happening:
                        self._say(happening)

    def _depart(self, at: float) -> None:
        self._gone = True
        self._left.set()
        if self._hangup is not None:
            cause = number(self._hangup.get("cause"))
            self._end(CallEnded(at, cause=cause, sip_status=sip_status(self._hangup), by_callee=True))
        elif self._continuing:
            self._end(CallReleased(at))
        else:
            if not self._hung_up_here:
                # By ``channel redirect`` of the console, or Redirect of AMI. Its TIMEOUT(absolute) is still ours, and
                # Asterisk takes no variable any more of a channel that is not in Stasis.
                log.warning("party.led_away", channel=self.channel_id)
            self._end(CallEnded(at))

    def _end(self, ended: CallEnded | CallReleased) -> None:
        if self._gone:
            self._forget()  # at once: the dialplan may send it here again
        super()._end(ended)

    def _lost(self, fault: Fault, since: float | None) -> None:
        if self._gone and (self._hangup is not None or self._continuing):
            self._depart(time.time())  # unseen, but there is only one way in which it can have gone
        else:
            super()._lost(fault, since)

    def _forget(self) -> None:
        if self._listening:
            self._listening = False
            self._node.router.forget(self.channel_id)
