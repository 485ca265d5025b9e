"""One Asterisk: its events socket kept up, its channels and bridges reconciled after each connection, its legs.

It places no calls. Whoever does asks ``ready`` first: an order to a disconnected application would still ring the
callee, who picks up and hears nothing (``res/stasis/app.c``: the application is gone, the call is not).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Set
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from otpvoice.ari import errors
from otpvoice.ari.application import channels_in
from otpvoice.ari.backoff import backoff
from otpvoice.ari.errands import Errands
from otpvoice.ari.events import UNWANTED
from otpvoice.ari.making import LegSettings
from otpvoice.ari.pool import LegPool, PoolSettings
from otpvoice.ari.pulse import Pulse
from otpvoice.ari.reaping import Reaper
from otpvoice.ari.rest import AriRest, new_http
from otpvoice.ari.router import AriEvent, Router, ids_of
from otpvoice.ari.socket import EventsSocket
from otpvoice.core.readiness import NO_MEDIA_LEG, why_not_ready

log = structlog.get_logger(__name__)

CLOSE_WITHIN: Final = 10.0
"""Seconds for all legs to be retired at the end; what is left ends with its socket."""
LOST_AFTER: Final = 15.0
"""Seconds without an events socket after which the calls on this node are given up."""
LOOK_EVERY: Final = 15.0
"""Seconds between looks for callers of whom no event has told."""
SETTLED_WITHIN: Final = 1.5
"""Seconds after a connection for what was ordered before it to be carried out."""
ASK_AGAIN: Final = 0.25
"""Seconds before an Asterisk that did not say when it booted is asked again."""
SIGNS_OF_LIFE: Final = frozenset({"Dial", "ChannelStateChange", "StasisStart"})
"""Events of channels that are not on their way out."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where an Asterisk is and what is ours on it. ``law``: ``ulaw`` or ``alaw``."""

    name: str
    url: str
    user: str
    password: str
    app: str
    instance: str
    law: str
    silence: bytes
    legs_minimum: int
    legs_maximum: int
    last_leg: int = 0

    @property
    def leg_prefix(self) -> str:
        """What the ids of our media legs and of their bridges begin with."""
        return f"otpvoice-{self.instance}-leg-"

    @property
    def talk_prefix(self) -> str:
        """What the ids of the bridges begin with in which two parties talk; a channel's id follows."""
        return f"otpvoice-{self.instance}-talk-"

    @property
    def own_app(self) -> str:
        """The application that the calls which we place enter: no other instance hears of them."""
        return f"{self.app}-{self.instance}"


@dataclass(frozen=True, slots=True)
class Outlived:
    """``channels`` that were there; ``complete``: no others were, as far as can be said at all."""

    channels: Set[str]
    complete: bool

    def had(self, channel_id: str) -> bool | None:
        """Was this one there? None: nobody can say."""
        return True if channel_id in self.channels else (False if self.complete else None)


class Lookout(Protocol):
    """Who has calls here, and must hear what becomes of the node."""

    def after_gap(self, node: AsteriskNode, alive: Set[str], *, restarted: bool) -> None:
        """The socket is back. ``alive``: all channels of our applications; ``restarted``: it is another Asterisk."""

    def node_lost(self, node: AsteriskNode) -> None:
        """The socket has been away for so long that the calls are given up."""

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        """An event of a channel that nobody registered: one that a dialplan hands to us, say. Never waits."""


class AsteriskNode:
    """Run ``run`` as a task for as long as this Asterisk is used."""

    def __init__(self, settings: NodeSettings, lookout: Lookout) -> None:
        self.settings = settings
        self._listening = False
        self.replaced = False
        self.reason = "not connected yet"
        self.version = ""
        self.connections = 0  # since the start
        self._up = asyncio.Event()
        self._socket: EventsSocket | None = None
        self._http = new_http(settings.user, settings.password)
        # Sockets stay open: in the pool of requests they would use it up.
        self._sockets = new_http(settings.user, settings.password, connections=0)
        self.rest = AriRest(self._http, settings.url)
        # Not through the pool of requests: that all its connections are in use says nothing about Asterisk.
        self._pulse = Pulse(AriRest(self._sockets, settings.url), settings.name, self._note_pulse)
        self.router = Router(self._hear_stranger)
        self.pool = LegPool(
            self.rest,
            self._sockets,
            self.router,
            PoolSettings(
                prefix=settings.leg_prefix,
                minimum=settings.legs_minimum,
                maximum=settings.legs_maximum,
                last_number=settings.last_leg,
                legs=LegSettings(
                    media_url=settings.url.rstrip("/") + "/media/",
                    app=settings.own_app,
                    law=settings.law,
                    silence=settings.silence,
                ),
            ),
        )
        self._lookout = lookout
        self.booted: str | None = None  # when, as it says itself, at the last connection
        self._giving_up: asyncio.TimerHandle | None = None
        self._attempt = 0
        self._leaving = False
        self._working: asyncio.Task[None] | None = None
        self._errands = Errands(settings.name, lambda: None)
        self._reaper = Reaper(
            self.rest, self.router, app=settings.app, own_app=settings.own_app, instance=settings.instance
        )

    @property
    def connected(self) -> bool:
        """Do we hear of what happens there, and are our requests answered?"""
        return self._listening and self._pulse.felt

    @property
    def ready(self) -> bool:
        """May a call be placed here? Also while there is no media leg: it waits for one, as after a connection."""
        return all(code == NO_MEDIA_LEG for code in why_not_ready(self))

    async def outlived(self, within: float) -> Outlived:
        """Look which channels of calls that a former life of ours ordered were still here when we came back.

        Nothing is done to them: whoever reaps ends what is ours and has no owner.
        """
        try:
            async with asyncio.timeout(within):
                await self._up.wait()
                # An order that a life sent with its last breath may still be on its way.
                await asyncio.sleep(SETTLED_WITHIN)
                there = await channels_in(self.rest, self.settings.own_app)
        except (TimeoutError, errors.AriError):
            return Outlived(frozenset(self._reaper.ownerless), complete=False)
        return Outlived(frozenset(there) | set(self._reaper.ownerless), complete=True)

    async def died_since(self, booted: str | None) -> bool:
        """Has Asterisk died since it ``booted`` then? Waits until that is known, or the calls on it are given up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOST_AFTER):
                while not self._listening:
                    with contextlib.suppress(errors.AriError):
                        return await self._booted_at() != booted
                    await asyncio.sleep(ASK_AGAIN)
                return self.booted != booted
        return True

    @property
    def seen_until(self) -> float | None:
        """When this connection, or the last one, gave its last sign of life, in Unix seconds.

        What happened in Asterisk after it, until the next connection, nobody has told us.
        """
        return self._socket.heard_at if self._socket is not None else None

    async def run(self) -> None:
        """Stay connected, for ever; or until another client has taken over, and then this connection has ended too."""
        while not self.replaced:
            socket = EventsSocket(self._sockets, self.settings.url, (self.settings.app, self.settings.own_app))
            try:
                await socket.connect()
                await self._live(socket)
            except errors.AriError as error:
                self.reason = str(error)
                log.warning("ari.not_connected", node=self.settings.name, reason=self.reason, attempt=self._attempt)
            await asyncio.sleep(backoff(self._attempt, random.random()))  # noqa: S311 - jitter
            self._attempt += 1

    async def close(self) -> None:
        """Retire all legs, in turn, while ``run`` still runs."""
        self._leaving = True
        if self.connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await self.pool.close()

    async def disconnect(self) -> None:
        """Close what connections are left, after ``run``."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        await self._errands.end()
        await self._reaper.close()
        await self._sockets.close()
        await self._http.close()

    async def _live(self, socket: EventsSocket) -> None:
        """One connection, from its reconciliation to its end."""
        async with asyncio.TaskGroup() as tasks:
            working = self._working = tasks.create_task(self._work(socket), name="ari-work")
            reading = tasks.create_task(socket.read(self._route), name="ari-read")
            reading.add_done_callback(lambda _: working.cancel())

    async def _work(self, socket: EventsSocket) -> None:
        beside: list[asyncio.Task[None]] = []
        try:
            await self._reconcile()
            self._came_up(socket)
            beside = [
                self._errands.start(self._look_for_lost(), "look"),
                self._errands.start(self._pulse.feel(), "pulse"),
            ]
            await self.pool.keep()
        except errors.AriError as error:
            self.reason = f"could not reconcile: {error}"
            log.warning("ari.not_reconciled", node=self.settings.name, reason=str(error))
            await socket.close()
        finally:
            for task in beside:
                task.cancel()
            self._went_down()

    async def _look_for_lost(self) -> None:
        """Callers whose ``StasisStart`` was lost go on in their dialplan, as long as the application is ours.

        And whom we could not hang up, since no request was answered, is hung up when they are again.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self.replaced:
                return
            try:
                await self._reaper.look()
            except errors.AriError as error:
                log.warning("ari.not_looked", node=self.settings.name, error=type(error).__name__)

    def _note_pulse(self, reason: str) -> None:
        self.reason = reason

    def _came_up(self, socket: EventsSocket) -> None:
        self._listening, self.reason, self._attempt = True, "", 0
        self._pulse.felt = True
        self._up.set()
        self._socket = socket
        self.connections += 1
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        log.info("ari.connected", node=self.settings.name, version=self.version)

    def _went_down(self) -> None:
        if not self._listening:
            return
        self._listening = False
        self._up.clear()
        if not self.replaced:
            self.reason = "the events socket was lost"
        if self._leaving:
            log.info("ari.left", node=self.settings.name)
            return
        log.error("ari.lost", node=self.settings.name)
        if self.replaced:
            self._lookout.node_lost(self)  # nothing comes back
            return
        self._giving_up = asyncio.get_running_loop().call_later(LOST_AFTER, self._lookout.node_lost, self)

    async def _reconcile(self) -> None:
        """Filter events, reap what nobody owns, and tell who is still there."""
        apps = (self.settings.app, self.settings.own_app)
        # The filter belongs to the application, which may have died with our socket: set it each time.
        for app in apps:
            await self.rest.put(
                f"applications/{app}/eventFilter", {"disallowed": [{"type": name} for name in UNWANTED]}
            )
        booted = await self._booted_at()
        restarted = self.booted is not None and booted != self.booted
        ours, dialplans = [await channels_in(self.rest, app) for app in (self.settings.own_app, self.settings.app)]
        self.pool.after_gap(ours)
        await self._reaper.reap(ours, dialplans)
        self._lookout.after_gap(self, ours | dialplans, restarted=restarted)
        self.booted = booted  # now, and not before: a reconciliation that fails is done again

    async def _booted_at(self) -> str:
        info = await self.rest.get("asterisk/info")
        self.version = str(info["system"]["version"])
        return str(info["status"]["startup_time"])

    def _route(self, event: AriEvent) -> None:
        if event["type"] == "ApplicationReplaced":
            self._stand_down(str(event.get("application")))
        else:
            self.router.route(event)

    def _stand_down(self, app: str) -> None:
        """Somebody else has connected with our name. Two would take it from each other for ever, so we let go."""
        self.replaced, self.reason = True, "another client has taken over the application"
        log.critical("ari.replaced", node=self.settings.name, application=app)
        if app == self.settings.own_app and self._working is not None:
            # We hear of nothing any more; and the other's legs may have the ids of ours.
            self._working.cancel()

    def _hear_stranger(self, event: AriEvent) -> None:
        """In our own application there is nobody whom we did not call: an order given up as lost was carried out.

        But whoever is dialled by a *caller* is that one's: ``Dial()`` behind a ``Local/…`` trunk, or where somebody led
        a party of ours. What we order has none (``main/dial.c``).
        """
        signs = event["type"] in SIGNS_OF_LIFE and "caller" not in event
        if event.get("application") == self.settings.own_app and signs:
            for channel in ids_of(event):
                if channel not in self.router:
                    self._reaper.hang_up(channel)
        self._lookout.stranger(self, event)
