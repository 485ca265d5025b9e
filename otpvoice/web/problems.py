"""Errors as RFC 9457 asks for them: every answer above 399, whoever made it, is ``application/problem+json``.

What went wrong inside is logged and not told.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import orjson
import structlog
from aiohttp import web

from otpvoice.dialects.problems import Fault, Problem, ProblemFound
from otpvoice.dialects.reader import LARGEST
from otpvoice.stasis import NotTaken

log = structlog.get_logger(__name__)

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

REFUSED: Final = web.RequestKey("refused", str)
"""The code of the refusal by which a request was answered."""
DOCS: Final = "/docs/errors/"
"""Where each code has its page (``pages``)."""
BODY_WITHIN: Final = 10.0
"""Seconds for a body to arrive whole."""
OF_HTTP: Final = "http_"
"""What codes begin with that say no more than HTTP's own status."""
CONTENT_TYPE: Final = "application/problem+json"

# code → status and title
_FAULTS: Final[Mapping[str, tuple[int, str]]] = {
    Fault.NOT_JSON: (400, "The body is not JSON"),
    Fault.INVALID: (422, "The request is not valid"),
    Fault.DESTINATION_NOT_ALLOWED: (403, "This destination may not be called"),
}
_OF_STATUS: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_encoding",
    417: "expectation_failed",
    500: "internal_error",
}
# status → its rule, said whatever broke it
_RULES: Final[Mapping[int, str]] = {
    400: "This is no HTTP, or its body broke off.",
    404: "There is no such address; /docs has all there are.",
    405: "The address is right, the method is not.",
    408: f"A body has to arrive within {BODY_WITHIN:g} s. Nobody was called.",
    413: f"A body has at most {LARGEST:,} bytes. Nobody was called.",
    415: "The body is compressed: send it as it is, without Content-Encoding. Nobody was called.",
    417: "Expect may be 100-continue, and nothing else.",
}


class Refusal(Exception):
    """An answer that is an error. ``detail`` is for people, and holds nothing that was sent.

    ``extra``: members of its own (RFC 9457 section 3.2), for programs.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        *,
        errors: Iterable[Problem] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.errors, self.extra, self.headers = tuple(errors), extra or {}, headers or {}

    def response(self) -> web.Response:
        """Return it as an answer."""
        # RFC 9457 section 4.2.1: about:blank is the status and nothing else, so it has no page.
        kind = "about:blank" if self.code.startswith(OF_HTTP) else DOCS + self.code
        body: dict[str, Any] = {"type": kind, "title": self.title, "status": self.status}
        if self.detail is not None:
            body["detail"] = self.detail
        body["code"] = self.code
        if self.errors:
            body["errors"] = [{"path": one.path, "code": one.code, "message": one.message} for one in self.errors]
        body.update(self.extra)
        return web.Response(
            status=self.status, body=orjson.dumps(body), content_type=CONTENT_TYPE, headers=self.headers
        )


def not_found(what: str) -> Refusal:
    """Return the refusal for something that there is not, or not for this account."""
    return Refusal(404, "not_found", f"There is no such {what}")


def unavailable(code: str, detail: str, retry_after: int) -> Refusal:
    """Return the refusal for what may work in so many seconds."""
    return Refusal(503, code, "Not now", detail, headers=_in(retry_after))


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """Return the refusal that HTTP's own status stands for."""
    detail = _RULES.get(status)
    if detail is not None and (allowed := (headers or {}).get("Allow")):
        detail += f" It takes {allowed.replace(',', ', ')}."
    code = _OF_STATUS.get(status, f"{OF_HTTP}{status}")
    return Refusal(status, code, HTTPStatus(status).phrase, detail, headers=headers)


def of_problems(found: ProblemFound) -> Refusal:
    """Return the refusal for a request that a dialect could not take."""
    status, title = _FAULTS[found.fault]
    return Refusal(status, found.fault.value, title, _summed_up(found.problems), errors=found.problems)


def invalid_parameter(*found: Problem) -> Refusal:
    """Return the refusal for a query that is wrong. The path of a parameter is ``$.query`` and its name."""
    return Refusal(422, "invalid_parameter", "The query is not valid", _summed_up(found), errors=found)


def _summed_up(found: Sequence[Problem]) -> str:
    detail = "; ".join(f"{problem.path} {problem.message}" for problem in found[:3])
    more = len(found) - 3
    return detail + (f"; and {more} more" if more > 0 else "")


# --- idempotency keys -------------------------------------------------------------------------------------------------


def idempotency_key_invalid() -> Refusal:
    """Return the refusal for an Idempotency-Key that is none."""
    detail = 'Send one header Idempotency-Key: "…" of 1 to 255 visible ASCII characters. Nobody was called.'
    return Refusal(422, "idempotency_key_invalid", "This is no idempotency key", detail)


def idempotency_not_supported() -> Refusal:
    """Return the refusal for an Idempotency-Key where nothing is set to derive ids from."""
    # Passed over in silence, it would let a client repeat a request and ring somebody twice.
    detail = "There is no OTPVOICE_SECRET_KEY: leave the header out, or have one set. Nobody was called."
    return Refusal(422, "not_supported", "Idempotency-Key is not supported here", detail)


def idempotency_in_progress() -> Refusal:
    """Return the refusal for a request while the first one with its key is being answered."""
    detail = "The first request with this Idempotency-Key is being answered. Send this one again."
    return Refusal(409, "idempotency_in_progress", "The first request is in progress", detail, headers=_in(1))


def idempotency_mismatch() -> Refusal:
    """Return the refusal for a key that was used for another request."""
    detail = "This Idempotency-Key was used for another request. Nobody was called for this one."
    return Refusal(422, "idempotency_mismatch", "The key belongs to another request", detail)


def call_erased() -> Refusal:
    """Return the refusal for a key whose call was erased."""
    detail = "The call of this Idempotency-Key was placed, and erased since. Nobody was called again."
    return Refusal(410, "call_erased", "The call was erased", detail)


# --- calls that are in the way ----------------------------------------------------------------------------------------


def call_in_progress() -> Refusal:
    """Return the refusal to erase a call that has not ended."""
    return Refusal(409, "call_in_progress", "The call has not ended", "Hang up, and erase it when it has ended.")


def destination_busy(call_id: str) -> Refusal:
    """Return the refusal for a destination that is being called: by this call of the same account."""
    detail = "A call to this destination is in progress. Nobody was called for this one."
    return Refusal(409, "destination_busy", "The destination is being called", detail, extra={"call": call_id})


# --- too many ---------------------------------------------------------------------------------------------------------


def rate_limited(limit: str, retry_after: float) -> Refusal:
    """Return the refusal for a call beyond a limit; ``limit`` is its name."""
    detail = f"The limit {limit} is reached. Nobody was called."
    return Refusal(429, "rate_limited", "Too many calls", detail, extra={"limit": limit}, headers=_in(retry_after))


def queue_full(retry_after: float) -> Refusal:
    """Return the refusal for a call that would have to wait, and has no place in the line of its trunk."""
    detail = "There is no place in the line of this trunk. Nobody was called."
    return Refusal(429, "queue_full", "Too many calls wait", detail, headers=_in(retry_after))


def too_many_streams(retry_after: float) -> Refusal:
    """Return the refusal for a stream of events beyond those that there may be."""
    detail = "Too many streams of events are open. Close those that nobody reads."
    return Refusal(429, "too_many_streams", "Too many streams", detail, headers=_in(retry_after))


def _in(seconds: float) -> dict[str, str]:
    # RFC 9110 section 10.2.3: whole seconds. Zero would ask for the next attempt at once.
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


# --- calls that were not taken ----------------------------------------------------------------------------------------


_NOT_TAKEN: Final[Mapping[str, str]] = {
    "draining": "This instance is shutting down.",
    "no_media_leg": "All media legs are taken.",
    "media_wedged": "Asterisk's media does not come up: it has to be restarted.",
    "asterisk_unavailable": "There is no connection to Asterisk.",
    "overloaded": "There are as many calls as this machine can carry.",
    "store_unavailable": "The call could not be written down.",
    "too_many_waiting": "Too many calls wait for a dialplan.",
}


def of_not_taken(refused: NotTaken) -> Refusal:
    """Return the refusal for a call that was not taken; nobody was rung."""
    match refused.reason:
        case "queue_full":
            return queue_full(refused.retry_after)
        case "destination_busy":
            return destination_busy(refused.facts["call"])
        case "rate_limited":
            return rate_limited(refused.facts["limit"], refused.retry_after)
        case "claim_lost":
            return idempotency_in_progress()
    detail = _NOT_TAKEN.get(refused.reason, "The call was not taken.")
    return unavailable(refused.reason, f"{detail} Nobody was called.", refused.retry_after)


def of_not_taken_now(refused: NotTaken) -> Refusal:
    """Return ``of_not_taken`` with Retry-After, whatever the reason: for doors where a destination in use is 429.

    409 ``destination_busy`` has none: it names the call to wait for.
    """
    refusal = of_not_taken(refused)
    refusal.headers = _in(refused.retry_after) | dict(refusal.headers)
    return refusal


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into an answer."""
    try:
        return await handler(request)
    except Exception as error:
        refusal = refusal_of(request, error)
    request[REFUSED] = refusal.code
    return refusal.response()


def refusal_of(request: web.Request, error: Exception) -> Refusal:
    """Return the refusal for whatever went wrong. What nobody expected is logged, and is 500."""
    match error:
        case Refusal():
            return error
        case ProblemFound():
            return of_problems(error)
        case NotTaken():
            return of_not_taken(error)
        case web.HTTPException():
            kept = {name: value for name, value in error.headers.items() if name in {"Allow", "Retry-After"}}
            return of_status(error.status, kept)
    log.error("http.failed", route=route_of(request), exc_info=error)
    return of_status(500)


def route_of(request: web.Request) -> str:
    """Return the pattern of the route, never the path: that may hold anything."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
