"""Somebody calls in, and the dialplan hands the channel to us: the same engine, the same proof, the same summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    CallAnswered,
    CharacterPlayed,
    DigitReceived,
    PartiesConnected,
    SpeakingFinished,
)
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Ending, Law
from tests.scenarios.callers import DIALPLAN, MODULES, RINGING, TWICE, UP, AgentCaller, Caller
from tests.scenarios.phones import SOON, Phone
from tests.scenarios.stories import side_by_side, status, verdict, world_of
from tests.scenarios.world import NOBODY, SHOWN, PlacedCall, World, code, ends_with, first_difference

SAY = '"say=Good morning, this is your bank.",speed=2'
LONG = ' "say=' + "This is a sentence that nobody wants to hear to its end. " * 3 + '"'
WAITS = "first_digit_timeout=30,inter_digit_timeout=30"


async def heard_all(caller: Phone, call: PlacedCall, world: World) -> bool:
    """Say whether the caller heard all that there was to hear, and nothing else, from the first byte on."""
    assert call.plan is not None
    pushed = await world.sound_of(call.plan)
    whole = b"".join(utterance.audio for utterance in pushed)
    return first_difference(caller.sound, whole) is None if len(pushed) == 1 else ends_with(caller.sound, *pushed)


# --- what is heard, what is keyed -------------------------------------------------------------------------------------


async def test_what_a_caller_hears_and_keys(world: World) -> None:
    await side_by_side(
        _hears_what_is_said(world, RINGING),
        _hears_what_is_said(world, UP),
        _is_told_a_code(world),
        _keys_exactly(world),
        _cuts_the_question(world),
    )


async def _hears_what_is_said(world: World, to: str) -> None:
    caller = world.calls_in(SAY, to)
    call = await world.taken(caller)
    summary = await call.over()
    told = await caller.told()
    assert await heard_all(caller, call, world)
    assert verdict(summary) == ("completed", None, "plan")
    assert (summary["direction"], summary["from"], summary["to"]) == ("inbound", caller.number, to)
    assert (summary["door"], summary["account"], summary["state"]) == ("dialplan", "default", "ended")
    assert (summary["delivered"], summary["dialed_at"], summary["ringing_at"]) == (None, None, None)
    assert summary["ring_ms"] is None
    assert summary["talk_ms"] > 0
    (leg,) = summary["legs"]
    assert (leg["role"], leg["to"], leg["outcome"]) == ("first", to, summary["outcome"])
    assert leg["channel"]
    assert not leg["channel"].startswith("call_")
    if isinstance(caller, AgentCaller):
        assert leg["sip_call_id"] == caller.placed.invite.request.header("Call-ID")
        assert caller.placed.status == 200
    assert status(told) == ("completed", "", "0")
    assert (told["OTPVOICE_CALL"], told["STASISSTATUS"], told["WENT_ON"]) == (call.id, "SUCCESS", "Up")


async def _is_told_a_code(world: World) -> None:
    caller = world.calls_in("code=482,times=1,speed=1.5")
    call = await world.taken(caller)
    summary = await call.over()
    assert await heard_all(caller, call, world)
    assert summary["delivered"] is True
    assert (summary["played"]["readings"], len(summary["played"]["digits"])) == (1, 3)
    assert summary["played"]["first_audio_ms"] >= 0
    assert status(await caller.told()) == ("completed", "", "1")


STROKES = [("1234567890", 0.1, 0.1), ("1234567890", 0.1, 0.04), ("77777", 0.1, 0.04), ("1122334455", 0.06, 0.04)]


async def _keys_exactly(world: World) -> None:
    async def collected(digits: str, on: float, off: float) -> tuple[str, float, float]:
        caller = world.calls_in(f"gather={len(digits)},{WAITS},terminators=", UP if off == on else RINGING)
        call = await world.taken(caller)
        await call.seen(CallAnswered)
        await caller.press(digits, on=on, off=off)
        summary = await call.over()
        told = await caller.told()
        assert call.keys == [told["OTPVOICE_DIGITS"]]
        assert told["OTPVOICE_DIGITS_ENDED_BY"] == "max_digits"
        assert (summary["collected"][0]["digits"], summary["collected"][0]["count"]) == (None, len(digits))
        return told["OTPVOICE_DIGITS"], on, off

    assert await asyncio.gather(*(collected(*stroke) for stroke in STROKES)) == STROKES


async def _cuts_the_question(world: World) -> None:
    caller = world.calls_in(f'gather=2,{WAITS},"prompt={"Please key your number, and then wait. " * 3}"')
    call = await world.taken(caller)
    await caller.heard(0.4)
    await caller.press("42")
    summary = await call.over()
    assert call.of(SpeakingFinished)[0].cut
    assert call.keys == ["42"]
    assert call.plan is not None
    heard = caller.sound.rstrip(b"\xff")
    gather = call.plan.actions[0]
    assert isinstance(gather, Gather)
    (pushed,) = await world.sound_of(world.plan(*gather.prompt, to=caller))
    assert heard
    assert len(heard) < len(pushed.audio)
    assert heard == pushed.audio[: len(heard)]
    assert verdict(summary) == ("completed", None, "plan")


@pytest.mark.asterisk
async def test_an_alaw_caller_hears_alaw_and_keys_exactly(tmp_path: Path) -> None:
    async with (
        await AsteriskInstance.start(
            tmp_path / "asterisk",
            trunk=NOBODY,
            codecs="alaw",
            rtp_ports=20,
            verbose=5,
            extensions=DIALPLAN,
            extra_config=MODULES,
        ) as asterisk,
        World(asterisk, law="alaw") as world,
    ):

        async def hears(to: str) -> None:
            call = await world.prepare(code("7305"), Gather(DigitRules(max_digits=5, first_digit_timeout=30.0)))
            caller = world.calls_in(f"call={call.id}", to)
            await call.seen(ActionCompleted)
            await caller.press("77777", on=0.1, off=0.04)
            summary = await call.over()
            assert isinstance(caller, AgentCaller)
            assert caller.placed.recording.law is Law.PCMA
            assert await heard_all(caller, call, world)
            assert summary["delivered"] is True
            assert (await caller.told())["OTPVOICE_DIGITS"] == "77777"

        await side_by_side(hears(RINGING), hears(UP))


# --- who hangs up -----------------------------------------------------------------------------------------------------


async def test_how_callers_leave_and_are_left(world: World) -> None:
    """Who hangs up has heard what is claimed; who asks for a hang-up gets one; the longest duration lets go."""
    await side_by_side(_hangs_up(world), _is_hung_up(world))


async def _hangs_up(world: World) -> None:
    async def in_the_prompt() -> None:
        caller = world.calls_in(LONG.strip())
        call = await world.taken(caller)
        await caller.heard(0.3)
        await caller.hang_up()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "callee")
        told = await caller.told()
        # Set ahead, for want of a moment at the end.
        assert (told["OTPVOICE_STATUS"], told["OTPVOICE_CALL"], told["WENT_ON"]) == ("hangup", call.id, "")

    async def in_the_code() -> None:
        caller = world.calls_in("code=482913,times=2,speed=1.5")
        call = await world.taken(caller)
        await call.seen(CharacterPlayed, 2)
        await caller.hang_up()
        summary = await call.over()
        assert verdict(summary) == ("completed", None, "callee")
        assert summary["delivered"] is False
        assert call.plan is not None
        (pushed,) = await world.sound_of(call.plan)
        played = [(digit["reading"], digit["position"]) for digit in summary["played"]["digits"]]
        assert len(played) >= 2
        assert played == list(pushed.ends)[: len(played)]
        sound = caller.sound
        assert first_difference(sound, pushed.audio[: len(sound)]) is None
        assert all(pushed.ends[digit] <= len(sound) for digit in played)
        assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"

    async def with_half_of_the_keys() -> None:
        caller = world.calls_in(f"gather=4,{WAITS},sensitive=no")
        call = await world.taken(caller)
        await call.seen(CallAnswered)
        await caller.press("12")
        await call.seen(DigitReceived, 2)
        await caller.hang_up()
        summary = await call.over()
        (entry,) = summary["collected"]
        assert (entry["digits"], entry["ended_by"], entry["valid"]) == ("12", "hangup", False)
        assert verdict(summary) == ("completed", None, "callee")

    await side_by_side(in_the_prompt(), in_the_code(), with_half_of_the_keys())


async def test_a_caller_who_cancels_is_not_answered(kind: AsteriskInstance | None) -> None:
    """There is no leg, so the caller hears it ring."""
    async with world_of(kind, legs=(1, 1)) as world:
        busy = world.calls_in(f"gather=1,{WAITS}")
        occupies = await world.taken(busy)
        await occupies.seen(CallAnswered)
        caller = world.calls_in(SAY)
        await world.until(lambda: world.app.count == 2)
        if isinstance(caller, AgentCaller):
            caller.placed.cancel()
            assert await caller.placed.ended() is Ending.CANCELLED
            assert caller.placed.status == 487
        else:
            await caller.hang_up()
        call = await world.taken(caller)
        summary = await call.over()
        assert verdict(summary) == ("canceled", None, "callee")
        assert (summary["answered_at"], summary["talk_ms"], summary["played"]["digits"]) == (None, None, [])
        assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"
        await busy.press("1")
        await occupies.over()


# --- then ------------------------------------------------------------------------------------------------------------


async def _then_hangup(world: World) -> None:
    caller = world.calls_in(f"{SAY},then=hangup")
    call = await world.taken(caller)
    summary = await call.over()
    told = await caller.told()
    assert verdict(summary) == ("completed", None, "plan")
    assert (*status(told), told["WENT_ON"]) == ("completed", "", "0", "")
    assert await heard_all(caller, call, world)


async def _is_hung_up(world: World) -> None:
    async def by_api() -> None:
        caller = world.calls_in(f"gather=1,{WAITS}")
        call = await world.taken(caller)
        await call.seen(CallAnswered)
        call.hang_up()
        told = await caller.told()
        assert verdict(await call.over()) == ("completed", None, "api")
        assert (*status(told), told["WENT_ON"]) == ("completed", "", "0", "")

    async def too_long() -> None:
        call = await world.prepare(Gather(DigitRules(first_digit_timeout=30.0)), max_duration=0.5)
        caller = world.calls_in(f"call={call.id}")
        told = await caller.told()
        assert verdict(await call.over()) == ("completed", "max_duration", "timeout")
        assert (*status(told), told["WENT_ON"]) == ("completed", "max_duration", "0", "Up")

    await side_by_side(by_api(), too_long(), _then_hangup(world))


async def test_what_is_no_call_goes_on_unanswered(world: World) -> None:
    async def goes_on(arguments: str, reason: str) -> None:
        caller = world.calls_in(arguments)
        told = await caller.told()
        assert (*status(told), told["WENT_ON"]) == ("invalid", reason, "0", "Ring")
        assert told["OTPVOICE_ERROR"]
        assert await _is_not_answered(caller)

    await side_by_side(
        goes_on("say=", "no_value"),
        goes_on("sya=Hello", "unknown_key"),
        goes_on("call=call_unknown", "unknown_call"),
        goes_on("dial=+4420", "format"),
    )
    assert not world.calls


async def test_at_our_shutdown_callers_go_on_in_their_dialplan(world: World) -> None:
    second = world.answers()
    callers = [world.calls_in(f"dial={second.number}"), world.calls_in(f"gather=1,{WAITS}")]
    calls = [await world.taken(caller) for caller in callers]
    await calls[0].seen(PartiesConnected)
    await calls[1].seen(CallAnswered)
    await world.app.end_all()
    await second.over()
    for caller, call in zip(callers, calls, strict=True):
        assert verdict(await call.over()) == ("completed", "shutdown", "us")
        told = await caller.told()
        assert (*status(told), told["WENT_ON"]) == ("completed", "shutdown", "0", "Up")
    late = await world.calls_in(SAY).told()
    assert (*status(late), late["WENT_ON"]) == ("failed", "draining", "0", "Ring")


# --- prepared calls ---------------------------------------------------------------------------------------------------


async def test_a_prepared_call_is_delivered_to_who_comes_for_it_and_to_nobody_else(world: World) -> None:
    await side_by_side(_delivers_what_was_prepared(world), _is_taken_once(world))


async def _delivers_what_was_prepared(world: World) -> None:
    call = await world.prepare(code("4829"), metadata={"order": 7})
    caller = world.calls_in(f"call={call.id},header=X-Ref", UP, X_Ref="a, b")
    summary = await call.over()
    assert await heard_all(caller, call, world)
    assert (summary["direction"], summary["from"], summary["to"]) == ("inbound", caller.number, UP)
    assert (summary["delivered"], summary["door"]) == (True, "http")
    assert summary["metadata"] == {"X-Ref": "a, b", "order": 7}
    assert status(await caller.told()) == ("completed", "", "1")


async def _is_taken_once(world: World) -> None:
    call = await world.prepare(code("482"))
    callers = [world.calls_in(f"call={call.id}") for _ in range(3)]
    summary = await call.over()
    told = [await caller.told() for caller in callers]
    assert sorted(map(status, told)) == [("completed", "", "1"), *[("invalid", "unknown_call", "0")] * 2]
    (winner,) = [caller for caller, variables in zip(callers, told, strict=True) if variables["OTPVOICE_CALL"]]
    assert summary["from"] == winner.number
    assert [caller.sound.strip(b"\xff") for caller in callers if caller is not winner] == [b"", b""]
    assert await heard_all(winner, call, world)


async def test_a_prepared_call_that_ends_as_somebody_comes_has_one_end(world: World) -> None:
    """Expired, hung up by the API, or taken: whichever is first, there is one summary and the caller is told."""

    async def races(number: int, end: Callable[[PlacedCall], Any], **fields: Any) -> tuple[str, str]:
        call = await world.prepare(code("482"), **fields)
        caller = world.calls_in(f"call={call.id}")
        # Later and later: some of these are before the claim, some after it.
        for _ in range(3 * number):
            await asyncio.sleep(0)
        end(call)
        summary = await call.over()
        return summary["outcome"]["class"], (await caller.told())["OTPVOICE_STATUS"]

    soon = world.app.clock.wall() + 0.02
    got = await asyncio.gather(
        *(races(number, lambda call: call.hang_up()) for number in range(4)),
        *(races(number, lambda call: None, valid_until=soon + 0.003 * number) for number in range(4)),
    )
    assert set(got) <= {
        ("canceled", "invalid"),  # hung up before somebody came
        ("canceled", "canceled"),  # after, and before the answer
        ("completed", "completed"),
        ("expired", "invalid"),
        ("expired", "expired"),  # claimed in time, and stale by the answer
    }


# --- many, and again --------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
async def test_a_channel_that_comes_twice(real_world: World) -> None:
    await side_by_side(_is_two_calls(real_world), _comes_for_it_again(real_world))


async def _is_two_calls(real_world: World) -> None:
    caller = real_world.calls_in("say=Hello,speed=2", TWICE)
    first, second = await real_world.taken(caller), await real_world.taken(caller, 2)
    summaries = [await first.over(), await second.over()]
    assert first.plan is not None
    assert second.plan is not None
    pushed = [*await real_world.sound_of(first.plan), *await real_world.sound_of(second.plan)]
    assert ends_with(caller.sound, *pushed)
    assert [verdict(summary) for summary in summaries] == [("completed", None, "plan")] * 2
    assert first.id != second.id
    assert summaries[0]["legs"][0]["channel"] == summaries[1]["legs"][0]["channel"]
    told = await caller.told()
    assert (told["OTPVOICE_CALL"], told["WENT_ON"]) == (second.id, "twice")


async def _comes_for_it_again(real_world: World) -> None:
    """The same arguments twice: the prepared call is over when the channel comes for it again."""
    call = await real_world.prepare(code("482"))
    caller = real_world.calls_in(f"call={call.id}", TWICE)
    assert (await call.over())["delivered"] is True
    told = await caller.told()
    assert (*status(told), told["WENT_ON"]) == ("invalid", "unknown_call", "0", "twice")


async def test_thirty_callers_over_three_legs(kind: AsteriskInstance | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otpvoice.ari.line.FIRST_LEG_WITHIN", 0.5)
    monkeypatch.setattr("otpvoice.ari.leg.CLEAN_WITHIN", SOON)  # else a busy machine has legs retired
    async with world_of(kind, legs=(3, 3)) as world:
        legs = set(world.node.pool.ids)
        callers = [world.calls_in("code=482,times=1,speed=2") for _ in range(30)]
        told = [await caller.told() for caller in callers]
        served = [caller for caller, variables in zip(callers, told, strict=True) if variables["WENT_ON"] == "Up"]
        refused = [caller for caller in callers if caller not in served]
        assert served
        assert refused
        for caller, variables in zip(callers, told, strict=True):
            call = await world.taken(caller)
            summary = await call.over()
            if caller in served:
                assert status(variables) == ("completed", "", "1")
                assert await heard_all(caller, call, world)
            else:
                assert (*status(variables), variables["WENT_ON"]) == ("failed", "media_unavailable", "0", "Ring")
                assert verdict(summary) == ("failed", "media_unavailable", "us")
                assert (summary["answered_at"], summary["delivered"]) == (None, False)
                assert await _is_not_answered(caller)
        await world.until(lambda: not world.node.pool.taken)
        assert world.node.pool.ids == legs


async def test_thirty_callers_at_once_with_a_leg_for_each(kind: AsteriskInstance | None) -> None:
    async with world_of(kind, legs=(4, 30)) as world:

        async def hears(number: int) -> None:
            call = await world.prepare(code(f"{1000 + 211 * number}", gap=0.0, speed=2.0))
            caller = world.calls_in(f"call={call.id}", UP if number % 2 else RINGING)
            summary = await call.over()
            assert summary["delivered"] is True
            assert await heard_all(caller, call, world)
            assert status(await caller.told()) == ("completed", "", "1")

        await side_by_side(*map(hears, range(30)))


async def test_a_caller_is_connected_and_goes_on_afterwards(world: World) -> None:
    second = world.answers(ring=0.3)
    caller = world.calls_in(f"say=Wait,speed=2,dial={second.number}")
    call = await world.taken(caller)
    await second.picked_up()
    await asyncio.gather(caller.speaks(700, 0.5), second.speaks(1100, 0.5))
    await call.until(lambda: caller.tone(700, 0.3) in second.sound)
    assert second.shown == SHOWN  # the caller's own number is not ours to show
    await second.hang_up()
    summary = await call.over()
    told = await caller.told()
    assert verdict(summary) == ("completed", None, "plan")
    assert [leg["role"] for leg in summary["legs"]] == ["first", "second"]
    assert verdict(summary["legs"][1]) == ("completed", None, "callee")
    assert second.tone(1100, 0.3) in caller.sound
    assert (*status(told), told["WENT_ON"]) == ("completed", "", "0", "Up")


async def _is_not_answered(caller: Caller) -> bool:
    return await caller.placed.decided() == 603 if isinstance(caller, AgentCaller) else not caller.packets
