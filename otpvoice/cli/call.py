"""``otpvoice call TO``: place a call through a running otpvoice, and follow it or wait for its end if asked to.

A code is taken from standard input or the environment and never from the command line, which every user of the machine
can read (``ps``), and which shells keep.
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any, Final

from otpvoice.cli import address, following
from otpvoice.cli.calls import show
from otpvoice.cli.client import Client, Refused, Unanswered, printable

EX_USAGE: Final = 2
EX_SIGINT: Final = 130


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
    follow: bool = False,
) -> int:
    """Place a call and print its record. ``code``: ``-`` for standard input; None: OTPVOICE_CODE, or a prompt.

    ``wait``: until it has ended. ``follow``: the same, and print its events as they come; with ``as_json`` nothing but
    them, each whole as one line.

    Returns the exit code. Without ``wait`` and ``follow``: 0 when the call was taken. With either: 0 when the code was
    delivered, or, where no code was to be spoken, when the call was completed. 1: it was not, or it was refused, or
    nobody could say. 2: wrong usage. 130: Ctrl-C, and a call that was taken goes on.
    """
    try:
        body = _body(to, _code(code, os.environ, wanted=say is None), say)
        client = Client(url or address.hook_url(os.environ), key or address.key(os.environ))
        record = _placed(client, body)
    except Usage as error:
        return _fail(str(error), EX_USAGE)
    except _Stopped as error:
        return _fail(str(error), EX_SIGINT)
    except (Refused, Unanswered) as error:
        return _fail(str(error), 1)
    goes_on = printable(f"the call goes on: otpvoice calls {shlex.quote(record['id'])}")
    try:
        if follow:
            record = _followed(client, record, as_json=as_json)
        elif wait:
            record = following.until_ended(client, record)
    except KeyboardInterrupt:
        return _fail(goes_on, EX_SIGINT)
    except (Refused, Unanswered) as error:
        return _fail(f"{error}\n{goes_on}", 1)
    if not (follow and as_json):
        show(record, as_json=as_json)
    return 0 if not (wait or follow) or _succeeded(record) else 1


class _Stopped(Exception):
    """Ctrl-C came before there was an answer. The message is for people."""


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code


def _placed(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return client.place(body)
    except KeyboardInterrupt:
        raise _Stopped("stopped before the answer: otpvoice calls shows whether the call was taken") from None


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


def _followed(client: Client, record: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    """Print what happens to the call; return it as it ended. Raises as ``following.until_ended``."""
    if not as_json:
        _print(printable(f"{'call':<11}{record['id']}"))
    since = record.get("created_at")
    record = following.followed(
        client, record, lambda event: _print(json.dumps(event) if as_json else following.line(event, since))
    )
    if not as_json:
        _print("")
    return following.until_ended(client, record)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _succeeded(record: Mapping[str, Any]) -> bool:
    delivered, outcome = record.get("delivered"), record.get("outcome")
    if delivered is None:
        return isinstance(outcome, dict) and outcome.get("class") == "completed"
    return delivered is True
