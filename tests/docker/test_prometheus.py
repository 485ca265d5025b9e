"""Prometheus' files: valid to Prometheus itself, each alert tried both ways, and about nothing that there is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from otpvoice.metrics import Metrics
from tests.docker.promql import names_in, wrong_with
from tests.docker.promtool import parsed, promtool

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "docker" / "prometheus"
GROUPS: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "otpvoice.rules.yml").read_text())["groups"]
RULES: Final = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED: Final = [rule["record"] for rule in RULES if "record" in rule]
TESTS: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "otpvoice.rules.test.yml").read_text())
PAGE: Final = (ROOT / "docs" / "alerts.md").read_text()
PROMQL: Final = re.compile(r"^```promql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUERIES: Final = {
    f"{path.name} {number}": query
    for path in sorted((ROOT / "docs").glob("*.md"))
    for number, query in enumerate(PROMQL.findall(path.read_text()), start=1)
}


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    said = promtool("check", "config", "prometheus.yml", folder=FOLDER)
    assert f"{len(RULES)} rules found" in said, "the configuration names them"


def test_each_alert_fires_when_it_must_and_not_before() -> None:
    promtool("test", "rules", "otpvoice.rules.test.yml", folder=FOLDER)


def test_each_alert_is_tried_both_ways() -> None:
    """Where it fires it is also silent at first: that would pass for the second way."""
    tried = [
        (one["alertname"], bool(one["exp_alerts"])) for test in TESTS["tests"] for one in test["alert_rule_test"][-1:]
    ]
    assert set(tried) == {(alert, fires) for alert in ALERTS for fires in (True, False)}


def test_groups_are_evaluated_in_the_order_of_the_file() -> None:
    """Else shares and percentiles are there a minute earlier or later, by chance."""
    assert TESTS["group_eval_order"] == [group["name"] for group in GROUPS]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]
    assert re.fullmatch(r"Otpvoice[A-Z][A-Za-z]+", alert)
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert not notes["summary"].endswith("."), "it is a headline"
    assert notes["description"].endswith(".")
    assert notes["runbook_url"] == f"docs/alerts.md#{alert.lower()}"


@pytest.mark.parametrize("rule", RULES, ids=[rule.get("alert") or rule["record"] for rule in RULES])
def test_a_rule_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    assert wrong_with(rule["expr"], RECORDED) == []


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_name_says_of_what_and_how(name: str) -> None:
    """level:metric:operations, as Prometheus' own guide has it."""
    assert re.fullmatch(r"(job|job_trunk|instance):otpvoice_\w+:(ratio|p\d\d)_rate\d+[mhd]", name)
    assert RECORDED.count(name) == 1


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == list(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_the_page_says_how_bad_it_is_as_the_rule_does(alert: str) -> None:
    part = PAGE.split(f"\n### {alert}\n")[1].split("\n### ")[0]
    assert part.lstrip().startswith(f"*{ALERTS[alert]['labels']['severity'].capitalize()}")


def test_all_queries_of_the_documentation_are_promql(tmp_path: Path) -> None:
    assert any(name.startswith("metrics.md") for name in QUERIES)
    parsed(list(QUERIES.values()), tmp_path)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_of_the_documentation_asks_for_what_there_is(name: str) -> None:
    assert wrong_with(QUERIES[name], RECORDED) == []


async def test_what_is_told_is_what_prometheus_wants(tmp_path: Path) -> None:
    """Units, suffixes, help: by its own linter."""
    metrics = Metrics(accounts=["shop"], trunks=["default"], formats=["twilio"], version="1")
    text, _ = await metrics.expose("")
    assert promtool("check", "metrics", folder=tmp_path, standard_input=text) == ""


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("otpvoice_store_up == 0", []),
        ('sum by (job) (rate(otpvoice_codes_total{delivered="true"}[5m]))', []),
        ("otpvoice_no_such", ["no series otpvoice_no_such"]),
        ("job:otpvoice_no_such:ratio_rate5m", ["no series job:otpvoice_no_such:ratio_rate5m"]),
        ('otpvoice_store_up{trunk="a"}', ["no label trunk of otpvoice_store_up"]),
        ("sum by (trunk) (otpvoice_store_up)", ["no label trunk"]),
        ('otpvoice_media_legs{state="lent"}', ["state is never lent"]),
        ('otpvoice_media_legs{state=~"free|lent"}', ["state is never lent"]),
        ('otpvoice_media_legs{state=~"$state"}', []),
        ("otpvoice_dials_total > 5", ["otpvoice_dials_total is asked for itself"]),
        ("min_over_time(otpvoice_keys_total[1h]) unless otpvoice_keys_total offset 1h", []),
        ("otpvoice_keys_total unless otpvoice_ari_ready", ["otpvoice_keys_total is asked for itself"]),
        ("otpvoice_ring_seconds", ["no series otpvoice_ring_seconds"]),
        ("vector(1)", ["it asks for nothing"]),
    ],
)
def test_what_there_is_not_is_found(expression: str, wrong: list[str]) -> None:
    assert wrong_with(expression) == wrong


def test_names_are_found_and_words_of_the_language_are_not() -> None:
    assert names_in('max by (job) (job:otpvoice_a:b offset 5m) / on (job) up{job="otpvoice_x"}') == {
        "job:otpvoice_a:b",
        "up",
    }


def test_what_is_no_expression_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="parse error"):
        parsed(["up", "sum by ("], tmp_path)
