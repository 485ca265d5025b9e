"""A whole call is a list: what happened when, and what is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from otpvoice.core.actions import Action, Gather, Hangup, Pause, Say, SayCode
from otpvoice.core.commands import Command, Dial, HangUp, Speak, StopSpeaking, Tell
from otpvoice.core.digits import Collected, DigitRules, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    CharacterPlayed,
    CodeDelivered,
    DigitReceived,
    DigitsCollected,
    Flooded,
    HangupAsked,
    Happening,
    KeyPressed,
    MediaLost,
    OriginateAccepted,
    PiecePlayed,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.flow import END_OF_CHANNEL, CallFlow
from otpvoice.core.outcome import Fault, OutcomeClass, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import Keys, OtpCode
from otpvoice.core.speaking import BREATH, SLACK_OF_SPEECH, START_OF_SPEECH, resume_point
from otpvoice.core.speech import CodeCharacter, Silence, Words
from tests.core.stories import CLOSING, LOCALES, live, outcome

ASK = (Say("How many?"),)
TWO = DigitRules(max_digits=2)
PASSES = object()
"""Time passes: the deadline has come."""

Told: TypeAlias = tuple[float, Happening | object]


def plan(*actions: Action, **changes: Any) -> CallPlan:
    return replace(CallPlan(to="+15550100", caller_id=None, trunk="default", language="en", actions=actions), **changes)


def drive(flow: CallFlow, *told: Told) -> list[Command]:
    """Tell a flow what happened; return all that it wanted done, without the reports of single keys."""
    commands = flow.start(0.0, 1000.0)
    for now, event in told:
        commands += flow.expire(now) if event is PASSES else flow.receive(event, now)  # type: ignore[arg-type]
    return [
        command for command in commands if not (isinstance(command, Tell) and isinstance(command.report, KeyPressed))
    ]


def answered(*actions: Action, **changes: Any) -> CallFlow:
    """Return a flow that was dialled and answered at second 1."""
    flow = CallFlow(plan(*actions, **changes), LOCALES)
    flow.start(0.0, 1000.0)
    flow.receive(CallAnswered(1001.0), 1.0)
    return flow


def spoken(flow: CallFlow, utterance: str, now: float) -> list[Command]:
    """An utterance is played to its end."""
    return flow.receive(SpeakingStarted(utterance, 0.0, 1.0), now) + flow.receive(
        SpeakingFinished(utterance, 0.0, cut=False), now + 1.0
    )


def reports(commands: Sequence[Command]) -> list[object]:
    return [command.report for command in commands if isinstance(command, Tell)]


def test_a_call_that_is_answered_is_spoken_to_and_hung_up() -> None:
    flow = CallFlow(plan(Say("Hello.")), LOCALES)
    script = flow.scripts[0]
    assert drive(
        flow,
        (0.1, CallProgressed(0.0, ringing=True)),
        (3.0, CallAnswered(1003.0)),
        (3.0, SpeakingStarted("1", 1003.0, 2.0)),
        (5.0, PiecePlayed("1", 0, 1005.0)),
        (5.0, SpeakingFinished("1", 1005.0, cut=False)),
        (5.6, PASSES),
        (5.7, CallEnded(1005.7, cause=16)),
    ) == [
        Dial(),
        Speak("1", script, 0, lead_in=0.4),
        Tell(ActionCompleted(0, "say", None)),
        HangUp(OwnAction.HANG_UP_BY_PLAN),
    ]
    assert flow.over
    assert flow.deadline is None
    assert classify(flow.ending).class_ is OutcomeClass.COMPLETED


def test_a_call_of_a_code_alone_ends_with_its_languages_goodbye_in_one_breath() -> None:
    flow = CallFlow(plan(SayCode(OtpCode("482"), times=1)), CLOSING)
    (script,) = flow.scripts
    assert [piece.text for piece in script if isinstance(piece, Words)] == ["Your code is:", "That was all."]
    assert drive(
        flow,
        (1.0, CallAnswered(1001.0)),
        (1.0, SpeakingStarted("1", 1001.0, 4.0)),
        *((4.0, PiecePlayed("1", index, 1004.0)) for index, piece in enumerate(script) if piece == script[-1]),
        (5.0, SpeakingFinished("1", 1005.0, cut=False)),
        (5.6, PASSES),
    ) == [
        Dial(),
        Speak("1", script, 0, lead_in=0.4),
        Tell(ActionCompleted(0, "say_code", None)),
        HangUp(OwnAction.HANG_UP_BY_PLAN),
    ]


def test_a_call_that_nobody_answers_is_given_up_at_the_ring_timeout() -> None:
    flow = CallFlow(plan(Say("Hello."), ring_timeout=20.0), LOCALES)
    flow.start(0.0, 1000.0)
    flow.receive(CallProgressed(0.0, ringing=True), 0.5)
    assert flow.deadline == 20.5
    assert flow.expire(20.4) == []
    assert flow.expire(20.5) == [HangUp(OwnAction.RING_TIMEOUT)]
    flow.receive(CallEnded(0.0, cause=19), 20.6)
    assert classify(flow.ending).class_ is OutcomeClass.NO_ANSWER


def test_what_comes_before_the_order_takes_no_time_from_who_is_to_pick_up() -> None:
    flow = CallFlow(plan(Say("Hello."), ring_timeout=5.0), LOCALES)
    flow.start(0.0, 1000.0)
    assert flow.expire(12.0) == [], "it is being written that somebody is about to be called"
    flow.receive(OriginateAccepted(1012.0, "a@b"), 12.0)
    flow.receive(CallProgressed(1013.0, ringing=True), 13.0)
    assert flow.deadline == 17.0
    assert flow.expire(17.0) == [HangUp(OwnAction.RING_TIMEOUT)]


def test_an_end_that_never_comes_is_not_waited_for_for_ever() -> None:
    flow = answered(Hangup())
    assert flow.deadline == 1.0 + END_OF_CHANNEL
    assert reports(flow.expire(6.0)) == [
        ActionFailed(None, "end_not_seen", "Asterisk did not say that the channel is gone")
    ]
    assert flow.over


def test_a_stale_code_is_not_spoken() -> None:
    flow = CallFlow(plan(SayCode(OtpCode("123456")), valid_until=1000.2), LOCALES)
    flow.start(0.0, 1000.0)
    assert flow.receive(CallAnswered(1000.5), 1.0) == [HangUp(OwnAction.EXPIRED)]


def test_nobody_is_rung_with_a_stale_code() -> None:
    flow = CallFlow(plan(SayCode(OtpCode("123456")), valid_until=1000.0), LOCALES)
    assert flow.start(0.0, 1000.1) == []
    assert flow.over
    assert classify(flow.ending).class_ is OutcomeClass.EXPIRED


def test_an_answer_that_crosses_our_hang_up_is_none() -> None:
    flow = CallFlow(plan(Say("Hello.")), LOCALES)
    flow.start(0.0, 1000.0)
    flow.receive(HangupAsked(0.0, OwnAction.HANG_UP_BY_API), 1.0)
    flow.receive(CallAnswered(0.0), 1.1)
    flow.receive(CallEnded(0.0, cause=16), 1.2)
    assert classify(flow.ending).class_ is OutcomeClass.CANCELED


def test_a_flood_of_events_ends_the_call_as_a_fault() -> None:
    flow = answered(Gather(TWO))
    assert HangUp(None) in flow.receive(Flooded(0.0), 2.0)
    flow.receive(CallEnded(0.0, cause=16), 2.1)
    assert classify(flow.ending).reason == Fault.INTERNAL_ERROR


def test_the_talk_has_a_limit_whatever_the_plan_does() -> None:
    flow = answered(Gather(DigitRules(max_digits=1, first_digit_timeout=500, overall_timeout=500)), max_duration=30.0)
    assert flow.deadline == 31.0
    assert HangUp(OwnAction.MAX_DURATION) in flow.expire(31.0)
    assert flow.expire(31.0) == [], "said once"


def test_a_code_is_delivered_when_its_first_reading_is_whole() -> None:
    flow = answered(SayCode(OtpCode("482"), times=2, group=0))
    script = flow.scripts[0]
    characters = [(i, piece) for i, piece in enumerate(script) if isinstance(piece, CodeCharacter)]
    told: list[object] = []
    for index, _ in characters:
        told += reports(flow.receive(PiecePlayed("1", index, float(index)), 2.0))
    assert [type(report) for report in told] == [CharacterPlayed] * 3 + [CodeDelivered] + [CharacterPlayed] * 3
    assert flow.proof.readings == 2
    assert flow.proof.complete
    assert flow.proof.delivered


def test_half_a_code_is_not_delivered() -> None:
    flow = answered(SayCode(OtpCode("482"), times=1, group=0))
    first = next(i for i, piece in enumerate(flow.scripts[0]) if isinstance(piece, CodeCharacter))
    flow.receive(PiecePlayed("1", first, 0.0), 2.0)
    flow.receive(CallEnded(0.0, cause=16, by_callee=True), 2.1)
    assert flow.proof.delivered is False
    assert len(flow.proof.digits) == 1
    assert not flow.proof.complete


def test_what_was_played_after_the_call_was_out_of_sight_does_not_count() -> None:
    flow = answered(SayCode(OtpCode("482"), times=2, group=0))
    for index, piece in enumerate(flow.scripts[0]):
        if isinstance(piece, CodeCharacter):
            flow.receive(PiecePlayed("1", index, 100.0 * piece.reading + piece.position), 2.0)
    assert flow.proof.readings == 2
    flow.receive(CallEnded(300.0, fault=Fault.EVENTS_LOST, unseen_since=201.5), 9.0)
    assert flow.proof.readings == 1
    assert [(played.reading, played.position) for played in flow.proof.digits] == [(1, 1), (1, 2), (1, 3), (2, 1)]


def test_a_plan_that_says_and_asks_nothing_is_answered_and_hung_up() -> None:
    flow = CallFlow(plan(), LOCALES)
    assert flow.scripts == ()
    assert live(flow, (1.0, CallAnswered(1001.0)), (1.1, CallEnded(1001.1, cause=16))) == [
        (0.0, Dial()),
        (1.0, HangUp(OwnAction.HANG_UP_BY_PLAN)),
    ]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, "plan")
    assert (flow.over, flow.proof.delivered) == (True, None)


def test_nothing_was_to_be_delivered_where_there_is_no_code() -> None:
    assert answered(Say("Hello.")).proof.delivered is None


def test_a_code_that_is_asked_with_counts_too() -> None:
    flow = answered(Gather(TWO, prompt=(SayCode(OtpCode("482"), times=1, group=0),)))
    for index, piece in enumerate(flow.scripts[0]):
        if isinstance(piece, CodeCharacter):
            flow.receive(PiecePlayed("1", index, 1.0), 2.0)
    assert flow.proof.delivered
    assert flow.proof.complete


def test_what_was_played_after_the_hold_began_does_not_count() -> None:
    flow = answered(SayCode(OtpCode("482"), times=1, group=0))
    for index, piece in enumerate(flow.scripts[0]):
        if isinstance(piece, CodeCharacter):
            flow.receive(PiecePlayed("1", index, 100.0 + piece.position), 2.0)
    flow.receive(CallHeld(102.5), 2.1)
    assert [played.position for played in flow.proof.digits] == [1, 2]


def test_a_hold_cuts_the_reading_and_the_resume_starts_it_again() -> None:
    flow = answered(SayCode(OtpCode("482"), times=2, group=0))
    script = flow.scripts[0]
    positions = [i for i, piece in enumerate(script) if isinstance(piece, CodeCharacter)]
    for index in positions[:4]:  # all of the first reading, one of the second
        flow.receive(PiecePlayed("1", index, 0.0), 2.0)
    assert flow.receive(CallHeld(0.0), 3.0) == [StopSpeaking("1")]
    assert flow.deadline == 1.0 + flow.plan.max_duration, "only the limit of the call runs"
    assert flow.receive(SpeakingFinished("1", 0.0, cut=True), 3.0) == []
    assert flow.receive(CallResumed(0.0), 60.0) == [Speak("2", script, positions[3], lead_in=0.4)]
    told: list[object] = []
    for index in positions[3:]:
        told += reports(flow.receive(PiecePlayed("2", index, 0.0), 61.0))
    assert flow.proof.readings == 2
    assert flow.proof.complete


def test_a_hold_before_anything_was_said_is_waited_out() -> None:
    flow = CallFlow(plan(Say("Hello.")), LOCALES)
    flow.start(0.0, 1000.0)
    flow.receive(CallHeld(0.0), 0.9)
    assert flow.receive(CallAnswered(0.0), 1.0) == []
    assert flow.receive(CallResumed(0.0), 2.0) == [Speak("1", flow.scripts[0], 0, lead_in=0.4)]


@pytest.mark.parametrize(
    ("played", "again"),
    [(0, 0), (1, 2), (2, 2), (3, 2), (4, 2), (5, 7), (6, 7), (7, 7), (8, 7), (9, 9), (10, 10)],
)
def test_where_a_script_is_taken_up_again(played: int, again: int) -> None:
    def digit(reading: int, position: int) -> CodeCharacter:
        return CodeCharacter("1", reading, position, 2, "en")

    script = (
        Words("Your code is", "en"),
        Silence(0.5),
        digit(1, 1),
        Silence(0.3),
        digit(1, 2),
        Silence(1.2),
        Silence(0.1),
        digit(2, 1),
        digit(2, 2),
        Words("Bye", "en"),
    )
    assert resume_point(script, played) == again


def test_speech_that_does_not_start_or_end_in_time_ends_the_call() -> None:
    flow = answered(Say("Hello."))
    assert flow.deadline == 1.0 + START_OF_SPEECH
    flow.receive(SpeakingStarted("1", 0.0, 3.0), 2.0)
    assert flow.deadline == 2.0 + 3.0 + SLACK_OF_SPEECH
    commands = flow.expire(flow.deadline)
    assert StopSpeaking("1") not in commands or HangUp(None) in commands
    assert [type(report) for report in reports(commands)] == [ActionFailed]
    flow.receive(CallEnded(0.0, cause=16), 20.0)
    assert classify(flow.ending).reason == "media_lost"


def test_speech_that_can_not_be_made_ends_the_call() -> None:
    flow = answered(Say("Hello."))
    assert HangUp(None) in flow.receive(SpeakingFailed("1", 0.0, "not_prepared"), 1.1)
    flow.receive(CallEnded(0.0, cause=16), 2.0)
    assert classify(flow.ending).reason == Fault.SPEECH_UNAVAILABLE


def test_a_lost_media_leg_ends_the_call() -> None:
    flow = answered(Gather(TWO))
    commands = flow.receive(MediaLost(0.0), 2.0)
    assert HangUp(None) in commands
    assert [r.collected.ended_by for r in reports(commands) if isinstance(r, DigitsCollected)] == [EndedBy.CANCELED]
    flow.receive(CallEnded(0.0, cause=16), 2.0)
    assert classify(flow.ending).reason == Fault.MEDIA_LOST


# --- gather -----------------------------------------------------------------------------------------------------------


def keyed(keys: str, ended_by: EndedBy, valid: bool = True, ignored: int = 0) -> Collected:
    by = Keys("#") if ended_by is EndedBy.TERMINATOR else None
    return Collected(Keys(keys), ended_by, valid, ignored, by)


def test_the_first_digit_timer_starts_when_the_prompt_was_played_out() -> None:
    flow = answered(Gather(TWO, prompt=ASK))
    spoken(flow, "1", 50.0)
    assert flow.deadline == 51.0 + TWO.first_digit_timeout


def test_a_key_cuts_the_prompt_and_counts() -> None:
    flow = answered(Gather(TWO, prompt=ASK))
    flow.receive(SpeakingStarted("1", 0.0, 9.0), 1.1)
    assert StopSpeaking("1") in flow.receive(DigitReceived("4", 0.0), 2.0)
    assert flow.deadline == 2.0 + TWO.inter_digit_timeout
    commands = flow.receive(DigitReceived("2", 0.0), 3.0)
    assert reports(commands)[1] == DigitsCollected(keyed("42", EndedBy.MAX_DIGITS), None, 1, sensitive=True)


def test_a_key_that_does_not_count_cuts_nothing() -> None:
    flow = answered(Gather(TWO, prompt=ASK))
    assert reports(flow.receive(DigitReceived("*", 0.0), 2.0)) == [KeyPressed(0.0)]


def test_without_barge_in_keys_wait_for_the_end_of_the_prompt() -> None:
    flow = answered(Gather(TWO, prompt=ASK, barge_in=False, type_ahead="keep"))
    for key in "42":
        assert StopSpeaking("1") not in flow.receive(DigitReceived(key, 0.0), 2.0)
    assert reports(spoken(flow, "1", 3.0))[0] == DigitsCollected(
        keyed("42", EndedBy.MAX_DIGITS), None, 1, sensitive=True
    )


def test_without_barge_in_and_with_flush_keys_during_the_prompt_are_forgotten() -> None:
    flow = answered(Gather(TWO, prompt=ASK, barge_in=False))
    flow.receive(DigitReceived("4", 0.0), 2.0)
    spoken(flow, "1", 3.0)
    assert reports(flow.expire(4.0 + TWO.first_digit_timeout))[0] == DigitsCollected(
        keyed("", EndedBy.NO_INPUT, valid=False), None, 1, sensitive=True
    )


@pytest.mark.parametrize(("type_ahead", "collected"), [("keep", True), ("flush", False)])
def test_keys_before_the_gather(type_ahead: str, collected: bool) -> None:
    flow = answered(Say("Hello."), Gather(TWO, prompt=ASK, type_ahead=type_ahead))
    flow.receive(DigitReceived("4", 0.0), 1.1)
    flow.receive(DigitReceived("2", 0.0), 1.2)
    commands = spoken(flow, "1", 1.3)
    assert any(isinstance(report, DigitsCollected) for report in reports(commands)) is collected
    assert (Speak("2", flow.scripts[1], 0, lead_in=BREATH) in commands) is not collected, "who knows is not asked"


def test_tries_ask_again_after_the_failure_message() -> None:
    flow = answered(Gather(TWO, prompt=ASK, failure=(Say("No."),), success=(Say("Yes."),), tries=2))
    ask, yes, no = flow.scripts
    spoken(flow, "1", 2.0)
    commands = flow.receive(DigitReceived("#", 0.0), 3.5)
    assert reports(commands) == [KeyPressed(0.0)], "the gather is not over yet"
    assert commands[-1] == Speak("2", no, 0, lead_in=BREATH)
    assert spoken(flow, "2", 4.0)[-1] == Speak("3", ask, 0, lead_in=BREATH)
    flow.receive(DigitReceived("1", 0.0), 6.0)
    commands = flow.receive(DigitReceived("2", 0.0), 6.5)
    assert reports(commands)[1] == DigitsCollected(keyed("12", EndedBy.MAX_DIGITS), None, 2, True)
    assert commands[-1] == Speak("4", yes, 0, lead_in=BREATH)
    assert ActionCompleted(0, "gather", None) in reports(spoken(flow, "4", 7.0))


def test_the_last_try_is_what_is_told_and_the_failure_message_is_the_last_word() -> None:
    flow = answered(Gather(TWO, failure=(Say("No."),), tries=2))
    flow.receive(DigitReceived("#", 0.0), 2.0)
    spoken(flow, "1", 3.0)
    told = reports(flow.receive(DigitReceived("#", 0.0), 5.0))
    assert told[1:] == [DigitsCollected(keyed("", EndedBy.TERMINATOR, valid=False), None, 2, True)]
    commands = spoken(flow, "2", 6.0)
    assert reports(commands) == [ActionCompleted(0, "gather", None)]


def test_who_hangs_up_between_two_tries_leaves_what_the_last_one_brought() -> None:
    flow = answered(Gather(TWO, failure=(Say("No."),), tries=2))
    flow.receive(DigitReceived("#", 0.0), 2.0)
    assert reports(flow.receive(CallEnded(0.0, cause=16, by_callee=True), 2.5)) == [
        DigitsCollected(keyed("", EndedBy.TERMINATOR, valid=False), None, 1, True)
    ]


def test_keys_after_the_end_of_a_collection_wait_for_the_next_question() -> None:
    one = DigitRules(max_digits=1)
    flow = answered(
        Gather(one, prompt=ASK, barge_in=False, type_ahead="keep"), Gather(one, prompt=ASK, type_ahead="keep")
    )
    flow.receive(DigitReceived("4", 0.0), 2.0)
    flow.receive(DigitReceived("2", 0.0), 2.1)
    told = [r.collected.keys for r in reports(spoken(flow, "1", 3.0)) if isinstance(r, DigitsCollected)]
    assert told == [Keys("4"), Keys("2")]


def test_who_hangs_up_while_keying_ends_the_collection_with_what_there_is() -> None:
    flow = answered(Gather(TWO))
    flow.receive(DigitReceived("4", 0.0), 2.0)
    assert reports(flow.receive(CallEnded(0.0, cause=16, by_callee=True), 3.0)) == [
        DigitsCollected(keyed("4", EndedBy.HANGUP, valid=False), None, 1, True)
    ]


def test_a_hang_up_by_request_cancels_the_collection() -> None:
    flow = answered(Gather(TWO))
    commands = flow.receive(HangupAsked(0.0, OwnAction.HANG_UP_BY_API), 3.0)
    assert reports(commands)[0] == DigitsCollected(keyed("", EndedBy.CANCELED, valid=False), None, 1, True)
    assert commands[-1] == HangUp(OwnAction.HANG_UP_BY_API)
    assert flow.receive(HangupAsked(0.0, OwnAction.SHUTDOWN), 3.1) == [], "the first reason stands"


def test_a_hang_up_by_request_before_the_answer_cancels_the_call() -> None:
    flow = CallFlow(plan(Say("Hello.")), LOCALES)
    flow.start(0.0, 1000.0)
    assert flow.receive(HangupAsked(0.0, OwnAction.HANG_UP_BY_API), 1.0) == [HangUp(OwnAction.HANG_UP_BY_API)]
    assert flow.receive(CallAnswered(0.0), 1.1) == [], "picked up while we were hanging up"
    flow.receive(CallEnded(0.0, cause=0), 1.2)
    assert flow.over


def test_hang_up_ends_the_plan_where_it_stands() -> None:
    flow = answered(Say("Hello."), Hangup(id="bye"), Say("Never."))
    commands = spoken(flow, "1", 1.5)
    assert reports(commands) == [ActionCompleted(0, "say", None), ActionCompleted(1, "hangup", "bye")]
    assert flow.expire(2.5 + flow.plan.tail) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]


def test_a_pause_is_silence_that_is_played() -> None:
    flow = answered(Pause(2.0))
    assert flow.scripts == ((Silence(2.0),),)


def test_no_code_and_no_key_can_be_read_off_a_flow_or_its_commands() -> None:
    flow = CallFlow(plan(SayCode(OtpCode("918273"), times=1), Gather(TWO)), LOCALES)
    commands = [*flow.start(0.0, 1000.0), *flow.receive(CallAnswered(0.0), 1.0)]
    shown = repr(commands) + repr(flow.plan) + repr(flow.steps) + repr(DigitReceived("7", 0.0))
    assert "918273" not in shown
    assert "'9'" not in shown
    assert "'7'" not in shown
