"""What is asked of the house when somebody scrapes: nothing of it is counted here, and nothing waits.

What the store has to be asked for is asked before (``store``), and only told here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from otpvoice.core.readiness import why_not_ready
from otpvoice.metrics import catalogue
from otpvoice.metrics.catalogue import Measured
from otpvoice.metrics.instruments import family
from otpvoice.metrics.ports import House, Node
from otpvoice.metrics.store import StoreState

_Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]


class Gauges(Collector):
    """``version``: otpvoice's. ``store``: what is known of the store now."""

    def __init__(self, house: House, version: str, store: Callable[[], StoreState]) -> None:
        self._house, self._version, self._store = house, version, store

    def describe(self) -> Iterator[Metric]:
        """Return the families, empty."""
        named = (catalogue.BUILD, catalogue.CALLS_IN_PROGRESS, catalogue.TRUNK_QUEUE, catalogue.TRUNK_CALLS)
        nodes = (*_OF_NODE, catalogue.MEDIA_LEGS)
        others = (catalogue.SPEECH_CACHE_BYTES, catalogue.SPEECH_ENGINE_OPEN, catalogue.LOOP_TASKS)
        yield from (family(measured, ()) for measured in (*named, *_SINGLE, *nodes, *others, *_OF_STORE))

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        house = self._house
        yield family(catalogue.BUILD, [((self._version,), 1)])
        for measured, single in _SINGLE.items():
            yield family(measured, [((), single(house))])
        states: Counter[str] = Counter(
            record.state for record in house.switchboard.records_in_progress if not record.test
        )
        # A call that has just ended may be in the switchboard for a moment.
        yield family(catalogue.CALLS_IN_PROGRESS, [((state,), states[state]) for state in catalogue.STATE.values])
        yield family(catalogue.TRUNK_QUEUE, [((name,), pace.waiting) for name, pace in house.paces.items()])
        yield family(catalogue.TRUNK_CALLS, [((name,), pace.in_progress) for name, pace in house.paces.items()])
        nodes = [(host_of(node.settings.name), node) for node in house.switchboard.nodes]
        for measured, of_node in _OF_NODE.items():
            yield family(measured, [((name,), of_node(node)) for name, node in nodes])
        yield family(catalogue.MEDIA_LEGS, _legs(nodes))
        yield family(catalogue.SPEECH_CACHE_BYTES, [((where,), size) for where, size in house.speech.kept.items()])
        yield family(
            catalogue.SPEECH_ENGINE_OPEN, [((engine,), is_open) for engine, is_open in house.speech.left_alone.items()]
        )
        yield family(catalogue.LOOP_TASKS, [((), tasks())])
        known = self._store()
        for measured, of_store in _OF_STORE.items():
            number = of_store(known)
            yield family(measured, [] if number is None else [((), number)])


_SINGLE: Final[dict[Measured, Callable[[House], float]]] = {
    catalogue.DRAINING: lambda house: house.switchboard.draining,
    catalogue.STORE_WRITES_PENDING: lambda house: house.writes.pending,
    catalogue.STORE_RECORDS_DROPPED: lambda house: house.writes.dropped,
}
_OF_STORE: Final[dict[Measured, Callable[[StoreState], float | None]]] = {
    catalogue.STORE_UP: lambda store: store.up,
    catalogue.WEBHOOKS_PENDING: lambda store: store.pending,
    catalogue.WEBHOOKS_DEAD: lambda store: store.dead,
}
_OF_NODE: Final[dict[Measured, Callable[[Node], float]]] = {
    catalogue.ARI_CONNECTED: lambda node: node.connected,
    # As /readyz says it: an order may wait for a media leg, and where none ever comes nobody is rung.
    catalogue.ARI_READY: lambda node: not why_not_ready(node),
    catalogue.ARI_REPLACED: lambda node: node.replaced,
    # The first connection is none that was made again.
    catalogue.ARI_RECONNECTS: lambda node: max(0, node.connections - 1),
    catalogue.MEDIA_WEDGED: lambda node: node.pool.wedged,
    catalogue.MEDIA_LEGS_LIMIT: lambda node: node.pool.limit,
    catalogue.MEDIA_LEGS_NOT_MADE: lambda node: node.pool.not_made,
    catalogue.MEDIA_LEG_WAITING: lambda node: node.pool.waiting,
}


def _legs(nodes: Iterable[tuple[str, Node]]) -> _Samples:
    for name, node in nodes:
        yield (name, "free"), node.pool.free
        yield (name, "taken"), node.pool.taken


def tasks() -> int:
    """Return how many tasks of the loop that runs have not ended; none runs: 0."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


def host_of(url: str) -> str:
    """Return host and port of a node: its URL may hold a login or a path."""
    return urlsplit(url).netloc.rpartition("@")[2] or "?"
