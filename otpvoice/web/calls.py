"""``/v1/calls``: ask for a call, look at it, end it, forget it.

It keeps nothing: a call in progress is asked of the switchboard, one that ended of the store.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import hdrs, web
from structlog.contextvars import bind_contextvars

from otpvoice.core.record import State
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.offers import CallRequest
from otpvoice.dialects.problems import Problem
from otpvoice.dialects.reader import read_object
from otpvoice.stasis import Trunk
from otpvoice.web.asking import asked, body_of, json_response, limit_up_to, parameters
from otpvoice.web.auth import Caller, Keys
from otpvoice.web.idempotency import REPLAYED, Attempt, Idempotency
from otpvoice.web.placing import place
from otpvoice.web.ports import Calls, Page, Store
from otpvoice.web.problems import Refusal, call_in_progress, invalid_parameter, not_found

DOOR: Final = "http"
MOST: Final = 200
"""Calls of one page."""
PAGE: Final = 50
LOOKED_AT: Final = 10
"""Pages that one request with a test key looks through: what it may see lies among the others."""


class CallRoutes:
    """The native door, for all accounts."""

    def __init__(
        self, calls: Calls, store: Store, keys: Keys, trunks: Mapping[str, Trunk], idempotency: Idempotency
    ) -> None:
        self._calls, self._store, self._trunks = calls, store, trunks
        self._keys, self._idempotency = keys, idempotency

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/calls", self._place),
            web.get("/v1/calls", self._list),
            web.get("/v1/calls/{id}", self._show),
            web.delete("/v1/calls/{id}", self._erase),
            web.post("/v1/calls/{id}/hangup", self._hang_up),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        caller = self._keys.caller(request)
        # Before it is read: where many are refused, a refusal has to cost next to nothing. A repeat comes again.
        self._calls.check_strength()
        key = self._idempotency.key(request)
        body = await body_of(request)
        async with self._idempotency.attempt(caller, key, lambda: read_object(body)) as attempt:
            if attempt.answer is not None:
                return _accepted(attempt.answer, REPLAYED)
            return _accepted(await self._take(caller, parse_call(body, caller.defaults, time.time()), attempt))

    async def _take(self, caller: Caller, request: CallRequest, attempt: Attempt) -> dict[str, Any]:
        plan, trunk = request.plan, self._trunks[request.trunk]
        if not plan.inbound:
            return await place(self._calls, plan, trunk, caller=caller, door=DOOR, attempt=attempt)
        return await self._calls.prepare(
            plan,
            trunk,
            account=caller.id,
            door=DOOR,
            call_id=attempt.call_id,
            token=attempt.token,
            test=caller.test,
        )

    async def _list(self, request: web.Request) -> web.Response:
        caller = self._keys.caller(request)
        query = parameters(request, ("limit", "cursor", "state"), {"limit": limit_up_to(MOST), "state": _state})
        limit, cursor, state = int(query.get("limit", PAGE)), query.get("cursor"), query.get("state")
        if not caller.test:
            page = await self._page(caller, limit, cursor, state)
            return json_response({"data": page.records, "next_cursor": page.next_cursor})
        # Test calls lie among the others. There is no going on: a cursor names a call, which may be none of theirs.
        found: list[dict[str, Any]] = []
        for _ in range(LOOKED_AT):
            page = await self._page(caller, MOST, cursor, state)
            found += filter(caller.may_see, page.records)
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                break
        return json_response({"data": found[:limit], "next_cursor": None})

    async def _page(self, caller: Caller, limit: int, cursor: str | None, state: str | None) -> Page:
        try:
            return await asked(self._store.page(caller.id, limit=limit, cursor=cursor, state=state))
        except ValueError:
            message = "must be the next_cursor of an answer"
            raise invalid_parameter(Problem("$.query.cursor", "format", message)) from None

    async def _show(self, request: web.Request) -> web.Response:
        caller = self._keys.caller(request)
        return json_response(await self.find(caller, request.match_info["id"]))

    async def _erase(self, request: web.Request) -> web.Response:
        caller, call_id = self._keys.caller(request), request.match_info["id"]
        if (await self.find(caller, call_id))["state"] != State.ENDED:
            raise call_in_progress()
        match await asked(self._store.erase(caller.id, call_id)):
            case "done":
                return web.Response(status=204)
            case "in_progress":
                # Its end is not written yet.
                raise call_in_progress()
            case _:
                raise not_found("call")

    async def _hang_up(self, request: web.Request) -> web.Response:
        caller, call_id = self._keys.caller(request), request.match_info["id"]
        live = self._calls.find(caller.id, call_id)
        if live is not None and caller.may_see(shown := live.to_json()):
            bind_contextvars(call=call_id)
            # Without asking the store: a call can be ended whatever else is broken.
            self._calls.hang_up(call_id)
            return json_response(shown, status=202)
        record = await self.find(caller, call_id)
        if record["state"] != State.ENDED:
            if record["instance"] != self._calls.instance:
                there = {"instance": record["instance"]}
                detail = "Ask that one to end it."
                raise Refusal(409, "call_elsewhere", "The call is on another instance", detail, extra=there)
            # One of a former life of ours, which we are taking over.
            self._calls.hang_up(call_id)
        return json_response(record, status=202)

    async def is_on(self, caller: Caller, call_id: str) -> bool:
        """Is a call of this account in progress, here or elsewhere? Raises what the store raises."""
        if self._calls.find(caller.id, call_id) is not None:
            return True
        record = await self._store.get(caller.id, call_id)
        return record is not None and record["state"] != State.ENDED

    async def find(self, caller: Caller, call_id: str) -> dict[str, Any]:
        """Return a call that is the caller's to see. Raises ``Refusal``."""
        live = self._calls.find(caller.id, call_id)
        record = live.to_json() if live is not None else await asked(self._store.get(caller.id, call_id))
        if record is None or not caller.may_see(record):
            # Somebody else's call looks the same: who asks learns nothing of it.
            raise not_found("call")
        # What is logged of this request from now on, the line at its end above all, is about this call.
        bind_contextvars(call=call_id)
        return record


def _accepted(record: dict[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    bind_contextvars(call=record["id"])
    location: dict[str, str] = {hdrs.LOCATION: f"/v1/calls/{record['id']}"}
    return json_response(record, status=202, headers=location | dict(headers or {}))


def _state(text: str) -> Problem | None:
    if text in set(State):
        return None
    return Problem("$.query.state", "choice", f"must be one of {', '.join(State)}")
