"""An application as somebody wrote it for Telesign: it asks who comes in for a key, and hangs up on who pressed it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Menu:
    """``events``: what it was told, in order. Who presses 9 is not hung up: it answers nothing more."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []

    def of(self, caller: str) -> list[dict[str, Any]]:
        """Return the events of this caller's calls."""
        return [event for event in self.events if event["from"] == caller.removeprefix("+")]

    async def answer(self, request: web.Request) -> web.Response:
        """Say what comes next."""
        event = await request.json()
        self.events.append(event)
        match event["event"]:
            case "incoming_call":
                asks = {"tts": {"message": "Press a key, please."}, "collect_digits": {"max": 1}}
                return web.json_response({"jsonrpc": "2.0", "method": "speak", "params": asks})
            case "speak_completed" if event["data"]["collected_digits"] == "9":
                return web.Response()
        return web.json_response({"jsonrpc": "2.0", "method": "hangup", "params": {}})


@asynccontextmanager
async def a_menu() -> AsyncIterator[Menu]:
    """Start one, on a port of its own."""
    menu, app = Menu(), web.Application()
    app.router.add_post("/events", menu.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    menu.url = f"http://{host}:{port}/events"
    try:
        yield menu
    finally:
        await runner.cleanup()
