"""Calls that are taken and refused: written, ended and told, and nobody's telephone is in their way or in use."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import Change, Owner
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.chronicle import Allowance, Chronicle
from otpvoice.core.actions import Say, SayCode
from otpvoice.core.idempotency import Claimed, KeyAnswered
from otpvoice.core.outcome import Fault
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord
from otpvoice.core.refusal import MESSAGES
from otpvoice.core.secret import OtpCode
from otpvoice.stasis import NotTaken, StasisApp, new_call_id
from tests.ari.rig import Tones, eventually

TO: Final = "+442079460123"
HOOK: Final = "https://hooks.example/otp"
KEY: Final = b"k" * 32
LOCALES: Final = load_locales()


class Switchboard:
    """A switchboard without any Asterisk, over the chronicle and a store in memory."""

    def __init__(self, **allowance: Any) -> None:
        self.store = MemoryStore(ttl=3600, owner=Owner("a", "1"))
        self.writes = KeptWrites(self.store)
        self.written: list[Change] = []
        self.chronicle = Chronicle(
            self.store, self.writes, {"shop": Allowance(**allowance)}, self.written.append, sealer=Sealer(KEY)
        )
        self.stasis = StasisApp("a", LOCALES, Tones(), self.chronicle, (self.chronicle.follow,))

    async def refuse(self, fault: Fault = Fault.NOT_ALLOWED, *, to: str = TO, **how: Any) -> dict[str, Any]:
        return await self.stasis.refuse(a_plan(to), fault=fault, account="shop", door="there", **how)

    async def taken(self, to: str = TO, **changes: Any) -> CallRecord:
        """Have an ordinary call kept, to be dialled."""
        record = CallRecord(
            new_call_id(), "shop", "there", a_plan(to), self.stasis._flow(a_plan(to)).proof, "n", "a", 1.0, **changes
        )
        await self.chronicle.accept(record)
        return record

    async def record(self, call_id: str) -> dict[str, Any]:
        """Return a record once all is written."""
        await eventually(lambda: not self.writes.pending)
        found = await self.store.get("shop", call_id)
        assert found is not None
        return found

    async def told(self) -> list[str]:
        await eventually(lambda: not self.writes.pending)
        return [one.type for one in await self.store.after("shop", None)]


def a_plan(to: str = TO, **changes: Any) -> CallPlan:
    given: dict[str, Any] = {"actions": (SayCode(OtpCode("918273")),), "webhook": Webhook(HOOK)} | changes
    return CallPlan(to, None, "default", "en-US", metadata={"clientRequestId": "7"}, **given)


@pytest.fixture
async def switchboard() -> Switchboard:
    return Switchboard()


@pytest.mark.parametrize("fault", MESSAGES)
async def test_a_call_that_must_not_begin_is_taken_and_over_at_once(switchboard: Switchboard, fault: Fault) -> None:
    taken = await switchboard.refuse(fault)
    assert (taken["state"], taken["outcome"], taken["to"], taken["door"]) == ("queued", None, TO, "there")
    assert switchboard.stasis.count == 0
    ended = await switchboard.record(taken["id"])
    assert (ended["state"], ended["outcome"]["class"], ended["outcome"]["reason"]) == ("ended", "failed", fault.value)
    assert ended["outcome"]["ended_by"] == "us"
    assert ended["errors"] == [{"code": fault.value, "message": MESSAGES[fault], "action": None}]
    assert (ended["dialed_at"], ended["answered_at"], ended["legs"], ended["delivered"]) == (None, None, [], False)
    assert ended["metadata"] == {"clientRequestId": "7"}
    assert await switchboard.told() == ["call.queued", "call.ended"]


async def test_it_is_told_where_other_calls_are_told(switchboard: Switchboard) -> None:
    await switchboard.refuse()
    await eventually(lambda: not switchboard.writes.pending)
    letters = await switchboard.store.letters("shop", dead=False)
    assert [(letter.type, letter.endpoint) for letter in letters] == [("call.queued", HOOK), ("call.ended", HOOK)]


async def test_what_is_wrong_with_it_is_said(switchboard: Switchboard) -> None:
    taken = await switchboard.refuse(Fault.SCENARIO_INVALID, why="a value for name is missing")
    ended = await switchboard.record(taken["id"])
    assert ended["errors"][0]["message"] == "a value for name is missing"


async def test_its_destination_is_neither_locked_nor_counted(switchboard: Switchboard) -> None:
    switchboard = Switchboard(destination_rates=((2, 600.0),), calls_in_progress=1)
    for _ in range(5):
        await switchboard.refuse()
    first = await switchboard.taken()
    # And what goes on there is not in its way.
    again = await switchboard.refuse()
    assert (await switchboard.record(again["id"]))["state"] == "ended"
    with pytest.raises(NotTaken) as busy:
        await switchboard.taken()
    assert (busy.value.reason, busy.value.facts) == ("destination_busy", {"call": first.id})


async def test_nobody_asks_for_more_of_them_than_of_other_calls() -> None:
    switchboard = Switchboard(rates=((2, 60.0),))
    await switchboard.refuse()
    await switchboard.taken()
    with pytest.raises(NotTaken) as limited:
        await switchboard.refuse()
    assert (limited.value.reason, limited.value.facts) == ("rate_limited", {"limit": "account_rate"})


async def test_an_idempotency_key_finds_it_again(switchboard: Switchboard) -> None:
    call_id = new_call_id()
    assert await switchboard.store.claim("shop", call_id, "f", "t") == Claimed()
    taken = await switchboard.refuse(call_id=call_id, token="t")
    assert taken["id"] == call_id
    await eventually(lambda: not switchboard.writes.pending)
    found = await switchboard.store.claim("shop", call_id, "f", "u")
    assert found == KeyAnswered(taken), "as it was answered first"


async def test_who_lost_the_claim_has_refused_nothing(switchboard: Switchboard) -> None:
    with pytest.raises(NotTaken):
        await switchboard.refuse(call_id=new_call_id(), token="never claimed")
    assert await switchboard.told() == []


async def test_nothing_is_sealed_for_a_next_life(switchboard: Switchboard) -> None:
    taken = await switchboard.refuse()
    assert "918273" not in json.dumps(taken)
    [change] = switchboard.written
    assert change.estate is not None
    assert change.estate.plan is None


async def test_a_refused_call_of_a_test_key_counts_among_test_calls(switchboard: Switchboard) -> None:
    switchboard = Switchboard(rates=((1, 60.0),))
    taken = await switchboard.refuse(test=True)
    assert (await switchboard.record(taken["id"]))["test"] is True
    await switchboard.taken()


async def test_whoever_drains_takes_none(switchboard: Switchboard) -> None:
    switchboard.stasis.draining = True
    with pytest.raises(NotTaken) as draining:
        await switchboard.refuse()
    assert draining.value.reason == "draining"
    assert await switchboard.told() == []


async def test_what_can_not_be_compiled_is_a_mistake_of_the_door(switchboard: Switchboard) -> None:
    plan = a_plan(actions=(Say("Hello."),))
    with pytest.raises(KeyError):
        await switchboard.stasis.refuse(plan, fault=Fault.MEDIA_LOST, account="shop", door="there")
    assert await switchboard.told() == []
