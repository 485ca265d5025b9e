"""ARI's REST door: routes, credentials, parameters, and the shape of errors.

What a request does is in ``rest_channels.py`` and ``rest_bridges.py``. HTTP only: REST over the WebSocket is not
there, and an unknown path is a 404 as in Asterisk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from aiohttp import BasicAuth, web

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk
    from tests.fakes.faults import Fault

BODY_MAX: Final = 40_960

Operation: TypeAlias = Literal[
    "ping",
    "info",
    "application",
    "eventFilter",
    "subscription",
    "events",
    "originate",
    "externalMedia",
    "listChannels",
    "getChannel",
    "hangup",
    "getVariable",
    "setVariable",
    "getVariables",
    "setVariables",
    "answer",
    "continue",
    "sendDTMF",
    "ring",
    "ringStop",
    "rtpStatistics",
    "snoop",
    "listBridges",
    "createBridge",
    "getBridge",
    "destroyBridge",
    "addChannel",
    "removeChannel",
]


class AriError(Exception):
    """An answer that is no success: its status and its JSON."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, str] = {"message": message}


class AllocationFailed(AriError):
    """ARI's word for an endpoint that does not exist; and the key is another."""

    def __init__(self) -> None:
        super().__init__(500, "Allocation failed")
        self.body = {"error": "Allocation failed"}


@dataclass(slots=True, eq=False)
class Request:
    """One request as it arrived, for assertions. ``status`` stays None where no answer was sent."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    body: Any = None
    at: float = 0.0
    status: int | None = None
    id: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.arguments.get(name)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def words(self, name: str) -> list[str]:
        """A list, or a string of words with commas."""
        value = self.arguments.get(name)
        words = [str(word) for word in value] if isinstance(value, list) else self.text(name).split(",")
        return [word.strip() for word in words if word.strip()]

    def several(self, name: str) -> list[str]:
        """Of a parameter that may be given several times: commas part them in the query, not in the body."""
        value = self.body.get(name) if isinstance(self.body, dict) else None
        return [value] if isinstance(value, str) and value else self.words(name)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            return default

    def variables(self) -> tuple[dict[str, str], set[str]]:
        """The values, and the names of those that are reported in events."""
        given = self.body.get("variables") if isinstance(self.body, dict) else None
        values: dict[str, str] = {}
        reported: set[str] = set()
        for name, value in (given or {}).items():
            match value:
                case str():
                    values[name] = value
                case {"value": str(text), **rest}:
                    values[name] = text
                    if not isinstance(rest.get("report_events", False), bool):
                        raise AriError(400, "Field 'report_events' in 'variables' entries must be boolean")
                    if rest.get("report_events"):
                        reported.add(name)
                case dict():
                    raise AriError(400, "Each object value in 'variables' must include string field 'value'")
                case _:
                    raise AriError(
                        400,
                        "Each value in 'variables' must be a string or an object with 'value' and optional "
                        "'report_events'",
                    )
        return values, reported


# The JSON of a 200, or None for a 204; or what has to be waited for to have it.
Act: TypeAlias = Callable[[Request], Any]


def missing_or_wrong_credentials(asterisk: FakeAsterisk, request: web.Request) -> bool:
    key = request.query.get("api_key")
    header = request.headers.get("Authorization")
    try:
        given = tuple(key.split(":", 1)) if key else tuple(BasicAuth.decode(header or "")[:2])
    except ValueError:
        return True
    return given != (asterisk.user, asterisk.password)


class Rest:
    def __init__(self, asterisk: FakeAsterisk) -> None:
        self._asterisk = asterisk

    def route(self, method: str, path: str, operation: Operation, act: Act) -> web.RouteDef:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, operation, act)

        return web.route(method, path, serve)

    async def _serve(self, request: web.Request, operation: Operation, act: Act) -> web.StreamResponse:
        query = {name: ",".join(request.query.getall(name)) for name in request.query if name != "api_key"}
        logged = Request(operation, request.method, request.path, query, at=self._asterisk.clock.now())
        logged.id = request.match_info.get("id", "")
        self._asterisk.requests.append(logged)
        life = self._asterisk.life
        body = await request.read()
        well_formed = _read_body(logged, body)
        self._asterisk.changed()
        for fault in self._asterisk.faults.about(operation):
            match fault.kind:
                case "delay":
                    await self._asterisk.clock.sleep(fault.seconds)
                    if self._asterisk.life != life:
                        return self._cut(request)
                case "answer":
                    return self._answer(logged, fault.status, fault.body)
                case "hang":
                    await self._asterisk.wait(partial(self._over, fault, life))
                    return self._cut(request)
                case "cut before":
                    return self._cut(request)
                case "cut after":
                    await self._execute(request, logged, well_formed, act)
                    return self._cut(request)
                case "instead":
                    await self._execute(request, logged, well_formed, act)
                    return self._answer(logged, fault.status, fault.body)
                case "cut short":
                    _, answer = await self._execute(request, logged, well_formed, act)
                    return await self._cut_short(request, json.dumps(answer).encode())
                case "answer after":
                    status, answer = await self._execute(request, logged, well_formed, act)
                    await self._event_sent(fault.until, answer)
                    return self._answer(logged, status, answer)
        if operation == "externalMedia" and self._asterisk.faults.wedged:
            await self._asterisk.wait(lambda: self._asterisk.life != life)
            return self._cut(request)
        status, answer = await self._execute(request, logged, well_formed, act)
        return self._answer(logged, status, answer) if self._asterisk.life == life else self._cut(request)

    def _over(self, fault: Fault, life: int) -> bool:
        return fault.lifted or self._asterisk.life != life

    async def _execute(self, request: web.Request, logged: Request, well_formed: bool, act: Act) -> tuple[int, Any]:
        try:
            self._check(request)
            if not well_formed:
                raise AriError(400, "Error parsing request body")
            answer = act(logged)
            if isawaitable(answer):
                answer = await answer
        except AriError as refused:
            return refused.status, refused.body
        finally:
            self._asterisk.changed()
        return (204, None) if answer is None else (200, answer)

    def _check(self, request: web.Request) -> None:
        if missing_or_wrong_credentials(self._asterisk, request):
            raise AriError(401, "Authentication required")
        if self._asterisk.booting:
            raise AriError(503, "Asterisk not booted")
        if (request.content_length or 0) > BODY_MAX:
            raise AriError(413, "Request body too large")

    def _answer(self, logged: Request, status: int, body: Any) -> web.Response:
        logged.status = status
        headers = {"WWW-Authenticate": 'Basic realm="Asterisk REST Interface"'} if status == 401 else {}
        if 300 <= status < 400:
            headers["Location"] = logged.path  # whoever follows asks again
        if body is None or isinstance(body, bytes):
            return web.Response(status=status, headers=headers, body=body)
        return web.json_response(body, status=status, headers=headers)

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _cut_short(self, request: web.Request, answer: bytes) -> web.StreamResponse:
        """The length of all of it, half of it, and then the end."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(answer)
        await response.prepare(request)
        await response.write(answer[: len(answer) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _event_sent(self, kind: str, answer: Any) -> None:
        """The event is out; then long enough for the client to have read it."""
        about = answer.get("id") if isinstance(answer, dict) else None
        if about is None:
            return
        await self._asterisk.wait(
            lambda: any(
                event["type"] == kind and (event.get("channel") or event.get("peer") or {}).get("id") == about
                for event in self._asterisk.events
            )
        )
        await asyncio.sleep(0.03)


def _read_body(logged: Request, body: bytes) -> bool:
    """False when it is not JSON. The body's fields win over the query's, as in the generated res_ari_*.c."""
    try:
        logged.body = json.loads(body) if body else None
    except ValueError:
        return False
    logged.arguments = logged.query | (logged.body if isinstance(logged.body, dict) else {})
    return True
