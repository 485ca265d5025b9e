"""A media leg: does one come up, and does a mark come back in time?

Only where nobody else has legs, no other doctor either: ``chan_websocket`` 22.10.1 can lose a lock for good when a leg
connects while another one ends (see ``ari/pool.py``), and no report is worth that. Where an otpvoice has legs, these
are what is reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import aiohttp

from otpvoice.ari import errors
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.making import COMES_UP_WITHIN, NOT_MADE, LegMaker, LegSettings
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.asterisk.tenants import MEASURES, Tenants, tenants
from otpvoice.doctor.asterisk.visit import Visit, sweep, visit
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.service import Readiness
from otpvoice.media.g711 import SILENCE, Law

MEDIA = Check("media", "Does a media leg come up, and does Asterisk play in time?")
WEDGED = MEDIA.fails(
    "wedged",
    "a media leg does not come up within {seconds:g} s: Asterisk's media sockets hang",
    "Restart Asterisk (systemctl restart asterisk, docker compose restart asterisk): a lock of chan_websocket is lost,"
    " and nothing else brings it back.",
)
WEDGED_THERE = MEDIA.fails(
    "wedged_there",
    "otpvoice says that its media legs do not come up: Asterisk's media sockets hang",
    "Restart Asterisk (systemctl restart asterisk, docker compose restart asterisk): a lock of chan_websocket is lost,"
    " and nothing else brings it back.",
)
NO_CHANNEL = MEDIA.fails(
    "no_channel",
    "Asterisk makes no media leg: {reason}",
    "Is chan_websocket.so loaded (asterisk -rx 'module show like chan_websocket'), and the codec {law}? Asterisk's log"
    " has the reason.",
)
NO_SOCKET = MEDIA.fails(
    "no_socket",
    "the media socket does not let us in: {reason}",
    "http.conf: does section [/media] permit this machine, as section [/ari] does? Then asterisk -rx 'module reload"
    " http'. A proxy in front of Asterisk must pass WebSockets on at /media, too.",
)
NO_EVENTS = MEDIA.fails(
    "no_events",
    "Asterisk opens no events socket: {reason}",
    "Is res_ari_events.so loaded (asterisk -rx 'module show like res_ari_events')? A proxy in front of Asterisk must"
    " pass WebSockets on at /ari/events.",
)
LATE = MEDIA.fails(
    "late",
    "a mark does not come back within 100 ms: every leg would be thrown away after its call",
    "Asterisk's clock stands still or is late: is a timing module loaded (asterisk -rx 'timing test'), is the machine"
    " overloaded (uptime, steal in top), is the network between both slow (ping)?",
)
SLOW_ANSWERS = MEDIA.fails(
    "slow_answers",
    "a media leg does not come up within {seconds:g} s, since Asterisk is slow to answer at all ({answer_ms:g} ms for a"
    " ping)",
    "Usual is 1 ms, and the way to Asterisk and back: try ping, and see whether its machine is overloaded (uptime,"
    " steal in top). A leg needs four answers, one after the other.",
)
SLOW = MEDIA.warns(
    "slow",
    "a media leg takes {up_ms:g} ms to come up, a mark {mark_ms:g} ms to come back",
    "Usual are 10 and 20 ms: is Asterisk's machine overloaded (uptime, steal in top), or is the network between both"
    " slow (ping)?",
)
SLOW_UP: Final = 500.0
SLOW_MARK: Final = 60.0
"""Milliseconds. A mark takes until the next tick of Asterisk's clock, 20 ms, and the way there and back."""
MARKS: Final = 3
SLOW_ANSWER: Final = 250.0
"""Milliseconds for a ping, from which on a leg that does not come up proves nothing: it needs several answers."""
GONE_WITHIN: Final = 5.0
"""Seconds for another doctor to be done."""
AGAIN: Final = 0.2

Stage: TypeAlias = Literal["channel", "socket"]


@dataclass(frozen=True, slots=True)
class Measured:
    """``mark_ms`` None: no mark came back in time."""

    up_ms: float
    mark_ms: float | None


@dataclass(frozen=True, slots=True)
class NotUp:
    """What a leg failed at, and what Asterisk said. ``timeout``: it said nothing.

    ``answer_ms``: how long a ping took behind it. What does not come while pings do is wedged, and not just slow.
    """

    stage: Stage
    reason: str
    timeout: bool = False
    answer_ms: float = 0.0


async def look(reached: Reached, there: Tenants, *, app: str, law: Law, service: Readiness | None) -> Finding:
    """Open a leg and measure it, unless somebody may be making or ending one."""
    if holders := there.holders(app):
        return judge_there(there, holders, service)
    try:
        async with visit(reached, MEASURES) as here:
            if (why_not := await _taken(here, reached, app, service)) is not None:
                return why_not
            return judge(await measure(here, reached, law), law)
    except errors.AriError as error:
        return NO_EVENTS(reason=str(error))


async def _taken(here: Visit, reached: Reached, app: str, service: Readiness | None) -> Finding | None:
    """Say why no leg is made, having asked who is there once more: an otpvoice may have come back meanwhile.

    Each doctor is in the list before it asks for it, so of two at least one sees the other. The later name gives way,
    and the other waits for that.
    """
    now = asyncio.get_running_loop().time
    until = now() + GONE_WITHIN
    swept = False
    while True:
        there = await tenants(here.rest)
        if holders := there.holders(app):
            return judge_there(there, holders, service)
        if not (others := there.doctors - {here.app}):
            return None
        if swept and (min(others) < here.app or now() > until):
            return judge_there(there, sorted(others), service)
        if swept:
            await asyncio.sleep(AGAIN)
        await sweep(reached)
        swept = True


async def measure(here: Visit, reached: Reached, law: Law) -> Measured | NotUp:
    """Make a leg of our own, wait for marks, and let it go."""
    # Sockets stay open: on a session of their own, as the service has it.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=2), headers=reached.http.headers, trust_env=False
    ) as sockets:
        settings = LegSettings(f"{reached.url}/media/", here.app, law, SILENCE[law])
        maker = LegMaker(here.rest, sockets, here.router, settings, on_lost=lambda: None)
        leg_id = f"{here.app}-leg-1"
        told = maker.expect(leg_id)
        began = time.perf_counter()
        try:
            leg = await maker.make(leg_id, told)
        except NOT_MADE as error:
            answer_ms = await _ping(here)
            await maker.undo(leg_id, told)
            maker.forget(leg_id)
            return replace(not_up(error), answer_ms=answer_ms)
        except asyncio.CancelledError:
            # Ctrl-C. What is under way is carried out all the same.
            await asyncio.sleep(AGAIN)
            await maker.undo(leg_id, told)
            maker.forget(leg_id)
            raise
        up_ms = (time.perf_counter() - began) * 1000
        try:
            return Measured(round(up_ms, 1), await _marks(leg))
        finally:
            await maker.retire(leg)


async def _ping(here: Visit) -> float:
    """Return how many milliseconds it takes; as many as we waited, where it does not come."""
    began = time.perf_counter()
    with contextlib.suppress(errors.AriError):
        await here.rest.get("asterisk/ping")
    return round((time.perf_counter() - began) * 1000, 1)


async def _marks(leg: MediaLeg) -> float | None:
    longest = 0.0
    for _ in range(MARKS):
        await leg.open()
        began = time.perf_counter()
        if not await leg.clean():
            return None
        longest = max(longest, time.perf_counter() - began)
    return round(longest * 1000, 1)


def not_up(error: Exception) -> NotUp:
    """Sort by what went wrong."""
    match error:
        case errors.Refused():
            return NotUp("channel", str(error))
        case errors.AnswerLost() | errors.Unreachable():
            return NotUp("channel", str(error), timeout=isinstance(error, errors.AnswerLost))
        case aiohttp.WSServerHandshakeError():
            return NotUp("socket", f"{error.status} {error.message}")
        case TimeoutError():
            return NotUp("channel", "", timeout=True)
        case _:
            return NotUp("socket", type(error).__name__)


def judge(seen: Measured | NotUp, law: Law) -> Finding:
    """Say how a leg of our own did."""
    match seen:
        case NotUp(stage="channel", answer_ms=answer_ms) if answer_ms > SLOW_ANSWER:
            return SLOW_ANSWERS(seconds=COMES_UP_WITHIN, answer_ms=answer_ms)
        case NotUp(timeout=True):
            return WEDGED(seconds=COMES_UP_WITHIN)
        case NotUp(stage="channel", reason=reason):
            return NO_CHANNEL(reason=reason, law=law)
        case NotUp(reason=reason):
            return NO_SOCKET(reason=reason)
        case Measured(mark_ms=None):
            return LATE()
        case Measured(up_ms=up_ms, mark_ms=mark_ms):
            if up_ms > SLOW_UP or (mark_ms or 0) > SLOW_MARK:
                return SLOW(up_ms=up_ms, mark_ms=mark_ms)
            said = f"a leg came up in {up_ms:g} ms, a mark came back in {mark_ms:g} ms"
            return MEDIA.ok(said, up_ms=up_ms, mark_ms=mark_ms)


def judge_there(there: Tenants, holders: Sequence[str], service: Readiness | None) -> Finding:
    """Say what is known where others have legs, or may be making some."""
    if service is not None and service.wedged:
        return WEDGED_THERE()
    if not there.legs:
        return MEDIA.skipped(
            f"{', '.join(holders)} may be making media legs just now, and one more could wedge Asterisk"
        )
    said = ", ".join(f"{count} of {instance}" for instance, count in sorted(there.legs.items()))
    return MEDIA.ok(f"media legs are up: {said}; no other is opened beside them", legs=dict(there.legs))
