"""What the first party hears while the second one's telephone rings: the ringing tone of the language's country.

Tones are those of ITU-T E.180 and its supplement 2 (various tones used in national networks), rounded as in Asterisk's
``indications.conf``; a modulated tone is given by its carrier. It knows nothing of the network that is really called.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import takewhile
from typing import Final, NamedTuple

from otpvoice.core.speech import Script, Silence, Tone

LONGEST: Final = 120.0
"""Seconds that one ringback lasts at least, which is as long as any telephone may ring."""


class Ringing(NamedTuple):
    """One country's ringing tone: frequencies in Hz, which sound together, and seconds on, off, on, off …"""

    frequencies: tuple[int, ...]
    cadence: tuple[float, ...]


RECOMMENDED: Final = Ringing((425,), (1.0, 4.0))
"""425 Hz, 0.67 to 1.5 s on and 3 to 5 s off (ITU-T E.180)."""
_AMERICAN: Final = Ringing((440, 480), (2.0, 4.0))
_BRITISH: Final = Ringing((400, 450), (0.4, 0.2, 0.4, 2.0))

RINGING: Final[Mapping[str, Ringing]] = {
    "AT": Ringing((420,), (1.0, 5.0)),
    "AU": Ringing((413, 438), (0.4, 0.2, 0.4, 2.0)),
    "BE": Ringing((425,), (1.0, 3.0)),
    "CA": _AMERICAN,
    "CL": Ringing((400,), (1.0, 3.0)),
    "CN": Ringing((450,), (1.0, 4.0)),
    "ES": Ringing((425,), (1.5, 3.0)),
    "FR": Ringing((440,), (1.5, 3.5)),
    "GB": _BRITISH,
    "HU": Ringing((425,), (1.25, 3.75)),
    "IE": _BRITISH,
    "IN": Ringing((400,), (0.4, 0.2, 0.4, 2.0)),
    "NZ": _BRITISH,
    "PT": Ringing((425,), (1.0, 5.0)),
    "SE": Ringing((425,), (1.0, 5.0)),
    "TR": Ringing((450,), (2.0, 4.0)),
    "US": _AMERICAN,
    "ZA": Ringing((400,), (0.4, 0.2, 0.4, 2.0)),
}
"""By ISO 3166 country; whoever is missing has the recommended one."""
_HOME: Final[Mapping[str, str]] = {"en": "US", "es": "ES", "fr": "FR", "hu": "HU", "pt": "PT", "sv": "SE", "tr": "TR"}
"""The country that is meant where a language tag names none."""


def ringback(language: str) -> Script:
    """Return whole cadences for at least ``LONGEST`` seconds: one script, so that nothing is to be made meanwhile."""
    frequencies, cadence = ringing(language)
    once = tuple(Silence(seconds) if index % 2 else Tone(frequencies, seconds) for index, seconds in enumerate(cadence))
    return once * math.ceil(LONGEST / sum(cadence))


def ringing(language: str) -> Ringing:
    """Return the ringing tone of a BCP 47 tag's region: ``en-GB`` rings twice, ``en`` rings as in the United States."""
    language, *rest = language.replace("_", "-").split("-")
    subtags = takewhile(lambda part: len(part) > 1, rest)  # what follows a singleton is an extension (RFC 5646, 2.2.6)
    region = next((part.upper() for part in subtags if len(part) == 2), _HOME.get(language.lower(), ""))
    return RINGING.get(region, RECOMMENDED)
