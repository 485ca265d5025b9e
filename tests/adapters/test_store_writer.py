"""Records that a call hands over and forgets: kept while the store is away, written once, in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from structlog.testing import capture_logs

from otpvoice.adapters.store import Change, Estate, Owner, StoredEvent, StoreUnavailable
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.testkit.redis import RedisInstance
from tests.adapters.store_shelves import message
from tests.fakes.proxy import FaultProxy


def record(state: str, call_id: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "account": "default", "state": state, **more}


class FalteringStore(MemoryStore):
    """A store that is away, holds its answers back, or loses them, as the test says."""

    def __init__(self) -> None:
        super().__init__(ttl=3600)
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.attempts: list[tuple[str, str]] = []
        self._tried = asyncio.Condition()

    async def save(self, change: Change, /) -> bool:
        await self._try(change)
        return await super().save(change)

    async def finish(self, change: Change, /) -> bool:
        await self._try(change)
        return await super().finish(change)

    async def tried(self, times: int) -> None:
        """Wait until so many writes were attempted in all."""
        async with asyncio.timeout(10), self._tried:
            await self._tried.wait_for(lambda: len(self.attempts) >= times)

    async def _try(self, change: Change) -> None:
        async with self._tried:
            self.attempts.append((change.record["id"], change.record["state"]))
            self._tried.notify_all()
        await self.answers.wait()
        if self.away:
            raise StoreUnavailable("unreachable")


class Pauses:
    """Takes the place of asyncio.sleep: notes how long, and lasts no time at all or for ever."""

    def __init__(self, *, endless: bool = False) -> None:
        self.seconds: list[float] = []
        self.begun = asyncio.Event()
        self._endless = endless

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.begun.set()
        if self._endless:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def written(writes: KeptWrites, *, but: int = 0) -> None:
    async with asyncio.timeout(10):
        while writes.pending > but:  # noqa: ASYNC110 - it has no event: nobody in the product waits for it
            await asyncio.sleep(0)


async def test_a_call_hands_its_records_over_and_does_not_wait() -> None:
    store = FalteringStore()
    writes = KeptWrites(store)
    writes.save(Change(record("answered")))
    writes.finish(Change(record("ended", call_id="call_2")))
    assert writes.pending == 2
    assert store.attempts == []
    await written(writes)
    assert await store.get("default", "call_1") == record("answered")
    assert store.summaries("default") == [("call_2", record("ended", call_id="call_2"))]
    assert await writes.drain(5) == ()


async def test_what_the_store_does_not_take_is_written_when_it_is_back() -> None:
    store, pauses = FalteringStore(), Pauses()
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    writes.finish(Change(record("ended")))
    await store.tried(30)
    assert writes.pending == 1
    store.away = False
    await written(writes)
    assert store.summaries("default") == [("call_1", record("ended"))]
    assert writes.dropped == 0


async def test_what_is_not_written_yet_can_be_read_here() -> None:
    store = FalteringStore()
    store.answers.clear()
    writes = KeptWrites(store)
    writes.save(Change(record("answered")))
    assert (writes.kept("default", "call_1") or {})["state"] == "answered"
    writes.finish(Change(record("ended")))
    assert (writes.kept("default", "call_1") or {})["state"] == "ended"
    assert writes.kept("another", "call_1") is None
    store.answers.set()
    await written(writes)
    assert writes.kept("default", "call_1") is None


async def test_pauses_double_up_to_the_longest_and_are_never_quite_equal() -> None:
    store, pauses = FalteringStore(), Pauses()
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    writes.finish(Change(record("ended")))
    await store.tried(40)
    await writes.drain(0)
    whole = [min(3.0, 0.1 * 2**n) for n in range(len(pauses.seconds))]
    assert all(full / 2 <= pause <= full for pause, full in zip(pauses.seconds, whole, strict=True))
    assert len(set(pauses.seconds)) > 30


async def test_a_store_that_is_away_is_asked_for_one_write_at_a_time() -> None:
    store, pauses = FalteringStore(), Pauses()
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    for n in range(100):
        writes.finish(Change(record("ended", f"call_{n}")))
    await store.tried(30)
    assert len(store.attempts) <= 8 + len(pauses.seconds)
    assert len(await writes.drain(0)) == 100


async def test_the_latest_state_of_a_call_is_written_and_no_earlier_one() -> None:
    store = FalteringStore()
    writes = KeptWrites(store)
    for state in ("queued", "dialing", "answered", "ringing"):  # the last one came late
        writes.save(Change(record(state, mark=state)))
    assert writes.pending == 1
    await written(writes)
    assert store.attempts == [("call_1", "answered")]
    writes.save(Change(record("answered")))
    writes.finish(Change(record("ended", first=True)))
    writes.finish(Change(record("ended", first=False)))
    writes.save(Change(record("answered")))
    await written(writes)
    assert store.attempts[1:] == [("call_1", "ended")]
    assert (await store.get("default", "call_1") or {})["first"] is True


async def test_an_end_that_comes_while_an_earlier_state_is_on_its_way_follows_it() -> None:
    store = FalteringStore()
    store.answers.clear()
    writes = KeptWrites(store)
    writes.save(Change(record("answered")))
    await store.tried(1)
    writes.finish(Change(record("ended")))
    assert writes.pending == 1
    store.answers.set()
    await written(writes)
    assert store.attempts == [("call_1", "answered"), ("call_1", "ended")]
    assert await store.get("default", "call_1") == record("ended")


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("later", ["answered", "ended"])
async def test_what_comes_while_a_write_is_on_its_way_is_neither_lost_nor_overwritten(away: bool, later: str) -> None:
    store = FalteringStore()
    store.answers.clear()
    store.away = away
    writes = KeptWrites(store, sleep=Pauses())
    writes.save(Change(record("answered", number=1)))
    await store.tried(1)
    (writes.finish if later == "ended" else writes.save)(Change(record(later, number=2)))
    store.answers.set()
    await store.tried(2)
    store.away = False
    await written(writes)
    assert await store.get("default", "call_1") == record(later, number=2)
    assert writes.dropped == 0


async def test_ended_calls_are_written_before_those_that_go_on() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, sleep=Pauses())
    writes.save(Change(record("queued", "going_on")))
    await store.tried(2)
    for n in range(20):
        writes.finish(Change(record("ended", f"ended_{n}")))
    store.away = False
    await written(writes)
    assert store.attempts[-1] == ("going_on", "queued")


async def test_over_the_limit_calls_that_go_on_give_way_and_ended_ones_never() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, limit=3, sleep=Pauses(endless=True))
    with capture_logs() as lines:
        writes.save(Change(record("queued", "a", to="+447700900123")))
        writes.finish(Change(record("ended", "b")))
        writes.save(Change(record("queued", "c")))
        writes.save(Change(record("queued", "d", to="+447700900123")))  # no room: lost
        writes.save(Change(record("answered", "a")))  # it is there already
        writes.finish(Change(record("ended", "a")))  # in its own place
        writes.finish(Change(record("ended", "e")))  # in the place of c
        writes.finish(Change(record("ended", "f", to="+447700900123")))  # no room, and nobody to give way
    assert writes.pending == 3
    assert writes.dropped == 3
    assert [(line["event"], line["call"]) for line in lines] == [("store.record_dropped", call) for call in "dcf"]
    assert "7700" not in str(lines)
    left = await writes.drain(0)
    assert [change.record["id"] for change in left] == ["b", "a", "e"]


async def test_a_record_that_can_not_be_written_is_dropped_and_named() -> None:
    store = FalteringStore()
    writes = KeptWrites(store)
    with capture_logs() as lines:
        writes.finish(Change(record("ended", "odd", metadata={"secret-ish": object()})))
        writes.finish(Change(record("ended", "good")))
        await written(writes)
    assert [call_id for call_id, _ in store.summaries("default")] == ["good"]
    assert writes.dropped == 1
    assert [(line["call"], line["account"], line["reason"]) for line in lines] == [("odd", "default", "TypeError")]
    assert "secret-ish" not in str(lines)
    writes.finish(Change(record("ended", "later")))
    await written(writes)
    assert len(store.summaries("default")) == 2


async def test_records_that_the_store_refuses_do_not_hold_up_the_others() -> None:
    class Choosy(FalteringStore):
        async def finish(self, change: Change, /) -> bool:
            if change.record["id"].startswith("odd"):
                raise StoreUnavailable("server_error")
            return await super().finish(change)

    store = Choosy()
    writes = KeptWrites(store, sleep=Pauses())
    for n in range(20):  # more than are written at once
        writes.finish(Change(record("ended", f"odd_{n}")))
    for n in range(50):
        writes.finish(Change(record("ended", f"call_{n}")))
    await written(writes, but=20)
    assert all(change.record["id"].startswith("odd") for change in await writes.drain(0))
    assert len(store.summaries("default")) == 50


@pytest.mark.parametrize("malformed", [{}, {"id": "x", "account": "y"}, record("hovering"), record("queued", "a b")])
async def test_a_malformed_record_is_refused_where_it_was_made(malformed: dict[str, Any]) -> None:
    writes = KeptWrites(FalteringStore())
    with pytest.raises(ValueError, match="call record"):
        writes.finish(Change(malformed))
    with pytest.raises(ValueError, match="call record"):
        writes.save(Change(malformed))
    with pytest.raises(ValueError, match="finish"):
        writes.save(Change(record("ended")))
    with pytest.raises(ValueError, match="save"):
        writes.finish(Change(record("answered")))
    assert writes.pending == 0


async def test_the_log_tells_when_the_store_goes_and_comes_and_not_each_attempt() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, sleep=Pauses())
    with capture_logs() as lines:
        writes.finish(Change(record("ended")))
        await store.tried(20)
        store.away = False
        await written(writes)
        writes.finish(Change(record("ended", "call_2")))
        await writes.drain(5)
    assert lines == [
        {"event": "store.writes_not_taken", "log_level": "warning", "reason": "unreachable", "calls": 1},
        {"event": "store.writes_taken", "log_level": "info", "calls": 0},
    ]


# --- events -----------------------------------------------------------------------------------------------------------


def told(state: str, *numbers: int, call_id: str = "call_1", **more: Any) -> Change:
    events = (StoredEvent(f"evt_{call_id}_{number}", number, "call.told", b"{}") for number in numbers)
    return Change(record(state, call_id, **more), tuple(events))


async def numbers(store: FalteringStore, call_id: str = "call_1") -> list[int]:
    return [int(it.id.rpartition("_")[2]) for it in await store.after("default", None, call_id=call_id)]


async def test_while_the_store_is_away_the_last_record_and_all_events_are_kept_in_order() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, sleep=Pauses())
    writes.save(told("queued", 1))
    await store.tried(2)
    writes.save(told("dialing", 2, 3))
    writes.save(told("queued", 4))  # its record came late, its event did not
    writes.save(told("answered", 5))
    writes.finish(told("ended", 6))
    assert writes.pending == 1
    attempts = len(store.attempts)
    store.away = False
    await written(writes)
    assert set(store.attempts[attempts:]) == {("call_1", "ended")}
    assert await numbers(store) == [1, 2, 3, 4, 5, 6]
    assert await store.get("default", "call_1") == record("ended")


@pytest.mark.parametrize("away", [False, True])
async def test_what_is_told_while_a_write_is_on_its_way_is_told_once(away: bool) -> None:
    store = FalteringStore()
    store.answers.clear()
    store.away = away
    writes = KeptWrites(store, sleep=Pauses())
    writes.save(told("queued", 1, 2))
    await store.tried(1)
    writes.save(told("dialing", 3))
    writes.save(told("dialing", 3, 4))  # the third one is the same again
    store.answers.set()
    store.away = False
    await written(writes)
    assert await numbers(store) == [1, 2, 3, 4]
    assert store.attempts == [("call_1", "queued"), ("call_1", "dialing")]


async def test_events_go_with_the_record_that_is_dropped_and_the_log_says_how_many() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, limit=1, sleep=Pauses(endless=True))
    with capture_logs() as lines:
        writes.save(told("queued", 1, 2, call_id="a"))
        writes.save(told("queued", 1, call_id="b"))
        writes.finish(told("ended", 1, call_id="c"))
        writes.save(told("answered", 2, call_id="c"))  # nothing is told of a call that ended
        writes.save(Change(record("answered", "c")))
    assert [(line["call"], line["reason"], line["events"], line["dropped"]) for line in lines] == [
        ("b", "no_room", 1, 1),
        ("a", "gave_way", 2, 2),
        ("c", "call_has_ended", 1, 3),
    ]
    assert await writes.drain(0) == (told("ended", 1, call_id="c"),)


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1), (0,), (-1,)])
async def test_events_that_are_not_numbered_upwards_are_refused(numbers: tuple[int, ...]) -> None:
    writes = KeptWrites(FalteringStore())
    with pytest.raises(ValueError, match="numbered upwards"):
        writes.save(told("queued", *numbers))
    with pytest.raises(ValueError, match="numbered upwards"):
        writes.finish(told("ended", *numbers))
    assert writes.pending == 0


# --- messages ---------------------------------------------------------------------------------------------------------


def spelled(state: str, *nths: int, numbers: tuple[int, ...] = (), call_id: str = "call_1") -> Change:
    """Return a call with messages, each the so-manieth of it."""
    return replace(told(state, *numbers, call_id=call_id), messages=tuple(message(call_id, 1, nth) for nth in nths))


async def posted(store: FalteringStore) -> list[int]:
    letters = await store.letters("default", dead=False)
    return sorted(int(letter.id.rpartition(".")[2]) for letter in letters)


async def test_while_the_store_is_away_all_messages_are_kept_and_each_is_written_once() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, sleep=Pauses())
    writes.save(spelled("queued", 1, numbers=(1,)))
    await store.tried(2)
    writes.save(spelled("dialing", 2, 3))
    writes.save(spelled("queued", 3, 4))  # its record came late, and the third is the same again
    writes.save(spelled("dialing", numbers=(2,)))
    writes.finish(spelled("ended", 5, numbers=(3,)))
    attempts = len(store.attempts)
    store.away = False
    await written(writes)
    assert set(store.attempts[attempts:]) == {("call_1", "ended")}
    assert await posted(store) == [1, 2, 3, 4, 5]
    assert await numbers(store) == [1, 2, 3]


async def test_messages_are_handed_over_in_order_and_none_twice() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, sleep=Pauses(endless=True))
    for nths in ((1, 2), (2, 11), (3,)):
        writes.save(spelled("answered", *nths))
    (left,) = await writes.drain(0)
    assert [each.id for each in left.messages] == [message("call_1", 1, nth).id for nth in (1, 2, 11, 3)]


@pytest.mark.parametrize("later", ["dialing", "ended"])
async def test_what_was_posted_with_a_write_on_its_way_is_not_written_again(later: str) -> None:
    store = FalteringStore()
    changes: list[Change] = []
    store.answers.clear()
    writes = KeptWrites(store, written=changes.append)
    writes.save(spelled("queued", 1, 2))
    await store.tried(1)
    (writes.finish if later == "ended" else writes.save)(spelled(later, 2, 3))
    store.answers.set()
    await written(writes)
    assert [[each.id for each in change.messages] for change in changes] == [
        ["evt_1_1.1", "evt_1_1.2"],
        ["evt_1_1.3"],
    ]
    assert await posted(store) == [1, 2, 3]


async def test_messages_go_with_the_record_that_is_dropped_and_the_log_says_how_many() -> None:
    store = FalteringStore()
    store.away = True
    writes = KeptWrites(store, limit=1, sleep=Pauses(endless=True))
    with capture_logs() as lines:
        writes.save(spelled("queued", 1, 2, call_id="a"))
        writes.finish(spelled("ended", 1, call_id="b"))
        writes.save(spelled("answered", 2, call_id="b"))  # nothing is told of a call that ended
    assert [(line["call"], line["reason"], line["events"], line["messages"]) for line in lines] == [
        ("a", "gave_way", 0, 2),
        ("b", "call_has_ended", 0, 1),
    ]
    assert await writes.drain(0) == (spelled("ended", 1, call_id="b"),)


async def test_a_message_of_another_call_is_refused_where_it_was_made() -> None:
    writes = KeptWrites(FalteringStore())
    for write, state in ((writes.save, "queued"), (writes.finish, "ended")):
        with pytest.raises(ValueError, match="id of a message"):
            write(replace(spelled(state), messages=(message("call_2", 1, 1),)))
    assert writes.pending == 0


# --- shutdown ---------------------------------------------------------------------------------------------------------


# --- waiting for a write ------------------------------------------------------------------------------------------


async def test_who_waits_for_a_write_hears_that_it_stands() -> None:
    store = FalteringStore()
    writes = KeptWrites(store)
    writes.save(Change(record("dialing")))
    assert await writes.stands("default", "call_1", 5) is True
    assert await store.get("default", "call_1") == record("dialing")


async def test_whoever_is_waited_for_is_written_before_all_others() -> None:
    store, pauses = FalteringStore(), Pauses()
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    for n in range(20):
        writes.finish(Change(record("ended", f"call_{n}")))
    await store.tried(9)
    writes.save(Change(record("dialing", "call_wanted")))
    waiting = asyncio.create_task(writes.stands("default", "call_wanted", 5))
    await asyncio.sleep(0)
    store.attempts.clear()
    store.away = False
    assert await waiting is True
    assert store.attempts.index(("call_wanted", "dialing")) <= 1, "behind the one that was under way"
    await written(writes)


async def test_a_store_that_comes_back_in_time_has_it_stand() -> None:
    store, pauses = FalteringStore(), Pauses()
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    writes.save(Change(record("dialing")))
    waiting = asyncio.create_task(writes.stands("default", "call_1", 5))
    await store.tried(10)
    store.away = False
    assert await waiting is True


async def test_what_is_not_written_in_time_does_not_stand() -> None:
    store, pauses = FalteringStore(), Pauses(endless=True)
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    writes.save(Change(record("dialing")))
    assert await writes.stands("default", "call_1", 0.01) is None
    assert writes.pending == 1, "it is written all the same, when there is a way"
    await writes.drain(0)


async def test_what_was_adopted_by_another_life_does_not_stand_and_is_not_tried_again() -> None:
    store = MemoryStore(ttl=3600, owner=Owner("otp-1", "first"))
    adopted: list[str] = []
    writes = KeptWrites(store, adopted=adopted.append)
    writes.save(Change(record("dialing"), estate=Estate(b"{}", 60.0)))
    await written(writes)
    assert await store.as_owner(Owner("otp-1", "second")).adopt("default", "call_1") is not None
    with capture_logs() as logs:
        writes.save(Change(record("ringing")))
        assert await writes.stands("default", "call_1", 5) is False
    assert [line["event"] for line in logs] == ["store.call_adopted"]
    assert (writes.pending, writes.dropped, adopted) == (0, 0, ["call_1"])
    assert await store.get("default", "call_1") == record("dialing")


async def test_two_may_wait_for_the_same_write() -> None:
    store = FalteringStore()
    store.answers.clear()
    writes = KeptWrites(store)
    writes.save(Change(record("dialing")))
    first = asyncio.create_task(writes.stands("default", "call_1", 5))
    second = asyncio.create_task(writes.stands("default", "call_1", 5))
    await store.tried(1)
    store.answers.set()
    assert (await first, await second) == (True, True)


@pytest.mark.parametrize("how", ["ended meanwhile", "drained", "no room", "can't be written"])
async def test_who_waits_for_what_will_never_be_written_is_told_at_once(how: str) -> None:
    store, pauses = FalteringStore(), Pauses(endless=True)
    store.away = how != "can't be written"
    writes = KeptWrites(store, sleep=pauses, limit=0 if how == "no room" else 10)
    writes.save(Change(record("dialing", broken=object() if how == "can't be written" else None)))
    waiting = asyncio.create_task(writes.stands("default", "call_1", 60))
    await asyncio.sleep(0)
    match how:
        case "ended meanwhile":
            store.away = False
            writes.finish(Change(record("ended")))
            await writes.drain(5)
        case "drained":
            await writes.drain(0)
        case _:
            pass
    assert await waiting is False


@pytest.mark.parametrize("later", ["ringing", "ended"])
async def test_what_a_call_leaves_is_not_lost_with_the_write_that_had_it(later: str) -> None:
    store = FalteringStore()
    store.answers.clear()
    writes = KeptWrites(store)
    other = Change(record("answered", "call_0"))
    writes.save(other)
    await store.tried(1)
    writes.save(Change(record("queued"), estate=Estate(b"to be told", 60.0)))
    change = Change(record(later))
    (writes.finish if later == "ended" else writes.save)(change)
    store.answers.set()
    await written(writes)
    if later == "ringing":
        found = await store.as_owner(Owner("unnamed", "next")).adopt("default", "call_1")
        assert found is not None
        assert found.telling == b"to be told"


async def test_draining_writes_what_is_left() -> None:
    store = FalteringStore()
    writes = KeptWrites(store)
    for n in range(100):
        writes.finish(Change(record("ended", f"call_{n}")))
    assert await writes.drain(10) == ()
    assert len(store.summaries("default")) == 100


async def test_draining_nothing_is_done_at_once() -> None:
    writes = KeptWrites(FalteringStore())
    assert await writes.drain(1000) == ()
    assert await writes.drain(1000) == ()


async def test_draining_does_not_sit_through_a_pause() -> None:
    store, pauses = FalteringStore(), Pauses(endless=True)
    store.away = True
    writes = KeptWrites(store, sleep=pauses)
    writes.finish(Change(record("ended")))
    await pauses.begun.wait()
    store.away = False
    async with asyncio.timeout(10):
        assert await writes.drain(1000) == ()
    assert len(store.summaries("default")) == 1


async def test_what_could_not_be_written_in_time_is_given_back_ended_calls_first() -> None:
    store = FalteringStore()
    store.answers.clear()  # and never answers
    writes = KeptWrites(store)
    writes.save(Change(record("answered", "a")))
    writes.finish(Change(record("ended", "b")))
    left = await writes.drain(0.05)
    assert left == (Change(record("ended", "b")), Change(record("answered", "a")))
    assert writes.pending == 0


async def test_what_comes_while_draining_is_written_and_what_comes_after_it_is_dropped() -> None:
    store = FalteringStore()
    store.answers.clear()
    writes = KeptWrites(store)
    writes.finish(Change(record("ended", "a")))
    draining = asyncio.create_task(writes.drain(10))
    await store.tried(1)
    writes.finish(Change(record("ended", "b")))
    store.answers.set()
    assert await draining == ()
    assert [call_id for call_id, _ in store.summaries("default")] == ["a", "b"]
    with capture_logs() as lines:
        writes.finish(Change(record("ended", "c")))
    assert (writes.pending, writes.dropped) == (0, 1)
    assert [(line["call"], line["reason"]) for line in lines] == [("c", "closed")]


# --- properties -------------------------------------------------------------------------------------------------------


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("queued", "dialing", "answered", "ended")), st.sampled_from("abc")),
        st.tuples(st.sampled_from(("away", "back", "reply lost", "turn")), st.just("")),
    ),
    max_size=40,
)


@given(STEPS)
@settings(deadline=None, max_examples=150)
def test_whatever_the_store_does_each_call_that_ended_has_one_summary(steps: list[tuple[str, str]]) -> None:
    class Lossy(FalteringStore):
        losing = False

        async def finish(self, change: Change, /) -> bool:
            result = await super().finish(change)
            if self.losing:
                self.losing = False
                raise StoreUnavailable("connection_lost")
            return result

        async def save(self, change: Change, /) -> bool:
            result = await super().save(change)
            if self.losing:
                self.losing = False
                raise StoreUnavailable("connection_lost")
            return result

    async def run() -> None:
        store = Lossy()
        writes = KeptWrites(store, sleep=Pauses())
        ended: dict[str, int] = {}
        counts: Counter[str] = Counter()
        for number, (step, call_id) in enumerate(steps):
            match step:
                case "away" | "back":
                    store.away = step == "away"
                case "reply lost":
                    store.losing = True
                case "turn":
                    for _ in range(5):
                        await asyncio.sleep(0)
                case _ if call_id in ended:  # nothing is told after the end
                    (writes.finish if step == "ended" else writes.save)(Change(record(step, call_id, number=number)))
                case "ended":
                    ended[call_id] = number
                    counts[call_id] += 1
                    writes.finish(told("ended", counts[call_id], call_id=call_id, number=number))
                case state:
                    counts[call_id] += 1
                    writes.save(told(state, counts[call_id], call_id=call_id, number=number))
        store.away = False
        assert await writes.drain(10) == ()
        assert {call_id: call["number"] for call_id, call in store.summaries("default")} == ended
        assert len(store.summaries("default")) == len(ended)
        for call_id in "abc":
            assert await numbers(store, call_id) == list(range(1, counts[call_id] + 1))
        assert writes.dropped == 0

    asyncio.run(run())


# --- on a real Redis --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost_reply", [False, True])
async def test_ends_of_calls_outlive_a_redis_that_is_killed(tmp_path: Path, lost_reply: bool) -> None:
    async with (
        await RedisInstance.start(tmp_path / "redis", appendonly=True) as server,
        FaultProxy("127.0.0.1", server.port) as proxy,
    ):
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=3600)
        writes = KeptWrites(store)
        writes.save(Change(record("answered")))
        await written(writes)
        if lost_reply:
            cut = proxy.cut_reply(to=b"EVALSHA")
            cut.add_done_callback(lambda _: server.kill())
            writes.finish(Change(record("ended")))
            await cut
        else:
            server.kill()
            writes.finish(Change(record("ended")))
        for n in range(20):
            writes.finish(Change(record("ended", f"other_{n}")))
        with pytest.raises(StoreUnavailable):
            await store.ping()
        assert writes.pending == 21
        await server.restart()
        assert await writes.drain(10) == ()
        async with Redis.from_url(server.url) as client:
            redis: Any = client
            entries = await redis.xrange("otpvoice:{default}:summaries")
        assert sorted(fields[b"id"].decode() for _, fields in entries) == sorted(
            ["call_1", *(f"other_{n}" for n in range(20))]
        )
        await store.close()
