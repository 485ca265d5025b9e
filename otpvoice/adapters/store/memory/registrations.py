"""Registered endpoints in memory."""

from __future__ import annotations

from collections.abc import Sequence

from otpvoice.adapters.store import Registration
from otpvoice.adapters.store.memory.shelves import Shelves
from otpvoice.adapters.store.registering import MOST, look_at, too_many, written


class Registers(Shelves):
    """Registered endpoints; see Registrations."""

    async def registered(self, account: str, /) -> Sequence[Registration]:
        """All of an account's, by name; see Registrations."""
        hooks = self._shelf(account).hooks
        return [hooks[name] for name in sorted(hooks)]

    async def register(self, account: str, registration: Registration, /) -> None:
        """Keep one; see Registrations."""
        look_at(account, registration)
        written(registration)  # what Redis could not keep is not kept here either
        hooks = self._shelf(account).hooks
        if len(hooks) >= MOST and registration.name not in hooks:
            raise too_many()
        hooks[registration.name] = registration

    async def unregister(self, account: str, name: str, /) -> Registration | None:
        """Remove one, and return it; see Registrations."""
        return self._shelf(account).hooks.pop(name, None)
