"""Every look of an examination: which checks it answers, what it asks for, and who judges what came of it.

It decides nothing, and says nothing of its own: facts come from ``grounds``, findings from whoever judges them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from otpvoice.adapters.speech.engines.recorded import Recorded
from otpvoice.adapters.store import StoreUnavailable
from otpvoice.ari import errors
from otpvoice.doctor import addresses, clock, room, salvage, service, settings, webhooks
from otpvoice.doctor.addresses import Nearness
from otpvoice.doctor.asterisk import (
    credentials,
    exposure,
    files,
    http_conf,
    logger,
    media,
    reach,
    tenants,
    trunk,
    version,
)
from otpvoice.doctor.clock import Reading
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.grounds import Grounds, Missing, WrongPacks
from otpvoice.doctor.loop_test import CALL
from otpvoice.doctor.speech import cache, engines, piper, prompts, recordings, voices
from otpvoice.doctor.store import asking, keeping, reached, rights
from otpvoice.doctor.store.knocking import Knock, knock, knock_at_all
from otpvoice.doctor.store.seen import NoRedis, Seen
from otpvoice.settings.sources import variable


class Examination:
    """One method for each look."""

    def __init__(self, salvaged: salvage.Salvaged, grounds: Grounds) -> None:
        self._salvaged, self._at = salvaged, grounds

    async def settings(self) -> list[Finding]:
        return settings.judge(self._salvaged.settings, self._salvaged.problems)

    async def destinations(self) -> list[Finding]:
        if any("allow_destinations" in problem.name.lower() for problem in self._salvaged.problems):
            raise Missing(f"{variable('allow_destinations')} is wrong (see settings)")
        return settings.judge_destinations(self._at.with_right("accounts"))

    async def service(self) -> list[Finding]:
        findings, _ = await self._at.service()
        return findings

    async def ari(self) -> list[Finding]:
        finding, _ = await self._at.reach()
        return [finding]

    async def credentials(self) -> list[Finding]:
        asterisk, known = await self._at.asterisk(), self._at.settings
        return await credentials.look(asterisk, known.ari_user, known.ari_password.reveal())

    async def version(self) -> list[Finding]:
        return [version.judge_version((await self._at.asterisk()).info)]

    async def modules(self) -> list[Finding]:
        pjsip = any(one.dial.upper().startswith("PJSIP/") for one in self._at.settings.trunks)
        return version.judge_modules(await self._at.modules(), pjsip=pjsip)

    async def applications(self) -> list[Finding]:
        there, (_, ready), known = (
            await self._at.tenants(),
            await self._at.service(),
            self._at.with_right("ari_app", "instance"),
        )
        url = self._at.health_url
        return [tenants.judge(there, app=known.ari_app, instance=known.instance, url=url, service=ready)]

    async def files(self) -> list[Finding]:
        return [(await self._at.files()).finding]

    async def http_conf(self) -> list[Finding]:
        return http_conf.judge(await self._at.files(), running=await self._at.running())

    async def logger(self) -> list[Finding]:
        return logger.judge(await self._at.logs(), await self._at.files())

    async def exposure(self) -> list[Finding]:
        asterisk, read = await self._at.asterisk(), await self._at.files()
        near = await self._at.nearness(asterisk.url)
        knocks = await exposure.knock(asterisk.url, self._at.own, read) if near is Nearness.HERE else []
        return exposure.judge(asterisk.url, near, knocks, read)

    async def media(self) -> list[Finding]:
        asterisk, running = await self._at.asterisk(), await self._at.running()
        if not running.issuperset(version.NEEDED):
            raise Missing("modules are missing (see asterisk.modules)")
        there, (_, ready) = await self._at.tenants(), await self._at.service()
        app = self._at.settings.ari_app
        return [await media.look(asterisk, there, app=app, law=self._at.law, service=ready)]

    async def trunk(self) -> list[Finding]:
        known = self._at.with_right("trunks")
        return await trunk.look(await self._at.rest(), known.trunks)

    async def redis(self) -> list[Finding]:
        known = self._at.with_right("redis_url")
        if known.redis_url is None and not self._salvaged.problems:
            return [reached.NONE()]
        seen, _ = await self._at.store()
        server = asking.server_of(self._at.redis_url)
        if isinstance(seen, NoRedis):
            return [
                reached.judge_not_reached(seen, server=server.shown, host=server.host),
            ]
        return [reached.judge(seen, server=server.shown)]

    async def redis_within(self) -> list[Finding]:
        seen = await self._at.redis()
        return [
            reached.judge_version(seen.info),
            keeping.judge_persistence(seen.info, seen.config),
            keeping.judge_eviction(seen.info),
            keeping.judge_memory(seen.info),
            keeping.judge_latency(seen.latency),
            rights.judge(seen),
        ]

    async def redis_exposure(self) -> list[Finding]:
        server = asking.server_of(self._at.redis_url)
        if not server.host:
            port = (await self._at.redis()).plain_port
            return [rights.judge_socket(port, await knock_at_all(self._at.own, port) if port else {})]
        near = await addresses.nearness(server.host, self._at.own)
        if near is Nearness.UNKNOWN:
            raise Missing("Redis is not reached (see redis)")
        own, public = self._at.own if near is Nearness.HERE else [], near is Nearness.PUBLIC
        knocked = await knock(server.host, server.port, tls=not server.plain)
        elsewhere = await knock_at_all(own, server.port, tls=not server.plain)
        seen, _ = await self._at.store()
        if isinstance(seen, Seen):
            # Beside the port for TLS there may be one without.
            if not server.plain and seen.plain_port not in {None, 0, server.port}:
                elsewhere |= await knock_at_all(own, seen.plain_port or 0)
        elif not ({knocked, *elsewhere.values()} & {Knock.OPEN, Knock.GUARDED} or (server.plain and public)):
            raise Missing("Redis is not reached (see redis)")
        return [
            rights.judge_exposure(
                server=server.shown,
                host=server.host,
                knock=knocked,
                elsewhere=elsewhere,
                here=near is Nearness.HERE,
                public=public,
                plain=server.plain,
            )
        ]

    async def webhooks(self) -> list[Finding]:
        findings, _ = await self._at.endpoints()
        return findings or [webhooks.WEBHOOK.ok("no account has one; calls may name their own")]

    async def deliveries(self) -> list[Finding]:
        await self._at.redis()
        accounts = [one.id for one in self._at.settings.accounts]
        try:
            return webhooks.judge_mail(await webhooks.mail(self._at.redis_url, accounts))
        except StoreUnavailable as error:
            raise Missing(f"Redis does not say ({error.reason})") from None

    async def clock(self) -> list[Finding]:
        readings: list[Reading | None] = []
        for ground in (self._clock_of_asterisk, self._clock_of_redis, self._clocks_of_webhooks):
            try:
                readings += await ground()
            except Missing:
                continue
        return clock.judge(one for one in readings if one is not None)

    async def _clock_of_asterisk(self) -> list[Reading | None]:
        return [(await self._at.asterisk()).clock]

    async def _clock_of_redis(self) -> list[Reading | None]:
        _, told = await self._at.store()
        return [told]

    async def _clocks_of_webhooks(self) -> list[Reading | None]:
        _, told = await self._at.endpoints()
        return list(told)

    async def voice(self) -> list[Finding]:
        try:
            wanted = await self._at.wanted()
        except WrongPacks as wrong:
            return voices.judge_packs(wrong.reason)
        return await voices.look(wanted)

    async def engines(self) -> list[Finding]:
        return await engines.look(await self._at.wanted(), await self._at.metrics())

    async def recordings(self) -> list[Finding]:
        wanted = await self._at.wanted()
        folder = self._at.settings.recordings_dir
        recorded = next((one for one in wanted.engines if isinstance(one, Recorded)), None)
        if recorded is None:
            return recordings.judge({})
        return await recordings.look(recorded, wanted.locales, folder, as_root=self._at.as_root)

    async def piper(self) -> list[Finding]:
        return await asyncio.to_thread(piper.look, self._at.with_right("piper_dir").piper_dir)

    async def speech_cache(self) -> list[Finding]:
        known = self._at.with_right("speech_cache", "speech_cache_size")
        most = known.speech_cache_size * 1_000_000
        return await asyncio.to_thread(cache.look, known.speech_cache, most, as_root=self._at.as_root)

    async def prompts(self) -> list[Finding]:
        folder = self._at.with_right("prompts_dir").prompts_dir
        if folder is None:
            return [prompts.PROMPTS.ok("there is no folder of recordings")]
        return await prompts.look(folder, self._at.law, as_root=self._at.as_root)

    async def disk(self) -> list[Finding]:
        return room.judge(room.disks({**room.own_folders(), **await self._their_folders()}))

    async def _their_folders(self) -> dict[str, str]:
        """Return the folders of Asterisk and Redis, where these are on this machine."""
        folders: dict[str, str] = {}
        with contextlib.suppress(Missing, errors.AriError):  # said by others
            if await self._is_here((await self._at.asterisk()).url):
                logs = [str(log.get("channel", "")) for log in await self._at.logs()]
                folders |= {f"Asterisk's log {Path(log).name}": log for log in logs if log.startswith("/")}
        with contextlib.suppress(Missing):
            seen = await self._at.redis()
            if "dir" in seen.config and await self._is_here(self._at.redis_url):
                folders["Redis's data"] = seen.config["dir"]
        return folders

    async def _is_here(self, url: str) -> bool:
        return await self._at.nearness(url) is Nearness.HERE

    async def limits(self) -> list[Finding]:
        maximum = self._at.with_right("media_legs").media_legs.maximum
        try:
            config = (await self._at.asterisk()).info.get("config")
        except Missing:
            config = None
        files_of_asterisk = config.get("max_open_files") if isinstance(config, dict) else None
        of_service = room.limit_in(await self._at.metrics())
        return room.judge_limits(room.own_limit(), maximum, files_of_asterisk, service=of_service)


Look: TypeAlias = Callable[[Examination], Awaitable[Sequence[Finding]]]
LOOKS: Final[Sequence[tuple[Sequence[Check], Look]]] = (
    ([settings.SETTINGS], Examination.settings),
    ([settings.DESTINATIONS], Examination.destinations),
    ([service.SERVICE], Examination.service),
    ([reach.ARI], Examination.ari),
    ([credentials.CREDENTIALS], Examination.credentials),
    ([version.VERSION], Examination.version),
    ([version.MODULES], Examination.modules),
    ([tenants.APPLICATIONS], Examination.applications),
    ([files.FILES], Examination.files),
    ([http_conf.SESSIONS, http_conf.WRITE_TIMEOUT, http_conf.REPLIES], Examination.http_conf),
    ([logger.LOGGER], Examination.logger),
    ([exposure.EXPOSURE], Examination.exposure),
    ([media.MEDIA], Examination.media),
    ([trunk.TRUNK], Examination.trunk),
    ([reached.REDIS], Examination.redis),
    (
        [reached.VERSION, keeping.PERSISTENCE, keeping.EVICTION, keeping.MEMORY, keeping.LATENCY, rights.PERMISSION],
        Examination.redis_within,
    ),
    ([rights.EXPOSURE], Examination.redis_exposure),
    ([webhooks.WEBHOOK], Examination.webhooks),
    ([webhooks.DELIVERIES], Examination.deliveries),
    ([clock.CLOCK], Examination.clock),
    ([voices.VOICE], Examination.voice),
    ([engines.ENGINES], Examination.engines),
    ([recordings.RECORDINGS], Examination.recordings),
    ([piper.PIPER], Examination.piper),
    ([cache.CACHE], Examination.speech_cache),
    ([prompts.PROMPTS], Examination.prompts),
    ([room.DISK], Examination.disk),
    ([room.LIMITS], Examination.limits),
)
"""Every check, with who looks. The order is that of the report: what others rest on comes first."""

CHECKS: Final[Sequence[Check]] = (*(check for checks, _ in LOOKS for check in checks), CALL)
