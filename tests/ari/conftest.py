"""A fake Asterisk for each test, in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from otpvoice import session
from tests.ari.rig import House, a_house
from tests.fakes import FakeAsterisk


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pushes speech out of a jitter buffer is a frame long: nobody has one here."""
    monkeypatch.setattr(session, "LEAD_OUT", 0.02)


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as asterisk:
        yield asterisk


@pytest.fixture
async def house(asterisk: FakeAsterisk) -> AsyncIterator[House]:
    """A switchboard that is ready, with one to four legs."""
    async with a_house(asterisk) as house:
        yield house
