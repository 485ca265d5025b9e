"""The client asks again with the same key and the same bytes, and knows when it is no use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web

from otpvoice.testkit.serve import ServeInstance
from tests.soak import client as module
from tests.soak.client import Client
from tests.soak.plan import Ask, Callee, Kind


def an_ask(kind: Kind = Kind.CODE, hasty: float | None = None) -> Ask:
    return Ask(17, 0.0, kind, Callee.LISTENS, "2345678901", "9876543210", 0.5, 1.0, 486, hasty)


class Door:
    """A service that answers as it is told, in turn, and then 202; it notes keys and bodies."""

    key = "a key"

    def __init__(self, *answers: int | str) -> None:
        self.answers, self.came, self.url = list(answers), list[tuple[str, str, bytes]](), ""

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"id": "call_1", "state": "ended"})
        headers = request.headers
        self.came.append((headers["Idempotency-Key"], headers["Authorization"], await request.read()))
        match self.answers.pop(0) if self.answers else 202:
            case "hangs":
                await asyncio.sleep(60)
            case "cuts":
                assert request.transport is not None
                request.transport.abort()
            case int(status) if status != 202:
                return web.json_response({"code": "no"}, status=status, headers={"Retry-After": "0"})
        return web.json_response({"id": "call_1"}, status=202)


@asynccontextmanager
async def client_at(door: Door, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(module, "LATER_LOOK", 0.0)
    runner = web.ServerRunner(web.Server(door.take), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Client(cast("ServeInstance", door), "otp_test_key", "http://127.0.0.1:1/hook") as client:
            yield client
    finally:
        await runner.cleanup()


ANSWERS: dict[str, list[Any]] = {
    "at once": [],
    "refused for now": [503, 429, 409, 500],
    "no answer": ["cuts", "cuts"],
    "dropped": ["hangs"],
}


@pytest.mark.parametrize("story", ANSWERS)
async def test_it_asks_again_with_the_same_key_until_it_is_taken(story: str, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(*ANSWERS[story])
    async with client_at(door, monkeypatch) as client:
        await client.place(an_ask(hasty=0.05 if story == "dropped" else None))
        assert client.accepted == {17: "call_1"}
        assert client.ended == [{"id": "call_1", "state": "ended"}]
        assert client.answers[202] == 1
        assert client.answers.total() == len(door.came) == len(ANSWERS[story]) + 1
        assert len(set(door.came)) == 1
        assert not client.wrong
        assert not client.gave_up


async def test_what_is_refused_for_good_is_said_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(422, 422)
    async with client_at(door, monkeypatch) as client:
        await client.place(an_ask())
        assert client.wrong == ["17: 422 no"]
        await client.place(an_ask(Kind.WAITING))  # it is too late for that one
        assert len(client.wrong) == 1
        assert len(door.came) == 2


async def test_its_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    door = Door(*[503] * 10_000)
    async with client_at(door, monkeypatch) as client:
        await client.place(an_ask())
        assert (client.gave_up, client.accepted) == ([17], {})


async def test_a_test_is_asked_for_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    async with client_at(door, monkeypatch) as client:
        await client.place(an_ask(Kind.TEST))
        assert door.came[0][1] == "Bearer otp_test_key"
