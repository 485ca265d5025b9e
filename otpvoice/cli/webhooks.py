"""``otpvoice webhooks``: what is on its way to endpoints and what never arrived, sent again or allowed again.

It asks Redis itself, by the settings of ``serve``, so that it works while nothing else does. It posts nothing:
a running ``serve`` sees within a second what is due. Of a URL it shows neither path nor query, which may be keys.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from otpvoice.adapters.store.ports import Letter, Outbox, StoreUnavailable
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks.posting import shown
from otpvoice.cli.client import printable
from otpvoice.core.instants import rfc3339
from otpvoice.settings import Settings, SettingsError

EX_USAGE: Final = 2
PAGE: Final = 100
"""Letters of an account that are listed."""
READ_AT_ONCE: Final = 1000

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Work: TypeAlias = Callable[[Outbox, Sequence[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Closed:
    """An endpoint to which nothing is sent any more."""

    account: str
    endpoint: str


def listed(*, dead: bool = False, account: str | None = None, as_json: bool = False) -> int:
    """Print what is on its way (``dead``: what was given up), and which endpoints are disabled."""

    async def work(outbox: Outbox, accounts: Sequence[str]) -> int:
        letters = [letter for account in accounts for letter in await outbox.letters(account, dead=dead, limit=PAGE)]
        closed = [Closed(account, endpoint) for account in accounts for endpoint in await outbox.disabled(account)]
        lines = [json.dumps(_told(letters, closed))] if as_json else list(_lines(letters, closed, time.time()))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        return 0

    return _done(work, account)


def replay(event_id: str | None, *, everything: bool = False, account: str | None = None) -> int:
    """Make one dead letter due now, or all of them. 1: there is no such one."""
    if (event_id is None) is not everything:
        sys.stderr.write("which one? Its id (evt_…), or --all\n")
        return EX_USAGE

    async def one(outbox: Outbox, accounts: Sequence[str]) -> int:
        for name in accounts:
            if await outbox.replay(name, event_id or ""):
                sys.stdout.write("1 is due now\n")
                return 0
        sys.stderr.write("there is no such dead letter, or its endpoint is disabled\n")
        return 1

    async def each(outbox: Outbox, accounts: Sequence[str]) -> int:
        done = 0
        try:
            for name in accounts:
                async for replayed in _replayed(outbox, name):
                    done += replayed
        except StoreUnavailable:
            sys.stderr.write(f"{done} were made due, and then no more\n")
            raise
        sys.stdout.write(f"{done} {'is' if done == 1 else 'are'} due now\n")
        return 0

    return _done(each if everything else one, account)


def enable(url: str, *, account: str | None = None) -> int:
    """Send there again. ``url``: whole, or as ``list`` shows it. 1: it was not disabled."""

    async def work(outbox: Outbox, accounts: Sequence[str]) -> int:
        found = [
            Closed(name, endpoint)
            for name in accounts
            for endpoint in await outbox.disabled(name)
            if url in {endpoint, shown(endpoint)}
        ]
        for one in found:
            await outbox.enable(one.account, one.endpoint)
            sys.stdout.write(printable(f"{one.account}: {shown(one.endpoint)} is enabled") + "\n")
        if not found:
            sys.stderr.write("it is not disabled\n")
        return 0 if found else 1

    return _done(work, account)


def _done(work: Work, account: str | None) -> int:
    """Do it with the outbox of the settings, for one account or all of them. Returns the exit code."""
    try:
        settings = Settings.load(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EX_USAGE
    accounts = [one.id for one in settings.accounts]
    if account is not None and account not in accounts:
        sys.stderr.write("there is no account of this name in the settings\n")
        return EX_USAGE
    if settings.redis_url is None:
        sys.stderr.write("OTPVOICE_REDIS_URL is not set: the outbox is in the memory of the service and ends with it\n")
        return 1
    try:
        return asyncio.run(
            _with_store(settings.redis_url.reveal(), settings.summary_ttl, work, [account] if account else accounts)
        )
    except StoreUnavailable as fault:
        sys.stderr.write(f"Redis does not do it: {fault.reason}\n")
        return 1


async def _with_store(url: str, ttl: float, work: Work, accounts: Sequence[str]) -> int:
    store = RedisStore(url, ttl=ttl)
    try:
        return await work(store, accounts)
    finally:
        await store.close()


async def _replayed(outbox: Outbox, account: str) -> AsyncIterator[bool]:
    """Replay all dead letters of an account, but those whose endpoint is disabled.

    Yields for each whether it was one still.
    """
    closed = set(await outbox.disabled(account))
    seen: set[str] = set()
    most = READ_AT_ONCE
    while True:
        letters = await outbox.letters(account, dead=True, limit=most)
        fresh = [letter for letter in letters if letter.id not in seen]
        seen.update(letter.id for letter in fresh)
        for letter in fresh:
            if letter.endpoint not in closed:
                yield await outbox.replay(account, letter.id)
        if len(letters) < most:
            return
        if not fresh:
            # What was replayed has died again, and stands before the rest.
            most *= 2


def _told(letters: Sequence[Letter], closed: Sequence[Closed]) -> dict[str, Any]:
    return {
        "data": [
            {
                "account": letter.account,
                "id": letter.id,
                "type": letter.type,
                "endpoint": shown(letter.endpoint),
                "attempts": letter.attempts,
                "created_at": rfc3339(letter.created_at),
                "reason": letter.reason,
                "due_at": rfc3339(letter.due_at),
            }
            for letter in letters
        ],
        "disabled": [{"account": one.account, "endpoint": shown(one.endpoint)} for one in closed],
    }


def _lines(letters: Sequence[Letter], closed: Sequence[Closed], now: float) -> Iterator[str]:
    rows = [
        (
            letter.account,
            letter.id,
            letter.type,
            shown(letter.endpoint),
            f"{letter.attempts} {'try' if letter.attempts == 1 else 'tries'}",
            f"{_span(now - letter.created_at)} old",
            letter.reason or "",
            "" if letter.due_at is None else f"next in {_span(letter.due_at - now)}",
        )
        for letter in letters
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield printable("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for name in sorted({letter.account for letter in letters}):
        if sum(letter.account == name for letter in letters) == PAGE:
            yield f"{name}: only {PAGE} are shown"
    for one in closed:
        yield printable(f"{one.account}  {shown(one.endpoint)}  is disabled")


def _span(seconds: float) -> str:
    """In the largest unit of which there is one."""
    whole = max(round(seconds), 0)
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), _UNITS[-1])
    return f"{whole // size} {unit}"
