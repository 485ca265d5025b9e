"""``otpvoice`` whose wall clock is as many seconds ahead of the machine's as the file ``ahead`` says, at any moment.

In Python, and not by libfaketime below it: that one ends a Redis with jemalloc, and is one more thing to install.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

AHEAD = Path(os.environ["FAULT_FOLDER"]) / "ahead"
machine = time.time


def jumping() -> float:
    """Return Unix seconds."""
    return machine() + (float(AHEAD.read_text()) if AHEAD.exists() else 0.0)


time.time = jumping

from otpvoice.__main__ import main  # noqa: E402 - nothing of it may have asked the other clock before

main()
