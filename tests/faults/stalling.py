"""``otpvoice`` whose event loop stands still for half a second at each SIGUSR1, as by a call that blocks."""

from __future__ import annotations

import signal
import time

from otpvoice.__main__ import main

STALL = 0.5
"""Seconds."""

signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STALL))
main()
