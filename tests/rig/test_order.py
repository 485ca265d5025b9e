"""The tests' own order: the long files first, the others as they are found, and mere work in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.conftest import ALL_WORK, FIRST, HERE, pytest_collection_modifyitems


def test_the_files_that_begin_are_there() -> None:
    assert [name for name in FIRST if not (HERE / name).is_file()] == []
    assert [name for name in ALL_WORK if not (HERE / name).is_dir()] == []


def ordered(*found: str) -> list[int]:
    """Return the numbers of those that were found, as they come."""
    items: list[Any] = [SimpleNamespace(path=HERE / name, number=number) for number, name in enumerate(found)]
    pytest_collection_modifyitems(items)
    return [item.number for item in items]


def test_they_begin_and_all_others_stay_as_they_were() -> None:
    found = ["ari/test_a.py", FIRST[1], "fakes/test_b.py", FIRST[0], "fakes/test_b.py", "ari/test_c.py", FIRST[0]]
    assert ordered(*found) == [3, 6, 1, 0, 2, 4, 5]


def test_what_is_only_work_comes_in_between_and_never_first() -> None:
    work = ["core/test_a.py", "media/streams/test_b.py", "core/test_a.py"]
    calls = [f"ari/test_{number}.py" for number in range(6)]
    assert ordered(*work, *calls, FIRST[0]) == [9, 3, 4, 0, 2, 5, 6, 1, 7, 8]


def test_where_there_is_one_kind_alone_it_stays_as_it_was() -> None:
    assert ordered("core/test_a.py", "web/test_b.py", "core/test_c.py") == [0, 1, 2]
    assert ordered() == []
