"""Speech engines: is each one there that the settings name, and does it speak?

Each is asked for one digit, as a call asks; one that is online is not: from here nothing is sent to it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.locale import Locales, lookup
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.doctor.finding import Check, Finding
from otpvoice.media.g711 import Law

ENGINES = Check("voice.engines", "Is each engine there that the settings name, and does it speak?")
MISSING = ENGINES.fails(
    "missing",
    "{engine}, which {setting} names, is not there: {reason}",
    "Install it (`apt-get install espeak-ng`, `apt-get install flite`), or name another one: `otpvoice voices` lists"
    " what there is.",
)
STAND_IN_MISSING = ENGINES.warns(
    "stand_in_missing",
    "{engine}, which {setting} names, is not there: {reason}",
    "Install it, or take it out of there: when another engine fails, this one can't stand in. `otpvoice voices` lists"
    " what there is.",
)
MUTE = ENGINES.fails(
    "mute",
    "{engine}, which {setting} names, does not speak: {reason}",
    "Try it: `otpvoice say hello --voice {engine} -o hello.wav`. May the service's user start it, and read its files?",
)
STAND_IN_MUTE = ENGINES.warns(
    "stand_in_mute",
    "{engine}, which {setting} names, does not speak: {reason}",
    "Try it: `otpvoice say hello --voice {engine} -o hello.wav`. When another engine fails, this one can't stand in.",
)
LATE = ENGINES.warns(
    "late",
    "{engine} takes {milliseconds} ms for a digit: the first calls of a language start late",
    "Have its languages made ahead (OTPVOICE_WARM_UP) and kept from one start to the next (OTPVOICE_SPEECH_CACHE).",
)
LATE_FROM: Final = 2000
_TURNED_ON_BY: Final = {"piper": "OTPVOICE_PIPER_DIR", "gtts": "OTPVOICE_GTTS=1"}
PAUSED = ENGINES.warns(
    "paused",
    "{engine} failed several times, and the running otpvoice leaves it alone for a while",
    "Does this machine reach it (a proxy, a firewall), and does it refuse us (429)? Another voice stands in meanwhile;"
    " what was made before is kept.",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say of voices. ``engines``: all that they allow; ``ahead``: languages that are made ahead.

    ``also``: engines that requests may name because of a setting, with the setting.
    """

    voice: str
    fallbacks: Sequence[str]
    language: str
    ahead: Sequence[str]
    engines: Sequence[Voice]
    locales: Locales
    law: Law = "ulaw"
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """Each voice that is named, with the setting that names it."""
        found = {self.voice: "OTPVOICE_VOICE"}
        for spec in self.fallbacks:
            found.setdefault(spec, "OTPVOICE_FALLBACK_VOICES")
        spoken = {spec.partition(":")[0] for spec in found}
        return found | {name: setting for name, setting in self.also.items() if name not in spoken}


_OPEN: Final = re.compile(r'^\w+speech_engine_open\{engine="(\w+)"\} 1(?:\.0)?$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tried:
    """An engine that ``setting`` names as ``voice``. ``missing``, ``failed``: why; ``milliseconds`` None: not asked.

    ``first``: it is the configured one; others stand in.
    """

    voice: str
    setting: str
    first: bool = False
    missing: str = ""
    failed: str = ""
    milliseconds: float | None = None
    paused: bool = False


async def look(wanted: Wanted, metrics: bytes = b"") -> list[Finding]:
    """Ask each engine for a digit. ``metrics``: what a running otpvoice says of itself, if anything."""
    by_name = {one.name: one for one in wanted.engines}
    paused = set(_OPEN.findall(metrics.decode(errors="replace")))
    tried = [
        await _tried(by_name.get(spec.partition(":")[0]), spec, setting, wanted, paused)
        for spec, setting in wanted.named.items()
    ]
    return judge(tried)


async def _tried(engine: Voice | None, spec: str, setting: str, wanted: Wanted, paused: set[str]) -> Tried:
    name, _, voice = spec.partition(":")
    first = spec == wanted.voice
    if engine is None:
        return Tried(spec, setting, first, missing=f"{_TURNED_ON_BY.get(name, 'no setting')} turns it on")
    if (missing := engine.missing()) is not None:
        return Tried(spec, setting, first, missing=missing)
    if not engine.traits.may_see_secrets:
        return Tried(spec, setting, first, paused=name in paused)
    if voice and engine.voice_language(voice) is None:
        voice = ""  # said by ``voice``; whether the engine speaks at all is seen without it
    language = _language(engine, voice, wanted)
    if language is None:
        return Tried(spec, setting, first, failed="it has no language")
    locale = wanted.locales.find(language)
    packed = locale.voice(name, language) if locale is not None else None
    if packed is not None and engine.voice_language(packed) is None:
        packed = None
    began = time.perf_counter()
    try:
        wave = await engine.render(locale.word("4") if locale is not None else "4", language, voice or packed, 1.0)
    except (SpeechUnavailable, ValueError) as error:
        return Tried(spec, setting, first, failed=str(error))
    took = round((time.perf_counter() - began) * 1000, 1)
    if not any(wave.pcm):
        return Tried(spec, setting, first, failed="no sound came of it")
    return Tried(spec, setting, first, milliseconds=took)


def _language(engine: Voice, voice: str, wanted: Wanted) -> str | None:
    """Return the language in which an engine is tried: its voice's, the configured one, or any that it has."""
    if voice:
        return engine.voice_language(voice)
    known = engine.traits.languages
    asked = (wanted.language, *wanted.ahead, *wanted.locales.tags, *sorted(known))
    return next((tag for tag in asked if lookup(tag, known) is not None), None)


def judge(tried: Sequence[Tried]) -> list[Finding]:
    """Say which are not there, or do not speak. Of the configured one that is a failure."""
    found: list[Finding] = []
    for one in tried:
        facts = {"engine": one.voice, "setting": one.setting}
        if one.missing:
            found.append((MISSING if one.first else STAND_IN_MISSING)(**facts, reason=one.missing))
        elif one.failed:
            found.append((MUTE if one.first else STAND_IN_MUTE)(**facts, reason=one.failed))
        elif one.paused:
            found.append(PAUSED(engine=one.voice))
        elif one.milliseconds is not None and one.milliseconds > LATE_FROM:
            found.append(LATE(engine=one.voice, milliseconds=round(one.milliseconds)))
    if found:
        return found
    said = ", ".join(
        f"{one.voice} (not asked: it is online)"
        if one.milliseconds is None
        else f"{one.voice} in {one.milliseconds:g} ms"
        for one in tried
    )
    return [ENGINES.ok(said, milliseconds={one.voice: one.milliseconds for one in tried})]
