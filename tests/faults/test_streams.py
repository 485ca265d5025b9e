"""Redis and Asterisk die while a call is streamed: the stream goes on as long as the call, and is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from otpvoice.media.streams.words import AudioTold, StreamStopped
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import gather, open_site, verdict
from tests.scenarios.stream_peer import PeerSession, a_peer
from tests.scenarios.world import NOBODY

pytestmark = pytest.mark.asterisk


async def hears_on(session: PeerSession) -> None:
    """Wait until more audio has come than there is now."""
    before = len(session.of(AudioTold))
    await session.until(lambda: len(session.of(AudioTold)) > before + 5)


async def test_what_dies_under_a_stream(tmp_path: Path) -> None:
    async with (
        await AsteriskInstance.start(tmp_path / "mortal", trunk=NOBODY, rtp_ports=50) as asterisk,
        a_peer() as peer,
        open_site(tmp_path, asterisk, url_allow="127.0.0.1") as site,
    ):
        stream = {"type": "stream", "url": peer.url, "tracks": ["inbound", "outbound"]}

        phone = site.answers()
        call = await site.place(phone, stream, gather(4))
        session = await peer.session()
        await hears_on(session)
        site.redis.kill()
        await hears_on(session)
        await site.redis.restart()
        await hears_on(session)
        await phone.hang_up()
        summary = await site.summary(call)
        assert verdict(summary) == ("completed", None, "callee")
        assert [(one["status"], one["disconnected_by"]) for one in summary["media"]] == [("completed", "call")]

        call = await site.place(site.answers(), stream, gather(4))
        session = await peer.session(2)
        await hears_on(session)
        asterisk.kill()
        summary = await site.summary(call)
        assert verdict(summary) == ("failed", "asterisk_lost", "asterisk")
        assert [(one["status"], one["disconnected_by"]) for one in summary["media"]] == [("completed", "call")]
        await session.over.wait()
        assert session.connection.close_code == 1000
        assert session.of(StreamStopped)
        assert len(await site.all_summaries()) == 2
