"""The composition root: settings in, a running otpvoice out.

Here everything meets and nothing is decided. ``Service`` is what ``otpvoice serve`` runs, and what the tests run too.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final, Self

import structlog

from otpvoice import __version__
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.speech.house import SpeechHouse
from otpvoice.adapters.store import Change, Owner
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.store.writer import KeptWrites
from otpvoice.adapters.streams import Streams
from otpvoice.adapters.webhooks import AccountHooks, Asker, Dispatcher
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.chronicle import Allowance, Chronicle
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import CallDefaults, TrunkOffer
from otpvoice.dialplan import DOOR, DialplanDoor
from otpvoice.interview import Interview
from otpvoice.logs import LoggedRecords, transcript
from otpvoice.media.g711 import SILENCE, Law
from otpvoice.media.streams.formats import FORMATS
from otpvoice.metrics import House, Metrics
from otpvoice.recovery import Recovery
from otpvoice.rehearsal import NUMBERS
from otpvoice.settings import AccountSettings, Settings, TrunkSettings
from otpvoice.stasis import Pace, StasisApp, Trunk
from otpvoice.trust.addresses import parse_allow
from otpvoice.trust.signing_secret import parse_secret
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.auth import Account
from otpvoice.web.server import Listener, listen

log = structlog.get_logger(__name__)

LAST_WRITES: Final = 5.0
"""Seconds at the very end for records that the store has not taken yet."""
QUESTIONS: Final = 1024
"""Of interactive plans, at once: a call has one at most."""
QUESTIONS_PER_HOST: Final = 256
TRUNK_STREAM: Final = "trunk"
"""How a record calls what is streamed because its trunk says so."""
MINUTE, TEN_MINUTES, DAY = 60.0, 600.0, 86_400.0


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
        )
        self._store = make_store(settings)
        sealer = sealer_of(settings)
        allow = parse_allow(settings.url_allow)
        self._client = GuardedClient(allow)
        # Apart from deliveries, which may have all connections of a host: somebody listens while a question waits.
        self._questions = GuardedClient(allow, connections=QUESTIONS, per_host=QUESTIONS_PER_HOST)
        self._hooks = {account.id: hooks for account in settings.accounts if (hooks := hooks_of(account)) is not None}
        self._streams = Streams(self._client, ended=self.metrics.streams.ended)
        attempted = self.metrics.webhooks.attempted
        self._dispatcher = Dispatcher(self._store, self._hooks, self._client, attempted=attempted)
        self._writes = KeptWrites(self._store, written=self._wake_dispatcher, adopted=self._taken_away)
        self._chronicle = Chronicle(
            self._store,
            self._writes,
            {account.id: allowance_of(account, settings) for account in settings.accounts},
            self._wake_dispatcher,
            sealer=sealer,
        )
        law = one_law(settings)
        self._speech = SpeechHouse(settings, law, self._client, self.metrics.speech)
        self._defaults = {account.id: self._defaults_of(account) for account in settings.accounts}
        self._rehearsal = {account: rehearsal_of(defaults) for account, defaults in self._defaults.items()}
        interview = Interview(
            Asker(self._hooks, self._questions), self._chronicle.question, self._defaults, self._rehearsal
        )
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
        self.stasis.door = DialplanDoor(self.stasis, first, self._defaults[first], self._trunks, refused=refused)
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
        )
        bind, admin = self.settings.http_bind, self.settings.admin_bind
        if admin is not None:
            self._listeners.append(await listen(make_app(health=health, counts=self.metrics), admin.host, admin.port))
        app = make_app(hook=hook, health=health if admin is None else None, counts=self.metrics)
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
            check_voice=self._speech.renderer.check,
            stand_in=self._speech.renderer.ladder.stand_in,
            prompts=self._speech.has_prompt,
            check_url=self._client.check,
            webhook_url=account.webhook_url,
            signs=account.id in self._hooks,
        )

    def _note_lag(self, lag: float, again: float) -> None:
        self.stasis.admission.note(lag, time.monotonic(), again)

    def _taken_away(self, call_id: str) -> None:
        self.stasis.taken_away(call_id)

    def _wake_dispatcher(self, change: Change) -> None:
        if any(event.endpoint is not None for event in change.events):
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


def one_law(settings: Settings) -> Law:
    """Return the codec of all trunks: a leg has one, there is one pool, and the settings let them have no other."""
    return settings.trunks[0].codec


def hooks_of(account: AccountSettings) -> AccountHooks | None:
    """Return what an account signs with, and which endpoints are the administrator's; None: it has no secrets."""
    if not account.webhook_secrets:
        return None
    own = frozenset({account.webhook_url} if account.webhook_url is not None else ())
    return AccountHooks(tuple(parse_secret(secret.reveal()) for secret in account.webhook_secrets), own)


def rehearsal_of(defaults: CallDefaults) -> CallDefaults:
    """Return what holds for calls of test keys: the numbers of scripted callees may always be called."""
    destinations = defaults.destinations
    return replace(defaults, destinations=replace(destinations, allow=(*destinations.allow, *NUMBERS)))


def allowance_of(account: AccountSettings, settings: Settings) -> Allowance:
    """Return how much an account may call."""
    limits = account.limits
    return Allowance(
        rates=_rates((limits.calls_per_minute, MINUTE)),
        destination_rates=_rates(
            (limits.destination_calls_per_10_minutes, TEN_MINUTES), (limits.destination_calls_per_day, DAY)
        ),
        calls_in_progress=limits.calls_in_progress,
        waits=max(trunk.queue_seconds for trunk in settings.trunks),
    )


def _rates(*rates: tuple[int | None, float]) -> tuple[tuple[int, float], ...]:
    return tuple((most, seconds) for most, seconds in rates if most is not None)


def way_of(trunk: TrunkSettings) -> Trunk:
    """Return a trunk as the switchboard dials it, with its pace."""
    pace = Pace(calls_per_second=trunk.calls_per_second, max_calls=trunk.max_calls, queue_seconds=trunk.queue_seconds)
    streams = (trunk.stream.to_core(TRUNK_STREAM),) if trunk.stream is not None else ()
    return Trunk(trunk.name, trunk.dial, pace, streams)


def make_store(settings: Settings) -> MemoryStore | RedisStore:
    """Return Redis, or in development without one, memory; writing for this life of this instance."""
    owner = Owner(settings.instance, secrets.token_hex(8))
    if settings.redis_url is None:
        return MemoryStore(ttl=settings.summary_ttl, owner=owner)
    return RedisStore(settings.redis_url.reveal(), ttl=settings.summary_ttl, owner=owner)


def sealer_of(settings: Settings) -> Sealer | None:
    """Return what seals plans for a next life; None: there is no key, or nothing that outlives this one."""
    if settings.secret_key is None or settings.redis_url is None:
        return None
    return Sealer(base64.b64decode(settings.secret_key.reveal()))


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
