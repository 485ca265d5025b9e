"""What a soak says: whether all held, and each thing that did not."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.invariants import PROMISES, Verdict
from tests.soak.plan import Fault, Trouble
from tests.soak.report import BEGIN, END, PAGE, markdown, minutes_table, with_result
from tests.soak.run import Soaked
from tests.soak.samples import BOUNDS, Sample
from tests.soak.trend import Trend

ABOUT = {"otpvoice": "1.2.3", "cores": "2"}
FLAT, GROWING = Trend(60, 600.0, 80.0, 1.0, 16.0), Trend(60, 600.0, 80.0, 17.0, 16.0)
SHORT = Trend(3, 30.0, 80.0, None, 16.0)


def soaked() -> Soaked:
    return Soaked(
        7,
        30.0,
        1.5,
        accepted=9,
        answers=Counter({202: 9, 0: 2}),
        outcomes=Counter({"completed": 8, "failed / app_lost": 1}),
        troubles=[(Fault(Trouble.REDIS_KILLED, 10.0, 5.0), 5.5), (Fault(Trouble.REDIS_KILLED, 90.0, 5.0), 6.25)],
        samples=[Sample(at, at, "service", 4711, {"tasks": 30.0 + at}) for at in (1.0, 50.0, 70.0)],
        trends={key: [FLAT, SHORT] for key in BOUNDS},
        verdicts=tuple(Verdict(name, ()) for name in PROMISES),
    )


def said(done: Soaked) -> str:
    return markdown(done, ABOUT, "2026-01-01")


def test_a_run_in_which_all_held() -> None:
    done = soaked()
    assert done.well
    text = said(done)
    assert "2026-01-01 · otpvoice 1.2.3 · cores 2" in text
    assert "`make soak SEED=7 MINUTES=30 RATE=1.500`: **all held**." in text
    assert "| Redis killed | 2 | 6.2 |" in text
    assert "| requests without an answer | 2 |" in text
    assert "| service: tasks | +1.0 of 80 (600 s) | 16 | flat |" in text
    assert "| service: tasks | 31 | 80 | 100 |" in text


def test_each_thing_that_does_not_hold_is_the_end_of_it() -> None:
    broken, grown, wrong = soaked(), soaked(), soaked()
    broken.verdicts = (*broken.verdicts[:-1], Verdict("LOG", ("nobody caught it: a | b",)))
    grown.trends["service", "tasks"] = [FLAT, GROWING]
    wrong.problems.append("the service ended with 1")
    for done in (broken, grown, wrong):
        assert not done.well
        assert "**NOT ALL HELD**" in said(done)
    assert "| **no**: nobody caught it: a / b |" in said(broken)
    assert "| service: tasks | +1.0 of 80 (600 s), +17.0 of 80 (600 s) | 16 | **grows** |" in said(grown)
    assert "\n- the service ended with 1\n" in said(wrong)
    blind = soaked()
    blind.verdicts = (Verdict("I5", (), judged=False),)
    assert not blind.well
    assert "| **not judged** |" in said(blind)


def test_a_run_that_is_too_short_says_so() -> None:
    done = soaked()
    done.trends = {key: [SHORT] for key in BOUNDS}
    assert done.well
    assert said(done).count("too short to say") == len(BOUNDS)


def test_a_line_for_each_minute() -> None:
    assert minutes_table(soaked().samples).splitlines()[2:] == [
        "| 0 | service | 4711 | tasks 80.0 |",
        "| 1 | service | 4711 | tasks 100.0 |",
    ]


def test_the_page_takes_a_result_and_the_next_one_in_its_place() -> None:
    page = PAGE.read_text()
    once = with_result(page, "result one")
    assert once.count("result one") == 1
    assert with_result(once, "result two") == once.replace("result one", "result two")
    assert once.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert once.partition(END)[2] == page.partition(END)[2]
    with pytest.raises(ValueError, match="unpack"):
        with_result("a page without markers", "result one")
