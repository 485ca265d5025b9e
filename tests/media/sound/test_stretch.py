"""Slower and faster: as long as it should be, the voice as high as it was, as loud, and without clicks."""

from __future__ import annotations

import numpy as np
import pytest

from otpvoice.media.sound.stretch import stretched
from tests.media.sound.signals import Signal, decibels, hiss, pitch, steepest, tone, vowel

RATE = 16000
SPEEDS = (0.5, 0.6, 0.75, 0.9, 0.97, 1.05, 1.25, 1.5, 2.0)


def stretch(signal: Signal, speed: float) -> Signal:
    return stretched((signal / 32768).astype(np.float32), speed).astype(np.float64) * 32768


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("hertz", [85, 120, 210, 330])
@pytest.mark.parametrize("seconds", [0.1, 0.35, 2.0])
def test_a_voice_keeps_its_pitch_its_level_and_its_smoothness(speed: float, hertz: float, seconds: float) -> None:
    voice = vowel(hertz, RATE, seconds)
    made = stretch(voice, speed)
    assert len(made) == pytest.approx(len(voice) / speed, rel=0.02)
    assert decibels(made) == pytest.approx(decibels(voice), abs=1.0 if seconds < 0.3 else 0.5)
    assert steepest(made) <= 1.1 * steepest(voice)
    if seconds > 0.3:
        assert pitch(made, RATE, hertz * 0.6, hertz * 1.6) == pytest.approx(hertz, rel=0.01)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_clip_of_100_ms_keeps_its_pitch(speed: float) -> None:
    assert pitch(stretch(vowel(210, RATE, 0.1), speed), RATE) == pytest.approx(210, rel=0.01)


@pytest.mark.parametrize("speed", SPEEDS)
def test_hiss_stays_as_loud_and_as_even_as_it_was(speed: float) -> None:
    made = stretch(hiss(RATE, 1.0), speed)
    assert decibels(made) == pytest.approx(decibels(hiss(RATE, 1.0)), abs=0.3)
    frames = (made[: len(made) // 320 * 320].reshape(-1, 320) ** 2).mean(axis=1)
    assert 10 * np.log10(frames.max() / frames.min()) < 4


@pytest.mark.parametrize("speed", SPEEDS)
def test_what_comes_first_and_last_stays_there(speed: float) -> None:
    made = stretch(np.concatenate((tone(1000, RATE, 0.2), tone(400, RATE, 0.3), tone(1600, RATE, 0.2))), speed)
    assert pitch(made[: round(0.15 * RATE / speed)], RATE, 800, 1300) == pytest.approx(1000, rel=0.01)
    assert pitch(made[-round(0.15 * RATE / speed) :], RATE, 1300, 1900) == pytest.approx(1600, rel=0.01)


def test_its_beginning_and_end_are_its_own() -> None:
    voice = vowel(120, RATE, 0.8)
    for speed in SPEEDS:
        made = stretch(voice, speed)
        assert np.array_equal(made[:320], stretch(voice, 1.0)[:320])
        assert np.array_equal(made[-30:], stretch(voice, 1.0)[-30:])


def test_at_speed_1_nothing_is_touched() -> None:
    voice = (vowel(120, RATE, 0.5) / 32768).astype(np.float32)
    assert stretched(voice, 1.0) is voice


@pytest.mark.parametrize("length", [0, 1, 2, 300, 767, 768, 769, 1000, 1279, 1600])
def test_the_shortest_sounds_come_out_as_they_can(length: int) -> None:
    for speed in SPEEDS:
        made = stretched(np.full(length, 0.25, np.float32), speed)
        assert min(length, round(length / speed * 0.97)) <= len(made) <= max(length, length / speed * 1.03)
        assert np.all(np.abs(made - 0.25) < 1e-3)


def test_silence_stays_silence() -> None:
    assert not np.any(stretched(np.zeros(16000, np.float32), 0.7))


@pytest.mark.parametrize("speed", [0.49, 2.01, 0, -1, float("nan"), float("inf")])
def test_what_is_no_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="no speed"):
        stretched(np.zeros(16000, np.float32), speed)
