"""Speech: is every language spoken that may be asked for, and by whom?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.speech import CodeCharacter, SpeechUnavailable
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.speech.engines import Wanted

VOICE = Check("voice", "Can everything be spoken, in the configured voice and in each language?")
NO_ENGINE = VOICE.fails(
    "no_engine",
    "none of the engines that the settings name is there: nothing can be spoken",
    "`apt-get install espeak-ng` (in the image it is there), and see that it is on the PATH of the service.",
)
NO_VOICE = VOICE.fails(
    "no_voice",
    "OTPVOICE_VOICE, OTPVOICE_FALLBACK_VOICES and OTPVOICE_LANGUAGE do not go together: {reason}",
    "`otpvoice voices --language en-GB` lists what there is; as in OTPVOICE_VOICE=espeak:en-gb and"
    " OTPVOICE_LANGUAGE=en-GB.",
)
PACKS = VOICE.fails(
    "packs",
    "language packs are wrong: {reason}",
    "Mend the files in OTPVOICE_LOCALES_DIR; docs/languages.md says what each line is. Until then otpvoice does not"
    " start.",
)
SILENT = VOICE.fails(
    "silent",
    "{language} can't be spoken: {reason}",
    "Try it: `otpvoice say --code 482913 --language TAG -o code.wav`. Is the engine's data there, and is the machine so"
    " busy that it takes longer than 3 s?",
)
STANDS_IN = VOICE.warns(
    "stands_in",
    "{language}: spoken by {voice}, which stands in",
    "The configured voice does not speak it, or fails (voice.engines says so). If that is not meant, name one that"
    " speaks it: `otpvoice voices --language TAG` lists them.",
)
SLOW = VOICE.warns(
    "slow",
    "a character takes {milliseconds} ms to be made: calls start late",
    "Usual are 20 to 50 ms: is the machine overloaded (uptime, steal in top)? What is made ahead (OTPVOICE_WARM_UP) and"
    " kept (OTPVOICE_SPEECH_CACHE) takes none.",
)
SLOW_FROM: Final = 500
MOST_PROBLEMS: Final = 5
"""Of language packs that are wrong, which are told one by one."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of trying. ``languages``: those that were spoken, ms each; ``failed``: why others were not.

    ``engines``: is one of those there that the settings name? ``stood_in``: who spoke a language instead.
    """

    engines: bool = True
    configured: str = ""
    """Why the configured voices and the language do not go together; "" if they do."""
    languages: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    stood_in: Mapping[str, str] = field(default_factory=dict)


def judge_packs(reason: str) -> list[Finding]:
    """Say what is wrong with the language packs. ``reason``: a line for each thing; the first ones are told."""
    lines = reason.splitlines() or [""]
    found = [PACKS(reason=line) for line in lines[:MOST_PROBLEMS]]
    if more := len(lines) - MOST_PROBLEMS:
        found += [PACKS(reason=f"{more} more things; otpvoice voices says all of them")] * (more > 0)
    return found


async def look(wanted: Wanted) -> list[Finding]:
    """Speak one character in every language that is configured, as a call does; in others with what is quick."""
    by_name = {one.name: one for one in wanted.engines}
    there = [spec for spec in (wanted.voice, *wanted.fallbacks) if _there(by_name.get(spec.partition(":")[0]))]
    finishing = AtHand()
    try:
        renderer = Renderer(
            wanted.engines, wanted.locales, wanted.law, wanted.voice, finishing=finishing, fallbacks=wanted.fallbacks
        )
    except ValueError as error:
        await finishing.close()
        return judge(Spoken(bool(there), configured=str(error)))
    try:
        renderer.check(wanted.language, None)
        return judge(await _spoken(renderer, wanted) if there else Spoken(engines=False))
    except ValueError as error:
        return judge(Spoken(bool(there), configured=str(error)))
    finally:
        await renderer.close()
        await finishing.close()


async def _spoken(renderer: Renderer, wanted: Wanted) -> Spoken:
    spoken: dict[str, float] = {}
    failed: dict[str, str] = {}
    stood_in: dict[str, str] = {}
    ahead = dict.fromkeys((wanted.language, *wanted.ahead))
    quick = next((one.name for one in wanted.engines if one.name == "espeak" and _there(one)), None)
    for tag in dict.fromkeys((*ahead, *(wanted.locales.tags if quick else ()))):
        began = time.perf_counter()
        try:
            prepared = await renderer.prepare((_character(tag, None if tag in ahead else quick),))
        except (SpeechUnavailable, ValueError) as error:
            failed[tag] = str(error)
            continue
        spoken[tag] = round((time.perf_counter() - began) * 1000, 1)
        if prepared.fallback is not None and tag in ahead:
            stood_in[tag] = prepared.fallback
    return Spoken(True, "", spoken, failed, stood_in)


def _there(engine: Voice | None) -> bool:
    return engine is not None and engine.missing() is None


def _character(language: str, voice: str | None) -> CodeCharacter:
    return CodeCharacter("4", reading=1, position=1, of=1, language=language, voice=voice)


def judge(seen: Spoken) -> list[Finding]:
    """Say what can't be spoken, and by whom else it is."""
    if not seen.engines:
        return [NO_ENGINE()]
    if seen.configured:
        return [NO_VOICE(reason=seen.configured)]
    if seen.failed:
        return [SILENT(language=", ".join(seen.failed), reason=next(iter(seen.failed.values())))]
    found: list[Finding] = []
    if seen.stood_in:
        found.append(
            STANDS_IN(language=", ".join(seen.stood_in), voice=", ".join(dict.fromkeys(seen.stood_in.values())))
        )
    slowest = max(seen.languages.values(), default=0.0)
    if slowest > SLOW_FROM:
        found.append(SLOW(milliseconds=round(slowest)))
    said = f"{len(seen.languages)} languages, a character in {slowest:g} ms at most"
    return found or [VOICE.ok(said, languages=dict(seen.languages))]
