"""From what an engine wrote to a clip for the telephone: header, rate, edges, level."""

from __future__ import annotations

import math
import random
import struct
from array import array
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.media.pcm import EDGE, fade, level, speech_clip, trim
from otpvoice.media.resample import SOURCE_RATES, _taps, resample
from otpvoice.media.wav import read_wav
from tests.media.loudness import active_level

Signal = Callable[[float], float]


def pcm_of(*samples: int) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def samples_of(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


def sampled(signal: Signal, rate: int, seconds: float) -> bytes:
    return pcm_of(*(round(signal(n / rate)) for n in range(round(rate * seconds))))


def tone(hertz: float, amplitude: float = 16000.0) -> Signal:
    return lambda t: amplitude * math.sin(2 * math.pi * hertz * t)


def decibels(samples: list[int], reference: float = 32768.0) -> float:
    power = sum(sample * sample for sample in samples) / len(samples)
    return 10 * math.log10(max(power, 1e-9) / reference**2)


# WAV


def wav(
    *, rate: int = 22050, form: int = 1, channels: int = 1, bits: int = 16, length: int = 4, before: bytes = b""
) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, form, channels, rate, rate * 2, 2, bits)
    return b"RIFF\xff\xff\xff\xffWAVE" + before + fmt + b"data" + struct.pack("<I", length) + b"\x01\x02\x03\x04"


@pytest.mark.parametrize("length", [4, 0, 0x7FFFF000, 0xFFFFFFFF])
def test_samples_are_read_whatever_a_pipe_made_of_their_length(length: int) -> None:
    assert read_wav(wav(length=length)) == (22050, b"\x01\x02\x03\x04")


def test_a_length_that_is_true_ends_the_samples() -> None:
    assert read_wav(wav(length=2)).pcm == b"\x01\x02"


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert read_wav(wav()[:-1]).pcm == b"\x01\x02"


def test_other_chunks_are_passed_over() -> None:
    assert read_wav(wav(before=b"LIST\x03\x00\x00\x00abc\x00")).pcm == b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "header"),
        (b"espeak: no voice", "header"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no samples"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", "before their format"),
        (wav()[:40], "no samples"),
        (wav()[:30], "16-bit mono"),
        (wav(channels=2), "16-bit mono"),
        (wav(bits=8), "16-bit mono"),
        (wav(form=3), "16-bit mono"),
        (wav(rate=0), "16-bit mono"),
    ],
)
def test_what_is_no_speech_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_wav(data)


@given(st.binary(max_size=80))
@example(wav())
def test_any_bytes_are_samples_or_a_value_error(data: bytes) -> None:
    for stream in (data, b"RIFF\x00\x00\x00\x00WAVE" + data):
        try:
            assert len(read_wav(stream).pcm) % 2 == 0
        except ValueError:
            continue


# Resampling


@pytest.mark.parametrize("rate", sorted(SOURCE_RATES))
@pytest.mark.parametrize("hertz", [100.0, 1000.0, 3300.0])
def test_a_tone_of_the_telephone_band_passes_unchanged_and_in_time(rate: int, hertz: float) -> None:
    out = samples_of(resample(sampled(tone(hertz), rate, 0.5), rate))
    assert len(out) == 4000
    wanted = samples_of(sampled(tone(hertz), 8000, 0.5))
    difference = [a - b for a, b in zip(out[100:-100], wanted[100:-100], strict=True)]
    assert decibels(difference, 16000) < -50


@pytest.mark.parametrize(
    ("rate", "hertz"),
    [(rate, hertz) for rate in sorted(SOURCE_RATES) for hertz in (4700.0, 5300.0, 7100.0, 9900.0) if hertz < rate / 2],
)
def test_what_the_telephone_can_not_carry_does_not_fold_back(rate: int, hertz: float) -> None:
    out = samples_of(resample(sampled(tone(hertz), rate, 0.3), rate))
    assert decibels(out[100:-100], 16000) < -55


def test_a_long_sound_has_no_seams() -> None:
    out = samples_of(resample(sampled(tone(700), 22050, 12), 22050))
    wanted = samples_of(sampled(tone(700), 8000, 12))
    assert max(abs(a - b) for a, b in zip(out[100:-100], wanted[100:-100], strict=True)) < 40


@pytest.mark.parametrize("rate", sorted(SOURCE_RATES))
@pytest.mark.parametrize("length", [0, 1, 2, 3, 100, 441, 442, 2205])
def test_a_sound_is_as_long_as_it_was(rate: int, length: int) -> None:
    assert len(resample(bytes(2 * length), rate)) == 2 * math.ceil(length * 8000 / rate)


@pytest.mark.parametrize("rate", sorted(SOURCE_RATES - {8000}))
def test_the_loudest_sound_is_clipped_and_never_wraps_around(rate: int) -> None:
    # Each square is slow enough that its middle must be at full scale, with its own sign.
    square = pcm_of(*(32767 if n // (rate // 100) % 2 == 0 else -32768 for n in range(rate // 2)))
    out = samples_of(resample(square, rate))
    middles = [out[n] for n in range(40, len(out) - 40, 80)]
    assert [value > 0 for value in middles] == [n % 2 == 0 for n in range(len(middles))]
    assert min(map(abs, middles)) > 32000


@pytest.mark.parametrize("rate", sorted(SOURCE_RATES - {8000}))
def test_no_sum_of_products_can_overflow(rate: int) -> None:
    assert all(sum(taps) == 1 << 15 for taps in _taps(rate))
    assert max(sum(map(abs, taps)) for taps in _taps(rate)) < 1 << 16


def test_full_scale_noise_comes_out_as_a_plain_sum_would() -> None:
    rng = random.Random(7)
    source = [rng.choice((32767, -32768)) for _ in range(1000)]
    reach = len(_taps(22050)[0]) // 2
    padded = [0] * (reach - 1) + source + [0] * (reach + 1)
    for m, value in enumerate(samples_of(resample(pcm_of(*source), 22050))):
        window = padded[m * 441 // 160 :]
        exact = sum(tap * sample for tap, sample in zip(_taps(22050)[m % 160], window, strict=False)) / (1 << 15)
        assert abs(value - min(max(exact, -32768), 32767)) <= 1


@pytest.mark.parametrize("rate", [0, 7999, 22051, 96000])
def test_an_unknown_rate_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="not a known rate"):
        resample(b"", rate)


@pytest.mark.parametrize("rate", [8000, 22050])
def test_half_a_sample_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="even number"):
        resample(b"\x00", rate)


# Edges and level


def test_silence_around_a_sound_is_cut_to_the_edges() -> None:
    sound = samples_of(sampled(tone(500), 8000, 0.1))[1:]
    trimmed = samples_of(trim(pcm_of(*[0] * 3000, *sound, *[0] * 2800)))
    assert trimmed == [0] * EDGE + sound + [0] * EDGE


def test_a_sound_without_silence_gets_its_edges() -> None:
    assert samples_of(trim(pcm_of(9000, -9000))) == [0] * EDGE + [9000, -9000] + [0] * EDGE


def test_silence_within_a_sound_stays() -> None:
    assert len(samples_of(trim(pcm_of(9000, *[0] * 4000, 9000)))) == 4002 + 2 * EDGE


def test_faint_noise_around_a_sound_counts_as_silence_and_stays_in_the_edges() -> None:
    noise = [12, -12] * 500
    trimmed = samples_of(trim(pcm_of(*noise, 20000, -20000, *noise)))
    assert trimmed == [12, -12] * (EDGE // 2) + [20000, -20000] + [12, -12] * (EDGE // 2)


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(16000)])
def test_of_silence_nothing_is_left(pcm: bytes) -> None:
    assert trim(pcm) == b""
    assert level(pcm) == pcm
    assert fade(pcm) == pcm
    assert active_level(pcm) == float("-inf")
    assert speech_clip(pcm, 22050) == b""


@pytest.mark.parametrize("amplitude", [300, 3000, 16000, 32767])
def test_speech_comes_out_at_one_level_however_it_went_in(amplitude: int) -> None:
    syllables = sampled(tone(300, amplitude), 8000, 0.4) + bytes(8000) + sampled(tone(300, amplitude), 8000, 0.4)
    out = level(syllables)
    assert active_level(out) == pytest.approx(-22.0, abs=0.1)


def test_a_pause_does_not_make_speech_louder() -> None:
    speech = sampled(tone(300), 8000, 0.4)
    assert active_level(speech + bytes(64000) + speech) == pytest.approx(active_level(speech), abs=0.05)


def test_a_peak_stays_below_its_bound_though_the_level_suffers() -> None:
    clicks = pcm_of(*(20000 if n % 400 == 0 else 0 for n in range(8000)))
    loudest = max(map(abs, samples_of(level(clicks))))
    assert 20 * math.log10(loudest / 32768) == pytest.approx(-3.0, abs=0.01)


def test_noise_is_not_blown_up_to_speech() -> None:
    assert active_level(level(pcm_of(*[1, -1] * 4000))) < -55


def test_a_sound_begins_and_ends_with_nothing() -> None:
    faded = samples_of(fade(pcm_of(*[10000] * 200)))
    assert faded[0] == faded[-1] == 0
    assert faded[: EDGE + 1] == sorted(faded[: EDGE + 1])
    assert faded[EDGE:-EDGE] == [10000] * (200 - 2 * EDGE)


@pytest.mark.parametrize("length", [1, 2, 3, 79, 80, 81])
def test_a_sound_shorter_than_its_fades_is_faded_all_the_same(length: int) -> None:
    faded = samples_of(fade(pcm_of(*[10000] * length)))
    assert len(faded) == length
    assert length < 2 or faded[0] == faded[-1] == 0


def test_a_clip_is_trimmed_levelled_and_silent_at_its_ends() -> None:
    sound = bytes(2 * 3000) + sampled(tone(800, 5000), 22050, 0.3) + bytes(2 * 8000)
    clip = samples_of(speech_clip(sound, 22050))
    assert len(clip) == pytest.approx(2400 + 2 * EDGE, abs=16)
    assert active_level(pcm_of(*clip)) == pytest.approx(-22.0, abs=0.2)
    assert clip[0] == clip[-1] == 0
    assert decibels(clip[:EDGE]) < -60
    assert decibels(clip[-EDGE:]) < -60


def test_a_clip_that_starts_at_full_voice_loses_none_of_it() -> None:
    sound = sampled(lambda t: tone(800)(t + 0.0003), 22050, 0.3)
    clip = samples_of(speech_clip(sound, 22050))
    assert decibels(clip[EDGE : EDGE + 40]) > -24


@given(st.binary(max_size=600).map(lambda data: data[: len(data) // 2 * 2]), st.sampled_from(sorted(SOURCE_RATES)))
def test_any_sound_becomes_a_clip_within_bounds(pcm: bytes, rate: int) -> None:
    clip = array("h", speech_clip(pcm, rate))
    assert not clip or max(map(abs, clip)) <= 32768 * 10 ** (-3 / 20)
    assert speech_clip(pcm, rate) == clip.tobytes()
