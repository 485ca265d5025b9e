"""A channel is handed to us: it is answered, spoken to, and goes on in its dialplan."""

from __future__ import annotations

import pytest

from otpvoice.core.actions import Gather, Hangup, Say
from otpvoice.core.commands import Answer, Dial, HangUp, Release, Speak, StopSpeaking, Tell
from otpvoice.core.digits import Collected, DigitRules, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallReleased,
    CallResumed,
    DigitReceived,
    DigitsCollected,
    HangupAsked,
    KeyPressed,
    MediaLost,
    MediaUnavailable,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.flow import END_OF_CHANNEL, TO_ANSWER
from otpvoice.core.outcome import EndedParty, Fault, OutcomeClass, OwnAction
from otpvoice.core.secret import Keys
from tests.core.stories import BEGAN, PASSES, Told, go_on, inbound, live, orders, outbound, outcome, reports

TWO = DigitRules(max_digits=2)
HELLO = Say("Hello.")
ANSWERED: Told = (1.0, CallAnswered(1001.0))
RELEASED: Told = (9.0, CallReleased(1009.0))
HUNG_UP: Told = (9.0, CallEnded(1009.0, cause=16, by_callee=True))


def test_a_call_that_came_in_is_answered_spoken_to_and_goes_on_in_its_dialplan() -> None:
    flow = inbound(HELLO)
    assert live(
        flow,
        ANSWERED,
        (1.1, SpeakingStarted("1", 1001.1, 2.0)),
        (3.1, SpeakingFinished("1", 1003.1, cut=False)),
        (3.1 + flow.plan.tail, PASSES),
        (3.8, CallReleased(1003.8)),
    ) == [
        (0.0, Answer()),
        (1.0, Speak("1", flow.scripts[0], 0, lead_in=0.4)),
        (3.1, Tell(ActionCompleted(0, "say", None))),
        (3.7, Release()),
    ]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.PLAN)


def test_a_call_that_goes_nowhere_is_hung_up_at_the_end_of_the_plan() -> None:
    flow = inbound(goes_on=False)
    assert orders(live(flow, ANSWERED)) == [Answer(), HangUp(OwnAction.HANG_UP_BY_PLAN)]


def test_the_hangup_action_hangs_up_also_where_the_call_could_go_on() -> None:
    flow = inbound(Hangup(), HELLO)
    assert orders(live(flow, ANSWERED)) == [Answer(), HangUp(OwnAction.HANG_UP_BY_PLAN)]
    go_on(flow, HUNG_UP)
    assert outcome(flow).class_ is OutcomeClass.COMPLETED


def test_nobody_is_dialled_for_a_call_that_came_in() -> None:
    flow = inbound(HELLO)
    assert Dial() not in orders(live(flow, ANSWERED, HUNG_UP))


def test_who_hangs_up_before_the_answer_is_gone() -> None:
    flow = inbound(HELLO)
    assert orders(live(flow, (0.5, CallEnded(1000.5, cause=16, by_callee=True)))) == [Answer()]
    assert outcome(flow).ended_by is EndedParty.CALLEE
    assert go_on(flow, ANSWERED) == []


def test_who_hangs_up_after_the_answer_ends_the_call() -> None:
    flow = inbound(HELLO)
    assert orders(live(flow, ANSWERED, HUNG_UP))[2:] == [StopSpeaking("1")]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.CALLEE)


def test_a_hang_up_by_request_hangs_up_before_the_answer_and_after_it() -> None:
    asked: Told = (2.0, HangupAsked(1002.0, OwnAction.HANG_UP_BY_API))
    assert orders(live(inbound(HELLO), asked)) == [Answer(), HangUp(OwnAction.HANG_UP_BY_API)]
    assert orders(live(inbound(HELLO), ANSWERED, asked))[-1] == HangUp(OwnAction.HANG_UP_BY_API)


@pytest.mark.parametrize("answered", [True, False])
def test_at_a_shutdown_the_dialplan_gets_its_channel_back(answered: bool) -> None:
    flow = inbound(HELLO)
    told = [ANSWERED] if answered else []
    done = live(flow, *told, (2.0, HangupAsked(1002.0, OwnAction.SHUTDOWN)))
    assert orders(done)[-1] == Release()
    go_on(flow, RELEASED)
    assert outcome(flow).reason == "shutdown"


def test_at_its_longest_the_dialplan_gets_its_channel_back() -> None:
    flow = inbound(Gather(DigitRules(max_digits=1, first_digit_timeout=90.0, overall_timeout=90.0)), max_duration=30.0)
    assert orders(live(flow, ANSWERED, (31.0, PASSES))) == [Answer(), Release()]
    go_on(flow, (31.1, CallReleased(1031.1)))
    assert outcome(flow).reason == "max_duration"


def test_after_a_fault_the_dialplan_gets_its_channel_back() -> None:
    flow = inbound(HELLO)
    done = live(flow, ANSWERED, (2.0, MediaLost(1002.0)), RELEASED)
    assert orders(done)[-1] == Release()
    assert reports(done) == [ActionFailed(None, "media_lost", "the media leg was lost")]
    assert outcome(flow).reason == Fault.MEDIA_LOST


def test_without_a_media_leg_nobody_is_answered() -> None:
    flow = inbound(HELLO)
    done = live(flow, (5.0, MediaUnavailable(1005.0)), RELEASED)
    assert orders(done) == [Answer(), Release()]
    assert reports(done) == [ActionFailed(None, "media_unavailable", "there was no media leg")]
    assert (outcome(flow).class_, outcome(flow).reason) == (OutcomeClass.FAILED, "media_unavailable")


def test_an_answer_that_does_not_come_about_is_not_waited_for_for_ever() -> None:
    flow = inbound(HELLO)
    done = live(flow, (TO_ANSWER, PASSES), (11.0, CallReleased(1011.0)))
    assert orders(done) == [Answer(), Release()]
    assert reports(done) == [ActionFailed(None, "not_answered", "the channel could not be answered in time")]
    assert outcome(flow).reason == Fault.MEDIA_UNAVAILABLE


def test_a_plan_that_came_too_late_gives_its_channel_back_unanswered() -> None:
    flow = inbound(HELLO, valid_until=BEGAN - 1)
    assert orders(live(flow, RELEASED)) == [Release()]
    assert outcome(flow).class_ is OutcomeClass.EXPIRED


def test_a_plan_that_came_too_late_for_a_channel_that_goes_nowhere_hangs_it_up() -> None:
    flow = inbound(HELLO, valid_until=BEGAN - 1, goes_on=False)
    assert orders(live(flow, HUNG_UP)) == [HangUp(OwnAction.EXPIRED)]


def test_a_plan_that_got_stale_before_the_answer_gives_its_channel_back() -> None:
    flow = inbound(HELLO, valid_until=BEGAN + 0.5)
    assert orders(live(flow, ANSWERED, RELEASED)) == [Answer(), Release()]
    assert outcome(flow).class_ is OutcomeClass.EXPIRED


# --- while the channel is on its way ----------------------------------------------------------------------------------


def test_who_hangs_up_while_being_released_is_gone_and_the_plan_ended_the_call() -> None:
    flow = inbound()
    assert orders(live(flow, ANSWERED, (1.1, CallEnded(1001.1, cause=16, by_callee=True)))) == [Answer(), Release()]
    assert outcome(flow).ended_by is EndedParty.PLAN


def test_whoever_asks_for_a_hang_up_while_the_channel_is_released_is_too_late() -> None:
    flow = inbound()
    live(flow, ANSWERED)
    assert go_on(flow, (1.1, HangupAsked(1001.1, OwnAction.HANG_UP_BY_API)), (1.2, MediaLost(1001.2))) == []
    go_on(flow, RELEASED)
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.PLAN)


def test_a_release_that_nobody_confirms_is_not_waited_for_for_ever() -> None:
    flow = inbound()
    live(flow, ANSWERED)
    assert reports(go_on(flow, (1.0 + END_OF_CHANNEL, PASSES))) == [
        ActionFailed(None, "end_not_seen", "Asterisk did not say that the channel is gone")
    ]
    assert flow.over


# --- before it began --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("valid_until", [None, BEGAN - 1])
def test_a_call_that_was_called_off_before_it_began_never_begins(valid_until: float | None) -> None:
    flow = outbound(HELLO, valid_until=valid_until)
    asked: Told = (0.0, HangupAsked(BEGAN, OwnAction.HANG_UP_BY_API))
    assert orders(go_on(flow, asked)) == [HangUp(OwnAction.HANG_UP_BY_API)]
    assert flow.start(0.1, BEGAN) == []
    go_on(flow, (0.2, CallEnded(BEGAN)))
    assert outcome(flow).class_ is OutcomeClass.CANCELED


def test_a_caller_who_was_gone_before_the_call_began_is_not_answered() -> None:
    flow = inbound(HELLO)
    go_on(flow, (0.0, CallEnded(BEGAN, cause=16, by_callee=True)))
    assert flow.start(0.1, BEGAN) == []
    assert flow.over


def test_a_hold_before_the_call_began_is_known_when_it_begins() -> None:
    flow = inbound(HELLO)
    go_on(flow, (0.0, CallHeld(BEGAN)))
    done = live(flow, ANSWERED)
    assert orders(done) == [Answer()]
    assert orders(go_on(flow, (2.0, CallResumed(1002.0)))) == [Speak("1", flow.scripts[0], 0, lead_in=0.4)]


@pytest.mark.parametrize("make", [inbound, outbound])
def test_a_call_is_given_up_when_its_speech_can_not_be_made(make: type) -> None:
    flow = make(HELLO)
    commands = flow.give_up("speech_unavailable", "no_voice", Fault.SPEECH_UNAVAILABLE, 0.0)
    assert commands == [
        Tell(ActionFailed(None, "speech_unavailable", "no_voice")),
        Release() if flow.plan.goes_on else HangUp(None),
    ]
    assert flow.start(0.1, BEGAN) == []
    go_on(flow, (0.2, CallReleased(BEGAN) if flow.plan.goes_on else CallEnded(BEGAN)))
    assert outcome(flow).reason == Fault.SPEECH_UNAVAILABLE
    assert flow.give_up("late", "late", Fault.INTERNAL_ERROR, 1.0) == []


def test_a_call_begins_once() -> None:
    flow = outbound(HELLO)
    assert flow.start(0.0, BEGAN) == [Dial()]
    assert flow.start(0.0, BEGAN) == []


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sensitive", [True, False])
def test_what_was_keyed_is_there_for_the_asker(sensitive: bool) -> None:
    flow = inbound(Gather(TWO, sensitive=sensitive))
    assert flow.collected is None
    live(flow, ANSWERED, (2.0, DigitReceived("4", 1002.0)), (2.5, DigitReceived("2", 1002.5)))
    assert flow.collected == Collected(Keys("42"), EndedBy.MAX_DIGITS, valid=True, ignored=0)


def test_the_last_gather_is_what_counts() -> None:
    flow = inbound(Gather(DigitRules(max_digits=1)), Gather(DigitRules(max_digits=1)))
    live(flow, ANSWERED, (2.0, DigitReceived("4", 1002.0)), (2.5, DigitReceived("2", 1002.5)))
    assert flow.collected is not None
    assert flow.collected.keys == Keys("2")


@pytest.mark.parametrize(
    ("end", "ended_by"),
    [
        (CallEnded(1003.0, cause=16, by_callee=True), EndedBy.HANGUP),
        (HangupAsked(1003.0, OwnAction.SHUTDOWN), EndedBy.CANCELED),
    ],
)
def test_what_was_keyed_until_the_end_is_there_too(end: CallEnded | HangupAsked, ended_by: EndedBy) -> None:
    flow = inbound(Gather(TWO, tag="pin"))
    done = live(flow, ANSWERED, (2.0, DigitReceived("4", 1002.0)), (3.0, end))
    expected = Collected(Keys("4"), ended_by, valid=False, ignored=0)
    assert flow.collected == expected
    assert reports(done) == [KeyPressed(1002.0), DigitsCollected(expected, "pin", 1, sensitive=True)]
