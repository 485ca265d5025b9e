"""The recipes of ``dialplan/`` as they are, on a real Asterisk: what callers hear and key, and what is known then.

``prepared.conf`` and ``connect.conf`` have files of their own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.testkit.callee import Ending, Scenario
from tests.dialplan.house import CODE, SOON, House, until, verdict
from tests.dialplan.stories import Stories

story = Stories()
ASK, WRONG = "s@otpvoice-pin:2", "s@otpvoice-pin:10"


# --- pin.conf ---------------------------------------------------------------------------------------------------------


@story()
async def a_pin_is_right(house: House) -> None:
    caller = house.calls("pin", caller="+15550301")
    await caller.keys("0829", at=ASK)
    await caller.at("s@otpvoice-pin-right:1")
    told = await caller.told()
    # Of the last Stasis(), which said thank you.
    assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"], told["OTPVOICE_DIGITS"]) == ("SUCCESS", "completed", "")
    assert await caller.phone.ended(within=SOON) is Ending.CALLEE_HUNG_UP


@story()
async def a_pin_is_wrong_once(house: House) -> None:
    caller = house.calls("pin", caller="+15550302")
    await caller.keys("4828", at=ASK)
    await caller.keys("4829", at=ASK, count=2)
    await caller.at("s@otpvoice-pin-right:1")
    assert (await caller.told())["OTPVOICE_STATUS"] == "completed"


@story("enrolled", "+15550304")
@story("a stranger", "+15550303")
async def a_pin_is_wrong_three_times(house: House, number: str) -> None:
    caller = house.calls("pin", caller=number)
    for count in (1, 2, 3):
        await caller.keys("1111", at=ASK, count=count)
    told = await caller.told()
    assert caller.path.count(WRONG) == 2
    assert "s@otpvoice-pin-right:1" not in caller.path
    # Said goodbye and hung up by otpvoice itself: then=hangup.
    assert caller.path[-2:] == ["s@otpvoice-pin:14", "h@otpvoice-pin:1"]
    assert told["OTPVOICE_STATUS"] == "completed"
    assert (await caller.summary())["outcome"]["ended_by"] == "plan"


@story("nothing", "#")
@story("too little", "12#")
async def no_pin_is_keyed(house: House, keys: str) -> None:
    """Asked three times by otpvoice itself. A hash key alone stands for nobody pressing anything, and is quicker."""
    caller = house.calls("pin", caller="+15550305")
    for _ in range(3):
        await caller.hears(0.5)
        await caller.press(keys)
    await caller.at("s@otpvoice-pin:12")
    assert caller.path.count(ASK) == 1
    assert (await caller.told())["OTPVOICE_STATUS"] == "completed"


@story()
async def a_caller_hangs_up_in_the_middle_of_the_question(house: House) -> None:
    caller = house.calls("pin", caller="+15550306")
    await caller.hears()
    await caller.phone.hang_up()
    told = await caller.told()
    assert told["OTPVOICE_STATUS"] == "hangup"
    assert caller.path[-1] == "h@otpvoice-pin:1"
    summary = await caller.summary()
    assert (summary["direction"], summary["state"]) == ("inbound", "ended")
    assert (*verdict(summary), summary["outcome"]["ended_by"]) == ("completed", None, "callee")
    assert f"otpvoice: call={told['OTPVOICE_CALL']} stasis=SUCCESS status=hangup reason= keys=\n" in house.log


@story()
async def a_pin_is_in_no_log(house: House) -> None:
    """Not in Asterisk's, at verbose 5, and not in ours."""
    caller = house.calls("pin", caller="+15550307")
    await caller.keys("9053", at=ASK)
    await caller.at("s@otpvoice-pin-right:1")
    await caller.told()
    assert house.service is not None
    # Threads have numbers, too: VERBOSE[9053], and so have the legs' ids.
    said = re.sub(r"\w+\[\d+\]", "", house.log)
    assert "@otpvoice-pin" in said
    assert re.findall(r"(?<!\d)9053(?!\d)", said) == []
    assert '"9053' not in house.service.log_path.read_text()


# --- hosted.conf ------------------------------------------------------------------------------------------------------


@story()
async def an_application_of_a_hosted_product_has_the_caller(house: House) -> None:
    """It is asked at the answer, gets the key, and hangs up."""
    menu = house.menu
    assert menu is not None
    caller = house.calls("telesign", caller="+15550171", X_Customer="C-9")
    await caller.hears()
    await caller.press("4")
    await caller.told()
    assert "h@otpvoice-hosted:1" in caller.path
    assert "telesign@otpvoice-hosted:2" not in caller.path, "hung up before it could go on"
    assert await caller.phone.ended(within=SOON) is Ending.CALLEE_HUNG_UP
    summary = await caller.summary()
    assert (verdict(summary), summary["door"]) == (("completed", None), "telesign")
    assert summary["metadata"] == {"X-Customer": "C-9"}
    await until(lambda: len(menu.of("+15550171")) == 3)
    asked, keyed, over = menu.of("+15550171")
    assert [event["event"] for event in (asked, keyed, over)] == ["incoming_call", "speak_completed", "call_completed"]
    assert keyed["data"]["collected_digits"] == "4"
    assert over["data"]["direction"] == "inbound"
    assert {event["reference_id"] for event in (asked, keyed, over)} == {summary["id"].removeprefix("call_").upper()}


@story()
async def who_is_not_hung_up_by_it_goes_on(house: House) -> None:
    caller = house.calls("telesign", caller="+15550172")
    await caller.hears()
    await caller.press("9")
    await caller.at("over@otpvoice-hosted:3")
    assert (await caller.told())["OTPVOICE_STATUS"] == "completed"


@story()
async def an_account_that_has_registered_nobody_is_nobody_s(house: House) -> None:
    caller = house.calls("8x8", caller="+15550173")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["OTPVOICE_CALL"]) == ("invalid", "nobody_to_ask", "")
    assert "s@otpvoice-unavailable:1" in caller.path


# --- call-out.conf ----------------------------------------------------------------------------------------------------


@story()
async def a_dialplan_calls_out_with_a_code(house: House) -> None:
    house.scenarios["15550401"] = Scenario.answers()
    asking = house.calls("715550401", X_Code="7305")
    callee = await house.callee("15550401")
    summary = await house.summary_of(callee.invite.request.call_id)
    assert (verdict(summary), summary["delivered"], summary["played"]["readings"]) == (("completed", None), True, 2)
    assert (summary["direction"], summary["door"]) == ("inbound", "dialplan")
    await asking.told()
    assert asking.logged("otpvoice: the call was SUCCESS")


@story()
async def a_dialplan_calls_somebody_who_is_busy(house: House) -> None:
    """All that ORIGINATE_STATUS says of it is that it failed."""
    house.scenarios["15550402"] = Scenario.rejects(486)
    asking = house.calls("715550402", X_Code="7305")
    await house.callee("15550402")
    await asking.told()
    assert asking.logged("otpvoice: the call was FAILED")


@story()
async def a_code_speaks_that_an_application_gave_its_channel(house: House) -> None:
    """The variable was not set by Set(): nothing of it is in the log."""
    caller = house.calls("code")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"], told["STASISSTATUS"]) == ("completed", "1", "SUCCESS")
    summary = await caller.summary()
    assert summary["played"]["readings"] == 2
    assert len(summary["played"]["digits"]) == 2 * len(CODE)


@story()
async def an_application_makes_the_channel_over_ari(house: House) -> None:
    """With the code in a variable of the request: it is spoken to the callee, and in no log."""
    house.scenarios["15550403"] = Scenario.answers()
    asterisk, code = house.asterisk, "q7X9k"
    login = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    order = {"endpoint": "PJSIP/15550403@trunk", "context": "otpvoice-code", "extension": "s", "priority": 1}
    async with (
        aiohttp.ClientSession(headers=login) as http,
        http.post(f"{asterisk.ari_url}/ari/channels", json=order | {"variables": {"OTP_CODE": code}}) as answer,
    ):
        assert answer.status == 200
    callee = await house.callee("15550403")
    summary = await house.summary_of(callee.invite.request.call_id)
    assert (verdict(summary), summary["delivered"]) == (("completed", None), True)
    assert len(summary["played"]["digits"]) == 2 * len(code)
    assert house.service is not None
    assert code not in house.log
    assert code not in house.service.log_path.read_text()


# --- header.conf, languages.conf --------------------------------------------------------------------------------------


@story()
async def a_header_becomes_metadata(house: House) -> None:
    odd = 'a "quoted", ${EXTEN}; $[1+1] & \\ value'
    caller = house.calls("header", X_Customer=odd, caller="+15550501")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"]) == ("completed", "1")
    summary = await caller.summary()
    assert summary["metadata"] == {"X-Customer": odd}
    assert (summary["from"], summary["to"]) == ("+15550501", "s")
    assert (summary["direction"], summary["door"], summary["delivered"]) == ("inbound", "dialplan", True)


@story()
async def a_header_that_is_not_there_is_no_metadata(house: House) -> None:
    assert (await house.calls("header").summary())["metadata"] == {}


@story("English", "1", "s@otpvoice-languages:9", "en-US")
@story("German", "2", "s@otpvoice-languages:11", "de-DE")
async def a_key_chooses_the_language(house: House, key: str, step: str, language: str) -> None:
    caller = house.calls("languages")
    await caller.keys(key, at="s@otpvoice-languages:1")
    await caller.keys("305#", at=step)
    told = await caller.told()
    assert (told["OTPVOICE_DIGITS"], told["OTPVOICE_DIGITS_ENDED_BY"]) == ("305", "terminator")
    assert "s@otpvoice-languages:5" not in caller.path
    summary = await caller.summary()
    assert summary["language"] == language
    (collected,) = summary["collected"]
    assert (collected["tag"], collected["digits"], collected["count"]) == ("customer", None, 3)


@story()
async def who_chooses_no_language_hears_both_and_has_the_first(house: House) -> None:
    caller = house.calls("languages")
    await caller.at("s@otpvoice-languages:5")
    await caller.at("s@otpvoice-languages:9")
    await caller.hears()
    await caller.phone.hang_up()
    assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(house: House) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    async with story.told_in(house) as told:
        yield told


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", story.names)
async def test_that(told: dict[str, asyncio.Task[None]], name: str) -> None:
    await told[name]


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_each_call_has_one_summary(house: House, told: dict[str, asyncio.Task[None]]) -> None:
    await asyncio.gather(*told.values(), return_exceptions=True)
    for call_id in house.over:
        await house.summary(call_id)  # the log is ahead of Redis
    summaries = await house.ended()
    assert len(summaries) > len(story.names)
    assert sorted(one["id"] for one in summaries) == sorted(house.over)
    assert {(one["direction"], one["state"]) for one in summaries} == {("inbound", "ended")}
    assert {one["door"] for one in summaries} == {"dialplan", "telesign"}
