"""From an order to a connection: the question over https, the handshake, and one more try where that may help.

Everything goes through the guarded client, and all of it has one time limit. What it says of a failure is a word, never
the URL.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlencode

import orjson

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.outbound.handshake import Refused, Upgraded
from otpvoice.adapters.streams.credentials import BadCredentials, auth_headers, without_user
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.ports import Asks
from otpvoice.core.actions import BasicAuth, BearerAuth, Stream, StreamAuth
from otpvoice.media.streams.wanted_rate import rate_in
from otpvoice.media.streams.words import Facts, Format
from otpvoice.trust.urls import BadUrl, read_url

_FINAL: Final = frozenset({"blocked", "bad_url", "redirect", "too_large", "bad_answer", "bad_auth"})
"""Words for what a second try does not mend."""
_PASSING: Final = frozenset({408, 425, 429})
"""Of the 4xx, those that may be another a moment later. All the others (401, 403, 404, …) were meant."""


class Client(Protocol):
    """The guarded client."""

    async def get(
        self, url: str, headers: Mapping[str, str], /, *, seconds: float, most: int, redirects: int, trusted: bool
    ) -> Answer: ...
    async def websocket(
        self, url: str, headers: Mapping[str, str], /, *, seconds: float, trusted: bool
    ) -> Upgraded: ...


class NotConnected(Exception):
    """There is no connection. ``word``: why. ``final``: another try will not fare better."""

    def __init__(self, word: str, *, final: bool) -> None:
        super().__init__(word)
        self.word, self.final = word, final


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connection, and the host at its end. ``rate``, in Hz: what an answered URL asks for; None: nothing."""

    connection: Upgraded
    host: str
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """Where to, what to show there, and whether it may lead anywhere. ``rate`` as in ``Dialled``."""

    url: str = field(repr=False)
    auth: StreamAuth | None
    trusted: bool
    rate: int | None = None


class Dialler:
    """Connects. ``clock``: Unix seconds, signed with."""

    def __init__(
        self, client: Client, timings: Timings, limits: Limits, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._client, self._timings, self._limits, self._clock = client, timings, limits, clock

    async def dial(
        self, order: Stream, how: Format, facts: Facts, *, tries: int = 2, until: float = math.inf
    ) -> Dialled:
        """Return a connection within the format's time, whatever that needs. Raises ``NotConnected``.

        ``until``: the event loop's time that it takes at most.
        """
        loop = asyncio.get_running_loop()
        within = how.connect_within if self._timings.connecting is None else self._timings.connecting
        deadline = min(until, loop.time() + within)
        while True:
            tries -= 1
            fault = await self._dial(order, how, facts, deadline)
            if isinstance(fault, Dialled):
                return fault
            pause = self._timings.second_try
            if fault.final or not tries or loop.time() + pause >= deadline:
                raise fault
            await asyncio.sleep(pause)

    async def _dial(self, order: Stream, how: Format, facts: Facts, deadline: float) -> Dialled | NotConnected:
        """Try once. The fault is returned: with what caught it as its context, it would carry the URL along."""
        now = asyncio.get_running_loop().time
        word: str
        try:
            way = _Way(order.url, order.auth, order.trusted)
            if how.asks_by_https and way.url[:6].lower() == "https:":
                way = await self._ask(order, how, facts, deadline - now())
            # Signed as it is dialled: read once more, and written the one way it has.
            target = read_url(way.url, ("ws", "wss"))
            headers = auth_headers(way.auth, target.url, self._clock())
            connection = await self._client.websocket(
                target.url, headers, seconds=deadline - now(), trusted=way.trusted
            )
            return Dialled(connection, target.host.strip("[]"), way.rate)
        except Unreached as unreached:
            word = unreached.reason
        except BadUrl:
            word = "bad_url"
        except BadCredentials:
            word = "bad_auth"
        except Refused as refused:
            if refused.redirects:
                word = "redirect"
            elif refused.status is None:
                word = "protocol"
            else:
                return NotConnected(f"http_{refused.status}", final=_meant(refused.status))
        except NotConnected as fault:
            return fault
        return NotConnected(word, final=word in _FINAL)

    async def _ask(self, order: Stream, how: Format, facts: Facts, seconds: float) -> _Way:
        """Return the way to go; only whom we asked may lead it anywhere, as the URL asked may.

        It is encrypted, wherever it leads, as the question was: what is shown and said there is not less secret.
        """
        asked = read_url(_with_query(order.url, how.query(facts) if isinstance(how, Asks) else {}), ("https",))
        headers = {"Accept": "application/json"} | auth_headers(order.auth, asked.url, self._clock())
        most = self._limits.answer
        answer = await self._client.get(
            asked.url, headers, seconds=seconds, most=most, redirects=0, trusted=order.trusted
        )
        if answer.status != 200:
            raise NotConnected(f"http_{answer.status}", final=_meant(answer.status))
        url, user = without_user(_url_in(answer.body))
        target = read_url(url, ("wss",))
        same = (target.host, target.port) == (asked.host, asked.port)
        auth = user or order.auth
        if not same and user is None and isinstance(auth, BasicAuth | BearerAuth):
            auth = None  # meant for whom we asked; a signature tells nobody else anything
        try:
            rate = rate_in(target.url, how)
        except ValueError as error:
            raise BadUrl(str(error)) from None
        return _Way(url, auth, order.trusted and same, rate)


def _meant(status: int) -> bool:
    return status < 500 and status not in _PASSING


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    if not parameters:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def _url_in(body: bytes) -> str:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    url = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(url, str):
        raise NotConnected("bad_answer", final=True)
    return url
