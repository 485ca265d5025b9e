"""A code behind a gate: who presses the key hears it, and nobody else hears one sample of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from otpvoice.core.actions import ANY_KEY, RANDOM_KEY, Gate, LanguageKey, Say, SayCode
from otpvoice.core.chance import KEYS
from otpvoice.core.events import SpeakingFinished, SpeakingStarted
from otpvoice.core.speech import CodeCharacter
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side, verdict
from tests.scenarios.world import PlacedCall, Utterance, World, code, ends_with, is_all

SPEED = 2.0
GOODBYE = Say("Goodbye.", speed=SPEED)
NO_CODE = (Say("No key, no code.", speed=SPEED),)


def gated(
    key: str = "1", *, tries: int = 1, timeout: float = 0.3, failure: tuple[Say, ...] = NO_CODE, **fields: Any
) -> SayCode:
    """Return a short code behind a gate that does not wait long."""
    return code("482", speed=SPEED, gate=Gate(key, tries, timeout, failure), **fields)


Does = Callable[[Phone, PlacedCall], Awaitable[None]]


def presses(keys: str, question: int = 1) -> Does:
    """Return somebody who hears a question (from 1) to its end before a key is pressed."""

    async def press(phone: Phone, call: PlacedCall) -> None:
        await call.seen(SpeakingFinished, question)
        await phone.press(keys)

    return press


async def is_a_voicemail(phone: Phone, call: PlacedCall) -> None:
    """Greet whoever calls, into the question, and press nothing."""
    await phone.picked_up()
    await phone.speaks(440, 1.0)


async def called(world: World, say: SayCode, *does: Does) -> tuple[Phone, dict[str, Any]]:
    """Make a call with one code, and something that only those hear who passed its gate."""
    phone = world.answers()
    call = await world.place(world.plan(say, GOODBYE, to=phone))
    for do in does:
        await do(phone, call)
    return phone, await call.over()


async def utterances(world: World, say: SayCode) -> tuple[Utterance, Utterance, Utterance, Utterance]:
    """Return the sound of the question, of what is said when it fails, of the readings, and of what follows them."""
    step = world.code_of(say)
    (goodbye,) = await world.sound_of(world.plan(GOODBYE, to="+15550100"))
    return (
        await world.sound_of_script(step.gate),
        await world.sound_of_script(step.failure),
        await world.sound_of_script(step.tongues[""].readings),
        goodbye,
    )


async def holds_a_digit(world: World, say: SayCode, heard: bytes) -> bool:
    """Say whether a single character of the code is anywhere in what was heard."""
    characters = [item for item in world.code_of(say).tongues[""].readings if isinstance(item, CodeCharacter)]
    sounds = (await world.renderer.prepare(tuple(characters))).sounds
    return any(sound.strip(b"\xff\x7f") in heard for sound in sounds)


@pytest.mark.asterisk
async def test_who_presses_the_key_hears_the_code(real_world: World) -> None:
    world = real_world

    async def hears(asked_for: str, pressed: str | None) -> None:
        phone = world.answers()
        call = await world.place(world.plan(gated(asked_for, timeout=9.0), GOODBYE, to=phone))
        await call.seen(SpeakingFinished)
        assert call.plan is not None
        say = call.plan.actions[0]
        assert isinstance(say, SayCode)
        assert say.gate is not None
        await phone.press(pressed or say.gate.key)
        summary = await call.over()

        # A drawn key is one that can be pressed, and the question names it.
        question, _, readings, goodbye = await utterances(world, say)
        assert (say.gate.key in KEYS) if asked_for == RANDOM_KEY else (say.gate.key == asked_for)
        assert is_all(phone.sound, question, readings, goodbye)
        assert verdict(summary) == ("completed", None, "plan")
        assert (summary["delivered"], summary["played"]["complete"], summary["errors"]) == (True, True, [])
        assert [digit["position"] for digit in summary["played"]["digits"]] == [1, 2, 3]
        assert await holds_a_digit(world, say, phone.sound)

    async def cuts_the_question() -> None:
        say = gated()
        phone = world.answers()
        call = await world.place(world.plan(say, to=phone))
        await phone.heard(0.3)
        await phone.press("1")
        summary = await call.over()
        question, _, readings, _ = await utterances(world, say)
        assert ends_with(phone.sound, readings)
        assert not ends_with(phone.sound, question, readings)
        assert summary["delivered"] is True

    async def thinks_twice() -> None:
        say = gated(tries=2, timeout=9.0)
        phone, summary = await called(world, say, presses("5"), presses("1", question=2))
        question, _, readings, goodbye = await utterances(world, say)
        assert is_all(phone.sound, question, question, readings, goodbye)
        assert (summary["delivered"], summary["errors"]) == (True, [])

    async def presses_the_key_of_a_language() -> None:
        say = gated(languages=(LanguageKey("2", "de"),), timeout=9.0)
        phone, summary = await called(world, say, presses("2"))
        step = world.code_of(say)
        question, _, _, goodbye = await utterances(world, say)
        assert is_all(phone.sound, question, await world.sound_of_script(step.tongues["2"].readings), goodbye)
        assert summary["delivered"] is True

    await side_by_side(
        hears("7", None),
        hears("*", None),
        hears(ANY_KEY, "0"),
        hears(RANDOM_KEY, None),
        cuts_the_question(),
        thinks_twice(),
        presses_the_key_of_a_language(),
    )


async def test_who_does_not_hears_no_digit_of_it(world: World) -> None:
    async def hears(say: SayCode, questions: int, *does: Does) -> None:
        phone, summary = await called(world, say, *does)
        question, failure, _, _ = await utterances(world, say)
        # That it is all is the proof; the search for single digits is for whoever doubts it.
        assert is_all(phone.sound, *[question] * questions, failure)
        assert not await holds_a_digit(world, say, phone.sound)
        assert verdict(summary) == ("completed", None, "plan")
        assert (summary["delivered"], summary["played"]["readings"], summary["played"]["digits"]) == (False, 0, [])
        assert [(error["code"], error["action"]) for error in summary["errors"]] == [("gate_not_passed", 0)]

    async def presses_before_it_is_asked() -> None:
        say = gated()
        phone = world.answers()
        call = await world.place(world.plan(Say("Hello, it is me.", speed=SPEED), say, to=phone))
        await call.seen(SpeakingStarted)
        await phone.press("1")
        summary = await call.over()
        question, failure, _, _ = await utterances(world, say)
        assert ends_with(phone.sound, question, failure)
        assert not await holds_a_digit(world, say, phone.sound)
        assert (summary["delivered"], summary["errors"][0]["code"]) == (False, "gate_not_passed")

    await side_by_side(
        hears(gated(), 1),
        hears(gated(tries=2), 2, is_a_voicemail),
        hears(gated(timeout=9.0), 1, presses("2")),
        hears(gated(timeout=9.0), 1, presses("*")),
        hears(gated(tries=2, timeout=9.0), 2, presses("2"), presses("3", question=2)),
        # All keys in a row open nothing: the first one decides.
        hears(gated(timeout=9.0), 1, presses("21")),
        hears(gated(ANY_KEY), 1),
        # Where the request has no sentence, the language has one.
        hears(gated(failure=()), 1),
        presses_before_it_is_asked(),
    )
