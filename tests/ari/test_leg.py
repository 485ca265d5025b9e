"""A media leg over the wire: what it writes, what it makes of what comes back, and that it can be cut short."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from otpvoice.ari import leg as module
from otpvoice.ari import socket as events_socket
from otpvoice.ari.leg import LegEvent, MediaLeg
from otpvoice.core.events import DigitReceived, MediaLost, PiecePlayed, SpeakingFinished, SpeakingStarted
from otpvoice.media import playout
from otpvoice.media.chan_websocket import MAX_COMMAND, MAX_MEDIA
from otpvoice.media.playout import Piece, Playout
from tests.ari.rig import FRAME, NUMBER, SILENCE, a_call_on, a_node, a_while, eventually, leg_channels
from tests.fakes import Call, FakeAsterisk
from tests.fakes import media_queue as fake_queue
from tests.fakes import media_socket as fake_socket
from tests.fakes.media_queue import FrameQueue
from tests.fakes.outbox import Outbox

SPEED = 40


class Talk:
    """A leg with a callee in its bridge; what the leg told, and what went over its socket."""

    def __init__(self, asterisk: FakeAsterisk, leg: MediaLeg) -> None:
        self.asterisk, self.leg = asterisk, leg
        self.told: list[LegEvent] = []
        leg.listener = self.told.append

    @property
    def call(self) -> Call:
        return self.asterisk.callee(NUMBER).call

    @property
    def queue(self) -> FrameQueue:
        return self.asterisk.leg(self.leg.channel_id).queue

    async def finished(self, utterance_id: str, within: float = 5.0) -> None:
        await eventually(
            lambda: any(isinstance(it, SpeakingFinished) and it.utterance_id == utterance_id for it in self.told),
            within,
        )

    def of(self, kind: type[LegEvent]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


class Wire:
    """Everything that the fake got over media sockets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.audio: list[int] = []
        self.flow: list[tuple[str, float]] = []
        self.commands: list[str] = []
        self.longest = 0
        self.pinged: list[Outbox] = []
        audio, tick, command, pong = FrameQueue.audio, FrameQueue.tick, fake_socket.command_of, Outbox.pong

        def spy_audio(queue: FrameQueue, message: bytes, at: float) -> Any:
            self.audio.append(len(message))
            events = audio(queue, message, at)
            self.flow += [("audio", at), *((event["event"], at) for event in events)]
            self.longest = max(self.longest, queue.length)
            return events

        def spy_tick(queue: FrameQueue, at: float) -> Any:
            frame, events = tick(queue, at)
            self.flow += [("XON", at) for event in events if event["event"] == "MEDIA_XON"]
            return frame, events

        def spy_command(text: str) -> Any:
            self.commands.append(text)
            return command(text)

        async def spy_pong(outbox: Outbox, payload: bytes) -> None:
            self.pinged.append(outbox)
            await pong(outbox, payload)

        monkeypatch.setattr(FrameQueue, "audio", spy_audio)
        monkeypatch.setattr(FrameQueue, "tick", spy_tick)
        monkeypatch.setattr(fake_socket, "command_of", spy_command)
        monkeypatch.setattr(Outbox, "pong", spy_pong)

    @property
    def names(self) -> list[str]:
        return [str(json.loads(text)["command"]) for text in self.commands]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


@pytest.fixture
async def talk(wire: Wire, asterisk: FakeAsterisk) -> AsyncIterator[Talk]:
    asterisk.callee(NUMBER).answers()
    async with a_node(asterisk) as node:
        leg = await node.pool.take(1.0)
        await a_call_on(node, leg)
        yield Talk(asterisk, leg)


@pytest.fixture
async def fast(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Talk]:
    """Forty seconds in one: what the ledger knows of time is scaled with the fake's clock."""
    monkeypatch.setattr(playout, "FRAME_SECONDS", 0.02 / SPEED)
    monkeypatch.setattr(playout, "MAX_WAITING", 60 / SPEED)
    monkeypatch.setattr(module, "Playout", partial(Playout, max_queued=playout.MAX_QUEUED / SPEED))
    async with FakeAsterisk(speed=SPEED) as asterisk:
        asterisk.callee(NUMBER).answers()
        async with a_node(asterisk) as node:
            leg = await node.pool.take(1.0)
            await a_call_on(node, leg)
            yield Talk(asterisk, leg)


def digits(count: int, seconds: float = 0.1) -> list[Piece]:
    """So many sounds, each of a byte of its own."""
    return [Piece(bytes([1 + i % 200]) * round(seconds * 8000), i) for i in range(count)]


def sound(pieces: list[Piece]) -> bytes:
    whole = b"".join(piece.audio for piece in pieces)
    return whole + SILENCE * (-len(whole) % FRAME)


# --- speaking ---------------------------------------------------------------------------------------------------------


async def test_what_is_spoken_is_heard_and_each_piece_is_told_when_it_was_played(talk: Talk) -> None:
    pieces = digits(4)
    await talk.leg.speak("u", pieces)
    await talk.finished("u")
    assert [type(event) for event in talk.told] == [SpeakingStarted, *[PiecePlayed] * 4, SpeakingFinished]
    assert [event.index for event in talk.of(PiecePlayed)] == [0, 1, 2, 3]
    times = [event.at for event in talk.of(PiecePlayed)]
    assert all(0.06 < later - earlier < 0.2 for earlier, later in pairwise(times))
    assert talk.of(SpeakingStarted)[0].seconds == pytest.approx(0.4)
    assert talk.call.audio == sound(pieces)


async def test_utterances_follow_each_other_without_a_gap(talk: Talk) -> None:
    await talk.leg.speak("a", digits(1))
    await talk.leg.speak("b", digits(1))
    await talk.finished("b")
    assert talk.call.audio == sound(digits(1)) * 2
    times = [heard.at for heard in talk.call.heard]
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.021


async def test_an_utterance_that_says_nothing_finishes(talk: Talk) -> None:
    await talk.leg.speak("u", [])
    await talk.finished("u")
    assert talk.call.audio == b""


async def test_a_minute_is_spoken_whole_and_never_more_than_twelve_seconds_wait_in_asterisk(
    fast: Talk, wire: Wire
) -> None:
    pieces = digits(60, seconds=1.003)  # no whole number of frames
    await fast.leg.speak("u", pieces)
    await fast.finished("u", within=10)
    assert fast.call.audio == sound(pieces)
    assert [event.index for event in fast.of(PiecePlayed)] == list(range(60))
    assert 500 < wire.longest <= 600
    assert fast.queue.dropped_messages == 0


async def test_nothing_that_is_written_is_too_long_for_asterisk(fast: Talk, wire: Wire) -> None:
    await fast.leg.speak("u", [Piece(b"\x01" * 8000 * 30 + b"\x02", 0)])
    await fast.finished("u", within=10)
    await fast.leg.speak("v", digits(3))
    await fast.leg.stop()
    assert await fast.leg.clean() is True
    assert max(wire.audio) <= MAX_MEDIA
    assert all(length % FRAME == 0 for length in wire.audio), "a rest would be dropped"
    assert max(len(text.encode()) for text in wire.commands) <= MAX_COMMAND
    assert fast.asterisk.complaints == []
    assert set(wire.names) == {"SET_MEDIA_DIRECTION", "MARK_MEDIA", "FLUSH_MEDIA", "GET_STATUS"}


async def test_media_sockets_are_never_pinged(
    wire: Wire, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_socket, "PING_EVERY", 0.02)
    async with a_node(asterisk) as node:
        leg = await node.pool.take(1.0)
        await leg.open()
        await eventually(lambda: len(wire.pinged) > 5)
        assert asterisk.leg(leg.channel_id).outbox not in wire.pinged


async def test_xoff_is_obeyed_and_xon_goes_on(fast: Talk, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve seconds never come near the real limits; these are so low that they are met."""
    monkeypatch.setattr(fake_queue, "XOFF_LEVEL", 150)
    monkeypatch.setattr(fake_queue, "XON_LEVEL", 100)
    pieces = digits(20, seconds=1.0)
    await fast.leg.speak("u", pieces)
    await fast.finished("u", within=10)
    assert fast.call.audio == sound(pieces)
    after: int | None = None
    for what, _ in wire.flow:
        match what:
            case "MEDIA_XOFF":
                after = 0
            case "XON":
                after = None
            case _ if after is not None:
                after += 1
                assert after <= 12, "the twelve seconds that may be on their way, and nothing after"
    assert [what for what, _ in wire.flow].count("XON") >= 2


# --- cutting short ----------------------------------------------------------------------------------------------------


async def test_what_is_cut_stops_at_once_and_is_not_played(talk: Talk) -> None:
    await talk.leg.speak("u", digits(20))
    await eventually(lambda: len(talk.of(PiecePlayed)) == 2)
    heard = len(talk.call.heard)
    await talk.leg.stop()
    assert talk.told[-1] == SpeakingFinished("u", talk.told[-1].at, cut=True)
    await eventually(lambda: talk.queue.length == 0)
    await talk.leg.speak("v", digits(1))
    await talk.finished("v")
    assert len(talk.call.heard) <= heard + 2 + 5, "two frames of the old, five of the new"
    assert [event.utterance_id for event in talk.of(PiecePlayed)] == ["u", "u", "v"]
    assert len(talk.of(SpeakingFinished)) == 2


async def test_a_key_that_crosses_the_flush_is_heard(talk: Talk) -> None:
    await talk.leg.speak("u", digits(20))
    talk.asterisk.faults.digit_in_mid_flush(talk.call, "5")
    await talk.leg.stop()
    await eventually(lambda: talk.of(DigitReceived))
    assert [event.digit for event in talk.of(DigitReceived)] == ["5"]


async def test_a_mark_that_crosses_the_flush_proves_nothing(talk: Talk) -> None:
    """Asterisk confirms a piece in the moment in which we throw it away."""
    await talk.leg.speak("u", digits(3))
    mark = json.dumps({"event": "MEDIA_MARK_PROCESSED", "correlation_id": "1"})
    outbox = talk.asterisk.leg(talk.leg.channel_id).outbox
    assert outbox is not None
    talk.asterisk.faults.at_command("FLUSH_MEDIA", lambda leg: outbox.send(mark))
    await talk.leg.stop()
    await talk.leg.speak("v", digits(1))
    await talk.finished("v")
    assert [event.utterance_id for event in talk.of(PiecePlayed)] == ["v"]


async def test_stopping_what_does_not_speak_does_nothing(talk: Talk, wire: Wire) -> None:
    await talk.leg.stop()
    await talk.leg.speak("u", digits(1))
    await talk.finished("u")
    await talk.leg.stop()
    assert "FLUSH_MEDIA" not in wire.names
    assert len(talk.of(SpeakingFinished)) == 1


# --- proof ------------------------------------------------------------------------------------------------------------


async def test_a_lost_mark_is_no_proof_and_the_next_still_is(talk: Talk) -> None:
    talk.asterisk.faults.lose_marks("2")
    await talk.leg.speak("u", digits(3))
    await talk.finished("u")
    assert [event.index for event in talk.of(PiecePlayed)] == [0, 2]


async def test_what_asterisk_drops_is_not_played_though_it_confirms_it(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond its limit whole messages vanish, and the marks behind them still come back: too early."""
    monkeypatch.setattr(fake_queue, "QUEUE_MAX", 10)
    await talk.leg.speak("u", digits(6))
    await talk.finished("u")
    # How many is a matter of when Asterisk's timer ticks. What counts: as many as were dropped are not proven.
    dropped = talk.queue.dropped_messages
    assert dropped >= 2
    assert [event.index for event in talk.of(PiecePlayed)] == list(range(6 - dropped))


# --- hearing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "off"), [(0.1, 0.1), (0.04, 0.02)])
async def test_keys_are_exact_however_fast_they_come(fast: Talk, on: float, off: float) -> None:
    await fast.call.press("1234567890*#77", on=on, off=off)
    await eventually(lambda: len(fast.of(DigitReceived)) >= 14)
    assert "".join(event.digit for event in fast.of(DigitReceived)) == "1234567890*#77"


@pytest.mark.parametrize("text", ["{", "[]", '{"event": "NEW"}', '{"event": "STATUS"}', '{"event": "ERROR"}', '"x"'])
async def test_what_nobody_understands_is_left(talk: Talk, text: str) -> None:
    outbox = talk.asterisk.leg(talk.leg.channel_id).outbox
    assert outbox is not None
    outbox.send(text)
    outbox.send(b"\x01" * FRAME)  # the callee's voice
    await talk.leg.speak("u", digits(1))
    await talk.finished("u")
    assert not talk.leg.lost


# --- listening --------------------------------------------------------------------------------------------------------


class Ears:
    """Takes down what was heard, and what became of what was pushed."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.story: list[tuple[str, int]] = []
        self.pushed_audio = b""

    def hear(self, audio: bytes, now: float) -> None:
        assert abs(asyncio.get_running_loop().time() - now) < 0.1
        self.heard.append(audio)

    def pushed(self, audio: bytes, now: float) -> None:
        self.pushed_audio += audio
        self.story.append(("pushed", len(audio) // FRAME))

    def synced(self, queued_frames: int, now: float) -> None:
        self.story.append(("synced", queued_frames))

    def flushed(self, now: float) -> None:
        self.story.append(("flushed", 0))

    def words(self) -> list[str]:
        return [word for word, _ in self.story]


def voice(count: int, first: int = 1) -> list[bytes]:
    return [bytes([first + number % 100]) * FRAME for number in range(count)]


async def test_what_is_said_is_heard_while_somebody_listens(talk: Talk) -> None:
    ears = Ears()
    talk.leg.ear = ears.hear
    talk.call.say(b"".join(voice(10)))
    await eventually(lambda: not talk.call._speech)
    assert ears.heard == [], "we only send"
    await talk.leg.listen(True)
    talk.call.say(b"".join(voice(10)))
    await eventually(lambda: len(ears.heard) == 10)
    assert ears.heard == voice(10)
    await talk.leg.listen(True)
    await talk.leg.listen(False)
    await a_while(0.05)
    talk.call.say(b"".join(voice(10)))
    await eventually(lambda: not talk.call._speech)
    assert len(ears.heard) == 10


async def test_listening_is_remembered_until_it_is_opened_and_no_longer_than_the_call(
    asterisk: FakeAsterisk, wire: Wire
) -> None:
    asterisk.callee(NUMBER).answers()
    async with a_node(asterisk, legs_minimum=1, legs_maximum=1) as node:
        [only] = leg_channels(asterisk)
        for listens in (True, False):
            leg = await node.pool.take(1.0)
            await leg.listen(listens)
            channel = await a_call_on(node, leg, f"call-{listens}")
            assert json.loads(wire.commands[-1]) == {
                "command": "SET_MEDIA_DIRECTION",
                "direction": "both" if listens else "out",
            }
            await channel.hang_up()
            await node.pool.give_back(leg)
        assert leg_channels(asterisk) == [only], "it was clean each time"


async def test_keys_come_once_while_somebody_listens(talk: Talk) -> None:
    await talk.leg.listen(True)
    talk.leg.ear = Ears().hear
    await talk.call.press("123", on=0.04, off=0.04)
    await eventually(lambda: len(talk.of(DigitReceived)) >= 3)
    assert "".join(event.digit for event in talk.of(DigitReceived)) == "123"


async def test_no_frame_of_one_call_reaches_another(asterisk: FakeAsterisk) -> None:
    """Two who speak without a pause are answered in turn, over the only leg."""
    async with a_node(asterisk, legs_minimum=1, legs_maximum=1) as node:
        [only] = leg_channels(asterisk)
        for turn in range(10):
            asterisk.callee(NUMBER).anew().answers()
            leg, ears = await node.pool.take(1.0), Ears()
            leg.ear = ears.hear
            leg.watch = ears
            await leg.listen(True)
            channel = await a_call_on(node, leg, f"call-{turn}")
            asterisk.callee(NUMBER).call.say(b"".join(voice(1, 1 + turn)) * 200)
            await leg.speak("u", digits(3))
            await eventually(lambda: len(ears.heard) >= 3)  # noqa: B023
            assert set(ears.heard) == set(voice(1, 1 + turn))
            await channel.hang_up()
            await node.pool.give_back(leg)
            count, told = len(ears.heard), len(ears.story)
            assert {vars(leg)[name] for name in ("ear", "watch", "listener", "listening")} <= {None, False}
            await a_while(0.03)
            assert (len(ears.heard), len(ears.story)) == (count, told)
        assert leg_channels(asterisk) == [only], "it was clean each time"


@pytest.mark.parametrize("opened", [True, False], ids=["that spoke", "of a snoop"])
async def test_what_is_on_its_way_when_a_leg_is_returned_reaches_nobody(
    asterisk: FakeAsterisk, *, opened: bool
) -> None:
    async with a_node(asterisk, legs_minimum=1, legs_maximum=1) as node:
        leg = await node.pool.take(1.0)
        leg.expect_guest()
        if opened:
            await leg.listen(True)
            await leg.open()
        leg.expect_nobody()
        outbox = asterisk.leg(leg.channel_id).outbox
        assert outbox is not None
        for audio in voice(20):
            outbox.send(audio)
        await node.pool.give_back(leg)
        another, ears = await node.pool.take(1.0), Ears()
        assert another is leg
        another.ear = ears.hear
        await a_while(0.05)
        assert ears.heard == []


# --- what is pushed, and what becomes of it ---------------------------------------------------------------------------


async def test_what_is_pushed_is_watched_and_each_mark_says_what_still_waits(talk: Talk) -> None:
    ears = Ears()
    talk.leg.watch = ears
    pieces = digits(4)
    await talk.leg.speak("u", pieces)
    assert ears.story == [("pushed", 5)] * 4
    await talk.finished("u")
    assert ears.story[4:] == [("synced", 15), ("synced", 10), ("synced", 5), ("synced", 0)]
    assert ears.pushed_audio == sound(pieces)


async def test_who_watches_is_told_what_was_thrown_away(talk: Talk) -> None:
    ears = Ears()
    talk.leg.watch = ears
    await talk.leg.stop()
    assert ears.story == [], "nothing was spoken"
    await talk.leg.speak("u", digits(10))
    await talk.leg.stop()
    assert ears.words()[-1] == "flushed"
    await talk.leg.speak("v", digits(1))
    await talk.finished("v")
    assert ears.words().count("flushed") == 1


async def test_what_waits_in_a_leg_that_dies_was_thrown_away(talk: Talk) -> None:
    ears = Ears()
    talk.leg.watch = ears
    await talk.leg.speak("u", digits(10))
    talk.asterisk.faults.kill_leg(talk.leg.channel_id)
    await eventually(lambda: talk.leg.lost)
    assert ears.words()[-1] == "flushed"


# --- what somebody says as it comes -----------------------------------------------------------------------------------


async def test_what_is_said_as_it_comes_is_heard_and_its_pieces_are_told_of(talk: Talk) -> None:
    for number, audio in enumerate(voice(40)):
        assert talk.leg.say(f"s{number}", [Piece(audio, number if number % 10 == 9 else None)])
        await a_while(0.02)
    await eventually(lambda: len(talk.of(PiecePlayed)) == 4)
    assert talk.call.audio == b"".join(voice(40))
    assert len(talk.told) == 4, "nothing of its begin and end"
    assert [(event.utterance_id, event.index) for event in talk.of(PiecePlayed)] == [
        ("s9", 9),
        ("s19", 19),
        ("s29", 29),
        ("s39", 39),
    ]


async def test_what_is_said_at_once_goes_in_few_messages(talk: Talk, wire: Wire) -> None:
    for number, audio in enumerate(voice(250)):
        talk.leg.say(f"s{number}", [Piece(audio, 1 if number == 249 else None)])
    await eventually(lambda: talk.of(PiecePlayed), within=8)
    assert talk.call.audio == b"".join(voice(250))
    assert len(wire.audio) <= 6
    assert wire.names.count("MARK_MEDIA") <= 6


async def test_a_mark_costs_as_much_as_the_audio_and_is_not_asked_for_each_time(talk: Talk, wire: Wire) -> None:
    ears = Ears()
    talk.leg.watch = ears
    talk.leg.say("head start", [Piece(b"".join(voice(10)))])
    for audio in voice(50):
        talk.leg.say("s", [Piece(audio)])
        await a_while(0.02)
    await eventually(lambda: len(talk.call.heard) == 60)
    await eventually(lambda: ears.story[-1] == ("synced", 0))
    assert len(wire.audio) > 40
    assert wire.names.count("MARK_MEDIA") < 15
    assert talk.told == []


async def test_what_is_said_and_cut_is_not_heard_and_nothing_is_told_of_it(talk: Talk) -> None:
    for audio in voice(50):
        talk.leg.say("s", [Piece(audio, 1)])
    await eventually(lambda: len(talk.call.heard) > 5)
    await talk.leg.stop()
    played = len(talk.of(PiecePlayed))
    heard = len(talk.call.heard)
    talk.leg.say("t", [Piece(voice(1)[0], 2)])
    await eventually(lambda: talk.of(PiecePlayed)[-1].index == 2)
    assert len(talk.call.heard) <= heard + 2 + 1
    assert len(talk.told) == played + 1


async def test_what_was_said_is_thrown_away_without_waiting_and_what_is_said_after_that_is_heard(talk: Talk) -> None:
    talk.leg.clear()
    talk.leg.say("s", [Piece(b"".join(voice(100)))])
    await eventually(lambda: len(talk.call.heard) > 3)
    talk.leg.say("s", [Piece(b"".join(voice(100)), 1)])
    talk.leg.clear()
    talk.leg.say("t", [Piece(voice(1, 77)[0], 2)])
    await eventually(lambda: talk.of(PiecePlayed))
    assert [event.index for event in talk.of(PiecePlayed)] == [2]
    assert talk.call.heard[-1].payload == voice(1, 77)[0]
    assert len(talk.call.heard) < 15


async def test_a_leg_in_which_something_was_thrown_away_just_now_is_clean(talk: Talk) -> None:
    """Its flush, if it came only now, would throw our mark away."""
    talk.leg.say("s", [Piece(b"".join(voice(100)))])
    talk.leg.clear()
    assert await talk.leg.clean()


async def test_who_says_too_much_is_told_so_and_gets_its_marks_all_the_same(fast: Talk) -> None:
    taken = [fast.leg.say(f"s{number}", [Piece(voice(1)[0] * 50, number)]) for number in range(100)]
    assert taken == [True] * 60 + [False] * 40
    await eventually(lambda: len(fast.of(PiecePlayed)) == 100, within=10)
    assert [event.index for event in fast.of(PiecePlayed)] == list(range(100))
    assert len(fast.call.heard) == 50 * 60
    assert fast.leg.say("again", [Piece(voice(1)[0])])


async def test_what_can_not_be_proven_is_told_of_where_it_was_said_as_it_came(talk: Talk) -> None:
    """The other side waits for its mark, whatever became of the sound."""
    talk.asterisk.faults.lose_marks("1")
    talk.leg.say("s", [Piece(voice(1)[0], 1)])
    await a_while(0.05)
    talk.leg.say("s", [Piece(voice(1)[0], 2)])
    await eventually(lambda: len(talk.of(PiecePlayed)) == 2)
    assert [event.index for event in talk.of(PiecePlayed)] == [1, 2]


async def test_saying_never_waits_also_where_asterisk_reads_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.Event()

    async def send_bytes(*_: object) -> None:
        await stuck.wait()

    monkeypatch.setattr(talk.leg._socket, "send_bytes", send_bytes)
    for audio in voice(1000):
        talk.leg.say("s", [Piece(audio)])
    await a_while(0.05)
    assert len([task for task in asyncio.all_tasks() if "say" in task.get_name()]) == 1
    assert await talk.leg.clean() is False, "and it is of no use any more"
    stuck.set()


# --- dying ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_says_so_once_and_takes_no_harm_from_what_is_asked_of_it(talk: Talk, how: str) -> None:
    await talk.leg.speak("u", digits(20))
    getattr(talk.asterisk.faults, how)(talk.leg.channel_id)
    await eventually(lambda: talk.leg.lost)
    await talk.leg.stop()
    await talk.leg.speak("v", digits(1))
    talk.leg.say("w", digits(1))
    await talk.leg.listen(True)
    await talk.leg.open()
    assert len(talk.of(MediaLost)) == 1
    assert await talk.leg.clean() is False
