"""What a life leaves to the next one, and that nobody writes a call that is another's: in both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.adapters.store import Change, DestinationBusy, Erased, Estate, Inherited, Limited, Owner, Taken, Terms
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from tests.adapters.store_shelves import ACCOUNT, HOOK, TTL, RedisShelf, Shelf, change, record

FIRST, SECOND, THIRD = (Owner("here", life) for life in ("first", "second", "third"))
ELSEWHERE = Owner("elsewhere", "first")
OVER_WITHIN, PLAN_SECONDS = 600.0, 120.0
ESTATE = Estate(b'{"url": "https://hooks.example/otp"}', OVER_WITHIN, b"\x00\xffsealed", PLAN_SECONDS)


def left(state: str = "queued", call_id: str = "call_1", *numbers: int, **more: Any) -> Change:
    """Return a change that leaves everything to the next life."""
    return replace(change(state, call_id, *numbers, **more), estate=ESTATE)


async def told(shelf: Shelf, call_id: str = "call_1") -> list[str]:
    return [event.id for event in await shelf.store.after(ACCOUNT, None, call_id=call_id)]


# --- what is left, and to whom --------------------------------------------------------------------------------------


async def test_a_call_that_was_accepted_is_left_to_the_next_life_of_the_instance(shelf: Shelf) -> None:
    assert await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms()) == Taken()
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == ["call_1"]
    inherited = await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    assert inherited == Inherited(record("queued"), 1, ESTATE.telling, ESTATE.plan)
    assert await shelf.store.get(ACCOUNT, "call_1") == record("queued")
    assert await told(shelf) == ["evt_call_1_1"]


@pytest.mark.parametrize("write", ["save", "accept"])
async def test_whoever_writes_a_call_first_leaves_it(shelf: Shelf, write: str) -> None:
    """Calls of a dialplan are never accepted."""
    changes = left("waiting", "call_1", 1)
    await (shelf.of(FIRST).save(changes) if write == "save" else shelf.of(FIRST).accept(changes, Terms()))
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") == Inherited(
        record("waiting"), 1, ESTATE.telling, ESTATE.plan
    )


async def test_nobody_is_heir_to_what_he_has_himself(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left(), Terms())
    await shelf.grow_older(OVER_WITHIN + 1)
    assert await shelf.of(FIRST).left_behind(ACCOUNT, ours=True) == []
    assert await shelf.of(FIRST).adopt(ACCOUNT, "call_1") is None
    assert await shelf.of(FIRST).save(change("dialing")) is True


async def test_another_instance_leaves_nothing_as_long_as_its_calls_may_go_on(shelf: Shelf) -> None:
    await shelf.of(ELSEWHERE).accept(left(), Terms())
    await shelf.grow_older(OVER_WITHIN - 60)
    for ours in (True, False):
        assert await shelf.of(FIRST).left_behind(ACCOUNT, ours=ours) == []
    assert await shelf.of(FIRST).adopt(ACCOUNT, "call_1") is None
    assert await shelf.of(ELSEWHERE).save(change("dialing")) is True


@pytest.mark.parametrize("former", [ELSEWHERE, FIRST], ids=["another instance", "a former life"])
async def test_a_call_that_is_overdue_is_left_to_anybody(shelf: Shelf, former: Owner) -> None:
    await shelf.of(former).accept(left("queued", "call_1", 1), Terms())
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=False) == []
    await shelf.grow_older(OVER_WITHIN + 1)
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=False) == ["call_1"]
    # The time of its plan is over.
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") == Inherited(record("queued"), 1, ESTATE.telling, None)


async def test_later_writes_do_not_put_off_when_a_call_is_overdue(shelf: Shelf) -> None:
    await shelf.of(ELSEWHERE).accept(left(), Terms())
    await shelf.grow_older(OVER_WITHIN - 60)
    await shelf.of(ELSEWHERE).save(change("answered"))
    await shelf.grow_older(61)
    assert await shelf.of(FIRST).left_behind(ACCOUNT, ours=False) == ["call_1"]


async def test_who_has_taken_a_call_over_and_begins_it_anew_has_as_long_for_it_as_for_any(shelf: Shelf) -> None:
    """Its time, its place among those in progress and its destination's lock count from now."""
    terms = Terms("+442079460123", lock_seconds=OVER_WITHIN)
    await shelf.of(FIRST).accept(replace(left(), counts_within=OVER_WITHIN), terms)
    await shelf.grow_older(OVER_WITHIN - 60)
    heir = shelf.of(SECOND)
    assert await heir.adopt(ACCOUNT, "call_1") is not None
    assert await heir.save(replace(left(), counts_within=OVER_WITHIN)) is True
    await shelf.grow_older(OVER_WITHIN - 60)
    assert await shelf.of(ELSEWHERE).left_behind(ACCOUNT, ours=False) == []
    one_at_most = Terms(most_in_progress=1)
    assert await heir.accept(left(call_id="call_2"), one_at_most) == Limited("calls_in_progress", 1.0)
    assert await heir.accept(left(call_id="call_2"), terms) == DestinationBusy("call_1")
    await shelf.grow_older(61)
    assert await shelf.of(ELSEWHERE).left_behind(ACCOUNT, ours=False) == ["call_1"]
    assert await heir.accept(left(call_id="call_2"), terms) == Taken()


async def test_a_lock_that_somebody_else_has_by_then_is_theirs(shelf: Shelf) -> None:
    terms = Terms("+442079460123", lock_seconds=10)
    await shelf.of(FIRST).accept(left(), terms)
    await shelf.grow_older(11)
    await shelf.of(FIRST).accept(left(call_id="call_2"), Terms("+442079460123", lock_seconds=1000))
    heir = shelf.of(SECOND)
    await heir.adopt(ACCOUNT, "call_1")
    assert await heir.save(left()) is True
    assert await heir.accept(left(call_id="call_3"), terms) == DestinationBusy("call_2")


async def test_a_call_of_which_nothing_was_said_is_never_overdue_and_goes_to_the_next_life(shelf: Shelf) -> None:
    await shelf.of(ELSEWHERE).save(change("answered", "theirs", 1))
    await shelf.of(FIRST).save(change("answered", "ours", 1, 2))
    await shelf.grow_older(TTL - 60)
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=False) == []
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == ["ours"]
    assert await shelf.of(SECOND).adopt(ACCOUNT, "theirs") is None
    assert await shelf.of(SECOND).adopt(ACCOUNT, "ours") == Inherited(record("answered", "ours"), 2, None, None)


@pytest.mark.parametrize("counts", [0.0, 5.0, None], ids=["a test key's", "for some seconds", "as long as can be"])
async def test_a_call_is_left_behind_whether_it_counts_or_not(shelf: Shelf, counts: float | None) -> None:
    await shelf.of(FIRST).accept(replace(left(), counts_within=counts), Terms())
    await shelf.grow_older(60)
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == ["call_1"]


async def test_the_number_of_the_last_event_is_the_greatest_one(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms())
    await shelf.of(FIRST).save(change("ringing", "call_1", 9, 10))
    await shelf.of(FIRST).save(change("dialing", "call_1", 2))  # late, and told in any case
    inherited = await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    assert inherited is not None
    assert (inherited.events, inherited.record["state"]) == (10, "ringing")
    assert await shelf.of(SECOND).finish(change("ended", "call_1", 11)) is True
    assert [event.rpartition("_")[2] for event in await told(shelf)] == ["1", "9", "10", "2", "11"]


async def test_accounts_are_apart(shelf: Shelf) -> None:
    for account in ("one", "two"):
        await shelf.of(FIRST).accept(left(account=account), Terms())
    assert await shelf.of(SECOND).adopt("one", "call_1") is not None
    assert [await shelf.of(SECOND).left_behind(account, ours=True) for account in ("one", "two")] == [[], ["call_1"]]
    assert [await shelf.of(FIRST).save(change("dialing", account=account)) for account in ("one", "two")] == [
        False,
        True,
    ]


@pytest.mark.parametrize("account", ["", "nobody", "default}:call", "\ud800", "x" * 1000])
async def test_where_nothing_is_nothing_is_left(shelf: Shelf, account: str) -> None:
    await shelf.of(FIRST).accept(left(), Terms())
    assert list(await shelf.of(SECOND).left_behind(account, ours=True)) == []
    for call_id in ("call_1", "", "call 1", "\ud800", "x" * 1000):
        assert await shelf.of(SECOND).adopt(account, call_id) is None


# --- taken over -----------------------------------------------------------------------------------------------------


async def test_whose_call_was_taken_over_writes_nothing_any_more(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms(destination="+4477", lock_seconds=600))
    await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    assert await shelf.of(FIRST).save(change("dialing", "call_1", 2, to=HOOK)) is False
    assert await shelf.of(FIRST).finish(change("ended", "call_1", 2, to=HOOK)) is False
    assert await shelf.store.get(ACCOUNT, "call_1") == record("queued")
    assert await told(shelf) == ["evt_call_1_1"]
    assert await shelf.summaries(ACCOUNT) == []
    assert await shelf.store.due(ACCOUNT) == ([], None)
    assert await shelf.plan(ACCOUNT, "call_1") == ESTATE.plan
    # And he who has it does.
    assert await shelf.of(SECOND).save(change("dialing", "call_1", 2, to=HOOK)) is True
    assert await shelf.of(SECOND).finish(change("ended", "call_1", 3, to=HOOK)) is True
    assert await told(shelf) == ["evt_call_1_1", "evt_call_1_2", "evt_call_1_3"]


async def test_who_has_taken_a_call_over_may_ask_again_and_others_find_nothing(shelf: Shelf) -> None:
    await shelf.of(ELSEWHERE).accept(left("queued", "call_1", 1), Terms())
    await shelf.grow_older(OVER_WITHIN + 1)
    inherited = await shelf.of(FIRST).adopt(ACCOUNT, "call_1")
    assert inherited is not None
    assert await shelf.of(FIRST).adopt(ACCOUNT, "call_1") == inherited
    assert await shelf.of(FIRST).left_behind(ACCOUNT, ours=True) == []
    for other in (ELSEWHERE, Owner("third", "1")):
        assert await shelf.of(other).left_behind(ACCOUNT, ours=True) == []
        assert await shelf.of(other).adopt(ACCOUNT, "call_1") is None


async def test_when_the_heir_dies_his_next_life_inherits_the_same(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms())
    inherited = await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    assert await shelf.of(THIRD).left_behind(ACCOUNT, ours=True) == ["call_1"]
    assert await shelf.of(THIRD).adopt(ACCOUNT, "call_1") == inherited
    for former in (FIRST, SECOND):
        assert await shelf.of(former).save(change("dialing")) is False
    assert await shelf.of(THIRD).save(change("dialing")) is True


async def test_when_the_heir_of_an_overdue_call_dies_others_have_it_a_minute_later(shelf: Shelf) -> None:
    await shelf.of(ELSEWHERE).accept(left(), Terms())
    await shelf.grow_older(OVER_WITHIN + 1)
    assert await shelf.of(FIRST).adopt(ACCOUNT, "call_1") is not None
    await shelf.grow_older(61)
    assert await shelf.of(Owner("third", "1")).left_behind(ACCOUNT, ours=False) == ["call_1"]
    assert await shelf.of(Owner("third", "1")).adopt(ACCOUNT, "call_1") is not None
    assert await shelf.of(FIRST).finish(change("ended")) is False


async def test_whoever_takes_a_call_over_has_all_the_time_that_was_left(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left(), Terms())
    await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    await shelf.grow_older(OVER_WITHIN - 60)
    assert await shelf.of(ELSEWHERE).left_behind(ACCOUNT, ours=True) == []
    await shelf.grow_older(61)
    assert await shelf.of(ELSEWHERE).left_behind(ACCOUNT, ours=True) == ["call_1"]


async def test_a_call_that_was_over_when_it_was_written_is_nobody_elses_either(shelf: Shelf) -> None:
    assert await shelf.of(FIRST).finish(left("ended", "call_1", 1)) is True
    assert await shelf.of(SECOND).save(change("answered", "call_1", 2)) is False
    assert await told(shelf) == ["evt_call_1_1"]


async def test_what_has_ended_meanwhile_is_not_taken_over(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left(), Terms())
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == ["call_1"]
    assert await shelf.of(FIRST).finish(change("ended")) is True
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") is None
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == []


async def test_what_was_erased_is_not_taken_over_and_not_written(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms())
    await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    await shelf.of(SECOND).finish(change("ended", "call_1", 2))
    assert await shelf.store.erase(ACCOUNT, "call_1") is Erased.DONE
    assert await shelf.of(THIRD).left_behind(ACCOUNT, ours=True) == []
    assert await shelf.of(THIRD).adopt(ACCOUNT, "call_1") is None
    # The one who was frozen all the time must not dial.
    assert await shelf.of(FIRST).save(change("dialing", "call_1", 3)) is False
    assert await told(shelf) == []


async def test_what_has_lapsed_is_not_left_behind(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left(), Terms())
    await shelf.grow_older(TTL + 1)
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == []
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") is None


async def test_a_call_that_was_accepted_and_taken_over_is_taken_when_that_is_repeated(shelf: Shelf) -> None:
    """By one who never heard, and was frozen: he believes it is his, and may not dial."""
    await shelf.store.claim(ACCOUNT, "call_1", "f1", "t1")
    await shelf.of(FIRST).accept(left(), Terms(token="t1"))
    await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    assert await shelf.of(FIRST).accept(left(), Terms(token="t1")) == Taken()
    assert await shelf.of(FIRST).save(change("dialing")) is False


# --- the plan -------------------------------------------------------------------------------------------------------


async def adopted_and_dialled(shelf: Shelf) -> None:
    await shelf.of(SECOND).adopt(ACCOUNT, "call_1")
    await shelf.of(SECOND).save(change("dialing"))


Write = Callable[[Shelf], Awaitable[Any]]
FORGETTING: dict[str, Write] = {
    "dialled": lambda shelf: shelf.of(FIRST).save(change("dialing")),
    "waits on": lambda shelf: shelf.of(FIRST).save(change("queued", "call_1", 2)),
    "ended": lambda shelf: shelf.of(FIRST).finish(change("ended")),
    "its time is over": lambda shelf: shelf.grow_older(PLAN_SECONDS + 1),
    "its heir dials": adopted_and_dialled,
}


@pytest.mark.parametrize("what", FORGETTING)
async def test_the_plan_is_forgotten_when(shelf: Shelf, what: str) -> None:
    await shelf.of(FIRST).accept(left("queued", "call_1", 1), Terms())
    assert await shelf.plan(ACCOUNT, "call_1") == ESTATE.plan
    await FORGETTING[what](shelf)
    assert await shelf.plan(ACCOUNT, "call_1") is None
    inherited = await shelf.of(THIRD).adopt(ACCOUNT, "call_1")
    assert (inherited is None) == (what == "ended")
    assert inherited is None or (inherited.plan, inherited.telling) == (None, ESTATE.telling)


@pytest.mark.parametrize("state", ["waiting", "queued"])
async def test_a_plan_outlives_a_repeat_of_the_write_that_brought_it(shelf: Shelf, state: str) -> None:
    for _ in range(2):
        assert await shelf.of(FIRST).save(left(state, "call_1", 1)) is True
        assert await shelf.plan(ACCOUNT, "call_1") == ESTATE.plan


@pytest.mark.parametrize("token", [None, "t1"])
async def test_a_repeated_acceptance_seals_nothing_anew(shelf: Shelf, token: str | None) -> None:
    if token is not None:
        await shelf.store.claim(ACCOUNT, "call_1", "f1", token)
    for plan in (ESTATE.plan, b"sealed once more"):
        again = replace(left(), estate=replace(ESTATE, plan=plan))
        assert await shelf.of(FIRST).accept(again, Terms(token=token)) == Taken()
    assert await shelf.plan(ACCOUNT, "call_1") == ESTATE.plan
    await shelf.of(FIRST).save(change("dialing"))
    assert await shelf.of(FIRST).accept(left(), Terms(token=token)) == Taken()
    assert await shelf.plan(ACCOUNT, "call_1") is None


@pytest.mark.parametrize("state", ["dialing", "ringing", "answered"])
async def test_no_plan_is_kept_of_a_call_that_somebody_was_dialled_for(shelf: Shelf, state: str) -> None:
    await shelf.of(FIRST).save(left(state))
    assert await shelf.plan(ACCOUNT, "call_1") is None


async def test_no_plan_is_kept_of_a_call_that_was_over_when_it_was_written(shelf: Shelf) -> None:
    await shelf.of(FIRST).finish(left("ended"))
    assert await shelf.plan(ACCOUNT, "call_1") is None


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.0001])
async def test_a_plan_of_no_use_is_not_kept(shelf: Shelf, seconds: float) -> None:
    await shelf.of(FIRST).accept(replace(left(), estate=replace(ESTATE, plan_seconds=seconds)), Terms())
    assert await shelf.plan(ACCOUNT, "call_1") is None
    assert await shelf.of(SECOND).adopt(ACCOUNT, "call_1") == Inherited(record("queued"), 0, ESTATE.telling, None)


async def test_a_call_that_is_refused_leaves_nothing(shelf: Shelf) -> None:
    await shelf.of(FIRST).accept(left(call_id="call_0"), Terms(destination="+4477", lock_seconds=600))
    assert await shelf.of(FIRST).accept(left(), Terms(destination="+4477", lock_seconds=600)) != Taken()
    assert await shelf.plan(ACCOUNT, "call_1") is None
    assert await shelf.of(SECOND).left_behind(ACCOUNT, ours=True) == ["call_0"]


async def test_nothing_of_what_is_left_shows_where_it_is_printed() -> None:
    shown = repr((left(), Inherited(record("queued"), 1, b"t0ken", b"s3cret")))
    assert not any(word in shown for word in ("sealed", "hooks.example", "t0ken", "s3cret"))


# --- many -----------------------------------------------------------------------------------------------------------


async def test_of_two_instances_at_once_each_overdue_call_goes_to_exactly_one(shelf: Shelf) -> None:
    ids = [f"call_{n}" for n in range(100)]
    await asyncio.gather(*(shelf.of(ELSEWHERE).accept(left("queued", call_id, 1), Terms()) for call_id in ids))
    await shelf.grow_older(OVER_WITHIN + 1)
    heirs = [shelf.of(Owner(name, "1")) for name in ("one", "two")]
    taken = await asyncio.gather(*(heir.adopt(ACCOUNT, call_id) for call_id in ids for heir in heirs))
    each = [[it is not None for it in taken[at : at + 2]] for at in range(0, 200, 2)]
    assert [sum(pair) for pair in each] == [1] * 100
    wrote = await asyncio.gather(*(heir.finish(change("ended", call_id, 2)) for call_id in ids for heir in heirs))
    assert [wrote[at : at + 2] for at in range(0, 200, 2)] == each
    assert len(await shelf.summaries(ACCOUNT)) == 100


async def test_of_two_lives_at_once_exactly_one_may_dial(shelf: Shelf) -> None:
    """Both have found the calls of the first one: the later of the two has each, and the other is refused."""
    ids = [f"call_{n}" for n in range(100)]
    await asyncio.gather(*(shelf.of(FIRST).accept(left("queued", call_id, 1), Terms()) for call_id in ids))
    await asyncio.gather(*(shelf.of(heir).adopt(ACCOUNT, call_id) for call_id in ids for heir in (SECOND, THIRD)))
    dialled = await asyncio.gather(
        *(shelf.of(heir).save(change("dialing", call_id, 2)) for call_id in ids for heir in (FIRST, SECOND, THIRD))
    )
    assert [sum(dialled[at : at + 3]) for at in range(0, 300, 3)] == [1] * 100
    assert not any(dialled[::3])


async def test_a_thousand_calls_are_found_in_the_order_in_which_they_are_over(shelf: Shelf) -> None:
    ids = [f"call_{n:04}" for n in range(1000)]
    for first in range(0, 1000, 100):
        some = ids[first : first + 100]
        await asyncio.gather(*(shelf.of(FIRST).save(left("dialing", call_id)) for call_id in some))
    await shelf.of(SECOND).save(left("dialing", "not_left"))
    if isinstance(shelf, RedisShelf):
        await shelf.redis.config_resetstat()
    assert sorted(await shelf.of(SECOND).left_behind(ACCOUNT, ours=True)) == ids
    if isinstance(shelf, RedisShelf):
        # No script looks at so many that the server is held up.
        statistics = await shelf.redis.info("commandstats")
        assert statistics["cmdstat_evalsha"]["calls"] >= 5
        assert statistics["cmdstat_hmget"]["calls"] == 1001


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner",
    [Owner("", "1"), Owner("a b", "1"), Owner("a", ""), Owner("a", "b c"), Owner("a", "x" * 129), Owner("{a", "b")],
)
def test_an_owner_who_can_not_be_written_down_is_refused(owner: Owner) -> None:
    for make in (MemoryStore, lambda **named: RedisStore("redis://localhost", **named)):
        with pytest.raises(ValueError, match="owner"):
            make(ttl=TTL, owner=owner)
    with pytest.raises(ValueError, match="owner"):
        MemoryStore(ttl=TTL).as_owner(owner)


async def test_an_owner_is_not_taken_for_an_event(shelf: Shelf) -> None:
    """Whose name is that of an entry in the stream."""
    await shelf.store.save(change("queued", "other", 1))
    odd = Owner(str(await shelf.store.position(ACCOUNT, "evt_other_1")), "evt_other_1")
    await shelf.of(odd).accept(left("queued", "call_1", 1), Terms())
    assert await told(shelf) == ["evt_call_1_1"]
    await shelf.of(odd).finish(change("ended", "call_1", 2))
    assert await shelf.store.erase(ACCOUNT, "call_1") is Erased.DONE
    assert await told(shelf, "other") == ["evt_other_1"]
    assert await told(shelf) == []
