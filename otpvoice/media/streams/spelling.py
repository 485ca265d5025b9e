"""JSON text frames and base64 audio, the way all formats have them.

What is written is compact and ASCII, so that it is valid UTF-8 whatever somebody put into a name. What is read is
somebody else's: nothing that it holds raises.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from otpvoice.media.g711 import Law, decode, encode

TO_ULAW: Final[Mapping[Law, bytes]] = {
    "ulaw": bytes(range(256)),
    "alaw": encode(decode(bytes(range(256)), "alaw"), "ulaw"),
}
"""For ``bytes.translate``: the μ-law code of each code of a law."""
FROM_ULAW: Final[Mapping[Law, bytes]] = {
    "ulaw": bytes(range(256)),
    "alaw": encode(decode(bytes(range(256)), "ulaw"), "alaw"),
}
"""The other way."""


def spelled(message: Mapping[str, Any]) -> str:
    """Return a message as a text frame."""
    return json.dumps(message, separators=(",", ":"))


def quoted(text: str) -> str:
    """Return a JSON string, for frames that are put together from parts: those of audio, 50 a second and track."""
    return json.dumps(text)


def base64_of(audio: bytes) -> str:
    """Return audio as base64 (RFC 4648 section 4), in one line."""
    return binascii.b2a_base64(audio, newline=False).decode("ascii")


def read(text: str) -> dict[str, Any] | str:
    """Return the message that a text frame holds, or the word for why there is none."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:  # nested too deep and half a surrogate, too
        return "not_json"
    return message if isinstance(message, dict) else "not_an_object"


def within(message: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the object at the first of these names; an empty one where there is none."""
    found = at(message, *names)
    return found if isinstance(found, dict) else {}


def at(message: Mapping[str, Any], *names: str) -> Any:
    """Return what stands at the first of these names that is there: vendors spell some in two ways."""
    return next((message[name] for name in names if name in message), None)


def text_of(value: Any, default: str = "") -> str:
    """Return a string; the default where it is none."""
    return value if isinstance(value, str) else default


def number_of(value: Any, default: int = 0) -> int:
    """Return a whole number from 0 on, which some spell as a string; the default where it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdecimal():
        return int(value)
    return default


def texts_of(value: Any) -> dict[str, str]:
    """Return the strings of an object, by name."""
    return {name: text for name, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def strings_of(value: Any) -> tuple[str, ...]:
    """Return the strings of a list."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def audio_of(media: Any, name: str = "payload", longest: int | None = None) -> bytes | str:
    """Return the audio that stands at this name of an object, or the word for why there is none.

    The base64 is read strictly: what is no base64 would else become noise. ``longest``: bytes of audio.
    """
    payload = media.get(name) if isinstance(media, dict) else None
    if not isinstance(payload, str):
        return "no_payload"
    # Four characters for three bytes; the last two may be padding.
    if longest is not None and len(payload) > (longest + 2) // 3 * 4:
        return "too_large"
    try:
        audio = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        return "bad_payload"
    if longest is not None and len(audio) > longest:
        return "too_large"
    return audio or "no_audio"
