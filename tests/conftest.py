"""For all tests: in which order files come, and what the garbage collector leaves alone."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
FIRST: Final = (
    "faults/test_crash_matrix.py",
    "scenarios/test_many_calls.py",
    "faults/test_no_secret_left.py",
    "docs/test_streams.py",
    "contract/test_schemathesis.py",
    "faults/test_demo.py",
    "faults/test_we_die.py",
    "rig/test_again.py",
    "scenarios/test_inbound.py",
    "benchmarks/test_stream_benchmarks.py",
    "dialplan/test_connect.py",
    "rig/test_audit.py",
    "scenarios/test_second_leg.py",
    "faults/test_shutdown.py",
    "docs/test_stream_examples.py",
    "scenarios/test_inbound_faults.py",
    "scenarios/test_streams.py",
    "docs/test_dialplan.py",
    "benchmarks/test_benchmarks.py",
    "testkit/test_asterisk_instance.py",
    "scenarios/test_webhooks.py",
    "faults/test_long_stories.py",
    "faults/test_redis_dies.py",
    "faults/test_asterisk_dies.py",
)
"""Files that take twenty seconds and more, so that no worker is left alone with one at the end."""
ALL_WORK: Final = ("cli", "core", "dialects", "docker", "locales", "media", "metrics", "web")
"""Folders whose tests wait for nobody. Calls in real time mostly wait: these come in between, not all at once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files in order. Workers take them as the items come, with ``--no-loadscope-reorder``."""
    first = {HERE / name: number for number, name in enumerate(FIRST)}
    work = {HERE / name for name in ALL_WORK}
    files = sorted(dict.fromkeys(item.path for item in items), key=lambda path: first.get(path, len(FIRST)))
    kinds: dict[bool, list[Path]] = {True: [], False: []}
    for path in files:
        kinds[work.isdisjoint(path.parents)].append(path)
    calls, between = kinds[True], kinds[False]
    place = {path: number / len(calls) for number, path in enumerate(calls)}
    place |= {path: (number + 1) / (len(between) + 1) for number, path in enumerate(between)}
    items.sort(key=lambda item: place[item.path])


def pytest_collection_finish() -> None:
    """What the collection has made lives to the end: no search for rubbish needs to look at it again.

    It is millions of objects. A search took half a second, in which a call in real time stood still.
    """
    gc.collect()
    gc.freeze()
