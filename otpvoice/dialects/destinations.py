"""Which telephone numbers may be called: the longest prefix decides, and costly or foreign ones must be named.

It looks at digits only, with the numbering plans that ``phonenumbers`` has. Who pays, how often and how much is another
matter; so are internal extensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

SATELLITE: Final = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")
"""Satellite, global and international premium networks: country codes without a country (ITU-T E.164, annex)."""
REGIONS: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Regions that have telephone numbers, by ISO 3166."""

_COSTLY: Final = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which may lead anywhere",
}
# All others have one main region, and phonenumbers knows it; here it says US alone.
_EQUALS: Final = {"+1": ("US", "CA")}


class Unwanted(StrEnum):
    """Why a number may not be called: it is denied, or its region is; it is on no list; it is costly and not named."""

    DENIED = "denied"
    REGION_DENIED = "region_denied"
    NOT_ALLOWED = "not_allowed"
    COSTLY = "costly"


class Refused(NamedTuple):
    """A number that may not be called. ``why``: the end of a sentence, for people."""

    kind: Unwanted
    why: str


@dataclass(frozen=True, slots=True)
class Destinations:
    """Prefixes with plus, as in ``+44`` or ``+447``, and regions by ISO 3166, as in ``JM``.

    ``anywhere``: there is no list, all that is not denied is allowed.

    A country code that several regions share opens its main region only: ``+44`` the United Kingdom and not Jersey,
    ``+1`` the United States and Canada and not Jamaica. The others want to be named, by region or by a longer prefix
    (``JM``, ``+1876``). A number that no plan knows counts as one of the main region.

    A region that is allowed is worth as much as its bare country code; one that is denied is denied whole, whatever
    longer prefix is allowed. A denied prefix (``+1``) knows no regions: it is all that begins with it.

    Satellite, premium-rate, shared-cost and personal numbers are denied unless the allow list *names* them: by a prefix
    that is longer than the bare country code (``+44909``, not ``+44`` or ``GB``), or by one of ``SATELLITE`` written
    out, whose numbers are all of one kind. ``anywhere`` names nothing.
    """

    allow: tuple[str, ...]
    deny: tuple[str, ...] = ()
    anywhere: bool = False

    def refusal(self, number: str) -> str | None:
        """Return why a number (E.164 with plus) may not be called, as the end of a sentence; None: it may."""
        refused = self.verdict(number)
        return refused.why if refused is not None else None

    def verdict(self, number: str) -> Refused | None:
        """Return why a number (E.164 with plus) may not be called; None: it may."""
        known = _look_up(number)
        spellings = {number, known.number}
        prefix = min(_longest(self.allow, spelling) for spelling in spellings)
        named = prefix > len(known.country_code)
        by_region = known.region in self.allow
        allowed = max(prefix, len(known.country_code)) if by_region else prefix
        denied = max(_longest(self.deny, spelling) for spelling in spellings)
        if known.region in self.deny:
            return Refused(Unwanted.REGION_DENIED, "is on the list of denied destinations")
        if denied and denied >= allowed:
            return Refused(Unwanted.DENIED, "is on the list of denied destinations")
        if not allowed and not self.anywhere:
            return Refused(Unwanted.NOT_ALLOWED, "is not on the list of allowed destinations")
        if not (named or by_region or self.anywhere or known.is_main):
            why = f"is a number of the region {known.region}, which is not on the list of allowed destinations"
            return Refused(Unwanted.NOT_ALLOWED, why)
        satellite = _longest(SATELLITE, number)
        if satellite:
            return Refused(Unwanted.COSTLY, "is a satellite or global number") if allowed < satellite else None
        if known.kind in _COSTLY and not named:
            return Refused(Unwanted.COSTLY, f"is {_COSTLY[known.kind]}")
        return None


def telephone(number: str) -> str:
    """Return the one telephone that a number leads to: as the plan writes it, without digits that no network reads.

    So that one telephone can't be rung as many. ``number``: E.164 with plus, or an extension, which stays as it is.
    """
    if not number.startswith("+"):
        return number
    known = _look_up(number)
    return known.number[: len(known.number) - known.beyond] if known.kind != PhoneNumberType.UNKNOWN else known.number


class _Known(NamedTuple):
    """What the plans know of a number. ``country_code`` with plus; it is empty, like ``region``, where there is none.

    ``number``: as the plan writes it, without a trunk prefix (``+44 (0) 20``) that some networks pass over; ``beyond``
    so many of its digits are behind its end.
    """

    number: str
    beyond: int = 0
    country_code: str = ""
    region: str = ""
    is_main: bool = True
    kind: int = PhoneNumberType.UNKNOWN


def _look_up(number: str) -> _Known:
    """Look a number up; one that is too long, by the longest beginning of it that is whole.

    Networks stop reading where a number is complete, so digits added to a premium number do not make it another one.
    """
    region, found = None, None
    for parsed, rest in _beginnings(number):
        region = region or phonenumbers.region_code_for_number(parsed)
        kind = phonenumbers.number_type(parsed)
        if found is None or kind != PhoneNumberType.UNKNOWN:
            found = parsed, rest, kind
        if kind != PhoneNumberType.UNKNOWN:
            break
    if found is None:
        return _Known(number)
    parsed, rest, kind = found
    country_code = f"+{parsed.country_code}"
    main = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    region = region or main
    written = country_code + phonenumbers.national_significant_number(parsed) + rest
    return _Known(written, len(rest), country_code, region, region in _EQUALS.get(country_code, (main,)), kind)


def _beginnings(number: str) -> Iterator[tuple[PhoneNumber, str]]:
    """Yield how the plan reads a number, then what it begins with, the longest first, each with the digits left over.

    It is asked anew each time: of +7 809 123 4567 0 it makes the trunk prefix 8, of its beginning a premium number.
    """
    for length in range(len(number), 0, -1):
        rest = number[length:]
        try:
            parsed = phonenumbers.parse(number[:length], None)
        except NumberParseException:
            return
        if rest and phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.TOO_SHORT:
            return
        yield parsed, rest


def _longest(prefixes: Iterable[str], number: str) -> int:
    return max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=0)
