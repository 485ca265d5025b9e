"""Stasis applications: who hears of what, and over which socket.

Subscriptions are counted as in Asterisk's res/stasis/app.c: a channel that we originated is subscribed from the
start and once more while it is in Stasis, so its ChannelDestroyed is heard; one that came from the dialplan is
subscribed in Stasis only, so it is not. A bridge is subscribed while a channel of the application is in it, so
BridgeCreated is never heard, and BridgeDestroyed only after a channel was hung up in that bridge (one count of
its subscription is left behind); or by ``subscribeAll`` and explicit subscribers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.channels import Bridge, Channel, Json
from tests.fakes.clock import Clock
from tests.fakes.outbox import Outbox

ASTERISK_ID: Final = "02:00:00:00:00:07"


@dataclass(slots=True, eq=False)
class App:
    """Active while it has a socket; kept while it is subscribed to something that lives."""

    name: str
    socket: Outbox | None = None
    everything: bool = False
    channels: Counter[str] = field(default_factory=Counter)
    bridges: Counter[str] = field(default_factory=Counter)
    allowed: list[str] = field(default_factory=list)
    disallowed: list[str] = field(default_factory=list)
    missed: int = 0

    @property
    def active(self) -> bool:
        return self.socket is not None

    @property
    def finished(self) -> bool:
        return not (self.active or +self.channels or +self.bridges)

    def passes(self, kind: str) -> bool:
        return kind not in self.disallowed and (not self.allowed or kind in self.allowed)

    def json(self) -> Json:
        return {
            "name": self.name,
            "channel_ids": list(+self.channels),
            "bridge_ids": list(+self.bridges),
            "endpoint_ids": [],
            "events_allowed": [{"type": kind} for kind in self.allowed],
            "events_disallowed": [{"type": kind} for kind in self.disallowed],
        }


class Stasis:
    """``reshape`` is where a fault may drop, repeat or hold an event: one event in, those to be sent now out."""

    def __init__(
        self, clock: Clock, reshape: Callable[[Json], list[Json]], changed: Callable[[], None], events: list[Json]
    ) -> None:
        self.events = events
        self._clock = clock
        self._reshape = reshape
        self._changed = changed
        self._apps: dict[str, App] = {}

    def find(self, name: str) -> App | None:
        app = self._apps.get(name)
        if app is not None and app.finished:
            del self._apps[name]
            return None
        return app

    def active(self, name: str) -> bool:
        app = self.find(name)
        return app is not None and app.active

    @property
    def sockets(self) -> list[Outbox]:
        return list(dict.fromkeys(app.socket for app in self._apps.values() if app.socket is not None))

    def connect(self, names: list[str], socket: Outbox, *, everything: bool) -> None:
        """Subscribe a socket. ``subscribeAll`` counts only where the application is new (``app_update``)."""
        for name in names:
            app = self.find(name)
            if app is None:
                app = self._apps[name] = App(name, everything=everything)
            elif app.active:
                self.tell(name, {"type": "ApplicationReplaced"})
            app.socket = socket
        self._changed()

    def disconnect(self, socket: Outbox) -> None:
        """The socket is gone: its applications are inactive, their channels stay. Replaced ones do not mind."""
        for app in self._apps.values():
            if app.socket is socket:
                app.socket, app.everything = None, False
        self._changed()

    def subscribe_channel(self, name: str, channel: Channel) -> None:
        app = self.find(name)
        if app is not None:
            app.channels[channel.id] += 1

    def unsubscribe_channel(self, name: str, channel: Channel) -> None:
        app = self._apps.get(name)
        if app is not None:
            app.channels[channel.id] -= 1

    def subscribe_bridge(self, name: str, bridge: Bridge) -> None:
        app = self.find(name)
        if app is not None:
            app.bridges[bridge.id] += 1

    def unsubscribe_bridge(self, name: str, bridge: Bridge) -> None:
        app = self._apps.get(name)
        if app is not None:
            app.bridges[bridge.id] -= 1

    def forget(self, thing: Channel | Bridge) -> None:
        """It was destroyed: no subscription outlives it."""
        for app in self._apps.values():
            (app.channels if isinstance(thing, Channel) else app.bridges).pop(thing.id, None)

    def publish(self, thing: Channel | Bridge, event: Json) -> None:
        """Tell every application that is subscribed to the channel or bridge."""
        stamped = {"timestamp": self._clock.timestamp()} | event
        for app in list(self._apps.values()):
            subscribed = app.channels if isinstance(thing, Channel) else app.bridges
            if app.everything or subscribed[thing.id] > 0:
                self._deliver(app, stamped)
        self._changed()

    def tell(self, name: str, event: Json) -> None:
        """Tell one application, subscribed or not: StasisStart, StasisEnd, ApplicationReplaced."""
        app = self.find(name)
        if app is not None:
            self._deliver(app, {"timestamp": self._clock.timestamp()} | event)
        self._changed()

    def _deliver(self, app: App, event: Json) -> None:
        if app.socket is None:
            app.missed += 1
            return
        if not app.passes(event["type"]):
            return
        for sent in self._reshape(event | {"application": app.name, "asterisk_id": ASTERISK_ID}):
            self.events.append(sent)
            app.socket.send(json.dumps(sent, separators=(",", ":")))

    def filter(self, app: App, body: Any) -> bool:
        """Set the event filter; false where its form is wrong. An empty object resets it."""
        if body is None or body == {}:
            app.allowed, app.disallowed = [], []
            return True
        if not isinstance(body, dict):
            return False
        lists: dict[str, list[str]] = {}
        for key in ("disallowed", "allowed"):
            entries = body.get(key, [])
            if not isinstance(entries, list) or not all(isinstance(e, dict) and e.get("type") for e in entries):
                return False
            if key in body:
                lists[key] = [entry["type"] for entry in entries]
        app.disallowed = lists.get("disallowed", app.disallowed)
        app.allowed = lists.get("allowed", app.allowed)
        return True
