"""What is asked when somebody scrapes, as this room sees it: gauges of the others, none of which waits.

The others know nothing of this room; ``service`` hands them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from otpvoice.core.media import StreamReport
from otpvoice.core.record import CallRecord


class Pool(Protocol):
    """Media legs of an Asterisk (``ari.pool.LegPool``)."""

    wedged: bool
    not_made: int

    @property
    def free(self) -> int: ...
    @property
    def taken(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def limit(self) -> int: ...


class Named(Protocol):
    """What a node is called: the URL of its HTTP server."""

    @property
    def name(self) -> str: ...


class Node(Protocol):
    """One Asterisk (``ari.node.AsteriskNode``)."""

    replaced: bool
    connections: int

    @property
    def connected(self) -> bool: ...
    @property
    def settings(self) -> Named: ...
    @property
    def pool(self) -> Pool: ...


class Switchboard(Protocol):
    """All calls (``stasis.StasisApp``)."""

    @property
    def draining(self) -> bool: ...
    @property
    def nodes(self) -> Sequence[Node]: ...
    @property
    def records_in_progress(self) -> Iterable[CallRecord]: ...


class Pace(Protocol):
    """One trunk (``stasis.Pace``)."""

    @property
    def waiting(self) -> int: ...
    @property
    def in_progress(self) -> int: ...


class Writes(Protocol):
    """Records on their way to the store (``adapters.store.writer.KeptWrites``)."""

    dropped: int

    @property
    def pending(self) -> int: ...


class Streams(Protocol):
    """Streams of calls' audio (``adapters.streams.Streams``)."""

    @property
    def reports(self) -> Iterable[StreamReport]: ...


class Speech(Protocol):
    """All that makes speech (``adapters.speech.house.SpeechHouse``)."""

    @property
    def kept(self) -> Mapping[str, int]: ...
    @property
    def left_alone(self) -> Mapping[str, bool]: ...


class Depth(Protocol):
    """How much is in the outbox."""

    @property
    def on_their_way(self) -> int: ...
    @property
    def dead(self) -> int: ...


class Store(Protocol):
    """The store and its outbox; both may be away, or may not answer at all."""

    async def ping(self) -> None: ...
    async def depth(self, account: str, /) -> Depth: ...


class Attempt(Protocol):
    """An attempt to deliver a webhook (``adapters.webhooks.attempts.Attempt``)."""

    @property
    def made(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def lag(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class House:
    """All that is asked. ``paces``: of the trunks, by name; ``posting``: accounts that have an outbox."""

    switchboard: Switchboard
    paces: Mapping[str, Pace]
    writes: Writes
    streams: Streams
    store: Store
    posting: Sequence[str]
    speech: Speech
