"""What becomes known of calls, kept and told: which events, where they go, and what happens when the store says no."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import Change, Inherited, Limit, Owner, StoreUnavailable, Terms, Verdict
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.chronicle import REVIVED_WITHIN, Allowance, Chronicle
from otpvoice.core.actions import Gather, Say, SayCode
from otpvoice.core.digits import Collected, DigitRules, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CharacterPlayed,
    CodeDelivered,
    CodeReplayed,
    DigitReceived,
    DigitsCollected,
    Event,
    KeyPressed,
    OriginateAccepted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.idempotency import Claimed
from otpvoice.core.outcome import Ending, OwnAction, classify
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.plan_text import plan_from_text
from otpvoice.core.record import CallRecord, State
from otpvoice.core.secret import Keys, OtpCode
from otpvoice.dialects.native_events import LARGEST
from otpvoice.dialects.telling import Telling
from otpvoice.stasis import NotTaken

AT: Final = 1_800_000_000.0
WALL: Final = AT + 500
HOOK: Final = "https://hooks.example/otp?token=t0ken"
LOCALES: Final = load_locales()
KEYED: Final = Collected(Keys("4711"), EndedBy.TERMINATOR, valid=True, ignored=2)
SENSITIVE: Final = DigitsCollected(KEYED, "pin", 1, sensitive=True)
OPEN: Final = replace(SENSITIVE, sensitive=False)


@dataclass
class Away(MemoryStore):
    """A store of development that may be away. ``fault``: why nothing is accepted; ``away``: nothing is finished."""

    fault: str | None = None
    carried_out: bool = False
    away: bool = False

    def __post_init__(self) -> None:
        super().__init__(ttl=3600)

    async def accept(self, change: Change, terms: Terms, /) -> Verdict:
        if self.fault is None:
            return await super().accept(change, terms)
        if self.carried_out:
            await super().accept(change, terms)
        raise StoreUnavailable(self.fault)

    async def finish(self, change: Change, /) -> bool:
        if self.away:
            raise StoreUnavailable("unreachable")
        return await super().finish(change)


@dataclass
class Book:
    """A chronicle, and what is behind it. ``written``: what it was told of."""

    allowance: Allowance = field(default_factory=Allowance)
    store: Away = field(default_factory=Away)
    written: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writes = KeptWrites(self.store, written=self.written.append)
        self.chronicle = Chronicle(
            self.store, self.writes, {"shop": self.allowance}, self.written.append, wall=lambda: WALL
        )

    async def begun(self, call_id: str = "call_1", **changes: Any) -> CallRecord:
        """A call that was taken."""
        record = a_record(call_id, **changes)
        await self.chronicle.accept(record)
        return record

    async def happen(self, record: CallRecord, *events: Event) -> None:
        for event in events:
            record.note(event)
            self.chronicle.follow(record, event)
        await self.settled()

    async def end(self, record: CallRecord) -> None:
        record.end(classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN)), AT + 9)
        self.chronicle.finish(record)
        await self.settled()

    async def settled(self) -> None:
        while self.writes.pending:  # noqa: ASYNC110 - it writes into memory, and has no event for that
            await asyncio.sleep(0)

    async def told(self) -> list[dict[str, Any]]:
        """All that was told."""
        return [json.loads(one.body) for one in await self.store.after("shop", None)]

    async def posted(self) -> list[str]:
        """The types of what lies in the outbox, in order."""
        letters = await self.store.letters("shop", dead=False)
        assert {letter.endpoint for letter in letters} <= {HOOK}
        ids = [letter.id for letter in letters]
        return [one["type"] for one in await self.told() if one["id"] in ids]


@pytest.fixture
async def book() -> Book:
    """A chronicle over a store that is there."""
    return Book()


def a_record(call_id: str = "call_1", *, to: str = "+442079460123", test: bool = False, **changes: Any) -> CallRecord:
    given: dict[str, Any] = {"actions": (SayCode(OtpCode("918273")),), "webhook": Webhook(HOOK)} | changes
    plan = CallPlan(to, "+442079460000", "default", "en-US", **given)
    return CallRecord(call_id, "shop", "http", plan, CallFlow(plan, LOCALES).proof, "node", "otp-1", AT, test=test)


# --- events -----------------------------------------------------------------------------------------------------------


async def test_what_happens_is_numbered_from_the_beginning_to_the_end(book: Book) -> None:
    record = await book.begun()
    await book.happen(record, CallDialed(AT + 1), CallProgressed(AT + 2, ringing=True), CallAnswered(AT + 3))
    await book.happen(record, CodeDelivered(AT + 4), CodeReplayed(2), OPEN, ActionCompleted(0, "say_code", "a"))
    await book.end(record)
    found = await book.told()
    assert [(one["type"], one["timestamp"][17:23], one["data"]["call"]["state"]) for one in found] == [
        ("call.queued", "00.000", "queued"),
        ("call.dialing", "01.000", "dialing"),
        ("call.ringing", "02.000", "ringing"),
        ("call.answered", "03.000", "answered"),
        ("code.delivered", "04.000", "answered"),
        ("code.replayed", "20.000", "answered"),  # by our own clock: nobody has said when
        ("digits.collected", "20.000", "answered"),
        ("action.completed", "20.000", "answered"),
        ("call.ended", "09.000", "ended"),
    ]
    assert [one["id"] for one in found] == [f"evt_1_{number}" for number in range(1, 10)]
    assert {one["account"] for one in found} == {"shop"}
    assert found[5]["data"]["count"] == 2
    assert found[6]["data"]["collected"]["digits"] == "4711"
    assert {name: found[7]["data"][name] for name in ("index", "type", "id")} == {
        "index": 0,
        "type": "say_code",
        "id": "a",
    }
    assert found[8]["data"]["call"] == record.to_json() == await book.chronicle.get("shop", "call_1")
    assert "918273" not in json.dumps(found)


@pytest.mark.parametrize(
    "event",
    [
        OriginateAccepted(AT, "a@b"),
        CallProgressed(AT, ringing=False),
        CharacterPlayed(1, 1, 6, AT),
        DigitReceived("4", AT),
        KeyPressed(AT),
        ActionFailed(0, "x", "y"),
        CallEnded(AT),
    ],
)
async def test_what_is_nothing_for_others_is_not_told(book: Book, event: Event) -> None:
    record = await book.begun()
    await book.happen(record, event, CallDialed(AT + 1))
    assert [one["type"] for one in await book.told()] == ["call.queued", "call.dialing"]
    assert (await book.told())[-1]["id"] == "evt_1_2", "and takes no number"


async def test_nothing_is_told_behind_the_end(book: Book) -> None:
    record = await book.begun()
    await book.end(record)
    await book.happen(record, CodeDelivered(AT + 10))
    assert [one["type"] for one in await book.told()] == ["call.queued", "call.ended"]


async def test_the_calls_are_counted_each_by_itself(book: Book) -> None:
    first, second = await book.begun("call_1"), await book.begun("call_2", to="+442079460124")
    await book.happen(first, CallDialed(AT))
    await book.happen(second, CallDialed(AT))
    assert [one["id"] for one in await book.told()] == ["evt_1_1", "evt_2_1", "evt_1_2", "evt_2_2"]


async def test_a_call_that_nobody_has_asked_for_begins_with_what_happens(book: Book) -> None:
    record = a_record()
    book.chronicle.save(record)
    await book.happen(record, CallAnswered(AT))
    await book.end(record)
    assert [(one["id"], one["type"]) for one in await book.told()] == [
        ("evt_1_1", "call.answered"),
        ("evt_1_2", "call.ended"),
    ]


@pytest.mark.parametrize(
    ("webhook", "posted"),
    [
        (None, []),
        (Webhook(HOOK), ["call.queued", "call.dialing", "call.answered", "call.ended"]),
        (Webhook(HOOK, ("call.ended",)), ["call.ended"]),
        (Webhook(HOOK, ("call.ended", "call.queued")), ["call.queued", "call.ended"]),
        (Webhook(HOOK, ("call.ended", "*")), ["call.queued", "call.dialing", "call.answered", "call.ended"]),
        (Webhook(HOOK, ("digits.collected",)), []),
    ],
)
async def test_what_is_posted_is_what_was_asked_for_and_all_is_kept(
    book: Book, webhook: Webhook | None, posted: list[str]
) -> None:
    record = await book.begun(webhook=webhook)
    await book.happen(record, CallDialed(AT), CallAnswered(AT))
    await book.end(record)
    assert await book.posted() == posted
    assert [one["type"] for one in await book.told()] == ["call.queued", "call.dialing", "call.answered", "call.ended"]


async def test_whoever_posts_is_told_of_each_write(book: Book) -> None:
    record = await book.begun()
    assert [[event.type for event in change.events] for change in book.written] == [["call.queued"]]
    await book.happen(record, CallDialed(AT))
    await book.end(record)
    assert [event.type for change in book.written for event in change.events] == [
        "call.queued",
        "call.dialing",
        "call.ended",
    ]


# --- questions --------------------------------------------------------------------------------------------------------

INTERACTIVE: Final = Webhook(HOOK, interactive=True)
GATHER: Final = Gather(DigitRules(max_digits=4))


@pytest.mark.parametrize("report", [SENSITIVE, OPEN, ActionCompleted(0, "say", None)])
async def test_what_somebody_is_asked_by_is_kept_and_not_posted(
    book: Book, report: DigitsCollected | ActionCompleted
) -> None:
    record = await book.begun(actions=(GATHER,), webhook=INTERACTIVE)
    await book.happen(record, CallAnswered(AT), Asked(report))
    assert await book.posted() == ["call.queued", "call.answered"]
    (*_, kept) = await book.told()
    question = book.chronicle.question("call_1")
    assert question is not None
    assert (question.id, question.number, question.type) == (kept["id"], 3, kept["type"])


async def test_sensitive_keys_are_in_the_question_and_nowhere_else(book: Book) -> None:
    record = await book.begun(actions=(GATHER,), webhook=INTERACTIVE)
    await book.happen(record, CallAnswered(AT), Asked(SENSITIVE))
    question = book.chronicle.question("call_1")
    assert question is not None
    asked = json.loads(question.body)
    assert asked["data"]["collected"]["digits"] == "4711"
    assert asked["data"]["call"]["collected"][0]["digits"] is None
    await book.end(record)
    kept = json.dumps([await book.told(), await book.store.get("shop", "call_1")])
    assert "4711" not in kept
    assert "4711" not in repr([book.written, book.chronicle])


async def test_who_has_nothing_to_do_yet_is_asked_by_the_answer(book: Book) -> None:
    record = await book.begun(actions=(), webhook=INTERACTIVE)
    assert book.chronicle.question("call_1") is None
    await book.happen(record, CallDialed(AT), CallAnswered(AT))
    question = book.chronicle.question("call_1")
    assert question is not None
    assert (question.type, question.id) == ("call.answered", "evt_1_3")
    assert await book.posted() == ["call.queued", "call.dialing"]


async def test_the_newest_question_is_the_one_that_counts(book: Book) -> None:
    record = await book.begun(actions=(GATHER,), webhook=INTERACTIVE)
    await book.happen(record, Asked(OPEN), CodeDelivered(AT), Asked(ActionCompleted(1, "say", None)))
    question = book.chronicle.question("call_1")
    assert question is not None
    assert (question.type, question.id) == ("action.completed", "evt_1_4")
    await book.end(record)
    assert book.chronicle.question("call_1") is None


async def test_who_is_not_interactive_is_not_asked(book: Book) -> None:
    record = await book.begun(actions=(Say("Hello."),), webhook=Webhook(HOOK))
    await book.happen(record, CallAnswered(AT), ActionCompleted(0, "say", None))
    assert book.chronicle.question("call_1") is None


# --- size -------------------------------------------------------------------------------------------------------------


def many_errors(record: CallRecord) -> None:
    record.errors += [{"code": "answer_invalid", "message": "é" * 400, "action": None}] * 60


def many_digits(record: CallRecord) -> None:
    record.proof.digits += [CharacterPlayed(n, 12, 12, AT) for n in range(1, 800)]


def many_questions(record: CallRecord) -> None:
    record.collected += [{"tag": "t" * 64, "digits": "1" * 64, "count": 64}] * 200


def many_seconds(record: CallRecord) -> None:
    for number in range(1, 200):
        record.second(number, "+442079460124")


def nothing(_: CallRecord) -> None: ...


@pytest.mark.parametrize(
    ("grow", "metadata"),
    [
        (nothing, {"long": "\u0001" * 8000}),
        (many_errors, {}),
        (many_digits, {}),
        (many_questions, {}),
        (many_seconds, {}),
    ],
)
async def test_what_is_too_long_to_be_posted_goes_without_what_can_be_asked_for(
    book: Book, grow: Callable[[CallRecord], None], metadata: dict[str, str]
) -> None:
    record = await book.begun(metadata=metadata)
    grow(record)
    await book.happen(record, CallAnswered(AT), OPEN)
    await book.end(record)
    kept = await book.store.after("shop", None)
    assert [one.type for one in kept] == ["call.queued", "call.answered", "digits.collected", "call.ended"]
    assert all(len(one.body) <= LARGEST for one in kept)
    calls = [json.loads(one.body)["data"]["call"] for one in kept]
    assert [call["state"] for call in calls] == ["queued", "answered", "answered", "ended"]
    assert calls[-1]["truncated"] is True
    assert await book.store.get("shop", "call_1") == record.to_json(), "the record is whole"
    assert "truncated" not in record.to_json()


async def test_a_call_of_the_usual_size_is_told_whole(book: Book) -> None:
    await book.begun(metadata={"user": "x" * 8000})
    (queued,) = await book.told()
    assert "truncated" not in queued["data"]["call"]
    assert queued["data"]["call"]["metadata"] == {"user": "x" * 8000}


# --- calls that are not taken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowance", "refused", "facts"),
    [
        (Allowance(), "destination_busy", {"call": "call_1"}),
        (Allowance(rates=((1, 60.0),)), "destination_busy", {"call": "call_1"}),
    ],
)
async def test_a_telephone_is_called_once_at_a_time(allowance: Allowance, refused: str, facts: dict[str, str]) -> None:
    book = Book(allowance)
    first = await book.begun()
    with pytest.raises(NotTaken) as raised:
        await book.begun("call_2")
    assert (raised.value.reason, raised.value.facts, raised.value.recorded) == (refused, facts, False)
    assert await book.chronicle.get("shop", "call_2") is None
    assert [one["id"] for one in await book.told()] == ["evt_1_1"]
    await book.end(first)


@pytest.mark.parametrize(
    ("allowance", "limit", "longest"),
    [
        (Allowance(rates=((1, 60.0),)), "account_rate", 60),
        (Allowance(destination_rates=((1, 600.0),)), "destination_rate", 600),
        (Allowance(calls_in_progress=0), "calls_in_progress", 1),
    ],
)
async def test_a_limit_is_told_by_its_name(allowance: Allowance, limit: str, longest: int) -> None:
    book = Book(allowance)
    if limit != "calls_in_progress":
        await book.end(await book.begun())
    with pytest.raises(NotTaken) as raised:
        await book.begun("call_2")
    assert (raised.value.reason, raised.value.facts) == ("rate_limited", {"limit": limit})
    assert 1 <= raised.value.retry_after <= longest


async def test_a_claim_that_ran_out_is_no_call(book: Book) -> None:
    with pytest.raises(NotTaken) as raised:
        await book.chronicle.accept(a_record(), token="t-1")
    assert (raised.value.reason, raised.value.recorded) == ("claim_lost", False)
    assert await book.told() == []


@pytest.mark.parametrize("reason", ["timeout", "connection_lost", "unreachable", "out_of_memory", "read_only", "busy"])
async def test_without_the_store_there_is_no_call(book: Book, reason: str) -> None:
    book.store.fault = reason
    with pytest.raises(NotTaken) as raised:
        await book.begun()
    assert raised.value.reason == "store_unavailable"
    assert raised.value.recorded is (reason in {"timeout", "connection_lost"}), "it may have been carried out"
    assert not book.written


@pytest.mark.parametrize("carried_out", [True, False])
async def test_what_may_have_been_written_gets_its_end(book: Book, *, carried_out: bool) -> None:
    """Whether the write was carried out or not: one call, one end, and the events in order."""
    book.store.fault, book.store.carried_out = "timeout", carried_out
    record = a_record()
    with pytest.raises(NotTaken):
        await book.chronicle.accept(record)
    await book.end(record)
    ids = ["evt_1_1", "evt_1_2"] if carried_out else ["evt_1_2"]
    assert [one["id"] for one in await book.told()] == ids
    assert len(book.store.summaries("shop")) == 1


async def test_a_call_that_was_refused_leaves_nothing_behind(book: Book) -> None:
    book.store.fault = "unreachable"
    record = a_record()
    for _ in range(3):
        with pytest.raises(NotTaken):
            await book.chronicle.accept(record)
    book.store.fault = None
    await book.chronicle.accept(record)
    assert [one["id"] for one in await book.told()] == ["evt_1_1"]


async def test_a_key_is_not_used_again_before_the_end_of_its_first_call_is_written(book: Book) -> None:
    """It was given back, for nobody knew that there is a record. That end would be this call's."""
    book.store.fault, book.store.away = "timeout", True
    first, again = a_record(), a_record()
    with pytest.raises(NotTaken):
        await book.chronicle.accept(first)
    first.end(classify(Ending(answered=False, own=OwnAction.SHUTDOWN)), AT)
    book.chronicle.finish(first)
    book.store.fault = None
    assert await book.store.claim("shop", "call_1", "f-1", "t-2") == Claimed()
    with pytest.raises(NotTaken) as raised:
        await book.chronicle.accept(again, token="t-2")
    assert (raised.value.reason, raised.value.recorded) == ("claim_lost", False)
    assert await book.writes.drain(0) != ()


# --- terms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "destination"),
    [
        ({}, "+442079460123"),
        ({"test": True}, "test:+442079460123"),
        ({"inbound": True, "goes_on": True}, None),
    ],
)
def test_what_a_call_keeps_others_from(changes: dict[str, Any], destination: str | None) -> None:
    allowance = Allowance(((5, 60.0),), ((2, 600.0), (3, 86_400.0)), calls_in_progress=7, waits=30.0)
    terms = allowance.terms(a_record(ring_timeout=20.0, max_duration=100.0, **changes), "t-1")
    of_destination = (
        ()
        if destination is None
        else (
            Limit("destination_rate", f"{destination}:600", 2, 600.0),
            Limit("destination_rate", f"{destination}:86400", 3, 86_400.0),
        )
    )
    # A test run uses up nothing of what real calls may.
    test = "test" in changes
    assert (terms.destination, terms.most_in_progress, terms.token) == (destination, None if test else 7, "t-1")
    assert terms.limits == (Limit("account_rate", f"{'test' if test else 'all'}:60", 5, 60.0), *of_destination)
    # A call that waits for its channel waits for longer than one that stands in line.
    waits = 300.0 if "inbound" in changes else 30.0
    assert terms.lock_seconds == waits + 20.0 + 100.0 + 120.0


def test_who_is_not_limited_is_not_counted() -> None:
    terms = Allowance().terms(a_record(), None)
    assert (terms.limits, terms.most_in_progress, terms.token) == ((), None, None)


# --- for a next life --------------------------------------------------------------------------------------------------


def sealing(book: Book) -> Sealer:
    """Have the book keep sealed plans; it is a moment after they were asked for."""
    book.chronicle.wall = lambda: AT
    book.chronicle.sealer = Sealer(bytes(32))
    return book.chronicle.sealer


async def left_by(book: Book, call_id: str = "call_1") -> Inherited:
    found = await book.store.as_owner(Owner("unnamed", "next")).adopt("shop", call_id)
    assert found is not None
    return found


async def test_a_call_that_is_taken_leaves_what_it_was_to_do_sealed(book: Book) -> None:
    sealer = sealing(book)
    record = await book.begun()
    found = await left_by(book)
    assert found.plan is not None
    assert plan_from_text(sealer.open("call_1", found.plan)) == record.plan
    assert Telling.from_text(found.telling) == Telling(HOOK, ("*",), AT + REVIVED_WITHIN)
    assert b"918273" not in found.plan
    assert found.events == 1


async def test_without_a_key_it_leaves_where_it_is_told_alone(book: Book) -> None:
    await book.begun()
    found = await left_by(book)
    assert found.plan is None
    assert Telling.from_text(found.telling) == Telling(HOOK, ("*",))


async def test_nothing_is_sealed_any_more_when_it_is_written_that_somebody_is_dialled(book: Book) -> None:
    sealing(book)
    record = await book.begun()
    dialed = CallDialed(AT + 1)
    record.note(dialed)
    book.chronicle.follow(record, dialed)
    assert await book.chronicle.intend(record, 5) is True
    found = await left_by(book)
    assert (found.record["state"], found.plan, found.events) == ("dialing", None, 2)


async def test_a_caller_of_a_dialplan_leaves_no_plan(book: Book) -> None:
    sealing(book)
    record = a_record(inbound=True)
    book.chronicle.save(record)
    await book.settled()
    found = await left_by(book)
    assert found.plan is None
    assert Telling.from_text(found.telling).url == HOOK


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({}, AT + REVIVED_WITHIN),
        ({"inbound": True}, AT + 300),
        ({"valid_until": AT + 1000}, AT + 1000),
    ],
)
async def test_a_plan_is_kept_as_long_as_it_is_of_use(book: Book, changes: dict[str, Any], until: float) -> None:
    sealing(book)
    record = a_record(**changes)
    record.state = State.WAITING if "inbound" in changes else State.QUEUED
    await book.chronicle.accept(record)
    assert Telling.from_text((await left_by(book)).telling).until == until


async def test_who_may_stand_in_line_for_longer_may_be_dialled_later(book: Book) -> None:
    sealing(book)
    book.chronicle.allowances = {"shop": Allowance(waits=600.0)}
    await book.begun()
    assert Telling.from_text((await left_by(book)).telling).until == AT + 600


async def test_it_goes_on_counting_where_the_former_life_stopped(book: Book) -> None:
    record = a_record()
    book.chronicle.resume(record, 4)
    await book.happen(record, CallDialed(AT + 1))
    assert [one["id"] for one in await book.told()] == ["evt_1_5"]


async def test_it_is_not_asked_whether_a_call_stands_of_which_nothing_is_kept(book: Book) -> None:
    assert await book.chronicle.intend(a_record(), 5) is False
