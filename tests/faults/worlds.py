"""The scenarios' world, with a proxy between the product and Asterisk's HTTP port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from otpvoice.ari.node import AsteriskNode
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.order_proxy import OrderProxy
from tests.scenarios.world import World


@asynccontextmanager
async def world_behind(
    proxy: AriProxy | OrderProxy, asterisk: AsteriskInstance, **options: Any
) -> AsyncIterator[World]:
    """A world whose node reaches Asterisk through the proxy alone; the phones are on the other side."""
    world = World(asterisk, **options)
    await world.node.disconnect()
    world.node = AsteriskNode(replace(world.node.settings, url=proxy.url), world.app)
    world.app.nodes[:] = [world.node]
    async with world:
        yield world
