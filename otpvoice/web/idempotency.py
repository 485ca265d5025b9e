"""Requests that may be repeated: an ``Idempotency-Key`` places one call, however often it is sent.

It places nothing itself. What a key was used for is the store's to know; here a request claims it, or is answered as
the first one was.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, assert_never

import structlog
from aiohttp import web

from otpvoice.core.idempotency import (
    Claimed,
    Invalid,
    KeyAnswered,
    KeyForgotten,
    KeyInProgress,
    KeyMismatch,
    call_id_of,
    fingerprint_of,
    read_key,
)
from otpvoice.core.outcome import Fault
from otpvoice.core.record import State
from otpvoice.web import problems
from otpvoice.web.asking import asked
from otpvoice.web.auth import Caller
from otpvoice.web.ports import Keys, Store

log = structlog.get_logger(__name__)

HEADER: Final = "Idempotency-Key"
REPLAYED: Final[Mapping[str, str]] = {"Idempotency-Replayed": "true"}
"""Headers of an answer that is the first one's."""
MOST_USES: Final = 400
"""How often one key may stand for another call while the calls are kept: once a day, for a year."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that is being answered.

    ``call_id``, ``token``: of the one call that its key stands for, and of this claim to it; None: it has no key.
    ``answer``: the record with which the first request of its key was answered; then nothing is to be placed.
    """

    call_id: str | None = None
    token: str | None = None
    answer: dict[str, Any] | None = None


class Idempotency:
    """``secret``: what ids and fingerprints are derived with; None: keys are refused. ``store``: where calls are."""

    def __init__(self, keys: Keys, store: Store, secret: bytes | None) -> None:
        self._keys, self._store, self._secret = keys, store, secret

    def key(self, request: web.Request) -> str | None:
        """Return the key of a request, None where it has none. Raises ``Refusal``."""
        given = request.headers.getall(HEADER, [])
        if not given:
            return None
        if self._secret is None:
            raise problems.idempotency_not_supported()
        try:
            return read_key(given[0] if len(given) == 1 else "")
        except Invalid:
            raise problems.idempotency_key_invalid() from None

    @asynccontextmanager
    async def attempt(
        self, caller: Caller, key: str | None, document: Callable[[], Mapping[str, Any]]
    ) -> AsyncIterator[Attempt]:
        """Claim a key for a document, which is not read where there is no key. Raises ``Refusal``.

        Whatever is raised within gives the key back: nothing was placed.
        """
        if key is None:
            yield Attempt()
            return
        # First of all: what was right when it was sent first may be stale by now.
        token = secrets.token_hex(16)
        call_id, answer = await self._claim(caller, key, document(), token)
        try:
            yield Attempt(call_id, token, answer)
        except BaseException:
            if answer is None:
                await self._release(caller, call_id, token)
            raise

    async def _claim(
        self, caller: Caller, key: str, document: Mapping[str, Any], token: str
    ) -> tuple[str, dict[str, Any] | None]:
        secret = self._secret
        assert secret is not None  # noqa: S101 - see ``key``
        # A test key's calls are no others' calls.
        whose = f"{caller.id} test" if caller.test else caller.id
        fingerprint = fingerprint_of(secret, whose, document)
        for use in range(1, MOST_USES + 1):
            call_id = call_id_of(secret, whose, key, use)
            claim = await asked(self._keys.claim(caller.id, call_id, fingerprint, token))
            match claim:
                case Claimed():
                    return call_id, None
                case KeyInProgress():
                    raise problems.idempotency_in_progress()
                case KeyMismatch():
                    raise problems.idempotency_mismatch()
                case KeyAnswered(answer=answer):
                    if answer is None:
                        raise problems.call_erased()
                    if not _given_up(await asked(self._store.get(caller.id, call_id))):
                        return call_id, answer
                case KeyForgotten():
                    continue
                case _:
                    assert_never(claim)
        raise problems.idempotency_mismatch()

    async def _release(self, caller: Caller, call_id: str, token: str) -> None:
        # Where this fails, the key is free again after a minute.
        try:
            await self._keys.release(caller.id, call_id, token)
        except Exception as error:
            whose = {"call": call_id, "account": caller.id}
            log.warning("idempotency.not_released", **whose, error=type(error).__name__)


def _given_up(record: Mapping[str, Any] | None) -> bool:
    """Was the call written down, and given up before it began? Whoever asked for it was told 503, and to come back."""
    if record is None or record["state"] != State.ENDED or record["dialed_at"] is not None:
        return False
    return bool(record["outcome"]["reason"] == Fault.LOST_BEFORE_DIALING)
