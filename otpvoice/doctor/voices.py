"""Speech: is the engine there, does it speak every language that we have, and can recordings be played?"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.espeak import Espeak
from otpvoice.adapters.speech.prompts import Prompts
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.speech import CodeCharacter, SpeechUnavailable
from otpvoice.doctor.finding import Check, Finding, Status
from otpvoice.media.g711 import Law

VOICE = Check("voice", "Can everything be spoken, in the configured voice and in each language?")
NO_ENGINE = VOICE.fails(
    "no_engine",
    "espeak-ng is not installed: nothing can be spoken",
    "`apt-get install espeak-ng` (in the image it is there), and see that it is on the PATH of the service.",
)
NO_VOICE = VOICE.fails(
    "no_voice",
    "OTPVOICE_VOICE and OTPVOICE_LANGUAGE do not go together: {reason}",
    "`espeak-ng --voices` lists what there is; as in OTPVOICE_VOICE=espeak:en-gb and OTPVOICE_LANGUAGE=en-GB.",
)
SILENT = VOICE.fails(
    "silent",
    "{language} can't be spoken: {reason}",
    "Try it: `echo 4 | espeak-ng --stdin -v {language}`. Is its data there (`espeak-ng --path`), and is the machine so"
    " busy that it takes longer than 3 s?",
)
SLOW = VOICE.warns(
    "slow",
    "a character takes {milliseconds} ms to be made: calls start late",
    "Usual are 20 to 50 ms: is the machine overloaded (uptime, steal in top)?",
)
SLOW_FROM: Final = 500

PROMPTS = Check("prompts", "Can the recordings in the prompts folder be played?")
UNREADABLE = PROMPTS.fails(
    "unreadable",
    "OTPVOICE_PROMPTS_DIR can't be read: {reason}",
    "Name a folder that the service's user may read (`ls -ld`, `docker compose config`: is it mounted?).",
)
ROOTS_ALONE = PROMPTS.warns(
    "roots_alone",
    "root, who looks here, reads OTPVOICE_PROMPTS_DIR; a service that is not root does not: {path} ({why})",
    "Let others read it (`chmod -R o+rX {folder}`, and o+x for each folder around it); one that the unit hides, move to"
    " /srv/otpvoice/prompts. Only if otpvoice itself runs as root this is nothing.",
)
UNFIT = PROMPTS.warns(
    "unfit",
    "{count} recordings can't be played: {names}",
    "They must be WAV, 16-bit PCM, mono or stereo, at most 10 MB and 300 s, named with letters, digits, - and _:"
    " `sox in.mp3 -r 8000 -c 1 -b 16 name.wav`.",
)
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - none of them is used
"""From our systemd unit, by ProtectHome and PrivateTmp (systemd.exec(5))."""
MOST: Final = 200
"""Recordings that are tried."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of trying. ``languages``: those that were spoken, ms each; ``failed``: why others were not."""

    engine: str | None
    configured: str = ""
    """Why the configured voice and language do not go together; "" if they do."""
    languages: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


async def look(voice: str, language: str, law: Law) -> list[Finding]:
    """Speak one character in every language. Raises nothing of the engine's."""
    engine = shutil.which("espeak-ng")
    if engine is None:
        return [judge(Spoken(None))]
    locales = load_locales()
    try:
        renderer = Renderer([Espeak()], locales, law, voice)
        renderer.check(language, None)
    except ValueError as error:
        return [judge(Spoken(engine, configured=str(error)))]
    spoken: dict[str, float] = {}
    failed: dict[str, str] = {}
    try:
        for tag in (language, *locales.tags):
            began = time.perf_counter()
            try:
                # In the configured voice where it is asked for, else in the one that the pack names.
                named = None if tag == language else "espeak"
                [sound] = await renderer.prepare((_character(tag, named),))
                spoken[tag] = round((time.perf_counter() - began) * 1000, 1)
                if not sound:
                    failed[tag] = "no sound came of it"
            except (SpeechUnavailable, ValueError) as error:
                failed[tag] = str(error)
    finally:
        await renderer.close()
    return [judge(Spoken(engine, "", spoken, failed))]


def _character(language: str, voice: str | None) -> CodeCharacter:
    return CodeCharacter("4", reading=1, position=1, of=1, language=language, voice=voice)


def judge(seen: Spoken) -> Finding:
    """Say what can't be spoken."""
    if seen.engine is None:
        return NO_ENGINE()
    if seen.configured:
        return NO_VOICE(reason=seen.configured)
    if seen.failed:
        return SILENT(language=", ".join(seen.failed), reason=next(iter(seen.failed.values())))
    slowest = max(seen.languages.values(), default=0.0)
    if slowest > SLOW_FROM:
        return SLOW(milliseconds=round(slowest))
    return VOICE.ok(
        f"{len(seen.languages)} languages, a character in {slowest:g} ms at most", languages=dict(seen.languages)
    )


async def look_at_prompts(folder: Path, law: Law, *, as_root: bool) -> list[Finding]:
    """Make each recording ready, as a call would. ``as_root``: whether others may read them is looked at, too."""
    try:
        names = await asyncio.to_thread(_recordings, folder)
        kept = await asyncio.to_thread(kept_from_others, folder, names[:MOST]) if as_root else None
    except OSError as error:
        return [UNREADABLE(reason=error.strerror or type(error).__name__)]
    prompts = Prompts(folder, room=0)
    unfit: dict[str, str] = {}
    for name in names[:MOST]:
        try:
            await prompts.clip(name, law)
        except SpeechUnavailable as error:
            unfit[name] = error.reason
    found = judge_prompts(folder, len(names), unfit)
    if kept is None:
        return [found]
    path, why = kept
    warning = ROOTS_ALONE(path=os.fspath(path), why=why, folder=os.fspath(folder))
    return [warning] if found.status is Status.OK else [warning, found]


def _recordings(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir() if path.suffix == ".wav")


def kept_from_others(folder: Path, names: Sequence[str]) -> tuple[Path, str] | None:
    """Return what of a folder of recordings is root's alone, by mode or by its place, and why; None: nothing is.

    Raises ``OSError``.
    """
    real = folder.resolve()
    for hidden in map(Path, _HIDDEN):
        if real.is_relative_to(hidden):
            return hidden, "the systemd unit hides it: ProtectHome, PrivateTmp"
    needed = [(path, 0o1) for path in reversed(real.parents)] + [(real, 0o5)]
    for path, bits in [*needed, *((real / f"{name}.wav", 0o4) for name in names)]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & bits != bits:
            return path, f"mode {mode:o}"
    return None


def judge_prompts(folder: Path, count: int, unfit: Mapping[str, str]) -> Finding:
    """``unfit``: why, by name."""
    if unfit:
        shown = ", ".join(f"{name} ({reason})" for name, reason in list(unfit.items())[:5])
        return UNFIT(count=len(unfit), names=shown + (", …" if len(unfit) > 5 else ""), folder=os.fspath(folder))
    return PROMPTS.ok(f"{count} recordings in {folder}" + (f", {MOST} of them tried" if count > MOST else ""))
