"""The body of ``POST /v2/voice``: a call begins with ``dial``, and what comes next is asked for at each event.

It places nothing and knows no account: what may be chosen from is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from otpvoice.core.actions import SendDigits
from otpvoice.core.plan import CallPlan, Hook, Webhook
from otpvoice.dialects import fields
from otpvoice.dialects.context import Context
from otpvoice.dialects.destinations import Unwanted
from otpvoice.dialects.jsonrpc.envelope import id_of, read_body, read_envelope
from otpvoice.dialects.jsonrpc.events import DIAL, EXTERNAL_ID, HOOK, PATIENCE, SPELLING
from otpvoice.dialects.jsonrpc.legs import LONGEST, caller_id, destination, duration, keys_to_send
from otpvoice.dialects.jsonrpc.lenient import Given, Wrong, checked
from otpvoice.dialects.jsonrpc.words import WORDS, RequestId, RpcRefused
from otpvoice.dialects.numbers import owned
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import ProblemFound

LONGEST_EXTERNAL_ID: Final = 100
"""Characters."""

_URL: Final = TypeAdapter[str](fields.Url)
_WORDS: Final[Mapping[tuple[str, str | None], str]] = {
    ("$.params.to", "required"): "to_number_not_provided",
    ("$.params.to", None): "invalid_phone_number",
    ("$.params.caller_id_number", None): "caller_id_number_not_owned",
    ("$.params.external_id", None): "invalid_external_id",
    ("$.params.max_call_duration", None): "invalid_max_call_duration",
    ("$.params.send_dtmf", None): "invalid_send_dtmf",
    ("$.params.event_url", None): "invalid_event_url",
    ("$.params", None): "invalid_params",
    ("$.method", None): "invalid_request",
}
"""Where it is, and which rule it breaks (None: any other) → the word for it."""
_BLOCKED: Final[Mapping[Unwanted, str]] = {
    Unwanted.COSTLY: "premium_to_number_rejected",
    Unwanted.NOT_ALLOWED: "to_number_blocked_by_country",
    Unwanted.REGION_DENIED: "to_number_blocked_by_country",
    Unwanted.DENIED: "to_number_blocked_by_customer",
}


@dataclass(frozen=True, slots=True)
class DialRequest:
    """A call as asked for. ``trunk`` is the name of one that was offered; ``id`` the request's own."""

    plan: CallPlan
    trunk: str
    id: RequestId | None


def read_document(body: bytes) -> Mapping[str, Any]:
    """Return the object in a body, whatever it says. Raises ``RpcRefused``."""
    try:
        document = read_body(body)
    except ProblemFound as found:
        raise RpcRefused("parse_error", found.problems[0].message) from None
    if not isinstance(document, dict):
        raise RpcRefused("invalid_request", "must be an object")
    return document


def parse_dial(body: bytes, defaults: CallDefaults, now: float) -> DialRequest:
    """Return what a body asks for. ``now``: Unix seconds. Raises ``RpcRefused`` with the first thing that is wrong."""
    document = read_document(body)
    request = id_of(document)
    try:
        plan = _plan(_params(document), defaults, Context(defaults, now))
    except Wrong as wrong:
        problem = wrong.problem
        word = problem.code if problem.code in WORDS else _word(problem.path, problem.code)
        raise RpcRefused(word, problem.message, problem.path, id=request) from None
    return DialRequest(plan, plan.trunk, request)


def webhook_at(url: str) -> Webhook:
    """Return whom such a call tells of itself, and asks what comes next."""
    return Webhook(url, (), interactive=True, timeout=PATIENCE, spelling=SPELLING, hooks=(Hook(HOOK, url),))


def _word(path: str, code: str) -> str:
    return _WORDS.get((path, code)) or _WORDS[path, None]


def _params(document: Any) -> Given:
    envelope = read_envelope(document)
    if not envelope.method:
        raise Wrong("$.method", "required", "is required")
    if envelope.method != DIAL:
        raise Wrong("$.method", "unsupported_call_state", "must be dial: there is no call yet")
    return envelope.params


def _plan(params: Given, defaults: CallDefaults, context: Context) -> CallPlan:
    to = destination(params, defaults)
    trunk, shown = _shown(params, defaults)
    external_id = params.text(EXTERNAL_ID) or None
    if external_id is not None and len(external_id) > LONGEST_EXTERNAL_ID:
        raise Wrong(params.path(EXTERNAL_ID), "length", f"must have at most {LONGEST_EXTERNAL_ID} characters")
    seconds = duration(params)
    sent = keys_to_send(params, "send_dtmf", context)
    url = _event_url(params, defaults, context)
    if (refused := defaults.destinations.verdict(to) if to.startswith("+") else None) is not None:
        raise Wrong(params.path("to"), _BLOCKED[refused.kind], refused.why)
    return CallPlan(
        to=to,
        caller_id=shown,
        trunk=trunk.name,
        language=defaults.language,
        # Whoever is asked is asked when they have sounded: an extension is part of whom the call is for.
        actions=(SendDigits(sent, id=DIAL),) if sent is not None else (),
        ring_timeout=trunk.ring_timeout,
        max_duration=seconds or float(LONGEST),
        lead_in=defaults.lead_in,
        tail=defaults.tail,
        metadata={EXTERNAL_ID: external_id} if external_id is not None else {},
        webhook=webhook_at(url),
        shown=shown,
    )


def _shown(params: Given, defaults: CallDefaults) -> tuple[TrunkOffer, str]:
    """Return the trunk by which the call goes, and the caller ID that it shows: the number decides on the trunk."""
    given, path = caller_id(params), params.path("caller_id_number")
    for trunk in defaults.trunks.values():
        shown = owned(given, trunk) if given is not None else next(iter(trunk.caller_ids), None)
        if shown is not None:
            return trunk, shown
    if given is None:
        raise Wrong(path, "caller_id_number_not_provided", "is required: the account has no caller ID")
    raise Wrong(path, "caller_id_number_not_owned", "must be one of the account's caller IDs")


def _event_url(params: Given, defaults: CallDefaults, context: Context) -> str:
    path = params.path("event_url")
    if given := (params.text("event_url") or "").strip():
        return checked(_URL, given, path, context)
    if defaults.event_url is None:
        detail = "is required where the account has none: the administrator sets it as OTPVOICE_EVENT_URL"
        raise Wrong(path, "event_url_not_set", detail)
    return defaults.event_url
