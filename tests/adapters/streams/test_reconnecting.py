"""A customer who listens, and is lost: it is called again while the call lasts, and not for ever."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.frames import Frame, Opcode

from otpvoice.adapters.outbound import connections as connections_module
from otpvoice.adapters.streams import Limits
from otpvoice.core.media import Disconnected
from tests.adapters.streams.customers import PLENTY, Rogue, Visit, a_customer, a_rogue
from tests.adapters.streams.house import FRAME, QUICK, a_house, feed, ticks

TIRED = Limits(failures=3)


def first_only(does: Callable[[Visit], Awaitable[None]]) -> Callable[[Visit], Awaitable[None]]:
    """Do it to the first connection, and leave the others in peace."""
    done: list[Visit] = []

    async def doing(visit: Visit) -> None:
        done.append(visit)
        if len(done) == 1:
            await does(visit)

    return doing


async def breaks(visit: Visit) -> None:
    visit.connection.transport.abort()


@pytest.mark.parametrize(
    "does",
    [breaks, *(lambda visit, code=code: visit.connection.close(code) for code in (1001, 1011, 1012, 1013, 1014))],
    ids=["lost", "1001", "1011", "1012", "1013", "1014"],
)
async def test_who_is_lost_is_called_again(does: Callable[[Visit], Awaitable[None]]) -> None:
    async with a_customer(first_only(does)) as customer, a_house(clock=lambda: 1_800_000_000.0) as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        second = await customer.visit(2)
        await second.event("start")
        feed(stream, 50)
        media = await second.event("media", 50)
        assert second.messages[0]["event"] == "connected", "it begins anew"
        assert [message["sequenceNumber"] for message in media[:2]] == ["2", "3"]
        report = stream.finish(Disconnected.CALL)
        assert (report.status, report.reconnects, report.error) == ("completed", 1, None)
        assert (report.close_code, report.disconnected_by) == (1000, "call")
        assert await second.end() == (1000, "call")
        assert len(call.told) == 1, "Connected is told once"
        first = await customer.visit(1)
        assert report.bytes_sent >= sum(len(text) for text in first.heard + second.heard)


async def test_what_is_said_meanwhile_waits_and_the_oldest_of_it_is_dropped() -> None:
    async with (
        a_customer(first_only(breaks)) as customer,
        a_customer() as clock,
        a_house(timings=replace(QUICK, first_pause=0.5, longest_pause=0.5), limits=Limits(queue=0.2)) as house,
    ):
        stream, call = house.listen(customer.url())
        await call.connected()
        await (await customer.visit(1)).end()
        await ticks(house, clock, 3)  # enough to notice, and too few to call again
        before = stream.report.frames_sent
        feed(stream, 100)
        report = stream.report
        assert (report.frames_sent, report.reconnects) == (before, 0)
        assert report.dropped >= 90
        second = await customer.visit(2)
        media = await second.event("media", 10)
        assert [one["media"]["payload"] for one in media[:10]] == [base64.b64encode(FRAME).decode()] * 10
        assert stream.finish(Disconnected.CALL).dropped == report.dropped


async def test_who_refuses_again_and_again_is_left_alone() -> None:
    async with (
        a_customer(breaks, refuses=lambda number: None if number == 1 else 503) as customer,
        a_house(limits=TIRED) as house,
    ):
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", "http_503")
        assert (report.close_code, report.reconnects) == (1006, 0)
        assert report.started_at is not None
        assert house.streams.count == 0


async def test_what_waits_for_somebody_who_never_comes_back_is_dropped() -> None:
    async with (
        a_customer(breaks, refuses=lambda number: None if number == 1 else 503) as customer,
        a_customer() as clock,
        a_house(timings=replace(QUICK, first_pause=0.5, longest_pause=0.5), limits=replace(TIRED, queue=0.2)) as house,
    ):
        stream, call = house.listen(customer.url())
        await call.connected()
        await (await customer.visit()).end()
        await ticks(house, clock, 3)
        feed(stream, 100)
        before = stream.report
        report = await call.ended()
        assert report.frames_sent == before.frames_sent
        assert report.dropped >= before.dropped + 10


async def test_who_is_back_and_gone_at_once_is_left_alone_too() -> None:
    async with a_customer(breaks) as customer, a_house(limits=TIRED) as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "lost", 1006)
        assert (len(customer.visits), report.reconnects) == (3, 2)


async def test_a_pong_that_nobody_asked_for_is_worth_nothing() -> None:
    """Else whoever likes has us call for as long as the call lasts, as fast as we can."""
    restart = Frame(Opcode.CLOSE, (1012).to_bytes(2, "big")).serialize(mask=False)

    async def storms(rogue: Rogue) -> None:
        stormed.append(rogue)
        await rogue.write(Frame(Opcode.PONG, b"").serialize(mask=False) + restart)
        await rogue.closed_with()

    stormed: list[Rogue] = []
    async with a_rogue(storms) as customer, a_house(limits=TIRED) as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "lost", 1012)
        assert len(stormed) == 3


async def test_who_has_answered_a_ping_is_worth_all_the_tries_again() -> None:
    async def leaves_after_a_pong(visit: Visit) -> None:
        await visit.until(lambda: len(visit.of("media")) >= 5)
        if len(customer.visits) <= 6:
            visit.connection.transport.abort()

    async with (
        a_customer(leaves_after_a_pong) as customer,
        a_house(timings=replace(QUICK, ping=0.001), limits=TIRED) as house,
    ):
        stream, call = house.listen(customer.url())
        await call.connected()
        await (await customer.visit(7)).event("media", 10)
        assert stream.finish(Disconnected.CALL).reconnects == 6


async def test_nobody_waits_longer_than_is_waited() -> None:
    timings = replace(QUICK, first_pause=0.2, longest_pause=0.2, unconnected=0.05)
    async with a_customer(breaks) as customer, a_house(timings=timings) as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.error, report.reconnects) == ("failed", "lost", 0)


async def test_who_does_not_answer_any_more_is_called_again() -> None:
    """A dead peer: the connection is up, and nobody is there."""
    silent: list[Rogue] = []

    async def says_nothing(rogue: Rogue) -> None:
        silent.append(rogue)
        await rogue.gone()

    timings = replace(QUICK, ping=0.05, silent=0.2)
    async with a_rogue(says_nothing) as customer, a_house(timings=timings, limits=TIRED) as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "no_pong", 1006)
        assert len(silent) == 3


async def test_who_talks_and_does_not_answer_any_more_has_hung_up() -> None:
    timings = replace(QUICK, ping=0.05, silent=0.2)
    async with a_rogue(lambda rogue: rogue.gone()) as customer, a_house(timings=timings) as house:
        _, call, _ = house.talk(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", "no_pong")
        assert report.reconnects == 0


async def test_the_call_ends_while_nobody_is_there() -> None:
    async with (
        a_customer(breaks) as customer,
        a_customer() as clock,
        a_house(timings=replace(QUICK, first_pause=PLENTY / 2, longest_pause=PLENTY / 2)) as house,
    ):
        stream, call = house.listen(customer.url())
        await call.connected()
        await (await customer.visit()).end()
        await ticks(house, clock, 3)
        feed(stream, 10)
        report = stream.finish(Disconnected.CALL)
        assert (report.status, report.disconnected_by, report.error) == ("failed", "call", "lost")
        assert (report.close_code, report.close_reason) == (1006, None), "the last that is known of it"
        assert report.dropped >= 10, "nobody will ever have them"
        assert len(call.told) == 1


async def test_what_is_hopeless_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "NAME_SECONDS", 0)
    leads = {"rebinding.example": [["127.0.0.1"], ["127.0.0.3"]]}
    async with a_customer(breaks) as customer, a_house(leads=leads) as house:
        stream, call = house.listen(customer.url(host="rebinding.example"))
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "blocked", 1006)
        assert house.names.asked == ["rebinding.example"] * 2
        assert stream.report == report
