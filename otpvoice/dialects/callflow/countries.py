"""Which country a number belongs to, by the numbering plans that ``phonenumbers`` has.

It says nothing of whether a number is in use, or may be called.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException

from otpvoice.core.e164 import is_e164

NOWHERE = frozenset({"001", "ZZ"})
"""What ``phonenumbers`` has for country codes without a country, and for what it does not know."""


def country_of(number: str | None) -> str | None:
    """Return the country by ISO 3166-1 alpha-2; None of an extension, of satellites, and of what no plan knows.

    A number that is not valid counts as one of the country whose code it has; where several share it, of the main one.
    """
    if number is None or not is_e164(number):
        return None
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return None if region in NOWHERE else region
