"""No service, one that dies, one that is told to stop: each caller goes on in the dialplan, or hears why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from otpvoice.testkit.callee import Ending
from tests.dialplan.house import SOON, Caller, House, open_house, until, verdict
from tests.dialplan.stories import Stories

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]
story = Stories()
Folders: TypeAlias = Callable[[], Path]
"""Makes a new folder."""
# A caller who is asked for a key, for ever so long.
ASKED = "gather=4,first_digit_timeout=60,prompt=Please enter your number"


@pytest.mark.parametrize(
    "user", ["pin", "languages", "header", "prepared-header", "prepared-variable", "call_0123", "+15550111"]
)
async def test_nobody_is_home(empty_house: House, user: str) -> None:
    """Nobody has answered the caller yet, so a carrier is told that it may try another way."""
    caller = empty_house.calls(user)
    assert await caller.phone.decided(within=SOON) == 503
    told = await caller.told()
    assert told["STASISSTATUS"] == "FAILED"
    assert told["OTPVOICE_STATUS"] == told["OTPVOICE_CALL"] == ""
    assert "s@otpvoice-unavailable:1" in caller.path


async def test_a_callee_who_has_picked_up_is_not_kept_when_nobody_is_home(empty_house: House) -> None:
    caller = empty_house.calls("code")
    assert await caller.phone.decided(within=SOON) == 603
    assert caller.path[-1] == "h@otpvoice-code:1"


async def test_a_caller_who_was_answered_hears_that_nobody_is_home(empty_house: House) -> None:
    caller = empty_house.calls("answered-pin")
    await caller.phone.answered(within=SOON)
    await caller.phone.heard(1.0, within=SOON)
    await caller.phone.hang_up()
    assert (await caller.told())["STASISSTATUS"] == "FAILED"


# --- the service dies, or is told to stop: each story has a house of its own ----------------------------------------


@story()
async def an_old_result_is_not_taken_for_a_new_one(folders: Folders) -> None:
    """The service dies between two Stasis(): the variables are still those of the first, but not STASISSTATUS."""
    async with open_house(folders()) as house:
        caller = house.calls("first")
        await caller.at("first@from-trunk:4")
        await killed(house)
        await house.asterisk.cli(f"channel redirect {caller.channel} otpvoice-pin,s,1")
        await caller.at("s@otpvoice-unavailable:1")
        await caller.hears(1.0)
        await caller.phone.hang_up()
        told = await caller.told()
        assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"]) == ("FAILED", "completed")


@story()
async def the_service_is_killed_and_comes_back(folders: Folders) -> None:
    """Who waited in silence goes on in the dialplan, told why; in Redis the call is not left open."""
    async with open_house(folders()) as house:
        assert house.service is not None
        caller = house.calls("raw", X_Args=ASKED)
        await caller.hears()
        await killed(house)
        meanwhile = house.calls("pin")
        assert await meanwhile.phone.decided(within=SOON) == 503
        await house.service.restart()
        told = await caller.told()
        assert (told["STASISSTATUS"], told["WENT_ON"]) == ("SUCCESS", "yes")
        assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("failed", "app_lost")
        await house.service.ready()
        following = house.calls("raw", X_Args="say=Hello")
        assert (await following.told())["OTPVOICE_STATUS"] == "completed"


@story()
async def the_service_is_killed_and_stays_away(folders: Folders) -> None:
    """TIMEOUT(absolute) is the way out of a dead Stasis: extension T, and the tone. The test moves it nearer."""
    async with open_house(folders()) as house:
        caller = house.calls("pin")
        await caller.hears()
        await killed(house)
        shown = await house.asterisk.cli(f"core show channel {caller.channel}")
        assert "OTPVOICE_STATUS=hangup" in shown
        await house.asterisk.cli(f"dialplan set chanvar {caller.channel} TIMEOUT(absolute) 0.5")
        await caller.at("T@otpvoice-pin:1")
        await caller.at("s@otpvoice-unavailable:1")
        await caller.hears(1.0)
        await caller.phone.hang_up()
        assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"


@story()
async def the_service_hangs_when_somebody_comes(folders: Folders) -> None:
    """Nobody has put a guard on the channel yet: what helps is a limit of the dialplan's own."""
    async with open_house(folders()) as house:
        assert house.service is not None
        house.service.pause()
        caller = house.calls("hurried")
        await caller.at("T@otpvoice-pin:1")
        assert await caller.phone.decided(within=SOON) == 503
        assert (await caller.told())["OTPVOICE_CALL"] == ""
        house.service.resume()
        following = house.calls("raw", X_Args="say=Hello")
        assert (await following.told())["OTPVOICE_STATUS"] == "completed"


@story()
async def the_service_is_told_to_stop_while_callers_wait(folders: Folders) -> None:
    """They have a moment to finish; then they go on in the dialplan, with a summary. New ones are not taken."""
    async with open_house(folders(), drain_timeout=1) as house:
        assert house.service is not None
        callers = [house.calls(user, X_Args=ASKED) for user in ("raw", "ringing", "up")]
        quick = house.calls("raw", X_Args="gather=1,first_digit_timeout=60,prompt=Please enter your number")
        await asyncio.gather(*(caller.hears() for caller in (*callers, quick)))
        house.service.terminate()
        late = await _refused(house)
        await quick.press("7")
        told = await quick.told()
        assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DIGITS"], told["WENT_ON"]) == ("completed", "7", "yes")
        for caller in callers:
            told = await caller.told()
            assert (told["STASISSTATUS"], told["WENT_ON"]) == ("SUCCESS", "yes")
            summary = await caller.summary()
            assert summary["direction"] == "inbound"
            assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == verdict(summary) == ("completed", "shutdown")
            assert told["OTPVOICE_DIGITS_ENDED_BY"] == "canceled"
            assert summary["outcome"]["ended_by"] == "us"
            assert await caller.phone.ended(within=SOON) is Ending.CALLEE_HUNG_UP
        assert await house.service.ended() == 0
        assert late["WENT_ON"] == "yes"
        assert await house.calls("pin").phone.decided(within=SOON) == 503


async def killed(house: House) -> None:
    """Kill the service, and wait until Asterisk has noticed: who comes before that waits in Stasis, too."""
    assert house.service is not None
    house.service.kill()
    await until(lambda: "Deactivating Stasis app 'otpvoice'" in house.log)


async def _refused(house: House) -> dict[str, str]:
    """Return what the first caller is told whom the stopping service does not take."""
    while True:
        caller: Caller = house.calls("raw", X_Args="gather=1,first_digit_timeout=0.1")
        told = await caller.told()
        if (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("failed", "draining"):
            return told


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, asyncio.Task[Any]]]:
    async with story.told_in(lambda: tmp_path_factory.mktemp("house")) as told:
        yield told


@pytest.mark.parametrize("name", story.names)
async def test_that(told: dict[str, asyncio.Task[Any]], name: str) -> None:
    await told[name]
