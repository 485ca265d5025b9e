"""The E-model against published figures, never against its own, and what must hold for whatever RTCP says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.core.quality import (
    BPL_G711,
    BPL_G711_CONCEALED,
    R_DEFAULT,
    delay_impairment,
    loss_impairment,
    mean_opinion_score,
    opinion,
    rating,
)

anything = st.floats(allow_nan=True, allow_infinity=True)
losses = st.floats(0, 1)
seconds = st.floats(0, 100)
ROUNDING = 1e-9
MANUAL = Path(__file__).parents[2] / "docs" / "quality.md"


@pytest.mark.parametrize(
    ("r", "published"),
    [
        # ITU-T G.107, annex B, table B.1; the default rating's MOS: G.107, 7.7.
        (93.2, 4.41),
        (90, 4.34),
        (80, 4.03),
        (70, 3.60),
        (60, 3.10),
        (50, 2.58),
        # Mitel, MiVoice MX-ONE planning guide, "Speech Quality Measurement", table 2: the ends of its ranges.
        (100, 4.50),
        (89, 4.31),
        (69, 3.55),
        # Annex B: outside of 0 to 100.
        (0, 1.0),
        (-20, 1.0),
        (120, 4.5),
    ],
)
def test_a_rating_has_the_published_score(r: float, published: float) -> None:
    assert opinion(r) == pytest.approx(published, abs=0.0065), "the table has 4.03 for 4.024"


@pytest.mark.parametrize(
    ("codec", "impairment", "bound"),
    [
        # Telektronikk 2-3.2001, "Internet Traffic Engineering", p. 330, table 3: how long one-way (ms) speech of a
        # codec may take, echo perfectly controlled, until R is 70. The undistorted call has R 94, so what is left to
        # the delay is 24 less the codec's Ie (ITU-T G.113, appendix I).
        ("G.711", 0, 400),
        ("G.726 at 40 kbit/s", 2, 375),
        ("GSM-EFR", 5, 342),
        ("G.726 at 32 kbit/s", 7, 322),
        ("G.729", 10, 294),
        ("G.723.1 at 6.3 kbit/s", 15, 251),
        ("G.723.1 at 5.3 kbit/s", 19, 219),
        ("GSM-HR", 23, 177),
    ],
)
def test_a_delay_costs_what_was_published(codec: str, impairment: int, bound: int) -> None:
    assert delay_impairment(bound / 1000) == pytest.approx(94 - 70 - impairment, abs=0.2), codec


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.1])
def test_up_to_100_ms_nobody_minds_a_delay(delay: float) -> None:
    assert delay_impairment(delay) == 0  # G.107, 7.4: Ta of no more than 100 ms


@pytest.mark.parametrize(
    ("percent", "published"),
    # G.711 with concealment, packets lost at random: Ie of ITU-T G.113 (02/2001), appendix I, rounded there to
    # what planners need. Equation 7-29, made later, replaced the table.
    [(0, 0), (1, 5), (2, 7), (3, 10), (5, 15), (7, 20), (10, 25), (15, 35), (20, 45)],
)
def test_loss_costs_what_was_published_where_gaps_are_concealed(percent: int, published: int) -> None:
    assert loss_impairment(percent / 100, BPL_G711_CONCEALED) == pytest.approx(published, abs=3)


@pytest.mark.parametrize(
    ("percent", "published"),
    # G.711 without concealment: the same table. Its steep beginning is where the later equation is milder.
    [(0, 0), (1, 25), (2, 35), (3, 45), (5, 55)],
)
def test_loss_costs_what_was_published_where_gaps_stay_silent(percent: int, published: int) -> None:
    assert loss_impairment(percent / 100) == pytest.approx(published, abs=7.5)


def test_the_first_percent_costs_about_what_was_published() -> None:
    """Telektronikk 2-3.2001, p. 329: some 4 units of R a percent with concealment, 25 without, for a low loss."""
    assert 100 * loss_impairment(0.0001, BPL_G711_CONCEALED) == pytest.approx(4, abs=0.5)
    assert 100 * loss_impairment(0.0001, BPL_G711) == pytest.approx(25, abs=5)


def test_losses_in_bursts_cost_more_than_as_many_at_random() -> None:
    """G.107, 7.5: BurstR is 1 for losses at random, more for losses that come together."""
    assert loss_impairment(0.03, burst_ratio=2.0) > loss_impairment(0.03, burst_ratio=1.0)


def test_a_perfect_call_has_the_default_rating() -> None:
    assert rating(0, 0, 0) == R_DEFAULT
    assert mean_opinion_score(0, 0, 0) == pytest.approx(4.41, abs=0.005)


def test_the_manual_shows_what_is_told() -> None:
    rows = [line.strip("| ").split(" | ") for line in MANUAL.read_text().splitlines()]
    (percents,) = [row[1:] for row in rows if row[0] == "loss" and "%" in row[1]]
    (scores,) = [row[1:] for row in rows if row[0] == "MOS"]
    assert percents == ["0 %", "1 %", "3 %", "5 %"]
    told = [mean_opinion_score(float(percent.removesuffix(" %")) / 100, 0, 0) for percent in percents]
    assert scores == [f"{score:.2f}" for score in told]


@given(anything, anything, anything)
@example(math.nan, math.nan, math.nan)
@example(math.inf, math.inf, math.inf)
@example(-1.0, -1.0, -1.0)
@example(1e308, 1e308, 1e308)
def test_whatever_is_reported_has_a_score(loss: float, jitter: float, rtt: float) -> None:
    assert 1 <= mean_opinion_score(loss, jitter, rtt) <= 4.5


@given(losses, losses, seconds, seconds)
def test_more_loss_is_never_better(one: float, other: float, jitter: float, rtt: float) -> None:
    less, more = sorted((one, other))
    assert mean_opinion_score(more, jitter, rtt) <= mean_opinion_score(less, jitter, rtt) + ROUNDING


@given(losses, seconds, seconds, seconds)
def test_more_jitter_is_never_better(loss: float, one: float, other: float, rtt: float) -> None:
    less, more = sorted((one, other))
    assert mean_opinion_score(loss, more, rtt) <= mean_opinion_score(loss, less, rtt) + ROUNDING


@given(losses, seconds, seconds, seconds)
def test_a_longer_way_is_never_better(loss: float, jitter: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert mean_opinion_score(loss, jitter, more) <= mean_opinion_score(loss, jitter, less) + ROUNDING


@given(anything)
def test_more_than_all_is_all_and_less_than_nothing_is_nothing(loss: float) -> None:
    possible = 0.0 if math.isnan(loss) else min(1.0, max(0.0, loss))
    assert mean_opinion_score(loss, 0, 0) == mean_opinion_score(possible, 0, 0)
