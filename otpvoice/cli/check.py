"""``otpvoice check``: is the service on this machine alive? For Docker's HEALTHCHECK and for scripts.

It asks over HTTP, as anybody else would, and needs no key.
"""

from __future__ import annotations

import os
import sys

from otpvoice.cli import address
from otpvoice.cli.client import Client, Refused, Unanswered, objects

TIMEOUT = 4.0
"""Seconds; less than any sensible interval between checks."""


def check(*, url: str | None = None, ready: bool = False) -> int:
    """Return 0 if it is alive (``ready``: if it can place calls now); else 1, and say why."""
    path = "/readyz" if ready else "/healthz"
    try:
        Client(url or address.admin_url(os.environ), timeout=TIMEOUT).health(path)
    except Refused as error:
        reasons = [str(reason.get("code")) for reason in objects(error.problem, "reasons")]
        sys.stderr.write(f"{error.status} {', '.join(reasons)}\n" if reasons else f"{error}\n")
        return 1
    except Unanswered as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
