"""Alive, and ready, with the reasons why not."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable

import aiohttp
import pytest

from otpvoice.ari.node import AsteriskNode
from otpvoice.stasis import StasisApp
from otpvoice.web import health
from otpvoice.web.app import Health, make_app
from otpvoice.web.ports import Calls, Node, Nodes
from otpvoice.web.server import listen
from tests.web.world import Door, FakeNode, FakeStore, Named, Switchboard, hook_of


async def test_a_process_is_alive_whatever_else_is_broken(door: Door) -> None:
    door.calls.nodes.clear()
    door.store.fault = OSError("away")
    answer = await door.ask("GET", "/healthz", key=None)
    assert (answer.status, answer.body) == (200, {"status": "ok"})


async def test_ready_says_what_there_is(door: Door) -> None:
    answer = await door.ask("GET", "/readyz", key=None)
    assert (answer.status, answer.body) == (
        200,
        {
            "status": "ready",
            "reasons": [],
            "instance": "otp-1",
            "calls": 0,
            "draining": False,
            "store": {"ready": True, "reason": None},
            "nodes": [
                {
                    "name": "http://127.0.0.1:8088",
                    "ready": True,
                    "reasons": [],
                    "detail": "",
                    "connected": True,
                    "version": "22.10.1",
                    "legs": {"free": 8, "taken": 0},
                }
            ],
        },
    )


def break_node(**how: object) -> Callable[[Door], None]:
    def apply(door: Door) -> None:
        for name, value in how.items():
            setattr(
                door.calls.nodes[0].pool if hasattr(door.calls.nodes[0].pool, name) else door.calls.nodes[0],
                name,
                value,
            )

    return apply


def break_store(door: Door) -> None:
    door.store.fault = ConnectionError("redis://user:password@host")


def drain(door: Door) -> None:
    door.calls.draining = True


NODE = "http://127.0.0.1:8088"


@pytest.mark.parametrize(
    ("what", "reasons"),
    [
        (drain, [{"code": "draining"}]),
        (break_store, [{"code": "store_unavailable", "detail": "ConnectionError"}]),
        (break_node(connected=False, reason="refused"), [{"code": "asterisk_unavailable", "node": NODE}]),
        (break_node(replaced=True), [{"code": "replaced", "node": NODE}]),
        (break_node(wedged=True), [{"code": "media_wedged", "node": NODE}]),
        (break_node(free=0), [{"code": "no_media_leg", "node": NODE}]),
    ],
)
async def test_not_ready_says_why(
    door: Door, what: Callable[[Door], None], reasons: list[dict[str, str]], log: io.StringIO
) -> None:
    what(door)
    answer = await door.ask("GET", "/readyz", key=None)
    assert (answer.status, answer.body["status"], answer.body["reasons"]) == (503, "not_ready", reasons)
    assert "password" not in json.dumps(answer.body) + log.getvalue()


async def test_a_busy_node_is_ready(door: Door) -> None:
    door.calls.nodes[0].pool.free, door.calls.nodes[0].pool.taken = 0, 400
    assert (await door.ask("GET", "/readyz")).status == 200


async def test_one_node_of_several_is_enough_and_the_others_are_named(door: Door) -> None:
    door.calls.nodes.append(FakeNode(Named("second"), connected=False))
    answer = await door.ask("GET", "/readyz")
    assert (answer.status, answer.body["reasons"]) == (200, [{"code": "asterisk_unavailable", "node": "second"}])


async def test_no_node_at_all_is_not_ready(door: Door) -> None:
    door.calls.nodes.clear()
    assert (await door.ask("GET", "/readyz")).status == 503


async def test_a_store_that_does_not_answer_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PING_WITHIN", 0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(door.store, "ping", never)
    answer = await door.ask("GET", "/readyz")
    assert (answer.status, answer.body["store"]) == (503, {"ready": False, "reason": "timeout"})


async def test_who_watches_is_not_in_the_log(door: Door, log: io.StringIO) -> None:
    await door.ask("GET", "/healthz")
    assert [json.loads(line)["level"] for line in log.getvalue().splitlines()] == ["debug"]


@pytest.mark.parametrize(
    ("with_hook", "there", "not_there"), [(True, "/v1/calls", "/readyz"), (False, "/readyz", "/v1/calls")]
)
async def test_each_door_can_have_an_address_of_its_own(*, with_hook: bool, there: str, not_there: str) -> None:
    store = FakeStore()
    calls = Switchboard(store)
    app = make_app(hook=hook_of(calls, store)) if with_hook else make_app(health=Health(calls, store))
    listener = await listen(app, "127.0.0.1", 0)
    try:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as http,
            http.get(there) as found,
            http.get(not_there) as missing,
        ):
            assert (found.status == 404, missing.status == 404) == (False, True)
    finally:
        await listener.close()


def shapes(app: StasisApp, node: AsteriskNode) -> tuple[Calls, Nodes, Node]:
    """For the type checker: the real ones are what the doors need, as much as the stand-ins of these tests."""
    return app, app, node
