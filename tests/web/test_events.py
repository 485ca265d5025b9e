"""What was told of calls, read again: in pages, and as a stream that goes on."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.adapters.store import Change, StoredEvent
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.core.events import CallAnswered, CallDialed, CallProgressed
from otpvoice.testkit.redis import RedisInstance
from otpvoice.web import events
from tests.fakes.proxy import FaultProxy
from tests.web.streams import SOON, reading
from tests.web.world import BODY, CODE, KEY, TEST_KEY, Door, opened

AT: Final = 1_800_000_000.0
OF_CALL: Final = "/v1/calls/call_1/events"
BEGUN: Final = (CallDialed(AT), CallProgressed(AT + 1, ringing=True), CallAnswered(AT + 2))
TYPES: Final = ["call.queued", "call.dialing", "call.ringing", "call.answered", "call.ended"]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BREATH", 0.0)


async def a_call(door: Door, *, key: str = KEY, to: str = BODY["to"], ends: bool = True) -> str:
    """Place a call to which all happens that can, and return its id."""
    call_id = str((await door.ask("POST", "/v1/calls", json=BODY | {"to": to}, key=key)).body["id"])
    await door.calls.happen(call_id, *BEGUN)
    if ends:
        await door.calls.end(call_id)
    return call_id


async def told(door: Door, path: str = OF_CALL, *, key: str = KEY, **query: Any) -> list[dict[str, Any]]:
    answer = await door.ask("GET", path, key=key, params=query)
    assert answer.status == 200
    return list(answer.body["data"])


async def eventually(output: io.StringIO, event: str) -> dict[str, Any]:
    """Wait for a line in the log."""
    async with asyncio.timeout(SOON):
        while True:
            for line in map(json.loads, output.getvalue().splitlines()):
                if line["event"] == event:
                    return dict(line)
            await asyncio.sleep(0.01)


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_what_happened_to_a_call_is_told_in_order(door: Door) -> None:
    await a_call(door)
    found = await told(door)
    assert [one["type"] for one in found] == TYPES
    assert [one["data"]["call"]["state"] for one in found] == ["queued", "dialing", "ringing", "answered", "ended"]
    assert {one["account"] for one in found} == {"shop"}
    assert [one["timestamp"] for one in found][1:3] == ["2027-01-15T08:00:00.000Z", "2027-01-15T08:00:01.000Z"]
    assert len({one["id"] for one in found}) == 5
    assert CODE not in json.dumps(found)


@pytest.mark.parametrize("path", [OF_CALL, "/v1/events"])
@pytest.mark.parametrize("limit", [1, 2, 5, 200])
async def test_pages_hold_all_that_was_told_once(door: Door, path: str, limit: int) -> None:
    await a_call(door)
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await door.ask("GET", path, params={"limit": limit, **after})
        found += [one["type"] for one in answer.body["data"]]
        if answer.body["next_cursor"] is None:
            break
        after = {"after": answer.body["next_cursor"]}
    assert found == TYPES


async def test_the_events_of_a_call_are_its_own(door: Door) -> None:
    first = await a_call(door, ends=False)
    second = await a_call(door, to="+442079460124")
    await door.calls.end(first)
    assert [one["data"]["call"]["id"] for one in await told(door, "/v1/events")] == [first] * 4 + [second] * 5 + [first]
    assert [one["type"] for one in await told(door)] == TYPES


async def test_after_an_event_that_is_not_kept_any_more_they_begin_with_the_oldest(door: Door) -> None:
    await a_call(door)
    assert [one["type"] for one in await told(door, after="evt_gone_1")] == TYPES
    answer = await door.ask("GET", OF_CALL, headers={"Last-Event-ID": "evt_gone_1"})
    assert [one["type"] for one in answer.body["data"]] == TYPES


@pytest.mark.parametrize("after", ["nonsense", "1-1", "evt_", "evt_1", "evt_call_one", "x" * 500])
async def test_what_is_no_id_of_an_event_is_refused(door: Door, after: str) -> None:
    """It would else be taken for one that is not kept any more, and a day of events be told again."""
    header = {"Last-Event-ID": after}
    for answer, path in (
        (await door.ask("GET", f"/v1/events?after={after}"), "$.query.after"),
        (await door.ask("GET", "/v1/events", headers=header), "$.header['Last-Event-ID']"),
        (
            await door.ask("GET", "/v1/events", headers={**header, "Accept": "text/event-stream"}),
            "$.header['Last-Event-ID']",
        ),
    ):
        assert (answer.status, answer.body["code"]) == (422, "invalid_parameter")
        assert [(one["path"], one["code"]) for one in answer.body["errors"]] == [(path, "format")]


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("limit=0", "$.query.limit", "range"),
        ("limit=201", "$.query.limit", "range"),
        ("after=evt_a_1&after=evt_b_1", "$.query.after", "conflict"),
        ("cursor=a", "$.query.cursor", "unknown_field"),
        ("state=ended", "$.query.state", "unknown_field"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_query_that_is_wrong_is_told_where(
    door: Door, query: str, path: str, *, code: str, accept: str
) -> None:
    answer = await door.ask("GET", f"/v1/events?{query}", headers={"Accept": accept})
    assert (answer.status, answer.body["code"]) == (422, "invalid_parameter")
    assert [(error["path"], error["code"]) for error in answer.body["errors"]] == [(path, code)]


async def test_a_test_key_reads_what_was_told_of_tests_alone(door: Door) -> None:
    await a_call(door)
    test = await a_call(door, key=TEST_KEY)
    assert {one["data"]["call"]["id"] for one in await told(door, "/v1/events", key=TEST_KEY)} == {test}
    assert len(await told(door, "/v1/events", key=KEY)) == 10


async def test_what_was_told_of_tests_is_found_among_many_others_page_by_page(door: Door) -> None:
    for _ in range(5):
        await a_call(door)
    await a_call(door, key=TEST_KEY)
    for _ in range(5):
        await a_call(door)
    types: list[str] = []
    after: dict[str, str] = {}
    for _ in TYPES:
        answer = await door.ask("GET", "/v1/events", key=TEST_KEY, params={"limit": "1", **after})
        types += [one["type"] for one in answer.body["data"]]
        after = {"after": answer.body["next_cursor"]}
    assert types == TYPES


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/event-stream"}])
async def test_without_the_store_nothing_is_told(door: Door, headers: dict[str, str]) -> None:
    await a_call(door, ends=False)
    door.store.fault = OSError("redis://user:password@host")
    for path in (OF_CALL, "/v1/events"):
        answer = await door.ask("GET", f"{path}?after=evt_call_1_1", headers=headers)
        assert (answer.status, answer.body["code"]) == (503, "store_unavailable")


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_a_stream_of_a_call_tells_what_was_what_comes_and_that_it_is_over(door: Door) -> None:
    call_id = await a_call(door, ends=False)
    async with reading(door, OF_CALL) as stream:
        assert stream.response.status == 200
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        assert stream.response.headers["Cache-Control"] == "no-store"
        assert await stream.types(4) == TYPES[:4]
        await door.calls.end(call_id)
        assert await stream.types() == TYPES[4:]


async def test_a_stream_tells_the_same_as_a_page(door: Door) -> None:
    await a_call(door)
    found = await told(door)
    async with reading(door, OF_CALL) as stream:
        assert [(await stream.event()).body for _ in found] == found  # type: ignore[union-attr]


async def test_a_stream_of_an_account_begins_now(door: Door) -> None:
    await a_call(door)
    async with reading(door) as stream:
        second = await a_call(door)
        for type_ in TYPES:
            frame = await stream.event()
            assert frame is not None
            assert (frame.type, frame.body["data"]["call"]["id"]) == (type_, second)


@pytest.mark.parametrize("path", [OF_CALL, "/v1/events"])
@pytest.mark.parametrize("by", ["header", "query", "both"])
async def test_a_stream_goes_on_where_it_was_left(door: Door, path: str, by: str) -> None:
    call_id = await a_call(door, ends=False)
    ids = [one["id"] for one in await told(door)]
    last, query = {
        "header": (ids[1], {}),
        "query": (None, {"after": ids[1]}),
        "both": (ids[1], {"after": ids[0]}),  # an EventSource keeps its address, and knows better
    }[by]
    async with reading(door, path, last=last, **query) as stream:
        assert await stream.types(2) == TYPES[2:4]
        await door.calls.end(call_id)
        assert await stream.types(1) == TYPES[4:]


@pytest.mark.parametrize("path", [OF_CALL, "/v1/events"])
async def test_a_stream_after_an_unknown_event_begins_with_the_oldest(door: Door, path: str) -> None:
    await a_call(door)
    async with reading(door, path, last="evt_gone_1") as stream:
        assert await stream.types(5) == TYPES


async def test_a_stream_whose_end_was_read_is_not_opened_again(door: Door) -> None:
    await a_call(door)
    found = await told(door)
    async with reading(door, OF_CALL, last=found[-1]["id"]) as stream:
        assert (stream.response.status, await stream.next()) == (204, None)
    async with reading(door, OF_CALL, last=found[-2]["id"]) as stream:
        assert (stream.response.status, await stream.types()) == (200, ["call.ended"])


async def test_a_call_that_goes_on_is_not_over_though_all_was_read(door: Door) -> None:
    call_id = await a_call(door, ends=False)
    async with reading(door, OF_CALL, last=(await told(door))[-1]["id"]) as stream:
        assert stream.response.status == 200
        await door.calls.end(call_id)
        assert await stream.types() == ["call.ended"]


async def test_more_than_one_page_is_streamed_whole(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST", 2)
    monkeypatch.setattr(events, "PAGE", 2)
    await a_call(door)
    async with reading(door, OF_CALL) as stream:
        assert await stream.types() == TYPES


async def test_a_test_key_s_stream_tells_of_tests_alone(door: Door) -> None:
    async with reading(door, key=TEST_KEY) as stream:
        await a_call(door)
        test = await a_call(door, key=TEST_KEY)
        for type_ in TYPES:
            frame = await stream.event()
            assert frame is not None
            assert (frame.type, frame.body["data"]["call"]["id"]) == (type_, test)


@pytest.mark.parametrize("path", [OF_CALL, "/v1/events"])
async def test_a_stream_in_which_nothing_happens_says_that_it_is_alive(
    door: Door, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.02)
    call_id = await a_call(door, ends=False)
    async with reading(door, path, last=(await told(door))[-1]["id"]) as stream:
        for _ in range(2):
            frame = await stream.next()
            assert frame is not None
            assert frame.comment
        await door.calls.end(call_id)
        assert await stream.types(1) == ["call.ended"]


async def test_what_is_asked_for_by_head_does_not_go_on(door: Door) -> None:
    await a_call(door, ends=False)
    for path in (OF_CALL, "/v1/events"):
        answer = await door.send(
            f"HEAD {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n"
            "Accept: text/event-stream\r\nConnection: close\r\n\r\n".encode()
        )
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n"), "no body"


# --- streams that end -------------------------------------------------------------------------------------------------


async def test_only_so_many_streams_may_be_open(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS", 2)
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.02)
    await a_call(door, ends=False)
    async with reading(door), reading(door, OF_CALL):
        for path in ("/v1/events", OF_CALL):
            answer = await door.ask("GET", path, headers={"Accept": "text/event-stream"})
            assert (answer.status, answer.body["code"]) == (429, "too_many_streams")
            assert answer.headers["Retry-After"] == "1"
        assert len(await told(door)) == 4, "pages are no streams"
    async with asyncio.timeout(SOON):
        while True:
            async with reading(door) as stream:
                if stream.response.status == 200:
                    break
            await asyncio.sleep(0.01)


async def test_one_account_s_streams_are_in_nobody_else_s_way(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS", 1)
    async with reading(door), reading(door, key="key-of-somebody-else-01234") as stream:
        assert stream.response.status == 200


async def test_who_does_not_read_is_let_go(door: Door, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "WRITE_WITHIN", 0.1)
    record = {"id": "call_1", "account": "shop", "state": "answered", "test": False}
    body = json.dumps({"long": "x" * 200_000}).encode()
    await door.store.memory.save(
        Change(record, tuple(StoredEvent(f"evt_1_{n}", n, "call.ringing", body) for n in range(1, 101)))
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", door.listener.port))
        head = f"GET {OF_CALL} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nAccept: text/event-stream\r\n\r\n"
        await loop.sock_sendall(client, head.encode())
        assert (await eventually(log, "http.stream_lost"))["error"] == "TimeoutError"
        came = b""
        async with asyncio.timeout(SOON):
            while some := await loop.sock_recv(client, 1_000_000):
                came += some
        assert len(came) < 100 * len(body)
        assert not came.endswith(b"0\r\n\r\n"), "what was cut off does not look whole"
    assert len(await told(door, "/v1/calls/call_1/events", limit=1)) == 1, "and all others are served"


async def test_when_we_close_streams_end_and_nothing_is_waited_for(door: Door) -> None:
    await a_call(door, ends=False)
    async with reading(door) as one, reading(door, OF_CALL) as other:
        assert await other.types(4) == TYPES[:4]
        await asyncio.wait_for(door.listener.close(), SOON / 2)
        assert (await one.types(), await other.types()) == ([], [])


async def test_what_is_told_while_we_close_is_read_to_its_end(door: Door) -> None:
    call_id = await a_call(door, ends=False)
    async with reading(door, OF_CALL) as stream:
        assert await stream.types(4) == TYPES[:4]
        closing = asyncio.create_task(door.listener.close())
        await door.calls.end(call_id)
        assert await stream.types() == ["call.ended"]
        await closing


async def test_a_stream_ends_with_the_store_and_another_one_goes_on(
    door: Door, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.02)
    call_id = await a_call(door, ends=False)
    async with reading(door, OF_CALL) as stream:
        *_, last = [await stream.event() for _ in range(4)]
        door.store.fault = OSError("redis://user:password@host")
        assert await stream.types() == []
    await eventually(log, "http.stream_ended")
    assert "password" not in log.getvalue()
    door.store.fault = None
    await door.calls.end(call_id)
    assert last is not None
    async with reading(door, OF_CALL, last=last.id) as stream:
        assert await stream.types() == ["call.ended"]


# --- several instances ------------------------------------------------------------------------------------------------


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisInstance]:
    async with await RedisInstance.start(tmp_path) as redis:
        yield redis


async def test_what_happens_here_is_told_there(redis: RedisInstance, log: io.StringIO) -> None:
    here_, there_ = (RedisStore(redis.url, ttl=3600) for _ in range(2))
    async with opened(store=here_) as here, opened(store=there_) as there:
        async with reading(there) as all_, reading(there, last="evt_unknown_1") as late:
            call_id = await a_call(here, ends=False)
            assert await all_.types(4) == TYPES[:4]
            assert await late.types(4) == TYPES[:4]
            async with reading(there, OF_CALL) as of_call:
                assert await of_call.types(4) == TYPES[:4]
                await here.calls.end(call_id)
                assert await of_call.types() == ["call.ended"]
            assert await all_.types(1) == ["call.ended"]
        assert await told(here) == await told(there)


async def test_a_stream_goes_on_elsewhere_when_its_way_to_the_store_breaks(
    redis: RedisInstance, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE", 0.1)
    async with FaultProxy("127.0.0.1", redis.port) as proxy:
        here_ = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=3600)
        async with opened(store=here_) as here, opened(store=RedisStore(redis.url, ttl=3600)) as there:
            call_id = await a_call(there, ends=False)
            async with reading(here, OF_CALL) as stream:
                *_, last = [await stream.event() for _ in range(4)]
                proxy.refuse()
                assert await stream.types() == []
            assert (await eventually(log, "http.stream_ended"))["error"] == "StoreUnavailable"
            assert last is not None
            async with reading(there, OF_CALL, last=last.id) as stream:
                await there.calls.end(call_id)
                assert await stream.types() == ["call.ended"]
            await proxy.restore()
            async with reading(here, OF_CALL, last=last.id) as stream:
                assert await stream.types() == ["call.ended"]
