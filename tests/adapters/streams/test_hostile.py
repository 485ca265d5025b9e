"""Customers who mean it ill, or do not know better: what they get, and that it costs them their own stream only."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.frames import Close, Frame, Opcode

from otpvoice.adapters.streams import Limits, MediaStream
from otpvoice.adapters.streams.socket import Socket
from otpvoice.core.media import Disconnected
from tests.adapters.streams.customers import PLENTY, Customer, Rogue, a_customer, a_rogue
from tests.adapters.streams.house import QUICK, House, a_house, feed, kept

MARK = json.dumps({"event": "mark", "mark": {"name": "m"}})
CLEAR = json.dumps({"event": "clear"})


def text(payload: str | bytes, *, final: bool = True) -> bytes:
    return Frame(Opcode.TEXT, payload.encode() if isinstance(payload, str) else payload, final).serialize(mask=False)


def more(payload: bytes, *, final: bool = False) -> bytes:
    return Frame(Opcode.CONT, payload, final).serialize(mask=False)


def binary(payload: bytes = b"\0" * 160) -> bytes:
    return Frame(Opcode.BINARY, payload).serialize(mask=False)


def ping(payload: bytes = b"?") -> bytes:
    return Frame(Opcode.PING, payload).serialize(mask=False)


def audio(seconds: float) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(bytes(int(8000 * seconds))).decode()}})


TIGHT = Limits(
    message=10_000,
    frames_a_second=10,
    frames_at_once=300,
    bytes_a_second=1000,
    bytes_at_once=50_000,
    audio_a_second=0.001,
    audio_at_once=11,
    audio=10,
    marks=20,
    junk_a_second=0.001,
    junk_at_once=30,
    clears_a_second=0.001,
    clears_at_once=25,
    pings_a_second=0.001,
    pings_at_once=40,
    binary_a_second=0.001,
    binary_at_once=15,
    mark=50,
)
"""Small, and hardly ever refilled: which of them is hit does not depend on how fast a machine is."""

BOTH_MODES = [
    ("a giant message", text(b"x" * 10_001), 1009, "too_big"),
    ("one that only claims to be", b"\x81\x7f" + b"\x7f" + b"\xff" * 7, 1009, "too_big"),
    ("a giant in pieces", text(b"x" * 5000, final=False) + more(b"x" * 5000) + more(b"x"), 1009, "too_big"),
    ("text that is no UTF-8", text(b"\xff\xfe"), 1007, "bad_utf8"),
    ("text that is no UTF-8, in pieces", text(b"\xc3", final=False) + more(b"\x28", final=True), 1007, "bad_utf8"),
    ("a close with a reason that is no UTF-8", b"\x88\x04\x03\xe8\xff\xfe", 1007, "bad_utf8"),
    ("binary messages", binary() * 16, 1003, "binary"),
    ("pings", ping() * 41, 1008, "flood"),
    ("pongs that nobody asked for", Frame(Opcode.PONG, b"").serialize(mask=False) * 41, 1008, "flood"),
    ("messages", text("") * 301, 1008, "flood"),
    ("pieces of nothing", text(b"", final=False) + more(b"") * 301, 1008, "flood"),
    ("bytes", text(b"x" * 9000) * 6, 1008, "flood"),
    ("a masked frame", Frame(Opcode.TEXT, b"{}").serialize(mask=True), 1002, "protocol"),
    ("an opcode of nobody", b"\x83\x00", 1002, "protocol"),
    ("a reserved bit", b"\xc1\x00", 1002, "protocol"),
    ("a ping in pieces", b"\x09\x00", 1002, "protocol"),
    ("a ping that is too long", b"\x89\x7e\x00\x7e" + bytes(126), 1002, "protocol"),
    ("a piece of nothing", more(b"", final=True), 1002, "protocol"),
    ("a message within a message", text(b"a", final=False) + text(b"b"), 1002, "protocol"),
    ("a close code of nobody", b"\x88\x02\x03\xed", 1002, "protocol"),
    ("half a close code", b"\x88\x01\x03", 1002, "protocol"),
    ("HTTP", b"HTTP/1.1 200 OK\r\n\r\n", 1002, "protocol"),
]
TALKING = [
    ("junk", text("?") * 31, 1008, "junk"),
    ("marks with endless names", text(MARK.replace('"m"', json.dumps("m" * 51))) * 31, 1008, "junk"),
    ("marks that wait for audio", text(audio(0.5)) + text(MARK) * 21, 1008, "flood"),
    ("clears", text(CLEAR) * 26, 1008, "flood"),
    ("audio without end", b"".join(text(audio(0.5)) for _ in range(21)), 1008, "audio_overflow"),
    ("audio, cleared each time", b"".join(text(audio(0.5)) + text(CLEAR) for _ in range(24)), 1008, "flood"),
]
GENEROUS = replace(TIGHT, bytes_at_once=10_000_000, frames_at_once=100_000)


async def closed_after(sent: bytes, story: Callable[[Customer, House], Awaitable[None]], limits: Limits) -> Close:
    async def says(rogue: Rogue) -> None:
        await rogue.write(sent)
        closed.set_result(await rogue.closed_with())

    closed: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()
    async with a_rogue(says) as customer, a_house(limits=limits) as house:
        await story(customer, house)
        async with asyncio.timeout(PLENTY):
            close = await closed
    assert close is not None, "the connection broke before a close frame came"
    return close


@pytest.mark.parametrize(("what", "sent", "code", "word"), BOTH_MODES, ids=[row[0] for row in BOTH_MODES])
async def test_who_listens_and_floods(what: str, sent: bytes, code: int, word: str) -> None:
    async def listening(customer: Customer, house: House) -> None:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by) == ("failed", "error")
        assert (report.close_code, report.close_reason, report.error) == (code, word, word)
        assert house.streams.count == 0

    assert await closed_after(sent, listening, TIGHT) == Close(code, word)


@pytest.mark.parametrize(
    ("what", "sent", "code", "word"), BOTH_MODES + TALKING, ids=[row[0] for row in BOTH_MODES + TALKING]
)
async def test_who_talks_and_floods(what: str, sent: bytes, code: int, word: str) -> None:
    async def talking(customer: Customer, house: House) -> None:
        _, call, callee = house.talk(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by) == ("failed", "error")
        assert (report.close_code, report.close_reason, report.error) == (code, word, word)
        assert sum(len(piece.audio) for _, piece in callee.said) <= 8000 * 20

    limits = GENEROUS if what in {row[0] for row in TALKING} else replace(TIGHT, junk_at_once=1000)
    assert await closed_after(sent, talking, limits) == Close(code, word)


async def test_the_last_word_is_the_formats_before_the_close() -> None:
    async def says(rogue: Rogue) -> None:
        await rogue.write(text("?") * 200)
        await rogue.closed_with()
        said.set_result([frame for frame in rogue.frames if frame.opcode is Opcode.TEXT])

    said: asyncio.Future[list[Frame]] = asyncio.get_running_loop().create_future()
    async with a_rogue(says) as customer, a_house() as house:
        _, call, _ = house.talk(customer.url())
        assert (await call.ended()).error == "junk"
        assert json.loads(bytes((await said)[-1].data))["event"] == "stop"


async def test_binary_and_junk_in_measure_are_passed_over() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, callee = house.talk(customer.url())
        await call.connected()
        visit = await customer.visit()
        for _ in range(50):
            await visit.connection.send(b"\0" * 160)
        await visit.say(*("?" for _ in range(90)), audio(0.02))
        await callee.until(lambda: bool(callee.said))
        assert stream.finish(Disconnected.CALL).error is None


async def test_a_ping_is_answered_and_nothing_else_of_it_is_known() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        visit = await customer.visit()
        await asyncio.wait_for(await visit.connection.ping(b"are you there"), PLENTY)
        assert stream.finish(Disconnected.CALL).bytes_received == 0


async def test_a_message_may_come_in_pieces_with_pings_between_them() -> None:
    async def says(rogue: Rogue) -> None:
        said = audio(0.02).encode()
        pieces = [
            text(said[:10], final=False),
            ping(),
            more(said[10:20]),
            more(b""),
            ping(),
            more(said[20:], final=True),
        ]
        for byte in b"".join(pieces):
            await rogue.write(bytes([byte]))
        await rogue.closed_with()

    async with a_rogue(says) as customer, a_house() as house:
        stream, _, callee = house.talk(customer.url())
        await callee.until(lambda: bool(callee.said))
        assert callee.audio == bytes(160)
        stream.finish(Disconnected.CALL)


async def test_a_giant_is_not_kept_while_it_is_on_its_way() -> None:
    """What comes after a close frame of ours is read, so that the close arrives, and thrown away."""

    async def says(rogue: Rogue) -> None:
        await rogue.write(text(b"x" * 20_000_000))  # and only then looks whether anything has come
        closed.set_result(await rogue.closed_with())

    closed: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()
    async with a_rogue(says) as customer, a_house(timings=replace(QUICK, closing=PLENTY)) as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.error, report.bytes_received) == ("too_big", 0)
        assert await asyncio.wait_for(closed, PLENTY) == Close(1009, "too_big")


async def test_who_does_not_answer_a_close_is_cut_off() -> None:
    async def says(rogue: Rogue) -> None:
        await rogue.closed_with()
        await rogue.gone()
        cut.set()
        await asyncio.Event().wait()

    cut = asyncio.Event()
    async with a_rogue(says) as customer, a_house(timings=replace(QUICK, closing=0.05)) as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        stream.finish(Disconnected.CALL)
        await asyncio.wait_for(house.streams.close(), PLENTY)
        assert kept(Socket) == 0, "it was waited for"
        await asyncio.wait_for(cut.wait(), PLENTY)


async def reads_nothing(rogue: Rogue) -> None:
    await asyncio.Event().wait()


async def speaks_on(stream: MediaStream) -> None:
    while True:
        feed(stream, 100)
        await asyncio.sleep(0.01)


STUCK = replace(Limits(), queue=0.5, send_buffer=4096)


async def test_who_reads_nothing_is_left_behind_and_costs_nobody_anything() -> None:
    timings = replace(QUICK, stalled=0.3, closing=0.05)
    async with (
        a_rogue(reads_nothing, window=4096) as silent,
        a_customer() as customer,
        a_house(timings=timings, limits=STUCK) as house,
        a_house() as other_house,
    ):
        stuck, call, _ = house.talk(silent.url())
        whole, other = other_house.listen(customer.url())
        await call.connected()
        await other.connected()
        feed(stuck, 20_000)
        report = stuck.report
        assert 20_000 <= report.dropped + report.frames_sent + 25 < 20_100, "half a second waits"
        assert stuck.report.frames_sent < 2000
        feed(whole, 100)
        visit = await customer.visit()
        await visit.event("media", 100)
        report = await call.ended()
        assert (report.status, report.disconnected_by) == ("failed", "error")
        assert (report.close_code, report.close_reason, report.error) == (1008, "slow_consumer", "slow_consumer")
        assert whole.finish(Disconnected.CALL).dropped == 0


async def test_who_reads_nothing_is_told_no_more_however_much_is_taken_for_it() -> None:
    """Kernels take megabytes, minutes of speech: a pong says what was read."""

    async def reads_when_it_may(rogue: Rogue) -> None:
        await may_read.wait()
        while data := await rogue.reader.read(65_536):
            rogue.protocol.receive_data(data)
            rogue.protocol.events_received()
            await rogue.write(b"".join(rogue.protocol.data_to_send()))  # pongs

    may_read = asyncio.Event()
    timings, limits = replace(QUICK, ping=0.02), Limits(queue=0.2)
    async with a_rogue(reads_when_it_may) as customer, a_house(timings=timings, limits=limits) as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        async with asyncio.timeout(PLENTY):
            while not stream.report.dropped:
                feed(stream, 1)
                await asyncio.sleep(0.001)
            sent = stream.report
            assert sent.bytes_sent < 1_000_000
            may_read.set()
            while stream.report.frames_sent == sent.frames_sent:
                feed(stream, 1)
                await asyncio.sleep(0.001)
        assert stream.finish(Disconnected.CALL).status == "completed"


async def test_who_listens_and_reads_nothing_gets_another_chance_and_not_for_ever() -> None:
    timings = replace(QUICK, stalled=0.1, closing=0.05)
    async with (
        a_rogue(reads_nothing, window=4096) as silent,
        a_house(timings=timings, limits=replace(STUCK, failures=2)) as house,
    ):
        stream, call = house.listen(silent.url())
        speaking = asyncio.create_task(speaks_on(stream))
        report = await call.ended()
        speaking.cancel()
        assert (report.status, report.error, report.reconnects) == ("failed", "slow_consumer", 1)
        assert report.close_code == 1008


async def test_who_reads_nothing_and_answers_no_ping_is_slow_and_not_gone() -> None:
    timings = replace(QUICK, stalled=PLENTY, silent=0.3, closing=0.05)
    async with a_rogue(reads_nothing, window=4096) as silent, a_house(timings=timings, limits=STUCK) as house:
        stream, call, _ = house.talk(silent.url())
        await call.connected()
        feed(stream, 1000)
        assert (await call.ended()).error == "slow_consumer"


async def test_who_is_slow_over_tls_is_bounded_as_well() -> None:
    timings = replace(QUICK, closing=0.05)
    async with (
        a_rogue(reads_nothing, window=4096, tls=True) as silent,
        a_house(limits=STUCK, timings=timings) as house,
    ):
        stream, call, _ = house.talk(silent.url(host="hooks.example"))
        await call.connected()
        feed(stream, 50_000)
        assert stream.report.frames_sent < 5000
        assert stream.report.dropped > 40_000
        stream.finish(Disconnected.CALL)
