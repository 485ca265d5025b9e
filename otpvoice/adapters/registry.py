"""The endpoints that accounts have registered, and what goes along to each in the header Authorization.

That is sealed before it is kept, for its account alone. It looks at no URL: what may be asked, and which names there
are, is for the door to say.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from otpvoice.adapters.sealing import Sealer, Unsealable
from otpvoice.adapters.store.registrations import Registration, Registrations
from otpvoice.core.plan import Hook
from otpvoice.core.secret import Secret
from otpvoice.trust.authorization import why_not

BOUND_TO: Final = "hook:"
"""And the account: nobody else's headers can be opened with what one has got hold of in Redis."""


class CannotSeal(ValueError):
    """What goes along in the header Authorization can't be kept: there is no key that seals it."""

    def __init__(self) -> None:
        super().__init__("OTPVOICE_SECRET_KEY is needed to keep what is sent in the header Authorization")


class BadAuth(ValueError):
    """No header has this value. Its message is the end of a sentence, and repeats none of it."""


class Endpoints(Registrations, Protocol):
    """Where they are kept, and whether anything is sent there (``store.ports.Outbox``)."""

    async def enable(self, account: str, endpoint: str, /) -> bool:
        """Send there again. False: it was not disabled."""


@dataclass(frozen=True, slots=True)
class Registry:
    """``sealer`` None: there is no key, and endpoints can be registered without a header only.

    All that asks the store raises ``StoreUnavailable``.
    """

    registrations: Endpoints
    sealer: Sealer | None = None

    @property
    def seals(self) -> bool:
        """Can a header be kept?"""
        return self.sealer is not None

    async def hooks(self, account: str, /) -> Mapping[str, Hook]:
        """Return by name where an account is told now: what is enabled, as calls carry it."""
        return {
            one.name: Hook(one.name, one.url, one.auth)
            for one in await self.registrations.registered(account)
            if one.enabled
        }

    async def listed(self, account: str, /) -> Sequence[Registration]:
        """Return all that an account has registered, by name."""
        return await self.registrations.registered(account)

    async def register(
        self, account: str, name: str, url: str, auth: Secret | None = None, *, enabled: bool = True
    ) -> Registration:
        """Keep an endpoint, in place of the one of that name, and return it.

        One that had answered 410, so that nothing was sent there any more, is sent to again.
        ``auth``: the whole value of the header Authorization. Raises ``BadAuth``; ``CannotSeal``; and ``ValueError``
        for what the store does not keep, as a fifty-first.
        """
        one = Registration(name, url, None if auth is None else self._sealed(account, auth.reveal()), enabled)
        await self.registrations.register(account, one)
        if enabled:
            # Whoever registers it wants to be told there, whatever it said before.
            await self.registrations.enable(account, url)
        return one

    async def remove(self, account: str, name: str, /) -> Registration | None:
        """Forget an endpoint, and return what it was; None: there was none of that name."""
        return await self.registrations.unregister(account, name)

    def unseal(self, account: str, sealed: str, /) -> str:
        """Return what goes along in the header Authorization. Raises ``Unsealable``."""
        try:
            there = base64.b64decode(sealed.encode(), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            there = b""
        if self.sealer is None:
            raise Unsealable("there is no key")
        # Only what was ASCII has ever been sealed here.
        return self.sealer.open(f"{BOUND_TO}{account}", there).decode("ascii", "replace")

    def _sealed(self, account: str, value: str) -> str:
        wrong = why_not(value)
        if wrong is not None:
            raise BadAuth(wrong)
        if self.sealer is None:
            raise CannotSeal
        return base64.b64encode(self.sealer.seal(f"{BOUND_TO}{account}", value.encode("ascii"))).decode("ascii")
