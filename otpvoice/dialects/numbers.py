"""Which numbers a request may name: how they are written, and which of them may be rung.

In a plan, what has no plus is an extension, which ``LOCAL_NUMBERS`` allows or does not; lists of destinations are for
the others. Vendors write numbers without plus. Punctuation, which could be an extension, a pause or a mistake, is
refused everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, ValidationInfo

from otpvoice.core.actions import Dial
from otpvoice.core.e164 import is_e164, is_extension
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.context import context
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, json_path


def check_number(number: str, info: ValidationInfo) -> str:
    """Return the number, or complain of how it is written."""
    defaults = context(info).defaults
    if not is_e164(number) and not _is_local(number, defaults):
        kinds = ", or a local number that may be called" if defaults.local_numbers else ""
        raise complaint("format", f"must be a number in E.164 with plus, as in +442079460123{kinds}")
    return number


Number: TypeAlias = Annotated[str, AfterValidator(check_number)]


def read_number(written: str, defaults: CallDefaults) -> str | None:
    """Return a number that has its plus or not as a plan has it; None: it is neither E.164 nor a local number."""
    if _is_local(written, defaults):
        return written
    number = written if written.startswith("+") else f"+{written}"
    return number if is_e164(number) else None


def owned(given: str, trunk: TrunkOffer) -> str | None:
    """Return a caller ID as the trunk has it, written with or without plus; None: it has none such."""
    return next((one for one in trunk.caller_ids if plain(one) == plain(given)), None)


def plain(number: str) -> str:
    """Return a number without its plus, as vendors write it."""
    return number.removeprefix("+")


def refused_destinations(plan: CallPlan, defaults: CallDefaults) -> Iterator[Problem]:
    """Return a problem for each number that the plan would ring and may not. An inbound plan rings nobody itself."""
    if plan.to is not None and not plan.inbound:
        yield from _refusal(plan.to, "$.to", defaults)
    fallback = plan.webhook.fallback if plan.webhook is not None else ()
    for place, actions in ((("actions",), plan.actions), (("webhook", "fallback"), fallback)):
        for index, action in enumerate(actions):
            if isinstance(action, Dial):
                yield from _refusal(action.to, json_path((*place, index, "to")), defaults)


def _is_local(number: str, defaults: CallDefaults) -> bool:
    # The pattern is tried last: whatever it allows, what it sees is short and harmless.
    local = defaults.local_numbers
    return local is not None and is_extension(number) and local.fullmatch(number) is not None


def _refusal(number: str, path: str, defaults: CallDefaults) -> Iterator[Problem]:
    refusal = defaults.destinations.refusal(number) if number.startswith("+") else None
    if refusal is not None:
        yield Problem(path, Fault.DESTINATION_NOT_ALLOWED.value, refusal)
