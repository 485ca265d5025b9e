"""The levels' own measure, held to signals whose levels are known; and the table and the lines that are made of it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.levels import BEGIN, END, Heard, Levels, Samples, active_level, heard, lines, p56, table, with_table
from otpvoice.media.clip import Clip

RATE = 8000


def sine(seconds: float, level: float) -> Samples:
    """A sine of this RMS in dBFS."""
    at: Samples = np.arange(round(seconds * RATE)) / RATE
    sound: Samples = np.sqrt(2) * 10 ** (level / 20) * np.sin(2 * np.pi * 440 * at)
    return sound


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


@pytest.mark.parametrize("level", [-12.0, -22.0, -40.0])
def test_of_a_sound_without_pauses_both_are_its_rms(level: float) -> None:
    assert active_level(sine(5, level)) == pytest.approx(level, abs=0.01)
    assert p56(sine(5, level)) == pytest.approx(level, abs=0.05)


def test_pauses_do_not_count() -> None:
    sound = np.concatenate([silence(3), sine(2, -22), silence(3)])
    assert active_level(sound) == pytest.approx(-22, abs=0.01)
    # P.56 takes the envelope's fall and 0.2 s of hangover for speech: about a tenth of it here.
    assert p56(sound) == pytest.approx(-22 - 10 * np.log10((2 + 0.2 + 0.1) / 2), abs=0.2)


def test_what_is_far_below_the_rest_is_a_pause() -> None:
    sound = np.concatenate([sine(2, -22), sine(2, -48), sine(2, -22)])
    assert active_level(sound) == pytest.approx(-22, abs=0.05)
    assert active_level(np.concatenate([sine(2, -22), sine(2, -44)])) == pytest.approx(-25, abs=0.1)


def test_a_peak_of_either_sound_is_the_clips() -> None:
    low, high = ((sine(1, level) * 32768).astype("<i2").tobytes() for level in (-22, -10))
    assert heard(Clip(high, low)).peak == heard(Clip(low, high)).peak == pytest.approx(-10 + 3.01, abs=0.05)


def test_each_that_breaks_the_rule_is_counted_and_told() -> None:
    kept = Levels("espeak", "de", [Heard(-22, -5), Heard(-21.5, -3)], -22.6, 0)
    broken = Levels("flite", "en", [Heard(-22, -2.9), Heard(-23.1, -8), Heard(-20.9, -8)], -22.7, 1)
    assert (kept.outside, kept.too_high, broken.outside, broken.too_high) == (0, 0, 2, 1)
    assert [line.value for line in lines([kept, broken]) if line.unit == ""] == [0, 3]
    assert [line.verdict for line in lines([kept, broken]) if line.unit == "dB"] == ["met", "missed by 10 %"]
    assert table([kept, broken]).splitlines()[2:] == [
        "| `espeak` | `de` | 2 | −22.0 … −21.5 | −22.6 | −3.0 | 0 | 0 |",
        "| `flite` | `en` | 3 of 4 | −23.1 … −20.9 | −22.7 | −2.9 | 2 | 1 |",
    ]


def test_a_page_has_the_new_table_in_the_place_of_the_old_one_and_is_refused_without_its_marks() -> None:
    page = f"Before.\n{BEGIN}\nold\n\n{END}After.\n"
    assert with_table(page, "| new |\n") == f"Before.\n{BEGIN}\n| new |\n\n{END}After.\n"
    with pytest.raises(ValueError, match="unpack"):
        with_table("Before.\nAfter.\n", "| new |\n")
