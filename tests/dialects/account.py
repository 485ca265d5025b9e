"""The account that the examples are read for."""

from __future__ import annotations

import re
from typing import Final

from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer

NOW: Final = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""


def check_voice(language: str, voice: str | None) -> None:
    """There is one engine, and it speaks no Klingon."""
    if (voice or "espeak").partition(":")[0] != "espeak":
        raise ValueError("there is no voice of this name; there are espeak")
    if language.startswith("tlh"):
        raise ValueError("espeak does not speak this language")


def check_url(url: str, /, *, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """All of the Internet but what is not encrypted."""
    secure = [f"{scheme}://" for scheme in schemes if scheme.endswith("s") and scheme != "ws"]
    return None if url.startswith(tuple(secure)) else f"must begin with {' or '.join(secure)}"


def stand_in(language: str, female: bool | None) -> str | None:
    """A voice of each language but Klingon, called like it: a woman's or a man's."""
    if language.startswith("tlh"):
        return None
    return f"espeak:{language.lower()}{'+f2' if female else ''}"


DEFAULTS: Final = CallDefaults(
    trunks={
        "default": TrunkOffer("default", ("+442079460001", "+442079460000")),
        "second": TrunkOffer("second", ("+442079460000",), ring_timeout=20.0),
    },
    destinations=Destinations(allow=("+44", "+99"), deny=("+447700900",)),
    language="en-US",
    local_numbers=re.compile("1[0-9]{3}|1&00"),
    lead_in=0.5,
    tail=0.7,
    check_voice=check_voice,
    stand_in=stand_in,
    prompts=frozenset({"welcome", "Thank_you-2"}).__contains__,
    check_url=check_url,
    signs=True,
)
"""Two trunks; Britain but for one range of it, and what begins with +99."""
