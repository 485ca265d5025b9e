"""SIGTERM: no new calls, the present ones finish, and nothing is left in Asterisk."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import Answer, call_of, gather, open_site, say_code, verdict

pytestmark = pytest.mark.asterisk

AT_ONCE = 0.5
"""Seconds for what happens at once, on a busy machine."""
IDLE = 3.0
"""Seconds in which a service without calls has ended."""


async def test_a_call_finishes_after_sigterm(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, asterisk) as site:
        phone, other = site.answers(), site.answers()
        call = await site.place(phone, say_code("482913"), gather(1), say_code("705"))
        await phone.heard(0.2)
        site.service.terminate()
        draining = await site.not_ready("draining", within=AT_ONCE)
        assert (draining.body["draining"], draining.body["calls"]) == (True, 1)
        refused = await site.post(other, say_code("705"))
        assert (refused.status, refused.code) == (503, "draining")
        assert refused.retry_after is not None
        assert (await site.show(call)).body["state"] == "answered"
        await site.told("action.completed", call)  # from now on it listens
        following = asyncio.create_task(site.followed(call))
        await phone.press("1")
        assert await site.service.ended() == 0
        assert (await following)[-1] == "call.ended", "who follows it is told of its end"
        assert call_of(phone).over
        assert other.rung == 0
        assert (site.logged("ari.lost"), len(site.logged("ari.left"))) == ([], 1), "our own leaving is no loss"
        assert await site.left(asterisk) == []
        summary = await site.summary(call)
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert summary["played"]["readings"] == 2
        assert len(await site.all_summaries()) == 1


async def test_what_is_left_at_the_drain_timeout_is_hung_up(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, asterisk, drain_timeout=1.0) as site:
        phones = [site.answers(), site.answers(), site.never_answers()]
        speaking = await site.place(phones[0], say_code("482913", times=5))
        keying = await site.place(phones[1], gather(4))
        ringing = await site.place(phones[2], say_code("705"))
        await phones[0].heard(0.2)
        await site.told("call.answered", keying)
        await site.told("call.ringing", ringing)
        began = time.monotonic()
        site.service.terminate()
        assert await site.service.ended() == 0
        assert 1.0 <= time.monotonic() - began < 1.0 + IDLE
        assert await site.left(asterisk) == []
        for phone in phones:
            await phone.over(within=AT_ONCE)
        assert verdict(await site.summary(speaking)) == ("completed", "shutdown", "us")
        assert verdict(await site.summary(keying)) == ("completed", "shutdown", "us")
        assert verdict(await site.summary(ringing)) == ("canceled", "shutdown", "us")
        assert len(await site.all_summaries()) == 3


async def test_a_second_signal_ends_all_at_once(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, asterisk, drain_timeout=60) as site:
        phones = [site.answers(), site.never_answers()]
        speaking = await site.place(phones[0], say_code("482913", times=5))
        ringing = await site.place(phones[1], say_code("705"))
        await phones[0].heard(0.2)
        await site.told("call.ringing", ringing)
        site.service.terminate()
        await site.not_ready("draining", within=AT_ONCE)
        began = time.monotonic()
        site.service.terminate()
        assert await site.service.ended() == 0
        assert time.monotonic() - began < IDLE
        assert await site.left(asterisk) == []
        for phone in phones:
            await phone.over(within=AT_ONCE)
        assert verdict(await site.summary(speaking)) == ("completed", "shutdown", "us")
        assert verdict(await site.summary(ringing)) == ("canceled", "shutdown", "us")


async def test_it_ends_fast_when_there_is_nothing_to_wait_for(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    gone = await AsteriskInstance.start(tmp_path / "gone", trunk=("127.0.0.1", 9), rtp_ports=20)
    gone.kill()

    async def ends(folder: str, signum: signal.Signals, asterisk: AsteriskInstance, *, ready: bool = True) -> float:
        async with open_site(tmp_path / folder, asterisk, ready=ready) as site:
            began = time.monotonic()
            site.service.terminate(signum)
            assert await site.service.ended() == 0
            took = time.monotonic() - began
            assert asterisk is gone or await site.left(asterisk) == []
            return took

    times = await asyncio.gather(
        ends("idle", signal.SIGTERM, asterisk),
        ends("interrupted", signal.SIGINT, asterisk),
        ends("starting", signal.SIGTERM, asterisk, ready=False),
        ends("alone", signal.SIGTERM, gone, ready=False),
    )
    await gone.stop()
    assert max(times) < IDLE


async def test_a_call_that_was_asked_for_at_the_last_moment_is_rung_or_refused(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with open_site(tmp_path, asterisk) as site:
        phones = [site.answers() for _ in range(12)]
        asked = [asyncio.create_task(site.post(phone, say_code("482"))) for phone in phones[:6]]
        await asked[0]
        site.service.terminate()
        asked += [asyncio.create_task(site.post(phone, say_code("482"))) for phone in phones[6:]]
        answers: list[Answer] = await asyncio.gather(*asked)
        assert await site.service.ended() == 0
        assert await site.left(asterisk) == []
        taken = [answer for answer in answers if answer.status == 202]
        assert {answer.code for answer in answers if answer.status != 202} <= {"draining"}
        assert [phone.rung for phone in phones] == [int(answer.status == 202) for answer in answers]
        for answer in taken:
            summary = await site.summary(answer.body["id"])
            assert verdict(summary) == ("completed", None, "plan")
            assert summary["delivered"] is True
        # Who is refused while his call is being written down has a summary all the same: it lies in the store.
        refused = [it for it in await site.all_summaries() if it["id"] not in {answer.body["id"] for answer in taken}]
        assert [verdict(it) for it in refused] == [("canceled", "shutdown", "us")] * len(refused)
        assert [it["dialed_at"] for it in refused] == [None] * len(refused)
