"""The HTTP application: which doors there are, and what all answers have in common.

It listens nowhere (see ``server``), and each door can be on an application of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import hdrs, web

from otpvoice.dialects.reader import LARGEST
from otpvoice.stasis import Trunk
from otpvoice.web import callflows, json_rpc, ports
from otpvoice.web.auth import ACCOUNT, TEST, Account, Keys
from otpvoice.web.calls import DOOR, CallRoutes
from otpvoice.web.connection import HEADERS, Connection
from otpvoice.web.events import STREAM, EventRoutes
from otpvoice.web.health import HealthRoutes
from otpvoice.web.idempotency import Idempotency
from otpvoice.web.metrics import MetricsRoutes
from otpvoice.web.pages import PageRoutes
from otpvoice.web.ports import Calls, Counts, Events, Exposition, Nodes, Pingable, Registry, Store
from otpvoice.web.problems import REFUSED, Handler, problems, route_of
from otpvoice.web.reference import ReferenceRoutes
from otpvoice.web.registrations import RegistrationRoutes
from otpvoice.web.speech_profiles import SpeechProfileRoutes
from otpvoice.web.subaccounts import refusals

log = structlog.get_logger(__name__)

_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Who watches over it is no customer: neither counted nor in the log."""
_DOORS: Final = {
    (hdrs.METH_POST, "/v1/calls"): DOOR,
    (hdrs.METH_POST, callflows.CALLFLOWS): callflows.DOOR,
    (hdrs.METH_POST, json_rpc.PATH): json_rpc.DOOR,
}
"""Where calls are asked for."""
_COUNTS: Final = web.AppKey("counts", Counts)


@dataclass(frozen=True, slots=True)
class Hook:
    """The door for applications. ``trunks``: all that accounts are offered, by name.

    ``secret``: what ids are derived with from idempotency keys; None: these are refused. ``registry``: the endpoints
    that accounts have registered; None: there are no addresses below ``/api/v1/subaccounts``, which need it.
    """

    calls: Calls
    store: Store
    keys: ports.Keys
    events: Events
    accounts: Iterable[Account]
    trunks: Mapping[str, Trunk]
    secret: bytes | None = field(default=None, repr=False)
    registry: Registry | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The door for whoever watches over it. ``metrics`` None: nothing is measured."""

    nodes: Nodes
    store: Pingable
    metrics: Exposition | None = None


def make_app(
    *, hook: Hook | None = None, health: Health | None = None, counts: Counts | None = None
) -> web.Application:
    """Return an application with these doors. ``counts`` is told of each request, but for those of ``health``."""
    app = web.Application(middlewares=[_logged, problems, refusals], client_max_size=LARGEST)
    if counts is not None:
        app[_COUNTS] = counts
    if hook is not None:
        keys = Keys(hook.accounts)
        idempotency = Idempotency(hook.keys, hook.store, hook.secret)
        calls = CallRoutes(hook.calls, hook.store, keys, hook.trunks, idempotency)
        events = EventRoutes(hook.events, calls, keys)
        rpc = json_rpc.JsonRpcRoutes(hook.calls, keys, hook.trunks, idempotency)
        app.add_routes([*calls.routes(), *events.routes(), *ReferenceRoutes().routes(), *PageRoutes().routes()])
        app.add_routes(rpc.routes())
        if hook.registry is not None:
            door = callflows.CallflowRoutes(hook.calls, keys, hook.trunks, idempotency, hook.registry)
            registrations = RegistrationRoutes(hook.registry, keys)
            app.add_routes([*door.routes(), *registrations.routes(), *SpeechProfileRoutes(keys).routes()])
        app.on_shutdown.append(events.close)
    if health is not None:
        app.add_routes(HealthRoutes(health.nodes, health.store).routes())
        if health.metrics is not None:
            app.add_routes(MetricsRoutes(health.metrics).routes())
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    # What does not change says itself how long it may be kept.
    kept = response.headers.get(hdrs.CACHE_CONTROL)
    response.headers.update(HEADERS if kept is None else {**HEADERS, hdrs.CACHE_CONTROL: kept})


@web.middleware
async def _logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log the request, and count it: what was asked and what came of it, and nothing that was in it."""
    if isinstance(request.protocol, Connection):
        request.protocol.request_began()
    began = time.perf_counter()
    status, streamed = 499, False  # the client, or the server, did not wait for the answer
    try:
        response = await handler(request)
        status, streamed = response.status, response.content_type == STREAM
        return response
    finally:
        route, seconds = route_of(request), time.perf_counter() - began
        method = request.method if request.method in hdrs.METH_ALL else "other"
        tell = log.debug if route in _QUIET else log.info
        tell(
            "http.request",
            method=method,
            route=route,
            status=status,
            account=request.get(ACCOUNT),
            remote=request.remote,
            ms=round(seconds * 1000, 1),
        )
        if (counts := request.app.get(_COUNTS)) is not None and route not in _QUIET:
            counts.answered(method, route, status, None if streamed else seconds)
            door, refused = _DOORS.get((method, route)), request.get(REFUSED)
            if door is not None and refused is not None and not request.get(TEST):
                counts.refused(door, refused)
