"""``otpvoice`` that may have few files and sockets open, as under a limit that is too low (``ulimit -n``)."""

from __future__ import annotations

import resource

from otpvoice.__main__ import main

DESCRIPTORS = 64
"""A service with a few calls has half of them open."""

resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
main()
