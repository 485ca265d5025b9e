"""Makes the troubles of a plan, and ends them: after each, all parts are up again, whatever becomes of them then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tests.faults.hook import OK, Manner
from tests.soak.plan import ENDPOINT, Fault, Trouble
from tests.soak.site import Parts

_MANNERS: Final[dict[Trouble, Manner]] = {
    Trouble.HOOK_500: 500,
    Trouble.HOOK_SLOW: "slow",
    Trouble.HOOK_RESET: "reset",
}


@dataclass(slots=True)
class Troubles:
    """``made``: those that were, with the seconds from their beginning until all was up again."""

    parts: Parts
    made: list[tuple[Fault, float]] = field(default_factory=list)

    async def follow(self, faults: Iterable[Fault], began: float) -> None:
        """Make them at their times, those of the endpoint beside the others. ``began``: on the loop's clock."""
        both = ([one for one in faults if (one.trouble in ENDPOINT) is endpoint] for endpoint in (False, True))
        async with asyncio.TaskGroup() as lines:
            for line in both:
                lines.create_task(self._line(line, began))

    async def _line(self, faults: list[Fault], began: float) -> None:
        loop = asyncio.get_running_loop()
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.at - loop.time()))
            begin = loop.time()
            await self._make(fault)
            self.made.append((fault, loop.time() - begin))

    async def _make(self, fault: Fault) -> None:
        parts = self.parts
        match fault.trouble:
            case Trouble.SERVICE_KILLED | Trouble.ASTERISK_KILLED | Trouble.REDIS_KILLED:
                killed = {
                    Trouble.SERVICE_KILLED: parts.service,
                    Trouble.ASTERISK_KILLED: parts.asterisk,
                    Trouble.REDIS_KILLED: parts.redis,
                }[fault.trouble]
                killed.kill()
                await asyncio.sleep(fault.lasts)
                await killed.restart()
            case Trouble.SERVICE_STOPPED | Trouble.ASTERISK_STOPPED:
                frozen = parts.service if fault.trouble is Trouble.SERVICE_STOPPED else parts.asterisk
                frozen.pause()
                try:
                    await asyncio.sleep(fault.lasts)
                finally:
                    frozen.resume()
            case Trouble.EVENTS_BLACK_HOLE:
                parts.proxy.black_hole("events")
            case Trouble.HOOK_DOWN:
                await parts.hook.down()
                await asyncio.sleep(fault.lasts)
                await parts.hook.up()
            case Trouble.HOOK_500 | Trouble.HOOK_SLOW | Trouble.HOOK_RESET:
                parts.hook.manner = _MANNERS[fault.trouble]
                await asyncio.sleep(fault.lasts)
                parts.hook.manner = OK
