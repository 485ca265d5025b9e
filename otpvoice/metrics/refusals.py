"""Why a call that was asked for was not taken, by the door at which it was asked for: closed lists.

The words are the doors' own; a test compares. What is not here is counted as ``OTHER``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

HTTP: Final = "http"
DIALPLAN: Final = "dialplan"
OTHER: Final = "other"

_OF_THE_HOUSE: Final = (
    *("asterisk_unavailable", "draining", "internal_error", "media_wedged", "no_media_leg", "not_supported"),
    *("overloaded", "store_unavailable", "too_many_waiting"),
)
_OF_A_REQUEST: Final = (
    *("bad_request", "body_too_large", "call_erased", "destination_busy", "destination_not_allowed"),
    *("idempotency_in_progress", "idempotency_key_invalid", "idempotency_mismatch", "invalid_json"),
    *("invalid_request", "queue_full", "rate_limited", "request_timeout", "unauthorized", "unsupported_encoding"),
)
_OF_ARGUMENTS: Final = (
    *("choice", "conflict", "destination_not_allowed", "format", "length", "no_value", "not_a_pair", "not_allowed"),
    *(
        "nobody_to_ask",
        "nothing_to_do",
        "prompt",
        "range",
        "repeated_key",
        "rule",
        "too_many",
        "unknown_call",
        "unknown_key",
        "url",
    ),
    *("voice", "webhook"),
)

REFUSALS: Final[Mapping[str, tuple[str, ...]]] = {
    HTTP: (*_OF_THE_HOUSE, *_OF_A_REQUEST, OTHER),
    DIALPLAN: ("draining", "internal_error", "not_supported", "store_unavailable", *_OF_ARGUMENTS, OTHER),
}
"""Door → its reasons: of HTTP the ``code`` of the answer, of the dialplan ``OTPVOICE_REASON``."""
NO_OTHERS: Final[Mapping[str, Iterable[str]]] = MappingProxyType({})


def refusals(others: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """Return the reasons of our doors, and of others, which refuse for those of the house, too."""
    ours = {door: frozenset(reasons) for door, reasons in REFUSALS.items()}
    return ours | {door: frozenset((*_OF_THE_HOUSE, *_OF_A_REQUEST, *reasons)) for door, reasons in others.items()}
