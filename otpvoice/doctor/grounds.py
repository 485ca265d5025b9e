"""What several checks rest on, asked once, by whoever needs it first: Asterisk, its modules and files, Redis, others.

Where a ground is not there, whoever asks for it is told why (``Missing``); what that means is said by its own check.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.assembly import engines
from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest
from otpvoice.doctor import addresses, room, service, webhooks
from otpvoice.doctor.addresses import Nearness
from otpvoice.doctor.asterisk import files, logger, reach, tenants
from otpvoice.doctor.asterisk.files import Files
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.asterisk.tenants import Tenants
from otpvoice.doctor.clock import Reading
from otpvoice.doctor.finding import Finding
from otpvoice.doctor.salvage import Salvaged
from otpvoice.doctor.service import Readiness
from otpvoice.doctor.speech.engines import Wanted
from otpvoice.doctor.store import asking
from otpvoice.doctor.store.seen import NoRedis, Seen
from otpvoice.media.g711 import Law
from otpvoice.settings import Settings
from otpvoice.settings.sources import variable

T = TypeVar("T")
_NAMES: Final = {"trunks": "a trunk", "accounts": "an account"}

_BY_A_SETTING: Final[Mapping[str, tuple[str, Callable[[Settings], bool]]]] = {
    "piper": (variable("piper_dir"), lambda known: known.piper_dir is not None),
    "gtts": (variable("gtts"), lambda known: known.gtts),
    "recorded": (
        f"{variable('recordings_dir')} or {variable('asterisk_sounds')}",
        lambda known: known.recordings_dir is not None or known.asterisk_sounds is not None,
    ),
}
"""Engines that there are because of a setting."""


class Missing(Exception):
    """What a check rests on is not there. The message is for people."""


class WrongPacks(Missing):
    """The language packs are wrong. ``reason``: all that is wrong with them, a line for each thing."""

    def __init__(self, reason: str) -> None:
        super().__init__("the language packs are wrong (see voice)")
        self.reason = reason


class Grounds:
    """``own``: this machine's addresses that others can reach. ``as_root``: do we see what the service may not?

    Use ``close`` at the end.
    """

    def __init__(self, salvaged: Salvaged, health_url: str, own: Sequence[str], *, as_root: bool = False) -> None:
        self.health_url, self.own = health_url, list(own)
        self.as_root = as_root
        self._salvaged = salvaged
        self._asked: dict[str, asyncio.Task[Any]] = {}
        self._http: list[aiohttp.ClientSession] = []

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        for http in self._http:
            await http.close()

    async def _once(self, name: str, ask: Callable[[], Awaitable[T]]) -> T:
        if name not in self._asked:
            self._asked[name] = asyncio.ensure_future(ask())
        # Shielded: whose deadline comes must not take the ground away from the others.
        found: T = await asyncio.shield(self._asked[name])
        return found

    # --- settings -----------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """What is set, as far as it is right."""
        if self._salvaged.settings is None:
            raise Missing("the settings are wrong (see settings)")
        return self._salvaged.settings

    def with_right(self, *fields: str) -> Settings:
        """Return the settings, where none of these fields is wrong."""
        for field in fields:
            if field in self._salvaged.wrong:
                raise Missing(f"{_NAMES.get(field, variable(field))} is wrong (see settings)")
        return self.settings

    @property
    def law(self) -> Law:
        """The codec of all trunks."""
        trunks = self.settings.trunks
        return trunks[0].codec if trunks else "ulaw"

    @property
    def redis_url(self) -> str:
        """Where Redis is, with its password."""
        url = self.with_right("redis_url").redis_url
        if url is None:
            raise Missing("OTPVOICE_REDIS_URL is not set")
        return url.reveal()

    # --- Asterisk -----------------------------------------------------------------------------------------------------

    async def reach(self) -> tuple[Finding, Reached | None]:
        """Reach Asterisk, and say how that went."""
        known = self.with_right("ari_url", "ari_user", "ari_password")

        async def ask() -> tuple[Finding, Reached | None]:
            finding, reached = await reach.reach(known.ari_url, known.ari_user, known.ari_password.reveal())
            if reached is not None:
                self._http.append(reached.http)
            return finding, reached

        return await self._once("reach", ask)

    async def asterisk(self) -> Reached:
        """The Asterisk that was reached."""
        _, reached = await self.reach()
        if reached is None:
            raise Missing("Asterisk is not reached (see ari)")
        return reached

    async def rest(self) -> AriRest:
        """Its REST interface."""
        reached = await self.asterisk()
        return AriRest(reached.http, reached.url)

    async def modules(self) -> list[dict[str, Any]]:
        """Its modules."""
        rest = await self.rest()
        return await self._once("modules", lambda: rest.get("asterisk/modules"))

    async def running(self) -> frozenset[str]:
        """The names of those that run."""
        return frozenset(str(one["name"]) for one in await self.modules() if one.get("status") == "Running")

    async def tenants(self) -> Tenants:
        """Who is on it."""
        rest = await self.rest()
        return await self._once("tenants", lambda: tenants.tenants(rest))

    async def files(self) -> Files:
        """What stands in its files."""
        reached, running = await self.asterisk(), await self.running()
        logs: list[dict[str, Any]] = []
        with contextlib.suppress(errors.AriError):  # said by the check that needs them
            logs = await self.logs()
        names = logger.verbose_logs(logs)
        return await self._once("files", lambda: files.look(reached, running=running, logs=names))

    async def logs(self) -> list[dict[str, Any]]:
        """Where it writes its log, and what."""
        rest = await self.rest()
        return await self._once("logs", lambda: rest.get("asterisk/logging"))

    # --- others -------------------------------------------------------------------------------------------------------

    async def service(self) -> tuple[list[Finding], Readiness | None]:
        """What ``/readyz`` says."""
        return await self._once("service", lambda: service.look(self.health_url))

    async def metrics(self) -> bytes:
        """What a running otpvoice counts; nothing: it is not there, or does not say."""
        _, ready = await self.service()
        return await self._once("metrics", lambda: room.metrics_of(self.health_url)) if ready is not None else b""

    async def wanted(self) -> Wanted:
        """What the settings say of voices. Raises ``WrongPacks``."""
        known = self.with_right(
            "voice",
            "fallback_voices",
            "language",
            "warm_up",
            "locales_dir",
            "recordings_dir",
            "asterisk_sounds",
            "piper_dir",
            "piper",
            "gtts",
        )
        folders = [known.locales_dir] if known.locales_dir is not None else []

        async def ask() -> Wanted:
            try:
                locales = await asyncio.to_thread(load_locales, *folders)
            except (OSError, ValueError) as error:
                raise WrongPacks(str(error)) from None
            there = engines(
                locales,
                recordings=known.recordings_dir,
                asterisk=known.asterisk_sounds,
                piper_dir=known.piper_dir,
                piper=known.piper,
                gtts=known.gtts,
            )
            return Wanted(
                known.voice,
                known.fallback_voices,
                known.language,
                known.warm_up,
                there,
                locales,
                self.law,
                also={engine: setting for engine, (setting, given) in _BY_A_SETTING.items() if given(known)},
            )

        return await self._once("wanted", ask)

    async def store(self) -> tuple[Seen | NoRedis, Reading | None]:
        """What Redis says, and its clock."""
        url = self.redis_url
        return await self._once("redis", lambda: asking.look(url))

    async def redis(self) -> Seen:
        """The Redis that was reached."""
        seen, _ = await self.store()
        if isinstance(seen, NoRedis):
            raise Missing("Redis is not reached (see redis)")
        return seen

    async def endpoints(self) -> tuple[list[Finding], list[Reading]]:
        """What the webhook endpoints answer, and their clocks."""
        accounts = self.with_right("accounts").accounts
        endpoints = {one.id: one.webhook_url for one in accounts if one.webhook_url is not None}
        endpoints |= {f"{one.id} (event_url)": one.event_url for one in accounts if one.event_url is not None}
        return await self._once("webhooks", lambda: webhooks.look(endpoints, self.own))

    async def nearness(self, url: str) -> Nearness:
        """Where a URL leads; a socket in the file system is here."""
        if urlsplit(url).scheme == "unix":
            return Nearness.HERE
        return await addresses.nearness(urlsplit(url).hostname or "", self.own)
