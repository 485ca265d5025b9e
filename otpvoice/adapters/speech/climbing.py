"""Up the ladder: a script in parts, each said by one voice, the first that can; and what is done where none can.

All characters of a code are said by the same voice: they are asked of the next one together, also where one alone is
missing, and so are those of scripts that are asked for together. Sound is had by whoever asks for it, as what it wants
(``Get``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeAlias, TypeVar

import structlog

from otpvoice.adapters.speech.brands import Brands
from otpvoice.adapters.speech.complaints import Complaints
from otpvoice.adapters.speech.engines.recorded import NOT_RECORDED
from otpvoice.adapters.speech.ladder import Ladder, Rung
from otpvoice.adapters.speech.left_alone import LONG, LeftAlone
from otpvoice.adapters.speech.orders import Order
from otpvoice.core.speech import CodeCharacter, LeftOut, Script, SpeechUnavailable, Words

PATIENCE: Final = 6.0
"""Seconds without a sound of a voice where there is another one."""
LONGEST: Final = 22.0
"""Seconds for all voices but the last one, of the 30 that there are for all of it (``session.sounds``)."""

log = structlog.get_logger(__name__)

_Sound = TypeVar("_Sound")
_Item = TypeVar("_Item")

Get: TypeAlias = Callable[[Order], Coroutine[Any, Any, _Sound]]
"""Returns the sound of an order. Raises ``SpeechUnavailable``."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one voice says: the items by their places in the scripts, and the candidates in order.

    Places are counted on from script to script. ``needed``: it is not left out, as words around a code may be.
    """

    items: Mapping[int, Words | CodeCharacter] = field(repr=False)
    rungs: tuple[Rung, ...]
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Said(Generic[_Sound]):
    """``sounds``: by place; none: the part was left out. ``stands_in``: who spoke, where another voice was to.

    ``as_set``: those that were to speak have no recording, which is as it was set. ``left_out``: what was not said.
    """

    sounds: Mapping[int, _Sound] = field(repr=False)
    stands_in: Rung | None = None
    as_set: bool = False
    left_out: LeftOut | None = None

    @classmethod
    def by(
        cls, rung: Rung, sounds: Mapping[int, _Sound], *, as_set: bool = False, left_out: LeftOut | None = None
    ) -> Said[_Sound]:
        """Return what this candidate has said."""
        return cls(sounds, rung if rung.stands_in is not None else None, as_set, left_out)


class Climbing:
    """``order``: what an item comes down to on a rung. ``patience``: seconds without a sound."""

    def __init__(
        self,
        ladder: Ladder,
        brands: Brands,
        order: Callable[[Words | CodeCharacter, Rung], Order],
        left_alone: LeftAlone,
        patience: float = PATIENCE,
    ) -> None:
        self._ladder, self._brands, self._order, self._patience = ladder, brands, order, patience
        self._left_alone = left_alone
        self._complaints = Complaints()

    def parts(self, scripts: Sequence[Script]) -> Iterator[Part]:
        """Yield the characters of each language and voice together, then each text."""
        characters: dict[tuple[str, str | None], dict[int, Words | CodeCharacter]] = {}
        words: dict[Words, dict[int, Words | CodeCharacter]] = {}
        needed: set[int] = set()
        for place, (may_be_left_out, item) in enumerate((_reads_out(one), item) for one in scripts for item in one):
            if not may_be_left_out:
                needed.add(place)
            if isinstance(item, CodeCharacter):
                characters.setdefault((item.language, item.voice), {})[place] = item
            elif isinstance(item, Words):
                words.setdefault(item, {})[place] = item
        for (language, voice), items in characters.items():
            yield Part(items, self._ladder.rungs(language, voice))
        for text, items in words.items():
            yield Part(items, self._ladder.rungs(text.language, text.voice), not needed.isdisjoint(items))

    def orders(self, part: Part, rung: Rung) -> dict[int, Order]:
        """Return what is asked of a candidate, by place."""
        return {place: self._order(item, rung) for place, item in part.items.items()}

    async def said(self, parts: Sequence[Part], get: Get[_Sound]) -> dict[Part, Said[_Sound]]:
        """Return what is said. Raises ``SpeechUnavailable``."""
        outcomes = await together({part: self._climbed(part, get) for part in parts})
        said: dict[Part, Said[_Sound]] = {}
        for part, outcome in outcomes.items():
            if isinstance(outcome, Said):
                said[part] = outcome
            elif part.needed:
                raise outcome
            else:
                # Whoever waits for a code is served by the code.
                log.error("speech.words_left_out", reason=outcome.reason)
                said[part] = Said({}, left_out="words")
        return said

    async def _climbed(self, part: Part, get: Get[_Sound]) -> Said[_Sound] | SpeechUnavailable:
        """Return what the first candidate says that can; where none can, why the last one can't."""
        failed = SpeechUnavailable("no voice speaks this language")
        as_set = True
        for rung, until in self._worth_asking(part.rungs):
            if rung is None:
                as_set = False
                continue
            try:
                sounds = await self._said_by(rung, self.orders(part, rung), get, until)
            except SpeechUnavailable as error:
                failed = error
            else:
                return Said.by(rung, sounds, as_set=as_set)
            if failed.reason != NOT_RECORDED:
                as_set = False
            if until is not None:  # why the last one could not is told by whoever asked
                note = self._complaints.mention if failed.reason == NOT_RECORDED else self._complaints.note
                note(rung.engine, failed.reason)
        return await self._without_brand(part, get) or failed

    def _worth_asking(self, rungs: Sequence[Rung]) -> Iterator[tuple[Rung | None, float | None]]:
        """Yield the candidates, each with when to go on to the next at the latest; None: it is left alone.

        The last one is always asked, and waited for.
        """
        now = asyncio.get_running_loop().time
        latest = now() + LONGEST
        for rung in rungs[:-1]:
            yield rung if self._left_alone.may_ask(rung.engine, now()) else None, latest
        for rung in rungs[-1:]:
            yield rung, None

    async def _said_by(
        self, rung: Rung, orders: Mapping[int, Order], get: Get[_Sound], until: float | None
    ) -> dict[int, _Sound]:
        """Return what a candidate says. Raises ``SpeechUnavailable``; so it does when no sound comes for a while."""
        now = asyncio.get_running_loop().time
        began = now()
        try:
            limit = None if until is None else min(began + self._patience, until)
            async with asyncio.timeout_at(limit) as waiting:

                async def got(order: Order) -> _Sound:
                    sound = await get(order)
                    if until is not None and not waiting.expired():
                        waiting.reschedule(min(now() + self._patience, until))
                    return sound

                sounds = await together({order: got(order) for order in in_no_order(orders.values())})
        except TimeoutError:
            self._left_alone.hung(rung.engine, began, now())
            raise SpeechUnavailable("the engine takes too long") from None
        except SpeechUnavailable:
            if until is not None and now() - began >= LONG:
                self._left_alone.hung(rung.engine, began, now())
            raise
        return {place: sounds[order] for place, order in orders.items()}

    async def _without_brand(self, part: Part, get: Get[_Sound]) -> Said[_Sound] | None:
        """Return the sentence as it is where there is no brand: better than a call that is lost."""
        item = next(iter(part.items.values()))
        if not isinstance(item, Words) or not item.packaged:
            return None
        if (plain := self._brands.without(item.text, item.language)) is None:
            return None
        for rung, until in self._worth_asking(part.rungs):
            if rung is None:
                continue
            orders = dict.fromkeys(part.items, self._order(replace(item, text=plain), rung))
            try:
                sounds = await self._said_by(rung, orders, get, until)
            except SpeechUnavailable:
                continue
            log.warning("speech.brand_left_out", engine=rung.engine)
            return Said.by(rung, sounds, left_out="brand")
        return None


def _reads_out(script: Script) -> bool:
    return any(isinstance(item, CodeCharacter) for item in script)


def in_no_order(orders: Collection[Order]) -> list[Order]:
    """Return each order once, in the order of the alphabet.

    Memory remembers in which order it was asked for things, and that must not be the order of a code.
    """
    return sorted(set(orders), key=lambda order: (order.text, order.speed))


async def together(making: Mapping[_Item, Awaitable[_Sound]]) -> dict[_Item, _Sound]:
    """Return what all of these come to. Raises the fault of the first one that fails, and stops the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {item: group.create_task(_awaited(sound)) for item, sound in making.items()}
    except ExceptionGroup as failures:
        # One reason is enough.
        raise failures.exceptions[0] from None
    return {item: task.result() for item, task in tasks.items()}


async def _awaited(sound: Awaitable[_Sound]) -> _Sound:
    return await sound
