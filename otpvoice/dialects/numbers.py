"""Which numbers a request may name: how they are written, and which of them may be rung.

What has no plus is an extension, which ``LOCAL_NUMBERS`` allows or does not; lists of destinations are for the others.
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
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Fault, Problem, json_path


def check_number(number: str, info: ValidationInfo) -> str:
    """Return the number, or complain of how it is written."""
    local = context(info).defaults.local_numbers
    # The pattern is tried last: whatever it allows, what it sees is short and harmless.
    if not is_e164(number) and not (local and is_extension(number) and local.fullmatch(number)):
        kinds = ", or a local number that may be called" if local else ""
        raise complaint("format", f"must be a number in E.164 with plus, as in +442079460123{kinds}")
    return number


Number: TypeAlias = Annotated[str, AfterValidator(check_number)]


def refused_destinations(plan: CallPlan, defaults: CallDefaults) -> Iterator[Problem]:
    """Return a problem for each number that the plan would ring and may not. An inbound plan rings nobody itself."""
    if plan.to is not None and not plan.inbound:
        yield from _refusal(plan.to, "$.to", defaults)
    fallback = plan.webhook.fallback if plan.webhook is not None else ()
    for place, actions in ((("actions",), plan.actions), (("webhook", "fallback"), fallback)):
        for index, action in enumerate(actions):
            if isinstance(action, Dial):
                yield from _refusal(action.to, json_path((*place, index, "to")), defaults)


def _refusal(number: str, path: str, defaults: CallDefaults) -> Iterator[Problem]:
    refusal = defaults.destinations.refusal(number) if number.startswith("+") else None
    if refusal is not None:
        yield Problem(path, Fault.DESTINATION_NOT_ALLOWED.value, refusal)
