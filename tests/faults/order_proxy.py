"""A proxy before Asterisk's HTTP port that spoils the answers to orders for calls, each number in its own way.

It reads requests whole. Events, media and all other requests pass through as they are.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.fakes.proxy import reset
from tests.faults.relay import Relay

_ORDER: Final = re.compile(rb"POST /ari/channels/(?!externalMedia)[^/ ]+ HTTP")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NOT_BOOTED: Final = b'{"message":"Asterisk not booted"}'


class CutOffError(Exception):
    """The client's connection is to be reset."""


@dataclass(slots=True)
class Order:
    """One order on its way. ``send``: have Asterisk carry it out; returns its answer."""

    send: Callable[[], Awaitable[bytes]]
    times: int
    """How many orders for this number there were before."""


Manner: TypeAlias = Callable[[Order], Awaitable[bytes]]
"""What becomes of an order: the answer that the client gets; or raises ``CutOffError``."""


async def passes(order: Order) -> bytes:
    """Nothing goes wrong."""
    return await order.send()


async def reset_before(order: Order) -> bytes:
    """It never gets there."""
    raise CutOffError


async def reset_after(order: Order) -> bytes:
    """It is carried out, and the connection is reset before its answer."""
    await order.send()
    raise CutOffError


async def half(order: Order) -> bytes:
    """It is carried out; the second half of the answer is lost with the connection."""
    answer = await order.send()
    return answer[: -len(answer) // 4]


async def garbled(order: Order) -> bytes:
    """It is carried out, and something else answers in Asterisk's place."""
    await order.send()
    return _answer(b"200 OK", b"<html>Hello</html>")


async def failed_after(order: Order) -> bytes:
    """It is carried out, and what was done can't be encoded (``res/res_ari.c``)."""
    await order.send()
    return _answer(b"500 Internal Server Error", b"")


async def failed_before(order: Order) -> bytes:
    """Something fails before Asterisk."""
    return _answer(b"502 Bad Gateway", b"<html>Sorry</html>")


async def sent_twice(order: Order) -> bytes:
    """Something on the way sends it a second time: Asterisk itself says 409."""
    await order.send()
    return await order.send()


async def booting_twice(order: Order) -> bytes:
    """Asterisk is not ready yet, twice."""
    return _answer(b"503 Service Unavailable", _NOT_BOOTED) if order.times < 2 else await order.send()


async def silent_after(order: Order) -> bytes:
    """It is carried out, and its answer never comes."""
    await order.send()
    await asyncio.Event().wait()
    raise CutOffError


async def silent_before(order: Order) -> bytes:
    """A black hole."""
    await asyncio.Event().wait()
    raise CutOffError


class OrderProxy(Relay):
    """``async with OrderProxy(asterisk.ari_url) as proxy:``; ``manners``: what becomes of orders, by dialled number."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.manners: dict[str, Manner] = {}
        self.orders: Counter[str] = Counter()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(*self._address)
        try:
            while True:
                request = await _message(reader)
                if b"\r\nupgrade:" in request.lower():
                    there.write(request)
                    await asyncio.gather(_carry(reader, there), _carry(there_reader, writer))
                    return

                async def send(request: bytes = request) -> bytes:
                    there.write(request)
                    return await _message(there_reader)

                answer = await self._answer_to(request, send)
                writer.write(answer)
                await writer.drain()
                if len(answer) < _length_of(answer):
                    raise CutOffError
        except (OSError, EOFError):
            return
        except CutOffError:
            await writer.drain()
            reset(writer)
        finally:
            writer.close()
            there.close()

    async def _answer_to(self, request: bytes, send: Callable[[], Awaitable[bytes]]) -> bytes:
        if not _ORDER.match(request):
            return await send()
        for number, manner in self.manners.items():
            if number.encode() in request:
                order = Order(send, self.orders[number])
                self.orders[number] += 1
                return await manner(order)
        return await send()


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(_length_of(head) - len(head))


def _length_of(message: bytes) -> int:
    """How long the whole message is, by its head."""
    head = message.partition(b"\r\n\r\n")[0]
    found = _LENGTH.search(head)
    return len(head) + 4 + (int(found[1]) if found else 0)


def _answer(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()
