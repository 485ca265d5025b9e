"""The queue of a media leg, without sockets: nothing is lost but what has to be, and nothing comes early."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.media_queue import QUEUE_MAX, XOFF_LEVEL, XON_LEVEL, FrameQueue


def order(queue: FrameQueue, command: str, at: float = 0.0, **fields: str) -> list[str]:
    return [event["event"] for event in queue.command(json.dumps({"command": command, **fields}), at)]


@dataclass(frozen=True)
class Push:
    frames: int


@dataclass(frozen=True)
class Mark:
    pass


@dataclass(frozen=True)
class Ticks:
    count: int


STEPS = st.lists(
    st.builds(Push, st.integers(1, 400)) | st.builds(Mark) | st.builds(Ticks, st.integers(1, 300)), max_size=30
)


@given(STEPS)
@settings(deadline=None)  # a busy machine is no bug
def test_frames_and_marks_come_out_in_order_and_only_whole_messages_are_lost(steps: list[Push | Mark | Ticks]) -> None:
    queue = FrameQueue()
    expected: list[bytes] = []
    taken: list[bytes] = []
    marks: list[str] = []
    paused_sender = False
    sent = pushed = 0
    for step in [*steps, Ticks(QUEUE_MAX + 500)]:
        match step:
            case Push(frames):
                message = [(pushed + n).to_bytes(4) * 40 for n in range(frames)]
                pushed += frames
                before = queue.length
                events = queue.audio(b"".join(message), 0.0)
                expected += message if before < QUEUE_MAX else []
                assert events == ([{"event": "MEDIA_XOFF"}] if queue.full and not paused_sender else [])
                paused_sender = queue.full
            case Mark():
                order(queue, "MARK_MEDIA", correlation_id=str(sent))
                sent += 1
            case Ticks(count):
                for _ in range(count):
                    frame, events = queue.tick(1.0)
                    taken += [frame] if frame is not None else []
                    marks += [event["correlation_id"] for event in events if "correlation_id" in event]
                    if {"event": "MEDIA_XON"} in events:
                        assert paused_sender
                        assert queue.length < XON_LEVEL
                        paused_sender = False
    assert taken == expected
    assert marks == [str(number) for number in range(sent)]
    assert queue.length == 0
    assert not queue.full


def test_a_tick_does_not_see_what_arrives_after_it() -> None:
    queue = FrameQueue()
    queue.audio(bytes(320), at=1.01)
    assert queue.tick(1.0) == (None, [])
    assert queue.tick(1.02)[0] == bytes(160)


def test_an_end_of_queue_is_reported_once_when_asked_for() -> None:
    queue = FrameQueue()
    queue.audio(bytes(160), 0.0)
    order(queue, "REPORT_QUEUE_DRAINED")
    assert [queue.tick(1.0)[1] for _ in range(3)] == [[], [{"event": "QUEUE_DRAINED"}], []]


def test_a_flush_while_full_is_followed_by_the_xon() -> None:
    queue = FrameQueue()
    queue.audio(bytes(160 * XOFF_LEVEL), 0.0)
    order(queue, "FLUSH_MEDIA")
    assert queue.wants_ticks
    assert queue.tick(1.0) == (None, [{"event": "MEDIA_XON"}])


def test_a_listening_leg_drops_audio_and_keeps_what_was_queued() -> None:
    queue = FrameQueue()
    queue.audio(bytes(320), 0.0)
    assert order(queue, "SET_MEDIA_DIRECTION", direction="in") == []
    queue.audio(bytes(320), 0.0)
    assert queue.tick(1.0) == (None, [])
    order(queue, "SET_MEDIA_DIRECTION", direction="both")
    assert queue.length == 2


@pytest.mark.parametrize("text", ["", "[]", '"x"', "{}", '{"command": 1}', '{"command": "SING"}', "x" * 129])
def test_what_is_no_command_gets_no_answer(text: str) -> None:
    queue = FrameQueue()
    assert queue.command(text, 0.0) == []
    assert len(queue.complaints) == 1
