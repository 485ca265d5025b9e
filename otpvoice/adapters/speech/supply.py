"""Sound by order: from memory, from the disk, or made; made once for all that wait for it.

It knows no scripts and no ladders. What may hold a code is made for its call and kept nowhere.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from otpvoice.adapters.speech.asking import NOT_NOW, Asking
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.clips.memory import ClipCache
from otpvoice.adapters.speech.counts import Counts
from otpvoice.adapters.speech.encoding import encoded
from otpvoice.adapters.speech.orders import Keeping, Order
from otpvoice.adapters.speech.urgency import Urgency
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import EMPTY, Clip
from otpvoice.media.g711 import SAMPLE_RATE, Law

ROOM: Final = 16 * 1024 * 1024
"""Bytes of sound that are kept beside that made ahead: half an hour of speech."""
LONGEST_CHARACTER: Final = 10.0
"""Seconds: "capital B, as in Bravo", as slow as can be, takes half of it. What is longer is no character."""
OVER: Final = "nothing is said any more"

_Way: TypeAlias = tuple[Order, bool]
"""An order, and whether its engine may be asked for it."""


@dataclass(frozen=True, slots=True)
class _Made:
    """``sound``: in the law. ``source``: ``memory``, ``disk`` or ``engine``."""

    clip: Clip
    sound: bytes = field(repr=False)
    source: str


@dataclass(slots=True, eq=False)
class _Making:
    """``waiting``: how many wait for it; what is made ahead is waited for, too."""

    task: asyncio.Task[_Made]
    urgency: Urgency
    waiting: int = 0


class Supply:
    """All sound there is, in one law. ``room``: bytes that are kept in memory beside what is kept for ever."""

    def __init__(self, asking: Asking, law: Law, files: ClipFiles | None, counts: Counts, room: int = ROOM) -> None:
        self._asking, self._law, self._files, self._counts = asking, law, files, counts
        self._clips = ClipCache(room)
        # What engines with one speed have said, as masters: other speeds are made of these.
        self._said = ClipCache(room)
        self._under_way: dict[_Way, _Making] = {}
        self._tasks: set[asyncio.Task[_Made]] = set()
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes of sound in memory."""
        return self._clips.size + self._said.size

    def at_hand(self, order: Order) -> bytes | None:
        """Return what is in memory, always the same object."""
        return self._clips.get(order)

    async def get(self, order: Order) -> bytes:
        """Return sound that a call waits for; empty where there is nothing to say.

        Raises ``SpeechUnavailable``; so it does for an engine that is not asked during a call, where its sound is not
        there yet.
        """
        if (sound := self._clips.get(order)) is not None:
            self._counts.had("memory")
            return sound
        made = await self._made(order)
        self._counts.had(made.source)
        return made.sound

    async def clip(self, order: Order) -> Clip:
        """Return the same, before it is encoded: for a file. Raises as ``get``."""
        return (await self._made(order)).clip

    async def make_ahead(self, order: Order) -> None:
        """Have it in memory, for ever, when nothing else is waited for. Raises ``SpeechUnavailable``."""
        if order.keeping is Keeping.NOWHERE:
            raise ValueError("what may hold a code is not made ahead")
        if (sound := self._clips.get(order)) is not None and not self._is_base(order):
            self._clips.keep(order, sound)
            return
        if sound is not None and (master := self._said.get(order)) is not None:
            made = _Made(Clip(master, b""), sound, "memory")
        else:
            made = await self._made_for_all(order, True, Urgency())
        if made.sound:
            self._clips.keep(order, made.sound)
            if self._is_base(order):
                self._said.keep(order, made.clip.master)

    async def close(self) -> None:
        """Stop what is being made; who waits for it is told ``SpeechUnavailable``, and so is who asks from now on."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _made(self, order: Order) -> _Made:
        if order.keeping is Keeping.NOWHERE:
            return await self._made_for_one(order)
        return await self._made_for_all(order, self._asking.may_be_asked(order.engine), Urgency(urgent=True))

    async def _made_for_one(self, order: Order) -> _Made:
        if self._closed:
            raise SpeechUnavailable(OVER)
        if not self._asking.may_be_asked(order.engine):
            raise SpeechUnavailable(NOT_NOW)
        return await self._encoded(await self._asking.clip(order, Urgency(urgent=True)), "engine")

    async def _made_for_all(self, order: Order, may_ask: bool, urgency: Urgency) -> _Made:
        if self._closed:
            raise SpeechUnavailable(OVER)
        making = self._under_way.get(way := (order, may_ask))
        if making is None:
            own = Urgency()
            # In a context of its own: it is for all who wait for it, and bears the name of none.
            task = asyncio.create_task(self._make(order, may_ask, own), context=Context())
            making = self._under_way[way] = _Making(task, own)
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, way, making))
        urgency.carry(making.urgency)
        making.waiting += 1
        try:
            # Who hung up must not take the sound away from others that wait for it.
            return await asyncio.shield(making.task)
        except asyncio.CancelledError:
            if making.task.cancelled() and not _is_cancelled():  # but what it waited for
                raise SpeechUnavailable(OVER) from None
            raise
        finally:
            making.waiting -= 1
            if not making.waiting and not making.task.done():
                # The last one: an engine has better to do. Whoever comes now finds none that is about to end.
                self._forget(way, making)
                making.task.cancel()

    async def _make(self, order: Order, may_ask: bool, urgency: Urgency) -> _Made:
        address = await self._address(order)
        clip = await self._files.get(address) if self._files is not None and address is not None else None
        if clip is not None and _flaw(order, clip) is None:
            return await self._put(order, clip, "disk")
        if order.speed != 1 and self._asking.has_one_speed(order.engine):
            # For another speed it is not asked again, and need not be there.
            said = await self._at_speed_one(replace(order, speed=1.0), may_ask, urgency)
            clip, source = await self._asking.at_speed(said.clip.master, order.speed, urgency), said.source
        elif may_ask:
            clip, source = await self._asking.clip(order, urgency), "engine"
        else:
            raise SpeechUnavailable(NOT_NOW)
        if (flaw := _flaw(order, clip)) is not None:
            raise SpeechUnavailable(flaw)
        if self._files is not None and address is not None and clip != EMPTY:
            await self._files.put(address, clip)
        return await self._put(order, clip, source)

    async def _at_speed_one(self, order: Order, may_ask: bool, urgency: Urgency) -> _Made:
        if (master := self._said.get(order)) is not None:
            return _Made(Clip(master, b""), b"", "memory")
        return await self._made_for_all(order, may_ask, urgency)

    async def _address(self, order: Order) -> str | None:
        if self._files is None or order.keeping is not Keeping.DISK:
            return None
        edition = await self._asking.edition(order)
        return None if edition is None else order.address(edition)

    async def _put(self, order: Order, clip: Clip, source: str) -> _Made:
        made = await self._encoded(clip, source)
        # What came out silent this time need not the next.
        if made.sound:
            self._clips.put(order, made.sound)
            if self._is_base(order):
                self._said.put(order, made.clip.master)
        return made

    async def _encoded(self, clip: Clip, source: str) -> _Made:
        return _Made(clip, await encoded(clip.telephone, self._law), source)

    def _is_base(self, order: Order) -> bool:
        return order.speed == 1 and self._asking.has_one_speed(order.engine)

    def _forget(self, way: _Way, making: _Making) -> None:
        if self._under_way.get(way) is making:
            del self._under_way[way]

    def _ended(self, way: _Way, making: _Making, task: asyncio.Task[_Made]) -> None:
        self._forget(way, making)
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: nobody may be waiting any more


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _flaw(order: Order, clip: Clip) -> str | None:
    """Return what is wrong with a character of a code; None: nothing, or it is none."""
    if order.character and not clip.telephone:
        return "a character of the code came out silent"
    if order.character and len(clip.telephone) > 2 * SAMPLE_RATE * LONGEST_CHARACTER:
        return "a character of the code came out endless"
    return None
