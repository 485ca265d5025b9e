"""Forgetting a call: all of it, once it has ended, and not before."""

from __future__ import annotations

import pytest

from otpvoice.core.events import CallAnswered
from tests.web.world import BODY, OTHER_KEY, TEST_KEY, Door


async def test_a_call_that_ended_is_forgotten_with_all_that_was_told_of_it(door: Door) -> None:
    await door.ask("POST", "/v1/calls", json=BODY)
    await door.calls.happen("call_1", CallAnswered(1_800_000_001.0))
    await door.calls.end("call_1")
    assert len((await door.ask("GET", "/v1/calls/call_1/events")).body["data"]) == 3
    answer = await door.ask("DELETE", "/v1/calls/call_1")
    assert (answer.status, answer.body) == (204, None)
    for path in ("/v1/calls/call_1", "/v1/calls/call_1/events"):
        assert (await door.ask("GET", path)).status == 404
    assert (await door.ask("POST", "/v1/calls/call_1/hangup")).status == 404
    for path in ("/v1/calls", "/v1/events"):
        assert (await door.ask("GET", path)).body["data"] == []


async def test_forgotten_twice_is_not_there(door: Door) -> None:
    await door.store.keep({"id": "call_9", "account": "shop", "state": "ended"})
    answers = [await door.ask("DELETE", "/v1/calls/call_9") for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 404]


@pytest.mark.parametrize("instance", ["otp-1", "otp-2"])
async def test_a_call_in_progress_is_not_forgotten(door: Door, instance: str) -> None:
    if instance == door.calls.instance:
        await door.ask("POST", "/v1/calls", json=BODY)
    else:
        await door.store.keep({"id": "call_1", "account": "shop", "state": "ringing", "instance": instance})
    answer = await door.ask("DELETE", "/v1/calls/call_1")
    assert (answer.status, answer.body["code"]) == (409, "call_in_progress")
    assert (await door.ask("GET", "/v1/calls/call_1")).status == 200


async def test_a_call_whose_end_is_not_written_yet_is_not_forgotten(door: Door) -> None:
    """Its end would bring it back."""
    await door.ask("POST", "/v1/calls", json=BODY)
    record = door.calls.live.pop("call_1")
    record.state = record.state.ENDED
    door.store.chronicle.finish(record)
    assert door.store.writes.pending == 1
    record_shown = await door.store.chronicle.get("shop", "call_1")
    assert record_shown is not None
    assert record_shown["state"] == "ended"
    assert await door.store.chronicle.erase("shop", "call_1") == "in_progress"
    await door.store.settled()
    assert (await door.ask("DELETE", "/v1/calls/call_1")).status == 204


async def test_a_write_that_comes_late_brings_nothing_back(door: Door) -> None:
    record = {"id": "call_9", "account": "shop", "state": "ended"}
    await door.store.keep(record)
    await door.ask("DELETE", "/v1/calls/call_9")
    await door.store.keep(record | {"state": "answered"})
    await door.store.keep(record)
    assert (await door.ask("GET", "/v1/calls/call_9")).status == 404


@pytest.mark.parametrize("key", [OTHER_KEY, TEST_KEY])
async def test_nobody_else_can_have_a_call_forgotten(door: Door, key: str) -> None:
    await door.store.keep({"id": "call_9", "account": "shop", "state": "ended", "test": False})
    assert (await door.ask("DELETE", "/v1/calls/call_9", key=key)).status == 404
    assert (await door.ask("GET", "/v1/calls/call_9")).status == 200


async def test_without_the_store_nothing_is_forgotten(door: Door) -> None:
    await door.store.keep({"id": "call_9", "account": "shop", "state": "ended"})
    door.store.fault = OSError("away")
    answer = await door.ask("DELETE", "/v1/calls/call_9")
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
