"""Asterisk's registry of media sockets hangs: calls in progress end cleanly, and it is said that only a restart helps.

On the fake, whose registry can be made to hang; in the real one that is a race in ``chan_websocket.c``.
"""

from __future__ import annotations

from pathlib import Path

from tests.fakes import FakeAsterisk
from tests.faults.sites import LEGS, delivers, gather, open_site, say_code, verdict


async def test_the_media_registry_hangs(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk, open_site(tmp_path, asterisk) as site:
        speaking, keying = site.answers(), site.answers()
        calls = [await site.place(speaking, say_code("482913")), await site.place(keying, gather(4), say_code("705"))]
        for call in calls:
            await site.told("call.answered", call)
        asterisk.faults.wedge_media()
        # Legs are still there, and taken; the next ones do not come up.
        taken = 0
        while (answer := await site.post(site.answers(), say_code("482"))).status == 202:
            taken += 1
            assert taken <= 2 * LEGS + len(calls)
        assert (answer.status, answer.code) == (503, "media_wedged")
        assert answer.retry_after == "30"
        assert site.phones[-1].rung == 0
        unready = await site.not_ready("media_wedged")
        assert unready.body["nodes"][0]["connected"] is True
        await keying.press("4829")
        for call in site.calls:
            summary = await site.summary(call)
            assert verdict(summary) == ("completed", None, "plan")
            assert summary["delivered"] is True
        assert [phone.rung for phone in site.phones] == [1] * len(site.calls) + [0]
        await asterisk.restart()
        await site.full()
        await delivers(site)
