"""What of Asterisk's RTP statistics is taken for the quality of a call, and what of them deceives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.ari.events import quality
from otpvoice.core.events import QualitySampled

AT = 1000.0
# The answer of Asterisk 22.10.1 some seconds into a call, with figures of which no two are the same.
ANSWER: dict[str, Any] = json.loads(
    """{"txcount": 480, "rxcount": 451, "txploss": 24, "rxploss": 0, "local_ssrc": 483055142,
    "remote_ssrc": 3885664125, "txoctetcount": 76800, "rxoctetcount": 72160, "channel_uniqueid": "call_1-1",
    "txjitter": 0.000375, "rxjitter": 0.00125, "rtt": 0.080444, "maxrtt": 0.080444, "minrtt": 0.080291,
    "normdevrtt": 0.0803675, "stdevrtt": 6.29e-05, "txmes": 88, "rxmes": 87}"""
)


def sample(**changed: Any) -> QualitySampled:
    found = quality(ANSWER | changed, AT)
    assert found is not None
    return found


def test_what_the_far_end_reported_of_our_audio_is_taken() -> None:
    # G.107: 95 * 5 / (5 + 4.3) = 51.08; 93.2 - 51.08 = 42.12; annex B: 2.17.
    assert sample() == QualitySampled(AT, mos=2.17, jitter_ms=1.25, loss=0.05, rtt_ms=80.44)


@pytest.mark.parametrize(
    "changed",
    [
        {"rxmes": 0},  # no report has come
        {"txcount": 0, "rxmes": 0, "txploss": 0, "rxjitter": 0.0},  # nothing was said yet
        {"txcount": 0},
        {"rxjitter": None},
        {"txploss": None},
        {"rtt": None},
    ],
)
def test_before_the_first_report_there_is_no_quality(changed: dict[str, Any]) -> None:
    assert quality(ANSWER | changed, AT) is None


def test_an_answer_without_figures_is_no_quality() -> None:
    assert quality({}, AT) is None


def test_a_perfect_line_has_a_quality() -> None:
    perfect = sample(txploss=0, rxjitter=0.0, rtt=0.0, maxrtt=0.0, normdevrtt=0.0)
    assert perfect == QualitySampled(AT, mos=4.41, jitter_ms=0.0, loss=0.0, rtt_ms=None)


def test_our_own_jitter_is_not_the_callees() -> None:
    assert sample(txjitter=0.9).jitter_ms == 1.25


@pytest.mark.parametrize(("lost", "loss"), [(0, 0.0), (480, 1.0), (600, 1.0), (0x7FFFFF, 1.0), (0xFFFFFF, 0.0)])
def test_a_loss_is_between_nothing_and_all_and_copies_are_none(lost: int, loss: float) -> None:
    assert sample(txploss=lost).loss == loss


def test_a_round_trip_that_came_out_negative_is_passed_over_for_the_mean() -> None:
    """``update_rtt_stats``: 0xFFFFFFFF in 65536ths of a second."""
    assert sample(rtt=65535.999984).rtt_ms == 80.37
    assert sample(rtt=65535.999984, maxrtt=0.0, normdevrtt=0.0).rtt_ms is None


@given(
    st.fixed_dictionaries(
        {
            "txcount": st.integers(0, 1 << 32),
            "txploss": st.integers(0, 0xFFFFFF),
            "rxmes": st.integers(0, 100),
            **{key: st.floats(0, 1e6) for key in ("rxjitter", "rtt", "maxrtt", "normdevrtt")},
        }
    )
)
def test_whatever_is_answered_is_within_bounds(statistics: dict[str, Any]) -> None:
    found = quality(statistics, AT)
    if found is not None:
        assert 1 <= found.mos <= 4.5
        assert 0 <= found.loss <= 1
