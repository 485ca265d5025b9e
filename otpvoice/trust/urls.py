"""URLs of requests and of the administrator, read strictly: what two programs could read differently is no URL here.

Only what RFC 3986 has, in ASCII, with http, https, ws or wss in front: no user info, no backslash, no address in any
but its canonical form. Hosts of other scripts are written as ``xn--``, other characters percent-encoded. Where a URL
may lead is another question, and asked of requests alone: ``check_target``. Pure: no name is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import urldefrag, urljoin

from otpvoice.trust.addresses import Address, UrlAllow, literal

LONGEST: Final = 2048
"""Characters of a URL."""
SCHEMES: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}

# RFC 3986, 2: reserved, unreserved and escaped, and nothing else.
_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_FORM: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)

# The Fetch standard's list (https://fetch.spec.whatwg.org/#port-blocking): who listens there speaks something else,
# and may obey the lines of a request.
_BAD_PORTS: Final = frozenset(
    {
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515),
        *(526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049),
        *(3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        # And those of this house: Asterisk's manager, Redis and its sentinel, memcached.
        *(5038, 6379, 26379, 11211),
    }
)


class BadUrl(ValueError):
    """A URL that is not tried. Its text is the end of a sentence about it and repeats none of it."""

    def __init__(self, why: str, *, blocked: bool = False) -> None:
        super().__init__(why)
        self.blocked = blocked
        """It is a URL, and leads where nobody may go."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, read. ``url``: written as it is asked. ``host`` in small letters, ``address`` None where it is a name."""

    url: str = field(repr=False)
    scheme: str
    host: str = field(repr=False)
    port: int
    address: Address | None = field(repr=False)

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


@lru_cache(maxsize=512)
def read_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> Target:
    """Return what a URL says. Raises ``BadUrl``. The same few are read for every event of every call."""
    if len(text) > LONGEST:
        raise BadUrl(f"is longer than {LONGEST} characters")
    if not _CHARACTERS.fullmatch(text):
        raise BadUrl("has characters that must be percent-encoded, or a host that must be written as xn--")
    form = _FORM.fullmatch(text)
    if form is None or form[1].lower() not in schemes:
        raise BadUrl(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    scheme = form[1].lower()
    if "@" in form[2]:
        raise BadUrl("must not have a user name or password")
    if form[5] is not None:
        raise BadUrl("must not have a fragment")
    place = _AUTHORITY.fullmatch(form[2])
    if place is None:
        raise BadUrl("must have a host name or an IP address, and a port at most")
    host = place[1].lower()
    try:
        address = literal(host)
    except ValueError:
        raise BadUrl("must have a host name, or an IP address in its usual form") from None
    port = SCHEMES[scheme] if place[2] is None else int(place[2])
    if not 1 <= port <= 65535:
        raise BadUrl("must have a port from 1 to 65535")
    authority = host if port == SCHEMES[scheme] else f"{host}:{port}"
    query = f"?{form[4]}" if form[4] else ""
    return Target(f"{scheme}://{authority}{form[3] or '/'}{query}", scheme, host, port, address)


def read_location(base: Target, location: str) -> Target:
    """Return where a redirect from ``base`` leads. Raises ``BadUrl``."""
    # Before they are joined: ``urljoin`` drops tabs and line ends wherever they are.
    if not _CHARACTERS.fullmatch(location):
        raise BadUrl("must not redirect to what is no URL")
    try:
        # With a scheme it is whole; ``urljoin`` would lend ``https:///x`` and ``https:x`` our host.
        joined = location if _SCHEME.match(location) else urljoin(base.url, location)
    except ValueError:
        raise BadUrl("must not redirect to what is no URL") from None
    target = read_url(urldefrag(joined).url)
    if base.scheme == "https" and target.scheme != "https":
        raise BadUrl("must not redirect from https to http")
    return target


def check_target(target: Target, allow: UrlAllow) -> None:
    """Raise ``BadUrl`` where it is clear without a look-up that a URL of a request leads where nobody may go."""
    if target.port in _BAD_PORTS:
        raise BadUrl("must not have this port", blocked=True)
    if target.address is not None:
        if not allow.opens(target.address):
            raise BadUrl("must not lead to an address that is not public", blocked=True)
    elif (target.host == "localhost" or target.host.endswith(".localhost")) and not allow.opens_loopback:
        raise BadUrl("must not lead to this machine", blocked=True)
