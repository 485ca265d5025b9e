"""The verbs *stream* and *stop_stream*: the call's audio to a WebSocket, beside the plan or in its place.

A stream that listens is begun and left to itself. One that talks has the callee: the plan waits until it ends, and then
goes on, whatever came of it. Keys that are pressed meanwhile are the other side's; the line passes them on.
"""

from __future__ import annotations

from otpvoice.core.actions import Stream
from otpvoice.core.commands import StartStream, StopStream
from otpvoice.core.compile import StopStreamStep, StreamStep
from otpvoice.core.events import ActionFailed, StreamEnded, TrackSilent
from otpvoice.core.media import StreamReport, StreamStatus
from otpvoice.core.stage import Stage, Steps
from otpvoice.core.streams import MOST


def stream(stage: Stage, step: StreamStep) -> Steps[None]:
    """Begin a stream, and wait for the end of one that talks."""
    streams = stage.streams
    if streams.find(step.action.name) is not None:
        stage.tell(ActionFailed(stage.index, "stream_exists", "a stream of this name runs already"))
        return
    if streams.full:
        stage.tell(ActionFailed(stage.index, "too_many_streams", f"{MOST} streams run already"))
        return
    number = begin(stage, step.action, stage.index)
    if not step.action.talks:
        return
    stage.spoke = True  # somebody did, and the end of it is not to be cut
    stage.deadline = None
    while stage.streams.of(number) is not None:
        yield


def stop_stream(stage: Stage, step: StopStreamStep) -> None:
    """End a stream. One that has ended by itself, or never was, is no matter."""
    running = stage.streams.find(step.action.name)
    if running is not None:
        stage.streams.end(running.number)
        stage.do(StopStream(running.number))


def begin(stage: Stage, order: Stream, index: int | None) -> int:
    """Have a stream opened. Returns its number. ``index`` None: the trunk wants it."""
    running = stage.streams.begin(order, index)
    stage.do(StartStream(running.number, order))
    return running.number


def ended(stage: Stage, event: StreamEnded) -> None:
    """Take down that a stream has ended; one that failed is an error of the action that began it."""
    running = stage.streams.end(event.number)
    if running is not None and (failed := failure_of(event.report, running.index)) is not None:
        stage.tell(failed)


def failure_of(report: StreamReport, index: int | None) -> ActionFailed | None:
    """Return what is told of a stream that failed, as an error of the action ``index``; None: it did not."""
    if report.status is not StreamStatus.FAILED:
        return None
    return ActionFailed(index, "stream_failed", f"the stream {report.name} failed: {report.error or 'failed'}")


def silent(stage: Stage, event: TrackSilent) -> None:
    """Take down that a track of a stream is silence for now, though somebody may be speaking."""
    running = stage.streams.of(event.number)
    if running is not None:
        track = f"the track {event.track} of the stream {running.order.name}"
        message = f"{track} could not be heard, and is silent meanwhile"
        stage.tell(ActionFailed(running.index, "track_silent", message))
