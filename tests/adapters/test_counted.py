"""What adapters tell whoever counts: each attempt, each text, each stream; and how much is in the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.speech.counts import Uncounted
from otpvoice.adapters.store import Delivery, Depth
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks import Dispatcher
from otpvoice.adapters.webhooks.attempts import Attempt, Made, lag_of
from otpvoice.core.actions import Say
from otpvoice.core.instants import rfc3339
from otpvoice.core.reading import say_script
from otpvoice.core.speech import SpeechUnavailable, Words
from otpvoice.dialects.native_events import envelope
from tests.adapters.speech_stands import Stand, renderer
from tests.adapters.store_shelves import ACCOUNT, HOOK, Shelf, change
from tests.adapters.webhooks_world import NOW, TimedOutbox, hooks

# --- attempts ---------------------------------------------------------------------------------------------------------


def delivery(body: bytes, created_at: float = NOW, *, id_: str = "evt_1", type_: str = "call.queued") -> Delivery:
    return Delivery("default", id_, type_, "https://hooks.example/in", 0, created_at, body)


def told(at: str) -> bytes:
    return b'{"id":"evt_1","type":"call.queued","timestamp":"%b","account":"default"}' % at.encode()


@pytest.mark.parametrize(
    ("body", "created_at", "seconds"),
    [
        (told(str(rfc3339(NOW - 600))), NOW - 1, 600.0),
        (told(str(rfc3339(NOW - 0.25))), NOW - 1, 0.25),
        (told(str(rfc3339(NOW + 5))), NOW - 1, 0.0),
        (b"{}", NOW - 1, 1.0),
        (b"{}", NOW + 1, 0.0),
        (told("2027-99-99T99:99:99.000Z"), NOW - 1, 1.0),
        (b'{"metadata":"%b","timestamp":"2020-01-01T00:00:00.000Z"}' % (b"x" * 300), NOW - 1, 1.0),
        (b"", NOW - 2, 2.0),
    ],
    ids=["waited", "at_once", "their_clock", "none", "store_s_clock", "no_date", "not_its_own", "empty"],
)
def test_the_lag_is_from_what_happened_to_its_arrival(body: bytes, created_at: float, seconds: float) -> None:
    assert lag_of(delivery(body, created_at), NOW) == pytest.approx(seconds)


def test_the_timestamp_of_a_real_envelope_is_found() -> None:
    """However long its ids are, and whatever the application says of the call."""
    call: dict[str, Any] = {"id": "call_" + "f" * 64, "account": "a" * 64, "metadata": {"timestamp": "x"}}
    made = envelope(call, 999_999_999, "digits.collected", {}, NOW - 42.5)
    assert lag_of(delivery(made.body, id_=made.id), NOW) == pytest.approx(42.5)


@pytest.mark.parametrize(
    "body",
    [
        b'{"namespace":"VOICE","eventType":"CALL_STATUS","payload":{"timestamp":"2020-01-01T00:00:00.000Z"}}',
        b'{"payload":{"initiatedAt":"x","callLegs":[{"timestamp":"2020-01-01T00:00:00.000Z"}]}}',
        b'{"jsonrpc":"2.0","timestamp":"2020-01-01T00:00:00.000Z"}',
        b'{"timestamp":"2020-01-01T00:00:00.000Z"}',
        b'{"id":"evt_1_3","type":"call.ended","timestamp":"2020-01-01T00:00:00.000Z"}',
        b'{"id":"evt_1_4.1","type":"x\\",\\"timestamp":"2020-01-01T00:00:00.000Z"}',
        b' {"id":"evt_1_4.1","type":"x","timestamp":"2020-01-01T00:00:00.000Z"}',
        "no_json_but_ž".encode(),
    ],
    ids=["status", "summary", "json_rpc", "bare", "another_one", "in_a_text", "spaced", "text"],
)
def test_in_another_spelling_no_timestamp_is_taken_for_ours(body: bytes) -> None:
    """What it is of is theirs to say: when the message was written counts."""
    assert lag_of(delivery(body, NOW - 3, id_="evt_1_4.1", type_="VSS"), NOW) == pytest.approx(3.0)


class Endpoint:
    """Answers with a status; with none it is not reached in time."""

    def __init__(self, status: int | None) -> None:
        self.status = status

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], /, **_: Any) -> Answer:
        if self.status is None:
            raise Unreached("timeout", sent=False)
        return Answer(self.status, {}, b"", cut=False)


@pytest.mark.parametrize(
    ("status", "made"),
    [(204, Made.DELIVERED), (500, Made.RETRIED), (None, Made.RETRIED), (410, Made.ENDPOINT_GONE)],
)
async def test_each_attempt_is_told_with_what_came_of_it(status: int | None, made: Made) -> None:
    outbox = TimedOutbox()
    outbox.write("evt_1", endpoint="https://hooks.example/in", body=told(str(rfc3339(outbox.now))))
    outbox.now += 3.0
    attempts: asyncio.Queue[Attempt] = asyncio.Queue()
    dispatcher = Dispatcher(
        outbox, {"default": hooks()}, Endpoint(status), clock=outbox.clock, attempted=attempts.put_nowait
    )
    work = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        attempt = await attempts.get()
    assert (attempt.made, attempt.seconds >= 0) == (made, True)
    assert attempt.lag == (pytest.approx(3.0) if made is Made.DELIVERED else None)
    await dispatcher.close()
    await work
    assert attempts.empty()


# --- the outbox -------------------------------------------------------------------------------------------------------


async def test_how_much_is_in_the_outbox(shelf: Shelf) -> None:
    assert await shelf.store.depth(ACCOUNT) == Depth(0, 0)
    await shelf.store.save(change("queued", "a", 1, 2, to=HOOK))
    await shelf.store.save(change("queued", "b", 1, to="https://other.example/in"))
    await shelf.store.save(change("queued", "c", 1))
    await shelf.store.save(change("queued", "d", 1, to=HOOK, account="somebody"))
    assert await shelf.store.depth(ACCOUNT) == Depth(3, 0)
    first, second = await shelf.store.take(ACCOUNT, HOOK, most=2, lease=60)
    assert await shelf.store.depth(ACCOUNT) == Depth(3, 0), "what is being posted is on its way"
    await shelf.store.delivered(first)
    await shelf.store.give_up(second, "timeout")
    assert await shelf.store.depth(ACCOUNT) == Depth(1, 1)
    await shelf.store.replay(ACCOUNT, second.id)
    assert await shelf.store.depth(ACCOUNT) == Depth(2, 0)
    await shelf.store.disable(ACCOUNT, HOOK)
    assert await shelf.store.depth(ACCOUNT) == Depth(1, 1)
    assert await shelf.store.depth("somebody") == Depth(1, 0)
    assert await shelf.store.depth("nobody") == Depth(0, 0)


async def test_an_account_that_can_have_no_keys_has_nothing(redis_url: str) -> None:
    store = RedisStore(redis_url, ttl=60)
    assert await store.depth("{}") == Depth(0, 0)
    await store.close()


# --- speech -----------------------------------------------------------------------------------------------------------


class Told(Uncounted):
    """What engines were asked for, and what came of it."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self.seconds: list[float] = []

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        self.results.append(result)
        self.seconds.append(seconds)


async def test_each_text_that_an_engine_is_asked_for_is_told() -> None:
    told = Told()
    engine = Stand()
    voice = renderer(engine, counts=told)
    script = (Words("Hello.", "en", packaged=True),)
    await voice.prepare(script)
    assert told.results == ["rendered"]
    await voice.prepare(script)
    assert len(told.results) == 1, "what is kept is not asked for again"
    for fault in (ValueError("text"), SpeechUnavailable("away")):
        engine.fault = fault
        with pytest.raises(SpeechUnavailable):
            await voice.prepare(say_script(Say("Goodbye."), "en", None))
    assert told.results == ["rendered", "refused", "failed"]
    assert all(0 <= seconds < 10 for seconds in told.seconds)
