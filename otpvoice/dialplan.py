"""The dialplan's door: ``Stasis(otpvoice,…)`` in, a call at the switchboard; what can't be one goes on in the dialplan.

It reads the arguments by ``dialects.stasis_args`` and decides nothing about the call. Whoever comes here is a caller on
the line, so nobody is ever left waiting at the door: every way out of it is a call that begins, or ``go_on``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias

import structlog
from structlog.contextvars import bind_contextvars

from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.ari.variables import no_call
from otpvoice.core.actions import Stream
from otpvoice.core.plan import CallPlan, Hook
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_args import Arguments, Invalid, parse_arguments
from otpvoice.dialects.stasis_keys import OTHER_DOORS, OUR_DOOR
from otpvoice.stasis import NotTaken, Origin, StasisApp, Trunk, new_call_id

log = structlog.get_logger(__name__)

DOOR: Final = OUR_DOOR
TAKEN_OVER_WITHIN: Final = 5.0
"""Seconds after our start for which a caller waits whose call nobody knows: it may be known to the store."""
HOOKS_WITHIN: Final = 2.0
"""Seconds for which a caller waits to be told whom to ask."""

Hooks: TypeAlias = Mapping[str, Hook]
Registered: TypeAlias = Callable[[str], Awaitable[Hooks]]
"""Return the endpoints that an account has registered, by name."""
Inbound: TypeAlias = Callable[[str | None, str | None, Hooks, CallDefaults], CallPlan]
"""Return the plan of a channel: the number that was dialled, by whom, whom to ask. Raises ``Invalid``."""
NO_HOOKS: Final[Hooks] = MappingProxyType({})
NO_DOORS: Final[Mapping[str, Inbound]] = MappingProxyType({})


async def _none_registered(_: str, /) -> Hooks:
    return NO_HOOKS


class DialplanDoor:
    """``account``: whose calls these are; ``defaults``: what its calls may ask for. ``stasis.Door``.

    ``refused`` is told why a channel did not become a call. ``doors``: who plans for a door that arguments name;
    ``hooks``: where what is registered for those doors is asked for.
    """

    def __init__(
        self,
        calls: StasisApp,
        account: str,
        defaults: CallDefaults,
        trunks: Mapping[str, Trunk],
        *,
        refused: Callable[[str], None] = lambda _: None,
        doors: Mapping[str, Inbound] = NO_DOORS,
        hooks: Registered = _none_registered,
    ) -> None:
        self._calls, self._account, self._defaults, self._trunks = calls, account, defaults, trunks
        self._refused, self._doors, self._hooks = refused, doors, hooks
        self.arriving: set[asyncio.Task[None]] = set()

    def arrive(self, node: AsteriskNode, start: AriEvent) -> None:
        """A channel has entered the application. Its events are listened for from this moment on."""
        party = InboundParty(node, start)
        task = asyncio.create_task(self._receive(node, party), name=f"{party.channel_id}-arriving")
        self.arriving.add(task)
        task.add_done_callback(self.arriving.discard)

    async def _receive(self, node: AsteriskNode, party: InboundParty) -> None:
        try:
            await self._admit(node, party)
        except Invalid as invalid:
            # The message names keys and rules, never what was given.
            log.warning("dialplan.invalid", channel=party.channel_id, reason=invalid.reason, problem=invalid.message)
            self._refused(invalid.reason)
            await _send_on(party, "invalid", invalid.reason, invalid.message)
        except NotTaken as refused:
            log.warning("dialplan.not_taken", channel=party.channel_id, reason=refused.reason)
            self._refused(refused.reason)
            await _send_on(party, "failed", refused.reason)
        except Exception:
            log.exception("dialplan.broken", channel=party.channel_id)
            self._refused("internal_error")
            await _send_on(party, "failed", "internal_error")

    async def _admit(self, node: AsteriskNode, party: InboundParty) -> None:
        origin = Origin(new_call_id(), self._account, _door_of(party))
        self._name(party, origin)
        await party.greet()  # first: from now on nobody sees the result of an earlier call
        self._calls.check_open()
        arguments = parse_arguments(party.arguments)
        values = await party.read(arguments.variables)
        if arguments.call is not None:
            await self._admit_prepared(node, party, arguments, arguments.call, values)
            return
        plan = await self._plan(party, arguments, values)
        await party.guard(origin.call_id, plan.max_duration)
        self._calls.check_open()
        if arguments.taps and party.over:
            await party.close()
        elif arguments.taps:
            self._calls.tap(plan, party, node, origin=origin)
        else:
            plan = replace(plan, streams=self._streams_of(party))
            self._calls.admit(plan, self._trunks[plan.trunk], party, node, origin=origin)

    async def _plan(self, party: InboundParty, arguments: Arguments, values: Mapping[str, str | None]) -> CallPlan:
        if arguments.door == OUR_DOOR:
            return arguments.plan(party.number, party.caller, values, self._defaults, self._calls.clock.wall())
        if (inbound := self._doors.get(arguments.door)) is None:
            raise Invalid("not_supported", "door names one that there is not here")
        hooks = await self._registered() if OTHER_DOORS[arguments.door] else NO_HOOKS
        return arguments.dressed(inbound(party.number, party.caller, hooks, self._defaults), values)

    async def _registered(self) -> Hooks:
        """Return whom the account wants asked. Raises ``NotTaken`` where that can't be known in time."""
        try:
            async with asyncio.timeout(HOOKS_WITHIN):
                return await self._hooks(self._account)
        except Exception as error:
            log.warning("dialplan.hooks_unknown", account=self._account, error=type(error).__name__)
            raise NotTaken("store_unavailable") from error

    def _name(self, party: InboundParty, origin: Origin) -> None:
        """Have all that is logged of it from now on name its call: the one that it is about to become, or comes for."""
        try:
            call_id = parse_arguments(party.arguments).call
        except Invalid:
            return  # it will be none: told when it was greeted
        call, account = origin.call_id, origin.account
        if call_id is not None:
            if (record := self._calls.prepared(call_id)) is None:
                return
            call, account = record.id, record.account
        bind_contextvars(call=call, account=account)
        party.belongs_to(call, account)

    def _streams_of(self, party: InboundParty) -> tuple[Stream, ...]:
        """Return what is streamed of every call on the trunk by which a channel came in, if it did."""
        ways = (trunk.streams for trunk in self._trunks.values() if trunk.streams and trunk.carries(party.name))
        return next(ways, ())

    async def _admit_prepared(
        self,
        node: AsteriskNode,
        party: InboundParty,
        arguments: Arguments,
        call_id: str,
        values: Mapping[str, str | None],
    ) -> None:
        def claimed(plan: CallPlan) -> CallPlan:
            return replace(
                plan,
                goes_on=arguments.goes_on,
                streams=self._streams_of(party),
                # An extension that is the call's own id is nobody's number.
                to=plan.to or (party.number if party.number != call_id else None),
                caller_id=plan.caller_id or party.caller,
                # What the application said of its call is not for the caller to change.
                metadata=arguments.merged(plan.metadata, values),
            )

        # All that waits comes before the claim: until then it can be ended, and somebody else may have it.
        if self._calls.prepared(call_id) is None and self._calls.takeover is not None:
            # It may be one that a former life has left.
            await self._calls.takeover.done(TAKEN_OVER_WITHIN)
        if (record := self._calls.prepared(call_id)) is not None:
            await party.guard(call_id, record.plan.max_duration)
        self._calls.check_open()
        if party.over:
            # Gone already: perhaps somebody comes again for it.
            await party.close()
        elif record is None or not self._calls.admit_prepared(call_id, party, node, claimed):
            raise Invalid("unknown_call", "call: no call of this id waits; it was taken, has ended, or never was")


def _door_of(party: InboundParty) -> str:
    """Return the door whose call it will be; ours, where the arguments make none."""
    try:
        return parse_arguments(party.arguments).door
    except Invalid:
        return OUR_DOOR


async def _send_on(party: InboundParty, status: str, reason: str, error: str = "") -> None:
    """Let a channel go on that never became a call, with variables that say why."""
    try:
        await party.go_on(no_call(status, reason, error))
    finally:
        # Whatever became of that, nobody owns it any more: should it still be there, the next connection lets it go.
        await party.close()
