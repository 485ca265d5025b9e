"""Where a sound begins and ends, and that it does both without a click; no offset stays."""

from __future__ import annotations

import numpy as np
import pytest

from otpvoice.media.sound.edges import MASTER_EDGE, cut, extent, faded, steadied
from tests.media.sound.signals import Signal, decibels, hiss, signal_of, silence, tone

RATE = 16000


def floats(signal: Signal | list[int]) -> np.typing.NDArray[np.float32]:
    return (np.asarray(signal) / 32768).astype(np.float32)


def trimmed(signal: Signal | list[int]) -> list[int]:
    sound = floats(signal)
    found = extent(sound)
    assert found is not None
    return [round(float(one) * 32768) for one in cut(sound, found, MASTER_EDGE)]


def test_silence_around_a_sound_is_cut_to_the_edges() -> None:
    sound = [round(one) for one in tone(500, RATE, 0.1)[1:]]
    assert len(sound) % 2
    assert trimmed([0] * 3000 + sound + [0] * 2800) == [0] * MASTER_EDGE + sound + [0] * (MASTER_EDGE + 1)


def test_of_an_even_number_of_samples_none_is_added() -> None:
    assert trimmed([0] * 900 + [9000, -9000] + [0] * 70) == [0] * MASTER_EDGE + [9000, -9000] + [0] * MASTER_EDGE


def test_a_sound_without_silence_gets_its_edges() -> None:
    assert trimmed([0, 9000, -9000, 0])[MASTER_EDGE:-MASTER_EDGE] == [9000, -9000]


def test_silence_within_a_sound_stays() -> None:
    assert len(trimmed([0, 9000, *[0] * 40000, 9000, 0])) == 40002 + 2 * MASTER_EDGE


def test_faint_noise_around_a_sound_counts_as_silence_and_stays_in_the_edges() -> None:
    noise = [12, -12] * 500
    assert trimmed([*noise, 20000, -20000, *noise]) == [12, -12] * (MASTER_EDGE // 2) + [20000, -20000] + [12, -12] * (
        MASTER_EDGE // 2
    )


def test_a_noisy_recording_is_trimmed_to_its_speech() -> None:
    sound = np.concatenate((silence(RATE, 0.3), tone(300, RATE, 0.5), silence(RATE, 0.4))) + hiss(RATE, 1.2, rms=15)
    found = extent(floats(sound))
    assert found is not None
    assert found.start == pytest.approx(0.3 * RATE, abs=16)
    assert found.stop == pytest.approx(0.8 * RATE, abs=16)


def test_however_noisy_what_is_within_40_decibels_is_kept() -> None:
    faint = tone(3000, RATE, 0.2, 140)
    sound = np.concatenate((faint, tone(300, RATE, 0.5), faint)) + hiss(RATE, 0.9, rms=60)
    found = extent(floats(sound))
    assert found is not None
    assert found.stop - found.start > 0.88 * RATE


@pytest.mark.parametrize("offset", [-3000, -40, 5, 700])
def test_an_offset_is_no_sound(offset: int) -> None:
    sound = np.concatenate((silence(RATE, 0.2), tone(300, RATE, 0.3), silence(RATE, 0.4))) + offset
    found = extent(floats(sound))
    assert found is not None
    assert found.start == pytest.approx(0.2 * RATE, abs=16)
    assert found.stop == pytest.approx(0.5 * RATE, abs=16)


def test_nor_is_one_that_wanders() -> None:
    sound = np.concatenate((silence(RATE, 2.5), tone(300, RATE, 0.3), silence(RATE, 2.2)))
    found = extent(floats(sound + np.linspace(-800, 800, len(sound))))
    assert found is not None
    assert found.start == pytest.approx(2.5 * RATE, abs=16)
    assert found.stop == pytest.approx(2.8 * RATE, abs=16)


@pytest.mark.parametrize(
    "signal",
    [[], [0], [0] * 16000, [7000] * 16000, [1, -1] * 4000, [3, -4, 5] * 9],
    ids=["nothing", "one", "silence", "an offset", "dither", "a converter's noise"],
)
def test_of_silence_nothing_is_left(signal: list[int]) -> None:
    assert extent(floats(signal)) is None


def test_a_knock_of_one_sample_is_a_sound() -> None:
    assert extent(floats([0] * 700 + [5000] + [0] * 700)) == slice(700, 701)


# --- fades ------------------------------------------------------------------------------------------------------------


def test_a_sound_begins_and_ends_with_nothing() -> None:
    made = faded(np.ones(400, np.float32), MASTER_EDGE)
    assert made[0] == made[-1] == 0
    assert np.all(np.diff(made[: MASTER_EDGE + 1]) > 0)
    assert np.all(made[MASTER_EDGE:-MASTER_EDGE] == 1)
    assert np.array_equal(made, made[::-1])


@pytest.mark.parametrize("length", [0, 1, 2, 3, 159, 160, 161])
def test_a_sound_shorter_than_its_fades_is_faded_all_the_same(length: int) -> None:
    made = faded(np.ones(length, np.float32), MASTER_EDGE)
    assert len(made) == length
    assert length < 2 or made[0] == made[-1] == 0


# --- offset -----------------------------------------------------------------------------------------------------------


def steady(signal: Signal) -> Signal:
    return steadied(floats(signal)).astype(np.float64) * 32768


@pytest.mark.parametrize("offset", [-8000, -90, 0, 4000])
def test_an_offset_goes_and_speech_stays(offset: float) -> None:
    made = steady(tone(300, RATE, 1.0) + offset)
    assert abs(np.mean(made[:4000])) < 30
    assert abs(np.mean(made[8000:])) < 1
    assert decibels(made[8000:]) == pytest.approx(decibels(tone(300, RATE, 1.0)), abs=0.1)


@pytest.mark.parametrize(("hertz", "most"), [(85, 0.3), (120, 0.2), (300, 0.1), (3000, 0.1)])
def test_the_deepest_voice_is_as_loud_as_it_was(hertz: float, most: float) -> None:
    assert decibels(steady(tone(hertz, RATE, 1.0))[4000:]) == pytest.approx(decibels(tone(hertz, RATE, 1.0)), abs=most)


def test_what_wanders_slowly_is_held() -> None:
    assert decibels(steady(tone(2, RATE, 2.0))[4000:]) < decibels(tone(2, RATE, 2.0)) - 18


def test_silence_before_a_sound_stays_silent_and_after_it_soon_is() -> None:
    made = steady(np.concatenate((silence(RATE, 0.2), tone(300, RATE, 0.2) + 900, silence(RATE, 0.2))))
    assert not np.any(made[:3200])
    assert np.abs(made[6400 + 1600 :]).max() < 1


def test_silence_is_left_alone_however_short() -> None:
    for length in (0, 1, 127, 128, 129, 5000):
        assert not np.any(steadied(np.zeros(length, np.float32)))
        assert len(steadied(np.zeros(length, np.float32))) == length


def test_ten_minutes_do_not_blow_up() -> None:
    made = steadied(np.tile(floats(tone(300, RATE, 1.0) + 500), 600))
    assert np.all(np.isfinite(made))
    assert decibels(signal_of((made * 32768).astype("<i2").tobytes())[-16000:]) == pytest.approx(-15.26, abs=0.1)
