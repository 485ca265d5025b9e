"""Whatever may come by a teller: events in any order, and records with anything in them."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from otpvoice.core.digits import KEYPAD, Collected, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitReceived,
    DigitsCollected,
    Event,
    KeyPressed,
    OfSecond,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    QualitySampled,
    SecondEnded,
)
from otpvoice.core.outcome import TABLE, EndedParty, Outcome
from otpvoice.core.secret import Keys
from tests.core.plans import JSON

AT: Final = st.floats(0, 4e9)
KEYED: Final = st.text(st.sampled_from(sorted(KEYPAD)), min_size=12, max_size=20)
OUTCOMES: Final = st.builds(
    lambda row, sip: Outcome(row.class_, row.reason, None, sip, EndedParty.US),
    st.sampled_from(TABLE),
    st.none() | st.integers(0, 999),
)
COLLECTED: Final = st.builds(
    DigitsCollected,
    st.builds(Collected, st.builds(Keys, KEYED), st.sampled_from(EndedBy), st.booleans(), st.integers(0, 9)),
    st.none() | st.sampled_from(["dial", "play", "speak"]) | st.text(max_size=8),
    st.integers(1, 3),
    st.just(True),
)
DONE: Final = st.builds(
    ActionCompleted,
    st.integers(0, 9),
    st.sampled_from(["say", "play", "gather", "dial", "send_digits", "hangup", "pause", "new"]),
    st.none() | st.sampled_from(["dial", "play", "speak"]) | st.text(max_size=8),
)
OF_SECOND: Final[st.SearchStrategy[OfSecond]] = st.one_of(
    st.builds(CallDialed, AT),
    st.builds(OriginateAccepted, AT),
    st.builds(CallProgressed, AT, ringing=st.booleans()),
    st.builds(CallAnswered, AT),
    st.builds(CallEnded, AT),
    st.builds(DigitReceived, st.sampled_from(sorted(KEYPAD)), AT),
    st.builds(QualitySampled, AT, st.floats(), st.floats(), st.floats(), st.floats()),
)
EVENTS: Final[st.SearchStrategy[Event]] = st.one_of(
    OF_SECOND,
    st.builds(OnSecond, st.integers(1, 3), OF_SECOND),
    st.builds(SecondEnded, st.integers(1, 3), OUTCOMES),
    st.builds(KeyPressed, AT, st.booleans()),
    st.builds(ActionFailed, st.none(), st.sampled_from(["answer_invalid", "audio_status", "new"]), st.just("")),
    st.builds(PartiesConnected, AT),
    st.builds(Asked, COLLECTED | DONE),
    COLLECTED,
    DONE,
)
NAMES: Final = [
    *("id", "account", "direction", "from", "to", "outcome", "created_at", "dialed_at", "answered_at", "ended_at"),
    *("talk_ms", "legs", "metadata", "errors", "role", "quality", "class", "reason", "sip_status", "code"),
    *("mos", "loss", "jitter_ms", "clientRequestId", "external_id"),
]
VALUES: Final = st.one_of(
    st.sampled_from(["inbound", "second", "first", "completed", "busy", "failed", "unknown", "audio_status"]),
    st.sampled_from(["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59.999Z", "2026-01-13T08:26:58", "\ud800"]),
    st.sampled_from(["+6591178965", "+1", "+99999999999999999", "100"]),
    st.integers(),
    st.floats(),
    JSON,
)
RECORDS: Final = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=12),
    max_leaves=40,
)
RECORD: Final = st.dictionaries(st.sampled_from(NAMES), RECORDS)


def strictly(body: bytes) -> dict[str, Any]:
    """Return JSON as RFC 8259 has it: no NaN."""

    def never(word: str) -> None:
        raise AssertionError(word)

    value = json.loads(body, parse_constant=never)
    assert isinstance(value, dict)
    return value
