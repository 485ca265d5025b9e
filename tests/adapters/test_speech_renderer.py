"""Scripts become sound: order, exact gaps, what is shared, what is kept and what never is.

The engine is a stand-in that answers with sound made of its arguments, and notes what it was asked; the last tests use
the real one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.espeak import Espeak
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import Say, SayCode
from otpvoice.core.locale import lookup
from otpvoice.core.reading import code_script, say_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Silence, SpeechUnavailable, Words
from otpvoice.media.g711 import SILENCE, Law, encode
from otpvoice.session import Voice as SessionVoice

LOCALES = load_locales()


class Stand:
    """An engine whose sound is its arguments, as PCM. It waits for ``gate`` and fails with ``fault``."""

    languages = frozenset({"en", "de", "fr", "sv"})

    def __init__(self, name: str = "espeak", may_see_secrets: bool = True) -> None:
        self.name = name
        self.may_see_secrets = may_see_secrets
        self.asked: list[tuple[str, str, str | None, float]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.fault: Exception | None = None

    def voice_language(self, name: str) -> str | None:
        return lookup(name, self.languages)

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> bytes:
        self.asked.append((text, language, voice_name, speed))
        self.begun.set()
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return b"" if text == "(nothing)" else repr((text, language, voice_name, speed)).encode() * 2

    @property
    def texts(self) -> list[str]:
        return [text for text, *_ in self.asked]


def test_a_renderer_is_the_voice_of_a_session() -> None:
    voice: SessionVoice = renderer()
    assert voice.silence(0.01) == b"\xff" * 80


def renderer(*voices: Stand, law: Law = "ulaw", **options: Any) -> Renderer:
    return Renderer(voices or (Stand(),), LOCALES, law, **options)


def code(text: str = "4821", **options: Any) -> Script:
    return code_script(replace(SayCode(OtpCode(text)), **options), "en", None, LOCALES)


def characters(script: Script, sounds: Sequence[bytes]) -> list[tuple[CodeCharacter, bytes]]:
    return [(item, sound) for item, sound in zip(script, sounds, strict=True) if isinstance(item, CodeCharacter)]


@pytest.fixture(params=["ulaw", "alaw"])
def law(request: pytest.FixtureRequest) -> Law:
    chosen: Law = request.param
    return chosen


async def test_every_piece_of_a_script_becomes_one_sound_in_its_place(law: Law) -> None:
    script = (Words("Hello", "en"), Silence(0.5), CodeCharacter("7", 2, 3, 4, "en", speed=0.8), Silence(0))
    assert await renderer(law=law).prepare(script) == (
        encode(repr(("Hello", "en", "en-us", 1.0)).encode() * 2, law),
        SILENCE[law] * 4000,
        encode(repr(("seven", "en", "en-us", 0.8)).encode() * 2, law),
        b"",
    )


@pytest.mark.parametrize("seconds", [0.35, 0.8, 1.2, 0.0001, 0.00006, 3.0, 60.0])
async def test_a_silence_is_exact_to_the_sample(seconds: float, law: Law) -> None:
    (sound,) = await renderer(law=law).prepare((Silence(seconds),))
    assert sound == SILENCE[law] * round(seconds * 8000)
    assert sound == renderer(law=law).silence(seconds)


async def test_an_empty_script_is_no_sound() -> None:
    assert await renderer().prepare(()) == ()


async def test_words_that_say_nothing_are_empty_and_a_silent_character_is_a_fault() -> None:
    voice = Stand()
    assert await renderer(voice).prepare((Words("(nothing)", "en"),)) == (b"",)
    locale = replace(LOCALES.default, digits=("(nothing)",) * 10)
    silent = Renderer([voice], type(LOCALES)([locale]), "ulaw")
    with pytest.raises(SpeechUnavailable, match="came out silent"):
        await silent.prepare(code())


async def test_what_was_made_ahead_is_never_asked_for_again() -> None:
    voice = Stand()
    made = renderer(voice)
    await made.warm_up(["en", "de"])
    assert max(Counter(voice.asked).values()) == 1
    voice.asked.clear()
    await made.prepare(code("aB3", times=2))
    await made.prepare(code_script(SayCode(OtpCode("90210")), "de-AT", None, LOCALES))
    assert voice.asked == []
    await made.warm_up(["de", "en"])
    assert voice.asked == []


async def test_equal_pieces_share_their_bytes_from_call_to_call() -> None:
    made = renderer()
    script = code("777")
    first, second = await made.prepare(script), await made.prepare(script)
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert len({id(sound) for _, sound in characters(script, first)}) == 2  # one for each reading's speed


async def test_speeds_are_kept_in_steps() -> None:
    voice = Stand()
    made = renderer(voice)
    await made.prepare(tuple(Words("Hello", "en", speed=speed) for speed in (0.98, 1.0, 1.02, 1.03, 0.1, 9.0)))
    assert sorted(speed for *_, speed in voice.asked) == [0.5, 1.0, 1.05, 2.0]


@pytest.mark.parametrize("text", ["Your code is 4821", "Room ٤", "x²", "４"])
async def test_words_that_may_hold_a_code_are_not_kept(text: str) -> None:
    voice = Stand()
    made = renderer(voice)
    for _ in range(2):
        await made.prepare((Words(text, "en"),))
    assert voice.texts == [text, text]
    assert made._clips.size == 0


async def test_words_without_a_digit_are_kept_while_there_is_room() -> None:
    voice = Stand()
    made = renderer(voice, room=80)
    for text in ("one thing", "one thing", "another thing", "a third thing", "one thing"):
        await made.prepare((Words(text, "en"),))
    assert voice.texts == ["one thing", "another thing", "a third thing", "one thing"]


async def test_a_text_that_many_want_at_once_is_rendered_once() -> None:
    voice = Stand()
    made = renderer(voice)
    sounds = await asyncio.gather(*(made.prepare((Words("Hello", "en"), Words("Hello", "en"))) for _ in range(20)))
    assert voice.texts == ["Hello"]
    assert len({id(sound) for pair in sounds for sound in pair}) == 1


async def test_who_goes_does_not_take_the_sound_from_those_that_wait() -> None:
    voice = Stand()
    voice.gate.clear()
    made = renderer(voice)
    first = asyncio.create_task(made.prepare((Words("Hello", "en"),)))
    second = asyncio.create_task(made.prepare((Words("Hello", "en"),)))
    await voice.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    voice.gate.set()
    assert (await second)[0]
    assert voice.texts == ["Hello"]


async def test_a_failure_is_told_to_all_and_remembered_by_none() -> None:
    voice = Stand()
    voice.fault = SpeechUnavailable("the engine ended with status 139")
    made = renderer(voice)
    tries = await asyncio.gather(*(made.prepare((Words("Hello", "en"),)) for _ in range(3)), return_exceptions=True)
    assert [str(fault) for fault in tries] == ["the engine ended with status 139"] * 3
    voice.fault = None
    assert (await made.prepare((Words("Hello", "en"),)))[0]


async def test_one_piece_that_fails_fails_the_script() -> None:
    voice = Stand()
    voice.fault = SpeechUnavailable("no")
    with pytest.raises(SpeechUnavailable, match="no"):
        await renderer(voice).prepare(code())


async def test_what_an_engine_says_about_a_text_is_not_passed_on() -> None:
    voice = Stand()
    voice.fault = ValueError("can't say 4821")
    with pytest.raises(SpeechUnavailable) as caught:
        await renderer(voice).prepare((Words("4821", "en"),))
    assert "4821" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_an_engine_that_may_not_see_secrets_is_asked_ahead_only() -> None:
    online = Stand("gtts", may_see_secrets=False)
    made = renderer(Stand(), online, default_voice="gtts")
    with pytest.raises(SpeechUnavailable, match="not asked during a call"):
        await made.prepare(code())
    assert online.asked == []
    await made.warm_up(["en"])
    assert not any(len(text) > 30 or text.isdecimal() for text in online.texts)
    online.asked.clear()
    assert len(await made.prepare(code("aZ09"))) == len(code("aZ09"))
    with pytest.raises(SpeechUnavailable, match="not asked during a call"):
        await made.prepare(say_script(Say("Your code is 4821"), "en", None))
    assert online.asked == []


@pytest.mark.parametrize(
    ("language", "voice", "default", "asked"),
    [
        ("en-GB", None, "espeak", ("en", "en-gb")),
        ("en-US", "espeak:fr", "espeak", ("fr", "fr")),  # who names a voice gets it
        ("de", None, "espeak:en-gb", ("de", "de")),  # the configured voice is for its own language
        ("en-US", None, "espeak:en-gb", ("en", "en-gb")),
        ("sv", None, "espeak", ("sv", None)),  # no pack, but the engine speaks it
        ("xx", None, "espeak", ("en", "en-us")),
    ],
)
async def test_a_language_and_a_wish_become_a_voice(
    language: str, voice: str | None, default: str, asked: tuple[str, str | None]
) -> None:
    stand = Stand()
    await renderer(stand, default_voice=default).prepare((Words("Hello", language, voice),))
    assert stand.asked == [("Hello", *asked, 1.0)]


async def test_a_character_without_a_language_pack_is_the_engines_to_name() -> None:
    stand = Stand()
    await renderer(stand).prepare((CodeCharacter("4", 1, 1, 1, "sv"),))
    assert stand.texts == ["4"]


@pytest.mark.parametrize(
    ("language", "voice", "problem"),
    [
        ("en", "piper", "there is no voice of this name; there are espeak"),
        ("en", "espeak:xx", "espeak has no voice of this name"),
        ("en", "espeak:-w", "espeak has no voice of this name"),
        ("xx", None, "espeak does not speak this language"),
    ],
)
async def test_a_wish_that_can_not_be_met_is_refused_at_the_door(
    language: str, voice: str | None, problem: str
) -> None:
    made = renderer()
    with pytest.raises(ValueError, match=problem):
        made.check(language, voice)
    made.check("sv-SE", None)
    made.check("pl", "espeak:de")


@pytest.mark.parametrize("voice", ["piper", "espeak:xx"])
async def test_a_wish_that_came_through_is_a_failure_not_a_crash(voice: str) -> None:
    with pytest.raises(SpeechUnavailable, match="no voice of this name"):
        await renderer().prepare((Words("Hello", "en", voice),))


@pytest.mark.parametrize("default", ["piper", "espeak:xx", ""])
async def test_a_default_that_is_not_there_is_refused_at_the_start(default: str) -> None:
    with pytest.raises(ValueError, match="no voice of this name"):
        renderer(default_voice=default)


async def test_closing_stops_what_is_being_rendered() -> None:
    voice = Stand()
    voice.gate.clear()
    made = renderer(voice)
    waiting = asyncio.create_task(made.prepare((Words("Hello", "en"),)))
    await voice.begun.wait()
    await made.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await made.close()


async def test_a_renderer_keeps_no_order_of_characters() -> None:
    made = renderer()
    await made.prepare(code("918273"))
    assert "918273" not in repr(vars(made)) + repr(vars(made._clips))


# With the real engine


async def test_a_code_is_spoken_the_same_way_twice_by_two_renderers() -> None:
    script = code("4821", brand="Acme")
    first = await Renderer([Espeak()], LOCALES, "alaw").prepare(script)
    second = await Renderer([Espeak()], LOCALES, "alaw").prepare(script)
    assert first == second
    assert all(first)


@pytest.mark.parametrize("tag", LOCALES.tags)
async def test_every_packaged_language_is_spoken(tag: str) -> None:
    made = Renderer([Espeak()], LOCALES, "ulaw")
    made.check(tag, None)
    script = code_script(SayCode(OtpCode("0123456789aB"), brand="Acme"), tag, None, LOCALES)
    lengths = [len(sound) / 8000 for _, sound in characters(script, await made.prepare(script))]
    assert len(lengths) == 24
    # The last is "capital b".
    assert all(0.1 < length < 3 for length in lengths)


async def test_a_call_costs_little_memory_of_its_own() -> None:
    made = Renderer([Espeak()], LOCALES, "ulaw")
    await made.prepare(code("0123456789ab"))
    held = made._clips.size
    calls = [await made.prepare(code("0123456789ab")) for _ in range(50)]
    assert made._clips.size == held
    assert {id(sound) for sounds in calls for sound in sounds} == {id(sound) for sound in calls[0]}
