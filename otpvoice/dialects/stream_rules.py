"""What a format lets be said of a stream: its URL and the login in it, its rate, its parameters.

Requests and the administrator's settings keep the same rules. Each raises ``ValueError``, whose text ends a sentence
and repeats none of what was given: there are tokens in it. Where a URL may lead is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from otpvoice.core.actions import BasicAuth
from otpvoice.core.secret import Secret
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import Format
from otpvoice.trust import logins

FORMAT_NAMES: Final = tuple(FORMATS)
"""The first is meant where none is named."""
RATES: Final = tuple(sorted({rate for spoken in FORMATS.values() for rate in spoken.rates}))
"""Hz, those of all formats."""
TAPPED: Final[Mapping[str, str]] = {"inbound": "near", "outbound": "far"}
"""How the tracks of a call are called where a channel is tapped: ``near`` is what it says, ``far`` what it hears."""
MOST_PARAMETERS: Final = 20
LONGEST_NAME: Final = 64
LONGEST_VALUE: Final = 500
"""Parameters of any format: how many, and the characters of a name and of a value."""


@dataclass(frozen=True, slots=True)
class Written:
    """How something is written that goes into a header of a handshake. ``rule`` ends a sentence about it."""

    pattern: re.Pattern[str]
    rule: str


USERNAME: Final = Written(logins.USERNAME, "must be 1 to 128 printable ASCII characters without a colon")
PASSWORD: Final = Written(logins.PASSWORD, "must be 1 to 256 printable ASCII characters")
TOKEN: Final = Written(re.compile(r"[!-~]{1,4096}", re.ASCII), "must be 1 to 4096 visible ASCII characters")
SIGNING_SECRET: Final = Written(re.compile(r"[!-~]{16,256}", re.ASCII), "must be 16 to 256 visible ASCII characters")


def format_of(name: str | None) -> Format | None:
    """Return a format by its name; None: there is none, so that no rule of its can be broken."""
    return FORMATS.get(name) if name is not None else None


def schemes_of(spoken: Format | None) -> tuple[str, ...]:
    """Return how the URL of a stream may begin."""
    return ("ws", "wss", "https") if spoken is None or spoken.asks_by_https else ("ws", "wss")


def split_login(url: str) -> tuple[str, BasicAuth | None]:
    """Return a URL without the user name and password in it, and these, as they are shown to the other side."""
    bare, login = logins.split_login(url)
    return bare, BasicAuth(login.username, Secret(login.password)) if login is not None else None


def check_rate(rate: int, spoken: Format | None) -> None:
    """A format has its rates."""
    if spoken is not None and rate not in spoken.rates:
        raise ValueError(f"must be {one_of(map(str, spoken.rates))} in this format")


def check_parameters(parameters: Mapping[str, str]) -> None:
    """The bounds of any format. Requests have them in the types of their fields, so that each spot has its error."""
    if len(parameters) > MOST_PARAMETERS:
        raise ValueError(f"must have at most {MOST_PARAMETERS} entries")
    for name, value in parameters.items():
        if not 1 <= len(name) <= LONGEST_NAME or len(value) > LONGEST_VALUE or not (name + value).isprintable():
            raise ValueError(
                f"must have names of 1 to {LONGEST_NAME} characters and texts of up to {LONGEST_VALUE}, all on one line"
            )


def check_parameters_of(spoken: Format | None, parameters: Mapping[str, str]) -> None:
    """The narrower bounds of a format, beside those of any."""
    if spoken is None:
        return
    lengths = [len(name) + len(value) for name, value in parameters.items()]
    most, longest, together = spoken.most_parameters, spoken.longest_parameter, spoken.longest_parameters
    if most is not None and len(lengths) > most:
        raise ValueError(f"must have at most {most} entries in this format")
    if longest is not None and max(lengths, default=0) > longest:
        raise ValueError(f"must have at most {longest} characters in a name and its value together in this format")
    if together is not None and sum(lengths) > together:
        raise ValueError(f"must have at most {together} characters in all names and values together in this format")


def one_of(words: Iterable[str]) -> str:
    """Return words as a choice: *a*, *a or b*, *a, b or c*."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
