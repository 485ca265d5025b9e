"""What stories of calls with two parties, and of callers, have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from otpvoice.core.actions import Action, Dial
from otpvoice.core.events import PartiesConnected
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.fakes import FakeAsterisk
from tests.scenarios.phones import Phone
from tests.scenarios.world import PlacedCall, World


def verdict(leg: dict[str, Any]) -> tuple[str, str | None, str]:
    """Return class, reason and who ended it, of a leg or of a call."""
    return leg["outcome"]["class"], leg["outcome"]["reason"], leg["outcome"]["ended_by"]


def is_whole(leg: dict[str, Any]) -> bool:
    """Say whether a leg's entry has an end, and says so in one voice."""
    outcome = leg["outcome"]
    return leg["ended_at"] is not None and (leg["cause"], leg["sip_status"]) == (
        outcome["cause"],
        outcome["sip_status"],
    )


def status(told: dict[str, str]) -> tuple[str, str, str]:
    """Return what a dialplan branches on."""
    return told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["OTPVOICE_DELIVERED"]


async def talking(world: World, *after: Action, ring: float = 0.0, **fields: Any) -> tuple[PlacedCall, Phone, Phone]:
    """Make a call whose two parties talk; ``after``: what is to follow."""
    first, second = world.answers(), world.answers(ring)
    call = await world.place(world.plan(Dial(second.number), *after, to=first, **fields))
    await call.seen(PartiesConnected)
    return call, first, second


async def side_by_side(*stories: Coroutine[Any, Any, Any]) -> None:
    """Tell stories at the same time: most of each is waiting for somebody to finish speaking."""
    async with asyncio.TaskGroup() as group:
        for story in stories:
            group.create_task(story)


@asynccontextmanager
async def world_of(kind: AsteriskInstance | None, **options: Any) -> AsyncIterator[World]:
    """A world on the real Asterisk, or on a fake of its own."""
    if kind is not None:
        async with World(kind, **options) as world:
            yield world
    else:
        async with FakeAsterisk() as fake, World(fake, **options) as world:
            yield world


async def led_away(world: World, channel: str, to: str = "elsewhere,s") -> None:
    """Have somebody at the console lead a channel to an extension: ``context,extension``."""
    context, extension = to.split(",")
    if isinstance(world.asterisk, FakeAsterisk):
        call = world.asterisk.switch.channels[channel].call
        assert call is not None
        call.redirected(context, extension)
    else:
        name = (await world.node.rest.get(f"channels/{channel}"))["name"]
        said = await world.asterisk.cli(f"channel redirect {name} {to},1")
        assert "redirected" in said, said
