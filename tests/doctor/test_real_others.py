"""A real Redis, endpoints and a voice that are set up wrongly: each time the doctor names what is wrong."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from redis.asyncio import Redis

from otpvoice.doctor.store import asking, commands
from otpvoice.testkit.redis import RedisInstance
from tests.adapters.test_store_redis import documented
from tests.doctor.installation import OTHER, Installation
from tests.doctor.words import name_of

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


@asynccontextmanager
async def ordered(
    redis: RedisInstance, *commands: tuple[str, ...], back: tuple[tuple[str, ...], ...]
) -> AsyncIterator[None]:
    """Within the block a Redis is set up in another way."""
    admin: Any = Redis.from_url(redis.url)
    try:
        for command in commands:
            await admin.execute_command(*command)
        yield
    finally:
        for command in back:
            await admin.execute_command(*command)
        await admin.aclose()


def config(name: str, value: str) -> tuple[str, ...]:
    return ("CONFIG", "SET", name, value)


async def test_a_redis_as_it_should_be_is_all_right(installation: Installation) -> None:
    assert await installation.faults("redis") <= {"redis.latency.slow"}
    assert len(await installation.examined("redis")) == 8
    async with Redis.from_url(installation.redis.url) as admin:
        assert await admin.keys("otpvoice:doctor:*") == []


async def test_a_redis_that_keeps_nothing_is_named(installation: Installation) -> None:
    async with ordered(installation.redis, config("appendonly", "no"), back=(config("appendonly", "yes"),)):
        assert await installation.faults("redis.persistence") == {"redis.persistence.forgets"}


async def test_a_redis_that_throws_away_is_named(installation: Installation) -> None:
    policy = "maxmemory-policy"
    async with ordered(installation.redis, config(policy, "allkeys-lru"), back=(config(policy, "noeviction"),)):
        assert await installation.faults("redis.eviction") == {"redis.eviction.evicts"}


async def test_a_wrong_password_is_named_and_not_told(installation: Installation) -> None:
    port = installation.redis.port
    installation.settings["redis_url"] = f"redis://voice:wr0ng-pa55@127.0.0.1:{port}/0"
    found = await installation.examined("redis")
    assert name_of(found[0]) == "redis.password"
    assert "wr0ng-pa55" not in str([one.to_json() for one in found])


async def test_a_password_that_is_missing_is_named(installation: Installation) -> None:
    admin: Any = Redis.from_url(installation.redis.url)
    await admin.execute_command("CONFIG", "SET", "requirepass", "s3cret")
    try:
        assert await installation.faults("redis") == {"redis.password"}
        installation.settings["redis_url"] = f"redis://:s3cret@127.0.0.1:{installation.redis.port}/0"
        assert await installation.faults("redis") <= {"redis.latency.slow"}
    finally:
        await admin.execute_command("CONFIG", "SET", "requirepass", "")
        await admin.aclose()


async def test_a_redis_without_a_password_that_others_reach_is_named(installation: Installation) -> None:
    installation.others = [OTHER]
    assert await installation.faults("redis.exposure") == set()
    async with ordered(installation.redis, config("bind", f"127.0.0.1 {OTHER}"), back=(config("bind", "127.0.0.1"),)):
        [found] = await installation.examined("redis.exposure")
    assert name_of(found) == "redis.exposure.open"
    assert OTHER in found.message


async def test_a_user_without_rights_is_named_with_the_commands(installation: Installation) -> None:
    port = installation.redis.port
    installation.settings["redis_url"] = f"redis://voice:pa55@127.0.0.1:{port}/0"
    user = ("ACL", "SETUSER", "voice", "on", ">pa55", "~otpvoice:*", *documented(), "-xadd", "-script|load")
    async with ordered(installation.redis, user, back=(("ACL", "DELUSER", "voice"),)):
        found = {name_of(one): one for one in await installation.examined("redis")}
    assert "XADD" in found["redis.permission.forbidden"].message
    assert "acl setuser voice '~otpvoice:*' +script|load +xadd" in found["redis.permission.forbidden"].remedy
    # What this user is not told is not guessed.
    assert {"redis.persistence.unknown", "redis.eviction.unknown", "redis.memory.unknown"} < set(found)


async def test_the_user_of_our_documentation_may_do_all(installation: Installation) -> None:
    installation.settings["redis_url"] = f"redis://voice:pa55@127.0.0.1:{installation.redis.port}/0"
    user = ("ACL", "SETUSER", "voice", "on", ">pa55", "~otpvoice:*", *documented())
    async with ordered(installation.redis, user, back=(("ACL", "DELUSER", "voice"),)):
        assert await installation.faults("redis.permission") == set()


def test_every_command_that_our_documentation_names_is_tried() -> None:
    tried = {f"+{command[0].lower().replace(' ', '|')}" for command in commands.COMMANDS}
    assert tried == set(documented())


async def test_a_replica_is_named(installation: Installation) -> None:
    replica = ("REPLICAOF", "127.0.0.1", "9")
    async with ordered(installation.redis, replica, back=(("REPLICAOF", "NO", "ONE"),)):
        assert await installation.faults("redis", "redis.permission") == {"redis.replica"}


async def test_a_redis_that_is_full_is_named(installation: Installation) -> None:
    async with ordered(installation.redis, config("maxmemory", "1000"), back=(config("maxmemory", "0"),)):
        found = await installation.faults("redis") - {"redis.latency.slow"}
    assert found == {"redis.refuses_writes", "redis.memory.full"}


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://redis.invalid:6379/0", "dns"),
        ("redis://127.0.0.1:{free}/0", "refused"),
        ("rediss://127.0.0.1:{redis}/0", "tls"),
    ],
)
async def test_a_redis_that_is_not_there_is_named(
    installation: Installation, nobodys_port: int, monkeypatch: pytest.MonkeyPatch, url: str, fault: str
) -> None:
    monkeypatch.setattr(asking, "WITHIN", 0.2)
    installation.settings["redis_url"] = url.format(free=nobodys_port, redis=installation.redis.port)
    assert await installation.faults("redis") == {f"redis.{fault}"}


@asynccontextmanager
async def endpoint(
    status: int = 204, *, date: float | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """An endpoint that always answers this; and how it was asked."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.Response(status=status, headers={} if date is None else {"Date": formatdate(date, usegmt=True)})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield site.name, asked
    finally:
        await runner.cleanup()


def with_hook(installation: Installation, url: str) -> None:
    installation.account |= {"webhook_url": url, "webhook_secrets": [SECRET]}


async def test_an_endpoint_is_asked_for_nothing_that_could_be_taken_for_an_event(installation: Installation) -> None:
    async with endpoint(405) as (url, asked):
        with_hook(installation, f"{url}/hooks/otp?key=k3y")
        found = await installation.examined("webhook")
    assert {name_of(one) for one in found} == {"webhook.ok", "webhook.deliveries.ok"}
    assert asked == ["HEAD /hooks/otp"]
    assert "k3y" not in str([one.to_json() for one in found])


async def test_an_endpoint_whose_application_is_down_is_named(installation: Installation) -> None:
    async with endpoint(502) as (url, _):
        with_hook(installation, url)
        assert await installation.faults("webhook") == {"webhook.server_error"}


async def test_an_endpoint_that_is_not_there_is_named(installation: Installation, nobodys_port: int) -> None:
    with_hook(installation, f"http://127.0.0.1:{nobodys_port}/hook")
    assert await installation.faults("webhook") == {"webhook.refused"}


async def test_a_certificate_that_nobody_knows_is_named(installation: Installation) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with endpoint(tls=context) as (url, _):
        with_hook(installation, url)
        [found] = [one for one in await installation.examined("webhook") if one.check == "webhook"]
    assert name_of(found) == "webhook.certificate"
    assert "unable to get local issuer certificate" in found.message


@pytest.mark.parametrize(("ahead", "fault"), [(-60.0, "skewed"), (3600.0, "far_off")])
async def test_a_clock_that_is_off_is_named(installation: Installation, ahead: float, fault: str) -> None:
    async with endpoint(date=time.time() + ahead) as (url, _):
        with_hook(installation, url)
        installation.settings["ari_url"] = "http://127.0.0.1:9"
        assert await installation.faults("clock") == {f"clock.{fault}"}


async def test_an_engine_that_is_not_installed_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert await installation.faults("voice") == {"voice.no_engine", "voice.engines.missing"}


async def test_a_voice_that_there_is_not_is_named(installation: Installation) -> None:
    installation.settings["voice"] = "espeak:martian"
    assert await installation.faults("voice") == {"voice.no_voice"}


async def test_recordings_that_can_t_be_played_are_named(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "welcome.wav").write_bytes(b"ID3 this is an MP3")
    (folder / "with blanks.wav").write_bytes(b"")
    installation.settings["prompts_dir"] = str(folder)
    [found] = await installation.examined("prompts")
    assert name_of(found) == "prompts.unfit"
    assert "welcome (prompt_format), with blanks (prompt_missing)" in found.message
