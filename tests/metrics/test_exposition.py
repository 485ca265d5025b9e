"""What is measured as text: in the format that was asked for, readable by the library's parsers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from otpvoice.metrics.exposition import exposition
from tests.metrics.samples import parsed, samples_of, told

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
OPEN_AS_IT_IS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
HOSTILE = "9" * 4000


@pytest.fixture
def registry() -> CollectorRegistry:
    """One of each kind; one of them has many samples with all that has to be escaped."""
    registry = CollectorRegistry()
    Gauge("one", "A gauge.", registry=registry).set(1.5)
    Counter("none", "A counter without children.", ("of",), registry=registry)
    many = Counter("many_total", 'A counter: "#\\', ("of",), registry=registry)
    for number in range(30):
        many.labels(f'#\n{number}\\"').inc(number)
    spread = Histogram("spread_seconds", "A histogram.", buckets=(1, 2), registry=registry)
    spread.observe(1.5)
    Info("build", "An info.", registry=registry).info({"version": "1"})
    return registry


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/plain", PLAIN),
        ("text/plain; version=1.0.0; escaping=allow-utf-8", PLAIN),
        ("text/html,application/xhtml+xml,*/*;q=0.8", PLAIN),
        (PROMETHEUS_2, OPEN),
        (PROMETHEUS_3, OPEN_AS_IT_IS),
        ("application/openmetrics-text", OPEN),
        ("Application/OpenMetrics-Text ; Version=1.0.0", OPEN),
        ("application/openmetrics-text; escaping=dots", OPEN),
        (f"application/openmetrics-text; escaping={HOSTILE}", OPEN),
        ("text/plain, application/openmetrics-text", PLAIN),
        ("application/openmetrics-text; version=0.0.1", PLAIN),
        (f"application/openmetrics-text; version={HOSTILE}", PLAIN),
        ("application/openmetrics-text; version=none", PLAIN),
        ("application/openmetrics-text; version=\udcff", PLAIN),
        (",;=,,;version", PLAIN),
    ],
    ids=lambda value: value[:40].encode("unicode_escape").decode() if value != PLAIN else "plain",
)
def test_the_format_is_the_first_one_named_that_there_is(registry: CollectorRegistry, accept: str, kind: str) -> None:
    text, content_type = exposition(registry, accept)
    assert content_type == kind
    assert text.endswith(b"# EOF\n") is (kind != PLAIN)


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text", PROMETHEUS_3])
def test_what_is_parsed_back_is_what_there_is(registry: CollectorRegistry, accept: str) -> None:
    families = parsed(*exposition(registry, accept))
    assert samples_of(families) == told(registry)
    assert len({family.name for family in families}) == len(families)


def test_nothing_at_all_is_an_exposition_too() -> None:
    assert exposition(CollectorRegistry(), "") == (b"", PLAIN)
    assert exposition(CollectorRegistry(), "application/openmetrics-text") == (b"# EOF\n", OPEN)


def test_a_collector_that_fails_is_no_half_answer(registry: CollectorRegistry) -> None:
    class Broken(Collector):
        def describe(self) -> Iterator[Metric]:
            yield GaugeMetricFamily("broken", "")

        def collect(self) -> Iterator[Metric]:
            raise RuntimeError("broken")

    registry.register(Broken())
    with pytest.raises(RuntimeError, match="broken"):
        exposition(registry, "")
