"""What was told, read from Redis: the account's stream, and one call's part of it by the call's trail."""

from __future__ import annotations

from collections.abc import Sequence

from otpvoice.adapters.store import Told, keys
from otpvoice.adapters.store.position import BEGINNING, place
from otpvoice.adapters.store.record import nameable
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.store.redis.tail import Tail


class Following:
    """The events; see Events."""

    _server: Connection
    _tail: Tail

    async def after(
        self, account: str, position: str | None, /, *, call_id: str | None = None, limit: int = 100
    ) -> Sequence[Told]:
        """The next events after a position; see Events."""
        at, nth = place(BEGINNING if position is None else position)
        if not nameable(account) or (call_id is not None and not nameable(call_id)):
            return ()
        if call_id is not None:
            entries = await self._server.run("told", account, call_id, at, nth, limit)
            return [_told(entry, dict(zip(it[::2], it[1::2], strict=True))) for entry, it in entries]
        stream = await self._server.within_deadline(
            self._server.redis.xrange(keys.events(account), min=f"({at}-{nth}", count=limit)
        )
        return [_told(entry, fields) for entry, fields in stream]

    async def position(self, account: str, event_id: str, /) -> str | None:
        """The position of an event; see Events."""
        if not (nameable(account) and nameable(event_id)):
            return None
        entry = await self._server.within_deadline(self._server.redis.get(keys.event(account, event_id)))
        return None if entry is None else str(entry, "ascii")

    async def latest(self, account: str, /) -> str:
        """The position behind the newest event; see Events."""
        if not nameable(account):
            return BEGINNING
        newest = await self._server.within_deadline(self._server.redis.xrevrange(keys.events(account), count=1))
        return str(newest[0][0], "ascii") if newest else BEGINNING

    async def wait(self, account: str, position: str, seconds: float, /) -> bool:
        """Wait until there is an event behind this position; see Events."""
        return await self._tail.wait(account, place(position), seconds)


def _told(entry: bytes, fields: dict[bytes, bytes]) -> Told:
    return Told(entry.decode(), fields[b"id"].decode(), fields[b"type"].decode(), fields[b"body"])
