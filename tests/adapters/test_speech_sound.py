"""What espeak-ng says, finished: all digits of languages that sound unlike each other, at one level, with exact edges.

The program is asked directly: what is tested is what becomes of its sound.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from otpvoice.media.clip import EDGE
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.sound.finish import finish_speech
from otpvoice.media.wav import Wave, read_wav
from tests.media.loudness import active_level
from tests.media.sound.signals import PEAK, Signal, both, pitch, signal_of, steepest

LANGUAGES = ("ar", "cmn", "de", "en-us", "fr-fr", "hi", "it", "ja", "pl", "ru")
"""Those whose words for digits begin and end with vowels, hiss, stops and tones."""


async def said(text: str, language: str) -> Wave:
    program = await asyncio.create_subprocess_exec(
        "espeak-ng", "-v", language, "--stdout", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    sound, _ = await program.communicate(text.encode())
    return read_wav(sound)


async def digits(language: str) -> list[Wave]:
    return await asyncio.gather(*(said(str(digit), language) for digit in range(10)))


def length_of(raw: Signal, rate: int) -> float:
    """Return the seconds from the first audible sample to the last; espeak-ng's silence is nothing at all."""
    found = np.flatnonzero(np.abs(raw) > np.abs(raw).max() / 500)
    return float(found[-1] - found[0] + 1) / rate


def usual_pitch(telephone: Signal) -> float:
    """Return the Hz of which half of a word is higher: that does not change with its speed, though a voice falls."""
    size, power = SAMPLE_RATE // 20, np.mean(telephone**2)
    frames = [telephone[start : start + size] for start in range(0, len(telephone) - size, SAMPLE_RATE // 200)]
    return float(np.median([pitch(frame, SAMPLE_RATE, 70, 250) for frame in frames if np.mean(frame**2) > power]))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_digit_is_at_its_level_with_exact_edges_and_no_click(language: str) -> None:
    for number, wave in enumerate(await digits(language)):
        clip = finish_speech(wave)
        master, telephone = both(clip)
        row = (language, number)
        assert active_level(clip.telephone) == pytest.approx(-22, abs=1), row
        assert max(np.abs(master).max(), np.abs(telephone).max()) <= PEAK, row
        assert len(master) == 2 * len(telephone), row
        # To a millisecond at each end: that is how long the filter rings.
        wanted = length_of(signal_of(wave.pcm), wave.rate) * SAMPLE_RATE + 2 * EDGE
        assert len(telephone) == pytest.approx(wanted, abs=16), row
        assert master[0] == master[-1] == telephone[0] == telephone[-1] == 0, row
        within = steepest(telephone[EDGE:-EDGE])
        assert max(steepest(telephone[: EDGE + 1]), steepest(telephone[-EDGE - 1 :])) <= within, row


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.3, 2.0])
async def test_words_spoken_slower_or_faster_are_as_high_as_they_were(speed: float) -> None:
    for wave in await asyncio.gather(said("one", "en-us"), said("neun", "de"), said("una", "es")):
        plain, changed = finish_speech(wave), finish_speech(wave, speed)
        assert active_level(changed.telephone) == pytest.approx(-22, abs=1)
        before, after = both(plain)[1], both(changed)[1]
        assert len(after) - 2 * EDGE == pytest.approx((len(before) - 2 * EDGE) / speed, rel=0.02)
        # Voices fall, and which frames are voiced is a guess; test_stretch has voices that do not fall.
        assert usual_pitch(after) == pytest.approx(usual_pitch(before), rel=0.05)
        assert steepest(after) <= 1.15 * steepest(before)
