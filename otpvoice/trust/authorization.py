"""What may be the value of a header Authorization that somebody else chose.

Whoever takes one asks here, and whoever sends one asks once more. No message repeats one.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 4096
"""Characters. Servers read 8 kB of all headers (nginx, ``large_client_header_buffers``)."""

# Of RFC 9110 section 5.5 the visible half: bytes above ASCII mean what each server thinks, and blanks around a value
# are none of it.
_VALUE: Final = re.compile(rf"[!-~](?:[ -~]{{0,{LONGEST - 2}}}[!-~])?", re.ASCII)


def why_not(value: str) -> str | None:
    """Return why a header can't have this value, as the end of a sentence; None: it can."""
    if _VALUE.fullmatch(value):
        return None
    return f"must be 1 to {LONGEST} printable ASCII characters, with no blank around them"
