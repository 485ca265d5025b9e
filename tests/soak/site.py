"""All that a soak runs: an Asterisk of its own, a Redis that keeps what it has, phones, the endpoint, the service."""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Invite, Scenario
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.faults.ari_proxy import AriProxy
from tests.faults.evidence import Scene
from tests.faults.hook import Hook, opened_hook
from tests.scenarios.world import NOBODY
from tests.soak.client import Client
from tests.soak.plan import Ask
from tests.soak.requests import answer_to, scenario_of

INSTANCE: Final = "soak"
_BEYOND: Final = 200
"""Calls at a time for which there are ports and media legs."""


class SoakedService(ServeInstance):
    """A service with a key for tests, too, that tries webhooks again sooner."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        """As ``ServeInstance``."""
        super().__init__(folder, settings)
        self.test_key = f"otp_test_{secrets.token_hex(24)}"
        self._settings = {**settings, "api_keys": f"{self.key} {self.test_key}"}

    def _command(self) -> Sequence[str | Path]:
        *env, dash_m, module, serve = super()._command()
        assert (dash_m, module) == ("-m", "otpvoice")
        return [*env, Path(__file__).with_name("served.py"), serve]


@dataclass(slots=True)
class Parts:
    """``asks``: all calls of the plan by number, added as they are asked for."""

    asterisk: AsteriskInstance
    redis: RedisInstance
    service: SoakedService
    proxy: AriProxy
    agent: CalleeAgent
    hook: Hook
    client: Client
    asks: dict[int, Ask] = field(default_factory=dict)

    def scene(self) -> Scene:
        """Return what the checker looks at."""
        return Scene(
            self.service,
            self.redis,
            self.asterisk,
            INSTANCE,
            set(self.client.accepted.values()),
            lambda: ["+" + call.invite.number.removeprefix("+") for call in self.agent.calls],
            self.hook,
            alone=True,
            seen_ended=self.client.ended,
        )


@asynccontextmanager
async def opened_parts(folder: Path, seed: int) -> AsyncIterator[Parts]:
    """Start all of it, and wait until calls can be placed; stop all of it at the end, however that comes."""
    asks: dict[int, Ask] = {}

    def scenario(invite: Invite) -> Scenario:
        ask = asks.get(int(invite.number.removeprefix("+")) % 10**7)
        return Scenario.rejects(404) if ask is None else scenario_of(ask)

    def answer(event: dict[str, Any]) -> list[dict[str, Any]]:
        return answer_to(asks[event["data"]["call"]["metadata"]["number"]], event["type"])

    chance = random.Random(f"keys {seed}")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        asterisk = await enter(
            await AsteriskInstance.start(folder / "asterisk", trunk=NOBODY, rtp_ports=4 * _BEYOND, verbose=3)
        )
        redis = await enter(await RedisInstance.start(folder / "redis", appendonly=True))
        proxy = await enter(AriProxy(asterisk.ari_url))
        agent = CalleeAgent(scenario, record=False)
        await agent.open()
        stack.push_async_callback(agent.close)
        hook = await enter(opened_hook())
        hook.answer = answer
        host, port = agent.address
        settings = {
            "instance": INSTANCE,
            "ari_url": proxy.url,
            "ari_user": asterisk.ari_user,
            "ari_password": asterisk.ari_password,
            "trunk": f"PJSIP/trunk/sip:{{number}}@{host}:{port}",
            "caller_ids": "+15550199",
            "allow_destinations": "+1555",
            "redis_url": redis.url,
            "media_legs": f"4:{_BEYOND}",
            "secret_key": base64.b64encode(chance.randbytes(32)).decode(),
            "url_allow": "127.0.0.1",
            "webhook_url": hook.url,
            "webhook_secrets": "whsec_" + base64.b64encode(chance.randbytes(32)).decode(),
            "lead_in": 0.1,
            "tail": 0.1,
        }
        service = await enter(await SoakedService.start(folder / "service", settings))
        client = await enter(Client(service, service.test_key, hook.url))
        await service.ready()
        yield Parts(asterisk, redis, service, proxy, agent, hook, client, asks)
