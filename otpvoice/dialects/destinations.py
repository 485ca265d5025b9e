"""Which telephone numbers may be called: the longest prefix decides, and costly numbers must be asked for by name.

It looks at digits only. Who pays, how often and how much is another matter; so are internal extensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

SATELLITE: Final = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")
"""Satellite, global and international premium networks: country codes without a country (ITU-T E.164, annex)."""

_COSTLY: Final = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which may lead anywhere",
}
_SHORTEST: Final = 6
"""Digits of the shortest number whose kind is looked up."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Prefixes with plus, as in ``+44`` or ``+447``. ``anywhere``: there is no list, all that is not denied is allowed.

    Satellite, premium-rate, shared-cost and personal numbers are denied unless the allow list *names* them: by a prefix
    that is longer than the bare country code (``+44909``, not ``+44``), or by one of ``SATELLITE`` written out, whose
    numbers are all of one kind. ``anywhere`` names nothing.
    """

    allow: tuple[str, ...]
    deny: tuple[str, ...] = ()
    anywhere: bool = False

    def refusal(self, number: str) -> str | None:
        """Return why a number (E.164 with plus) may not be called, as the end of a sentence; None: it may."""
        allowed, denied = _longest(self.allow, number), _longest(self.deny, number)
        if denied and denied >= allowed:
            return "is on the list of denied destinations"
        if not allowed and not self.anywhere:
            return "is not on the list of allowed destinations"
        satellite = _longest(SATELLITE, number)
        if satellite:
            return "is a satellite or global number" if allowed < satellite else None
        country_code, kind = _kind(number)
        if kind in _COSTLY and allowed <= len(f"+{country_code}"):
            return f"is {_COSTLY[kind]}"
        return None


def _longest(prefixes: Iterable[str], number: str) -> int:
    return max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=0)


def _kind(number: str) -> tuple[int, int]:
    """Return country code and kind of a number; of one that is too long, the kind of its longest known beginning.

    Networks stop reading where a number is complete, so digits added to a premium number do not make it another one.
    """
    country_code = 0
    for length in range(len(number), _SHORTEST, -1):
        try:
            parsed = phonenumbers.parse(number[:length], None)
        except NumberParseException:
            break
        country_code = parsed.country_code or 0
        kind = phonenumbers.number_type(parsed)
        if kind != PhoneNumberType.UNKNOWN:
            return country_code, kind
    return country_code, PhoneNumberType.UNKNOWN
