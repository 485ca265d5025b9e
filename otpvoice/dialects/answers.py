"""The shapes of what we answer, for the reference: nothing is made or read with them.

The record is made in ``core/record``, a problem in ``web/problems``; tests hold real ones against these models, so that
what is written here is what a client gets. A client passes over fields that it does not know: more may come.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from otpvoice.core.digits import EndedBy
from otpvoice.core.media import Disconnected, StreamStatus
from otpvoice.core.outcome import EndedParty, OutcomeClass
from otpvoice.core.record import SCHEMA, State
from otpvoice.core.speech import LeftOut
from otpvoice.dialects.native_events import EventType

Instant: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with milliseconds."""
Span: TypeAlias = Annotated[int, Field(ge=0)]
"""Milliseconds."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Outcome(_Answer):
    """How a call, or a leg of it, ended."""

    class_: Annotated[OutcomeClass, Field(alias="class")]
    reason: Annotated[str | None, Field(description="One word more, where the class does not say it all.")]
    cause: Annotated[int | None, Field(description="Q.850.")]
    sip_status: Annotated[int | None, Field(description="The far end's own.")]
    ended_by: EndedParty


class PlayedCharacter(_Answer):
    """A character of the code that was played out, to the callee, before any hang-up or hold."""

    reading: Annotated[int, Field(ge=1)]
    position: Annotated[int, Field(ge=1)]
    at_ms: Annotated[Span | None, Field(description="From the answer.")]


class Played(_Answer):
    """What of the code was played."""

    readings: Annotated[int, Field(ge=0, description="Whole readings, in order.")]
    complete: Annotated[bool, Field(description="All that were due, those within a `gather` not counted.")]
    digits: list[PlayedCharacter]
    first_audio_ms: Annotated[Span | None, Field(description="From the answer.")]


class Collected(_Answer):
    """What a `gather` collected in its last try."""

    tag: str | None
    digits: Annotated[str | None, Field(description="Null where the gather is sensitive.")]
    count: Annotated[int, Field(ge=0)]
    ended_by: EndedBy
    valid: bool
    tries: Annotated[int, Field(ge=1, description="How many it took.")]
    ignored: Annotated[int, Field(ge=0, description="Keys that are neither valid digits nor terminators.")]


class Quality(_Answer):
    """What the far end reported last (RTCP)."""

    at: Instant
    mos: Annotated[float, Field(ge=1, le=4.5)]
    jitter_ms: float
    loss: Annotated[float, Field(ge=0, le=1)]
    rtt_ms: Annotated[float | None, Field(description="Null until a report of ours has come back.")]


class Leg(_Answer):
    """A telephone of the call."""

    role: Literal["first", "second"]
    channel: str | None
    sip_call_id: str | None
    from_: Annotated[
        str | None, Field(alias="from", description="The caller ID that it is shown; null: the trunk's own.")
    ]
    to: str | None
    dialed_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None
    cause: int | None
    sip_status: int | None
    quality: Quality | None
    outcome: Outcome | None


class MediaStream(_Answer):
    """A stream of the call's audio. Frames are 20 ms of one track, bytes those of WebSocket messages."""

    name: str
    format: str
    mode: Literal["listen", "talk"]
    tracks: list[Literal["inbound", "outbound", "second", "near", "far"]]
    host: Annotated[str, Field(description="Where it goes; no more of the URL is shown.")]
    status: StreamStatus
    disconnected_by: Annotated[Disconnected | None, Field(description="Null while it runs.")]
    started_at: Annotated[Instant | None, Field(description="The first connection.")]
    ended_at: Instant | None
    duration_ms: Span | None
    frames_sent: Annotated[int, Field(ge=0)]
    frames_received: Annotated[int, Field(ge=0)]
    bytes_sent: Annotated[int, Field(ge=0)]
    bytes_received: Annotated[int, Field(ge=0)]
    dropped: Annotated[int, Field(ge=0, description="Frames that the other side was too slow for.")]
    reconnects: Annotated[int, Field(ge=0)]
    close_code: Annotated[int | None, Field(description="RFC 6455, 7.4.")]
    close_reason: str | None
    error: Annotated[str | None, Field(description="A word.")]


class Speech(_Answer):
    """Who spoke. ``voice`` null: the configured one."""

    voice: str | None
    fallback: str | None
    left_out: Annotated[list[LeftOut], Field(description="What no voice could say: the code was spoken without it.")]


class CallError(_Answer):
    """What went wrong on the way. ``action``: the index of the action; null: the call itself."""

    code: str
    message: str
    action: int | None


class Call(_Answer):
    """A call as it stands, and in the end its summary: always the same keys, null where nothing is known."""

    schema_: Annotated[int, Field(alias="schema", json_schema_extra={"const": SCHEMA})]
    id: str
    account: str
    door: Annotated[str, Field(description="Where it came in.")]
    test: Annotated[bool, Field(description="Asked for with a test key: no telephone rang.")]
    direction: Literal["inbound", "outbound"]
    from_: Annotated[str | None, Field(alias="from")]
    to: str | None
    language: str
    state: State
    outcome: Annotated[Outcome | None, Field(description="Null before the end.")]
    delivered: Annotated[
        bool | None,
        Field(description="At least one whole reading of the code was played; null where no code was to be spoken."),
    ]
    played: Played
    collected: list[Collected]
    created_at: Instant
    dialed_at: Instant | None
    ringing_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant | None
    ring_ms: Annotated[Span | None, Field(description="From ringing to the answer, or the end.")]
    talk_ms: Annotated[Span | None, Field(description="From the answer to the end.")]
    legs: list[Leg]
    media: Annotated[list[MediaStream], Field(description="Its streams, in the order in which they began.")]
    speech: Speech
    node: Annotated[str | None, Field(description="The Asterisk that has it.")]
    instance: Annotated[str, Field(description="The process that has it.")]
    metadata: dict[str, Any]
    errors: list[CallError]
    truncated: Annotated[
        bool, Field(default=False, description="Of an event that would be too large: what is long was left out.")
    ]


class EventData(_Answer):
    """The call as it was at that moment, and what there is to say of the event besides."""

    call: Call
    count: Annotated[int, Field(default=0, ge=1, description="Of `code.replayed`: the how-manieth time.")]
    index: Annotated[int, Field(default=0, ge=0, description="Of `action.completed`: which one of the plan's.")]
    type: Annotated[str, Field(default="", description="Of `action.completed`: what it was.")]
    id: Annotated[str | None, Field(default=None, description="Of `action.completed`: the one that you gave it.")]
    collected: Annotated[Collected | None, Field(default=None, description="Of `digits.collected`.")]
    media: Annotated[
        MediaStream | None, Field(default=None, description="Of `media.started` and `media.stopped`: the stream.")
    ]


class Event(_Answer):
    """Something that happened to a call: what a webhook gets, and what is stored."""

    id: Annotated[str, Field(description="`evt_…`; the same on every try, and in the header `webhook-id`.")]
    type: EventType
    timestamp: Instant
    account: str
    data: EventData


class CallPage(_Answer):
    """Calls, newest first."""

    data: list[Call]
    next_cursor: Annotated[str | None, Field(description="What to ask on with; null: that was all.")]


class EventPage(_Answer):
    """Events, oldest first."""

    data: list[Event]
    next_cursor: Annotated[str | None, Field(description="What to ask on with, as `after`; null: that was all.")]


class Complaint(_Answer):
    """One thing that is wrong."""

    path: Annotated[str, Field(description="JSONPath (RFC 9535), as in `$.actions[0].max_digits`.")]
    code: str
    message: str


class Problem(_Answer):
    """An error (RFC 9457)."""

    type: Annotated[
        str,
        Field(
            description="A page about it; `about:blank`: nothing more is known.",
            json_schema_extra={"format": "uri-reference"},
        ),
    ]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(default="", description="For people.")]
    code: Annotated[str, Field(description="For programs.")]
    errors: Annotated[list[Complaint], Field(default_factory=list, description="All that is wrong, at once.")]
    call: Annotated[str, Field(default="", description="Of `destination_busy`: the call that is in progress.")]
    limit: Annotated[str, Field(default="", description="Of `rate_limited`: which limit.")]


class Alive(_Answer):
    """The process runs."""

    status: Literal["ok"]


class Reason(_Answer):
    """Why no call can be placed."""

    code: str
    node: Annotated[str, Field(default="", description="Which Asterisk.")]
    detail: Annotated[str, Field(default="", description="For people.")]


class StoreHealth(_Answer):
    """Does the store take writes?"""

    ready: bool
    reason: str | None


class NodeHealth(_Answer):
    """One Asterisk."""

    name: str
    ready: bool
    reasons: list[str]
    detail: str
    connected: bool
    version: str
    legs: Annotated[dict[str, int], Field(description="Media legs, `free` and `taken`.")]


class Readiness(_Answer):
    """Can a call be placed now, and if not, why?"""

    status: Literal["ready", "not_ready"]
    reasons: list[Reason]
    instance: str
    calls: Annotated[int, Field(ge=0, description="In progress here.")]
    draining: bool
    store: StoreHealth
    nodes: list[NodeHealth]


ANSWERS: Final = (Call, CallPage, Event, EventPage, Problem, Alive, Readiness)
"""What an answer's body may be."""
