"""Requests that are sent again: one call for a key, whatever became of the answers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.stasis import NotTaken
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from otpvoice.web import calls
from tests.web.world import BODY, CODE, KEY, NUMBER, OTHER_KEY, SECOND_KEY, TEST_KEY, Answer, Door, opened

HEADER = "Idempotency-Key"
RINGS_ON = "+12025550120"


async def post(door: Door, key: str = "k-1", body: Any = BODY, *, by: str = KEY) -> Answer:
    return await door.ask("POST", "/v1/calls", json=body, key=by, headers={HEADER: key})


def nobody_was_called(door: Door) -> None:
    assert not door.calls.placed
    assert not door.calls.rehearsed


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["a", "k-1", '"k-1"', '"with blanks, too"', r'"a \"b\" \\"', "x" * 255, f'"{"x" * 255}"']
)
async def test_a_key_is_bare_or_quoted(door: Door, key: str) -> None:
    first, again = await post(door, key), await post(door, key)
    assert [answer.status for answer in (first, again)] == [202, 202]
    assert len(door.calls.placed) == 1


async def test_a_key_is_the_same_with_and_without_quotes(door: Door) -> None:
    first, again = await post(door, "k-1"), await post(door, '"k-1"')
    assert first.body == again.body
    assert len(door.calls.placed) == 1


@pytest.mark.parametrize(
    "key",
    ["", '""', " ", "two words", '"', '"half', '"a"b"', r'"\n"', "x" * 256, f'"{"x" * 256}"', "é", '"é"', "\t", "a\tb"],
)
async def test_what_is_no_key_calls_nobody(door: Door, key: str, log: io.StringIO) -> None:
    answer = await post(door, key)
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_invalid")
    assert "Nobody was called." in answer.body["detail"]
    nobody_was_called(door)
    assert door.store.asked == 0
    assert len(key) < 3 or key not in log.getvalue() + json.dumps(answer.body)


@pytest.mark.parametrize("second", ["a", "b"])
async def test_two_headers_are_no_key(door: Door, second: str) -> None:
    answer = await door.ask("POST", "/v1/calls", json=BODY, headers=CIMultiDict([(HEADER, "a"), (HEADER, second)]))
    assert (answer.status, answer.body["code"]) == (422, "idempotency_key_invalid")
    nobody_was_called(door)


@pytest.fixture
async def keyless() -> AsyncIterator[Door]:
    """A door without anything to derive ids from."""
    async with opened(secret=None) as door:
        yield door


async def test_without_a_secret_a_key_is_refused_and_not_passed_over(keyless: Door) -> None:
    answer = await post(keyless)
    assert (answer.status, answer.body["code"]) == (422, "not_supported")
    nobody_was_called(keyless)
    assert (await keyless.ask("POST", "/v1/calls", json=BODY)).status == 202


# --- the same request again -------------------------------------------------------------------------------------------


async def test_a_request_that_is_sent_again_gets_the_first_answer_again(door: Door) -> None:
    first = await post(door)
    assert "Idempotency-Replayed" not in first.headers
    call_id = first.body["id"]
    assert first.headers["Location"] == f"/v1/calls/{call_id}"
    await door.calls.end(call_id)
    again = await post(door)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert (again.body, again.headers["Location"]) == (first.body, first.headers["Location"])
    assert (await door.ask("GET", f"/v1/calls/{call_id}")).body["state"] == "ended"
    assert len(door.calls.placed) == 1


async def test_the_id_of_a_call_gives_away_neither_key_nor_code(door: Door) -> None:
    first = await post(door, "k-918273")
    assert first.body["id"].startswith("call_")
    assert "918273" not in first.body["id"]


@pytest.mark.parametrize(
    "again",
    [
        '{"code": "918273", "to": "+442079460123"}',
        '  {"to" :"+442079460123",\n"code":"918273"}\n',
        '{"to": "+442079460123", "\\u0063ode": "91827\\u0033"}',
    ],
)
async def test_the_same_body_may_be_written_otherwise(door: Door, again: str) -> None:
    await post(door)
    answer = await door.ask("POST", "/v1/calls", data=again.encode(), headers={HEADER: "k-1"})
    assert answer.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "other",
    [{**BODY, "code": "918274"}, {**BODY, "to": "+442079460124"}, {**BODY, "times": 2}, {"to": NUMBER, "no": "call"}],
)
async def test_another_body_is_another_request(door: Door, other: dict[str, Any]) -> None:
    first = await post(door)
    answer = await post(door, body=other)
    assert (answer.status, answer.body["code"]) == (422, "idempotency_mismatch")
    assert len(door.calls.placed) == 1
    assert (await post(door)).body == first.body


async def test_what_was_valid_when_it_was_sent_first_is_answered_when_it_is_not_any_more(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = BODY | {"valid_until": datetime.fromtimestamp(time.time() + 60, UTC).isoformat()}
    first = await post(door, body=body)
    assert first.status == 202
    monkeypatch.setattr(calls, "time", SimpleNamespace(time=lambda: time.time() + 120))
    assert (await post(door, "k-2", body)).body["errors"][0]["code"] == "expired"
    again = await post(door, body=body)
    assert (again.status, again.body) == (202, first.body)


async def test_another_key_is_another_call(door: Door) -> None:
    first, other = await post(door, "k-1"), await post(door, "k-2", BODY | {"to": "+442079460124"})
    assert first.body["id"] != other.body["id"]
    assert len(door.calls.placed) == 2


async def test_a_key_is_the_account_s_and_not_the_bearer_key_s(door: Door) -> None:
    first, rotated = await post(door), await post(door, by=SECOND_KEY)
    assert first.body == rotated.body
    elsewhere = await post(door, by=OTHER_KEY)
    assert "Idempotency-Replayed" not in elsewhere.headers
    assert elsewhere.body["id"] != first.body["id"]
    assert [account for _, _, account, _ in door.calls.placed] == ["shop", "other"]


@pytest.mark.parametrize("keys", [(KEY, TEST_KEY), (TEST_KEY, KEY)])
async def test_a_test_s_key_and_a_live_one_are_two_calls(door: Door, keys: tuple[str, str]) -> None:
    answers = [await post(door, by=by) for by in (*keys, *keys)]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, None, "true", "true"]
    assert [answer.body["test"] for answer in answers] == [by == TEST_KEY for by in (*keys, *keys)]
    assert (len(door.calls.placed), len(door.calls.rehearsed)) == (1, 1)


async def test_a_prepared_call_has_one_key_too(door: Door) -> None:
    body = {"dial": False, "code": CODE}
    first, again = await post(door, body=body), await post(door, body=body)
    assert (first.body["state"], again.body) == ("waiting", first.body)
    assert len(door.calls.placed) == 1


# --- at the same time -------------------------------------------------------------------------------------------------


async def test_while_the_first_is_being_answered_the_next_is_told_to_come_back(door: Door) -> None:
    door.calls.gate = asyncio.Event()
    asking = asyncio.create_task(post(door))
    await door.calls.reached.wait()
    answer = await post(door)
    assert (answer.status, answer.body["code"]) == (409, "idempotency_in_progress")
    assert answer.headers["Retry-After"] == "1"
    assert (await post(door, body=BODY | {"times": 1})).body["code"] == "idempotency_mismatch"
    door.calls.gate.set()
    first = await asking
    assert (await post(door)).body == first.body


async def test_two_hundred_at_once_place_one_call(door: Door) -> None:
    answers = await asyncio.gather(*(post(door) for _ in range(200)))
    assert len(door.calls.placed) == 1
    taken = [answer for answer in answers if answer.status == 202]
    assert len({answer.body["id"] for answer in taken}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in taken].count(None) == 1
    assert {answer.body["code"] for answer in answers if answer.status != 202} <= {"idempotency_in_progress"}
    assert (await post(door)).headers["Idempotency-Replayed"] == "true"


@pytest.mark.timeout(60)
async def test_two_hundred_at_once_place_one_call_through_the_live_process(tmp_path: Path) -> None:
    settings = {
        # Nobody is there: a test key needs nobody.
        "ari_url": "http://127.0.0.1:9",
        "ari_password": secrets.token_hex(16),
        "api_keys": TEST_KEY,
        "secret_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "trunk": "PJSIP/{number}@trunk",
        "allow_destinations": "+44",
        "drain_timeout": 0,
    }
    async with (
        await RedisInstance.start(tmp_path / "redis") as redis,
        await ServeInstance.start(tmp_path / "service", settings | {"redis_url": redis.url}) as service,
        aiohttp.ClientSession(service.url, headers={"Authorization": f"Bearer {TEST_KEY}", HEADER: "k-1"}) as http,
    ):

        async def once() -> tuple[int, dict[str, Any], str | None]:
            async with http.post("/v1/calls", json=BODY | {"to": RINGS_ON}) as answer:
                return answer.status, await answer.json(), answer.headers.get("Idempotency-Replayed")

        answers = await asyncio.gather(*(once() for _ in range(200)))
        taken = [(body, replayed) for status, body, replayed in answers if status == 202]
        assert [replayed for _, replayed in taken].count(None) == 1
        assert {body["code"] for status, body, _ in answers if status != 202} <= {"idempotency_in_progress"}
        first = next(body for body, replayed in taken if replayed is None)
        assert all(body == first for body, _ in taken)
        assert await once() == (202, first, "true")
        async with http.get("/v1/calls") as listed:
            assert [call["id"] for call in (await listed.json())["data"]] == [first["id"]]
    begun = [json.loads(line)["call"] for line in service.log_path.read_text().splitlines() if "call.queued" in line]
    assert begun == [first["id"]]


# --- keys that are given back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (NotTaken("asterisk_unavailable"), 503),
        (NotTaken("draining"), 503),
        (NotTaken("destination_busy", facts={"call": "call_7"}), 409),
        (NotTaken("rate_limited", facts={"limit": "account_rate"}), 429),
        (NotTaken("queue_full"), 429),
        (NotTaken("claim_lost"), 409),
        (RuntimeError("a fault of ours"), 500),
    ],
)
async def test_a_refusal_uses_up_no_key(door: Door, refused: Exception, status: int) -> None:
    door.calls.fault = refused
    assert [(await post(door)).status for _ in range(2)] == [status] * 2
    door.calls.fault = None
    answer = await post(door)
    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"to": NUMBER}, 422), (BODY | {"to": "+33123456789"}, 403), (BODY | {"times": 99}, 422)],
)
async def test_a_key_may_be_used_for_what_is_put_right(door: Door, body: dict[str, Any], status: int) -> None:
    assert (await post(door, body=body)).status == status
    answer = await post(door)
    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, None)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"a": 1, "a": 2}', b"\xff"])
async def test_what_is_no_json_claims_nothing(door: Door, data: bytes) -> None:
    answer = await door.ask("POST", "/v1/calls", data=data, headers={HEADER: "k-1"})
    assert (answer.status, answer.body["code"]) == (400, "invalid_json")
    assert door.store.asked == 0


async def test_while_nobody_knows_what_a_key_was_used_for_nobody_is_called(door: Door, log: io.StringIO) -> None:
    door.store.fault = OSError("redis://user:password@host")
    answer = await post(door)
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
    nobody_was_called(door)
    assert "password" not in log.getvalue()
    door.store.fault = None
    assert (await post(door)).status == 202


async def test_a_key_that_can_not_be_given_back_does_not_hide_why_there_was_no_call(
    door: Door, log: io.StringIO
) -> None:
    door.calls.gate = asyncio.Event()
    asking = asyncio.create_task(post(door))
    await door.calls.reached.wait()
    door.store.fault, door.calls.fault = OSError("away"), NotTaken("store_unavailable")
    door.calls.gate.set()
    assert (await asking).body["code"] == "store_unavailable"
    assert "idempotency.not_released" in log.getvalue()
    door.store.fault = door.calls.fault = None
    assert (await post(door)).body["code"] == "idempotency_in_progress"


# --- afterwards -------------------------------------------------------------------------------------------------------


async def test_a_call_that_was_erased_is_not_placed_again(door: Door) -> None:
    call_id = (await post(door)).body["id"]
    await door.calls.end(call_id)
    assert (await door.ask("DELETE", f"/v1/calls/{call_id}")).status == 204
    answer = await post(door)
    assert (answer.status, answer.body["code"]) == (410, "call_erased")
    assert "Nobody was called again." in answer.body["detail"]
    assert len(door.calls.placed) == 1


async def test_a_key_that_was_forgotten_may_be_used_for_another_call(door: Door) -> None:
    """Keys are kept for a day, calls for longer: the same key then has another id."""
    now = [time.time()]
    door.store.lose_all(MemoryStore(ttl=7 * 86_400.0, clock=lambda: now[0]))
    ids = [(await post(door)).body["id"]]
    for day in (1, 2):
        now[0] += 86_401.0
        answer = await post(door, body=BODY | {"code": f"{day}18273"})
        assert answer.status == 202
        ids.append(answer.body["id"])
    assert len(set(ids)) == 3
    assert (await post(door, body=BODY | {"code": "218273"})).headers["Idempotency-Replayed"] == "true"
