"""Recordings by URL: heard as they are, asked for once; and a bad one rings nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import pytest

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.speech.recordings import downloads
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.core.actions import Gather, Play
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import Webhook
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.trust.addresses import parse_allow
from tests.adapters.audio_files import flac, flac_silence, sine, wav
from tests.adapters.sites import Host, Site, Visit, answering
from tests.scenarios.finishing import FINISHING
from tests.scenarios.stories import side_by_side, verdict, world_of
from tests.scenarios.world import World, code, is_all

TONE: Final = sine(0.4)
LONGEST: Final = 300


async def moved(visit: Visit) -> None:
    await visit.answer(status="302 Found", Location="/tone.wav")


async def hangs(visit: Visit) -> None:
    await visit.gone()


async def breaks_off(visit: Visit) -> None:
    await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nRIFF")
    visit.reset()


def says(body: bytes) -> Host:
    return partial(Visit.answer, body=body)


GOOD: Final[Mapping[str, Host]] = {
    "/tone.wav": says(wav(TONE.tobytes(), 8000)),
    "/tone.flac": says(flac(sine(0.4, 16000), 16000)),
    "/moved": moved,
}
BAD: Final[Mapping[str, tuple[Host, str]]] = {
    "/missing.wav": (partial(Visit.answer, status="404 Not Found"), "audio_status"),
    "/text.wav": (says(b"This is no recording. " * 50), "audio_format"),
    "/empty.wav": (says(b""), "audio_format"),
    "/long.flac": (says(flac_silence(LONGEST + 1, 8000)), "audio_too_large"),
    "/large.wav": (says(bytes(downloads.LARGEST + 1)), "audio_too_large"),
    "/breaks_off.wav": (breaks_off, "audio_unreachable"),
    "/hangs.wav": (hangs, "audio_timeout"),
}
PAGES: Final = {**GOOD, **{path: host for path, (host, _) in BAD.items()}}


@asynccontextmanager
async def listening(kind: AsteriskInstance | None) -> AsyncIterator[tuple[World, Site]]:
    """A world, and a site from which it may have recordings: on loopback, which was named."""
    async with answering(PAGES) as site:
        client = GuardedClient(parse_allow(["127.0.0.1"]))
        recordings = Downloads(client, finishing=FINISHING)
        try:
            async with world_of(kind, downloads=recordings) as world:
                yield world, site
        finally:
            await recordings.close()
            await client.close()


def at(site: Site, path: str) -> Play:
    return Play(url=site.url(path, host="127.0.0.1"))


@pytest.mark.asterisk
async def test_it_is_heard_to_the_byte_and_asked_for_once(asterisk: AsteriskInstance) -> None:
    async with listening(asterisk) as (world, site):

        async def hears(*paths: str) -> None:
            phone = world.answers()
            plan = world.plan(*(at(site, path) for path in paths), to=phone)
            summary = await world.call(plan)
            assert verdict(summary) == ("completed", None, "plan")
            assert (summary["delivered"], summary["errors"]) == (None, [])
            sounds = await world.sound_of(plan)
            assert all(len(sound.audio.strip(b"\xff\x7f")) > 0.39 * 8000 for sound in sounds)
            assert is_all(phone.sound, *sounds)

        await side_by_side(hears("/tone.wav", "/tone.flac"), hears("/tone.wav"), hears("/moved"))
        asked = sorted(request.split(b" ")[1] for request in site.requests)
        assert asked == [b"/moved", b"/tone.flac", b"/tone.wav", b"/tone.wav"]  # once for itself, once for who moved
        await hears("/tone.flac", "/tone.wav")
        assert len(site.requests) == len(asked)


async def test_a_bad_one_rings_nobody(kind: AsteriskInstance | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FETCH_WITHIN", 2.0)
    async with listening(kind) as (world, site):

        async def rings_nobody(play: Play, reason: str) -> None:
            prompt = Gather(DigitRules(max_digits=1), failure=(play,))
            hook = Webhook("https://hooks.example/", interactive=True, fallback=(play,))
            plans = [
                world.plan(code("482"), play, to=world.answers()),
                world.plan(prompt, to=world.answers()),
                world.plan(code("482"), to=world.answers(), webhook=hook),
            ]
            phones = world.phones[-len(plans) :]
            for summary in await asyncio.gather(*map(world.call, plans)):
                assert verdict(summary) == ("failed", "speech_unavailable", "us")
                assert (summary["dialed_at"], summary["answered_at"]) == (None, None)
                assert [error["code"] for error in summary["errors"]] == [reason]
            assert [phone.rung for phone in phones] == [0] * len(plans)

        await side_by_side(
            *(rings_nobody(at(site, path), reason) for path, (_, reason) in BAD.items()),
            rings_nobody(Play(url="http://10.0.0.1/tone.wav"), "audio_blocked"),
            rings_nobody(Play(url=site.url("/tone.wav", host="127.0.0.2")), "audio_blocked"),
        )
        # None of that is remembered: what is mended is asked for again.
        before = len(site.requests)
        await rings_nobody(at(site, "/missing.wav"), "audio_status")
        assert len(site.requests) > before
