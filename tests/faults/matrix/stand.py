"""Where a story is told: a service that stands still on command, all that it needs, and who looks after it.

A stand may be told one story after the other. It shares its Asterisk with other stands, unless that is what dies.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import secrets
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.serve import _PASSED_ON, ServeInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.asking import Asking
from tests.faults.evidence import Scene, scene_of
from tests.faults.hook import Hook, opened_hook
from tests.faults.matrix.nest import Nest
from tests.faults.matrix.points import Seam
from tests.faults.matrix.wedge import Wedge
from tests.faults.sites import Site, open_site, summaries
from tests.scenarios.callers import DIALPLAN, MODULES
from tests.scenarios.world import NOBODY

ROOT: Final = Path(__file__).parents[3]
NARROW: Final = "narrow"
"""A trunk that takes one call at a time."""
POLL: Final = 0.02
SECRET: Final = "whsec_" + b64encode(bytes(range(32))).decode()
SECRET_KEY: Final = b64encode(bytes(range(64, 96))).decode()


class Dying(ServeInstance):
    """A service that stands still where it is told to (``dying.py``)."""

    def arm(self, seam: Seam) -> None:
        """Have it stand still the next time it is there."""
        (self.folder / "reached.txt").unlink(missing_ok=True)
        armed = {
            "side": seam.side,
            "seam": seam.name,
            "word": seam.word,
            "nth": seam.nth,
            "nonce": secrets.token_hex(4),
        }
        half = self.folder / "armed.half"
        half.write_text(json.dumps(armed))
        half.replace(self.folder / "armed.json")

    def disarm(self) -> None:
        """Let it pass everywhere."""
        (self.folder / "armed.json").unlink(missing_ok=True)

    async def stands(self, within: float) -> None:
        """Wait until it stands still."""
        async with asyncio.timeout(within):
            while not (self.running and (self.folder / "reached.txt").exists() and self._stopped()):  # noqa: ASYNC110
                await asyncio.sleep(POLL / 2)

    def go_on(self) -> None:
        """Let it go on, if it stands."""
        os.kill(self.pid, signal.SIGCONT)

    def seams(self) -> frozenset[str]:
        """Return the names of seams that it passed, in all its lives."""
        path = self.folder / "seams.txt"
        return frozenset(path.read_text().splitlines()) if path.exists() else frozenset()

    def _stopped(self) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] in "tT"
        return False

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "otpvoice.toml").open("a") as file:
            trunk = json.dumps(self._settings["trunk"])
            file.write(f'\n[[trunk]]\nname = "{NARROW}"\ndial = {trunk}\nmax_calls = 1\n')

    def _start_process(self) -> None:
        *_, python, dash_m, module, serve = self._command()
        assert (python, dash_m, module, serve) == (sys.executable, "-m", "otpvoice", "serve")
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment = passed_on | {"OTPVOICE_CONFIG": str(self.folder / "otpvoice.toml")}
        # It is asked for no more than a Popen's pid, poll and wait.
        self._process = _nest().hatch(self.folder, environment)  # type: ignore[assignment]


@cache
def _nest() -> Nest:
    """Return the one of this process, which lives as long."""
    return atexit_closed(Nest())


def atexit_closed(nest: Nest) -> Nest:
    """Have it end with us."""
    nest.__enter__()
    atexit.register(nest.__exit__)
    return nest


@dataclass(slots=True)
class Stand:
    """Made by ``open_stand``. ``proxy``, ``wedge``: on the way to Asterisk, where they were asked for."""

    asterisk: AsteriskInstance
    site: Site
    hook: Hook
    proxy: AriProxy | None = None
    wedge: Wedge | None = None
    seen: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)
    """Claims of keys that somebody left who died with them: they are over after a minute."""

    @property
    def service(self) -> Dying:
        """The one that dies."""
        assert isinstance(self.site.service, Dying)
        return self.site.service

    @property
    def scene(self) -> Scene:
        """What the checker looks at."""
        return scene_of(self.site, self.asterisk, self.hook)

    async def left(self) -> frozenset[str] | None:
        """Return the ids of the channels and bridges that Asterisk has of this service; None: it does not answer."""
        ours = (f"otpvoice-{self.site.instance}-", *await self.calls())
        try:
            async with Asking(self.asterisk) as ask:
                channels, bridges = await ask("channels"), await ask("bridges")
            told = (await self.asterisk.cli("core show channels concise")).splitlines()
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
            return None
        if channels is None or bridges is None:
            return None
        found = [*channels, *bridges]
        ids = {one["id"] for one in found} | {line.split("!")[-1] for line in told if "!" in line}
        return frozenset(one for one in ids if one.startswith(ours))

    async def clean(self) -> bool:
        """Whether nothing is left of any call and any life of it, but the media legs that the present life knows."""
        left = await self.left()
        if left is None:
            return False
        legs = [one for one in left if one.startswith(self.site.leg_prefix)]
        if len(legs) < len(left):
            return False
        try:
            nodes = (await self.site.readyz()).body.get("nodes", [])
        except (aiohttp.ClientError, OSError):
            return False
        # Each has a bridge beside it.
        known: int = sum(node["legs"]["free"] + node["legs"]["taken"] for node in nodes)
        return len(legs) == 2 * known

    async def calls(self) -> frozenset[str]:
        """Return the ids of all calls that there were; while Redis is away, of those that a client was told of."""
        known = set(self.site.calls)
        with suppress(RedisError, OSError):
            async with Redis.from_url(self.site.redis.url) as redis:
                known |= {key.decode().rpartition(":")[2] async for key in redis.scan_iter("otpvoice:{default}:call:*")}
        return frozenset(known)

    async def ended(self) -> list[dict[str, Any]]:
        """Return all summaries there are; none while Redis is away."""
        with suppress(RedisError, OSError):
            async with Redis.from_url(self.site.redis.url) as redis:
                return await summaries(redis)
        return []

    async def undelivered(self) -> int:
        """Return how many webhooks are on their way."""
        async with Redis.from_url(self.site.redis.url) as redis:
            found = [await redis.zcard(key) async for key in redis.scan_iter(match="otpvoice:{default}:outbox:*")]
        return sum(found)

    async def ready(self) -> bool:
        """Whether it would take a call now."""
        try:
            answer = await self.site.readyz()
        except (aiohttp.ClientError, OSError):
            return False
        return answer.status == 200


@asynccontextmanager
async def open_asterisk(folder: Path) -> AsyncIterator[AsteriskInstance]:
    """Start an Asterisk that callers can call in to."""
    # Many are open at a time, beside other tests' ones; a dozen lanes have some calls each.
    started = AsteriskInstance.start(
        folder, trunk=NOBODY, rtp_ports=300, verbose=3, extensions=DIALPLAN, extra_config=MODULES
    )
    async with await started as asterisk:
        yield asterisk


@asynccontextmanager
async def open_stand(
    folder: Path, asterisk: AsteriskInstance, *, silent: bool = False, wedged: bool = False
) -> AsyncIterator[Stand]:
    """Start all of it. ``silent``, ``wedged``: with a proxy on the way that can do this to it."""
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(opened_hook())
        proxy = await stack.enter_async_context(AriProxy(asterisk.ari_url)) if silent else None
        wedge = await stack.enter_async_context(Wedge(asterisk.ari_url)) if wedged else None
        way = proxy or wedge
        opened = open_site(
            folder,
            asterisk,
            ari_url=way.url if way is not None else None,
            serve=Dying,
            secret_key=SECRET_KEY,
            webhook_url=hook.url,
            webhook_secrets=SECRET,
            url_allow="127.0.0.1",
        )
        site = await stack.enter_async_context(opened)
        yield Stand(asterisk, site, hook, proxy, wedge)
