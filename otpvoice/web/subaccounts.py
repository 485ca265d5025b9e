"""What all addresses below ``/api/v1/subaccounts`` have in common: whose they are, and how they refuse.

Whatever goes wrong there, an address or a method that there is not included, is answered as 8x8 answers it ("Send
Callflow", "Create a new webhook"), and never as ``problem+json``. No value that was sent is repeated, but for the name
of a sub-account.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web

from otpvoice.core.instants import rfc3339
from otpvoice.dialects.callflow import MESSAGES, UNKNOWN_ERROR, Refused
from otpvoice.dialects.callflow.codes import NOT_JSON
from otpvoice.dialects.problems import Fault
from otpvoice.stasis import NotTaken
from otpvoice.web.asking import json_response
from otpvoice.web.auth import ACCOUNT, Caller, Keys
from otpvoice.web.problems import REFUSED, Handler, Refusal, of_not_taken_now, refusal_of

log = structlog.get_logger(__name__)

ROOT: Final = "/api/v1/subaccounts"
SUB_ACCOUNT: Final = ROOT + "/{subAccountId}"
REASONS: Final = tuple(str(code) for code in MESSAGES if code < 0)
"""Why a callflow was refused, besides the reasons that ``/v1/calls`` has."""
LONGEST: Final = 128
"""Characters of the name of a sub-account that an answer repeats."""

_ERRORS_OF: Final = frozenset({"webhooks", "speech-profiles"})
"""Resources whose errors are no sessions that were not created."""
_UNAUTHORIZED: Final = "Authentication header not found or token invalid"
_BROKEN: Final = "Internal server error"
_MALFORMED: Final = "1001"
"""The one code that 8x8's file has of a webhook that can't be registered."""
_NOBODY: Final = " Nobody was called."


def sub_account(keys: Keys, request: web.Request) -> Caller:
    """Return whose request it is. Raises ``Refusal``: 401, and 404 where the path names anybody else."""
    caller, named = keys.caller(request), request.match_info["subAccountId"]
    if named != caller.id:
        # One that there is looks the same as one that there is not.
        shown = named[:LONGEST].encode("utf-8", "replace").decode()
        raise Refusal(404, "not_found", f"SubAccount not found by Id : {shown}")
    return caller


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong below ``ROOT`` into an answer."""
    if not f"{request.path}/".startswith(f"{ROOT}/"):
        return await handler(request)
    try:
        return await handler(request)
    except Refused as refused:
        if refused.broken is not None:
            log.warning("callflow.scenario_broken", account=request.get(ACCOUNT), reason=refused.broken)
        request[REFUSED] = str(refused.code)
        return _not_created(refused.status, refused.code, refused.message)
    except NotTaken as not_taken:
        refusal = of_not_taken_now(not_taken)
    except Exception as error:
        refusal = refusal_of(request, error)
    if _resource(request) in _ERRORS_OF:
        request[REFUSED] = refusal.code
        return _failed(*_of_an_error(refusal), refusal.headers)
    status, code, message = _of_a_callflow(refusal)
    request[REFUSED] = str(code) if code == NOT_JSON else refusal.code
    return _not_created(status, code, message, refusal.headers)


def _resource(request: web.Request) -> str | None:
    return next(iter(request.path.removeprefix(ROOT).split("/")[2:3]), None)


# --- callflows --------------------------------------------------------------------------------------------------------


def _of_a_callflow(refusal: Refusal) -> tuple[int, int, str]:
    """Return the HTTP status, ``statusCode`` and ``statusMessage``.

    What is no rule of a callflow has HTTP's own status for a code, as 8x8's 401, 404 and 500 have.
    """
    match refusal.status, refusal.code:
        case _, Fault.NOT_JSON.value:
            return 400, NOT_JSON, MESSAGES[NOT_JSON]
        case _, "destination_busy":
            # It is the caller who goes too fast; 8x8 knows no 409.
            return 429, 429, _told(refusal)
        case 401, _:
            return 401, 401, _UNAUTHORIZED
        case 500, _:
            return 500, 500, _BROKEN
        case 503, _:
            return 500, UNKNOWN_ERROR, MESSAGES[UNKNOWN_ERROR]
    return refusal.status, refusal.status, _told(refusal)


def _not_created(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    said = {
        "sessionStatus": "NOT_CREATED",
        "callFlowRequestId": str(uuid.uuid4()),
        "statusCode": code,
        "statusMessage": message,
    }
    return json_response(said, status, headers)


# --- all else ---------------------------------------------------------------------------------------------------------


def _of_an_error(refusal: Refusal) -> tuple[int, str, str]:
    """Return the HTTP status, ``statusCode`` and ``statusMessage``."""
    match refusal.code:
        case Fault.NOT_JSON.value:
            return 422, _MALFORMED, MESSAGES[NOT_JSON]
        case Fault.INVALID.value:
            return 422, _MALFORMED, _told(refusal)
    status, code, message = _of_a_callflow(refusal)
    return status, str(code), message.removesuffix(_NOBODY)


def _failed(status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
    said = {
        "errorId": str(uuid.uuid4()),
        "statusCode": code,
        "statusMessage": message,
        "timestamp": rfc3339(time.time()),
    }
    return json_response(said, status, headers)


def _told(refusal: Refusal) -> str:
    return refusal.detail or refusal.title
