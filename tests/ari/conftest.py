"""A fake Asterisk for each test, in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.ari.rig import House, a_house
from tests.fakes import FakeAsterisk


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as asterisk:
        yield asterisk


@pytest.fixture
async def house(asterisk: FakeAsterisk) -> AsyncIterator[House]:
    """A switchboard that is ready, with one to four legs."""
    async with a_house(asterisk) as house:
        yield house
