"""Frames against the ``websockets`` library, both ways, and what is none."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode

from otpvoice.adapters.streams import frames
from otpvoice.adapters.streams.frames import (
    LONGEST_REASON,
    NO_CODE,
    Incoming,
    Message,
    Opcode,
    Violation,
    close_frame,
    frame,
    read_close,
    slow_mask,
    text_of,
)
from tests.adapters.streams.readers import read_by_server

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]
DATA = (Opcode.TEXT, Opcode.BINARY)
CONTROL = (Opcode.PING, Opcode.PONG)


def theirs(opcode: Opcode, payload: bytes, final: bool = True) -> bytes:
    return TheirFrame(TheirOpcode(opcode), payload, final).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_what_we_write_is_read_by_others(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    [read] = read_by_server(frame(Opcode.BINARY, payload))
    assert (read.opcode, bytes(read.data), read.fin) == (TheirOpcode.BINARY, payload, True)


def test_a_mask_is_that_of_the_protocol_and_never_the_same() -> None:
    assert frame(Opcode.TEXT, b"Hello", b"\x37\xfa\x21\x3d") == bytes.fromhex("818537fa213d7f9f4d5158"), "RFC 6455, 5.7"
    assert len({frame(Opcode.TEXT, b"Hello") for _ in range(20)}) == 20


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_the_slow_mask_is_the_fast_one(key: bytes, payload: bytes) -> None:
    slow, fast = bytearray(payload), bytearray(payload)
    slow_mask(key, slow)
    vars(frames)["_mask"](key, fast)
    assert slow == fast == bytearray(byte ^ key[number % 4] for number, byte in enumerate(payload))


def test_the_fast_mask_is_there() -> None:
    """It has no public name: should it go away with a new version, frames are masked as well, and slower."""
    assert vars(frames)["_mask"] is not slow_mask


@pytest.mark.parametrize(
    ("code", "reason", "read"),
    [
        (1000, "", (1000, "")),
        (1008, "slow_consumer", (1008, "slow_consumer")),
        (4000, "ü" * 100, (4000, "ü" * (LONGEST_REASON // 2))),
        (NO_CODE, "", (1005, "")),
    ],
)
def test_a_close_is_read_by_others_and_cut_between_characters(code: int, reason: str, read: tuple[int, str]) -> None:
    [close] = read_by_server(close_frame(code, reason))
    assert (Close.parse(bytes(close.data)).code, Close.parse(bytes(close.data)).reason) == read
    assert read_close(bytes(close.data)) == read


MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(CONTROL), st.binary(max_size=125).map(lambda payload: [payload])),
        st.tuples(st.sampled_from(DATA), st.lists(st.binary(max_size=300), min_size=1, max_size=4)),
    ),
    max_size=6,
)


@given(MESSAGES, st.lists(st.integers(1, 400), min_size=1, max_size=30), st.binary(max_size=20))
def test_what_others_write_is_read_however_it_arrives(
    messages: list[tuple[Opcode, list[bytes]]], cuts: list[int], ping: bytes
) -> None:
    """Messages in pieces, with a ping behind each piece, in chunks of any size."""
    written, expected = b"", []
    for opcode, pieces in messages:
        for number, piece in enumerate(pieces):
            written += theirs(opcode if number == 0 else Opcode.CONTINUATION, piece, number == len(pieces) - 1)
            if number < len(pieces) - 1:
                written += theirs(Opcode.PING, ping)
                expected += [Message(Opcode.CONTINUATION, b""), Message(Opcode.PING, ping)]
        expected.append(Message(opcode, b"".join(pieces)))
    incoming, read = Incoming(2000), []
    turn = 0
    while written:
        cut = cuts[turn % len(cuts)]
        read += list(incoming.feed(written[:cut]))
        written, turn = written[cut:], turn + 1
    assert read == expected


@given(st.binary(max_size=400), st.integers(1, 50))
def test_whatever_comes_is_read_or_refused_and_nothing_else(data: bytes, cut: int) -> None:
    incoming, code = Incoming(100), None
    try:
        for start in range(0, len(data), cut):
            for message in incoming.feed(data[start : start + cut]):
                assert len(message.payload) <= 125
                if message.opcode is Opcode.CLOSE:
                    read_close(message.payload)
                elif message.opcode is Opcode.TEXT:
                    text_of(message.payload)
    except Violation as violation:
        code = violation.code
    assert code in (None, 1002, 1007, 1009)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (theirs(Opcode.TEXT, b"x" * 100), None),
        (theirs(Opcode.TEXT, b"x" * 101), 1009),
        (theirs(Opcode.TEXT, b"x" * 50, final=False) + theirs(Opcode.CONTINUATION, b"x" * 50), None),
        (theirs(Opcode.TEXT, b"x" * 50, final=False) + theirs(Opcode.CONTINUATION, b"x" * 51), 1009),
        (theirs(Opcode.TEXT, b"x" * 50, final=False) + theirs(Opcode.PING, b"x" * 125), None),
        (theirs(Opcode.TEXT, b"x" * 101)[:2], 1009),  # its header is enough
        (b"\x81\x7f" + bytes([0x7F, *[0xFF] * 7]), 1009),
        (b"\x81\x7f" + bytes([0xFF] * 8), 1009),
        (b"\x01\x00" * 2, 1002),
        (b"\x80\x00", 1002),
        (b"\x84\x00", 1002),
        (b"\x8f\x00", 1002),
        (b"\xa1\x00", 1002),
        (b"\x81\x80", 1002),
        (b"\x08\x00", 1002),
        (b"\x89\x7e", None),  # not whole yet
        (b"\x89\x7e\x00\x7e", 1002),
    ],
)
def test_what_ends_a_connection(data: bytes, code: int | None) -> None:
    incoming = Incoming(100)
    if code is None:
        list(incoming.feed(data))
        return
    with pytest.raises(Violation) as refused:
        list(incoming.feed(data))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", (1005, "")),
        (b"\x03\xe8", (1000, "")),
        (b"\x03\xe8bye", (1000, "bye")),
        (b"\x0f\xa0", (4000, "")),
        (b"\x13\x87", (4999, "")),
        *((code.to_bytes(2, "big"), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)),
        (b"\x03", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_what_a_close_may_say(payload: bytes, expected: tuple[int, str] | int) -> None:
    if isinstance(expected, tuple):
        assert read_close(payload) == expected
        return
    with pytest.raises(Violation) as refused:
        read_close(payload)
    assert refused.value.code == expected
    assert refused.value.__context__ is None


def test_who_breaks_off_has_what_was_read_behind_him() -> None:
    incoming = Incoming(100)
    for message in incoming.feed(theirs(Opcode.TEXT, b"one") + theirs(Opcode.TEXT, b"two")):
        assert message.payload == b"one"
        break
    assert [message.payload for message in incoming.feed(b"")] == [b"two"]


def test_no_more_is_kept_than_one_message() -> None:
    incoming = Incoming(10_000)
    piece, chunk = theirs(Opcode.CONTINUATION, b"", final=False), theirs(Opcode.TEXT, b"x" * 10_000)
    list(incoming.feed(chunk))
    tracemalloc.start()
    try:
        for _ in range(100):
            list(incoming.feed(chunk))
        list(incoming.feed(theirs(Opcode.TEXT, b"", final=False)))
        for _ in range(10):
            list(incoming.feed(piece * 1000))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
