"""``/healthz``: is this process alive? ``/readyz``: can it place a call now, and if not, why?

They need no key and tell nothing of any call; put them on the admin's address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import orjson
from aiohttp import web

from otpvoice.core.readiness import why_not_ready
from otpvoice.web.ports import Node, Nodes, Pingable

PING_WITHIN: Final = 3.0
"""Seconds for the store to take a write."""


class HealthRoutes:
    """Health of the process and of what it needs."""

    def __init__(self, nodes: Nodes, store: Pingable) -> None:
        self._nodes, self._store = nodes, store

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, _: web.Request) -> web.Response:
        return _answer({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        store = await self._ask_store()
        nodes = [_node(node) for node in self._nodes.nodes]
        reasons = list(self._reasons(nodes, store))
        ready = store is None and not self._nodes.draining and any(node["ready"] for node in nodes)
        body = {
            "status": "ready" if ready else "not_ready",
            "reasons": reasons,
            "instance": self._nodes.instance,
            "calls": self._nodes.count,
            "draining": self._nodes.draining,
            "store": {"ready": store is None, "reason": store},
            "nodes": nodes,
        }
        return _answer(body, status=200 if ready else 503)

    def _reasons(self, nodes: list[dict[str, Any]], store: str | None) -> Iterator[dict[str, Any]]:
        if self._nodes.draining:
            yield {"code": "draining"}
        if store is not None:
            yield {"code": "store_unavailable", "detail": store}
        for node in nodes:
            yield from ({"code": code, "node": node["name"]} for code in node["reasons"])

    async def _ask_store(self) -> str | None:
        """Return why the store does not take writes; None: it does."""
        try:
            async with asyncio.timeout(PING_WITHIN):
                await self._store.ping()
        except TimeoutError:
            return "timeout"
        except Exception as error:  # whatever it is, calls can't be kept; its text may hold an address
            return str(getattr(error, "reason", type(error).__name__))
        return None


def _node(node: Node) -> dict[str, Any]:
    reasons = why_not_ready(node)
    return {
        "name": node.settings.name,
        "ready": not reasons,
        "reasons": reasons,
        "detail": node.reason,
        "connected": node.connected,
        "version": node.version,
        "legs": {"free": node.pool.free, "taken": node.pool.taken},
    }


def _answer(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
