"""A customer who speaks in a call: its sound to the callee, its marks back when they were played, its keys."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from otpvoice.adapters.streams import Limits
from otpvoice.core.media import Disconnected
from otpvoice.media.g711 import decode, encode
from tests.adapters.streams.customers import PLENTY, Rogue, Visit, a_customer, a_rogue
from tests.adapters.streams.house import FRAME, a_house, ticks


def media(audio: bytes) -> dict[str, Any]:
    return {"event": "media", "media": {"payload": base64.b64encode(audio).decode()}}


def mark(name: str) -> dict[str, Any]:
    return {"event": "mark", "mark": {"name": name}}


CLEAR = {"event": "clear"}


def marks(visit: Visit) -> list[str]:
    return [message["mark"]["name"] for message in visit.of("mark")]


async def test_what_a_customer_says_is_heard_and_its_marks_come_back_when_it_was() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, callee = house.talk(customer.url())
        await call.connected()
        visit = await customer.visit()
        await visit.say(mark("first"), media(FRAME * 5), mark("a"), media(FRAME + FRAME[:80]), mark("b"))
        await callee.until(lambda: len(callee.asked) == 2)
        assert callee.audio == FRAME * 6 + FRAME[:80] + b"\xff" * 80
        assert len({utterance for utterance, _ in callee.asked}) == 2
        assert all(utterance.startswith("stream-") for utterance, _ in callee.said)
        await visit.event("mark")
        assert marks(visit) == ["first"]
        callee.hears(1)
        await visit.event("mark", 2)
        callee.hears(2)
        await visit.event("mark", 3)
        assert marks(visit) == ["first", "a", "b"]
        assert stream.finish(Disconnected.CALL).frames_received == 7


async def test_the_rest_of_a_frame_is_heard_when_nothing_follows() -> None:
    async with a_customer() as customer, a_house() as house:
        _, call, callee = house.talk(customer.url())
        await call.connected()
        await (await customer.visit()).say(media(FRAME[:40]))
        await callee.until(lambda: bool(callee.said))
        assert callee.audio == FRAME[:40] + b"\xff" * 120


@pytest.mark.parametrize(("format_", "back"), [("twilio", ["a", "b"]), ("exotel", [])])
async def test_a_customer_interrupts_itself(format_: str, back: list[str]) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, callee = house.talk(customer.url(), format_)
        await call.connected()
        visit = await customer.visit()
        sound = FRAME * 50 if format_ == "twilio" else decode(FRAME, "ulaw") * 50
        await visit.say(media(sound), mark("a"), media(sound), mark("b"), CLEAR, media(sound), mark("c"))
        await callee.until(lambda: len(callee.said) == 3)
        assert callee.cleared == 1
        callee.hears(2)  # late news of what was thrown away
        assert stream.report.frames_received == 150
        callee.hears(3)
        await visit.event("mark", len(back) + 1)
        assert marks(visit) == [*back, "c"]


async def test_every_format_is_heard_the_same() -> None:
    async with a_customer() as customer, a_house() as house:
        _, call, callee = house.talk(customer.url(), "exotel")
        await call.connected()
        await (await customer.visit()).say(media(decode(FRAME, "ulaw") * 10))
        await callee.until(lambda: bool(callee.said))
        assert callee.audio == encode(decode(FRAME, "ulaw"), "ulaw") * 10


async def test_a_key_is_passed_on() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, _ = house.talk(customer.url())
        stream.digit("1")  # it is not there yet, and hears of it when it is
        await call.connected()
        stream.digit("#")
        visit = await customer.visit()
        keys = await visit.event("dtmf", 2)
        assert [key["dtmf"]["digit"] for key in keys] == ["1", "#"]
        assert [message["event"] for message in visit.messages[:2]] == ["connected", "start"]


async def test_what_was_said_before_the_customer_was_there_is_no_news_to_it() -> None:
    gate = asyncio.Event()
    async with a_customer(gate=gate) as customer, a_customer() as clock, a_house() as house:
        stream, call, _ = house.talk(customer.url())
        stream.arrived("inbound", FRAME, asyncio.get_running_loop().time())
        await ticks(house, clock, 20)
        gate.set()
        await call.connected()
        said = await (await customer.visit()).event("media", 10)
        assert base64.b64encode(FRAME).decode() not in [one["media"]["payload"] for one in said]
        assert [int(one["media"]["timestamp"]) for one in said[:2]] in ([0, 20], [20, 40])
        assert stream.finish(Disconnected.CALL).dropped == 0


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000])
async def test_who_hangs_up_is_not_called_again(code: int) -> None:
    async with a_customer(lambda visit: visit.connection.close(code, "bye")) as customer, a_house() as house:
        _, call, _ = house.talk(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("completed", "peer", None)
        assert (report.close_code, report.close_reason, report.reconnects) == (code, "bye", 0)
        assert len(customer.visits) == 1


@pytest.mark.parametrize(
    ("code", "word"),
    [
        *((code, "lost") for code in (1011, 1012, 1013, 1014)),
        *((code, "rejected") for code in (1002, 1003, 1007, 1009)),
    ],
)
async def test_who_breaks_down_or_does_not_understand_us_has_not_hung_up(code: int, word: str) -> None:
    async with a_customer(lambda visit: visit.connection.close(code, "sorry")) as customer, a_house() as house:
        _, call, _ = house.talk(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "peer", word)
        assert (report.close_code, report.close_reason, report.reconnects) == (code, "sorry", 0)
        assert len(customer.visits) == 1


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_who_is_gone_without_a_word_is_lost(how: str) -> None:
    async def leaves(rogue: Rogue) -> None:
        if how == "reset":
            rogue.reset()

    async with a_rogue(leaves) as customer, a_house() as house:
        _, call, _ = house.talk(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "peer", "lost")
        assert (report.close_code, report.close_reason, report.reconnects) == (1006, None, 0)


async def test_a_call_ends_in_the_middle_of_a_sentence() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, callee = house.talk(customer.url())
        await call.connected()
        visit = await customer.visit()
        await visit.say(media(FRAME * 100), mark("never"))
        await callee.until(lambda: bool(callee.said))
        stream.finish(Disconnected.CALL)
        callee.hears(1)  # the line tells what it likes
        stream.digit("1")
        stream.arrived("inbound", FRAME, 0.0)
        assert await visit.end() == (1000, "call")
        assert marks(visit) == []
        assert visit.of("dtmf") == []
        assert visit.messages[-1]["event"] == "stop"


async def test_marks_without_number_for_a_customer_who_does_not_read_them() -> None:
    """They come back while there is no room: so many wait, and no more."""

    async def asks_and_never_reads(rogue: Rogue) -> None:
        await asyncio.Event().wait()

    limits = Limits(controls=10, unsent=0)
    async with a_rogue(asks_and_never_reads) as customer, a_house(limits=limits) as house:
        stream, call, callee = house.talk(customer.url())
        await call.connected()
        silence = base64.b64encode(bytes(160)).decode()
        for number in range(20):
            stream.heard(f'{{"event": "media", "media": {{"payload": "{silence}"}}}}', 0.0)
            stream.heard(f'{{"event": "mark", "mark": {{"name": "{number}"}}}}', 0.0)
        assert len(callee.asked) == 20
        callee.hears(20)
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "flood", 1008)


async def test_two_customers_talk_and_each_hears_of_its_own() -> None:
    async with a_customer() as one, a_customer() as other, a_house() as house:
        first, call, callee = house.talk(one.url())
        _, second_call, second_callee = house.talk(other.url())
        await call.connected()
        await second_call.connected()
        for customer in (one, other):
            await (await customer.visit()).say(media(FRAME), mark("m"))
        await callee.until(lambda: bool(callee.asked))
        await second_callee.until(lambda: bool(second_callee.asked))
        visit = await one.visit()
        callee.hears(1)
        await visit.event("mark")
        answered = await visit.connection.ping()
        await asyncio.wait_for(answered, PLENTY)
        assert (await other.visit()).of("mark") == []
        first.finish(Disconnected.CALL)
