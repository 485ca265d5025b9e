"""The benchmarks measure what they say: both sides do the same on the wire, and what went wrong is seen.

It judges no speed.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from benchmarks import accept, store, webhooks, workload
from benchmarks.bare import Bare
from benchmarks.callee import good, heard
from benchmarks.cost import percentile
from benchmarks.direct import Direct
from benchmarks.report import Line
from benchmarks.rig import DIAL, Who, rigged
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Scenario

CALLS = 3
ENDPOINT = DIAL.replace("{number}", workload.NUMBER[1:])


class Wire:
    """What this process sends to Asterisk: requests by their shape, media messages by their content."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: Counter[str] = Counter()
        request, send_bytes, send_str = (
            aiohttp.ClientSession._request,
            aiohttp.ClientWebSocketResponse.send_bytes,
            aiohttp.ClientWebSocketResponse.send_str,
        )

        async def counted_request(session: Any, method: str, url: Any, **rest: Any) -> Any:
            # Ids are whatever each side calls its channels and bridges.
            shape = re.sub(r"(channels|bridges)/[^/]+", r"\1/ID", str(url).partition("/ari/")[2])
            self.sent[f"{method} {shape}"] += 1
            return await request(session, method, url, **rest)

        async def counted_bytes(socket: Any, data: bytes, *rest: Any) -> None:
            self.sent[f"{len(data)} bytes, {hash(data)}"] += 1
            await send_bytes(socket, data, *rest)

        async def counted_str(socket: Any, data: str, *rest: Any) -> None:
            command = orjson.loads(data)
            command.pop("correlation_id", None)
            self.sent[str(command)] += 1
            await send_str(socket, data, *rest)

        monkeypatch.setattr(aiohttp.ClientSession, "_request", counted_request)
        monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "send_bytes", counted_bytes)
        monkeypatch.setattr(aiohttp.ClientWebSocketResponse, "send_str", counted_str)


@pytest.fixture
async def speech() -> workload.Speech:
    return await workload.speech()


@pytest.fixture
async def agent(speech: workload.Speech) -> AsyncIterator[CalleeAgent]:
    press_at = speech.seconds + workload.PRESS_AFTER
    async with CalleeAgent(Scenario.answers().with_silence(0.1).presses(workload.KEY, start=press_at)) as agent:
        yield agent


@pytest.mark.asterisk
async def test_the_bare_loop_and_the_product_send_the_same(
    tmp_path: Path, speech: workload.Speech, agent: CalleeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests, audio, marks and commands of a call are equal in kind and number."""
    async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=agent.address) as asterisk:
        where = {"url": asterisk.ari_url, "user": asterisk.ari_user, "password": asterisk.ari_password}
        bare = Bare(**where, messages=[list(message) for message in speech.messages], endpoint=ENDPOINT)
        direct = Direct(**where, endpoint=ENDPOINT, legs=CALLS)
        await bare.connect(CALLS)
        await direct.connect()
        wire = Wire(monkeypatch)
        await asyncio.wait_for(asyncio.gather(*(bare.call() for _ in range(CALLS))), 20)
        by_bare, wire.sent = wire.sent, Counter()
        result = await asyncio.wait_for(direct.run(20, CALLS), 20)
        by_product, wire.sent = wire.sent, Counter()
        await bare.close()
        await direct.close()
    assert result["failed"] == 0
    del by_product["GET asterisk/ping"]  # felt every few seconds, whether or not there are calls
    assert by_product == by_bare
    calls = [heard(call) for call in agent.calls]
    assert all(good(call, calls[0]["audible"]) for call in calls), calls


@pytest.mark.asterisk
async def test_a_round_of_calls_over_the_hook_is_counted_and_judged(tmp_path: Path, speech: workload.Speech) -> None:
    """The rig starts, places calls by both, and sees that they were good."""
    async with rigged(tmp_path / "rig", speech, legs=(CALLS, 8), beside=(Who.BARE,)) as rig:
        for who in (Who.BARE, Who.PRODUCT):
            result = await rig.round(who, 20, CALLS)
            assert result.good == CALLS, result.remarks
            assert len(result.answer_to_rtp) == CALLS
            assert result.cpu["app"] > 0
            assert result.cpu["asterisk"] > 0


@pytest.mark.parametrize(
    ("change", "is_good"),
    [
        ({}, True),
        ({"audible": 1.95}, True),
        ({"audible": 1.9}, False),
        ({"ending": "callee_hung_up"}, False),
        ({"key_to_end": 8.0}, False),
        ({"key_to_end": None}, False),
    ],
    ids=["all of it", "a packet at the threshold", "speech is missing", "who hung up", "the key was missed", "no key"],
)
def test_a_call_is_good_when_all_was_heard_and_the_key_ended_it(change: dict[str, Any], is_good: bool) -> None:
    call = {"ending": "caller_hung_up", "audible": 2.0, "key_to_end": 0.1}
    assert good(call | change, audible=2.0) is is_good


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 0.2), (99, 0.4), (100, 0.4), (1, 0.1)], ids=["p50", "p99", "all", "the first"]
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([0.1, 0.2, 0.3, 0.4], percent) == expected


@pytest.mark.parametrize(
    ("value", "budget", "verdict"),
    [(1.5, 1.5, "met"), (1.8, 1.5, "missed by 20 %"), (9.0, None, "")],
    ids=["at the limit", "above", "not judged"],
)
def test_a_missed_budget_says_by_how_much(value: float, budget: float | None, verdict: str) -> None:
    assert Line("what", value, "×", budget).verdict == verdict


async def test_what_needs_no_telephone_is_measured(tmp_path: Path) -> None:
    """They run, and nothing fails: the store's writes, deliveries, and requests that are taken."""
    assert min(await store.writes(tmp_path / "redis", 2)) > 0
    assert (await webhooks.measure(tmp_path, 2)).per_second > 0
    taken = await accept.measure(tmp_path, 0.2, repeatable=True)
    assert (taken.failed, bool(taken.spans)) == (0, True)
