"""One signed POST of one event: what a delivery and a question have in common.

It is tried once. Whether again, and what an answer means, is for whoever asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from otpvoice.adapters.outbound.answers import Answer
from otpvoice.adapters.webhooks.signing import sign
from otpvoice.trust.signing_secret import WebhookSecret

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


@dataclass(frozen=True, slots=True)
class AccountHooks:
    """What an account signs with, the newest secret first, and the endpoints that the administrator configured."""

    secrets: tuple[WebhookSecret, ...]
    trusted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.secrets:
            raise ValueError("an account with webhooks has at least one secret")


async def post(
    client: Client, hooks: AccountHooks, url: str, event_id: str, body: bytes, *, now: float, seconds: float
) -> Answer:
    """Post an event. ``now``: Unix seconds, of this attempt. Raises ``Unreached``."""
    headers = _HEADERS | sign(hooks.secrets, event_id, int(now), body)
    return await client.post(url, body, headers, seconds=seconds, most=LARGEST_ANSWER, trusted=url in hooks.trusted)


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
