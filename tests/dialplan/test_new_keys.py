"""Gates, replays, recordings by URL and webhooks of a dialplan's own calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.audio_files import sine, wav
from tests.adapters.sites import answering
from tests.dialplan.house import SOON, House, open_house, verdict
from tests.scenarios.endpoint import SECRET, Endpoint, opened_endpoint
from tests.scenarios.stories import side_by_side

pytestmark = pytest.mark.asterisk

QUICK = "speed=2,times=1"


async def test_keys_of_this_version(tmp_path: Path) -> None:
    recording = wav(sine(0.4).tobytes(), 8000)
    async with (
        answering({"/a.wav": lambda visit: visit.answer(recording)}) as site,
        opened_endpoint() as endpoint,
        open_house(tmp_path, url_allow="127.0.0.1", webhook_secrets=SECRET) as house,
    ):
        await side_by_side(
            presses_the_key(house),
            presses_nothing(house),
            hears_it_again(house),
            hears_a_recording(house, site.url("/a.wav", host="127.0.0.1")),
            is_not_answered_for_one_that_is_missing(house, site.url("/b.wav", host="127.0.0.1")),
            is_told_of(house, endpoint),
            *(
                is_invalid(house, arguments, reason)
                for arguments, reason in {
                    "say=A,gate=1": "conflict",
                    "code=4829,gate=12": "format",
                    "say=A,webhook=ftp://hooks.example/": "url",
                    "play=http://10.0.0.1/a.wav": "url",
                }.items()
            ),
        )


async def presses_the_key(house: House) -> None:
    caller = house.calls("raw", X_Args=f"code_var=OTP_CODE,gate=any,{QUICK}")
    await caller.hears()
    await caller.press("5")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"], told["WENT_ON"]) == ("completed", "1", "yes")


async def presses_nothing(house: House) -> None:
    """The first key decides a try: two wrong ones, and nothing that was to follow is done."""
    caller = house.calls("raw", X_Args=f"code_var=OTP_CODE,gate=1,gather=1,{QUICK}")
    for _ in range(2):
        await caller.hears()
        await caller.press("5")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["OTPVOICE_DELIVERED"]) == ("completed", "", "0")
    assert (told["OTPVOICE_DIGITS"], told["WENT_ON"]) == ("", "yes")
    summary = await caller.summary()
    assert (summary["delivered"], summary["played"]["digits"], summary["collected"]) == (False, [], [])
    assert [error["code"] for error in summary["errors"]] == ["gate_not_passed"]


async def hears_it_again(house: House) -> None:
    assert house.service is not None
    caller = house.calls("raw", X_Args=f"code_var=OTP_CODE,replay=1,{QUICK}")
    await caller.hears()
    await caller.press("1")  # while it is read
    async with asyncio.timeout(SOON):
        async for line in house.service.events():
            if line["event"] == "code.replayed":
                break
    await caller.phone.hang_up()
    told = await caller.told()
    assert (told["OTPVOICE_CALL"], told["OTPVOICE_STATUS"]) == (line["call"], "hangup")
    assert told["OTPVOICE_DELIVERED"] == "1"


async def hears_a_recording(house: House, url: str) -> None:
    caller = house.calls("raw", X_Args=f'"play={url}",times=2')
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"], told["WENT_ON"]) == ("completed", "0", "yes")
    assert caller.phone.recording.audible >= 2 * 0.4 - 0.05


async def is_not_answered_for_one_that_is_missing(house: House, url: str) -> None:
    caller = house.calls("raw", X_Args=f"play={url}")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("failed", "speech_unavailable")
    assert caller.phone.times.ack is None, "it was answered"
    assert verdict(await caller.summary()) == ("failed", "speech_unavailable")


async def is_told_of(house: House, endpoint: Endpoint) -> None:
    caller = house.calls("raw", X_Args=f"code_var=OTP_CODE,webhook={endpoint.url('/dialplan')},{QUICK}")
    call = (await caller.told())["OTPVOICE_CALL"]
    await endpoint.told("/dialplan", "call.ended")
    await endpoint.until(lambda: len(endpoint.at("/dialplan")) >= 4)
    told: dict[str, dict[str, Any]] = {post.type: post.call for post in endpoint.at("/dialplan")}
    assert told.keys() == {"call.answered", "code.delivered", "action.completed", "call.ended"}
    assert {one["id"] for one in told.values()} == {call}
    assert told["call.ended"] == await house.summary(call)


async def is_invalid(house: House, arguments: str, reason: str) -> None:
    told = await house.calls("raw", X_Args=arguments).told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["WENT_ON"]) == ("invalid", reason, "yes")
