"""The names that hosted products give to their voices, understood as a language and a kind of voice.

Whoever comes from such a product need not change what he sends: most names carry their language and are read by
shape, whoever they are called after; the others are in a table. Which voice of ours speaks instead is not known here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from otpvoice.core.language_tags import primary
from otpvoice.dialects.hosted_voice_names import ALONE, FEMALE, LETTER_FEMALE

LONGEST: Final = 120
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class HostedVoice:
    """``language``: a BCP 47 tag; None: it is at home in none, and speaks what it is asked for.

    ``female`` None: nobody says.
    """

    language: str | None
    female: bool | None


def engine_voice(name: str) -> HostedVoice | None:
    """Return what is known of a hosted voice by its name; None: this is no such name.

    Shapes: ``en-IE-EmilyNeural``, ``en-US-AvaMultilingualNeural``, ``zh-CN-liaoning-XiaobeiNeural``,
    ``en-US-ZiraRUS``, ``Microsoft Server Speech Text to Speech Voice (en-IE, EmilyNeural)``; ``en-US-Wavenet-D``,
    ``en-US-Chirp3-HD-Kore``; ``Joanna``, ``Polly.Joanna-Neural``, ``amazon.Joanna:neural:en-US``; ``f-en-US``;
    ``alice``, ``man``, ``woman``. The vendor may stand before it, as in ``Google.en-US-Wavenet-D``. Case is as vendors
    write it; where everything in it is known, any other will do.
    """
    if len(name) > LONGEST:
        return None
    if (full := _FULL.fullmatch(name)) is not None:
        name = "-".join(re.split(r"\s*,\s*", full[1]))
    name = _VENDOR.sub("", name)
    return _of_no_language(name) or _of_one_sex(name) or _by_shape(name) or _alone(name)


def spoken_as(voice: HostedVoice, language: str | None) -> str | None:
    """Return the language that our voice is looked for in, where a request names one or none; None: nobody says.

    Where the two are different languages what is asked for decides: words that are read by the rules of another
    language are not understood. Where they are one, the voice's region stays: a voice of en-GB is not exchanged for one
    of en-US because a request says so.
    """
    if voice.language is None or language is None:
        return language or voice.language
    return voice.language if primary(language) == primary(voice.language) else language


_SAME_REGION: Final = {"uk": "gb"}
_NO_REGION: Final = "xa"
"""User-assigned: Arabic of nowhere."""

_FULL: Final = re.compile(r"Microsoft Server Speech Text to Speech Voice \(([^()]+)\)", re.IGNORECASE)
_VENDOR: Final = re.compile(r"(?:aws\.)?(?:amazon|azure|gcloud|google|microsoft|polly)\.(?=.)", re.IGNORECASE)
_TAG: Final = r"([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?[-_](?:[A-Za-z]{2}|[0-9]{3}))"
_SHAPE: Final = re.compile(rf"{_TAG}(?:-WLS)?[-_]([A-Za-z][A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*)", re.ASCII)
_SEX_FIRST: Final = re.compile(r"([fm])-(?:([a-z]{2,3})-([A-Z]{2})|([A-Z]{2})-([a-z]{2,3}))", re.ASCII)
"""``f-en-US``; one vendor writes ``f-FR-fr``, too."""
_MODEL: Final = re.compile(r"(?:-(?:neural|generative|standard|long-form)|:[a-z-]+(?::[A-Za-z-]+)?)\Z", re.IGNORECASE)
_NAMELESS: Final = {"alice": True, "woman": True, "man": False, "female": True, "male": False}
_SEX: Final = {name: female for name, (_, female) in ALONE.items()} | dict(FEMALE)
_ENDS_OF_A_NAME: Final = re.compile(
    r"(?:turbo)?(?:multilingual|dialects|expressive)?(?:v[0-9]+)?(?:neural(?:hd)?|voice|(?:24k)?rus)?\Z"
)


def _of_no_language(name: str) -> HostedVoice | None:
    female = _NAMELESS.get(name.lower())
    return None if female is None else HostedVoice(None, female)


def _of_one_sex(name: str) -> HostedVoice | None:
    found = _SEX_FIRST.fullmatch(name)
    if found is None:
        return None
    return HostedVoice(_tidied(f"{found[2] or found[5]}-{found[3] or found[4]}"), found[1] == "f")


def _by_shape(name: str) -> HostedVoice | None:
    """A tag and what the voice is called there."""
    found = _SHAPE.fullmatch(name)
    if found is None:
        return None
    tag, rest = found[1], found[2]
    female = _is_female(tag, rest.lower())
    return HostedVoice(_tidied(tag), female) if female is not None or _as_vendors_write_it(tag, rest) else None


def _as_vendors_write_it(tag: str, rest: str) -> bool:
    # Else any three words with hyphens would be a voice.
    language, *_, region = re.split("[-_]", tag)
    called = any(part[0].isupper() for part in re.split("[-_]", rest))
    return language.islower() and (region.isupper() or region.isdigit()) and called


def _is_female(tag: str, rest: str) -> bool | None:
    parts = re.split("[-_]", rest)
    letters = [part for part in parts[1:] if len(part) == 1]
    if letters:
        return LETTER_FEMALE.get((tag.lower().replace("_", "-"), letters[0]))
    names = (_ENDS_OF_A_NAME.sub("", part) for part in parts)
    return next((_SEX[one] for one in names if one in _SEX), None)


def _alone(name: str) -> HostedVoice | None:
    """A given name, perhaps with the model that is to speak."""
    # Vendors write Léa on their pages, and Lea in their interfaces.
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", _MODEL.sub("", name)) if not unicodedata.combining(one)
    )
    found = ALONE.get(plain.lower())
    return None if found is None else HostedVoice(*found)


def _tidied(tag: str) -> str:
    """Return a vendor's tag in the letters of RFC 5646 section 2.1.1, its region as ISO 3166 has it."""
    language, *rest = tag.replace("_", "-").lower().split("-")
    regions = (_SAME_REGION.get(one, one) for one in rest if one != _NO_REGION)
    return "-".join((language, *(one.title() if len(one) == 4 else one.upper() for one in regions)))
