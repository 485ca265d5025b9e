"""The opening handshake of a WebSocket (RFC 6455, 4.1): what is asked for, and what is taken for a yes.

No extension and no subprotocol is asked for, and a server that picks one all the same is none to talk to. What is said
afterwards is said by whoever takes the connection.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Final, Protocol

import aiohttp
from aiohttp.http import WS_KEY
from multidict import CIMultiDictProxy

_REDIRECTS: Final = range(300, 400)


class Refused(Exception):
    """There was an answer, and it was no yes. ``status`` None: it said 101, and the rest of it did not fit."""

    def __init__(self, status: int | None) -> None:
        super().__init__("no WebSocket" if status is None else f"HTTP {status}")
        self.status = status

    @property
    def redirects(self) -> bool:
        """Did it point elsewhere? That is followed by nobody: whoever signed for one URL has not signed for another."""
        return self.status in _REDIRECTS


class Receiver(Protocol):
    """Who takes what comes."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take some bytes, and return ``False, b""``: it wants more, and leaves nothing to others."""
        ...

    def feed_eof(self) -> None:
        """The connection is gone."""
        ...


class Upgraded:
    """A connection after its handshake. Who has it closes it."""

    def __init__(self, response: aiohttp.ClientResponse, transport: asyncio.Transport) -> None:
        self._response = response
        self.transport = transport

    def hand_to(self, receiver: Receiver) -> None:
        """From now on ``receiver`` gets what comes, and first what came with the handshake. The end is told once."""
        connection = self._response.connection
        if connection is None or connection.protocol is None or connection.transport is None:
            receiver.feed_eof()
            return
        # No public name of aiohttp's. Should it do another thing one day, every test that hears a customer fails.
        connection.protocol.set_parser(receiver, None)

    def close(self) -> None:
        """Let go of the connection: what was written still leaves, where the other side takes it."""
        self._response.close()


def new_key() -> str:
    """Return 16 random bytes as the header has them."""
    return base64.b64encode(os.urandom(16)).decode()


def asking_headers(key: str) -> dict[str, str]:
    """Return the headers that ask for a WebSocket."""
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }


def upgraded(response: aiohttp.ClientResponse, key: str) -> Upgraded:
    """Return the connection, where the answer is a yes to ``key``. Raises ``Refused``, and closes it."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    if response.status == 101 and transport is not None and _agrees(response.headers, key):
        return Upgraded(response, transport)
    response.close()
    raise Refused(None if response.status == 101 else response.status)


def _agrees(answer: CIMultiDictProxy[str], key: str) -> bool:
    accept = base64.b64encode(hashlib.sha1(key.encode() + WS_KEY, usedforsecurity=False).digest()).decode()
    # RFC 9110, 5.3: a list may be told in several headers.
    connection = ",".join(answer.getall("Connection", []))
    return (
        answer.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in [token.strip().lower() for token in connection.split(",")]
        and answer.get("Sec-WebSocket-Accept", "").strip() == accept
        and "Sec-WebSocket-Extensions" not in answer
        and "Sec-WebSocket-Protocol" not in answer
    )
