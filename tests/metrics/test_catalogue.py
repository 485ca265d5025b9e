"""The catalogue is whole, keeps to Prometheus' conventions, and its closed lists are those of the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import otpvoice
from otpvoice import dialplan
from otpvoice.adapters.webhooks.attempts import Made
from otpvoice.dialects.stasis_args import REASONS
from otpvoice.media.streams.formats import FORMATS
from otpvoice.metrics import Metrics, catalogue
from otpvoice.metrics.catalogue import CATALOGUE, Kind, Measured
from otpvoice.metrics.refusals import DIALPLAN, HTTP, OTHER, REFUSALS
from otpvoice.settings.voices import ENGINES
from otpvoice.web.calls import DOOR as HTTP_DOOR
from otpvoice.web.pages import error_pages
from tests.metrics.house import FakeHouse

ROOT = Path(otpvoice.__file__).parent
BASE_UNITS = ("_seconds", "_bytes", "_ratio")


def exposed() -> dict[str, set[str]]:
    """Return all metrics of ours that a service has, by name, with the names of their labels."""
    metrics = Metrics(accounts=["a"], trunks=["t"], formats=FORMATS, version="1")
    metrics.counted_asker(FakeHouse.asker())
    metrics.answered("GET", "/v1/calls", 200, 0.1)
    metrics.watch(FakeHouse().house)
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        found[family.name + suffix] = labels
    return {name: labels for name, labels in found.items() if name.startswith("otpvoice_")}


def test_what_is_exposed_is_what_the_catalogue_says() -> None:
    assert exposed() == {one.name: {label.name for label in one.labels} for one in CATALOGUE}


def test_nothing_is_there_twice() -> None:
    assert len({one.name for one in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.name)
def test_names_and_texts_keep_to_the_conventions(one: Measured) -> None:
    assert re.fullmatch(r"otpvoice_[a-z]+(_[a-z]+)*", one.name)
    assert one.name.endswith("_total") is (one.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|millis|minutes|kb|percent)\b", one.name)
    if one.kind is Kind.HISTOGRAM:
        assert one.name.endswith(BASE_UNITS) or one is catalogue.MOS
        assert one.buckets == tuple(sorted(set(one.buckets)))
        assert len(one.buckets) <= 16
    else:
        assert not one.buckets
    assert one.says.endswith(".") or one.says.endswith("?") or one.says.endswith(")")
    assert "\n" not in one.says
    for label in one.labels:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", label.name)
        assert bool(label.values) is not bool(label.says)
        assert label.name not in {"number", "call", "id", "url", "to", "host", "code", "le", "job", "instance"}
        # Of a call it would be a number; of a clip it is a word of ours.
        assert label.name != "from" or label.values


def words_of(call: str, folder: str) -> Iterator[str]:
    """Yield the first argument of each call of this name in a folder or module, where it is a plain word."""
    path = ROOT / folder
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == call:
                match node.args:
                    case [ast.Constant(value=str(word)), *_]:
                        yield word


def test_the_doors_are_those_that_there_are() -> None:
    assert (HTTP, DIALPLAN) == (HTTP_DOOR, dialplan.DOOR)


def test_every_refusal_of_the_dialplan_is_known() -> None:
    said = {*REASONS, *words_of("Invalid", "dialects/stasis_args.py"), *words_of("Invalid", "dialplan.py")}
    assert said - set(REFUSALS[DIALPLAN]) == set()
    assert set(REFUSALS[DIALPLAN]) - said == {"draining", "internal_error", "store_unavailable", OTHER}


NO_CALL_ASKED = {"call_elsewhere", "call_in_progress", "invalid_parameter", "too_many_streams", "not_found"}
"""Codes of answers to requests that ask for something else."""
NO_DOOR_ASKED = {"method_not_allowed", "expectation_failed"}


def test_every_refusal_of_a_request_is_known() -> None:
    codes = {page.code for page in error_pages().values() if page.statuses}
    assert set(REFUSALS[HTTP]) - {OTHER} == codes - NO_CALL_ASKED - NO_DOOR_ASKED
    assert set(words_of("NotTaken", "stasis")) - {"claim_lost"} <= set(REFUSALS[HTTP])


def test_every_reason_of_no_answer_is_known() -> None:
    said = {*words_of("NoAnswer", "interview.py"), *words_of("NoAnswer", "session")}
    assert set(catalogue.QUESTIONS.labels[0].values) == said | {"answered", "canceled"}


def test_every_result_of_an_attempt_is_known() -> None:
    assert catalogue.WEBHOOK_DELIVERIES.labels[0].values == tuple(Made)


def test_the_engines_are_those_that_there_are() -> None:
    assert set(catalogue.ENGINE.values) == set(ENGINES)
