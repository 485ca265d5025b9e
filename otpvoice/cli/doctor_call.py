"""``otpvoice doctor --call TO``: one call through the running otpvoice, that speaks a code and has it typed in again.

The code is made up for the call and of no use afterwards, so what the callee types may be in the call's record. It
decides nothing: the call is judged in ``doctor.loop_test``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any, Final

from otpvoice.cli import address, following
from otpvoice.cli.client import Client, Refused, Unanswered
from otpvoice.doctor import Finding
from otpvoice.doctor.loop_test import NOT_PLACED, TAG, UNSEEN, judge

DIGITS: Final = 6
LANGUAGE: Final = "en"


def place(
    to: str, *, url: str | None, key: str | None, dtmf_mode: str, tell: Callable[[str], None]
) -> Iterator[Finding]:
    """Ring ``to``, and yield what was found. ``tell``: a line of what happens, for people."""
    code = made_up()
    try:
        client = Client(url or address.hook_url(os.environ), key or address.key(os.environ))
        record = client.place(order(to, code))
    except (Refused, Unanswered) as error:
        yield NOT_PLACED(reason=_line(error))
        return
    tell(f"{record['id']}: pick up, and type in the code that you hear")
    try:
        since = record.get("created_at")
        record = following.followed(client, record, lambda event: tell(following.line(event, since)))
        record = following.until_ended(client, record)
    except (Refused, Unanswered) as error:
        yield UNSEEN(call=record["id"], reason=_line(error))
        return
    yield from judge(record, code, dtmf_mode=dtmf_mode)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def made_up() -> str:
    """Return digits of which no two neighbours are the same: keys that come twice are to be seen."""
    code = [secrets.choice("123456789")]
    while len(code) < DIGITS:
        code.append(secrets.choice([digit for digit in "0123456789" if digit != code[-1]]))
    return "".join(code)


def order(to: str, code: str) -> dict[str, Any]:
    """Return the body of the request."""
    gather = {
        "type": "gather",
        "tag": TAG,
        "prompt": "Please type this code on your telephone.",
        "success": "Thank you.",
        # Twice as many: keys that come twice are to be told from others. A # ends it, or a while without a key.
        "max_digits": 2 * len(code),
        "first_digit_timeout": 20,
        "sensitive": False,
    }
    return {
        "to": to,
        "language": LANGUAGE,
        "actions": [{"type": "say_code", "code": code, "times": 1}, gather],
        "metadata": {"otpvoice": "doctor"},
    }
