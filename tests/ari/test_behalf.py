"""On whose behalf something is logged, whoever calls: a party's events, a leg's, tasks that somebody else begins."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

from otpvoice.ari.behalf import Behalf, named_by
from otpvoice.ari.errands import Errands
from otpvoice.ari.open_stream import GuardedStream, StreamEvent
from otpvoice.core.actions import Stream

FIRST = {"call": "call_1", "account": "shop"}
SECOND = {"call": "call_2", "account": "bank"}


def told(lines: list[EventDict]) -> list[tuple[str, str | None]]:
    return [(line["event"], line.get("call")) for line in lines]


def test_it_is_of_whoever_makes_it_and_not_of_whoever_calls() -> None:
    with bound_contextvars(**FIRST):
        behalf = Behalf()
    with bound_contextvars(**SECOND):
        assert behalf.run(get_contextvars) == FIRST
        assert behalf.of(get_contextvars)() == FIRST
        assert get_contextvars() == SECOND


def test_whose_it_is_may_become_known_later() -> None:
    behalf = Behalf.of_nobody()
    call = behalf.of(get_contextvars)
    assert call() == {}
    behalf.name(**FIRST)
    assert call() == FIRST
    assert get_contextvars() == {}


def test_of_nobody_is_of_nobody_wherever_it_is_made() -> None:
    with bound_contextvars(**FIRST):
        assert Behalf.of_nobody().run(get_contextvars) == {}


def test_what_is_called_may_call_for_the_same_one_again_and_leaves_nothing_behind() -> None:
    behalf = Behalf.of_nobody()

    def inner() -> None:
        structlog.contextvars.bind_contextvars(call="call_2")

    behalf.run(behalf.run, inner)
    assert behalf.run(get_contextvars) == {}


async def test_a_task_is_of_whoever_it_is_begun_for() -> None:
    async def names() -> dict[str, object]:
        return get_contextvars()

    with bound_contextvars(**FIRST):
        behalf = Behalf()
    with bound_contextvars(**SECOND):
        task = behalf.start(names(), "call_1-names")
    assert task.get_name() == "call_1-names"
    assert await task == FIRST


@pytest.mark.parametrize(
    ("object_id", "names"),
    [
        ("call_0123456789abcdef01234567", {"call": "call_0123456789abcdef01234567"}),
        ("call_0a-1", {"call": "call_0a"}),
        ("call_0a-1-snoop-1-1", {"call": "call_0a"}),
        ("call_0a-tap-inbound-2", {"call": "call_0a"}),
        ("otpvoice-one-leg-7", {}),
        ("1795815389.2", {}),
        ("call_", {}),
        ("call_0a-1\n", {"call": "call_0a"}),
        ("call_0a\n", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_a_channel_of_ours_names_its_call(object_id: str | None, names: dict[str, str]) -> None:
    assert named_by(object_id) == names


async def test_an_errand_is_of_whose_it_was_made_for() -> None:
    over = asyncio.Event()

    async def breaks() -> None:
        structlog.get_logger().info("errand")
        raise RuntimeError

    with bound_contextvars(**FIRST):
        errands = Errands("call_1-1", over.set)
    with capture_logs(processors=[merge_contextvars]) as lines, bound_contextvars(**SECOND):
        errands.start(breaks(), "gap")
        await over.wait()
    assert told(lines) == [("errand", "call_1"), ("errand.broken", "call_1")]


def test_a_stream_that_breaks_while_somebody_else_is_at_work_is_of_its_call() -> None:
    """Audio comes on the task of a leg, which knows no call."""

    heard: list[dict[str, object]] = []

    def tell(_: StreamEvent) -> None:
        heard.append(get_contextvars())

    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError
    error = caught.value
    order = Stream("wss://a.example/", name="a", format="twilio")
    with bound_contextvars(**FIRST):
        stream = GuardedStream(1, order, tell)
    with capture_logs(processors=[merge_contextvars]) as lines, bound_contextvars(**SECOND):
        stream.broke(error)
    assert told(lines) == [("stream.broken", "call_1")]
    assert heard == [FIRST]
