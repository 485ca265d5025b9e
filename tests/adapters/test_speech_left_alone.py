"""An engine that hangs is left alone, and one call looks whether it still does."""

from __future__ import annotations

from structlog.testing import capture_logs

from otpvoice.adapters.speech.engines.circuit import FAILURES, FIRST
from otpvoice.adapters.speech.left_alone import ONE_ASKS, Heard, LeftAlone
from tests.adapters.speech_stands import Tally


def hanging() -> LeftAlone:
    """Return one that has been left alone at 0."""
    left = LeftAlone(["piper", "espeak"])
    for _ in range(FAILURES):
        assert left.may_ask("piper", 0.0)
        left.hung("piper", -6.0, 0.0)
    assert left.open == {"piper": True, "espeak": False}
    return left


def test_a_few_in_a_row_and_it_is_left_alone_for_a_while() -> None:
    left = hanging()
    assert not left.may_ask("piper", FIRST - 0.1)
    assert left.may_ask("espeak", 0.0)


def test_one_that_speaks_between_does_not_hang() -> None:
    left = LeftAlone(["piper"])
    for _ in range(3):
        for _ in range(FAILURES - 1):
            left.hung("piper", -6.0, 0.0)
        left.spoke("piper")
    assert not left.open["piper"]


def test_after_the_pause_one_asks_and_the_others_do_not() -> None:
    left = hanging()
    assert [left.may_ask("piper", FIRST) for _ in range(3)] == [True, False, False]
    left.hung("piper", FIRST, FIRST + 6)
    assert not left.may_ask("piper", FIRST + 6 + 2 * FIRST - 0.1)
    assert left.may_ask("piper", FIRST + 6 + 2 * FIRST)
    left.spoke("piper")
    assert all(left.may_ask("piper", FIRST + 7 + 2 * FIRST) for _ in range(3))


def test_whoever_asks_and_hangs_up_leaves_it_to_the_next() -> None:
    left = hanging()
    assert left.may_ask("piper", FIRST)
    assert not left.may_ask("piper", FIRST + ONE_ASKS - 0.1)
    assert left.may_ask("piper", FIRST + ONE_ASKS)


def test_a_crowd_that_waited_already_makes_no_pause_longer() -> None:
    left = hanging()
    for _ in range(50):
        left.hung("piper", -3.0, 3.0)
    assert left.may_ask("piper", FIRST)
    for _ in range(50):
        left.hung("piper", -1.0, FIRST + 1)
    left.hung("piper", FIRST, FIRST + 6)
    assert left.may_ask("piper", FIRST + 6 + 2 * FIRST)


def test_it_is_told_once_that_it_is_left_alone_and_once_that_it_speaks() -> None:
    with capture_logs() as lines:
        left = hanging()
        left.may_ask("piper", FIRST)
        left.hung("piper", FIRST, FIRST + 6)
        left.spoke("piper")
        left.spoke("piper")
    assert [(line["event"], line["engine"]) for line in lines] == [
        ("speech.engine_left_alone", "piper"),
        ("speech.engine_speaks_again", "piper"),
    ]


def test_sound_that_an_engine_makes_is_told_and_counted() -> None:
    left, tally = hanging(), Tally()
    heard = Heard(tally, left)
    opens: list[bool] = []
    for result in ("failed", "rendered"):
        heard.rendered("piper", result, 6.0)
        opens.append(left.open["piper"])
    assert opens == [True, False]
    heard.had("disk", 2)
    heard.stood_in("espeak")
    assert (tally.renders.total(), tally.sources, tally.stood) == (2, {"disk": 2}, {"espeak": 1})
