"""What is counted of streams: frames of those that are open as they go, and of those that ended.

The frames of a stream move from the one sum to the other in one step, so that no count ever goes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from otpvoice.core.media import StreamReport
from otpvoice.metrics import catalogue
from otpvoice.metrics.instruments import counter, family
from otpvoice.metrics.ports import Streams
from otpvoice.metrics.refusals import OTHER

_SUMS: Final = {
    catalogue.FRAMES_SENT: "frames_sent",
    catalogue.FRAMES_RECEIVED: "frames_received",
    catalogue.FRAMES_DROPPED: "dropped",
    catalogue.STREAM_RECONNECTS: "reconnects",
}
"""Metric → what a report calls it."""


class StreamMetrics(Collector):
    """``formats``: all that there are."""

    def __init__(self, registry: CollectorRegistry, formats: Iterable[str]) -> None:
        self._formats = tuple(formats)
        statuses = catalogue.STREAMS.labels[1].values
        self._streams = counter(catalogue.STREAMS, registry, product(self._formats, statuses))
        self._past: Counter[str] = Counter()
        self._open: Streams | None = None
        registry.register(self)

    def watch(self, streams: Streams) -> None:
        """Say where the open ones are."""
        self._open = streams

    def ended(self, report: StreamReport) -> None:
        """A stream is over."""
        self._streams.labels(self._format(report), report.status).inc()
        for field in _SUMS.values():
            self._past[field] += getattr(report, field)

    def describe(self) -> Iterator[Metric]:
        """Return the families, empty."""
        yield from (family(measured, ()) for measured in (catalogue.STREAMS_OPEN, *_SUMS))

    def collect(self) -> Iterator[Metric]:
        """Return the families."""
        # All numbers before the first is told: whoever takes them may give a stream the time to end.
        reports = [] if self._open is None else list(self._open.reports)
        sums = {
            measured: self._past[field] + sum(getattr(report, field) for report in reports)
            for measured, field in _SUMS.items()
        }
        formats = Counter(map(self._format, reports))
        yield family(
            catalogue.STREAMS_OPEN, [((name,), formats[name]) for name in dict.fromkeys((*self._formats, *formats))]
        )
        yield from (family(measured, [((), number)]) for measured, number in sums.items())

    def _format(self, report: StreamReport) -> str:
        return report.format if report.format in self._formats else OTHER
