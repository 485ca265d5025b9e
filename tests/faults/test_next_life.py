"""What the next life has of the former one before it has taken everything over, and what the last minute of one is."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.serve import ServeInstance
from tests.faults.ari_proxy import KINDS, AriProxy
from tests.faults.asking import Asking
from tests.faults.matrix.stand import open_asterisk
from tests.faults.sites import POLL, Site, gather, open_site, say_code, verdict
from tests.scenarios.callers import RINGING, Caller, calls_in
from tests.scenarios.phones import SOON, AgentNetwork

pytestmark = pytest.mark.asterisk

KEY: Final = b64encode(bytes(range(64, 96))).decode()
IN_LINE: Final = 12
BY_API: Final = ("canceled", None, "api")


class OneAtATime(ServeInstance):
    """A service whose trunk carries one call, and lets others wait for their turn."""

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "otpvoice.toml").open("a") as file:  # its last table is the trunk's
            file.write("max_calls = 1\nqueue_seconds = 60\n")


async def prepared(site: Site) -> str:
    """Ask for a call that somebody has to come for."""
    answer = await site.ask("POST", "/v1/calls", json={"dial": False, "actions": [say_code("705")]})
    assert answer.status == 202, answer
    return str(answer.body["id"])


async def hang_up(site: Site, call: str) -> None:
    """Ask for its end."""
    answer = await site.ask("POST", f"/v1/calls/{call}/hangup")
    assert (answer.status, answer.body["id"]) == (202, call)


def comes_for(site: Site, asterisk: AsteriskInstance, call: str) -> Caller:
    """Have somebody call whose dialplan names this call."""
    stasis = f"otpvoice-{site.instance},call={call}"
    return calls_in(site.network, asterisk, stasis, RINGING, {})


async def is_there(asterisk: AsteriskInstance, site: Site) -> None:
    """Wait until Asterisk hands calls to it."""
    async with Asking(asterisk) as ask, asyncio.timeout(SOON):
        while await ask(f"applications/otpvoice-{site.instance}") is None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(POLL)


async def what_nobody_has_taken_over_yet_can_be_ended_and_called_for(asterisk: AsteriskInstance, folder: Path) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(AriProxy(asterisk.ari_url))
        opened = open_site(folder, asterisk, ari_url=proxy.url, serve=OneAtATime, secret_key=KEY)
        site = await stack.enter_async_context(opened)
        holding, queued = site.answers(), site.answers()
        held = await site.place(holding, gather(4))
        await site.told("call.answered", held)
        in_line, waiting, wanted = await site.place(queued, say_code("705")), await prepared(site), await prepared(site)
        site.service.kill()
        with proxy.shut(*KINDS):
            # HTTP is up, and who can't reach Asterisk takes nothing over.
            await site.service.restart()
            for call in (in_line, waiting):
                await hang_up(site, call)
            assert site.logged("call.adopted") == []
        await is_there(asterisk, site)
        caller = comes_for(site, asterisk, wanted)
        told = await caller.told()
        assert (told["OTPVOICE_CALL"], told["OTPVOICE_STATUS"], told["OTPVOICE_DELIVERED"]) == (
            wanted,
            "completed",
            "1",
        )
        assert verdict(await site.summary(wanted)) == ("completed", None, "plan")
        for call in (in_line, waiting):
            summary = await site.summary(call)
            assert verdict(summary) == BY_API
            assert summary["dialed_at"] is None
        assert verdict(await site.summary(held)) == ("failed", "app_lost", "us")
        assert (holding.rung, queued.rung) == (1, 0)
        # Nobody can come any more for one that was ended.
        late = await comes_for(site, asterisk, waiting).told()
        assert (late["OTPVOICE_STATUS"], late["OTPVOICE_REASON"]) == ("invalid", "unknown_call")
        assert len(await site.all_summaries()) == 4


async def who_stood_in_line_is_dialled_in_the_order_of_the_line(asterisk: AsteriskInstance, folder: Path) -> None:
    async with open_site(folder, asterisk, serve=OneAtATime, secret_key=KEY) as site:
        holding = site.answers()
        held = await site.place(holding, gather(4))
        await site.told("call.answered", held)
        # Who is called refuses: a line of many is through it in a moment.
        line = [site.rejects(486) for _ in range(IN_LINE)]
        calls = [await site.place(phone, say_code("705")) for phone in line]
        assert {(await site.show(call)).body["state"] for call in calls} == {"queued"}
        site.service.kill()
        await site.service.restart()
        ends = [verdict(await site.summary(call)) for call in calls]
        assert [end[0] for end in ends] == ["busy"] * IN_LINE
        assert isinstance(site.network, AgentNetwork)
        rung = [call.invite.number for call in site.network.agent.calls]
        assert [number.removeprefix("+") for number in rung] == [
            phone.number.removeprefix("+") for phone in (holding, *line)
        ]
        assert len(await site.all_summaries()) == 1 + IN_LINE


async def a_call_that_waits_can_be_ended_while_we_end(asterisk: AsteriskInstance, folder: Path) -> None:
    async with open_site(folder, asterisk, secret_key=KEY) as site:
        phone = site.answers()
        call, waiting = await site.place(phone, gather(1), say_code("705")), await prepared(site)
        await site.told("call.answered", call)
        site.service.terminate()
        await site.not_ready("draining")
        await hang_up(site, waiting)
        assert verdict(await site.summary(waiting)) == BY_API
        await phone.press("1")
        assert await site.service.ended() == 0
        assert verdict(await site.summary(call)) == ("completed", None, "plan")
        assert len(await site.all_summaries()) == 2


@pytest.mark.timeout(90)
async def test_what_a_life_leaves_is_ended_called_for_and_dialled_as_if_it_had_gone_on(tmp_path: Path) -> None:
    """Three stories side by side, on one Asterisk."""
    async with open_asterisk(tmp_path / "asterisk") as asterisk, asyncio.TaskGroup() as group:
        for number, story in enumerate(
            (
                what_nobody_has_taken_over_yet_can_be_ended_and_called_for,
                who_stood_in_line_is_dialled_in_the_order_of_the_line,
                a_call_that_waits_can_be_ended_while_we_end,
            )
        ):
            group.create_task(story(asterisk, tmp_path / str(number)), name=story.__name__)
