"""What a variable or a function of the dialplan reads as, when ARI asks (main/pbx_functions.c, the functions' modules).

Knows the functions that otpvoice and its tests read; any other one is unknown here, as one whose module is not loaded.
"""

from __future__ import annotations

import re
from typing import Final

from tests.fakes.channels import REPLIED, Channel

ABSOLUTE_TIMEOUT: Final = "TIMEOUT(absolute)"
_CALL: Final = re.compile(r"(\w+)\((.*)\)", re.DOTALL)


def seconds_of(text: str | None) -> float:
    """As C's ``%lf`` without an exponent: what is no number is nought, and so is what is negative."""
    number = re.match(r"\s*\+?([0-9]+\.?[0-9]*|\.[0-9]+)", text or "")
    return float(number[1]) if number else 0.0


def is_function(name: str) -> bool:
    """As main/pbx_variables.c and res/ari tell them from variables: by the last character."""
    return name.endswith(")")


def is_utf8(text: str) -> bool:
    """Bytes that are not are lone surrogates in Python's text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read(channel: Channel, name: str, now: float) -> str | None:
    """The value; None: not set, unknown, or a function that refuses."""
    context, extension, priority = channel.context
    called = _CALL.fullmatch(name)
    if called is None:
        own = {"EXTEN": extension, "CONTEXT": context, "PRIORITY": str(priority), "UNIQUEID": channel.id}
        own |= {"CHANNEL": channel.name, "HANGUPCAUSE": str(channel.hangup_cause)}
        return own.get(name, channel.variables.get(name))
    match called[1], called[2].split(","):
        case "TIMEOUT", ["absolute"]:
            return "0" if channel.absolute_at is None else f"{channel.absolute_at - now:.3f}"
        case "CHANNEL", ["state"]:
            return channel.state
        case "CHANNEL", ["language"]:
            return channel.language
        case "CALLERID", ["num"]:
            return channel.caller[1]
        case "CALLERID", ["name"]:
            return channel.caller[0]
        case "PJSIP_HEADER", ["read", header, *number]:
            found = [value for given, value in channel.headers if given.lower() == header.lower()]
            place = int(number[0]) if number else 1
            return found[place - 1] if 0 < place <= len(found) else None
        case "PJSIP_HEADERS", [start]:
            return ",".join(given for given, _ in channel.headers if given.lower().startswith(start.lower()))
        case _:
            if name == REPLIED:
                return channel.name if channel.replied else ""
            # Set at originate: PJSIP_HEADER(add,…), and what a test has put there.
            return channel.variables.get(name)
