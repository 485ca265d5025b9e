"""``/metrics`` and what is counted of requests: bounded, whatever they bring."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from otpvoice.metrics import Metrics
from otpvoice.stasis import NotTaken
from otpvoice.web.app import Health, make_app
from otpvoice.web.server import listen
from tests.metrics.samples import Samples, changes, told
from tests.web.streams import reading
from tests.web.world import BODY, FICTION, NUMBER, TEST_KEY, Door, FakeStore, Switchboard, hook_of, logged


class Measured(Door):
    """Both doors on one address, and what is counted there."""

    metrics: Metrics
    before: Samples

    def changes(self) -> Samples:
        """What has changed since the beginning, without seconds."""
        said = changes(self.before, told(self.metrics.registry))
        return {name: number for name, number in said.items() if "_seconds_sum" not in name}


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    with logged():
        yield


@pytest.fixture
async def door() -> AsyncIterator[Measured]:
    shop = FakeStore()
    calls = Switchboard(shop)
    metrics = Metrics(accounts=["shop", "other"], trunks=["default"], formats=["spoken"], version="1")
    app = make_app(hook=hook_of(calls, shop), health=Health(calls, shop, metrics), counts=metrics)
    listener = await listen(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        door = Measured(http, listener, calls, shop)
        door.metrics, door.before = metrics, told(metrics.registry)
        yield door
        await listener.close()
        await shop.memory.close()


def requests(method: str, route: str, status: int, times: int = 1) -> Samples:
    """What so many such requests change."""
    return {
        f'otpvoice_http_requests_total{{method="{method}",route="{route}",status="{status}"}}': times,
        f'otpvoice_http_request_seconds_count{{route="{route}"}}': times,
    }


async def test_metrics_need_no_key_and_are_neither_kept_nor_counted(door: Measured) -> None:
    for accept, kind in ((None, "text/plain; version=0.0.4; charset=utf-8"), ("application/openmetrics-text", None)):
        answer = await door.ask("GET", "/metrics", key=None, headers={"Accept": accept} if accept else {})
        assert answer.status == 200
        assert answer.headers["Content-Type"] == (
            kind or "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
        )
        assert answer.headers["Cache-Control"] == "no-store"
    assert (await door.ask("HEAD", "/metrics", key=None)).status == 200
    for path in ("/healthz", "/readyz"):
        assert (await door.ask("GET", path, key=None)).status == 200
    assert door.changes() == {}
    assert (await door.ask("POST", "/metrics", key=None)).status == 405


async def test_requests_are_counted_by_the_pattern_of_their_route(door: Measured) -> None:
    assert (await door.ask("POST", "/v1/calls", json=BODY)).status == 202
    for number in range(3):
        assert (await door.ask("GET", f"/v1/calls/{number}")).status == 404
    assert door.changes() == requests("POST", "/v1/calls", 202) | requests("GET", "/v1/calls/{id}", 404, 3)


async def test_a_stream_of_events_is_counted_and_not_timed(door: Measured) -> None:
    call = (await door.ask("POST", "/v1/calls", json=BODY)).body["id"]
    async with reading(door, f"/v1/calls/{call}/events") as stream:
        assert (await stream.types(1)) == ["call.queued"]
        await door.calls.end(call)
        assert (await stream.types()) == ["call.ended"]
    said = {name: number for name, number in door.changes().items() if "events" in name}
    assert said == {'otpvoice_http_requests_total{method="GET",route="/v1/calls/{id}/events",status="200"}': 1}


JUNK = random.Random(7)


def junk() -> str:
    """Return a word that is in no request twice."""
    return "".join(JUNK.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))


async def test_whatever_requests_bring_there_are_only_so_many_samples(door: Measured) -> None:
    """Methods, paths, queries, headers, keys, numbers: different ones make no sample of their own."""
    for number in range(60):
        word = junk()
        assert (await door.ask(word.upper(), f"/{word}")).status == 400, "no method of HTTP: not even a request"
        await door.ask("PROPFIND", f"/{word}")
        await door.ask("GET", f"/v1/calls/{word}?{word}={word}", headers={f"X-{word}": word, "Accept": word})
        await door.ask("POST", "/v1/calls", json=BODY | {"to": f"+4420794{number:05}"})
        await door.ask("POST", "/v1/calls", key=word, json={word: word})
    assert door.changes() == (
        requests("other", "none", 404, 60)
        | requests("GET", "/v1/calls/{id}", 404, 60)
        | requests("POST", "/v1/calls", 202, 60)
        | {
            'otpvoice_http_requests_total{method="POST",route="/v1/calls",status="401"}': 60,
            'otpvoice_http_request_seconds_count{route="/v1/calls"}': 120,
            'otpvoice_calls_refused_total{door="http",reason="unauthorized"}': 60,
        }
    )
    assert len(told(door.metrics.registry)) < len(door.before) + 60
    assert NUMBER not in "".join(told(door.metrics.registry))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (NotTaken("no_media_leg"), "no_media_leg"),
        (NotTaken("queue_full"), "queue_full"),
        (NotTaken("rate_limited", facts={"limit": "account_rate"}), "rate_limited"),
        (NotTaken("claim_lost"), "idempotency_in_progress"),
        (NotTaken("a new word"), "other"),
        (RuntimeError("broken"), "internal_error"),
    ],
)
async def test_a_call_that_is_not_taken_is_refused_for_a_reason(door: Measured, fault: Exception, reason: str) -> None:
    door.calls.fault = fault
    answer = await door.ask("POST", "/v1/calls", json=BODY)
    refused = {name: number for name, number in door.changes().items() if "refused" in name}
    assert refused == {f'otpvoice_calls_refused_total{{door="http",reason="{reason}"}}': 1}, answer
    assert (await door.ask("GET", "/v1/calls/unknown")).status == 404
    assert {name: number for name, number in door.changes().items() if "refused" in name} == refused


async def test_what_a_test_key_is_refused_is_not_counted(door: Measured) -> None:
    assert (await door.ask("POST", "/v1/calls", key=TEST_KEY, json={"to": FICTION, "kode": "1"})).status == 422
    assert not [name for name in door.changes() if "refused" in name]


async def test_an_application_without_counts_works_as_before() -> None:
    shop = FakeStore()
    calls = Switchboard(shop)
    listener = await listen(make_app(hook=hook_of(calls, shop), health=Health(calls, shop)), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as http:
            door = Door(http, listener, calls, shop)
            assert (await door.ask("POST", "/v1/calls", json=BODY)).status == 202
            assert (await door.ask("GET", "/metrics", key=None)).status == 404
    finally:
        await listener.close()
        await shop.memory.close()
