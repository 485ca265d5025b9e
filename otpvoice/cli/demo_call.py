"""One OTP call on real parts, from the hook to the ear, shown as it happens.

An Asterisk, a Redis, a telephone and the service itself run on free ports of loopback in a temporary folder. It refuses
to leave any of them behind, whatever ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console

from otpvoice.adapters.store import keys
from otpvoice.cli.stopping import Stopping
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, CallOver, Scenario
from otpvoice.testkit.callee.rtp import SAMPLE_RATE
from otpvoice.testkit.instance import StartFailed
from otpvoice.testkit.ports import NoFreePorts
from otpvoice.testkit.programs import NotInstalled
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance

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
ANSWER_WITHIN: Final = 15.0
SUMMARY_WITHIN: Final = 5.0
QUIET: Final = 1.2
"""Seconds after which nothing more is being said. The longest pause in a code is 0.8, between groups, and sounds like
0.96 where the characters next to it close and open softly (*f*, *three*)."""
_LINES: Final = 10


class Failed(Exception):
    """The demo can't go on. The message is for people."""


_WRONG: Final = (
    Failed, StartFailed, NotInstalled, NoFreePorts, RedisError, aiohttp.ClientError, OSError, ExceptionGroup,
    subprocess.SubprocessError,
)  # fmt: skip
"""What can go wrong with parts that are real; all else is a fault of ours, and has a traceback."""


@dataclass(frozen=True, slots=True)
class _Parts:
    redis: RedisInstance
    phone: CalleeAgent
    service: ServeInstance


def run(to: str, code: str, stopping: Stopping) -> int:
    """Show one call; return the exit code, see ``demo``. From then on the process takes no more signals."""
    console = Console(highlight=False)
    failed: BaseException | None = None
    delivered = False
    try:
        delivered = asyncio.run(_demo(console, to, code, stopping))
    except (asyncio.CancelledError, *_WRONG) as error:
        failed = error
    stopping.done()
    if stopping.exit_code is not None:
        # After the ^C that a terminal shows.
        console.print(f"{chr(10) * console.is_terminal}stopped; nothing is left running", style="yellow")
        return stopping.exit_code
    if failed is not None:
        sentence = str(failed) or type(failed).__name__
        Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)
    return 0 if delivered else 1


async def _demo(console: Console, to: str, code: str, stopping: Stopping) -> bool:
    """Return whether the code was delivered. What stops the parts is outside of all that a signal cancels."""
    # One of an earlier run would pass for this one's.
    HEARD.unlink(missing_ok=True)
    async with AsyncExitStack() as stack:
        with stopping.cancels():
            limit = asyncio.timeout(LONGEST)
            try:
                async with limit:
                    summary = await _call(console, await _started(console, to, stack), to, code)
            except TimeoutError:
                if limit.expired():
                    raise Failed(f"the demo was not over within {LONGEST:.0f} s") from None
                raise
    console.print("all parts stopped", style="dim")
    return summary is not None and summary["delivered"] is True


async def _started(console: Console, to: str, stack: AsyncExitStack) -> _Parts:
    """Start Redis, the telephone, Asterisk and the service, and show it. ``stack`` stops them."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="otpvoice-demo-")))
    redis = await stack.enter_async_context(await RedisInstance.start(folder / "redis"))
    console.print(f"[green]✓[/green] Redis      {redis.url}")
    phone = await stack.enter_async_context(CalleeAgent(Scenario.answers(ring=0.5)))
    host, port = phone.address
    console.print(f"[green]✓[/green] telephone  sip:{host}:{port}")
    asterisk = await stack.enter_async_context(
        await AsteriskInstance.start(folder / "asterisk", trunk=phone.address, rtp_ports=20)
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
    try:
        await service.ready()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _with_log(f"otpvoice can place no calls: {error}", service) from None
    console.print(f"[green]✓[/green] otpvoice   {service.url}")
    return _Parts(redis, phone, service)


async def _call(console: Console, parts: _Parts, to: str, code: str) -> dict[str, Any] | None:
    """Place the call and show it. Returns its summary; None: it was refused."""
    began = time.monotonic()
    call = await _post(console, parts.service, to, code)
    if call is None:
        return None
    async with _picked_up(parts.phone) as callee:
        await _timeline(console, parts.service, call["id"], began)
        await asyncio.wait({callee}, timeout=1.0)
    _keep_what_was_heard(console, parts.phone)
    key = keys.call(call["account"], call["id"])
    summary = await _read_back(parts, key)
    console.print("\n[bold]The summary, as read back from Redis[/bold]")
    console.print(f"GET {key}", style="dim")
    console.print_json(json.dumps(summary))
    return summary


async def _post(console: Console, service: ServeInstance, to: str, code: str) -> dict[str, Any] | None:
    """Ask for the call, as an application would. None: it was refused, and the reason is shown."""
    console.print(f"\n[bold]POST /v1/calls[/bold]  to {to}, code {'•' * len(code)}, then a key to confirm\n")
    body = {"to": to, "code": code, "brand": "Example", "times": 1, "gather": CONFIRM}
    try:
        async with (
            aiohttp.ClientSession(headers=service.headers, timeout=aiohttp.ClientTimeout(ANSWER_WITHIN)) as http,
            http.post(f"{service.url}/v1/calls", json=body) as answer,
        ):
            said = await answer.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _with_log(f"otpvoice does not answer: {str(error) or type(error).__name__}", service) from None
    if answer.status == 202:
        return dict(said)
    console.print(f"{answer.status} {said.get('title')}: {said.get('detail', '')}", style="red", markup=False)
    for one in said.get("errors", ()):
        console.print(f"  {one['path']}: {one['message']}", style="red", markup=False)
    return None


@asynccontextmanager
async def _picked_up(phone: CalleeAgent) -> AsyncIterator[asyncio.Task[None]]:
    """Have somebody at the telephone, who leaves with the block."""
    callee = asyncio.create_task(_listen_and_confirm(phone))
    try:
        yield callee
    finally:
        callee.cancel()
        # What the phone could not do is seen in what the call was: no key, no sound.
        await asyncio.gather(callee, return_exceptions=True)


async def _listen_and_confirm(phone: CalleeAgent) -> None:
    """Be the person who is called: listen until nothing more is said, press 1, listen on."""
    call = await phone.next_call()
    with contextlib.suppress(CallOver):
        await call.answered()
        await call.heard_silence(QUIET)
        await call.press("1")
    await call.ended()


async def _timeline(console: Console, service: ServeInstance, call_id: str, began: float) -> None:
    """Show what the service logs of the call, as it comes, until the call has ended."""
    async for event in service.events():
        if event.get("call") != call_id:
            continue
        if (line := _line(event)) is not None:
            console.print(f"{time.monotonic() - began:7.2f} s  {line}")
        if event["event"] == "call.ended":
            return
    raise _with_log(f"otpvoice ended before the call did, with {await service.ended(1.0)}", service)


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


async def _read_back(parts: _Parts, key: str) -> dict[str, Any]:
    """Read the summary where others find it. The call does not wait for Redis, so its end may be a moment behind."""
    try:
        async with asyncio.timeout(SUMMARY_WITHIN), Redis.from_url(parts.redis.url) as client:
            while True:
                record: dict[str, Any] = json.loads(await client.get(key) or "{}")
                if record.get("state") == "ended":
                    return record
                await asyncio.sleep(0.02)
    except RedisError as error:
        raise _with_log(f"Redis does not answer: {error}", parts.service) from None
    except TimeoutError:
        raise _with_log(f"the summary was not in Redis within {SUMMARY_WITHIN:.0f} s", parts.service) from None


def _keep_what_was_heard(console: Console, phone: CalleeAgent) -> None:
    """Write what the telephone got."""
    recording = phone.calls[0].recording if phone.calls else None
    heard = b"" if recording is None else recording.payload()
    if recording is None or not heard:
        console.print("\nnothing was heard", style="yellow")
        return
    try:
        HEARD.parent.mkdir(exist_ok=True)
        recording.write_wav(HEARD)
    except OSError as error:
        # The call is worth showing all the same.
        console.print(f"\n{HEARD} was not written: {error.strerror}", style="yellow", markup=False)
        return
    console.print(f"\n[bold]{HEARD}[/bold]  {len(heard) / SAMPLE_RATE:.1f} s, as the telephone got it")


def _with_log(sentence: str, service: ServeInstance) -> Failed:
    """Return the failure with the end of the service's log, which goes with its folder."""
    try:
        lines = service.log_path.read_text(errors="replace").splitlines()[-_LINES:]
    except OSError:
        lines = []
    return Failed("\n".join([f"{sentence}; the end of otpvoice's log:" if lines else sentence, *lines]))
