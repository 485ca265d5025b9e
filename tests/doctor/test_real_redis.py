"""A real Redis that is hardened, managed, a cluster, far away, or speaks TLS: what it is, and who gets in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from redis.asyncio import Redis

from otpvoice.doctor import Patient, examine
from otpvoice.doctor.addresses import Nearness
from otpvoice.doctor.grounds import Grounds
from otpvoice.doctor.salvage import Salvaged
from otpvoice.doctor.store import asking, keeping, knocking, reached, rights
from otpvoice.doctor.store.knocking import Knock, knock
from otpvoice.doctor.store.seen import NoRedis, Seen
from otpvoice.testkit.redis import RedisInstance
from tests.doctor.installation import OTHER
from tests.doctor.test_examination import NOWHERE, RIGHT
from tests.doctor.words import name_of


@asynccontextmanager
async def configured(folder: Path, *lines: str) -> AsyncIterator[RedisInstance]:
    """A Redis with these lines in its redis.conf; ``{port}`` in them is the one behind its own."""

    class Configured(RedisInstance):
        def _prepare(self) -> None:
            super()._prepare()
            with (self.folder / "redis.conf").open("a") as file:
                file.write("".join(f"{line.format(port=self.port + 1)}\n" for line in lines))

    async with await Configured.start(folder, appendonly=True) as redis:
        yield redis


async def seen_at(url: str) -> Seen:
    seen, _ = await asking.look(url)
    assert isinstance(seen, Seen), seen
    return seen


async def exposure(url: str, *others: str) -> str:
    patient = Patient(RIGHT | {"OTPVOICE_REDIS_URL": url}, NOWHERE, list(others))
    [finding] = [one async for one in examine(patient, ["redis.exposure"])]
    return name_of(finding)


async def test_a_redis_whose_config_is_taken_away_works(tmp_path: Path) -> None:
    hidden = ('rename-command CONFIG ""', 'rename-command ACL ""', 'rename-command INFO ""')
    async with configured(tmp_path, *hidden) as redis:
        seen = await seen_at(redis.url)
    assert name_of(reached.judge(seen, server="r")) == "redis.ok"
    assert name_of(rights.judge(seen)) == "redis.permission.ok"
    assert name_of(keeping.judge_persistence(seen.info, seen.config)) == "redis.persistence.unknown"
    assert (seen.user, seen.info, seen.config) == ("default", {}, {})


@pytest.mark.parametrize(
    ("lines", "code", "command"),
    [
        (['rename-command EVALSHA ""'], "ERR", "EVALSHA"),
        (['rename-command "SCRIPT" ""'], "ERR", "SCRIPT LOAD"),
        (["cluster-enabled yes", "appendonly no"], "CLUSTERDOWN", "HSET"),
    ],
    ids=["evalsha", "script", "cluster"],
)
async def test_a_redis_that_can_t_work_is_named_by_what_it_says(
    tmp_path: Path, lines: list[str], code: str, command: str
) -> None:
    async with configured(tmp_path, *lines) as redis:
        finding = reached.judge(await seen_at(redis.url), server="r")
    assert name_of(finding) == "redis.refuses_writes"
    assert f"{command} ({code})" in finding.message


async def test_a_replica_that_has_lost_its_primary_is_a_replica(tmp_path: Path) -> None:
    stale = ("replicaof 127.0.0.1 9", "replica-serve-stale-data no")

    class Stale(RedisInstance):
        async def _answers(self) -> bool:
            return await knocking.speaks("127.0.0.1", self.port)

        def _prepare(self) -> None:
            super()._prepare()
            with (self.folder / "redis.conf").open("a") as file:
                file.write("\n".join(stale) + "\n")

    async with await Stale.start(tmp_path, appendonly=True) as redis:
        finding = reached.judge(await seen_at(redis.url), server="r")
    assert name_of(finding) == "redis.replica"
    assert "127.0.0.1:9" in finding.message


async def test_what_does_not_work_is_told_by_its_code(redis: RedisInstance) -> None:
    assert await asking.look(redis.url.replace("/0", "/99")) == (NoRedis("other", "it says ERR"), None)


@asynccontextmanager
async def far_away(redis: RedisInstance, seconds: float) -> AsyncIterator[str]:
    """The same Redis, behind a line on which every answer takes its time."""

    connections: list[asyncio.Task[None] | None] = []

    async def there(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        near_reader, near = await asyncio.open_connection("127.0.0.1", redis.port)

        async def back() -> None:
            while said := await near_reader.read(65_536):
                await asyncio.sleep(seconds)
                writer.write(said)
            writer.close()

        answering = asyncio.create_task(back())
        while asked := await reader.read(65_536):
            near.write(asked)
        near.close()
        await answering

    server = await asyncio.start_server(there, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        await asyncio.gather(*filter(None, connections))


async def test_a_redis_that_is_far_away_is_slow_and_there(redis: RedisInstance) -> None:
    async with far_away(redis, 0.22) as url:
        seen = await seen_at(url)
    assert name_of(keeping.judge_latency(seen.latency)) == "redis.latency.slow"
    assert name_of(reached.judge(seen, server="r")) == "redis.ok"


async def test_what_answers_and_then_falls_silent_is_told_after_how_long(
    redis: RedisInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LONGER", 0.1)
    async with far_away(redis, 0.2) as url:
        assert await asking.look(url) == (NoRedis("timeout", "0.1"), None)


# --- who gets in ------------------------------------------------------------------------------------------------------


async def test_tls_without_a_password_is_open_at_other_addresses(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    lines = (
        "tls-port {port}",
        f"tls-cert-file {tmp_path}/cert.pem",
        f"tls-key-file {tmp_path}/key.pem",
        f"tls-ca-cert-file {tmp_path}/ca.pem",
        "tls-auth-clients no",
        f"bind 127.0.0.1 {OTHER}",
    )
    async with configured(tmp_path / "redis", *lines) as redis:
        admin = Redis.from_url(redis.url)
        port, url = redis.port + 1, f"rediss://127.0.0.1:{redis.port + 1}/0?ssl_ca_certs={tmp_path}/ca.pem"
        assert await exposure(url, OTHER) == "redis.exposure.open"
        assert await exposure(url) == "redis.exposure.ok"
        await admin.config_set("bind", "127.0.0.1")
        assert await exposure(url, OTHER) == "redis.exposure.ok"
        assert await knock("127.0.0.1", port, tls=True) is Knock.OPEN
        assert await knock("127.0.0.1", port) is Knock.UNKNOWN
        await admin.config_set("tls-auth-clients", "yes")
        assert await knock("127.0.0.1", port, tls=True) is Knock.UNKNOWN
        await admin.config_set("requirepass", "s3cret")
        await admin.config_set("tls-auth-clients", "no")
        assert await knock("127.0.0.1", port, tls=True) is Knock.GUARDED
        await admin.aclose()


async def test_a_socket_beside_a_port_that_is_open_is_no_guard(tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    async with configured(tmp_path / "redis", f"unixsocket {socket}", f"bind 127.0.0.1 {OTHER}") as redis:
        assert await exposure(f"unix://{socket}", OTHER) == "redis.exposure.open"
        async with Redis.from_url(redis.url) as admin:
            await admin.config_set("bind", "127.0.0.1")
        assert await exposure(f"unix://{socket}", OTHER) == "redis.exposure.ok"


async def test_only_who_asks_for_a_password_has_one(nobodys_port: int) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    assert await knock("127.0.0.1", nobodys_port) is Knock.CLOSED
    for answer in (silent, other):
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            assert await knock("127.0.0.1", server.sockets[0].getsockname()[1]) is Knock.UNKNOWN


async def test_a_socket_in_the_file_system_is_here() -> None:
    """So that the folder of its data is looked at."""
    assert await Grounds(Salvaged(None), NOWHERE, []).nearness("unix:///run/redis.sock") is Nearness.HERE


def test_a_place_of_ipv6_is_written_in_brackets() -> None:
    assert asking.server_of("redis://:pw@[::1]:7711/0").shown == "[::1]:7711"
    assert asking.server_of("redis://h").shown == "h:6379"
