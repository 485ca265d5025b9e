"""What a former life left: each call has its one end, or goes on, and nobody is dialled of whom nobody can know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import Change, Inherited, Owner, StoreUnavailable
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.ari.node import NodeSettings, Outlived
from otpvoice.chronicle import REVIVED_WITHIN, Allowance, Chronicle
from otpvoice.core.actions import SayCode
from otpvoice.core.events import CallAnswered, CallDialed, CallProgressed, CodeDelivered, Event
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Ending, OwnAction, classify
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord, State
from otpvoice.core.secret import OtpCode
from otpvoice.recovery import Recovery
from otpvoice.stasis import WAIT, Found, NotTaken, Trunk

LOCALES: Final = load_locales()
AT: Final = 1_800_000_000.0
HOOK: Final = "https://hooks.example/otp"
KEY: Final = bytes(range(32))
PLAN: Final = CallPlan(
    "+442079460123",
    "+442079460000",
    "default",
    "en-US",
    (SayCode(OtpCode("918273")),),
    webhook=Webhook(HOOK, ("call.ended", "call.answered")),
)
TRUNK: Final = Trunk("default", "PJSIP/{number}@trunk")
SETTINGS: Final = NodeSettings(
    name="one",
    url="http://127.0.0.1:8088",
    user="",
    password="",
    app="otpvoice",
    instance="otp-1",
    law="ulaw",
    silence=b"",
    legs_minimum=1,
    legs_maximum=1,
)
RINGING: Final = (CallDialed(AT + 1), CallProgressed(AT + 2, ringing=True))
ANSWERED: Final = (*RINGING, CallAnswered(AT + 3), CodeDelivered(AT + 4))


@dataclass
class Asterisk:
    """One that says what became of channels: ``alive`` for all of them. ``asked``: how often."""

    alive: bool | None = False
    settings: NodeSettings = SETTINGS
    asked: int = 0
    may_say: asyncio.Event = field(default_factory=asyncio.Event)
    connected: bool = True
    replaced: bool = False

    def __post_init__(self) -> None:
        self.may_say.set()

    async def outlived(self, within: float) -> Outlived:
        self.asked += 1
        await self.may_say.wait()
        every = frozenset(f"call_{number}-1" for number in range(20)) if self.alive else frozenset()
        return Outlived(every, complete=self.alive is not None)


@dataclass
class Switchboard:
    """Where calls begin, unless we are ``draining``."""

    nodes: list[Asterisk] = field(default_factory=lambda: [Asterisk()])
    draining: bool = False
    begun: list[tuple[CallPlan, Found]] = field(default_factory=list)

    def resume(self, plan: CallPlan, trunk: Trunk, *, found: Found) -> None:
        assert trunk is TRUNK
        if self.draining:
            raise NotTaken("draining")
        self.begun.append((plan, found))


class House:
    """A store that two lives of one instance have written to. ``now``: what the clock of both shows."""

    recovery: Recovery

    def __init__(self) -> None:
        self.now = AT
        shelves = MemoryStore(ttl=3600, clock=lambda: self.now, owner=Owner("otp-1", "first"))
        self.former, self.store = shelves, shelves.as_owner(Owner("otp-1", "second"))
        self.calls = Switchboard()
        self.recovered: list[str] = []

    def chronicle(self, store: MemoryStore, key: bytes | None = KEY) -> Chronicle:
        return Chronicle(
            store,
            KeptWrites(store),
            {"shop": Allowance(), "bank": Allowance()},
            lambda _: None,
            wall=lambda: self.now,
            sealer=None if key is None else Sealer(key),
        )

    async def left(
        self,
        *events: Event,
        plan: CallPlan = PLAN,
        key: bytes | None = KEY,
        call_id: str = "call_1",
        store: MemoryStore | None = None,
        **changes: Any,
    ) -> CallRecord:
        """A call that a former life took, and of which so much had happened when it died."""
        chronicle = self.chronicle(store or self.former, key)
        proof = CallFlow(plan, LOCALES).proof
        record = CallRecord(call_id, "shop", "http", plan, proof, "one", "otp-1", AT, channel=f"{call_id}-1")
        for name, value in changes.items():
            setattr(record, name, value)
        await chronicle.accept(record)
        for event in events:
            record.note(event)
            chronicle.follow(record, event)
            await written(chronicle)
        return record

    @asynccontextmanager
    async def next_life(self, key: bytes | None = KEY, **options: Any) -> AsyncIterator[None]:
        """The life after that, for as long as the block lasts."""
        chronicle = self.chronicle(self.store, key)
        self.recovery = recovery = Recovery(
            options.get("estates", self.store),
            chronicle,
            self.calls,
            accounts=["shop", "bank"],
            trunks=options.get("trunks", {"default": TRUNK}),
            sealer=None if key is None else Sealer(key),
            recovered=self.recovered.append,
            wall=lambda: self.now,
        )
        task = asyncio.create_task(recovery.run())
        try:
            yield
            await written(chronicle)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, done: Callable[[], bool | Awaitable[bool]], within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while True:
                verdict = done()
                if verdict if isinstance(verdict, bool) else await verdict:
                    return
                await asyncio.sleep(0.005)

    async def recover(self, count: int = 1, key: bytes | None = KEY, **options: Any) -> None:
        """Let the next life see to so many calls."""
        async with self.next_life(key, **options):
            await self.until(lambda: len(self.recovered) == count)

    async def end(self, call_id: str = "call_1") -> dict[str, Any]:
        """The one summary of a call: what its key holds, too."""
        (summary,) = [one for id_, one in self.store.summaries("shop") if id_ == call_id]
        assert await self.store.get("shop", call_id) == summary
        return summary

    async def told(self) -> list[tuple[str, str]]:
        events = [json.loads(one.body) for one in await self.store.after("shop", None)]
        return [(one["id"], one["type"]) for one in events]


async def written(chronicle: Chronicle) -> None:
    while chronicle.writes.pending:  # noqa: ASYNC110 - it writes into memory, and has no event for that
        await asyncio.sleep(0)


@pytest.fixture
async def house() -> House:
    return House()


def said(summary: dict[str, Any]) -> tuple[str, str | None, str]:
    outcome = summary["outcome"]
    return outcome["class"], outcome["reason"], outcome["ended_by"]


# --- what is over -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "alive", "end"),
    [
        pytest.param(RINGING[:1], True, ("failed", "app_lost", "us"), id="dialling, and there it is"),
        pytest.param(RINGING[:1], False, ("indeterminate", "originate_unknown", "us"), id="dialling, and gone"),
        pytest.param(RINGING[:1], None, ("indeterminate", "originate_unknown", "us"), id="nobody could look"),
        pytest.param(RINGING, True, ("failed", "app_lost", "us"), id="ringing"),
        pytest.param(RINGING, False, ("failed", "app_lost", "us"), id="rang, and is gone"),
        pytest.param(ANSWERED, True, ("failed", "app_lost", "us"), id="answered"),
        pytest.param(ANSWERED, None, ("failed", "app_lost", "us"), id="answered, and Asterisk is away"),
    ],
)
async def test_whoever_may_have_been_rung_is_not_rung_again(
    house: House, events: tuple[Event, ...], alive: bool | None, end: tuple[str, str, str]
) -> None:
    house.calls.nodes[0].alive = alive
    await house.left(*events)
    house.now = AT + 20
    await house.recover()
    summary = await house.end()
    assert said(summary) == end
    assert house.recovered == [end[0]]
    assert house.calls.begun == []
    assert house.calls.nodes[0].asked == 1
    assert summary["ended_at"] == "2027-01-15T08:00:20.000Z"


async def test_its_end_is_told_once_and_to_whom_it_was_to_be_told(house: House) -> None:
    await house.left(*ANSWERED)
    await house.recover()
    assert (await house.told())[-1] == ("evt_1_6", "call.ended")
    assert [id_ for id_, _ in await house.told()] == [f"evt_1_{number}" for number in range(1, 7)]
    letters = await house.store.letters("shop", dead=False)
    assert {(letter.id, letter.endpoint) for letter in letters} == {("evt_1_4", HOOK), ("evt_1_6", HOOK)}
    assert (await house.end())["delivered"] is False, "as it was known to be"


async def test_a_call_of_nobody_who_wants_to_know_ends_in_silence(house: House) -> None:
    await house.left(*RINGING, plan=replace(PLAN, webhook=None))
    await house.recover()
    assert (await house.told())[-1][1] == "call.ended"
    assert await house.store.letters("shop", dead=False) == []


async def test_a_rehearsed_call_rang_nobody_and_is_looked_for_nowhere(house: House) -> None:
    await house.left(RINGING[0], test=True)
    await house.recover()
    assert said(await house.end()) == ("failed", "app_lost", "us")
    assert house.calls.nodes[0].asked == 0


async def test_a_caller_on_the_line_went_on_without_us(house: House) -> None:
    """And may be talking with somebody by now: nobody so much as looks for that channel."""
    chronicle = house.chronicle(house.former)
    plan = replace(PLAN, inbound=True)
    record = CallRecord("call_1", "shop", "dialplan", plan, CallFlow(plan, LOCALES).proof, "one", "otp-1", AT)
    record.channel = "1700000000.42"
    chronicle.save(record)
    await written(chronicle)
    await house.recover()
    assert said(await house.end()) == ("failed", "app_lost", "us")
    assert house.calls.nodes[0].asked == 0


# --- what goes on -----------------------------------------------------------------------------------------------------


async def test_a_call_that_stood_in_line_is_dialled(house: House) -> None:
    await house.left()
    house.now = AT + 20
    await house.recover()
    ((plan, found),) = house.calls.begun
    assert plan == PLAN
    assert found == Found("call_1", "shop", "http", AT, test=False, events=1, until=AT + REVIVED_WITHIN)
    assert house.recovered == ["dialed"]
    assert house.store.summaries("shop") == []


async def test_a_call_that_the_store_forgot_was_dialled_is_not_dialled_again(house: House) -> None:
    """Redis with AOF everysec may lose the last second; the channel is there all the same."""
    house.calls.nodes[0].alive = True
    await house.left()
    await house.recover()
    assert said(await house.end()) == ("failed", "app_lost", "us")
    assert house.calls.begun == []


async def test_a_prepared_call_waits_on(house: House) -> None:
    await house.left(plan=replace(PLAN, inbound=True, to=None), state=State.WAITING, channel=None, node=None)
    house.now = AT + WAIT - 1
    await house.recover()
    ((_, found),) = house.calls.begun
    assert (found.call_id, found.until) == ("call_1", AT + WAIT)
    assert house.recovered == ["waiting"]


async def test_whoever_drains_leaves_it_to_the_next(house: House) -> None:
    house.calls.draining = True
    await house.left()
    await house.recover()
    assert house.recovered == ["left"]
    house.store, house.recovered, house.calls.draining = house.store.as_owner(Owner("otp-1", "third")), [], False
    await house.recover()
    assert house.recovered == ["dialed"]


@pytest.mark.parametrize(
    ("key", "opened_with", "later", "end"),
    [
        pytest.param(None, KEY, 5, ("failed", "lost_before_dialing", "us"), id="it was not sealed"),
        pytest.param(KEY, None, 5, ("failed", "lost_before_dialing", "us"), id="the key is gone"),
        pytest.param(KEY, KEY[::-1], 5, ("failed", "lost_before_dialing", "us"), id="it is another key"),
        pytest.param(KEY, KEY, REVIVED_WITHIN + 1, ("expired", None, "timeout"), id="too late"),
    ],
)
async def test_what_can_not_be_known_any_more_is_dialled_for_nobody(
    house: House, key: bytes | None, opened_with: bytes | None, later: float, end: tuple[str, str | None, str]
) -> None:
    await house.left(key=key)
    house.now = AT + later
    await house.recover(key=opened_with)
    assert said(await house.end()) == end
    assert (await house.end())["dialed_at"] is None
    assert house.calls.begun == []


async def test_its_own_time_counts_before_ours(house: House) -> None:
    await house.left(plan=replace(PLAN, valid_until=AT + 10))
    await house.left(plan=replace(PLAN, valid_until=AT + 3000, to="+442079460124"), call_id="call_2")
    house.now = AT + 2000
    await house.recover(2)
    assert said(await house.end()) == ("expired", None, "timeout")
    assert [(found.call_id, found.until) for _, found in house.calls.begun] == [("call_2", AT + 3000)]


async def test_a_trunk_that_is_not_there_any_more(house: House) -> None:
    await house.left()
    await house.recover(trunks={})
    assert said(await house.end()) == ("failed", "lost_before_dialing", "us")


async def test_who_stood_in_line_stands_there_again_in_the_same_order(house: House) -> None:
    for number in range(20):
        house.now = AT + number / 100
        await house.left(plan=replace(PLAN, to=f"+4420794601{number:02}"), call_id=f"call_{number}")
    await house.recover(20)
    assert [found.call_id for _, found in house.calls.begun] == [f"call_{number}" for number in range(20)]


async def test_a_call_may_be_called_off_while_it_is_taken_over(house: House) -> None:
    house.calls.nodes[0].may_say.clear()
    await house.left()
    await house.left(*RINGING, plan=replace(PLAN, to="+442079460124"), call_id="call_2")
    async with house.next_life():
        await house.until(lambda: house.calls.nodes[0].asked == 1)
        house.recovery.hang_up("call_1")
        house.recovery.hang_up("call_2")
        house.recovery.hang_up("call_3")
        house.calls.nodes[0].may_say.set()
        await house.until(lambda: len(house.recovered) == 2)
    assert said(await house.end("call_1")) == ("canceled", None, "api")
    assert said(await house.end("call_2")) == ("failed", "app_lost", "us"), "it was us who lost it"
    assert house.calls.begun == []


async def test_a_call_may_be_called_off_before_the_store_can_say_that_there_is_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otpvoice.recovery.AGAIN", 0.001)
    await house.left(plan=replace(PLAN, inbound=True, to=None), state=State.WAITING, channel=None, node=None)
    away = Away(house.store, 1_000_000)
    async with house.next_life(estates=away):
        house.recovery.hang_up("call_1")
        await house.recovery.done(0.01)
        assert house.recovered == []
        away.times = 0
        await house.recovery.done(5)
    assert said(await house.end()) == ("canceled", None, "api")


async def test_whoever_comes_for_a_prepared_call_can_wait_until_it_is_known(house: House) -> None:
    house.calls.nodes[0].may_say.clear()  # nobody has to wait for those who are looked up
    await house.left()
    plan = replace(PLAN, inbound=True, to=None)
    await house.left(plan=plan, call_id="call_2", state=State.WAITING, channel=None, node=None)
    async with house.next_life():
        await house.recovery.done(5)
        assert [found.call_id for _, found in house.calls.begun] == ["call_2"]
        house.calls.nodes[0].may_say.set()
        await house.until(lambda: len(house.recovered) == 2)


# --- whose it is ------------------------------------------------------------------------------------------------------


async def test_what_has_ended_or_is_another_instances_is_left_alone(house: House) -> None:
    ended = await house.left(*ANSWERED, call_id="call_1")
    ended.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN)), AT + 9)
    await house.former.finish(Change(ended.to_json()))
    await house.left(
        plan=replace(PLAN, to="+442079460124"), call_id="call_2", store=house.former.as_owner(Owner("otp-2", "first"))
    )
    await house.left(plan=replace(PLAN, to="+442079460125"), call_id="call_3")
    await house.recover()
    assert [found.call_id for _, found in house.calls.begun] == ["call_3"]


async def test_what_is_overdue_is_ended_whosever_it_was(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otpvoice.recovery.LOOK_EVERY", 0.005)
    async with house.next_life():
        await house.left(*ANSWERED, store=house.former.as_owner(Owner("otp-2", "first")))
        house.now = AT + 600
        await house.until(lambda: house.recovered == ["failed"])
    assert said(await house.end()) == ("failed", "app_lost", "us")


async def test_only_at_the_start_are_those_of_our_own_name_taken_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of our name may take over from us: its calls are not ours."""
    monkeypatch.setattr("otpvoice.recovery.LOOK_EVERY", 0.001)
    looks = 0

    plain = house.store.left_behind

    async def counted(account: str, /, *, ours: bool) -> Any:
        nonlocal looks
        looks += 1
        return await plain(account, ours=ours)

    monkeypatch.setattr(house.store, "left_behind", counted, raising=False)
    async with house.next_life():
        await house.until(lambda: looks >= 2)
        await house.left(store=house.former.as_owner(Owner("otp-1", "third")))
        before = looks
        await house.until(lambda: looks >= before + 4)
    assert house.recovered == []


class Away:
    """Estates of a store that is away for the first times it is asked."""

    def __init__(self, store: MemoryStore, times: int) -> None:
        self._store, self.times = store, times

    def _asked(self) -> None:
        if self.times:
            self.times -= 1
            raise StoreUnavailable("unreachable")

    async def left_behind(self, account: str, /, *, ours: bool) -> Any:
        self._asked()
        return await self._store.left_behind(account, ours=ours)

    async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
        self._asked()
        return await self._store.adopt(account, call_id)


async def test_a_store_that_is_away_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otpvoice.recovery.AGAIN", 0.001)
    await house.left()
    await house.recover(estates=Away(house.store, 3))
    assert house.recovered == ["dialed"]


@pytest.mark.parametrize("why", ["away", "another's by now"])
async def test_who_does_not_reach_our_asterisk_takes_nothing_over(
    house: House, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Whoever has our application there has our calls, too: it may be a healthy process of our name."""
    monkeypatch.setattr("otpvoice.recovery.AGAIN", 0.001)
    (node,) = house.calls.nodes
    node.connected, node.replaced = why != "away", why != "away"
    await house.left(*ANSWERED)
    async with house.next_life():
        await house.recovery.done(0.05)
        assert house.recovered == []
        node.connected, node.replaced = True, False
        await house.recovery.done(5)
        await house.until(lambda: house.recovered == ["failed"])


async def test_what_was_taken_over_and_the_answer_lost_is_asked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otpvoice.recovery.AGAIN", 0.001)

    class Lost(Away):
        async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
            inherited = await self._store.adopt(account, call_id)
            self._asked()
            return inherited

    await house.left()
    await house.recover(estates=Lost(house.store, 1))
    assert len(house.calls.begun) == 1


async def test_one_that_can_not_be_read_keeps_nobody_from_the_others(house: House) -> None:
    class Unreadable(Away):
        async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
            if call_id == "call_1":
                raise StoreUnavailable("unreadable_record")
            return await super().adopt(account, call_id)

    await house.left()
    await house.left(plan=replace(PLAN, to="+442079460124"), call_id="call_2")
    await house.recover(estates=Unreadable(house.store, 0))
    assert [found.call_id for _, found in house.calls.begun] == ["call_2"]


async def test_one_that_can_not_be_understood_ends_and_the_others_go_on(house: House) -> None:
    record = await house.left()
    broken = {name: value for name, value in record.to_json().items() if name != "created_at"}

    class Broken(Away):
        async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
            inherited = await super().adopt(account, call_id)
            return replace(inherited, record=broken) if inherited and call_id == "call_1" else inherited

    await house.left(plan=replace(PLAN, to="+442079460124"), call_id="call_2")
    await house.recover(2, estates=Broken(house.store, 0))
    assert [found.call_id for _, found in house.calls.begun] == ["call_2"]
    assert said(await house.end()) == ("failed", "internal_error", "us")
