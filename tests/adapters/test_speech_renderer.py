"""Scripts become sound: order, exact gaps, what is shared, who stands in for whom, and what is left out at last.

The engines are stand-ins that answer with sound made of their arguments; the last tests use the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.recorded import NOT_RECORDED
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.speech.standing import ENOUGH
from otpvoice.core.actions import SayCode
from otpvoice.core.locale import Locales
from otpvoice.core.reading import code_script, replay_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Prepared, Recording, Script, Silence, SpeechUnavailable, Words
from otpvoice.media.g711 import SILENCE, Law, encode
from otpvoice.media.wav import Wave
from otpvoice.session import Voice as SessionVoice
from tests.adapters.speech_stands import LOCALES as PACKS
from tests.adapters.speech_stands import NOTHING, Stand, Tally, renderer, small_packs

LOCALES = small_packs()


def made(*stands: Stand, **options: Any) -> Renderer:
    return renderer(*stands, locales=LOCALES, **options)


def test_a_renderer_is_the_voice_of_a_session() -> None:
    voice: SessionVoice = made()
    assert voice.silence(0.01) == b"\xff" * 80


def code(text: str = "4821", **options: Any) -> Script:
    return code_script(replace(SayCode(OtpCode(text)), **options), "en", None, LOCALES)


def characters(script: Script, prepared: Prepared) -> list[tuple[CodeCharacter, bytes]]:
    pairs = zip(script, prepared.sounds, strict=True)
    return [(item, sound) for item, sound in pairs if isinstance(item, CodeCharacter)]


def words(script: Script, prepared: Prepared) -> list[bytes]:
    return [sound for item, sound in zip(script, prepared.sounds, strict=True) if isinstance(item, Words)]


@pytest.fixture(params=["ulaw", "alaw"])
def law(request: pytest.FixtureRequest) -> Law:
    chosen: Law = request.param
    return chosen


async def test_every_piece_of_a_script_becomes_one_sound_in_its_place(law: Law) -> None:
    script = (Words("Hello", "en"), Silence(0.5), CodeCharacter("7", 2, 3, 4, "en", speed=0.8), Silence(0))
    assert await made(law=law).prepare(script) == Prepared(
        (
            encode(repr(("Hello", "en", "en-us", 1.0)).encode() * 2, law),
            SILENCE[law] * 4000,
            encode(repr(("seven", "en", "en-us", 0.8)).encode() * 2, law),
            b"",
        )
    )


@pytest.mark.parametrize("seconds", [0.35, 0.8, 1.2, 0.0001, 0.00006, 3.0, 60.0])
async def test_a_silence_is_exact_to_the_sample(seconds: float, law: Law) -> None:
    (sound,) = (await made(law=law).prepare((Silence(seconds),))).sounds
    assert sound == SILENCE[law] * round(seconds * 8000)
    assert sound == made(law=law).silence(seconds)


async def test_an_empty_script_is_no_sound() -> None:
    assert await made().prepare(()) == Prepared(())


async def test_words_that_say_nothing_are_empty() -> None:
    assert (await made().prepare((Words(NOTHING, "en"),))).sounds == (b"",)


async def test_a_letter_may_be_spelled() -> None:
    stand = Stand()
    item = CodeCharacter("B", 1, 1, 1, "en")
    await made(stand).prepare((item, replace(item, spelled=True), replace(item, character="4", spelled=True)))
    pack = LOCALES.default
    assert sorted(stand.texts) == sorted([pack.word("B"), pack.spelled("B"), "four"])


async def test_equal_pieces_share_their_bytes_from_call_to_call() -> None:
    voice = made()
    script = code("777")
    first, second = (await voice.prepare(script)).sounds, (await voice.prepare(script)).sounds
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert len({id(sound) for _, sound in characters(script, Prepared(first))}) == 2  # one for each reading's speed


async def test_a_code_that_was_made_asks_nobody() -> None:
    stand, tally = Stand(), Tally()
    voice = made(stand, counts=tally)
    await voice.prepare(code("4821"))
    stand.asked.clear()
    tally.sources.clear()
    await voice.prepare(code("1248"))
    assert stand.asked == []
    assert set(tally.sources) == {"memory"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [("Your code is 4821", False), ("Room ٤", False), ("four eight two one", False), ("K W Q", False), ("Hi", True)],
)
async def test_words_that_may_hold_a_code_are_not_kept(text: str, kept: bool) -> None:
    stand = Stand()
    voice = made(stand)
    for _ in range(ENOUGH + 1):
        await voice.prepare((Words(text, "en"),))
    assert stand.texts == [text] * (ENOUGH + (0 if kept else 1))
    assert bool(voice.supply.size) is kept


async def test_words_without_one_are_kept_while_there_is_room() -> None:
    stand = Stand()
    voice = made(stand, room=80)
    texts = ("one thing", "another thing", "a third thing")
    for text in texts * (ENOUGH - 1):
        await voice.prepare((Words(text, "en"),))
    stand.asked.clear()
    for text in ("one thing", "one thing", "another thing", "a third thing", "one thing"):
        await voice.prepare((Words(text, "en"),))
    assert stand.texts == ["one thing", "another thing", "a third thing", "one thing"]


@pytest.mark.parametrize(
    ("brand", "kept"), [("Acme", True), ("KXWQ", False), ("4821", False), ("IBM", True), ("four eight two", False)]
)
async def test_a_brand_that_looks_like_a_code_is_not_kept_unless_it_is_configured(brand: str, kept: bool) -> None:
    stand = Stand()
    voice = made(stand, brands=("IBM",))
    script = (Words(f"Your {brand} code is:", "en", packaged=True),)
    assert script[0].text == LOCALES.default.code_with_brand.split("{code}")[0].replace("{brand}", brand).strip()
    for _ in range(ENOUGH + 1):
        await voice.prepare(script)
    assert len(stand.asked) == (1 if brand == "IBM" else ENOUGH if kept else ENOUGH + 1)


async def test_a_text_that_many_want_at_once_is_rendered_once() -> None:
    stand = Stand()
    voice = made(stand)
    both = await asyncio.gather(*(voice.prepare((Words("Hello", "en"), Words("Hello", "en"))) for _ in range(20)))
    assert stand.texts == ["Hello"]
    assert len({id(sound) for prepared in both for sound in prepared.sounds}) == 1


@pytest.mark.parametrize(
    ("language", "voice", "default", "asked"),
    [
        ("en-GB", None, "espeak", ("en", "en-gb")),
        ("fr", "espeak:fr", "espeak", ("fr", "fr")),
        ("de", None, "espeak:en-gb", ("de", "de")),  # the configured voice is for its own language
        ("en-US", None, "espeak:en-gb", ("en", "en-gb")),
        ("sv", None, "espeak", ("sv", None)),  # no pack, but the engine speaks it
        ("xx", None, "espeak", ("en", "en-us")),
        ("en", "gone", "espeak", ("en", "en-us")),
        ("en", "espeak:xx", "espeak", ("en", "en-us")),
    ],
)
async def test_a_language_and_a_wish_become_a_voice(
    language: str, voice: str | None, default: str, asked: tuple[str, str | None]
) -> None:
    stand = Stand()
    await made(stand, default_voice=default).prepare((Words("Hello", language, voice),))
    assert stand.asked == [("Hello", *asked, 1.0)]


async def test_a_character_without_a_language_pack_is_the_engine_s_to_name() -> None:
    stand = Stand()
    await made(stand).prepare((CodeCharacter("4", 1, 1, 1, "sv"),))
    assert stand.texts == ["4"]


async def test_a_renderer_keeps_no_order_of_characters() -> None:
    voice = made()
    await voice.prepare(code("918273"))
    assert "918273" not in repr(vars(voice)) + repr(vars(voice.supply))


# --- who stands in ----------------------------------------------------------------------------------------------------


def two(**of_first: Any) -> tuple[Stand, Stand]:
    """Return a voice that is configured, and one that stands in for it."""
    return Stand("flite", **of_first), Stand()


def failing(stand: Stand, *texts: str) -> None:
    stand.faults |= dict.fromkeys(texts, SpeechUnavailable("no"))


async def test_as_long_as_the_configured_voice_speaks_nobody_stands_in() -> None:
    flite, espeak = two()
    tally = Tally()
    assert (await made(flite, espeak, default_voice="flite", counts=tally).prepare(code())).fallback is None
    assert espeak.asked == []
    assert not tally.stood


@pytest.mark.parametrize(
    "fault",
    [
        SpeechUnavailable("the engine ended with signal 11"),
        SpeechUnavailable("the engine took longer than 3 s"),
        SpeechUnavailable("the engine wrote no sound"),
        ValueError("not this one"),
        RuntimeError("a fault of ours"),
    ],
)
async def test_an_engine_that_fails_loses_no_call(fault: Exception) -> None:
    flite, espeak = two()
    flite.fault = fault
    tally = Tally()
    voice = made(flite, espeak, default_voice="flite", counts=tally)
    prepared = await voice.prepare(script := code())
    assert prepared.fallback == "espeak"
    assert all(sound for _, sound in characters(script, prepared))
    assert tally.stood == {"espeak": 1}


async def test_a_silent_digit_is_no_digit_and_the_next_voice_says_all_of_them() -> None:
    flite, espeak = two()
    voice = made(flite, espeak, default_voice="flite")
    await voice.prepare(code("4444"))
    flite.silent = True
    prepared = await voice.prepare(script := code("4821"))
    assert prepared.fallback == "espeak"
    # Also the four, which was there: no code is read by two voices.
    assert {sound[:1] for _, sound in characters(script, prepared)}
    assert {"four", "eight", "two", "one"} <= set(espeak.texts)
    flite.silent = False
    assert (await voice.prepare(code("4821"))).fallback is None


async def test_a_text_that_one_voice_does_not_take_leaves_the_code_to_it() -> None:
    flite, espeak = two()
    script = code("4821", template="Hello {code}", times=1)
    failing(flite, "Hello")
    prepared = await made(flite, espeak, default_voice="flite").prepare(script)
    assert espeak.texts == ["Hello"]
    assert prepared.fallback == "espeak"


async def test_who_reads_the_code_is_named_first() -> None:
    flite, espeak, third = Stand("flite"), Stand(), Stand("piper")
    failing(flite, "Hello", "four")
    failing(espeak, "Hello")
    voice = made(flite, espeak, third, default_voice="flite", fallbacks=("espeak", "piper"))
    assert (await voice.prepare(code("4444", template="Hello {code}", times=1))).fallback == "espeak"
    assert third.texts == ["Hello"]


async def test_a_wish_that_fails_falls_to_what_is_configured() -> None:
    flite, espeak = two()
    flite.fault = SpeechUnavailable("no")
    prepared = await made(flite, espeak).prepare((Words("Hello", "en", "flite"),))
    assert prepared.fallback == "espeak"


async def test_an_engine_that_is_not_there_is_passed_over() -> None:
    flite, espeak = two(absent="flite is not installed")
    assert (await made(flite, espeak, default_voice="flite").prepare(code())).fallback == "espeak"
    assert flite.asked == []


async def test_one_that_hangs_is_not_waited_for_where_there_is_another() -> None:
    flite, espeak = two()
    flite.gate.clear()
    voice = made(flite, espeak, default_voice="flite", patience=0.0)
    assert (await voice.prepare(code())).fallback == "espeak"
    flite.gate.set()  # a slow one: what it was asked for is there for the next call
    await voice.close()


async def test_the_last_one_is_waited_for() -> None:
    stand = Stand()
    stand.gate.clear()
    voice = made(stand, patience=0.0)
    preparing = asyncio.create_task(voice.prepare(code()))
    await stand.begun.wait()
    stand.gate.set()
    assert (await preparing).fallback is None


async def test_an_online_voice_is_heard_in_a_call_where_its_sound_is_there() -> None:
    online, espeak = Stand("gtts", secrets=False, speeds=None), Stand()
    voice = made(online, espeak, default_voice="gtts")
    assert (await voice.prepare(code())).fallback == "espeak"
    assert online.asked == []
    script = code()
    for item in script:
        if isinstance(item, Words | CodeCharacter):
            await voice.supply.make_ahead(voice.order(item, voice.ladder.rungs("en", None)[0]))
    online.asked.clear()
    assert (await voice.prepare(script)).fallback is None
    # A text of a request is never its.
    assert (await voice.prepare((Words("Hello", "en"),))).fallback == "espeak"
    assert online.asked == []


async def test_why_a_voice_could_not_speak_is_said_once() -> None:
    flite, espeak = two()
    flite.fault = SpeechUnavailable("the engine ended with status 1")
    voice = made(flite, espeak, default_voice="flite")
    with capture_logs() as lines:
        for text in ("Hello", "Good morning", "Your code is 4821"):
            await voice.prepare((Words(text, "en"),))
    assert lines == [
        {
            "event": "speech.could_not_speak",
            "log_level": "warning",
            "engine": "flite",
            "reason": "the engine ended with status 1",
            "times": 1,
        }
    ]


class Tired(Stand):
    """One sound after the other, with a while for each."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.turns = asyncio.Semaphore(1)

    async def render(self, *asked: Any) -> Wave:
        async with self.turns:
            await asyncio.sleep(0.1)
            return await super().render(*asked)


async def test_one_that_is_slow_and_speaks_is_not_given_up() -> None:
    """Ten sounds one after the other take longer than is waited for one."""
    flite, espeak = Tired("flite"), Stand()
    voice = made(flite, espeak, default_voice="flite", patience=0.6)
    prepared = await voice.prepare(code("0123456789", template="{code}", times=1))
    assert prepared.fallback is None
    assert espeak.asked == []


async def test_one_that_is_too_slow_leaves_the_others_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otpvoice.adapters.speech.climbing.LONGEST", 0.3)
    flite, espeak = Tired("flite"), Stand()
    voice = made(flite, espeak, default_voice="flite", patience=10.0)
    assert (await voice.prepare(code("0123456789", template="{code}", times=1))).fallback == "espeak"
    await voice.close()


async def test_one_that_hangs_costs_a_few_calls_time_and_no_more() -> None:
    flite, espeak = Stand("flite"), Stand(languages=("en",))
    flite.gate.clear()
    voice = made(flite, espeak, default_voice="flite", patience=0.0)
    with capture_logs() as lines:
        for _ in range(6):
            assert (await voice.prepare(code(template="{code}"))).fallback == "espeak"
    asked = flite.texts.count("four")
    assert voice.left_alone == {"flite": True, "espeak": False}
    await voice.prepare(code(template="{code}"))
    assert flite.texts.count("four") == asked
    assert [line["event"] for line in lines].count("speech.engine_left_alone") == 1
    # Where nobody else speaks a language it is asked whatever it did.
    flite.gate.set()
    assert (await voice.prepare((Words("Hej", "sv"),))).fallback is None
    assert not voice.left_alone["flite"], "it speaks again"
    await voice.close()


async def test_what_one_has_no_recording_of_is_as_it_was_set() -> None:
    recorded, espeak = Stand("recorded"), Stand()
    recorded.faults["Hello"] = SpeechUnavailable(NOT_RECORDED)
    tally = Tally()
    voice = made(recorded, espeak, default_voice="recorded", counts=tally)
    with capture_logs() as lines:
        for _ in range(3):
            assert (await voice.prepare(code("4821", template="Hello {code}", times=1))).fallback == "espeak"
    assert not tally.stood
    assert [(line["log_level"], line["engine"]) for line in lines] == [("info", "recorded")]


async def test_a_code_and_its_replays_are_read_by_one_voice() -> None:
    flite, espeak = two()
    voice = made(flite, espeak, default_voice="flite")
    once, again = code("4821", times=1), replay_script(SayCode(OtpCode("4821"), speed=0.8), 1, "en", None, LOCALES)
    await voice.prepare(once)
    flite.fault = SpeechUnavailable("no")
    first, second = await voice.prepare_all((once, again))
    assert (first.fallback, second.fallback) == ("espeak", "espeak")
    assert [len(one.sounds) for one in (first, second)] == [len(once), len(again)]
    assert await voice.prepare_all(()) == ()


async def test_words_of_a_script_without_a_code_are_not_left_out_because_another_one_has_it() -> None:
    stand = Stand()
    voice = made(stand)
    failing(stand, "Hello")
    with capture_logs(), pytest.raises(SpeechUnavailable):
        await voice.prepare_all((code("4821", template="Hello {code}"), (Words("Hello", "en"),)))


# --- where nobody speaks ----------------------------------------------------------------------------------------------


async def test_where_no_voice_speaks_the_script_fails() -> None:
    flite, espeak = two()
    flite.fault, espeak.fault = SpeechUnavailable("first"), SpeechUnavailable("last")
    for script in (code(), (Words("Hello", "en"),)):
        with pytest.raises(SpeechUnavailable, match="last"):
            await made(flite, espeak, default_voice="flite").prepare(script)


async def test_a_brand_that_can_t_be_said_is_left_out_rather_than_the_call() -> None:
    stand = Stand()
    voice = made(stand)
    plain = await voice.prepare(code("4821"))
    stand.fault = SpeechUnavailable("no")
    script = code("4821", brand="Acme")
    with capture_logs() as lines:
        prepared = await voice.prepare(script)
    assert prepared.left_out == {"brand"}
    assert words(script, prepared) == words(code("4821"), plain)
    assert [line["event"] for line in lines] == ["speech.brand_left_out"]


async def test_digits_that_are_there_are_spoken_when_no_engine_works_any_more() -> None:
    stand = Stand()
    voice = made(stand)
    await voice.prepare(code("4821", times=1, template="{code}"))
    stand.fault = SpeechUnavailable("no")
    script = code("1284", times=1)
    with capture_logs() as lines:
        prepared = await voice.prepare(script)
    assert all(sound for _, sound in characters(script, prepared))
    assert words(script, prepared) == [b""]
    assert prepared.left_out == {"words"}
    assert {(line["event"], line["reason"]) for line in lines} == {("speech.words_left_out", "no")}
    with pytest.raises(SpeechUnavailable):
        await voice.prepare(code("9999", times=1))


# --- for a file -------------------------------------------------------------------------------------------------------


async def test_for_a_file_every_piece_is_a_clip_in_its_place() -> None:
    flite, espeak = two()
    failing(flite, "Hello")
    voice = made(flite, espeak, default_voice="flite")
    script = (Words("Hello", "en"), Silence(0.5), CodeCharacter("7", 1, 1, 1, "en"), CodeCharacter("7", 2, 1, 1, "en"))
    hello, silence, seven, again = await voice.clips(script)
    assert hello.master == repr(("Hello", "en", "en-us", 1.0)).encode() * 2
    assert (len(silence.master), len(silence.telephone)) == (16000, 8000)
    assert seven is again
    assert flite.texts.count("seven") == 1
    with pytest.raises(ValueError, match="no clip"):
        await voice.clips((Recording("hello"),))
    espeak.fault = SpeechUnavailable("no")
    with pytest.raises(SpeechUnavailable):
        await voice.clips((Words("Hello", "en"),))


# --- with the real engine ---------------------------------------------------------------------------------------------


@pytest.fixture
async def hand() -> AsyncIterator[AtHand]:
    finishing = AtHand()
    yield finishing
    await finishing.close()


async def test_a_code_is_spoken_the_same_way_twice_by_two_renderers(hand: AtHand) -> None:
    script = code("4821", brand="Acme")
    first = await Renderer([Espeak()], PACKS, "alaw", finishing=hand).prepare(script)
    second = await Renderer([Espeak()], PACKS, "alaw", finishing=hand).prepare(script)
    assert first == second
    assert all(first.sounds)


async def test_a_call_costs_little_memory_of_its_own(hand: AtHand) -> None:
    voice = Renderer([Espeak()], PACKS, "ulaw", finishing=hand)
    await voice.prepare(code("0123456789ab"))
    held = voice.supply.size
    calls: Sequence[Prepared] = [await voice.prepare(code("0123456789ab")) for _ in range(50)]
    assert voice.supply.size == held
    assert {id(sound) for one in calls for sound in one.sounds} == {id(sound) for sound in calls[0].sounds}


async def test_the_packs_of_a_renderer_are_its_own() -> None:
    """Words for digits come from the locales that it was handed, and from no others."""
    own = Locales([replace(LOCALES.default, digits=tuple(map(str.title, LOCALES.default.digits)))])
    stand = Stand()
    await renderer(stand, locales=own).prepare((CodeCharacter("7", 1, 1, 1, "en"),))
    assert stand.texts == ["Seven"]
