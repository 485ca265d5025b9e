"""How often one call dials second parties, told as an application that answers *dial* to the end of each leg."""

from __future__ import annotations

import pytest

from otpvoice.core.actions import Action, Dial, Say
from otpvoice.core.commands import Ask, DialSecond, HangUp
from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallEnded,
    Instructed,
    OfSecond,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    SpeakingStarted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import EndedParty, OutcomeClass, OwnAction
from otpvoice.core.plan import Webhook
from otpvoice.core.redialing import MOST_IN_VAIN, MOST_LEGS, Dialed
from otpvoice.core.ringback import LONGEST
from tests.core.stories import BEGAN, PASSES, Done, Told, go_on, inbound, live, orders, outbound, outcome, reports

ANSWERED: Told = (1.0, CallAnswered(1001.0))
AT = 5.0
"""When all that follows happens: a busy callee takes no time."""
ONE, OTHER = "+15550177", "+15550166"
ASKED = Webhook("https://shop.example/next", interactive=True, fallback=(Say("Good bye."),))
BUSY = CallEnded(BEGAN + AT, cause=17, sip_status=486, by_callee=True)
GONE = CallEnded(BEGAN + AT, cause=16, by_callee=True)


def told(number: int, event: OfSecond) -> Told:
    return AT, OnSecond(number, event)


def instructed(*actions: Action) -> Told:
    return AT, Instructed(BEGAN + AT, actions)


def busy(number: int) -> list[Told]:
    """Second leg ``number`` finds nobody who has time."""
    return [told(number, BUSY)]


def talked(number: int) -> list[Told]:
    """Second leg ``number`` is answered, and is over when the two have talked."""
    connected, parted = PartiesConnected(BEGAN + AT), PartiesParted(BEGAN + AT)
    return [told(number, CallAnswered(BEGAN + AT)), (AT, connected), told(number, GONE), (AT, parted)]


def asking() -> CallFlow:
    flow = outbound(webhook=ASKED)
    live(flow, ANSWERED)
    return flow


def dialed(done: list[Done]) -> list[str]:
    return [order.to for order in orders(done) if isinstance(order, DialSecond)]


def failed(done: list[Done]) -> list[ActionFailed]:
    return [report for report in reports(done) if isinstance(report, ActionFailed)]


def test_who_was_busy_three_times_is_not_dialled_a_fourth_time_and_the_call_is_over() -> None:
    flow = asking()
    done = [one for number in (1, 2, 3) for one in go_on(flow, instructed(Dial(ONE)), *busy(number))]
    assert dialed(done) == [ONE] * MOST_IN_VAIN
    assert failed(done) == []
    done = go_on(flow, instructed(Dial(ONE), Say("Never said.")))
    (error,) = failed(done)
    assert (error.index, error.code) == (MOST_IN_VAIN, "dialed_too_often")
    assert "3 times in a row" in error.message
    assert ONE not in error.message
    assert orders(done) == [], "nobody is dialled or asked; what was said last is heard"
    done = go_on(flow, (AT + flow.plan.tail, PASSES), (6.0, CallEnded(1006.0, cause=16)))
    assert orders(done) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.PLAN)


def test_a_plan_that_asks_nobody_is_over_as_well() -> None:
    flow = inbound(*[Dial(ONE)] * 4, Say("Never said."), goes_on=False)
    done = live(flow, ANSWERED, *busy(1), *busy(2), *busy(3))
    assert dialed(done) == [ONE] * 3
    assert [(error.index, error.code) for error in failed(done)] == [(3, "dialed_too_often")]


def test_a_plan_goes_on_behind_a_third_one_that_did_not_answer() -> None:
    done = live(outbound(*[Dial(ONE)] * 3, Dial(OTHER)), ANSWERED, *busy(1), *busy(2), *busy(3))
    assert dialed(done) == [ONE] * 3 + [OTHER]
    assert failed(done) == []


def test_who_let_it_ring_in_vain_did_not_answer() -> None:
    flow = outbound(*[Dial(ONE, ring_timeout=20.0)] * 4)
    done = live(flow, ANSWERED)
    for number, began in enumerate((1.0, 22.0, 43.0), start=1):
        rung = began + 20.0
        done += go_on(
            flow,
            (began, SpeakingStarted(str(number), BEGAN + began, LONGEST)),
            (rung, PASSES),
            (rung + 1.0, OnSecond(number, CallEnded(BEGAN + rung, cause=127))),
        )
    assert dialed(done) == [ONE] * 3
    assert [error.code for error in failed(done)] == ["dialed_too_often"]


def test_two_numbers_in_turn_are_dialled_three_times_each() -> None:
    flow = asking()
    numbers = [ONE, OTHER] * 3
    done = [
        one for number, to in enumerate(numbers, start=1) for one in go_on(flow, instructed(Dial(to)), *busy(number))
    ]
    assert dialed(done) == numbers
    assert [error.code for error in failed(go_on(flow, instructed(Dial(ONE))))] == ["dialed_too_often"]


def test_who_answered_may_be_dialled_three_times_more() -> None:
    flow = asking()
    legs = [busy, busy, talked, busy, busy, busy]
    done = [one for number, leg in enumerate(legs, start=1) for one in go_on(flow, instructed(Dial(ONE)), *leg(number))]
    assert dialed(done) == [ONE] * 6
    assert failed(done) == []
    done = go_on(flow, instructed(Dial(ONE)))
    assert (dialed(done), [error.code for error in failed(done)]) == ([], ["dialed_too_often"])


def test_who_answered_and_was_gone_before_the_two_were_connected_has_answered() -> None:
    flow = asking()
    gone = [told(1, CallAnswered(BEGAN + AT)), told(1, GONE), (AT, PartiesParted(BEGAN + AT))]
    go_on(flow, instructed(Dial(ONE)), *gone)
    done = [one for number in (2, 3, 4) for one in go_on(flow, instructed(Dial(ONE)), *busy(number))]
    assert dialed(done) == [ONE] * 3


def test_a_call_has_fifty_second_legs_whoever_answers() -> None:
    flow = asking()
    done: list[Done] = []
    for number in range(1, MOST_LEGS + 1):
        done += go_on(flow, instructed(Dial(f"+155501{number:02}")), *(talked if number % 2 else busy)(number))
    assert len(dialed(done)) == MOST_LEGS
    assert orders(done).count(Ask()) == MOST_LEGS
    assert failed(done) == []
    done = go_on(flow, instructed(Dial("+15550200")))
    assert [(error.code, error.message) for error in failed(done)] == [
        ("dialed_too_often", "a call has at most 50 second legs")
    ]
    assert dialed(done) == []
    assert Ask() not in orders(done)


def test_an_application_that_knows_no_other_answer_comes_to_an_end() -> None:
    flow = asking()
    done: list[Done] = []
    for turn in range(1, 1000):
        done += go_on(flow, instructed(Dial(ONE)), *busy(turn))
    done += go_on(flow, (6.0, CallEnded(1006.0, cause=16, by_callee=True)))
    assert flow.over
    assert (len(dialed(done)), len(failed(done))) == (MOST_IN_VAIN, 1)


@pytest.mark.parametrize(
    ("before", "may"),
    [(0, True), (MOST_IN_VAIN - 1, True), (MOST_IN_VAIN, False), (MOST_LEGS, False)],
)
def test_when_there_is_an_objection(before: int, may: bool) -> None:
    dialed = Dialed()
    assert [dialed.dial(ONE) for _ in range(before)] == [*range(1, before + 1)]
    assert (dialed.objection(ONE) is None) is may
    assert (dialed.objection(OTHER) is None) is (before < MOST_LEGS)
    assert ONE not in repr(dialed)
