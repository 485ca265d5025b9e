"""The endpoint notes all that comes, says which of it was taken, and fails as it is told."""

from __future__ import annotations

import aiohttp
import pytest

from tests.faults import hook as module
from tests.faults.hook import Hook, opened_hook
from tests.faults.invariants import Posted


async def post(hook: Hook, body: bytes = b"{}", event_id: str | None = "evt_a_1") -> tuple[int, bytes]:
    headers = {} if event_id is None else {"webhook-id": event_id}
    async with aiohttp.ClientSession() as http, http.post(hook.url, data=body, headers=headers) as answer:
        return answer.status, await answer.read()


def noted(hook: Hook) -> list[tuple[str, bytes, bool]]:
    return [(one.id, one.body, one.taken) for one in hook.posts]


async def test_what_comes_is_noted_byte_for_byte() -> None:
    async with opened_hook() as hook:
        assert await post(hook, b'{"a":  1}') == (204, b"")
        assert await post(hook, b'{"a":  1}') == (204, b"")
        assert await post(hook, event_id="evt_b_1") == (204, b"")
        assert noted(hook) == [("evt_a_1", b'{"a":  1}', True)] * 2 + [("evt_b_1", b"{}", True)]
        assert [one.id for one in hook.of("call_b")] == ["evt_b_1"]
        assert hook.posts[0].at <= hook.posts[1].at


async def test_who_only_looks_is_answered_and_not_noted() -> None:
    async with opened_hook() as hook:
        assert await post(hook, event_id=None) == (204, b"")
        assert hook.posts == []


async def test_what_fails_was_not_taken() -> None:
    async with opened_hook() as hook:
        hook.manner = 500
        assert await post(hook) == (500, b"")
        hook.manner = "reset"
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(hook)
        assert [taken for _, _, taken in noted(hook)] == [False, False]
        await hook.down()
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(hook)
        assert len(hook.posts) == 2
        hook.manner = module.OK
        await hook.up()
        assert await post(hook) == (204, b"")
        assert hook.posts[-1] == Posted("evt_a_1", b"{}", hook.posts[-1].at, taken=True)


async def test_one_that_is_slow_has_taken_it_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW", 0.01)
    async with opened_hook() as hook:
        hook.manner = "slow"
        assert await post(hook) == (204, b"")
        assert noted(hook) == [("evt_a_1", b"{}", True)]


async def test_who_asks_is_answered_and_nobody_else() -> None:
    async with opened_hook() as hook:
        hook.answer = lambda event: [{"type": "hangup", "of": event["id"]}]
        asks = b'{"id":"evt_a_2","data":{"asked":true}}'
        assert await post(hook, asks) == (200, b'{"actions": [{"type": "hangup", "of": "evt_a_2"}]}')
        assert await post(hook, b'{"data":{}}') == (204, b"")
        hook.manner = 500
        assert await post(hook, asks) == (500, b"")
