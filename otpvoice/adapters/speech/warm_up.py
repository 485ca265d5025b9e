"""What is made ahead, and when: the digits and sentences of ordinary codes, so that the first call waits for no engine.

It gives way to calls (``supply``). Letters are made ahead for those engines alone that are not asked during a call.
What can't be made is tried again after a pause: an online engine may have been away. What an engine never takes is made
by who stands in for it. No fault in here ends anything but itself: a call makes what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_letters, digits
from typing import Final, TypeAlias

import structlog

from otpvoice.adapters.speech.asking import NeverTaken
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.ladder import Rung
from otpvoice.adapters.speech.orders import Keeping
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import ANY_KEY, Gate, Replay, SayCode
from otpvoice.core.compile import compile_plan, scripts_in
from otpvoice.core.locale import Locales
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, SpeechUnavailable, Words

PAUSES: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Seconds before what failed is tried again; the last one from then on."""
ENOUGH: Final = 3
"""Failures in a row by which an engine is seen to be in no state."""

log = structlog.get_logger(__name__)

_Item: TypeAlias = Words | CodeCharacter


@dataclass(frozen=True, slots=True)
class Sayings:
    """What is said in a language around ordinary codes: one character for each speed at which they are read, texts."""

    characters: tuple[CodeCharacter, ...]
    words: tuple[Words, ...]


def sayings(language: str, brands: Iterable[str], locales: Locales) -> Sayings:
    """Return what is said: without a brand first, with gates and offers last."""
    plain = SayCode(_code_beside(""))
    asking = (replace(plain, gate=Gate("1"), replay=Replay()), replace(plain, gate=Gate(ANY_KEY)))
    orders = (plain, *(replace(plain, code=_code_beside(brand), brand=brand) for brand in brands), *asking)
    plans = (CallPlan(None, None, "default", language, (order,)) for order in orders)
    items = [item for plan in plans for script in scripts_in(compile_plan(plan, locales)) for item in script]
    characters = {item.speed: item for item in items if isinstance(item, CodeCharacter)}
    return Sayings(tuple(characters.values()), tuple(dict.fromkeys(item for item in items if isinstance(item, Words))))


def _code_beside(brand: str) -> OtpCode:
    """Return a code that a brand does not tell: a sentence that does is none of a language pack's any more."""
    return OtpCode(next(code for code in map(str, range(100, 10_000_000)) if code not in brand))


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one voice of ``rungs`` is to say, the first that can."""

    rungs: tuple[Rung, ...]
    items: tuple[_Item, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Made:
    """``failed``: why some of it could not be made now. ``refused``: what the engine never takes."""

    failed: str | None
    refused: tuple[_Item, ...]


class WarmUp:
    """``voices``: the renderer's engines. ``languages``: of codes; ``brands``: whose sentences are made, too."""

    def __init__(
        self,
        renderer: Renderer,
        voices: Iterable[Voice],
        locales: Locales,
        languages: Iterable[str],
        brands: Iterable[str] = (),
        *,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._renderer, self._locales = renderer, locales
        self._voices: Mapping[str, Voice] = {voice.name: voice for voice in voices}
        self._languages, self._brands = tuple(languages), tuple(brands)
        self._pauses = pauses

    async def run(self) -> None:
        """Make all of it; returns when it is there."""
        now = asyncio.get_running_loop().time
        began, tries = now(), 0
        while missing := await self._tried():
            pause = self._pauses[min(tries, len(self._pauses) - 1)]
            tries += 1
            for engine, reason in missing.items():
                log.error("speech.not_warmed_up", engine=engine, reason=reason, again_in=pause)
            await asyncio.sleep(pause)
        log.info("speech.warmed_up", languages=len(self._languages), seconds=round(now() - began, 3), tries=tries + 1)

    async def _tried(self) -> dict[str | None, str]:
        """Make what is not there yet. Returns which engines could not speak, and why; None: a fault that is ours."""
        missing: dict[str | None, str] = {}
        try:
            for batch in self._batches():
                await self._climbed(batch, missing)
        except Exception as error:  # whatever it is, calls are served without it
            missing[None] = f"a fault of ours: {type(error).__name__}"
        return missing

    async def _climbed(self, batch: _Batch, missing: dict[str | None, str]) -> None:
        """Have it made by the first voice that can, and what that one never takes by the next, as in a call."""
        items = batch.items
        for rung in batch.rungs:
            # Who stands in is made ahead, too, while he has to.
            if rung.engine in missing:
                continue
            made = await self._made(rung, items)
            if made.failed is not None:
                missing[rung.engine] = made.failed
            elif not made.refused:
                return
            elif not any(isinstance(item, CodeCharacter) for item in made.refused):
                # A code is said by one voice, words by any.
                items = made.refused

    async def _made(self, rung: Rung, items: Sequence[_Item]) -> _Made:
        why: str | None = None
        refused: list[_Item] = []
        failures = 0
        for order, item in {self._renderer.order(item, rung): item for item in items}.items():
            if order.keeping is Keeping.NOWHERE:
                log.warning("speech.not_made_ahead", engine=rung.engine, language=order.language)
                continue
            try:
                await self._renderer.supply.make_ahead(order)
                failures = 0
            except NeverTaken as never:
                refused.append(item)
                log.info("speech.not_taken", engine=rung.engine, language=order.language, reason=never.reason)
            except SpeechUnavailable as failed:
                why = failed.reason
                failures += 1
                if failures >= ENOUGH:
                    break
        return _Made(why, tuple(refused))

    # --- what there is to be made -------------------------------------------------------------------------------------

    def _batches(self) -> Iterator[_Batch]:
        """Yield what is to be made: the digits of all languages first."""
        said = {language: sayings(language, self._brands, self._locales) for language in self._languages}
        for make in (_digits, _sentences):
            for saying in said.values():
                yield _Batch(self._renderer.ladder.rungs(saying.characters[0].language, None), make(saying))
        for engine in (name for name, voice in self._voices.items() if not voice.traits.may_see_secrets):
            for saying in said.values():
                if (rung := self._renderer.ladder.own(engine, saying.characters[0].language)) is not None:
                    yield _Batch((rung,), (*_digits(saying), *_sentences(saying), *_letters(saying)))


def _digits(saying: Sayings) -> tuple[_Item, ...]:
    return _characters(saying, digits, (False,))


def _letters(saying: Sayings) -> tuple[_Item, ...]:
    # Capitals are said to be capitals, and spelled letters are others again.
    return _characters(saying, ascii_letters, (False, True))


def _sentences(saying: Sayings) -> tuple[_Item, ...]:
    return saying.words


def _characters(saying: Sayings, which: str, spelled: Iterable[bool]) -> tuple[_Item, ...]:
    return tuple(
        replace(item, character=character, spelled=one)
        for one in spelled
        for character in which
        for item in saying.characters
    )
