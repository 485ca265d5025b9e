"""What a callee sends, frame by frame."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.testkit.callee import rtp, telephone_event
from otpvoice.testkit.callee.rtp import FRAME, FRAME_SECONDS, Law, RtpPacket
from otpvoice.testkit.callee.steps import Keys
from otpvoice.testkit.callee.stream import OutgoingStream
from otpvoice.testkit.callee.telephone_event import DIGITS, TelephoneEvent

EVENTS = 101


def stream(silent_until: float = math.inf) -> OutgoingStream:
    return OutgoingStream(Law.PCMU, EVENTS, ssrc=1, sequence=0xFFFE, timestamp=2**32 - FRAME, silent_until=silent_until)


def run(outgoing: OutgoingStream, frames: int, first: int = 1) -> list[tuple[int, RtpPacket]]:
    """Each packet with its frame."""
    return [
        (frame, rtp.parse(datagram))
        for frame in range(first, first + frames)
        for datagram in outgoing.send(frame, frame * FRAME_SECONDS)
    ]


def told(packets: list[tuple[int, RtpPacket]]) -> list[str]:
    """Packets as words: ``3 audio``, ``4 1:160``, ``9 1:800E``."""
    words = []
    for frame, packet in packets:
        if packet.payload_type == EVENTS:
            event = telephone_event.parse(packet.payload)
            words.append(f"{frame} {event.digit}:{event.duration}{'E' if event.end else ''}")
        else:
            words.append(f"{frame} audio")
    return words


def test_silence_is_a_frame_of_it_every_20_ms() -> None:
    packets = [packet for _, packet in run(stream(), 3)]
    assert packets == [
        RtpPacket(0, 0xFFFE, 0, 1, b"\xff" * FRAME, marker=True),
        RtpPacket(0, 0xFFFF, 160, 1, b"\xff" * FRAME),
        RtpPacket(0, 0, 320, 1, b"\xff" * FRAME),
    ]


def test_silence_that_ends_leaves_the_timestamps_running() -> None:
    outgoing = stream(silent_until=2)
    assert told(run(outgoing, 3)) == ["1 audio"]
    assert outgoing.idle
    outgoing.play(b"\x01" * FRAME, list)
    (frame, packet), *rest = run(outgoing, 2, first=9)
    assert (frame, packet.timestamp, packet.marker, rest) == (9, 8 * FRAME, True, [])


def test_keys_with_room_for_their_end_packets() -> None:
    outgoing = stream(silent_until=0)
    outgoing.press(Keys("12", on=0.06, off=0.08), list)
    assert told(run(outgoing, 20)) == [
        "1 1:160", "2 1:320", "3 1:480", "4 1:480E", "5 1:480E", "6 1:480E",
        "8 2:160", "9 2:320", "10 2:480", "11 2:480E", "12 2:480E", "13 2:480E",
    ]  # fmt: skip


def test_end_packets_without_room_leave_before_the_next_key() -> None:
    outgoing = stream(silent_until=0)
    outgoing.press(Keys("77", on=0.04, off=0.02), list)
    assert told(run(outgoing, 20)) == [
        "1 7:160", "2 7:320", "3 7:320E", "4 7:320E", "4 7:320E",
        "4 7:160", "5 7:320", "6 7:320E", "7 7:320E", "8 7:320E",
    ]  # fmt: skip


def test_a_key_keeps_its_timestamp_and_only_its_first_packet_is_marked() -> None:
    outgoing = stream()
    outgoing.press(Keys("1", on=0.06, off=0.06), list)
    packets = [packet for _, packet in run(outgoing, 7)]
    assert [packet.timestamp for packet in packets] == [0, 0, 0, 0, 0, 0, 6 * FRAME]
    assert [packet.marker for packet in packets] == [True, False, False, False, False, False, True]
    assert [packet.sequence for packet in packets] == [0xFFFE, 0xFFFF, 0, 1, 2, 3, 4]


def test_audio_fills_the_gap_once_the_end_packets_are_out() -> None:
    outgoing = stream()
    outgoing.press(Keys("1", on=0.02, off=0.06, end_packets=1), list)
    packets = run(outgoing, 4)
    assert told(packets) == ["1 1:160", "2 1:160E", "3 audio", "4 audio"]
    assert [packet.timestamp // FRAME for _, packet in packets] == [0, 0, 2, 3]


@pytest.mark.parametrize(
    ("lose", "left"),
    [
        ({0}, ["2 1:320", "3 1:320E", "4 1:320E", "5 1:320E"]),
        ({-1, -2}, ["1 1:160", "2 1:320", "3 1:320E"]),
        ({2, 3, 4}, ["1 1:160", "2 1:320"]),
    ],
)
def test_lost_packets_use_up_their_sequence_numbers(lose: set[int], left: list[str]) -> None:
    outgoing = stream()
    outgoing.press(Keys("1", on=0.04, off=0.06, lose=frozenset(lose)), list)
    packets = run(outgoing, 6)
    assert told(packets) == [*left, "6 audio"]
    assert packets[-1][1].sequence == (0xFFFE + 5) & 0xFFFF


def test_strokes_tell_when_a_key_went_down_and_up() -> None:
    outgoing = stream()
    outgoing.press(Keys("12", on=0.1, off=0.04), list)
    run(outgoing, 20)
    strokes = [(stroke.digit, round(stroke.down, 3), round(stroke.up, 3)) for stroke in outgoing.strokes]
    assert strokes == [("1", 0.02, 0.12), ("2", 0.16, 0.26)]


def test_who_waits_for_keys_or_audio_is_told_in_the_next_frame() -> None:
    outgoing, done = stream(silent_until=0), list[str]()
    outgoing.press(Keys("1", on=0.02, off=0.06), lambda: done.append("keys"))
    outgoing.play(b"\x01" * (FRAME + 1), lambda: done.append("audio"))
    assert told(run(outgoing, 4)) == ["1 1:160", "2 1:160E", "3 1:160E", "4 1:160E"]
    assert (done, outgoing.idle) == ([], False)
    packets = run(outgoing, 3, first=5)
    assert [packet.payload for _, packet in packets] == [b"\x01" * FRAME, b"\x01" + b"\xff" * (FRAME - 1)]
    assert (done, outgoing.idle) == (["keys", "audio"], True)


def test_a_muted_stream_lets_its_time_pass() -> None:
    outgoing = stream()
    outgoing.muted = True
    outgoing.press(Keys("1", on=0.02, off=0.04), list)
    assert run(outgoing, 5) == []
    outgoing.muted = False
    (_, packet), *_ = run(outgoing, 1, first=6)
    assert (packet.timestamp, packet.sequence, packet.marker) == (5 * FRAME, 0xFFFE, True)


def test_keys_need_telephone_event() -> None:
    outgoing = OutgoingStream(Law.PCMA, None, 1, 0, 0)
    with pytest.raises(ValueError, match="not negotiated"):
        outgoing.press(Keys("1"), list)


frames = st.integers(1, 20)


@given(st.text(DIGITS, min_size=1, max_size=6), frames, st.integers(0, 12), st.integers(0, 5))
def test_a_receiver_reads_the_keys_that_were_pressed(digits: str, on: int, off: int, end_packets: int) -> None:
    outgoing, done = stream(), list[int]()
    outgoing.press(Keys(digits, on * 0.02, off * 0.02, end_packets=end_packets), lambda: done.append(1))
    packets = [packet for _, packet in run(outgoing, len(digits) * (on + off) + 8)]
    assert done == [1]
    assert [packet.sequence for packet in packets] == [(0xFFFE + n) & 0xFFFF for n in range(len(packets))]
    presses: dict[int, list[TelephoneEvent]] = {}
    for packet in packets:
        if packet.payload_type == EVENTS:
            presses.setdefault(packet.timestamp, []).append(telephone_event.parse(packet.payload))
    assert "".join(events[0].digit for events in presses.values()) == digits
    for events in presses.values():
        durations = [event.duration for event in events]
        assert durations == sorted(durations)
        assert durations[-1] == on * FRAME
        assert [event.end for event in events] == [False] * on + [True] * end_packets
