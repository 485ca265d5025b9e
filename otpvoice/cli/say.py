"""``otpvoice say``: hear what a callee would hear, as a WAV file, and see it as a picture.

It rings nobody and asks no running otpvoice. What it makes has whatever code it was given in it, in clear: that is what
it is for, and its files are for whoever asked, alone.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, assert_never

import uvloop

from otpvoice.cli import logged
from otpvoice.cli.asked import Asked, Usage, cast
from otpvoice.cli.asked import action as asked_for
from otpvoice.cli.client import printable
from otpvoice.cli.sound_file import STDOUT, Coding, NotWritten, wave, write
from otpvoice.cli.speaking import NotSet, Speech, at_hand, renderer
from otpvoice.cli.stopping import sigterm_as_sigint
from otpvoice.cli.waveform import Part, svg
from otpvoice.core.actions import Say, SayCode
from otpvoice.core.locale import Locales
from otpvoice.core.reading import code_script, say_script
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
from otpvoice.media.clip import MASTER_RATE, Clip

LONGEST_INPUT: Final = 10_000
"""Characters that are read: enough to see that they are too many."""
EX_USAGE: Final = 2
EX_CONFIG: Final = 78
EX_SIGINT: Final = 130


def say(asked: Asked, output: str | None, *, picture: str | None = None, coding: Coding = "master") -> int:
    """Make it, and write it to ``output``; ``-``: standard output. ``picture``: an SVG of it.

    Returns the exit code: 0; 1: it could not be said, or not be written; 2: wrong usage; 78: settings are wrong; 130.
    """
    try:
        with sigterm_as_sigint(), logged.to_stderr():
            action = _action(asked, output, picture)
            speech = at_hand(os.environ)
            script, clips = uvloop.run(_made(action, speech))
            secret = asked.code is not None
            if output is not None:
                write(_sound(clips, coding), output, secret=secret)
            if picture is not None:
                write(_drawn(script, clips, speech.locales), picture, secret=secret)
    except Usage as error:
        return _fail(str(error), EX_USAGE)
    except NotSet as error:
        return _fail(str(error), EX_CONFIG)
    except SpeechUnavailable as error:
        return _fail(f"it can't be said: {error.complaint[1]}", 1)
    except NotWritten as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("stopped", EX_SIGINT)
    return 0


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write("\n".join(map(printable, sentence.splitlines())) + "\n")
    return code


# --- what is asked ----------------------------------------------------------------------------------------------------


def _action(asked: Asked, output: str | None, picture: str | None) -> Say | SayCode:
    if output is None and picture is None:
        raise Usage("where is it to go? -o FILE.wav, or -o - for standard output")
    if picture in STDOUT and output in STDOUT:
        raise Usage("sound and picture can't both go to standard output")
    if output in STDOUT and sys.stdout.isatty():
        raise Usage(
            "standard output is a terminal: send it into a file or a program, as in otpvoice say … -o - | aplay"
        )
    return asked_for(_in_full(asked))


def _in_full(asked: Asked) -> Asked:
    """Return it with what is on standard input."""
    if (asked.text is None) == (asked.code is None):
        return asked  # that is said by whoever judges it
    if asked.text == "-":
        return replace(asked, text=_read("Text (not shown): "))
    return replace(asked, code=_read("Code (not shown): ").strip()) if asked.code == "-" else asked


def _read(prompt: str) -> str:
    """Return what standard input gives; a person is asked for it, and does not see it."""
    try:
        typed = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read(LONGEST_INPUT)
        typed.encode()  # in some locales what is no text is read all the same (PEP 383)
        return typed
    except (UnicodeError, EOFError):
        # From None: the error holds the bytes, and with them the code.
        raise Usage("what standard input gives is no text") from None


# --- what is made -----------------------------------------------------------------------------------------------------


async def _made(action: Say | SayCode, speech: Speech) -> tuple[Script, Sequence[Clip]]:
    """Return what is said, and its sound, piece by piece. Raises ``Usage``, ``NotSet``, ``SpeechUnavailable``."""
    action, language = cast(action, speech.settings.language, speech.ladder().stand_in)
    if action.voice is not None and (why := speech.why_off(action.voice)) is not None:
        raise Usage(f"--voice: {why}")
    async with renderer(speech) as voices:
        try:
            voices.check(language, action.voice)
        except ValueError as error:
            raise Usage(f"{error}: see otpvoice voices --language {language}") from None
        script = (
            say_script(action, language, None)
            if isinstance(action, Say)
            else code_script(action, language, None, speech.locales)
        )
        clips = await voices.clips(script)
    if not any(any(clip.master) for clip in clips):
        raise SpeechUnavailable("there is nothing to say in it")
    return script, clips


def _sound(clips: Sequence[Clip], coding: Coding) -> bytes:
    return wave(b"".join(clip.master if coding == "master" else clip.telephone for clip in clips), coding)


def _drawn(script: Script, clips: Sequence[Clip], locales: Locales) -> bytes:
    """Raises ``NotWritten`` for what is too long to be drawn."""
    try:
        return svg(list(map(_part, script, clips)), MASTER_RATE, _title(script, locales)).encode()
    except ValueError as error:
        raise NotWritten(f"no picture: {error}") from None


def _part(item: Spoken, clip: Clip) -> Part:
    match item:
        case CodeCharacter():
            return Part("character", clip.master, item.character)
        case Words():
            return Part("words", clip.master, item.text)
        case Silence():
            return Part("gap", clip.master)
        case Recording() | RemoteRecording() | Tone():
            return Part("words", clip.master)
        case _:
            assert_never(item)


def _title(script: Script, locales: Locales) -> str:
    characters = [item for item in script if isinstance(item, CodeCharacter)]
    language = next((item.language for item in script if isinstance(item, Words | CodeCharacter)), "")
    if (pack := locales.find(language)) is not None and pack.english:
        language = f"{pack.english} ({language})"
    if not characters:
        return f"A text in {language}"
    readings = len({item.reading for item in characters})
    return f"A code of {characters[0].of} characters in {language}, read {_TIMES.get(readings, f'{readings} times')}"


_TIMES: Final = {1: "once", 2: "twice"}
