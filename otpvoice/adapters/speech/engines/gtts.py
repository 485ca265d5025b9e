"""gTTS: an online service's voices, for sentences and single characters that are known beforehand. Never for a code.

gTTS (MIT) asks the speech service of a public translation site, which is somebody else's: no contract, no promise,
and what is sent there is known there. It is therefore asked ahead of time only (``may_see_secrets``), and besides
refuses by itself whatever is not a text of a language pack (``phrases``), a configured brand in it or not: no byte
leaves.

A digit of a code would be such a text. So that not even the order tells anything, the characters of a language are
never asked for one by one, but all of a kind, in the order of their alphabet, whichever was wanted; they are kept here
as they came. What is on the wire is the same whatever is spoken.

It is asked by a process of its own (``gtts_child``), one at a time, each with a deadline. After failures it is left
alone for a while (``circuit``).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import structlog

from otpvoice.adapters.speech.child import Bounds, ask
from otpvoice.adapters.speech.engines.circuit import Circuit
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.phrases import Phrases, phrases
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.core.locale import Locales, lookup
from otpvoice.core.reading import is_speakable
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave

PROGRAM: Final = (sys.executable, "-I", "-m", "otpvoice.adapters.speech.engines.gtts_child")
"""Isolated (``-I``): no module is taken from a folder or variable that somebody else can write."""
DEADLINE: Final = 15.0
"""Seconds for a text, from the start of the process to its end."""
LONGEST_TEXT: Final = 400
"""Characters."""
LARGEST: Final = 1024 * 1024
"""Bytes of MP3."""
LARGEST_CHARACTER: Final = 64 * 1024
"""Bytes of MP3 that are kept: sixteen seconds, as the service makes them."""
NOT_GIVEN: Final = "an online engine is given texts of language packs only"
SHARE: Final = 1.25
"""A pause is up to so many times as long as it has to be."""

# ``gtts.lang.tts_langs()`` of gTTS 2.5. It is not asked there: importing it loads an HTTP client.
_NAMES: Final = """
    af am ar bg bn bs ca cs cy da de el en es et eu fi fr fr-CA gl gu ha hi hr hu id is it iw ja jw km kn ko la lt lv ml
    mr ms my ne nl no pa pl pt pt-PT ro ru si sk sq sr su sv sw ta te th tl tr uk ur vi yue zh zh-CN zh-TW
"""
# BCP 47 has other tags for these, or more exact ones.
_TAGS: Final = {"iw": "he", "jw": "jv", "no": "nb", "tl": "fil", "pt": "pt-BR"}
VOICES: Final[Mapping[str, str]] = {name: _TAGS.get(name, name) for name in _NAMES.split()}
"""gTTS's name of a language → BCP 47 tag."""
_VOICE_OF: Final = {tag: name for name, tag in VOICES.items()} | {"pt": "pt", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}
_NOTHING: Final = Wave(24000, b"")

log = structlog.get_logger(__name__)


class Gtts:
    """The voice ``gtts``. ``brands``: those whose sentences may be asked for.

    ``endpoint``: a URL in the place of the service's own; ``clock`` is monotonic, in seconds.
    """

    name: Final = "gtts"

    def __init__(
        self,
        decoder: Decoder,
        locales: Locales,
        brands: Iterable[str] = (),
        *,
        endpoint: str | None = None,
        deadline: float = DEADLINE,
        circuit: Circuit | None = None,
        clock: Callable[[], float] = time.monotonic,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._decoder = decoder
        self._endpoint = endpoint
        self._deadline = deadline
        self._circuit = circuit or Circuit()
        self._clock = clock
        self._program = tuple(program)
        self._turn = asyncio.Lock()
        self._characters: dict[tuple[str, str], bytes] = {}
        self._locales, self._brands = locales, tuple(brands)
        self._packs: dict[str, tuple[Phrases, ...]] = {}
        self.traits: Final = Traits(
            offline=False,
            may_see_secrets=False,
            languages=frozenset(_VOICE_OF),
            speeds=None,
            licence="MIT",
            longest_text=LONGEST_TEXT,
        )

    @property
    def open(self) -> bool:
        """Is the service left alone, because it failed?"""
        return self._circuit.open

    def voices(self) -> Mapping[str, str]:
        """See ``Voice.voices``."""
        return VOICES

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``."""
        return VOICES.get(name)

    def missing(self) -> str | None:
        """See ``Voice.missing``."""
        return None if _edition() else "gTTS is not installed: pip install 'otpvoice[gtts]'"

    def edition(self, language: str, voice_name: str | None) -> str:
        """See ``Voice.edition``. What the service makes of a text may change at any time, and nobody is told."""
        return _edition()

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """See ``Voice.render``. ``SpeechUnavailable``: ``engine_paused`` while the circuit is open, or a sentence."""
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"a text has at most {LONGEST_TEXT} characters")
        if speed != 1:
            raise ValueError("gtts has one speed")
        voice = self._voice(language, voice_name)
        text = text.strip()
        if not is_speakable(text):
            return _NOTHING
        alphabet = self._alphabet(text, voice)
        if (absent := self.missing()) is not None:
            raise SpeechUnavailable(absent)
        if alphabet is not None:
            return await self._character(text, alphabet, voice)
        async with self._turn:
            _, wave = await self._ask(text, voice, LARGEST)
        return wave

    def _voice(self, language: str, name: str | None) -> str:
        if name is not None:
            if name not in VOICES:
                raise ValueError("gtts has no voice of this name")
            return name
        tag = lookup(language, _VOICE_OF)
        if tag is None:
            raise ValueError("gtts does not speak this language")
        return _VOICE_OF[tag]

    def _alphabet(self, text: str, voice: str) -> tuple[str, ...] | None:
        """Return all that is asked for with a character; None: it is a sentence.

        Raises ``SpeechUnavailable`` for what may not be asked for.
        """
        packs = self._of_voice(voice)
        for pack in packs:
            for alphabet in pack.alphabets:
                if text in alphabet.values():
                    return tuple(dict.fromkeys(alphabet.values()))
        if not any(text in pack.sentences.values() for pack in packs):
            raise SpeechUnavailable(NOT_GIVEN)
        return None

    def _of_voice(self, voice: str) -> tuple[Phrases, ...]:
        """Return the phrases of the packs that this voice speaks."""
        if voice not in self._packs:
            tags = [tag for tag in self._locales.tags if _VOICE_OF.get(lookup(tag, _VOICE_OF) or "") == voice]
            packs = filter(None, map(self._locales.find, tags))
            self._packs[voice] = tuple(phrases(pack, self._locales, self._brands) for pack in packs)
        return self._packs[voice]

    async def _character(self, text: str, alphabet: Iterable[str], voice: str) -> Wave:
        wave = None
        for one in alphabet:
            try:
                async with self._turn:
                    if (voice, one) not in self._characters:
                        self._characters[voice, one], new = await self._ask(one, voice, LARGEST_CHARACTER)
                        wave = new if one == text else wave
            except SpeechUnavailable:
                if (voice, text) in self._characters:
                    break
                raise
        return wave or await self._decoder.decode(self._characters[voice, text], self.name)

    async def _ask(self, text: str, voice: str, most: int) -> tuple[bytes, Wave]:
        """Return MP3, and the sound that it is. In turn: the circuit is for one who asks."""
        if not self._circuit.may_ask(self._clock()):
            raise SpeechUnavailable("engine_paused")
        order = {"text": text, "language": voice, "timeout": self._deadline / 3, "endpoint": self._endpoint}
        try:
            answer = await ask(self._program, json.dumps(order).encode(), Bounds(self._deadline, most + 64))
        except SpeechUnavailable as failed:
            self._failed(failed.reason)
            raise
        word, _, sound = answer.partition(b"\n")
        if word == b"sound" and sound:
            wave = await self._decoded(sound)
            self._circuit.succeeded()
            return sound, wave
        if status := _STATUS.fullmatch(word):
            reason = f"the online engine was answered with {status[1].decode()}"
            self._failed(reason, at_once=status[1] == b"429", asked=float(status[2]) if status[2] else None)
            raise SpeechUnavailable(reason)
        reason = _REASONS.get(word, "the online engine's program said nothing that is understood")
        if word != b"too_long":
            self._failed(reason)
        raise SpeechUnavailable(reason)

    def _failed(self, reason: str, at_once: bool = False, asked: float | None = None) -> None:
        share = random.uniform(1, SHARE)  # noqa: S311 - no secret
        self._circuit.failed(self._clock(), at_once=at_once, asked=asked, share=share)
        log.warning("speech.not_answered", engine=self.name, reason=reason, paused=self._circuit.open)

    async def _decoded(self, mp3: bytes) -> Wave:
        try:
            return await self._decoder.decode(mp3, self.name)
        except SpeechUnavailable:
            reason = "the online engine was answered with something that is no sound"
            self._failed(reason)
            raise SpeechUnavailable(reason) from None


_REASONS: Final = {
    b"silent": "the online engine was answered without sound",
    b"too_large": "the online engine was answered with too much",
    b"unreachable": "the online engine was not answered",
    b"too_long": "a text is too long for the online engine",
}
_STATUS: Final = re.compile(rb"status (\d{3})(?: (\d{1,9}))?")


@cache
def _edition() -> str:
    try:
        return version("gtts")
    except PackageNotFoundError:
        return ""
