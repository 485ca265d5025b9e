"""``/api/v1/subaccounts/{id}/callflows``: ask for a call as 8x8 is asked ("Send Callflow").

It keeps nothing, and reads no callflow itself: that is the dialect's. How it refuses is in ``subaccounts``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from structlog.contextvars import bind_contextvars

from otpvoice.dialects.callflow import CREATED, MESSAGES, CallflowRequest, parse_callflow
from otpvoice.dialects.reader import read_object
from otpvoice.dialects.session_ids import session_of, uuid_of
from otpvoice.stasis import Trunk
from otpvoice.web.asking import asked, body_of, json_response
from otpvoice.web.auth import Caller, Keys
from otpvoice.web.idempotency import REPLAYED, Attempt, Idempotency
from otpvoice.web.placing import place
from otpvoice.web.ports import Calls, Registry
from otpvoice.web.registrations import hooks_for
from otpvoice.web.subaccounts import SUB_ACCOUNT, sub_account

DOOR: Final = "8x8"
CALLFLOWS: Final = f"{SUB_ACCOUNT}/callflows"


class CallflowRoutes:
    """The door, for all accounts."""

    def __init__(
        self, calls: Calls, keys: Keys, trunks: Mapping[str, Trunk], idempotency: Idempotency, registry: Registry
    ) -> None:
        self._calls, self._trunks, self._registry = calls, trunks, registry
        self._keys, self._idempotency = keys, idempotency

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.post(CALLFLOWS, self._place)]

    async def _place(self, request: web.Request) -> web.Response:
        caller = sub_account(self._keys, request)
        # Before it is read: where many are refused, a refusal has to cost next to nothing. A repeat comes again.
        self._calls.check_strength()
        key = self._idempotency.key(request)
        body = await body_of(request)
        async with self._idempotency.attempt(caller, key, lambda: read_object(body)) as attempt:
            if attempt.answer is not None:
                # The body is the first one's, so this is what the first answer had.
                return _created(attempt.answer, read_object(body).get("validUntil"), REPLAYED)
            wanted = await self._read(caller, body)
            return _created(await self._take(caller, wanted, attempt), wanted.valid_until)

    async def _read(self, caller: Caller, body: bytes) -> CallflowRequest:
        hooks = hooks_for(caller, await asked(self._registry.hooks(caller.id)))
        return parse_callflow(body, caller.defaults, hooks, time.time())

    async def _take(self, caller: Caller, wanted: CallflowRequest, attempt: Attempt) -> dict[str, Any]:
        if wanted.refused is None:
            trunk = self._trunks[wanted.trunk]
            return await place(self._calls, wanted.plan, trunk, caller=caller, door=DOOR, attempt=attempt)
        return await self._calls.refuse(
            wanted.plan,
            fault=wanted.refused,
            account=caller.id,
            door=DOOR,
            call_id=attempt.call_id,
            token=attempt.token,
            test=caller.test,
        )


def _created(
    record: Mapping[str, Any], valid_until: str | None, headers: Mapping[str, str] | None = None
) -> web.Response:
    bind_contextvars(call=record["id"])
    session = session_of(record["id"])
    said = {
        "sessionId": session,
        "sessionStatus": "CREATED",
        "callFlowRequestId": uuid_of(session, "request"),
        "validUntil": valid_until,
        "statusCode": CREATED,
        "statusMessage": MESSAGES[CREATED],
    }
    return json_response({name: value for name, value in said.items() if value is not None}, headers=headers)
