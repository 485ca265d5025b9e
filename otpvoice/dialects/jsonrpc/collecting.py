"""``collect_digits``: keys that are collected while something is played or spoken, and after it.

The vendor's pages have two timers, a set of terminators and a maximum, each of which may be missing; what holds then,
and what else a collection needs, is decided here.
"""

from __future__ import annotations

from typing import Final

from otpvoice.core.actions import Gather, Prompt
from otpvoice.core.digits import KEYPAD, MOST_KEYS, DigitRules
from otpvoice.dialects.jsonrpc.lenient import Given, Wrong
from otpvoice.dialects.offers import Keying

FIRST: Final = 10_000
"""Milliseconds for the first key, where nothing is said; as in the vendor's sample."""
BETWEEN: Final = 3_000
"""Milliseconds from one key to the next, where nothing is said; as in the vendor's sample."""
SHORTEST: Final = 100
"""Milliseconds: less would end before a tone is over."""
LONGEST: Final = 600_000
"""Milliseconds."""
TERMINATORS: Final = "#"


def collecting(params: Given, prompt: Prompt, name: str, keying: Keying) -> Gather | None:
    """Return the gather that an action with this prompt is; None: it collects no keys. Raises ``Wrong``.

    ``name``: the action's. All keys count but the terminators. Nobody is asked twice, and no keys at all are an answer.
    """
    given = params.inner("collect_digits")
    most = given.whole("max") if given is not None else 0
    if given is None or most == 0:  # as in the vendor's demo, where a parameter says how many there are to be
        return None
    most = min(most or MOST_KEYS, MOST_KEYS)
    first, between = _seconds(given, "timeout", FIRST), _seconds(given, "inter_digit_timeout", BETWEEN)
    terminators = _terminators(given)
    rules = DigitRules(
        min_digits=0,
        max_digits=most,
        terminators=terminators,
        valid_digits="".join(sorted(KEYPAD)),
        first_digit_timeout=first,
        inter_digit_timeout=between,
        # There is no third timer: later than the other two can ever be.
        overall_timeout=first + most * between + 1.0,
        keep_terminator=keying.terminator_included,
    )
    stops = keying.stops_at_first_key
    # Where keys do not cut it, those that are pressed meanwhile count all the same.
    return Gather(rules, prompt, barge_in=stops, type_ahead="flush" if stops else "keep", id=name, tag=name)


def _seconds(given: Given, name: str, default: int) -> float:
    milliseconds = given.number(name)
    if milliseconds is None:
        milliseconds = default
    if milliseconds > LONGEST:
        raise Wrong(given.path(name), "range", f"must be at most {LONGEST}")
    return max(milliseconds, SHORTEST) / 1000


def _terminators(given: Given) -> str:
    text = given.text("terminators")
    if text is None:
        return TERMINATORS
    keys = set(text.upper()) - {" ", ","}
    if not keys <= KEYPAD:
        raise Wrong(given.path("terminators"), "format", "must be keys: 0-9, *, # and A-D")
    return "".join(sorted(keys))
