"""A media leg over the wire: what it writes, what it makes of what comes back, and that it can be cut short."""

from __future__ import annotations

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
from tests.ari.rig import FRAME, NUMBER, SILENCE, a_call_on, a_node, eventually
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


# --- dying ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut_media", "kill_leg"])
async def test_a_leg_that_dies_says_so_once_and_takes_no_harm_from_what_is_asked_of_it(talk: Talk, how: str) -> None:
    await talk.leg.speak("u", digits(20))
    getattr(talk.asterisk.faults, how)(talk.leg.channel_id)
    await eventually(lambda: talk.leg.lost)
    await talk.leg.stop()
    await talk.leg.speak("v", digits(1))
    await talk.leg.open()
    assert len(talk.of(MediaLost)) == 1
    assert await talk.leg.clean() is False
