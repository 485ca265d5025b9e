"""RTP packets, the laws' idea of silence, and telephone events."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media import g711
from otpvoice.testkit.callee import rtp, telephone_event
from otpvoice.testkit.callee.rtp import Law, MalformedPacket, RtpPacket
from otpvoice.testkit.callee.telephone_event import DIGITS, MalformedEvent, TelephoneEvent, press
from otpvoice.testkit.callee.tone import sine

PACKET = RtpPacket(0, 7, 160, 0xABCD, b"\x01\x02\x03\x04")
packets = st.builds(
    RtpPacket,
    st.integers(0, 63) | st.integers(96, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=200),
    st.booleans(),
    st.just(0.0),
)


@given(packets)
def test_a_packet_comes_back_as_it_was_sent(packet: RtpPacket) -> None:
    assert rtp.parse(packet.encode()) == packet
    assert not rtp.is_rtcp(packet.encode())


def test_the_arrival_is_kept_with_the_packet() -> None:
    assert rtp.parse(PACKET.encode(), arrival=12.5) == PACKET._replace(arrival=12.5)


@pytest.mark.parametrize(
    ("flags", "rest"),
    [
        (0x82, b"\0\0\0\1\0\0\0\2" + PACKET.payload),  # two contributing sources
        (0x90, b"\xbe\xde\0\1abcd" + PACKET.payload),  # an extension of one word
        (0xA0, PACKET.payload + b"\0\0\3"),  # three bytes of padding
        (0xB1, b"\0\0\0\1\xbe\xde\0\0" + PACKET.payload + b"\1"),  # all of them
    ],
)
def test_only_the_payload_is_left(flags: int, rest: bytes) -> None:
    assert rtp.parse(bytes([flags]) + PACKET.encode()[1:12] + rest) == PACKET


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        PACKET.encode()[:11],
        b"\x40" + PACKET.encode()[1:],  # version 1
        b"\x8f" + PACKET.encode()[1:],  # fifteen sources, in four bytes
        b"\x90" + PACKET.encode()[1:12],  # no room for the extension
        b"\xa0" + PACKET.encode()[1:12] + b"\0",
        b"\xa0" + PACKET.encode()[1:12] + b"\x20",
    ],
)
def test_what_is_no_packet(datagram: bytes) -> None:
    with pytest.raises(MalformedPacket):
        rtp.parse(datagram)


@given(st.binary(max_size=60))
def test_no_datagram_raises_anything_else(datagram: bytes) -> None:
    rtp.is_rtcp(datagram)
    with contextlib.suppress(MalformedPacket):
        rtp.parse(datagram)


@pytest.mark.parametrize("law", Law)
def test_quiet_is_what_is_below_37_dbfs(law: Law) -> None:
    name: g711.Law = "ulaw" if law is Law.PCMU else "alaw"
    loudest = max(abs(int.from_bytes(g711.decode(bytes([b]), name), "little", signed=True)) for b in law.quiet)
    softest = min(
        abs(int.from_bytes(g711.decode(bytes([b]), name), "little", signed=True))
        for b in set(range(256)) - set(law.quiet)
    )
    assert loudest < softest
    assert 350 < softest < 600
    assert law.silence in law.quiet


def test_a_tone_is_as_long_and_loud_as_asked() -> None:
    tone = g711.ulaw_decode(sine(1000, 0.5, Law.PCMU))
    samples = memoryview(tone).cast("h").tolist()
    assert len(samples) == 4000
    assert 7900 < max(samples) < 8400
    # 1000 Hz at 8000 samples a second: one upward zero crossing in eight samples.
    assert sum(a < 0 <= b for a, b in pairwise(samples)) == pytest.approx(500, abs=1)


@given(st.integers(0, 255), st.integers(0, 0xFFFF), st.booleans(), st.integers(0, 63))
def test_an_event_comes_back_as_it_was_sent(code: int, duration: int, end: bool, volume: int) -> None:
    event = TelephoneEvent(code, duration, end, volume)
    assert telephone_event.parse(event.encode()) == event


@given(st.binary(max_size=8))
def test_no_payload_raises_anything_else(payload: bytes) -> None:
    try:
        telephone_event.parse(payload)
    except MalformedEvent:
        assert len(payload) < 4


def test_the_bytes_of_an_event() -> None:
    # RFC 4733 section 2.3: event, E R volume, duration.
    assert TelephoneEvent(11, 800, end=True, volume=10).encode() == bytes([11, 0x8A, 0x03, 0x20])
    assert [TelephoneEvent(code, 0).digit for code in range(17)] == [*DIGITS, ""]


def test_a_press_of_60_ms() -> None:
    moments = [(m.frame, m.event.duration, m.event.end, m.first) for m in press("5", 3, end_packets=2)]
    assert moments == [
        (0, 160, False, True),
        (1, 320, False, False),
        (2, 480, False, False),
        (3, 480, True, False),  # 60 ms after the first packet
        (4, 480, True, False),
    ]
