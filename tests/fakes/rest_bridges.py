"""What ARI's bridge, application and system requests do (res/ari/resource_{bridges,applications,asterisk}.c)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.channels import Bridge, Channel, Json
from tests.fakes.rest import AriError, Request, Rest
from tests.fakes.stasis import ASTERISK_ID, App

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk


class Bridges:
    def __init__(self, asterisk: FakeAsterisk, rest: Rest) -> None:
        self._asterisk = asterisk
        self._rest = rest

    def routes(self) -> list[web.RouteDef]:
        route = self._rest.route
        return [
            route("GET", "/ari/bridges", "listBridges", self.list),
            route("POST", "/ari/bridges", "createBridge", self.create),
            route("POST", "/ari/bridges/{id}", "createBridge", self.create),
            route("GET", "/ari/bridges/{id}", "getBridge", lambda request: self._find(request.id).json()),
            route("DELETE", "/ari/bridges/{id}", "destroyBridge", self.destroy),
            route("POST", "/ari/bridges/{id}/addChannel", "addChannel", self.add_channel),
            route("POST", "/ari/bridges/{id}/removeChannel", "removeChannel", self.remove_channel),
        ]

    def _find(self, bridge_id: str) -> Bridge:
        if bridge_id not in self._asterisk.switch.bridges:
            raise AriError(404, "Bridge not found")
        return self._asterisk.switch.bridges[bridge_id]

    def _channels(self, request: Request) -> list[Channel]:
        """A missing channel is a 400 here, not a 404; one outside Stasis a 422, not a 409."""
        wanted = request.several("channel")
        if not wanted:
            raise AriError(400, "Missing parameter channel")
        known = self._asterisk.switch.channels
        for channel_id in wanted:
            if channel_id not in known:
                raise AriError(400, "Channel not found")
            if known[channel_id].app is None:
                raise AriError(422, "Channel not in Stasis application")
        return [known[channel_id] for channel_id in wanted]

    def list(self, request: Request) -> Any:
        return [bridge.json() for bridge in self._asterisk.switch.bridges.values()]

    def create(self, request: Request) -> Json:
        bridge_id = request.id or request.text("bridgeId") or str(uuid.uuid4())
        if bridge_id in self._asterisk.switch.bridges:
            raise AriError(409, f"Bridge with id '{bridge_id}' already exists")
        types = request.words("type")
        kind = "holding" if "holding" in types else "mixing"
        # Read in their order (res/res_stasis.c bridge_create_common): what comes before "mixing" is undone by it.
        last = [word for word in types if word in {"mixing", "dtmf_events", "proxy_media"}] or ["mixing"]
        bridge = self._asterisk.switch.create_bridge(bridge_id, kind, request.text("name"), native=last[-1] == "mixing")
        return bridge.json()

    def destroy(self, request: Request) -> None:
        self._asterisk.switch.destroy_bridge(self._find(request.id))

    def add_channel(self, request: Request) -> None:
        bridge = self._find(request.id)
        for channel in self._channels(request):
            self._asterisk.switch.enter_bridge(channel, bridge)
        self._asterisk.ticker.wake()

    def remove_channel(self, request: Request) -> None:
        bridge = self._find(request.id)
        channels = self._channels(request)
        if any(channel.bridge is not bridge for channel in channels):
            raise AriError(422, "Channel not in this bridge")
        for channel in channels:
            self._asterisk.switch.leave_bridge(channel)


class System:
    def __init__(self, asterisk: FakeAsterisk, rest: Rest) -> None:
        self._asterisk = asterisk
        self._rest = rest

    def routes(self) -> list[web.RouteDef]:
        route = self._rest.route
        return [
            route("GET", "/ari/asterisk/ping", "ping", self.ping),
            route("GET", "/ari/asterisk/info", "info", self.info),
            route("GET", "/ari/applications/{id}", "application", lambda request: self._find(request.id).json()),
            route("PUT", "/ari/applications/{id}/eventFilter", "eventFilter", self.filter),
            route("POST", "/ari/applications/{id}/subscription", "subscription", self.subscribe),
        ]

    def _find(self, name: str) -> App:
        app = self._asterisk.stasis.find(name)
        if app is None:
            raise AriError(404, "Application not found")
        return app

    def ping(self, request: Request) -> Json:
        return {"ping": "pong", "timestamp": self._asterisk.clock.timestamp(), "asterisk_id": ASTERISK_ID}

    def info(self, request: Request) -> Json:
        started = self._asterisk.startup_time
        sections: Json = {
            "build": {"os": "Linux", "kernel": "", "machine": "x86_64", "options": "", "date": "", "user": ""},
            "system": {"version": self._asterisk.version, "entity_id": ASTERISK_ID},
            "config": {"name": "fake", "default_language": "en", "setid": {"user": "", "group": ""}},
            "status": {"startup_time": started, "last_reload_time": started},
        }
        only = request.words("only")
        return {name: section for name, section in sections.items() if not only or name in only}

    def filter(self, request: Request) -> Json:
        app = self._find(request.id)
        if not self._asterisk.stasis.filter(app, request.body):
            raise AriError(400, "Invalid format definition")
        return app.json()

    def subscribe(self, request: Request) -> Json:
        app = self._find(request.id)
        switch = self._asterisk.switch
        for source in request.several("eventSource"):
            scheme, _, name = source.partition(":")
            if scheme not in {"channel", "bridge"}:
                raise AriError(400, "Invalid event source URI scheme")
            if scheme == "channel" and name in switch.channels:
                self._asterisk.stasis.subscribe_channel(app.name, switch.channels[name])
            elif scheme == "bridge" and name in switch.bridges:
                self._asterisk.stasis.subscribe_bridge(app.name, switch.bridges[name])
            else:
                raise AriError(422, "Event source does not exist")
        return app.json()
