"""A question in the middle of a call: asked once, answered in time or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from otpvoice.adapters.outbound.answers import Answer, Reason, Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.outbound.connections import CONNECTIONS_PER_HOST
from otpvoice.adapters.webhooks import Answered, Asker, NotAnswered, Reply
from otpvoice.interview import Interview
from otpvoice.metrics.work import CountedAsker
from otpvoice.service import QUESTIONS, QUESTIONS_PER_HOST, Service
from otpvoice.settings import Settings
from otpvoice.trust.addresses import UrlAllow
from tests.adapters.webhooks_world import NEW, NOW, OLD, SOON, Sink, hooks

BODY = '{"id":"evt_1","type":"action.completed","text":"Ž"}'.encode()


async def ask(sink: Sink, client: GuardedClient, *, scheme: str = "http", seconds: float = SOON) -> Reply:
    url = sink.url("/ask?key=hush", scheme)
    return await Asker({"default": hooks(url)}, client, clock=lambda: NOW).ask("default", url, "evt_1", BODY, seconds)


async def test_a_question_is_posted_signed_and_its_answer_comes_back(sink: Sink, client: GuardedClient) -> None:
    sink.answers["/ask"] = b'{"actions": []}'
    assert await ask(sink, client) == Answered(b'{"actions": []}')
    (one,) = sink.posted
    one.verify()
    assert (one.id, one.body, one.headers["webhook-timestamp"]) == ("evt_1", BODY, str(int(NOW)))


async def test_nothing_is_an_answer_too(sink: Sink, client: GuardedClient) -> None:
    assert await ask(sink, client) == Answered(b"")


@pytest.mark.parametrize("size", [65_536, 65_537])
async def test_an_answer_is_read_up_to_64_kb(sink: Sink, client: GuardedClient, size: int) -> None:
    sink.answers["/ask"] = b" " * size
    whole = Answered(b" " * 65_536)
    assert await ask(sink, client) == (whole if size == 65_536 else NotAnswered("too_large"))


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (300, "http_300"),
        ((307, {"Location": "/elsewhere"}), "http_307"),
        (404, "http_404"),
        (410, "http_410"),
        ((429, {"Retry-After": "0"}), "http_429"),
        (500, "http_500"),
        ("reset", "reset"),
        ("hang", "timeout"),
        ("huge", "too_large"),
        ("half", "incomplete"),
    ],
    ids=str,
)
async def test_whatever_else_comes_of_it_is_no_answer_and_is_asked_once(
    sink: Sink, client: GuardedClient, mode: str | int | tuple[int, dict[str, str]], reason: str
) -> None:
    sink.modes["/ask"] = mode
    with capture_logs() as logged:
        assert await ask(sink, client, seconds=1.0 if mode == "hang" else SOON) == NotAnswered(reason)
    assert [one.path for one in sink.posted] == ["/ask"]
    assert logged == [
        {
            "event": "webhook.not_answered",
            "log_level": "warning",
            "account": "default",
            "webhook": "evt_1",
            "host": "127.0.0.1",
            "reason": reason,
        }
    ]


async def test_a_real_connection_that_fails_says_why(sink: Sink, client: GuardedClient) -> None:
    assert await ask(sink, client, scheme="https") == NotAnswered("tls")
    assert sink.posted == []


async def test_so_many_questions_at_once_are_all_answered_by_one_endpoint() -> None:
    """It answers none before all are there: as many as that are asked side by side."""
    count, there = 200, asyncio.Event()
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["webhook-id"])
        if len(asked) == count:
            there.set()
        await there.wait()
        return web.Response(body=b"{}")

    app = web.Application()
    app.router.add_post("/ask", answer)
    client = GuardedClient(UrlAllow(), connections=QUESTIONS, per_host=QUESTIONS_PER_HOST)
    async with TestServer(app, skip_url_asserts=True) as server:
        url = str(server.make_url("/ask"))
        asker = Asker({"default": hooks(url)}, client)
        replies = await asyncio.gather(
            *(asker.ask("default", url, f"evt_{number}", BODY, SOON) for number in range(count))
        )
        assert replies == [Answered(b"{}")] * count
        assert len(set(asked)) == count
        await client.close()


async def test_a_question_of_the_service_does_not_wait_behind_deliveries_to_the_same_endpoint(sink: Sink) -> None:
    sink.modes["/slow"] = "hang"
    url = sink.url("/ask")
    service = Service(
        Settings.load(
            {
                "OTPVOICE_DEV": "1",
                "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
                "OTPVOICE_WEBHOOK_URL": url,
                "OTPVOICE_WEBHOOK_SECRETS": f"{NEW} {OLD}",
            }
        )
    )
    counted = service.stasis.asker
    assert isinstance(counted, CountedAsker)
    assert isinstance(counted._asker, Interview)
    delivering = [
        asyncio.create_task(service._client.post(sink.url("/slow"), b"", {}, seconds=SOON, trusted=True))
        for _ in range(CONNECTIONS_PER_HOST + 1)
    ]
    await sink.until(lambda: len(sink.at("/slow")) == CONNECTIONS_PER_HOST)
    assert await counted._asker._endpoint.ask("default", url, "evt_1", BODY, SOON) == Answered(b"")
    assert len(sink.at("/slow")) == CONNECTIONS_PER_HOST
    sink.release()
    await asyncio.gather(*delivering)
    await service._let_go()


class Flaky:
    """A client that fails as it is told, one fault for each call, and then answers."""

    def __init__(self, *faults: Unreached, clock: list[float]) -> None:
        self.faults = list(faults)
        self.calls: list[tuple[str, bytes, float]] = []
        self.clock = clock

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        /,
        *,
        seconds: float,
        most: int = 65_536,
        trusted: bool = False,
    ) -> Answer:
        assert (url, most, trusted) == ("https://shop.example/ask", 65_536, False)
        self.calls.append((headers["webhook-id"], body, seconds))
        self.clock[0] += 2.0
        if self.faults:
            raise self.faults.pop(0)
        return Answer(200, {}, b"{}", cut=False)


async def asked_of(client: Flaky, seconds: float = 5.0) -> Reply:
    asker = Asker({"default": hooks()}, client, monotonic=lambda: client.clock[0])
    with capture_logs():
        return await asker.ask("default", "https://shop.example/ask", "evt_1", BODY, seconds)


@pytest.mark.parametrize("reason", ["dns", "connect", "tls", "reset", "closed"])
async def test_where_no_byte_was_sent_it_is_tried_once_more_in_what_is_left_of_the_time(reason: Reason) -> None:
    client = Flaky(Unreached(reason), clock=[100.0])
    assert await asked_of(client) == Answered(b"{}")
    assert client.calls == [("evt_1", BODY, 5.0), ("evt_1", BODY, 3.0)]


async def test_and_not_a_third_time() -> None:
    client = Flaky(Unreached("connect"), Unreached("dns"), clock=[100.0])
    assert await asked_of(client) == NotAnswered("dns")
    assert len(client.calls) == 2


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Unreached("reset", sent=True), 5.0),
        (Unreached("timeout", sent=True), 5.0),
        (Unreached("blocked"), 5.0),
        (Unreached("bad_url"), 5.0),
        (Unreached("connect"), 2.0),
        (Unreached("timeout"), 1.5),
    ],
)
async def test_where_a_byte_was_sent_or_a_second_try_is_no_use_or_too_late_there_is_none(
    fault: Unreached, seconds: float
) -> None:
    client = Flaky(fault, clock=[100.0])
    assert await asked_of(client, seconds) == NotAnswered(fault.reason)
    assert len(client.calls) == 1


async def test_a_call_that_ends_meanwhile_waits_for_no_answer(sink: Sink, client: GuardedClient) -> None:
    sink.modes["/ask"] = "hang"
    asking = asyncio.create_task(ask(sink, client))
    await sink.until(lambda: len(sink.posted) == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def test_an_answer_may_hold_keys_and_does_not_print_them() -> None:
    assert "482913" not in repr(Answered(b'{"code": "482913"}'))
