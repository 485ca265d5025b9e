"""A fake with a client on it, in a hurry or in real time; and both worlds, the fake and the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Invite, Scenario
from tests.fakes import FakeAsterisk
from tests.fakes.plain_client import APP, Client, Rig
from tests.fakes.two_callers import FakeExchange, RealExchange
from tests.fakes.two_worlds import Person, Spoken, World

# For the tests' own dialplan, which tells what it sees.
MODULES: Final = {"modules.conf": "load = func_global.so\nload = res_clioriginate.so"}


@pytest.fixture
async def fast() -> AsyncIterator[Rig]:
    """Twenty seconds in one."""
    async with Rig(speed=20.0) as rig:
        yield rig


@pytest.fixture
async def real() -> AsyncIterator[Rig]:
    """In real time."""
    async with Rig(speed=1.0) as rig:
        yield rig


@pytest_asyncio.fixture(
    loop_scope="module", scope="module", params=["fake", pytest.param("asterisk", marks=pytest.mark.asterisk)]
)
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    # Media sockets on connections of their own: Asterisk closes those that it refuses without saying so.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        if request.param == "fake":
            async with FakeAsterisk() as fake:
                yield World(
                    Client(fake, session),
                    lambda number, person: person.tell_fake(fake, number),
                    FakeExchange(fake),
                    lambda: fake.calls[-1].digits,
                )
            return
        people: dict[str, Scenario] = {}

        def choose(invite: Invite) -> Scenario:
            return people.get(invite.number, Scenario.rejects(404))

        def tell(number: str, person: Person) -> None:
            people[number] = person.as_scenario()

        folder: Path = tmp_path_factory.mktemp("asterisk")
        async with (
            CalleeAgent(choose) as agent,
            await AsteriskInstance.start(
                folder / "run", trunk=agent.address, rtp_ports=40, extra_config=MODULES
            ) as asterisk,
        ):
            yield World(
                Client(Spoken(asterisk), session),
                tell,
                RealExchange(asterisk, agent),
                lambda: agent.calls[-1].recording.digits(),  # noqa: PLW0108 - of whoever is the last by then
            )


@pytest_asyncio.fixture(loop_scope="module")
async def world(place: World) -> AsyncIterator[World]:
    place.events = await place.ari.events()
    # Asterisk forgets an application lazily: a filter of the test before may still be there.
    await place.ari("PUT", f"/applications/{APP}/eventFilter", {})
    yield place
    await place.tidy_up()
