"""The one checker: what is left after a run, and which of the promises hold over it, one verdict for each.

Pure: facts go in, verdicts come out; ``tests/faults/evidence.py`` collects the facts. It forgives nothing and knows of
no fault: whatever happened to the parts, these hold once all has settled. Numbers of the invariants:
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otpvoice.core.outcome import TABLE

PROMISES: Final = {
    "I1": "no orphan: no channel and no bridge is left but the media legs that the service knows",
    "I2": "nobody is rung twice, and nobody of whom it is said that he was not",
    "I3": "exactly one summary for each call; it is the record, and never changes",
    "I4": "no webhook is lost: each event arrives, under one id and byte for byte the same; numbers have no gaps",
    "I5": "no secret is in a log, in Redis, or in a webhook that did not ask for it",
    "I8": "each accepted call ends, with an outcome of the table, and nothing of its acceptance is left",
    "LOG": "nothing that nobody caught is in the service's log",
}

_OUTCOMES: Final = frozenset((row.class_.value, row.reason) for row in TABLE)
_MAY_HAVE_RUNG: Final = frozenset({"originate_unknown", "app_lost", "asterisk_lost", "events_lost"})
"""Reasons with which a telephone may have rung though nobody saw that it was dialled."""
_MOST: Final = 5
"""Sentences of one kind: a thousand of them say no more."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is kept: ``body`` is the envelope."""

    id: str
    type: str
    body: bytes = field(repr=False)

    @property
    def call(self) -> str:
        """Whose event it is: ids of events are made of those of their calls."""
        return call_of(self.id)

    @property
    def number(self) -> int:
        """Its place among those of its call, from 1."""
        return int(self.id.rpartition("_")[2])

    @property
    def asks(self) -> bool:
        """Whether somebody was asked by it: then the question was posted, which has more in it, and no event."""
        return bool(json.loads(self.body)["data"].get("asked"))


@dataclass(frozen=True, slots=True)
class Posted:
    """What came to the endpoint at ``at`` (monotonic seconds). ``taken``: it was answered with 2xx."""

    id: str
    body: bytes = field(repr=False)
    at: float = 0.0
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What is left of a run, and what was noted beside it.

    ``accepted``: ids of calls that a client was promised. ``records``: by id; ``summaries``: all entries of the stream.
    ``hooked``: calls that tell the endpoint; None: all of them. ``seen_ended``: ended records that anybody was shown
    while it ran. ``invites``: how many came to each number. ``channels``, ``bridges``: of Asterisk, all that can be
    ours; those that begin with ``leg_prefix`` are media legs, of which the service has ``legs``. ``claims``: unanswered
    claims of idempotency keys. ``live``, ``busy``, ``plans``, ``outbox``, ``dead``: ids or names of keys. ``leaks``:
    where a secret was found, of ``secrets`` looked for in ``searched`` places. ``uncaught``: lines of the log.
    """

    accepted: frozenset[str] = frozenset()
    records: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    summaries: tuple[dict[str, Any], ...] = ()
    events: tuple[Told, ...] = ()
    posts: tuple[Posted, ...] = ()
    hooked: frozenset[str] | None = None
    seen_ended: tuple[dict[str, Any], ...] = ()
    invites: Mapping[str, int] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    leg_prefix: str = "otpvoice-"
    legs: int = 0
    live: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    outbox: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    expected_dead: frozenset[str] = frozenset()
    leaks: tuple[str, ...] = ()
    secrets: int = 0
    searched: int = 0
    uncaught: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant. ``why``: each thing that breaks it, as a sentence. ``judged``: there was anything to look at."""

    invariant: str
    why: tuple[str, ...]
    judged: bool = True

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it, as far as was looked: what was not judged does not hold."""
        return self.judged and not self.why

    def __str__(self) -> str:
        """The invariant, its promise, and what breaks it."""
        verdict = "BROKEN" if self.why else "holds" if self.judged else "not judged"
        said = f"{self.invariant} {verdict}: {PROMISES[self.invariant]}"
        return "\n    ".join([said, *self.why])


def judge(facts: Facts) -> tuple[Verdict, ...]:
    """Return a verdict on each invariant, in the order of ``PROMISES``."""
    return tuple(
        Verdict(name, _first(_JUDGES[name](facts)), judged=name != "I5" or facts.secrets > 0) for name in PROMISES
    )


def broken(facts: Facts) -> list[str]:
    """Return what is broken, ready for ``assert broken(facts) == []``. What was not judged is not among it."""
    return [str(verdict) for verdict in judge(facts) if verdict.why]


def call_of(event_id: str) -> str:
    """Return the call's id in an event's."""
    return "call_" + event_id.removeprefix("evt_").rpartition("_")[0]


def _first(found: Iterator[tuple[str, str]]) -> tuple[str, ...]:
    """Return the first few sentences of each kind, and how many more there are: pairs of a kind and whose it is."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, whose in found:
        kinds[kind].append(whose)
    return tuple(
        f"{kind}: {', '.join(whose[:_MOST])}{f' and {len(whose) - _MOST} more' if len(whose) > _MOST else ''}"
        for kind, whose in kinds.items()
    )


# --- one by one -----------------------------------------------------------------------------------------------------

_Found = Iterator[tuple[str, str]]


def _no_orphans(facts: Facts) -> _Found:
    for kind, ids in (("channel", facts.channels), ("bridge", facts.bridges)):
        legs = [one for one in ids if one.startswith(facts.leg_prefix)]
        yield from ((f"a {kind} is left", one) for one in ids if not one.startswith(facts.leg_prefix))
        if len(legs) != facts.legs:
            yield f"of media legs a {kind} more or less than the service knows", f"{len(legs)}, known {facts.legs}"


def _nobody_twice(facts: Facts) -> _Found:
    may: Counter[str] = Counter()
    called: set[str] = set()
    for record in facts.records.values():
        for number in _numbers(record):
            called.add(number)
            may[number] += 1
        if record["to"] is not None:
            called.add(record["to"])
    for number, count in facts.invites.items():
        if count > max(1, may[number]):
            yield "rung more often than called", f"{number} ({count} times)"
        elif count and not may[number]:
            known = number in called
            yield ("rung, though its call says that nobody was" if known else "rung, and there is no call"), number


def _numbers(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the numbers that may have rung for a call."""
    if record["test"]:
        return
    reason = (record["outcome"] or {}).get("reason")
    if record["direction"] == "outbound" and (record["dialed_at"] is not None or reason in _MAY_HAVE_RUNG):
        yield record["to"]
    yield from (leg["to"] for leg in record["legs"][1:] if leg.get("to"))


def _one_summary(facts: Facts) -> _Found:
    times = Counter(summary["id"] for summary in facts.summaries)
    last = {summary["id"]: summary for summary in facts.summaries}
    for call in sorted(facts.accepted | facts.records.keys() | times.keys()):
        if times[call] != 1:
            yield f"{times[call] or 'no'} summaries", call
        elif call not in facts.records:
            yield "a summary and no record", call
        elif last[call] != facts.records[call]:
            yield "the summary is not the record", call
    shown = [*facts.seen_ended, *(_call_told(told.body) for told in facts.events if told.type == "call.ended")]
    for record in shown:
        if record is not None and facts.records.get(record["id"], record) != record:
            yield "it ended, and its record changed after that", record["id"]


def _call_told(body: bytes) -> dict[str, Any] | None:
    call: dict[str, Any] = json.loads(body)["data"]["call"]
    return None if call.get("truncated") else call


def _no_webhook_lost(facts: Facts) -> _Found:
    kept = {told.id: told for told in facts.events}
    of_call: defaultdict[str, list[Told]] = defaultdict(list)
    for told in facts.events:
        of_call[told.call].append(told)
    for call in sorted(facts.accepted | facts.records.keys()):
        numbers = [told.number for told in of_call[call]]
        if sorted(numbers) != list(range(1, len(numbers) + 1)) or not numbers:
            yield "gaps among the numbers of its events", f"{call} {sorted(numbers)}"
        if (ends := sum(told.type == "call.ended" for told in of_call[call])) != 1:
            yield f"{ends or 'no'} events call.ended", call
    taken, bodies = set[str](), defaultdict[str, set[bytes]](set)
    for post in facts.posts:
        bodies[post.id].add(post.body)
        taken.update({post.id} if post.taken else ())
    for told in facts.events:
        if facts.hooked is not None and told.call not in facts.hooked:
            continue
        if told.id not in taken and not told.asks and told.id not in facts.expected_dead:
            yield "never delivered", f"{told.id} ({told.type})"
    for event_id, said in bodies.items():
        if len(said) > 1:
            yield "not the same when it was repeated", event_id
        elif event_id not in kept:
            yield "posted, and not kept", event_id
        elif not kept[event_id].asks and kept[event_id].body not in said:
            yield "posted otherwise than it is kept", event_id
    yield from (("still in the outbox", event_id) for event_id in facts.outbox)
    yield from (("a dead letter", event_id) for event_id in facts.dead if event_id not in facts.expected_dead)


def _no_secret(facts: Facts) -> _Found:
    if facts.secrets and not facts.searched:
        yield "secrets were used, and nothing was searched for them", str(facts.secrets)
    yield from (("a secret is in", place) for place in facts.leaks)


def _each_ends(facts: Facts) -> _Found:
    for call in sorted(facts.accepted - facts.records.keys()):
        yield "accepted, and there is no record", call
    for call, record in facts.records.items():
        outcome = record["outcome"] or {}
        if record["state"] != "ended":
            yield "has not ended", f"{call} ({record['state']})"
        elif (outcome.get("class"), outcome.get("reason")) not in _OUTCOMES:
            yield "an outcome that is not in the table", f"{call} ({outcome.get('class')}, {outcome.get('reason')})"
        elif record["test"] and outcome["class"] == "indeterminate":
            yield "a test call rings nobody, and is indeterminate", call
    yield from (("still counts as in progress", call) for call in facts.live)
    yield from (("its destination is still locked", name) for name in facts.busy)
    yield from (("its sealed plan is still there", name) for name in facts.plans)
    yield from (("an idempotency key is claimed, and not answered", name) for name in facts.claims)


def _nothing_uncaught(facts: Facts) -> _Found:
    yield from (("nobody caught it", line) for line in facts.uncaught)


_JUDGES: Final[Mapping[str, Callable[[Facts], _Found]]] = {
    "I1": _no_orphans,
    "I2": _nobody_twice,
    "I3": _one_summary,
    "I4": _no_webhook_lost,
    "I5": _no_secret,
    "I8": _each_ends,
    "LOG": _nothing_uncaught,
}
