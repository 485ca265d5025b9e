"""``connect.conf`` as it is, on a real Asterisk: who is called, how many at once, and for how long.

One story after the other: that there is room for four is what all callers of the file share.
"""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from otpvoice.testkit.callee import Ending, Scenario
from tests.dialplan.house import SOON, Caller, House, until, verdict

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]
DIAL, GOODBYE = "connect@otpvoice-connect:4", "connect@otpvoice-connect:7"
ROOM = 4


def invited(house: House, number: str) -> int:
    return sum(call.invite.number == number for call in house.agent.calls)


async def left(house: House, caller: Caller) -> float:
    """Return the seconds until ``TIMEOUT(absolute)`` ends a channel's call: the console has the instant."""
    shown = await house.asterisk.cli(f"core show channel {caller.channel}")
    found = re.search(r"Time to Hangup: (\d+)", shown)
    assert found is not None, shown
    return int(found[1]) - time.time()


@pytest.mark.parametrize(("user", "number"), [("sales", "442079460001"), ("support", "442079460002")])
async def test_a_caller_is_connected_to_a_number_of_the_file(house: House, user: str, number: str) -> None:
    """Both hear each other; when the second hangs up, the first is told goodbye."""
    house.scenarios[number] = Scenario.answers(ring=0.2)
    caller = house.calls(user, caller="+15550142")
    callee = await house.callee(number)
    await callee.answered(within=SOON)
    assert callee.invite.caller == "+15550199"
    assert caller.path[-1] == DIAL
    await asyncio.gather(callee.play_tone(440, 1.0), caller.hears(0.5))
    await asyncio.gather(caller.phone.play_tone(620, 1.0), callee.heard(0.5, within=SOON))
    assert caller.path[-1] == DIAL
    await callee.hang_up()
    await caller.at(GOODBYE)
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["STASISSTATUS"]) == ("completed", "SUCCESS")
    assert invited(house, number) == 1


async def test_a_phone_of_the_house_is_connected_to_the_number_that_it_dials(house: House) -> None:
    house.scenarios["15550601"] = Scenario.answers()
    caller = house.calls("+15550601")
    callee = await house.callee("15550601")
    await callee.answered(within=SOON)
    await caller.phone.hang_up()
    await callee.ended(within=SOON)
    assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"


@pytest.mark.parametrize(
    ("number", "status", "outcome"), [("602", 486, "busy"), ("603", 404, "invalid_number")], ids=["busy", "no number"]
)
async def test_the_second_party_does_not_answer(house: House, number: str, status: int, outcome: str) -> None:
    """The caller is still there, and goes on."""
    house.scenarios[f"15550{number}"] = Scenario.rejects(status)
    caller = house.calls(f"+15550{number}")
    await caller.at(GOODBYE)
    await caller.told()
    found = [one for one in await house.ended() if len(one["legs"]) == 2 and one["legs"][1]["to"] == f"+15550{number}"]
    assert [one["legs"][1]["outcome"]["class"] for one in found] == [outcome]
    assert verdict(found[0]) == ("completed", None)


async def test_a_destination_that_is_not_allowed_is_not_rung(house: House) -> None:
    caller = house.calls("+4479460000")
    assert await caller.phone.decided(within=SOON) == 503
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", "destination_not_allowed")
    assert told["STASISSTATUS"] == "SUCCESS"


async def test_two_people_talk_no_longer_than_the_file_says(house: House) -> None:
    """Its own limit is kept, and ours makes it no later. It strikes (the test moves it nearer): the caller is told."""
    house.scenarios["15550604"] = Scenario.answers()
    caller = house.calls("+15550604")
    callee = await house.callee("15550604")
    await callee.answered(within=SOON)
    await asyncio.gather(callee.play_tone(440, 1.0), caller.hears(0.5))
    assert 500 < await left(house, caller) <= 601
    await house.asterisk.cli(f"dialplan set chanvar {caller.channel} TIMEOUT(absolute) 0.5")
    await caller.at("T@otpvoice-connect:1")
    assert await callee.ended(within=SOON) is Ending.CALLER_HUNG_UP  # by Asterisk
    await caller.hears(0.5)
    told = await caller.told()
    assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"]) == ("SUCCESS", "completed")
    assert caller.path[-2:] == ["T@otpvoice-connect:2", "h@otpvoice-connect:1"]


async def test_only_so_many_are_connected_at_once(house: House) -> None:
    """One too many is refused before anybody is rung for them, takes nobody's place, and has it when one is free."""
    house.scenarios["15550605"] = Scenario.answers(ring=60)
    callers = [house.calls("+15550605") for _ in range(ROOM)]
    await until(lambda: invited(house, "15550605") == ROOM)
    refused = house.calls("+15550605")
    assert await refused.phone.decided(within=SOON) == 503
    staying = house.calls("answered-sales")
    await staying.at("s@otpvoice-unavailable:1")
    assert invited(house, "15550605") == ROOM
    await callers[0].phone.hang_up()
    await callers[0].told()
    following = house.calls("+15550605")
    await until(lambda: invited(house, "15550605") == ROOM + 1)
    for caller in (*callers[1:], following, staying):
        await caller.phone.hang_up()
        await caller.told()
