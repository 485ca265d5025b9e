"""Scripts become sound in the trunk's law, piece by piece, from clips that are made once.

It keeps no order of characters anywhere: a code exists here only while ``prepare`` runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from string import ascii_letters, digits
from typing import Any, Final, TypeVar, assert_never

from otpvoice.adapters.speech.cache import ClipCache
from otpvoice.adapters.speech.downloads import Downloads
from otpvoice.adapters.speech.prompts import Prompts
from otpvoice.adapters.speech.voice import Voice
from otpvoice.core.actions import SayCode
from otpvoice.core.locale import Locales, lookup
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import (
    CodeCharacter,
    Recording,
    RemoteRecording,
    Script,
    Silence,
    SpeechUnavailable,
    Spoken,
    Tone,
    Words,
)
from otpvoice.media.g711 import SAMPLE_RATE, SILENCE, Law, encode
from otpvoice.media.tone import tone

ROOM: Final = 16 * 1024 * 1024
"""Bytes of clips that are kept beside those made ahead: half an hour of speech."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Order:
    """A text for an engine. Equal orders give equal clips."""

    engine: str
    voice: str | None
    language: str
    speed: float
    text: str = field(repr=False)
    keep: bool


class Renderer:
    """Renders scripts for one law. ``default_voice`` is ``engine`` or ``engine:voice``; raises ``ValueError``.

    ``prompts`` None: there is no folder of recordings, and every one is missing. ``downloads`` None: none is fetched.
    ``rendered`` is told of each text that an engine was asked for: if it came, and how many seconds that took.
    """

    def __init__(
        self,
        voices: Iterable[Voice],
        locales: Locales,
        law: Law,
        default_voice: str = "espeak",
        room: int = ROOM,
        *,
        prompts: Prompts | None = None,
        downloads: Downloads | None = None,
        rendered: Callable[[bool, float], None] = lambda _, __: None,
    ) -> None:
        self._rendered = rendered
        self._voices = {voice.name: voice for voice in voices}
        self._locales = locales
        self._law = law
        self._default = default_voice
        self._clips = ClipCache(room)
        self._prompts = prompts
        self._downloads = downloads
        self._under_way: dict[_Order, asyncio.Task[bytes]] = {}
        engine, name = self._named(default_voice)
        self._default_language = _primary(engine.voice_language(name) or "") if name else ""

    def check(self, language: str, voice: str | None) -> None:
        """Raise ``ValueError`` for a voice that there is not, or a language that it does not speak."""
        engine, _ = self._named(voice or self._default)
        if self._locales.find(language) is None and lookup(language, engine.languages) is None:
            raise ValueError(f"{engine.name} does not speak this language")

    async def warm_up(self, languages: Iterable[str]) -> None:
        """Make ahead, and keep for ever, every character and the sentences of an ordinary code in these languages.

        Raises ``SpeechUnavailable``.
        """
        orders: set[_Order] = set()
        for language in languages:
            for item in code_script(SayCode(OtpCode("000")), language, None, self._locales):
                match item:
                    case Words():
                        orders.add(self._order(item))
                    case CodeCharacter():
                        # As ``core.reading`` spells: small letters are any, capitals are said to be capitals.
                        orders |= {self._order(replace(item, character=one)) for one in digits + ascii_letters}
                    case Silence() | Recording() | RemoteRecording() | Tone():
                        pass
        clips = await self._all([order for order in orders if self._clips.get(order) is None], ahead=True)
        for order, clip in clips.items():
            self._clips.keep(order, clip)

    def silence(self, seconds: float) -> bytes:
        """Return silence in the law, exact to the sample."""
        return _silence(self._law, round(seconds * SAMPLE_RATE))

    async def prepare(self, script: Script) -> tuple[bytes, ...]:
        """Return the sound of each item in the law, in order; equal items share their bytes.

        Silence and tones are exact to the sample. Words without anything to say are empty, characters never are.
        Raises ``SpeechUnavailable``.
        """
        orders = [self._order(item) if isinstance(item, Words | CodeCharacter) else None for item in script]
        clips: dict[_Order, bytes] = {}
        missing: list[_Order] = []
        for order in orders:
            if order is not None and order not in clips:
                clip = self._clips.get(order)
                if clip is None:
                    missing.append(order)
                else:
                    clips[order] = clip
        # First what costs no engine: where a recording is missing, nothing is rendered in vain.
        others = await _together(
            {item: self._other(item) for item in set(script) if isinstance(item, Recording | RemoteRecording | Tone)}
        )
        if missing:
            clips |= await self._all(dict.fromkeys(missing), ahead=False)
        return tuple(
            self._sound(item, clips[order] if order else b"", others)
            for item, order in zip(script, orders, strict=True)
        )

    async def close(self) -> None:
        """Stop what is being rendered."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _other(self, item: Recording | RemoteRecording | Tone) -> bytes:
        """Return what no engine makes."""
        if isinstance(item, Recording):
            if self._prompts is None:
                raise SpeechUnavailable("prompt_missing")
            return await self._prompts.clip(item.name, self._law)
        if isinstance(item, RemoteRecording):
            if self._downloads is None:
                raise SpeechUnavailable("audio_blocked")
            return await self._downloads.clip(item.url, self._law)
        if (clip := self._clips.get(item)) is None:
            clip = await asyncio.to_thread(_tone, item, self._law)
            self._clips.put(item, clip)
        return clip

    def _sound(self, item: Spoken, clip: bytes, others: Mapping[Recording | RemoteRecording | Tone, bytes]) -> bytes:
        match item:
            case Silence():
                return self.silence(item.seconds)
            case Recording() | RemoteRecording() | Tone():
                return others[item]
            case Words():
                return clip
            case CodeCharacter():
                if not clip:
                    raise SpeechUnavailable("a character of the code came out silent")
                return clip
            case _:
                assert_never(item)

    def _named(self, spec: str) -> tuple[Voice, str]:
        """Return the engine and the name of the voice, empty for the engine's own. Raises ``ValueError``."""
        engine_name, _, name = spec.partition(":")
        engine = self._voices.get(engine_name)
        if engine is None:
            raise ValueError(f"there is no voice of this name; there are {', '.join(sorted(self._voices))}")
        if name and engine.voice_language(name) is None:
            raise ValueError(f"{engine.name} has no voice of this name")
        return engine, name

    def _order(self, item: Words | CodeCharacter) -> _Order:
        """Return what to ask of which engine. Raises ``SpeechUnavailable`` for a voice that is not there."""
        try:
            engine, name = self._named(item.voice or self._default)
        except ValueError as error:
            raise SpeechUnavailable(str(error)) from None
        if item.voice is None and self._default_language != _primary(item.language):
            # The configured voice is for its own language only; others have theirs.
            name = ""
        language, locale = item.language, self._locales.find(item.language)
        if locale is None and lookup(language, engine.languages) is None:
            # Better in the wrong voice than not at all; ``check`` is for those who want to refuse.
            locale = self._locales.default
            language = locale.tag
        voice = name or (locale.voice(engine.name, language) if locale else None)
        if voice is not None:
            # The voice decides; regions that have the same one share its clips.
            language = engine.voice_language(voice) or language
        # In steps of 0.05, so that the speeds that requests can think of do not fill the memory.
        speed = min(max(round(item.speed * 20) / 20, 0.5), 2.0)
        if isinstance(item, Words):
            return _Order(engine.name, voice, language, speed, item.text, keep=not _may_hold_a_code(item.text))
        text = locale.word(item.character) if locale else item.character
        return _Order(engine.name, voice, language, speed, text, keep=True)

    async def _all(self, orders: Iterable[_Order], ahead: bool) -> dict[_Order, bytes]:
        return await _together({order: self._clip(order, ahead) for order in orders})

    async def _clip(self, order: _Order, ahead: bool) -> bytes:
        if not ahead and not self._voices[order.engine].may_see_secrets:
            raise SpeechUnavailable("this engine is not asked during a call")
        if not order.keep:
            return await self._render(order)
        task = self._under_way.get(order)
        if task is None:
            # In a context of its own: it is for all who wait for it, and bears the name of none.
            work = self._render_and_put(order)
            task = self._under_way[order] = asyncio.create_task(work, context=Context())
            task.add_done_callback(partial(self._forget, order))
        # Who hung up must not take the sound away from others that wait for it.
        return await asyncio.shield(task)

    async def _render_and_put(self, order: _Order) -> bytes:
        clip = await self._render(order)
        self._clips.put(order, clip)
        return clip

    async def _render(self, order: _Order) -> bytes:
        now = asyncio.get_running_loop().time
        began = now()
        try:
            clip = await self._made(order)
        except Exception:
            self._rendered(False, now() - began)
            raise
        self._rendered(True, now() - began)
        return clip

    async def _made(self, order: _Order) -> bytes:
        try:
            pcm = await self._voices[order.engine].render(order.text, order.language, order.voice, order.speed)
        except ValueError:
            # From None: what an engine says of a text may repeat it.
            raise SpeechUnavailable("the engine does not take this text, voice or language") from None
        return await asyncio.to_thread(encode, pcm, self._law)

    def _forget(self, order: _Order, task: asyncio.Task[bytes]) -> None:
        self._under_way.pop(order, None)
        if not task.cancelled():
            task.exception()  # seen: nobody may be waiting any more


async def _together(making: Mapping[_Item, Coroutine[Any, Any, bytes]]) -> dict[_Item, bytes]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {item: group.create_task(sound) for item, sound in making.items()}
    except ExceptionGroup as failures:
        # One reason is enough.
        raise failures.exceptions[0] from None
    return {item: task.result() for item, task in tasks.items()}


def _tone(item: Tone, law: Law) -> bytes:
    try:
        return encode(tone(item.frequencies, item.seconds), law)
    except ValueError:
        raise SpeechUnavailable("tone_frequency") from None


def _may_hold_a_code(text: str) -> bool:
    # ``say`` takes any text, and some will put their code there. Whatever has a digit in it, of any script, is
    # therefore rendered for its call alone: a clip that stays would be the code, spoken, in our memory for days.
    return any(character.isdigit() for character in text)


def _primary(tag: str) -> str:
    return tag.replace("_", "-").split("-", 1)[0].lower()


def _silence(law: Law, samples: int) -> bytes:
    # The gaps of a code are the same few in every call; long pauses are not worth keeping.
    return _short_silence(law, samples) if samples <= 2 * SAMPLE_RATE else SILENCE[law] * samples


@lru_cache(maxsize=64)
def _short_silence(law: Law, samples: int) -> bytes:
    return SILENCE[law] * samples
