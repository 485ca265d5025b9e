"""All that is measured, as words: names, what they tell, their labels, and the values that a label may have.

Names, labels and values are an interface: dashboards and alerts are built on them. No label holds a number, an id, a
URL or anything else that a request can choose; ``account``, ``trunk`` and ``node`` are names of the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from otpvoice.core.digits import EndedBy
from otpvoice.core.media import StreamStatus
from otpvoice.core.outcome import OutcomeClass
from otpvoice.core.record import State
from otpvoice.metrics import buckets
from otpvoice.metrics.refusals import DIALPLAN, HTTP


class Kind(StrEnum):
    """What Prometheus does with it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Label:
    """``values``: all that it may have; none: ``says`` which there are."""

    name: str
    values: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric. ``buckets``: upper bounds of a histogram."""

    name: str
    kind: Kind
    says: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


_ALL: Final[list[Measured]] = []


def _measured(name: str, kind: Kind, says: str, labels: tuple[Label, ...], bounds: tuple[float, ...] = ()) -> Measured:
    _ALL.append(measured := Measured(f"otpvoice_{name}", kind, says, labels, bounds))
    return measured


def _counter(name: str, says: str, *labels: Label) -> Measured:
    return _measured(f"{name}_total", Kind.COUNTER, says, labels)


def _gauge(name: str, says: str, *labels: Label) -> Measured:
    return _measured(name, Kind.GAUGE, says, labels)


def _histogram(name: str, says: str, bounds: tuple[float, ...], *labels: Label) -> Measured:
    return _measured(name, Kind.HISTOGRAM, says, labels, bounds)


ACCOUNT: Final = Label("account", says="an account's id")
TRUNK: Final = Label("trunk", says="a trunk's name")
NODE: Final = Label("node", says="host and port of `ARI_URL`")
DOOR: Final = Label("door", says=f"`{HTTP}`, `{DIALPLAN}`, or another that calls are asked for at")
DIRECTION: Final = Label("direction", ("outbound", "inbound"))
OUTCOME: Final = Label("outcome", tuple(OutcomeClass))
REASON: Final = Label("reason", says="see [outcomes](outcomes.md); `none` where the outcome says it all")
REFUSAL: Final = Label("reason", says="over HTTP the [code](errors.md), in the dialplan `OTPVOICE_REASON`; or `other`")
STATE: Final = Label("state", tuple(state for state in State if state is not State.ENDED))
FORMAT: Final = Label("format", says="a [format](streams.md)")
ENGINE: Final = Label("engine", ("espeak", "flite", "piper", "gtts", "recorded"))
SOURCES: Final = ("memory", "disk", "engine")

BUILD: Final = _measured("build_info", Kind.INFO, "Always 1.", (Label("version", says="of otpvoice"),))
DRAINING: Final = _gauge("draining", "1: no new calls are taken, because this process is about to end.")

# --- calls

CALLS: Final = _counter("calls", "Calls that ended, taps included.", DIRECTION, DOOR, ACCOUNT, OUTCOME, REASON)
TEST_CALLS: Final = _counter("test_calls", "Calls of test keys that ended; no other count of calls has them.", OUTCOME)
CALLS_REFUSED: Final = _counter(
    "calls_refused", "Calls that were asked for and not taken; nobody was rung.", DOOR, REFUSAL
)
CALLS_RECOVERED: Final = _counter(
    "calls_recovered",
    "Calls that a former life of this process left; no other count of ended calls has them.",
    Label("becomes", (*(class_.value for class_ in OutcomeClass), "dialed", "waiting", "left")),
)
CALLS_IN_PROGRESS: Final = _gauge("calls_in_progress", "Calls that wait or are on, here.", STATE)
DIALS: Final = _counter("dials", "Telephones that were dialled, those of second legs included.", TRUNK)
ANSWERS: Final = _counter("answers", "Those of the dialled telephones that were answered.", TRUNK)
RING: Final = _histogram(
    "ring_seconds", "From dialling to ringing, of first legs; told at the call's end.", buckets.RING
)
ANSWER: Final = _histogram(
    "answer_seconds", "From dialling to the answer, of first legs; told at the call's end.", buckets.RING
)
FIRST_AUDIO: Final = _histogram(
    "first_audio_seconds", "From the answer to the first audio; told at the call's end.", buckets.FIRST_AUDIO
)
TALK: Final = _histogram("talk_seconds", "From the answer to the end.", buckets.TALK)
MOS: Final = _histogram(
    "call_mos", "The last estimate of how good a call sounded (MOS, by what RTCP tells).", buckets.OPINION
)
CODES: Final = _counter(
    "codes",
    "Calls that were to speak a code, at their end: was one reading of it played whole?",
    Label("delivered", ("true", "false")),
)
CODES_REPLAYED: Final = _counter("codes_replayed", "Codes that were read again because the callee wanted it.")
DIGITS_COLLECTED: Final = _counter(
    "digits_collected", "Times that keys were collected, by why that was over.", Label("ended_by", tuple(EndedBy))
)
KEYS: Final = _counter("keys", "Keys that were pressed.")

# --- trunks

TRUNK_QUEUE: Final = _gauge("trunk_queue", "Calls that wait for their turn on a trunk.", TRUNK)
TRUNK_CALLS: Final = _gauge("trunk_calls", "Calls on a trunk, second legs included.", TRUNK)

# --- Asterisk

ARI_CONNECTED: Final = _gauge("ari_connected", "1: the events of this Asterisk reach us.", NODE)
ARI_READY: Final = _gauge("ari_ready", "1: calls may be placed on this Asterisk.", NODE)
ARI_REPLACED: Final = _gauge("ari_replaced", "1: another client has taken our application over.", NODE)
ARI_RECONNECTS: Final = _counter("ari_reconnects", "Times that the events socket was connected again.", NODE)
MEDIA_WEDGED: Final = _gauge("media_wedged", "1: media legs do not come up any more; restart Asterisk.", NODE)
MEDIA_LEGS: Final = _gauge("media_legs", "Media legs.", NODE, Label("state", ("free", "taken")))
MEDIA_LEGS_LIMIT: Final = _gauge("media_legs_limit", "Media legs that there may be (`MEDIA_LEGS`).", NODE)
MEDIA_LEGS_NOT_MADE: Final = _counter("media_legs_not_made", "Media legs that did not come up.", NODE)
MEDIA_LEG_WAITING: Final = _gauge("media_leg_waiting", "Calls that wait for a media leg.", NODE)

# --- webhooks, and questions

WEBHOOK_DELIVERIES: Final = _counter(
    "webhook_deliveries",
    "Attempts to deliver a webhook: `given_up` and `endpoint_gone` (410) make a dead letter.",
    Label("result", ("delivered", "retried", "given_up", "endpoint_gone")),
)
WEBHOOK_SECONDS: Final = _histogram("webhook_seconds", "One attempt to deliver a webhook.", buckets.POST)
WEBHOOK_LAG: Final = _histogram(
    "webhook_lag_seconds",
    "From what happened to its webhook's arrival, all attempts included.",
    buckets.WEBHOOK_LAG,
)
WEBHOOKS_PENDING: Final = _gauge(
    "webhooks_pending", "Webhooks on their way, of all instances; not there while the store does not answer."
)
WEBHOOKS_DEAD: Final = _gauge(
    "webhooks_dead", "Dead letters, of all instances; not there while the store does not answer."
)
QUESTIONS: Final = _counter(
    "questions",
    "Questions that interactive plans asked; `canceled`: the call ended meanwhile.",
    Label("result", ("answered", "not_answered", "answer_invalid", "nobody_to_ask", "canceled")),
)
QUESTION_SECONDS: Final = _histogram(
    "question_seconds", "How long somebody on the telephone waited for the answer to a question.", buckets.POST
)

# --- streams

STREAMS_OPEN: Final = _gauge("streams_open", "Streams of a call's audio that are open.", FORMAT)
STREAMS: Final = _counter(
    "streams",
    "Streams of a call's audio that ended.",
    FORMAT,
    Label("status", (StreamStatus.COMPLETED, StreamStatus.FAILED)),
)
FRAMES_SENT: Final = _counter("stream_frames_sent", "Frames (20 ms of a track) sent on streams.")
FRAMES_RECEIVED: Final = _counter("stream_frames_received", "Frames (20 ms) received on streams.")
FRAMES_DROPPED: Final = _counter("stream_frames_dropped", "Frames for which the other side of a stream was too slow.")
STREAM_RECONNECTS: Final = _counter("stream_reconnects", "Times that a stream was connected again.")

# --- the store, speech, this process

STORE_UP: Final = _gauge("store_up", "1: the store takes writes.")
STORE_WRITES_PENDING: Final = _gauge("store_writes_pending", "Calls of which something is not written yet.")
STORE_RECORDS_DROPPED: Final = _counter(
    "store_records_dropped", "Records that were lost; the log has an ERROR for each."
)
SPEECH_RENDERS: Final = _counter(
    "speech_renders",
    "Texts that a speech engine was asked for; `refused`: it has no sound for such a text, and never will.",
    ENGINE,
    Label("result", ("rendered", "failed", "refused")),
)
SPEECH_RENDER_SECONDS: Final = _histogram(
    "speech_render_seconds", "How long a text took, trimming and levelling included.", buckets.RENDER
)
SPEECH_CLIPS: Final = _counter(
    "speech_clips", "Clips that calls wanted and had, by where they came from.", Label("from", SOURCES)
)
SPEECH_FALLBACKS: Final = _counter(
    "speech_fallbacks",
    "Scripts that this engine spoke, wholly or partly, where another voice was to that failed.",
    ENGINE,
)
SPEECH_CACHE_BYTES: Final = _gauge("speech_cache_bytes", "Sound that is kept.", Label("in", ("memory", "disk")))
SPEECH_ENGINE_OPEN: Final = _gauge(
    "speech_engine_open",
    "1: the engine is left alone for a while: an online one because it failed, another one because it hung.",
    ENGINE,
)
LOOP_LAG: Final = _histogram("event_loop_lag_seconds", "How late the event loop is, ten times a second.", buckets.LAG)
LOOP_TASKS: Final = _gauge("event_loop_tasks", "Tasks of the event loop that have not ended.")
HTTP_REQUESTS: Final = _counter(
    "http_requests",
    "Requests, but for `/healthz`, `/readyz` and `/metrics`; status 499: nobody waited for the answer.",
    Label("method", says="of HTTP, or `other`"),
    Label("route", says="its pattern, or `none`"),
    Label("status", says="of HTTP"),
)
HTTP_SECONDS: Final = _histogram(
    "http_request_seconds",
    "How long requests took; streams of events are not among them.",
    buckets.REQUEST,
    Label("route", says="its pattern, or `none`"),
)

CATALOGUE: Final = tuple(_ALL)
"""All of it, in this order."""
