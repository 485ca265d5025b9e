"""What the streams of a call are opened with: what a format may say of it, and who is told.

Where they lead, and how, is the relays' business.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Protocol, cast

from otpvoice.ari.streaming import Mouth, Opener, OpenStream, StreamEvent
from otpvoice.core.actions import Stream
from otpvoice.core.events import StreamEnded, StreamStarted
from otpvoice.core.media import StreamReport, StreamStatus
from otpvoice.core.record import CallRecord
from otpvoice.media.g711 import Law
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import Facts, Mode


class Told(Protocol):
    """What a relay tells of a stream: that it is connected, or is over."""

    @property
    def report(self) -> StreamReport: ...


class Relays(Protocol):
    """Carries the audio of calls to WebSockets. ``open`` never waits; ``tell`` hears of the stream twice at most."""

    def open(self, order: Stream, facts: Facts, mouth: Mouth | None, tell: Callable[[Told], None], /) -> OpenStream: ...


def opener_of(relays: Relays, record: CallRecord, law: Law) -> Opener:
    """Return what opens the streams of one call on a node of this codec."""

    def open_stream(number: int, order: Stream, mouth: Mouth | None, tell: Callable[[StreamEvent], None]) -> OpenStream:
        def told(what: Told) -> None:
            report = what.report
            if report.status in {StreamStatus.COMPLETED, StreamStatus.FAILED}:
                tell(StreamEnded(number, report, report.ended_at or time.time()))
            else:
                tell(StreamStarted(number, report, report.started_at or time.time()))

        return relays.open(order, facts_of(order, record, law), mouth, told)

    return open_stream


def facts_of(order: Stream, record: CallRecord, law: Law) -> Facts:
    """Return what may be said of a stream of this call."""
    plan = record.plan
    return Facts(
        stream_id="stream_" + secrets.token_hex(12),
        call_id=record.id,
        account=record.account,
        name=order.name,
        direction="inbound" if plan.inbound else "outbound",
        caller=plan.caller_id,
        callee=plan.to,
        tracks=order.tracks,
        mode=cast("Mode", order.mode),
        sample_rate=order.sample_rate or FORMATS[order.format].rates[0],
        law=law,
        parameters=order.parameters,
    )
