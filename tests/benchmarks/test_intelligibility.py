"""The figure itself: found wherever the sound begins, 1 for the same, and less the more is lost."""

from __future__ import annotations

import numpy as np
import pytest
import soxr  # type: ignore[import-untyped]

from benchmarks.intelligibility import Samples, Understood, lines, stoi, table
from otpvoice.media.clip import MASTER_RATE
from otpvoice.media.g711 import SAMPLE_RATE


def speech(seconds: float = 3.0) -> Samples:
    """Return what has the envelope of syllables, without an engine: hiss of a telephone's band, four times a second."""
    hiss = np.random.default_rng(1).standard_normal(int(seconds * SAMPLE_RATE)).astype(np.float32) * 0.1
    wide: Samples = soxr.resample(hiss, SAMPLE_RATE, MASTER_RATE)
    time = np.arange(len(wide), dtype=np.float32) / MASTER_RATE
    syllables: Samples = (1.05 - np.cos(2 * np.pi * 4 * time)).astype(np.float32)
    return wide * syllables


def on_the_telephone(master: Samples, begin: float = 0.0) -> Samples:
    heard: Samples = soxr.resample(master, MASTER_RATE, SAMPLE_RATE)
    return np.concatenate((np.zeros(int(begin * SAMPLE_RATE), np.float32), heard))


@pytest.mark.parametrize("begin", [0.0, 0.4, 1.7])
def test_the_same_is_one_wherever_it_begins(begin: float) -> None:
    assert stoi(speech(), on_the_telephone(speech(), begin)) > 0.99


def test_the_more_is_lost_the_less_is_understood() -> None:
    scores = []
    for every in (100, 20, 4, 2):
        heard = on_the_telephone(speech(), 0.4).copy()
        for start in range(0, len(heard), 160 * every):
            heard[start : start + 160] = 0
        scores.append(stoi(speech(), heard))
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.2


def test_what_was_measured_is_told() -> None:
    measured = [Understood("de", {0.0: 0.998, 0.05: 0.93}), Understood("ja", {0.0: 0.99, 0.05: 0.91})]
    assert [(line.what, round(line.value, 3), line.remark) for line in lines(measured)] == [
        ("STOI at 0% loss", 0.994, "2 languages; the least: ja, 0.990"),
        ("STOI at 5% loss", 0.92, "2 languages; the least: ja, 0.910"),
    ]
    assert table(measured).splitlines() == [
        "| language | 0% lost | 5% lost |",
        "|---|---|---|",
        "| de | 0.998 | 0.930 |",
        "| ja | 0.990 | 0.910 |",
    ]
