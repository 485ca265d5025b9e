"""The driver of one call, with ports that are lists: what it does in which order, and what our own faults lead to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.core import asking
from otpvoice.core import flow as flow_module
from otpvoice.core.actions import Action, Dial, Gather, Hangup, Say, SayCode, SendDigits, StopStream, Stream
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    DigitReceived,
    DigitsCollected,
    DigitsNotSent,
    DigitsSent,
    Event,
    HangupAsked,
    Happening,
    Instructed,
    OnSecond,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
    SpeakingFinished,
    SpeakingStarted,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.core.outcome import Fault, OwnAction
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord, State
from otpvoice.core.result import Result
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Prepared, Script, SpeechUnavailable
from otpvoice.media.playout import Piece
from otpvoice.session import BACKLOG, LEAD_OUT, CallSession, NoAnswer
from otpvoice.session import driver as module
from otpvoice.session import sounds as sounds_module

LOCALES = Locales(
    [
        Locale(
            tag="en",
            code="Your code is: {code}",
            code_with_brand="Your {brand} code is: {code}",
            again="Again:",
            capital="capital {letter}",
            gate="Press {key}.",
            gate_any="Press a key.",
            gate_failure="Goodbye.",
            replay="Again by {key}.",
            choose="English by {key}.",
            star="star",
            pound="pound",
            digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
            letters={},
            voices={},
        )
    ]
)
OUT = Piece(b"\xff" * round(LEAD_OUT * 8000))
"""What follows all that is said."""
ASK = Gather(DigitRules(max_digits=1, first_digit_timeout=30.0))
"""Waits long enough for anything else to end the call."""


class Clock:
    """The loop's, since the session's timers run on it; the wall's is made up."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return 1000.0


class Line:
    """A callee who answers, hears, and is gone when we hang up. ``on`` replaces what a command does."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.results: list[Result] = []
        self.reported: list[Result] = []
        self.spoken: list[tuple[str, tuple[Piece, ...]]] = []
        self.streams: dict[int, StreamReport] = {}
        self.on: dict[str, Callable[[], Any]] = {}
        self.tell: Callable[[Happening], None] = lambda _: None

    def listen(self, tell: Callable[[Happening], None], /) -> None:
        self.did.append("listen")
        self.tell = tell

    async def _do(self, command: str, else_: Callable[[], None] = lambda: None) -> None:
        self.did.append(command)
        result = self.on.get(command, else_)()
        if asyncio.iscoroutine(result):
            await result

    async def dial(self) -> None:
        def answered() -> None:
            for event in (CallDialed(1001.0), CallProgressed(1002.0, ringing=True), CallAnswered(1003.0)):
                self.tell(event)

        await self._do("dial", answered)

    async def speak(self, utterance_id: str, pieces: Sequence[Piece], /) -> None:
        def played() -> None:
            self.tell(SpeakingStarted(utterance_id, 1004.0, 0.1))
            for piece in pieces:
                if piece.index is not None:
                    self.tell(PiecePlayed(utterance_id, piece.index, 1005.0))
            self.tell(SpeakingFinished(utterance_id, 1006.0, cut=False))

        self.spoken.append((utterance_id, tuple(pieces)))
        await self._do("speak", played)

    async def send_digits(self, digits: str, /) -> None:
        await self._do(f"send {digits}", lambda: self.tell(DigitsSent(1004.0)))

    async def send_digits_to_second(self, number: int, digits: str, /) -> None:
        await self._do(f"send {digits} to {number}", lambda: self.tell(OnSecond(number, DigitsSent(1004.0))))

    def start_stream(self, number: int, order: Stream, /) -> None:
        def started() -> None:
            report = replace(report_of(order), status=StreamStatus.CONNECTED, started_at=1004.0)
            self.streams[number] = report
            self.tell(StreamStarted(number, report, 1004.0))

        self.did.append(f"stream {number}")
        self.on.get(f"stream {number}", started)()

    def stop_stream(self, number: int, /) -> None:
        self.did.append(f"stop_stream {number}")
        self.tell(self._over(number, Disconnected.PLAN))

    def end_streams(self, by: Disconnected, /) -> list[StreamEnded]:
        return [self._over(number, by) for number in self.streams]

    def _over(self, number: int, by: Disconnected) -> StreamEnded:
        if (report := self.streams[number]).disconnected_by is None:
            report = replace(report, status=StreamStatus.COMPLETED, disconnected_by=by, ended_at=1006.0)
            self.streams[number] = report
        return StreamEnded(number, report, 1006.0)

    async def stop(self) -> None:
        await self._do("stop")

    async def answer(self) -> None:
        await self._do("answer", lambda: self.tell(CallAnswered(1003.0)))

    async def report(self, result: Result, /) -> None:
        self.reported.append(result)

    async def release(self, result: Result, /) -> None:
        self.results.append(result)
        await self._do("release", lambda: self.tell(CallReleased(1007.0)))

    async def dial_second(self, number: int, to: str, caller_id: str | None, ring_timeout: float, /) -> None:
        def answered() -> None:
            self.tell(OnSecond(number, CallAnswered(1008.0)))

        await self._do(f"dial_second {number} {to} {caller_id} {ring_timeout:g}", answered)

    async def hang_up_second(self, number: int, /) -> None:
        await self._do(f"hang_up_second {number}", lambda: self.tell(OnSecond(number, CallEnded(1010.0, cause=16))))

    async def connect(self, number: int, /) -> None:
        await self._do(f"connect {number}", lambda: self.tell(PartiesConnected(1009.0)))

    async def part(self) -> None:
        await self._do("part", lambda: self.tell(PartiesParted(1011.0)))

    async def hang_up(self, result: Result, /) -> None:
        self.results.append(result)
        await self._do("hang_up", lambda: self.tell(CallEnded(1007.0, cause=16)))

    async def sample(self) -> None:
        await self._do("sample")

    async def close(self) -> None:
        await self._do("close")


class Voice:
    def __init__(self) -> None:
        self.prepared: list[Script] = []
        self.on_prepare: Callable[[Script], Any] = lambda script: None

    async def prepare(self, script: Script, /) -> Prepared:
        self.prepared.append(script)
        result = self.on_prepare(script)
        if asyncio.iscoroutine(result):
            result = await result
        if isinstance(result, Prepared):
            return result
        return Prepared(tuple(bytes([65 + index]) * 800 for index in range(len(script))) if result is None else result)

    async def prepare_all(self, scripts: Sequence[Script], /) -> Sequence[Prepared]:
        return await asyncio.gather(*map(self.prepare, scripts))

    def silence(self, seconds: float, /) -> bytes:
        return b"\xff" * round(seconds * 8000)


class Asker:
    """Somebody with these answers, one after the other, and then with none; a function finds one, or takes its time."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[CallRecord] = []

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        self.asked.append(record)
        answer = self.answers.pop(0) if self.answers else ()
        if callable(answer):
            answer = await answer(record)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, tuple)
        return answer


class Call:
    """A session with everything around it."""

    def __init__(self, *actions: Action, asker: Asker | None = None, **changes: Any) -> None:
        given: dict[str, Any] = {"lead_in": 0.0, "tail": 0.0} | changes
        plan = CallPlan("+15550100", None, "default", "en", actions or (Say("Hello."),), **given)
        flow = CallFlow(plan, LOCALES)
        self.record = CallRecord(
            "call_1", "default", "test", plan, flow.proof, node="one", instance="a", created_at=1000.0
        )
        self.line, self.voice = Line(), Voice()
        self.followed: list[tuple[Event, State]] = []
        self.session = CallSession(
            flow=flow,
            record=self.record,
            line=self.line,
            voice=self.voice,
            clock=Clock(),
            follow=self.follow,
            asker=asker,
        )

    def follow(self, record: CallRecord, event: Event) -> None:
        assert record is self.record
        self.followed.append((event, record.state))

    @property
    def commands(self) -> list[str]:
        return [word for word in self.line.did if word not in ("listen", "sample", "close")]

    async def run(self) -> tuple[str, str | None, str]:
        async with asyncio.timeout(5):
            assert await self.session.run() is self.record
            await self.session.close()
        assert self.record.state is State.ENDED
        outcome = self.record.outcome
        assert outcome is not None
        return outcome.class_.value, outcome.reason, outcome.ended_by.value


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, "END_OF_CHANNEL", 0.05)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0)


def breaks(message: str = "a fault of ours") -> Callable[..., Any]:
    def break_it(*_: object) -> None:
        raise RuntimeError(message)

    return break_it


# --- what it does -----------------------------------------------------------------------------------------------------


async def test_a_call_from_its_plan_to_its_end() -> None:
    call = Call(Say("One."), Say("Two."))
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "speak", "speak", "hang_up"]
    assert [type(event) for event, _ in call.followed] == [
        CallDialed,
        CallProgressed,
        CallAnswered,
        SpeakingStarted,
        PiecePlayed,
        SpeakingFinished,
        ActionCompleted,
        SpeakingStarted,
        PiecePlayed,
        SpeakingFinished,
        ActionCompleted,
        CallEnded,
    ]
    assert call.record.errors == []


async def test_whoever_follows_hears_of_what_the_record_knows_already() -> None:
    call = Call()
    await call.run()
    states = {type(event): state for event, state in call.followed}
    assert states[CallDialed] is State.DIALING
    assert states[CallProgressed] is State.RINGING
    assert states[CallAnswered] is State.ANSWERED


async def test_a_stream_ends_before_its_call_does() -> None:
    call = Call(Stream("wss://example.com/ear", "twilio"), Say("One."))
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "stream 1", "speak", "hang_up"]
    [(ended, state)] = [(event, state) for event, state in call.followed if isinstance(event, StreamEnded)]
    assert (ended.report.disconnected_by, state) == (Disconnected.CALL, State.ANSWERED)
    assert call.record.to_json()["media"] == [ended.report.to_json()]


async def test_a_stream_that_was_stopped_is_told_of_once() -> None:
    call = Call(Stream("wss://example.com/ear", "twilio"), Say("One."), StopStream(), Say("Two."))
    await call.run()
    assert call.commands == ["dial", "stream 1", "speak", "stop_stream 1", "speak", "hang_up"]
    [ended] = [event for event, _ in call.followed if isinstance(event, StreamEnded)]
    assert ended.report.disconnected_by is Disconnected.PLAN


async def test_a_shutdown_is_what_ends_a_stream_then() -> None:
    call = Call(Stream("wss://example.com/ear", "twilio"), ASK)
    call.line.on["stream 1"] = lambda: call.session.hang_up(OwnAction.SHUTDOWN)
    call.line.streams[1] = report_of(Stream("wss://example.com/ear", "twilio"))
    await call.run()
    assert call.record.streams[1].disconnected_by is Disconnected.US


async def test_all_sound_is_made_before_anybody_is_rung() -> None:
    call = Call(Say("One."), Gather(DigitRules(max_digits=1, first_digit_timeout=0.01), prompt=(Say("Two."),)))
    call.line.on["dial"] = lambda: call.line.tell(CallEnded(1001.0, sip_status=486))
    assert await call.run() == ("busy", None, "callee")
    assert len(call.voice.prepared) == 2


async def test_speech_is_the_lead_in_the_pieces_of_the_script_and_what_pushes_them_out() -> None:
    call = Call(Say("Twice.", times=2, gap=0.5), lead_in=0.25)
    await call.run()
    [(_, pieces)] = call.line.spoken
    assert pieces == (Piece(b"\xff" * 2000), Piece(b"A" * 800, 0), Piece(b"B" * 800), Piece(b"C" * 800, 2), OUT)


async def test_after_a_hold_speech_is_taken_up_where_it_makes_sense() -> None:
    call = Call(Say("Twice.", times=2, gap=0.5))

    def held() -> None:
        if len(call.line.spoken) == 1:
            call.line.tell(SpeakingStarted("1", 1004.0, 1.0))
            call.line.tell(PiecePlayed("1", 0, 1005.0))
            call.line.tell(CallHeld(1005.1))
            call.line.tell(CallResumed(1006.0))
        else:
            call.line.tell(SpeakingFinished("2", 1008.0, cut=False))

    call.line.on["speak"] = held
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "speak", "stop", "speak", "hang_up"]
    assert call.line.spoken[1][1] == (Piece(b"C" * 800, 2), OUT)


async def test_deadlines_are_kept() -> None:
    call = Call(ring_timeout=0.05)
    call.line.on["dial"] = lambda: call.line.tell(CallProgressed(1001.0, ringing=True))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await call.run() == ("no_answer", None, "timeout")
    assert 0.04 < loop.time() - began < 0.5
    assert call.commands == ["dial", "hang_up"]


async def test_a_channel_whose_end_is_not_told_is_not_waited_for_for_ever() -> None:
    call = Call()
    call.line.on["hang_up"] = lambda: None
    assert await call.run() == ("completed", None, "plan")
    assert [error["code"] for error in call.record.errors] == ["end_not_seen"]


async def test_quality_is_sampled_after_each_action_and_while_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_EVERY", 0.02)
    call = Call(Say("One."), Gather(DigitRules(max_digits=1, first_digit_timeout=0.15)))
    await call.run()
    samples = call.line.did.count("sample")
    assert 4 <= samples <= 9
    assert call.line.did.index("sample") > call.line.did.index("speak")
    await asyncio.sleep(0.05)
    assert call.line.did.count("sample") == samples, "and not after its end"


async def test_the_line_is_let_go_of_when_asked() -> None:
    call = Call()
    await call.session.run()
    assert "close" not in call.line.did
    await call.session.close()
    assert call.line.did[-1] == "close"


async def test_what_is_told_after_the_end_is_nobodys_business() -> None:
    call = Call()
    await call.run()
    followed = len(call.followed)
    for _ in range(BACKLOG + 10):
        call.session.tell(CallProgressed(1009.0, ringing=True))
    call.session.hang_up(OwnAction.HANG_UP_BY_API)
    assert len(call.followed) == followed
    assert call.record.outcome is not None


# --- a channel that was handed to us ----------------------------------------------------------------------------------


async def test_a_channel_is_answered_and_goes_on_with_the_result() -> None:
    ask = Gather(DigitRules(max_digits=2))
    call = Call(ask, inbound=True, goes_on=True)

    def answered() -> None:
        call.line.tell(CallAnswered(1003.0))
        for key in "42":
            call.line.tell(DigitReceived(key, 1004.0))

    call.line.on["answer"] = answered
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["answer", "release"]
    (result,) = call.line.results
    (so_far,) = call.line.reported
    assert so_far.collected == result.collected, "told when the gather was over, and again at the end"
    assert (result.outcome, result.delivered) == (call.record.outcome, None)
    assert result.collected is not None
    assert result.collected.keys.reveal() == "42"


async def test_a_channel_whose_words_can_not_be_made_is_not_answered_and_goes_on() -> None:
    call = Call(inbound=True, goes_on=True)

    def silent(_: Script) -> None:
        raise SpeechUnavailable("no_voice")

    call.voice.on_prepare = silent
    assert await call.run() == ("failed", "speech_unavailable", "us")
    assert call.commands == ["release"]
    (result,) = call.line.results
    assert (result.outcome.class_.value, result.outcome.reason) == ("failed", "speech_unavailable")


async def test_where_the_making_of_its_sound_is_stopped_nobody_is_rung() -> None:
    call = Call()

    def stopped(_: Script) -> None:
        raise asyncio.CancelledError

    call.voice.on_prepare = stopped
    assert await call.run() == ("failed", "speech_unavailable", "us")
    assert "dial" not in call.commands


async def test_who_calls_it_off_while_the_sound_is_made_does_not_wait_for_the_sound() -> None:
    call = Call()
    begun = asyncio.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.Event().wait()

    call.voice.on_prepare = lambda _: forever()
    running = asyncio.create_task(call.run())
    await begun.wait()
    call.session.hang_up(OwnAction.HANG_UP_BY_API)
    assert await running == ("canceled", None, "api")
    assert "dial" not in call.commands


async def test_what_no_voice_could_say_is_in_the_summary() -> None:
    call = Call(Say("Hello."), SayCode(OtpCode("482")))

    def prepared(script: Script) -> Prepared:
        read_out = any(isinstance(item, CodeCharacter) for item in script)
        return Prepared((b"\x55" * 800,) * len(script), left_out=frozenset(("words", "brand") if read_out else ()))

    call.voice.on_prepare = prepared
    call.line.on["dial"] = lambda: call.session.hang_up(OwnAction.HANG_UP_BY_API)
    assert call.record.to_json()["speech"]["left_out"] == []
    await call.run()
    assert call.record.to_json()["speech"]["left_out"] == ["brand", "words"]


@pytest.mark.parametrize(
    ("of_words", "of_code", "told"),
    [
        (None, None, None),
        ("flite", None, "flite"),
        (None, "espeak", "espeak"),
        ("flite", "espeak", "espeak"),
    ],
)
async def test_who_stood_in_for_a_voice_is_known_before_it_rings_and_who_reads_the_code_counts(
    of_words: str | None, of_code: str | None, told: str | None
) -> None:
    call = Call(Say("Hello."), SayCode(OtpCode("482")))
    known: list[Any] = []

    def dialled() -> None:
        known.append(call.record.to_json()["speech"]["fallback"])
        for event in (CallDialed(1001.0), CallAnswered(1003.0)):
            call.line.tell(event)

    call.line.on["dial"] = dialled

    def prepared(script: Script) -> Prepared:
        read_out = any(isinstance(item, CodeCharacter) for item in script)
        return Prepared((b"\x55" * 800,) * len(script), of_code if read_out else of_words)

    call.voice.on_prepare = prepared
    await call.run()
    assert call.record.to_json()["speech"]["fallback"] == told
    assert known == [told]


async def test_who_stands_in_for_the_words_of_an_answer_is_told_too() -> None:
    call = asked(asker=Asker((Say("Two."),)))
    call.voice.on_prepare = lambda script: Prepared(
        (b"\x55" * 800,) * len(script), "espeak" if len(call.voice.prepared) > 1 else None
    )
    await call.run()
    assert call.record.to_json()["speech"]["fallback"] == "espeak"


async def test_sound_that_is_not_ready_in_time_rings_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds_module, "READY_WITHIN", 0.01)
    call = Call()
    call.voice.on_prepare = lambda _: asyncio.Event().wait()
    assert await call.run() == ("failed", "speech_unavailable", "us")
    assert [error["code"] for error in call.record.errors] == ["not_ready_in_time"]
    assert "dial" not in call.commands


async def test_a_call_that_is_not_carried_to_its_end_has_one_all_the_same() -> None:
    call = Call()
    call.session.give_up(OwnAction.SHUTDOWN)
    outcome = call.record.outcome
    assert outcome is not None
    assert (outcome.class_.value, outcome.reason) == ("canceled", "shutdown")


async def test_who_hangs_up_while_the_sound_is_made_is_not_answered() -> None:
    call = Call(inbound=True, goes_on=True)
    call.voice.on_prepare = lambda _: call.session.tell(CallEnded(1002.0, by_callee=True))
    _, _, ended_by = await call.run()
    assert ended_by == "callee"
    assert call.commands == []


async def test_a_channel_is_let_go_of_when_we_stop_before_it_was_answered() -> None:
    call = Call(inbound=True, goes_on=True)
    call.voice.on_prepare = lambda _: call.session.hang_up(OwnAction.SHUTDOWN)
    assert await call.run() == ("canceled", "shutdown", "us")
    assert call.commands == ["release"]


async def test_a_fault_of_ours_sends_the_channel_on() -> None:
    call = Call(inbound=True, goes_on=True)
    call.line.on["speak"] = breaks()
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands == ["answer", "speak", "release"]


async def test_a_fault_in_the_flow_itself_still_ends_in_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call()
    monkeypatch.setattr(CallFlow, "receive", breaks())
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands == ["dial", "hang_up"]


async def test_a_second_party_is_called_connected_and_parted_from() -> None:
    call = Call(Dial("+15550101", "+15550199", ring_timeout=20.0))
    call.line.on["connect 1"] = lambda: (
        call.line.tell(PartiesConnected(1009.0)),
        call.line.tell(OnSecond(1, CallEnded(1010.0, cause=16, by_callee=True))),
    )
    assert await call.run() == ("completed", None, "plan")
    words = [word for word in call.commands if word not in ("speak", "stop")]
    assert words == ["dial", "dial_second 1 +15550101 +15550199 20", "connect 1", "part", "hang_up"]
    leg = call.record.to_json()["legs"][-1]
    assert (leg["from"], leg["to"]) == ("+15550199", "+15550101")


async def test_an_extension_is_pressed_at_the_second_party() -> None:
    call = Call(Dial("+15550101", ring_timeout=20.0, digits="12#"))
    call.line.on["connect 1"] = lambda: (
        call.line.tell(PartiesConnected(1009.0)),
        call.line.tell(OnSecond(1, CallEnded(1010.0, cause=16, by_callee=True))),
    )
    assert await call.run() == ("completed", None, "plan")
    words = [word for word in call.commands if word not in ("speak", "stop")]
    assert words[2:5] == ["send 12# to 1", "connect 1", "part"]


# --- keys that we press -----------------------------------------------------------------------------------------------


async def test_keys_are_pressed_and_the_plan_goes_on() -> None:
    call = Call(SendDigits("1"), Say("One."))
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "send 1", "speak", "hang_up"]


async def test_keys_that_asterisk_does_not_press_are_told_and_the_plan_goes_on() -> None:
    call = Call(SendDigits("1" * 64), Say("One."))
    call.line.on["send " + "1" * 64] = lambda: call.line.tell(DigitsNotSent(1004.0))
    assert await call.run() == ("completed", None, "plan")
    assert [error["code"] for error in call.record.errors] == ["digits_not_sent"]
    assert call.commands[-2:] == ["speak", "hang_up"]


# --- asking -----------------------------------------------------------------------------------------------------------


def asked(*actions: Action, asker: Asker | None, fallback: tuple[Action, ...] = (), **changes: Any) -> Call:
    """Return a call whose plan somebody is asked to go on with."""
    webhook = Webhook("https://shop.example/next", interactive=True, timeout=1.0, fallback=fallback)
    return Call(*(actions or (Say("One."),)), asker=asker, webhook=webhook, **changes)


async def test_what_is_answered_is_made_and_said() -> None:
    asker = Asker((Say("Two."), Say("Three.")), (Hangup(),))
    call = asked(asker=asker)
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "speak", "speak", "speak", "hang_up"]
    assert asker.asked == [call.record] * 2
    assert len(call.voice.prepared) == 3
    assert call.record.errors == []


async def test_whoever_is_asked_was_told_by_what_and_the_record_knows_it() -> None:
    collected: list[int] = []

    async def look(record: CallRecord) -> tuple[Action, ...]:
        collected.append(len(record.collected))
        return ()

    call = asked(ASK, asker=Asker(look))
    call.line.on["dial"] = lambda: (call.line.tell(CallAnswered(1003.0)), call.line.tell(DigitReceived("4", 1004.0)))
    assert await call.run() == ("completed", None, "plan")
    assert [type(event.report) for event, _ in call.followed if isinstance(event, Asked)] == [DigitsCollected]
    assert collected == [1]


async def test_a_script_that_was_made_is_not_made_again() -> None:
    call = asked(asker=Asker((Say("One."),), (Say("One."), Say("Two."))))
    await call.run()
    assert len(call.voice.prepared) == 2
    assert call.commands.count("speak") == 4


async def test_who_does_not_say_what_comes_next_has_the_fallback_said() -> None:
    call = asked(asker=Asker(NoAnswer("not_answered", "the webhook did not say")), fallback=(Say("Sorry."),))
    assert await call.run() == ("completed", None, "plan")
    assert len(call.voice.prepared) == 2
    assert call.commands == ["dial", "speak", "speak", "hang_up"]
    assert call.record.errors == [{"code": "not_answered", "message": "the webhook did not say", "action": None}]


async def test_an_answer_that_can_not_be_spoken_is_none() -> None:
    call = asked(asker=Asker((Say("Two."), Say("Three."))), fallback=(Say("Sorry."),))

    def no_more(script: Script) -> None:
        if len(call.voice.prepared) > 2:
            raise SpeechUnavailable("engine_missing")

    call.voice.on_prepare = no_more
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "speak", "speak", "hang_up"], "the fallback was made ahead"
    assert call.record.errors == [{"code": "speech_unavailable", "message": "engine_missing", "action": None}]


async def test_where_there_is_nobody_to_ask_the_fallback_is_said() -> None:
    call = asked(asker=None, fallback=(Say("Sorry."),))
    assert await call.run() == ("completed", None, "plan")
    assert call.commands == ["dial", "speak", "speak", "hang_up"]
    assert [error["code"] for error in call.record.errors] == ["nobody_to_ask"]


@pytest.mark.parametrize(
    "answer",
    [RuntimeError("a fault of the asker"), (SayCode(OtpCode("482"), template="Your code"),)],
    ids=["raises", "breaks a rule that it should have checked"],
)
async def test_an_asker_that_breaks_ends_the_call_and_leaves_nobody_in_silence(answer: Any) -> None:
    call = asked(asker=Asker(answer), fallback=(Say("Sorry."),))
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands == ["dial", "speak", "hang_up"]


async def test_an_answer_that_comes_late_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TO_PREPARE", -1.0 + 0.02)
    late = asyncio.Event()

    async def answer(_: CallRecord) -> tuple[Action, ...]:
        await late.wait()
        return (Say("Two."),)

    call = asked(asker=Asker(answer), fallback=(ASK,))
    running = asyncio.create_task(call.run())
    await until(lambda: bool(call.record.errors))
    assert [error["code"] for error in call.record.errors] == ["answer_late"]
    late.set()
    await until(lambda: any(isinstance(event, Instructed) for event, _ in call.followed))
    call.session.hang_up(OwnAction.HANG_UP_BY_API)
    assert await running == ("completed", None, "api")
    assert call.commands == ["dial", "speak", "hang_up"]


async def test_nobody_is_waited_for_who_is_asked_when_the_call_ends() -> None:
    asker = Asker(lambda _: asyncio.Event().wait())
    call = asked(asker=asker)
    running = asyncio.create_task(call.run())
    await until(lambda: bool(asker.asked))
    call.line.tell(CallEnded(1009.0, cause=16, by_callee=True))
    assert await running == ("completed", None, "callee")
    assert call.commands == ["dial", "speak"]


async def test_quality_is_sampled_after_an_action_by_which_somebody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_EVERY", 60.0)
    sampled = asyncio.Event()

    async def answer(_: CallRecord) -> tuple[Action, ...]:
        await sampled.wait()
        return ()

    call = asked(asker=Asker(answer))
    call.line.on["sample"] = sampled.set
    assert await call.run() == ("completed", None, "plan")


async def test_a_dialplan_is_told_at_once_of_keys_by_which_somebody_is_asked() -> None:
    call = asked(ASK, asker=Asker(), inbound=True, goes_on=True)
    call.line.on["answer"] = lambda: (call.line.tell(CallAnswered(1003.0)), call.line.tell(DigitReceived("4", 1004.0)))
    assert await call.run() == ("completed", None, "plan")
    (so_far,) = call.line.reported
    assert so_far.collected is not None
    assert so_far.collected.keys.reveal() == "4"


# --- hanging up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (OwnAction.HANG_UP_BY_API, ("completed", None, "api")),
        (OwnAction.SHUTDOWN, ("completed", "shutdown", "us")),
    ],
)
async def test_a_call_is_hung_up_by_request(by: OwnAction, expected: tuple[str, str | None, str]) -> None:
    call = Call(ASK)
    running = asyncio.create_task(call.run())
    await until(lambda: call.record.state is State.ANSWERED)
    call.session.hang_up(by)
    assert await running == expected
    assert call.commands == ["dial", "hang_up"]


async def test_an_order_that_hangs_can_be_hung_up_and_is_waited_for_by_nobody_but_the_line() -> None:
    """Asterisk may be frozen: the summary is there, and what became of the order is still looked after."""
    call = Call()
    ordered = asyncio.Event()
    call.line.on["dial"] = ordered.wait
    running = asyncio.create_task(call.session.run())
    await until(lambda: "dial" in call.line.did)
    call.session.hang_up(OwnAction.HANG_UP_BY_API)
    await running
    assert call.record.outcome is not None
    assert call.record.outcome.class_.value == "canceled"
    closing = asyncio.create_task(call.session.close())
    await asyncio.sleep(0.02)
    assert call.line.did == ["listen", "dial", "hang_up"]
    ordered.set()
    await closing
    assert call.line.did[-1] == "close"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (HangupAsked(1000.0, OwnAction.HANG_UP_BY_API), ("canceled", None, "api")),
        (HangupAsked(1000.0, OwnAction.SHUTDOWN), ("canceled", "shutdown", "us")),
        (CallEnded(1000.0, fault=Fault.ASTERISK_LOST), ("failed", "asterisk_lost", "asterisk")),
    ],
)
async def test_a_call_that_is_called_off_during_preparation_rings_nobody(
    event: Happening, expected: tuple[str, str | None, str]
) -> None:
    call = Call()
    call.voice.on_prepare = lambda script: call.session.tell(event)
    assert await call.run() == expected
    assert "dial" not in call.commands, "the line is told to hang up, and knows that nothing was ordered"
    assert call.followed[0][0] == event
    assert call.record.dialed_at is None


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_speech_that_can_not_be_made_rings_nobody() -> None:
    def unavailable(script: Script) -> None:
        raise SpeechUnavailable("engine_missing")

    call = Call()
    call.voice.on_prepare = unavailable
    assert await call.run() == ("failed", "speech_unavailable", "us")
    assert "dial" not in call.commands, "the line is told to hang up, and knows that nothing was ordered"
    assert call.record.errors == [{"code": "speech_unavailable", "message": "engine_missing", "action": None}]
    assert [type(event) for event, _ in call.followed] == [ActionFailed, CallEnded]


@pytest.mark.parametrize("on_prepare", [breaks(), lambda script: [], lambda script: [b""] * 9])
async def test_a_voice_that_breaks_rings_nobody(on_prepare: Callable[[Script], Any]) -> None:
    """It raised what it must not, or gave more or fewer sounds than the script has items."""
    call = Call()
    call.voice.on_prepare = on_prepare
    assert await call.run() == ("failed", "internal_error", "us")
    assert "dial" not in call.commands


@pytest.mark.parametrize("command", ["dial", "speak", "stop", "sample"])
async def test_a_line_that_breaks_ends_the_call_and_leaves_nobody_in_silence(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAMPLE_EVERY", 0.01)
    call = Call(Say("One."), ASK)
    if command == "stop":
        call.line.on["speak"] = lambda: call.line.tell(CallHeld(1004.0))
    call.line.on[command] = breaks()
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands[-1] == "hang_up"


async def test_a_hang_up_that_breaks_still_ends_in_a_summary() -> None:
    call = Call()
    call.line.on["hang_up"] = breaks()
    class_, _, _ = await call.run()
    assert class_ == "completed", "our own hang-up decides"


async def test_a_follower_that_breaks_ends_the_call_and_leaves_nobody_in_silence() -> None:
    call = Call(ASK)
    follow = call.follow

    def break_at_the_answer(record: CallRecord, event: Event) -> None:
        follow(record, event)
        if isinstance(event, CallAnswered):
            raise RuntimeError("a fault of the follower")

    call.session._follow = break_at_the_answer
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands == ["dial", "hang_up"]


async def test_a_flood_of_events_ends_the_call_and_takes_no_memory() -> None:
    call = Call(ASK)

    def flood() -> None:
        for _ in range(10 * BACKLOG):
            call.line.tell(CallProgressed(1001.0, ringing=True))

    call.line.on["dial"] = flood
    assert await call.run() == ("failed", "internal_error", "us")
    assert call.commands == ["dial", "hang_up"]
    assert [error["code"] for error in call.record.errors] == ["flooded"]
    assert len(call.followed) <= BACKLOG + 2


async def test_a_flood_that_swallows_the_end_is_an_end_and_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(module.log, "error", lambda event, **_: logged.append(event), raising=False)
    call = Call(ASK)

    def flood() -> None:
        call.line.tell(CallAnswered(1003.0))
        for _ in range(BACKLOG):
            call.line.tell(CallProgressed(1004.0, ringing=True))
        call.line.tell(CallEnded(1005.0, cause=16))

    call.line.on["dial"] = flood
    call.line.on["hang_up"] = lambda: None
    assert await call.run() == ("failed", "internal_error", "us")
    assert logged == ["session.flooded"]


async def test_a_run_that_is_canceled_leaves_what_it_has_begun_to_be_finished() -> None:
    """The process ends: an order that was sent is still looked after."""
    call = Call()
    done: list[str] = []

    async def order() -> None:
        await asyncio.sleep(0.02)
        done.append("ordered")

    call.line.on["dial"] = order
    running = asyncio.create_task(call.session.run())
    await until(lambda: "dial" in call.line.did)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await call.session.close()
    assert done == ["ordered"]


async def test_what_happened_while_we_stood_still_comes_before_the_deadline_that_has_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key lay in its socket, and is taken in whole, however long what it leads to may last."""
    monkeypatch.setattr(module, "STOOD_STILL", 0.2)
    monkeypatch.setattr(module, "CAUGHT_UP", 0.3)
    rules = DigitRules(max_digits=1, first_digit_timeout=0.2)
    call = Call(Gather(rules, success=(Say("Thank you."),)))
    loop = asyncio.get_running_loop()
    cancelled: list[bool] = []

    def stand_still() -> None:
        time.sleep(0.6)
        loop.call_later(0.05, call.line.tell, DigitReceived("1", 1004.0))

    async def slowly() -> None:
        try:
            await asyncio.sleep(0.5)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        utterance_id, _ = call.line.spoken[-1]
        call.line.tell(SpeakingStarted(utterance_id, 1004.0, 0.1))
        call.line.tell(SpeakingFinished(utterance_id, 1006.0, cut=False))

    def answered() -> None:
        for event in (CallDialed(1001.0), CallAnswered(1003.0)):
            call.line.tell(event)
        loop.call_later(0.1, stand_still)

    call.line.on["dial"], call.line.on["speak"] = answered, slowly
    assert await call.run() == ("completed", None, "plan")
    assert [one["digits"] or one["count"] for one in call.record.collected] == [1]
    assert cancelled == []
