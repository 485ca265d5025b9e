"""Whose a host is, as far as its name alone tells: what many names of one owner are counted together by.

Guessed, and good for fair shares only: the public suffix list knows better, is long, and changes every week.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

_SECOND_LEVEL: Final = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "mil", "ne", "net", "or", "org"}
)
"""Under a country's top level they are nobody's own: ``example.co.uk``."""
_COUNTRY: Final = 2
"""Letters."""
_SITE: Final = 64
"""Bits of an IPv6 address that somebody is given as one (RFC 6177)."""


def domain(host: str) -> str:
    """Return the domain of a host's name; of an address itself, or its IPv6 network. ``host``: in small letters."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        labels = host.split(".")
        shared = len(labels) > 2 and len(labels[-1]) == _COUNTRY and labels[-2] in _SECOND_LEVEL
        return ".".join(labels[-3 if shared else -2 :])
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), _SITE), strict=False))
    return str(address)
