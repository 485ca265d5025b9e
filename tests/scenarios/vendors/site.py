"""A service with both vendors' doors, as who leaves them has it: sub-accounts and customers, and the old keys.

Nothing here knows how the doors are made: settings, a folder of scenarios, and phones to be called.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from redis.asyncio import Redis

from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import Say
from otpvoice.core.reading import say_script
from otpvoice.media import g711
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.fakes import FakeAsterisk
from tests.faults.sites import POLL, Site, open_site
from tests.scenarios.finishing import FINISHING
from tests.scenarios.phones import SOON, Phone
from tests.scenarios.voice import VOICE
from tests.scenarios.world import LOCALES, SHOWN

VIRTUAL: Final = SHOWN.removeprefix("+")
"""The caller ID, as both vendors' samples have numbers: without plus."""
ABROAD: Final = "447700900123"
"""A number that no account may call."""


SEALS: Final = base64.b64encode(bytes(range(32))).decode()


def key_of(account: str) -> str:
    """Return an account's key: what their old API key is now."""
    return f"old-api-key-of-{account}-0123456789"


class Leaving(ServeInstance):
    """A service whose accounts are customers that left. ``accounts``: what each has beside its key."""

    accounts: Mapping[str, Mapping[str, Any]]
    narrow: Mapping[str, Any] = {}
    """What the trunk ``narrow`` has; nothing: there is none."""

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "otpvoice.toml").open("a") as file:
            if self.narrow:
                trunk = {"name": "narrow", "dial": self._settings["trunk"], "caller_ids": SHOWN, **self.narrow}
                file.write(f"\n[[trunk]]\n{toml(trunk)}")
            for account, fields in self.accounts.items():
                keys = {} if account == "default" else {"keys": [hashlib.sha256(key_of(account).encode()).hexdigest()]}
                file.write(f"\n[[account]]\n{toml({'id': account, **keys, **fields})}")


def toml(table: Mapping[str, Any]) -> str:
    # A JSON string, list or number is one of TOML's.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())


@asynccontextmanager
async def left(
    folder: Path,
    asterisk: AsteriskInstance | FakeAsterisk,
    accounts: Mapping[str, Mapping[str, Any]],
    *,
    narrow: Mapping[str, Any] | None = None,
    redis: RedisInstance | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """Start one."""
    serve = type("LeavingHere", (Leaving,), {"accounts": accounts, "narrow": narrow or {}})
    settings = {"url_allow": "127.0.0.1", "secret_key": SEALS} | settings
    async with open_site(folder, asterisk, redis=redis, serve=serve, **settings) as site:
        yield site


async def summary_of(site: Site, account: str, call_id: str, within: float = SOON) -> dict[str, Any]:
    """Wait for the summary of an account's call. There must be one."""
    stream = f"otpvoice:{{{account}}}:summaries"
    async with asyncio.timeout(within), Redis.from_url(site.redis.url) as redis:
        while True:
            entries: list[Any] = await redis.xrange(stream) or []
            found: list[dict[str, Any]] = [
                json.loads(fields[b"summary"]) for _, fields in entries if fields[b"id"].decode() == call_id
            ]
            if found:
                assert len(found) == 1
                return found[0]
            await asyncio.sleep(POLL)


def number_of(phone: Phone) -> str:
    """Return a number as both vendors' samples have it."""
    return phone.number.removeprefix("+")


async def hears(phone: Phone, text: str, *, female: bool | None, speed: float = 1.0) -> bool:
    """Say whether a sentence was heard in English, to the byte, as spoken by whoever stands in for a hosted voice."""
    renderer = Renderer([VOICE], LOCALES, "ulaw", finishing=FINISHING)
    voice = renderer.ladder.stand_in("en-US", female)
    (sound,) = (await renderer.prepare(say_script(Say(text, voice=voice, speed=speed), "en-US", voice))).sounds
    await renderer.close()
    return sound.strip(b"\xff\x7f") in phone.sound


def loudest(sound: bytes) -> float:
    """Return the strongest frequency of μ-law audio, in Hz."""
    samples = np.frombuffer(g711.ulaw_decode(sound), dtype=np.int16).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum[1:]) + 1) * 8000 / len(samples)
