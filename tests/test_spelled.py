"""A call that is told in another spelling: what its hooks get, what is asked, and what is told when we die."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from otpvoice.adapters.store import Change, Owner
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.chronicle import Allowance, Chronicle
from otpvoice.core.actions import Action
from otpvoice.core.events import (
    ActionCompleted,
    Asked,
    CallAnswered,
    CallDialed,
    CharacterPlayed,
    Event,
    OnSecond,
    PiecePlayed,
)
from otpvoice.core.plan import CallPlan, Hook, Webhook
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.spelling import Question, Told
from otpvoice.dialects.telling import Telling
from tests.test_chronicle import AT, Book

ASKS: Final = "https://hooks.example/asks"
TOLD: Final = "https://hooks.example/told"
HOOKS: Final = (Hook("news", TOLD, "sealed"),)
WEBHOOK: Final = Webhook(ASKS, (), interactive=True, spelling="shouted", hooks=HOOKS)


class Shouter:
    """Tells the names of events in capitals, and how many it has heard."""

    def __init__(self) -> None:
        self.heard = 0

    def told(self, call: Mapping[str, Any], event: Event, at: float, /) -> Sequence[Told]:
        self.heard += 1
        name = type(event).__name__.upper()
        return (Told("news", name, b"%d" % self.heard), Told("nobody", name, b""))

    def question(self, call: Mapping[str, Any], event: Event, at: float, /) -> Question:
        return Question("WHAT NEXT", json.dumps([call["state"], self.heard]).encode())

    def ended(self, call: Mapping[str, Any], at: float, /) -> Sequence[Told]:
        return (Told("news", "THE END", json.dumps([call["state"], self.heard]).encode()),)


class Shouted:
    """The spelling."""

    def teller(self) -> Shouter:
        return Shouter()

    def actions(
        self, body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
    ) -> tuple[Action, ...]:
        raise AssertionError("nothing is answered here")


@dataclass
class Shouting(Book):
    """A chronicle that knows it."""

    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.chronicle.spellings = {"shouted": Shouted()}

    async def messages(self) -> list[tuple[str, str, bytes]]:
        """What lies in the outbox, in order."""
        taken = await self.store.take("shop", TOLD, most=100, lease=60.0)
        assert {one.auth for one in taken} <= {"sealed"}
        return [(one.id, one.type, one.body) for one in taken]


async def test_its_hooks_are_told_in_its_spelling_and_ours_is_only_shown() -> None:
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK)
    await book.happen(record, CallDialed(AT), OnSecond(1, CallDialed(AT)), CallAnswered(AT + 3))
    await book.end(record)
    assert [one["type"] for one in await book.told()] == ["call.queued", "call.dialing", "call.answered", "call.ended"]
    assert await book.messages() == [
        ("evt_1_2.1", "CALLDIALED", b"1"),
        ("evt_1_2.2", "ONSECOND", b"2"),
        ("evt_1_3.3", "CALLANSWERED", b"3"),
        ("evt_1_4.4", "THE END", b'["ended", 3]'),
    ]
    assert not await book.store.take("shop", ASKS, most=9, lease=1.0), "who is asked is told nothing besides"


async def test_what_happens_many_times_is_told_in_no_spelling() -> None:
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK)
    await book.happen(record, CallDialed(AT), PiecePlayed("u", 1, AT), CharacterPlayed(1, 1, 6, AT))
    assert [kind for _, kind, _ in await book.messages()] == ["CALLDIALED"]


async def test_the_question_is_the_tellers_under_the_id_of_the_last_event() -> None:
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK)
    await book.happen(record, CallDialed(AT), CallAnswered(AT + 3), Asked(ActionCompleted(0, "say", None)))
    question = book.chronicle.question("call_1")
    assert question is not None
    assert (question.id, question.type, question.body) == ("evt_1_4", "WHAT NEXT", b'["answered", 3]')


async def test_a_call_with_nothing_to_do_asks_at_its_answer() -> None:
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK, actions=())
    await book.happen(record, CallAnswered(AT + 3))
    question = book.chronicle.question("call_1")
    assert question is not None
    assert question.body == b'["answered", 1]'


async def test_after_our_death_the_next_life_tells_the_end_from_what_is_written() -> None:
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK)
    await book.happen(record, CallDialed(AT))
    heir = book.store.as_owner(Owner("unnamed", "another"))
    inherited = await heir.adopt("shop", "call_1")
    assert inherited is not None
    assert inherited.events == 2, "messages are no events"
    telling = Telling.from_text(inherited.telling)
    assert telling == replace(Telling.of(record.plan.webhook), until=telling.until)
    closed = {**inherited.record, "state": "ended"}
    writes = KeptWrites(heir)
    later = Chronicle(heir, writes, {"shop": Allowance()}, lambda _: None, spellings={"shouted": Shouted()})
    later.bury(closed, telling, inherited.events)
    assert await writes.drain(5.0) == ()
    assert [(one, kind) for one, kind, _ in await book.messages()] == [
        ("evt_1_2.1", "CALLDIALED"),
        ("evt_1_3.1", "THE END"),
    ]


class Hoarse(Shouter):
    """A teller that can't."""

    def told(self, call: Mapping[str, Any], event: Event, at: float, /) -> Sequence[Told]:
        raise KeyError("created_at")

    def ended(self, call: Mapping[str, Any], at: float, /) -> Sequence[Told]:
        raise KeyError("created_at")


async def test_a_teller_that_fails_costs_nobody_the_events_nor_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shouted, "teller", lambda _: Hoarse())
    book = Shouting()
    record = await book.begun(webhook=WEBHOOK)
    await book.happen(record, CallDialed(AT), CallAnswered(AT + 3))
    await book.end(record)
    assert [one["type"] for one in await book.told()] == ["call.queued", "call.dialing", "call.answered", "call.ended"]
    assert await book.messages() == []


async def test_a_spelling_that_this_version_does_not_know_is_told_by_nobody() -> None:
    book = Shouting()
    record = await book.begun(webhook=Webhook(ASKS, (), spelling="whispered", hooks=HOOKS))
    await book.happen(record, CallDialed(AT))
    await book.end(record)
    assert await book.messages() == []
