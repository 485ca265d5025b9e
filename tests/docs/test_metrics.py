"""The page of metrics: its table is the code's, and all that it asks for is there."""

from __future__ import annotations

import re

import pytest

from otpvoice.metrics.catalogue import CATALOGUE, Kind, Measured
from tests.docs.metric_table import BEGIN, PAGE, with_table

TEXT = PAGE.read_text()
QUERIES = re.findall(r"^```promql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SERIES = {
    one.name + suffix: {label.name for label in one.labels} | ({"le"} if suffix == "_bucket" else set())
    for one in CATALOGUE
    for suffix in (("_bucket", "_sum", "_count") if one.kind is Kind.HISTOGRAM else ("",))
}
TARGET = {"instance", "job"}
"""Labels that Prometheus adds."""


def test_the_table_is_the_one_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    assert with_table(TEXT.replace("| counter | Keys that were", "| gauge | Keys that were")) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


def test_there_are_queries() -> None:
    assert len(QUERIES) > 10


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_query_asks_for_what_there_is(query: str) -> None:
    """Names, labels and values; that it is PromQL, and asks for no counter itself, ``tests/docker`` sees."""
    names = re.findall(r"\botpvoice_\w+", query)
    assert names
    assert set(names) <= SERIES.keys()
    grouped = {name for by in re.findall(r"\bby \(([^)]*)\)", query) for name in by.replace(" ", "").split(",")}
    assert grouped - TARGET <= set.union(*(SERIES[name] for name in names))
    for name, matchers in re.findall(r"\b(otpvoice_\w+)\{([^}]*)\}", query):
        for label, value in re.findall(r'(\w+)!?=~?"([^"]*)"', matchers):
            assert label in SERIES[name]
            closed = next((one.values for one in of(name).labels if one.name == label), ())
            assert not closed or value in closed
            assert label != "le" or float(value) in of(name).buckets


def of(series: str) -> Measured:
    """Return the metric of a series."""
    return next(one for one in CATALOGUE if series in (one.name, f"{one.name}_bucket"))


def test_every_metric_that_the_text_names_is_there() -> None:
    named = set(re.findall(r"`(otpvoice_\w+)`", TEXT))
    assert named <= {one.name for one in CATALOGUE}
