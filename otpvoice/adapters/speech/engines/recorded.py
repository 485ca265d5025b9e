"""Recordings as a voice: a folder of one's own (``recordings``), and Asterisk's prompts (``asterisk_sounds``).

The renderer asks for texts; which of a language pack's texts that is, is looked up (``phrases``), and the file is found
by its name. A text of a request is none of them, and neither is one whose file is missing: both are ``not_recorded``,
and said by whoever is next on the ladder. No recording says a code that it was not asked for: it is put together from
single characters, as with any engine.

Which languages there are is seen once, at the start. A file that is replaced is noticed within ``LOOK_EVERY``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import structlog

from otpvoice.adapters.speech.disk import Disk
from otpvoice.adapters.speech.engines.asterisk_sounds import LICENCE, advice, asterisk_sounds
from otpvoice.adapters.speech.engines.recording_file import Unreadable, find, read, version
from otpvoice.adapters.speech.engines.recordings import Way, own_recordings
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.phrases import Phrases, phrases
from otpvoice.core.language_tags import chain, index, lookup, primary
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.reading import is_speakable
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave

ASTERISK: Final = "asterisk-"
"""What the names of voices begin with whose recordings are Asterisk's."""
LOOK_EVERY: Final = 2.0
"""Seconds between two looks at a folder's files."""
BETWEEN: Final = 0.1
"""Seconds between two recordings that are one text: "capital", "B"."""
OWN_LICENCE: Final = "LicenseRef-own-recordings"
NOT_RECORDED: Final = "not_recorded"
_NOTHING: Final = Wave(8000, b"")

log = structlog.get_logger(__name__)


class _Source(Protocol):
    """A folder of one language."""

    @property
    def folder(self) -> Path: ...

    def ways(self, name: str, text: str, locale: Locale) -> Iterator[Way]: ...

    def stems(self) -> Iterator[str]: ...


class Recorded:
    """The voice ``recorded``; its voices are ``<tag>`` and ``asterisk-<tag>``.

    Without a voice one's own recordings are looked for first, then Asterisk's. ``folder``: of one's own; ``asterisk``:
    Asterisk's ``sounds``; None: there are none. ``clock`` is monotonic, in seconds.
    """

    name: Final = "recorded"

    def __init__(
        self,
        locales: Locales,
        folder: Path | None = None,
        asterisk: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        disk: Disk | None = None,
    ) -> None:
        self._locales = locales
        self._clock = clock
        self._disk = disk or Disk("recordings")
        self._phrases: dict[str, Phrases] = {}
        self._editions: dict[Path, tuple[float, str]] = {}
        self._own: Mapping[str, _Source] = {}
        self._asterisk: Mapping[str, _Source] = {}
        self._missing = "there is no folder of recordings"
        if folder is not None:
            self._missing = f"there is no folder of a language in {folder}"
            with suppress(OSError):
                self._own = own_recordings(folder)
        if asterisk is not None:
            self._missing = f"there are no prompts of Asterisk's in {asterisk}"
            with suppress(OSError):
                self._asterisk, unread = asterisk_sounds(asterisk)
                self._missing = advice(unread) if unread else self._missing
        self._voices = {tag: tag for tag in self._own} | {f"{ASTERISK}{tag}": tag for tag in self._asterisk}
        licences = [OWN_LICENCE] * bool(self._own) + [LICENCE] * bool(self._asterisk)
        self.traits: Final = Traits(
            offline=True,
            may_see_secrets=True,
            languages=frozenset({*self._own, *self._asterisk}),
            speeds=None,
            licence=" AND ".join(licences) or OWN_LICENCE,
        )

    def voices(self) -> Mapping[str, str]:
        """See ``Voice.voices``."""
        return self._voices

    def voice_language(self, name: str) -> str | None:
        """See ``Voice.voice_language``."""
        return self._voices.get(name)

    def missing(self) -> str | None:
        """See ``Voice.missing``. Of a folder that is there it is not said what is missing in it: see ``lacking``."""
        return None if self._own or self._asterisk else self._missing

    def edition(self, language: str, voice_name: str | None) -> str:
        """See ``Voice.edition``: of all files that a voice has, so it is called in a thread.

        Raises ``ValueError`` as ``render`` does.
        """
        editions = [self._edition(source) for source in self._sources(language, voice_name)]
        return hashlib.sha256("\n".join(editions).encode()).hexdigest()[:16]

    def lacking(self, voice_name: str) -> tuple[str, ...]:
        """Return the names of all that a voice's language pack says and it has no recording of. Reads folders."""
        language = self.voice_language(voice_name)
        if language is None:
            raise ValueError("recorded has no voice of this name")
        locale, sources = self._locales.lookup(language), self._sources(language, voice_name)
        pack = self._pack(locale)
        texts = {name: text for part in (*pack.alphabets, pack.sentences) for name, text in part.items()}
        return tuple(
            name for name, text in texts.items() if not any(_files(source, name, text, locale) for source in sources)
        )

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        """See ``Voice.render``. ``SpeechUnavailable``: ``not_recorded``, or a sentence about the file or its disk."""
        if len(text) > self.traits.longest_text:
            raise ValueError(f"a text has at most {self.traits.longest_text} characters")
        if speed != 1:
            raise ValueError("recordings have one speed")
        sources = self._sources(language, voice_name)
        text = text.strip()
        if not is_speakable(text):
            return _NOTHING
        name, locale = self._named(text, language)
        return await self._disk.look(_read, sources, name, text, locale)

    def _named(self, text: str, language: str) -> tuple[str, Locale]:
        """Return the name of a text, and the pack that it is from. Raises ``SpeechUnavailable``."""
        for locale in self._packs(language):
            if (name := self._pack(locale).name(text)) is not None:
                return name, locale
        raise SpeechUnavailable(NOT_RECORDED)

    def _sources(self, language: str, voice_name: str | None) -> list[_Source]:
        """Return the folders to look into, in order. Raises ``ValueError`` where there is none."""
        if voice_name is not None:
            if (tag := self.voice_language(voice_name)) is None:
                raise ValueError("recorded has no voice of this name")
            if voice_name.startswith(ASTERISK):
                return [self._asterisk[tag]]
            return _nearest(tag, self._own)
        sources = _nearest(language, self._own) + _nearest(language, self._asterisk)[:1]
        if not sources:
            raise ValueError("nothing is recorded in this language")
        return sources

    def _packs(self, language: str) -> list[Locale]:
        """Return the packs that a text may be from: the language's own, then those of its regions."""
        # Who speaks for several regions is asked in his own language, with the words of another.
        of_it = [tag for tag in self._locales.tags if primary(tag) == primary(language)]
        nearest = lookup(language, of_it)
        return [pack for tag in dict.fromkeys((nearest, *of_it)) if tag and (pack := self._locales.find(tag))]

    def _pack(self, locale: Locale) -> Phrases:
        if locale.tag not in self._phrases:
            self._phrases[locale.tag] = phrases(locale, self._locales)
        return self._phrases[locale.tag]

    def _edition(self, source: _Source) -> str:
        now = self._clock()
        looked, edition = self._editions.get(source.folder, (-LOOK_EVERY, ""))
        if not edition or now - looked >= LOOK_EVERY:
            edition = str(source.folder)
            with suppress(OSError):
                paths = (find(source.folder / stem) for stem in source.stems())
                edition = "\n".join([edition, *(version(path) for path in paths if path is not None)])
            self._editions[source.folder] = (now, edition)
        return edition


def _nearest(language: str, sources: Mapping[str, _Source]) -> list[_Source]:
    by_meaning = index(sources)
    return [sources[by_meaning[one]] for one in chain(language) if one in by_meaning]


def _files(source: _Source, name: str, text: str, locale: Locale) -> list[Path]:
    """Return the files to say a text by; none: it is not recorded."""
    for way in source.ways(name, text, locale):
        files = [find(source.folder / stem) for stem in way]
        if None not in files:
            return [path for path in files if path is not None]
    return []


def _read(sources: list[_Source], name: str, text: str, locale: Locale) -> Wave:
    for source in sources:
        if files := _files(source, name, text, locale):
            try:
                return _joined([read(path) for path in files])
            except FileNotFoundError:
                continue  # it was there a moment ago
            except Unreadable as unreadable:
                # Not which one: it may be a character of a code.
                log.warning("speech.recording_unreadable", folder=str(source.folder), reason=str(unreadable))
                raise SpeechUnavailable(str(unreadable)) from None
    raise SpeechUnavailable(NOT_RECORDED)


def _joined(waves: list[Wave]) -> Wave:
    rate = waves[0].rate
    if any(wave.rate != rate for wave in waves):
        raise Unreadable("recordings that are one text have different rates")
    return Wave(rate, (bytes(2 * round(BETWEEN * rate))).join(wave.pcm for wave in waves))
