"""Errors as RFC 9457 asks for them: every answer above 399, whoever made it, is ``application/problem+json``.

What went wrong inside is logged and not told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import orjson
import structlog
from aiohttp import web

from otpvoice.dialects.problems import Fault, Problem, ProblemFound
from otpvoice.stasis import NotTaken

log = structlog.get_logger(__name__)

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

DOCS: Final = "/docs/errors#"
CONTENT_TYPE: Final = "application/problem+json"

# code → status and title; the documentation has a section for each.
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


class Refusal(Exception):
    """An answer that is an error. ``detail`` is for people, and holds nothing that was sent."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        *,
        errors: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.errors, self.headers = tuple(errors), headers or {}

    def response(self) -> web.Response:
        """Return it as an answer."""
        body: dict[str, Any] = {"type": DOCS + self.code, "title": self.title, "status": self.status}
        if self.detail is not None:
            body["detail"] = self.detail
        body["code"] = self.code
        if self.errors:
            body["errors"] = [{"path": one.path, "code": one.code, "message": one.message} for one in self.errors]
        return web.Response(
            status=self.status, body=orjson.dumps(body), content_type=CONTENT_TYPE, headers=self.headers
        )


def not_found(what: str) -> Refusal:
    """Return the refusal for something that there is not, or not for this account."""
    return Refusal(404, "not_found", f"There is no such {what}")


def unavailable(code: str, detail: str, retry_after: int) -> Refusal:
    """Return the refusal for what may work in so many seconds."""
    return Refusal(503, code, "Not now", detail, headers={"Retry-After": str(retry_after)})


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """Return the refusal that HTTP's own status stands for."""
    return Refusal(status, _OF_STATUS.get(status, f"http_{status}"), HTTPStatus(status).phrase, headers=headers)


def of_problems(found: ProblemFound) -> Refusal:
    """Return the refusal for a request that a dialect could not take."""
    status, title = _FAULTS[found.fault]
    detail = "; ".join(f"{problem.path} {problem.message}" for problem in found.problems[:3])
    more = len(found.problems) - 3
    return Refusal(
        status, found.fault.value, title, detail + (f"; and {more} more" if more > 0 else ""), errors=found.problems
    )


_NOT_TAKEN: Final[Mapping[str, str]] = {
    "draining": "This instance is shutting down.",
    "no_media_leg": "All media legs are taken.",
    "media_wedged": "Asterisk's media does not come up: it has to be restarted.",
    "asterisk_unavailable": "There is no connection to Asterisk.",
    "store_unavailable": "The call could not be written down.",
    "too_many_waiting": "Too many calls wait for a dialplan.",
}


def of_not_taken(refused: NotTaken) -> Refusal:
    """Return the refusal for a call that was not taken; nobody was rung."""
    detail = _NOT_TAKEN.get(refused.reason, "The call was not taken.")
    return unavailable(refused.reason, f"{detail} Nobody was called.", refused.retry_after)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into an answer."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response()
    except ProblemFound as found:
        return of_problems(found).response()
    except NotTaken as refused:
        return of_not_taken(refused).response()
    except web.HTTPException as error:
        kept = {name: value for name, value in error.headers.items() if name in {"Allow", "Retry-After"}}
        return of_status(error.status, kept).response()
    except Exception:
        log.exception("http.failed", route=route_of(request))
        return of_status(500).response()


def route_of(request: web.Request) -> str:
    """Return the pattern of the route, never the path: that may hold anything."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
