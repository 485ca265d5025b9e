"""The guarded client: one request to a URL that somebody else chose, bounded in every direction.

Redirects are followed one by one, each checked as if it were the first. It repeats nothing that could have an effect,
and shows a URL to nobody.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver

from otpvoice.adapters.outbound.agreed import agreed
from otpvoice.adapters.outbound.answers import FAULTS, Answer, Reason, Unreached, leave, read, reason_of, told
from otpvoice.adapters.outbound.connections import (
    CONNECTIONS,
    CONNECTIONS_PER_HOST,
    Attempt,
    Connections,
    Door,
    current_attempt,
)
from otpvoice.adapters.outbound.handshake import Upgraded, asking_headers, new_key, upgraded
from otpvoice.adapters.outbound.names import Names
from otpvoice.trust.addresses import UrlAllow
from otpvoice.trust.urls import BadUrl, Target, check_target, read_location, read_url

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CARRIED_ON: Final = frozenset({"accept", "if-none-match", "if-modified-since"})
"""Headers that another URL may see, too. None of them says who asks."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
SOCKETS: Final = 4096
"""WebSockets at once, for each of the three doors, to whatever hosts. They last as long as calls do."""


class GuardedClient:
    """Asks URLs of other people. ``resolver`` and ``tls`` None: the system's names and certificates.

    ``connections`` at once for each kind of URL, ``per_host`` of them to one host; who asks more waits. WebSockets are
    counted apart, so that calls that talk keep no webhook waiting.
    """

    def __init__(
        self,
        allow: UrlAllow,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = CONNECTIONS,
        per_host: int = CONNECTIONS_PER_HOST,
    ) -> None:
        self._allow = allow
        resolver = resolver or Names()
        self._connections = Connections(allow, resolver, tls, most=connections, per_host=per_host)
        self._sockets = Connections(allow, resolver, tls, most=SOCKETS, per_host=0)

    def check(self, url: str, *, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
        """Return why a URL can't be asked, as the end of a sentence that repeats none of it; None: it may be tried.

        No name is looked up: where one leads is seen when it is connected to.
        """
        try:
            target = read_url(url, schemes)
            agreed(target)
            check_target(target, self._allow)
        except BadUrl as bad:
            return str(bad)
        return None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float,
        most: int = 65_536,
        trusted: bool = False,
    ) -> Answer:
        """Send ``body``, once, and return the answer, redirects among them, with at most ``most`` bytes of its body.

        An answer that has begun counts, also when its body does not come whole within ``seconds``; it is ``cut`` then.
        ``trusted``: the URL is the admin's own, and may lead anywhere. Raises ``Unreached``.
        """
        attempt = Attempt()
        before = current_attempt.set(attempt)
        try:
            async with asyncio.timeout(seconds):
                target, door = self._first(url, trusted)
                response = await self._request("POST", target, door, headers=headers, body=body)
                attempt.answer = response
                try:
                    whole = await read(response, attempt.body, most)
                finally:
                    leave(response)
        except FAULTS as fault:
            reason = reason_of(fault)
        else:
            return told(response, attempt.body[:most], cut=not whole)
        finally:
            current_attempt.reset(before)
        # Outside of the handler: as its context, what was caught would carry the URL along.
        if attempt.answer is not None:
            return told(attempt.answer, attempt.body[:most], cut=True)
        raise Unreached(reason, sent=attempt.sent)

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        *,
        seconds: float,
        most: int,
        redirects: int = 3,
        trusted: bool = False,
    ) -> Answer:
        """Return what is there, whole, following that many redirects. Each is checked as if it were the first.

        ``trusted``: as for ``post``; whoever redirects to another host is not trusted with that. Raises ``Unreached``,
        also for more than ``most`` bytes.
        """
        attempt = Attempt()
        before = current_attempt.set(attempt)
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(url, headers, most=most, redirects=redirects, trusted=trusted)
        except FAULTS as fault:
            reason = reason_of(fault)
        finally:
            current_attempt.reset(before)
        raise Unreached(reason, sent=attempt.sent)

    async def websocket(
        self, url: str, headers: Mapping[str, str] = _NO_HEADERS, *, seconds: float, trusted: bool = False
    ) -> Upgraded:
        """Return a connection to a ws or wss URL, after the handshake. Who gets it closes it.

        ``trusted``: as for ``post``. No redirect is followed. Raises ``Unreached``; ``Refused``: the answer is no yes.
        """
        attempt = Attempt()
        before = current_attempt.set(attempt)
        try:
            async with asyncio.timeout(seconds):
                target = read_url(url, ("ws", "wss"))
                key = new_key()
                response = await self._sockets.session(self._door(target, trusted)).request(
                    "GET",
                    agreed(target),
                    headers={**headers, **asking_headers(key)},
                    allow_redirects=False,
                    read_until_eof=False,
                )
        except FAULTS as fault:
            reason = reason_of(fault)
        else:
            return upgraded(response, key)
        finally:
            current_attempt.reset(before)
        raise Unreached(reason, sent=attempt.sent)

    async def close(self) -> None:
        """End all connections. Who waits for an answer gets none."""
        await self._connections.close()
        await self._sockets.close()

    async def _follow(
        self, url: str, headers: Mapping[str, str], *, most: int, redirects: int, trusted: bool
    ) -> Answer:
        target, door = self._first(url, trusted)
        origin = target.origin
        while True:
            response = await self._request("GET", target, door, headers=headers)
            try:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    body = bytearray()
                    if (response.content_length or 0) > most or not await read(response, body, most):
                        raise Unreached("too_large", sent=True)
                    return told(response, body, cut=False)
            finally:
                leave(response)
            if not redirects:
                raise Unreached("redirect", sent=True)
            redirects -= 1
            target = self._redirected(target, location)
            door = self._door(target, trusted=trusted and target.origin == origin)
            headers = {name: value for name, value in headers.items() if name.lower() in _CARRIED_ON}

    def _first(self, url: str, trusted: bool) -> tuple[Target, Door]:
        target = read_url(url)
        return target, self._door(target, trusted)

    def _redirected(self, target: Target, location: str) -> Target:
        try:
            return read_location(target, location)
        except BadUrl as bad:
            reason: Reason = "blocked" if bad.blocked else "redirect"
        raise Unreached(reason, sent=True)

    def _door(self, target: Target, trusted: bool) -> Door:
        if trusted:
            return Door.TRUSTED
        check_target(target, self._allow)
        return Door.NAMED if self._allow.names(target.host) else Door.PUBLIC

    async def _request(
        self,
        method: str,
        target: Target,
        door: Door,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> aiohttp.ClientResponse:
        return await self._connections.session(door).request(
            method,
            agreed(target),
            data=body,
            headers=headers,
            allow_redirects=False,
        )
