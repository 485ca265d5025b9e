"""Orders for calls whose answer goes wrong on its way from a real Asterisk: what is said of them, and who was rung."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from otpvoice.core.actions import Say
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults import order_proxy
from tests.faults.order_proxy import Manner, OrderProxy
from tests.faults.sites import verdict
from tests.faults.worlds import world_behind

pytestmark = pytest.mark.asterisk

COMPLETED: Final = ("completed", None, "plan")
UNKNOWN: Final = ("indeterminate", "originate_unknown", "us")
ROWS: Final[dict[Manner, tuple[tuple[str, str | None, str], int, int]]] = {
    order_proxy.passes: (COMPLETED, 1, 1),
    order_proxy.reset_before: (UNKNOWN, 1, 0),
    order_proxy.reset_after: (COMPLETED, 1, 1),
    order_proxy.half: (COMPLETED, 1, 1),
    order_proxy.garbled: (COMPLETED, 1, 1),
    order_proxy.failed_after: (COMPLETED, 1, 1),
    order_proxy.failed_before: (UNKNOWN, 1, 0),
    order_proxy.sent_twice: (COMPLETED, 1, 1),
    order_proxy.booting_twice: (COMPLETED, 3, 1),
    order_proxy.silent_after: (COMPLETED, 1, 1),
    order_proxy.silent_before: (UNKNOWN, 1, 0),
}
"""What goes wrong: the outcome, how many orders we sent, and how many INVITEs came of them."""


async def test_what_becomes_of_orders_whose_answer_goes_wrong(asterisk: AsteriskInstance) -> None:
    async with OrderProxy(asterisk.ari_url) as proxy, world_behind(proxy, asterisk, legs=(len(ROWS), 20)) as world:
        phones = {manner: world.answers(ring=0.5) for manner in ROWS}
        proxy.manners = {phone.user: manner for manner, phone in phones.items()}
        calls = {manner: await world.place(world.plan(Say("Hello."), to=phone)) for manner, phone in phones.items()}
        summaries = dict(zip(calls, await asyncio.gather(*(call.over() for call in calls.values())), strict=True))
        # The world wants one summary of each call, and nothing left in Asterisk.
        seen = {
            manner.__name__: (verdict(summaries[manner]), proxy.orders[phone.user], phone.rung)
            for manner, phone in phones.items()
        }
    assert seen == {manner.__name__: row for manner, row in ROWS.items()}
    assert summaries[order_proxy.silent_after]["errors"] == []
