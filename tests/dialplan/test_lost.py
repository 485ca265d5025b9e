"""Callers of whom the service does not know: it has died and is back, or Asterisk could not tell that they came.

All of them go on in the dialplan, with the limit that they had there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dialplan.house import SOON, House, dialplan, open_house, until, way

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]
LOOKED = 15.0
"""Seconds between two looks of the service for callers of whom it was not told (``otpvoice.ari.node.LOOK_EVERY``)."""
ASKED = "gather=4,first_digit_timeout=60,prompt=Please enter your number"
WAYS = (
    # A catch-all without FILTER(), as it is found everywhere.
    way("_1X!", "Stasis(otpvoice,say=Hello)", "Set(WENT_ON=${TIMEOUT(absolute)})", "Hangup()"),
    way("named", f'Stasis("otpvoice",{ASKED})', "Set(WENT_ON=${TIMEOUT(absolute)})", "Hangup()"),
)
NO_UTF_8 = "100%ff"


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def lost(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("lost")) as house:
        (house.asterisk.folder / "etc" / "extensions_local.conf").write_text(dialplan(*WAYS))
        await house.asterisk.cli("dialplan reload")
        yield house


async def test_an_extension_that_is_no_utf_8_keeps_nobody_in_silence(lost: House) -> None:
    """Asterisk can make no event of it (``Failed to pack JSON for StasisStart message``), nor an answer."""
    assert lost.service is not None
    caller = lost.calls(NO_UTF_8)
    await until(lambda: "Failed to pack JSON for StasisStart message" in lost.log)
    told = await caller.told(within=LOOKED + SOON)
    assert (told["STASISSTATUS"], told["WENT_ON"]) == ("SUCCESS", "0")
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("failed", "events_lost")
    assert "Traceback" not in lost.service.log_path.read_text()


async def test_whoever_was_there_when_the_service_died_goes_on_with_a_limit_of_its_own(lost: House) -> None:
    assert lost.service is not None
    free = lost.calls("limited", X_Args=ASKED, X_Limit="0")
    limited = lost.calls("limited", X_Args=ASKED, X_Limit="1000")
    sooner = lost.calls("limited", X_Args=ASKED, X_Limit="50")
    named = lost.calls("named")
    await asyncio.gather(*(caller.hears() for caller in (free, limited, sooner, named)))
    unheard_of = lost.calls(NO_UTF_8)
    await until(lambda: bool(unheard_of.channel))
    shown = await lost.asterisk.cli(f"core show channel {limited.channel}")
    assert "OTPVOICE_LIMIT=" in shown
    lost.service.kill()
    await until(lambda: "Deactivating Stasis app 'otpvoice'" in lost.log)
    await lost.service.restart()
    for caller in (free, limited, sooner, named, unheard_of):
        told = await caller.told()
        assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("failed", "app_lost")
        left = float(told["WENT_ON"])
        match caller:
            case _ if caller is limited:
                assert 900 < left < 1000
            case _ if caller is sooner:
                assert 0 < left < 50
            case _:
                assert left == 0, "none of ours is left"
    await lost.service.ready()
    assert (await lost.calls("raw", X_Args="say=Hello").told())["OTPVOICE_STATUS"] == "completed"
