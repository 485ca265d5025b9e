"""What the store is asked for: nobody waits for it for long, and all that is known without it is told."""

from __future__ import annotations

import asyncio

import pytest

from otpvoice.adapters.store import StoreUnavailable
from otpvoice.metrics import store as module
from otpvoice.metrics.store import StoreState, StoreWatch
from tests.metrics.house import FakeStore


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


async def known(store: FakeStore) -> StoreState:
    watch = StoreWatch(store, ("shop", "bank"))
    await watch.look()
    return watch.known


async def test_all_accounts_together(store: FakeStore) -> None:
    assert await known(store) == StoreState(True, 7, 3)


async def test_before_it_was_asked_it_is_not_up(store: FakeStore) -> None:
    assert StoreWatch(store, ("shop",)).known == StoreState(up=False)


async def test_without_accounts_that_post_there_is_nothing_to_post(store: FakeStore) -> None:
    watch = StoreWatch(store, ())
    await watch.look()
    assert watch.known == StoreState(True, 0, 0)


@pytest.mark.parametrize("fault", [StoreUnavailable("timeout"), OSError("redis://user:password@host"), ValueError()])
async def test_one_that_takes_no_writes(store: FakeStore, fault: Exception) -> None:
    store.fault = fault
    assert await known(store) == StoreState(up=False)


async def test_one_that_takes_writes_and_does_not_say_what_is_in_the_outbox(store: FakeStore) -> None:
    store.depth_fault = StoreUnavailable("timeout")
    assert await known(store) == StoreState(up=True)


async def test_one_that_does_not_answer_is_not_waited_for(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITHIN", 0.02)
    store.gate = asyncio.Event()
    assert await known(store) == StoreState(up=False)


def test_a_scrape_is_answered_within_the_time_that_prometheus_gives_it() -> None:
    assert 2 * module.WITHIN < 10 / 2


async def test_who_asks_meanwhile_waits_for_the_same_answer(store: FakeStore) -> None:
    store.gate = asyncio.Event()
    watch = StoreWatch(store, ("shop",))
    looks = [asyncio.create_task(watch.look()) for _ in range(10)]
    await asyncio.sleep(0)
    looks[0].cancel()
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(*looks[1:])
    assert (looks[0].cancelled(), watch.known, store.pings) == (True, StoreState(True, 3, 1), 1)
    await watch.look()
    assert store.pings == 2
