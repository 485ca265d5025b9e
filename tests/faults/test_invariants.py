"""The checker holds over a run in which all went well, and each invariant is seen to be broken where it is.

A run of four calls: delivered, indeterminate, lost before it was dialled, and one of a test key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.invariants import PROMISES, Facts, Posted, Told, Verdict, broken, call_of, judge

LEG = "otpvoice-s1-leg-"


def record(call: str, to: str, class_: str, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    ended = {
        "id": call,
        "account": "default",
        "test": False,
        "direction": "outbound",
        "to": to,
        "state": "ended",
        "outcome": {"class": class_, "reason": reason},
        "dialed_at": "2026-01-01T00:00:00.000Z",
        "legs": [{"role": "first"}],
    }
    return ended | fields


def event(record: dict[str, Any], number: int, type_: str = "call.queued", **data: Any) -> Told:
    event_id = f"evt_{record['id'].removeprefix('call_')}_{number}"
    envelope = {"id": event_id, "type": type_, "data": {"call": record if type_ == "call.ended" else {}, **data}}
    return Told(event_id, type_, json.dumps(envelope).encode())


CALLS = {
    one["id"]: one
    for one in (
        record("call_a", "+15550001", "completed"),
        record("call_b", "+15550002", "indeterminate", "originate_unknown", dialed_at=None),
        record("call_c", "+15550003", "failed", "lost_before_dialing", dialed_at=None),
        record("call_d", "+15550004", "completed", test=True),
    )
}
A, B, C, D = CALLS.values()
EVENTS = (
    *(event(one, 1) for one in CALLS.values()),
    event(A, 2, "digits.collected", asked=True),
    event(A, 3, "call.ended"),
    *(event(one, 2, "call.ended") for one in (B, C, D)),
)
POSTS = (
    Posted(EVENTS[0].id, EVENTS[0].body, taken=False),
    # Somebody who is asked is told more.
    *(Posted(one.id, b"the question" if one.asks else one.body) for one in EVENTS),
)
GOOD = Facts(
    accepted=frozenset({"call_a", "call_c"}),
    records=CALLS,
    summaries=tuple(CALLS.values()),
    events=EVENTS,
    posts=POSTS,
    seen_ended=(A,),
    invites={"+15550001": 1, "+15550002": 1},
    channels=(f"{LEG}1",),
    bridges=(f"{LEG}1-bridge",),
    leg_prefix=LEG,
    legs=1,
    secrets=4,
    searched=9,
)


def changed(call: str, **fields: Any) -> Facts:
    """A call of another kind, consistently in its record, its summary and its end."""
    other = CALLS[call] | fields
    calls = CALLS | {call: other}
    swap = {one.id: event(other, one.number, "call.ended") for one in EVENTS if one.call == call and "end" in one.type}
    events = tuple(swap.get(one.id, one) for one in EVENTS)
    posts = tuple(replace(one, body=swap[one.id].body) if one.id in swap else one for one in POSTS)
    seen = tuple(other if one["id"] == call else one for one in GOOD.seen_ended)
    return replace(GOOD, records=calls, summaries=tuple(calls.values()), events=events, posts=posts, seen_ended=seen)


def without(call: str) -> Facts:
    """A call of which nothing is known but that it was accepted."""
    return replace(
        GOOD,
        records={name: one for name, one in CALLS.items() if name != call},
        summaries=tuple(one for one in CALLS.values() if one["id"] != call),
        events=tuple(one for one in EVENTS if one.call != call),
        posts=tuple(one for one in POSTS if call_of(one.id) != call),
    )


def told_without(event_id: str) -> Facts:
    """One event less, kept and posted."""
    return replace(
        GOOD,
        events=tuple(one for one in EVENTS if one.id != event_id),
        posts=tuple(one for one in POSTS if one.id != event_id),
    )


def posted(*more: Posted, less: str | None = None) -> Facts:
    return replace(GOOD, posts=(*(one for one in POSTS if one.id != less), *more))


UNDEAD = record("call_x", "+15550009", "completed")
END_OF_A = EVENTS[5]

ROWS: dict[str, tuple[Facts, set[str]]] = {
    "a channel is left": (replace(GOOD, channels=(*GOOD.channels, "call_a-1")), {"I1"}),
    "a channel of nobody is left": (replace(GOOD, channels=(*GOOD.channels, "1764300000.17")), {"I1"}),
    "a bridge is left": (replace(GOOD, bridges=(*GOOD.bridges, "call_a-bridge")), {"I1"}),
    "a leg of a former life is left": (replace(GOOD, channels=(*GOOD.channels, f"{LEG}0")), {"I1"}),
    "a leg is not there": (replace(GOOD, channels=()), {"I1"}),
    "a bridge of a leg is left": (replace(GOOD, bridges=(*GOOD.bridges, f"{LEG}0-bridge")), {"I1"}),
    "rung twice": (replace(GOOD, invites={"+15550001": 2}), {"I2"}),
    "indeterminate, and rung again": (replace(GOOD, invites={"+15550002": 2}), {"I2"}),
    "rung, and said not to be": (replace(GOOD, invites={"+15550003": 1}), {"I2"}),
    "rung by a test": (replace(GOOD, invites={"+15550004": 1}), {"I2"}),
    "rung by nobody": (replace(GOOD, invites={"+15550008": 1}), {"I2"}),
    "no summary": (replace(GOOD, summaries=GOOD.summaries[1:]), {"I3"}),
    "two summaries": (replace(GOOD, summaries=(*GOOD.summaries, A)), {"I3"}),
    "two that differ": (replace(GOOD, summaries=(*GOOD.summaries, A | {"delivered": True})), {"I3"}),
    "a summary is not the record": (replace(GOOD, summaries=(A | {"delivered": True}, B, C, D)), {"I3"}),
    "a summary of no call": (replace(GOOD, summaries=(*GOOD.summaries, UNDEAD)), {"I3"}),
    "it changed after it was shown": (replace(GOOD, seen_ended=(A | {"delivered": True},)), {"I3"}),
    "it is not what was told": (
        replace(GOOD, records=CALLS | {"call_a": A | {"to": "+15550001", "x": 1}}, summaries=(A | {"x": 1}, B, C, D)),
        {"I3"},
    ),
    "an event is never delivered": (posted(less=EVENTS[1].id), {"I4"}),
    "an event never arrives whole": (
        posted(Posted(EVENTS[1].id, EVENTS[1].body, taken=False), less=EVENTS[1].id),
        {"I4"},
    ),
    "repeated with another body": (posted(Posted(EVENTS[1].id, EVENTS[1].body + b" ")), {"I4"}),
    "posted with another body": (posted(Posted(EVENTS[1].id, b"{}"), less=EVENTS[1].id), {"I4"}),
    "a question is repeated with another body": (posted(Posted(EVENTS[4].id, b"another question")), {"I4"}),
    "posted and not kept": (posted(Posted("evt_x_1", b"{}")), {"I4"}),
    "a gap": (told_without(EVENTS[0].id), {"I4"}),
    "the end is not told": (told_without(END_OF_A.id), {"I4"}),
    "a call without events": (replace(GOOD, events=EVENTS[:6], posts=POSTS[:7], accepted=frozenset()), {"I4"}),
    "two ends": (
        replace(
            GOOD,
            events=(*EVENTS, event(A, 4, "call.ended")),
            posts=(*POSTS, Posted("evt_a_4", event(A, 4, "call.ended").body)),
        ),
        {"I4"},
    ),
    "the outbox is not empty": (replace(GOOD, outbox=("evt_a_3",)), {"I4"}),
    "a dead letter": (replace(GOOD, dead=("evt_a_3",)), {"I4"}),
    "a secret": (replace(GOOD, leaks=("log/messages.log",)), {"I5"}),
    "nobody looked": (replace(GOOD, searched=0), {"I5"}),
    "a call is lost": (without("call_a"), {"I2", "I3", "I4", "I8"}),
    "it has not ended": (changed("call_a", state="ringing", outcome=None), {"I8"}),
    "an outcome of no row": (changed("call_a", outcome={"class": "vanished", "reason": None}), {"I8"}),
    "a reason of another row": (changed("call_a", outcome={"class": "busy", "reason": "app_lost"}), {"I8"}),
    "a test is indeterminate": (
        changed("call_d", outcome={"class": "indeterminate", "reason": "originate_unknown"}),
        {"I8"},
    ),
    "it still counts": (replace(GOOD, live=("call_a",)), {"I8"}),
    "a lock is left": (replace(GOOD, busy=("otpvoice:{default}:busy:1",)), {"I8"}),
    "a plan is left": (replace(GOOD, plans=("otpvoice:{default}:plan:call_a",)), {"I8"}),
    "a claim is left": (replace(GOOD, claims=("call_a",)), {"I8"}),
    "nobody caught it": (replace(GOOD, uncaught=("asyncio.unhandled (KeyError)",)), {"LOG"}),
}


def failing(facts: Facts) -> set[str]:
    return {verdict.invariant for verdict in judge(facts) if verdict.why}


def test_where_all_went_well_all_holds() -> None:
    assert [verdict.invariant for verdict in judge(GOOD)] == list(PROMISES)
    assert [str(verdict) for verdict in judge(GOOD) if not verdict.holds] == []


def test_where_no_secret_was_named_nobody_says_that_none_was_found() -> None:
    (verdict,) = [one for one in judge(Facts()) if not one.holds]
    assert str(verdict).startswith("I5 not judged: ")
    assert broken(Facts()) == []


@pytest.mark.parametrize("row", ROWS)
def test_what_is_broken_is_seen(row: str) -> None:
    facts, expected = ROWS[row]
    assert failing(facts) == expected, "\n".join(broken(facts))


def test_each_invariant_can_be_broken() -> None:
    assert set.union(*(expected for _, expected in ROWS.values())) == set(PROMISES)


ALLOWED: dict[str, Facts] = {
    "a dead letter that was expected": replace(
        posted(less=EVENTS[1].id), dead=(EVENTS[1].id,), expected_dead=frozenset({EVENTS[1].id})
    ),
    "a call that tells another endpoint": replace(
        posted(less=EVENTS[1].id), hooked=frozenset({"call_a", "call_c", "call_d"})
    ),
    "two calls to one number": replace(
        changed("call_b", to="+15550001", dialed_at="2026-01-01T00:00:00.000Z"), invites={"+15550001": 2}
    ),
    "a second leg": replace(
        changed("call_a", legs=[{"role": "first"}, {"role": "second", "to": "+15550007"}]),
        invites={"+15550001": 1, "+15550007": 1},
    ),
    "found on the line by the next life": replace(
        changed("call_b", outcome={"class": "failed", "reason": "app_lost"}), invites={"+15550002": 1}
    ),
}


@pytest.mark.parametrize("row", ALLOWED)
def test_what_is_allowed_is_no_fault(row: str) -> None:
    assert broken(ALLOWED[row]) == []


@pytest.mark.parametrize("call", CALLS)
def test_whatever_happens_to_a_call_that_is_forgotten_is_seen(call: str) -> None:
    """Record, summary, or events: none can go alone."""
    takes: list[Callable[[Facts], Facts]] = [
        lambda facts: replace(facts, records={name: one for name, one in CALLS.items() if name != call}),
        lambda facts: replace(facts, summaries=tuple(one for one in CALLS.values() if one["id"] != call)),
        lambda facts: replace(facts, events=tuple(one for one in EVENTS if one.call != call)),
    ]
    assert all(failing(take(GOOD)) for take in takes)


def test_of_a_thousand_faults_of_one_kind_a_few_are_named() -> None:
    (verdict,) = [one for one in judge(replace(GOOD, live=tuple(map(str, range(1000))))) if not one.holds]
    assert verdict == Verdict("I8", ("still counts as in progress: 0, 1, 2, 3, 4 and 995 more",))
    assert str(verdict).startswith("I8 BROKEN: each accepted call ends")
