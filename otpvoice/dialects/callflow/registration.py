"""8x8's spelling of an endpoint: what is to be told where, as it is asked for.

8x8, "Create a new webhook", and "Webhook Setup Guide for IVR", which writes ``active`` for ``enabled``. It keeps
nothing, and asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import PlainValidator, ValidationError

from otpvoice.core.secret import Secret
from otpvoice.dialects import fields
from otpvoice.dialects.callflow.entries import without_nulls
from otpvoice.dialects.callflow.hooks import ACTION, STATUS, SUMMARY
from otpvoice.dialects.callflow.params import Params
from otpvoice.dialects.callflow.wrongs import found_in
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.context import Context
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Fault, ProblemFound
from otpvoice.dialects.reader import read_object
from otpvoice.trust.authorization import why_not

Type: TypeAlias = Literal["VCA", "VSS", "VCS", "VRU", "VNU"]
TYPES: Final[tuple[str, ...]] = get_args(Type)
TOLD: Final = (ACTION, SUMMARY, STATUS)
"""Types of which there is something to tell. There are no recordings here (VRU), and no virtual numbers (VNU)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as asked for. ``auth``: the whole value of the header Authorization; None: nothing goes along."""

    type: str
    url: str
    auth: Secret | None = None
    enabled: bool = True


def _auth(value: object) -> Secret | None:
    if not isinstance(value, str):
        raise complaint("type", "must be a string")
    if not value.strip():
        return None
    if (why := why_not(value)) is not None:
        raise complaint("format", why)
    return Secret(value)


class _Body(Params):
    type: Type
    url: fields.Url
    http_auth_header: Annotated[Secret | None, PlainValidator(_auth)] = None
    enabled: bool | None = None
    active: bool | None = None


def parse_registration(body: bytes, defaults: CallDefaults, now: float) -> Wanted:
    """Return what a body asks for. A type of which there is nothing to tell is never enabled.

    Raises ``ProblemFound`` with all that is wrong; no problem repeats a value. ``now``: Unix seconds.
    """
    document = without_nulls(read_object(body))
    try:
        asked = _Body.model_validate(document, context=Context(defaults, now))
    except ValidationError as error:
        raise ProblemFound(Fault.INVALID, found_in(error)) from None
    on = asked.enabled if asked.enabled is not None else asked.active is not False
    return Wanted(asked.type, asked.url, asked.http_auth_header, on and asked.type in TOLD)
