"""What a callee makes of the packets that it heard."""

from __future__ import annotations

import random
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media import g711
from otpvoice.testkit.callee.recording import Burst, Recording
from otpvoice.testkit.callee.rtp import FRAME, Law, RtpPacket
from otpvoice.testkit.callee.telephone_event import press
from otpvoice.testkit.callee.tone import sine

LOUD = b"\x00" * FRAME
QUIET = b"\xff" * FRAME


def packet(number: int, payload: bytes = LOUD, *, base: int = 0, ssrc: int = 1, kind: int = 0) -> RtpPacket:
    timestamp = (base + number * FRAME) & 0xFFFFFFFF
    return RtpPacket(kind, (65530 + number) & 0xFFFF, timestamp, ssrc, payload, arrival=10 + number * 0.02)


def recorded(*packets: RtpPacket, law: Law = Law.PCMU, keep: bool = True) -> Recording:
    recording = Recording(law, event_type=101, keep=keep)
    for heard in packets:
        assert recording.add(heard.encode(), heard.arrival) == heard
    return recording


def test_nothing_heard() -> None:
    recording = Recording()
    assert (recording.payload(), recording.bursts(), recording.digits(), recording.lost) == (b"", [], "", 0)
    assert (recording.count, recording.first_arrival, recording.max_gap) == (0, None, 0.0)


@pytest.mark.parametrize(("law", "silence"), [(Law.PCMU, b"\xff"), (Law.PCMA, b"\xd5")])
def test_gaps_are_silence_of_the_law(law: Law, silence: bytes) -> None:
    one, three = b"\x11" * FRAME, b"\x33" * FRAME
    recording = recorded(packet(1, one, kind=law.value), packet(3, three, kind=law.value), law=law)
    assert recording.payload() == one + silence * FRAME + three
    assert recording.lost == 1


frames = st.lists(st.binary(min_size=FRAME, max_size=FRAME), min_size=1, max_size=12)


@given(frames, st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_order_copies_and_counters_that_wrap_do_not_matter(frames: list[bytes], base: int, rnd: random.Random) -> None:
    packets = [packet(number, frame, base=base) for number, frame in enumerate(frames)]
    heard = packets + rnd.sample(packets, len(packets) // 2)
    rnd.shuffle(heard)
    recording = recorded(*heard)
    assert recording.payload() == b"".join(frames)
    assert recording.lost == 0


def test_another_source_goes_on_where_the_last_ended() -> None:
    recording = recorded(packet(1, b"\x11" * FRAME), packet(9, b"\x22" * FRAME, ssrc=2, base=12345))
    assert recording.payload() == b"\x11" * FRAME + b"\x22" * FRAME


def test_a_jump_of_the_timestamps_is_no_gap_of_minutes() -> None:
    recording = recorded(packet(1), packet(2, base=2**31))
    assert len(recording.payload()) == 2 * FRAME


def test_only_the_agreed_audio_is_audio() -> None:
    comfort_noise, events = packet(2, b"\x40", kind=13), packet(3, b"\x01\x0a\x00\xa0", kind=101)
    recording = recorded(packet(1), comfort_noise, events)
    assert recording.payload() == LOUD
    assert recording.count == 3


@pytest.mark.parametrize("keep", [True, False])
def test_counts_and_times_do_not_need_the_packets(keep: bool) -> None:
    recording = recorded(packet(0, QUIET), packet(1), packet(5), packet(6, QUIET), keep=keep)
    assert recording.audible == pytest.approx(0.04)
    assert (recording.first_arrival, recording.first_sound) == (10.0, 10.02)
    assert (recording.last_sound, recording.last_arrival) == (10.1, 10.12)
    assert recording.max_gap == pytest.approx(0.08)
    assert recording.count == 4
    assert len(recording.packets) == (4 if keep else 0)
    assert recording.last == packet(6, QUIET)


def test_what_is_no_rtp_is_counted() -> None:
    recording = Recording()
    assert recording.add(b"\x80\xc8" + b"\0" * 26, 1.0) is None  # a sender report
    assert recording.add(b"hello", 1.0) is None
    assert (recording.rtcp, recording.malformed, recording.count) == (1, 1, 0)


def test_bursts_are_exact_in_samples() -> None:
    audio = b"\xff" * 100 + b"\x00" * 300 + b"\xff" * 500 + b"\x00" * 7 + b"\xff" * 850 + b"\x00" * 3
    audio += b"\xff" * (-len(audio) % FRAME)
    packets = [packet(n, audio[n * FRAME : (n + 1) * FRAME]) for n in range(len(audio) // FRAME)]
    recording = recorded(*packets)
    assert recording.bursts(min_gap=0.1) == [
        Burst(100, 907, packets[0].arrival),
        Burst(1757, 1760, packets[10].arrival),
    ]
    assert [burst.start for burst in recording.bursts(min_gap=0.05)] == [100, 900, 1757]
    assert recording.bursts()[1].seconds == 3 / 8000


def test_keys_of_the_other_side_are_told_once() -> None:
    numbers = iter(range(100))
    packets = [
        packet(next(numbers), moment.event.encode(), kind=101)._replace(timestamp=start)
        for digit, start in (("4", 0), ("4", 1600), ("#", 3200))
        for moment in press(digit, 3)
    ]
    assert recorded(*packets).digits() == "44#"


@pytest.mark.parametrize("law", Law)
def test_the_file_is_what_was_heard(law: Law, tmp_path: Path) -> None:
    tone = sine(440, 0.2, law)
    packets = [packet(n, tone[n * FRAME : (n + 1) * FRAME], kind=law.value) for n in range(10)]
    recorded(*packets, law=law).write_wav(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav"), "rb") as file:
        assert file.getparams()[:4] == (1, 2, 8000, 1600)
        assert file.readframes(1600) == g711.decode(tone, "ulaw" if law is Law.PCMU else "alaw")
