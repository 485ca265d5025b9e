"""The answers that the pages of the errors show, as the program gives them.

Where the program has a name for an answer, that is asked; a request that is refused is sent to the dialect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Problem, ProblemFound
from otpvoice.web import problems
from otpvoice.web.problems import Refusal

DEFAULTS: Final = CallDefaults({"default": TrunkOffer("default")}, Destinations(("+1",)), "en-US")
CALL: Final = "call_5b0c7e1f2a9d4c8e6f3b1a70"


def refused(body: bytes) -> ProblemFound:
    """Return what the native dialect has against a body. Raises ``AssertionError`` where it has nothing."""
    try:
        parse_call(body, DEFAULTS, 0.0)
    except ProblemFound as found:
        return found
    raise AssertionError("this body is taken")


def sent(**fields: object) -> Callable[[], Refusal]:
    """Return what answers a call with these fields."""
    return lambda: problems.of_problems(refused(json.dumps({"to": "+12025550123", **fields}).encode()))


EXAMPLES: Final[Mapping[str, Callable[[], Refusal]]] = {
    "call_erased": problems.call_erased,
    "call_in_progress": problems.call_in_progress,
    "destination_busy": lambda: problems.destination_busy(CALL),
    "destination_not_allowed": sent(to="+442079460123", code="482913"),
    "idempotency_in_progress": problems.idempotency_in_progress,
    "idempotency_key_invalid": problems.idempotency_key_invalid,
    "idempotency_mismatch": problems.idempotency_mismatch,
    "invalid_json": lambda: problems.of_problems(refused(b'{"to": "+12025550123", "to": "+12025550188"}')),
    "invalid_parameter": lambda: problems.invalid_parameter(
        Problem("$.query.cursor", "format", "must be the next_cursor of an answer")
    ),
    "invalid_request": sent(actions=[{"type": "gather", "max_digits": 65}]),
    "not_supported": problems.idempotency_not_supported,
    "queue_full": lambda: problems.queue_full(4),
    "rate_limited": lambda: problems.rate_limited("destination_rate", 41.3),
    "too_many_streams": lambda: problems.too_many_streams(5),
}


def answered(refusal: Refusal) -> dict[str, Any]:
    """Return the body of an answer."""
    body = refusal.response().body
    assert isinstance(body, bytes)
    answer: dict[str, Any] = json.loads(body)
    return answer
