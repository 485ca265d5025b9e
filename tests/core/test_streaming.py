"""Streams of a call's audio, beside its plan and in its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otpvoice.core.actions import Action, Gather, Hangup, Say, StopStream, Stream
from otpvoice.core.commands import HangUp, Speak, StartStream
from otpvoice.core.commands import StopStream as Stop
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    DigitReceived,
    KeyPressed,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.core.streams import MOST
from tests.core.stories import BEGAN, Done, Told, go_on, live, orders, outbound, pressed, reports

ANSWERED: Told = (1.0, CallAnswered(1001.0))
EAR = Stream("wss://example.com/ear?token=secret", "twilio", name="ear")
BOT = Stream("wss://example.com/bot", "exotel", name="bot", mode="talk", id="bot")
BYE = Say("Good bye.")


def report(order: Stream, status: StreamStatus = StreamStatus.COMPLETED, **changes: object) -> StreamReport:
    return replace(report_of(order), status=status, disconnected_by=Disconnected.PEER, **changes)  # type: ignore[arg-type]


def ended(at: float, number: int, order: Stream, **changes: object) -> Told:
    return at, StreamEnded(number, report(order, **changes), BEGAN + at)  # type: ignore[arg-type]


def answered(*actions: Action) -> tuple[CallFlow, list[Done]]:
    flow = outbound(*actions)
    return flow, live(flow, ANSWERED)


def test_a_stream_that_listens_runs_beside_the_plan() -> None:
    flow, done = answered(EAR, BYE)
    assert orders(done)[1:2] == [StartStream(1, EAR)]
    assert isinstance(orders(done)[2], Speak)
    assert reports(done) == [ActionCompleted(0, "stream", None)]
    assert go_on(flow, (1.2, StreamStarted(1, report_of(EAR), 1001.2))) == []


def test_it_ends_where_the_plan_says_so() -> None:
    _, done = answered(EAR, StopStream("ear"), BYE)
    assert orders(done)[1:3] == [StartStream(1, EAR), Stop(1)]
    assert reports(done) == [ActionCompleted(0, "stream", None), ActionCompleted(1, "stop_stream", None)]


@pytest.mark.parametrize("never", [StopStream("ear"), StopStream()])
def test_to_stop_what_does_not_run_is_no_error(never: StopStream) -> None:
    _, done = answered(never, Hangup())
    assert orders(done)[-1] == HangUp(by=orders(done)[-1].by)  # type: ignore[union-attr]
    assert [type(one) for one in reports(done)] == [ActionCompleted, ActionCompleted]


def test_several_run_at_once_and_a_name_can_come_again() -> None:
    other = replace(EAR, name="other")
    _, done = answered(EAR, other, StopStream("ear"), EAR, StopStream("other"), StopStream("ear"), BYE)
    assert orders(done)[1:7] == [
        StartStream(1, EAR),
        StartStream(2, other),
        Stop(1),
        StartStream(3, EAR),
        Stop(2),
        Stop(3),
    ]


def test_two_of_one_name_are_one_too_many() -> None:
    _, done = answered(EAR, EAR, BYE)
    assert [order for order in orders(done) if isinstance(order, StartStream)] == [StartStream(1, EAR)]
    assert ActionFailed(1, "stream_exists", "a stream of this name runs already") in reports(done)


def test_one_that_fails_is_an_error_of_its_action_and_the_plan_goes_on() -> None:
    flow, _ = answered(EAR, Gather(DigitRules(max_digits=1)), BYE)
    done = go_on(flow, ended(2.0, 1, EAR, status=StreamStatus.FAILED, error="refused"))
    assert reports(done) == [ActionFailed(0, "stream_failed", "the stream ear failed: refused")]
    assert orders(done) == []
    assert go_on(flow, ended(2.1, 1, EAR, status=StreamStatus.FAILED)) == [], "it was told"


def test_one_that_talks_has_the_callee_until_it_ends() -> None:
    flow, done = answered(BOT, BYE)
    assert orders(done)[1:] == [StartStream(1, BOT)]
    assert reports(done) == []
    done = go_on(flow, (2.0, StreamStarted(1, report_of(BOT), 1002.0)), ended(9.0, 1, BOT))
    assert reports(done) == [ActionCompleted(0, "stream", "bot")]
    assert isinstance(orders(done)[0], Speak)


def test_one_that_talks_and_fails_lets_the_plan_go_on() -> None:
    flow, _ = answered(BOT, BYE)
    done = go_on(flow, ended(9.0, 1, BOT, status=StreamStatus.FAILED, error="timeout"))
    assert reports(done) == [
        ActionFailed(0, "stream_failed", "the stream bot failed: timeout"),
        ActionCompleted(0, "stream", "bot"),
    ]
    assert isinstance(orders(done)[0], Speak)


def test_keys_meanwhile_are_the_other_sides() -> None:
    flow, _ = answered(BOT, Gather(DigitRules(max_digits=1), type_ahead="keep"), BYE)
    done = go_on(flow, *pressed(2.0, "4", "2"), ended(3.0, 1, BOT))
    assert [one for one in reports(done) if isinstance(one, KeyPressed)] == [KeyPressed(1002.0)] * 2
    # The gather that follows has nothing of them: it waits.
    assert not flow.over
    done = go_on(flow, (4.0, DigitReceived("7", 1004.0)))
    assert flow.collected is not None
    assert flow.collected.keys.reveal() == "7"


def test_the_limit_of_the_talk_ends_it_too() -> None:
    flow, _ = answered(BOT, BYE)
    assert flow.deadline == 1.0 + 180.0
    done = [(181.0, command) for command in flow.expire(181.0)]
    assert isinstance(orders(done)[0], HangUp)


def test_who_hangs_up_in_a_talk_has_ended_the_call() -> None:
    flow, _ = answered(BOT, BYE)
    go_on(flow, (5.0, CallEnded(1005.0, cause=16, by_callee=True)))
    assert flow.over


def test_what_a_trunk_streams_begins_with_the_answer_and_has_no_name() -> None:
    flow = outbound(StopStream("ear"), EAR, BYE, streams=(EAR,))
    done = live(flow, ANSWERED)
    assert orders(done)[1:3] == [StartStream(1, EAR), StartStream(2, EAR)]
    done = go_on(flow, ended(2.0, 1, EAR, status=StreamStatus.FAILED, error="refused"))
    assert reports(done) == [ActionFailed(None, "stream_failed", "the stream ear failed: refused")]


def test_a_report_shows_the_host_and_nothing_else_of_where_it_goes() -> None:
    shown = report_of(EAR).to_json()
    assert shown["host"] == "example.com"
    assert "secret" not in repr(shown)
    assert "secret" not in repr(EAR)
    assert (shown["status"], shown["duration_ms"]) == ("connecting", None)


@pytest.mark.parametrize("url", ["", "wss://[", "nonsense"])
def test_a_url_that_is_none_has_no_host(url: str) -> None:
    assert report_of(Stream(url, "twilio")).host == ""


def test_there_is_an_end_to_how_many_run_at_once() -> None:
    many = [replace(EAR, name=str(number)) for number in range(MOST + 1)]
    _, done = answered(*many, StopStream("0"), replace(EAR, name="last"), BYE)
    begun = [order.order.name for order in orders(done) if isinstance(order, StartStream)]
    assert begun == [*map(str, range(MOST)), "last"]
    assert ActionFailed(MOST, "too_many_streams", f"{MOST} streams run already") in reports(done)
