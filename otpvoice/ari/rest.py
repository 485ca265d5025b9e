"""ARI's REST half over a pool of keep-alive connections, with every error typed.

It never repeats a request: whether that is safe is known only by whoever asked. (aiohttp does once where a kept
connection turns out to be closed, but never a POST: ``IDEMPOTENT_METHODS``. Redirects it may not follow.) REST goes
over HTTP and not over the events socket, because there one request at a time is answered and several of them wait for
the channel (``res/ari/ari_websockets.c``, ``res/stasis/control.c``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson
from yarl import URL

from otpvoice.ari import errors

TIMEOUT: Final = 5.0
"""Seconds for an answer. All verbs used here are answered in milliseconds; ``externalMedia`` has its own limit."""
KEEP_ALIVE: Final = 10.0
"""Seconds an idle connection is kept: less than Asterisk's own ``session_keep_alive`` of 15 s by default."""


CONNECTIONS: Final = 64
"""REST requests under way at once; Asterisk has one thread for each."""


def new_http(user: str, password: str, connections: int = CONNECTIONS) -> aiohttp.ClientSession:
    """Return an HTTP session for one Asterisk: pool, credentials, no proxies, no cookies. 0 connections: no limit."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE),
        headers={"Authorization": aiohttp.encode_basic_auth(user, password)},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class AriRest:
    """Requests to one Asterisk. ``base``: ``http://host:port``."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._base = base.rstrip("/") + "/ari/"

    async def get(self, path: str, *, within: float = TIMEOUT) -> Any:
        """Return the JSON at ``path``, for instance ``channels/ID``."""
        return await self._request("GET", path, within=within)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, within: float = TIMEOUT) -> Any:
        """Create or command. Returns the answer's JSON, or None."""
        return await self._request("POST", path, body, within=within)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Replace. Returns the answer's JSON, or None."""
        return await self._request("PUT", path, body)

    async def delete(self, path: str) -> bool:
        """End or destroy. Something that is gone already is no error, that is what was wanted: it returns False."""
        try:
            await self._request("DELETE", path)
        except errors.ChannelGone:
            return False
        return True

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, within: float = TIMEOUT
    ) -> Any:
        """The one seam through which every request goes."""
        data = None if body is None else orjson.dumps(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        url = URL(self._base + path, encoded=True)
        told = f"{method} {path.partition('?')[0]}"  # what is asked for may be a secret
        # Half of the time for a connection: who gets none in it knows that nothing was sent.
        patience = aiohttp.ClientTimeout(connect=within / 2)
        try:
            async with asyncio.timeout(within):
                async with self._http.request(
                    method, url, data=data, headers=headers, timeout=patience, allow_redirects=False
                ) as response:
                    content = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise errors.Unreachable(f"{told}: {type(error).__name__}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise errors.AnswerLost(f"{told}: {type(error).__name__}") from error
        if response.status >= 400:
            raise _refusal(told, response.status, content, created=method == "POST")
        if response.status >= 300:
            # Of Asterisk's doing is none; and who followed one would send an order a second time.
            raise errors.AnswerLost(f"{told}: {response.status}")
        try:
            return orjson.loads(content) if content else None
        except ValueError:
            raise errors.AnswerLost(f"{told}: {response.status}, and no JSON") from None


def _refusal(told: str, status: int, content: bytes, *, created: bool) -> errors.AriError:
    reason = _reason(content)
    match status:
        case 503 if reason == "Asterisk not booted" or b"Shutdown in progress" in content:
            return errors.NotBooted(f"503 {reason}")
        case 502 | 503 | 504:
            return errors.AnswerLost(f"{told}: {status}")  # of a proxy, which may have passed it on
        case 404:
            return errors.ChannelGone(status, reason)
        case 409 if created and "exist" in reason.lower():
            return errors.DuplicateId(status, reason)
        case 409 | 422:
            return errors.NotInStasis(status, reason)
        case 500 if reason == "Allocation failed":
            return errors.EndpointMissing(status, reason)
        case _:
            return errors.Refused(status, reason)


def _reason(content: bytes) -> str:
    """Asterisk says it under ``message``; for a failed allocation under ``error``."""
    try:
        answer = orjson.loads(content)
        return str(answer.get("message") or answer.get("error") or "")
    except (ValueError, AttributeError):
        return ""
