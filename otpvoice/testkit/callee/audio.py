"""The audio of one call: what was agreed, the socket, what is sent and what is heard.

It knows descriptions, not signalling: when to offer and when to answer is the call's business.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable

from otpvoice.testkit.callee import sdp
from otpvoice.testkit.callee.recording import Recording
from otpvoice.testkit.callee.rtcp_session import RtcpSession
from otpvoice.testkit.callee.rtp import FRAME_SECONDS, is_rtcp
from otpvoice.testkit.callee.rtp_socket import RtpSocket, port_pair
from otpvoice.testkit.callee.scenario import Scenario
from otpvoice.testkit.callee.sdp import Agreement, Description, Direction
from otpvoice.testkit.callee.stream import OutgoingStream
from otpvoice.testkit.callee.ticker import Ticker


class CallAudio:
    """Opens its sockets with the first description. ``heard`` is called after each packet that came.

    ``loss`` tells what got lost on the way here; ``rtcp`` is what was reported, None for a phone without RTCP.
    """

    def __init__(
        self, host: str, ticker: Ticker, scenario: Scenario, recording: Recording, heard: Callable[[], None]
    ) -> None:
        self.recording = recording
        self.stream: OutgoingStream | None = None
        self.agreement: Agreement | None = None
        self._host = host
        self._ticker = ticker
        self._scenario = scenario
        self._heard = heard
        self._socket: RtpSocket | None = None
        self._reports: RtpSocket | None = None
        self.loss = scenario.loss.begin()
        self.rtcp: RtcpSession | None = None
        if scenario.reporting is not None:
            self.rtcp = RtcpSession(scenario.reporting, f"callee@{host}", self._send_report)
        self._version = 0
        self.direction = Direction.SENDRECV
        self._started = False

    def answer(self, offer: bytes) -> bytes:
        """Agrees to an offer and returns our answer; raises ``MalformedDescription`` or ``NoCommonCodec``."""
        theirs = sdp.parse(offer)
        agreement = self._agree(theirs)
        self._version += 1
        return sdp.answer(agreement, theirs, self._host, self._port, self._version)

    def offer(self, direction: Direction) -> bytes:
        """Our offer; ``direction`` is what we want from now on."""
        self.direction = direction
        self._version += 1
        laws, event_type = self._scenario.laws, sdp.EVENT_TYPE if self._scenario.telephone_event else None
        if self.agreement is not None:
            laws, event_type = (self.agreement.law,), self.agreement.event_type
        return sdp.offer(laws, event_type, self._host, self._port, self._version, direction=direction)

    def accept(self, answer: bytes) -> None:
        """Agrees to what they answered; raises as ``answer`` does."""
        self._agree(sdp.parse(answer))

    def start(self) -> None:
        """Sends from now on, or from the agreement on where that is still to come."""
        self._started = True
        if self.stream is not None:
            self.stream.silent_until = self._ticker.frame + self._scenario.silence / FRAME_SECONDS
            self.send()
            if self.rtcp is not None:
                self.rtcp.start(self.stream)

    def send(self) -> None:
        """Joins the ticker, when there may be something to send."""
        if self._started:
            self._ticker.add(self._tick)

    def stop(self) -> None:
        """Sends nothing more, but hears on."""
        self._started = False
        self._ticker.discard(self._tick)
        if self.rtcp is not None:
            self.rtcp.stop()

    def close(self) -> None:
        self.stop()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._reports is not None:
            self._reports.close()
            self._reports = None

    @property
    def _port(self) -> int:
        return self._open().port

    def _open(self) -> RtpSocket:
        if self._socket is None and self.rtcp is not None:
            self._socket, self._reports = port_pair(self._host, self._receive, self.rtcp.receive)
        elif self._socket is None:
            self._socket = RtpSocket(self._host, self._receive)
        return self._socket

    def _agree(self, theirs: Description) -> Agreement:
        scenario = self._scenario
        agreement = sdp.agree(theirs, scenario.laws, telephone_event=scenario.telephone_event, ours=self.direction)
        self.agreement = agreement
        self.recording.law, self.recording.event_type = agreement.law, agreement.event_type
        if self.stream is None:
            # RFC 3550 section 5.1: the three start at random.
            self.stream = OutgoingStream(
                agreement.law,
                agreement.event_type,
                ssrc=secrets.randbits(32),
                sequence=secrets.randbits(16),
                timestamp=secrets.randbits(32),
                frame=self._ticker.frame,
                silent_until=-math.inf,
            )
            if self._started:
                self.start()
        self.stream.law, self.stream.event_type = agreement.law, agreement.event_type
        self.stream.muted = not agreement.direction.sends
        self._open().connect(agreement.remote)
        if self._reports is not None:
            self._reports.connect((agreement.remote[0], agreement.remote[1] + 1))  # RFC 3550 section 11
        self.send()
        return agreement

    def _receive(self, datagram: bytes, now: float) -> None:
        if not is_rtcp(datagram) and self.loss.loses():
            return
        packet = self.recording.add(datagram, now)
        if packet is not None:
            if self.rtcp is not None:
                self.rtcp.arrived(packet)
            self._heard()

    def _send_report(self, datagram: bytes) -> None:
        if self._reports is not None:
            self._reports.send(datagram)

    def _tick(self, frame: int, now: float) -> bool:
        if self.stream is None or self._socket is None:
            return False
        for packet in self.stream.send(frame, now):
            self._socket.send(packet)
        return not self.stream.idle
