"""WebSocket frames, the client's side of RFC 6455, without I/O: bytes in, messages out, and frames to be written.

Neither extensions nor masked frames are taken: nothing of that was agreed on. It measures before it keeps, so that
nobody can have it hold more than one message of the largest size; how many come, and how fast, others judge, frame by
frame as they are read.

The ``websockets`` library has this without I/O, too, and for that judging it comes too late: it reads all that has
arrived before anybody sees the first frame (256 kB of empty ones hold the loop up for a second), answers pings by
itself, and looks at reserved bits and at the length of a ping only when the payload is there, so that somebody who
speaks HTTP is waited for. In the tests it is whom this is compared with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

LONGEST_REASON: Final = 123
"""Bytes of a close frame's reason: 125 in a control frame (5.5), less two for the code."""
NO_CODE: Final = 1005
"""Nothing was said (7.4.1)."""
LOST: Final = 1006
"""There was no close frame (7.4.1)."""
_LONGEST_CONTROL: Final = 125
_SHORT, _MEDIUM, _LONG = Struct("!BB").pack, Struct("!BBH").pack, Struct("!BBQ").pack


class Opcode(IntEnum):
    """What a frame is (5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Violation(Exception):
    """The other side did what ends a connection. ``code`` goes into the close frame, ``word`` says it to people."""

    def __init__(self, code: int, word: str) -> None:
        super().__init__(word)
        self.code, self.word = code, word


class Message(NamedTuple):
    """A whole message. ``CONTINUATION``: only a piece of one arrived, to be counted by who counts frames."""

    opcode: Opcode
    payload: bytes


class Incoming:
    """Takes frames apart and puts messages together, none with more than ``largest`` bytes of payload."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._kind: Opcode | None = None
        self._pieces = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield what is complete now, and read on only then. Raises ``Violation``."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while (frame := self._frame(at)) is not None:
                final, opcode, start, end = frame
                payload = bytes(buffer[start:end])
                at = end
                yield self._message(final, opcode, payload)
        finally:
            del buffer[:at]

    def _frame(self, at: int) -> tuple[bool, Opcode, int, int] | None:
        """Return a frame's first bit, opcode, and where its payload begins and ends; None: it is not whole."""
        buffer = self._buffer
        have = len(buffer)
        if have < at + 2:
            return None
        first, second = buffer[at], buffer[at + 1]
        if first & 0x70 or second & 0x80:
            raise Violation(1002, "protocol")  # 5.2: nobody agreed on these bits; 5.1: servers do not mask
        try:
            opcode = Opcode(first & 0xF)
        except ValueError:
            raise Violation(1002, "protocol") from None
        final = bool(first & 0x80)
        length, start = second, at + 2
        if length > _LONGEST_CONTROL:
            start += 2 if length == 126 else 8
            if have < start:
                return None
            length = int.from_bytes(buffer[at + 2 : start], "big")
        if opcode >= Opcode.CLOSE:
            if not final or length > _LONGEST_CONTROL:
                raise Violation(1002, "protocol")  # 5.5
        elif length > self._largest - len(self._pieces):
            raise Violation(1009, "too_big")
        end = start + length
        return (final, opcode, start, end) if have >= end else None

    def _message(self, final: bool, opcode: Opcode, payload: bytes) -> Message:
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        if (opcode is Opcode.CONTINUATION) is (self._kind is None):
            raise Violation(1002, "protocol")  # 5.4: a piece of nothing, or a message within another
        if self._kind is None:
            if final:
                return Message(opcode, payload)
            self._kind = opcode
        self._pieces += payload
        if not final:
            return Message(Opcode.CONTINUATION, b"")
        whole = Message(self._kind, bytes(self._pieces))
        self._kind, self._pieces = None, bytearray()
        return whole


def frame(opcode: Opcode, payload: bytes, key: bytes | None = None) -> bytes:
    """Return a whole frame, masked by ``key``, of 4 bytes; None: a new one.

    What every 20 ms of every stream costs: 2.5 µs for 370 bytes, where ``Frame.serialize`` of ``websockets`` takes 7.2.
    """
    key = next(_KEYS) if key is None else key
    length = len(payload)
    if length <= _LONGEST_CONTROL:
        head = _SHORT(0x80 | opcode, 0x80 | length)
    elif length < 0x10000:
        head = _MEDIUM(0x80 | opcode, 0x80 | 126, length)
    else:
        head = _LONG(0x80 | opcode, 0x80 | 127, length)
    masked = bytearray(payload)
    _mask(key, masked)
    return head + key + masked


def slow_mask(mask: bytes, data: bytearray) -> None:
    """Mask a payload in place, or unmask it (5.3): as a number, since byte by byte takes a hundred times as long."""
    length = len(data)
    key = (mask * (length // 4 + 1))[:length]
    data[:] = (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def _keys() -> Iterator[bytes]:
    """Yield masking keys, which nobody may foresee (10.3). To ask the system for each costs more than to mask."""
    while True:
        pool = os.urandom(4096)
        for at in range(0, len(pool), 4):
            yield pool[at : at + 4]


try:
    # In C, a tenth of the time. It is no public name; where it goes away, the slow one does the same.
    from aiohttp._websocket.helpers import websocket_mask as _mask
except ImportError:
    _mask = slow_mask

_KEYS: Final = _keys()


def close_frame(code: int, reason: str = "") -> bytes:
    """Return the frame that closes. ``NO_CODE``: one that says nothing. A reason that is too long is cut."""
    if code == NO_CODE:
        return frame(Opcode.CLOSE, b"")
    said = reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore").encode()
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + said)


def read_close(payload: bytes) -> tuple[int, str]:
    """Return a close frame's code and reason. Raises ``Violation``."""
    if not payload:
        return NO_CODE, ""
    code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 0
    # 7.4.1, 7.4.2, and the registry of close codes: 1004 to 1006 are said by nobody, 1015 neither.
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise Violation(1002, "protocol")
    return code, text_of(payload[2:])


def text_of(payload: bytes) -> str:
    """Return a text message's text. Raises ``Violation`` where it is no UTF-8 (8.1)."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        pass
    raise Violation(1007, "bad_utf8")
