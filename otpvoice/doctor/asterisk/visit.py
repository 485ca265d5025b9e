"""A short visit to an Asterisk: an events socket under a name of our own, for what wants an application that is there.

Nothing of it is left behind: Asterisk forgets an application that has neither a socket nor channels. Of doctors that
were killed something may be, and each visit takes that away.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import Router
from otpvoice.ari.socket import EventsSocket
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.asterisk.tenants import DOCTOR, LEG

DEAD_AFTER: Final = 120.0
"""Seconds. A doctor that lives is gone long before: a check of it takes 20 at most."""


@dataclass(frozen=True, slots=True)
class Visit:
    """``app``: our application, also what the ids of our channels begin with."""

    app: str
    rest: AriRest
    router: Router


@asynccontextmanager
async def visit(reached: Reached, purpose: str = DOCTOR) -> AsyncIterator[Visit]:
    """Be connected within the block, by a name that begins so. Raises ``AriError`` where Asterisk does not let us."""
    app = f"{purpose}{secrets.token_hex(4)}"
    router = Router(lambda _: None)
    socket = EventsSocket(reached.http, reached.url, (app,))
    await socket.connect()
    reading = asyncio.create_task(socket.read(router.route), name=app)
    try:
        here = Visit(app, AriRest(reached.http, reached.url), router)
        await _reap(here.rest)
        yield here
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await socket.close()


async def sweep(reached: Reached) -> None:
    """Let Asterisk forget applications that nobody is connected to any more.

    It does so when one disconnects (res/res_stasis.c ``cleanup``); where the last channel has just left, that comes too
    early, and the application stays in the list until the next one goes. Raises ``AriError``.
    """
    socket = EventsSocket(reached.http, reached.url, (f"{DOCTOR}{secrets.token_hex(4)}",))
    await socket.connect()
    await socket.close()


async def _reap(rest: AriRest) -> None:
    """Take away what doctors that were killed left behind. It is told nobody: no fault of the installation."""
    try:
        now = (await rest.get("asterisk/ping"))["timestamp"]
        channels, bridges = await rest.get("channels"), await rest.get("bridges")
        for kind, objects in (("channels", channels), ("bridges", bridges)):
            for dead in leftovers(objects, now):
                await rest.delete(f"{kind}/{dead}")
    except (errors.AriError, KeyError, TypeError, ValueError):
        return


def leftovers(objects: Iterable[Mapping[str, Any]], now: str) -> list[str]:
    """Return the ids of what no doctor that lives can have made. ``now``: by Asterisk's clock, as it writes times.

    Never a media leg: it ends with its socket, and to end one from here could wedge what others do (``media``).
    """
    return [
        str(one["id"])
        for one in objects
        if str(one["id"]).startswith(DOCTOR)
        and LEG.fullmatch(str(one["id"])) is None
        and (datetime.fromisoformat(now) - datetime.fromisoformat(one["creationtime"])).total_seconds() > DEAD_AFTER
    ]
