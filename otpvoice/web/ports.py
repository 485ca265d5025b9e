"""What the doors need of the rest of the program.

A store is asked, never written to: records are written where calls live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.stasis import Trunk


class Store(Protocol):
    """Where records are read. Any exception means that it can't be asked now."""

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """Return a record; None: there is none of that name."""

    async def ping(self) -> None:
        """Return if it takes writes."""


class Instance(Protocol):
    """The switchboard (``stasis.StasisApp``), as each door knows it."""

    @property
    def instance(self) -> str:
        """The name of this process among its kind."""


class Calls(Instance, Protocol):
    """The switchboard, as calls are asked of it."""

    async def place(self, plan: CallPlan, trunk: Trunk, /, *, account: str, door: str) -> dict[str, Any]:
        """Take a call and begin it. Raises ``stasis.NotTaken``: then nobody is rung."""

    async def prepare(self, plan: CallPlan, trunk: Trunk, /, *, account: str, door: str) -> dict[str, Any]:
        """Take a call that waits for a dialplan to come for it. Raises ``stasis.NotTaken``."""

    def find(self, account: str, call_id: str, /) -> CallRecord | None:
        """Return a call that waits or is in progress here, if it is this account's."""

    def hang_up(self, call_id: str, /) -> None:
        """End a call by request."""


class Pool(Protocol):
    """Media legs of a node."""

    @property
    def wedged(self) -> bool:
        """Legs do not come up any more."""

    @property
    def free(self) -> int:
        """Legs that wait."""

    @property
    def taken(self) -> int:
        """Legs that calls have."""


class NodeNamed(Protocol):
    """What a node is called."""

    @property
    def name(self) -> str:
        """The name."""


class Node(Protocol):
    """One Asterisk (``ari.node.AsteriskNode``)."""

    @property
    def settings(self) -> NodeNamed:
        """What it is called."""

    @property
    def connected(self) -> bool:
        """Its events reach us."""

    @property
    def replaced(self) -> bool:
        """Another client has taken over our application."""

    @property
    def reason(self) -> str:
        """Why it is not connected, for people."""

    @property
    def ready(self) -> bool:
        """May a call be placed here?"""

    @property
    def version(self) -> str:
        """Asterisk's."""

    @property
    def pool(self) -> Pool:
        """Its media legs."""


class Nodes(Instance, Protocol):
    """The switchboard, as its health is asked for."""

    @property
    def draining(self) -> bool:
        """No new calls are taken."""

    @property
    def count(self) -> int:
        """Calls in progress."""

    @property
    def nodes(self) -> Sequence[Node]:
        """All Asterisks."""
