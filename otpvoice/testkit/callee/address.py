"""Addresses in SIP headers: URIs and name-addr (RFC 3261 sections 19.1, 20.10, 25.1).

It looks nothing up, and keeps of a URI only what a user agent on one hop needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_NAME_ADDR = re.compile(r'(?:[ \t]*"(?:[^"\\]|\\.)*"[ \t]*|[^<"]*)<([^<>]*)>(.*)', re.DOTALL)
_URI = re.compile(r"(?i:sips?):(?:([^@]*)@)?(\[[0-9A-Fa-f:.]+\]|[^\[\]:;?@/\s]+)(?::([0-9]{1,5}))?([;?].*)?", re.DOTALL)


class MalformedMessage(ValueError):
    """The datagram is not a SIP message that a user agent can act on."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A ``sip:`` URI (section 19.1.1); ``user`` is decoded, without password and parameters; no port means 5060."""

    user: str
    host: str
    port: int = 5060
    parameters: str = ""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Raises ``MalformedMessage`` for anything but ``sip:`` and ``sips:``."""
        found = _URI.fullmatch(text.strip())
        if found is None or int(found[3] or 5060) > 0xFFFF:
            raise MalformedMessage("not a SIP URI")
        user = (found[1] or "").partition(";")[0].partition(":")[0]
        return cls(unquote(user), found[2], int(found[3] or 5060), found[4] or "")


@dataclass(frozen=True, slots=True)
class NameAddress:
    """The value of From, To, Contact, Route: a URI and the header's own parameters (section 20.10)."""

    uri: str
    parameters: dict[str, str]

    @classmethod
    def parse(cls, value: str) -> NameAddress:
        found = _NAME_ADDR.match(value)
        if found is not None:
            return cls(found[1], parameters_of(found[2].partition(",")[0]))
        if "<" in value or not value.strip():
            raise MalformedMessage("not an address")
        # Without brackets, parameters belong to the header, not to the URI.
        uri, _, parameters = value.partition(";")
        return cls(uri.strip(), parameters_of(parameters))

    @property
    def tag(self) -> str:
        return self.parameters.get("tag", "")


def parameters_of(text: str) -> dict[str, str]:
    """The parameters after a header's value: ``;tag=a;lr``; names in lower case."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
