"""The door, and the log of what happens at it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.web.world import Door, logged, opened


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """All that is logged, as JSON lines."""
    with logged() as output:
        yield output


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """Both doors, open."""
    async with opened() as door:
        yield door
