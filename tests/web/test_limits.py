"""How much an account may call: what the store counts, and what whoever asks too much is told."""

from __future__ import annotations

import pytest

from otpvoice.chronicle import Allowance
from tests.web.world import BODY, CODE, KEY, OTHER_KEY, TEST_KEY, Answer, Door


async def post(door: Door, to: str = BODY["to"], key: str = KEY) -> Answer:
    return await door.ask("POST", "/v1/calls", json=BODY | {"to": to}, key=key)


def allow(door: Door, **limits: object) -> None:
    allowances = {"shop": Allowance(**limits), "other": Allowance()}  # type: ignore[arg-type]
    door.store.chronicle.allowances = allowances


def others(count: int) -> list[str]:
    return [f"+4420794601{number}" for number in range(30, 30 + count)]


async def test_a_destination_that_is_being_called_is_busy_until_that_call_is_over(door: Door) -> None:
    first = await post(door)
    for _ in range(2):
        answer = await post(door)
        assert (answer.status, answer.body["code"], answer.body["call"]) == (409, "destination_busy", first.body["id"])
    assert (await post(door, others(1)[0])).status == 202
    await door.calls.end(first.body["id"])
    assert (await post(door)).status == 202


async def test_what_is_busy_for_one_account_is_free_for_another(door: Door) -> None:
    assert [(await post(door, key=key)).status for key in (TEST_KEY, KEY, OTHER_KEY)] == [202, 202, 202]


async def test_calls_that_dial_nobody_are_in_nobody_s_way(door: Door) -> None:
    body = {"dial": False, "code": CODE, "to": BODY["to"]}
    assert [(await door.ask("POST", "/v1/calls", json=body)).status for _ in range(2)] == [202, 202]
    assert (await post(door)).status == 202


@pytest.mark.parametrize(
    ("limits", "limit", "longest"),
    [
        ({"rates": ((2, 60.0),)}, "account_rate", 60),
        ({"calls_in_progress": 2}, "calls_in_progress", 1),
    ],
)
async def test_an_account_calls_so_much_and_no_more(
    door: Door, limits: dict[str, object], limit: str, longest: int
) -> None:
    allow(door, **limits)
    assert [(await post(door, to)).status for to in others(2)] == [202, 202]
    answer = await post(door)
    assert (answer.status, answer.body["code"], answer.body["limit"]) == (429, "rate_limited", limit)
    assert 1 <= int(answer.headers["Retry-After"]) <= longest
    assert "Nobody was called." in answer.body["detail"]
    assert len(door.calls.placed) == 2
    assert (await post(door, key=OTHER_KEY)).status == 202


async def test_a_call_that_ended_makes_room_for_the_next(door: Door) -> None:
    allow(door, calls_in_progress=1)
    first = await post(door)
    assert (await post(door, others(1)[0])).status == 429
    await door.calls.end(first.body["id"])
    assert (await post(door, others(1)[0])).status == 202


async def test_a_destination_is_called_so_often_and_no_more(door: Door) -> None:
    allow(door, destination_rates=((2, 600.0), (9, 86_400.0)))
    for _ in range(2):
        await door.calls.end((await post(door)).body["id"])
    answer = await post(door)
    assert (answer.status, answer.body["limit"]) == (429, "destination_rate")
    assert 590 <= int(answer.headers["Retry-After"]) <= 600
    assert (await post(door, others(1)[0])).status == 202


async def test_a_call_that_is_refused_is_not_counted(door: Door) -> None:
    allow(door, rates=((2, 60.0),))
    first = await post(door)
    assert [(await post(door)).body["code"] for _ in range(5)] == ["destination_busy"] * 5
    await door.calls.end(first.body["id"])
    assert (await post(door)).status == 202
