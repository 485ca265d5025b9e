"""``otpvoice demo``: the command. It looks at what it was given before anything starts, and minds the signals.

What is shown is in ``demo_call``, which is imported late: until then neither a wrong number nor Ctrl-C has to wait.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Final

from otpvoice.cli.stopping import Stopping
from otpvoice.core.e164 import is_e164
from otpvoice.core.secret import OtpCode

TO: Final = "+12025550123"
"""A number that is reserved for fiction (ATIS-0300115)."""
CODE: Final = "482913"
EX_USAGE: Final = 2


def demo() -> int:
    """Run the demo with ``TO`` and ``CODE`` of the environment; empty is not set. Only at the end of a process.

    Returns the exit code. 0: the code was delivered. 1: it was not, or something failed. 2: TO or CODE is wrong.
    130, 143, 129: stopped by SIGINT, SIGTERM, SIGHUP.
    """
    to, code = os.environ.get("TO") or TO, os.environ.get("CODE") or CODE
    if wrong := list(_wrong(to, code)):
        sys.stderr.write("".join(f"{sentence}\n" for sentence in wrong))
        return EX_USAGE
    stopping = Stopping()
    stopping.install()
    from otpvoice.cli.demo_call import run  # noqa: PLC0415 - half a second, in which a signal may come

    return run(to, code, stopping)


def _wrong(to: str, code: str) -> Iterator[str]:
    if not is_e164(to):
        yield "TO must be a number in E.164 with plus, as in +12025550123"
    try:
        OtpCode(code)
    except ValueError:
        yield "CODE must be 3 to 12 characters of 0-9, A-Z, a-z"
