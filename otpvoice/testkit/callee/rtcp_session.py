"""The reports of one call: what goes out every second or so, and what comes in.

It has no socket: whoever opens one lends ``send``, and hands over what came.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from otpvoice.testkit.callee.rtcp import MalformedReport, Report, Sent, compound, ntp_time, parse
from otpvoice.testkit.callee.rtcp_reception import Reception
from otpvoice.testkit.callee.rtp import RtpPacket
from otpvoice.testkit.callee.scenario import Reporting
from otpvoice.testkit.callee.stream import OutgoingStream

_MOST_KEPT = 1000


class RtcpSession:
    """``sent`` are our last reports, ``heard`` those of the other side, ``malformed`` counts what was none."""

    def __init__(self, reporting: Reporting, cname: str, send: Callable[[bytes], object]) -> None:
        self.sent: deque[Report] = deque(maxlen=_MOST_KEPT)
        self.heard: deque[Report] = deque(maxlen=_MOST_KEPT)
        self.malformed = 0
        self.reception: Reception | None = None
        self._reporting = reporting
        self._cname = cname
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._stream: OutgoingStream | None = None
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, stream: OutgoingStream) -> None:
        """Reports from now on, of ``stream`` too. A second start changes nothing."""
        if self._stream is None:
            self._stream = stream
            self._timer = self._loop.call_later(self._reporting.first, self._report)

    def stop(self) -> None:
        self._stream = None
        if self._timer is not None:
            self._timer.cancel()

    def arrived(self, packet: RtpPacket) -> None:
        """Counts a packet of the other side. A new source begins a new count; only the last one is reported."""
        if self.reception is None or self.reception.ssrc != packet.ssrc:
            self.reception = Reception(packet.ssrc, packet.sequence)
        self.reception.arrived(packet.sequence, packet.timestamp, packet.arrival)

    def receive(self, datagram: bytes, now: float) -> None:
        """Takes a datagram of the other side's, which counts when it would have come over the distance."""
        if self._reporting.distance:
            came = now + self._reporting.distance
            self._loop.call_at(came, self._take, datagram, came)
        else:
            self._take(datagram, now)

    def _take(self, datagram: bytes, now: float) -> None:
        try:
            reports = parse(datagram)
        except MalformedReport:
            self.malformed += 1
            return
        self.heard.extend(reports)
        for report in reports:
            if report.sent is not None and self.reception is not None and report.ssrc == self.reception.ssrc:
                self.reception.sender_reported(report.sent.ntp, now)

    def _report(self) -> None:
        stream = self._stream
        if stream is None:
            return
        blocks = () if self.reception is None else (self.reception.block(self._loop.time()),)
        sent = None
        if stream.packets != self._told:  # section 6.4: who has sent since the last report is a sender
            self._told = stream.packets
            sent = Sent(
                ntp_time(time.time()), stream.timestamp, stream.packets & 0xFFFFFFFF, stream.octets & 0xFFFFFFFF
            )
        report = Report(stream.ssrc, blocks, sent)
        self.sent.append(report)
        self._send(compound(report, self._cname))
        self._timer = self._loop.call_later(self._reporting.every, self._report)
