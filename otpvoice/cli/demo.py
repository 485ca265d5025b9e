"""``otpvoice demo``: one OTP call on real parts, from the hook to the ear, shown as it happens.

An Asterisk, a Redis, a telephone and the service itself run on free ports of loopback in a temporary folder; all of
them end with it, also on Ctrl-C. Exit code 0 only if the code was delivered.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from rich.console import Console

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Call, CalleeAgent, CallOver, Scenario
from otpvoice.testkit.instance import StartFailed
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance

TO: Final = "+12025550123"
"""A number that is reserved for fiction (ATIS-0300115)."""
CODE: Final = "482913"
HEARD: Final = Path("demo/heard.wav")
CONFIRM: Final = {
    "prompt": "Press 1 to confirm.",
    "success": "Thank you.",
    "max_digits": 1,
    "valid_digits": "1",
    "sensitive": False,
    "tag": "confirmed",
}
LONGEST: Final = 120.0


@dataclass(frozen=True, slots=True)
class _Parts:
    redis: RedisInstance
    phone: CalleeAgent
    service: ServeInstance


def demo() -> int:
    """Run the demo with ``TO`` and ``CODE`` of the environment. Returns the exit code."""
    console = Console(highlight=False)
    try:
        summary = asyncio.run(_demo(console, os.environ.get("TO", TO), os.environ.get("CODE", CODE)))
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running", style="yellow")
        return 130
    except StartFailed as failed:
        console.print(str(failed), style="red", markup=False)
        return 1
    return 0 if summary is not None and summary["delivered"] else 1


async def _demo(console: Console, to: str, code: str) -> dict[str, Any] | None:
    async with asyncio.timeout(LONGEST), _parts(console, to) as parts:
        began = time.monotonic()
        call = await _post(console, parts.service, to, code)
        if call is None:
            return None
        callee = asyncio.create_task(_listen_and_confirm(parts.phone))
        await _timeline(console, parts.service, call["id"], began)
        summary = await _read_back(parts.redis, call)
        await _keep_what_was_heard(console, callee)
        console.print("\n[bold]The summary, as read back from Redis[/bold]")
        console.print(f"GET {_key(call)}", style="dim")
        console.print_json(json.dumps(summary))
    console.print("all parts stopped", style="dim")
    return summary


@asynccontextmanager
async def _parts(console: Console, to: str) -> AsyncIterator[_Parts]:
    """Start Redis, the telephone, Asterisk and the service, and show it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="otpvoice-demo-")))
        redis = await stack.enter_async_context(await RedisInstance.start(folder / "redis"))
        console.print(f"[green]✓[/green] Redis      {redis.url}")
        phone = await stack.enter_async_context(CalleeAgent(Scenario.answers(ring=1.0)))
        host, port = phone.address
        console.print(f"[green]✓[/green] telephone  sip:{host}:{port}")
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(folder / "asterisk", trunk=phone.address)
        )
        console.print(f"[green]✓[/green] Asterisk   {asterisk.ari_url}")
        service = await stack.enter_async_context(
            await ServeInstance.start(
                folder / "service",
                {
                    "instance": "demo",
                    "ari_url": asterisk.ari_url,
                    "ari_user": asterisk.ari_user,
                    "ari_password": asterisk.ari_password,
                    "trunk": "PJSIP/{number}@trunk",
                    "caller_ids": "+12025550199",
                    "allow_destinations": to,
                    "redis_url": redis.url,
                    "drain_timeout": 0,
                },
            )
        )
        await service.ready()
        console.print(f"[green]✓[/green] otpvoice   {service.url}")
        yield _Parts(redis, phone, service)


async def _post(console: Console, service: ServeInstance, to: str, code: str) -> dict[str, Any] | None:
    """Ask for the call, as an application would. None: it was refused, and the reason is shown."""
    console.print(f"\n[bold]POST /v1/calls[/bold]  to {to}, code {'•' * len(code)}, then a key to confirm\n")
    body = {"to": to, "code": code, "brand": "Example", "times": 1, "gather": CONFIRM}
    async with (
        aiohttp.ClientSession(headers=service.headers) as http,
        http.post(f"{service.url}/v1/calls", json=body) as answer,
    ):
        said = await answer.json()
        if answer.status == 202:
            return dict(said)
        console.print(f"[red]{answer.status}[/red] {said.get('title')}: {said.get('detail', '')}")
        for error in said.get("errors", ()):
            console.print(f"  {error['path']}: {error['message']}", style="red")
        return None


async def _listen_and_confirm(phone: CalleeAgent) -> Call:
    """Be the person who is called: listen until nothing more is said, press 1, listen on."""
    call = await phone.next_call()
    try:
        await call.answered()
        await call.heard_silence(1.4)  # longer than any pause in a code
        await call.press("1")
    except CallOver:
        pass
    await call.ended()
    return call


async def _timeline(console: Console, service: ServeInstance, call_id: str, began: float) -> None:
    """Show what the service logs of the call, as it comes, until the call has ended."""
    async for event in service.events():
        if event.get("call") != call_id:
            continue
        if (line := _line(event)) is not None:
            console.print(f"{time.monotonic() - began:7.2f} s  {line}")
        if event["event"] == "call.ended":
            return


def _line(event: dict[str, Any]) -> str | None:
    match event["event"]:
        case "call.queued" | "call.dialing" | "call.ringing" | "call.answered" as name:
            return str(name).removeprefix("call.")
        case "code.character_played":
            position, of = event["position"], event["of"]
            return f"played     {'■' * position}{'□' * (of - position)}  reading {event['reading']}"
        case "code.delivered":
            return "[green]delivered[/green]  a whole reading was played"
        case "key.pressed":
            return "key        •"
        case "digits.collected":
            return f"collected  {'•' * event['count']} ({event['ended_by']})"
        case "call.ended":
            return f"ended      {event['outcome']}"
        case _:
            return None


def _key(call: dict[str, Any]) -> str:
    return f"otpvoice:{{{call['account']}}}:call:{call['id']}"


async def _read_back(redis: RedisInstance, call: dict[str, Any]) -> dict[str, Any]:
    """Read the summary where others find it. The call does not wait for Redis, so its end may be a moment behind."""
    async with Redis.from_url(redis.url) as client:
        while True:
            record: dict[str, Any] = json.loads(await client.get(_key(call)) or "{}")
            if record.get("state") == "ended":
                return record
            await asyncio.sleep(0.02)


async def _keep_what_was_heard(console: Console, callee: asyncio.Task[Call]) -> None:
    """Write what the telephone got."""
    if not callee.done():
        await asyncio.wait({callee}, timeout=1.0)
    if not callee.done():
        callee.cancel()
        return
    call = callee.result()
    HEARD.parent.mkdir(exist_ok=True)
    call.recording.write_wav(HEARD)
    seconds = len(call.recording.payload()) / 8000
    console.print(f"\n[bold]{HEARD}[/bold]  {seconds:.1f} s, as the telephone got it")
