"""However a call ends, there is one ring, one summary, and the outcome that was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from otpvoice.core.events import CallAnswered, CallProgressed
from tests.scenarios.phones import Phone
from tests.scenarios.world import World, code


class Row(NamedTuple):
    """A phone, and how its call ends: class, reason, ended_by, sip_status, cause (None: any)."""

    phone: Callable[[World], Phone]
    outcome: tuple[str, str | None, str, int | None, int | None]
    ring_timeout: float = 10.0


ROWS = {
    "busy": Row(lambda w: w.rejects(486), ("busy", None, "callee", 486, 17)),
    "busy everywhere": Row(lambda w: w.rejects(600), ("busy", None, "callee", 600, None)),
    "busy after ringing": Row(lambda w: w.rejects(486, ring=0.1), ("busy", None, "callee", 486, 17)),
    "not found": Row(lambda w: w.rejects(404), ("invalid_number", None, "callee", 404, 1)),
    "declined": Row(lambda w: w.rejects(603, ring=0.1), ("rejected", "declined", "callee", 603, None)),
    "forbidden": Row(lambda w: w.rejects(403), ("rejected", "forbidden", "callee", 403, None)),
    "carrier": Row(lambda w: w.rejects(500), ("failed", "carrier_error", "callee", 500, None)),
    "congestion": Row(lambda w: w.rejects(503), ("failed", "congestion", "callee", 503, None)),
    "redirected": Row(lambda w: w.rejects(302), ("failed", "redirected", "callee", 302, None)),
    "no answer": Row(lambda w: w.never_answers(), ("no_answer", None, "timeout", None, None), 0.5),
    "no answer, by the network": Row(lambda w: w.rejects(480, ring=0.1), ("no_answer", None, "callee", 480, None)),
    "progress only": Row(lambda w: w.never_answers(183), ("no_answer", None, "timeout", None, None), 0.5),
    "off": Row(lambda w: w.rejects(480), ("unreachable", None, "callee", 480, None)),
    # Asterisk tells no difference between a network that says 100 Trying and one that says nothing.
    "not even taken": Row(lambda w: w.dead(), ("unreachable", None, "timeout", None, None), 0.5),
    "taken, and no word": Row(lambda w: w.never_answers(None), ("unreachable", None, "timeout", None, None), 0.5),
}


async def test_every_way_not_to_answer(world: World) -> None:
    async def ends(row: Row) -> tuple[dict[str, Any], int]:
        phone = row.phone(world)
        plan = world.plan(code("482"), to=phone, ring_timeout=row.ring_timeout)
        return await world.call(plan), phone.rung

    results = dict(zip(ROWS, await asyncio.gather(*(ends(row) for row in ROWS.values())), strict=True))
    seen = {name: _seen(summary["outcome"], ROWS[name]) for name, (summary, _) in results.items()}
    assert seen == {name: row.outcome for name, row in ROWS.items()}
    for summary, rung in results.values():
        assert rung == 1
        assert summary["delivered"] is False
        assert summary["answered_at"] is None
        assert summary["played"]["first_audio_ms"] is None


def _seen(outcome: dict[str, Any], row: Row) -> tuple[str, str | None, str, int | None, int | None]:
    # What Asterisk makes up where nobody replied is not the remote's, and causes have no table of their own here.
    cause = outcome["cause"] if row.outcome[4] is not None else None
    return outcome["class"], outcome["reason"], outcome["ended_by"], outcome["sip_status"], cause


async def test_a_trunk_that_is_not_there(world: World) -> None:
    phone = world.answers()
    summary = await world.call(world.plan(code("482")), trunk="PJSIP/{number}@nowhere")
    assert (summary["outcome"]["class"], summary["outcome"]["reason"]) == ("failed", "trunk_missing")
    assert summary["outcome"]["ended_by"] == "asterisk"
    assert phone.rung == 0


async def test_a_hang_up_by_the_api(world: World) -> None:
    async def while_ringing() -> dict[str, Any]:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482"), to=phone))
        await call.seen(CallProgressed)
        call.hang_up()
        await phone.over()
        return await call.over()

    async def at_once() -> dict[str, Any]:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482"), to=phone))
        call.hang_up()
        return await call.over()

    async def in_mid_code() -> dict[str, Any]:
        phone = world.answers()
        call = await world.place(world.plan(code("482913"), to=phone))
        await phone.heard(0.2)
        call.hang_up()
        await phone.over()
        return await call.over()

    summaries = await asyncio.gather(while_ringing(), at_once(), in_mid_code())
    verdicts = [(summary["outcome"]["class"], summary["outcome"]["ended_by"]) for summary in summaries]
    assert verdicts == [("canceled", "api"), ("canceled", "api"), ("completed", "api")]
    assert [summary["delivered"] for summary in summaries] == [False, False, False]


async def test_the_longest_duration_counts_from_the_answer(world: World) -> None:
    phone = world.answers(ring=0.5)
    summary = await world.call(world.plan(code("482913", times=5), max_duration=0.8))
    assert (summary["outcome"]["class"], summary["outcome"]["reason"]) == ("completed", "max_duration")
    assert summary["outcome"]["ended_by"] == "timeout"
    assert summary["talk_ms"] >= 800 - 20
    await phone.over()


async def test_who_picks_up_and_hangs_up_at_once(world: World) -> None:
    phones = [world.answers(ring=0.05 * n, hangs_up_at_once=True) for n in range(4)]
    summaries = await asyncio.gather(*(world.call(world.plan(code("482"), to=phone)) for phone in phones))
    for phone, summary in zip(phones, summaries, strict=True):
        assert phone.rung == 1
        assert summary["outcome"]["class"] == "completed"
        assert summary["outcome"]["ended_by"] == "callee"
        assert summary["delivered"] is False
        assert summary["played"]["digits"] == []


async def test_an_answer_at_the_ring_timeout_is_one_or_the_other(world: World) -> None:
    async def meets(early: float) -> dict[str, Any]:
        phone = world.answers(ring=0.5 - early)
        call = await world.place(world.plan(code("482"), to=phone, ring_timeout=0.5))
        summary = await call.over()
        assert phone.rung == 1
        answered = bool(call.of(CallAnswered))
        assert summary["outcome"]["class"] == ("completed" if answered and summary["delivered"] else "no_answer")
        return summary

    summaries = await asyncio.gather(*(meets(early / 1000) for early in range(-20, 21, 4)))
    assert len({summary["id"] for summary in summaries}) == len(summaries)


async def test_an_answer_that_crosses_the_cancel_is_taken_back(world: World) -> None:
    phone = world.answers_at_cancel()
    summary = await world.call(world.plan(code("482"), ring_timeout=0.3))
    await phone.over()
    assert phone.rung == 1
    assert (summary["outcome"]["class"], summary["outcome"]["ended_by"]) == ("no_answer", "timeout")
    assert summary["delivered"] is False
