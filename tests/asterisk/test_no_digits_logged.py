"""A code is spoken and keys are pressed, in a real call; none is in any file of Asterisk's, however talkative."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import pytest

from otpvoice.core.actions import Gather
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import SpeakingFinished
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.scenarios.world import NOBODY, World, code

pytestmark = pytest.mark.asterisk

CODE: Final = "859302"
KEYS: Final = "7164"
# One key a line: "DTMF end '7' received on PJSIP/trunk-00000000", "Got RTP RFC4733 from …", "Playing 'digits/8'".
SINGLE: Final = re.compile(rf"dtmf|rfc ?4733|digits?[ /]|'[{CODE}{KEYS}]'", re.IGNORECASE)


async def call_with_code_and_keys(folder: Path, extra: dict[str, str]) -> list[str]:
    """All that Asterisk wrote, wherever, of a call with a code and keys: the lines that tell one."""
    async with await AsteriskInstance.start(
        folder, trunk=NOBODY, verbose=3, extra_config=extra, rtp_ports=60
    ) as asterisk:
        async with World(asterisk) as world:
            phone = world.answers()
            gather = Gather(DigitRules(max_digits=len(KEYS), first_digit_timeout=5.0))
            call = await world.place(world.plan(code(CODE), gather, to=phone))
            await phone.picked_up()
            await call.seen(SpeakingFinished)
            await phone.press(KEYS)
            summary = await call.over()
        assert call.keys == [KEYS]
        assert summary["delivered"] is True
        # It was talkative enough to have told.
        assert "VERBOSE" in await asyncio.to_thread(asterisk.log_path.read_text)
    written = [
        path
        for part in ("log", "spool", "db", "cache", "output.log")
        for path in [folder / part, *(folder / part).rglob("*")]
    ]
    lines = [line for path in written if path.is_file() for line in path.read_text(errors="replace").splitlines()]
    assert len(lines) > 20
    return [line for line in lines if CODE in line or KEYS in line or SINGLE.search(line)]


async def test_no_code_and_no_key_is_written_down(tmp_path: Path) -> None:
    assert await call_with_code_and_keys(tmp_path / "asterisk", {}) == []


async def test_with_the_level_dtmf_each_key_would_be(tmp_path: Path) -> None:
    """So the test above can fail."""
    lines = await call_with_code_and_keys(tmp_path / "asterisk", {"logger.conf": "keys.log => dtmf"})
    ended = [found[1] for line in lines if (found := re.search(r"DTMF end '(.)' received", line))]
    assert "".join(ended) == KEYS
