"""Follows a scenario on a live call, through the methods that a test could call by hand.

It hides no fault: what a scenario asks in vain (keys without telephone-event, a refused hold) is raised.
"""

from __future__ import annotations

import asyncio
from typing import assert_never

from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.facts import CallOver
from otpvoice.testkit.callee.incoming import IncomingCall
from otpvoice.testkit.callee.scenario import Answer, Reject
from otpvoice.testkit.callee.steps import HangUp, HeardAudio, HeardPackets, HeardSilence, Hold, Keys, Step, Tone, When


async def follow(call: Call) -> None:
    """Returns when nothing is left to do, or the call is over."""
    try:
        if isinstance(call, IncomingCall):
            await _decide(call)
        await call.answered()
        async with asyncio.TaskGroup() as steps:
            for step in call.scenario.steps:
                steps.create_task(_take(call, step))
    except* CallOver:
        pass  # the other side was faster


async def _decide(call: IncomingCall) -> None:
    scenario = call.scenario
    await asyncio.sleep(scenario.ring_after)
    if scenario.provisional is not None:
        call.ring(scenario.provisional, early_media=scenario.early_media)
    if scenario.ring:
        await asyncio.sleep(scenario.ring)
    match scenario.verdict:
        case Answer():
            call.answer()
        case Reject(status, reason, headers):
            call.reject(status, reason, headers)
        case None:
            pass
        case _:
            assert_never(scenario.verdict)


async def _take(call: Call, step: Step) -> None:
    await _moment(call, step.when)
    if step.start:
        await asyncio.sleep(step.start)
    match step:
        case Keys():
            await call.key(step)
        case Tone(frequency, seconds):
            await call.play_tone(frequency, seconds)
        case Hold(seconds):
            await call.hold(step.direction)
            await asyncio.sleep(seconds)
            await call.resume()
        case HangUp():
            await call.hang_up()
        case _:
            assert_never(step)


async def _moment(call: Call, when: When) -> None:
    match when:
        case None:
            pass
        case HeardAudio(seconds):
            await call.heard(seconds)
        case HeardSilence(seconds):
            await call.heard_silence(seconds)
        case HeardPackets(count):
            await call.heard_packets(count)
        case _:
            assert_never(when)
