"""``calls`` without an ID: the latest calls, from as many pages as it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from otpvoice.cli.calls import calls
from tests.cli.servers import answering, run

pytestmark = pytest.mark.usefixtures("environment")


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"call_{number}",
        "to": "+442079460123",
        "state": "ended",
        "outcome": {"class": "completed", "reason": None},
        "delivered": True,
        "created_at": f"2030-01-31T12:00:{number % 60:02}.000Z",
    } | fields


def pages(asked: list[dict[str, str]], records: list[dict[str, Any]]) -> Callable[[web.Request], web.Response]:
    """Answer as the list does: at most ``limit``, and a cursor while there are more."""

    def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        assert request.path == "/v1/calls"
        start = int(request.query.get("cursor", 0))
        end = start + int(request.query["limit"])
        more = str(end) if end < len(records) else None
        return web.json_response({"data": records[start:end], "next_cursor": more})

    return answer


async def test_the_latest_calls_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        record(12, to=None, state="waiting", outcome=None, delivered=None),
        record(3, outcome={"class": "failed", "reason": "trunk_unreachable"}, delivered=False),
        record(2),
    ]
    asked: list[dict[str, str]] = []
    async with answering(pages(asked, records)) as url:
        assert await run(calls, url=url) == 0
    assert asked == [{"limit": "20"}]
    assert capsys.readouterr().out.splitlines() == [
        "id       to             state    outcome                     delivered  when",
        "call_12  -              waiting  -                           -          2030-01-31T12:00:12.000Z",
        "call_3   +442079460123  ended    failed / trunk_unreachable  no         2030-01-31T12:00:03.000Z",
        "call_2   +442079460123  ended    completed                   yes        2030-01-31T12:00:02.000Z",
    ]


async def test_where_there_are_no_calls_there_is_only_the_head(capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(pages([], [])) as url:
        assert await run(calls, url=url) == 0
    assert capsys.readouterr().out == "id  to  state  outcome  delivered  when\n"


@pytest.mark.parametrize(
    ("limit", "limits"),
    [(None, ["20"]), (1, ["1"]), (99, ["99"]), (100, ["100"]), (250, ["100", "100", "50"]), (999, ["100"] * 3)],
)
async def test_pages_are_asked_for_until_there_are_enough(
    limit: int | None, limits: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[dict[str, str]] = []
    records = [record(number) for number in range(270)]
    async with answering(pages(asked, records)) as url:
        assert await run(calls, url=url, limit=limit, state="ended", as_json=True) == 0
    assert [one["limit"] for one in asked] == limits
    assert [one.get("cursor") for one in asked] == [None, "100", "200"][: len(asked)]
    assert all(one["state"] == "ended" for one in asked)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == records[: limit or 20]


async def test_a_page_of_nothing_may_have_another_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As where only some states are asked for."""
    answers = iter([{"data": [], "next_cursor": "a"}, {"data": [record(1)], "next_cursor": None}])
    async with answering(lambda _: web.json_response(next(answers))) as url:
        assert await run(calls, url=url) == 0
    assert "call_1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "page",
    [
        {},
        [],
        {"data": 5},
        {"data": [5]},
        {"data": [{"id": "x"}]},
        {"data": [], "next_cursor": 5},
        {"data": [], "next_cursor": "always the same"},
    ],
)
async def test_what_answers_without_a_list_is_no_otpvoice(page: object, capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(lambda _: web.json_response(page)) as url:
        assert await run(calls, url=url) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{url} is no otpvoice: it answers something else than a ")


async def test_a_refusal_is_told_with_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"path": "$.query.state", "code": "choice", "message": "must be a state"}]
    problem = {"title": "The query is not valid", "errors": errors}
    async with answering(lambda _: web.json_response(problem, status=422)) as url:
        assert await run(calls, url=url, state="\udcff&x=") == 1
    assert capsys.readouterr().err == "422 The query is not valid\n  $.query.state must be a state\n"


async def test_a_state_of_any_bytes_is_asked_for() -> None:
    asked: list[str] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"data": [], "next_cursor": None})

    async with answering(answer) as url:
        assert await run(calls, url=url, state="a&limit=5\udcff") == 0
    assert asked == ["/v1/calls?state=a%26limit%3D5%FF&limit=20"]


async def test_whatever_a_list_holds_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = [
        record(1, id="\x1b[2J", to="\x07\n", state="\u202e", outcome=5, delivered="yes", created_at=[]),
        record(2, outcome={"class": "\x1b", "reason": {}}, to="\ud800"),
    ]
    async with answering(pages([], odd)) as url:
        assert await run(calls, url=url) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 3
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("options", [{"state": "ended"}, {"limit": 5}])
def test_what_is_for_the_list_goes_with_no_id(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert calls("call_1", url="http://127.0.0.1:1", **options) == 2
    assert capsys.readouterr().err == "--state and --limit are for the list: leave them out, or the ID\n"
