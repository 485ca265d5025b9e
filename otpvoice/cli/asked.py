"""What ``say`` is asked for, judged as a request is: by the same rules, from the same place, for a whole call's voice.

A complaint names the option, and never repeats what was given: it may be a code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from otpvoice.core.actions import Say, SayCode
from otpvoice.dialects import native_speech
from otpvoice.dialects.complaints import complaints
from otpvoice.dialects.context import Context
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.voice_names import Casting

_FOR_CODES: Final = ("group", "brand", "template", "spelling")
# Of all that a request is judged by, speech needs none.
_DEFAULTS: Final = CallDefaults({}, Destinations((), (), anywhere=False), "en")


class Usage(Exception):
    """The command was not called as it should be. The message is for people and holds no value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be said, one of the two: ``text``, or ``code``; ``-`` for either: it is on standard input.

    The rest as in a request; None: its default there.
    """

    text: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)
    language: str | None = None
    voice: str | None = None
    speed: float | None = None
    times: int | None = None
    group: int | None = None
    brand: str | None = None
    template: str | None = field(default=None, repr=False)
    spelling: bool = False


def action(asked: Asked) -> Say | SayCode:
    """Return it as a plan has it. ``asked``: in full, nothing in it is on standard input any more. Raises ``Usage``."""
    if (asked.text is None) == (asked.code is None):
        raise Usage("what is to be said? A text, or --code: one of the two")
    given = {name: getattr(asked, name) for name in asked.__slots__}
    fields = {name: value for name, value in given.items() if value is not None and value is not False}
    if asked.code is None and (misplaced := [f"--{name}" for name in _FOR_CODES if name in fields]):
        raise Usage(f"{', '.join(misplaced)}: for a code (--code), not for a text")
    model, kind = (native_speech.Say, "say") if asked.code is None else (native_speech.SayCode, "say_code")
    return _judged(model, {"type": kind, **fields})


def cast(
    wanted: Say | SayCode, language: str, stand_in: Callable[[str, bool | None], str | None]
) -> tuple[Say | SayCode, str]:
    """Return it with a voice of ours, and the language, as a call has them. ``language``: where neither says one.

    ``stand_in``: who speaks for a hosted product's voice (``Ladder.stand_in``).
    """
    who = Casting(replace(_DEFAULTS, stand_in=stand_in), language).understood(wanted.voice, wanted.language)
    spoken = who.language or language
    return replace(wanted, voice=who.voice, language=spoken), spoken


def _judged(model: type[native_speech.Say | native_speech.SayCode], document: Mapping[str, Any]) -> Say | SayCode:
    try:
        parsed = model.model_validate(document, context=Context(_DEFAULTS, 0.0))
    except ValidationError as error:
        # From None: what pydantic found holds the values.
        raise Usage("\n".join(f"{_option(one.path)} {one.message}" for one in complaints(error))) from None
    # The voice as it was asked for: what it stands for depends on the language that is set.
    return replace(parsed.to_core(Casting(_DEFAULTS, _DEFAULTS.language)), voice=parsed.voice, language=parsed.language)


def _option(path: str) -> str:
    name = path.removeprefix("$.")
    return "the text" if name == "text" else f"--{name}"
