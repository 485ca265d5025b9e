"""One POST of one event or message, signed where there are secrets: what a delivery and a question have in common.

It is tried once. Whether again, and what an answer means, is for whoever asked. What goes along in the header
Authorization is opened here, and nothing is posted without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import structlog

from otpvoice.adapters.outbound.answers import Answer
from otpvoice.adapters.sealing import Unsealable
from otpvoice.adapters.webhooks.signing import sign
from otpvoice.trust.authorization import why_not
from otpvoice.trust.signing_secret import WebhookSecret

log = structlog.get_logger(__name__)

LARGEST_ANSWER: Final = 65_536
"""Bytes of an answer's body that are read."""
_HEADERS: Final = {"Content-Type": "application/json"}


class Client(Protocol):
    """What posts. Redirects are answers, and not followed."""

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        /,
        *,
        seconds: float,
        most: int = LARGEST_ANSWER,
        trusted: bool = False,
    ) -> Answer:
        """Return the answer, whatever its status. Raises ``Unreached`` where there was none within ``seconds``."""


Unseal: TypeAlias = Callable[[str, str], str]
"""Opens what an account's endpoint is sent in the header Authorization: the account, the sealed text. Raises
``Unsealable``."""


def nothing_opens(_account: str, _sealed: str, /) -> str:
    """Unseal, where there is no key."""
    raise Unsealable("there is no key")


class AuthUnsealable(Exception):
    """What goes along in the header Authorization can't be opened, or is no value of a header. Nothing was sent."""

    def __init__(self) -> None:
        super().__init__("auth_unsealable")
        self.reason: Final = "auth_unsealable"


@dataclass(frozen=True, slots=True)
class AccountHooks:
    """What an account signs with, the newest secret first, and the endpoints that the administrator configured.

    Without secrets what is posted is not signed.
    """

    secrets: tuple[WebhookSecret, ...] = ()
    trusted: frozenset[str] = frozenset()


async def post(
    client: Client,
    hooks: AccountHooks,
    url: str,
    event_id: str,
    body: bytes,
    *,
    now: float,
    seconds: float,
    authorization: str | None = None,
) -> Answer:
    """Post an event. ``authorization``: the header, in clear. ``now``: Unix seconds, of this attempt.

    Raises ``Unreached``.
    """
    headers = _HEADERS | sign(hooks.secrets, event_id, int(now), body)
    if authorization is not None:
        headers["Authorization"] = authorization
    return await client.post(url, body, headers, seconds=seconds, most=LARGEST_ANSWER, trusted=url in hooks.trusted)


@dataclass(slots=True)
class Poster:
    """Posts for ``accounts``. That something can't be opened is logged once for each endpoint, until it can be."""

    accounts: Mapping[str, AccountHooks]
    client: Client
    unseal: Unseal = nothing_opens
    _closed: set[tuple[str, str]] = field(default_factory=set)

    async def post(
        self, account: str, url: str, event_id: str, body: bytes, *, auth: str | None, now: float, seconds: float
    ) -> Answer:
        """Post an event. ``auth``: sealed; None: nothing goes along. ``now``: Unix seconds, of this attempt.

        Raises ``Unreached``, ``AuthUnsealable``; of an account without webhooks ``KeyError``.
        """
        hooks = self.accounts[account]
        opened = None if auth is None else self._opened(account, url, auth)
        return await post(self.client, hooks, url, event_id, body, now=now, seconds=seconds, authorization=opened)

    def _opened(self, account: str, url: str, auth: str) -> str:
        value: str | None
        try:
            value = self.unseal(account, auth)
        except Unsealable:
            value = None
        if value is None or why_not(value) is not None:
            if (account, url) not in self._closed:
                self._closed.add((account, url))
                log.error("webhook.auth_unsealable", account=account, host=host_of(url))
            raise AuthUnsealable
        self._closed.discard((account, url))
        return value


def host_of(url: str) -> str:
    """Return what a log may show of an endpoint: path, query and user can hold keys."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def shown(url: str) -> str:
    """Return what a person may see of an endpoint: scheme, host, port, and a digest that tells it from others there.

    It is told from a URL by its fragment, which endpoints do not have.
    """
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"?#{digest}"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}#{digest}"
