"""How voices, brands and folders of speech are written: one value in, ``ValueError`` with its rule else.

Nothing is started or asked, and no message repeats the value.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, Final

from otpvoice.dialects.spoken_text import spoken
from otpvoice.settings.values import language, text, words

ENGINES: Final = ("espeak", "flite", "piper", "gtts", "recorded")
"""Those that there are; ``service`` has one of each."""
LONGEST_BRAND: Final = 30
"""Characters, as in requests (``dialects.fields.Brand``)."""
MOST_BRANDS: Final = 50
"""Each is some sentences for each language that is made ahead."""

_BRANDS: Final = f"must be names of 1 to {LONGEST_BRAND} characters on one line, without braces"
_VOICE: Final = re.compile(rf"({'|'.join(ENGINES)})(:[A-Za-z0-9_+.-]{{1,64}})?", re.ASCII)
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*|/[^\0]*[^\0/]", re.ASCII)


def voice(value: Any) -> str:
    """An engine, or one of its voices."""
    if not isinstance(value, str) or not _VOICE.fullmatch(value):
        raise ValueError(f"must be engine, or engine:voice, the engine one of {', '.join(ENGINES)}")
    return value


def voices(value: Any) -> tuple[str, ...]:
    """Several of them, in the order in which they are asked."""
    return tuple(dict.fromkeys(map(voice, words(value))))


def languages(value: Any) -> tuple[str, ...]:
    """BCP 47 tags."""
    try:
        return tuple(dict.fromkeys(map(language, words(value))))
    except ValueError:
        raise ValueError("must be BCP 47 language tags") from None


def brands(value: Any) -> tuple[str, ...]:
    """Names as callees hear them, cleaned as those of requests: in a variable separated by commas."""
    if isinstance(value, str):
        listed = [part.strip() for part in value.split(",")]
    elif isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        listed = [item.strip() for item in value]
    else:
        raise ValueError("must be a list of texts")
    # A request may have braces in its brand; here it is rather a template that went to the wrong place.
    if not all(len(one) <= LONGEST_BRAND and not set("{}\t\n\v\f\r\u0085\u2028\u2029") & set(one) for one in listed):
        raise ValueError(_BRANDS)
    try:
        found = tuple(dict.fromkeys(filter(None, (spoken(one).strip() for one in listed))))
    except ValueError:
        raise ValueError(_BRANDS) from None
    if len(found) > MOST_BRANDS:
        raise ValueError(f"must be at most {MOST_BRANDS} names")
    return found


def program(value: Any) -> str:
    """A program: looked for in the path, or at one place. Nothing that could be read as an option."""
    if not isinstance(value, str) or not value.isprintable() or not _PROGRAM.fullmatch(value):
        raise ValueError("must be the name of a program, or its whole path")
    return value


def cache_folder(value: Any) -> Path:
    """A folder that need not be there. That it can't be written is no reason not to start: ``why_not_written``."""
    path = Path(text(value))
    if not path.is_absolute() or path == Path(path.anchor) or ".." in path.parts:
        raise ValueError("must be the whole path of a folder")
    return path


def why_not_written(folder: Path) -> str | None:
    """Return what keeps files from being made in a folder, which need not be there; None: nothing that can be seen."""
    for path in (folder, *folder.parents):
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"it can't be looked at: {error.strerror}"
        if not stat.S_ISDIR(mode):
            return f"{path} is no folder"
        return None if os.access(path, os.W_OK | os.X_OK) else f"{path} can't be written"
    return "there is no folder"  # a root that is gone
