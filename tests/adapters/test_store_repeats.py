"""Every operation that is executed and whose answer is lost: redis-py sends it again, and nothing happens twice."""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from otpvoice.adapters.store import (
    Delivery,
    DestinationBusy,
    Erased,
    Estate,
    Limit,
    Limited,
    Owner,
    Registration,
    StoreUnavailable,
    Taken,
    Terms,
    keys,
)
from otpvoice.adapters.store import (
    redis as store_in_redis,
)
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.redis.scripts import SCRIPTS
from otpvoice.core.idempotency import Claimed, KeyAnswered
from otpvoice.testkit.redis import RedisInstance
from tests.adapters.store_shelves import HOOK, TTL, change, message, record
from tests.fakes.proxy import FaultProxy

Act: TypeAlias = Callable[[RedisStore, str], Awaitable[Any]]
TO = "+447700900123"
OTHER_HOOK = "https://other.example/in?token=t0ken"
FOR_EVER = (b":calls", b":live", b":events", b":summaries", b":due", b":dead", b":disabled", b":hooks")
OWNER, FORMER = Owner("here", "now"), Owner("here", "before")
ESTATE = Estate(b"{}", 600, b"sealed", 300)
TERMS = Terms(destination=TO, lock_seconds=60, limits=(Limit("rate", "all", 1, 60),), most_in_progress=1, token="t1")
REGISTRATION = Registration("VSS", OTHER_HOOK, "sealed=")
DELIVERY = Delivery("", "evt_call_1_1", "call.queued", HOOK, 0, 0.0, b"")


@dataclass(frozen=True)
class Case:
    """What is done before, what is done, and what it answers once and when it is repeated."""

    before: tuple[Act, ...]
    act: Act
    answer: Any
    repeated: Any


def act(name: str, *arguments: Any, **options: Any) -> Act:
    """Return an operation on an account, whose name may stand in a change or a delivery."""

    async def operation(store: RedisStore, account: str) -> Any:
        match name:
            case "accept" | "save" | "finish":
                state, numbers, *more = arguments
                written = change(state, "call_1", *numbers, to=HOOK, account=account)
                messages = tuple(message("call_1", number, number, OTHER_HOOK) for number in numbers)
                return await getattr(store, name)(replace(written, estate=ESTATE, messages=messages), *more)
            case "give_back":
                (delivery,) = arguments
                leases = {letter.id: letter.due_at for letter in await store.letters(account, dead=False)}
                taken = replace(delivery, account=account, leased_until=leases.get(delivery.id))
                return await store.give_back(taken)
            case "delivered" | "put_back" | "give_up":
                delivery, *more = arguments
                return await getattr(store, name)(replace(delivery, account=account), *more)
        answer = await getattr(store, name)(account, *arguments, **options)
        if name == "take":
            return [delivery.id for delivery in answer]
        if name == "adopt":
            return answer and (answer.record["state"], answer.events, answer.telling, answer.plan)
        return answer

    return operation


def by_a_former_life(act: Act) -> Act:
    """Return what another life of the same instance does."""

    async def operation(store: RedisStore, account: str) -> Any:
        former = copy.copy(store)
        former._owner = FORMER
        return await act(former, account)

    return operation


CLAIM = act("claim", "call_1", "f1", "t1")
POST = act("save", "queued", (1, 2))
TAKE = act("take", HOOK, most=5, lease=60)
GIVE_UP = act("give_up", DELIVERY, "gone")

CASES = {
    "accept": Case((CLAIM,), act("accept", "queued", (1, 2), TERMS), Taken(), Taken()),
    "save": Case((POST,), act("save", "answered", (2, 3)), True, True),
    "finish": Case((CLAIM, act("accept", "queued", (1,), TERMS)), act("finish", "ended", (2,)), True, False),
    "adopt": Case((by_a_former_life(POST),), act("adopt", "call_1"), *(("queued", 2, b"{}", b"sealed"),) * 2),
    "erase": Case((act("finish", "ended", (1, 2)),), act("erase", "call_1"), Erased.DONE, Erased.DONE),
    "claim": Case((), CLAIM, Claimed(), Claimed()),
    "release": Case((CLAIM,), act("release", "call_1", "t1"), None, None),
    "take": Case((POST,), TAKE, ["evt_call_1_1", "evt_call_1_2"], []),
    "delivered": Case((POST, TAKE), act("delivered", DELIVERY), None, None),
    "give_back": Case((POST, TAKE), act("give_back", DELIVERY), None, None),
    "put_back": Case((POST, TAKE), act("put_back", DELIVERY, 60, "status_500"), None, None),
    "give_up": Case((POST, TAKE), GIVE_UP, None, None),
    "disable": Case((POST,), act("disable", HOOK), None, None),
    "enable": Case((act("disable", HOOK),), act("enable", HOOK), True, False),
    "replay": Case((POST, GIVE_UP), act("replay", "evt_call_1_1"), True, True),
    "register": Case((), act("register", REGISTRATION), None, None),
    "unregister": Case((act("register", REGISTRATION),), act("unregister", "VSS"), REGISTRATION, None),
}
READS = {
    "left_behind": act("left_behind", ours=True),
    "told": act("after", None, call_id="call_1"),
    "due": act("due"),
    "letters": act("letters", dead=False),
    "depth": act("depth"),
    "registered": act("registered"),
}


@pytest.fixture
def port(redis_url: str) -> int:
    return urlsplit(redis_url).port or 0


@pytest.fixture
async def admin(redis_url: str) -> AsyncIterator[Any]:
    """A client of the server itself, past the proxy. The server is empty, and knows nothing of former tests."""
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
        await client.script_flush()
        await client.config_set("maxmemory", "0")
        yield client


@pytest.fixture
async def proxy(admin: Any, port: int) -> AsyncIterator[FaultProxy]:
    async with FaultProxy("127.0.0.1", port) as proxy:
        yield proxy


@pytest.fixture
async def store(proxy: FaultProxy) -> AsyncIterator[RedisStore]:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, owner=OWNER)
    yield store
    await store.close()


async def lying_there(admin: Any, account: str) -> dict[str, Any]:
    """Return all that lies in an account, but when it was written and the account's name."""
    found: dict[str, Any] = {}
    for key in await admin.keys(f"otpvoice:{{{account}}}:*"):
        match await admin.type(key):
            case b"string":
                value = await admin.get(key)
            case b"hash":
                value = sorted((await admin.hgetall(key)).items())
            case b"zset":
                # Members in the order of their names: two of one millisecond come in this one too.
                value = sorted(await admin.zrange(key, 0, -1))
            case b"stream":
                value = [fields for _, fields in await admin.xrange(key)]
            case kind:
                raise AssertionError(kind)
        if not value:
            continue  # a stream stays when its last entry goes
        found[key.decode().replace(account, "*")] = re.sub(r"\b\d{13}(-\d+)?\b", "T", repr(value)).replace(account, "*")
        assert key.endswith(FOR_EVER) or b":outbox:" in key or await admin.pttl(key) > 0, f"{key!r} is kept for ever"
    return found


def test_every_operation_is_in_the_table() -> None:
    assert set(SCRIPTS) == (set(CASES) | set(READS)) - {"enable", "registered"}


@pytest.mark.parametrize("name", CASES)
async def test_a_lost_answer_changes_nothing(store: RedisStore, proxy: FaultProxy, admin: Any, name: str) -> None:
    case = CASES[name]
    for account in ("once", "twice"):
        for before in case.before:
            await before(store, account)
        if account == "once":
            # And the server knows the script now: else what is cut is that it does not.
            assert await case.act(store, account) == case.answer
        else:
            cut = proxy.cut_reply()
            assert await case.act(store, account) == case.repeated
            assert cut.done()
    assert await lying_there(admin, "twice") == await lying_there(admin, "once")


@pytest.mark.parametrize("name", READS)
async def test_a_read_whose_answer_is_lost_is_asked_for_again(store: RedisStore, proxy: FaultProxy, name: str) -> None:
    await POST(store, "default")
    answer = await READS[name](store, "default")
    cut = proxy.cut_reply()
    assert await READS[name](store, "default") == answer
    assert cut.done()


async def test_what_was_accepted_and_not_heard_of_counts_once(store: RedisStore, proxy: FaultProxy) -> None:
    limit = Limit("rate", "all", 2, 60)
    await store.accept(change("queued", "call_0"), Terms(limits=(limit,)))
    proxy.cut_reply()
    assert await store.accept(change("queued", "call_1", 1), Terms(TO, 60, (limit,))) == Taken()
    assert await store.accept(change("queued", "call_2"), Terms(TO, 60)) == DestinationBusy("call_1")
    assert isinstance(await store.accept(change("queued", "call_2"), Terms(limits=(limit,))), Limited)
    assert [told.id for told in await store.after("default", None)] == ["evt_call_1_1"]


async def test_a_claim_whose_accept_was_not_heard_of_is_answered(store: RedisStore, proxy: FaultProxy) -> None:
    await store.claim("default", "call_1", "f1", "t1")
    await store.accept(change("queued", "call_0"), Terms())  # the script is known now
    proxy.cut_reply().add_done_callback(lambda _: proxy.refuse())
    with pytest.raises(StoreUnavailable):
        await store.accept(change("queued", "call_1"), Terms(token="t1"))
    await proxy.restore()
    assert await store.claim("default", "call_1", "f1", "t2") == KeyAnswered(record("queued"))
    assert await store.accept(change("queued", "call_1"), Terms(token="t1")) == Taken()


# --- midway ---------------------------------------------------------------------------------------------------------


def documented() -> list[str]:
    """Return the commands that a user needs, as the documentation names them."""
    words = (store_in_redis.__doc__ or "").split("commands")[1].split(". ")[0]
    return [word.lower().replace(" ", "|") for word in re.findall(r"\b[A-Z]{3,}(?: LOAD)?\b", words)]


async def user(admin: Any, port: int, *without: str) -> RedisStore:
    rules = [f"+{command}" for command in documented() if command not in without]
    await admin.execute_command("ACL", "SETUSER", "voice", "reset", "on", ">pa55", "~otpvoice:*", *rules)
    return RedisStore(f"redis://voice:pa55@127.0.0.1:{port}/0", ttl=TTL, owner=OWNER)


async def everything(store: RedisStore, account: str) -> None:
    """Do all that can be done, in a way that each command is needed for."""
    await store.ping()
    for case in CASES.values():
        for step in (*case.before, case.act):
            await step(store, account)
    await store.save(change("answered", "call_2", 1, account=account))
    for read in READS.values():
        await read(store, account)
    for state in (None, "answered", "ended"):
        await store.page(account, limit=10, state=state)
    await store.get(account, "call_1")
    await store.position(account, "evt_call_2_1")
    await store.after(account, None)
    await store.disabled(account)
    assert not await store.wait(account, await store.latest(account), 0.2)


async def test_a_user_needs_the_documented_commands_and_each_of_them(port: int, admin: Any) -> None:
    store = await user(admin, port)
    await admin.config_resetstat()
    await everything(store, "default")
    await store.close()
    used = {name.removeprefix("cmdstat_") for name in await admin.info("commandstats")}
    assert set(documented()) - used <= {"ping"}  # that is for connections that were idle


@pytest.mark.parametrize(
    ("name", "without"),
    [
        *product(["accept", "save", "finish"], ["set", "zadd", "hset", "pexpire", "xadd"]),
        *product(["adopt"], ["hset", "pexpire", "get"]),
    ],
)
async def test_a_write_that_may_not_do_all_does_nothing(
    redis_url: str, port: int, admin: Any, name: str, without: str
) -> None:
    whole = RedisStore(redis_url, ttl=TTL, owner=OWNER)
    before_it = {"finish": (CLAIM, act("save", "dialing", (1,))), "adopt": CASES["adopt"].before}
    for before in before_it.get(name, (CLAIM,)):
        await before(whole, "default")
    lay = await lying_there(admin, "default")
    store = await user(admin, port, without)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="no_permission"):
            await CASES[name].act(store, "default")
        assert await lying_there(admin, "default") == lay
    for each in (store, whole):
        await each.close()


async def test_who_may_not_look_is_told_so_and_not_that_nothing_was_left(
    store: RedisStore, port: int, admin: Any
) -> None:
    await by_a_former_life(POST)(store, "default")
    narrow = await user(admin, port, "hmget")
    with pytest.raises(StoreUnavailable, match="no_permission"):
        await narrow.left_behind("default", ours=True)
    await narrow.close()


@pytest.mark.parametrize("repair", ["finish", "erase"])
async def test_an_end_that_was_written_in_part_is_completed_by_a_repeat(
    store: RedisStore, port: int, admin: Any, repair: str
) -> None:
    """What may not be taken away then is taken away later: the plan, and the lock."""
    await act("accept", "queued", (1,), replace(TERMS, token=None))(store, "default")
    narrow = await user(admin, port, "del")
    with pytest.raises(StoreUnavailable, match="no_permission"):
        await CASES["finish"].act(narrow, "default")
    await narrow.close()
    assert await admin.exists(keys.plan("default", "call_1"))
    await CASES[repair].act(store, "default")
    assert not await admin.exists(keys.plan("default", "call_1"))


@pytest.mark.parametrize(
    "taken",
    ["events", "calls", "live", "trail:call_1", "summaries", "due", "delivery:evt_call_1_2", "delivery:evt_1_2.2"],
)
async def test_a_key_that_holds_something_else_stops_the_write_and_no_half_of_it_is_there(
    store: RedisStore, admin: Any, taken: str
) -> None:
    await CLAIM(store, "default")
    await admin.set(f"otpvoice:{{default}}:{taken}", "something else", px=60_000)
    lay = await lying_there(admin, "default")
    for name in ("accept", "finish"):
        if (name, taken) == ("accept", "summaries"):
            continue
        with pytest.raises(StoreUnavailable, match="server_error"):
            await CASES[name].act(store, "default")
        assert await lying_there(admin, "default") == lay


@pytest.mark.parametrize("name", sorted(set(CASES) - {"erase", "release", "delivered", "enable", "unregister"}))
async def test_a_full_server_refuses_what_takes_room_and_leaves_nothing_half_done(
    store: RedisStore, admin: Any, name: str
) -> None:
    case = CASES[name]
    for before in case.before:
        await before(store, "default")
    lay = await lying_there(admin, "default")
    await admin.set("ballast", b"x" * 6_000_000)
    await admin.config_set("maxmemory", "5mb")
    with pytest.raises(StoreUnavailable, match="out_of_memory"):
        await case.act(store, "default")
    assert await lying_there(admin, "default") == lay
    await admin.config_set("maxmemory", "0")
    assert await case.act(store, "default") == case.answer


@pytest.mark.parametrize("name", ["erase", "release", "delivered", "enable", "unregister"])
async def test_a_full_server_still_forgets(store: RedisStore, admin: Any, name: str) -> None:
    case = CASES[name]
    for before in case.before:
        await before(store, "default")
    await admin.set("ballast", b"x" * 6_000_000)
    await admin.config_set("maxmemory", "5mb")
    assert await case.act(store, "default") == case.answer


async def test_a_server_that_forgot_all_scripts_is_sent_them(store: RedisStore, admin: Any) -> None:
    await everything(store, "one")
    await admin.script_flush()
    await everything(store, "two")
    assert await lying_there(admin, "two") == await lying_there(admin, "one")


async def test_a_server_that_was_restarted_empty_is_filled_again(tmp_path: Path) -> None:
    async with await RedisInstance.start(tmp_path / "redis") as server:
        store = RedisStore(server.url, ttl=TTL)
        await everything(store, "default")
        server.kill()
        await server.restart()
        await everything(store, "default")
        await store.close()


# --- names ----------------------------------------------------------------------------------------------------------


async def test_all_that_lies_there_is_under_a_name_of_keys_and_no_name_tells_a_number_or_a_url(
    store: RedisStore, admin: Any
) -> None:
    account, call_id, event_id = "default", "call_1", "evt_call_1_1"
    await CLAIM(store, account)
    accepted = replace(change("queued", call_id, 1, to=HOOK), estate=ESTATE)
    await store.accept(accepted, replace(TERMS, most_in_progress=None))
    lies = {key.decode() for key in await admin.keys("*")}
    await store.finish(change("ended", "call_2", 1, to="https://other.example"))
    await store.disable(account, "https://other.example")
    await store.register(account, REGISTRATION)
    lies |= {key.decode() for key in await admin.keys("*") if b"call_2" not in key}
    assert lies == {
        keys.call(account, call_id),
        keys.plan(account, call_id),
        keys.summaries(account),
        keys.calls(account),
        keys.live(account),
        keys.trail(account, call_id),
        keys.idempotency(account, call_id),
        keys.busy(account, TO),
        keys.limit(account, "rate", "all", 60),
        keys.events(account),
        keys.event(account, event_id),
        keys.due(account),
        keys.outbox(account, HOOK),
        keys.delivery(account, event_id),
        keys.dead(account),
        keys.disabled(account),
        keys.hooks(account),
    }
    assert not any("hooks.example" in key or "t0ken" in key or "7700" in key for key in lies)


async def test_a_cluster_has_all_of_an_account_in_one_slot(store: RedisStore, admin: Any) -> None:
    await everything(store, "default")
    assert {key_slot(key) for key in await admin.keys("otpvoice:{*")} == {key_slot(keys.root("default").encode())}
