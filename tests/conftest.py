"""For all tests: which files begin, and what the garbage collector leaves alone."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
FIRST: Final = (
    "scenarios/test_many_calls.py",
    "faults/test_demo.py",
    "benchmarks/test_stream_benchmarks.py",
    "scenarios/test_webhooks.py",
    "dialplan/test_connect.py",
    "contract/test_schemathesis.py",
    "faults/test_we_die.py",
    "scenarios/test_inbound.py",
    "faults/test_redis_dies.py",
    "docs/test_dialplan.py",
    "scenarios/test_second_leg.py",
    "faults/test_asterisk_dies.py",
    "scenarios/test_streams.py",
    "faults/test_long_stories.py",
)
"""Files that take half a minute and more, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put them first. Workers take files in the order of the items, with ``--no-loadscope-reorder``."""
    place = {HERE / name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(FIRST)))


def pytest_collection_finish() -> None:
    """What the collection has made lives to the end: no search for rubbish needs to look at it again.

    It is millions of objects. A search took half a second, in which a call in real time stood still.
    """
    gc.collect()
    gc.freeze()
