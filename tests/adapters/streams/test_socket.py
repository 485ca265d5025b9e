"""How a connection judges the other side: its pongs, what it takes, and how far behind it is. Time is the test's."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from websockets.frames import Frame, Opcode

from otpvoice.adapters.streams.frames import LOST, Violation
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.socket import Ending, Socket
from tests.adapters.streams.readers import read_by_server

TIMINGS = Timings(ping=3.0, silent=30.0, stalled=30.0)
LIMITS = Limits(queue=5.0, unsent=16_384)


class Wire:
    """A transport. ``waits``: bytes that the kernel does not take. ``takes``: it takes all that comes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waits = 0
        self.takes = True
        self.cut = False

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.waits += 0 if self.takes else len(data)

    def get_write_buffer_size(self) -> int:
        return self.waits

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.cut

    def abort(self) -> None:
        self.cut = True


class Holder:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.endings: list[Ending] = []

    def heard(self, text: str, now: float) -> None:
        if text == "no more":
            raise Violation(1008, "junk")
        self.texts.append(text)

    def broke(self, ending: Ending) -> None:
        self.endings.append(ending)


class Line:
    """A connection, and its other side."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wire, self.holder = Wire(), Holder()
        self.transport: Any = self.wire
        here: Any = self
        self.socket = Socket(
            here, self.holder, timings=TIMINGS, limits=LIMITS, clock=lambda: self.now, log=structlog.get_logger()
        )
        self.socket.begin()

    def hand_to(self, receiver: object) -> None:
        assert receiver is self.socket

    def close(self) -> None:
        self.wire.abort()

    def says(self, opcode: Opcode, payload: bytes = b"") -> None:
        assert self.socket.feed_data(Frame(opcode, payload).serialize(mask=False)) == (False, b"")

    def later(self, seconds: float) -> None:
        """The clock goes on, with the ticks that it has."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += 0.02
            self.socket.tick(self.now)

    def of(self, opcode: Opcode) -> list[bytes]:
        return [bytes(one.data) for one in read_by_server(b"".join(self.wire.written)) if one.opcode is opcode]

    def has_room(self) -> bool:
        return self.socket.has_room

    def is_proven(self) -> bool:
        return self.socket.proven

    @property
    def pings(self) -> list[bytes]:
        return self.of(Opcode.PING)

    def ended(self) -> str | None:
        return self.holder.endings[0].error if self.holder.endings else None


@pytest.fixture
async def line() -> Line:
    return Line()


# --- pings ------------------------------------------------------------------------------------------------------------


async def test_a_ping_is_masked_anew_each_time_and_is_like_none_before(line: Line) -> None:
    for _ in range(5):
        line.later(3.1)
        line.says(Opcode.PONG, line.pings[-1])
    assert len(set(line.pings)) == len(line.pings) == 5
    assert len({data[2:6] for data in line.wire.written}) == 5, "RFC 6455, 5.3"
    assert line.ended() is None


async def test_who_answers_pings_is_there_and_need_say_nothing_else(line: Line) -> None:
    for _ in range(100):
        line.later(3.1)
        line.says(Opcode.PONG, line.pings[-1])
        assert line.has_room()
    assert line.ended() is None


async def test_only_the_answer_to_a_ping_proves_anything(line: Line) -> None:
    line.says(Opcode.PONG)
    line.later(2.9)
    line.says(Opcode.PONG, b"\0\0\0\1")
    assert (line.pings, line.is_proven()) == ([], False), "nobody asked for it"
    line.later(0.2)
    line.says(Opcode.PONG)
    assert not line.is_proven()
    line.says(Opcode.PONG, line.pings[0])
    assert line.is_proven()
    line.later(3)
    line.says(Opcode.PONG, line.pings[0])
    line.later(5)
    assert not line.has_room(), "the answer to an old one is none to a new one"


async def test_a_pong_answers_all_the_pings_before_it(line: Line) -> None:
    line.later(8.1)
    first, second = line.pings
    assert not line.has_room()
    line.says(Opcode.PONG, second)
    assert line.has_room()
    line.says(Opcode.PONG, first)
    assert line.has_room()


async def test_a_ping_of_theirs_is_answered_however_far_behind_they_are(line: Line) -> None:
    line.later(10.1)
    assert not line.has_room()
    line.says(Opcode.PING, b"are you there")
    assert line.of(Opcode.PONG) == [b"are you there"]
    line.wire.waits = LIMITS.unsent
    line.says(Opcode.PING, b"and now")
    assert line.of(Opcode.PONG) == [b"are you there"], "who takes nothing gets nothing"


# --- who is slow ------------------------------------------------------------------------------------------------------


async def test_who_has_read_nothing_for_so_long_gets_no_more_until_it_has(line: Line) -> None:
    """Its kernel takes megabytes for it: nothing of that is seen in the transport."""
    for _ in range(8):
        line.later(1)
        line.says(Opcode.TEXT, b"talking all the while")
        assert line.has_room()
    line.later(0.1)
    assert not line.has_room()
    pings = line.pings
    line.later(20)
    assert line.pings == pings, "nor a ping"
    line.says(Opcode.PONG, pings[-1])
    assert line.has_room()
    line.later(0.1)
    assert len(line.pings) == len(pings) + 1
    assert line.ended() is None


async def test_who_takes_a_little_all_the_while_is_slow_and_not_gone(line: Line) -> None:
    line.wire.takes = False
    line.wire.waits = 0
    line.socket.send(["x" * 20_000])
    for _ in range(100):
        line.later(1)
        line.wire.waits -= 100
    assert line.ended() is None
    assert not line.has_room()
    line.later(29)
    assert line.ended() is None
    line.later(2)
    assert line.ended() == "slow_consumer"
    assert line.of(Opcode.CLOSE) == [(1008).to_bytes(2, "big") + b"slow_consumer"]


async def test_what_a_kernel_of_ours_takes_is_no_sign_of_life(line: Line) -> None:
    for _ in range(29):
        line.later(1)
        line.socket.send(["x" * 1000])
        assert line.ended() is None
    line.later(1.1)
    assert (line.ended(), line.holder.endings[0].code) == ("no_pong", LOST)
    assert line.wire.cut


async def test_binary_messages_are_passed_over_in_measure_however_long_it_lasts(line: Line) -> None:
    for _ in range(10):
        for _ in range(50):
            line.says(Opcode.BINARY, b"\0")
        line.later(10.1)
        line.says(Opcode.PONG, line.pings[-1])
    for _ in range(51):
        assert line.ended() is None
        line.says(Opcode.BINARY, b"\0")
    assert line.ended() == "binary"


async def test_nothing_is_heard_behind_the_end(line: Line) -> None:
    both = Frame(Opcode.TEXT, b"no more").serialize(mask=False) + Frame(Opcode.TEXT, b"x").serialize(mask=False)
    line.socket.feed_data(both)
    line.says(Opcode.TEXT, b"y")
    line.later(100)
    assert (line.holder.texts, line.ended(), len(line.holder.endings)) == ([], "junk", 1)
