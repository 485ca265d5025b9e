"""SIPp and baresip as callees: what our agent says of Asterisk, and Asterisk of our agent, holds for others too."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.media.g711 import ulaw_decode
from tests.scenarios.programs import baresip, heard_by_baresip, may_send_raw, sipp
from tests.scenarios.world import World, code

pytestmark = pytest.mark.asterisk

NUMBER = "+15550123"


@pytest.mark.skipif(not may_send_raw(), reason="SIPp sends recorded keys through a raw socket, which needs root")
async def test_sipp_gets_a_code_and_keys_an_answer(real_world: World, tmp_path: Path) -> None:
    async with sipp(tmp_path, "1479#") as program:
        gather = Gather(DigitRules(max_digits=8), type_ahead="keep", sensitive=False)
        plan = real_world.plan(code("482"), gather, to=NUMBER)
        summary = await real_world.call(plan, trunk=program.dial)
        assert await program.ended() == 0, program.log.read_text(errors="replace")
    assert summary["delivered"] is True
    (collected,) = summary["collected"]
    assert (collected["digits"], collected["ended_by"]) == ("1479", "terminator")
    assert summary["outcome"]["ended_by"] == "plan"


async def test_baresip_hears_the_code(real_world: World, tmp_path: Path) -> None:
    async with baresip(tmp_path, NUMBER.removeprefix("+")) as program:
        plan = real_world.plan(code("4829"), to=NUMBER, tail=0.5)
        summary = await real_world.call(plan, trunk=program.dial)
    assert summary["delivered"] is True
    (pushed,) = await real_world.sound_of(plan)
    # Its table of mu-law has 2 where others have 0.
    expected = array("h", (2 if byte == 0xFF else value for byte, value in zip_pcm(pushed.audio)))
    heard = array("h", heard_by_baresip(tmp_path))
    assert heard[: len(expected)] == expected[: len(heard)]
    # Its jitter buffer plays a frame when the next one comes: what is sent last must not be the code.
    assert len(heard) >= max(pushed.ends.values()), "the end of the code stayed in the jitter buffer"


def zip_pcm(audio: bytes) -> Iterator[tuple[int, int]]:
    """Return each byte of mu-law with its sample."""
    return zip(audio, array("h", ulaw_decode(audio)), strict=True)
