"""What the answer to an order for a call decides, row by row, and that nobody is rung twice whatever it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest

from otpvoice.ari import backoff, node, ordering, rest
from otpvoice.ari.channel import CallChannel, Originate, OriginateFailed
from otpvoice.ari.rest import AriRest, new_http
from otpvoice.core import flow
from otpvoice.core.events import CallDialed, CallProgressed, OriginateAccepted
from otpvoice.core.outcome import Fault
from tests.ari.rig import NUMBER, House, a_house, a_while, answers_within, eventually, outcome, rung
from tests.fakes import FakeAsterisk
from tests.fakes.channels import Json
from tests.fakes.faults import Fault as Rule
from tests.fakes.faults import Faults

HTML: Final = b"<html><h1>Something else</h1></html>"
SHUTDOWN: Final = b"<html><title>503 Service Unavailable</title><p>Shutdown in progress</p></html>"
COMPLETED: Final = ("completed", None, "plan")
UNKNOWN: Final = ("indeterminate", "originate_unknown", "us")
REFUSED: Final = ("failed", "originate_refused", "asterisk")
LOST: Final = ("failed", "asterisk_lost", "asterisk")
CANCELED: Final = ("canceled", None, "api")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "END_OF_CHANNEL", 0.3)
    monkeypatch.setattr(backoff, "FIRST", 0.03)
    monkeypatch.setattr(ordering, "SETTLE", (0.02, 0.05, 0.05))
    monkeypatch.setattr(ordering, "LOOK_AGAIN", 0.02)
    monkeypatch.setattr(ordering, "BOOTED_EVERY", 0.02)


def orders(asterisk: FakeAsterisk, number: str = NUMBER) -> tuple[int, int]:
    """How many orders for a number Asterisk got, and how often it was rung."""
    asked = [request for request in asterisk.requested("originate") if f"/{number}@" in request.body["endpoint"]]
    return len(asked), rung(asterisk)[number]


def looks(asterisk: FakeAsterisk) -> int:
    return len(asterisk.requested("getChannel"))


def _used(rule: Rule) -> bool:
    return bool(rule.used)


def _says_no(status: int, faults: Faults) -> Rule:
    return faults.answer("originate", status=status, body=body("No"))


def body(message: str) -> dict[str, str]:
    return {"message": message}


EXECUTED: Final[dict[str, Callable[[Faults], Rule]]] = {
    "the connection drops before the answer": lambda faults: faults.cut_after("originate"),
    "the connection drops in the answer": lambda faults: faults.cut_short("originate"),
    "no JSON": lambda faults: faults.answer_instead("originate", status=200, body=HTML),
    "nothing": lambda faults: faults.answer_instead("originate", status=200),
    "no content": lambda faults: faults.answer_instead("originate", status=204),
    "no object": lambda faults: faults.answer_instead("originate", status=200, body=["channel"]),
    "another channel": lambda faults: faults.answer_instead("originate", status=200, body={"id": "other"}),
    "our id is alive": lambda faults: faults.answer_instead(
        "originate", status=409, body=body("Channel with given unique ID already exists")
    ),
    "409, and no word of why": lambda faults: faults.answer_instead("originate", status=409),
    "what was done can't be encoded": lambda faults: faults.answer_instead("originate", status=500),
    "500 and a reason": lambda faults: faults.answer_instead("originate", status=500, body=body("Ouch")),
    "a gateway's 502": lambda faults: faults.answer_instead("originate", status=502, body=HTML),
    "a gateway's 503": lambda faults: faults.answer_instead("originate", status=503, body=HTML),
    "a gateway's 504": lambda faults: faults.answer_instead("originate", status=504, body=HTML),
    "go elsewhere, with your order": lambda faults: faults.answer_instead("originate", status=307),
    "go elsewhere": lambda faults: faults.answer_instead("originate", status=302),
}
"""Orders that were carried out, and answers that do not say so."""


async def place_all(
    house: House, faults: Mapping[str, Callable[[Faults], Rule]]
) -> dict[str, tuple[Json, tuple[int, int]]]:
    """Order a call with each fault, side by side; return by fault the summary, and how many orders and rings."""
    placed = {}
    for position, (name, fault) in enumerate(faults.items()):
        number = f"155501{position:02}"
        house.asterisk.callee(number).answers(after=0.1)
        with fault(house.asterisk.faults) as rule:
            placed[name] = await house.place(number=number), number
            await eventually(partial(_used, rule))
    summaries = {name: await house.summary(call_id) for name, (call_id, _) in placed.items()}
    assert len(house.ledger.finished) == len(faults)
    return {name: (summaries[name], orders(house.asterisk, number)) for name, (_, number) in placed.items()}


async def test_an_order_that_was_carried_out_is_a_call_whatever_the_answer(asterisk: FakeAsterisk) -> None:
    async with a_house(asterisk, legs_maximum=30) as house:
        placed = await place_all(house, EXECUTED)
        await house.legs_back()
    seen = {name: (outcome(summary), ordered) for name, (summary, ordered) in placed.items()}
    assert seen == dict.fromkeys(EXECUTED, (COMPLETED, (1, 1)))
    assert all(summary["legs"][0]["sip_call_id"] for summary, _ in placed.values()), "known from the look"


NOT_EXECUTED: Final[dict[str, tuple[Callable[[Faults], Rule], tuple[str, str | None, str]]]] = {
    "the connection drops": (lambda faults: faults.cut_before("originate"), UNKNOWN),
    "no JSON": (lambda faults: faults.answer("originate", status=200, body=HTML), UNKNOWN),
    "nothing": (lambda faults: faults.answer("originate", status=200), UNKNOWN),
    "our id was alive": (lambda faults: faults.answer("originate", status=409, body=body("It exists")), UNKNOWN),
    "500 without a word": (lambda faults: faults.answer("originate", status=500), UNKNOWN),
    "500 and a reason": (lambda faults: faults.answer("originate", status=500, body=body("Ouch")), UNKNOWN),
    "501": (lambda faults: faults.answer("originate", status=501, body=body("No")), UNKNOWN),
    "a gateway's 503": (lambda faults: faults.answer("originate", status=503, body=HTML), UNKNOWN),
    "go elsewhere, with your order": (lambda faults: faults.answer("originate", status=308), UNKNOWN),
    "no such endpoint": (
        lambda faults: faults.answer("originate", status=500, body={"error": "Allocation failed"}),
        ("failed", "trunk_missing", "asterisk"),
    ),
    **{str(status): (partial(_says_no, status), REFUSED) for status in (400, 401, 403, 404, 405, 412, 413, 422)},
    "400 without a word": (lambda faults: faults.answer("originate", status=400), REFUSED),
}
"""Orders that were not carried out: what is said of them. Where Asterisk has not said no, nobody can know."""


async def test_an_order_that_was_not_carried_out_is_not_repeated(asterisk: FakeAsterisk) -> None:
    async with a_house(asterisk, legs_maximum=30) as house:
        placed = await place_all(house, {name: fault for name, (fault, _) in NOT_EXECUTED.items()})
        await house.legs_back()
    seen = {name: (outcome(summary), ordered) for name, (summary, ordered) in placed.items()}
    assert seen == {name: (verdict, (1, 0)) for name, (_, verdict) in NOT_EXECUTED.items()}
    looked = {request.id for request in asterisk.requested("getChannel")}
    unknown = {f"{summary['id']}-1" for summary, _ in placed.values() if outcome(summary) == UNKNOWN}
    assert looked == unknown, "where Asterisk said no there is nothing to look for"


# --- provably not sent ------------------------------------------------------------------------------------------------


def order(call_id: str = "call_1") -> Originate:
    return Originate(f"PJSIP/{NUMBER}@trunk", "otp", None, 20.0, 60.0, call_id)


async def fault_of(channel: CallChannel) -> Fault:
    with pytest.raises(OriginateFailed) as failed:
        await channel.originate(order())
    return failed.value.fault


@pytest.mark.parametrize("url", ["http://127.0.0.1:{closed}", "http://nowhere.invalid:8088"])
async def test_what_no_byte_left_for_rings_nobody_and_is_not_looked_for(asterisk: FakeAsterisk, url: str) -> None:
    """Refused; no address."""
    async with new_http(asterisk.user, asterisk.password) as http, asterisk.faults.refusing():
        channel = CallChannel(AriRest(http, url.format(closed=asterisk.server.port)), "call_1-1")
        assert await fault_of(channel) is Fault.ASTERISK_LOST
    assert not asterisk.requests


async def test_an_order_that_waits_for_a_connection_in_vain_rings_nobody(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.4)
    async with new_http(asterisk.user, asterisk.password, connections=1) as http:
        requests = AriRest(http, asterisk.url)
        with asterisk.faults.hang("info"):
            hanging = asyncio.create_task(requests.get("asterisk/info", within=9.0))
            await asterisk.until(lambda: bool(asterisk.requested("info")))
            assert await fault_of(CallChannel(requests, "call_1-1")) is Fault.ASTERISK_LOST
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
    assert orders(asterisk) == (0, 0)
    assert not looks(asterisk)


# --- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        lambda faults: faults.not_booted("getChannel", times=6),
        lambda faults: faults.cut_before("getChannel", times=12),
        lambda faults: faults.answer("getChannel", status=500, body=None, times=6),
        lambda faults: faults.answer("getChannel", status=200, body=HTML, times=6),
        lambda faults: faults.answer("getChannel", status=401, body=None, times=6),
    ],
)
async def test_looks_that_are_not_answered_are_no_answer(
    asterisk: FakeAsterisk, fault: Callable[[Faults], Rule]
) -> None:
    """More of them than times that Asterisk must say that there is nothing."""
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_after("originate")
    rule = fault(asterisk.faults)
    async with new_http(asterisk.user, asterisk.password) as http:
        assert await CallChannel(AriRest(http, asterisk.url), "call_1-1").originate(order())
    assert rule.used == rule.times
    assert orders(asterisk) == (1, 1)


async def test_a_look_that_hangs_is_given_up_and_the_next_one_finds_it(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "TIMEOUT", 0.1)
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_after("originate")
    async with new_http(asterisk.user, asterisk.password) as http:
        with asterisk.faults.hang("getChannel", times=1):
            assert await CallChannel(AriRest(http, asterisk.url), "call_1-1").originate(order())
    assert orders(asterisk) == (1, 1)


async def test_an_asterisk_that_thaws_may_say_no_before_it_carries_out_the_order(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is how long it has been saying so, not how long ago the answer was lost."""
    answers_within(monkeypatch, 0.1)
    monkeypatch.setattr(ordering, "SETTLE", (0.1, 0.4))
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.delay("originate", seconds=0.8)
    frozen = asterisk.faults.not_booted("getChannel")
    async with new_http(asterisk.user, asterisk.password) as http:
        ordering_it = asyncio.create_task(CallChannel(AriRest(http, asterisk.url), "call_1-1").originate(order()))
        await a_while(0.65)  # longer than both times together
        frozen.lift()
        assert await ordering_it
    assert orders(asterisk) == (1, 1)


async def test_looking_that_finds_nobody_to_ask_comes_to_an_end(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "LOOKING", 0.2)
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_after("originate")
    asterisk.faults.not_booted("getChannel")
    async with new_http(asterisk.user, asterisk.password) as http:
        assert await fault_of(CallChannel(AriRest(http, asterisk.url), "call_1-1")) is Fault.ORIGINATE_UNKNOWN
    assert orders(asterisk) == (1, 1)


async def test_who_was_frozen_over_all_the_time_looks_once(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "LOOKING", -30.0)
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_after("originate")
    async with new_http(asterisk.user, asterisk.password) as http:
        assert await CallChannel(AriRest(http, asterisk.url), "call_1-1").originate(order())
    assert (orders(asterisk), looks(asterisk)) == ((1, 1), 1)


def test_an_order_is_decided_before_its_node_is_given_up() -> None:
    """Else what nobody can know would be called a failure."""
    assert rest.TIMEOUT + ordering.LOOKING + ordering.LAST_LOOK < node.LOST_AFTER
    assert ordering.BOOTING < node.LOST_AFTER
    assert sum(ordering.SETTLE) < ordering.LOOKING


@pytest.mark.parametrize("deaf", [True, False])
async def test_events_that_come_while_we_look_decide(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    """No look is answered, or each says that there is nothing: and the phone rings."""
    monkeypatch.setattr(ordering, "LOOKING", 60.0)
    monkeypatch.setattr(ordering, "SETTLE", (60.0,))
    asterisk.callee(NUMBER).rings(0.1).answers(after=0.3)
    asterisk.faults.cut_after("originate")
    with asterisk.faults.answer("getChannel", status=503 if deaf else 404, body=body("No")):
        call_id = await house.place()
        await house.until(CallProgressed)
        await house.until(OriginateAccepted)
        assert outcome(await house.summary(call_id)) == COMPLETED
    assert orders(asterisk) == (1, 1)
    assert len(house.ledger.finished) == 1


async def test_a_call_that_is_over_before_we_find_it_ends_as_its_events_told(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "SETTLE", (60.0,))
    asterisk.callee(NUMBER).busy(0.05)
    asterisk.faults.cut_after("originate")
    with asterisk.faults.answer("getChannel", status=404, body=body("Channel not found")):
        assert outcome(await house.summary(await house.place())) == ("busy", None, "callee")
    await house.legs_back()
    assert orders(asterisk) == (1, 1)
    assert len(house.ledger.finished) == 1


# --- refused before any work: the one order that is sent again --------------------------------------------------------


@pytest.mark.parametrize("answer", [body("Asterisk not booted"), SHUTDOWN])
async def test_an_order_that_was_refused_before_any_work_is_sent_again(
    house: House, asterisk: FakeAsterisk, answer: Any
) -> None:
    asterisk.callee(NUMBER).answers(after=0.05)
    asterisk.faults.answer("originate", status=503, body=answer, times=3)
    assert outcome(await house.summary(await house.place())) == COMPLETED
    assert orders(asterisk) == (4, 1)
    assert not looks(asterisk)


async def test_an_order_that_is_sent_again_and_lost_is_looked_up_and_not_sent_a_third_time(
    house: House, asterisk: FakeAsterisk
) -> None:
    asterisk.callee(NUMBER).answers(after=0.05)
    asterisk.faults.not_booted("originate", times=1)
    asterisk.faults.cut_after("originate")
    assert outcome(await house.summary(await house.place())) == COMPLETED
    assert orders(asterisk) == (2, 1)


async def test_an_asterisk_that_is_never_ready_is_lost(
    house: House, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "BOOTING", 0.2)
    asterisk.faults.not_booted("originate")
    assert outcome(await house.summary(await house.place())) == LOST
    assert orders(asterisk)[0] > 1
    assert orders(asterisk)[1] == 0


async def test_a_call_that_is_called_off_meanwhile_is_not_ordered_again(house: House, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.not_booted("originate"):
        call_id = await house.place()
        await eventually(lambda: orders(asterisk)[0] > 1)
        house.stasis.hang_up(call_id)
        assert outcome(await house.summary(call_id)) == CANCELED
    sent = orders(asterisk)
    await a_while(0.1)
    assert orders(asterisk) == sent
    assert sent[1] == 0


async def test_nobody_is_rung_by_an_asterisk_that_does_not_know_us_yet(house: House, asterisk: FakeAsterisk) -> None:
    """It was restarted between our last event and the order. Whoever picked up would hear nothing."""
    asterisk.callee(NUMBER).answers(after=0.05)
    fault = asterisk.faults.not_booted("originate")
    call_id = await house.place()
    await house.until(CallDialed)
    unknown = asterisk.faults.not_booted("eventFilter")
    asterisk.faults.cut_events()
    await eventually(lambda: not house.node.connected)
    await a_while(0.05)  # one may have been on its way
    fault.lift()
    sent = orders(asterisk)
    await a_while(0.1)
    assert orders(asterisk) == sent
    unknown.lift()
    assert outcome(await house.summary(call_id)) == COMPLETED
    assert orders(asterisk)[1] == 1


async def test_an_order_that_nobody_may_repeat_is_not_repeated(asterisk: FakeAsterisk) -> None:
    asterisk.faults.not_booted("originate")
    async with new_http(asterisk.user, asterisk.password) as http:
        assert await fault_of(CallChannel(AriRest(http, asterisk.url), "call_1-1")) is Fault.ASTERISK_LOST
    assert orders(asterisk) == (1, 0)
