"""What the doors need of the rest of the program.

Records are written where calls live; here they are read, or erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from otpvoice.core.idempotency import Claim
from otpvoice.core.outcome import Fault
from otpvoice.core.plan import CallPlan, Hook
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import Secret
from otpvoice.stasis import Trunk


class Pingable(Protocol):
    """A store, as its health is asked for."""

    async def ping(self) -> None:
        """Return if it takes writes."""


class Page(Protocol):
    """Some records, newest first."""

    @property
    def records(self) -> Sequence[dict[str, Any]]:
        """The records."""

    @property
    def next_cursor(self) -> str | None:
        """What to ask on with; None: that was all."""


class Store(Pingable, Protocol):
    """Where records are read. Any exception but ValueError means that it can't be asked now."""

    async def get(self, account: str, call_id: str, /) -> dict[str, Any] | None:
        """Return a record; None: there is none of that name."""

    async def page(self, account: str, /, *, limit: int, cursor: str | None = None, state: str | None = None) -> Page:
        """Return calls, newest first. ValueError: a cursor that is none."""

    async def erase(self, account: str, call_id: str, /) -> str:
        """Forget a call that ended: ``done``, ``unknown``, ``in_progress``."""


class Keys(Protocol):
    """Which idempotency keys were used; a key is known by the id of the call that it stands for."""

    async def claim(self, account: str, call_id: str, fingerprint: str, token: str, /) -> Claim:
        """Claim a key for a request."""

    async def release(self, account: str, call_id: str, token: str, /) -> None:
        """Give it back: nothing came of it."""


class Told(Protocol):
    """An event as it is read. ``position``: what to go on after. ``body``: the envelope, JSON."""

    @property
    def position(self) -> str:
        """Its place in the account's stream."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def type(self) -> str:
        """Its type."""

    @property
    def body(self) -> bytes:
        """All of it."""


class Events(Protocol):
    """What was told of an account's calls. Any exception means that it can't be asked now."""

    async def after(
        self, account: str, position: str | None, /, *, call_id: str | None = None, limit: int = 100
    ) -> Sequence[Told]:
        """Return the next events behind a position, of all calls or of one."""

    async def position(self, account: str, event_id: str, /) -> str | None:
        """Return the position of an event; None: it is not known (any more)."""

    async def latest(self, account: str, /) -> str:
        """Return the position behind the newest event."""

    async def wait(self, account: str, position: str, seconds: float, /) -> bool:
        """Wait until there is an event behind a position. False: there was none within the time."""


class Instance(Protocol):
    """The switchboard (``stasis.StasisApp``), as each door knows it."""

    @property
    def instance(self) -> str:
        """The name of this process among its kind."""


class Calls(Instance, Protocol):
    """The switchboard, as calls are asked of it."""

    def check_strength(self) -> None:
        """Raise ``NotTaken`` when a call that is asked for now is not even to be looked at."""

    async def place(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Take a call and begin it. Raises ``stasis.NotTaken``: then nobody is rung."""

    async def rehearse(
        self, plan: CallPlan, *, account: str, door: str, call_id: str | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Take a call that rings nobody, and begin it. Raises ``stasis.NotTaken``."""

    async def prepare(
        self,
        plan: CallPlan,
        trunk: Trunk,
        *,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
    ) -> dict[str, Any]:
        """Take a call that waits for a dialplan to come for it. Raises ``stasis.NotTaken``."""

    async def refuse(
        self,
        plan: CallPlan,
        *,
        fault: Fault,
        account: str,
        door: str,
        call_id: str | None = None,
        token: str | None = None,
        test: bool = False,
    ) -> dict[str, Any]:
        """Take a call that must not begin, and end it at once. Raises ``stasis.NotTaken``."""

    def find(self, account: str, call_id: str, /) -> CallRecord | None:
        """Return a call that waits or is in progress here, if it is this account's."""

    def hang_up(self, call_id: str, /) -> None:
        """End a call by request."""


class Registered(Protocol):
    """An endpoint that an account has registered. ``auth``: sealed; None: nothing goes along."""

    @property
    def name(self) -> str:
        """What it is registered as."""

    @property
    def url(self) -> str:
        """Where."""

    @property
    def auth(self) -> str | None:
        """What goes along in the header Authorization."""

    @property
    def enabled(self) -> bool:
        """Is anything sent there?"""


class Registry(Protocol):
    """The endpoints that accounts have registered. Any exception but ValueError means that it can't be asked now."""

    @property
    def seals(self) -> bool:
        """Can it keep what goes along in the header Authorization?"""

    async def hooks(self, account: str, /) -> Mapping[str, Hook]:
        """Return by name where an account is told: all that is enabled."""

    async def listed(self, account: str, /) -> Sequence[Registered]:
        """Return all that an account has registered."""

    async def register(
        self, account: str, name: str, url: str, auth: Secret | None = None, *, enabled: bool = True
    ) -> Registered:
        """Keep one in place of the one of that name. ValueError: it is none that is kept; the message may be shown."""

    async def remove(self, account: str, name: str, /) -> Registered | None:
        """Forget one, and return it; None: there was none of that name."""


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
    def version(self) -> str:
        """Asterisk's."""

    @property
    def pool(self) -> Pool:
        """Its media legs."""


class Counts(Protocol):
    """Who counts requests (``metrics.Metrics``)."""

    def answered(self, method: str, route: str, status: int, seconds: float | None, /) -> None:
        """A request is over. ``seconds`` None: its answer was a stream, which takes as long as somebody reads it."""

    def refused(self, door: str, reason: str, /) -> None:
        """A call was asked for at this door, and not taken."""


class Exposition(Protocol):
    """What is measured, as it is told (``metrics.Metrics``)."""

    async def expose(self, accept: str, /) -> tuple[bytes, str]:
        """Return a text, and its content type, by what the client would take (``Accept``)."""


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
