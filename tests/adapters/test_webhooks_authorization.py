"""Endpoints with a header Authorization of their own, and accounts that sign nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.registry import Registry
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.webhooks import AccountHooks, Answered, Asker, Dispatcher, NotAnswered, Unseal
from otpvoice.adapters.webhooks.posting import nothing_opens
from otpvoice.core.secret import Secret
from tests.adapters.webhooks_world import NOW, SOON, Sink, TimedOutbox, hooks

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
VALUE = "mdp1234 of nobody's business"


def registry(key: bytes | None = KEY) -> Registry:
    return Registry(MemoryStore(ttl=60), None if key is None else Sealer(key))


async def sealed(value: str = VALUE, *, key: bytes = KEY, account: str = "default") -> str:
    """As it is kept, and carried along."""
    one = await registry(key).register(account, "VSS", "https://shop.example/", Secret(value))
    assert one.auth is not None
    assert value not in one.auth
    return one.auth


@asynccontextmanager
async def running(
    outbox: TimedOutbox, client: GuardedClient, accounts: dict[str, AccountHooks], unseal: Unseal
) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(outbox, accounts, client, unseal=unseal, clock=outbox.clock, chance=lambda: 0.5)
    work = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        await dispatcher.close(0)
        await work


def about_auth(logged: list[EventDict]) -> list[EventDict]:
    return [line for line in logged if line["event"] == "webhook.auth_unsealable"]


# --- unsigned ---------------------------------------------------------------------------------------------------------


async def test_without_secrets_it_is_posted_unsigned_with_its_id_and_its_time(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    url = sink.url("/hook")
    outbox.write("evt_1_4.1", endpoint=url)
    async with running(outbox, client, {"default": AccountHooks(trusted=frozenset({url}))}, nothing_opens):
        await outbox.until(lambda: not outbox.entries)
    (one,) = sink.posted
    assert (one.id, one.headers["webhook-timestamp"]) == ("evt_1_4.1", str(int(NOW)))
    assert one.headers.keys().isdisjoint({"webhook-signature", "authorization"})
    assert one.headers["content-type"] == "application/json"


async def test_so_is_a_question(sink: Sink, client: GuardedClient) -> None:
    url = sink.url("/ask")
    asker = Asker({"default": AccountHooks(trusted=frozenset({url}))}, client, clock=lambda: NOW)
    assert await asker.ask("default", url, "evt_1_4", b"{}", SOON) == Answered(b"")
    (one,) = sink.posted
    assert (one.id, one.headers["webhook-timestamp"]) == ("evt_1_4", str(int(NOW)))
    assert one.headers.keys().isdisjoint({"webhook-signature", "authorization"})


# --- with a header ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["mdp1234", "Bearer x", "Basic dTpw==", "!", VALUE, "~" * 4096], ids=len)
async def test_the_header_has_the_value_that_was_registered(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, value: str
) -> None:
    url, auth = sink.url("/hook"), await sealed(value)
    outbox.write("evt_1_4.1", endpoint=url, auth=auth)
    outbox.write("evt_1_4.2", endpoint=sink.url("/other"))
    trusted = AccountHooks(trusted=frozenset({url, sink.url("/other")}))
    async with running(outbox, client, {"default": trusted}, registry().unseal):
        await outbox.until(lambda: not outbox.entries)
    ((one,), (other,)) = sink.at("/hook"), sink.at("/other")
    assert one.headers["authorization"] == value
    assert "authorization" not in other.headers, "it is for its own endpoint alone"
    asker = Asker({"default": trusted}, client, unseal=registry().unseal)
    assert await asker.ask("default", url, "evt_1_5", b"{}", SOON, auth=auth) == Answered(b"")
    assert sink.posted[-1].headers["authorization"] == value


async def test_who_has_secrets_too_signs_as_well(sink: Sink, outbox: TimedOutbox, client: GuardedClient) -> None:
    url = sink.url("/hook")
    outbox.write("evt_1_4.1", endpoint=url, auth=await sealed())
    async with running(outbox, client, {"default": hooks(url)}, registry().unseal):
        await outbox.until(lambda: not outbox.entries)
    (one,) = sink.posted
    one.verify()
    assert one.headers["authorization"] == VALUE


async def test_a_redirect_takes_it_nowhere(sink: Sink, outbox: TimedOutbox, client: GuardedClient) -> None:
    url = sink.url("/hook")
    sink.modes["/hook"] = (307, {"Location": "/elsewhere"})
    outbox.write("evt_1_4.1", endpoint=url, auth=await sealed())
    async with running(outbox, client, {"default": hooks(url)}, registry().unseal):
        await outbox.until(lambda: outbox.asked["put_back"] == 1)
    assert [one.path for one in sink.posted] == ["/hook"]


# --- which can't be opened --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unfit:
    """What lies in the outbox, and who is to open it."""

    auth: Callable[[], Any]
    unseal: Unseal


def returns(value: str) -> Unseal:
    return lambda _account, _sealed: value


UNFIT = {
    "another key": Unfit(lambda: sealed(key=OTHER), registry().unseal),
    "another account's": Unfit(lambda: sealed(account="shop"), registry().unseal),
    "no key any more": Unfit(sealed, registry(None).unseal),
    "nobody opens": Unfit(sealed, nothing_opens),
    "two headers": Unfit(sealed, returns(f"x\r\nX-Evil: {VALUE}")),
    "no ASCII": Unfit(sealed, returns("ž" + VALUE)),
    "empty": Unfit(sealed, returns("")),
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT.keys())
async def test_what_can_not_be_opened_is_not_posted_without_it_and_is_told_once(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, unfit: Unfit
) -> None:
    url, auth = sink.url("/hook?key=hush"), await unfit.auth()
    outbox.write("evt_1_4.1", endpoint=url, auth=auth)
    outbox.write("evt_1_4.2", endpoint=url, auth=auth)
    with capture_logs() as logged:
        async with running(outbox, client, {"default": hooks(url)}, unfit.unseal) as dispatcher:
            await outbox.until(lambda: outbox.asked["put_back"] == 2)
            assert (dispatcher.failed, dispatcher.dead) == (2, 0)
        asker = Asker({"default": hooks(url)}, client, unseal=unfit.unseal)
        assert await asker.ask("default", url, "evt_1_5", b"{}", SOON, auth=auth) == NotAnswered("auth_unsealable")
    assert sink.posted == []
    for one in ("evt_1_4.1", "evt_1_4.2"):
        entry = outbox.entry(one)
        assert (entry.reason, entry.due_at, entry.delivery.attempts) == ("auth_unsealable", NOW + 5, 1)
    line = {"event": "webhook.auth_unsealable", "log_level": "error", "account": "default", "host": "127.0.0.1"}
    assert about_auth(logged) == [line, line], "once by who delivers, and once by who asks"
    for secret in (VALUE, auth, "hush", "Evil"):
        assert secret not in str(logged)


@pytest.mark.parametrize("junk", ["junk", "", "ž", "A" * 100, "\ud800", "AAAA=AAAA", "{}"])
async def test_junk_opens_nothing(sink: Sink, client: GuardedClient, junk: str) -> None:
    with capture_logs():
        asker = Asker({"default": hooks(sink.url("/ask"))}, client, unseal=registry().unseal)
        reply = await asker.ask("default", sink.url("/ask"), "evt_1_5", b"{}", SOON, auth=junk)
    assert (reply, sink.posted) == (NotAnswered("auth_unsealable"), [])


async def test_when_the_key_is_back_it_arrives_and_another_loss_is_told_again(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    url, auth, keys = sink.url("/hook"), await sealed(), [OTHER]

    def unseal(account: str, text: str) -> str:
        return registry(keys[0]).unseal(account, text)

    outbox.write("evt_1_4.1", endpoint=url, auth=auth)
    with capture_logs() as logged:
        async with running(outbox, client, {"default": hooks(url)}, unseal) as dispatcher:
            await outbox.until(lambda: outbox.asked["put_back"] == 1)
            keys[0], outbox.now = KEY, NOW + 5
            dispatcher.wake("default")
            await outbox.until(lambda: not outbox.entries)
            assert len(about_auth(logged)) == 1
            keys[0] = OTHER
            outbox.write("evt_1_4.2", endpoint=url, auth=auth)
            dispatcher.wake("default")
            await outbox.until(lambda: outbox.asked["put_back"] == 2)
    assert [one.headers["authorization"] for one in sink.posted] == [VALUE]
    assert len(about_auth(logged)) == 2


async def test_three_days_without_the_key_and_it_is_a_dead_letter(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    url = sink.url("/hook")
    outbox.write("evt_1_4.1", endpoint=url, auth=await sealed())
    entry = outbox.entry("evt_1_4.1")
    entry.delivery = replace(entry.delivery, attempts=9)
    with capture_logs():
        async with running(outbox, client, {"default": hooks(url)}, nothing_opens):
            await outbox.until(lambda: outbox.asked["give_up"] == 1)
    (letter,) = await outbox.letters("default", dead=True)
    assert (letter.reason, letter.attempts) == ("auth_unsealable", 10)
    assert sink.posted == []
