"""Which number is which scripted callee. ``TABLE`` is all of it, and every other number is ``ANYBODY``.

The numbers are among those that the North American Numbering Plan keeps for fiction, 555-0100 to 555-0199, so that a
real key that is used by mistake disturbs nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from otpvoice.core.outcome import Ending, Outcome, OwnAction, classify
from otpvoice.rehearsal.scripts import CalleeScript, PicksUp, Refuses, RingsOn


@dataclass(frozen=True, slots=True)
class Row:
    """One number, in E.164, and who is there, as the rest of a sentence and as data."""

    number: str
    does: str
    script: CalleeScript


ANYBODY: Final = PicksUp(keys=("1",))
"""Whoever has any other number."""
MIDDLE: Final = 3
"""Pieces of an utterance after which a callee leaves it: the words before the code and two characters of it."""

# Causes are those that Asterisk has for the status (``ast_sip_hangup_sip2cause`` in res_pjsip.c).
TABLE: Final = (
    Row("+12025550100", "answers and listens, and presses nothing, as a mailbox does", PicksUp()),
    Row("+12025550101", "is busy (486)", Refuses(486, 17)),
    Row("+12025550102", "does not pick up: it rings, and the network gives up (180, then 480)", Refuses(480, 19, True)),
    Row("+12025550103", "declines (180, then 603)", Refuses(603, 21, True)),
    Row("+12025550104", "does not exist (404)", Refuses(404, 1)),
    Row("+12025550105", "is switched off or out of reach (480, without ringing)", Refuses(480, 19)),
    Row("+12025550106", "is behind a network that has no room (503)", Refuses(503, 34)),
    Row(
        "+12025550107",
        "presses 1 when it is asked something, and hangs up after two characters of the code: `delivered` is false",
        PicksUp(keys=("1",), hangs_up_after=MIDDLE),
    ),
    Row("+12025550108", "presses 123456# when it is asked something", PicksUp(keys=("123456#",))),
    Row(
        "+12025550109",
        "presses 12# when it is first asked something, which is too short for most, and 123456# from then on",
        PicksUp(keys=("12#", "123456#")),
    ),
    *(
        Row(f"+1202555011{key}", f"presses {key} when it is asked something", PicksUp(keys=(key,)))
        for key in "0123456789"
    ),
    Row("+12025550120", "lets it ring, until `ring_timeout` is over or the call is hung up", RingsOn()),
)
"""The documented numbers."""

NUMBERS: Final = tuple(row.number for row in TABLE)
"""All that are in the table: numbers that exist for fiction only, so that a test key may name them anywhere."""

_SCRIPTS: Final = {row.number: row.script for row in TABLE}


def script_for(number: str) -> CalleeScript:
    """Return who is there. ``number``: E.164 with plus, or an extension."""
    return _SCRIPTS.get(number, ANYBODY)


# --- for people -------------------------------------------------------------------------------------------------------


def markdown() -> str:
    """Return the table in Markdown, a line for each row, for the documentation."""
    lines = ["| number | the callee | `class` | `reason` |", "|---|---|---|---|", *map(_line, TABLE)]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    outcome = _outcome(row.script)
    reason = f"`{outcome.reason}`" if outcome.reason else ""
    return f"| `{row.number}` | {row.does} | `{outcome.class_}` | {reason} |"


def _outcome(script: CalleeScript) -> Outcome:
    """Return how a call ends that nothing else ends."""
    match script:
        case PicksUp():
            return classify(Ending(answered=True, own=OwnAction.HANG_UP_BY_PLAN))
        case Refuses(sip_status=status, cause=cause, rings=rings):
            return classify(
                Ending(answered=False, progressed=rings, replied=True, by_callee=True, sip_status=status, cause=cause)
            )
        case RingsOn():
            return classify(Ending(answered=False, progressed=True, own=OwnAction.RING_TIMEOUT))
        case _:
            assert_never(script)
