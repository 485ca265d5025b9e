"""All rooms, made and joined: what ``otpvoice serve`` runs, and what the tests run too."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, Self

import structlog

from otpvoice import __version__
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.registry import Registry
from otpvoice.adapters.speech.house import SpeechHouse
from otpvoice.adapters.store import Change
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.adapters.streams import Streams
from otpvoice.adapters.webhooks import Asker, Dispatcher
from otpvoice.ari.node import AsteriskNode
from otpvoice.chronicle import Chronicle
from otpvoice.dialplan import DOOR, DialplanDoor
from otpvoice.interview import Interview
from otpvoice.logs import LoggedRecords, transcript
from otpvoice.media.streams.formats import FORMATS
from otpvoice.metrics import House, Metrics
from otpvoice.recovery import Recovery
from otpvoice.service.furnishing import (
    INBOUND,
    REFUSALS,
    SPELLINGS,
    allowance_of,
    choices_of,
    defaults_of,
    hooks_of,
    make_store,
    node_settings,
    one_law,
    rehearsal_of,
    sealer_of,
    sealer_of_registrations,
    way_of,
)
from otpvoice.settings import Settings
from otpvoice.stasis import StasisApp
from otpvoice.trust.addresses import parse_allow
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.auth import Account
from otpvoice.web.server import Listener, listen

log = structlog.get_logger(__name__)

LAST_WRITES: Final = 5.0
"""Seconds at the very end for records that the store has not taken yet."""
QUESTIONS: Final = 1024
"""Of interactive plans, at once: a call has one at most."""
QUESTIONS_PER_HOST: Final = 256


class Service:
    """``async with await Service.start(settings) as service``; leaving it drains and stops."""

    def __init__(self, settings: Settings) -> None:
        """Make everything; nothing runs or connects before ``start``. Raises ``ValueError`` for what can't be had."""
        self.settings = settings
        self.failed = asyncio.Event()
        self.port = 0
        self.metrics = Metrics(
            accounts=[account.id for account in settings.accounts],
            trunks=[trunk.name for trunk in settings.trunks],
            formats=FORMATS,
            version=__version__,
            doors=REFUSALS,
        )
        self._store = make_store(settings)
        sealer = sealer_of(settings)
        self._registry = Registry(self._store, sealer_of_registrations(settings))
        allow = parse_allow(settings.url_allow)
        self._client = GuardedClient(allow)
        # Apart from deliveries, which may have all connections of a host: somebody listens while a question waits.
        self._questions = GuardedClient(allow, connections=QUESTIONS, per_host=QUESTIONS_PER_HOST)
        self._hooks = {account.id: hooks_of(account) for account in settings.accounts}
        self._streams = Streams(self._client, ended=self.metrics.streams.ended)
        attempted = self.metrics.webhooks.attempted
        unseal = self._registry.unseal
        self._dispatcher = Dispatcher(self._store, self._hooks, self._client, attempted=attempted, unseal=unseal)
        self._writes = KeptWrites(self._store, written=self._wake_dispatcher, adopted=self._taken_away)
        self._chronicle = Chronicle(
            self._store,
            self._writes,
            {account.id: allowance_of(account, settings) for account in settings.accounts},
            self._wake_dispatcher,
            sealer=sealer,
            spellings=SPELLINGS,
        )
        law = one_law(settings)
        self._speech = SpeechHouse(settings, law, self._client, self.metrics.speech)
        choices = choices_of(settings, self._speech)
        self._defaults = {
            account.id: defaults_of(account, settings, self._speech, self._client, choices)
            for account in settings.accounts
        }
        self._rehearsal = {account: rehearsal_of(defaults) for account, defaults in self._defaults.items()}
        asker = Asker(self._hooks, self._questions, unseal=unseal)
        interview = Interview(asker, self._chronicle.question, self._defaults, self._rehearsal, SPELLINGS)
        self.stasis = StasisApp(
            instance=settings.instance,
            locales=self._speech.locales,
            voice=self._speech.renderer,
            voice_name=settings.voice,
            records=self.metrics.counted_records(LoggedRecords(self._chronicle)),
            followers=(self._chronicle.follow, transcript, self.metrics.follow),
            asker=self.metrics.counted_asker(interview),
            relays=self._streams,
            next_life=self._chronicle,
        )
        self.metrics.lag.told = self._note_lag
        self.node = AsteriskNode(node_settings(settings, law), self.stasis)
        self.stasis.nodes.append(self.node)
        first = settings.accounts[0].id
        self._trunks = {trunk.name: way_of(trunk) for trunk in settings.trunks}
        # Whoever writes the dialplan runs this Asterisk: its calls are the first account's.
        refused = partial(self.metrics.refused, DOOR)
        self.stasis.door = DialplanDoor(
            self.stasis,
            first,
            self._defaults[first],
            self._trunks,
            refused=refused,
            doors=INBOUND,
            hooks=self._registry.hooks,
        )
        self._recovery = Recovery(
            self._store,
            self._chronicle,
            self.stasis,
            accounts=[account.id for account in settings.accounts],
            trunks=self._trunks,
            sealer=sealer,
            recovered=self.metrics.recovered,
        )
        self.stasis.takeover = self._recovery
        paces = {name: trunk.pace for name, trunk in self._trunks.items()}
        asked = (self._writes, self._streams, self._store, tuple(self._hooks), self._speech)
        self.metrics.watch(House(self.stasis, paces, *asked))
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
        await self._dispatcher.close()
        await self.node.disconnect()
        # Before the listeners close: whoever follows a call is told of its end.
        unwritten = await self._writes.drain(LAST_WRITES)
        # Last, so that whoever asks meanwhile is told that we are draining.
        for listener in self._listeners:
            await listener.close()
        for change in unwritten:
            # The last place where it can be kept; keys stay out of logs, sensitive or not.
            collected = len(change.record.get("collected", ()))
            whose = {"call": change.record["id"], "account": change.record["account"]}
            log.error("store.not_written", **whose, record={**change.record, "collected": collected})
        await self._speech.close()
        await self._streams.close()
        await self._client.close()
        await self._questions.close()
        await self._store.close()

    async def _start(self) -> None:
        self._supervise(self.node.run(), "node")
        self._supervise(self._recovery.run(), "recovery")
        self._supervise(self._speech.warm_up(), "warm-up")
        self._supervise(self._dispatcher.run(), "webhooks")
        self._supervise(self.metrics.lag.run(), "loop-lag")
        health = Health(self.stasis, self._store, self.metrics)
        key = self.settings.secret_key
        hook = Hook(
            self.stasis,
            self._chronicle,
            self._store,
            self._store,
            accounts=[
                Account(account.id, account.key_digests, self._defaults[account.id], self._rehearsal[account.id])
                for account in self.settings.accounts
            ],
            trunks=self._trunks,
            secret=base64.b64decode(key.reveal()) if key is not None else None,
            registry=self._registry,
        )
        bind, admin = self.settings.http_bind, self.settings.admin_bind
        if admin is not None:
            self._listeners.append(await listen(make_app(health=health, counts=self.metrics), admin.host, admin.port))
        app = make_app(hook=hook, health=health if admin is None else None, counts=self.metrics)
        self._listeners.append(listener := await listen(app, bind.host, bind.port))
        self.port = listener.port
        log.info("service.listening", host=bind.host, port=self.port, instance=self.settings.instance)

    def _note_lag(self, lag: float, again: float) -> None:
        self.stasis.admission.note(lag, time.monotonic(), again)

    def _taken_away(self, call_id: str) -> None:
        self.stasis.taken_away(call_id)

    def _wake_dispatcher(self, change: Change) -> None:
        if change.messages or any(event.endpoint is not None for event in change.events):
            self._dispatcher.wake(change.record["account"])

    def _supervise(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run for ever, or loudly not: what ends by a fault of ours ends the process, which is started anew."""
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.critical("service.broken", part=task.get_name(), exc_info=error)
        self.failed.set()
