"""One request to an HTTP server, and what came of it: an answer, or the one word for why there was none.

It follows no redirect and uses no proxy. What it returns holds no URL, and nothing of what was sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import aiohttp
from yarl import URL

WITHIN: Final = 5.0
"""Seconds for an answer."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer that are read."""

Why: TypeAlias = Literal["dns", "refused", "unroutable", "timeout", "tls", "certificate", "reset", "closed", "protocol"]


@dataclass(frozen=True, slots=True)
class Answered:
    """``began`` and ``ended``: Unix seconds here, before the request and behind the answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    began: float
    ended: float

    @property
    def json(self) -> Any:
        """What the body says; None: it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """``why``; ``detail``: what the system or OpenSSL has to say about it."""

    why: Why
    detail: str = ""


def new_http(
    headers: Mapping[str, str] | None = None, *, verified: bool = True, limit: int = 8
) -> aiohttp.ClientSession:
    """Return a session of few connections: nobody's limit is to be used up by the doctor.

    ``verified``: whether a certificate must hold; where nothing is sent that is a secret it need not. ``limit``: at
    most so many connections, to different servers.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, keepalive_timeout=5, ssl=verified),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    within: float = WITHIN,
) -> Answered | Unanswered:
    """Ask once."""
    began = time.time()
    try:
        async with (
            asyncio.timeout(within),
            http.request(method, URL(url), headers=headers, allow_redirects=False) as response,
        ):
            body = await response.content.read(LARGEST) if method != "HEAD" else b""
            while method != "HEAD" and len(body) < LARGEST and (more := await response.content.read(LARGEST)):
                body += more
            return Answered(response.status, dict(response.headers), body, began, time.time())
    except (aiohttp.ClientError, OSError, TimeoutError, UnicodeError, ValueError) as error:
        return _unanswered(error)


def _unanswered(error: Exception) -> Unanswered:
    # The narrower types first.
    match error:
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            return Unanswered("dns", _said(error))
        case aiohttp.ClientConnectorCertificateError():
            return Unanswered("certificate", _certificate(error.certificate_error))
        case aiohttp.ClientSSLError():
            return Unanswered("tls", _said(error))
        case aiohttp.ClientConnectorError():
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return Unanswered("refused" if refused else "unroutable", _said(error))
        case TimeoutError():
            return Unanswered("timeout")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return Unanswered("closed")
        case aiohttp.ClientOSError() | OSError():
            return Unanswered("reset", getattr(error, "strerror", None) or "")
        case _:
            return Unanswered("protocol", type(error).__name__)


def _said(error: Exception) -> str:
    """Return the reason alone: the whole text of aiohttp's errors names the connection with all that is in it."""
    cause = getattr(error, "os_error", None)
    if isinstance(cause, ssl.SSLError):
        return cause.reason or type(cause).__name__
    if isinstance(cause, OSError) and not isinstance(cause, socket.gaierror) and cause.errno:
        # asyncio's own text for it has the address in it.
        return os.strerror(cause.errno)
    return getattr(cause, "strerror", None) or type(error).__name__


def _certificate(error: Exception) -> str:
    return str(getattr(error, "verify_message", "")) or type(error).__name__
