"""Keys arrive exactly as they were pressed, and a gather ends by the rule that it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from otpvoice.core.actions import Gather, Pause, Say
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import ActionCompleted, CallAnswered, DigitReceived, SpeakingFinished, SpeakingStarted
from otpvoice.core.speaking import BREATH
from tests.scenarios.figures import Figures
from tests.scenarios.phones import Phone
from tests.scenarios.world import FRAME, LATE, TICK, PlacedCall, World, code

Typing = Callable[[Phone, PlacedCall], Coroutine[Any, Any, None]]


def rules(**fields: Any) -> DigitRules:
    """Return rules with short timers; ``fields`` are those of ``DigitRules``."""
    return DigitRules(**({"first_digit_timeout": 0.8, "inter_digit_timeout": 0.8, "max_digits": 4} | fields))


def types(digits: str, *, on: float = 0.1, off: float = 0.1, after: float = 0.0) -> Typing:
    """Return somebody who presses keys ``after`` seconds of listening."""

    async def press(phone: Phone, call: PlacedCall) -> None:
        await call.seen(CallAnswered)
        if after:
            await asyncio.sleep(after)
        await phone.press(digits, on=on, off=off)

    return press


async def nothing(phone: Phone, call: PlacedCall) -> None:
    """Just listen."""


async def gathered(world: World, gather: Gather, typing: Typing) -> tuple[dict[str, Any], PlacedCall]:
    """Make a call with one gather. Returns its summary, and the call."""
    phone = world.answers()
    call = await world.place(world.plan(gather, to=phone, lead_in=0.04, tail=0.04))
    await phone.picked_up()
    pressing = asyncio.create_task(typing(phone, call))
    summary = await call.over()
    pressing.cancel()
    await asyncio.gather(pressing, return_exceptions=True)
    return summary, call


STROKES = [
    *[("1234567890", 0.1, 0.1), ("1234567890", 0.1, 0.04), ("77777", 0.1, 0.04), ("77777", 0.06, 0.1)],
    *[("*#ABCD0", 0.1, 0.1), ("00000000", 0.06, 0.04), ("1122334455", 0.04, 0.04), ("9", 0.06, 0.1)],
]


async def test_fast_and_repeated_keys_are_exact(world: World) -> None:
    async def collected(digits: str, on: float, off: float) -> tuple[str, float, float]:
        taking = DigitRules(max_digits=len(digits), terminators="", valid_digits="0123456789*#ABCD")
        summary, call = await gathered(world, Gather(taking), types(digits, on=on, off=off))
        (entry,) = summary["collected"]
        # Sensitive by default: the asker gets the keys, the record how many there were.
        assert (entry["digits"], entry["count"]) == (None, len(call.keys[0]))
        assert len(call.of(DigitReceived)) == len(call.keys[0])
        return call.keys[0], on, off

    got = await asyncio.gather(*(collected(*stroke) for stroke in STROKES))
    assert list(got) == STROKES


class Row(NamedTuple):
    """Who types what under which rules, and what is said of it: digits, ended_by, valid, ignored."""

    gather: Gather
    typing: Typing
    collected: tuple[str, str, bool, int]


def row(gather: DigitRules, typing: Typing, *collected: Any) -> Row:
    return Row(Gather(gather, sensitive=False), typing, collected)


ROWS = {
    "nobody presses": row(rules(), nothing, "", "no_input", False, 0),
    "none are needed": row(rules(min_digits=0), nothing, "", "no_input", True, 0),
    "too few": row(rules(min_digits=2), types("1"), "1", "inter_digit_timeout", False, 0),
    "enough, not all": row(rules(min_digits=2), types("12"), "12", "inter_digit_timeout", True, 0),
    "all": row(rules(), types("1234"), "1234", "max_digits", True, 0),
    "more than all": row(rules(max_digits=2), types("1234"), "12", "max_digits", True, 0),
    "terminator": row(rules(), types("12#"), "12", "terminator", True, 0),
    "terminator in the last place": row(rules(max_digits=3), types("12#"), "12", "terminator", True, 0),
    "terminator first": row(rules(), types("#"), "", "terminator", False, 0),
    "one of two terminators": row(rules(terminators="#*"), types("1*"), "1", "terminator", True, 0),
    "invalid keys": row(
        rules(valid_digits="12", max_digits=2, inter_digit_timeout=2.0), types("1*932"), "12", "max_digits", True, 3
    ),
    "invalid keys move no timer": row(
        rules(inter_digit_timeout=1.3), types("1*2", off=0.7), "1", "inter_digit_timeout", True, 1
    ),
    "overall": row(
        rules(overall_timeout=1.5, inter_digit_timeout=9.0),
        types("111", off=0.8),
        *("11", "overall_timeout", True, 0),
    ),
    "as many as they like": row(rules(max_digits=None), types("123456#"), "123456", "terminator", True, 0),
}


async def test_every_way_to_end_a_gather(world: World) -> None:
    async def ends(row: Row) -> tuple[Any, ...]:
        summary, _ = await gathered(world, row.gather, row.typing)
        (entry,) = summary["collected"]
        assert entry["count"] == len(entry["digits"])
        assert summary["delivered"] is None  # there was no code to deliver
        return tuple(entry[name] for name in ("digits", "ended_by", "valid", "ignored"))

    got = dict(zip(ROWS, await asyncio.gather(*(ends(row) for row in ROWS.values())), strict=True))
    assert got == {name: row.collected for name, row in ROWS.items()}


async def test_a_hang_up_ends_a_gather_with_what_there_was(world: World) -> None:
    async def hangs_up(phone: Phone, call: PlacedCall) -> None:
        await types("12")(phone, call)
        await phone.hang_up()

    summary, _ = await gathered(world, Gather(rules(inter_digit_timeout=10.0), sensitive=False), hangs_up)
    (entry,) = summary["collected"]
    assert (entry["digits"], entry["ended_by"], entry["valid"]) == ("12", "hangup", False)


async def test_another_try_asks_again(world: World) -> None:
    async def types_late(phone: Phone, call: PlacedCall) -> None:
        # The prompt, the failure, and the prompt again.
        await call.seen(SpeakingStarted, 3)
        await phone.press("5")

    gather = Gather(
        rules(max_digits=1, first_digit_timeout=0.2),
        prompt=(Say("Now", speed=2.0),),
        failure=(Pause(0.06),),
        tries=2,
        sensitive=False,
        tag="age",
    )
    summary, call = await gathered(world, gather, types_late)
    (entry,) = summary["collected"]
    assert (entry["tag"], entry["tries"], entry["ended_by"], entry["valid"]) == ("age", 2, "max_digits", True)
    assert call.keys == ["5"]


async def test_keys_that_come_before_the_question(world: World) -> None:
    async def keys(type_ahead: str, count: int) -> str:
        phone = world.answers()
        gather = Gather(rules(max_digits=count), type_ahead=type_ahead, sensitive=False)
        call = await world.place(world.plan(code("482"), gather, to=phone))
        await phone.heard(0.1)
        await phone.press("4")
        await call.seen(ActionCompleted)
        await phone.press("2")
        summary = await call.over()
        assert summary["delivered"] is True
        (entry,) = summary["collected"]
        assert entry["ended_by"] == "max_digits"
        return str(entry["digits"])

    kept, flushed = await asyncio.gather(keys("keep", 2), keys("flush", 1))
    assert (kept, flushed) == ("42", "2")


async def test_barge_in_cuts_the_prompt(world: World, figures: Figures) -> None:
    """No audio that was cleared is heard later than two frames after it was."""
    phone = world.answers()
    prompt = Say("Please press one to confirm that it was you who asked for this call, or press two if it was not.")
    call = await world.place(world.plan(Gather(rules(max_digits=1), prompt=(prompt,)), code("482")))
    await phone.heard(0.5)
    pressed = asyncio.create_task(phone.press("1"))
    cut = await call.seen(SpeakingFinished)
    assert cut.cut
    cut_at = world.loop_time(cut.at)
    summary = await call.over()
    await pressed

    assert (summary["delivered"], call.keys) == (True, ["1"])
    # What came after the flush is what was under way, and then the code with the silence before it.
    after = b"".join(packet.payload for packet in phone.packets if packet.at > cut_at)
    (utterance,) = await world.sound_of(world.plan(code("482"), lead_in=BREATH))
    begins = after.find(utterance.audio)
    assert begins >= 0
    late = begins // FRAME
    assert late <= 2 + LATE / TICK
    figures(f"barge-in: {late} frames of the prompt after the flush")


async def test_without_barge_in_the_prompt_is_heard_to_its_end(world: World) -> None:
    async def hears(type_ahead: str, then: str) -> tuple[list[str], str]:
        phone = world.answers()
        gather = Gather(
            rules(max_digits=2),
            prompt=(Say("Please press one to confirm.", speed=2.0),),
            barge_in=False,
            type_ahead=type_ahead,
        )
        call = await world.place(world.plan(gather, to=phone, tail=0.3))
        await phone.heard(0.3)
        await phone.press("1")
        finished = await call.seen(SpeakingFinished)
        assert not finished.cut
        await phone.press(then)
        summary = await call.over()
        return call.keys, summary["collected"][0]["ended_by"]

    kept, flushed = await asyncio.gather(hears("keep", "2"), hears("flush", "23"))
    assert kept == (["12"], "max_digits")
    assert flushed == (["23"], "max_digits")
