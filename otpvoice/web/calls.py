"""``/v1/calls``: ask for a call, look at it, end it.

It keeps nothing: a call in progress is asked of the switchboard, one that ended of the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import structlog
from aiohttp import hdrs, web

from otpvoice.dialects.native import parse_call
from otpvoice.stasis import Trunk
from otpvoice.web.auth import Account, Keys
from otpvoice.web.ports import Calls, Store
from otpvoice.web.problems import Refusal, not_found, of_status, unavailable

log = structlog.get_logger(__name__)

DOOR: Final = "http"
BODY_WITHIN: Final = 10.0
"""Seconds for a body to arrive whole."""
STORE_WITHIN: Final = 5.0
"""Seconds for the store to answer; it has a shorter limit of its own."""


class CallRoutes:
    """The native door, for all accounts."""

    def __init__(self, calls: Calls, store: Store, accounts: Iterable[Account], trunks: Mapping[str, Trunk]) -> None:
        self._calls, self._store, self._trunks = calls, store, trunks
        self._keys = Keys(accounts)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/calls", self._place),
            web.get("/v1/calls/{id}", self._show),
            web.post("/v1/calls/{id}/hangup", self._hang_up),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        account = self._keys.account(request)
        if "Idempotency-Key" in request.headers:
            # Passed over in silence, it would let a client repeat a request and ring somebody twice.
            raise Refusal(422, "not_supported", "Idempotency-Key is not supported yet", "Leave the header out.")
        asked = parse_call(await _body(request), account.defaults, time.time())
        take = self._calls.prepare if asked.plan.inbound else self._calls.place
        record = await take(asked.plan, self._trunks[asked.trunk], account=account.id, door=DOOR)
        return _answer(record, status=202, headers={hdrs.LOCATION: f"/v1/calls/{record['id']}"})

    async def _show(self, request: web.Request) -> web.Response:
        account = self._keys.account(request)
        return _answer(await self._find(account.id, request.match_info["id"]))

    async def _hang_up(self, request: web.Request) -> web.Response:
        account, call_id = self._keys.account(request), request.match_info["id"]
        if (live := self._calls.find(account.id, call_id)) is not None:
            # Without asking the store: a call can be ended whatever else is broken.
            self._calls.hang_up(call_id)
            return _answer(live.to_json(), status=202)
        record = await self._find(account.id, call_id)
        if record["state"] != "ended" and record["instance"] != self._calls.instance:
            raise Refusal(409, "call_elsewhere", "The call is on another instance", "Ask that one to end it.")
        return _answer(record, status=202)

    async def _find(self, account: str, call_id: str) -> dict[str, Any]:
        if (live := self._calls.find(account, call_id)) is not None:
            return live.to_json()
        try:
            async with asyncio.timeout(STORE_WITHIN):
                record = await self._store.get(account, call_id)
        except Exception as error:
            log.warning("http.store_unavailable", error=type(error).__name__, reason=getattr(error, "reason", None))
            raise unavailable("store_unavailable", "The store does not answer.", 5) from error
        if record is None:
            # Somebody else's call looks the same: who asks learns nothing of it.
            raise not_found("call")
        return record


def _answer(record: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(record), content_type="application/json", headers=headers)


async def _body(request: web.Request) -> bytes:
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise of_status(415)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await request.read()
    except TimeoutError:
        raise of_status(408) from None
    except web.HTTPRequestEntityTooLarge:
        raise of_status(413) from None
    except Exception as error:
        # A chunk that is none, or the client is gone. The exception may quote the body: only its type is told.
        log.info("http.body_broken", error=type(error).__name__)
        raise of_status(400) from None
