"""Recordings as a voice: what of a language is not recorded, and what is recorded and can't be played.

Sentences that are missing are said by the next voice, and that is all right. A code is another thing: it is read by one
voice, so that one digit which is missing takes all of them away from the recordings.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Final

from otpvoice.adapters.speech.engines.recorded import ASTERISK, Recorded
from otpvoice.core.locale import Locales
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.speech.prompts import kept_from_others

RECORDINGS = Check("voice.recordings", "Is every language that is recorded recorded whole, and can it be played?")
NO_DIGITS = RECORDINGS.warns(
    "no_digits",
    "{voices}: not all digits are recorded ({names}): codes are read by the next voice",
    "Record them, one WAV a digit, named 0.wav to 9.wav, in the language's folder; docs/languages.md has the layout.",
)
UNREADABLE = RECORDINGS.warns(
    "unreadable",
    "{voice}: a recording of a digit can't be played: {reason}",
    "WAV, 16-bit PCM, mono or stereo, 60 s at most: `sox in.mp3 -c 1 -b 16 4.wav`. Asterisk's prompts: in .wav, .sln,"
    " .ulaw or .alaw, not in .gsm or .g722.",
)
ROOTS_ALONE = RECORDINGS.warns(
    "roots_alone",
    "root, who looks here, reads the recordings; a service that is not root does not: {path} ({why})",
    "Let others read them (`chmod -R o+rX {folder}`, and o+x for each folder around it); what the unit hides, move to"
    " /srv/otpvoice/recordings. Only if otpvoice itself runs as root this is nothing.",
)
_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Heard:
    """A language's recordings. ``lacking``: what of its pack is not recorded; ``unreadable``: why a digit is none."""

    lacking: Sequence[str] = ()
    unreadable: str = ""


async def look(recorded: Recorded, locales: Locales, folder: Path | None, *, as_root: bool) -> list[Finding]:
    """``folder``: of one's own. ``as_root``: whether others may read them is looked at, too."""
    heard: dict[str, Heard] = {}
    for voice, tag in recorded.voices().items():
        lacking = await asyncio.to_thread(recorded.lacking, voice)
        unreadable = ""
        for digit in digits:
            try:
                await recorded.render(locales.lookup(tag).word(digit), tag, voice, 1.0)
            except (SpeechUnavailable, ValueError) as error:
                unreadable = "" if digit in lacking else str(error)
            if unreadable:
                break
        heard[voice] = Heard(lacking, unreadable)
    found = judge(heard)
    if folder is None or not as_root:
        return found
    try:
        kept = await asyncio.to_thread(_kept, folder)
    except OSError:
        return found  # said by whoever can't read it
    if kept is None:
        return found
    path, why = kept
    warning = ROOTS_ALONE(path=os.fspath(path), why=why, folder=os.fspath(folder))
    return [warning, *(one for one in found if one.fault)]


def _kept(folder: Path) -> tuple[Path, str] | None:
    for one in (folder, *(path for path in sorted(folder.iterdir()) if path.is_dir())):
        if (kept := kept_from_others(one, [])) is not None:
            return kept
    return None


def judge(heard: Mapping[str, Heard]) -> list[Finding]:
    """Say of which digits there is no recording. ``heard``: by voice; of Asterisk's, only what is there is said."""
    if not heard:
        return [RECORDINGS.ok("nothing is recorded")]
    found: list[Finding] = []
    without = {voice: [one for one in seen.lacking if one in digits] for voice, seen in heard.items()}
    if without := {voice: lacking for voice, lacking in without.items() if lacking}:
        names = sorted({one for lacking in without.values() for one in lacking})
        found.append(NO_DIGITS(voices=", ".join(without), names=", ".join(names)))
    found += [UNREADABLE(voice=voice, reason=seen.unreadable) for voice, seen in heard.items() if seen.unreadable]
    said = ", ".join(f"{voice} ({_what_is_there(voice, seen)})" for voice, seen in heard.items())
    return found or [RECORDINGS.ok(said, **{voice: list(seen.lacking) for voice, seen in heard.items()})]


def _what_is_there(voice: str, seen: Heard) -> str:
    letters = [one for one in seen.lacking if one in ascii_lowercase]
    if voice.startswith(ASTERISK):
        return "digits" if letters else "digits and letters"
    others = len(seen.lacking) - len(letters)
    if not seen.lacking:
        return "all"
    parts = ["all digits"] + (["all letters"] if not letters else [])
    return f"{' and '.join(parts)}; {others + len(letters)} others are said by the next voice"
