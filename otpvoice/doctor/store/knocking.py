"""Knock at a port as a stranger would, who shows no password: what answers, and does it let us in?

Nothing is taken for granted: only who asks for a password has one. Every other answer, and silence, is unknown and said
to be; so is a Redis that wants a certificate, which hangs up before one can read why.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from otpvoice.doctor.addresses import place

WITHIN: Final = 1.0
"""Seconds for an answer."""


class Knock(Enum):
    """How it went."""

    OPEN = auto()
    """It answers whoever asks."""
    GUARDED = auto()
    """It wants a password, or takes nobody from another machine who shows none (protected mode)."""
    CLOSED = auto()
    """Nobody listens there."""
    UNKNOWN = auto()


async def knock(host: str, port: int, *, tls: bool = False) -> Knock:
    """Knock once. ``tls``: by TLS, whatever certificate it shows."""
    try:
        said = await _said(host, port, tls=tls)
    except (TimeoutError, ConnectionResetError, BrokenPipeError, ssl.SSLError, ValueError):
        return Knock.UNKNOWN
    except OSError:
        return Knock.CLOSED
    if said.startswith(b"+PONG"):
        return Knock.OPEN
    return Knock.GUARDED if said.startswith((b"-NOAUTH", b"-DENIED")) else Knock.UNKNOWN


async def knock_at_all(hosts: Sequence[str], port: int, *, tls: bool = False) -> dict[str, Knock]:
    """Knock at each, by how it is written."""
    knocks = await asyncio.gather(*(knock(host, port, tls=tls) for host in hosts))
    return {place(host, port): one for host, one in zip(hosts, knocks, strict=True)}


async def speaks(host: str, port: int) -> bool:
    """Does anything answer in the clear?"""
    try:
        return bool(await _said(host, port, tls=False))
    except (OSError, TimeoutError, ValueError):
        return False


async def _said(host: str, port: int, *, tls: bool) -> bytes:
    """Return what is answered to PING."""
    async with asyncio.timeout(WITHIN):
        reader, writer = await asyncio.open_connection(host, port, ssl=_any_certificate() if tls else None)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline()
        finally:
            writer.transport.abort()


def _any_certificate() -> ssl.SSLContext:
    """Whoever it is: nothing is told to them, and a stranger would not look either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
