"""Ports of loopback that no other instance takes, on one machine and in many processes.

Refuses ports that the kernel hands out itself: one that is free now could be a stranger's outgoing connection by the
time a server starts, or starts again.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

__all__ = ["NoFreePorts", "PortBlock"]

# Above the well-known ones, below Linux's ephemeral range (net.ipv4.ip_local_port_range, 32768 by default).
_FIRST: Final = 10_000
_LAST: Final = 32_700
# Claims are made in steps of this size: each holds a TCP socket on its first port.
_STEP: Final = 100


class NoFreePorts(RuntimeError):
    """No block of the wanted size is free on loopback."""


@dataclass(frozen=True, slots=True)
class PortBlock:
    """Consecutive ports of 127.0.0.1, from ``first`` to ``last``, ours until ``release`` or the end of this process.

    The claim is a set of bound TCP sockets, so the kernel arbitrates and forgets it when the process dies. The ports
    that hold it (each hundredth, ``first`` among them) are not usable for TCP; all are for UDP.
    """

    first: int
    last: int
    _claims: ExitStack

    @classmethod
    def claim(cls, ports: int) -> PortBlock:
        """Claim at least ``ports`` ports; raise ``NoFreePorts`` when no block is left."""
        steps = -(-ports // _STEP)
        starts = list(range(_FIRST, _LAST - steps * _STEP + 1, _STEP))
        # Not in order: test runs side by side would try the same ones again and again. Small blocks come from the upper
        # third first, so that they do not cut up the room that large ones need.
        random.shuffle(starts)
        if steps == 1:
            starts.sort(key=lambda start: start < _FIRST + (_LAST - _FIRST) * 2 // 3)
        for start in starts:
            claims = ExitStack()
            try:
                for port in range(start, start + steps * _STEP, _STEP):
                    claims.enter_context(_bound(socket.SOCK_STREAM, port))
                # The two that a server must have; a single RTP port that is taken makes Asterisk try the next.
                _bound(socket.SOCK_STREAM, start + 1).close()
                _bound(socket.SOCK_DGRAM, start + 2).close()
            except OSError:
                claims.close()
                continue
            return cls(start, start + steps * _STEP - 1, claims)
        raise NoFreePorts(f"no {ports} ports in a row between {_FIRST} and {_LAST} of 127.0.0.1")

    @property
    def tcp(self) -> int:
        """The port for a TCP server."""
        return self.first + 1

    @property
    def udp(self) -> int:
        """The port for a UDP server."""
        return self.first + 2

    @property
    def media(self) -> tuple[int, int]:
        """First and last UDP port for RTP; the first is even, as RFC 3550 section 11 wants it."""
        return self.first + 10, self.last

    def release(self) -> None:
        """Give the ports back."""
        self._claims.close()


def _bound(kind: socket.SocketKind, port: int) -> socket.socket:
    """A socket on this port of loopback, or OSError."""
    claim = socket.socket(socket.AF_INET, kind)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        raise
    return claim
