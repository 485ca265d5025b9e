"""The page of faults: each has a row, each test that a row names is there, and the page is what the rows say."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.docs.fault_rows import CRASH_TABLE, Row
from tests.docs.fault_table import BEGIN, PAGE, ROOT, ROWS, with_table

TEXT = PAGE.read_text()
OF_MANY_NODES = {16, 37, 38, 39, 40}
"""A failover of Redis, versions side by side, overload, a slow node, a mailbox: not faults that one node can show."""


@cache
def named_in(name: str) -> frozenset[str]:
    """Return the names of all tests of a file."""
    tree = ast.parse((ROOT / "tests" / name).read_text())
    functions = (one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(one.name for one in functions if one.name.startswith("test_"))


def test_every_fault_that_one_node_can_show_has_a_row() -> None:
    assert [row.number for row in ROWS] == [number for number in range(1, 41) if number not in OF_MANY_NODES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"F{row.number}")
def test_every_test_that_a_row_names_is_there(row: Row) -> None:
    assert row.shown
    assert len(set(row.shown)) == len(row.shown)
    for one in row.shown:
        if one != CRASH_TABLE:
            file, _, test = one.partition("::")
            assert test in named_in(file), one


def test_the_table_is_the_one_of_the_rows() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    assert with_table(TEXT.replace("| F1 | ", "| F0 | ")) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))
