"""A second party behind an extension, and one that may talk for so long only: from the first second to the last."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.actions import Dial, Gather, Say
from otpvoice.core.commands import (
    Connect,
    DialSecond,
    HangUp,
    HangUpSecond,
    Part,
    SendDigitsToSecond,
    Speak,
    StopSpeaking,
)
from otpvoice.core.compile import KEY, LATE, TONE, WAIT
from otpvoice.core.dialing import END_OF_SECOND
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitReceived,
    DigitsNotSent,
    DigitsSent,
    HangupAsked,
    MediaLost,
    OfSecond,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    SecondEnded,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.ringback import LONGEST, ringback
from otpvoice.core.speaking import BREATH, SLACK_OF_SPEECH
from tests.core.stories import PASSES, Done, Told, go_on, inbound, live, orders, outbound, outcome, reports

SECOND: Final = "+15550177"
KEYS: Final = "w1#"
EXTENSION: Final = Dial(SECOND, ring_timeout=30.0, digits=KEYS)
SHORT: Final = Dial(SECOND, ring_timeout=30.0, max_duration=60.0)
BYE: Final = Say("Good bye.")
RING: Final = ringback("en")
PATIENCE: Final = WAIT + 2 * KEY + TONE + 2 * LATE


def second(now: float, event: OfSecond, number: int = 1) -> Told:
    return now, OnSecond(number, event)


ANSWERED: Final[Told] = (1.0, CallAnswered(1001.0))
RINGING: Final[tuple[Told, ...]] = (
    ANSWERED,
    (1.1, SpeakingStarted("1", 1001.1, LONGEST)),
    second(2.0, CallProgressed(1002.0, ringing=True)),
)
PICKED_UP: Final = second(6.0, CallAnswered(1006.0))
PRESSED: Final = second(7.0, DigitsSent(1007.0))
CONNECTED: Final[Told] = (7.1, PartiesConnected(1007.1))
GONE: Final = CallEnded(1020.0, cause=16, by_callee=True)
PARTED: Final[Told] = (70.1, PartiesParted(1070.1))


def failures(done: list[Done]) -> list[str]:
    return [report.code for report in reports(done) if isinstance(report, ActionFailed)]


def ends(done: list[Done]) -> list[tuple[str, str | None, str]]:
    told = [report.outcome for report in reports(done) if isinstance(report, SecondEnded)]
    return [(one.class_.value, one.reason, one.ended_by.value) for one in told]


# --- an extension -----------------------------------------------------------------------------------------------------


def test_keys_are_pressed_when_it_has_answered_and_then_the_two_hear_each_other() -> None:
    flow = outbound(EXTENSION, BYE)
    done = live(flow, *RINGING, PICKED_UP, PRESSED)
    assert done[1:] == [
        (1.0, DialSecond(1, SECOND, "+15550199", 30.0)),
        (1.0, Speak("1", RING, 0, lead_in=0.4)),
        (6.0, SendDigitsToSecond(1, KEYS)),  # and it rings on
        (7.0, StopSpeaking("1")),
        (7.0, Connect(1)),
    ]
    done = go_on(flow, CONNECTED, second(20.0, GONE), (20.1, PartiesParted(1020.1)))
    assert ActionCompleted(0, "dial", None) in reports(done)
    assert failures(done) == []


def test_what_is_pressed_is_printed_nowhere() -> None:
    assert KEYS not in f"{EXTENSION!r} {SendDigitsToSecond(1, KEYS)!r}"


def test_the_ringback_has_its_own_time_while_keys_are_pressed() -> None:
    flow = outbound(EXTENSION)
    live(flow, *RINGING, PICKED_UP)
    assert flow.deadline == pytest.approx(6.0 + PATIENCE)
    flow = outbound(EXTENSION)
    live(flow, ANSWERED, (1.1, SpeakingStarted("1", 1001.1, 0.5)), PICKED_UP)
    assert flow.deadline == pytest.approx(1.1 + 0.5 + SLACK_OF_SPEECH)


@pytest.mark.parametrize(
    "event",
    [
        DigitsSent(1006.5),
        DigitsNotSent(1006.5),
        OnSecond(2, DigitsSent(1006.5)),
        OnSecond(1, DigitReceived("1", 1006.5)),
        DigitReceived("1", 1006.5),
        PartiesConnected(1006.5),
    ],
    ids=["the first party's", "not the first party's", "another's", "one of its own", "one of the first's", "talk"],
)
def test_nothing_else_is_taken_for_keys_that_have_sounded(event: OnSecond | DigitsSent | DigitsNotSent) -> None:
    flow = outbound(EXTENSION)
    done = live(flow, *RINGING, PICKED_UP, (6.5, event))
    assert Connect(1) not in orders(done)
    assert orders(go_on(flow, PRESSED)) == [StopSpeaking("1"), Connect(1)]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (second(7.0, DigitsNotSent(1007.0)), "digits_not_sent"),
        ((6.0 + PATIENCE, PASSES), "digits_not_confirmed"),
    ],
)
def test_keys_that_could_not_be_pressed_part_nobody(told: Told, code: str) -> None:
    flow = outbound(EXTENSION)
    done = live(flow, *RINGING, PICKED_UP, told)
    assert failures(done) == [code]
    assert orders(done)[-2:] == [StopSpeaking("1"), Connect(1)]


def test_a_second_party_that_leaves_meanwhile_was_answered_and_the_plan_goes_on() -> None:
    flow = outbound(EXTENSION, BYE)
    done = live(flow, *RINGING, PICKED_UP, second(6.5, GONE))
    assert orders(done)[-3:] == [SendDigitsToSecond(1, KEYS), StopSpeaking("1"), Speak("2", flow.scripts[1], 0, BREATH)]
    assert ends(done) == [("completed", None, "callee")]
    assert ActionCompleted(0, "dial", None) in reports(done)


def test_nobody_is_waited_for_longer_than_it_may_ring_before_keys_are_pressed() -> None:
    flow = outbound(EXTENSION, BYE)
    done = live(flow, *RINGING, (31.0, PASSES), second(31.1, CallEnded(1031.1, cause=19)))
    assert SendDigitsToSecond(1, KEYS) not in orders(done)
    assert ends(done) == [("no_answer", None, "timeout")]


@pytest.mark.parametrize(
    "end",
    [
        (6.5, CallEnded(1006.5, cause=16, by_callee=True)),
        (6.5, HangupAsked(1006.5, OwnAction.HANG_UP_BY_API)),
        (6.5, MediaLost(1006.5)),
    ],
    ids=["the first hangs up", "by request", "no leg"],
)
def test_an_end_meanwhile_ends_both(end: Told) -> None:
    flow = outbound(EXTENSION, BYE)
    done = live(flow, *RINGING, PICKED_UP, end)
    assert HangUpSecond(1) in orders(done)
    go_on(flow, second(6.6, CallEnded(1006.6, cause=16)), (6.7, CallEnded(1006.7, cause=16)))
    assert flow.over


def test_a_first_party_on_hold_hears_the_ringback_again_while_keys_are_pressed() -> None:
    flow = outbound(EXTENSION)
    live(flow, *RINGING, PICKED_UP)
    assert orders(go_on(flow, (6.2, CallHeld(1006.2)), (6.4, CallResumed(1006.4)))) == [
        StopSpeaking("1"),
        Speak("2", RING, 0, lead_in=0.4),
    ]
    assert orders(go_on(flow, PRESSED)) == [StopSpeaking("2"), Connect(1)]


def test_a_ringback_that_is_over_leaves_the_pressing_as_it_is() -> None:
    flow = outbound(EXTENSION)
    live(flow, *RINGING, PICKED_UP, (6.5, SpeakingFinished("1", 1006.5, cut=False)))
    assert orders(go_on(flow, PRESSED)) == [Connect(1)]


# --- so long and no longer --------------------------------------------------------------------------------------------


def test_a_talk_that_has_a_limit_of_its_own_ends_by_us_and_the_plan_goes_on() -> None:
    flow = outbound(SHORT, BYE, max_duration=600.0)
    done = live(flow, *RINGING, PICKED_UP, CONNECTED, (67.1, PASSES))
    assert orders(done)[-1] == HangUpSecond(1)
    done = go_on(flow, second(67.3, CallEnded(1067.3, cause=16)))
    assert ends(done) == [("completed", "max_duration", "timeout")]
    assert orders(done) == [Part()]
    done = go_on(flow, PARTED)
    assert ActionCompleted(0, "dial", None) in reports(done)
    assert orders(done) == [Speak("2", flow.scripts[1], 0, BREATH)]
    assert not flow.over


def test_the_limit_counts_from_when_they_hear_each_other() -> None:
    flow = outbound(SHORT, max_duration=600.0)
    live(flow, *RINGING, PICKED_UP, CONNECTED)
    assert flow.deadline == pytest.approx(67.1)


def test_an_end_that_is_not_told_is_not_waited_for_for_ever() -> None:
    flow = outbound(SHORT, BYE, max_duration=600.0)
    done = live(flow, *RINGING, PICKED_UP, CONNECTED, (67.1, PASSES), (67.1 + END_OF_SECOND, PASSES))
    assert ends(done) == [("completed", "max_duration", "timeout")]
    assert orders(done)[-2:] == [HangUpSecond(1), Part()]


def test_who_leaves_before_the_limit_is_not_hung_up_and_nothing_comes_of_it_later() -> None:
    flow = outbound(SHORT, Gather(DigitRules(max_digits=1, first_digit_timeout=59.0)), max_duration=600.0)
    done = live(flow, *RINGING, PICKED_UP, CONNECTED, second(20.0, GONE), (20.1, PartiesParted(1020.1)))
    assert ends(done) == [("completed", None, "callee")]
    assert HangUpSecond(1) not in orders(done)
    assert flow.deadline == pytest.approx(79.1)


def test_the_limit_of_the_call_is_the_limit_of_both() -> None:
    flow = outbound(Dial(SECOND, max_duration=9999.0), max_duration=60.0)
    done = live(flow, *RINGING, PICKED_UP, CONNECTED, (61.0, PASSES))
    assert orders(done)[-2:] == [HangUp(OwnAction.MAX_DURATION), HangUpSecond(1)]


def test_an_asterisk_that_is_lost_while_we_hang_up_the_second_is_what_ended_the_call() -> None:
    flow = inbound(SHORT, max_duration=600.0)
    live(flow, *RINGING, PICKED_UP, CONNECTED, (67.1, PASSES))
    done = go_on(flow, (67.2, CallEnded(1067.2, fault=Fault.ASTERISK_LOST)))
    done += go_on(flow, second(67.2, CallEnded(1067.2, fault=Fault.ASTERISK_LOST)))
    assert ends(done) == [("completed", "max_duration", "timeout")], "it was hung up before"
    assert outcome(flow).reason == "asterisk_lost"
