"""``otpvoice check``: is the service on this machine alive? For Docker's HEALTHCHECK and for scripts.

It asks over HTTP, as anybody else would, and needs no key. Standard library only: it runs every few seconds, so it does
not wait for the program's libraries, and reads its options itself where they are plain (``options``).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from otpvoice.cli import address
from otpvoice.cli.client import Client, Refused, Unanswered, objects

TIMEOUT = 4.0
"""Seconds; less than any sensible interval between checks."""
_WELL: Final = {"/healthz": "ok", "/readyz": "ready"}
"""What each says where all is well."""


class Options(NamedTuple):
    """``url``: None by the settings. ``ready``: can it place calls now?"""

    url: str | None = None
    ready: bool = False


def options(words: Sequence[str]) -> Options | None:
    """Return what the words behind ``check`` ask for. None: typer knows what to say to them, also to ``--help``."""
    url, ready = None, False
    rest = iter(words)
    for word in rest:
        if word == "--ready":
            ready = True
        elif word == "--url":
            url = next(rest, None)
            if url is None or url.startswith("-"):
                return None
        elif word.startswith("--url="):
            url = word.removeprefix("--url=")
        else:
            return None
    return Options(url, ready)


def check(*, url: str | None = None, ready: bool = False) -> int:
    """Return 0 if it is alive (``ready``: if it can place calls now); else 1, and say why."""
    path = "/readyz" if ready else "/healthz"
    base = url or address.admin_url(os.environ)
    try:
        said = _within(TIMEOUT, lambda: Client(base, timeout=TIMEOUT, here=not url).health(path))
    except TimeoutError:
        return _not_well(f"{base} does not answer within {TIMEOUT:g} s")
    except Refused as error:
        reasons = [str(reason.get("code")) for reason in objects(error.problem, "reasons")]
        return _not_well(f"{error.status} {', '.join(reasons)}" if reasons else str(error))
    except Unanswered as error:
        return _not_well(str(error))
    if said.get("status") != _WELL[path]:
        return _not_well(f"{base} is no otpvoice: it answers something else than {path} does")
    return 0


def _within(seconds: float, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask beside us, and wait no longer than this. A socket's timeout holds for each read, a name's lookup has none.

    Whoever is still asked then is left behind: the process ends. Raises ``TimeoutError``.
    """
    answers: list[dict[str, Any] | Exception] = []

    def in_time() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # told by whoever waits
            answers.append(error)

    asking = threading.Thread(target=in_time, daemon=True)
    asking.start()
    asking.join(seconds)
    if not answers:
        raise TimeoutError
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _not_well(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1
