"""16 and 24 kHz: the right length, what a telephone channel passes, and nothing of what it does not; no clicks."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import soxr  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media.streams.rates import DELAY_MS, FACTORS, Downsampler, Upsampler
from tests.media.streams.signals import pcm_of, samples_of, signal_to_noise, sweep

DELAY = 13
"""Samples of 8000 Hz."""


def tone(frequency: float, rate: int, seconds: float = 1.0, late: float = 0.0) -> list[float]:
    """Return a tone that begins ``late`` seconds before its time."""
    return [16384 * math.sin(2 * math.pi * frequency * (n / rate - late)) for n in range(round(seconds * rate))]


def level(pcm: bytes) -> float:
    """Return the RMS of a sound without its edges, in dB below that of a tone of half the full scale."""
    samples = samples_of(pcm)[200:-200]
    power = sum(sample * sample for sample in samples) / len(samples)
    return 10 * math.log10(power / (16384 * 16384 / 2)) if power else -math.inf


def in_pieces(feed: Callable[[bytes], bytes], pcm: bytes, sizes: list[int]) -> bytes:
    """Return what comes of a sound that is handed over in pieces of so many samples, over and over."""
    out, first, turn = [], 0, 0
    while first < len(pcm):
        size = 2 * sizes[turn % len(sizes)]
        out.append(feed(pcm[first : first + size]))
        first, turn = first + size, turn + 1
    return b"".join(out)


def test_the_delay_is_what_it_says() -> None:
    assert pytest.approx(1000 * DELAY / 8000) == DELAY_MS


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("frequency", [100, 300, 1020, 2500, 3000, 3400])
def test_what_a_telephone_passes_is_passed_upwards(factor: int, frequency: float) -> None:
    got = Upsampler(factor).feed(pcm_of(tone(frequency, 8000)))
    assert signal_to_noise(tone(frequency, 8000 * factor, late=DELAY / 8000), samples_of(got)) > 48


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("frequency", [100, 300, 1020, 2500, 3000, 3400])
def test_and_downwards(factor: int, frequency: float) -> None:
    got = Downsampler(factor).feed(pcm_of(tone(frequency, 8000 * factor)))
    assert signal_to_noise(tone(frequency, 8000, late=DELAY / 8000), samples_of(got)) > 48


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("frequency", [4600, 5000, 6500, 7700])
def test_what_would_fold_back_into_the_telephones_band_is_gone(factor: int, frequency: float) -> None:
    assert level(Downsampler(factor).feed(pcm_of(tone(frequency, 8000 * factor)))) < -50


@pytest.mark.parametrize("factor", FACTORS)
def test_nothing_is_mirrored_above_the_telephones_band(factor: int) -> None:
    """A tone of 3000 Hz would be heard at 5000, too."""
    got = samples_of(Upsampler(factor).feed(pcm_of(tone(3000, 8000))))[400:-400]
    mirrored = sum(sample * math.cos(2 * math.pi * 5000 * n / (8000 * factor)) for n, sample in enumerate(got))
    beside = sum(sample * math.sin(2 * math.pi * 5000 * n / (8000 * factor)) for n, sample in enumerate(got))
    amplitude = 2 * math.hypot(mirrored, beside) / len(got)
    assert 20 * math.log10(amplitude / 16384) < -50


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("sizes", [[160], [800], [1], [7, 0, 161, 13, 26, 27]], ids=str)
def test_it_is_the_same_in_whatever_pieces_it_comes(factor: int, sizes: list[int]) -> None:
    """No click where they meet, that is."""
    up, down = pcm_of(sweep(0.25)), pcm_of(sweep(0.25, 8000 * factor))
    assert in_pieces(Upsampler(factor).feed, up, sizes) == Upsampler(factor).feed(up)
    assert in_pieces(Downsampler(factor).feed, down, sizes) == Downsampler(factor).feed(down)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_minute_is_as_long_as_a_minute(factor: int) -> None:
    up, down = Upsampler(factor), Downsampler(factor)
    frame = random.Random(1).randbytes(320)
    lengths = {(len(high := up.feed(frame)), len(down.feed(high))) for _ in range(3000)}
    assert lengths == {(320 * factor, 320)}, "each frame, at once"


@pytest.mark.parametrize("factor", FACTORS)
@given(pcm=st.binary(max_size=2000), cut=st.integers(0, 1000))
def test_samples_that_are_too_few_wait(factor: int, pcm: bytes, cut: int) -> None:
    pcm = pcm[: len(pcm) // 2 * 2]
    down = Downsampler(factor)
    first, second = down.feed(pcm[: 2 * cut]), down.feed(pcm[2 * cut :])
    assert len(first) == len(pcm[: 2 * cut]) // (2 * factor) * 2
    assert len(first + second) == len(pcm) // (2 * factor) * 2


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("sample", [0, 1, -1, 1000, -32768, 32767])
def test_a_constant_stays_what_it_is(factor: int, sample: int) -> None:
    up = samples_of(Upsampler(factor).feed(pcm_of([sample] * 200)))
    down = samples_of(Downsampler(factor).feed(pcm_of([sample] * 200 * factor)))
    assert set(up[40 * factor :]) | set(down[40:]) == {sample}


@pytest.mark.parametrize("factor", FACTORS)
def test_what_is_too_loud_is_as_loud_as_it_can_be(factor: int) -> None:
    """A square wave overshoots where it is filtered; wrapped around, it would crack."""
    square = pcm_of([32767.0 if n // 7 % 2 else -32768.0 for n in range(1400)])
    up, down = samples_of(Upsampler(factor).feed(square)), samples_of(Downsampler(factor).feed(square))
    assert (max(up), min(up)) == (max(down), min(down)) == (32767, -32768)
    steps = [abs(b - a) for a, b in pairwise(up)]
    assert max(steps) < 50_000, "never from one end to the other"


@pytest.mark.parametrize("factor", FACTORS)
@given(loud=st.lists(st.sampled_from([32767.0, -32768.0]), min_size=100, max_size=100))
def test_the_loudest_noise_is_the_sum_of_products(factor: int, loud: list[float]) -> None:
    got = samples_of(Upsampler(factor).feed(pcm_of(loud)))
    heard = [0.0] * 26 + loud
    for n, phase in ((n, phase) for n in range(0, 100, 7) for phase in range(factor)):
        exact = sum(heard[n + DELAY + i] * impulse(phase / factor - i) for i in range(-12, 14))
        # Taps add up to 1.0, so that constants pass; those of the book to a little more.
        assert got[n * factor + phase] == pytest.approx(min(max(exact, -32768), 32767), abs=200)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_loudest_that_can_come_of_a_filter_does_not_wrap_around(factor: int, sign: int) -> None:
    loudest = 32767 if sign > 0 else -32768
    worst = [32767.0 * sign * math.copysign(1, impulse(1 / factor - i)) for i in range(-12, 14)]
    assert samples_of(Upsampler(factor).feed(pcm_of(worst)))[25 * factor + 1] == loudest
    worst = [32767.0 * sign * math.copysign(1, impulse(i / factor)) for i in range(-13 * factor, 14 * factor)]
    assert samples_of(Downsampler(factor).feed(pcm_of(worst)))[2 * DELAY] == loudest


@pytest.mark.parametrize("factor", FACTORS)
def test_each_sample_is_cut_off_by_itself(factor: int) -> None:
    """As loud as can be beside what fits, against a third of it, which overshoots nowhere."""
    chance = random.Random(factor)
    quiet = [float(chance.choice([10_922, -10_922, chance.randint(-3000, 3000)])) for _ in range(2000)]
    for made in (Upsampler, Downsampler):
        loud = samples_of(made(factor).feed(pcm_of([3 * sample for sample in quiet])))
        exact = [3 * sample for sample in samples_of(made(factor).feed(pcm_of(quiet)))]
        assert {32767, -32768} <= set(loud)
        # A third is rounded, too.
        assert all(abs(a - min(max(b, -32768), 32767)) <= 2 for a, b in zip(loud, exact, strict=True))


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("made", [Upsampler, Downsampler])
def test_what_is_too_loud_costs_no_loop_over_samples(made: type[Upsampler | Downsampler], factor: int) -> None:
    """Who sends it chooses how much of it there is: whole seconds are as many steps as one frame."""

    def steps(samples: int) -> int:
        resampler = made(factor)
        square = pcm_of([32767.0 if n // 7 % 2 else -32768.0 for n in range(samples)])
        counted, before = 0, sys.getprofile()

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            resampler.feed(square)
        finally:
            sys.setprofile(before)
        return counted

    steps(240)  # taps are made once
    assert 0 < steps(24_000) == steps(240)


def impulse(time: float) -> float:
    """A sinc in a Hamming window of 13 samples to each side."""
    if abs(time) >= 13:
        return 0.0
    return (math.sin(math.pi * time) / (math.pi * time) if time else 1.0) * (
        0.54 + 0.46 * math.cos(math.pi * time / 13)
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_it_agrees_with_the_other_way_down(factor: int) -> None:
    """soxr's, for whole clips, is another filter without delay."""
    high = pcm_of(sweep(1.0, 8000 * factor, highest=3000))
    whole = soxr.resample(np.frombuffer(high, "<i2"), 8000 * factor, 8000).tolist()
    streamed = samples_of(Downsampler(factor).feed(high))[DELAY:]
    assert signal_to_noise(whole[: len(streamed)], streamed) > 40


@pytest.mark.parametrize("factor", [-1, 0, 1, 4, 6])
def test_other_rates_are_refused(factor: int) -> None:
    with pytest.raises(ValueError, match="not a known rate"):
        Upsampler(factor)
    with pytest.raises(ValueError, match="not a known rate"):
        Downsampler(factor)


@pytest.mark.parametrize("factor", FACTORS)
def test_half_a_sample_is_refused_and_nothing_is_nothing(factor: int) -> None:
    for resampler in (Upsampler(factor), Downsampler(factor)):
        with pytest.raises(ValueError, match="even number"):
            resampler.feed(b"\0")
        assert resampler.feed(b"") == b""


def test_two_streams_know_nothing_of_each_other() -> None:
    one, other = Upsampler(2), Upsampler(2)
    loud = pcm_of(sweep(0.1))
    one.feed(loud)
    assert other.feed(loud) == Upsampler(2).feed(loud)
