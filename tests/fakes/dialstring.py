"""What is written in an endpoint, a caller ID and the dial options of a media leg. Strings in, words out."""

from __future__ import annotations

import re


def dialled(device: str) -> tuple[str, str]:
    """``user@endpoint``, ``endpoint/sip:user@host`` or ``endpoint`` → endpoint and number, without a plus."""
    endpoint, _, uri = device.partition("/")
    if uri:
        number = re.sub(r"^sips?:", "", uri).partition("@")[0]
    elif "@" in device:
        number, _, endpoint = device.partition("@")
    else:
        number = device
    return endpoint, number.removeprefix("+")


def caller_id(text: str) -> tuple[str, str]:
    """``"Name" <number>`` or a bare number → name and number."""
    match = re.fullmatch(r'\s*"?([^"<]*?)"?\s*<([^>]*)>\s*', text)
    return (match[1], match[2]) if match else ("", text)


def dial_options(text: str) -> dict[str, str]:
    """``f(json)d(in)n`` → ``{"f": "json", "d": "in", "n": ""}``; a later one wins."""
    return {name: argument or "" for name, argument in re.findall(r"([a-z])(?:\(([^)]*)\))?", text)}
