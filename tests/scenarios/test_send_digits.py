"""Keys that we press: they arrive as they were asked for, and end with the call."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.actions import Dial, Gather, Hangup, SendDigits
from otpvoice.core.compile import WAIT
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import ActionCompleted, CallAnswered, DigitReceived
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.testkit.callee import telephone_event
from tests.fakes import FakeAsterisk
from tests.scenarios.phones import AgentPhone, Phone
from tests.scenarios.stories import side_by_side, verdict, world_of
from tests.scenarios.world import PlacedCall, World, code, is_all

MANY: Final = "1234567890" * 6
"""They take 15 s; nobody waits for them."""
SOME: Final = len(MANY) // 2


async def test_keys_arrive_exactly_as_asked_for(world: World) -> None:
    async def arrive(*sent: str) -> None:
        phone = world.answers()
        call = await world.place(world.plan(*(SendDigits(digits) for digits in sent), Hangup(), to=phone))
        summary = await call.over()
        await phone.over()
        assert phone.told_keys == "".join(sent).replace("w", "")
        assert verdict(summary) == ("completed", None, "plan")
        assert (summary["delivered"], summary["errors"]) == (None, [])
        # They do not come back to us as if the callee had pressed them.
        assert call.of(DigitReceived) == []

    await side_by_side(arrive("0123456789"), arrive("*#ABCD"), arrive("1w2ww3"), arrive("w77777"), arrive("12", "34"))


async def test_what_is_said_before_and_after_is_heard_whole(world: World) -> None:
    phone = world.answers()
    plan = world.plan(code("482"), SendDigits("1w9"), code("735"))
    summary = await world.call(plan)
    assert is_all(phone.sound, *await world.sound_of(plan))
    assert phone.told_keys == "19"
    assert (summary["delivered"], summary["played"]["readings"]) == (True, 2)


async def test_keys_of_the_callee_meanwhile_are_not_lost(world: World) -> None:
    """Asterisk takes what comes back while it sends for an echo, and ignores where such a key begins, not its end."""
    phone = world.answers()
    keys = Gather(DigitRules(max_digits=3), type_ahead="keep", sensitive=False)
    call = await world.place(world.plan(SendDigits("1234567"), keys))
    await call.seen(CallAnswered)
    await phone.press("985")
    summary = await call.over()
    assert summary["collected"][0]["digits"] == "985"
    assert phone.told_keys == "1234567"


async def test_a_call_that_ends_meanwhile_ends_at_once(world: World) -> None:
    """Asterisk would press the rest of what it was told in one, and end the call after that."""

    async def pressing() -> tuple[Phone, PlacedCall]:
        phone = world.answers()
        call = await world.place(world.plan(SendDigits(MANY), code("482"), to=phone))
        await phone.picked_up()
        await call.seen(CallAnswered)
        return phone, call

    async def hangs_up() -> None:
        phone, call = await pressing()
        await phone.hang_up()
        assert verdict(await call.over()) == ("completed", None, "callee")
        assert len(phone.told_keys) < SOME

    async def is_hung_up() -> None:
        phone, call = await pressing()
        call.hang_up()
        summary = await call.over()
        assert (verdict(summary), summary["delivered"]) == (("completed", None, "api"), False)
        await phone.over()
        assert len(phone.told_keys) < SOME

    async def takes_too_long() -> None:
        phone = world.answers()
        plan = world.plan(SendDigits(MANY), to=phone, max_duration=0.6)
        summary = await world.call(plan)
        assert (verdict(summary), summary["errors"]) == (("completed", "max_duration", "timeout"), [])
        await phone.over()
        assert len(phone.told_keys) < SOME

    await side_by_side(hangs_up(), is_hung_up(), takes_too_long())


async def test_keys_open_the_way_to_a_second_party(world: World) -> None:
    first, second = world.answers(), world.answers()
    call = await world.place(world.plan(SendDigits("12"), Dial(second.number), to=first))
    await second.picked_up()
    await second.hang_up()
    await call.over()
    assert (first.told_keys, second.told_keys) == ("12", "")


async def test_keys_that_are_refused_are_told_and_the_plan_goes_on() -> None:
    async with world_of(None) as world:
        phone = world.answers()
        assert isinstance(world.asterisk, FakeAsterisk)
        world.asterisk.faults.answer("sendDTMF", status=500)
        summary = await world.call(world.plan(SendDigits("12"), code("482")))
        assert [(error["code"], error["action"]) for error in summary["errors"]] == [("digits_not_sent", 0)]
        assert (verdict(summary), summary["delivered"]) == (("completed", None, "plan"), True)
        assert phone.told_keys == ""


@pytest.mark.asterisk
async def test_on_the_wire_they_are_telephone_events_of_a_tenth_of_a_second(real_world: World) -> None:
    """RFC 4733: updates, and an end that is said three times."""
    phone = real_world.answers()
    call = await real_world.place(real_world.plan(SendDigits("5w9")))
    await call.seen(ActionCompleted)
    await call.over()
    assert isinstance(phone, AgentPhone)
    recording = phone.call.recording
    events = [packet for packet in recording.packets if packet.payload_type == recording.event_type]
    starts = sorted({packet.timestamp for packet in events})
    assert len(starts) == 2
    for start in starts:
        told = [telephone_event.parse(packet.payload) for packet in events if packet.timestamp == start]
        ends = [event for event in told if event.end]
        assert len(ends) == 3
        assert {event.duration for event in ends} == {ends[0].duration}
        assert ends[0].duration >= 0.1 * SAMPLE_RATE
    assert starts[1] - starts[0] > WAIT * SAMPLE_RATE
    assert recording.lost == 0
    # Nor is any of it in the log, for whoever reads it without debugging.
    spoken = [line for line in real_world.log.splitlines() if " DEBUG[" not in line]
    assert not [line for line in spoken if "dtmf" in line.lower() or "digit" in line.lower()]
