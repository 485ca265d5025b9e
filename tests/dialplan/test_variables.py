"""What a channel knows: at the start, when it goes on, when it was hung up; and the limit that it had of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from otpvoice.testkit.callee import Ending
from tests.dialplan.house import CODE, SOON, Caller, House, verdict
from tests.dialplan.stories import Stories

story = Stories()
GATHER = "gather=4,first_digit_timeout=60,prompt=Please enter your number"


async def pressed(caller: Caller, keys: str) -> dict[str, str]:
    await caller.hears()
    await caller.press(keys)
    return await caller.told()


def known(told: dict[str, str]) -> tuple[str, ...]:
    return tuple(told[f"OTPVOICE_{name}"] for name in ("STATUS", "REASON", "DELIVERED", "DIGITS", "DIGITS_ENDED_BY"))


# --- ringing or up ----------------------------------------------------------------------------------------------------


@story("not yet ringing", "raw", [])
@story("ringing", "ringing", [180])
@story("up", "up", [])
async def a_channel_is_answered(house: House, user: str, provisionals: list[int]) -> None:
    """By us, where the dialplan has not."""
    caller = house.calls(user, X_Args=GATHER)
    told = await pressed(caller, "1234")
    assert known(told) == ("completed", "", "0", "1234", "max_digits")
    assert [status for status in caller.phone.provisionals if status != 100] == provisionals
    assert (caller.phone.status, told["WENT_ON"]) == (200, "yes")
    summary = await caller.summary()
    assert (summary["direction"], summary["door"], summary["state"]) == ("inbound", "dialplan", "ended")
    assert (summary["from"], summary["to"], summary["delivered"]) == ("+15550142", user, None)
    assert (*verdict(summary), summary["outcome"]["ended_by"]) == ("completed", None, "plan")
    assert summary["answered_at"] is not None
    (leg,) = summary["legs"]
    assert leg["sip_call_id"] == caller.phone.dialog.call_id


@story()
async def a_caller_gives_up_before_anybody_answers(house: House) -> None:
    """Whoever was first: the summary and the status say the same."""
    caller = house.calls("ringing", X_Args="say=" + "Hello " * 100)
    await caller.phone.rang(within=SOON)
    caller.phone.cancel()
    await caller.phone.decided(within=SOON)
    if not caller.phone.over:
        await caller.phone.ended(within=SOON)
    told = await caller.told()
    if told["OTPVOICE_CALL"]:
        assert told["OTPVOICE_STATUS"] == "hangup"
        summary = await caller.summary()
        assert summary["outcome"]["class"] in {"canceled", "completed"}
        assert summary["outcome"]["ended_by"] == "callee"


# --- at the start and at the end --------------------------------------------------------------------------------------


@story()
async def what_a_channel_has_while_it_is_with_us(house: House) -> None:
    caller = house.calls("raw", X_Args=GATHER)
    await caller.hears()
    shown = await house.asterisk.cli(f"core show channel {caller.channel}")
    variables = dict(re.findall(r"^(OTPVOICE_\w+)=(.*)$", shown, re.MULTILINE))
    assert variables["OTPVOICE_STATUS"] == "hangup"
    told = await pressed(caller, "1234")
    blank = {f"OTPVOICE_{name}": "" for name in ("REASON", "DIGITS", "DIGITS_ENDED_BY", "ERROR")}
    ours = {"OTPVOICE_CALL": told["OTPVOICE_CALL"], "OTPVOICE_STATUS": "hangup", "OTPVOICE_DELIVERED": "0"}
    # There was no TIMEOUT(absolute) of its own.
    assert variables == blank | ours | {"OTPVOICE_LIMIT": "0"}


@story("a terminator", GATHER, "12#", ("completed", "", "0", "12", "terminator"))
@story("in time", GATHER + ",inter_digit_timeout=0.3", "12", ("completed", "", "0", "12", "inter_digit_timeout"))
@story("keys that do not count", GATHER + ",valid=12", "9192#", ("completed", "", "0", "12", "terminator"))
@story("letters", "gather=4,first_digit_timeout=60,valid=ABCD,prompt=Hello", "ABCD", None)
async def keys_are_collected(house: House, arguments: str, keys: str, expected: tuple[str, ...] | None) -> None:
    caller = house.calls("raw", X_Args=arguments)
    assert known(await pressed(caller, keys)) == (expected or ("completed", "", "0", keys, "max_digits"))
    (collected,) = (await caller.summary())["collected"]
    assert collected["digits"] is None


@story()
async def keys_that_are_not_sensitive_are_in_the_summary(house: House) -> None:
    caller = house.calls("raw", X_Args=GATHER + ",sensitive=no,tag=number")
    await pressed(caller, "1234")
    (collected,) = (await caller.summary())["collected"]
    assert (collected["tag"], collected["digits"], collected["ended_by"]) == ("number", "1234", "max_digits")


@story("no key", "gather=4,first_digit_timeout=0.2,tries=2", ("completed", "", "0", "", "no_input"))
@story("a text", "say=Hello", ("completed", "", "0", "", ""))
@story("a code", f"code={CODE},times=1,speed=1.5,brand=Example", ("completed", "", "1", "", ""))
@story("a code from a variable", "code_var=OTP_CODE,times=1,speed=1.5", ("completed", "", "1", "", ""))
async def nothing_is_keyed(house: House, arguments: str, expected: tuple[str, ...]) -> None:
    caller = house.calls("raw", X_Args=arguments)
    told = await caller.told()
    assert known(told) == expected
    assert (told["STASISSTATUS"], told["WENT_ON"]) == ("SUCCESS", "yes")
    summary = await caller.summary()
    assert summary["delivered"] is (True if expected[2] == "1" else None)


@story()
async def a_channel_is_hung_up_at_the_end(house: House) -> None:
    """Its variables are set all the same: the extension h sees them, and the dialplan goes nowhere."""
    caller = house.calls("raw", X_Args="then=hangup," + GATHER)
    told = await pressed(caller, "1234")
    assert known(told) == ("completed", "", "0", "1234", "max_digits")
    assert told["WENT_ON"] == ""
    assert await caller.phone.ended(within=SOON) is Ending.CALLEE_HUNG_UP
    assert (await caller.summary())["outcome"]["ended_by"] == "plan"


@story()
async def a_call_is_hung_up_by_the_api(house: House) -> None:
    caller = house.calls("raw", X_Args=GATHER)
    await caller.hears()
    (call_id,) = re.findall(r"OTPVOICE_CALL=(\S+)", await house.asterisk.cli(f"core show channel {caller.channel}"))
    status, _ = await house.ask("POST", f"/v1/calls/{call_id}/hangup")
    assert status == 202
    told = await caller.told()
    assert (told["OTPVOICE_CALL"], told["OTPVOICE_STATUS"], told["WENT_ON"]) == (call_id, "completed", "")
    assert (await caller.summary())["outcome"]["ended_by"] == "api"


@story()
async def a_caller_hangs_up_after_two_keys(house: House) -> None:
    """What was keyed until then is nobody's any more: only the extension h comes, and the status is the start's."""
    number = "+15550177"
    caller = house.calls("raw", caller=number, X_Args=GATHER)
    await caller.hears()
    await caller.press("12")
    await house.counted(2, number)
    await caller.phone.hang_up()
    assert known(await caller.told()) == ("hangup", "", "0", "", "")
    summary = await caller.summary()
    assert (*verdict(summary), summary["outcome"]["ended_by"]) == ("completed", None, "callee")
    (collected,) = summary["collected"]
    assert (collected["count"], collected["ended_by"]) == (2, "hangup")


# --- TIMEOUT(absolute) ------------------------------------------------------------------------------------------------


@story("none of its own", "0", 0.0, 0.0)
@story("sooner than ours", "100", 60.0, 100.0)
@story("later than ours", "5000", 4960.0, 5000.0)
async def a_limit_is_put_back(house: House, limit: str, least: float, most: float) -> None:
    """Ours is on the channel meanwhile, unless its own comes sooner."""
    caller = house.calls("limited", X_Args="gather=1,first_digit_timeout=60,prompt=Hello", X_Limit=limit)
    told = await pressed(caller, "1")
    assert told["OTPVOICE_STATUS"] == "completed"
    assert least <= float(told["WENT_ON"]) <= most


@story()
async def a_limit_of_its_own_strikes_while_it_is_with_us(house: House) -> None:
    """It is the dialplan's word, so it holds; without an extension T the caller is hung up."""
    caller = house.calls("limited", X_Args=GATHER, X_Limit="2")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("hangup", "")
    summary = await caller.summary()
    assert summary["outcome"]["ended_by"] == "asterisk"


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(house: House) -> AsyncIterator[dict[str, asyncio.Task[Any]]]:
    async with story.told_in(house) as told:
        yield told


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", story.names)
async def test_that(told: dict[str, asyncio.Task[Any]], name: str) -> None:
    await told[name]
