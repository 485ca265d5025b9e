"""Two verbs at once: each hears all that happens, and is woken by its own deadline alone."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.beside import beside
from otpvoice.core.events import CallHeld
from otpvoice.core.outcome import Ending, Fault
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut, Told

TICK: Final = CallHeld(0.0)
OVER: Final = TimedOut()


class Verb:
    """Waits as often as it is told to, with these deadlines, and writes down what came."""

    def __init__(self, name: str, diary: list[str], *deadlines: float | None, breaks: bool = False) -> None:
        self.name, self.diary, self.deadlines, self.breaks = name, diary, deadlines, breaks

    def run(self, stage: Stage) -> Steps[str]:
        try:
            for deadline in self.deadlines:
                if deadline is not None:
                    stage.deadline = deadline
                told = yield
                self.diary.append(f"{self.name} {'woken' if isinstance(told, TimedOut) else 'told'}")
            if self.breaks:
                raise ActionFault("broken", "broken", Fault.INTERNAL_ERROR)
        except GeneratorExit:
            self.diary.append(f"{self.name} closed")
            raise
        return f"{self.name} done"

    def behind(self, stage: Stage) -> Steps[None]:
        yield from self.run(stage)


def a_stage() -> Stage:
    plan = CallPlan("+15550100", None, "default", "en", ())
    return Stage(plan, Proof.expecting(()), Ending(answered=True))


def story(behind: Verb, ahead: Verb, *told: tuple[float, Told]) -> tuple[list[float | None], object]:
    """Run both; return the deadline after each step, and what came of it (None: it goes on, and is closed here)."""
    stage = a_stage()
    both = beside(stage, behind.behind(stage), ahead.run(stage))
    deadlines: list[float | None] = []
    for now, one in ((0.0, None), *told):
        stage.now = now
        try:
            both.send(one)
        except StopIteration as done:
            assert stage.deadline is None
            return deadlines, done.value
        deadlines.append(stage.deadline)
    ahead.diary.append("closing")
    both.close()
    assert stage.deadline is None
    return deadlines, None


def test_both_hear_what_happens_and_the_first_one_decides_when_it_is_over() -> None:
    diary: list[str] = []
    _, result = story(Verb("behind", diary, None, None, None), Verb("ahead", diary, None, None), (1, TICK), (2, TICK))
    assert result == "ahead done"
    assert diary == ["ahead told", "behind told", "ahead told", "behind closed"]


def test_the_one_behind_may_be_done_before() -> None:
    diary: list[str] = []
    deadlines, result = story(Verb("behind", diary, 5.0), Verb("ahead", diary, 9.0, 9.0), (1, TICK), (2, TICK))
    assert (deadlines, result) == ([5.0, 9.0], "ahead done")
    assert diary == ["ahead told", "behind told", "ahead told"]


@pytest.mark.parametrize(
    ("now", "woken"),
    [(3.0, ["behind woken"]), (7.0, ["ahead woken", "behind woken"]), (2.0, [])],
    ids=["one", "both", "too early"],
)
def test_each_is_woken_by_its_own_deadline(now: float, woken: list[str]) -> None:
    diary: list[str] = []
    story(Verb("behind", diary, 3.0, 4.0, None), Verb("ahead", diary, 7.0, 9.0, None), (now, OVER))
    assert diary == [*woken, "closing", "ahead closed", "behind closed"]


def test_the_earlier_deadline_is_given_out_and_the_later_one_is_not_forgotten() -> None:
    diary: list[str] = []
    verbs = Verb("behind", diary, 3.0, None, None), Verb("ahead", diary, 7.0, None)
    deadlines, _ = story(*verbs, (3.0, OVER), (7.0, OVER))
    assert deadlines == [3.0, 7.0, None]
    assert diary[:-3] == ["behind woken", "ahead woken"]


def test_what_breaks_behind_closes_the_one_ahead() -> None:
    diary: list[str] = []
    with pytest.raises(ActionFault):
        story(Verb("behind", diary, None, breaks=True), Verb("ahead", diary, 9.0, 9.0), (1, TICK))
    assert diary == ["ahead told", "behind told", "ahead closed"]
