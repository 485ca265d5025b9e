"""One story: a call comes to a point, somebody dies there and comes back, and what was promised is looked for.

It asserts nothing: what does not hold is in the row, as sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.faults.evidence import evidence, settled
from tests.faults.invariants import Facts, broken
from tests.faults.matrix import worst
from tests.faults.matrix.calls import ARMED_LATER, SECRETS, Act
from tests.faults.matrix.points import BUSY, DONE, NOTHING, REFUSED, UNANSWERED, Fault, Point
from tests.faults.matrix.stand import POLL, Stand
from tests.faults.sites import delivers
from tests.scenarios.phones import SOON

COMES: Final = 30.0
"""Seconds in which a call has come to its point, on a busy machine."""
TIDY: Final = 15.0
"""Seconds after which nothing is left (I1): of what a former life had, and of a call that has come to its own end."""
LATEST: Final = 60.0
"""Seconds in which everything has its end: half a minute that somebody stood still among them."""


@dataclass(slots=True)
class Row:
    """What came of it. Times are seconds from the fault on; None: it did not happen, or was not asked for.

    ``over``: when the worst was, and people went on. ``claim_stayed``: see ``Point.claim_stays``.
    """

    point: Point
    fault: Fault
    promised: str
    seen: str = ""
    to_summary: float | None = None
    to_clean: float | None = None
    to_ready: float | None = None
    over: float = 0.0
    claim_stayed: bool = False
    broken: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether all that was promised holds."""
        return not self.broken


@dataclass(slots=True)
class _Since:
    """Seconds since the fault."""

    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.began


async def tell(stand: Stand, point: Point, fault: Fault, *, thorough: bool = True) -> Row:
    """Tell it. ``thorough``: the next call is placed, too. Whoever tells a story that is broken needs a new stand."""
    row = Row(point, fault, point.promised[fault])
    act = Act(stand, point)
    acting = asyncio.create_task(act.run(), name=point.name)
    try:
        await _come_to_the_point(act, acting)
        await act.ready_for_the_worst()
        since = _Since()
        measured: dict[str, Callable[[], Awaitable[bool]]] = {"to_ready": lambda: _is_ready(act)}
        if row.promised != NOTHING:
            measured["to_summary"] = lambda: _has_summary(act)
        measuring = asyncio.gather(
            _cleaned(row, act, since), *(_measured(row, name, since, holds) for name, holds in measured.items())
        )
        row.broken += await worst.happens(act, fault)
        row.over = since.seconds
        act.over.set()
        try:
            await measuring
        finally:
            measuring.cancel()
        await _finished(acting)
        await _judge(row, act)
        if thorough and row.kept:
            await stand.site.full()
            await delivers(stand.site)
            await stand.site.legs_back()  # or the next story's point may be passed by this call's leg
    except Exception as error:
        row.broken.append(f"{type(error).__name__}: {error}".strip())
    finally:
        stand.service.disarm()
        with suppress(ProcessLookupError):
            stand.service.go_on()
        for task in (acting, act.starting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    return row


async def _come_to_the_point(act: Act, acting: asyncio.Task[None]) -> None:
    service, point = act.stand.service, act.point
    if point.seam is None:
        await asyncio.wait_for(act.at_rest.wait(), COMES)
        return
    if point.call not in ARMED_LATER:
        service.arm(point.seam)
    try:
        await service.stands(COMES)
    except TimeoutError:
        why = acting.exception() if acting.done() and not acting.cancelled() else None
        raise AssertionError(f"the call never came to this point ({why or act.answer})") from None


async def _measured(row: Row, name: str, since: _Since, holds: Callable[[], Awaitable[bool]]) -> None:
    """Note when something holds for the first time; what never does is noted, too."""
    while not await holds():
        if since.seconds > LATEST:
            row.broken.append(f"{name}: not within {LATEST:g} s")
            return
        await asyncio.sleep(POLL)
    setattr(row, name, round(since.seconds, 2))


async def _has_summary(act: Act) -> bool:
    """Whether it has its summary, or was refused."""
    if act.answer is not None and act.answer.status != 202:
        return True
    return any(_is_his(act, summary) for summary in await act.stand.ended())


def _is_his(act: Act, record: dict[str, Any]) -> bool:
    """Is this the call? Who was answered knows its id; else it is the one to this number, which is nobody else's."""
    return record["id"] == act.call or (act.phone is not None and record["to"] == act.phone.number)


async def _cleaned(row: Row, act: Act, since: _Since) -> None:
    """Note since when nothing has been left; it is looked at until the call is over: it may come once more."""
    await act.over.wait()  # who stands still is not asked
    while row.to_clean is None or (row.to_summary is None and row.promised != NOTHING):
        at = since.seconds
        if not await act.stand.clean():
            row.to_clean = None
        elif row.to_clean is None:
            row.to_clean = round(at, 2)
        if at > LATEST:
            if row.to_clean is None:
                row.broken.append(f"to_clean: not within {LATEST:g} s")
            return
        await asyncio.sleep(POLL)


async def _is_ready(act: Act) -> bool:
    """Who was not struck is ready all the time, and who is may not know it yet: asked when the worst is over."""
    return act.over.is_set() and await act.stand.ready()


async def _finished(acting: asyncio.Task[None]) -> None:
    """Let people finish what they do; who waits for something that does not come any more is let go."""
    with suppress(TimeoutError):
        await asyncio.wait_for(acting, SOON)


async def _judge(row: Row, act: Act) -> None:
    facts = await settled(lambda: _facts(row, act))
    if row.claim_stayed:
        act.stand.claimed |= set((await evidence(act.stand.scene)).claims)
    # A search takes its time: what was there when all had settled is judged, and what is found now.
    found = await evidence(act.stand.scene, SECRETS)
    facts = replace(facts, leaks=found.leaks, secrets=found.secrets, searched=found.searched)
    row.seen = _seen(act, facts)
    if row.seen not in row.promised.split(" or "):
        row.broken.append(f"promised {row.promised}, seen {row.seen}")
    row.broken += broken(facts)
    for phone in act.phones:
        if phone.rung > 1:
            row.broken.append(f"{phone.number} was rung {phone.rung} times")
        if row.seen in {NOTHING, REFUSED} and phone.rung:
            row.broken.append(f"{phone.number} was rung for {row.seen}")
    # Who lives on has a call that ends by itself, or by those who talk: not before that is nothing left of it.
    since = max(row.over, row.to_summary or 0.0) if row.seen in {DONE, UNANSWERED, BUSY} else row.over
    if row.to_clean is not None and row.to_clean - since > TIDY:
        row.broken.append(f"something was left for {row.to_clean - since:.1f} s")


async def _facts(row: Row, act: Act) -> Facts:
    facts = await evidence(act.stand.scene)
    claims = tuple(one for one in facts.claims if one not in act.stand.claimed)
    row.claim_stayed = bool(claims) and row.fault in row.point.claim_stays
    return replace(facts, claims=() if row.claim_stayed else claims)


def _seen(act: Act, facts: Facts) -> str:
    found = [summary for summary in facts.summaries if _is_his(act, summary)]
    if len(found) > 1:
        return f"{len(found)} summaries"
    if found:
        outcome = found[0]["outcome"]
        return "/".join(part for part in (outcome["class"], outcome["reason"]) if part)
    if act.answer is not None and act.answer.status == 503:
        return REFUSED
    if any(_is_his(act, record) for record in facts.records.values()):
        return "no summary"
    return NOTHING
