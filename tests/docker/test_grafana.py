"""Grafana's dashboard: every number in it is there, nothing lies on another, and it needs nothing but Grafana."""

from __future__ import annotations

import json
import re
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from tests.docker.promql import labels_of, names_in, wrong_with
from tests.docker.promtool import computed, parsed

FOLDER: Final = Path(__file__).parents[2] / "docker" / "grafana"
TEXT: Final = (FOLDER / "otpvoice.json").read_text()
BOARD: Final[dict[str, Any]] = json.loads(TEXT)
PANELS: Final = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES: Final = {one["name"]: one for one in BOARD["templating"]["list"]}
EXPRESSIONS: Final = {
    f"{panel['id']} {target['refId']}": (target["expr"], target["legendFormat"])
    for panel in PANELS
    for target in panel["targets"]
} | {f"annotation {one['name']}": (one["expr"], one["titleFormat"]) for one in BOARD["annotations"]["list"]}
CHOSEN: Final = {"$__rate_interval": "5m", "$__range": "6h", "$instance": ".*", "$trunk": ".*", "$account": ".*"}
"""What Grafana puts in the place of its variables."""
BUILT_IN: Final = {"row", "stat", "timeseries", "state-timeline", "table"}
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24


def chosen(expression: str) -> str:
    for variable, value in CHOSEN.items():
        expression = expression.replace(variable, value)
    return expression


def test_every_expression_is_promql(tmp_path: Path) -> None:
    parsed([chosen(expression) for expression, _ in EXPRESSIONS.values()], tmp_path)


def test_a_share_of_nothing_is_no_number(tmp_path: Path) -> None:
    """On a quiet day, and just after the first start: 0 / 0 would be shown as NaN."""
    shares = [
        chosen(expression)
        for expression, _ in EXPRESSIONS.values()
        if re.search(r"\s/ ", expression) and "process_" not in expression
    ]
    assert len(shares) == 4
    quiet = {
        'otpvoice_dials_total{instance="otp-1", trunk="carrier"}': "0x60",
        'otpvoice_answers_total{instance="otp-1", trunk="carrier"}': "0x60",
        'otpvoice_codes_total{instance="otp-1", delivered="true"}': "0x60",
        'otpvoice_codes_total{instance="otp-1", delivered="false"}': "0x60",
    }
    computed({share: {} for share in shares}, quiet, at="60m", folder=tmp_path)
    computed({share: {} for share in shares}, {}, at="60m", folder=tmp_path)


@pytest.mark.parametrize(
    ("values", "calls"),
    [
        # Values of 30 minutes before the hour that is chosen, and of that hour.
        pytest.param("_x30 _x40 1x20", 1, id="the-first-of-its-kind"),
        pytest.param("_x30 _x60 1", 1, id="at-this-moment"),
        pytest.param("_x30 _x40 3x10 5x10", 5, id="three-at-once-and-two-more"),
        pytest.param("7x90", 0, id="all-of-them-before"),
        pytest.param("7x60 8x30", 1, id="one-more"),
        pytest.param("7x60 stale _x10 2x20", 2, id="two-after-a-restart"),
        pytest.param("_x30 _x10 1 3x20 stale _x5 1x25", 4, id="a-kind-of-today-and-a-restart"),
        pytest.param("_x90", 0, id="none"),
    ],
)
def test_why_calls_were_not_completed_has_the_first_call_of_each_kind(values: str, calls: int, tmp_path: Path) -> None:
    (panel,) = [panel for panel in PANELS if panel["title"] == "Why calls were not completed"]
    (target,) = panel["targets"]
    # Rounded as the panel shows it: an increase is carried on to the ends of the time.
    assert panel["fieldConfig"]["defaults"]["decimals"] == 0
    expression = f"round({chosen(target['expr']).replace('6h', '1h')})"
    labels = 'instance="otp-1", direction="outbound", door="http", account="shop"'
    told = {
        f'otpvoice_calls_total{{{labels}, outcome="failed", reason="trunk_missing"}}': values,
        f'otpvoice_calls_total{{{labels}, outcome="completed", reason="none"}}': "0+1x90",
    }
    computed(
        {expression: {'{outcome="failed", reason="trunk_missing"}': calls} if calls else {}},
        told,
        at="90m",
        folder=tmp_path,
    )


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(place: str) -> None:
    expression, legend = EXPRESSIONS[place]
    assert wrong_with(expression) == []
    assert "$" not in chosen(expression)
    labels = frozenset[str]().union(*map(labels_of, names_in(expression)))
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels


def test_every_panel_has_a_number_of_its_own() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_no_panel_lies_on_another_or_beside_the_board() -> None:
    cells: dict[tuple[int, int], int] = {}
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert 0 <= at["x"] < at["x"] + at["w"] <= COLUMNS
        for cell in product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            assert cell not in cells, f"{panel['title']} and {cells[cell]}"
            cells[cell] = panel["id"]


def test_rows_and_lines_leave_no_gap_that_grafana_would_close() -> None:
    """It moves panels up as far as they go: what is said here is then not where they are."""
    bottoms = {0} | {panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in BOARD["panels"]}
    assert {panel["gridPos"]["y"] for panel in BOARD["panels"]} <= bottoms


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_says_what_it_is_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["type"] in BUILT_IN
    assert panel["datasource"] == SOURCE
    assert all(target["datasource"] == SOURCE for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_two_panels_of_a_row_have_the_same_title() -> None:
    row, seen = "", set[tuple[str, str]]()
    for panel in BOARD["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        assert (row, panel["title"]) not in seen
        seen.add((row, panel["title"]))


def test_the_first_line_says_how_it_is() -> None:
    first = [panel["title"] for panel in PANELS if panel["gridPos"]["y"] == 0]
    assert {"State", "Calls in progress", "Answered", "Delivered"} <= set(first)
    assert all(panel["type"] == "stat" for panel in PANELS if panel["gridPos"]["y"] == 0)


def test_what_is_chosen_from_is_there() -> None:
    assert VARIABLES.keys() == {"datasource", "instance", "trunk", "account"}
    assert VARIABLES["datasource"]["type"] == "datasource"
    for name in ("instance", "trunk", "account"):
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", VARIABLES[name]["query"]["query"])
        assert asked is not None
        assert asked[2] == name
        assert name in labels_of(asked[1])
        assert VARIABLES[name]["datasource"] == SOURCE


def test_every_variable_is_used() -> None:
    used = set(re.findall(r"\$\{?(\w+)", TEXT))
    assert used == {*VARIABLES, "__rate_interval", "__range", "__all"}


def test_it_is_of_this_grafana_and_known_by_its_name() -> None:
    assert BOARD["uid"] == "otpvoice"
    assert BOARD["schemaVersion"] >= 41, "Grafana 12 and later; older ones take it, too"
    assert "__inputs" not in BOARD, "that would be an export for one to answer questions at"


def test_the_file_can_be_read_and_compared() -> None:
    assert TEXT.endswith("}\n")
    assert max(len(line) for line in TEXT.splitlines() if '"expr"' not in line and '"desc' not in line) <= 160


def test_provisioning_brings_the_board_and_where_its_numbers_are() -> None:
    read = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("provisioning/*/*.yaml")}
    assert read.keys() == {"prometheus", "otpvoice"}
    assert all(one["apiVersion"] == 1 for one in read.values())
    (source,) = read["prometheus"]["datasources"]
    assert source["type"] == "prometheus"
    (provider,) = read["otpvoice"]["providers"]
    assert provider["type"] == "file"
    # As it is scraped, so that a rate has two samples at least.
    scraped = yaml.safe_load((FOLDER.parent / "prometheus" / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def test_every_row_has_something_in_it() -> None:
    kinds = [panel["type"] for panel in sorted(BOARD["panels"], key=lambda panel: panel["gridPos"]["y"])]
    assert ("row", "row") not in pairwise(kinds)
    assert kinds[-1] != "row"
