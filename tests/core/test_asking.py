"""A plan that somebody is asked to go on with: what is asked by what, and what comes of each answer."""

from __future__ import annotations

from typing import Any

import pytest

from otpvoice.core.actions import Action, Dial, Gate, Gather, Hangup, Pause, Say, SayCode
from otpvoice.core.asking import MOST_AT_ONCE, ONE_MORE_EVERY, TO_PREPARE, may_ask
from otpvoice.core.commands import Ask, DialSecond, HangUp, Release, Speak, Tell
from otpvoice.core.compile import CodeStep
from otpvoice.core.digits import Collected, DigitRules, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallResumed,
    CodeDelivered,
    DigitsCollected,
    HangupAsked,
    Instructed,
    KeyPressed,
    NotInstructed,
    OnSecond,
    Report,
    SpeakingFailed,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import EndedParty, Fault, OutcomeClass, OwnAction
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import Keys, OtpCode
from otpvoice.core.speech import Script
from tests.core.stories import (
    BEGAN,
    PASSES,
    Done,
    Told,
    go_on,
    heard,
    inbound,
    live,
    orders,
    outbound,
    outcome,
    pressed,
    reports,
)

ANSWERED: Told = (1.0, CallAnswered(1001.0))
HELLO, MORE, BYE = Say("Hello.", id="hello"), Say("More.", id="more"), Say("Good bye.")
PIN = Gather(DigitRules(max_digits=2), success=(Say("Thanks."),), failure=(Say("No."),), tag="pin")
CODE = SayCode(OtpCode("482"), times=1)


def interactive(*actions: Action, fallback: tuple[Action, ...] = (), **changes: Any) -> CallFlow:
    """Return a call whose plan is gone on with by whoever is asked."""
    webhook = Webhook("https://shop.example/next", interactive=True, timeout=5.0, fallback=fallback)
    return outbound(*actions, webhook=webhook, **changes)


def script(*actions: Action) -> Script:
    """Return what these actions speak."""
    return tuple(piece for one in outbound(*actions).scripts for piece in one)


def instructed(at: float, *actions: Action) -> Told:
    return at, Instructed(BEGAN + at, actions)


def not_instructed(at: float) -> Told:
    return at, NotInstructed(BEGAN + at, "not_answered", "the webhook did not answer")


def told(done: list[Done]) -> list[Report]:
    """What was reported, without single keys and characters."""
    return [report for report in reports(done) if isinstance(report, Asked | ActionCompleted | ActionFailed)]


def spoken(done: list[Done]) -> list[Script]:
    return [order.script for order in orders(done) if isinstance(order, Speak)]


def delivery(flow: CallFlow) -> tuple[bool | None, int]:
    """Whether a code was delivered, and how many readings were due."""
    return flow.proof.delivered, flow.proof.expected


def asked(**changes: Any) -> CallFlow:
    """Return a call that has said hello, and asks at second 2."""
    flow = interactive(HELLO, **changes)
    assert orders(live(flow, ANSWERED, *heard(1, script(HELLO), 1.0)))[-1] == Ask()
    return flow


# --- by what it is asked ----------------------------------------------------------------------------------------------


def test_when_the_last_action_is_done_somebody_is_asked_by_that() -> None:
    flow = interactive(HELLO, MORE)
    done = live(flow, ANSWERED, *heard(1, script(HELLO), 1.0), *heard(2, script(MORE), 2.0))
    assert told(done) == [ActionCompleted(0, "say", "hello"), Asked(ActionCompleted(1, "say", "more"))]
    assert [command for _, command in done][-2:] == [Tell(Asked(ActionCompleted(1, "say", "more"))), Ask()]
    assert flow.deadline == 3.0 + 5.0 + TO_PREPARE


def test_a_plan_that_is_not_interactive_asks_nobody() -> None:
    flow = outbound(HELLO, webhook=Webhook("https://shop.example/told", fallback=(BYE,)))
    done = live(flow, ANSWERED, *heard(1, script(HELLO), 1.0), (2.6, PASSES))
    assert told(done) == [ActionCompleted(0, "say", "hello")]
    assert orders(done)[-1] == HangUp(OwnAction.HANG_UP_BY_PLAN)


@pytest.mark.parametrize(
    ("keys", "valid", "ended_by", "last"),
    [("42", True, EndedBy.MAX_DIGITS, "Thanks."), ("#", False, EndedBy.TERMINATOR, "No.")],
)
def test_a_last_gather_asks_by_what_it_collected_when_its_last_word_was_said(
    keys: str, valid: bool, ended_by: EndedBy, last: str
) -> None:
    flow = interactive(HELLO, PIN)
    done = live(flow, ANSWERED, *heard(1, script(HELLO), 1.0), *pressed(3.0, *keys))
    assert not any(isinstance(report, DigitsCollected | Asked) for report in reports(done)), "not before"
    assert spoken(done)[-1] == script(Say(last))
    done = go_on(flow, *heard(2, script(Say(last)), 3.0))
    collected = Collected(Keys(keys.strip("#")), ended_by, valid, 0, Keys("#") if "#" in keys else None)
    question = Asked(DigitsCollected(collected, "pin", 1, sensitive=True))
    assert [command for _, command in done] == [Tell(ActionCompleted(1, "gather", None)), Tell(question), Ask()]
    assert flow.collected == collected


def test_a_gather_with_nothing_to_say_asks_at_once() -> None:
    flow = interactive(Gather(DigitRules(max_digits=1)))
    done = live(flow, ANSWERED, *pressed(2.0, "4"))
    assert [type(report) for report in reports(done)] == [KeyPressed, ActionCompleted, Asked]
    assert orders(done)[-1] == Ask()


def test_a_gather_that_is_not_the_last_action_is_told_at_once_and_asks_nobody() -> None:
    flow = interactive(PIN, MORE)
    done = live(flow, ANSWERED, *pressed(2.0, *"42"))
    assert isinstance(reports(done)[-1], DigitsCollected)
    done = go_on(flow, *heard(1, script(Say("Thanks.")), 2.0))
    assert told(done) == [ActionCompleted(0, "gather", None)]


@pytest.mark.parametrize(
    "end",
    [
        CallEnded(1002.5, cause=16, by_callee=True),
        HangupAsked(1002.5, OwnAction.HANG_UP_BY_API),
        SpeakingFailed("1", 1002.5, "gone"),
    ],
    ids=repr,
)
def test_a_gather_whose_last_word_was_not_said_is_told_plainly_and_asks_nobody(end: Any) -> None:
    flow = interactive(PIN)
    live(flow, ANSWERED, *pressed(2.0, *"42"))
    done = go_on(flow, (2.5, end))
    collected = Collected(Keys("42"), EndedBy.MAX_DIGITS, True, 0)
    assert DigitsCollected(collected, "pin", 1, sensitive=True) in reports(done)
    assert not any(isinstance(report, Asked) for report in reports(done))
    assert Ask() not in orders(done)
    assert flow.collected == collected


def test_who_hangs_up_while_keying_asks_nobody() -> None:
    flow = interactive(PIN)
    live(flow, ANSWERED, *pressed(2.0, "4"))
    done = go_on(flow, (3.0, CallEnded(1003.0, cause=16, by_callee=True)))
    (report,) = reports(done)
    assert isinstance(report, DigitsCollected)
    assert report.collected.ended_by is EndedBy.HANGUP


def test_where_there_is_nothing_to_do_somebody_is_asked_at_the_answer() -> None:
    flow = interactive()
    assert flow.plan.asks_at_answer
    assert [command for _, command in live(flow, ANSWERED)][1:] == [Ask()]
    assert spoken(go_on(flow, instructed(2.0, HELLO))) == [script(HELLO)]


@pytest.mark.parametrize(
    ("actions", "webhook", "at_answer"),
    [
        ((), Webhook("https://shop.example"), False),
        ((), None, False),
        ((HELLO,), Webhook("https://shop.example", interactive=True), False),
        ((), Webhook("https://shop.example", interactive=True), True),
    ],
)
def test_when_the_answer_of_a_call_is_a_question(
    actions: tuple[Action, ...], webhook: Webhook | None, at_answer: bool
) -> None:
    assert CallPlan("+15550100", None, "default", "en", actions, webhook=webhook).asks_at_answer is at_answer


def test_a_plan_that_hangs_up_asks_nobody() -> None:
    flow = interactive(HELLO, Hangup())
    done = live(flow, ANSWERED, *heard(1, script(HELLO), 1.0))
    assert told(done) == [ActionCompleted(0, "say", "hello"), ActionCompleted(1, "hangup", None)]
    assert Ask() not in orders(done)


def test_a_gate_that_was_not_passed_asks_nobody() -> None:
    flow = interactive(SayCode(OtpCode("482"), gate=Gate(tries=1)))
    (step,) = flow.steps
    assert isinstance(step, CodeStep)
    done = live(flow, ANSWERED, *pressed(2.0, "2"), *heard(2, step.failure, 2.0), (3.6, PASSES))
    assert [report.code for report in told(done) if isinstance(report, ActionFailed)] == ["gate_not_passed"]
    assert orders(done)[-1] == HangUp(OwnAction.HANG_UP_BY_PLAN)


# --- what comes of the answer -----------------------------------------------------------------------------------------


def test_what_is_answered_is_done_and_then_asked_by_in_turn() -> None:
    flow = asked()
    done = go_on(flow, instructed(3.0, MORE, PIN))
    assert spoken(done) == [script(MORE)]
    done = go_on(flow, *heard(2, script(MORE), 3.0), *pressed(5.0, *"42"), *heard(3, script(Say("Thanks.")), 5.0))
    assert [getattr(report, "index", None) for report in told(done)] == [1, 2, None], "the indexes go on"
    assert orders(done)[-1] == Ask()


def test_an_answer_of_nothing_ends_the_call() -> None:
    flow = asked(fallback=(BYE,))
    done = go_on(flow, instructed(3.0), (3.6, PASSES), (3.7, CallEnded(1003.7, cause=16)))
    assert orders(done) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.PLAN)


def test_a_hang_up_in_an_answer_hangs_up_and_what_follows_it_is_never_done() -> None:
    flow = asked()
    done = go_on(flow, instructed(3.0, Hangup(), MORE), (3.6, PASSES))
    assert told(done) == [ActionCompleted(1, "hangup", None)]
    assert orders(done) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]


@pytest.mark.parametrize(
    ("answer", "order"), [((), Release()), ((Hangup(),), HangUp(OwnAction.HANG_UP_BY_PLAN))], ids=["nothing", "hangup"]
)
def test_a_channel_goes_on_in_its_dialplan_unless_it_is_to_be_hung_up(answer: tuple[Action, ...], order: Any) -> None:
    flow = inbound(webhook=Webhook("https://shop.example/next", interactive=True))
    assert orders(live(flow, ANSWERED, instructed(2.0, *answer)))[-1] == order


def test_a_second_party_of_an_answer_is_the_next_one() -> None:
    flow = interactive(Dial("+15550177"))
    done = live(flow, ANSWERED)
    assert DialSecond(1, "+15550177", "+15550199", 45.0) in orders(done)
    busy = OnSecond(1, CallEnded(1004.0, cause=17, sip_status=486))
    done = go_on(flow, (4.0, busy), instructed(5.0, Dial("+15550166")))
    assert DialSecond(2, "+15550166", "+15550199", 45.0) in orders(done)


def test_codes_that_are_answered_count() -> None:
    flow = interactive()
    live(flow, ANSWERED)
    assert delivery(flow) == (None, 0)
    go_on(flow, instructed(2.0, CODE))
    assert delivery(flow) == (False, 1)
    done = go_on(flow, *heard(1, script(CODE), 2.0))
    assert [type(report) for report in reports(done) if isinstance(report, CodeDelivered)] == [CodeDelivered]
    assert flow.proof.complete
    go_on(flow, instructed(4.0, CODE))
    assert (flow.proof.complete, delivery(flow)) == (False, (True, 2))
    flow.receive(CallHeld(BEGAN), 5.0)  # nobody knows what was heard
    go_on(flow, (6.0, CallResumed(1006.0)), *heard(3, script(CODE), 6.0), instructed(8.0, MORE))
    assert delivery(flow) == (True, 2), "a code was to be spoken, and was"


def test_keys_that_are_pressed_while_somebody_is_asked_are_answers_to_what_comes_next() -> None:
    flow = asked()
    keep = Gather(DigitRules(max_digits=2), type_ahead="keep")
    done = go_on(flow, *pressed(2.5, *"42"), instructed(3.0, keep))
    assert flow.collected is not None
    assert flow.collected.keys == Keys("42")
    assert orders(done) == [Ask()]


def test_an_answer_during_a_hold_waits_for_the_end_of_the_hold() -> None:
    flow = asked()
    assert spoken(go_on(flow, (2.5, CallHeld(1002.5)), instructed(3.0, MORE))) == []
    assert spoken(go_on(flow, (60.0, CallResumed(1060.0)))) == [script(MORE)]


# --- where there is none ----------------------------------------------------------------------------------------------


def test_without_an_answer_the_fallback_is_done_and_then_the_call_is_over() -> None:
    flow = asked(fallback=(MORE, BYE))
    done = go_on(flow, not_instructed(3.0))
    assert told(done) == [ActionFailed(None, "not_answered", "the webhook did not answer")]
    assert spoken(done) == [script(MORE)]
    done = go_on(flow, *heard(2, script(MORE), 3.0), *heard(3, script(BYE), 4.0), (5.6, PASSES))
    assert told(done) == [ActionCompleted(1, "say", "more"), ActionCompleted(2, "say", None)]
    assert orders(done)[-1] == HangUp(OwnAction.HANG_UP_BY_PLAN), "the fallback asks nobody"


def test_a_gather_in_the_fallback_is_told_plainly_and_at_once() -> None:
    flow = asked(fallback=(PIN,))
    done = go_on(flow, not_instructed(3.0), *pressed(4.0, *"42"))
    assert isinstance(reports(done)[-1], DigitsCollected)
    done = go_on(flow, *heard(2, script(Say("Thanks.")), 4.0))
    assert told(done) == [ActionCompleted(1, "gather", None)]


def test_a_fallback_may_hang_up() -> None:
    flow = inbound(webhook=Webhook("https://shop.example/next", interactive=True, fallback=(Hangup(),)))
    assert orders(live(flow, ANSWERED, not_instructed(2.0)))[-1] == HangUp(OwnAction.HANG_UP_BY_PLAN)


def test_without_a_fallback_the_call_is_hung_up() -> None:
    flow = asked()
    assert orders(go_on(flow, not_instructed(3.0), (3.6, PASSES))) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]


def test_a_code_of_the_fallback_counts_when_it_is_that_which_is_done() -> None:
    flow = asked(fallback=(CODE,))
    assert delivery(flow) == (None, 0), "nobody knows yet whether it will be spoken"
    go_on(flow, not_instructed(3.0))
    assert delivery(flow) == (False, 1)
    go_on(flow, *heard(2, script(CODE), 3.0))
    assert (flow.proof.complete, delivery(flow)) == (True, (True, 1))


def test_the_sound_of_the_fallback_is_made_before_anybody_is_rung() -> None:
    assert interactive(HELLO, fallback=(MORE, HELLO)).scripts == (script(HELLO), script(MORE))


def test_an_answer_that_is_late_is_none() -> None:
    flow = asked(fallback=(BYE,))
    done = go_on(flow, (2.0 + 5.0 + TO_PREPARE, PASSES))
    (failed,) = told(done)
    assert isinstance(failed, ActionFailed)
    assert (failed.index, failed.code) == (None, "answer_late")
    assert spoken(done) == [script(BYE)]
    assert go_on(flow, instructed(23.0, MORE), not_instructed(23.0)) == []
    done = go_on(flow, *heard(2, script(BYE), 23.0))
    assert told(done) == [ActionCompleted(1, "say", None)]


def test_two_programs_that_talk_past_each_other_come_to_an_end() -> None:
    flow = interactive(Gather(DigitRules(max_digits=1)), max_duration=14_400.0)
    done = live(flow, ANSWERED)
    for turn in range(MOST_AT_ONCE):
        at = 1.0 + turn / MOST_AT_ONCE
        done += go_on(flow, *pressed(at, "4"), instructed(at, Gather(DigitRules(max_digits=1))))
    assert orders(done).count(Ask()) == MOST_AT_ONCE
    assert sum(isinstance(report, Asked) for report in reports(done)) == MOST_AT_ONCE
    done = go_on(flow, *pressed(2.0, "7"))
    assert flow.collected is not None
    assert flow.collected.keys == Keys("7"), "the last answer is done as well"
    assert told(done) == [ActionCompleted(MOST_AT_ONCE, "gather", None)]
    assert orders(done) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]


def test_a_menu_goes_on_for_as_long_as_a_call_may_last() -> None:
    """Four hours, and an answer every five seconds."""
    hours, menu = 14_400.0, Gather(DigitRules(max_digits=1, first_digit_timeout=30.0))
    flow = interactive(menu, max_duration=hours)
    live(flow, ANSWERED)
    turns = int(hours / ONE_MORE_EVERY) - 1
    done = [
        one
        for turn in range(turns)
        for at in (1.0 + turn * ONE_MORE_EVERY,)
        for one in go_on(flow, *pressed(at, "4"), instructed(at, menu))
    ]
    assert orders(done).count(Ask()) == turns
    assert orders(go_on(flow, (1.0 + hours, PASSES))) == [HangUp(OwnAction.MAX_DURATION)]


@pytest.mark.parametrize(
    ("asked", "talked", "may"),
    [(0, 0.0, True), (99, 0.0, True), (100, 4.9, False), (100, 5.0, True), (101, 5.0, False), (2979, 14_400.0, True)],
)
def test_how_often_a_call_may_ask(asked: int, talked: float, may: bool) -> None:
    assert may_ask(asked, talked) is may


# --- ends meanwhile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "ended_by"),
    [
        (CallEnded(1002.5, cause=16, by_callee=True), EndedParty.CALLEE),
        (HangupAsked(1002.5, OwnAction.HANG_UP_BY_API), EndedParty.API),
    ],
    ids=repr,
)
def test_a_call_that_ends_while_somebody_is_asked_does_nothing_of_the_answer(end: Any, ended_by: EndedParty) -> None:
    flow = asked(fallback=(BYE,))
    done = go_on(flow, (2.5, end), instructed(2.6, MORE), (2.7, CallEnded(1002.7, cause=16, by_callee=True)))
    assert spoken(done) == []
    assert told(done) == []
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, ended_by)


def test_the_limit_of_the_talk_holds_while_somebody_is_asked() -> None:
    flow = asked(max_duration=10.0)
    assert orders(go_on(flow, (11.0, PASSES))) == [HangUp(OwnAction.MAX_DURATION)]


def test_what_is_answered_to_nobodys_question_is_passed_over() -> None:
    flow = interactive(HELLO, fallback=(BYE,))
    done = live(flow, instructed(0.5, MORE), not_instructed(0.6), ANSWERED, instructed(1.1, MORE), not_instructed(1.2))
    assert spoken(done) == [script(HELLO)]
    assert told(done) == []


def test_speech_that_breaks_in_an_answer_ends_the_call_at_its_index() -> None:
    flow = asked()
    go_on(flow, instructed(3.0, Pause(1.0), MORE), *heard(2, script(Pause(1.0)), 3.0))
    done = go_on(flow, (4.5, SpeakingFailed("3", 1004.5, "not_prepared")), (4.6, CallEnded(1004.6, cause=16)))
    assert told(done) == [ActionFailed(2, "speech_failed", "not_prepared")]
    assert outcome(flow).reason == Fault.SPEECH_UNAVAILABLE


# --- who sees it ------------------------------------------------------------------------------------------------------


def test_the_record_takes_down_what_it_is_asked_by_like_any_report() -> None:
    flow = interactive(PIN)
    record = CallRecord("call", "shop", "http", flow.plan, flow.proof, "node", "otp", BEGAN)
    collected = DigitsCollected(Collected(Keys("42"), EndedBy.MAX_DIGITS, True, 0), "pin", 1, sensitive=True)
    record.note(Asked(collected))
    (shown,) = record.to_json()["collected"]
    assert (shown["tag"], shown["digits"], shown["count"]) == ("pin", None, 2)


def test_no_answer_shows_what_is_secret_in_it() -> None:
    shown = repr(Instructed(BEGAN, (CODE, Say("Your code is 482."), PIN)))
    shown += repr(Asked(DigitsCollected(Collected(Keys("9183"), EndedBy.MAX_DIGITS, True, 0), None, 1, True)))
    shown += repr(interactive(CODE).plan.webhook)
    assert "482" not in shown
    assert "9183" not in shown
    assert "shop.example" not in shown
