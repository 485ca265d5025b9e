"""A clip as it lies on a disk: what tells whether every byte of it is still the one that was written.

The address is part of what is checked, so that a file under another's name is no clip. There is sound in it and nothing
else: no text, no language, no voice.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Final

from otpvoice.media.clip import Clip

VERSION: Final = 1
_MAGIC: Final = b"otpvclip"
_HEAD: Final = struct.Struct("<8sHII")
"""Magic, version, bytes of the master, bytes of the telephone's sound."""
_DIGEST_SIZE: Final = 32
SMALLEST: Final = _HEAD.size + _DIGEST_SIZE
_ADDRESS: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class NotAClip(Exception):
    """These bytes are not what was written under this address."""


def is_address(text: str) -> bool:
    """Is this a SHA-256 in small hexadecimal digits?"""
    return _ADDRESS.fullmatch(text) is not None


def to_record(address: str, clip: Clip) -> bytes:
    """Return a clip as it is written."""
    head = _HEAD.pack(_MAGIC, VERSION, len(clip.master), len(clip.telephone))
    return b"".join((head, _digest(address, head, clip.master, clip.telephone), clip.master, clip.telephone))


def from_record(address: str, record: bytes) -> Clip:
    """Return the clip. Raises ``NotAClip`` unless each byte is the one that was written under this address."""
    if len(record) < SMALLEST:
        raise NotAClip("too short")
    head, told = record[: _HEAD.size], record[_HEAD.size : SMALLEST]
    magic, version, master, telephone = _HEAD.unpack(head)
    if (magic, version) != (_MAGIC, VERSION) or len(record) != SMALLEST + master + telephone:
        raise NotAClip("another kind of file, or cut off")
    clip = Clip(record[SMALLEST : SMALLEST + master], record[SMALLEST + master :])
    if _digest(address, head, clip.master, clip.telephone) != told:
        raise NotAClip("changed")
    return clip


def _digest(address: str, *parts: bytes) -> bytes:
    hashed = hashlib.blake2b(bytes.fromhex(address), digest_size=_DIGEST_SIZE, person=_MAGIC)
    for part in parts:
        hashed.update(part)
    return hashed.digest()
