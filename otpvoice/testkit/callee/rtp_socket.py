"""The UDP sockets for the RTP and the RTCP of one call, on ports that the kernel chooses.

It is connected to the peer's address: what comes from elsewhere, such as the last packets of the call that had the
port before, never reaches the call. So the peer must send from the address that its description names.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from otpvoice.testkit.callee.sip import Address

_TRIES: Final = 100


def port_pair(
    host: str, rtp: Callable[[bytes, float], object], rtcp: Callable[[bytes, float], object]
) -> tuple[RtpSocket, RtpSocket]:
    """Opens two sockets, the second on the port after an even first (RFC 3550 section 11)."""
    with contextlib.ExitStack() as unfit:  # kept until the end, or the kernel might give the same ones again
        for _ in range(_TRIES):
            first = RtpSocket(host, rtp)
            if first.port % 2 == 0:
                with contextlib.suppress(OSError):
                    return first, RtpSocket(host, rtcp, first.port + 1)
            unfit.callback(first.close)
    raise OSError(f"no two ports side by side on {host}")


class RtpSocket:
    """``received`` gets each datagram with its arrival on the loop's clock."""

    # Not a DatagramTransport: opening one needs a task, and it costs a third more per packet.
    def __init__(self, host: str, received: Callable[[bytes, float], object], port: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._peer: Address | None = None
        self.port: int = self._socket.getsockname()[1]

    def connect(self, peer: Address) -> None:
        """Sends to and hears ``peer`` from now on; a held peer's 0.0.0.0 (RFC 3264 section 8.4) changes nothing."""
        if peer == self._peer or peer[0] == "0.0.0.0" or peer[1] == 0:
            return
        if self._peer is None:
            self._loop.add_reader(self._socket, self._readable)
        self._peer = peer
        self._socket.connect(peer)

    def send(self, packet: bytes) -> None:
        # A full buffer loses the packet as a network would; a refusal is the ICMP echo of an earlier one.
        if self._peer is not None:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._socket.send(packet)

    def close(self) -> None:
        """Receives what had come by then: on a busy machine that is told after the BYE that came behind it."""
        self._loop.remove_reader(self._socket)
        if self._peer is not None:
            self._readable()
        self._socket.close()

    def _readable(self) -> None:
        # All of it: at one packet a turn, a loop whose turns take longer than 20 ms falls behind.
        while True:
            try:
                datagram = self._socket.recv(2048)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            self._received(datagram, self._loop.time())
