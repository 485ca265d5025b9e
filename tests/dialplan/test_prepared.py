"""A call that was prepared over HTTP, and comes by the dialplan: its id is all that Asterisk ever knows of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.dialplan.house import SOON, House, verdict
from tests.dialplan.stories import Stories

story = Stories()
SECRET = "57391462"
QUICK = {"gap": 0.1, "group": 0, "speed": 1.5, "times": 1, "template": "{code}"}
SAY_CODE = {"type": "say_code", "code": SECRET} | QUICK
GATHER = {"type": "gather", "max_digits": 4, "prompt": "Please enter your number", "first_digit_timeout": 60}


@story("the extension", "{id}", {})
@story("a header", "prepared-header", {"X_Otpvoice_Call": "{id}"})
@story("a variable", "prepared-variable", {"X_Id": "{id}"})
@story("a header with more in it", "prepared-header", {"X_Otpvoice_Call": '"{id}" ;'})
async def the_id_is_in(house: House, user: str, headers: dict[str, str]) -> None:
    """It is spoken, once; the same id is nobody's after that."""
    call_id = await house.prepare(SAY_CODE, metadata={"order": 7})
    given = {name: value.format(id=call_id) for name, value in headers.items()}
    caller = house.calls(user.format(id=call_id), caller="+15550701", **given)
    told = await caller.told()
    assert (told["OTPVOICE_CALL"], told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"]) == (call_id, "completed", "1")
    assert caller.path[-2:] == ["after@otpvoice-prepared:5", "h@otpvoice-prepared:1"]
    summary = await house.summary(call_id)
    assert (*verdict(summary), summary["delivered"]) == ("completed", None, True)
    assert (summary["direction"], summary["door"], summary["from"]) == ("inbound", "http", "+15550701")
    # An extension that is the id is nobody's number.
    assert summary["to"] == {"{id}": None, "prepared-header": "header", "prepared-variable": "variable"}[user]
    assert summary["metadata"] == {"order": 7}
    assert await house.ask("GET", f"/v1/calls/{call_id}") == (200, summary)
    again = house.calls(user.format(id=call_id), **given)
    assert await again.phone.decided(within=SOON) == 503
    told = await again.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["OTPVOICE_CALL"]) == ("invalid", "unknown_call", "")
    assert await house.summary(call_id) == summary


@story()
async def two_come_for_the_same_call(house: House) -> None:
    """One of them has it."""
    call_id = await house.prepare(SAY_CODE)
    callers = [house.calls("prepared-header", X_Otpvoice_Call=call_id) for _ in range(3)]
    told = [await caller.told() for caller in callers]
    assert sorted(one["OTPVOICE_STATUS"] for one in told) == ["completed", "invalid", "invalid"]
    assert (await house.summary(call_id))["delivered"] is True


@story()
async def a_prepared_call_collects_keys_and_takes_headers(house: House) -> None:
    call_id = await house.prepare(GATHER | {"tag": "pin", "sensitive": False}, metadata={"order": 7})
    caller = house.calls("raw", X_Args=f"call={call_id},header=X-Customer", X_Customer="Ä & Co; 7")
    await caller.hears()
    await caller.press("4711")
    told = await caller.told()
    assert (told["OTPVOICE_DIGITS"], told["OTPVOICE_DIGITS_ENDED_BY"], told["WENT_ON"]) == ("4711", "max_digits", "yes")
    summary = await house.summary(call_id)
    assert summary["metadata"] == {"order": 7, "X-Customer": "Ä & Co; 7"}
    assert summary["collected"][0]["digits"] == "4711"


@story()
async def a_prepared_call_is_hung_up_where_the_dialplan_says_so(house: House) -> None:
    call_id = await house.prepare(SAY_CODE)
    told = await house.calls("raw", X_Args=f"call={call_id},then=hangup").told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"], told["WENT_ON"]) == ("completed", "1", "")


@story()
async def a_call_that_was_not_prepared_is_refused(house: House) -> None:
    """The id of a call that otpvoice dials itself is no prepared one."""
    status, body = await house.ask("POST", "/v1/calls", {"to": "+15550799", "code": SECRET})
    assert status == 202
    told = await house.calls("prepared-header", X_Otpvoice_Call=body["id"]).told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", "unknown_call")


@story()
async def nobody_comes_in_time(house: House) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1)
    call_id = await house.prepare(SAY_CODE, valid_until=until.isoformat().replace("+00:00", "Z"))
    status, body = await house.ask("GET", f"/v1/calls/{call_id}")
    assert (status, body["state"], body["legs"]) == (200, "waiting", [])
    summary = await house.summary(call_id)
    assert verdict(summary) == ("expired", None)
    assert (summary["delivered"], summary["answered_at"]) == (False, None)
    told = await house.calls("prepared-header", X_Otpvoice_Call=call_id).told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", "unknown_call")


@story()
async def it_is_canceled_before_anybody_comes(house: House) -> None:
    call_id = await house.prepare(SAY_CODE)
    assert (await house.ask("POST", f"/v1/calls/{call_id}/hangup"))[0] == 202
    summary = await house.summary(call_id)
    assert (*verdict(summary), summary["outcome"]["ended_by"]) == ("canceled", None, "api")
    told = await house.calls("prepared-header", X_Otpvoice_Call=call_id).told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", "unknown_call")


@story()
async def the_caller_hangs_up_in_the_middle_of_the_code(house: House) -> None:
    call_id = await house.prepare(SAY_CODE | {"times": 3, "speed": 0.8})
    caller = house.calls("prepared-header", X_Otpvoice_Call=call_id)
    await caller.hears(0.5)
    await caller.phone.hang_up()
    told = await caller.told()
    assert (told["OTPVOICE_CALL"], told["OTPVOICE_STATUS"]) == (call_id, "hangup")
    summary = await house.summary(call_id)
    assert (*verdict(summary), summary["delivered"]) == ("completed", None, False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(house: House) -> AsyncIterator[dict[str, asyncio.Task[Any]]]:
    async with story.told_in(house) as told:
        yield told


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", story.names)
async def test_that(told: dict[str, asyncio.Task[Any]], name: str) -> None:
    await told[name]


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_the_code_is_nowhere(house: House, told: dict[str, asyncio.Task[Any]]) -> None:
    """Not in Asterisk's log at verbose 5, not in ours, not in Redis."""
    await asyncio.gather(*told.values(), return_exceptions=True)
    assert house.service is not None
    async with Redis.from_url(house.redis.url) as redis:
        kept = [str(await redis.get(key)) for key in await redis.keys("*:call:*")]
        kept.append(json.dumps(await house.ended()))
    assert len(kept) > len(story.names)
    for text in (house.log, house.service.log_path.read_text(), *kept):
        assert SECRET not in text
