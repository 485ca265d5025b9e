"""What the worst is: who is killed, silenced, stopped, and how they come back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, Final, assert_never

from tests.faults.matrix.calls import Act
from tests.faults.matrix.points import Fault
from tests.faults.matrix.stand import ROOT
from tests.faults.sites import LEGS, gather
from tests.scenarios.phones import Phone

REDIS_AWAY: Final = 5.0
FROZEN: Final = 30.0
WEDGED: Final = {("media", "wedged"), ("media", "wedged_there"), ("service", "media_wedged")}
"""What the doctor may find then, all with the advice to restart Asterisk (docs/doctor.md): a check and its fault."""


async def happens(act: Act, fault: Fault) -> list[str]:
    """Let it happen while the service stands still, and mend it. Returns what does not hold meanwhile."""
    stand = act.stand
    service = stand.service
    match fault:
        case Fault.WE_DIE:
            service.kill()
            if act.starting is not None:
                await act.starting  # it sees that what it started is dead
            await service.restart()
        case Fault.ASTERISK:
            stand.asterisk.kill()
            service.go_on()
            await stand.asterisk.restart()
        case Fault.REDIS:
            stand.site.redis.kill()
            service.go_on()
            await asyncio.sleep(REDIS_AWAY)
            await stand.site.redis.restart()
        case Fault.SILENT:
            assert stand.proxy is not None
            stand.proxy.black_hole("events")
            service.go_on()
        case Fault.FROZEN:
            await asyncio.sleep(FROZEN)
            service.go_on()
        case Fault.WEDGED:
            return await _wedged(act)
        case _:
            assert_never(fault)
    return []


async def _wedged(act: Act) -> list[str]:
    """Legs that wait are taken; then calls are refused, and the doctor knows why."""
    stand = act.stand
    assert stand.wedge is not None
    stand.wedge.hangs = True
    stand.service.go_on()
    said: list[str] = []
    others: list[Phone] = []
    try:
        # Each keeps its leg: what is free is soon taken.
        answer = await stand.site.post(_another(act, others), gather(4))
        while answer.status == 202 and len(others) <= 3 * LEGS:
            answer = await stand.site.post(_another(act, others), gather(4))
        if (answer.status, answer.code) != (503, "media_wedged"):
            said.append(f"a new call was answered {answer.status} {answer.code}")
        await stand.site.not_ready("media_wedged")
        findings = await _doctor(act)
        if not {(one["check"], one["fault"]) for one in findings} & WEDGED:
            said.append(f"the doctor does not know why: {[one for one in findings if one['fault'] is not None]}")
    finally:
        stand.wedge.hangs = False
    for phone in others[:-1]:
        await phone.picked_up()
        await phone.hang_up()
    return said


def _another(act: Act, others: list[Phone]) -> Phone:
    others.append(act.stand.site.answers())
    return others[-1]


async def _doctor(act: Act) -> list[dict[str, Any]]:
    config = act.stand.service.folder / "otpvoice.toml"
    environment = {"PATH": os.environ["PATH"], "OTPVOICE_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    doctor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otpvoice", "doctor", "--json", env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await doctor.communicate()
    findings: list[dict[str, Any]] = json.loads(said)["findings"]
    return findings
