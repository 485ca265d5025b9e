"""What was told of calls, to be read again: as a list, or as a stream that goes on (server-sent events).

It tells nothing itself and keeps no positions: whoever reads says what was read last, and any instance can go on there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson
import structlog
from aiohttp import hdrs, web

from otpvoice.core.record import State
from otpvoice.dialects.native_events import is_event_id
from otpvoice.dialects.problems import Problem, json_path
from otpvoice.web.asking import asked, json_response, limit_up_to, parameters
from otpvoice.web.auth import Caller, Keys
from otpvoice.web.calls import LOOKED_AT, CallRoutes
from otpvoice.web.ports import Events, Told
from otpvoice.web.problems import invalid_parameter, too_many_streams

log = structlog.get_logger(__name__)

MOST: Final = 200
"""Events of one answer."""
PAGE: Final = 50
KEEP_ALIVE: Final = 15.0
"""Seconds without an event after which a stream says that it is alive."""
WRITE_WITHIN: Final = 30.0
"""Seconds that a client may take to read what is written; one that reads nothing is let go."""
BREATH: Final = 0.1
"""Seconds between two looks for the events of one call: others' events wake its readers, too."""
STREAMS: Final = 100
"""Streams that one account may have open here."""
LAST_EVENT_ID: Final = "Last-Event-ID"
"""What browsers send on their own when they come back (HTML, "Server-sent events")."""
_LAST: Final = "call.ended"
STREAM: Final = "text/event-stream"


class EventRoutes:
    """Events of a call and of an account."""

    def __init__(self, events: Events, calls: CallRoutes, keys: Keys) -> None:
        self._events, self._calls, self._keys = events, calls, keys
        self._open: Counter[str] = Counter()
        self._closing = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/calls/{id}/events", self._of_call), web.get("/v1/events", self._of_all)]

    async def close(self, _: web.Application) -> None:
        """End all streams after a last look: whoever reads comes back, here or elsewhere."""
        self._closing.set()

    async def _of_call(self, request: web.Request) -> web.StreamResponse:
        caller, call_id = self._keys.caller(request), request.match_info["id"]
        await self._calls.find(caller, call_id)
        return await self._answer(request, caller, call_id)

    async def _of_all(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._keys.caller(request), None)

    async def _answer(self, request: web.Request, caller: Caller, call_id: str | None) -> web.StreamResponse:
        query = parameters(request, ("limit", "after"), {"limit": limit_up_to(MOST), "after": _event_id})
        limit = int(query.get("limit", PAGE))
        last = request.headers.get(LAST_EVENT_ID, "")
        if (problem := _event_id(last, json_path(("header", LAST_EVENT_ID)))) is not None:
            raise invalid_parameter(problem)
        after = last or query.get("after")
        position = await asked(self._events.position(caller.id, after)) if after else None
        # RFC 9110 section 9.3.2: nothing follows the head of an answer to HEAD, and a stream would never end.
        if STREAM in request.headers.get(hdrs.ACCEPT, "") and request.method != hdrs.METH_HEAD:
            return await self._stream(request, caller, call_id, position, known=position is not None or not after)
        # Events of a test key lie among the others.
        most = MOST if caller.test else limit
        told = await asked(self._events.after(caller.id, position, call_id=call_id, limit=most))
        seen = list(_seen(caller, told))
        for _ in range(LOOKED_AT):
            if seen or len(told) < most:
                break
            position = told[-1].position
            told = await asked(self._events.after(caller.id, position, call_id=call_id, limit=most))
            seen = list(_seen(caller, told))
        more = len(told) == most or len(seen) > limit
        seen = seen[:limit]
        # Never the id of one that is not seen: an id has that of its call in it.
        cursor = seen[-1].id if seen and more else None
        return json_response({"data": [orjson.loads(one.body) for one in seen], "next_cursor": cursor})

    async def _stream(
        self, request: web.Request, caller: Caller, call_id: str | None, position: str | None, *, known: bool
    ) -> web.StreamResponse:
        if call_id is None and position is None and known:
            # Who has read nothing wants what comes; who has read what is not known any more, all that is left.
            position = await asked(self._events.latest(caller.id))
        if call_id is not None and position is not None and await self._is_over(caller, call_id, position):
            # HTML, section 9.2: "Clients will reconnect … can be told to stop … using the HTTP 204".
            return web.Response(status=204)
        with self._counted(caller.id):
            response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: STREAM, "X-Accel-Buffering": "no"})
            try:
                await response.prepare(request)
                await self._pump(response, caller, call_id, position)
            except (ConnectionError, TimeoutError) as error:
                log.debug("http.stream_lost", error=type(error).__name__)
                if request.transport is not None:
                    request.transport.abort()
            except Exception as error:
                # The head is out: all that can be said is that it ends here. Whoever reads comes back.
                log.warning("http.stream_ended", error=type(error).__name__, reason=getattr(error, "reason", None))
            return response

    async def _pump(
        self, response: web.StreamResponse, caller: Caller, call_id: str | None, position: str | None
    ) -> None:
        while True:
            last_look = self._closing.is_set()
            seen = await self._events.latest(caller.id)
            told = await self._events.after(caller.id, position, call_id=call_id, limit=MOST)
            frames = b"".join(map(_frame, _seen(caller, told)))
            if frames:
                await _write(response, frames)
            if told:
                position = told[-1].position
                if call_id is not None and told[-1].type == _LAST:
                    return
            if last_look:
                return
            if len(told) < MOST and not await self._news(caller.id, seen):
                await _write(response, b":\n\n")
                if call_id is not None and not await self._calls.is_on(caller, call_id):
                    return  # it was erased, or its events are not kept any more
            elif call_id is not None:
                await asyncio.sleep(BREATH)

    async def _news(self, account: str, position: str) -> bool:
        """Wait for an event behind a position, or for our end. False: there was neither for a while."""
        waiting = asyncio.create_task(_wait(self._events, account, position))
        closing = asyncio.create_task(_set(self._closing))
        try:
            done, _ = await asyncio.wait({waiting, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            waiting.cancel()
            await asyncio.gather(waiting, closing, return_exceptions=True)
        return closing in done or waiting.result()

    async def _is_over(self, caller: Caller, call_id: str, position: str) -> bool:
        """Was the call's last event read, too?"""
        if await asked(self._events.after(caller.id, position, call_id=call_id, limit=1)):
            return False
        record = await self._calls.find(caller, call_id)
        return bool(record["state"] == State.ENDED)

    @contextmanager
    def _counted(self, account: str) -> Iterator[None]:
        if self._open[account] >= STREAMS:
            raise too_many_streams(KEEP_ALIVE)
        self._open[account] += 1
        try:
            yield
        finally:
            self._open[account] -= 1


def _event_id(text: str, path: str = "$.query.after") -> Problem | None:
    if not text or is_event_id(text):
        return None
    return Problem(path, "format", "must be the id of an event, as in evt_…_5")


async def _wait(events: Events, account: str, position: str) -> bool:
    return await events.wait(account, position, KEEP_ALIVE)


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def _seen(caller: Caller, told: Sequence[Told]) -> Iterator[Told]:
    for one in told:
        if not caller.test or caller.may_see(_call_of(one)):
            yield one


def _call_of(one: Told) -> dict[str, Any]:
    call: dict[str, Any] = orjson.loads(one.body)["data"]["call"]
    return call


def _frame(one: Told) -> bytes:
    # An envelope has no line breaks: JSON escapes them.
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (one.id.encode(), one.type.encode(), one.body)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_WITHIN):
        await response.write(data)
