"""However a call ends, there is one ring, one summary, and the outcome that was seen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from otpvoice.ari.replies import redirected, replied
from otpvoice.core.events import CallAnswered, CallProgressed
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.fakes import FakeAsterisk
from tests.scenarios.phones import Dead, Phone, Unconnected
from tests.scenarios.world import NOBODY, World, code

TIMER_B: Final = 6.4
CONFIGURATION: Final = {
    # As the comment in pjsip.conf has it, and a trunk over TCP.
    "pjsip.conf": f"""
[system](+)
timer_t1 = 100
timer_b = {TIMER_B * 1000:.0f}

[transport-tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:0

[trunk-tcp](trunk-endpoint)
transport = transport-tcp
allow = ulaw
""",
}
EVERYBODY: Final = """
[from-trunk]
exten => _X.,1,Answer()
 same => n,Wait(5)
"""
"""Where a redirect would lead."""
AT_ONCE: Final = 8


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """A real Asterisk that notices a dead trunk soon."""
    folder = tmp_path_factory.mktemp("asterisk")
    starting = AsteriskInstance.start(folder, trunk=NOBODY, verbose=5, extra_config=CONFIGURATION, extensions=EVERYBODY)
    instance = asyncio.run(starting)
    yield instance
    asyncio.run(instance.stop())


class Row(NamedTuple):
    """A phone, and how its call ends."""

    phone: Callable[[World], Phone]
    class_: str
    reason: str | None
    ended_by: str
    sip_status: int | None
    cause: int | None
    ring_timeout: float = 15.0


def refusal(status: int, class_: str, reason: str | None, cause: int, *, ring: float | None = None) -> Row:
    return Row(lambda world: world.rejects(status, ring), class_, reason, "callee", status, cause)


REFUSALS: Final = [
    (401, "failed", "auth", 21),
    (403, "rejected", "forbidden", 21),
    (404, "invalid_number", None, 1),
    (407, "failed", "auth", 21),
    (410, "invalid_number", None, 22),
    (484, "invalid_number", None, 28),
    (486, "busy", None, 17),
    (487, "failed", "terminated", 127),
    (488, "failed", "codec", 58),
    (500, "failed", "carrier_error", 38),
    (502, "failed", "carrier_error", 27),
    (503, "failed", "congestion", 34),
    (600, "busy", None, 17),
    (603, "rejected", "declined", 21),
    (604, "invalid_number", None, 1),
    (607, "rejected", "unwanted", 127),
    (608, "rejected", "blocked", 127),
]
ROWS: Final = {
    **{f"{row[0]}": refusal(*row) for row in REFUSALS},
    **{f"{row[0]} after 180": refusal(*row, ring=0.1) for row in REFUSALS},
    "408": refusal(408, "unreachable", None, 18),
    "480": refusal(480, "unreachable", None, 19),
    "408 after 180": refusal(408, "no_answer", None, 18, ring=0.1),
    "480 after 180": refusal(480, "no_answer", None, 19, ring=0.1),
    "180 until our timeout": Row(lambda w: w.never_answers(), "no_answer", None, "timeout", None, 16, 0.5),
    "183 until our timeout": Row(lambda w: w.never_answers(183), "no_answer", None, "timeout", None, 16, 0.5),
    "100 until our timeout": Row(lambda w: w.never_answers(None), "unreachable", None, "timeout", None, 16, 0.5),
    "nothing until our timeout": Row(lambda w: w.dead(), "failed", "trunk_unreachable", "timeout", None, 16, 0.5),
    # 408 and 18 as if the network had said it.
    "nothing until timer B": Row(
        lambda w: w.network.phone(Dead(TIMER_B)), "failed", "trunk_unreachable", "asterisk", 408, 18
    ),
}


async def test_every_way_not_to_answer(world: World) -> None:
    a_few = asyncio.Semaphore(AT_ONCE)

    async def ends(row: Row) -> tuple[dict[str, Any], int]:
        async with a_few:
            phone = row.phone(world)
            plan = world.plan(code("482"), to=phone, ring_timeout=row.ring_timeout)
            return await world.call(plan), phone.rung

    results = dict(zip(ROWS, await asyncio.gather(*(ends(row) for row in ROWS.values())), strict=True))
    assert {name: seen(summary) for name, (summary, _) in results.items()} == {
        name: (row.class_, row.reason, row.ended_by, row.sip_status, row.cause) for name, row in ROWS.items()
    }
    for summary, rung in results.values():
        assert rung == 1
        assert summary["delivered"] is False
        assert summary["answered_at"] is None
        assert summary["played"]["first_audio_ms"] is None
    assert all((summary["ringing_at"] is not None) == ("180" in name) for name, (summary, _) in results.items())


def seen(summary: dict[str, Any]) -> tuple[str, str | None, str, int | None, int | None]:
    outcome = summary["outcome"]
    return outcome["class"], outcome["reason"], outcome["ended_by"], outcome["sip_status"], outcome["cause"]


async def test_a_redirect_is_not_followed(world: World) -> None:
    """Asterisk would, into the dialplan (``main/dial.c``): whoever picked up there would be in our application."""
    phones = [world.rejects(302, ring) for ring in (None, 0.1) for _ in range(AT_ONCE)]
    summaries = await asyncio.gather(*(world.call(world.plan(code("482"), to=phone)) for phone in phones))
    for phone, summary in zip(phones, summaries, strict=True):
        class_, reason, ended_by, sip_status, cause = seen(summary)
        assert (class_, reason, ended_by, cause) == ("failed", "redirected", "callee", 23)
        assert sip_status in {302, None}, "None where Asterisk dropped the channel before it said why"
        assert phone.rung == 1
    if not isinstance(world.asterisk, FakeAsterisk):
        assert "Executing [" not in world.log, "EVERYBODY"


async def test_a_trunk_whose_connection_is_refused_did_not_say_503(world: World) -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        way = f"PJSIP/trunk-tcp/sip:{{number}}@127.0.0.1:{closed.getsockname()[1]};transport=tcp"
        phone = world.network.phone(Unconnected())
        fake = isinstance(world.asterisk, FakeAsterisk)
        summary = await world.call(world.plan(code("482"), to=phone), trunk=None if fake else way)
    assert seen(summary) == ("failed", "trunk_unreachable", "asterisk", 503, 34)


@pytest.mark.asterisk
async def test_a_trunk_whose_name_does_not_resolve_did_not_say_503(real_world: World) -> None:
    phone = real_world.answers()
    way = "PJSIP/trunk/sip:{number}@trunk.invalid"
    summary = await real_world.call(real_world.plan(code("482"), to=phone), trunk=way)
    assert seen(summary) == ("failed", "trunk_unreachable", "asterisk", 503, 34)
    assert phone.rung == 0


async def test_a_trunk_that_is_not_there(world: World) -> None:
    phone = world.answers()
    summary = await world.call(world.plan(code("482")), trunk="PJSIP/{number}@nowhere")
    assert seen(summary) == ("failed", "trunk_missing", "asterisk", None, None)
    assert phone.rung == 0


async def test_a_hang_up_by_the_api(world: World) -> None:
    async def while_ringing() -> dict[str, Any]:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482"), to=phone))
        await call.seen(CallProgressed)
        call.hang_up()
        await phone.over()
        return await call.over()

    async def at_once() -> dict[str, Any]:
        phone = world.never_answers()
        call = await world.place(world.plan(code("482"), to=phone))
        call.hang_up()
        return await call.over()

    async def in_mid_code() -> dict[str, Any]:
        phone = world.answers()
        call = await world.place(world.plan(code("482913"), to=phone))
        await phone.heard(0.2)
        call.hang_up()
        await phone.over()
        return await call.over()

    summaries = await asyncio.gather(while_ringing(), at_once(), in_mid_code())
    ringing, early, talking = map(seen, summaries)
    assert ringing == ("canceled", None, "api", None, 16)
    assert early[:4] == ("canceled", None, "api", None)  # without a cause where there was no channel yet
    assert talking == ("completed", None, "api", None, 16)
    assert [summary["delivered"] for summary in summaries] == [False, False, False]


async def test_the_longest_duration_counts_from_the_answer(world: World) -> None:
    phone = world.answers(ring=0.5)
    summary = await world.call(world.plan(code("482913", times=5), max_duration=0.8))
    assert seen(summary) == ("completed", "max_duration", "timeout", None, 16)
    assert summary["talk_ms"] >= 800 - 20
    await phone.over()


async def test_who_picks_up_and_hangs_up_at_once(world: World) -> None:
    phones = [world.answers(ring=0.05 * n, hangs_up_at_once=True) for n in range(4)]
    summaries = await asyncio.gather(*(world.call(world.plan(code("482"), to=phone)) for phone in phones))
    for phone, summary in zip(phones, summaries, strict=True):
        assert phone.rung == 1
        assert seen(summary)[:4] == ("completed", None, "callee", None)
        assert seen(summary)[4] in {0, 16}, "16 where it was in the bridge"
        assert summary["delivered"] is False
        assert summary["played"]["digits"] == []


async def test_an_answer_at_the_ring_timeout_is_one_or_the_other(world: World) -> None:
    """Never both: one ring, and one summary (a second one, or none, fails the world)."""

    async def meets(early: float) -> Phone:
        phone = world.answers(ring=0.5 - early)
        call = await world.place(world.plan(code("482"), to=phone, ring_timeout=0.5))
        summary = await call.over()
        await phone.over()
        if summary["delivered"]:
            assert seen(summary) == ("completed", None, "plan", None, 16)
            assert len(call.of(CallAnswered)) == 1
        else:
            assert seen(summary)[:4] == ("no_answer", None, "timeout", None)
        return phone

    phones = await asyncio.gather(*(meets(early / 1000) for early in range(-20, 21, 4)))
    assert [phone.rung for phone in phones] == [1] * len(phones)
    assert len(world.calls) == len(phones)


async def test_an_answer_that_crosses_the_cancel_is_taken_back(world: World) -> None:
    phone = world.answers_at_cancel()
    summary = await world.call(world.plan(code("482"), ring_timeout=0.3))
    await phone.over()
    assert phone.rung == 1
    assert seen(summary)[:4] == ("no_answer", None, "timeout", None)
    assert summary["delivered"] is False


@pytest.mark.parametrize(
    ("channel", "any_reply"),
    [
        ({}, None),
        ({"channelvars": {"REF": "1"}}, None),
        ({"channelvars": {"HANGUPCAUSE_KEYS()": ""}}, False),
        ({"channelvars": {"HANGUPCAUSE_KEYS()": "PJSIP/trunk-00000001"}}, True),
    ],
)
def test_an_asterisk_that_does_not_tell_of_replies_is_not_taken_for_a_silent_trunk(
    channel: dict[str, Any], any_reply: bool | None
) -> None:
    assert replied({"type": "ChannelDestroyed", "channel": channel}) is any_reply


@pytest.mark.parametrize(
    ("event", "away"),
    [
        ({"type": "Dial", "dialstatus": "CANCEL", "forward": "19005550100"}, True),
        ({"type": "Dial", "dialstatus": "CANCEL", "forward": ""}, False),
        ({"type": "Dial", "dialstatus": "RINGING"}, False),
        ({"type": "ChannelDestroyed", "forward": "1"}, False),
    ],
)
def test_a_redirect_shows_in_the_forward_of_a_dial_event(event: dict[str, Any], away: bool) -> None:
    assert redirected(event) is away
