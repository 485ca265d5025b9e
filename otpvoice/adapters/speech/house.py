"""All that makes speech, put together as it is set: packs, engines, finishing, what is kept, and what is made ahead.

It decides nothing, and reads no settings: they are handed in, as whatever has these attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import structlog

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.counts import Counts
from otpvoice.adapters.speech.engines.assembly import engines
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.speech.warm_up import WarmUp
from otpvoice.core.locale import Locales
from otpvoice.media.g711 import Law

MB: Final = 1_000_000

log = structlog.get_logger(__name__)


class Wishes(Protocol):
    """What is set for speech (``settings.speech``, where each is explained)."""

    @property
    def voice(self) -> str: ...
    @property
    def fallback_voices(self) -> Sequence[str]: ...
    @property
    def prompts_dir(self) -> Path | None: ...
    @property
    def locales_dir(self) -> Path | None: ...
    @property
    def recordings_dir(self) -> Path | None: ...
    @property
    def asterisk_sounds(self) -> Path | None: ...
    @property
    def piper_dir(self) -> Path | None: ...
    @property
    def piper(self) -> str: ...
    @property
    def gtts(self) -> bool: ...
    @property
    def speech_cache(self) -> Path | None: ...
    @property
    def speech_cache_size(self) -> int: ...
    @property
    def warm_up(self) -> Sequence[str]: ...
    @property
    def brands(self) -> Sequence[str]: ...
    @property
    def speech_workers(self) -> int: ...


class SpeechHouse:
    """Made once; ``close`` ends it. Raises ``ValueError`` or ``OSError`` for a pack that is wrong, or a voice.

    A voice whose engine is not on this machine is in the log, and others stand in for it. ``client``: fetches what lies
    at URLs of requests.
    """

    def __init__(self, wishes: Wishes, law: Law, client: GuardedClient, counts: Counts) -> None:
        self.locales: Final[Locales] = load_locales(*([wishes.locales_dir] if wishes.locales_dir is not None else []))
        self._finishing = Workshop(wishes.speech_workers)
        decoder = Decoder()
        self._downloads = Downloads(client, decoder, finishing=self._finishing)
        self._prompts = Prompts(wishes.prompts_dir, finishing=self._finishing) if wishes.prompts_dir else None
        self._files = ClipFiles(wishes.speech_cache, wishes.speech_cache_size * MB) if wishes.speech_cache else None
        self.voices: Final[Sequence[Voice]] = engines(
            self.locales,
            recordings=wishes.recordings_dir,
            asterisk=wishes.asterisk_sounds,
            piper_dir=wishes.piper_dir,
            piper=wishes.piper,
            gtts=wishes.gtts,
            brands=wishes.brands,
            decoder=decoder,
        )
        self.renderer: Final = Renderer(
            self.voices,
            self.locales,
            law,
            wishes.voice,
            finishing=self._finishing,
            fallbacks=wishes.fallback_voices,
            files=self._files,
            prompts=self._prompts,
            downloads=self._downloads,
            brands=wishes.brands,
            counts=counts,
        )
        self._warm_up = WarmUp(self.renderer, self.voices, self.locales, wishes.warm_up, wishes.brands)
        self._look([wishes.voice, *wishes.fallback_voices])

    @property
    def has_prompt(self) -> Callable[[str], bool] | None:
        """Says whether there is a recording of a name; None: there is no folder of them."""
        return self._prompts.has if self._prompts is not None else None

    def named_voices(self) -> Iterator[tuple[str, str]]:
        """Return the voices that a request may name, as ``engine:voice``, each with its BCP 47 tag."""
        for engine in self.voices:
            # What an online engine may not be asked for is said by another one, with another voice.
            if engine.missing() is None and engine.traits.may_see_secrets:
                yield from ((f"{engine.name}:{name}", tag) for name, tag in engine.voices().items())

    @property
    def kept(self) -> Mapping[str, int]:
        """Bytes of sound that are kept, by where."""
        return {"memory": self.renderer.supply.size, "disk": self._files.size if self._files is not None else 0}

    @property
    def left_alone(self) -> Mapping[str, bool]:
        """Is an engine left alone for a while: an online one because it failed, others because they hung?"""
        hung = self.renderer.left_alone
        return {voice.name: hung[voice.name] or bool(getattr(voice, "open", False)) for voice in self.voices}

    async def warm_up(self) -> None:
        """Make ahead what ordinary codes need; returns when it is there."""
        await self._warm_up.run()

    async def close(self) -> None:
        """Stop what is being made, and let go of disk and processes."""
        await self.renderer.close()
        await self._downloads.close()
        if self._files is not None:
            await self._files.close()
        await self._finishing.close()

    def _look(self, specs: Sequence[str]) -> None:
        by_name = {voice.name: voice for voice in self.voices}
        for spec in dict.fromkeys(specs):
            voice = by_name.get(spec.partition(":")[0])
            if voice is not None and (missing := voice.missing()) is not None:
                log.warning("speech.voice_missing", voice=spec, reason=missing)
