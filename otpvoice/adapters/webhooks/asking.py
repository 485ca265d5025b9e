"""One question of an interactive plan: a POST in line, while somebody listens on the telephone.

It is posted once. A second time only where nothing of the first left this machine, so that no endpoint is ever asked
twice; and never later than the plan waits.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

import structlog

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.webhooks.posting import (
    LARGEST_ANSWER,
    AccountHooks,
    AuthUnsealable,
    Client,
    Poster,
    Unseal,
    host_of,
    nothing_opens,
)

log = structlog.get_logger(__name__)

CONNECTION_FAULTS: Final = frozenset({"dns", "connect", "tls", "timeout", "reset", "closed"})
"""After which a second try may fare better; of a URL that is ``blocked`` or bad it can't."""


@dataclass(frozen=True, slots=True)
class Answered:
    """2xx. ``body``: empty where there is nothing more to do."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No answer, or none that counts. ``reason``: ``timeout``, ``http_500``, ``too_large``, ``auth_unsealable``, …"""

    reason: str


Reply: TypeAlias = Answered | NotAnswered


class Asker:
    """Asks the endpoints of ``accounts``. ``clock``: Unix seconds. ``monotonic``: s, any origin, never back.

    ``unseal`` opens what goes along in the header Authorization.
    """

    def __init__(
        self,
        accounts: Mapping[str, AccountHooks],
        client: Client,
        *,
        unseal: Unseal = nothing_opens,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poster = Poster(accounts, client, unseal)
        self._clock, self._monotonic = clock, monotonic

    async def ask(
        self, account: str, url: str, event_id: str, body: bytes, seconds: float, *, auth: str | None = None
    ) -> Reply:
        """Post an asking event and return the reply, within ``seconds``. Of an account without webhooks: KeyError.

        ``auth``: what goes along in the header Authorization, sealed; None: nothing.
        """
        reply = await self._ask(partial(self._post, account, url, event_id, body, auth=auth), seconds)
        if isinstance(reply, NotAnswered):
            log.warning(
                "webhook.not_answered", account=account, webhook=event_id, host=host_of(url), reason=reply.reason
            )
        return reply

    async def _ask(self, post: Callable[[float], Awaitable[Reply]], seconds: float) -> Reply:
        deadline = self._monotonic() + seconds
        try:
            try:
                return await post(seconds)
            except Unreached as fault:
                left = deadline - self._monotonic()
                if fault.sent or fault.reason not in CONNECTION_FAULTS or left <= 0:
                    raise
                return await post(left)
        except (Unreached, AuthUnsealable) as fault:
            return NotAnswered(fault.reason)

    async def _post(
        self, account: str, url: str, event_id: str, body: bytes, seconds: float, *, auth: str | None
    ) -> Reply:
        posting = self._poster.post(account, url, event_id, body, auth=auth, now=self._clock(), seconds=seconds)
        return _reply(await posting)


def _reply(answer: Answer) -> Reply:
    if not 200 <= answer.status < 300:
        return NotAnswered(f"http_{answer.status}")
    if answer.cut:
        # Half of an answer is none, whatever was in it.
        return NotAnswered("too_large" if len(answer.body) >= LARGEST_ANSWER else "incomplete")
    return Answered(answer.body)
