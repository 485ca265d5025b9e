"""What a call needs before it is taken: an Asterisk that is ready, a turn on its trunk, a media leg. Or ``NotTaken``.

It knows no calls: who asked for what, and what becomes of it, is the switchboard's business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from otpvoice.ari import errors
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.stasis.pacing import Expired, QueueFull, Slot
from otpvoice.stasis.ports import NotTaken
from otpvoice.stasis.trunk import Trunk

READY_EVERY: Final = 0.25
"""Seconds between looks at an Asterisk that is to come back."""
LEG_WAIT: Final = 5.0
"""Seconds that a request to call may wait for a media leg before it is told to come back."""
LEG_LINE: Final = 100
"""Requests that may wait for one at once: those in front have it soon, whoever comes behind would wait in vain."""


def ready_node(nodes: Sequence[AsteriskNode]) -> AsteriskNode:
    """Return an Asterisk that takes calls now."""
    for node in nodes:
        if node.ready:
            return node
    wedged = any(node.connected and node.pool.wedged for node in nodes)
    raise NotTaken("media_wedged", 30) if wedged else NotTaken("asterisk_unavailable")


async def free_leg(node: AsteriskNode) -> MediaLeg:
    """Return a leg, within a while."""
    if node.pool.waiting >= LEG_LINE:
        raise NotTaken("no_media_leg")
    try:
        return await node.pool.take(LEG_WAIT)
    except NoLegFree as error:
        raise NotTaken("no_media_leg") from error
    except errors.MediaWedged as error:
        raise NotTaken("media_wedged", 30) from error


async def line_up(trunk: Trunk, account: str, within: float | None) -> asyncio.Task[Slot]:
    """Return a turn on a trunk, done where it is now; ``within``: seconds for which it is of any use."""
    turn = asyncio.create_task(trunk.pace.turn(account, within), name="turn")
    try:
        await asyncio.sleep(0)  # until it stands in line
    except BaseException:
        await step_out(turn)
        raise
    if turn.done() and turn.exception() is not None:
        # No room, or nobody may wait at all.
        raise NotTaken("queue_full") from None
    return turn


async def turn_when_ready(node: AsteriskNode, trunk: Trunk, account: str, within: float) -> Slot:
    """Wait for an Asterisk that takes calls, and then for a turn. Raises ``Expired`` when that takes too long."""
    try:
        async with asyncio.timeout(within):
            while True:
                if node.ready:
                    with contextlib.suppress(QueueFull):
                        return await trunk.pace.turn(account, within)
                await asyncio.sleep(READY_EVERY)
    except TimeoutError:
        raise Expired from None


async def step_out(turn: asyncio.Task[Slot]) -> None:
    """Give a turn back, or leave the line."""
    turn.cancel()
    await asyncio.wait({turn})
    if not turn.cancelled() and turn.exception() is None:
        turn.result().pace.release(turn.result())
