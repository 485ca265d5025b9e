"""``otpvoice serve``: run until told to stop, and then let the calls finish."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import structlog

from otpvoice import logs
from otpvoice.service import Service
from otpvoice.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

EX_CONFIG = 78
"""Exit code for settings that are wrong (BSD's sysexits)."""
EX_SOFTWARE = 70
AT_ONCE = 3.0
"""Seconds for Asterisk to take note of the end after a second signal."""


def serve() -> int:
    """Run the service with the settings of the environment. Returns the exit code."""
    try:
        settings = Settings.load(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EX_CONFIG
    logs.configure(format=settings.log, level=settings.log_level)
    logs.take_faults()
    for warning in settings.warnings:
        log.warning("settings", warning=str(warning))
    if settings.dev_key is not None:
        # Only in development, and only because nobody could know it otherwise.
        sys.stderr.write(f"API key for this run: {settings.dev_key.reveal()}\n")
    import uvloop  # noqa: PLC0415 - only where it is used: `check` runs every few seconds

    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    """First signal: take no more calls and let the others finish. Second: end them now."""
    loop = asyncio.get_running_loop()
    logs.take_faults_of(loop)
    asked, now = asyncio.Event(), asyncio.Event()

    def stop(name: str) -> None:
        log.info("service.stopping", signal=name, at_once=asked.is_set())
        (now if asked.is_set() else asked).set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop, signum.name)
    try:
        service = await Service.start(settings)
    except (OSError, ValueError) as error:
        log.critical("service.not_started", error=str(error))
        return EX_CONFIG
    await _first(asked, service.failed)
    draining = asyncio.create_task(service.stop(drain=0 if service.failed.is_set() else settings.drain_timeout))
    hurrying = asyncio.create_task(now.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():
        await service.stasis.end_all()
        await asyncio.wait({draining}, timeout=AT_ONCE)
        # An Asterisk that answers nothing is not waited for any longer: its dead man's switch ends the calls.
        draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    hurrying.cancel()
    return EX_SOFTWARE if service.failed.is_set() else 0


async def _first(*events: asyncio.Event) -> None:
    tasks = {asyncio.create_task(event.wait()) for event in events}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
