"""One loudness: speech at its level, no peak above the bound, and a limiter that nobody hears."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media.sound.level import LOUDEST, MOST_GAIN, levelled
from otpvoice.media.sound.rates import to_telephone
from otpvoice.media.sound.samples import pcm_of as pcm_of_floats
from tests.media.loudness import active_level
from tests.media.sound.signals import PEAK, Signal, decibels, hiss, signal_of, silence, steepest, tone, vowel

RATE = 16000


def level(signal: Signal) -> tuple[Signal, Signal]:
    """Return the master and the telephone's sound."""
    master = (signal / 32768).astype(np.float32)
    made = levelled(master, to_telephone(master))
    return signal_of(pcm_of_floats(made[0])), signal_of(pcm_of_floats(made[1]))


def heard(telephone: Signal) -> float:
    return active_level(telephone.astype("<i2").tobytes())


def test_the_bound_is_3_decibels() -> None:
    assert LOUDEST <= PEAK < LOUDEST + 1


@pytest.mark.parametrize("amplitude", [300, 3000, 16000, 32767])
def test_speech_comes_out_at_one_level_however_it_went_in(amplitude: int) -> None:
    syllables = np.concatenate((tone(300, RATE, 0.4, amplitude), silence(RATE, 0.5), tone(300, RATE, 0.4, amplitude)))
    assert heard(level(syllables)[1]) == pytest.approx(-22.0, abs=0.1)


def test_a_pause_does_not_make_speech_louder() -> None:
    speech = tone(300, RATE, 0.4)
    alone, apart = level(speech)[1], level(np.concatenate((speech, silence(RATE, 4), speech)))[1]
    assert decibels(apart[:3200]) == pytest.approx(decibels(alone), abs=0.05)


def test_master_and_telephone_have_one_gain() -> None:
    master, telephone = level(tone(300, RATE, 0.5) + tone(5000, RATE, 0.5, 3000))
    assert heard(telephone) == pytest.approx(-22.0, abs=0.1)
    assert decibels(to_telephone((master / 32768).astype(np.float32)).astype(np.float64) * 32768) == pytest.approx(
        -22.0, abs=0.1
    )


@pytest.mark.parametrize("pcm", [[0] * 16000, [0, 0], []], ids=["silence", "two", "nothing"])
def test_silence_stays_silence(pcm: list[int]) -> None:
    master, telephone = level(np.asarray(pcm, np.float64))
    assert not np.any(master)
    assert not np.any(telephone)
    assert len(master) == 2 * len(telephone) == len(pcm)


def test_noise_is_not_blown_up_to_speech() -> None:
    assert heard(level(hiss(RATE, 1.0, rms=1))[1]) == pytest.approx(20 * np.log10(1 / 32768) + MOST_GAIN, abs=4)
    assert heard(level(tone(300, RATE, 1.0, 4))[1]) < -45


# --- the limiter ------------------------------------------------------------------------------------------------------


def outburst(times: float, seconds: float = 0.05) -> Signal:
    """Return speech in which something is so much louder."""
    speech = vowel(110, RATE, 1.5, 2000)
    shape = np.ones(len(speech))
    shape[12000 : 12000 + round(seconds * RATE)] = times
    return speech * shape


@pytest.mark.parametrize("times", [1, 2, 4, 7])
def test_speech_with_an_outburst_is_at_its_level_and_below_its_peak(times: float) -> None:
    for sound in level(outburst(times)):
        assert np.abs(sound).max() <= LOUDEST
    assert heard(level(outburst(times))[1]) == pytest.approx(-22, abs=0.2)


def test_what_stands_out_too_far_leaves_the_rest_faint() -> None:
    """A knock: to have speech at its level, it would have to be taken back by 20 dB, and all around it."""
    speech = vowel(110, RATE, 1.5, 800)
    speech[12000] = 32767
    master, telephone = level(speech)
    assert np.abs(master).max() <= LOUDEST
    assert -37 < heard(telephone) < -26


def test_the_limiter_lets_go_before_it_is_heard_and_moves_without_a_click() -> None:
    """Far from the outburst all is as loud as if there were none; near it the gain is smooth."""
    speech = outburst(4)
    master, _ = level(speech)
    ratio = np.convolve(np.abs(master), np.ones(320), "valid") / np.convolve(np.abs(speech), np.ones(320), "valid")
    assert ratio[:10000] == pytest.approx(ratio[100], rel=0.01)
    assert ratio[14500:-400] == pytest.approx(ratio[100], rel=0.01)
    assert ratio[12400] < 0.97 * ratio[100]
    assert np.abs(np.diff(ratio)).max() < 0.02 * ratio[100]
    assert steepest(master) <= steepest(speech) * ratio.max()


def test_the_limiter_does_not_bend_waves() -> None:
    """A tone that is too loud once: what comes out there is the same tone, and fainter."""
    faint = tone(90, RATE, 5.0, 1500)
    master, _ = level(np.concatenate((faint, tone(90, RATE, 0.1, 24000), faint)))
    assert np.abs(master).max() / np.abs(master[8000:16000]).max() < 0.9 * 16
    middle = master[round(5.02 * RATE) : round(5.08 * RATE)]
    time = np.arange(len(middle)) / RATE
    parts = np.column_stack((np.sin(2 * np.pi * 90 * time), np.cos(2 * np.pi * 90 * time)))
    best, *_ = np.linalg.lstsq(parts, middle, rcond=None)
    assert decibels(middle - parts @ best) < decibels(middle) - 40


@given(
    st.lists(st.tuples(st.integers(-32768, 32767), st.integers(1, 400)), max_size=12),
    st.booleans(),
)
def test_no_sample_of_either_ever_passes_the_peak(steps: list[tuple[int, int]], hissing: bool) -> None:
    signal = np.repeat([float(value) for value, _ in steps], [count for _, count in steps])
    if hissing:
        signal = signal * hiss(RATE, len(signal) / RATE, rms=1)[: len(signal)]
    signal = np.clip(signal, -32768, 32767)[: len(signal) // 2 * 2]
    for sound in level(signal):
        assert np.abs(sound).max(initial=0) <= LOUDEST
