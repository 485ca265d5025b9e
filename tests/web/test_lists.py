"""Calls of an account, in pages: what may be asked, what is complete, and what a test key sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from otpvoice.dialects.problems import Problem
from otpvoice.web.asking import limit_up_to, parameters
from otpvoice.web.problems import Refusal
from tests.web.world import KEY, OTHER_KEY, TEST_KEY, Door


async def keep(door: Door, count: int, *, first: int = 0, state: str = "ended", **fields: Any) -> list[str]:
    """Write some calls; return their ids, newest first."""
    ids = [f"call_{number:03}" for number in range(first, first + count)]
    for call_id in ids:
        await door.store.keep({"id": call_id, "account": "shop", "state": state, "test": False} | fields)
    return ids[::-1]


async def pages(door: Door, query: Mapping[str, Any], key: str = KEY) -> list[list[str]]:
    """Read all pages; return the ids on each."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await door.ask("GET", "/v1/calls", params={**query, **cursor}, key=key)
        assert answer.status == 200
        assert answer.body.keys() == {"data", "next_cursor"}
        found.append([call["id"] for call in answer.body["data"]])
        if answer.body["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.body["next_cursor"]}
        assert len(found) < 100, "it goes round in circles"


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7]), (200, [7]), (None, [7])]
)
async def test_pages_hold_all_calls_once_and_the_newest_first(door: Door, limit: int | None, sizes: list[int]) -> None:
    ids = await keep(door, 7)
    found = await pages(door, {} if limit is None else {"limit": limit})
    assert [len(page) for page in found] == sizes
    assert [call for page in found for call in page] == ids


async def test_fifty_calls_are_a_page_where_nothing_is_said(door: Door) -> None:
    await keep(door, 51)
    assert [len(page) for page in await pages(door, {})] == [50, 1]


async def test_a_call_is_listed_as_it_is_shown(door: Door) -> None:
    await door.ask("POST", "/v1/calls", json={"to": "+442079460123", "code": "918273"})
    await door.calls.end("call_1")
    (listed,) = (await door.ask("GET", "/v1/calls")).body["data"]
    assert listed == (await door.ask("GET", "/v1/calls/call_1")).body
    assert listed["state"] == "ended"


async def test_whoever_is_called_meanwhile_moves_no_page(door: Door) -> None:
    ids = await keep(door, 4)
    first = await door.ask("GET", "/v1/calls?limit=2")
    await keep(door, 3, first=4)
    second = await door.ask("GET", "/v1/calls", params={"limit": 2, "cursor": first.body["next_cursor"]})
    assert [call["id"] for call in first.body["data"] + second.body["data"]] == ids
    assert second.body["next_cursor"] is None


@pytest.mark.parametrize("state", ["waiting", "queued", "dialing", "ringing", "answered", "ended"])
async def test_calls_in_one_state(door: Door, state: str) -> None:
    await keep(door, 2, state="answered" if state == "ringing" else "ringing")
    ids = await keep(door, 3, first=2, state=state)
    assert await pages(door, {"state": state, "limit": 2}) == [ids[:2], ids[2:]]


async def test_nothing_is_a_page_too(door: Door) -> None:
    await keep(door, 1, account="other")
    assert await pages(door, {}) == [[]]
    assert await pages(door, {}, OTHER_KEY) == [["call_000"]]


async def test_a_test_key_s_page_holds_the_newest_calls_of_tests_alone(door: Door) -> None:
    """They lie among the others. A cursor would name a call that may be none of theirs, so there is none."""
    real: list[str] = []
    tests: list[str] = []
    for first in range(0, 60, 3):
        tests = await keep(door, 1, first=first, test=True) + tests
        real = await keep(door, 2, first=first + 1) + real
    assert await pages(door, {"limit": 2}, TEST_KEY) == [tests[:2]]
    assert await pages(door, {"limit": 200}, TEST_KEY) == [tests]
    assert len({*real, *tests}) == sum(map(len, await pages(door, {"limit": 7})))


async def test_a_call_without_the_word_is_none_of_tests(door: Door) -> None:
    """One that was written by an earlier version."""
    await door.store.keep({"id": "call_9", "account": "shop", "state": "ended"})
    assert await pages(door, {}, TEST_KEY) == [[]]


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("limit=0", [("$.query.limit", "range")]),
        ("limit=201", [("$.query.limit", "range")]),
        ("limit=-1", [("$.query.limit", "range")]),
        ("limit=", [("$.query.limit", "range")]),
        ("limit=1.5", [("$.query.limit", "range")]),
        ("limit=%D9%A3", [("$.query.limit", "range")]),
        ("limit=1e1", [("$.query.limit", "range")]),
        ("limit=%201", [("$.query.limit", "range")]),
        ("limit=" + "9" * 5000, [("$.query.limit", "range")]),
        ("limit=1&limit=2", [("$.query.limit", "conflict")]),
        ("cursor=", [("$.query.cursor", "format")]),
        ("cursor=nonsense", [("$.query.cursor", "format")]),
        ("cursor=%00", [("$.query.cursor", "format")]),
        ("cursor=call_001", [("$.query.cursor", "format")]),
        ("cursor=918273&limit=3", [("$.query.cursor", "format")]),
        ("state=ENDED", [("$.query.state", "choice")]),
        ("state=", [("$.query.state", "choice")]),
        ("state=918273", [("$.query.state", "choice")]),
        ("918273=1", [("$.query", "unknown_field")]),
        ("a=1&b=2&b=3", [("$.query.a", "unknown_field"), ("$.query.b", "unknown_field")]),
        ("a-b=1&%20=2&9=3&x.y=4", [("$.query['a-b']", "unknown_field"), ("$.query", "unknown_field")]),
        (f"{'a' * 40}=1&{'b' * 41}=1", [(f"$.query.{'a' * 40}", "unknown_field"), ("$.query", "unknown_field")]),
        ("offset=1&limit=1&limit=1", [("$.query.offset", "unknown_field"), ("$.query.limit", "conflict")]),
    ],
)
async def test_a_query_that_is_wrong_is_told_where(door: Door, query: str, problems: list[tuple[str, str]]) -> None:
    await keep(door, 2)
    answer = await door.ask("GET", f"/v1/calls?{query}")
    assert (answer.status, answer.body["code"]) == (422, "invalid_parameter")
    assert [(error["path"], error["code"]) for error in answer.body["errors"]] == problems
    assert "918273" not in str(answer.body), "what was sent is not repeated"


def test_all_that_is_wrong_with_a_query_is_told_at_once() -> None:
    def never(_: str) -> Problem:
        return Problem("$.query.state", "choice", "must be another")

    request = make_mocked_request("GET", "/v1/calls?state=a&offset=1&limit=0&cursor=b&cursor=c")
    rules = {"limit": limit_up_to(200), "state": never, "after": never}
    with pytest.raises(Refusal) as refused:
        parameters(request, ("limit", "cursor", "state", "after"), rules)
    assert [(problem.path, problem.code) for problem in refused.value.errors] == [
        ("$.query.offset", "unknown_field"),
        ("$.query.cursor", "conflict"),
        ("$.query.limit", "range"),
        ("$.query.state", "choice"),
    ]


async def test_a_cursor_is_good_for_its_own_account_alone(door: Door) -> None:
    """It names a place, and no call that was not seen before."""
    await keep(door, 3)
    await keep(door, 3, first=10, account="other")
    cursor = (await door.ask("GET", "/v1/calls?limit=1")).body["next_cursor"]
    other = await door.ask("GET", "/v1/calls", params={"cursor": cursor}, key=OTHER_KEY)
    assert {call["account"] for call in other.body["data"]} <= {"other"}


@pytest.mark.parametrize("key", [KEY, TEST_KEY])
async def test_without_the_store_there_is_no_list(door: Door, key: str) -> None:
    door.store.fault = OSError("away")
    answer = await door.ask("GET", "/v1/calls", key=key)
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
    assert "Retry-After" in answer.headers
