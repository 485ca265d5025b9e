"""A user name and a password in front of a URL's host, cut off and read: they go into a header, never along in the URL.

Requests, settings and the answers to our questions are read by this one reader. What is no whole login, or has
characters that no header takes everywhere, is refused; what a URL may be otherwise is asked of ``urls``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from otpvoice.trust.urls import BadUrl

# Printable ASCII. Of a user name the colon is the end (RFC 7617 section 2).
USERNAME: Final = re.compile(r"[ -9;-~]{1,128}", re.ASCII)
PASSWORD: Final = re.compile(r"[ -~]{1,256}", re.ASCII)

# RFC 3986 section 3.2.1. A second @ in an authority is in no URL, and none of a login.
_WITH_LOGIN: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@(.*)", re.ASCII)
_LOGIN: Final = re.compile(
    r"((?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+):((?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})+)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Login:
    """What stood in a URL, percent-decoded. It shows neither."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def split_login(url: str) -> tuple[str, Login | None]:
    """Return a URL without the login in it, and this. Raises ``BadUrl``, which repeats none of it."""
    found = _WITH_LOGIN.fullmatch(url)
    if found is None:
        return url, None
    login = _LOGIN.fullmatch(found[2])
    # What is no UTF-8 becomes U+FFFD, which no header has.
    username, password = map(unquote, login.groups()) if login is not None else ("", "")
    if not USERNAME.fullmatch(username) or not PASSWORD.fullmatch(password):
        raise BadUrl(
            "must have a user name and a password before the @, percent-encoded: up to 128 and 256 printable ASCII"
            " characters"
        )
    return found[1] + found[3], Login(username, password)
