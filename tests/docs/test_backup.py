"""Backup and restore, as the administrator's page has them typed, on real ones."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from otpvoice.adapters.store import keys
from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import find
from otpvoice.testkit.redis import RedisInstance
from tests.docs.admin_page import block

RECORD, SINCE = "otpvoice:{a}:call:1", "otpvoice:{a}:call:2"
PLAN = keys.plan("a", "3")


async def answered(command: list[str], password: str, folder: Path, given: str = "") -> str:
    """Run a command; return what it said, also of errors. It has to end well."""
    environ = os.environ | ({"REDISCLI_AUTH": password} if password else {})
    done = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await asyncio.wait_for(done.communicate(given.encode()), 30)
    assert done.returncode == 0, said.decode()
    return said.decode().replace("\r", "")


async def asked(redis: RedisInstance, password: str, *commands: str) -> list[str]:
    """Ask a Redis; return the answers' lines."""
    program = [str(find("redis-cli")), "-p", str(redis.port)]
    return (await answered(program, password, redis.folder, "\n".join(commands))).splitlines()


async def typed(script: str, redis: RedisInstance, password: str, folder: Path) -> None:
    """Run what the page has typed, at this Redis and in this folder."""
    spare = PortBlock.claim(10)
    client, server = find("redis-cli"), find("redis-server")
    here = re.sub(r"redis-cli(?! -p)", f"{client} -p {redis.port}", script)
    here = here.replace("redis-cli -p 6390", f"{client} -p {spare.tcp}")
    # It waits 5 s for more that want a copy.
    here = here.replace("redis-server ", f"{server} --repl-diskless-sync-delay 0 ").replace("6390", str(spare.tcp))
    try:
        await answered(["bash", "-euc", here], password, folder)
    finally:
        spare.release()


@pytest.mark.parametrize("password", ["", "a-password-of-its-own"])
async def test_a_backup_can_be_restored(tmp_path: Path, password: str) -> None:
    """Into a Redis with an append-only file, and something else in it by then; it is still there after a restart."""
    async with (
        await RedisInstance.start(tmp_path / "first", appendonly=True) as first,
        await RedisInstance.start(tmp_path / "second", appendonly=True) as second,
    ):
        await asked(
            first, "", "CONFIG SET repl-diskless-sync-delay 0", f"SET {RECORD} ended EX 1000", f"SET {PLAN} sealed"
        )
        await asked(second, "", f"SET {SINCE} queued")
        for redis in (first, second):
            # Gone with the restart, like all that is set so.
            await asked(redis, "", f"CONFIG SET requirepass '{password}'")
        await typed(block("console backup"), first, password, tmp_path)
        assert (tmp_path / "otpvoice.rdb").read_bytes().startswith(b"REDIS")
        await typed(block("console restore"), second, password, tmp_path)
        assert "role:master" in await asked(second, password, "INFO replication")
        await second.restart()
        assert await asked(second, "", f"GET {RECORD}", f"EXISTS {SINCE}", f"EXISTS {PLAN}") == ["ended", "0", "0"]
        (left,) = await asked(second, "", f"TTL {RECORD}")
        assert 900 < int(left) <= 1000


async def test_without_its_password_nobody_gets_a_backup(tmp_path: Path) -> None:
    async with await RedisInstance.start(tmp_path / "first") as redis:
        await asked(redis, "", "CONFIG SET requirepass a-password-of-its-own")
        with pytest.raises(AssertionError, match=r"NOAUTH|Authentication"):
            await typed(block("console backup"), redis, "", tmp_path)
