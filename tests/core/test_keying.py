"""Keys that we press ourselves."""

from __future__ import annotations

import pytest

from otpvoice.core.actions import Action, Gather, Say, SendDigits
from otpvoice.core.commands import HangUp, Speak
from otpvoice.core.commands import SendDigits as Send
from otpvoice.core.compile import LATE
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallResumed,
    DigitsNotSent,
    DigitsSent,
    HangupAsked,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import EndedParty, OutcomeClass, OwnAction
from otpvoice.core.secret import Keys
from tests.core.stories import PASSES, Done, Told, go_on, live, orders, outbound, outcome, pressed, reports

ANSWERED: Told = (1.0, CallAnswered(1001.0))
EXTENSION = SendDigits("ww12#", id="extension")
TO_SEND = 2 * 0.5 + 3 * 0.25 + 0.1
BYE = Say("Good bye.")


def sending(*others: Action) -> tuple[CallFlow, list[Done]]:
    """A call that is answered, and presses keys before it does something else."""
    flow = outbound(EXTENSION, *others)
    return flow, live(flow, ANSWERED)


@pytest.mark.parametrize("after", [0.0, TO_SEND, TO_SEND + 1.9 * LATE])
def test_the_plan_goes_on_when_the_keys_have_sounded_and_not_by_the_clock(after: float) -> None:
    flow, done = sending(BYE)
    assert orders(done)[-1] == Send("ww12#")
    done = go_on(flow, (1.0 + after, DigitsSent(1001.0 + after)))
    assert reports(done) == [ActionCompleted(0, "send_digits", "extension")]
    assert orders(done) == [Speak("1", flow.scripts[0], 0, lead_in=flow.plan.lead_in)]


def test_keys_that_nobody_confirms_are_told_and_the_plan_goes_on() -> None:
    flow, _ = sending(BYE)
    assert flow.deadline == pytest.approx(1.0 + TO_SEND + 2 * LATE)
    done = go_on(flow, (flow.deadline or 0.0, PASSES))
    assert reports(done) == [
        ActionFailed(0, "digits_not_confirmed", "Asterisk did not say that they sounded"),
        ActionCompleted(0, "send_digits", "extension"),
    ]
    assert orders(done) == [Speak("1", flow.scripts[0], 0, lead_in=flow.plan.lead_in)]


def test_keys_that_can_not_be_pressed_are_told_and_the_plan_goes_on() -> None:
    flow, _ = sending(BYE)
    done = go_on(flow, (1.1, DigitsNotSent(1001.1)))
    assert reports(done)[0] == ActionFailed(0, "digits_not_sent", "Asterisk did not press the keys")
    assert orders(done) == [Speak("1", flow.scripts[0], 0, lead_in=flow.plan.lead_in)]


@pytest.mark.parametrize("event", [DigitsNotSent(1002.0), DigitsSent(1002.0)])
def test_what_is_told_once_more_is_nobodys_business(event: DigitsNotSent | DigitsSent) -> None:
    flow, _ = sending(BYE)
    go_on(flow, (1.5, event))
    assert go_on(flow, (2.0, event)) == []


def test_keys_of_the_callee_meanwhile_wait_for_whoever_asks_next() -> None:
    flow, _ = sending(Gather(DigitRules(max_digits=2), type_ahead="keep"))
    go_on(flow, *pressed(1.5, *"42"))
    go_on(flow, (3.0, DigitsSent(1003.0)))
    assert flow.collected is not None
    assert flow.collected.keys == Keys("42")


def test_on_hold_keys_are_pressed_all_the_same() -> None:
    flow, _ = sending(BYE)
    assert orders(go_on(flow, (1.2, CallHeld(1001.2)), (3.0, DigitsSent(1003.0)))) == []
    assert [type(order) for order in orders(go_on(flow, (9.0, CallResumed(1009.0))))] == [Speak]


def test_who_hangs_up_meanwhile_ends_the_call() -> None:
    flow, _ = sending(BYE)
    assert go_on(flow, (1.2, CallEnded(1001.2, cause=16, by_callee=True))) == []
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.CALLEE)


def test_a_hang_up_by_request_does_not_wait_for_the_keys() -> None:
    flow, _ = sending(BYE)
    asked = HangupAsked(1001.2, OwnAction.HANG_UP_BY_API)
    assert orders(go_on(flow, (1.2, asked))) == [HangUp(OwnAction.HANG_UP_BY_API)]


def test_the_keys_can_not_be_read_off_a_flow_or_its_commands() -> None:
    flow, done = sending()
    shown = repr(done) + repr(flow.plan) + repr(flow.steps)
    assert "12#" not in shown
