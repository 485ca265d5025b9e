"""``door=`` names a door besides our own: who plans there, by whose word, and what becomes of who can't be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from otpvoice import dialplan
from otpvoice.ari import backoff, telephone
from otpvoice.core.actions import Say
from otpvoice.core.plan import CallPlan, Hook
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_keys import OTHER_DOORS, Invalid
from otpvoice.dialplan import DialplanDoor
from tests.ari.rig import TRUNK, House, a_house, eventually
from tests.ari.test_dialplan_door import DEFAULTS, comes_in, gone_on
from tests.fakes import FakeAsterisk

HOOKS = {"VCA": Hook("VCA", "https://hooks.example/vca")}
LOOKED_UP = next(name for name, registered in OTHER_DOORS.items() if registered)
SET = next(name for name, registered in OTHER_DOORS.items() if not registered)


class Planner:
    """Plans a sentence for whoever comes in, and remembers for whom. ``invalid``: it plans nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None, Mapping[str, Hook]]] = []
        self.invalid: Invalid | None = None

    def __call__(
        self, number: str | None, caller: str | None, hooks: Mapping[str, Hook], _: CallDefaults, /
    ) -> CallPlan:
        self.asked.append((number, caller, hooks))
        if self.invalid is not None:
            raise self.invalid
        return CallPlan(number, caller, "default", "en", (Say("Hello."),), lead_in=0.0, tail=0.0, inbound=True)


class Registry:
    """What an account has registered. ``fault``: why nobody can say; ``silent``: it does not answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.silent = False

    async def hooks(self, account: str, /) -> Mapping[str, Hook]:
        self.asked.append(account)
        if self.silent:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return HOOKS


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.03)
    monkeypatch.setattr(dialplan, "HOOKS_WITHIN", 0.05)


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def house(asterisk: FakeAsterisk, planner: Planner, registry: Registry) -> AsyncIterator[House]:
    async with a_house(asterisk) as house:
        house.stasis.door = DialplanDoor(
            house.stasis,
            "default",
            DEFAULTS,
            {"default": TRUNK},
            doors={LOOKED_UP: planner, SET: planner},
            hooks=registry.hooks,
        )
        await house.legs_back()
        yield house


async def test_a_call_of_another_door_is_planned_there_and_called_so(
    house: House, asterisk: FakeAsterisk, planner: Planner, registry: Registry
) -> None:
    for door, hooks in ((LOOKED_UP, HOOKS), (SET, {})):
        seen = await gone_on(comes_in(asterisk, f"door={door}"))
        assert (seen["STATUS"], seen["REASON"]) == ("completed", "")
        summary = await house.summary(seen["CALL"])
        assert (summary["direction"], summary["door"], summary["to"]) == ("inbound", door, "100")
        assert planner.asked.pop() == ("100", summary["from"], hooks)
    assert registry.asked == ["default"], "who registers nothing is not looked up"
    await house.legs_back()


async def test_what_the_dialplan_says_of_it_goes_along(house: House, asterisk: FakeAsterisk) -> None:
    call = comes_in(asterisk, f"door={SET},then=hangup,header=X-Customer", headers=[("X-Customer", "C-1")])
    await eventually(lambda: house.ledger.finished)
    (summary,) = house.ledger.finished
    assert (summary["door"], summary["metadata"]) == (SET, {"X-Customer": "C-1"})
    await eventually(lambda: call.over)
    assert [line.extension for line in call.then] == ["h"], "it was hung up, and did not go on"


async def test_who_can_not_be_planned_for_goes_on(house: House, asterisk: FakeAsterisk, planner: Planner) -> None:
    planner.invalid = Invalid("nobody_to_ask", "door needs somebody to ask, and there is nobody")
    assert await gone_on(comes_in(asterisk, f"door={SET}")) == {
        "STATUS": "invalid",
        "REASON": "nobody_to_ask",
        "CALL": "",
    }
    assert house.ledger.finished == []


@pytest.mark.parametrize("silent", [True, False])
async def test_a_caller_does_not_wait_for_a_store_that_is_away(
    house: House, asterisk: FakeAsterisk, registry: Registry, planner: Planner, *, silent: bool
) -> None:
    registry.silent, registry.fault = silent, OSError("away")
    seen = await gone_on(comes_in(asterisk, f"door={LOOKED_UP}"))
    assert (seen["STATUS"], seen["REASON"]) == ("failed", "store_unavailable")
    assert not planner.asked
    assert not house.ledger.finished


async def test_a_door_that_is_not_there_takes_nobody(house: House, asterisk: FakeAsterisk) -> None:
    house.stasis.door = DialplanDoor(house.stasis, "default", DEFAULTS, {"default": TRUNK})
    seen = await gone_on(comes_in(asterisk, f"door={SET}"))
    assert (seen["STATUS"], seen["REASON"]) == ("invalid", "not_supported")
