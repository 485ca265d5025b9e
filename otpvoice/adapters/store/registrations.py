"""Endpoints that an account has registered over HTTP, by the name of what is told there.

It names the port and its words, as ``ports`` does for all else, and opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Registration:
    """One endpoint. ``name``: of what is told there; an account has one of each name at most.

    ``auth``: what is sent along in the header Authorization, sealed; None: nothing. ``enabled``: false keeps it, and
    nothing is sent.
    """

    name: str
    url: str = field(repr=False)  # it may hold a token
    auth: str | None = field(default=None, repr=False)
    enabled: bool = True


class Registrations(Protocol):
    """Registered endpoints, kept until they are removed. Any fault is ``StoreUnavailable``.

    What nobody of ours has written is none: it is not returned, and may be replaced and removed.
    """

    async def registered(self, account: str, /) -> Sequence[Registration]:
        """Return all of an account's, by name."""

    async def register(self, account: str, registration: Registration, /) -> None:
        """Keep one, in place of the one of that name.

        ValueError: its name can be part of no key (1 to 128 visible characters, no braces), it has no URL, or the
        account has 50 others already.
        """

    async def unregister(self, account: str, name: str, /) -> Registration | None:
        """Remove one, and return it; None: there was none of that name."""
