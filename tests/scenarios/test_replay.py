"""A code that is heard again by a key, as often as is allowed; and in another language by another key."""

from __future__ import annotations

from typing import Any, Final

import pytest

from otpvoice.core.actions import Gather, LanguageKey, Replay, Say, SayCode
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CharacterPlayed, CodeReplayed, SpeakingFinished, SpeakingStarted
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side, verdict
from tests.scenarios.world import LOCALES, PlacedCall, Utterance, World, code, ends_with, is_all

SPEED: Final = 2.0
ONCE: Final = Replay("1", 1)
TWICE: Final = Replay("1", 2)
GERMAN: Final = (LanguageKey("2", "de"),)
BOTH: Final = (*GERMAN, LanguageKey("3", "fr"))


def read(**fields: Any) -> SayCode:
    """Return a short code that is read once, quickly."""
    return code("482", speed=SPEED, slow_down=0.0, **fields)


async def called(world: World, say: SayCode, *then: Gather | Say) -> tuple[Phone, PlacedCall]:
    """Begin a call with one code."""
    phone = world.answers()
    return phone, await world.place(world.plan(say, *then, to=phone))


async def spoken(world: World, say: SayCode, *parts: str) -> list[Utterance]:
    """Return the sound of parts, named ``reading``, ``offer``, ``again 1``; behind ``2:`` in the language of that key.

    ``menu``: what offers the languages. ``closing``: a language's goodbye, which the request's own sentence has not.
    """
    step = world.code_of(say)
    scripts = []
    for part in parts:
        key, _, name = part.rpartition(":")
        tongue = step.tongues[key]
        match name.split():
            case ["menu"]:
                scripts.append(step.gate)
            case ["reading"]:
                scripts.append(tongue.readings)
            case ["offer"]:
                scripts.append(tongue.offer)
            case ["closing"]:
                scripts.append(tongue.closing)
            case ["again", count]:
                scripts.append(tongue.replays[int(count) - 1])
            case _:
                raise AssertionError(part)
    return [await world.sound_of_script(script) for script in scripts]


def readings(summary: dict[str, Any]) -> list[int]:
    """Return the number of the reading of each character that was played."""
    return [digit["reading"] for digit in summary["played"]["digits"]]


@pytest.mark.asterisk
async def test_a_key_after_the_readings_has_the_code_read_again(real_world: World) -> None:
    world = real_world

    async def asks_once() -> None:
        say = read(replay=TWICE)
        phone, call = await called(world, say)
        await call.seen(SpeakingFinished, 2)  # the offer
        await phone.press("1")
        await call.seen(SpeakingFinished, 4)  # the second offer
        await phone.press("5")  # any other key: no, thanks
        summary = await call.over()
        assert is_all(phone.sound, *await spoken(world, say, "reading", "offer", "again 1", "offer"))
        assert verdict(summary) == ("completed", None, "plan")
        assert (summary["delivered"], summary["played"]["readings"], summary["played"]["complete"]) == (True, 2, True)
        assert readings(summary) == [1, 1, 1, 2, 2, 2]
        assert [event.count for event in call.of(CodeReplayed)] == [1]

    async def asks_as_often_as_may_be() -> None:
        say = read(replay=ONCE)
        phone, call = await called(world, say, Say("Goodbye.", speed=SPEED))
        await call.seen(SpeakingFinished, 2)
        await phone.press("1")
        await call.seen(CodeReplayed)
        await phone.press("1")  # no second one is offered, and none is read
        summary = await call.over()
        (goodbye,) = await world.sound_of(world.plan(Say("Goodbye.", speed=SPEED), to="+15550100"))
        assert is_all(phone.sound, *await spoken(world, say, "reading", "offer", "again 1"), goodbye)
        assert readings(summary) == [1, 1, 1, 2, 2, 2]

    async def cannot_wait() -> None:
        """The key counts from the first reading on, and the offer need not be heard."""
        say = read(replay=ONCE)
        phone, call = await called(world, say)
        await call.seen(CharacterPlayed)
        await phone.press("1")
        summary = await call.over()
        assert is_all(phone.sound, *await spoken(world, say, "reading", "again 1"))
        assert readings(summary) == [1, 1, 1, 2, 2, 2]

    async def keys_what_comes_next() -> None:
        """A key that does not ask for the code again is an answer to the next question."""
        say = read(replay=ONCE)
        keys = Gather(DigitRules(max_digits=2), type_ahead="keep", sensitive=False)
        phone, call = await called(world, say, keys)
        await call.seen(SpeakingFinished, 2)
        await phone.press("73")
        summary = await call.over()
        assert summary["collected"][0]["digits"] == "73"
        assert summary["played"]["readings"] == 1

    async def has_heard_enough() -> None:
        say = read(replay=ONCE)
        phone, call = await called(world, say)
        await call.seen(SpeakingFinished, 2)
        await phone.hang_up()
        summary = await call.over()
        assert is_all(phone.sound, *await spoken(world, say, "reading", "offer"))
        assert verdict(summary) == ("completed", None, "callee")
        assert (summary["delivered"], summary["played"]["readings"], call.of(CodeReplayed)) == (True, 1, [])

    await side_by_side(
        asks_once(), asks_as_often_as_may_be(), cannot_wait(), keys_what_comes_next(), has_heard_enough()
    )


@pytest.mark.asterisk
async def test_a_key_has_the_code_read_in_another_language(real_world: World) -> None:
    world = real_world

    async def chooses() -> None:
        say = read(languages=GERMAN)
        phone, call = await called(world, say)
        await call.seen(SpeakingFinished)  # the menu
        await phone.press("2")
        summary = await call.over()
        assert is_all(phone.sound, *await spoken(world, say, "menu", "2:reading", "2:closing"))
        assert (summary["delivered"], summary["played"]["complete"]) == (True, True)

    async def changes_in_the_middle() -> None:
        """Half a code counts for nothing: it is read from its beginning."""
        say = read(languages=BOTH)
        phone, call = await called(world, say)
        await call.seen(SpeakingStarted)
        await phone.press("2")
        await call.seen(CharacterPlayed)
        await phone.press("3")
        summary = await call.over()
        assert ends_with(phone.sound, *await spoken(world, say, "3:reading", "3:closing"))
        assert not ends_with(phone.sound, *await spoken(world, say, "2:reading", "3:reading", "3:closing"))
        assert (summary["delivered"], summary["played"]["readings"]) == (True, 1)
        assert [digit["position"] for digit in summary["played"]["digits"]][-3:] == [1, 2, 3]

    async def chooses_at_the_offer() -> None:
        say = read(languages=BOTH, replay=ONCE)
        phone, call = await called(world, say)
        await call.seen(SpeakingStarted)
        await phone.press("3")
        await call.seen(SpeakingFinished, 3)  # the offer, in the language that was chosen
        await phone.press("2")
        summary = await call.over()
        assert ends_with(phone.sound, *await spoken(world, say, "3:reading", "3:offer", "2:again 1", "2:closing"))
        assert [event.count for event in call.of(CodeReplayed)] == [1]
        assert summary["played"]["readings"] == 2

    await side_by_side(chooses(), changes_in_the_middle(), chooses_at_the_offer())


def test_the_languages_are_told_apart() -> None:
    """Else the stories above would prove nothing."""
    words = [LOCALES.lookup(tag).word(digit) for tag in ("en", "de", "fr") for digit in "482"]
    assert len(words) == len(set(words))
