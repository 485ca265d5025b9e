"""Which tests run on both event loops: production has uvloop, whose transports are none of asyncio's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
import uvloop

BOTH: Final = {"test_websocket.py", "test_talking.py", "test_reconnecting.py", "test_leaks.py"}
"""Where it is sockets that are tested, and what becomes of them."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in BOTH:
        factories["uvloop"] = uvloop.new_event_loop
    return factories
