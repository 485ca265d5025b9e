"""From the outbox to an endpoint: whatever happens on the way, it arrives, or it is known that it did not."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.store.ports import Delivery
from otpvoice.adapters.webhooks import Bounds, Dispatcher
from otpvoice.adapters.webhooks.ahead import Ahead
from otpvoice.adapters.webhooks.crossing_out import CrossingOut
from otpvoice.adapters.webhooks.insisting import Insisting
from otpvoice.adapters.webhooks.rounds import until_rung
from tests.adapters.webhooks_world import NOW, SOON, Sink, TimedOutbox, hooks

PATIENT = Bounds()
HASTY = Bounds(timeout=1.0)


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL where nothing listens, as long as the test runs."""
    with socket.socket() as claimed:
        claimed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{claimed.getsockname()[1]}/dead"


@asynccontextmanager
async def running(
    outbox: TimedOutbox,
    client: Any,
    *trusted: str,
    accounts: tuple[str, ...] = ("default",),
    bounds: Bounds = PATIENT,
    resting: Never | Sleeps | None = None,
) -> AsyncIterator[Dispatcher]:
    """A dispatcher at work, without jitter, its clock the outbox's."""
    dispatcher = Dispatcher(
        outbox,
        dict.fromkeys(accounts, hooks(*trusted)),
        client,
        clock=outbox.clock,
        chance=lambda: 0.5,
        sleep=resting or asyncio.sleep,
        rest=resting.rest if resting is not None else until_rung,
        bounds=bounds,
    )
    work = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        await dispatcher.close(0)
        await work


class Never:
    """In the place of waiting: nothing happens that is not rung for."""

    async def __call__(self, _: float) -> None:
        await asyncio.Event().wait()

    async def rest(self, bell: asyncio.Event, _: float) -> None:
        await bell.wait()


class Sleeps:
    """In the place of waiting: notes how long, and is over in no time, until ``most`` of them were asked for."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.seconds: list[float] = []
        self.all = asyncio.Event()
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            self.all.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    async def rest(self, _: asyncio.Event, seconds: float) -> None:
        await self(seconds)


# --- it arrives -------------------------------------------------------------------------------------------------------


async def test_what_is_in_the_outbox_is_posted_signed_and_crossed_out(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    outbox.write("evt_1", "evt_2", endpoint=sink.url("/hook"), body='{"text": "Ž"}'.encode())
    outbox.now += 3
    async with running(outbox, client, sink.url("/hook")) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
    assert [one.id for one in sink.posted] == ["evt_1", "evt_2"]
    for one in sink.posted:
        one.verify()
        assert one.body == '{"text": "Ž"}'.encode()
        assert one.headers["content-type"] == "application/json"
        assert one.headers["user-agent"].startswith("otpvoice/")
    assert (dispatcher.delivered, dispatcher.failed, dispatcher.dead, dispatcher.lag) == (2, 0, 0, 3.0)


async def test_what_is_written_later_goes_out_when_it_is_told_of(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    async with running(outbox, client, sink.url("/hook"), resting=Never()) as dispatcher:
        await outbox.until(lambda: outbox.asked["due"] == 1)
        outbox.write("evt_1", endpoint=sink.url("/hook"))
        dispatcher.wake("nobodys")
        dispatcher.wake("default")
        await outbox.until(lambda: not outbox.entries)


async def test_and_what_another_process_wrote_within_a_second(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sleeps = Sleeps()
    async with running(outbox, client, sink.url("/hook"), resting=sleeps):
        await outbox.until(lambda: outbox.asked["due"] == 3)
        outbox.write("evt_1", endpoint=sink.url("/hook"))
        await outbox.until(lambda: not outbox.entries)
    assert max(sleeps.seconds) <= 1.0


@pytest.mark.parametrize(("due_in", "seconds"), [(None, 1.0), (0.3, 0.3), (300.0, 1.0), (0.001, 0.05)])
async def test_it_sleeps_until_the_next_is_due_and_a_second_at_most(
    outbox: TimedOutbox, client: GuardedClient, due_in: float | None, seconds: float
) -> None:
    if due_in is not None:
        outbox.write("evt_1", endpoint="http://127.0.0.1/")
        outbox.entry("evt_1").due_at = NOW + due_in
    sleeps = Sleeps(most=1)
    async with running(outbox, client, resting=sleeps), asyncio.timeout(SOON):
        await sleeps.all.wait()
    assert 0 < sleeps.seconds[0] <= seconds
    assert (outbox.asked["due"], outbox.asked["take"]) == (1, 0)


# --- it does not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "reason", "seconds"),
    [
        (500, "http_500", 5.0),
        (404, "http_404", 5.0),
        ((302, {"Location": "/elsewhere"}), "http_302", 5.0),
        ((307, {"Location": "/elsewhere"}), "http_307", 5.0),
        ((429, {"Retry-After": "120"}), "http_429", 120.0),
        ((503, {"Retry-After": "1"}), "http_503", 5.0),
        ((500, {"Retry-After": "999999999"}), "http_500", 86_400.0),
        ((503, {"Retry-After": "Fri, 15 Jan 2027 08:10:00 GMT"}), "http_503", 600.0),
        ("reset", "reset", 5.0),
        ("hang", "timeout", 5.0),
    ],
    ids=str,
)
async def test_a_failure_is_put_back_for_later(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, *, mode: Any, reason: str, seconds: float
) -> None:
    sink.modes["/hook"] = mode
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook"), bounds=HASTY if mode == "hang" else PATIENT) as dispatcher:
        await outbox.until(lambda: outbox.asked["put_back"] == 1)
        assert (dispatcher.delivered, dispatcher.failed, dispatcher.dead) == (0, 1, 0)
    entry = outbox.entry("evt_1")
    assert (entry.reason, entry.due_at, entry.delivery.attempts) == (reason, NOW + seconds, 1)
    assert [one.path for one in sink.posted] == ["/hook"]


@pytest.mark.parametrize(
    ("url", "trusted", "reason"),
    [("https", True, "tls"), ("nobody", True, "connect"), ("http", False, "blocked"), ("user", True, "bad_url")],
)
async def test_so_is_one_that_reaches_nobody(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, nobody: str, *, url: str, trusted: bool, reason: str
) -> None:
    urls = {
        "http": sink.url("/hook"),
        "https": sink.url("/hook", "https"),
        "nobody": nobody,
        "user": "http://user:secret@127.0.0.1/hook",
    }
    outbox.write("evt_1", endpoint=urls[url])
    async with running(outbox, client, *([urls[url]] if trusted else [])):
        await outbox.until(lambda: outbox.asked["put_back"] == 1)
    assert outbox.entry("evt_1").reason == reason
    assert sink.posted == []


async def test_an_endless_answer_is_an_answer_and_is_not_read_on(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sink.modes["/hook"] = "huge"
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook")) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        async with asyncio.timeout(SOON):
            await sink.hung_up.wait()
    assert dispatcher.failed == 0


async def test_three_days_of_trying_and_the_letter_is_dead_until_it_is_replayed(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, logged: list[EventDict]
) -> None:
    sink.modes["/hook"] = 500
    endpoint = sink.url("/hook?key=hush")
    outbox.write("evt_1_7", endpoint=endpoint)
    tried: list[float] = []
    async with running(outbox, client, endpoint, bounds=Bounds(timeout=2.0)) as dispatcher:
        while True:
            tried.append(outbox.now - NOW)
            await outbox.until(
                lambda: outbox.at_rest("evt_1_7") and outbox.entry("evt_1_7").delivery.attempts == len(tried)
            )
            due_at = outbox.entry("evt_1_7").due_at
            if due_at is None:
                break
            # Not a second too early.
            outbox.now, looks = due_at - 1, outbox.asked["due"]
            dispatcher.wake("default")
            await outbox.until(lambda: outbox.asked["due"] > looks)  # noqa: B023 - it is waited for here
            assert len(sink.posted) == len(tried)
            outbox.now = due_at
            dispatcher.wake("default")
        pauses = [after - before for before, after in itertools.pairwise(tried)]
        assert pauses == pytest.approx([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400])
        assert tried[-1] == pytest.approx(75.6 * 3600, rel=0.01)
        assert (dispatcher.delivered, dispatcher.failed, dispatcher.dead) == (0, 10, 1)
        (line,) = [line for line in logged if line["log_level"] == "error"]
        assert line == {
            "event": "webhook.dead",
            "log_level": "error",
            "call": "call_1",
            "account": "default",
            "webhook": "evt_1_7",
            "host": "127.0.0.1",
            "reason": "http_500",
            "attempts": 10,
        }
        (letter,) = await outbox.letters("default", dead=True)
        assert (letter.reason, letter.attempts) == ("http_500", 10)

        sink.modes["/hook"] = "ok"
        outbox.now += 60
        assert await outbox.replay("default", "evt_1_7")
        dispatcher.wake("default")
        await outbox.until(lambda: not outbox.entries)
    assert len(sink.posted) == 11
    assert len({one.headers["webhook-timestamp"] for one in sink.posted}) == 11
    for one in sink.posted:
        one.verify()
        assert (one.id, one.body) == ("evt_1_7", sink.posted[0].body)
    assert "hush" not in str(logged)
    assert "/hook" not in str(logged)


async def test_410_closes_the_endpoint_for_this_account_alone(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, logged: list[EventDict]
) -> None:
    sink.modes["/hook"] = 410
    outbox.write("evt_1", "evt_2", "evt_3", endpoint=sink.url("/hook"))
    outbox.write("evt_4", endpoint=sink.url("/other"))
    async with running(
        outbox, client, sink.url("/hook"), sink.url("/other"), accounts=("default", "shop")
    ) as dispatcher:
        await outbox.until(lambda: bool(outbox.asked["disable"]) and len(outbox.entries) == 3)
        assert [outbox.entry(f"evt_{n}").reason for n in (1, 2, 3)] == ["gone", "disabled", "disabled"]
        assert await outbox.disabled("default") == [sink.url("/hook")]
        assert len(sink.at("/hook")) == 1

        sink.modes["/hook"] = "ok"
        outbox.write("evt_5", endpoint=sink.url("/hook"), account="shop")
        dispatcher.wake("shop")
        await outbox.until(lambda: len(outbox.entries) == 3)
    assert [one.id for one in sink.at("/hook")] == ["evt_1", "evt_5"]
    (line,) = [line for line in logged if line["log_level"] == "warning"]
    assert (line["event"], line["account"], line["host"]) == ("webhook.endpoint_disabled", "default", "127.0.0.1")


async def test_an_endpoint_that_asks_for_a_rest_gets_nothing_else_either(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sink.modes["/busy"] = (429, {"Retry-After": "3600"})
    outbox.write(*(f"evt_{n}" for n in range(20)), endpoint=sink.url("/busy"))
    async with running(outbox, client, sink.url("/busy"), sink.url("/hook")) as dispatcher:
        await outbox.until(lambda: outbox.asked["put_back"] == 1)
        for n in range(5):
            outbox.write(f"evt_other_{n}", endpoint=sink.url("/hook"))
            dispatcher.wake("default")
            await outbox.until(lambda: len(outbox.entries) == 20)
        assert len(sink.at("/busy")) == 1
        assert sorted(entry.delivery.attempts for entry in outbox.entries.values()) == [0] * 19 + [1]


async def test_and_all_that_waited_when_it_has_rested(sink: Sink, outbox: TimedOutbox, client: GuardedClient) -> None:
    sink.modes["/busy"] = (503, {"Retry-After": "1"})
    outbox.write(*(f"evt_{n}" for n in range(5)), endpoint=sink.url("/busy"))
    async with running(outbox, client, sink.url("/busy")):
        await outbox.until(lambda: outbox.asked["put_back"] == 1)
        sink.modes["/busy"] = "ok"
        await outbox.until(lambda: len(outbox.entries) == 1)
    assert outbox.entry("evt_0").reason == "http_503"


# --- nobody waits for another -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dead", ["hangs", "refuses"])
async def test_a_thousand_for_a_dead_endpoint_delay_nobody_else(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, nobody: str, dead: str
) -> None:
    sink.modes["/hangs"] = "hang"
    endpoint = sink.url("/hangs") if dead == "hangs" else nobody
    outbox.write(*(f"evt_dead_{n}" for n in range(1000)), endpoint=endpoint)
    outbox.write(*(f"evt_{n}" for n in range(20)), endpoint=sink.url("/hook"))
    async with running(outbox, client, endpoint, sink.url("/hook")):
        await sink.until(lambda: len(sink.at("/hook")) == 20)
        left = sum(not entry.delivery.attempts for entry in outbox.entries.values())
        assert left > 900
    assert sink.peak["/hangs"] <= 1


async def test_an_endpoint_that_takes_what_it_gets_gets_four_at_once(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    outbox.write("evt_first", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook"), resting=Never()) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        sink.modes["/hook"] = "hang"
        outbox.write(*(f"evt_{n}" for n in range(10)), endpoint=sink.url("/hook"))
        dispatcher.wake("default")
        await sink.until(lambda: len(sink.posted) == 5)
        assert dispatcher.under_way == 4
        assert [entry.due_at for entry in outbox.entries.values() if entry.leased] == [NOW + 30] * 4
        sink.release()
        await outbox.until(lambda: not outbox.entries)
    assert sink.peak["/hook"] == 4
    assert sorted(one.id for one in sink.posted[1:]) == [f"evt_{n}" for n in range(10)]


async def test_one_of_which_nothing_is_known_any_more_begins_with_one_again(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    outbox.write("evt_first", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook"), resting=Never()) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        looks = outbox.asked["due"]
        dispatcher.wake("default")
        await outbox.until(lambda: outbox.asked["due"] > looks)
        sink.modes["/hook"] = "hang"
        outbox.write(*(f"evt_{n}" for n in range(10)), endpoint=sink.url("/hook"))
        dispatcher.wake("default")
        await sink.until(lambda: len(sink.posted) == 2)
        assert dispatcher.under_way == 1


async def test_an_account_has_its_share_and_no_more(sink: Sink, outbox: TimedOutbox, client: GuardedClient) -> None:
    slow = [sink.url(f"/slow{n}") for n in range(5)]
    for n, endpoint in enumerate(slow):
        sink.modes[f"/slow{n}"] = "hang"
        outbox.write(f"evt_{n}", endpoint=endpoint)
    bounds = Bounds(account=3)
    async with running(
        outbox, client, *slow, sink.url("/hook"), accounts=("default", "shop"), bounds=bounds
    ) as dispatcher:
        await sink.until(lambda: len(sink.posted) == 3)
        outbox.write("evt_shop", endpoint=sink.url("/hook"), account="shop")
        dispatcher.wake("shop")
        dispatcher.wake("default")
        await sink.until(lambda: len(sink.at("/hook")) == 1)
        assert len(sink.posted) == 4
        sink.release()
        await outbox.until(lambda: not outbox.entries)
    assert sorted(one.path for one in sink.posted) == ["/hook", *(f"/slow{n}" for n in range(5))]


async def test_all_together_have_a_bound_and_wait_in_line(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    accounts = ("one", "two", "three")
    sink.modes |= {f"/{account}{n}": "hang" for account in accounts for n in range(2)}
    for account in accounts:
        for n in range(2):
            outbox.write(f"evt_{account}{n}", endpoint=sink.url(f"/{account}{n}"), account=account)
    trusted = [sink.url(path) for path in sink.modes]
    async with running(outbox, client, *trusted, accounts=accounts, bounds=Bounds(all=2)) as dispatcher:
        await sink.until(lambda: len(sink.posted) == 2)
        for account in accounts:
            dispatcher.wake(account)
        assert dispatcher.under_way == 2
        sink.release()
        await outbox.until(lambda: not outbox.entries)
    assert len(sink.posted) == 6
    assert dispatcher.delivered == 6


async def test_who_got_less_than_there_was_room_for_has_the_next_place_that_is_free(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    urls = [sink.url("/one"), sink.url("/two")]
    outbox.write("evt_first", endpoint=urls[0], account="one")
    async with running(
        outbox, client, *urls, accounts=("one", "two"), bounds=Bounds(all=2), resting=Never()
    ) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        sink.modes |= {"/one": "hang", "/two": "hang"}
        outbox.write("evt_two", endpoint=urls[1], account="two")
        dispatcher.wake("two")
        await sink.until(lambda: len(sink.at("/two")) == 1)
        outbox.write(*(f"evt_{n}" for n in range(4)), endpoint=urls[0], account="one")
        dispatcher.wake("one")
        await sink.until(lambda: len(sink.at("/one")) == 2)
        sink.release("/two")
        await sink.until(lambda: len(sink.at("/one")) == 3)
        assert dispatcher.under_way == 2


async def test_places_that_were_not_needed_are_given_back(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    async with running(outbox, client, sink.url("/hook"), bounds=Bounds(all=4), resting=Never()) as dispatcher:
        for n in range(12):
            outbox.write(f"evt_{n}", endpoint=sink.url("/hook"))
            dispatcher.wake("default")
            await outbox.until(lambda: not outbox.entries)
    assert dispatcher.delivered == 12


async def test_a_mistake_of_ours_with_one_delivery_stops_no_other(outbox: TimedOutbox, logged: list[EventDict]) -> None:
    class Client:
        async def post(self, url: str, body: bytes, headers: Any, **options: Any) -> Answer:
            if "broken" in url:
                raise RuntimeError(f"cannot post to {url}")
            return Answer(200, {}, b"", cut=False)

    outbox.write("evt_1", endpoint="http://host.example/broken")
    outbox.write("evt_2", endpoint="http://host.example/hook")
    async with running(outbox, Client()):
        await outbox.until(lambda: len(outbox.entries) == 1 and outbox.at_rest("evt_1"))
    assert outbox.entry("evt_1").reason == "internal_error"
    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert (line["event"], line["fault"], line["host"]) == ("webhook.broken", "RuntimeError", "host.example")
    assert "/broken" not in str(logged)


# --- taken ahead ------------------------------------------------------------------------------------------------------

QUICK = Bounds(quick=SOON)
GATE = "http://gate.example/hook"


class Gate:
    """In the place of the client: answers when it is open. ``posted``: ids, as they come."""

    def __init__(self) -> None:
        self.posted: asyncio.Queue[str] = asyncio.Queue()
        self.open = asyncio.Event()
        self.answer = Answer(204, {}, b"", cut=False)

    async def post(self, url: str, body: bytes, headers: Any, **options: Any) -> Answer:
        self.posted.put_nowait(headers["webhook-id"])
        await self.open.wait()
        return self.answer

    async def next(self, count: int) -> list[str]:
        async with asyncio.timeout(SOON):
            return [await self.posted.get() for _ in range(count)]


@asynccontextmanager
async def known_as_quick(
    outbox: TimedOutbox, gate: Gate, bounds: Bounds = QUICK
) -> AsyncIterator[tuple[Dispatcher, list[str]]]:
    """A dispatcher of which the endpoint took eight, and that is to post twenty more to it; the first four are out."""
    gate.open.set()
    outbox.write(*(f"evt_first_{n}" for n in range(8)), endpoint=GATE)
    async with running(outbox, gate, bounds=bounds, resting=Never()) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        await gate.next(8)
        gate.open.clear()
        ids = [f"evt_{n}" for n in range(20)]
        outbox.write(*ids, endpoint=GATE)
        dispatcher.wake("default")
        assert await gate.next(4) == ids[:4]
        yield dispatcher, ids


def leased(outbox: TimedOutbox) -> list[str]:
    return [event_id for (_, event_id), entry in outbox.entries.items() if entry.leased]


async def test_of_an_endpoint_that_is_quick_a_few_are_taken_ahead_and_still_four_posted_at_once(
    outbox: TimedOutbox,
) -> None:
    gate = Gate()
    async with known_as_quick(outbox, gate) as (dispatcher, ids):
        assert leased(outbox) == ids[:8]
        assert (dispatcher.under_way, gate.posted.qsize()) == (4, 0)
        asked = outbox.asked["take"]
        gate.open.set()
        await outbox.until(lambda: not outbox.entries)
        assert sorted(await gate.next(16)) == sorted(ids[4:])
        assert outbox.asked["take"] - asked <= 3
        assert outbox.asked["give_back"] == 0
    assert dispatcher.delivered == 28


async def test_of_one_that_takes_its_time_none_are(outbox: TimedOutbox) -> None:
    async with known_as_quick(outbox, Gate(), Bounds(quick=-1.0)) as (_, ids):
        assert leased(outbox) == ids[:4]


async def test_what_was_taken_ahead_goes_back_when_one_fails(outbox: TimedOutbox) -> None:
    gate = Gate()
    async with known_as_quick(outbox, gate) as (_, ids):
        gate.answer = Answer(503, {"Retry-After": "3600"}, b"", cut=False)
        gate.open.set()
        await outbox.until(lambda: outbox.asked["put_back"] == 4 and not leased(outbox))
        assert outbox.asked["give_back"] == 1
        assert [outbox.entry(event_id).due_at for event_id in ids] == [NOW + 3600] * 4 + [NOW] * 16
        assert [outbox.entry(event_id).delivery.attempts for event_id in ids] == [1] * 4 + [0] * 16
    assert gate.posted.empty()


async def test_and_is_posted_one_by_one_where_it_may_be(outbox: TimedOutbox) -> None:
    gate = Gate()
    async with known_as_quick(outbox, gate) as (dispatcher, _):
        gate.answer = Answer(500, {}, b"", cut=False)
        gate.open.set()
        await outbox.until(lambda: outbox.asked["give_back"] == 1)
        gate.open.clear()
        await outbox.until(lambda: outbox.asked["put_back"] >= 4 and len(leased(outbox)) == 1)
        assert dispatcher.under_way == 1
        gate.open.set()
        await outbox.until(lambda: outbox.asked["put_back"] == 20)
    assert outbox.asked["give_back"] == 1


async def test_and_at_the_end(outbox: TimedOutbox) -> None:
    gate = Gate()
    async with known_as_quick(outbox, gate) as (dispatcher, ids):
        closing = asyncio.create_task(dispatcher.close(SOON))
        await outbox.until(lambda: outbox.asked["give_back"] == 1)
        assert leased(outbox) == ids[:4]
        gate.open.set()
        await closing
        assert [event_id for _, event_id in outbox.entries] == ids[4:]
        assert leased(outbox) == []
    assert gate.posted.empty()


async def test_what_a_process_that_died_had_taken_ahead_comes_when_the_lease_is_over(outbox: TimedOutbox) -> None:
    gate = Gate()
    async with known_as_quick(outbox, gate) as (_, ids):
        outbox.away = True
    outbox.away = False
    assert leased(outbox) == ids[:8]
    outbox.now += PATIENT.lease
    gate.open.set()
    async with running(outbox, gate):
        await outbox.until(lambda: not outbox.entries)
    assert sorted(await gate.next(20)) == sorted(ids)


def test_what_waits_too_long_for_its_post_is_not_posted_any_more() -> None:
    ahead = Ahead()
    one, two, three, other = (Delivery("default", name, "call.ended", GATE, 0, NOW, b"") for name in "1234")
    ahead.put("one", [one, two, three], until=10)
    ahead.put("other", [other], until=11)
    assert ahead.pick("nobody", 4, now=0) == []
    assert ahead.pick("one", 1, now=9.9) == [one]
    assert ahead.pick("one", 4, now=10) == []
    assert ahead.pick("other", 4, now=10) == [other]
    assert list(ahead.endpoints) == ["one"]
    assert ahead.clear("one") == [two, three]
    assert list(ahead.endpoints) == []


# --- crossed out together ---------------------------------------------------------------------------------------------


class Pen:
    """In the place of an outbox: notes what is crossed out together, and has done so when it may."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.may = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    async def delivered(self, /, *deliveries: Delivery) -> None:
        self.written.append([delivery.id for delivery in deliveries])
        self.begun.release()
        await self.may.wait()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_arrives_while_others_are_crossed_out_is_crossed_out_together(cancelled: bool) -> None:
    pen: Any = Pen()
    crossing_out = CrossingOut(pen, Insisting())
    lanes: dict[str, asyncio.Task[None]] = {}
    for event_id in ("evt_1", "evt_2", "evt_3"):
        delivery = Delivery("default", event_id, "call.ended", GATE, 0, NOW, b"")
        crossing_out.arrived(delivery)
        lanes[event_id] = asyncio.create_task(crossing_out.at_once(delivery))
        if event_id == "evt_1":
            await pen.begun.acquire()
    if cancelled:
        lanes.pop("evt_1").cancel()
        await pen.begun.acquire()
    pen.may.set()
    async with asyncio.timeout(SOON):
        await asyncio.gather(*lanes.values())
    together = ["evt_1", "evt_2", "evt_3"] if cancelled else ["evt_2", "evt_3"]
    assert pen.written == [["evt_1"], together]
    await crossing_out.close()


async def test_what_nobody_waits_for_is_crossed_out_all_the_same() -> None:
    pen: Any = Pen()
    crossing_out = CrossingOut(pen, Insisting())
    one, two, three = (Delivery("default", f"evt_{n}", "call.ended", GATE, 0, NOW, b"") for n in range(3))
    crossing_out.arrived(one)
    crossing_out.arrived(two)
    async with asyncio.timeout(SOON):
        await pen.begun.acquire()
        crossing_out.arrived(three)
        pen.may.set()
        await pen.begun.acquire()
    assert pen.written == [["evt_0", "evt_1"], ["evt_2"]]
    await crossing_out.close()


async def test_a_mistake_of_ours_in_crossing_out_holds_no_lane(logged: list[EventDict]) -> None:
    class Broken:
        async def delivered(self, /, *deliveries: Delivery) -> None:
            raise RuntimeError(deliveries[0].endpoint)

    broken: Any = Broken()
    crossing_out = CrossingOut(broken, Insisting())
    delivery = Delivery("default", "evt_1", "call.ended", GATE, 0, NOW, b"")
    crossing_out.arrived(delivery)
    await crossing_out.at_once(delivery)
    (line,) = logged
    assert (line["event"], line["webhook"], line["fault"]) == ("webhook.broken", "evt_1", "RuntimeError")


# --- we die, the outbox is away ---------------------------------------------------------------------------------------


async def test_who_dies_between_the_post_and_the_note_posts_the_same_again(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook")):
        await sink.until(lambda: len(sink.posted) == 1)
        outbox.away = True
    outbox.away = False
    assert outbox.entry("evt_1").leased
    async with running(outbox, client, sink.url("/hook")) as second:
        await outbox.until(lambda: outbox.asked["due"] > 1)
        assert len(sink.posted) == 1
        outbox.now += PATIENT.lease
        second.wake("default")
        await outbox.until(lambda: not outbox.entries)
    first, again = sink.posted
    assert (first.id, first.body) == (again.id, again.body)
    again.verify()


async def test_a_store_that_is_away_is_waited_for_without_haste(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, logged: list[EventDict]
) -> None:
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    outbox.away = True
    sleeps = Sleeps()
    async with running(outbox, client, sink.url("/hook"), resting=sleeps):
        await outbox.until(lambda: outbox.asked["due"] == 12)
        whole = [min(3.0, 0.1 * 2**n) for n in range(11)]
        assert all(full / 2 <= pause <= full for pause, full in zip(sleeps.seconds, whole, strict=False))
        outbox.away = False
        await outbox.until(lambda: not outbox.entries)
    assert len(sink.posted) == 1
    about = [line for line in logged if line["event"].startswith("webhooks.outbox")]
    assert [(line["event"], line["log_level"]) for line in about] == [
        ("webhooks.outbox_unavailable", "warning"),
        ("webhooks.outbox_available", "info"),
    ]
    assert about[0]["reason"] == "unreachable"


@pytest.mark.parametrize(("mode", "operation"), [("ok", "delivered"), (500, "put_back")])
@pytest.mark.parametrize("fault", ["refused", "lost"])
async def test_what_came_of_it_is_told_when_the_store_is_back_and_nothing_is_posted_meanwhile(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient, *, mode: Any, operation: str, fault: str
) -> None:
    outbox.write("evt_first", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook"), resting=Sleeps()) as dispatcher:
        await outbox.until(lambda: not outbox.entries)
        sink.modes["/hook"] = mode
        setattr(outbox, fault, {operation})
        told = outbox.asked[operation]
        outbox.write("evt_1", endpoint=sink.url("/hook"))
        dispatcher.wake("default")
        await outbox.until(lambda: outbox.asked[operation] > told + 2)
        # Its lease is over: it is taken once more, and seen to be under way.
        outbox.now += PATIENT.lease
        looks = outbox.asked["due"]
        await outbox.until(lambda: outbox.asked["due"] > looks + 2)
        setattr(outbox, fault, set())
        told = outbox.asked[operation]
        await outbox.until(lambda: outbox.asked[operation] > told)
        looks = outbox.asked["due"]
        await outbox.until(lambda: outbox.asked["due"] > looks + 2)
    assert [one.id for one in sink.posted] == ["evt_first", "evt_1"]


async def test_deliveries_whose_taking_was_not_answered_come_again(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    outbox.lost = {"take"}
    async with running(outbox, client, sink.url("/hook"), resting=Sleeps()) as dispatcher:
        await outbox.until(lambda: outbox.asked["take"] == 3)
        outbox.lost.clear()
        await outbox.until(lambda: outbox.asked["take"] == 4)
        assert sink.posted == []
        outbox.now += PATIENT.lease
        dispatcher.wake("default")
        await outbox.until(lambda: not outbox.entries)
    assert len(sink.posted) == 1


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_at_the_end_what_is_under_way_is_finished_and_nothing_more_is_taken(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sink.modes["/hook"] = "hang"
    outbox.write("evt_1", "evt_2", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook")) as dispatcher:
        await sink.until(lambda: len(sink.posted) == 1)
        closing = asyncio.create_task(dispatcher.close(SOON))
        await asyncio.sleep(0)
        sink.release()
        await closing
        assert [one.id for one in sink.posted] == ["evt_1"]
        assert [event_id for _, event_id in outbox.entries] == ["evt_2"]
        assert not outbox.entry("evt_2").leased
        dispatcher.wake("default")
        await dispatcher.run()  # is over at once
        assert dispatcher.under_way == 0


async def test_what_takes_too_long_at_the_end_stays_in_the_outbox(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sink.modes["/hook"] = "hang"
    outbox.write("evt_1", endpoint=sink.url("/hook"))
    async with running(outbox, client, sink.url("/hook")) as dispatcher:
        await sink.until(lambda: len(sink.posted) == 1)
        await dispatcher.close(0.01)
        assert dispatcher.under_way == 0
    assert outbox.entry("evt_1").leased
    assert outbox.entry("evt_1").delivery.attempts == 0


async def test_cancelled_it_takes_nothing_more_and_lets_what_is_under_way_go_on(
    sink: Sink, outbox: TimedOutbox, client: GuardedClient
) -> None:
    sink.modes["/hook"] = "hang"
    outbox.write("evt_1", "evt_2", endpoint=sink.url("/hook"))
    dispatcher = Dispatcher(outbox, {"default": hooks(sink.url("/hook"))}, client)
    work = asyncio.create_task(dispatcher.run())
    await sink.until(lambda: len(sink.posted) == 1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    sink.release()
    await dispatcher.close(SOON)
    assert [event_id for _, event_id in outbox.entries] == ["evt_2"]


def test_what_did_not_reach_anybody_says_nothing_of_the_url() -> None:
    assert str(Unreached("connect")) == "connect"
