"""How a customer's application answers a post: an object is JSON, a number a status, bytes a body, None no answer."""

from __future__ import annotations

from typing import Any

from aiohttp import web


def answered(request: web.BaseRequest, said: Any) -> web.StreamResponse:
    """Return the answer; where there is to be none the connection is closed."""
    match said:
        case dict():
            return web.json_response(said)
        case int(status):
            return web.Response(status=status)
        case bytes(body):
            return web.Response(body=body)
        case _:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
