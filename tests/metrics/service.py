"""A whole service in this process, on a fake Asterisk, with a voice that beeps and an endpoint for its webhooks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import pytest
from prometheus_client.core import Metric

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.media.wav import Wave
from otpvoice.service import Service
from otpvoice.settings import Settings
from tests.adapters.speech_stands import Untouched
from tests.adapters.webhooks_world import Sink, opened_sink
from tests.fakes import FakeAsterisk
from tests.metrics.samples import Samples, parsed, samples_of

KEY: Final = "key-of-the-shop-0123456789"
TEST_KEY: Final = "otp_test_0123456789abcdef0"
NUMBER: Final = "+12025550123"
CODE: Final = "918273"
TOKEN: Final = "4fJq0vTzKd"
SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"


class Beep(Espeak):
    """An engine that says two frames of the same for every text, at once."""

    def missing(self) -> str | None:
        return None

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        return Wave(8000, b"\x00\x10" * 320)


@dataclass
class Running:
    """A service that runs, and what it says when it is scraped."""

    service: Service
    http: aiohttp.ClientSession
    sink: Sink
    asterisk: FakeAsterisk

    async def place(self, *, key: str = KEY, **asked: Any) -> aiohttp.ClientResponse:
        """Ask for a call."""
        url = f"http://127.0.0.1:{self.service.port}/v1/calls"
        body = {"to": NUMBER} | asked
        async with self.http.post(url, json=body, headers={"Authorization": f"Bearer {key}"}) as response:
            await response.read()
            return response

    async def text(self, accept: str = "") -> tuple[bytes, str]:
        """Scrape. Returns the text, and its content type."""
        # The first one is the administrator's, where there are two.
        url = f"http://127.0.0.1:{self.service._listeners[0].port}/metrics"
        async with self.http.get(url, headers={"Accept": accept}) as response:
            assert response.status == 200
            return await response.read(), response.headers["Content-Type"]

    async def families(self, accept: str = "") -> list[Metric]:
        """Scrape, and read it."""
        return parsed(*await self.text(accept))

    async def samples(self) -> Samples:
        """Scrape, and read all samples."""
        return samples_of(await self.families())

    async def until(self, holds: Callable[[Samples], bool]) -> Samples:
        """Scrape until something holds of what is said."""
        async with asyncio.timeout(15):
            while not holds(said := await self.samples()):  # noqa: ASYNC110 - it is asked as Prometheus asks
                await asyncio.sleep(0.01)
        return said


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, **more: str) -> AsyncIterator[Running]:
    """Start a service, and wait until it can place calls. ``more``: variables in lower case, without prefix."""
    monkeypatch.setattr("otpvoice.adapters.speech.engines.assembly.Espeak", Beep)
    monkeypatch.setattr("otpvoice.adapters.speech.house.Workshop", Untouched)
    async with FakeAsterisk() as asterisk, opened_sink() as sink, aiohttp.ClientSession() as http:
        settings = {
            "ari_url": asterisk.url,
            "ari_user": asterisk.user,
            "ari_password": asterisk.password,
            "trunk": "PJSIP/{number}@trunk",
            "caller_ids": "+12025550199",
            "allow_destinations": "+1202",
            "api_keys": f"{KEY} {TEST_KEY}",
            "http_bind": "127.0.0.1:0",
            "media_legs": "2:4",
            "lead_in": "0",
            "tail": "0",
            "dev": "1",
            "url_allow": "127.0.0.1",
            "drain_timeout": "5",
            "webhook_url": sink.url(f"/hook/{TOKEN}"),
            "webhook_secrets": SECRET,
        } | more
        environ = {f"OTPVOICE_{name.upper()}": value for name, value in settings.items()}
        async with await Service.start(Settings.load(environ)) as service:
            house = Running(service, http, sink, asterisk)
            await next(task for task in service._tasks if task.get_name() == "warm-up")
            legs = f'otpvoice_media_legs{{node="{asterisk.url.removeprefix("http://")}",state="free"}}'
            await house.until(lambda said: said[legs] == 2)
            yield house
