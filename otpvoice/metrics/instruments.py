"""Instruments of the Prometheus library, made by the words of the catalogue.

It measures nothing itself, and knows no registry but the one that it is handed: several services live in one process
where they are tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from otpvoice.metrics.catalogue import Kind, Measured

# A second series for each counter and histogram, of which nobody makes anything; the library knows this for whole
# processes only.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


def new_registry() -> CollectorRegistry:
    """Return a registry that has what this process and its Python tell of themselves."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def counter(measured: Measured, registry: CollectorRegistry, known: Iterable[Sequence[str]] | None = None) -> Counter:
    """Return a counter.

    ``known``: values of its labels that are there from the start, with 0, so that the first one counts in a rate. Where
    nothing is said these are all combinations of the catalogue's values.
    """
    made = Counter(measured.name, measured.says, _names(measured), registry=registry)
    if measured.labels:
        for values in product(*(label.values for label in measured.labels)) if known is None else known:
            made.labels(*values)
    return made


def histogram(measured: Measured, registry: CollectorRegistry) -> Histogram:
    """Return a histogram."""
    return Histogram(measured.name, measured.says, _names(measured), buckets=measured.buckets, registry=registry)


def family(
    measured: Measured, samples: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily | CounterMetricFamily | InfoMetricFamily:
    """Return what was asked for just now: values of labels, and a number for each."""
    names = _names(measured)
    made: GaugeMetricFamily | CounterMetricFamily
    match measured.kind:
        case Kind.INFO:
            info = InfoMetricFamily(measured.name.removesuffix("_info"), measured.says)
            for values, _ in samples:
                info.add_metric([], dict(zip(names, values, strict=True)))
            return info
        case Kind.COUNTER:
            made = CounterMetricFamily(measured.name, measured.says, labels=names)
        case _:
            made = GaugeMetricFamily(measured.name, measured.says, labels=names)
    for values, number in samples:
        made.add_metric(values, number)
    return made


def _names(measured: Measured) -> list[str]:
    return [label.name for label in measured.labels]
