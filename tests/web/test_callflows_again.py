"""Callflows that are sent again with an Idempotency-Key: one session, and the first answer."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from otpvoice.dialects.session_ids import session_of
from otpvoice.stasis import NotTaken
from otpvoice.web import callflows
from tests.dialects.callflow.account import NOW
from tests.web.subaccounts import BODY, CALL, SAY, ask, created, not_created, opened_now
from tests.web.world import KEY, OTHER_KEY, SECOND_KEY, TEST_KEY, Answer, Door


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """The door, at the moment of the examples."""
    async with opened_now() as door:
        yield door


async def again(door: Door, body: Any = BODY, *, name: str = "k-1", key: str = KEY) -> Answer:
    return await ask(door, body, key=key, headers={"Idempotency-Key": name})


async def test_a_request_that_is_sent_again_is_one_session_and_gets_the_same_answer(door: Door) -> None:
    first, second = await again(door), await again(door)
    assert created(first) == created(second)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(door.calls.placed) == 1
    third = await again(door, name="k-2")
    assert created(third)["sessionId"] != created(first)["sessionId"]
    assert {session_of(call_id) for call_id in door.calls.live} == {third.body["sessionId"]}


async def test_so_it_is_where_its_time_is_over_by_then(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {**BODY, "validUntil": "2027-01-15T08:00:01.5Z"}
    first = await again(door, body)
    monkeypatch.setattr(callflows, "time", SimpleNamespace(time=lambda: NOW + 60))
    second = await again(door, body)
    assert created(first) == created(second)
    assert created(first)["validUntil"] == body["validUntil"]
    not_created(await ask(door, body), 422, -1015)


async def test_a_session_that_was_dead_from_the_start_is_the_same_dead_one(door: Door) -> None:
    call = {"action": "makeCall", "params": {"source": "6512341234", "destination": "6599123456"}}
    first, second = await again(door, {"callflow": [call]}), await again(door, {"callflow": [call]})
    assert created(first) == created(second)
    assert len(door.calls.refused) == 1


async def test_what_was_refused_may_be_sent_again(door: Door) -> None:
    not_created(await again(door, {"callflow": [SAY]}), 422, -1013)
    created(await again(door))
    door.calls.fault = NotTaken("no_media_leg", 3)
    not_created(await again(door, name="k-2"), 500, -9999)
    door.calls.fault = None
    created(await again(door, name="k-2"))
    assert len(door.calls.placed) == 2


@pytest.mark.parametrize("body", [b"{", b"", b"[]"])
async def test_what_is_no_json_has_its_code_with_a_key_too(door: Door, body: bytes) -> None:
    assert not_created(await again(door, body), 400, -1001) == "Invalid JSON request body"


async def test_a_key_that_was_used_for_another_request_is_refused(door: Door) -> None:
    await again(door)
    not_created(await again(door, {"callflow": [CALL]}), 422, 422)
    assert len(door.calls.placed) == 1


async def test_a_key_whose_request_is_being_answered_is_to_be_sent_again(door: Door) -> None:
    door.calls.gate = asyncio.Event()
    first = asyncio.create_task(again(door))
    await door.calls.reached.wait()
    answer = await again(door)
    not_created(answer, 409, 409)
    assert answer.headers["Retry-After"] == "1"
    door.calls.gate.set()
    created(await first)


async def test_a_session_that_was_erased_is_gone(door: Door) -> None:
    await again(door)
    (call_id,) = door.calls.live
    await door.calls.end(call_id)
    assert (await door.ask("DELETE", f"/v1/calls/{call_id}")).status == 204
    not_created(await again(door), 410, 410)


@pytest.mark.parametrize("name", ["", "two words", "x" * 256])
async def test_what_is_no_key_is_refused(door: Door, name: str) -> None:
    not_created(await again(door, name=name), 422, 422)
    assert not door.calls.placed


async def test_where_nothing_can_be_derived_a_key_is_refused(log: io.StringIO) -> None:
    async with opened_now(secret=None) as keyless:
        assert "OTPVOICE_SECRET_KEY" in not_created(await again(keyless), 422, 422)
        created(await ask(keyless))


async def test_a_test_key_s_requests_are_no_others(door: Door) -> None:
    first, second = await again(door), await again(door, key=TEST_KEY)
    assert created(first)["sessionId"] != created(second)["sessionId"]
    assert (len(door.calls.placed), len(door.calls.rehearsed)) == (1, 1)
    for key in (OTHER_KEY, SECOND_KEY):
        assert (await again(door, key=key)).status in {401, 404}
