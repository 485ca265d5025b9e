"""Registered endpoints in Redis."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from otpvoice.adapters.store import Registration, keys
from otpvoice.adapters.store.record import nameable
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.registering import MOST, look_at, registration_in, too_many, written

log = structlog.get_logger(__name__)


class Registers:
    """Registered endpoints; see Registrations."""

    _server: Connection

    async def registered(self, account: str, /) -> Sequence[Registration]:
        """All of an account's, by name; see Registrations. One that can't be read is skipped."""
        if not nameable(account):
            return ()
        kept = await self._server.within_deadline(self._server.redis.hgetall(keys.hooks(account)))
        found = [registration_in(name, text) for name, text in kept.items()]
        readable = [each for each in found if each is not None]
        if len(readable) < len(found):
            log.error("store.registration_unreadable", account=account, registrations=len(found) - len(readable))
        return sorted(readable, key=lambda each: each.name)

    async def register(self, account: str, registration: Registration, /) -> None:
        """Keep one; see Registrations."""
        look_at(account, registration)
        if not await self._server.run("register", account, registration.name, written(registration), MOST):
            raise too_many()

    async def unregister(self, account: str, name: str, /) -> Registration | None:
        """Remove one, and return it; see Registrations. One that can't be read is removed, and was none."""
        if not (nameable(account) and nameable(name)):
            return None
        text = await self._server.run("unregister", account, name)
        return None if text is None else registration_in(name.encode(), text)
