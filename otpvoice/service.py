"""The composition root: settings in, a running otpvoice out.

Here everything meets and nothing is decided. ``Service`` is what ``otpvoice serve`` runs, and what the tests run too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Self

import structlog

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.espeak import Espeak
from otpvoice.adapters.speech.prompts import Prompts
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.adapters.store import Store, StoreUnavailable
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.core.events import CallAnswered, Event
from otpvoice.core.record import CallRecord
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import CallDefaults, TrunkOffer
from otpvoice.dialplan import DialplanDoor
from otpvoice.logs import LoggedRecords, transcript
from otpvoice.media.g711 import SILENCE, Law
from otpvoice.settings import AccountSettings, Settings
from otpvoice.stasis import NotTaken, StasisApp, Trunk
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.auth import Account
from otpvoice.web.server import Listener, listen

log = structlog.get_logger(__name__)

UNSURE: Final = frozenset({"timeout", "connection_lost"})
"""Faults of the store after which a write may have been carried out."""
LAST_WRITES: Final = 5.0
"""Seconds at the very end for records that the store has not taken yet."""


@dataclass(frozen=True, slots=True)
class Records:
    """``stasis.Records`` over a store: what is accepted is written first, what follows is never waited for."""

    store: Store
    writes: KeptWrites

    async def accept(self, record: dict[str, Any]) -> None:
        """Write a new call. Raises ``NotTaken`` when it can't be kept."""
        try:
            await self.store.save(record)
        except StoreUnavailable as error:
            log.error("store.unavailable", reason=error.reason)
            raise NotTaken("store_unavailable", recorded=error.reason in UNSURE) from error

    async def get(self, account: str, call_id: str) -> dict[str, Any] | None:
        """Return a record as it is last known here: what is on its way to the store comes first."""
        kept = self.writes.kept(account, call_id)
        return dict(kept) if kept is not None else await self.store.get(account, call_id)

    async def ping(self) -> None:
        """Return if the store takes writes now."""
        await self.store.ping()

    def save(self, record: dict[str, Any]) -> None:
        """Keep how far a call got."""
        self.writes.save(record)

    def finish(self, record: dict[str, Any]) -> None:
        """Keep how a call ended."""
        self.writes.finish(record)


class Service:
    """``async with await Service.start(settings) as service``; leaving it drains and stops."""

    def __init__(self, settings: Settings) -> None:
        """Make everything; nothing runs or connects before ``start``. Raises ``ValueError`` for what can't be had."""
        self.settings = settings
        self.failed = asyncio.Event()
        self.port = 0
        self._store = make_store(settings)
        self._writes = KeptWrites(self._store)
        self._kept = Records(self._store, self._writes)
        self._records = LoggedRecords(self._kept)
        locales = load_locales()
        law = one_law(settings)
        prompts = Prompts(settings.prompts_dir) if settings.prompts_dir is not None else None
        self._renderer = Renderer([Espeak()], locales, law, settings.voice, prompts=prompts)
        self._has_prompt = prompts.has if prompts is not None else None
        self.stasis = StasisApp(
            instance=settings.instance,
            locales=locales,
            voice=self._renderer,
            voice_name=settings.voice,
            records=self._records,
            followers=(self._keep_answered, transcript),
        )
        self.node = AsteriskNode(node_settings(settings, law), self.stasis)
        self.stasis.nodes.append(self.node)
        first = settings.accounts[0].id
        self._defaults = {account.id: self._defaults_of(account) for account in settings.accounts}
        self._trunks = {trunk.name: Trunk(trunk.name, trunk.dial) for trunk in settings.trunks}
        # Whoever writes the dialplan runs this Asterisk: its calls are the first account's.
        self.stasis.door = DialplanDoor(self.stasis, first, self._defaults[first], self._trunks)
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, settings: Settings) -> Self:
        """Start it. HTTP answers at once; ``/readyz`` says when calls can be placed."""
        service = cls(settings)
        try:
            await service._start()
        except BaseException:
            await service.stop(drain=0)
            raise
        return service

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(drain=self.settings.drain_timeout)

    async def stop(self, drain: float) -> None:
        """Let calls finish for ``drain`` seconds, hang up what is left, and let go of everything."""
        try:
            await self.stasis.drain(drain)
            await self.node.close()
        finally:
            # Also when somebody loses patience: what calls have left behind is written.
            await self._let_go()

    async def _let_go(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.node.disconnect()
        # Last, so that whoever asks meanwhile is told that we are draining.
        for listener in self._listeners:
            await listener.close()
        for record in await self._writes.drain(LAST_WRITES):
            # The last place where it can be kept; keys stay out of logs, sensitive or not.
            log.error("store.not_written", record={**record, "collected": len(record.get("collected", ()))})
        await self._renderer.close()
        await self._store.close()

    async def _start(self) -> None:
        self._supervise(self.node.run(), "node")
        self._supervise(self._renderer.warm_up([self.settings.language]), "warm-up")
        health = Health(self.stasis, self._kept)
        hook = Hook(
            self.stasis,
            self._kept,
            accounts=[
                Account(account.id, account.key_digests, self._defaults[account.id])
                for account in self.settings.accounts
            ],
            trunks=self._trunks,
        )
        bind, admin = self.settings.http_bind, self.settings.admin_bind
        if admin is not None:
            self._listeners.append(await listen(make_app(health=health), admin.host, admin.port))
        app = make_app(hook=hook, health=health if admin is None else None)
        self._listeners.append(listener := await listen(app, bind.host, bind.port))
        self.port = listener.port
        log.info("service.listening", host=bind.host, port=self.port, instance=self.settings.instance)

    def _defaults_of(self, account: AccountSettings) -> CallDefaults:
        settings = self.settings
        return CallDefaults(
            trunks={
                trunk.name: TrunkOffer(trunk.name, settings.caller_ids_for(account, trunk), trunk.ring_timeout)
                for trunk in settings.trunks
                if trunk.name in account.trunks
            },
            destinations=Destinations(
                account.allow_destinations,
                settings.deny_destinations,
                anywhere=settings.dev and not account.allow_destinations,
            ),
            local_numbers=settings.local_numbers,
            language=settings.language,
            lead_in=settings.lead_in,
            tail=settings.tail,
            check_voice=self._renderer.check,
            prompts=self._has_prompt,
        )

    def _keep_answered(self, record: CallRecord, event: Event) -> None:
        if isinstance(event, CallAnswered):
            self._records.save(record.to_json())

    def _supervise(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run for ever, or loudly not: what ends by a fault of ours ends the process, which is started anew."""
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, SpeechUnavailable):
            # Not fatal: each call tries again, and says so when it can't.
            log.error("speech.not_warmed_up", reason=error.reason)
            return
        log.critical("service.broken", part=task.get_name(), exc_info=error)
        self.failed.set()


def one_law(settings: Settings) -> Law:
    """Return the codec of all trunks: a leg has one, there is one pool, and the settings let them have no other."""
    return settings.trunks[0].codec


def make_store(settings: Settings) -> Store:
    """Return Redis, or in development without one, memory."""
    if settings.redis_url is None:
        return MemoryStore(ttl=settings.summary_ttl)
    return RedisStore(settings.redis_url.reveal(), ttl=settings.summary_ttl)


def node_settings(settings: Settings, law: Law) -> NodeSettings:
    """Return what a node needs of the settings."""
    return NodeSettings(
        name=settings.ari_url,
        url=settings.ari_url,
        user=settings.ari_user,
        password=settings.ari_password.reveal(),
        app=settings.ari_app,
        instance=settings.instance,
        law=law,
        silence=SILENCE[law],
        legs_minimum=settings.media_legs.minimum,
        legs_maximum=settings.media_legs.maximum,
        # Milliseconds: no life makes legs faster, so none begins with a number of the one before.
        last_leg=time.time_ns() // 1_000_000,
    )
