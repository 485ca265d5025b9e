"""Installations to examine: a real Asterisk and a real Redis, which tests break on purpose and mend again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Scenario
from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.redis import RedisInstance
from tests.doctor.installation import ENDPOINTS, Installation

NOBODY = ("127.0.0.1", 9)
"""A trunk for nobody (discard, RFC 863)."""


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """A real Asterisk as we ship it, with some more endpoints that nobody dials."""
    folder = tmp_path_factory.mktemp("asterisk")
    instance = asyncio.run(
        AsteriskInstance.start(folder, trunk=NOBODY, extra_config={"pjsip.conf": ENDPOINTS}, rtp_ports=100)
    )
    yield instance
    asyncio.run(instance.stop())


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisInstance]:
    """A real Redis that keeps what it is given."""
    instance = asyncio.run(RedisInstance.start(tmp_path_factory.mktemp("redis"), appendonly=True))
    yield instance
    asyncio.run(instance.stop())


@pytest.fixture
def installation(asterisk: AsteriskInstance, redis: RedisInstance, tmp_path: Path) -> Installation:
    """Both, with settings that fit."""
    return Installation(asterisk, redis, tmp_path / "otpvoice.toml")


@pytest.fixture
def nobodys_port() -> Iterator[int]:
    """A TCP port of loopback at which nobody listens."""
    ports = PortBlock.claim(10)
    yield ports.tcp
    ports.release()


@pytest.fixture
async def phone() -> AsyncIterator[CalleeAgent]:
    """A telephone that picks up."""
    async with CalleeAgent(Scenario.answers()) as phone:
        yield phone
