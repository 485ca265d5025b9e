"""What a workshop and its workers say to each other over two pipes: one order, one answer, and so on.

An order is a head and the sound; an answer is a head and both sounds of a clip. Lengths are said before and are
bounded, so that whoever writes rubbish is not waited for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from otpvoice.media.clip import MASTER_RATE, Clip
from otpvoice.media.g711 import SAMPLE_RATE
from otpvoice.media.wav import Wave

LARGEST: Final = 2 * SAMPLE_RATE * 1800
"""Bytes of a telephone's sound: half an hour."""

_ORDER: Final = struct.Struct("!4sIdQ")
"""The word, the rate, the speed, the bytes of sound."""
_ANSWER: Final = struct.Struct("!4sI")
"""The word, the bytes of the telephone's sound; the master's are twice as many."""
_SPEECH: Final = b"SPCH"
_RECORDING: Final = b"RCRD"
_CLIP: Final = b"CLIP"
_REFUSED: Final = b"NONE"

_TIMES: Final = MASTER_RATE // SAMPLE_RATE
_LARGEST_ORDER: Final = 512 * 1024 * 1024

Read = Callable[[int], bytes]
"""Returns so many bytes, and fewer at the end only."""


class Garbage(Exception):
    """What came is no answer."""


@dataclass(frozen=True, slots=True)
class Order:
    """``speed`` None: a recording."""

    wave: Wave = field(repr=False)
    speed: float | None


def order_head(order: Order) -> bytes:
    """Return what is written before an order's sound."""
    word = _RECORDING if order.speed is None else _SPEECH
    return _ORDER.pack(word, order.wave.rate, order.speed or 1.0, len(order.wave.pcm))


def read_order(read: Read) -> Order | None:
    """Return what is to be made; None at the end. Raises ``Garbage``."""
    head = read(_ORDER.size)
    if not head:
        return None
    if len(head) < _ORDER.size:
        raise Garbage
    word, rate, speed, length = _ORDER.unpack(head)
    if word not in {_SPEECH, _RECORDING} or length > _LARGEST_ORDER:
        raise Garbage
    pcm = read(length)
    if len(pcm) < length:
        raise Garbage
    return Order(Wave(rate, pcm), speed if word == _SPEECH else None)


def answer_head(clip: Clip | None) -> bytes:
    """Return what is written before a clip's sounds, the telephone's first; None: it could not be made."""
    return _ANSWER.pack(_CLIP, len(clip.telephone)) if clip else _ANSWER.pack(_REFUSED, 0)


def read_answer(read: Read) -> Clip | None:
    """Return the clip; None: it could not be made. Raises ``EOFError`` at the end, and ``Garbage``."""
    head = read(_ANSWER.size)
    if len(head) < _ANSWER.size:
        raise EOFError
    word, length = _ANSWER.unpack(head)
    if word == _REFUSED and not length:
        return None
    if word != _CLIP or length % 2 or length > LARGEST:
        raise Garbage
    telephone, master = read(length), read(_TIMES * length)
    if len(master) < _TIMES * length:
        raise EOFError
    return Clip(master, telephone)
