"""``POST /v2/voice``: calls asked for as Telesign has it ("Engage API (Voice)"), with HTTP Basic and JSON-RPC.

All that is answered here is in that shape, whoever refused it; what is no HTTP, or expects what we don't do (417), is
answered before any door is asked. Each answer has a ``reference_id``: a call's own, or one by which our log knows the
refusal.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import hdrs, web
from structlog.contextvars import bind_contextvars

from otpvoice.dialects.jsonrpc import (
    EXTERNAL_ID,
    WORDS,
    RequestId,
    RpcRefused,
    accepted,
    id_of,
    parse_dial,
    read_document,
)
from otpvoice.dialects.session_ids import reference_of
from otpvoice.stasis import NotTaken, Trunk
from otpvoice.web.asking import body_of, json_response
from otpvoice.web.auth import BASIC, Keys, Unidentified
from otpvoice.web.idempotency import REPLAYED, Idempotency
from otpvoice.web.placing import place
from otpvoice.web.ports import Calls
from otpvoice.web.problems import REFUSED, Refusal, of_not_taken_now, of_status, route_of

log = structlog.get_logger(__name__)

DOOR: Final = "telesign"
PATH: Final = "/v2/voice"

_WORDS: Final[Mapping[str, str]] = {
    "rate_limited": "rate_limit_exceeded",
    "queue_full": "rate_limit_exceeded",
    "destination_busy": "rate_limit_exceeded",
    "bad_request": "invalid_request",
}
"""What other doors call it → the word here, where it is another one."""
REASONS: Final = tuple(WORDS)
"""Why a call is not taken here, besides what every door refuses for: that is counted by the house's own names."""

_ID: Final = web.RequestKey("json_rpc_id", object)
"""The request's own id, where it could be read."""


class JsonRpcRoutes:
    """This door, for all accounts: the user is an account's id, the password one of its keys."""

    def __init__(self, calls: Calls, keys: Keys, trunks: Mapping[str, Trunk], idempotency: Idempotency) -> None:
        self._calls, self._keys, self._trunks, self._idempotency = calls, keys, trunks, idempotency

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.route("*", PATH, self._answer), web.route("*", "/v2/{rest:.*}", self._nowhere)]

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            if request.method != hdrs.METH_POST:
                raise of_status(405, {hdrs.ALLOW: hdrs.METH_POST})
            return await self._dial(request)
        except RpcRefused as refused:
            return _refused(request, refused, refused.word)
        except Unidentified as nobody:
            return _unidentified(request, nobody)
        except Refusal as refusal:
            return _of_house(request, refusal)
        except NotTaken as not_taken:
            return _of_house(request, of_not_taken_now(not_taken))
        except Exception:
            log.exception("http.failed", route=route_of(request))
            return _of_house(request, of_status(500))

    async def _nowhere(self, request: web.Request) -> web.Response:
        return _of_house(request, of_status(404))

    async def _dial(self, request: web.Request) -> web.Response:
        caller = self._keys.basic(request)
        # Before it is read: where many are refused, a refusal has to cost next to nothing. A repeat comes again.
        self._calls.check_strength()
        key = self._idempotency.key(request)
        body = await body_of(request)
        document = read_document(body)
        request[_ID] = id_of(document)
        # The id names the request and not the call: a client may count its attempts by it.
        asked = {name: value for name, value in document.items() if name != "id"}
        async with self._idempotency.attempt(caller, key, lambda: asked) as attempt:
            if attempt.answer is not None:
                return _accepted(request, attempt.answer, REPLAYED)
            dial = parse_dial(body, caller.defaults, time.time())
            trunk = self._trunks[dial.trunk]
            record = await place(self._calls, dial.plan, trunk, caller=caller, door=DOOR, attempt=attempt)
            return _accepted(request, record)


def _accepted(
    request: web.Request, record: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> web.Response:
    bind_contextvars(call=record["id"])
    body = accepted(reference_of(record["id"]), record["metadata"].get(EXTERNAL_ID), _id_of(request))
    return json_response(body, status=202, headers=headers)


def _unidentified(request: web.Request, nobody: Unidentified) -> web.Response:
    refused = (
        RpcRefused("not_authorized", "There is no such account, or this is none of its keys.")
        if nobody.given
        else RpcRefused("credentials_not_provided", "Send one header Authorization: Basic, of an account's id and key.")
    )
    return _refused(request, refused, refused.word, {hdrs.WWW_AUTHENTICATE: BASIC})


def _of_house(request: web.Request, refusal: Refusal) -> web.Response:
    """Return what any door may answer, in the words of this one."""
    word = _WORDS.get(refusal.code, refusal.code)
    if word not in WORDS:
        word = "service_unavailable" if refusal.status >= 500 else "invalid_request"
    said = RpcRefused(word, refusal.detail or refusal.title, id=_id_of(request))
    return _refused(request, said, refusal.code, refusal.headers)


def _refused(
    request: web.Request, refused: RpcRefused, counted: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    reference = secrets.token_hex(16).upper()
    bind_contextvars(reference=reference)
    request[REFUSED] = counted
    return json_response(refused.answer(reference), refused.status, headers)


def _id_of(request: web.Request) -> RequestId | None:
    found = request.get(_ID)
    return found if isinstance(found, str | int | float) else None
