"""Scenarios: how they read, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otpvoice.testkit.callee import Direction, HangUp, HeardAudio, HeardPackets, Hold, Keys, Law, Scenario, Tone
from otpvoice.testkit.callee.scenario import Answer, AtCancel, Reject


def test_a_scenario_reads_like_its_story() -> None:
    scenario = (
        Scenario.answers(ring=1.5)
        .with_laws(Law.PCMA)
        .presses("1", start=0.5, when=HeardAudio(2.0))
        .plays_tone(440, 1.0)
        .holds(2.0, start=3.0, direction=Direction.INACTIVE)
        .hangs_up(when=HeardPackets(50))
    )
    assert (scenario.verdict, scenario.ring, scenario.provisional) == (Answer(), 1.5, 180)
    assert scenario.laws == (Law.PCMA,)
    assert scenario.steps == (
        Keys("1", start=0.5, when=HeardAudio(2.0)),
        Tone(440, 1.0),
        Hold(2.0, start=3.0, direction=Direction.INACTIVE),
        HangUp(when=HeardPackets(50)),
    )


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (Scenario.rejects(486), (Reject(486), True, None)),
        (
            Scenario.rejects(302, "Elsewhere", headers={"Contact": "<sip:x@h>"}, provisional=183),
            (Reject(302, "Elsewhere", (("Contact", "<sip:x@h>"),)), True, 183),
        ),
        (Scenario.never_answers(), (None, True, 180)),
        (Scenario.by_hand(), (None, True, None)),
        (Scenario.dead(), (None, False, None)),
    ],
)
def test_ways_not_to_answer(scenario: Scenario, expected: tuple[Reject | None, bool, int | None]) -> None:
    assert (scenario.verdict, scenario.trying, scenario.provisional) == expected


def test_the_race_of_cancel_and_answer() -> None:
    assert Scenario.answers_at_cancel().at_cancel is AtCancel.ANSWERS


@pytest.mark.parametrize(
    "make",
    [
        lambda: Keys(""),
        lambda: Keys("12x"),
        lambda: Keys("1", on=0.05),
        lambda: Keys("1", on=0.0),
        lambda: Keys("1", on=9.0),
        lambda: Keys("1", off=0.01),
        lambda: Keys("1", off=-0.02),
        lambda: Keys("1", end_packets=-1),
        lambda: Keys("1", volume=64),
        lambda: Scenario.rejects(200),
        lambda: Scenario.rejects(700),
    ],
)
def test_what_no_phone_can_do(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()
