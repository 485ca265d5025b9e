"""The callee agent as a real Asterisk sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Call, CalleeAgent, Ending, Law, Scenario

pytestmark = pytest.mark.asterisk

SOON = 15.0
# read: says back on the same line, as keys, what it was told.
EXTENSIONS = """
[callee]
exten => echo,1,Echo()
exten => read,1,Read(KEYS,,5,n,1,4)
 same => n,SendDTMF(${KEYS},100,100)
 same => n,Hangup(16)
"""
MODULES = "\n".join(f"load = {name}.so" for name in ("app_echo", "app_read", "app_senddtmf", "res_clioriginate"))


@asynccontextmanager
async def called(
    agent: CalleeAgent, folder: Path, extension: str, codecs: str = "ulaw"
) -> AsyncIterator[tuple[AsteriskInstance, Call]]:
    """A call from an Asterisk to the agent, with the extension at its other end."""
    async with await AsteriskInstance.start(
        folder / "asterisk",
        trunk=agent.address,
        codecs=codecs,
        extensions=EXTENSIONS,
        extra_config={"modules.conf": MODULES},
        rtp_ports=20,
    ) as asterisk:
        await asterisk.cli(f"channel originate PJSIP/15550100@trunk extension {extension}@callee")
        yield asterisk, await agent.next_call(within=SOON)


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario.answers().presses("77777", on=0.1, off=0.04),
        Scenario.answers().presses("12*D0", on=0.1, off=0.1),
        Scenario.answers().presses("90210", on=0.2, off=0.06, lose=frozenset({0})),
        Scenario.answers().presses("13579", on=0.06, off=0.1, end_packets=1),
        Scenario.answers().presses("24680", on=0.1, off=0.1, lose=frozenset({1, -1, -2})),
    ],
    ids=lambda scenario: str(scenario.steps[0].digits),
)
async def test_keys_arrive_exactly(scenario: Scenario, tmp_path: Path) -> None:
    async with CalleeAgent(scenario.with_silence(0.1)) as agent, called(agent, tmp_path, "read") as (_, call):
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.recording.digits() == "".join(stroke.digit for stroke in call.strokes)
        assert len(call.strokes) == 5


@pytest.mark.parametrize("law", Law)
async def test_a_tone_comes_back_whole(law: Law, tmp_path: Path) -> None:
    scenario = Scenario.answers(ring=0.1).with_laws(law).plays_tone(440, 1.0)
    async with CalleeAgent(scenario) as agent, called(agent, tmp_path, "echo", "ulaw,alaw") as (_, call):
        await call.heard(1.0, within=SOON)
        await call.hang_up()
        recording = call.recording
        assert recording.law is law
        assert recording.lost == 0
        (tone,) = recording.bursts()
        assert tone.seconds == pytest.approx(1.0, abs=0.002)  # the sine starts and ends below the threshold
        assert call.times.first_rtp is not None
        assert call.times.ok_sent is not None
        assert call.times.ok_sent < call.times.first_rtp


async def test_hold_and_resume_are_accepted(tmp_path: Path) -> None:
    async with CalleeAgent() as agent, called(agent, tmp_path, "echo") as (_, call):
        await call.answered(within=SOON)
        await call.hold()
        await call.resume()
        await call.play_tone(440, 0.2)
        await call.heard(0.2, within=SOON)
        await call.hang_up()
        assert call.ended_by is Ending.CALLEE_HUNG_UP


async def test_an_answer_that_crosses_the_cancel_is_taken_back(tmp_path: Path) -> None:
    scenario = Scenario.answers_at_cancel()
    async with CalleeAgent(scenario) as agent, called(agent, tmp_path, "echo") as (asterisk, call):
        await call.until(lambda: call.times.ringing is not None, within=SOON)
        channel = (await asterisk.cli("core show channels concise")).partition("!")[0]
        await asterisk.cli(f"channel request hangup {channel}")
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.times.ok_sent is not None
        assert call.times.ack is not None
