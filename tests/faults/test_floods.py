"""Keys by the thousand, by a machine and not by a finger: whoever sends them disturbs nobody but himself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from structlog.testing import capture_logs

from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import CallAnswered, CharacterPlayed
from tests.fakes import FakeAsterisk
from tests.faults.sites import verdict
from tests.scenarios.phones import FakePhone, Phone
from tests.scenarios.world import World, code

KEYS: Final = 5_000
HELD: Final = 400
"""Keys at once that are held for a call, however late whoever reads them is."""
AT_ONCE: Final = 100
"""Keys, and then a pause."""
A_SECOND: Final = 10_000
"""Keys."""
ENDS: Final = {False: ("completed", None, "plan"), True: ("failed", "internal_error", "us")}
"""Of a call that is flooded, by whether more came than is held for it: who keeps up ignores what is too much."""


@asynccontextmanager
async def aware() -> AsyncIterator[list[Any]]:
    """Note all that is logged meanwhile."""
    with capture_logs() as told:
        yield told
    assert told, "nobody would know if a call was flooded"


async def presses_without_end(phone: Phone) -> None:
    """Keep at it, whether or not anybody listens any more."""
    assert isinstance(phone, FakePhone)
    for sent in range(0, KEYS, AT_ONCE):
        for key in range(sent, sent + AT_ONCE):
            phone.call.press_now(str(key % 10))
        await asyncio.sleep(AT_ONCE / A_SECOND)


async def test_ten_thousand_keys_a_second_disturb_nobody_else() -> None:
    rules: dict[str, Any] = {"first_digit_timeout": 60.0, "terminators": ""}
    async with aware() as told, FakeAsterisk() as asterisk, World(asterisk, legs=(2, 2)) as world:
        flooding, hearing = world.answers(), world.answers()
        flooded = await world.place(world.plan(Gather(DigitRules(max_digits=4, **rules)), code("705"), to=flooding))
        heard = await world.place(world.plan(code("482"), to=hearing))
        await flooded.seen(CallAnswered)
        await heard.seen(CharacterPlayed)
        await presses_without_end(flooding)
        assert verdict(await heard.over()) == ("completed", None, "plan")
        assert heard.summary is not None
        assert heard.summary["delivered"] is True
        end = await flooded.over()
        assert verdict(end) == ENDS[any(line["event"] == "session.flooded" for line in told)]
        assert all(collected["count"] <= 4 for collected in end["collected"])
        # The leg of that call is clean again for the next one.
        last = world.answers()
        asked = await world.place(world.plan(Gather(DigitRules(max_digits=4, **rules)), code("705"), to=last))
        await asked.seen(CallAnswered)
        await last.press("4829")
        assert (await asked.over())["delivered"] is True
        assert asked.keys == ["4829"]


async def test_what_is_held_for_a_call_does_it_no_harm() -> None:
    """However late we are: so many keys at once are four that count, and others that do not."""
    async with aware() as told, FakeAsterisk() as asterisk, World(asterisk, legs=(2, 2)) as world:
        phone = world.answers()
        rules = DigitRules(max_digits=4, first_digit_timeout=60.0, terminators="")
        call = await world.place(world.plan(Gather(rules), code("705"), to=phone))
        await call.seen(CallAnswered)
        assert isinstance(phone, FakePhone)
        for key in range(HELD):
            phone.call.press_now(str(key % 10))
        end = await call.over()
        assert verdict(end) == ("completed", None, "plan")
        assert call.keys == ["0123"]
        assert [line for line in told if line["event"] == "session.flooded"] == []
