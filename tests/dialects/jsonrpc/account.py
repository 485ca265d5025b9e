"""The account that the examples are read for, and the documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from otpvoice.core.plan import CallPlan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.jsonrpc.dialing import webhook_at
from tests.dialects import account

NOW: Final = account.NOW
EXAMPLES: Final = Path(__file__).parent / "examples"
EVENTS: Final = "https://shop.example/events"
DEFAULTS: Final = replace(
    account.DEFAULTS,
    destinations=Destinations(allow=("+44", "+99"), deny=("+447700900",)),
    event_url=EVENTS,
    signs=False,
)
"""Two trunks; Britain but for one range of it, and what begins with +99; no secrets, which these calls need not."""

CALL: Final = CallPlan(
    to="+442079460123",
    caller_id="+442079460001",
    trunk="default",
    language="en-US",
    actions=(),
    ring_timeout=45,
    max_duration=14_400,
    lead_in=0.5,
    tail=0.7,
    webhook=webhook_at(EVENTS),
    shown="+442079460001",
)
"""A call that says nothing of itself but whom to call."""

WORDS: Final = st.sampled_from(
    [
        *(
            "dial",
            "play",
            "play_multiple",
            "speak",
            "send_dtmf",
            "hangup",
            "redirect",
            "2.0",
            "#",
            "12w",
            "5",
            "0",
            "600",
        ),
        *("442079460123", "+442079460001", "447700900123", "1001", "en-US", "tlh", "Hello.", "https://a.example/b.mp3"),
        *("", " ", "null", "Polly.Joanna", "-1", "1e9", "\x00", "\u202e", "x" * 120),
    ]
)
NAMES: Final = st.sampled_from(
    [
        *(
            "jsonrpc",
            "method",
            "params",
            "id",
            "to",
            "caller_id_number",
            "external_id",
            "max_call_duration",
            "send_dtmf",
        ),
        *("event_url", "url", "urls", "tts", "message", "language", "voice", "collect_digits", "max", "timeout"),
        *("inter_digit_timeout", "terminators", "digits"),
    ]
)
VALUES: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | NAMES, inner, max_size=4),
    max_leaves=8,
)
