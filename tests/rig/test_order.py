"""The tests' own order: the long files first, the others as they are found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.conftest import FIRST, HERE, pytest_collection_modifyitems


def test_the_files_that_begin_are_there() -> None:
    assert [name for name in FIRST if not (HERE / name).is_file()] == []


def test_they_begin_and_all_others_stay_as_they_were() -> None:
    found = ["ari/test_a.py", FIRST[1], "core/test_b.py", FIRST[0], "core/test_b.py", "ari/test_c.py", FIRST[0]]
    items: list[Any] = [SimpleNamespace(path=HERE / name, number=number) for number, name in enumerate(found)]
    pytest_collection_modifyitems(items)
    assert [item.number for item in items] == [3, 6, 1, 0, 2, 4, 5]
