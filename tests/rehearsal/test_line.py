"""The line alone: what it tells, and that no order of orders breaks it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import Stream
from otpvoice.core.compile import sending_seconds
from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitReceived,
    DigitsSent,
    Happening,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
    SpeakingFinished,
    SpeakingStarted,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.media import Disconnected, StreamStatus
from otpvoice.core.outcome import Ending, classify
from otpvoice.core.result import Result
from otpvoice.media.playout import Piece
from otpvoice.rehearsal.callee import QUIET
from otpvoice.rehearsal.line import RehearsalLine
from otpvoice.rehearsal.numbers import ANYBODY, TABLE
from otpvoice.rehearsal.playing import SPEED
from otpvoice.rehearsal.scripts import CalleeScript, PicksUp, RingsOn
from tests.rehearsal.virtual import BEGAN, in_no_time, now, timers

RESULT: Final = Result(classify(Ending(answered=True)), delivered=None)
LONG: Final = 1000.0
"""Seconds after which a callee has done all that it will ever do."""


class Told:
    """A line whose every word is taken down."""

    def __init__(self, script: CalleeScript = ANYBODY) -> None:
        self.events: list[Happening] = []
        self.line = RehearsalLine(script, wall=now)
        self.line.listen(self.events.append)

    async def answered(self) -> None:
        await self.line.dial()
        await asyncio.sleep(0.045)  # it has answered, and its patience is not yet over
        assert isinstance(self.events[-1], CallAnswered)
        self.events.clear()


def audio(seconds: float, index: int | None = None) -> Piece:
    return Piece(b"a" * round(8000 * seconds), index)


def told(script: CalleeScript, story: Callable[[Told], Awaitable[Any]], after: float = LONG) -> list[Happening]:
    """Return what an answered call tells, from the answer on."""

    async def whole() -> list[Happening]:
        call = Told(script)
        await call.answered()
        await story(call)
        await asyncio.sleep(after)
        return call.events

    return in_no_time(whole())


# --- speech -----------------------------------------------------------------------------------------------------------


def test_what_is_spoken_is_confirmed_piece_by_piece_and_in_time() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(1.0), audio(2.0, 0), audio(3.0), audio(4.0, 2), audio(0.2)))

    began = BEGAN + 0.045
    ats = [event.at - began for event in told(PicksUp(), story) if not isinstance(event, OnSecond)]
    assert ats == pytest.approx([0.0, 3.0 / SPEED, 10.0 / SPEED, 10.2 / SPEED])


def test_the_words_are_those_of_a_media_leg() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(0.5), audio(0.5, 0), audio(0.5, 1)))

    started, first, second, finished = told(PicksUp(), story)
    assert isinstance(started, SpeakingStarted)
    assert started.utterance_id == "1"
    assert started.seconds == pytest.approx(1.5)
    for index, piece in enumerate((first, second)):
        assert isinstance(piece, PiecePlayed)
        assert (piece.utterance_id, piece.index) == ("1", index)
    assert isinstance(finished, SpeakingFinished)
    assert (finished.utterance_id, finished.cut) == ("1", False)


def test_nothing_is_soon_spoken() -> None:
    events = told(PicksUp(), lambda call: call.line.speak("1", ()))
    assert [type(event) for event in events] == [SpeakingStarted, SpeakingFinished]


def test_utterances_wait_for_each_other() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(1.0, 0),))
        await call.line.speak("2", (audio(1.0, 0),))

    finished = [event for event in told(ANYBODY, story) if isinstance(event, SpeakingFinished)]
    assert [event.utterance_id for event in finished] == ["1", "2"]
    assert finished[1].at - finished[0].at == pytest.approx(1.0 / SPEED)


def test_a_stop_cuts_what_is_spoken_and_what_waits() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(1.0, 0), audio(60.0, 1)))
        await call.line.speak("2", (audio(1.0, 0),))
        await asyncio.sleep(1.5 / SPEED)
        await call.line.stop()
        await call.line.stop()

    events = told(PicksUp(), story)
    assert [type(event) for event in events] == [SpeakingStarted, SpeakingStarted, PiecePlayed, *[SpeakingFinished] * 2]
    assert [(event.utterance_id, event.cut) for event in events if isinstance(event, SpeakingFinished)] == [
        ("1", True),
        ("2", True),
    ]


def test_after_a_stop_there_can_be_speech_again() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(60.0, 0),))
        await call.line.stop()
        await call.line.speak("2", (audio(1.0, 0),))

    *_, played, finished = told(PicksUp(), story)
    assert isinstance(played, PiecePlayed)
    assert isinstance(finished, SpeakingFinished)
    assert (finished.utterance_id, finished.cut) == ("2", False)


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_pressed_once_each_time_it_gets_quiet() -> None:
    async def story(call: Told) -> None:
        for utterance in "123":
            await call.line.speak(utterance, (audio(1.0, 0),))
            await asyncio.sleep(1.0)

    events = told(PicksUp(keys=("4", "56")), story)
    assert "".join(event.digit for event in events if isinstance(event, DigitReceived)) == "45656"


def test_one_who_is_spoken_to_again_at_once_waits() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(1.0, 0),))
        await asyncio.sleep(1.0 / SPEED + QUIET / 2)
        await call.line.speak("2", (audio(1.0, 0),))

    events = told(ANYBODY, story)
    assert [type(event) for event in events].count(DigitReceived) == 1
    assert isinstance(events[-1], DigitReceived)


def test_a_key_is_in_no_repr() -> None:
    events = told(PicksUp(keys=("7",)), lambda call: call.line.stop())
    (pressed,) = events
    assert isinstance(pressed, DigitReceived)
    assert "7" not in repr(pressed).split(", at=")[0]


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_hang_up_cuts_what_is_spoken_and_is_the_last_word() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(60.0, 0),))
        await call.line.hang_up(RESULT)
        await call.line.speak("2", (audio(1.0, 0),))
        await call.line.dial()
        await call.line.hang_up(RESULT)
        await call.line.part()

    *_, finished, ended = told(ANYBODY, story)
    assert isinstance(finished, SpeakingFinished)
    assert finished.cut
    assert isinstance(ended, CallEnded)
    assert (ended.cause, ended.sip_status, ended.by_callee, ended.fault) == (16, None, False, None)


def test_a_callee_that_hangs_up_hears_no_more() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(1.0, 0), audio(1.0, 1), audio(1.0, 2)))
        await asyncio.sleep(2.0)
        assert timers() == 0

    events = told(PicksUp(hangs_up_after=2), story)
    assert [type(event) for event in events] == [SpeakingStarted, PiecePlayed, PiecePlayed, CallEnded]
    ended = events[-1]
    assert isinstance(ended, CallEnded)
    assert ended.by_callee


@pytest.mark.parametrize("order", ["hang_up", "release"])
def test_whoever_is_hung_up_before_it_is_dialled_never_is(order: str) -> None:
    async def story() -> list[Happening]:
        call = Told()
        await getattr(call.line, order)(RESULT)
        await call.line.dial()
        await asyncio.sleep(LONG)
        return call.events

    (ended,) = in_no_time(story())
    assert isinstance(ended, CallEnded)
    assert (ended.cause, ended.by_callee) == (None, False)


def test_nothing_is_told_after_the_close() -> None:
    async def story(call: Told) -> None:
        await call.line.speak("1", (audio(60.0, 0),))
        await call.line.dial_second(1, "+12025550188", None, 20.0)
        before = len(call.events)
        assert timers() == 2
        await call.line.close()
        assert timers() == 0
        await call.line.hang_up(RESULT)
        await call.line.hang_up_second(1)
        await call.line.hang_up_second(2)
        await call.line.dial_second(3, "+12025550188", None, 20.0)
        await asyncio.sleep(LONG)
        assert len(call.events) == before

    told(ANYBODY, story)


def test_what_is_said_and_done_before_the_answer_keeps_nobody_from_it() -> None:
    async def story() -> list[Happening]:
        call = Told()
        await call.line.dial()
        await call.line.speak("1", (audio(60.0, 0),))
        await call.line.part()
        await call.line.stop()
        await asyncio.sleep(LONG)
        return call.events

    assert [type(event) for event in in_no_time(story())] == [
        CallDialed,
        OriginateAccepted,
        SpeakingStarted,
        PartiesParted,
        SpeakingFinished,
        CallProgressed,
        CallAnswered,
        DigitReceived,
    ]


def test_a_ringing_phone_is_told_of_once_and_rings_for_as_long_as_it_may() -> None:
    async def story() -> list[Happening]:
        call = Told(RingsOn())
        await call.line.dial()
        await call.line.dial()
        await asyncio.sleep(LONG)
        return call.events

    assert [type(event) for event in in_no_time(story())] == [CallDialed, OriginateAccepted, CallProgressed]


# --- second parties ---------------------------------------------------------------------------------------------------


def test_a_second_party_outlives_the_first_until_it_is_hung_up() -> None:
    async def story(call: Told) -> None:
        await call.line.dial_second(1, "+12025550188", None, 20.0)
        await call.line.hang_up(RESULT)
        call.events.clear()
        await call.line.hang_up_second(1)
        await call.line.dial_second(2, "+12025550188", None, 20.0)
        await call.line.hang_up_second(3)

    events = told(PicksUp(), story)
    assert [(event.number, type(event.event)) for event in events if isinstance(event, OnSecond)] == [
        (1, CallEnded),
        (2, CallEnded),  # nobody is there any more to talk with
        (3, CallEnded),  # nor was it ever called
    ]


def test_nobody_is_connected_who_is_not_there() -> None:
    async def story(call: Told) -> None:
        await call.line.connect(1)
        await call.line.dial_second(1, "+12025550120", None, 20.0)
        await call.line.connect(1)

    assert not [event for event in told(PicksUp(), story) if isinstance(event, PartiesConnected)]


def test_nobody_presses_keys_for_what_is_said_while_two_talk() -> None:
    async def story(call: Told) -> None:
        await call.line.dial_second(1, "+12025550188", None, 20.0)
        await call.line.speak("1", (audio(2.0),))  # until it has answered
        await asyncio.sleep(0.1)
        await call.line.connect(1)
        assert isinstance(call.events[-1], PartiesConnected)
        await call.line.speak("2", (audio(1.0, 0),))

    assert not [event for event in told(ANYBODY, story) if isinstance(event, DigitReceived)]


# --- keys that we press -----------------------------------------------------------------------------------------------


def test_keys_that_reach_nobody_take_their_time() -> None:
    (sent,) = told(PicksUp(), lambda call: call.line.send_digits("12w#"))
    assert isinstance(sent, DigitsSent)
    assert sent.at - BEGAN - 0.045 == pytest.approx(sending_seconds("12w#"))


def test_other_keys_are_pressed_instead_of_those_that_are_on_their_way() -> None:
    async def story(call: Told) -> None:
        await call.line.send_digits("1234567890")
        await call.line.send_digits("1")

    assert len(told(PicksUp(), story)) == 1


@pytest.mark.parametrize("end", ["hang_up", "close"])
def test_the_end_of_the_call_ends_the_pressing(end: str) -> None:
    async def story(call: Told) -> None:
        await call.line.send_digits("12")
        await ORDERS[end](call.line, 1)
        await call.line.send_digits("3")
        assert timers() == 0

    assert not [event for event in told(PicksUp(), story) if isinstance(event, DigitsSent)]


# --- any order --------------------------------------------------------------------------------------------------------

ORDERS: dict[str, Callable[[RehearsalLine, int], Awaitable[None]]] = {
    "dial": lambda line, _: line.dial(),
    "answer": lambda line, _: line.answer(),
    "report": lambda line, _: line.report(RESULT),
    "release": lambda line, _: line.release(RESULT),
    "hang_up": lambda line, _: line.hang_up(RESULT),
    "speak": lambda line, n: line.speak(f"{n}", [audio(0.3, index) for index in range(n % 5)]),
    "silence": lambda line, n: line.speak(f"{n}", [audio(1.0)]),
    "stop": lambda line, _: line.stop(),
    "send_digits": lambda line, _: line.send_digits("1#"),
    "sample": lambda line, _: line.sample(),
    "dial_second": lambda line, n: line.dial_second(n % 3, TABLE[n % len(TABLE)].number, None, 20.0),
    "hang_up_second": lambda line, n: line.hang_up_second(n % 3),
    "connect": lambda line, n: line.connect(n % 3),
    "part": lambda line, _: line.part(),
    "close": lambda line, _: line.close(),
}
USUAL = st.sampled_from(["dial", "speak", "speak", "stop", "dial_second", "connect", "part", "hang_up_second"])
STORY = st.lists(
    st.tuples(st.one_of(USUAL, USUAL, st.sampled_from(sorted(ORDERS))), st.sampled_from([0.0, 0.03, 0.2, 2.0])),
    max_size=25,
)


@given(script=st.sampled_from([*(row.script for row in TABLE), ANYBODY]), story=STORY)
def test_in_any_order_it_ends_once_and_nothing_follows(script: CalleeScript, story: list[tuple[str, float]]) -> None:
    async def whole() -> list[Happening]:
        call = Told(script)
        closed: int | None = None
        for number, (order, then) in enumerate([("dial", 0.1), *story, ("hang_up", 0.0)]):
            if order == "close" and closed is None:
                closed = len(call.events)
            await ORDERS[order](call.line, number)
            await asyncio.sleep(then)
        await asyncio.sleep(LONG)
        assert closed in (None, len(call.events)), "after a close nobody is told"
        assert closed is not None or any(isinstance(event, CallEnded) for event in call.events)
        return call.events

    assert_whole([event for event in in_no_time(whole()) if not isinstance(event, OnSecond)])


def assert_whole(events: list[Happening]) -> None:
    """Each thing in its place: dialled, answered and ended once; a piece and an end for speech that began."""
    kinds = Counter(type(event) for event in events)
    for once in (CallDialed, OriginateAccepted, CallProgressed, CallAnswered, CallEnded):
        assert kinds[once] <= 1
    assert not kinds[CallEnded] or isinstance(events[-1], CallEnded)
    speaking: list[str] = []
    answered = False
    for event in events:
        match event:
            case SpeakingStarted(utterance_id=utterance_id):
                speaking.append(utterance_id)
            case PiecePlayed(utterance_id=utterance_id):
                assert speaking[0] == utterance_id
            case SpeakingFinished(utterance_id=utterance_id):
                assert speaking.pop(0) == utterance_id
            case CallAnswered():
                answered = True
            case DigitReceived():
                assert answered
                assert not speaking
            case _:
                assert not isinstance(event, OnSecond)


@given(story=STORY)
def test_in_any_order_each_second_party_ends_at_most_once_and_nothing_follows(story: list[tuple[str, float]]) -> None:
    async def whole() -> list[Happening]:
        call = Told(PicksUp())
        for number, (order, then) in enumerate([("dial", 0.1), ("dial_second", 0.1), *story]):
            await ORDERS[order](call.line, number)
            await asyncio.sleep(then)
        await asyncio.sleep(LONG)
        return call.events

    events = in_no_time(whole())
    for number in range(3):
        told_of = [event.event for event in events if isinstance(event, OnSecond) and event.number == number]
        kinds = Counter(type(event) for event in told_of)
        assert all(count == 1 for count in kinds.values())
        assert not kinds[CallEnded] or isinstance(told_of[-1], CallEnded)
    connected = [event for event in events if isinstance(event, PartiesConnected | PartiesParted)]
    assert not connected or any(isinstance(event, CallAnswered) for event in events)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_is_told_as_begun_and_ended_and_counts_nothing() -> None:
    async def story(call: Told) -> None:
        call.line.start_stream(1, Stream("wss://example.com/ear", "twilio"))
        call.line.stop_stream(1)
        call.line.stop_stream(1)  # once more is nothing
        call.line.stop_stream(2)  # one that never was, neither

    began, ended = told(PicksUp(), story)
    assert isinstance(began, StreamStarted)
    assert isinstance(ended, StreamEnded)
    assert (began.report.status, began.report.host) == (StreamStatus.CONNECTED, "example.com")
    assert (ended.report.status, ended.report.disconnected_by) == (StreamStatus.COMPLETED, Disconnected.PLAN)
    assert (ended.report.frames_sent, ended.report.bytes_sent) == (0, 0)


def test_one_that_talks_is_over_at_once() -> None:
    async def story(call: Told) -> None:
        call.line.start_stream(1, Stream("wss://example.com/bot", "twilio", mode="talk"))

    _, ended = told(PicksUp(), story)
    assert isinstance(ended, StreamEnded)
    assert ended.report.disconnected_by is Disconnected.PEER


def test_what_runs_at_the_end_is_ended_with_the_call() -> None:
    ends: list[StreamEnded] = []

    async def story(call: Told) -> None:
        call.line.start_stream(1, Stream("wss://example.com/ear", "twilio"))
        call.line.start_stream(2, Stream("wss://example.com/ear", "twilio", name="other"))
        call.line.stop_stream(1)
        ends.extend(call.line.end_streams(Disconnected.CALL))

    told(PicksUp(), story)
    assert [(ended.number, ended.report.disconnected_by) for ended in ends] == [
        (1, Disconnected.PLAN),
        (2, Disconnected.CALL),
    ]
