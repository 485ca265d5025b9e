"""The program that asks the online service, by gTTS: a process of its own that may hang, and sees none of our secrets.

By standard input it gets one JSON object: ``text``, ``language`` (gTTS's word for it), ``timeout`` (seconds to connect,
and between two bytes), ``endpoint`` (a URL in the place of the service's own; null: that). Out goes one line, a word
with its numbers, and after ``sound`` the MP3:

    sound · status 429 60 (with the seconds to wait, if they were said) · silent (an answer without sound) ·
    too_large · unreachable · too_long (there is more text than is asked for in one go)

gTTS asks with certificates unchecked, by way of whatever proxy the environment names, and reads answers of any size.
Here certificates count (who answers in the service's place, chooses what is said), there is no proxy, a redirect is an
answer like any other that is not 200, and an answer has an end. All of it is ended by ``gtts``'s deadline. Nothing
imports this.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from io import BytesIO
from math import ceil
from typing import Any, Final

import gtts  # type: ignore[import-untyped]
import requests

LARGEST: Final = 512 * 1024
"""Bytes of an answer, which is MP3 as Base64: more than a minute of speech."""
REQUESTS: Final = 8
"""A text of more than 100 characters is asked for in parts."""


class _TooLarge(Exception):
    """The answer."""


class _TooLong(Exception):
    """The text."""


class _Status(Exception):
    """Of an answer that is not 200. ``wait``: the header ``Retry-After``."""

    def __init__(self, status: int, wait: str) -> None:
        super().__init__(status)
        self.status, self.wait = status, wait


class Careful(requests.Session):
    """What gTTS sends by. ``endpoint`` is set once, before."""

    endpoint: str | None = None

    def send(self, request: Any, **options: Any) -> Any:
        if self.endpoint is not None:
            request.prepare_url(self.endpoint, None)
        careful = {"verify": True, "proxies": {}, "allow_redirects": False, "stream": True}
        response = super().send(request, timeout=options["timeout"], **careful)
        if response.status_code != 200:
            raise _Status(response.status_code, response.headers.get("Retry-After", ""))
        content = bytearray()
        for piece in response.iter_content(65536):
            content += piece
            if len(content) > LARGEST:
                raise _TooLarge
        whole = requests.Response()
        whole.status_code, whole.request, whole.url = 200, request, request.url
        whole.raw = BytesIO(content)
        return whole


def main() -> None:
    """Read, ask, write."""
    os.nice(10)  # calls that talk go first
    requests.Session = Careful  # type: ignore[misc]
    sys.stdout.buffer.write(answer(json.load(sys.stdin)))


def answer(order: Mapping[str, Any]) -> bytes:
    """Return the line, and the sound behind it. ``requests.Session`` has to be ``Careful``."""
    Careful.endpoint = order["endpoint"]
    try:
        sound = _sound(order["text"], order["language"], order["timeout"])
    except _Status as status:
        return f"status {status.status} {_seconds(status.wait)}".rstrip().encode() + b"\n"
    except _TooLong:
        return b"too_long\n"
    except _TooLarge:
        return b"too_large\n"
    except gtts.gTTSError as error:
        # Where there was an answer, gTTS found no sound in it.
        return b"silent\n" if error.rsp is not None else b"unreachable\n"
    except requests.exceptions.RequestException:
        return b"unreachable\n"
    except (ValueError, AssertionError):
        # No UTF-8, no ASCII, no Base64; nothing to say but punctuation.
        return b"silent\n"
    return b"sound\n" + sound if sound else b"silent\n"


def _sound(text: str, language: str, timeout: float) -> bytes:
    """Return MP3, of all parts."""
    # Nothing is rewritten on the way: what was allowed is what is sent.
    asking = gtts.gTTS(text, lang=language, lang_check=False, pre_processor_funcs=[], timeout=timeout)
    if len(asking.get_bodies()) > REQUESTS:
        raise _TooLong
    return b"".join(asking.stream())


def _seconds(wait: str) -> str:
    """Return what ``Retry-After`` asks for, in whole seconds (RFC 9110, 10.2.3); empty: it asks for nothing."""
    wait = wait.strip()
    if wait.isascii() and wait.isdecimal():
        return wait[:9]
    try:
        until = parsedate_to_datetime(wait)
    except ValueError:
        return ""
    # A date without a zone is one of UTC: HTTP has no other.
    return str(max(0, ceil(until.replace(tzinfo=until.tzinfo or UTC).timestamp() - time.time())))


if __name__ == "__main__":
    main()
