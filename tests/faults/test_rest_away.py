"""REST is away, and the events and the audio are not: calls go on, and what has to be asked for is asked for again."""

from __future__ import annotations

from typing import Final

import pytest

from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, CharacterPlayed, CodeDelivered
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.sites import verdict
from tests.faults.worlds import world_behind
from tests.scenarios.world import code

pytestmark = pytest.mark.asterisk


REFUSED: Final = (("failed", "asterisk_lost", "asterisk"), ("indeterminate", "originate_unknown", "us"))
"""Ends of a call whose order was not sent, or was cut off: nobody can know then whether it was carried out."""
LOOKED: Final = 20.0
"""Seconds within which a call whose order was not answered has been looked for."""


async def test_calls_go_on_without_rest_and_are_hung_up_when_it_is_back(
    asterisk: AsteriskInstance, proxy: AriProxy
) -> None:
    async with world_behind(proxy, asterisk) as world:
        speaking, keying = world.answers(), world.answers()
        call = await world.place(world.plan(code("482"), to=speaking))
        keyed = await world.place(world.plan(Gather(DigitRules(max_digits=4)), code("705"), to=keying))
        await call.seen(CharacterPlayed)
        await keyed.seen(CallAnswered)
        with proxy.shut("rest"):
            nobody = world.answers()
            # Nobody can know yet that it is away: it is taken, and has its end.
            new = await world.place(world.plan(code("482"), to=nobody))
            await keying.press("4829")
            for one in (call, keyed):
                await one.seen(CodeDelivered)
            # Both have heard all of it; the orders to hang up reach nobody.
            refused = proxy.refused["rest"]
            await world.until(lambda: proxy.refused["rest"] >= refused + 3)
            assert world.node.connected
        ends = [await call.over(), await keyed.over()]
        assert [verdict(end) for end in ends] == [("completed", None, "plan")] * 2
        assert [end["delivered"] for end in ends] == [True, True]
        assert keyed.keys == ["4829"]
        for phone in (speaking, keying):
            await phone.over()
        assert [phone.rung for phone in (speaking, keying)] == [1, 1]
        assert proxy.connects["events"] == 1
        assert verdict(await new.over(within=LOOKED)) in REFUSED
        assert nobody.rung == 0
        assert (await world.call(world.plan(code("482"), to=world.answers())))["delivered"] is True
