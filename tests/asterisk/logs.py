"""What may stand in the log of the shipped configuration; all else is a complaint."""

from __future__ import annotations

import re
from typing import Final

from otpvoice.testkit.asterisk import AsteriskInstance

EXPECTED: Final = {
    r"loader\.c: \d+ modules will be loaded\.": "said of any number of modules",
    r"cdr\.c: CDR logging disabled\.": "cdr.conf says so",
    r"indications\.c: (Default country for|Setting default) indication ": "indications.conf does",
    r"pjsip_transport_events\.c: Transport 'transport-tls' to remote .* - OK$": "a TLS connection that was verified",
}
"""Lines at the level notice, and why they are no complaint. None at warning or error."""

OUTPUT: Final = {
    r"Could not find option 'minimum_size' with type 'threadpool' in module 'stasis'": (
        "22.10.1 has an option in its documentation that it no longer has; it says so with any configuration"
    ),
}
"""The same for what is said before there is a log."""


def complaints(asterisk: AsteriskInstance) -> list[str]:
    """All that was logged at notice, warning or error, or said at the start, and is not expected."""
    logged = asterisk.log_path.read_text().splitlines()
    found = [line for line in logged if re.search(r"\] (NOTICE|WARNING|ERROR)\[", line) and not _expected(line)]
    said = (asterisk.folder / "output.log").read_text().splitlines()
    return found + [
        line
        for line in said
        if re.search(r"unable|could not|declined|fail|error|no such", line, re.IGNORECASE)
        and not any(re.search(known, line) for known in OUTPUT)
        and not line.startswith("[")  # the same lines as in the log
    ]


def _expected(line: str) -> bool:
    level = re.search(r"\] (\w+)\[", line)
    return level is not None and level[1] == "NOTICE" and any(re.search(known, line) for known in EXPECTED)
