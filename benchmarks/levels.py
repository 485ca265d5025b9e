"""``python -m benchmarks.levels [SOUNDS] [--page FILE]``: how loud all that is spoken is, by every engine, as a table.

SOUNDS: the folder of Asterisk's prompts; FILE: a page that has a table, which is replaced. Measured is what a telephone
gets, by the rule that it is made by, written once more here; and by ITU-T P.56 (12/2011), method B, which knows speech
from pauses in another way.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Line
from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.engines.recorded import ASTERISK, Recorded
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.adapters.speech.phrases import phrases
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import EMPTY, Clip
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.testkit.programs import find

LEVEL: Final = -22.0
NEAR: Final = 1.0
"""dB."""
PEAK: Final = -3.0
AT_ONCE: Final = 6
BEGIN: Final = "<!-- levels: begin -->\n"
END: Final = "<!-- levels: end -->\n"
KINDS: Final = ("digits", "letters", "sentences")
SENTENCES: Final = frozenset(
    {"code", "after-code", "again", "closing", "gate-1", "gate-any", "gate-failure", "gate-star", "replay-pound"}
    | {"choose-2"}
)
"""Each once, and each kind of key."""

_FRAME: Final = SAMPLE_RATE // 50
_TIME, _HANGOVER, _MARGIN = 0.03, 0.2, 15.9
"""P.56: seconds of the envelope's filter, seconds that activity lasts, dB of the threshold below the level."""

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip, in dB below full scale."""

    level: float
    peak: float


@dataclass(frozen=True, slots=True)
class Levels:
    """One language by one engine. ``p56``: of all clips in a row; ``lacking``: how many texts it does not have."""

    engine: str
    language: str
    clips: Sequence[Heard] = field(repr=False)
    p56: float
    lacking: int

    @property
    def outside(self) -> int:
        """Return how many are not within ``NEAR`` of ``LEVEL``."""
        return sum(abs(clip.level - LEVEL) > NEAR for clip in self.clips)

    @property
    def too_high(self) -> int:
        """Return how many have a sample above ``PEAK``."""
        return sum(clip.peak > PEAK for clip in self.clips)


# --- what is measured -------------------------------------------------------------------------------------------------


def heard(clip: Clip) -> Heard:
    """Measure a clip that is not silent."""
    samples, master = samples_of(clip.telephone), samples_of(clip.master)
    peak = max(float(np.abs(samples).max()), float(np.abs(master).max()))
    return Heard(active_level(samples), 20 * float(np.log10(peak)))


def active_level(samples: Samples) -> float:
    """Return the RMS of those frames of 20 ms that are at most 25 dB below the loudest one. Full scale is 1, 0 dB."""
    starts = np.arange(0, len(samples), _FRAME)
    powers = np.add.reduceat(samples**2, starts) / np.diff(np.append(starts, len(samples)))
    return _db(powers[10 * np.log10(powers / powers.max() + 1e-30) >= -25].mean())


def p56(samples: Samples) -> float:
    """Return the active speech level by P.56, method B, with thresholds 1 dB apart where P.56 takes 6 and less.

    It is made for speech of seconds: the envelope alone takes a tenth of one to rise, as long as some digits are.
    """
    # The envelope's two filters in a row are one with this answer; after fifteen time constants there is nothing left.
    step = float(np.exp(-1 / (SAMPLE_RATE * _TIME)))
    count = np.arange(round(15 * _TIME * SAMPLE_RATE))
    answer = (1 - step) ** 2 * (count + 1) * step**count
    length = len(samples) + len(answer)
    envelope = np.fft.irfft(np.fft.rfft(np.abs(samples), length) * np.fft.rfft(answer, length), length)[: len(samples)]
    energy, places = float(np.sum(samples**2)), np.arange(len(samples))
    previous: tuple[float, float] | None = None
    for threshold in np.arange(-60.0, 0.0):
        last = np.maximum.accumulate(np.where(envelope >= 10 ** (threshold / 20), places, -len(samples) * SAMPLE_RATE))
        active = np.count_nonzero(places - last <= _HANGOVER * SAMPLE_RATE)
        if not active:
            break
        level = _db(energy / active)
        if level - threshold <= _MARGIN:
            if previous is None:
                return level
            before, margin = previous
            share = (margin - _MARGIN) / (margin - (level - threshold))
            return before + share * (level - before)
        previous = level, level - threshold
    return previous[0] if previous is not None else float("-inf")


def samples_of(pcm: bytes) -> Samples:
    """Return 16-bit PCM with full scale at 1."""
    return np.frombuffer(pcm, "<i2") / 32768.0


def _db(power: float) -> float:
    return 10 * float(np.log10(power))


# --- who is heard -----------------------------------------------------------------------------------------------------


async def measure(
    sounds: Path | None = None,
    languages: Sequence[str] | None = None,
    kinds: Sequence[str] = KINDS,
    say: Callable[[str], None] = lambda _: None,
) -> list[Levels]:
    """Measure every language (None: all packs) by every engine that is there. ``sounds``: Asterisk's prompts."""
    locales = load_locales()
    wanted = list(locales.tags if languages is None else languages)
    engines: list[Voice] = [Espeak(str(find("espeak-ng"))), Flite(), Recorded(locales, None, sounds)]
    finishing = Workshop(2)
    found: list[Levels] = []
    try:
        for engine in engines:
            if engine.missing() is None:
                say(f"levels of {engine.name}")
                for tag in wanted:
                    pack = locales.lookup(tag)
                    if (name := _voice(engine, pack)) is not None:
                        found.append(await _language(engine, name, pack, _texts(pack, locales, kinds), finishing))
    finally:
        await finishing.close()
    return [levels for levels in found if levels.clips]


def _voice(engine: Voice, pack: Locale) -> str | None:
    """Return the engine's own voice for a language: by its pack, or Asterisk's prompts by the language's tag."""
    name = pack.voice(engine.name, pack.tag) or f"{ASTERISK}{pack.tag}"
    return name if engine.voice_language(name) is not None else None


def _texts(pack: Locale, locales: Locales, kinds: Sequence[str]) -> list[str]:
    said = phrases(pack, locales)
    some: Mapping[str, str] = {name: text for name, text in said.sentences.items() if name in SENTENCES}
    by_kind = dict(zip(KINDS, (*said.alphabets[:2], some), strict=True))
    return [text for kind in kinds for text in by_kind[kind].values()]


async def _language(engine: Voice, name: str, pack: Locale, texts: Sequence[str], finishing: Finishing) -> Levels:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(text: str) -> Clip:
        async with at_once:
            try:
                return await finishing.speech(await engine.render(text, pack.tag, name, 1.0))
            except SpeechUnavailable:
                return EMPTY

    clips = [clip for clip in await asyncio.gather(*map(one, texts)) if any(clip.telephone)]
    whole = samples_of(b"".join(clip.telephone for clip in clips))
    return Levels(engine.name, pack.tag, list(map(heard, clips)), p56(whole), len(texts) - len(clips))


# --- told -------------------------------------------------------------------------------------------------------------


def lines(levels: Sequence[Levels]) -> Iterator[Line]:
    """Tell, for each engine, how far from the mark the worst is, the highest peak, and how many break the rule."""
    for engine in dict.fromkeys(one.engine for one in levels):
        own = [one for one in levels if one.engine == engine]
        clips = [clip for one in own for clip in one.clips]
        remark = f"{engine}, {len(own)} languages, {len(clips)} clips"
        furthest = max(abs(clip.level - LEVEL) for clip in clips)
        yield Line(f"active level, furthest from {LEVEL:g} dBFS", furthest, "dB", NEAR, remark)
        yield Line("highest peak", max(clip.peak for clip in clips), "dBFS", None, remark)
        yield Line("clips that break the rule", sum(one.outside + one.too_high for one in own), "", 0, remark)


def table(levels: Sequence[Levels]) -> str:
    """Return all of it for a page of documentation: levels from the least to the most."""
    heads = ("engine", "language", "clips", "active level", "in a row, by P.56", "highest peak", "outside −22 ± 1")
    return f"| {' | '.join(heads)} | above −3 |\n|{'---|' * 8}\n{''.join(map(_row, levels))}"


def _row(one: Levels) -> str:
    cells = (
        f"`{one.engine}`",
        f"`{one.language}`",
        f"{len(one.clips)} of {len(one.clips) + one.lacking}" if one.lacking else str(len(one.clips)),
        f"{_signed(min(clip.level for clip in one.clips))} … {_signed(max(clip.level for clip in one.clips))}",
        _signed(one.p56),
        _signed(max(clip.peak for clip in one.clips)),
        str(one.outside),
        str(one.too_high),
    )
    return f"| {' | '.join(cells)} |\n"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def with_table(page: str, made: str) -> str:
    """Return the page with this table. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.levels")
    parser.add_argument("sounds", type=Path, nargs="?")
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    made = table(asyncio.run(measure(asked.sounds, say=lambda text: print(text, file=sys.stderr))))
    if asked.page is None:
        sys.stdout.write(made)
    else:
        asked.page.write_text(with_table(asked.page.read_text("utf-8"), made), "utf-8")
