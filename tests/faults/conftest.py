"""Parts for stories in which one of them dies. Those that survive are shared by all stories of the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.ari_proxy import AriProxy
from tests.scenarios.world import NOBODY


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """A real Asterisk that lives through the run, with a talkative log."""
    folder = tmp_path_factory.mktemp("asterisk")
    instance = asyncio.run(AsteriskInstance.start(folder, trunk=NOBODY, verbose=5, debug=3))
    yield instance
    asyncio.run(instance.stop())


@pytest.fixture
async def proxy(asterisk: AsteriskInstance) -> AsyncIterator[AriProxy]:
    """A way to its HTTP port that can be cut."""
    async with AriProxy(asterisk.ari_url) as proxy:
        yield proxy
