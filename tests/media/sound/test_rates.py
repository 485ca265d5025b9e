"""Any rate to the master's, and that to the telephone's: in time, in band, and to the sample as long as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest

from otpvoice.media.sound.rates import to_master, to_telephone
from tests.media.sound.signals import Signal, decibels, strongest, tone

RATES = (4000, 6000, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 37800, 44100, 48000, 88200, 96000, 192_000)


def master_of(signal: Signal, rate: int) -> Signal:
    return to_master((signal / 32768).astype(np.float32), rate).astype(np.float64) * 32768


def telephone_of(signal: Signal, rate: int) -> Signal:
    return to_telephone(to_master((signal / 32768).astype(np.float32), rate)).astype(np.float64) * 32768


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [100.0, 1000.0, 1800.0, 3400.0])
def test_a_tone_of_the_telephone_band_passes_unchanged_and_in_time(rate: int, hertz: float) -> None:
    if hertz > 0.45 * rate:
        return
    for made, at in ((master_of, 16000), (telephone_of, 8000)):
        difference = made(tone(hertz, rate, 0.5), rate) - tone(hertz, at, 0.5)
        assert decibels(difference[at // 20 : -at // 20]) < decibels(tone(hertz, at, 0.5)) - 60


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [4000.0, 4001.0, 4200.0, 4700.0, 5300.0, 7100.0, 9900.0, 15000.0, 47000.0, 91000.0])
def test_what_the_telephone_can_not_carry_does_not_fold_back(rate: int, hertz: float) -> None:
    if hertz < rate / 2:
        assert decibels(telephone_of(tone(hertz, rate, 0.3, 20000), rate)[400:-400]) < -85


@pytest.mark.parametrize("hertz", range(3800, 4000, 25))
def test_near_the_edge_of_the_band_a_tone_is_faint_or_itself(hertz: float) -> None:
    heard = telephone_of(tone(hertz, 16000, 1.0), 16000)[400:-400]
    at, amplitude = strongest(heard, 8000)
    assert abs(at - hertz) < 3 or amplitude < 1


@pytest.mark.parametrize("rate", [24000, 44100, 192_000])
def test_what_the_master_can_not_carry_does_not_fold_back(rate: int) -> None:
    assert decibels(master_of(tone(9000, rate, 0.3, 20000), rate)[400:-400]) < -85


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, 441, 442, 2205])
def test_a_sound_is_as_long_as_it_was_and_the_master_has_two_samples_for_one(rate: int, length: int) -> None:
    master = to_master(np.zeros(length, np.float32), rate)
    assert len(to_telephone(master)) * 2 == len(master)
    assert len(master) == 2 * math.ceil(length * 8000 / rate)


def test_a_long_sound_has_no_seams() -> None:
    heard, wanted = telephone_of(tone(700, 22050, 30), 22050), tone(700, 8000, 30)
    assert np.abs(heard - wanted)[100:-100].max() < 8


@pytest.mark.parametrize("rate", [-1, 0, 3999, 192_001, 4_000_000_000])
def test_what_is_no_rate_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="no rate of sound"):
        to_master(np.zeros(10, np.float32), rate)
