"""The pace of a trunk: never faster than it may be, nobody forgotten, nobody kept out by those who ask for much."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from dataclasses import dataclass, field

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otpvoice.stasis.pacing import Expired, NoTurn, Pace, QueueFull, Slot
from otpvoice.stasis.turns import LATE, LineFull, Ticket, Turns
from tests.rehearsal.virtual import in_no_time

LONG = 1e6
ROUNDING = 1e-6


def turns(
    calls_per_second: float | None = None, max_calls: int | None = None, longest: int = 1000, *waiting: str
) -> Turns[str]:
    """Make a trunk at which these stand in line since 0: ``a1`` is of the account ``a``."""
    made: Turns[str] = Turns(calls_per_second=calls_per_second, max_calls=max_calls, longest=longest)
    for who in waiting:
        made.join(who[0], LONG, who)
    return made


def called(trunk: Turns[str], now: float = 0.0) -> list[str]:
    """Call all whose turn it is."""
    return list(iter(lambda: trunk.call(now), None))


# --- whose turn it is -------------------------------------------------------------------------------------------------


def test_without_limits_nobody_waits() -> None:
    trunk = turns(None, None, 10, "a1", "a2", "b1")
    assert sorted(called(trunk)) == ["a1", "a2", "b1"]
    assert (trunk.in_progress, trunk.waiting, trunk.deadline, trunk.free(0)) == (3, 0, None, True)


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("a1 a2 a3", "a1 a2 a3"),
        ("a1 a2 a3 a4 b1", "a1 b1 a2 a3 a4"),
        ("a1 a2 a3 b1 b2 c1", "a1 b1 c1 a2 b2 a3"),
        ("b1 a1 b2 a2", "b1 a1 b2 a2"),
    ],
)
def test_accounts_take_turns_and_their_calls_keep_their_order(line: str, order: str) -> None:
    assert called(turns(None, None, 1000, *line.split())) == order.split()


def test_who_comes_back_again_and_again_is_no_sooner_served_than_the_others() -> None:
    trunk = turns(1, None, 1000, *(f"a{n}" for n in range(100)), "b")
    served: list[str] = []
    for second in range(20):
        served += called(trunk, second)
        if served[-1] == "b":
            trunk.join("b", LONG, "b")
    assert Counter(who[0] for who in served) == {"a": 10, "b": 10}


@pytest.mark.parametrize(
    ("calls_per_second", "at", "deadline"),
    [(0.1, [0, 10, 20], 30.0), (1, [0, 1, 2], 3.0), (4, [0, 0.25, 0.5], 0.75)],
)
def test_turns_are_due_one_after_the_other(calls_per_second: float, at: list[float], deadline: float) -> None:
    trunk = turns(calls_per_second, None, 1000, *"abcd")
    for now, who in zip(at, "abc", strict=True):
        assert now == 0 or trunk.call(now - 0.01) is None
        assert (called(trunk, now), trunk.free(now)) == ([who], False)
    assert trunk.deadline == deadline


def test_after_a_pause_there_is_nothing_to_make_up_for() -> None:
    trunk = turns(10, None, 1000, "a")
    assert called(trunk, 0) == ["a"]
    assert trunk.free(60)
    for who in "bcd":
        trunk.join(who, LONG, who)
    assert called(trunk, 60) == ["b"]
    assert trunk.deadline == pytest.approx(60.1)


def test_who_is_called_late_does_not_make_the_next_one_later() -> None:
    trunk = turns(10, None, 1000, *"abcd")
    assert called(trunk, 0) == ["a"]
    assert called(trunk, 0.19) == ["b"]
    assert called(trunk, 0.2) == ["c"]
    # Later than that is lost: whoever stood still for a minute does not ring sixty phones at once.
    assert called(trunk, 60) == ["d"]
    assert trunk._next == pytest.approx(60)


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_at_a_time_than_there_may_be(limit: int) -> None:
    trunk = turns(None, limit, 1000, *"abcdef")
    assert called(trunk) == list("abcdef"[:limit])
    assert (trunk.deadline, trunk.free(0)) == (None, False), "time alone helps nobody"
    trunk.done()
    assert called(trunk) == ["abcdef"[limit]]


def test_a_place_that_came_free_is_not_made_up_for() -> None:
    """The line stood still for want of a place: that is no lateness of ours."""
    trunk = turns(10, 1, 1000, *"abc")
    assert called(trunk, 0) == ["a"]
    trunk.done()
    assert called(trunk, 5) == ["b"]
    trunk.done()
    assert called(trunk, 5.05) == []
    assert trunk.deadline == pytest.approx(5.1)


def test_where_there_is_no_place_time_is_not_waited_for() -> None:
    trunk = turns(1, 2, 1000, *"ab")
    assert called(trunk, 0) == ["a"]
    assert trunk.deadline == 1
    trunk.add()
    assert called(trunk, 1) == []
    assert trunk.deadline is None


def test_who_comes_while_the_first_one_is_called_late_is_not_sooner() -> None:
    trunk = turns(1, None, 1000, *"ab")
    assert called(trunk, 0) == ["a"]
    assert not trunk.free(1.05)
    trunk.join("c", LONG, "c")
    assert called(trunk, 1.05) == ["b"]


def test_a_second_leg_is_counted_and_not_asked() -> None:
    trunk = turns(None, 1, 1000, *"ab")
    assert called(trunk) == ["a"]
    trunk.add()
    trunk.done()
    assert (called(trunk), trunk.in_progress) == ([], 1), "one is still there"
    trunk.done()
    assert called(trunk) == ["b"]


def test_who_is_over_was_there() -> None:
    with pytest.raises(ValueError, match="more calls are over"):
        turns().done()


def test_who_leaves_is_not_called_and_holds_up_nobody() -> None:
    trunk = turns(1, None, 1000, "a")
    first, second, third = (trunk.join("a", LONG, who) for who in ("a1", "b1", "c1"))
    assert called(trunk) == ["a"]
    trunk.leave(first)
    trunk.leave(first)
    assert (called(trunk, 1), trunk.waiting) == (["b1"], 1)
    for ticket in (second, third):
        trunk.leave(ticket)
    assert (trunk.waiting, trunk.deadline, trunk.in_progress) == (0, None, 2)


def test_whose_time_is_over_is_passed_by() -> None:
    trunk = turns(1, None, 1000, "a1")
    for who, until in (("a2", 0.5), ("a3", 1.0), ("b1", 0.9), ("a4", 1.1)):
        trunk.join(who[0], until, who)
    assert called(trunk, 0) == ["a1"]
    assert (called(trunk, 1), trunk.waiting, trunk.deadline) == (["a4"], 0, None)


def test_one_account_does_not_fill_the_line() -> None:
    trunk = turns(None, 1, 12)
    room = {account: places(trunk, account) for account in ("flood", "tide", "shop", "bank")}
    assert room == {"flood": 6, "tide": 4, "shop": 2, "bank": 0}
    assert called(trunk) == ["flood"]
    assert (places(trunk, "flood"), places(trunk, "bank")) == (0, 1), "what comes free is not for who has the most"


def places(trunk: Turns[str], account: str) -> int:
    """Fill the line with calls of an account; return how many there was room for."""
    for count in itertools.count():
        try:
            trunk.join(account, LONG, account)
        except LineFull:
            return count
    raise AssertionError


def test_the_shortest_line_has_a_place() -> None:
    assert places(turns(None, None, 1), "a") == 1


# --- any order, any delay ---------------------------------------------------------------------------------------------


@dataclass
class Trace:
    """A trunk on a clock of its own: calls come, each lasts so long, and every look at the clock is late."""

    trunk: Turns[str]
    lateness: list[float]
    lasting: float
    started: list[float] = field(default_factory=list)

    def run(self, arrivals: list[float]) -> None:
        """Let all of them come, be called and be over."""
        events = [(at, 0) for at in arrivals]
        heapq.heapify(events)
        late, now = itertools.cycle(self.lateness), 0.0
        while events:
            at, kind = heapq.heappop(events)
            now = max(now, at + (next(late) if kind == 1 else 0.0))
            if kind == 0:
                self.trunk.join("a", LONG, "a")
            elif kind == 2:
                self.trunk.done()
            for _ in called(self.trunk, now):
                self.started.append(now)
                heapq.heappush(events, (now + self.lasting, 2))
            if self.trunk.deadline is not None:
                heapq.heappush(events, (self.trunk.deadline, 1))


RATES = st.floats(0.1, 1000)
DELAYS = st.lists(st.floats(0, 1), min_size=1, max_size=10)
ARRIVALS = st.lists(st.floats(0, 20), min_size=1, max_size=40)


@given(RATES, st.none() | st.integers(1, 5), st.floats(0, 3), DELAYS, ARRIVALS)
def test_in_no_span_are_there_more_turns_than_there_may_be(
    rate: float, max_calls: int | None, lasting: float, delays: list[float], arrivals: list[float]
) -> None:
    trace = Trace(turns(rate, max_calls), delays, lasting)
    trace.run(arrivals)
    assert len(trace.started) == len(arrivals), "nobody is forgotten"
    for (i, first), (j, last) in itertools.combinations(enumerate(trace.started), 2):
        assert j - i + 1 <= 1 + rate * (last - first + LATE) + ROUNDING


@given(RATES, ARRIVALS)
def test_on_time_there_is_one_turn_at_a_time(rate: float, arrivals: list[float]) -> None:
    trace = Trace(turns(rate), [0.0], 1.0)
    trace.run(arrivals)
    assert all(later - sooner >= 1 / rate - ROUNDING for sooner, later in itertools.pairwise(trace.started))


@given(RATES, st.lists(st.floats(0, LATE), min_size=1, max_size=10), st.integers(1, 60))
def test_a_busy_machine_costs_no_calls(rate: float, delays: list[float], count: int) -> None:
    trace = Trace(turns(rate), delays, 1.0)
    trace.run([0.0] * count)
    assert trace.started[-1] <= (count - 1) / rate + LATE + ROUNDING


class AnyTrunk(RuleBasedStateMachine):
    """Calls come, leave, are called and are over, in any order. Whoever can be called has been, or will be in time."""

    @initialize(rate=st.none() | RATES, max_calls=st.none() | st.integers(1, 3), longest=st.integers(1, 12))
    def begin(self, rate: float | None, max_calls: int | None, longest: int) -> None:
        self.rate, self.max_calls, self.longest = rate, max_calls, longest
        self.trunk: Turns[int] = Turns(calls_per_second=rate, max_calls=max_calls, longest=longest)
        self.now, self.count, self.out, self.starts = 0.0, 0, 0, [-LONG]
        self.line: list[Ticket[int]] = []

    def call(self) -> None:
        while (who := self.trunk.call(self.now)) is not None:
            (ticket,) = [ticket for ticket in self.line if ticket.who == who]
            before = self.line[: self.line.index(ticket)]
            assert ticket.until > self.now
            assert not [other for other in before if other.account == ticket.account and other.until > self.now]
            self.line.remove(ticket)
            self.out += 1
            self.starts.append(self.now)
        # Those that it has passed by.
        if self.line and (self.max_calls is None or self.out < self.max_calls):
            assert self.trunk.deadline is not None or all(ticket.until <= self.now for ticket in self.line)

    @rule(account=st.sampled_from("abc"), patience=st.floats(0.001, 5))
    def join(self, account: str, patience: float) -> None:
        free, self.count = self.trunk.free(self.now), self.count + 1
        try:
            ticket = self.trunk.join(account, self.now + patience, self.count)
        except LineFull:
            assert self.trunk.waiting
            return
        self.line.append(ticket)
        self.call()
        assert not free or ticket not in self.line

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.line:
            ticket = data.draw(st.sampled_from(self.line))
            self.line.remove(ticket)
            self.trunk.leave(ticket)
            self.call()

    @precondition(lambda self: self.out)
    @rule()
    def done(self) -> None:
        self.out -= 1
        self.trunk.done()
        self.call()

    @rule()
    def second(self) -> None:
        self.out += 1
        self.trunk.add()

    @rule(seconds=st.floats(0, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.call()

    @rule()
    def wait_for_the_deadline(self) -> None:
        if self.trunk.deadline is not None:
            self.now = max(self.now, self.trunk.deadline)
            self.call()

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if not hasattr(self, "trunk"):
            return
        assert self.trunk.in_progress == self.out
        assert self.trunk.waiting <= min(len(self.line), self.longest)
        deadline = self.trunk.deadline
        if deadline is not None:
            assert self.trunk.waiting
            assert self.rate is not None
            assert self.now < deadline <= self.starts[-1] + 1 / self.rate + ROUNDING


TestAnyTrunk = AnyTrunk.TestCase


# --- waiting for it ---------------------------------------------------------------------------------------------------


def timers() -> int:
    """Return how many timers of the loop will still fire."""
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    return sum(not timer.cancelled() for timer in scheduled)


def time() -> float:
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Let everybody do what they can do now."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_calls_wait_for_their_turn() -> None:
    async def story() -> list[tuple[str, float]]:
        pace, began, order = Pace(calls_per_second=2, max_calls=None), time(), []

        async def call(account: str, name: str) -> None:
            with await pace.turn(account):
                order.append((name, time() - began))

        assert pace.free()
        await asyncio.gather(*(call(name[0], name) for name in ("a1", "a2", "a3", "b1")))
        assert (pace.waiting, pace.in_progress, timers()) == (0, 0, 0)
        return order

    order = in_no_time(story())
    assert [name for name, _ in order] == ["a1", "a2", "b1", "a3"]
    assert [at for _, at in order] == pytest.approx([0, 0.5, 1, 1.5])


def test_a_place_that_is_given_back_is_the_next_one_s() -> None:
    async def story() -> None:
        pace = Pace(max_calls=1)
        first = await pace.turn("a")
        second = asyncio.create_task(pace.turn("a"))
        await settle()
        assert (pace.waiting, pace.in_progress, pace.free()) == (1, 1, False)
        pace.release(first)
        pace.release(first)
        with await second as slot:
            assert slot is not first
            assert (pace.waiting, pace.in_progress) == (0, 1)
        assert (pace.in_progress, pace.free(), timers()) == (0, True, 0)

    in_no_time(story())


@pytest.mark.parametrize(
    ("queue_seconds", "within", "after", "because"),
    [
        (30, None, 30, NoTurn),
        (30, 5, 5, Expired),
        (30, 30, 30, Expired),
        (30, 600, 30, NoTurn),
        (0, None, 0, NoTurn),
        (0, 5, 0, NoTurn),
    ],
)
def test_what_is_not_worth_it_any_more_leaves_and_says_whose_time_is_over(
    queue_seconds: float, within: float | None, after: float, because: type[Expired]
) -> None:
    async def story() -> None:
        pace = Pace(max_calls=1, queue_seconds=queue_seconds)
        slot, began = await pace.turn("a"), time()
        with pytest.raises(Expired) as over:
            await pace.turn("a", within)
        assert over.type is because
        assert time() - began == pytest.approx(after)
        assert (pace.waiting, timers()) == (0, 0)
        pace.release(slot)
        assert (pace.in_progress, pace.free()) == (0, True)

    in_no_time(story())


@pytest.mark.parametrize("within", [0, -1])
def test_what_is_stale_already_gets_no_turn_though_there_is_one(within: float) -> None:
    async def story() -> None:
        pace = Pace()
        with pytest.raises(Expired):
            await pace.turn("a", within)
        assert pace.in_progress == 0

    in_no_time(story())


def test_where_nobody_may_wait_a_free_trunk_is_taken_all_the_same() -> None:
    async def story() -> None:
        pace = Pace(calls_per_second=1, queue_seconds=0)
        (await pace.turn("a")).released = True
        with pytest.raises(Expired):
            await pace.turn("a")
        await asyncio.sleep(1.5)
        await pace.turn("a")

    in_no_time(story())


def test_too_many_do_not_wait() -> None:
    async def story() -> None:
        pace, order = Pace(max_calls=1, longest_queue=4), []

        async def call(name: str) -> None:
            with await pace.turn(name[0]):
                order.append(name)

        async with asyncio.TaskGroup() as calls:
            with await pace.turn("a"):
                for name in ("a1", "a2", "b1", "c1"):
                    calls.create_task(call(name))
                await settle()
                assert pace.waiting == 4
                with pytest.raises(QueueFull):
                    await pace.turn("d")
        assert order == ["a1", "b1", "c1", "a2"]
        assert (pace.waiting, pace.in_progress, timers()) == (0, 0, 0)

    in_no_time(story())


def test_a_second_leg_waits_for_nobody_and_others_wait_for_it() -> None:
    async def story() -> None:
        pace = Pace(max_calls=1, queue_seconds=1)
        first = await pace.turn("a")
        with pace.second():
            assert pace.in_progress == 2
            pace.release(first)
            with pytest.raises(Expired):
                await pace.turn("a")
        await pace.turn("a")

    in_no_time(story())


@pytest.mark.parametrize("steps", range(6))
@pytest.mark.parametrize("released", [False, True])
def test_who_is_cancelled_holds_nothing(steps: int, *, released: bool) -> None:
    """At whatever moment, that of the turn itself among them."""

    async def story() -> None:
        pace = Pace(max_calls=1, calls_per_second=1000)
        slot = await pace.turn("a")
        canceled, next_one = (asyncio.create_task(pace.turn("a")) for _ in range(2))
        await asyncio.sleep(1)
        if released:
            pace.release(slot)
        for _ in range(steps):
            await asyncio.sleep(0)
        canceled.cancel()
        await asyncio.wait({canceled})
        if not canceled.cancelled():
            pace.release(canceled.result())
        pace.release(slot)
        pace.release(await next_one)
        assert (pace.waiting, pace.in_progress, timers()) == (0, 0, 0)

    in_no_time(story())


STEPS = st.one_of(
    st.tuples(st.just("come"), st.sampled_from("abc"), st.none() | st.floats(0, 2)),
    st.tuples(st.just("cancel"), st.integers(0, 20), st.none()),
    st.tuples(st.just("release"), st.integers(0, 20), st.none()),
    st.tuples(st.just("second"), st.none(), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([0, 0.001, 0.1, 1, 2]), st.none()),
)


@given(
    st.none() | st.sampled_from([0.5, 3, 1000]),
    st.none() | st.integers(1, 3),
    st.sampled_from([0, 1, 30]),
    st.lists(STEPS, max_size=40),
)
def test_whatever_happens_nobody_is_forgotten_and_nothing_is_left(
    rate: float | None, max_calls: int | None, queue_seconds: float, steps: list[tuple[str, object, float | None]]
) -> None:
    async def story() -> None:
        pace = Pace(calls_per_second=rate, max_calls=max_calls, queue_seconds=queue_seconds, longest_queue=8)
        tasks: list[asyncio.Task[Slot]] = []
        slots: list[Slot] = []
        for what, which, within in steps:
            match what, which:
                case "come", str():
                    tasks.append(asyncio.create_task(pace.turn(which, within)))
                case "cancel", int() if which < len(tasks):
                    tasks[which].cancel()
                case "release", int() if slots:
                    pace.release(slots[which % len(slots)])
                case "second", _:
                    slots.append(pace.second())
                case "wait", float() | int():
                    await asyncio.sleep(which)
            slots += [task.result() for task in tasks if got(task) and task.result() not in slots]
            assert pace.in_progress >= sum(not slot.released for slot in slots)
        # Whoever can't be called yet is called now, or goes; the loop says so where neither would happen.
        while any(not task.done() for task in tasks):
            for slot in slots:
                pace.release(slot)
            await asyncio.wait(tasks, timeout=1)
            slots += [task.result() for task in tasks if got(task) and task.result() not in slots]
        for slot in slots:
            pace.release(slot)
        assert all(task.cancelled() or isinstance(task.exception(), Expired | QueueFull | None) for task in tasks)
        assert (pace.waiting, pace.in_progress, timers()) == (0, 0, 0)

    in_no_time(story())


def got(task: asyncio.Task[Slot]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def test_the_loop_that_serves_keeps_the_pace_too() -> None:
    """Its timers and its clock know milliseconds only."""

    async def story() -> list[float]:
        pace, at = Pace(calls_per_second=400), []

        async def call() -> None:
            with await pace.turn("a"):
                at.append(time())

        async with asyncio.timeout(30):
            await asyncio.gather(*(call() for _ in range(20)))
        assert pace.in_progress == pace.waiting == 0
        return at

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        at = runner.run(story())
    grain = 0.002
    for (i, first), (j, last) in itertools.combinations(enumerate(at), 2):
        assert j - i <= 400 * (last - first + LATE + grain)
