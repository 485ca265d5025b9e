"""Webhooks and the stores together: what was told of a call, from its write to the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.registry import Registry
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import Change, Message, StoredEvent, Terms
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks import AccountHooks, Bounds, Dispatcher
from otpvoice.core.secret import Secret
from otpvoice.testkit.redis import RedisInstance
from otpvoice.trust.addresses import UrlAllow
from tests.adapters.webhooks_world import SOON, Sink, hooks

SHORT_LEASE = Bounds(timeout=0.25)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryStore | RedisStore]:
    if request.param == "memory":
        yield MemoryStore(ttl=3600)
        return
    async with await RedisInstance.start(tmp_path / "redis") as instance:
        store = RedisStore(instance.url, ttl=3600)
        yield store
        await store.close()


async def tell(store: MemoryStore | RedisStore, endpoint: str, *ids: str) -> None:
    """Accept a call of which this is told."""
    events = tuple(
        StoredEvent(event_id, number, "call.queued", f'{{"id":"{event_id}","text":"Ž"}}'.encode(), endpoint)
        for number, event_id in enumerate(ids, 1)
    )
    record = {"id": f"call_{ids[0]}", "account": "default", "state": "queued"}
    await store.accept(Change(record, events), Terms())


@asynccontextmanager
async def running(
    store: MemoryStore | RedisStore, *trusted: str, bounds: Bounds | None = None
) -> AsyncIterator[Dispatcher]:
    client = GuardedClient(UrlAllow())
    dispatcher = Dispatcher(
        store, {"default": hooks(*trusted)}, client, chance=lambda: 0.5, bounds=bounds or Bounds(timeout=5.0)
    )
    work = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        await dispatcher.close(0)
        await work
        await client.close()


async def until(seen: Callable[[], Any]) -> None:
    async with asyncio.timeout(SOON):
        while not await seen():  # noqa: ASYNC110 - a store does not say when it was written to
            await asyncio.sleep(0.01)


async def waiting(store: MemoryStore | RedisStore) -> int:
    return len(await store.letters("default", dead=False))


async def test_what_is_told_of_a_call_arrives_and_is_forgotten(store: MemoryStore | RedisStore, sink: Sink) -> None:
    endpoint = sink.url("/hook?key=ž".replace("ž", "%C5%BE"))
    async with running(store, endpoint) as dispatcher:
        await tell(store, endpoint, "evt_1", "evt_2")
        dispatcher.wake("default")
        await sink.until(lambda: len(sink.posted) == 2)

        async def forgotten() -> bool:
            return not await waiting(store)

        await until(forgotten)
        assert dispatcher.delivered == 2
        assert dispatcher.lag is not None
        assert 0 <= dispatcher.lag < SOON
    assert [(one.id, one.body) for one in sink.posted] == [
        (event_id, f'{{"id":"{event_id}","text":"Ž"}}'.encode()) for event_id in ("evt_1", "evt_2")
    ]
    for one in sink.posted:
        one.verify()
    assert await store.letters("default", dead=True) == []


async def test_a_message_of_another_spelling_goes_out_with_its_header_and_without_a_signature(
    store: MemoryStore | RedisStore, sink: Sink
) -> None:
    """From the registration to the endpoint, by way of the store, which has nothing of the header in clear."""
    body, url = '{"payload":{"text":"Ž"}}'.encode(), sink.url("/vss")
    registry = Registry(store, Sealer(bytes(range(32))))
    await registry.register("default", "VSS", url, Secret("mdp1234"))
    hook = (await registry.hooks("default"))["VSS"]
    messages = (Message("evt_1_2.1", "VSS", hook.url, body, hook.auth), Message("evt_1_2.2", "VCS", hook.url, body))
    await store.accept(Change({"id": "call_1", "account": "default", "state": "queued"}, messages=messages), Terms())
    listed = await store.letters("default", dead=False)
    assert sorted((letter.id, letter.type) for letter in listed) == [("evt_1_2.1", "VSS"), ("evt_1_2.2", "VCS")]
    client = GuardedClient(UrlAllow())
    accounts = {"default": AccountHooks(trusted=frozenset({url}))}
    dispatcher = Dispatcher(store, accounts, client, unseal=registry.unseal, bounds=Bounds(timeout=5.0))
    work = asyncio.create_task(dispatcher.run())
    await sink.until(lambda: len(sink.posted) == 2)
    await dispatcher.close(SOON)
    await work
    await client.close()
    told = {one.id: one for one in sink.posted}
    assert {one.body for one in sink.posted} == {body}
    assert told["evt_1_2.1"].headers["authorization"] == "mdp1234"
    assert "authorization" not in told["evt_1_2.2"].headers
    assert not any("webhook-signature" in one.headers for one in sink.posted)
    assert not await waiting(store)


async def test_a_failure_waits_for_its_next_attempt(store: MemoryStore | RedisStore, sink: Sink) -> None:
    sink.modes["/hook"] = (429, {"Retry-After": "120"})
    await tell(store, sink.url("/hook"), "evt_1")
    async with running(store, sink.url("/hook")) as dispatcher:

        async def put_back() -> bool:
            return dispatcher.failed == 1

        await until(put_back)
        (letter,) = await store.letters("default", dead=False)
        assert (letter.reason, letter.attempts) == ("http_429", 1)
        assert letter.due_at is not None
        assert letter.due_at - letter.created_at > 119
        due, later = await store.due("default")
        assert list(due) == []
        assert later == pytest.approx(120, abs=SOON)


async def test_410_leaves_dead_letters_that_can_be_sent_again(store: MemoryStore | RedisStore, sink: Sink) -> None:
    sink.modes["/hook"] = 410
    endpoint = sink.url("/hook")
    await tell(store, endpoint, "evt_1", "evt_2")
    async with running(store, endpoint) as dispatcher:

        async def disabled() -> bool:
            return list(await store.disabled("default")) == [endpoint] and not await waiting(store)

        with capture_logs():
            await until(disabled)
        letters = {letter.id: letter.reason for letter in await store.letters("default", dead=True)}
        assert letters == {"evt_1": "gone", "evt_2": "disabled"}
        assert not await store.replay("default", "evt_1")

        sink.modes["/hook"] = "ok"
        assert await store.enable("default", endpoint)
        assert await store.replay("default", "evt_1")
        dispatcher.wake("default")
        await sink.until(lambda: len(sink.posted) == 2)
    first, again = sink.posted
    assert (first.id, first.body) == (again.id, again.body)
    assert first.id == "evt_1"


async def test_what_a_process_took_with_it_is_posted_by_the_next(store: MemoryStore | RedisStore, sink: Sink) -> None:
    sink.modes["/hook"] = "hang"
    await tell(store, sink.url("/hook"), "evt_1")
    async with running(store, sink.url("/hook"), bounds=SHORT_LEASE):
        await sink.until(lambda: len(sink.posted) == 1)
    sink.release()
    async with running(store, sink.url("/hook"), bounds=SHORT_LEASE):
        await sink.until(lambda: len(sink.posted) == 2)

        async def forgotten() -> bool:
            return not await waiting(store)

        await until(forgotten)
    first, again = sink.posted
    assert (first.id, first.body) == (again.id, again.body)


async def test_nothing_is_lost_while_redis_is_away(server: RedisInstance, sink: Sink) -> None:
    store = RedisStore(server.url, ttl=3600)
    endpoint = sink.url("/hook")
    ids = [f"evt_{n}" for n in range(12)]
    sink.modes["/hook"] = "hang"
    await tell(store, endpoint, *ids)
    with capture_logs() as logged:
        async with running(store, endpoint, bounds=Bounds(timeout=2.0)) as dispatcher:
            await sink.until(lambda: len(sink.posted) == 1)
            server.kill()
            sink.release()

            async def noticed() -> bool:
                return any(line["event"] == "webhooks.outbox_unavailable" for line in logged)

            await until(noticed)
            await server.restart()

            async def forgotten() -> bool:
                return dispatcher.under_way == 0 and not await waiting(store)

            await until(forgotten)
    assert {one.id for one in sink.posted} == set(ids)
    assert await store.letters("default", dead=True) == []
    await store.close()
