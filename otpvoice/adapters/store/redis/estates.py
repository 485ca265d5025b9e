"""Calls that a former life left behind, in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otpvoice.adapters.store import Inherited, Owner, StoreUnavailable, keys
from otpvoice.adapters.store.owning import A_WHILE, written
from otpvoice.adapters.store.record import decode, nameable
from otpvoice.adapters.store.redis.connection import Connection

_AT_ONCE: Final = 200
"""So many calls are looked at in one script, which holds the server up for less than a millisecond."""


class Inheritance:
    """The calls of others; see Estates."""

    _server: Connection
    _ttl_ms: int
    _owner: Owner

    async def left_behind(self, account: str, /, *, ours: bool) -> Sequence[str]:
        """The account's calls whose owner will not see their end; see Estates."""
        if not nameable(account):
            return ()
        ids = await self._server.within_deadline(self._server.redis.zrange(keys.live(account), 0, -1))
        found: list[bytes] = []
        for first in range(0, len(ids), _AT_ONCE):
            some = ids[first : first + _AT_ONCE]
            found += await self._server.run("left_behind", account, written(self._owner), int(ours), *some)
        names = [each.decode(errors="replace") for each in found]
        return [name for name in names if nameable(name)]

    async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
        """Take a call over; see Estates."""
        if not (nameable(account) and nameable(call_id)):
            return None
        taken = await self._server.run("adopt", account, call_id, written(self._owner), self._ttl_ms, A_WHILE)
        if not taken:
            return None
        text, events, telling, plan = taken
        record = decode(text)
        if record is None:
            raise StoreUnavailable("unreadable_record")
        return Inherited(record, events, telling, plan)
