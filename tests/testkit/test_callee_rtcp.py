"""RTCP of the callee: the packets and counts of RFC 3550, which packets get lost on the way, and when it tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.testkit.callee import rtcp
from otpvoice.testkit.callee.loss import Loss
from otpvoice.testkit.callee.rtcp import Block, MalformedReport, Report, Sent, compound, middle, ntp_time
from otpvoice.testkit.callee.rtcp_reception import Reception
from otpvoice.testkit.callee.rtcp_session import RtcpSession
from otpvoice.testkit.callee.rtp import Law, RtpPacket
from otpvoice.testkit.callee.rtp_socket import RtpSocket, port_pair
from otpvoice.testkit.callee.scenario import Reporting
from otpvoice.testkit.callee.stream import OutgoingStream

word = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(Block, word, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), word, word, word, word)
sent = st.builds(Sent, st.integers(0, (1 << 64) - 1), word, word, word)
reports = st.builds(Report, word, st.lists(blocks, max_size=31).map(tuple), st.none() | sent)

# Section 6.4.1, laid out by hand: version 2, one block, type 200, 12 more words; then the name of section 6.5.
SENDER_REPORT = bytes.fromhex(
    "81c8000c cafebabe"  # header, SSRC of the sender
    "e1b2c3d4 80000000"  # NTP time: seconds, half a second
    "00001f40 00000032 00001f40"  # RTP timestamp 8000, 50 packets, 8000 octets
    "0000beef 0dfffffe"  # SSRC of the source; 13/256 lost, -2 in all
    "00010005 00000007 c3d48000 00018000"  # highest 65541, jitter 7, last SR, 1.5 s
)
NAME = bytes.fromhex("81ca0003 cafebabe 0105 612e622e63 00")  # SDES, CNAME "a.b.c", one null byte
THE_REPORT = Report(
    0xCAFEBABE,
    (Block(0xBEEF, 13, -2, 0x10005, 7, 0xC3D48000, 0x18000),),
    Sent(0xE1B2C3D480000000, 8000, 50, 8000),
)


# --- packets ----------------------------------------------------------------------------------------------------------


def test_a_sender_report_has_the_layout_of_the_standard() -> None:
    assert THE_REPORT.encode() == SENDER_REPORT
    assert compound(THE_REPORT, "a.b.c") == SENDER_REPORT + NAME
    assert rtcp.parse(SENDER_REPORT + NAME) == (THE_REPORT,)


def test_a_receiver_report_has_no_more_than_its_blocks() -> None:
    assert Report(1).encode() == bytes.fromhex("80c90001 00000001")
    assert Report(1, THE_REPORT.blocks).encode() == bytes.fromhex("81c90007 00000001") + SENDER_REPORT[28:]


@given(reports, st.text(max_size=300))
def test_a_report_comes_back_as_it_was_sent(report: Report, name: str) -> None:
    datagram = compound(report, name)
    assert len(datagram) % 4 == 0
    assert rtcp.parse(datagram) == (report,)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: SENDER_REPORT + tail))
def test_whatever_comes_is_read_or_refused(datagram: bytes) -> None:
    with contextlib.suppress(MalformedReport):
        rtcp.parse(datagram)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        SENDER_REPORT[:-1],
        SENDER_REPORT[:4],
        b"\x41" + SENDER_REPORT[1:],  # version 1
        b"\x82" + SENDER_REPORT[1:],  # two blocks, and there is one
        NAME,  # A.2: a report comes first
        b"\xa1" + SENDER_REPORT[1:-1] + b"\0",  # padding of length 0
        SENDER_REPORT + b"\x80",
    ],
)
def test_what_is_no_report_is_refused(datagram: bytes) -> None:
    with pytest.raises(MalformedReport):
        rtcp.parse(datagram)


def test_padding_and_unknown_packets_are_passed_over() -> None:
    padded = bytes.fromhex("a0cc0002 cafebabe 00000004")  # application data, one word of padding
    nobody_left = bytes.fromhex("80cb0000")
    assert rtcp.parse(SENDER_REPORT + NAME + nobody_left + padded) == (THE_REPORT,)


def test_a_loss_beyond_24_bits_is_the_most_that_can_be_said() -> None:
    assert rtcp.parse(Report(1, (Block(2, 0, 1 << 30, 0, 0),)).encode())[0].blocks[0].lost == 0x7FFFFF


def test_ntp_time_counts_from_1900() -> None:
    assert ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert middle(0x1122_3344_5566_7788) == 0x3344_5566


# --- counting ---------------------------------------------------------------------------------------------------------


def received(*numbers: int) -> Reception:
    """Packets of 20 ms that came exactly when they should."""
    reception = Reception(9, numbers[0])
    for place, number in enumerate(numbers):
        reception.arrived(number & 0xFFFF, 160 * place, 0.02 * place)
    return reception


@pytest.mark.parametrize(
    ("numbers", "lost", "highest"),
    [
        ([5], 0, 5),
        ([5, 6, 7], 0, 7),
        ([5, 7, 8, 10], 2, 10),
        ([5, 7, 6, 8], 0, 8),  # out of order
        ([5, 6, 6, 7], -1, 7),  # a copy
        ([65534, 65535, 65536, 65538], 1, 65538),  # round the counter
        ([5, 40000, 6], 0, 6),  # a stray packet is not believed
        ([5, 6, 40000, 40001, 40002], 0, 40002),  # a restart is, from its second packet on
    ],
)
def test_losses_are_counted_by_appendix_a(numbers: list[int], lost: int, highest: int) -> None:
    block = received(*numbers).block(1.0)
    assert (block.ssrc, block.lost, block.highest) == (9, lost, highest)


def test_the_fraction_is_that_since_the_last_report() -> None:
    reception = received(*(number for number in range(101) if number % 4 != 3))
    assert reception.block(1.0).fraction == (25 << 8) // 101  # 25 of 101
    for number in range(101, 111):
        reception.arrived(number, 0, 0.0)
    block = reception.block(2.0)
    assert (block.fraction, block.lost) == (0, 25)
    assert reception.block(3.0).fraction == 0, "nothing came, nothing is said to be lost"


def test_more_copies_than_losses_are_no_fraction() -> None:
    block = received(1, 1, 1, 3).block(0.0)
    assert (block.fraction, block.lost) == (0, -1)


def test_jitter_is_smoothed_by_sixteenths() -> None:
    """A.8, by hand: |D| is 0, then 80 samples (10 ms late), then 80 (in time again), of which 1/16 counts each time."""
    reception = Reception(9, 0)
    for number, late in enumerate([0, 0, 0.01, 0]):
        reception.arrived(number, 160 * number, 1.0 + 0.02 * number + late)
    assert reception.jitter == pytest.approx(5 + (80 - 5) / 16, abs=0.2)
    assert reception.block(2.0).jitter in {9, 10}


@given(st.integers(0, 0xFFFFFFFF))
def test_jitter_does_not_care_where_timestamps_begin(begin: int) -> None:
    reception = Reception(9, 0)
    for number in range(50):
        reception.arrived(number, (begin + 160 * number) & 0xFFFFFFFF, 0.02 * number)
    assert reception.jitter < 1


def test_the_delay_since_a_sender_report_is_told_in_65536ths() -> None:
    reception = received(1)
    assert reception.block(7.0)[-2:] == (0, 0), "none came"
    reception.sender_reported(0x1122_3344_5566_7788, 10.0)
    assert reception.block(11.25)[-2:] == (0x3344_5566, 0x14000)


# --- losing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "lost"), [(0, 0), (0.01, 10), (0.03, 30), (0.05, 50), (1 / 3, 333), (1, 1000)])
def test_a_share_of_the_packets_gets_lost(share: float, lost: int) -> None:
    way = Loss(share).begin()
    losses = [way.loses() for _ in range(1000)]
    assert (sum(losses), way.dropped) == (lost, lost)
    if lost == 50:
        assert [place for place, gone in enumerate(losses) if gone] == list(range(19, 1000, 20))


def test_with_a_seed_others_get_lost_and_the_same_in_each_run() -> None:
    first, second, other = (Loss(0.05, seed).begin() for seed in (1, 1, 2))
    losses = [first.loses() for _ in range(2000)]
    assert losses == [second.loses() for _ in range(2000)]
    assert losses != [other.loses() for _ in range(2000)]
    assert 60 <= first.dropped <= 140


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_no_other_share_can_be(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Loss(share)


# --- telling ----------------------------------------------------------------------------------------------------------


def a_stream() -> OutgoingStream:
    return OutgoingStream(Law.PCMU, None, ssrc=0xCAFE, sequence=0, timestamp=0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a session tells nobody but its peer
            await asyncio.sleep(0.001)


async def test_who_has_sent_says_what_and_who_has_not_only_hears() -> None:
    told: list[bytes] = []
    session = RtcpSession(Reporting(first=0.0, every=0.01), "callee@phone", told.append)
    stream = a_stream()
    session.arrived(RtpPacket(0, 4, 0, 77, b"", arrival=0.0))
    session.arrived(RtpPacket(0, 6, 320, 77, b"", arrival=0.04))
    session.start(stream)
    await until(lambda: len(told) >= 2)
    stream.send(1, 0.0)
    made = len(told)
    await until(lambda: len(told) >= made + 3)
    session.stop()
    heard = [report for datagram in told for report in rtcp.parse(datagram)]
    assert heard == list(session.sent)
    assert heard[0].sent is None
    assert {(block.ssrc, block.lost) for report in heard for block in report.blocks} == {(77, 1)}
    (sender,) = [report.sent for report in heard if report.sent is not None]
    assert (sender.packets, sender.octets, sender.timestamp) == (1, 160, 160)
    stopped = len(told)
    await asyncio.sleep(0.03)
    assert len(told) == stopped, "and nothing after the end"


async def test_their_report_is_answered_as_if_it_had_come_over_the_distance() -> None:
    told: list[bytes] = []
    session = RtcpSession(Reporting(first=0.0, every=0.01, distance=0.05), "callee@phone", told.append)
    session.arrived(RtpPacket(0, 4, 0, 0xCAFEBABE, b"", arrival=0.0))
    session.start(a_stream())
    came = asyncio.get_running_loop().time()
    session.receive(SENDER_REPORT + NAME, came)
    session.receive(b"junk", came)
    await until(lambda: bool(session.sent) and session.sent[-1].blocks[0].last_sr != 0)
    session.stop()
    block = session.sent[-1].blocks[0]
    assert block.last_sr == middle(0xE1B2C3D480000000)
    assert block.delay / 65536 <= asyncio.get_running_loop().time() - came - 0.05 + 0.001
    assert list(session.heard) == [THE_REPORT]
    assert session.malformed == 1


async def test_a_new_source_begins_a_new_count() -> None:
    session = RtcpSession(Reporting(), "callee@phone", lambda _: None)
    session.arrived(RtpPacket(0, 4, 0, 1, b""))
    session.arrived(RtpPacket(0, 9000, 0, 2, b""))
    assert session.reception is not None
    assert (session.reception.ssrc, session.reception.lost) == (2, 0)


@pytest.mark.parametrize("wrong", [{"first": -1.0}, {"every": 0.0}, {"distance": -0.1}])
def test_reports_have_possible_times(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="reports"):
        Reporting(**wrong)


async def test_two_sockets_lie_side_by_side_the_first_on_an_even_port() -> None:
    opened: list[RtpSocket] = []
    for _ in range(20):
        pair = port_pair("127.0.0.1", lambda *_: None, lambda *_: None)
        opened += pair
        assert pair[0].port % 2 == 0
        assert pair[1].port == pair[0].port + 1
    for one in opened:
        one.close()
