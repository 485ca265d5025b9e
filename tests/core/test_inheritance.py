"""A call that a former life left goes on or ends, by rows; and its record ends as if somebody had seen it through."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import SayCode, Stream
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CallReleased,
    DigitsCollected,
    Event,
    OnSecond,
    OriginateAccepted,
    QualitySampled,
    SecondEnded,
    SpeakingStarted,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.inheritance import Ended, Fate, GoOn, closed, what_becomes
from otpvoice.core.instants import rfc3339
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.core.outcome import Ending, Fault, Outcome, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord, State
from otpvoice.core.refusal import MESSAGES, complaint
from otpvoice.core.secret import Keys, OtpCode

NOW: Final = 2000.0
PLAN: Final = CallPlan(
    "+15550100", "+15550199", "default", "en-US", (SayCode(OtpCode("918273")),), metadata={"order": 7, "é": [None]}
)
HERE, GONE = PLAN, None
LOST: Final = classify(Ending(answered=True, fault=Fault.APP_LOST))


def record_of(state: State = State.QUEUED, *, inbound: bool = False, **fields: Any) -> CallRecord:
    """Return a call as the switchboard makes it."""
    record = CallRecord(
        id="call_1",
        account="default",
        door="http",
        plan=replace(PLAN, inbound=inbound),
        proof=Proof(spoken=True, expected=2),
        node="a",
        instance="i",
        created_at=1000.0,
        channel=None if state is State.WAITING else "call_1-1",
        state=state,
    )
    return replace(record, **fields)


# --- what becomes of it -----------------------------------------------------------------------------------------------


def told(fate: Fate) -> str:
    """Say in a word what becomes of a call: ``class/reason``, or that it goes on."""
    if isinstance(fate, GoOn):
        return "goes on"
    return "/".join(filter(None, (fate.outcome.class_.value, fate.outcome.reason)))


OUT, IN = False, True
EXPIRED, GOES_ON = "expired", "goes on"
BEFORE_DIALING, UNKNOWN, APP_LOST = "failed/lost_before_dialing", "indeterminate/originate_unknown", "failed/app_lost"
Row: TypeAlias = tuple[State, bool, CallPlan | None, float | None, bool | None, str]
ROWS: list[Row] = [
    # It waits to be called for, or for its turn: nobody was rung.
    (State.WAITING, IN, HERE, 2001.0, None, GOES_ON),
    (State.WAITING, IN, HERE, None, None, GOES_ON),
    (State.WAITING, IN, HERE, 2000.0, None, EXPIRED),
    (State.WAITING, IN, GONE, 2001.0, None, BEFORE_DIALING),
    (State.WAITING, IN, GONE, 2000.0, None, EXPIRED),
    (State.WAITING, IN, GONE, None, None, BEFORE_DIALING),
    (State.QUEUED, OUT, HERE, 2001.0, None, GOES_ON),
    (State.QUEUED, OUT, HERE, None, None, GOES_ON),
    (State.QUEUED, OUT, HERE, 1999.0, None, EXPIRED),
    (State.QUEUED, OUT, replace(PLAN, valid_until=2000.5), 1999.0, None, GOES_ON),
    (State.QUEUED, OUT, replace(PLAN, valid_until=2000.0), 2001.0, None, EXPIRED),
    (State.QUEUED, OUT, replace(PLAN, valid_until=2000.0), None, None, EXPIRED),
    (State.QUEUED, OUT, GONE, 2001.0, None, BEFORE_DIALING),
    (State.QUEUED, OUT, GONE, 2000.0, None, EXPIRED),
    (State.QUEUED, OUT, GONE, None, None, BEFORE_DIALING),
    # A caller was on the line, also one for whom a plan was there.
    (State.QUEUED, IN, GONE, None, None, APP_LOST),
    (State.QUEUED, IN, HERE, 2001.0, True, APP_LOST),
    (State.QUEUED, IN, GONE, 1999.0, False, APP_LOST),
    # The order was written down: it may have been carried out, and is not given again, whatever else is there.
    (State.DIALING, OUT, GONE, None, True, APP_LOST),
    (State.DIALING, OUT, GONE, None, False, UNKNOWN),
    (State.DIALING, OUT, GONE, None, None, UNKNOWN),
    (State.DIALING, OUT, HERE, 2001.0, False, UNKNOWN),
    (State.DIALING, OUT, HERE, 2001.0, True, APP_LOST),
    (State.DIALING, OUT, GONE, 1999.0, None, UNKNOWN),
    *((state, way, GONE, None, alive, APP_LOST)
      for state in (State.RINGING, State.ANSWERED) for way in (OUT, IN) for alive in (True, False, None)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=map(str, range(len(ROWS))))
def test_what_becomes_of_a_call(row: Row) -> None:
    state, inbound, plan, until, alive, becomes = row
    record = record_of(state, inbound=inbound).to_json()
    assert told(what_becomes(record, plan=plan, until=until, alive=alive, now=NOW)) == becomes


@pytest.mark.parametrize("fault", MESSAGES)
@pytest.mark.parametrize("plan", [HERE, GONE])
@pytest.mark.parametrize("until", [None, 1999.0, 2001.0])
def test_a_call_that_was_refused_is_never_dialled_by_a_next_life(
    fault: Fault, plan: CallPlan | None, until: float | None
) -> None:
    """We died between the two writes, that it was taken and that it is over."""
    record = record_of(refused=fault, errors=[complaint(fault, None)]).to_json()
    assert told(what_becomes(record, plan=plan, until=until, alive=None, now=NOW)) == f"failed/{fault}"


def test_every_state_has_its_rows() -> None:
    assert {state for state, *_ in ROWS} == set(State) - {State.ENDED}


@pytest.mark.parametrize("alive", [True, False, None])
def test_nobody_can_have_been_rung_by_a_rehearsal(alive: bool | None) -> None:
    record = record_of(State.DIALING, test=True).to_json()
    assert told(what_becomes(record, plan=None, until=None, alive=alive, now=NOW)) == APP_LOST


def test_who_ended_it_is_said_too() -> None:
    def outcome(state: State, **facts: Any) -> Outcome:
        facts = {"plan": None, "until": None, "alive": None} | facts
        fate = what_becomes(record_of(state).to_json(), now=NOW, **facts)
        assert isinstance(fate, Ended)
        return fate.outcome

    assert outcome(State.QUEUED, until=1.0) == classify(Ending(answered=False, own=OwnAction.EXPIRED))
    assert outcome(State.QUEUED) == classify(Ending(answered=False, fault=Fault.LOST_BEFORE_DIALING))
    assert outcome(State.DIALING) == classify(Ending(answered=False, fault=Fault.ORIGINATE_UNKNOWN))
    assert outcome(State.ANSWERED) == LOST


# --- how its record ends ----------------------------------------------------------------------------------------------

STREAM: Final = report_of(Stream("wss://voice.example/calls?token=918273", "x"))
CONNECTED: Final = replace(STREAM, status=StreamStatus.CONNECTED, started_at=1004.0, frames_sent=50)
BROKEN: Final = replace(
    CONNECTED,
    status=StreamStatus.FAILED,
    disconnected_by=Disconnected.PEER,
    ended_at=1005.0,
    close_code=1009,
    error="x",
)
BUSY: Final = classify(Ending(answered=False, by_callee=True, replied=True, cause=17, sip_status=486))
AT: Final = st.integers(0, 8000).map(lambda eighth: 1000 + eighth / 8)  # whole milliseconds: a record cuts the rest off
NUMBERS: Final = st.sampled_from([1, 2])
EVENTS: Final[st.SearchStrategy[Event]] = st.one_of(
    st.builds(CallDialed, AT),
    st.builds(OriginateAccepted, AT, st.just("abc@host")),
    st.builds(CallProgressed, AT, st.booleans()),
    st.builds(CallAnswered, AT),
    st.builds(SpeakingStarted, st.just("1"), AT, st.just(2.0)),
    st.builds(QualitySampled, AT, st.just(4.4), st.just(1.0), st.just(0.0), st.sampled_from([None, 20.0])),
    st.builds(CallEnded, AT, cause=st.just(16)),
    st.builds(CallReleased, AT),
    st.builds(ActionFailed, st.none(), st.just("internal_error"), st.just("")),
    st.just(DigitsCollected(Collected(Keys("42"), EndedBy.TERMINATOR, valid=True, ignored=1), "pin", 2, False)),
    st.builds(OnSecond, NUMBERS, st.builds(CallDialed, AT) | st.builds(CallAnswered, AT) | st.builds(CallEnded, AT)),
    st.builds(SecondEnded, NUMBERS, st.just(BUSY)),
    st.builds(StreamStarted, NUMBERS, st.sampled_from([STREAM, CONNECTED]), AT),
    st.builds(StreamEnded, NUMBERS, st.just(BROKEN), AT),
)
BEGINNINGS: Final = st.builds(
    record_of, st.sampled_from([State.QUEUED, State.WAITING]), inbound=st.booleans(), test=st.booleans()
)
OUTCOMES: Final = st.builds(
    classify,
    st.builds(
        Ending,
        answered=st.booleans(),
        fault=st.sampled_from([Fault.APP_LOST, Fault.ORIGINATE_UNKNOWN, Fault.LOST_BEFORE_DIALING]),
        cause=st.sampled_from([None, 16]),
        sip_status=st.sampled_from([None, 486]),
    ),
)


def seen_through(record: CallRecord, outcome: Outcome, at: float, *, seen: bool) -> dict[str, Any]:
    """Return how the record would show a call that ended while it was there to see it."""
    known = record.ended_at is not None
    record.end(outcome, at)
    broken = [number for number, stream in record.streams.items() if stream is not BROKEN]
    for number in broken:
        record.streams[number] = left_open(record.streams[number], record.ended_at)
    shown = record.to_json()
    for number, stream in zip(sorted(record.streams), shown["media"], strict=True):
        stream["duration_ms"] = None if number in broken else stream["duration_ms"]
    if not (seen or known):
        shown["talk_ms"] = None
        shown["ring_ms"] = None if record.answered_at is None else shown["ring_ms"]
    return shown


def left_open(stream: StreamReport, at: float | None) -> StreamReport:
    return replace(
        stream,
        status=StreamStatus.FAILED,
        disconnected_by=Disconnected.ERROR,
        ended_at=at,
        close_code=1006 if stream is CONNECTED else None,
        error="app_lost",
    )


@given(BEGINNINGS, st.lists(EVENTS, max_size=12), OUTCOMES, AT, st.booleans())
def test_a_record_ends_as_if_it_had_been_seen_through(
    record: CallRecord, life: list[Event], outcome: Outcome, at: float, seen: bool
) -> None:
    for event in life:
        record.note(event)
    left = record.to_json()
    as_it_was = copy.deepcopy(left)
    ended = closed(left, outcome, at, seen=seen)
    assert left == as_it_was, "what was read stays as it is"
    assert ended == seen_through(record, outcome, at, seen=seen)
    assert list(ended) == list(left)
    assert closed(ended, outcome, at + 1, seen=False) == ended, "once more changes nothing"


def spans(state: State, *, seen: bool, **times: Any) -> tuple[Any, Any, Any]:
    ended = closed(record_of(state, **times).to_json(), LOST, 1010.0, seen=seen)
    return ended["ring_ms"], ended["talk_ms"], ended["ended_at"]


def test_spans_to_an_end_that_nobody_saw_are_not_made_up() -> None:
    ten, nine = rfc3339(1010.0), rfc3339(1009.0)
    assert spans(State.RINGING, seen=True, ringing_at=1001.0) == (9000, None, ten)
    assert spans(State.RINGING, seen=False, ringing_at=1001.0) == (None, None, ten)
    assert spans(State.ANSWERED, seen=True, ringing_at=1001.0, answered_at=1003.0) == (2000, 7000, ten)
    assert spans(State.ANSWERED, seen=False, ringing_at=1001.0, answered_at=1003.0) == (2000, None, ten)
    assert spans(State.ANSWERED, seen=True, ringing_at=1011.0) == (0, None, ten), "clocks of two hosts"
    # The former life saw the end, and died before it could say so.
    assert spans(State.ANSWERED, seen=False, ringing_at=1001.0, answered_at=1003.0, ended_at=1009.0) == (
        2000,
        6000,
        nine,
    )


def test_what_was_open_is_closed_and_what_had_ended_stays() -> None:
    record = record_of(State.ANSWERED, answered_at=1003.0)
    for number, of_second in ((1, CallEnded(1008.0)), (2, CallAnswered(1009.0))):
        record.second(number, f"+1555016{number}").note(of_second)
    record.second(1).outcome = BUSY
    record.streams = dict(enumerate((BROKEN, CONNECTED, STREAM), start=1))
    ended = closed(record.to_json(), replace(LOST, cause=16), 1010.0, seen=False)
    busy: dict[str, Any] = {"class": "busy", "cause": 17, "sip_status": 486}
    lost: dict[str, Any] = {"class": "failed", "reason": "app_lost"}
    assert [(leg["ended_at"], leg["cause"], leg["sip_status"]) for leg in ended["legs"]] == [
        (rfc3339(1010.0), 16, None),
        (rfc3339(1008.0), 17, 486),
        (rfc3339(1010.0), None, None),
    ]
    for leg, outcome in zip(ended["legs"], ({**lost, "cause": 16}, busy, {**lost, "cause": None}), strict=True):
        assert leg["outcome"].items() >= outcome.items()
    assert [(stream["status"], stream["disconnected_by"], stream["error"]) for stream in ended["media"]] == [
        ("failed", "peer", "x"),
        ("failed", "error", "app_lost"),
        ("failed", "error", "app_lost"),
    ]
    assert [stream["close_code"] for stream in ended["media"]] == [1009, 1006, None]
    assert [stream["duration_ms"] for stream in ended["media"]] == [1000, None, None]
    assert (ended["media"][1]["frames_sent"], ended["media"][1]["started_at"]) == (50, rfc3339(1004.0))


# --- records that are none of ours ------------------------------------------------------------------------------------


def test_what_another_version_wrote_is_kept() -> None:
    leg = {"role": "third", "more": 1, "ended_at": None}
    record = {**record_of(State.RINGING).to_json(), "schema": 2, "mood": {"good": True}}
    record["legs"], record["media"] = [*record["legs"], leg, "what"], [{"status": "paused", "name": "x"}, None]
    ended = closed(record, LOST, 1010.0, seen=True)
    assert (ended["schema"], ended["mood"]) == (2, {"good": True})
    assert (ended["legs"][1]["role"], ended["legs"][1]["more"], ended["legs"][2]) == ("third", 1, "what")
    assert ended["legs"][1]["ended_at"] == rfc3339(1010.0)
    assert ended["media"] == record["media"], "what it does not know is not ended by it"
    assert told(what_becomes({**record, "state": "hovering"}, plan=HERE, until=None, alive=None, now=NOW)) == APP_LOST


WORDS: Final = ("waiting", "dialing", "connected", "first", "inbound", "2026-01-01T00:00:00.000Z", "0001-01-01")
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["role", "status", "outcome", "ended_at"]), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS: Final = tuple(record_of().to_json())


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
    st.sets(st.sampled_from(FIELDS)),
    st.sampled_from([True, False, None]),
)
def test_whatever_a_record_is_it_ends(changes: dict[str, Any], missing: set[str], alive: bool | None) -> None:
    record = {name: value for name, value in record_of(State.ANSWERED).to_json().items() if name not in missing}
    record |= changes
    fate = what_becomes(record, plan=None, until=None, alive=alive, now=NOW)
    assert isinstance(fate, Ended)
    ended = closed(record, fate.outcome, 1010.0, seen=alive is True)
    assert ended["state"] == "ended"
    assert ended["outcome"]["class"] == fate.outcome.class_
    assert ended["ended_at"] is not None
    assert {name: ended[name] for name in record if name not in ENDS} == {
        name: value for name, value in record.items() if name not in ENDS
    }


ENDS: Final = {"state", "outcome", "ended_at", "ring_ms", "talk_ms", "legs", "media"}


def test_nothing_at_all_ends_too() -> None:
    assert told(what_becomes({}, plan=None, until=None, alive=None, now=NOW)) == APP_LOST
    ended = closed({}, LOST, 1010.0, seen=True)
    assert ended.keys() == ENDS
    assert (ended["legs"], ended["media"], ended["ring_ms"], ended["talk_ms"]) == ([], [], None, None)
