"""BCP 47 language tags: which of those at hand is nearest to one that was asked for.

RFC 4647 section 3.4 (lookup), and what practice adds to it: tags that were replaced, the two ways of writing Chinese,
Spanish of the Americas. It knows no language; tags of the grandfathered kind are none here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

# RFC 5646 section 2.1, by shape alone. Underscores are read as hyphens: Asterisk's languages are written so.
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)

_REPLACED: Final = {
    # "Preferred-Value" in IANA's registry of subtags (RFC 5646 section 3.1.7).
    "in": "id", "iw": "he", "ji": "yi", "jw": "jv", "mo": "ro", "sh": "sr-latn",
    # Aliases of CLDR, as engines and vendors write them.
    "arb": "ar", "cmn": "zh", "no": "nb", "tl": "fil",
}  # fmt: skip
_WRITTEN: Final = {"cn": "hans", "sg": "hans", "my": "hans", "tw": "hant", "hk": "hant", "mo": "hant"}
"""How Chinese is written in a region where a tag does not say (CLDR, likely subtags)."""
_AMERICAS: Final = (
    "ar", "bo", "br", "bz", "cl", "co", "cr", "cu", "do", "ec", "gt",
    "hn", "mx", "ni", "pa", "pe", "pr", "py", "sv", "us", "uy", "ve",
)  # fmt: skip
_BEFORE_SHORTER: Final = {
    # CLDR, parentLocales: the Spanish of these is that of Latin America, and only then that of Spain.
    **{f"es-{region}": ("es-419",) for region in _AMERICAS},
    # What is spoken there is Cantonese.
    "zh-hant-hk": ("yue",),
    "zh-hant-mo": ("yue",),
    "yue": ("zh-hant-hk",),
    # Whoever reads one of the two understands the other.
    "nn": ("nb",),
    # CLDR, likely subtags: what is meant by a tag that says less than those at hand.
    "zh-hant": ("zh-hant-tw",),
    "zh": ("zh-hans", "zh-hans-cn", "zh-hant", "zh-hant-tw"),
}
"""What is tried behind a tag, before its last subtag is dropped."""


def is_tag(tag: str) -> bool:
    """Has this the shape of a BCP 47 language tag?"""
    return _TAG.fullmatch(tag.replace("_", "-")) is not None


def lookup(tag: str, available: Collection[str]) -> str | None:
    """Return the nearest of ``available``: subtags are dropped from the end of ``tag`` until one fits.

    Both are compared by what they mean: ``iw`` is ``he``, ``zh-TW`` is ``zh-Hant-TW``. None: there is none for that
    language.
    """
    by_meaning = index(available)
    return next((by_meaning[one] for one in chain(tag) if one in by_meaning), None)


def index(tags: Collection[str]) -> dict[str, str]:
    """Return tags by what they mean. Of two that mean the same the one that is written so stands."""
    by_meaning: dict[str, str] = {}
    for tag in tags:
        meaning = canonical(tag)
        if meaning not in by_meaning or tag.replace("_", "-").lower() == meaning:
            by_meaning[meaning] = tag
    return by_meaning


# Requests bring any tag: those that are remembered are bounded, in number and (``dialects.fields``) in length.
@lru_cache(maxsize=1024)
def chain(tag: str) -> tuple[str, ...]:
    """Return what to look for, in order, each as ``canonical`` writes it."""
    return tuple(dict.fromkeys(_chain(canonical(tag))))


@lru_cache(maxsize=1024)
def canonical(tag: str) -> str:
    """Return a tag in small letters as it is written today, Chinese with its script where the region tells it."""
    language, *rest = tag.replace("_", "-").lower().split("-")
    if language == "zh" and rest and rest[0] in {"cmn", "yue"}:  # an extlang, whose own tag is the preferred one
        language, *rest = rest
    language, *script = _REPLACED.get(language, language).split("-")
    if language == "zh" and rest and rest[0] in _WRITTEN:
        script = [_WRITTEN[rest[0]]]
    if script and rest and len(rest[0]) == 4 and rest[0].isalpha():
        script = []
    return "-".join((language, *script, *rest))


def primary(tag: str) -> str:
    """Return the language of a tag alone, as ``canonical`` writes it: ``pt`` of ``pt-BR``."""
    return canonical(tag).split("-", 1)[0]


def _chain(tag: str) -> Iterator[str]:
    subtags = tag.split("-")
    while subtags:
        shorter = "-".join(subtags)
        yield shorter
        yield from _BEFORE_SHORTER.get(shorter, ())
        subtags.pop()
        # "Single letter or digit subtags … MUST be removed … at the same time as their closest trailing subtag."
        if subtags and len(subtags[-1]) == 1:
            subtags.pop()
