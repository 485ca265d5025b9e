"""``otpvoice call TO``: place a call through a running otpvoice, and wait for its end if asked to.

A code is taken from standard input or the environment and never from the command line, which every user of the machine
can read (``ps``), and which shells keep.
"""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from otpvoice.cli import address
from otpvoice.cli.calls import show
from otpvoice.cli.client import Client, Refused, Unanswered

EX_USAGE: Final = 2
POLL_EVERY: Final = 0.5
PATIENCE: Final = 30.0
"""Seconds for which nobody answers before we stop to wait: the call goes on without us."""


class Usage(Exception):
    """The command was not called as it should be. The message is for people and holds no value."""


def call(
    to: str,
    *,
    code: str | None = None,
    say: str | None = None,
    url: str | None = None,
    key: str | None = None,
    as_json: bool = False,
    wait: bool = False,
) -> int:
    """Place a call and print its record. ``code``: ``-`` for standard input; None: OTPVOICE_CODE, or a prompt.

    Returns the exit code. Without ``wait``: 0 when the call was taken. With it: 0 when the code was delivered, or,
    where no code was to be spoken, when the call was completed. 1: it was not, or it was refused. 2: wrong usage.
    """
    try:
        body = _body(to, _code(code, os.environ, wanted=say is None), say)
        client = Client(url or address.hook_url(os.environ), key or address.key(os.environ))
        record = client.place(body)
        if wait:
            record = _ended(client, record)
    except Usage as error:
        sys.stderr.write(f"{error}\n")
        return EX_USAGE
    except (Refused, Unanswered) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(record, as_json=as_json)
    return 0 if not wait or _succeeded(record) else 1


def _body(to: str, code: str | None, say: str | None) -> dict[str, Any]:
    if say is None:
        return {"to": to, "code": code}
    actions: list[dict[str, Any]] = [{"type": "say", "text": say}]
    if code is not None:
        actions.append({"type": "say_code", "code": code})
    return {"to": to, "actions": actions}


def _code(option: str | None, environ: Mapping[str, str], *, wanted: bool) -> str | None:
    if option == "-":
        try:
            return sys.stdin.readline().strip()
        except UnicodeDecodeError:
            # From None: the error holds the bytes, and with them the code.
            raise Usage("what standard input gives is no text") from None
    if option is not None:
        raise Usage("a code in the command line can be read by everybody here: --code - reads it from standard input")
    if environ.get("OTPVOICE_CODE"):
        return environ["OTPVOICE_CODE"]
    if not wanted:
        return None
    if sys.stdin.isatty():
        return getpass.getpass("Code (not shown): ").strip()
    raise Usage("nothing to say: --code -, OTPVOICE_CODE or --say TEXT")


def _ended(client: Client, record: dict[str, Any]) -> dict[str, Any]:
    """Return the call as it ended. Raises ``Unanswered`` or ``Refused`` after a while of being told nothing."""
    heard = time.monotonic()
    while record["state"] != "ended":
        time.sleep(POLL_EVERY)
        try:
            record = client.show(record["id"])
            heard = time.monotonic()
        except (Unanswered, Refused) as error:
            lasting = isinstance(error, Refused) and error.status < 500
            if lasting or time.monotonic() - heard > PATIENCE:
                raise
    return record


def _succeeded(record: Mapping[str, Any]) -> bool:
    delivered, outcome = record.get("delivered"), record.get("outcome")
    if delivered is None:
        return isinstance(outcome, dict) and outcome.get("class") == "completed"
    return delivered is True
