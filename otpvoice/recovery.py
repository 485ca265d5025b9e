"""What a former life of this process left: its calls are taken over, looked up, and ended, or begun where nobody rang.

A call ends once, and nobody is rung twice: a call of which it was written down that it is being dialled is never
dialled again, whatever became of it. It decides nothing itself: ``core.inheritance`` has the rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from otpvoice.adapters.sealing import Sealer, Unsealable
from otpvoice.adapters.store import Estates, Inherited, StoreUnavailable
from otpvoice.ari.node import NodeSettings, Outlived
from otpvoice.chronicle import Chronicle
from otpvoice.core.inheritance import Ended, GoOn, closed, ended, what_becomes
from otpvoice.core.instants import seconds_of
from otpvoice.core.outcome import Fault, Outcome, OwnAction
from otpvoice.core.plan import CallPlan
from otpvoice.core.plan_text import plan_from_text
from otpvoice.core.record import State
from otpvoice.dialects.telling import Telling
from otpvoice.stasis import Found, NotTaken, Trunk

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 15.0
"""Seconds between looks for calls that are overdue: their owners will not come back."""
AGAIN: Final = 1.0
"""Seconds before a store that is away is asked again, and whether our Asterisk is there."""
ASTERISK_WITHIN: Final = 15.0
"""Seconds for Asterisk to be there and say what became of a channel."""
OF_ONE_CALL: Final = frozenset({"unreadable_record", "server_error"})
"""Faults that lie in what is kept of a call, and not in the store."""
MAY_RING: Final = frozenset({State.QUEUED, State.DIALING, State.RINGING, State.ANSWERED})
"""States of which a telephone may be ringing, as far as anybody knows."""


class Node(Protocol):
    """An Asterisk (``ari.node.AsteriskNode``)."""

    @property
    def settings(self) -> NodeSettings: ...
    @property
    def connected(self) -> bool: ...
    @property
    def replaced(self) -> bool: ...
    async def outlived(self, within: float, /) -> Outlived: ...


class Calls(Protocol):
    """Where calls begin (``stasis.StasisApp``). ``resume`` raises ``NotTaken``: not in this life."""

    @property
    def nodes(self) -> Sequence[Node]: ...
    def resume(self, plan: CallPlan, trunk: Trunk, *, found: Found) -> None: ...


class Recovery:
    """Run ``run`` as a task. ``recovered`` is told of each call: ``dialed``, ``waiting``, or its outcome's class.

    ``sealer``: opens plans; None: they are lost. ``trunks``: by name, as they are now. ``wall``: Unix seconds.
    """

    def __init__(
        self,
        estates: Estates,
        chronicle: Chronicle,
        calls: Calls,
        *,
        accounts: Sequence[str],
        trunks: Mapping[str, Trunk],
        sealer: Sealer | None,
        recovered: Callable[[str], None] = lambda _: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._estates, self._chronicle, self._calls = estates, chronicle, calls
        self._accounts, self._trunks, self._sealer = accounts, trunks, sealer
        self._recovered, self._wall = recovered, wall
        self._ours = True
        self._known = asyncio.Event()
        self._unsure: dict[str, dict[str, None]] = {account: {} for account in accounts}
        self._looks: dict[str, asyncio.Task[Outlived]] = {}
        self._settling: set[str] = set()
        self._called_off: set[str] = set()

    async def run(self) -> None:
        """Take over what former lives of this instance left; then, now and then, what is overdue of any."""
        try:
            async with asyncio.TaskGroup() as settling:
                while True:
                    try:
                        await self._look(settling)
                    except StoreUnavailable as away:
                        log.warning("recovery.store_away", reason=away.reason)
                    # Also where the store was away: whoever has ends to write comes first.
                    await asyncio.sleep(AGAIN if self._ours else LOOK_EVERY)
        finally:
            for look in self._looks.values():
                look.cancel()

    def hang_up(self, call_id: str) -> None:
        """Somebody wants a call to end that is being taken over, or will be; see ``stasis.Takeover``."""
        if self._ours or call_id in self._settling:
            self._called_off.add(call_id)

    async def done(self, within: float) -> None:
        """Wait until all calls are known that former lives left for somebody to come for; see ``stasis.Takeover``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._known.wait()

    async def _look(self, settling: asyncio.TaskGroup) -> None:
        # Whoever has our application has our calls. A process of our name that can't reach Asterisk is to have none.
        ours = self._ours and any(node.connected and not node.replaced for node in self._calls.nodes)
        self._looks = {name: look for name, look in self._looks.items() if not look.done()}
        for account in self._accounts:
            await self._look_at(account, settling, ours=ours)
        if ours:
            # Only once: another process of our name may take over from us, and is not to be robbed.
            self._ours = False
            self._called_off &= self._settling
            self._known.set()

    async def _look_at(self, account: str, settling: asyncio.TaskGroup, *, ours: bool) -> None:
        line: list[tuple[str, Inherited]] = []
        try:
            for call_id in [*self._unsure[account], *await self._estates.left_behind(account, ours=ours)]:
                inherited = await self._adopt(account, call_id)
                if inherited is None or call_id in self._settling:
                    continue
                log.info("call.adopted", call=call_id, account=account, state=inherited.record.get("state"))
                self._settling.add(call_id)
                match inherited.record.get("state"):
                    case State.WAITING:
                        self._end_or_go_on(account, call_id, inherited, None)
                    case State.QUEUED:
                        line.append((call_id, inherited))
                    case _:
                        settling.create_task(self._settle(account, call_id, inherited), name=f"{call_id}-settling")
        finally:
            if line:
                settling.create_task(self._settle_line(account, line), name=f"{account}-line")

    async def _settle_line(self, account: str, line: Sequence[tuple[str, Inherited]]) -> None:
        """Those who stood in line stand there again, in the order in which they came."""
        looks = [self._looked(inherited.record) for _, inherited in line]
        for (call_id, inherited), alive in zip(line, await asyncio.gather(*looks), strict=True):
            self._end_or_go_on(account, call_id, inherited, alive)

    async def _looked(self, record: Mapping[str, Any]) -> bool | None:
        try:
            return await self._alive(record)
        except Exception:
            log.exception("recovery.not_looked")
            return None

    async def _adopt(self, account: str, call_id: str) -> Inherited | None:
        unsure = self._unsure[account]
        unsure[call_id] = None
        try:
            inherited = await self._estates.adopt(account, call_id)
        except StoreUnavailable as fault:
            if fault.reason not in OF_ONE_CALL:
                raise  # it may be ours all the same: it is asked for again
            del unsure[call_id]
            # It keeps nobody from the others.
            log.error("recovery.not_adopted", call=call_id, account=account, reason=fault.reason)
            return None
        del unsure[call_id]
        return inherited

    async def _settle(self, account: str, call_id: str, inherited: Inherited) -> None:
        self._end_or_go_on(account, call_id, inherited, await self._looked(inherited.record))

    def _end_or_go_on(self, account: str, call_id: str, inherited: Inherited, alive: bool | None) -> None:
        """``alive``: was its channel there; None: nobody knows, or it does not matter."""
        whose = {"call": call_id, "account": account}
        try:
            becomes = self._become(account, call_id, inherited, alive)
        except Exception:
            # One that can't be understood ends all the same, and does not keep the others from it.
            log.exception("recovery.broken", **whose)
            becomes = self._end(inherited, Fault.INTERNAL_ERROR)
        self._settling.discard(call_id)
        self._called_off.discard(call_id)
        log.info("call.recovered", **whose, becomes=becomes)
        self._recovered(becomes)

    def _become(self, account: str, call_id: str, inherited: Inherited, alive: bool | None) -> str:
        record, telling = inherited.record, Telling.from_text(inherited.telling)
        plan = self._open(call_id, inherited.plan)
        verdict = what_becomes(record, plan=plan, until=telling.until, alive=alive, now=self._wall())
        match verdict:
            case Ended(outcome=outcome):
                return self._bury(inherited, outcome, seen=alive is True)
            case GoOn() if call_id in self._called_off:
                by_api = ended(record, own=OwnAction.HANG_UP_BY_API)
                return self._bury(inherited, by_api.outcome, seen=False)
            case GoOn() if plan is not None:
                until = plan.valid_until if plan.valid_until is not None else telling.until
                return self._begin(account, call_id, inherited, plan, self._wall() if until is None else until)
            case _:
                return self._end(inherited, Fault.LOST_BEFORE_DIALING)

    def _begin(self, account: str, call_id: str, inherited: Inherited, plan: CallPlan, until: float) -> str:
        record, trunk = inherited.record, self._trunks.get(plan.trunk)
        if trunk is None:
            return self._end(inherited, Fault.LOST_BEFORE_DIALING)
        door, test, at = str(record["door"]), bool(record["test"]), seconds_of(record["created_at"])
        found = Found(call_id, account, door, at, test=test, events=inherited.events, until=until)
        try:
            self._calls.resume(plan, trunk, found=found)
        except NotTaken:
            return "left"  # to the life after this one
        return "waiting" if plan.inbound else "dialed"

    def _end(self, inherited: Inherited, fault: Fault) -> str:
        return self._bury(inherited, ended(inherited.record, fault=fault).outcome, seen=False)

    def _bury(self, inherited: Inherited, outcome: Outcome, *, seen: bool) -> str:
        record = closed(inherited.record, outcome, self._wall(), seen=seen)
        self._chronicle.bury(record, Telling.from_text(inherited.telling), inherited.events)
        return outcome.class_.value

    def _open(self, call_id: str, sealed: bytes | None) -> CallPlan | None:
        if sealed is None or self._sealer is None:
            return None
        try:
            return plan_from_text(self._sealer.open(call_id, sealed))
        except (Unsealable, ValueError) as error:
            # Another key, or another version's: what it says may hold what is inside.
            log.error("recovery.plan_not_opened", call=call_id, error=type(error).__name__)
            return None

    async def _alive(self, record: Mapping[str, Any]) -> bool | None:
        """Was the channel that was ordered for it still there? None: that can't be found out, or does not matter.

        A caller's own channel is none of ours: it may be talking with somebody by now.
        """
        node = next((node for node in self._calls.nodes if node.settings.name == record.get("node")), None)
        legs = record.get("legs")
        inbound, test = record.get("direction") == "inbound", record.get("test")
        if inbound or test or node is None or record.get("state") not in MAY_RING or not legs:
            return None
        # One look is for all calls that are taken over together.
        name = node.settings.name
        if name not in self._looks:
            self._looks[name] = asyncio.create_task(node.outlived(ASTERISK_WITHIN), name="outlived")
        return (await asyncio.shield(self._looks[name])).had(str(legs[0]["channel"]))
