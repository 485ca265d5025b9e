"""Asterisk dies, hangs, or is not there yet: every call has its end, nobody is rung for nothing, and it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import delivers, gather, open_site, refuses, say_code, verdict
from tests.scenarios.world import NOBODY

pytestmark = pytest.mark.asterisk

SECONDS = 4.0
"""What "within seconds" means."""
LOST = ("failed", "asterisk_lost", "asterisk")


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[AsteriskInstance]:
    """An Asterisk that may be killed."""
    async with await AsteriskInstance.start(tmp_path / "mortal", trunk=NOBODY, rtp_ports=50, verbose=3) as asterisk:
        yield asterisk


async def test_asterisk_is_killed_and_comes_back(mortal: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, mortal) as site:
        phones = [site.answers(), site.answers(), site.never_answers()]
        speaking = await site.place(phones[0], say_code("482913", times=5))
        keying = await site.place(phones[1], gather(4))
        ringing = await site.place(phones[2], say_code("705"))
        await site.told("code.character_played", speaking)
        await site.told("call.answered", keying)
        await site.told("call.ringing", ringing)
        mortal.kill()
        for call in (speaking, keying):
            summary = await site.summary(call, within=SECONDS)
            assert verdict(summary) == LOST
            assert summary["answered_at"] is not None
        unready = await site.not_ready("asterisk_unavailable", within=SECONDS)
        assert unready.body["nodes"][0]["detail"]
        await refuses(site, "asterisk_unavailable")
        await mortal.restart()
        summary = await site.summary(ringing)
        assert verdict(summary) == LOST
        assert summary["answered_at"] is None
        await site.full()
        await delivers(site)
        assert [phone.rung for phone in phones] == [1, 1, 1]
        assert len(await site.all_summaries()) == 4


async def test_asterisk_freezes_for_a_moment(mortal: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, mortal) as site:
        phone, late = site.answers(), site.answers()
        speaking = await site.place(phone, say_code("482913"))
        await site.told("code.character_played", speaking)
        mortal.pause()
        placed = await site.place(late, say_code("705"))
        await asyncio.sleep(2)
        mortal.resume()
        for call in (speaking, placed):
            summary = await site.summary(call)
            assert verdict(summary) == ("completed", None, "plan")
            assert summary["delivered"] is True
        assert (phone.rung, late.rung) == (1, 1)
        assert len(await site.all_summaries()) == 2


async def test_asterisk_comes_up_after_us(mortal: AsteriskInstance, tmp_path: Path) -> None:
    mortal.kill()
    async with open_site(tmp_path, mortal, ready=False) as site:
        await site.not_ready("asterisk_unavailable")
        await refuses(site, "asterisk_unavailable")
        await site.told("ari.not_connected", count=3)
        await mortal.restart()
        await site.full()
        await delivers(site)
