"""One question of an interactive plan: a signed POST in line, while somebody listens on the telephone.

It is posted once. A second time only where nothing of the first left this machine, so that no endpoint is ever asked
twice; and never later than the plan waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import structlog

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.webhooks.posting import LARGEST_ANSWER, AccountHooks, Client, host_of, post

log = structlog.get_logger(__name__)

CONNECTION_FAULTS: Final = frozenset({"dns", "connect", "tls", "timeout", "reset", "closed"})
"""After which a second try may fare better; of a URL that is ``blocked`` or bad it can't."""


@dataclass(frozen=True, slots=True)
class Answered:
    """2xx. ``body``: empty where there is nothing more to do."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No answer, or none that counts. ``reason``: ``timeout``, ``http_500``, ``too_large``, ``incomplete``, …"""

    reason: str


Reply: TypeAlias = Answered | NotAnswered


class Asker:
    """Asks the endpoints of ``accounts``. ``clock``: Unix seconds. ``monotonic``: s, any origin, never back."""

    def __init__(
        self,
        accounts: Mapping[str, AccountHooks],
        client: Client,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts, self._client = accounts, client
        self._clock, self._monotonic = clock, monotonic

    async def ask(self, account: str, url: str, event_id: str, body: bytes, seconds: float) -> Reply:
        """Post an asking event and return the reply, within ``seconds``. Of an account without webhooks: KeyError."""
        reply = await self._ask(self._accounts[account], url, event_id, body, seconds)
        if isinstance(reply, NotAnswered):
            log.warning(
                "webhook.not_answered", account=account, webhook=event_id, host=host_of(url), reason=reply.reason
            )
        return reply

    async def _ask(self, hooks: AccountHooks, url: str, event_id: str, body: bytes, seconds: float) -> Reply:
        deadline = self._monotonic() + seconds
        try:
            try:
                return _reply(await self._post(hooks, url, event_id, body, seconds))
            except Unreached as fault:
                left = deadline - self._monotonic()
                if fault.sent or fault.reason not in CONNECTION_FAULTS or left <= 0:
                    raise
                return _reply(await self._post(hooks, url, event_id, body, left))
        except Unreached as fault:
            return NotAnswered(fault.reason)

    async def _post(self, hooks: AccountHooks, url: str, event_id: str, body: bytes, seconds: float) -> Answer:
        return await post(self._client, hooks, url, event_id, body, now=self._clock(), seconds=seconds)


def _reply(answer: Answer) -> Reply:
    if not 200 <= answer.status < 300:
        return NotAnswered(f"http_{answer.status}")
    if answer.cut:
        # Half of an answer is none, whatever was in it.
        return NotAnswered("too_large" if len(answer.body) >= LARGEST_ANSWER else "incomplete")
    return Answered(answer.body)
