"""What came back of a request, or the one word for why nothing did. Neither says anything of the URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy

from otpvoice.adapters.outbound.connections import Shut
from otpvoice.trust.urls import BadUrl

Reason: TypeAlias = Literal[
    "blocked",  # the address, or the port, is none that may be reached
    "bad_url",
    "dns",
    "connect",
    "tls",
    "timeout",
    "reset",  # the connection broke
    "too_large",
    "redirect",  # too many, or to what is followed by nobody
    "protocol",  # what came is no HTTP
    "closed",  # the connection ended, by them or by us, before the answer did
]

_NOT_TOLD: Final = frozenset({"set-cookie", "set-cookie2"})
FAULTS: Final = (BadUrl, TimeoutError, OSError, UnicodeError, aiohttp.ClientError, HttpProcessingError)
"""What a request can end with instead of an answer."""


class Unreached(Exception):
    """There is no answer. ``sent``: a byte of the request may have left. It says nothing of the URL."""

    def __init__(self, reason: Reason, sent: bool = False) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``headers`` in any case. ``cut``: the body was longer than asked for, or did not come whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: bool


async def read(response: aiohttp.ClientResponse, body: bytearray, most: int) -> bool:
    """Read into ``body`` until the end, or until it is more than ``most``. Was it the end?"""
    if response.content.at_eof():
        return True
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            return False
    return True


def leave(response: aiohttp.ClientResponse) -> None:
    """Give the connection back if the answer was read to its end; else end it."""
    if response.content.at_eof():
        response.release()
    else:
        response.close()


def told(response: aiohttp.ClientResponse, body: bytes | bytearray, *, cut: bool) -> Answer:
    """Return what is told of an answer."""
    headers: Iterable[tuple[str, str]] = (
        (_text(name), _text(value)) for name, value in response.headers.items() if name.lower() not in _NOT_TOLD
    )
    return Answer(response.status, CIMultiDictProxy(CIMultiDict(headers)), bytes(body), cut)


def _text(header: str) -> str:
    # aiohttp keeps bytes that are no UTF-8 as lone surrogates, and those can't be written anywhere.
    return header if header.isascii() else header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def reason_of(fault: Exception) -> Reason:
    """Return the word for one of ``FAULTS``."""
    # The narrower types first.
    match fault:
        case BadUrl():
            return "blocked" if fault.blocked else "bad_url"
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            return "dns"
        case aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ClientConnectorError():
            return "blocked" if isinstance(fault.os_error, Shut) else "connect"
        case aiohttp.ServerDisconnectedError():
            return "closed"
        case aiohttp.ClientOSError():
            return "reset"
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientPayloadError():
            return "closed"
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return "protocol"
        case aiohttp.InvalidURL():
            return "bad_url"
        case aiohttp.ClientConnectionError():
            return "closed"
        case _:
            return "reset"
