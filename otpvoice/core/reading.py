"""How a text and a code are read aloud on the telephone: actions become scripts.

It makes no sound, and no engine ever gets a text with the code in it: the code leaves as single characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from otpvoice.core.actions import Play, Say, SayCode
from otpvoice.core.locale import Locale, Locales, split_template
from otpvoice.core.speech import CodeCharacter, Recording, RemoteRecording, Script, Silence, Spoken, Words

AROUND_CODE: Final = 0.5
"""Seconds between the words and the code next to them."""
BETWEEN_READINGS: Final = 1.2
"""Seconds before a code is read again: time to find a pen."""
BETWEEN_RECORDINGS: Final = 1.0
"""Seconds before a recording is played again."""
SLOWEST: Final = 0.5
"""No reading is slower, however many there are."""
GROUP: Final = 3
"""Characters that are read together where neither the request nor a language has a habit."""

_MARKS: Final = ".,:;!?…。、，！？：；۔؟،؛।॥։።"
"""What ends a sentence, or a part of one."""
_AROUND: Final = " \t\n\u00a0\u202f\"'“”‘’„‚«»‹›)]）」』】》-–—"
"""What may stand between a code and the sentence behind it, and is not spoken."""
_END: Final = re.compile(rf"""(?:[\s“‘„‚«‹(\[（「『【《{_MARKS}]|(?<=\s)["'–—-])+$""")


def say_script(say: Say, language: str, voice: str | None) -> Script:
    """Return the text, ``times`` times; nothing where it is punctuation only.

    ``language`` and ``voice`` are the call's; the action's own come first. The text is in that language whether or not
    there is a locale for it.
    """
    words = _words(say.text, say.language or language, say.voice or voice, say.speed, packaged=False)
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
    tongue = _tongue(say, language, voice, locales)
    before, after = split_template(_template(say, tongue.locale), say.brand)
    packaged = say.template is None and not _may_tell(say)

    script: list[Spoken] = []
    for reading in range(1, say.times + 1):
        if reading == 1:
            opening = tongue.words(_ended(before), say.speed, packaged=packaged)
        else:
            script += _silence(BETWEEN_READINGS)
            opening = tongue.again(_speed(say, reading))
        script += _reading(say, reading, opening, tongue)
    ending = tongue.words(_ended(_after_code(after)), say.speed, packaged=packaged)
    return (*script, *_silence(AROUND_CODE), *ending) if ending else tuple(script)


def replay_script(say: SayCode, count: int, language: str, voice: str | None, locales: Locales) -> Script:
    """Return one more reading, the ``count``-th (from 1) that the callee asks for, opened by the locale's *again*."""
    tongue = _tongue(say, language, voice, locales)
    reading = say.times + count
    return tuple(_reading(say, reading, tongue.again(_speed(say, reading)), tongue))


def closing_script(say: SayCode, language: str, voice: str | None, locales: Locales) -> Script:
    """Return how a call ends that has nothing more to say; nothing where the request has a sentence of its own."""
    tongue = _tongue(say, language, voice, locales)
    if say.template is not None or tongue.locale is None:
        return ()
    return tongue.words(tongue.locale.closing, say.speed, packaged=True)


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


@dataclass(frozen=True, slots=True)
class _Tongue:
    """Who reads a code: in which language, by which voice, with the words of which locale, if there is one."""

    language: str
    voice: str | None
    locale: Locale | None

    def words(self, text: str, speed: float, *, packaged: bool) -> Script:
        return _words(text, self.language, self.voice, speed, packaged=packaged)

    def again(self, speed: float) -> Script:
        return self.words(self.locale.again if self.locale is not None else "", speed, packaged=True)


def _tongue(say: SayCode, language: str, voice: str | None, locales: Locales) -> _Tongue:
    language, voice = say.language or language, say.voice or voice
    locale = locales.find(language)
    if locale is None and say.template is None:
        return _Tongue(locales.default.tag, voice, locales.default)
    return _Tongue(language, voice, locale)


def _template(say: SayCode, locale: Locale | None) -> str:
    if say.template is not None:
        return say.template
    assert locale is not None  # noqa: S101 - without a template there is one: see ``_tongue``
    return locale.code if say.brand is None else locale.code_with_brand


def _reading(say: SayCode, reading: int, opening: Script, tongue: _Tongue) -> Iterator[Spoken]:
    """One reading behind what opens it."""
    if opening:
        yield from opening
        yield from _silence(AROUND_CODE)
    code, speed = say.code.reveal(), _speed(say, reading)
    if code in {code.upper(), code.lower()}:
        code = code.lower()
    ends = set(accumulate(groups(len(code), _group(say, tongue.locale))))
    for position, character in enumerate(code, start=1):
        spelled = say.spelling and character.isalpha()
        yield CodeCharacter(character, reading, position, len(code), tongue.language, tongue.voice, speed, spelled)
        if position < len(code):
            yield from _silence(say.group_gap if position in ends else say.gap)


def _group(say: SayCode, locale: Locale | None) -> int:
    if say.group is not None:
        return say.group
    return locale.group if locale is not None else GROUP


def _speed(say: SayCode, reading: int) -> float:
    """Return how fast a reading is: later ones are slower, those that are asked for as slow as the last one due."""
    return max(SLOWEST, round(say.speed - say.slow_down * (min(reading, say.times) - 1), 3))


def _may_tell(say: SayCode) -> bool:
    """Does a brand, which stands in a pack's sentence, tell the code? Some will have put it there.

    Which other brands look like a code is for those to ask who keep sound: some brands are like that.
    """
    return say.code.reveal().casefold() in (say.brand or "").casefold()


def _after_code(text: str) -> str:
    # What follows a code often opens with the end of its sentence, which some engines read aloud: "colon", "danda".
    return text.lstrip(_MARKS + _AROUND)


def _ended(text: str) -> str:
    """Return a part of a sentence with one mark at its end, close to the last word: engines read others aloud."""
    found = _END.search(text)
    if found is None:
        return text
    return text[: found.start()] + next((mark for mark in found[0] if mark in _MARKS), "")


def _words(text: str, language: str, voice: str | None, speed: float, *, packaged: bool) -> Script:
    text = text.strip()
    return (Words(text, language, voice, speed, packaged),) if is_speakable(text) else ()


def _silence(seconds: float) -> tuple[Silence, ...]:
    return (Silence(seconds),) if seconds > 0 else ()
