"""Tones: exact in length, at one level whatever their number of sines, without clicks, and of no other frequency."""

from __future__ import annotations

from array import array
from cmath import exp, pi
from itertools import pairwise
from math import log10, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpvoice.media.g711 import Law, decode, encode
from otpvoice.media.tone import tone

FREQUENCIES = st.lists(st.integers(1, 3999), max_size=4).map(tuple)


def part(samples: array[int], frequency: int) -> float:
    """Return the amplitude of one frequency."""
    total = sum(sample * exp(-2j * pi * frequency * n / 8000) for n, sample in enumerate(samples))
    return 2 * abs(total) / len(samples)


@pytest.mark.parametrize("frequencies", [(425,), (350, 440), (400, 450), (480, 620), (950, 1400, 1800)])
@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_all_sines_together_are_at_minus_19_dbm0(frequencies: tuple[int, ...], law: Law) -> None:
    heard = array("h", decode(encode(tone(frequencies, 2.0), law), law))[4000:12000]
    # 3.17 dBm0: a sine that fills 16 bits, as G.711 sees it
    level = 20 * log10(sqrt(sum(one * one for one in heard) / len(heard)) * sqrt(2) / 32767) + 3.17
    assert level == pytest.approx(-19.0, abs=0.2)


def test_each_sine_has_its_share_and_there_is_no_other() -> None:
    samples = array("h", tone((440, 480), 3.0))[8000:16000]
    first, second = part(samples, 440), part(samples, 480)
    assert first == pytest.approx(second, rel=0.01)
    assert all(part(samples, other) < first / 1000 for other in (220, 400, 460, 520, 880, 920))


@given(FREQUENCIES, st.floats(0, 3))
@settings(deadline=None)
def test_a_tone_is_exact_to_the_sample(frequencies: tuple[int, ...], seconds: float) -> None:
    assert len(tone(frequencies, seconds)) == 2 * round(seconds * 8000)


@given(FREQUENCIES, st.floats(0.05, 1.5))
@settings(deadline=None)
def test_a_tone_begins_and_ends_with_nothing(frequencies: tuple[int, ...], seconds: float) -> None:
    samples = array("h", tone(frequencies, seconds))
    assert samples[0] == samples[-1] == 0
    assert max(map(abs, samples[:4]), default=0) < 600


def test_a_second_follows_the_other_without_a_seam() -> None:
    samples = array("h", tone((425,), 2.5))
    # 425 Hz are whole waves in 40 ms, and so in a second.
    assert samples[4000:8000] == samples[12000:16000]
    assert max(abs(b - a) for a, b in pairwise(samples[7990:8011])) < 2 * 2560 * pi * 425 / 8000


def test_no_frequency_is_silence_and_no_time_is_nothing() -> None:
    assert tone((), 0.5) == bytes(8000)
    assert tone((425,), 0) == tone((425,), -1) == b""


@pytest.mark.parametrize("frequency", [0, -425, 4000, 48000])
def test_what_a_telephone_can_not_carry_is_refused(frequency: int) -> None:
    with pytest.raises(ValueError, match="3999"):
        tone((425, frequency), 1)
