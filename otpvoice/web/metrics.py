"""``/metrics``: what is measured, for Prometheus.

It needs no key and tells nothing of any call; put it on the admin's address.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from otpvoice.web.ports import Exposition


class MetricsRoutes:
    """What is measured."""

    def __init__(self, metrics: Exposition) -> None:
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/metrics", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        text, kind = await self._metrics.expose(", ".join(request.headers.getall(hdrs.ACCEPT, [])))
        # As it is: of a content type with a charset aiohttp keeps the charset apart, and the version would be lost.
        return web.Response(body=text, headers={hdrs.CONTENT_TYPE: kind})
