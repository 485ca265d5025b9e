"""A folder of one's own recordings: which file says what, by its name alone.

A folder holds a folder for each language (``de``, ``pt-BR``), and that holds WAV files of 16-bit PCM, mono or stereo,
at any usual rate. What is in them is levelled and its silence cut off: a microphone and a quiet room will do.

    0.wav … 9.wav           the digits
    a.wav … z.wav           the letters
    capital.wav             what tells a capital; it is put before the letter, or behind it, as in the language pack
    capital-b.wav           … or both in one, which sounds better
    spelled-b.wav           "B as in Bravo", where a request asks for spelling
    spelled-capital-b.wav   the same of a capital; else capital.wav and spelled-b.wav
    code.wav                what is said before the code: "Your code is"
    code-acme.wav           the same with a brand: small letters and digits, the rest a hyphen ("Café & Co.": café-co)
    after-code.wav          what is said behind it, in languages that need that; after-code-acme.wav
    again.wav               "Once again"
    closing.wav             "Goodbye"
    gate-1.wav              "To hear your code, press one", for each key in use: 0 to 9, star, pound; gate-any.wav
    gate-failure.wav        "The right key was not pressed"
    replay-1.wav            "To hear the code again, press one", for each key in use
    choose-2.wav            "For English, press two", in the folder of English

None has to be there. What is missing is said by the next voice (``OTPVOICE_FALLBACK_VOICES``), so the digits are the
ones to begin with. ``pt-BR`` holds only what differs from ``pt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from otpvoice.core.locale import Locale

Way: TypeAlias = tuple[str, ...]
"""Names of files without their ending, which are played one behind the other."""

_FOLDER: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


class OwnRecordings:
    """The recordings of one language."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def ways(self, name: str, text: str, locale: Locale) -> Iterator[Way]:
        """Yield the files to say a text by, which is ``name`` in its pack, the best first."""
        yield (name,)
        if "capital-" in name:
            plain = name.replace("capital-", "", 1)
            yield (plain, "capital") if locale.capital.startswith("{letter}") else ("capital", plain)

    def stems(self) -> Iterator[str]:
        """Yield all files that there are."""
        return iter(sorted(path.name.rsplit(".", 1)[0] for path in self.folder.iterdir()))


def own_recordings(folder: Path) -> dict[str, OwnRecordings]:
    """Return the recordings of each language in a folder, by tag. Raises ``OSError`` for a folder that is not there."""
    return {
        path.name.replace("_", "-"): OwnRecordings(path)
        for path in sorted(folder.iterdir())
        if _FOLDER.fullmatch(path.name) and path.is_dir()
    }
