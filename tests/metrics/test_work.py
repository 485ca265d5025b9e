"""What is counted of webhooks, questions, speech, requests and streams: told by whoever does the work."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from otpvoice.adapters.speech.counts import Counts
from otpvoice.adapters.webhooks.attempts import Attempt, Made
from otpvoice.core.actions import Action, Hangup, Stream
from otpvoice.core.media import StreamReport, StreamStatus, report_of
from otpvoice.core.record import CallRecord
from otpvoice.metrics.streams import StreamMetrics
from otpvoice.metrics.work import CountedAsker, HttpMetrics, SpeechMetrics, WebhookMetrics
from otpvoice.session import NoAnswer
from tests.metrics.house import FakeStreams
from tests.metrics.samples import Samples, changes, samples_of, told
from tests.metrics.test_calls import fresh

# --- webhooks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", list(Made))
def test_an_attempt_is_counted_by_what_came_of_it(made: Made) -> None:
    registry = CollectorRegistry()
    metrics = WebhookMetrics(registry)
    before = told(registry)
    arrived = made is Made.DELIVERED
    metrics.attempted(Attempt(made, 0.25, 3.5 if arrived else None))
    lag = {"otpvoice_webhook_lag_seconds_count": 1, "otpvoice_webhook_lag_seconds_sum": 3.5}
    assert changes(before, told(registry)) == {
        f'otpvoice_webhook_deliveries_total{{result="{made}"}}': 1,
        "otpvoice_webhook_seconds_count": 1,
        "otpvoice_webhook_seconds_sum": 0.25,
    } | (lag if arrived else {})


# --- questions --------------------------------------------------------------------------------------------------------


class Answers:
    """Answers, or raises ``fault``, or never says anything."""

    def __init__(self, fault: BaseException | None = None, *, silent: bool = False) -> None:
        self.fault, self.silent = fault, silent

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        if self.silent:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return (Hangup(),)


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (None, "answered"),
        (NoAnswer("not_answered", "…"), "not_answered"),
        (NoAnswer("answer_invalid", "…"), "answer_invalid"),
        (NoAnswer("nobody_to_ask", "…"), "nobody_to_ask"),
    ],
)
async def test_a_question_is_counted_by_its_answer_and_handed_on_as_it_is(fault: NoAnswer | None, result: str) -> None:
    registry = CollectorRegistry()
    asker = CountedAsker(Answers(fault), registry)
    before = told(registry)
    if fault is None:
        assert await asker.ask(fresh()) == (Hangup(),)
    else:
        with pytest.raises(NoAnswer) as raised:
            await asker.ask(fresh())
        assert raised.value is fault
    said = changes(before, told(registry))
    assert said.pop("otpvoice_question_seconds_sum", 0.0) >= 0.0
    assert said == {f'otpvoice_questions_total{{result="{result}"}}': 1, "otpvoice_question_seconds_count": 1}


async def test_a_question_that_nobody_waits_for_any_more_is_counted_too() -> None:
    registry = CollectorRegistry()
    asking = asyncio.create_task(CountedAsker(Answers(silent=True), registry).ask(fresh()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert told(registry)['otpvoice_questions_total{result="canceled"}'] == 1


async def test_a_test_call_has_nobody_who_waits() -> None:
    registry = CollectorRegistry()
    asker = CountedAsker(Answers(), registry)
    before = told(registry)
    assert await asker.ask(fresh(test=True)) == (Hangup(),)
    assert changes(before, told(registry)) == {}


# --- speech -----------------------------------------------------------------------------------------------------------


def test_a_text_that_came_has_a_time_and_one_that_did_not_has_none() -> None:
    registry = CollectorRegistry()
    metrics = SpeechMetrics(registry)
    metrics.rendered("espeak", "rendered", 0.2)
    metrics.rendered("espeak", "failed", 3.0)
    metrics.rendered("recorded", "refused", 0.001)
    said = told(registry)
    assert said['otpvoice_speech_renders_total{engine="espeak",result="rendered"}'] == 1
    assert said['otpvoice_speech_renders_total{engine="espeak",result="failed"}'] == 1
    assert said['otpvoice_speech_renders_total{engine="recorded",result="refused"}'] == 1
    assert (said["otpvoice_speech_render_seconds_count"], said["otpvoice_speech_render_seconds_sum"]) == (1, 0.2)


def test_where_clips_came_from_is_counted_and_who_stood_in() -> None:
    registry = CollectorRegistry()
    metrics: Counts = SpeechMetrics(registry)
    before = told(registry)
    metrics.had("memory", 7)
    metrics.had("disk")
    metrics.stood_in("espeak")
    assert changes(before, told(registry)) == {
        'otpvoice_speech_clips_total{from="memory"}': 7,
        'otpvoice_speech_clips_total{from="disk"}': 1,
        'otpvoice_speech_fallbacks_total{engine="espeak"}': 1,
    }


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_is_counted_and_timed_and_a_stream_is_not_timed() -> None:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry)
    before = told(registry)
    metrics.answered("GET", "/v1/events", 200, None)
    metrics.answered("POST", "/v1/calls", 202, 0.5)
    assert changes(before, told(registry)) == {
        'otpvoice_http_requests_total{method="GET",route="/v1/events",status="200"}': 1,
        'otpvoice_http_requests_total{method="POST",route="/v1/calls",status="202"}': 1,
        'otpvoice_http_request_seconds_count{route="/v1/calls"}': 1,
        'otpvoice_http_request_seconds_sum{route="/v1/calls"}': 0.5,
    }


# --- streams ----------------------------------------------------------------------------------------------------------

LISTENS = report_of(Stream(name="tap", url="wss://bot.example/in", format="spoken", mode="listen", tracks=("inbound",)))


def counts(**frames: int) -> Samples:
    return {f"otpvoice_stream_{name}_total": number for name, number in frames.items()}


def test_frames_count_as_they_go_and_never_go_back() -> None:
    registry, streams = CollectorRegistry(), FakeStreams()
    metrics = StreamMetrics(registry, ("spoken", "other_spoken"))
    before = told(registry)
    assert before['otpvoice_streams_total{format="other_spoken",status="failed"}'] == 0
    metrics.watch(streams)
    report = replace(LISTENS, frames_sent=50, frames_received=7, dropped=2, reconnects=1)
    streams.reports = [report, LISTENS]
    expected = counts(frames_sent=50, frames_received=7, frames_dropped=2, reconnects=1)
    assert changes(before, told(registry)) == expected | {'otpvoice_streams_open{format="spoken"}': 2}
    # It leaves the one and joins the other in one step.
    report = replace(report, frames_sent=60, status=StreamStatus.COMPLETED)
    streams.reports = [LISTENS]
    metrics.ended(report)
    assert changes(before, told(registry)) == expected | counts(frames_sent=60) | {
        'otpvoice_streams_open{format="spoken"}': 1,
        'otpvoice_streams_total{format="spoken",status="completed"}': 1,
    }


def test_a_stream_that_ends_between_two_families_is_in_none_of_them_twice() -> None:
    registry, streams = CollectorRegistry(), FakeStreams()
    metrics = StreamMetrics(registry, ("spoken",))
    metrics.watch(streams)
    streams.reports = [replace(LISTENS, frames_sent=1000)]
    families = metrics.collect()
    first = next(families)
    metrics.ended(streams.reports.pop())
    said = samples_of([first, *families])
    assert (said["otpvoice_stream_frames_sent_total"], said['otpvoice_streams_open{format="spoken"}']) == (1000, 1)


def test_a_format_that_there_is_not_is_another() -> None:
    registry, streams = CollectorRegistry(), FakeStreams()
    metrics = StreamMetrics(registry, ("spoken",))
    metrics.watch(streams)

    def unknown(number: int) -> StreamReport:
        return replace(LISTENS, format=f"format-{number}", status=StreamStatus.FAILED)

    streams.reports = [unknown(number) for number in range(100)]
    for number in range(100):
        metrics.ended(unknown(number))
    said = told(registry)
    assert said['otpvoice_streams_open{format="other"}'] == 100
    assert said['otpvoice_streams_total{format="other",status="failed"}'] == 100
    assert not [name for name in said if "format-" in name]
