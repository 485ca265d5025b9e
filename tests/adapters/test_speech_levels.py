"""Everybody is equally loud: the digits and the sentences of each language, by each engine that needs no network.

Measured in what a telephone gets, by ``tests.media.loudness``, which has nothing of what makes it so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import numpy as np
import pytest
import pytest_asyncio

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.engines.recorded import ASTERISK, Recorded
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import Clip
from tests.locales.packs import LOCALES
from tests.media.loudness import active_level
from tests.rig.sounds import asterisk_sounds

AT_ONCE: Final = 6
LEVEL, NEAR, PEAK = -22.0, 1.0, -3.0
"""dBFS."""


@pytest_asyncio.fixture
async def workshop() -> AsyncIterator[Workshop]:
    shop = Workshop(2)
    yield shop
    await shop.close()


def spoken(engine: str) -> Iterator[tuple[str, str, str]]:
    """Yield language, voice and text of all that is measured; what regions have in common, once."""
    met: set[tuple[str, str]] = set()
    for tag in LOCALES.tags:
        pack = LOCALES.lookup(tag)
        voice = f"{ASTERISK}{tag}" if engine == "recorded" else pack.voice(engine, tag)
        for text in (*pack.digits, pack.again, pack.closing, pack.gate_any):
            if voice is not None and (voice, text) not in met:
                met.add((voice, text))
                yield tag, voice, text


async def clips(engine: Voice, workshop: Workshop) -> dict[tuple[str, str], Clip]:
    """Return what the engine has of it, by language and text."""
    at_once = asyncio.Semaphore(AT_ONCE)
    made: dict[tuple[str, str], Clip] = {}

    async def make(tag: str, voice: str, text: str) -> None:
        async with at_once:
            try:
                made[tag, text] = await workshop.speech(await engine.render(text, tag, voice, 1.0))
            except SpeechUnavailable:
                assert engine.name == "recorded", (tag, text)

    known = [one for one in spoken(engine.name) if engine.voice_language(one[1]) is not None]
    await asyncio.gather(*(make(*one) for one in known))
    return made


def peak(clip: Clip) -> int:
    samples = np.frombuffer(clip.master + clip.telephone, "<i2")
    return max(int(samples.max()), -int(samples.min()))


@pytest.mark.parametrize(
    ("name", "languages", "least"), [("espeak", 55, 700), ("flite", 2, 20), ("recorded", 5, 50)], ids=lambda one: one
)
async def test_all_are_equally_loud(name: str, languages: int, least: int, workshop: Workshop) -> None:
    engines: dict[str, Voice] = {
        "espeak": Espeak(), "flite": Flite(), "recorded": Recorded(LOCALES, None, asterisk_sounds())
    }  # fmt: skip
    made = await clips(engines[name], workshop)
    assert len({tag for tag, _ in made}) >= languages
    assert len(made) >= least
    levels = {what: active_level(clip.telephone) for what, clip in made.items()}
    assert {what: level for what, level in levels.items() if abs(level - LEVEL) > NEAR} == {}
    assert {what for what, clip in made.items() if peak(clip) > 32768 * 10 ** (PEAK / 20)} == set()
