"""One house for the tests of a file: they share its Asterisk, its service and its event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dialplan.house import House, open_house
from tests.dialplan.menu import a_menu


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with a service that is ready, and an application for calls of ``door=telesign``."""
    async with a_menu() as menu, open_house(tmp_path_factory.mktemp("house"), event_url=menu.url) as house:
        house.menu = menu
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house in which no service has ever run."""
    async with open_house(tmp_path_factory.mktemp("house"), service=False) as house:
        yield house
