"""More is asked for than can be served: who is taken is served or told the truth, who is not is told to come back.

What is little here is set so (a trunk's pace, an account's calls, legs), so that it is too little on any machine.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.serve import ServeInstance
from tests.fakes import FakeAsterisk
from tests.faults.entries import entered_by
from tests.faults.sites import Answer, Site, delivers, gather, open_site, say_code, verdict
from tests.scenarios.endpoint import SECRET, Endpoint, opened_endpoint
from tests.scenarios.phones import SOON, Phone
from tests.scenarios.stories import side_by_side

AT_A_TIME: Final = 4
"""Calls that the trunk carries."""
MOST: Final = 12
"""Calls that the account may have at a time, those in line included."""
FLOOD: Final = 60
"""Requests at once: five times of what is taken at the most."""
LEGS: Final = 2
CROWD: Final = 20
"""Requests at once for legs that are all taken."""
FEW: Final = 10
"""Requests at once while the loop is late."""


class Narrow(ServeInstance):
    """A service whose trunk carries few calls, and lets nobody wait for long."""

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "otpvoice.toml").open("a") as file:  # its last table is the trunk's
            file.write(f"calls_per_second = 10\nmax_calls = {AT_A_TIME}\nqueue_seconds = 4\n")
            file.write(f'[[account]]\nid = "default"\nlimits = {{ calls_in_progress = {MOST} }}\n')


async def asked(site: Site, count: int, *actions: dict[str, Any]) -> list[tuple[Phone, Answer]]:
    """Ask for so many calls at once, each to another phone."""
    phones = [site.answers() for _ in range(count)]
    return list(zip(phones, await asyncio.gather(*(site.post(phone, *actions) for phone in phones)), strict=True))


async def in_progress(site: Site, keys: str) -> tuple[Phone, str]:
    """Return a phone that has heard its code and is asked for so many keys, and its call."""
    phone = site.answers()
    call = await site.place(phone, say_code("482"), gather(len(keys), sensitive=False))
    await site.told("action.completed", call)
    return phone, call


async def is_unharmed(site: Site, call: str, phone: Phone, keys: str) -> None:
    """A call that was there before the others heard its code and was understood, and nobody rang it again."""
    summary = await site.summary(call)
    assert verdict(summary) == ("completed", None, "plan")
    assert summary["delivered"] is True
    assert [entry["digits"] for entry in summary["collected"]] == [keys]
    assert phone.rung == 1


def come_back(answers: list[tuple[Phone, Answer]]) -> Counter[tuple[int, str]]:
    """Return who was refused, by status and code. Each is told when to come back, and was not rung."""
    refused = [(phone, answer) for phone, answer in answers if answer.status != 202]
    for phone, answer in refused:
        assert answer.retry_after is not None
        assert int(answer.retry_after) >= 1
        assert phone.rung == 0
    return Counter((answer.status, answer.code) for _, answer in refused)


async def all_have_one_end(site: Site, endpoint: Endpoint | None = None) -> None:
    """Each call that was taken has one summary, and was told of once; no leg is missing afterwards."""
    for call in site.calls:
        await site.summary(call)
    ends = Counter(summary["id"] for summary in await site.all_summaries())
    assert ends == Counter(site.calls)
    if endpoint is not None:
        await endpoint.until(lambda: {post.call["id"] for post in ended(endpoint)} >= ends.keys())
        assert Counter(post.id for post in ended(endpoint)) == Counter({post.id for post in ended(endpoint)})
    await site.legs_back()
    await site.full()


def ended(endpoint: Endpoint) -> list[Any]:
    """Return what was told of ends."""
    return endpoint.at("/all", "call.ended")


@pytest.mark.asterisk
async def test_more_calls_than_can_be_served_harm_nobody(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async def over_what_the_trunk_carries() -> None:
        async with opened_endpoint() as endpoint:
            hook: dict[str, Any] = {
                "url_allow": "127.0.0.1",
                "webhook_secrets": SECRET,
                "webhook_url": endpoint.url("/all"),
            }
            async with open_site(tmp_path / "narrow", asterisk, serve=Narrow, **hook) as site:
                first, call = await in_progress(site, "7391")
                await first.press("73")
                answers = await asked(site, FLOOD, say_code("705"))
                await first.press("91")
                await is_unharmed(site, call, first, "7391")

                assert come_back(answers).keys() == {(429, "rate_limited")}
                taken = [(phone, answer.body["id"]) for phone, answer in answers if answer.status == 202]
                # One place was taken before; who had its end meanwhile made room for another.
                assert len(taken) >= MOST - 1
                for phone, late in taken:
                    summary = await site.summary(late)
                    # In time and whole, or not at all.
                    if summary["outcome"]["class"] == "expired":
                        assert (summary["delivered"], phone.rung) == (False, 0)
                    else:
                        assert verdict(summary) == ("completed", None, "plan")
                        assert (summary["delivered"], phone.rung) == (True, 1)
                await all_have_one_end(site, endpoint)
                await delivers(site)

    async def over_the_legs_there_are() -> None:
        async with open_site(tmp_path / "legless", asterisk, media_legs=f"{LEGS}:{LEGS}") as site:
            talking = [await in_progress(site, keys) for keys in ("31", "82")]
            answers = await asked(site, CROWD, say_code("705"))
            assert come_back(answers) == {(503, "no_media_leg"): CROWD}
            for (phone, call), keys in zip(talking, ("31", "82"), strict=True):
                await phone.press(keys)
                await is_unharmed(site, call, phone, keys)
            await all_have_one_end(site)
            await delivers(site)

    await side_by_side(over_what_the_trunk_carries(), over_the_legs_there_are())


async def refused(site: Site, within: float = SOON) -> Answer:
    """Ask, some at a time, while the loop is held up again and again, until one is refused. Nobody rings there."""

    async def ask(phone: Phone) -> Answer:
        answer = await site.ask("POST", "/v1/calls", json={"to": phone.number, "actions": [say_code("705")]})
        if answer.status == 202:
            site.calls.append(answer.body["id"])
        return answer

    async with asyncio.timeout(within):
        while True:
            os.kill(site.service.pid, signal.SIGUSR1)
            phones = [site.answers() for _ in range(FEW)]
            for phone, answer in zip(phones, await asyncio.gather(*map(ask, phones)), strict=True):
                if answer.status != 202:
                    assert phone.rung == 0
                    return answer


async def test_while_the_loop_is_late_some_are_told_to_come_back(tmp_path: Path) -> None:
    async with (
        FakeAsterisk() as fake,
        open_site(tmp_path, fake, serve=entered_by("stalling.py"), media_legs="2:400") as site,
    ):
        answer = await refused(site)
        assert (answer.status, answer.code) == (503, "overloaded")
        assert 1 <= int(answer.retry_after or 0) <= 5
        await all_have_one_end(site)
        await delivers(site)
