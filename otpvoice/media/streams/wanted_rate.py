"""The rate that a customer's URL asks for: ``?sample-rate=16000``, where a format has several.

It reads one parameter and judges nothing else of the URL.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from otpvoice.media.streams.words import Format

PARAMETER: Final = "sample-rate"


def rate_in(url: str, spoken: Format | None) -> int | None:
    """Return the rate in Hz; None: none is asked for, or there is nothing to choose from.

    Raises ``ValueError``, whose text is the end of a sentence about the URL.
    """
    if spoken is None or len(spoken.rates) == 1:
        return None
    asked = [value for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True) if name == PARAMETER]
    if not asked:
        return None
    rates = {str(rate): rate for rate in spoken.rates}
    if len(asked) > 1 or asked[0] not in rates:
        *others, last = rates
        raise ValueError(f"must have one {PARAMETER} of {', '.join(others)} or {last} in its query")
    return rates[asked[0]]
