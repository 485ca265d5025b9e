"""Worlds for scenarios: a story that can be is told to the fake and to a real Asterisk, so that the fake stays honest.

One real Asterisk serves the whole run; stories that kill one start their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.fakes import FakeAsterisk
from tests.scenarios.callers import DIALPLAN, MODULES
from tests.scenarios.figures import FIGURES, Figures
from tests.scenarios.minute import Watch
from tests.scenarios.world import NOBODY, World

BOTH: Final = ["fake", pytest.param("real", marks=pytest.mark.asterisk)]


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """A real Asterisk with a talkative log, for all scenarios."""
    folder = tmp_path_factory.mktemp("asterisk")
    instance = asyncio.run(
        AsteriskInstance.start(folder, trunk=NOBODY, verbose=5, debug=3, extensions=DIALPLAN, extra_config=MODULES)
    )
    yield instance
    asyncio.run(instance.stop())


@pytest.fixture(params=BOTH)
def kind(request: pytest.FixtureRequest) -> AsteriskInstance | None:
    """The real Asterisk; None for the fake. Not async: an instance is started outside of event loops."""
    return request.getfixturevalue("asterisk") if request.param == "real" else None


@pytest.fixture
async def world(kind: AsteriskInstance | None) -> AsyncIterator[World]:
    """A world on the fake, and then on the real one."""
    if kind is not None:
        async with World(kind) as world:
            yield world
    else:
        async with FakeAsterisk() as fake, World(fake) as world:
            yield world


@pytest.fixture
async def fake_world() -> AsyncIterator[World]:
    """A world on the fake only."""
    async with FakeAsterisk() as fake, World(fake) as world:
        yield world


@pytest.fixture
async def real_world(asterisk: AsteriskInstance) -> AsyncIterator[World]:
    """A world on the real Asterisk only; mark such tests ``asterisk``."""
    async with World(asterisk) as world:
        yield world


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Look over the shoulder of whoever sends audio."""
    return Watch(monkeypatch)


@pytest.fixture
def figures() -> Figures:
    """Call it with a line."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    if FIGURES.lines:
        terminalreporter.section("scenarios: measured")
        for line in FIGURES.lines:
            terminalreporter.write_line(line)
