"""What is told of a call has its place on one timeline, whatever becomes of the clocks meanwhile."""

from __future__ import annotations

import pytest

from otpvoice.core.events import CallAnswered, CallEnded, OnSecond, PiecePlayed
from otpvoice.core.timeline import Timeline

WALL, NOW = 1_800_000_000.0, 50.0
LINE = Timeline(WALL, NOW)
HOUR, DAY = 3600.0, 86_400.0


def told(at: float, after: float, set_by: float = 0.0) -> float:
    """Return where an event of ``at`` comes to lie, heard ``after`` seconds; our clock was set by so many."""
    return LINE.told(CallAnswered(WALL + at), WALL + after + set_by, NOW + after).at - WALL


@pytest.mark.parametrize(
    ("at", "after", "set_by", "lies"),
    [
        pytest.param(3.0, 3.01, 0.0, 3.0, id="as it is"),
        pytest.param(3.0, 33.0, 0.0, 3.0, id="told late, after we were frozen"),
        pytest.param(4.5, 3.0, 0.0, 4.5, id="of a host whose clock is a little ahead"),
        pytest.param(3.0 + HOUR, 3.0, 0.0, 3.0, id="of a host whose clock was set forward"),
        pytest.param(3.0 + HOUR, 3.0, HOUR, 3.0, id="ours, set forward"),
        pytest.param(3.0 - HOUR, 3.0, -HOUR, 3.0, id="ours, set back"),
        pytest.param(3.0 + DAY, 3.0, DAY, 3.0, id="by a day"),
        pytest.param(3.0 - DAY, 3.0, -DAY, 3.0, id="and back"),
        pytest.param(3.0, 3.0, HOUR, 3.0, id="ours was set, and the event is of another host"),
        pytest.param(3.0, 3.0, -HOUR, 3.0, id="back, and so"),
        pytest.param(3.0, 4.5, 1.5, 3.0, id="slewed"),
    ],
)
def test_an_event_lies_where_it_happened(at: float, after: float, set_by: float, lies: float) -> None:
    assert told(at, after, set_by) == pytest.approx(lies, abs=0.01)


def test_nothing_happens_after_it_was_told() -> None:
    assert told(3.0 + HOUR, 5.0) == 5.0


def test_what_is_right_is_left_as_it_is() -> None:
    event = CallAnswered(WALL + 1)
    assert LINE.told(event, WALL + 1, NOW + 1) is event
    second = OnSecond(1, event)
    assert LINE.told(second, WALL + 1, NOW + 1) is second


def test_a_second_leg_is_on_the_same_timeline() -> None:
    moved = LINE.told(OnSecond(1, CallEnded(WALL + HOUR + 3)), WALL + HOUR + 3, NOW + 3)
    assert moved == OnSecond(1, CallEnded(WALL + 3))


def test_all_else_of_an_event_stays() -> None:
    played = PiecePlayed("u1", 4, WALL - HOUR + 2)
    assert LINE.told(played, WALL - HOUR + 2, NOW + 2) == PiecePlayed("u1", 4, WALL + 2)
