"""One telephone's channel: commands about it as REST requests, and what their answers mean.

It places the call at most once in its life: what the answer to ``POST /channels/{id}`` decides, and what is done where
there is none, is in ``ordering.py``.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote

import structlog

from otpvoice.ari import errors
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.ordering import Again, place
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import AriEvent
from otpvoice.core.compile import TONE
from otpvoice.core.outcome import Fault

log = structlog.get_logger(__name__)

BACKUP: Final = 5.0
"""Seconds by which Asterisk's own ring timeout is later than ours."""
CHANNEL_GONE: Final = (400, 422)
"""What ``addChannel`` answers for a channel that does not exist or is in no application (``resource_bridges.c``)."""
OUT_OF_HAND: Final = (errors.ChannelGone, errors.NotInStasis)
"""What Asterisk answers for a channel that is gone, or on its way in a dialplan."""
DEAD_MAN: Final = 30.0
"""Seconds beyond ringing and talking after which Asterisk ends a channel on its own, should we be dead."""


@dataclass(frozen=True, slots=True)
class Originate:
    """What to dial. ``endpoint``: a dial string made of a configured trunk and a checked number, nothing else."""

    endpoint: str
    app: str
    caller_id: str | None
    ring_timeout: float
    max_duration: float
    call_id: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Return the JSON body of the request (``POST /channels/{id}``); variables must be strings."""
        variables = {
            "OTPVOICE_CALL": self.call_id,
            # A 302 is not followed: it could lead to any price. Asterisk would go to Local/USER@CONTEXT (main/dial.c).
            "FORWARD_CONTEXT": "otpvoice-no-redirects",
            # Counts from now, ringing included; works in a bridge, too (tests/faults/test_we_die.py).
            "TIMEOUT(absolute)": str(math.ceil(self.ring_timeout + self.max_duration + DEAD_MAN)),
        }
        variables |= {f"PJSIP_HEADER(add,{name})": value for name, value in self.headers.items()}
        body: dict[str, object] = {
            "endpoint": self.endpoint,
            "app": self.app,
            # An integer: with anything else Asterisk takes 30.
            "timeout": math.ceil(self.ring_timeout + BACKUP),
            "variables": variables,
        }
        if self.caller_id is not None:
            body["callerId"] = self.caller_id
        return body


class OriginateFailed(Exception):
    """The call was not placed, or nobody can know. ``fault`` says which."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class CallChannel:
    """A channel by its id. All its methods may be called at any time."""

    def __init__(self, rest: AriRest, channel_id: str) -> None:
        self.id = channel_id
        self._rest = rest
        self._path = "channels/" + quote(channel_id, safe="")  # not all ids are ours

    async def originate(
        self, order: Originate, *, again: Again | None = None, told: asyncio.Event | None = None
    ) -> str | None:
        """Place the call. Returns the INVITE's Call-ID where known. Raises ``OriginateFailed``.

        ``again``: asked before an order that Asterisk refused unseen is sent again; without it, it is not. ``told``:
        set when an event of this channel has come.
        """
        try:
            channel = await place(self._rest, self._path, self.id, order.body(), again=again, told=told)
        except errors.EndpointMissing as error:
            raise OriginateFailed(Fault.TRUNK_MISSING) from error
        except errors.Unreachable as error:
            raise OriginateFailed(Fault.ASTERISK_LOST) from error
        except errors.Refused as error:
            log.error("channel.originate_refused", channel=self.id, status=error.status, reason=error.reason)
            raise OriginateFailed(Fault.ORIGINATE_REFUSED) from error
        if channel is None:
            raise OriginateFailed(Fault.ORIGINATE_UNKNOWN)
        protocol_id = channel.get("protocol_id")
        return str(protocol_id) if protocol_id else None

    async def join(self, leg: MediaLeg) -> bool:
        """Put the channel into the leg's bridge and start the leg's clock. False: it is gone, or not in Stasis yet.

        Raises ``AriError`` when it is there and can't be joined: then nobody can speak to whoever picked up.
        """
        leg.expect_guest()
        try:
            _, entered = await asyncio.gather(leg.open(), self.enter(leg.bridge_id))
        except errors.Refused:
            leg.expect_nobody()
            raise
        if not entered:
            leg.expect_nobody()
        return entered

    async def enter(self, bridge_id: str) -> bool:
        """Move the channel into a bridge, out of the one where it is. False: it is gone, or not in Stasis (any more).

        Raises ``AriError`` when it is there and can't be moved.
        """
        try:
            await self._rest.post(f"bridges/{bridge_id}/addChannel", {"channel": self.id})
        except errors.Refused as refused:
            if refused.status in CHANNEL_GONE:
                return False
            raise
        except errors.AnswerLost:
            bridge = await self._rest.get(f"bridges/{bridge_id}")
            if self.id not in bridge["channels"]:
                raise
        return True

    async def answer(self) -> None:
        """Pick up; twice does no harm. Raises ``AriError``."""
        await self._rest.post(f"{self._path}/answer")

    async def press(self, key: str) -> None:
        """Press one of ``0-9A-D*#``. Raises ``AriError``.

        Asterisk says yes at once, is quiet for 0.1 s, and then sounds it (``main/app.c``, ``dtmf_stream``). Never more
        than one key: meanwhile it does nothing else with the channel, and hangs up or goes on when all have sounded.
        """
        # 0 ms behind it would be taken for the default.
        await self._rest.post(f"{self._path}/dtmf", {"dtmf": key, "duration": round(TONE * 1000), "between": 1})

    async def sounded(self) -> bool:
        """Wait until the key that was pressed has sounded. False: the channel is gone, hung up, or nobody knows.

        To be answered once more does nothing to a channel that is up (``main/channel.c``, ``ast_raw_answer``); but
        Asterisk says yes only when the channel's thread, which does one thing after the other, comes to it
        (``res/stasis/control.c``, ``stasis_app_send_command``).
        """
        try:
            try:
                await self.answer()
            except errors.AnswerLost:
                await self.answer()
        except errors.Refused:
            return False
        except errors.AriError as error:
            log.warning("channel.keys_not_confirmed", channel=self.id, error=type(error).__name__)
            return False
        return True

    async def snoop(self, snoop_id: str, spy: str, app: str) -> bool:
        """Have a channel of this id hear what this one says (``in``) or hears (``out``), for an application of ours.

        False: this one is gone. Raises ``AriError``; an id that is in use is refused with 500.
        """
        try:
            await self._rest.post(f"{self._path}/snoop/{quote(snoop_id, safe='')}", {"spy": spy, "app": app})
        except errors.ChannelGone:
            return False
        return True

    async def go_on(self) -> None:
        """Let it go on in its dialplan, where it entered Stasis. Raises ``AriError``."""
        await self._rest.post(f"{self._path}/continue")

    async def application(self) -> str | None:
        """Return the Stasis application that has it, "" where none has, None where it is gone. Raises ``AriError``.

        As it was written down: of channels that we ordered. See ``application.channels_in`` for others.
        """
        channel = await self._get()
        if channel is None:
            return None
        dialplan = channel.get("dialplan", {})
        return str(dialplan["app_data"]).partition(",")[0] if dialplan.get("app_name") == "Stasis" else ""

    async def variable(self, name: str) -> str | None:
        """Return a variable, or what a function like ``PJSIP_HEADER(read,X-Name)`` gives.

        None where it is unset, or Asterisk can't or won't say.
        """
        try:
            return await self.read(name)
        except errors.AriError as error:
            # Not its name: where a dialplan gives a value for a name, it may be the code.
            log.debug("channel.not_read", channel=self.id, error=type(error).__name__)
            return None

    async def read(self, name: str) -> str | None:
        """Return a variable; None where it is unset, or the channel is gone. Raises ``AriError`` where that is open."""
        try:
            answer = await self._rest.get(f"{self._path}/variable?variable={quote(name, safe='')}")
        except errors.ChannelGone:
            return None
        if not isinstance(answer, dict):
            raise errors.AnswerLost("variable: no object")
        return str(answer["value"])

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set variables, in their order: neighbours that are plain ones in one request. Raises ``AriError``.

        Where there is no such function Asterisk does not say so. The others are worth having without one that it
        refuses.
        """
        for is_function, neighbours in groupby(variables.items(), lambda item: item[0].endswith(")")):
            some = dict(neighbours)
            if is_function or not await self._set_together(some):
                for name, value in some.items():
                    await self._set(name, value)

    async def _set_together(self, variables: Mapping[str, str]) -> bool:
        try:
            await self._rest.post(f"{self._path}/variables", {"variables": variables})
        except OUT_OF_HAND:
            raise
        except errors.Refused:
            return False
        return True

    async def _set(self, name: str, value: str) -> None:
        try:
            await self._rest.post(f"{self._path}/variable", {"variable": name, "value": value})
        except OUT_OF_HAND:
            raise
        except errors.Refused as refused:
            log.warning("channel.not_set", channel=self.id, variable=name, status=refused.status)

    async def state(self) -> str | None:
        """Return the channel's state (``Down``, ``Ringing``, ``Up``, …), None where it is gone. Raises ``AriError``.

        "": it is there, and Asterisk can't say more.
        """
        channel = await self._get()
        return None if channel is None else str(channel.get("state", ""))

    async def hang_up(self) -> bool:
        """End the channel; False: it had ended before. Raises ``AriError`` when Asterisk can't be told."""
        return await self._rest.delete(self._path)

    async def statistics(self) -> AriEvent | None:
        """Return Asterisk's RTP statistics of the moment, or None where there are none."""
        try:
            statistics = await self._rest.get(f"{self._path}/rtp_statistics")
        except errors.AriError:
            return None
        return statistics if isinstance(statistics, dict) else None

    async def _get(self) -> dict[str, Any] | None:
        """Return what Asterisk says of the channel; None: it is gone. Raises ``AriError``.

        Nothing at all, with status 200, where an extension or a name of it is no UTF-8 (no JSON can be
        made of it). Such a one may be there all the same.
        """
        try:
            channel = await self._rest.get(self._path)
        except errors.ChannelGone:
            return None
        return channel if isinstance(channel, dict) else {}
