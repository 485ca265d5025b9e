"""Any order of anything: the store in memory and the one in Redis say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from otpvoice.adapters.store import Delivery, Estate, Limit, Limited, Message, Owner, Registration, Terms
from tests.adapters.store_shelves import ACCOUNT, MemoryShelf, RedisShelf, Shelf, change, message

CALLS = st.sampled_from(["call_1", "call_2", "call_3"])
HOOKS = st.sampled_from(["https://one.example/", "https://two.example/"])
TOKENS = st.sampled_from(["t1", "t2"])
STATES = st.sampled_from(["queued", "dialing", "answered"])
# Multiples of one number: their sums are half a minute away from all that ends by itself (a claim after 60 s, a record
# after 3600 s, …), and a machine that is slow for so long is none.
SECONDS = st.sampled_from([130.0, 1300.0, 87360.0])
AUTHS = st.sampled_from([None, "sealed="])
MESSAGES = st.sets(st.tuples(st.integers(0, 2), st.integers(1, 2), HOOKS, AUTHS), max_size=2)
OWNERS = st.sampled_from([Owner("one", "first"), Owner("one", "second"), Owner("two", "first")])
ESTATES = st.none() | st.builds(
    Estate, st.just(b"{}"), SECONDS.map(lambda s: s * 4.5), st.sampled_from([None, b"p", b"q"]), st.just(50.0)
)

Messages: TypeAlias = set[tuple[int, int, str, str | None]]


class BothStores(RuleBasedStateMachine):
    """Everything is done to both, and the answers are compared; then what one can see of them."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._redis = RedisShelf(self.url, dead_letters=3)
        self._shelves: tuple[Shelf, ...] = (MemoryShelf(dead_letters=3), self._redis)
        self._owner: Owner | None = None
        self._taken: list[tuple[Delivery, Delivery]] = []
        self._told = 0
        self._run(self._redis.redis.flushall())

    def teardown(self) -> None:
        self._run(self._redis.close())
        self._runner.close()

    def _run(self, operation: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(operation)

    def _both(self, operation: str, *arguments: Any, **options: Any) -> Any:
        stores = [shelf.store if self._owner is None else shelf.of(self._owner) for shelf in self._shelves]
        here, there = (self._run(getattr(store, operation)(*arguments, **options)) for store in stores)
        assert _plain(here) == _plain(there), operation
        assert _wait(here) == pytest.approx(_wait(there), abs=30), operation
        return here, there

    @rule(
        call_id=CALLS,
        hook=st.none() | HOOKS,
        to=st.sampled_from([None, "+4477", "+4478"]),
        token=st.none() | TOKENS,
        most=st.none() | st.integers(0, 2),
        limit=st.none() | st.integers(0, 2),
        lock=st.sampled_from([0.0, 50.0, 585.0]),
        counts=st.sampled_from([None, 0.0, 50.0]),
        estate=ESTATES,
    )
    def accept(
        self,
        *,
        call_id: str,
        hook: str | None,
        to: str | None,
        token: str | None,
        most: int | None,
        limit: int | None,
        lock: float,
        counts: float | None,
        estate: Estate | None,
    ) -> None:
        limits = () if limit is None else (Limit("rate", "all", limit, 100), Limit("daily", "all", 5, 50_000))
        terms = Terms(destination=to, lock_seconds=lock, limits=limits, most_in_progress=most, token=token)
        written = change("queued", call_id, 1, to=hook)
        self._both("accept", replace(written, counts_within=counts, estate=estate), terms)

    @rule(
        call_id=CALLS,
        state=STATES,
        hook=st.none() | HOOKS,
        numbers=st.sets(st.integers(1, 6), max_size=2),
        estate=ESTATES,
        messages=MESSAGES,
    )
    def save(
        self,
        *,
        call_id: str,
        state: str,
        hook: str | None,
        numbers: set[int],
        estate: Estate | None,
        messages: Messages,
    ) -> None:
        written = change(state, call_id, *sorted(numbers), to=hook)
        self._both("save", replace(written, estate=estate, messages=_of(call_id, messages)))

    @rule(call_id=CALLS, hook=st.none() | HOOKS, estate=ESTATES, messages=MESSAGES)
    def finish(self, call_id: str, hook: str | None, estate: Estate | None, messages: Messages) -> None:
        written = change("ended", call_id, 7, to=hook)
        self._both("finish", replace(written, estate=estate, messages=_of(call_id, messages)))

    @rule(owner=OWNERS)
    def another_life_begins(self, owner: Owner) -> None:
        self._owner = owner

    @rule(call_id=CALLS)
    def adopt(self, call_id: str) -> None:
        self._both("adopt", ACCOUNT, call_id)

    @rule(call_id=CALLS)
    def erase(self, call_id: str) -> None:
        self._both("erase", ACCOUNT, call_id)

    @rule(call_id=CALLS, fingerprint=st.sampled_from(["f1", "f2"]), token=TOKENS)
    def claim(self, call_id: str, fingerprint: str, token: str) -> None:
        self._both("claim", ACCOUNT, call_id, fingerprint, token)

    @rule(call_id=CALLS, token=TOKENS)
    def release(self, call_id: str, token: str) -> None:
        self._both("release", ACCOUNT, call_id, token)

    @rule(hook=HOOKS, most=st.integers(1, 3), lease=st.sampled_from([5.0, 600.0]))
    def take(self, hook: str, most: int, lease: float) -> None:
        self._taken += zip(*self._both("take", ACCOUNT, hook, most=most, lease=lease), strict=True)

    @rule(what=st.sampled_from(["delivered", "give_back"]), which=st.sets(st.integers(0, 30), min_size=1, max_size=3))
    def tell_of_some(self, what: str, which: set[int]) -> None:
        some = [self._taken[number] for number in which if number < len(self._taken)]
        for shelf, deliveries in zip(self._shelves, zip(*some, strict=True), strict=False):
            self._run(getattr(shelf.store, what)(*deliveries))

    @rule(what=st.sampled_from(["delivered", "put_back", "give_up"]), which=st.integers(0, 30))
    def tell_of_a_delivery(self, what: str, which: int) -> None:
        if self._taken:
            more: dict[str, tuple[Any, ...]] = {"delivered": (), "put_back": (40.0, "failed"), "give_up": ("gone",)}
            for shelf, delivery in zip(self._shelves, self._taken[which % len(self._taken)], strict=True):
                self._run(getattr(shelf.store, what)(delivery, *more[what]))

    @rule(what=st.sampled_from(["disable", "enable"]), hook=HOOKS)
    def let_an_endpoint_be(self, what: str, hook: str) -> None:
        self._both(what, ACCOUNT, hook)

    @rule(call_id=CALLS, number=st.integers(1, 7))
    def replay(self, call_id: str, number: int) -> None:
        self._both("replay", ACCOUNT, f"evt_{call_id}_{number}")

    @rule(call_id=CALLS, number=st.integers(0, 2), nth=st.integers(1, 2))
    def replay_a_message(self, call_id: str, number: int, nth: int) -> None:
        self._both("replay", ACCOUNT, message(call_id, number, nth).id)

    @rule(name=st.sampled_from(["VSS", "VCA"]), hook=HOOKS, auth=AUTHS, on=st.booleans())
    def register(self, *, name: str, hook: str, auth: str | None, on: bool) -> None:
        self._both("register", ACCOUNT, Registration(name, hook, auth, on))

    @rule(name=st.sampled_from(["VSS", "VCA"]))
    def unregister(self, name: str) -> None:
        self._both("unregister", ACCOUNT, name)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        for shelf in self._shelves:
            self._run(shelf.grow_older(seconds))

    @invariant()
    def they_look_the_same(self) -> None:
        # What comes next comes in a later millisecond, in both.
        self._run(self._shelves[0].grow_older(0.002))
        self._run(asyncio.sleep(0.0011))
        for call_id in ("call_1", "call_2", "call_3"):
            self._both("get", ACCOUNT, call_id)
            self._both("after", ACCOUNT, None, call_id=call_id)
            here, there = (self._run(shelf.plan(ACCOUNT, call_id)) for shelf in self._shelves)
            assert here == there
        for ours in (True, False):
            self._both("left_behind", ACCOUNT, ours=ours)
        for state in (None, "answered", "ended"):
            self._both("page", ACCOUNT, limit=2, state=state)
        self._both("after", ACCOUNT, None)
        self._both("due", ACCOUNT)
        self._both("disabled", ACCOUNT)
        self._both("registered", ACCOUNT)
        self._both("depth", ACCOUNT)
        for dead in (True, False):
            self._both("letters", ACCOUNT, dead=dead)
        here, there = (self._run(shelf.summaries(ACCOUNT)) for shelf in self._shelves)
        assert here == there


def _of(call_id: str, messages: Messages) -> tuple[Message, ...]:
    written = {
        each.id: each for each in (message(call_id, number, nth, to, auth) for number, nth, to, auth in messages)
    }
    return tuple(written.values())


def _wait(answer: Any) -> float:
    """The seconds that an answer says, or none."""
    match answer:
        case Limited(retry_after=float(seconds)) | (list() | tuple(), float(seconds)):
            return seconds
    return 0.0


def _plain(answer: Any) -> Any:
    """What must be the same to the letter: one clock stands still, and the other one does not."""
    match answer:
        case (list() | tuple() as endpoints, None | float()):
            return sorted(endpoints)
        case list() | tuple():
            return _unordered([_plain(it) for it in answer])
    fields = {name: getattr(answer, name) for name in getattr(answer, "__dataclass_fields__", ())}
    if not fields:
        return answer
    for clock in ("position", "created_at", "due_at", "leased_until", "next_cursor", "retry_after"):
        if fields.get(clock) is not None:
            fields[clock] = "some"
    return type(answer).__name__, fields


def _unordered(answers: Sequence[Any]) -> Sequence[Any]:
    """Deliveries that are due in one millisecond here are due in one or two there."""
    if answers and answers[0][0] in {"Letter", "Delivery"}:
        return sorted(answers, key=lambda answer: str(answer[1]["id"]))
    return answers


@pytest.mark.timeout(120)
def test_both_stores_agree_whatever_is_done_to_them(redis_url: str) -> None:
    class OnThisServer(BothStores):
        url = redis_url

    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
