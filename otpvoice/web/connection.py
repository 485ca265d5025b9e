"""One client's connection, without what aiohttp would say too much and with the limit that it lacks.

It reads HTTP as aiohttp does; doors and answers are not its business.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from aiohttp import web

from otpvoice.web.problems import of_status

log = structlog.get_logger(__name__)

REQUEST_WITHIN: Final = 10.0
"""Seconds for the head of a connection's first request to arrive whole. Between requests ``KEEP_ALIVE`` holds."""
KEEP_ALIVE: Final = 75.0
"""Seconds that an idle connection is kept."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    # No version: which ones have which faults is public.
    "Server": "otpvoice",
}
"""What all answers have."""


class Connection(web.RequestHandler):
    """aiohttp's connection. Its own error page and its log quote what a client sent, and that may be a code.

    A request whose Content-Length is short of its body is enough: the rest is read as the next request's first line,
    is none, and is shown (``aiohttp.http_exceptions.BadHttpMessage``).
    """

    def __init__(self, manager: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEP_ALIVE,
            access_log=None,  # type: ignore[arg-type]  # how aiohttp says: none
            # A small body could be a large one when unpacked; calls.py refuses those that are packed.
            auto_decompress=False,
        )
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._patience = asyncio.get_running_loop().call_later(REQUEST_WITHIN, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self.request_began()
        super().connection_lost(exc)

    def request_began(self) -> None:
        """The head of a request is here."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no request, or what no handler could answer."""
        log.info("http.malformed", status=status, error=type(exc).__name__, remote=request.remote)
        response = _ours(status)
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. One that aiohttp made before any door was asked (417) becomes ours."""
        if isinstance(resp, web.HTTPException):
            resp = _ours(resp.status)
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log that something broke in HTTP itself: where, and not with which bytes."""
        error = kw.get("exc_info")
        log.error("http.connection_failed", error=type(error).__name__)


def _ours(status: int) -> web.Response:
    response = of_status(status).response()
    response.headers.update(HEADERS)
    return response
