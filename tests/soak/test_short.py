"""A soak of seconds: the endpoint fails, the service dies among calls, and the checker judges what is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.soak import client
from tests.soak.plan import Callee, Fault, Kind, Trouble, asks
from tests.soak.run import Plan, soak

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(150)]

SEED: Final = 5
SECONDS: Final = 8.0
DIES: Final = 5.0
TROUBLES: Final = (Fault(Trouble.HOOK_RESET, 0.5, 2.0), Fault(Trouble.SERVICE_KILLED, DIES, 0.0))


async def test_a_soak_of_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LATER_LOOK", 3.0)
    # A request in whose middle the service dies is "being answered" for a minute, which is longer than this.
    planned = [ask for ask in asks(SEED, SECONDS, 2.0) if not DIES - 1 < ask.at < DIES]
    calls = [ask for ask in planned if ask.callee is not Callee.NEVER_ANSWERS]
    # Somebody who is listened to when it dies.
    long = replace(calls[0], kind=Kind.GATHER, callee=Callee.LISTENS, ring=0.0, hasty=None)
    calls += [replace(long, number=1000 + number, at=1.5 + 0.4 * number) for number in range(3)]
    lines: list[str] = []
    done = await soak(tmp_path, SEED, SECONDS / 60, 2.0, plan=Plan(tuple(calls), TROUBLES), tell=lines.append)
    assert [str(verdict) for verdict in done.verdicts if not verdict.holds] == []
    assert done.problems == []
    assert {fault for fault, _ in done.troubles} == set(TROUBLES)
    assert done.accepted == done.asked.total() == len(calls) == done.outcomes.total()
    assert done.outcomes["failed / app_lost"] > 0
    assert done.repeated > 0
    assert lines[0].startswith(f"SEED={SEED} ")
