"""How a text and a code are read aloud on the telephone: actions become scripts.

It makes no sound, and no engine ever gets a text with the code in it: the code leaves as single characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from otpvoice.core.actions import Play, Say, SayCode
from otpvoice.core.locale import Locales, split_template
from otpvoice.core.speech import CodeCharacter, Recording, RemoteRecording, Script, Silence, Spoken, Words

AROUND_CODE: Final = 0.5
"""Seconds between the words and the code next to them."""
BETWEEN_READINGS: Final = 1.2
"""Seconds before a code is read again: time to find a pen."""
BETWEEN_RECORDINGS: Final = 1.0
"""Seconds before a recording is played again."""
SLOWEST: Final = 0.5
"""No reading is slower, however many there are."""


def say_script(say: Say, language: str, voice: str | None) -> Script:
    """Return the text, ``times`` times; nothing where it is punctuation only.

    ``language`` and ``voice`` are the call's; the action's own come first. The text is in that language whether or not
    there is a locale for it.
    """
    words = _words(say.text, say.language or language, say.voice or voice, say.speed)
    script: list[Spoken] = [*words]
    for _ in range(1, say.times if words else 1):
        script += (*_silence(say.gap), *words)
    return tuple(script)


def play_script(play: Play) -> Script:
    """Return the recording, ``times`` times with a pause between."""
    once: Script = (Recording(play.prompt) if play.prompt is not None else RemoteRecording(play.url or ""),)
    return (*once, *(piece for _ in range(1, play.times) for piece in (Silence(BETWEEN_RECORDINGS), *once)))


def code_script(say: SayCode, language: str, voice: str | None, locales: Locales) -> Script:
    """Return the introduction, the readings of the code, and what the template says after it, once, at the end.

    Later readings open with the locale's *again*. A template in a language that has no locale is spoken in that
    language all the same; its later readings open with the pause alone. ``ValueError``: the template breaks a rule
    (``core.locale.split_template``).

    A code with letters of both cases is read with its capitals named; else case means nothing, and is not read.
    """
    language, voice = say.language or language, say.voice or voice
    locale = locales.find(language)
    if say.template is None:
        locale = locale or locales.default
        language = language if locales.find(language) else locale.tag
        before, after = split_template(locale.code if say.brand is None else locale.code_with_brand, say.brand)
    else:
        before, after = split_template(say.template, say.brand)
    again = locale.again if locale else ""

    script: list[Spoken] = []
    for reading in range(1, say.times + 1):
        if reading > 1:
            script += _silence(BETWEEN_READINGS)
        script += _reading(say, reading, before if reading == 1 else again, language, voice)
    closing = _words(_after_code(after), language, voice, say.speed)
    return (*script, *_silence(AROUND_CODE), *closing) if closing else tuple(script)


def replay_script(say: SayCode, count: int, language: str, voice: str | None, locales: Locales) -> Script:
    """Return one more reading, the ``count``-th (from 1) that the callee asks for, opened by the locale's *again*."""
    language, voice = say.language or language, say.voice or voice
    locale = locales.find(language)
    if locale is None and say.template is None:
        locale = locales.default
        language = locale.tag
    return tuple(_reading(say, say.times + count, locale.again if locale else "", language, voice))


def groups(length: int, size: int) -> tuple[int, ...]:
    """Return the lengths of the groups that a code of ``length`` is read in; ``size`` 0: one group.

    Groups are filled from the left. A last character is not left alone: it joins the group before it, so 7 by 3 is
    3 and 4, and 4 by 3 is 4.
    """
    if not 0 < size < length:
        return (length,) if length else ()
    full, rest = divmod(length, size)
    if rest == 1 and size > 1:
        return (*[size] * (full - 1), size + 1)
    return (*[size] * full, *([rest] if rest else []))


def is_speakable(text: str) -> bool:
    """Is there anything in it but punctuation and space?"""
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)


def _reading(say: SayCode, reading: int, opening: str, language: str, voice: str | None) -> Iterator[Spoken]:
    """One reading with what opens it; later ones are slower, those that are asked for as slow as the last one due."""
    speed = max(SLOWEST, round(say.speed - say.slow_down * (min(reading, say.times) - 1), 3))
    if words := _words(opening, language, voice, speed):
        yield from words
        yield from _silence(AROUND_CODE)
    yield from _read(say, reading, language, voice, speed)


def _read(say: SayCode, reading: int, language: str, voice: str | None, speed: float) -> Iterator[Spoken]:
    code = say.code.reveal()
    if code in {code.upper(), code.lower()}:
        code = code.lower()
    ends = set(accumulate(groups(len(code), say.group)))
    for position, character in enumerate(code, start=1):
        yield CodeCharacter(character, reading, position, len(code), language, voice, speed)
        if position < len(code):
            yield from _silence(say.group_gap if position in ends else say.gap)


def _after_code(text: str) -> str:
    # What follows a code often opens with the full stop of its sentence, which an engine may read as a word.
    return text.lstrip(" .,:;!?…。、，！？")


def _words(text: str, language: str, voice: str | None, speed: float) -> tuple[Words, ...]:
    text = text.strip()
    return (Words(text, language, voice, speed),) if is_speakable(text) else ()


def _silence(seconds: float) -> tuple[Silence, ...]:
    return (Silence(seconds),) if seconds > 0 else ()
