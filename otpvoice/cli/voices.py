"""``otpvoice voices``: the speech engines that there are, and what each of them speaks.

It asks the engines what they declare, and starts none of them: whether they really speak is for ``doctor``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.ladder import Ladder, Rung
from otpvoice.cli import logged
from otpvoice.cli.client import printable
from otpvoice.cli.speaking import NotSet, Speech, at_hand
from otpvoice.core.language_tags import primary
from otpvoice.core.locale import Locale, is_tag, lookup

EX_USAGE: Final = 2
EX_CONFIG: Final = 78
_HEADS: Final = ("engine", "there", "offline", "in calls", "speeds", "languages", "licence")
MOST_VOICES: Final = 20
"""Of an engine, for people; JSON has all."""


def voices(language: str | None = None, *, as_json: bool = False) -> int:
    """Print the engines; with ``language`` what each has for it, and the language pack.

    Returns the exit code: 0; 1: nobody speaks this language; 2: it is no tag; 78: settings are wrong. Where that is the
    configured voice, what there is in its place is printed all the same.
    """
    if language is not None and not is_tag(language):
        sys.stderr.write("--language must be a BCP 47 tag, as in pt-BR\n")
        return EX_USAGE
    try:
        with logged.to_stderr():
            speech = at_hand(os.environ)
    except NotSet as error:
        sys.stderr.write("\n".join(map(printable, str(error).splitlines())) + "\n")
        return EX_CONFIG
    calls, wrong = _calls(speech)
    if language is None:
        engines = [_engine(voice, speech) for voice in speech.voices]
        document: Mapping[str, Any] = {"engines": engines, "languages": list(speech.locales.tags)}
        lines = _table(engines)
    else:
        document = _of(language, speech, calls)
        lines = _told(language, document)
    sys.stdout.write("".join(f"{line}\n" for line in ([json.dumps(document)] if as_json else map(printable, lines))))
    sys.stdout.flush()
    if wrong:
        sys.stderr.write(f"{printable(wrong)}\n")
        return EX_CONFIG
    return 0 if language is None or any(one["voice"] and one["there"] for one in document["engines"]) else 1


def _calls(speech: Speech) -> tuple[Ladder | None, str]:
    """Return who speaks in calls; None, and why: the configured voices are not there."""
    try:
        return speech.ladder(), ""
    except NotSet as error:
        return None, str(error)


# --- engines ----------------------------------------------------------------------------------------------------------


def _engine(voice: Voice, speech: Speech) -> dict[str, Any]:
    traits = voice.traits
    missing = speech.off.get(voice.name) or voice.missing()
    return {
        "name": voice.name,
        "there": missing is None,
        "missing": missing,
        "offline": traits.offline,
        "may_see_codes": traits.may_see_secrets,
        "speeds": None if traits.speeds is None else list(traits.speeds),
        "licence": traits.licence,
        "longest_text": traits.longest_text,
        "languages": sorted(traits.languages),
        "voices": dict(sorted(voice.voices().items())),
        "configured": speech.settings.voice.partition(":")[0] == voice.name,
    }


def _table(engines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    rows = [_HEADS, *map(_row, engines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for engine in engines:
        if engine["missing"]:
            yield f"{engine['name']}: {engine['missing']}"


def _row(engine: Mapping[str, Any]) -> tuple[str, ...]:
    speeds = engine["speeds"]
    return (
        engine["name"],
        _yes_or_no(engine["there"]),
        _yes_or_no(engine["offline"]),
        _yes_or_no(engine["may_see_codes"]),
        "one" if speeds is None else f"{speeds[0]:g} to {speeds[1]:g}",
        str(len({tag.split("-")[0] for tag in engine["languages"]})),
        engine["licence"],
    )


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


# --- one language -----------------------------------------------------------------------------------------------------


def _of(language: str, speech: Speech, calls: Ladder | None) -> dict[str, Any]:
    """``calls`` None: the configured voices are not there, and nobody is called."""
    pack = speech.locales.find(language)
    named = {voice.name: voice for voice in speech.voices}
    every = Ladder(named, speech.locales, speech.voices[0].name)
    refused = _refused(language, calls)
    return {
        "language": language,
        "pack": None if pack is None else _pack(pack),
        "stands_in": None if pack is not None else _pack(speech.locales.default),
        "calls": [_written(rung) for rung in calls.rungs(language, None)] if calls and not refused else [],
        "refused": refused,
        "engines": [_engine_for(language, voice, every.own(voice.name, language), speech) for voice in speech.voices],
    }


def _refused(language: str, calls: Ladder | None) -> str | None:
    """Return why a call is refused that asks for this language and names no voice; None: it is not."""
    if calls is None:
        return "the configured voices are not there"
    try:
        calls.check(language, None)
    except ValueError as error:
        return str(error)
    return None


def _pack(pack: Locale) -> dict[str, Any]:
    return {"tag": pack.tag, "name": pack.name, "english": pack.english, "reviewed_by": list(pack.reviewed_by)}


def _written(rung: Rung) -> str:
    """Return a candidate as a request writes it."""
    return f"{rung.engine}:{rung.voice}" if rung.voice else rung.engine


def _engine_for(language: str, voice: Voice, own: Rung | None, speech: Speech) -> dict[str, Any]:
    missing = speech.off.get(voice.name) or voice.missing()
    # Also those of other regions, and of no region.
    family = primary(language)
    return {
        "name": voice.name,
        "there": missing is None,
        "missing": missing,
        "voice": None if own is None else _written(own),
        "voices": {
            f"{voice.name}:{name}": tag for name, tag in sorted(voice.voices().items()) if lookup(tag, [family])
        },
    }


def _told(language: str, document: Mapping[str, Any]) -> Iterator[str]:
    pack, stands_in = document["pack"], document["stands_in"]
    if pack is not None:
        reviewed = ", ".join(pack["reviewed_by"]) or "nobody but a machine"
        yield f"{language}: language pack {pack['tag']} ({_called(pack)}), reviewed by {reviewed}"
    elif document["refused"]:
        yield f"{language}: there is no language pack"
    else:
        yield f"{language}: there is no language pack; sentences and digits are those of {stands_in['tag']}"
    if document["refused"]:
        yield f"calls: refused: {document['refused']}"
    else:
        yield f"calls: {', else '.join(document['calls'])}"
    width = max(len(engine["name"]) for engine in document["engines"])
    for engine in document["engines"]:
        yield f"{engine['name'].ljust(width)}  {_what_it_has(engine)}"


def _called(pack: Mapping[str, Any]) -> str:
    return " / ".join(dict.fromkeys(one for one in (pack["name"], pack["english"]) if one)) or pack["tag"]


def _what_it_has(engine: Mapping[str, Any]) -> str:
    if engine["voice"] is None and not engine["voices"]:
        return "does not speak it" + (f" ({engine['missing']})" if engine["missing"] else "")
    others = [name for name in engine["voices"] if name != engine["voice"]]
    shown = ", ".join(others[:MOST_VOICES]) + (f", … {len(others) - MOST_VOICES} more" if others[MOST_VOICES:] else "")
    return "; ".join(
        part
        for part in (
            engine["voice"] or "no voice of its own accord",
            f"also {shown}" if shown else "",
            f"not there: {engine['missing']}" if engine["missing"] else "",
        )
        if part
    )
