"""What is made ahead, in which order, for whom, and what happens when it can't be made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.speech.engines.recorded import NOT_RECORDED
from otpvoice.adapters.speech.orders import Order
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.speech.warm_up import WarmUp, sayings
from otpvoice.core.actions import ANY_KEY, Gate, Replay, SayCode
from otpvoice.core.compile import compile_plan, scripts_in
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Script, SpeechUnavailable
from tests.adapters.speech_stands import LOCALES as PACKS
from tests.adapters.speech_stands import Stand, renderer, small_packs

LOCALES = small_packs()
DIGITS = {tag: [LOCALES.lookup(tag).word(digit) for digit in "0123456789"] for tag in ("en", "de", "fr")}


class House:
    """A renderer of stand-ins, and its warm-up."""

    def __init__(self, *stands: Stand, languages: Sequence[str] = ("en",), brands: Sequence[str] = (), **more: Any):
        self.stands = stands or (Stand(),)
        self.renderer: Renderer = renderer(*self.stands, locales=LOCALES, brands=brands, **more)
        self.warm_up = WarmUp(self.renderer, self.stands, LOCALES, languages, brands, pauses=(0.0,))

    async def spoken(self, **options: Any) -> str | None:
        """Speak a code with all that is said around it; return who stood in."""
        stood = [(await self.renderer.prepare(script)).fallback for script in scripts(**options)]
        return next(filter(None, stood), None)


def scripts(language: str = "en", code: str = "90210", **options: Any) -> tuple[Script, ...]:
    plan = CallPlan(None, None, "default", language, (SayCode(OtpCode(code), **options),))
    return scripts_in(compile_plan(plan, LOCALES))


async def test_what_an_ordinary_code_needs_is_there_before_the_first_call() -> None:
    stand = Stand()
    house = House(stand, languages=["en", "de-AT"], brands=["Acme"])
    await house.warm_up.run()
    assert max(map(stand.asked.count, stand.asked)) == 1
    stand.asked.clear()
    for language in ("en", "de"):
        for more in ({}, {"brand": "Acme"}, {"times": 3}):
            await house.spoken(language=language, **({"times": 2} | more))
        await house.spoken(language=language, gate=Gate("1"), replay=Replay())
        await house.spoken(language=language, gate=Gate(ANY_KEY))
    # The third reading is slower than the first two, and nobody has it ahead.
    assert {speed for *_, speed in stand.asked} <= {0.7}
    stand.asked.clear()
    await house.warm_up.run()
    assert stand.asked == []


async def test_digits_come_first_and_letters_not_at_all() -> None:
    stand = Stand()
    await House(stand, languages=["en", "de"], brands=["Acme"]).warm_up.run()
    first = stand.texts[:40]
    assert set(first) == {*DIGITS["en"], *DIGITS["de"]}
    assert not set(stand.texts) & {LOCALES.lookup("en").word(letter) for letter in ascii_lowercase}
    assert stand.texts[40] == scripts()[0][0].text  # type: ignore[union-attr]
    assert any("Acme" in text for text in stand.texts)


async def test_an_engine_that_is_not_asked_during_a_call_has_all_letters_made_and_is_asked_once_for_each() -> None:
    online = Stand("gtts", ("en", "de"), secrets=False, speeds=None)
    house = House(online, Stand(), default_voice="gtts")
    await house.warm_up.run()
    assert sorted(online.asked) == sorted(set(online.asked))
    assert not any(any(map(str.isdigit, text)) for text in online.texts)
    online.asked.clear()
    assert await house.spoken(code="aZ09") is None
    assert await house.spoken(code="aZ09", spelling=True, speed=0.65) is None
    assert online.asked == []


async def test_it_is_made_ahead_also_where_it_is_not_the_configured_voice() -> None:
    online, espeak = Stand("gtts", ("en",), secrets=False, speeds=None), Stand()
    house = House(espeak, online, languages=["en", "fr"])
    await house.warm_up.run()
    assert {language for _, language, *_ in online.asked} == {"en"}
    prepared = await house.renderer.prepare(scripts()[0])
    assert prepared.fallback is None


async def test_a_language_that_nobody_has_a_pack_for_is_the_default_s() -> None:
    stand = Stand()
    await House(stand, languages=["xx"]).warm_up.run()
    assert {language for _, language, *_ in stand.asked} == {"en"}


async def test_no_languages_is_nothing_to_do() -> None:
    stand = Stand()
    await House(stand, languages=[]).warm_up.run()
    assert stand.asked == []


class Recovers(Stand):
    """Fails so many times, and then speaks."""

    def __init__(self, failures: int, **more: Any) -> None:
        super().__init__(**more)
        self.left = failures

    async def render(self, *asked: Any) -> Any:
        self.left -= 1
        self.fault = SpeechUnavailable("engine_paused") if self.left >= 0 else None
        return await super().render(*asked)


async def test_what_fails_is_said_and_tried_again_until_it_is_there() -> None:
    stand = Recovers(7)
    house = House(stand)
    with capture_logs() as lines:
        await house.warm_up.run()
    said = [line for line in lines if line["event"] == "speech.not_warmed_up"]
    # Three in a row are enough to see that it is in no state.
    assert [(line["engine"], line["reason"]) for line in said] == [("espeak", "engine_paused")] * 3
    assert next(line for line in lines if line["event"] == "speech.warmed_up")["tries"] == 4
    stand.asked.clear()
    await house.spoken()
    assert stand.asked == []


async def test_the_pauses_grow_and_the_last_one_stays(monkeypatch: Any) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    house = House(Recovers(12))
    warm_up = WarmUp(house.renderer, house.stands, LOCALES, ["en"], pauses=(5.0, 10.0))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await warm_up.run()
    assert waited == [5.0, 10.0, 10.0, 10.0]


async def test_while_the_configured_voice_is_away_the_one_that_stands_in_is_made_ahead() -> None:
    online, espeak = Recovers(3, name="gtts", languages=("en",), secrets=False, speeds=None), Stand()
    house = House(online, espeak, default_voice="gtts")
    await house.warm_up.run()
    assert set(DIGITS["en"]) <= set(espeak.texts)
    assert await house.spoken() is None  # it came back


async def test_a_text_that_an_engine_never_takes_is_not_tried_for_ever() -> None:
    stand = Stand()
    stand.faults["seven"] = ValueError("not this one")
    with capture_logs() as lines:
        await House(stand).warm_up.run()
    assert [line["event"] for line in lines if line["event"] == "speech.not_taken"]
    assert stand.texts.count("seven") == 2  # at two speeds


async def test_what_one_engine_has_not_is_made_by_who_stands_in() -> None:
    """Words it lacks are said by the next one; of digits, all."""
    recorded, espeak = Stand("recorded"), Stand()
    texts = [words.text for words in sayings("en", [], LOCALES).words]
    recorded.faults |= dict.fromkeys(texts, SpeechUnavailable(NOT_RECORDED))
    house = House(recorded, espeak, default_voice="recorded")
    await house.warm_up.run()
    assert set(espeak.texts) == set(texts)
    recorded.asked.clear()
    espeak.asked.clear()
    assert await house.spoken() == "espeak"
    assert espeak.asked == []

    recorded, espeak = Stand("recorded"), Stand()
    recorded.faults["seven"] = SpeechUnavailable(NOT_RECORDED)
    await House(recorded, espeak, default_voice="recorded").warm_up.run()
    assert set(espeak.texts) == set(DIGITS["en"])


@pytest.mark.parametrize(("brand", "language"), [("Radio 538", "en"), ("Yahoo 7!", "ka"), ("Bank 100", "de")])
async def test_a_brand_with_digits_is_made_ahead(brand: str, language: str) -> None:
    stand = Stand(languages=("en", "de", "ka"))
    warmed = renderer(stand, brands=[brand])
    with capture_logs() as lines:
        await WarmUp(warmed, [stand], PACKS, [language], [brand]).run()
    assert any(brand.rstrip("!") in text for text in stand.texts)
    assert [line["event"] for line in lines] == ["speech.warmed_up"]


async def test_what_may_be_kept_nowhere_is_not_made_ahead() -> None:
    """The renderer knows of no brand, the warm-up of one."""
    stand = Stand()
    with capture_logs() as lines:
        await WarmUp(renderer(stand, locales=LOCALES), [stand], LOCALES, ["en"], ["Radio 538"]).run()
    assert {line["event"] for line in lines} == {"speech.not_made_ahead", "speech.warmed_up"}
    assert not any("538" in text for text in [*stand.texts, repr(lines)])


async def test_no_fault_of_the_warm_up_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    house, failures = House(), iter([RuntimeError("a text"), OSError("a text")])
    make_ahead = house.renderer.supply.make_ahead

    async def broken(order: Order) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        await make_ahead(order)

    monkeypatch.setattr(house.renderer.supply, "make_ahead", broken)
    with capture_logs() as lines:
        await house.warm_up.run()
    assert [line["event"] for line in lines] == ["speech.not_warmed_up"] * 2 + ["speech.warmed_up"]
    assert "a text" not in repr(lines)


async def test_a_call_that_comes_meanwhile_does_not_wait_behind_it() -> None:
    stand = Stand()
    house = House(stand, languages=["en", "de", "fr"])
    stand.gate.clear()
    warming = asyncio.create_task(house.warm_up.run())
    await stand.begun.wait()
    call = asyncio.create_task(house.spoken(language="fr"))
    wanted = set(DIGITS["fr"])
    while not wanted & set(stand.texts):  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    assert len([text for text in stand.texts if text not in wanted and text in DIGITS["en"]]) == 1
    stand.gate.set()
    await call
    at_the_end = len(stand.asked)
    await warming
    assert len(stand.asked) > at_the_end


def test_what_is_said_in_a_language() -> None:
    said = sayings("en", ["Acme"], LOCALES)
    assert [item.speed for item in said.characters] == [0.9, 0.8]
    texts = [words.text for words in said.words]
    assert len(texts) == len(set(said.words))
    assert all(words.packaged for words in said.words)
