"""A second party is called, the two talk, and the plan goes on: each story from its first second to its last."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from otpvoice.core import commands
from otpvoice.core.actions import Dial, Gather, Hangup, Say
from otpvoice.core.commands import (
    Answer,
    Connect,
    DialSecond,
    HangUp,
    HangUpSecond,
    Part,
    Release,
    Speak,
    StopSpeaking,
    Tell,
)
from otpvoice.core.dialing import END_OF_SECOND, TO_MOVE
from otpvoice.core.digits import Collected, DigitRules, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    DigitReceived,
    DigitsCollected,
    HangupAsked,
    KeyPressed,
    MediaLost,
    OfSecond,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    SecondEnded,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.flow import END_OF_CHANNEL, CallFlow
from otpvoice.core.outcome import Fault, Outcome, OutcomeClass, OwnAction
from otpvoice.core.ringback import LONGEST, RECOMMENDED, ringback, ringing
from otpvoice.core.secret import Keys
from otpvoice.core.speaking import BREATH, SLACK_OF_SPEECH, START_OF_SPEECH
from otpvoice.core.speech import Silence, Tone
from tests.core.stories import (
    PASSES,
    Told,
    go_on,
    inbound,
    live,
    orders,
    outbound,
    outcome,
    reports,
)

SECOND = "+15550177"
CALL_HIM = Dial(SECOND, caller_id="+15550188", ring_timeout=30.0)
RING = ringback("en")
BYE = Say("Good bye.")


def second(now: float, event: OfSecond, number: int = 1) -> Told:
    return now, OnSecond(number, event)


ANSWERED: Told = (1.0, CallAnswered(1001.0))
RINGBACK: Told = (1.1, SpeakingStarted("1", 1001.1, LONGEST))
PICKED_UP = second(6.0, CallAnswered(1006.0))
CONNECTED: Told = (6.1, PartiesConnected(1006.1))
SECOND_GONE = second(20.0, CallEnded(1020.0, cause=16, by_callee=True))
PARTED: Told = (20.1, PartiesParted(1020.1))
FIRST_GONE: Told = (25.0, CallEnded(1025.0, cause=16, by_callee=True))
RINGING = (ANSWERED, RINGBACK, second(2.0, CallProgressed(1002.0, ringing=True)))
TALKING = (*RINGING, PICKED_UP, CONNECTED)


def ends_of_second(done: list[tuple[float, commands.Command]]) -> list[Outcome]:
    return [report.outcome for report in reports(done) if isinstance(report, SecondEnded)]


# --- the good story ---------------------------------------------------------------------------------------------------


def test_two_parties_talk_until_the_second_hangs_up_and_the_plan_goes_on_and_speaks() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *TALKING, SECOND_GONE, PARTED)
    told = ends_of_second(done)[0]
    assert done[1:] == [
        (1.0, DialSecond(1, SECOND, "+15550188", 30.0)),
        (1.0, Speak("1", RING, 0, lead_in=0.4)),
        (6.0, StopSpeaking("1")),
        (6.0, Connect(1)),
        (20.0, Tell(SecondEnded(1, told))),
        (20.0, Part()),
        (20.1, Tell(ActionCompleted(0, "dial", None))),
        (20.1, Speak("2", flow.scripts[1], 0, lead_in=BREATH)),
    ]
    assert (told.class_, told.ended_by, told.cause) == (OutcomeClass.COMPLETED, "callee", 16)


def test_a_call_that_came_in_is_put_through_and_goes_on_in_its_dialplan() -> None:
    flow = inbound(CALL_HIM)
    done = live(flow, *TALKING, SECOND_GONE, PARTED, (20.1 + flow.plan.tail, PASSES), (21.0, CallReleased(1021.0)))
    assert orders(done) == [
        Answer(),
        DialSecond(1, SECOND, "+15550188", 30.0),
        Speak("1", RING, 0, lead_in=0.4),
        StopSpeaking("1"),
        Connect(1),
        Part(),
        Release(),
    ]
    assert outcome(flow).class_ is OutcomeClass.COMPLETED


@pytest.mark.parametrize(
    ("make", "own", "shown"),
    [
        (outbound, "+15550188", "+15550188"),
        (outbound, None, "+15550199"),
        (inbound, "+15550188", "+15550188"),
        (inbound, None, None),  # the caller's number is not ours to show
    ],
)
def test_which_number_the_second_party_sees(make: Callable[..., CallFlow], own: str | None, shown: str | None) -> None:
    done = live(make(Dial(SECOND, caller_id=own, ring_timeout=30.0)), ANSWERED)
    assert DialSecond(1, SECOND, shown, 30.0) in orders(done)


def test_who_was_waiting_for_keys_gets_those_that_come_after_the_talk() -> None:
    flow = outbound(CALL_HIM, Gather(DigitRules(max_digits=2), type_ahead="keep"))
    live(flow, *TALKING, SECOND_GONE, PARTED)
    done = go_on(flow, (22.0, DigitReceived("4", 1022.0)), (23.0, DigitReceived("2", 1023.0)))
    expected = Collected(Keys("42"), EndedBy.MAX_DIGITS, valid=True, ignored=0)
    assert DigitsCollected(expected, None, 1, sensitive=True) in reports(done)


def test_keys_of_either_party_are_neither_collected_nor_remembered() -> None:
    flow = outbound(CALL_HIM, Gather(DigitRules(max_digits=1), type_ahead="keep"))
    done = live(
        flow,
        *RINGING,
        (3.0, DigitReceived("1", 1003.0)),
        PICKED_UP,
        CONNECTED,
        (7.0, DigitReceived("2", 1007.0)),
        second(8.0, DigitReceived("3", 1008.0)),
        SECOND_GONE,
        (20.05, DigitReceived("4", 1020.05)),
        PARTED,
    )
    assert [report for report in reports(done) if isinstance(report, KeyPressed)] == [
        KeyPressed(1003.0),
        KeyPressed(1007.0),
        KeyPressed(1008.0, second=True),
        KeyPressed(1020.05),
    ]
    assert not any(isinstance(report, DigitsCollected) for report in reports(done))
    assert flow.collected is None


def test_keys_from_before_the_dial_are_still_there_after_it() -> None:
    flow = outbound(BYE, CALL_HIM, Gather(DigitRules(max_digits=1), type_ahead="keep"))
    live(flow, ANSWERED, (1.1, DigitReceived("7", 1001.1)), (1.2, SpeakingFinished("1", 1001.2, cut=False)))
    go_on(flow, PICKED_UP, CONNECTED, SECOND_GONE, PARTED)
    assert flow.collected is not None
    assert flow.collected.keys == Keys("7")


def test_two_second_parties_one_after_the_other() -> None:
    flow = outbound(CALL_HIM, Dial("+15550166"), Hangup())
    done = live(flow, *TALKING, SECOND_GONE, PARTED)
    assert orders(done)[-2:] == [DialSecond(2, "+15550166", "+15550199", 45.0), Speak("2", RING, 0, lead_in=BREATH)]
    done = go_on(flow, second(30.0, CallAnswered(1030.0), 2), (30.1, PartiesConnected(1030.1)))
    assert orders(done) == [StopSpeaking("2"), Connect(2)]
    done = go_on(flow, second(40.0, CallEnded(1040.0, cause=16), 2), (40.1, PartiesParted(1040.1)))
    assert [report.number for report in reports(done) if isinstance(report, SecondEnded)] == [2]


def test_what_is_told_of_an_earlier_second_party_is_history() -> None:
    flow = outbound(CALL_HIM, Dial("+15550166"))
    live(flow, *TALKING, SECOND_GONE, PARTED)
    old: list[OfSecond] = [
        CallAnswered(1021.0),
        CallEnded(1022.0, cause=16),
        DigitReceived("1", 1022.0),
        CallProgressed(1022.0, ringing=True),
    ]
    assert go_on(flow, *(second(22.0, event) for event in old)) == []
    done = go_on(flow, second(23.0, CallEnded(1023.0, cause=17, sip_status=486, by_callee=True, replied=True), 2))
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.BUSY]


def test_what_is_told_of_a_second_party_that_nobody_called_is_ignored() -> None:
    flow = outbound(BYE)
    assert orders(live(flow, ANSWERED, second(2.0, CallAnswered(1002.0)), second(3.0, CallEnded(1003.0))))[2:] == []


# --- nobody picks up --------------------------------------------------------------------------------------------------


def test_a_busy_second_party_is_no_end_of_the_plan() -> None:
    flow = outbound(CALL_HIM, BYE)
    busy = CallEnded(1003.0, cause=17, sip_status=486, by_callee=True, replied=True)
    done = live(flow, ANSWERED, RINGBACK, second(3.0, busy))
    told = ends_of_second(done)[0]
    assert (told.class_, told.sip_status) == (OutcomeClass.BUSY, 486)
    assert done[3:] == [
        (3.0, Tell(SecondEnded(1, told))),
        (3.0, StopSpeaking("1")),
        (3.0, Tell(ActionCompleted(0, "dial", None))),
        (3.0, Speak("2", flow.scripts[1], 0, lead_in=BREATH)),
    ]


def test_a_second_party_that_does_not_answer_is_called_off() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *RINGING, (31.0, PASSES), second(31.1, CallEnded(1031.1, cause=19)))
    assert orders(done)[3:6] == [StopSpeaking("1"), HangUpSecond(1), Speak("2", flow.scripts[1], 0, lead_in=BREATH)]
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.NO_ANSWER]


def test_an_answer_that_crosses_our_hang_up_of_the_second_party_is_none() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *RINGING, (31.0, PASSES), second(31.05, CallAnswered(1031.05)))
    done += go_on(flow, second(31.1, CallEnded(1031.1, cause=16)))
    assert Connect(1) not in orders(done)
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.NO_ANSWER]


def test_a_second_partys_end_that_never_comes_is_not_waited_for_for_ever() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *RINGING, (31.0, PASSES), (31.0 + END_OF_SECOND, PASSES))
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.NO_ANSWER]
    assert orders(done)[-1] == Speak("2", flow.scripts[1], 0, lead_in=BREATH)
    assert go_on(flow, second(40.0, CallEnded(1040.0, cause=19))) == [], "told once"


def test_a_second_party_can_be_out_of_reach() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, ANSWERED, second(1.1, CallEnded(1001.1, fault=Fault.TRUNK_MISSING)))
    assert [told.reason for told in ends_of_second(done)] == ["trunk_missing"]
    assert not flow.over


# --- the ringback -----------------------------------------------------------------------------------------------------


def test_the_ringback_has_a_time_of_its_own_to_begin() -> None:
    flow = outbound(CALL_HIM)
    done = live(flow, ANSWERED, (1.0 + START_OF_SPEECH, PASSES))
    assert orders(done)[-2:] == [HangUp(None), HangUpSecond(1)]
    assert ActionFailed(0, "speech_stalled", "the speech did not end in time") in reports(done)
    done = go_on(flow, second(11.1, CallEnded(1011.1, cause=16)), FIRST_GONE)
    assert [told.reason for told in ends_of_second(done)] == ["media_lost"], "the fault ends both"
    assert outcome(flow).reason == "media_lost"


def test_a_ringback_that_can_not_be_played_ends_both_legs() -> None:
    flow = outbound(CALL_HIM)
    done = live(flow, ANSWERED, (1.1, SpeakingFailed("1", 1001.1, "not_prepared")))
    assert orders(done)[-2:] == [HangUp(None), HangUpSecond(1)]


def test_a_ringback_that_is_over_leaves_the_ringing_as_it_is() -> None:
    flow = outbound(Dial(SECOND, ring_timeout=300.0))
    done = live(flow, *RINGING, (121.0, SpeakingFinished("1", 1121.0, cut=False)))
    assert flow.deadline is not None
    done = go_on(flow, second(130.0, CallAnswered(1130.0)))
    assert orders(done) == [Connect(1)]


def test_the_earlier_of_two_deadlines_is_given_out() -> None:
    flow = outbound(Dial(SECOND, ring_timeout=100.0), max_duration=1000.0)
    live(flow, ANSWERED)
    assert flow.deadline == 1.0 + START_OF_SPEECH
    go_on(flow, (2.0, SpeakingStarted("1", 1002.0, 3.0)))
    assert flow.deadline == 2.0 + 3.0 + SLACK_OF_SPEECH
    go_on(flow, (5.0, SpeakingFinished("1", 1005.0, cut=False)))
    assert flow.deadline == 101.0


def test_a_first_party_on_hold_hears_the_ringback_when_it_is_back() -> None:
    flow = outbound(CALL_HIM)
    live(flow, *RINGING)
    assert orders(go_on(flow, (3.0, CallHeld(1003.0)))) == [StopSpeaking("1")]
    assert flow.deadline == 31.0, "it rings on meanwhile"
    assert orders(go_on(flow, (5.0, CallResumed(1005.0)))) == [Speak("2", RING, 0, lead_in=0.4)]


@pytest.mark.parametrize(
    ("language", "frequencies", "cadence"),
    [
        ("en", (440, 480), (2.0, 4.0)),
        ("en-US", (440, 480), (2.0, 4.0)),
        ("en_GB", (400, 450), (0.4, 0.2, 0.4, 2.0)),
        ("EN-gb", (400, 450), (0.4, 0.2, 0.4, 2.0)),
        ("de", *RECOMMENDED),
        ("de-AT", (420,), (1.0, 5.0)),
        ("zh-Hans-CN", (450,), (1.0, 4.0)),
        ("pt-BR", *RECOMMENDED),
        ("pt", (425,), (1.0, 5.0)),
        ("en-u-ca-gregory", (440, 480), (2.0, 4.0)),
        ("tlh", *RECOMMENDED),
        ("", *RECOMMENDED),
    ],
)
def test_how_it_rings_in_a_country(language: str, frequencies: tuple[int, ...], cadence: tuple[float, ...]) -> None:
    assert ringing(language) == (frequencies, cadence)
    script = ringback(language)
    assert script[0] == Tone(frequencies, cadence[0])
    assert script[1] == Silence(cadence[1])
    assert LONGEST <= sum(piece.seconds for piece in script if isinstance(piece, Tone | Silence)) < LONGEST + 6


# --- who ends the talk ------------------------------------------------------------------------------------------------


def test_the_second_party_may_be_gone_before_the_two_are_connected() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *RINGING, PICKED_UP, second(6.05, CallEnded(1006.05, cause=16, by_callee=True)))
    assert orders(done)[-2:] == [Connect(1), Part()], "the first may be there already"
    done = go_on(flow, CONNECTED, (6.2, PartiesParted(1006.2)))
    assert orders(done) == [Speak("2", flow.scripts[1], 0, lead_in=BREATH)]


def test_both_end_when_the_first_party_hangs_up_while_the_second_rings() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *RINGING, (4.0, CallEnded(1004.0, cause=16, by_callee=True)))
    assert orders(done)[-2:] == [StopSpeaking("1"), HangUpSecond(1)]
    assert not flow.over
    done = go_on(flow, second(4.2, CallEnded(1004.2, cause=0)))
    assert [(told.class_, told.ended_by) for told in ends_of_second(done)] == [(OutcomeClass.CANCELED, "plan")]
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, "callee")


def test_both_end_when_the_first_party_hangs_up_while_they_talk() -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *TALKING, (9.0, CallEnded(1009.0, cause=16, by_callee=True)))
    assert orders(done)[-1] == HangUpSecond(1)
    done = go_on(flow, second(9.2, CallEnded(1009.2, cause=16)))
    assert [(told.class_, told.ended_by) for told in ends_of_second(done)] == [(OutcomeClass.COMPLETED, "plan")]
    assert outcome(flow).ended_by == "callee"


def test_the_end_of_a_second_party_that_nobody_saw_holds_no_call_open() -> None:
    flow = outbound(CALL_HIM)
    live(flow, *TALKING, (9.0, CallEnded(1009.0, cause=16, by_callee=True)))
    done = go_on(flow, (9.0 + END_OF_CHANNEL, PASSES))
    assert reports(done)[0] == ActionFailed(
        None, "end_not_seen", "Asterisk did not say that the second channel is gone"
    )
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.COMPLETED]
    assert outcome(flow).class_ is OutcomeClass.COMPLETED


def test_when_asterisk_is_lost_both_legs_are() -> None:
    flow = outbound(CALL_HIM)
    done = live(flow, *TALKING, (9.0, CallEnded(1009.0, fault=Fault.ASTERISK_LOST)))
    done += go_on(flow, second(9.0, CallEnded(1009.0, fault=Fault.ASTERISK_LOST)))
    assert [told.reason for told in ends_of_second(done)] == ["asterisk_lost"]
    assert outcome(flow).reason == "asterisk_lost"


def test_the_talk_has_a_limit_also_between_two_parties() -> None:
    flow = outbound(CALL_HIM, max_duration=60.0)
    done = live(flow, *TALKING, (61.0, PASSES))
    assert orders(done)[-2:] == [HangUp(OwnAction.MAX_DURATION), HangUpSecond(1)]
    done = go_on(flow, (61.1, CallEnded(1061.1, cause=16)))
    assert not flow.over, "the second one is still there"
    done = go_on(flow, second(61.2, CallEnded(1061.2, cause=16)))
    assert [told.reason for told in ends_of_second(done)] == ["max_duration"]
    assert outcome(flow).reason == "max_duration"


def test_a_call_that_came_in_goes_on_when_its_talk_was_too_long() -> None:
    flow = inbound(CALL_HIM, max_duration=60.0)
    assert orders(live(flow, *TALKING, (61.0, PASSES)))[-2:] == [Release(), HangUpSecond(1)]


def test_a_hang_up_by_request_ends_both_legs_while_the_second_rings() -> None:
    flow = inbound(CALL_HIM)
    done = live(flow, *RINGING, (4.0, HangupAsked(1004.0, OwnAction.HANG_UP_BY_API)))
    assert orders(done)[-3:] == [StopSpeaking("1"), HangUp(OwnAction.HANG_UP_BY_API), HangUpSecond(1)]
    done = go_on(flow, second(4.1, CallAnswered(1004.1)), second(4.2, CallEnded(1004.2)))
    assert [(told.class_, told.ended_by) for told in ends_of_second(done)] == [(OutcomeClass.CANCELED, "api")]
    assert not flow.over, "the first one is still there"
    go_on(flow, FIRST_GONE)
    assert outcome(flow).ended_by == "api"


def test_a_second_party_that_is_being_called_off_is_not_hung_up_twice() -> None:
    flow = outbound(CALL_HIM)
    done = live(flow, *RINGING, (31.0, PASSES), (31.1, HangupAsked(1031.1, OwnAction.HANG_UP_BY_API)))
    assert orders(done).count(HangUpSecond(1)) == 1
    done = go_on(flow, second(31.2, CallEnded(1031.2, cause=19)))
    assert [told.class_ for told in ends_of_second(done)] == [OutcomeClass.NO_ANSWER], "the first reason stands"


# --- the media leg ----------------------------------------------------------------------------------------------------


def test_two_who_talk_do_not_need_the_media_leg() -> None:
    flow = outbound(CALL_HIM, BYE)
    assert orders(live(flow, *TALKING, (7.0, MediaLost(1007.0))))[-1] == Connect(1)
    assert orders(go_on(flow, SECOND_GONE)) == [Part()]
    assert orders(go_on(flow, PARTED)) == [Speak("2", flow.scripts[1], 0, lead_in=BREATH)], "there was another leg"


def test_who_can_not_be_taken_back_to_a_media_leg_goes_on_in_the_dialplan() -> None:
    flow = inbound(CALL_HIM, BYE)
    live(flow, *TALKING, (7.0, MediaLost(1007.0)), SECOND_GONE)
    done = go_on(flow, (20.1, MediaLost(1020.1)))
    assert orders(done) == [Release()]
    assert reports(done) == [ActionFailed(None, "media_lost", "the media leg was lost")]
    go_on(flow, (20.2, CallReleased(1020.2)))
    assert outcome(flow).reason == "media_lost"


@pytest.mark.parametrize("until", [3, 4, 6], ids=["ringing", "connecting", "parting"])
def test_without_the_media_leg_nobody_can_be_moved(until: int) -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *(*TALKING, SECOND_GONE)[:until], (21.0, MediaLost(1021.0)))
    assert HangUp(None) in orders(done)
    assert ActionFailed(None, "media_lost", "the media leg was lost") in reports(done)
    assert (HangUpSecond(1) in orders(done)) is (until < 6)


@pytest.mark.parametrize(
    ("told", "at", "code"),
    [((*RINGING, PICKED_UP), 6.0, "not_connected"), ((*TALKING, SECOND_GONE), 20.0, "not_parted")],
)
def test_a_move_that_nobody_confirms_ends_the_call(told: tuple[Told, ...], at: float, code: str) -> None:
    flow = outbound(CALL_HIM, BYE)
    done = live(flow, *told, (at + TO_MOVE, PASSES))
    assert HangUp(None) in orders(done)
    assert [report.code for report in reports(done) if isinstance(report, ActionFailed)] == [code]
    assert flow.ending.fault is Fault.MEDIA_LOST
