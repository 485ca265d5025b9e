"""What the answer to an order for a call decides. It is sent once; what its answer leaves open is looked up.

==========================================================  =========================================================
no connection came about (refused, no address, pool full)   not a byte left: nobody is rung
200 with our channel                                        there is a call
503 "Asterisk not booted", "Shutdown in progress"           refused before any work: the one order that is sent again
409                                                         our id is alive, by this very order: looked up
500 "Allocation failed", any other 4xx                      there is no call
no answer in time, a reset, half of one, no JSON, any       unknown: looked up
other 5xx or 3xx
==========================================================  =========================================================

Asterisk's sources: ``ast_ari_invoke`` (``res/res_ari.c``) answers 503 before it looks for who serves the path, and
``httpd_process_request`` (``main/http.c``) before it reads a header. "Allocation failed" comes from
``ari_channels_handle_originate_with_id`` (``res/ari/resource_channels.c``) only where no dialling was begun. But
``ast_ari_callback`` answers a bare 500 where it can't encode what was *done*: so no other 5xx means that nothing was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import structlog

from otpvoice.ari import errors
from otpvoice.ari.rest import TIMEOUT, AriRest

log = structlog.get_logger(__name__)

SETTLE: Final = (0.1, 0.4, 1.0)
"""Seconds between looks that find nothing. An order may still be on its way, to another thread of Asterisk's."""
LOOK_AGAIN: Final = 0.5
"""Seconds after a look that was not answered itself."""
LOOKING: Final = 8.0
"""Seconds in which looks are begun. All is known, or given up, before the node is (``node.LOST_AFTER``)."""
LAST_LOOK: Final = 1.0
"""Seconds that the last look has at least; we may have been frozen all the time before."""
BOOTING: Final = 12.0
"""Seconds in which an order that was refused before any work is sent again; less than ``node.LOST_AFTER``, too."""
BOOTED_EVERY: Final = 0.5
"""Seconds before it is."""

Again: TypeAlias = Callable[[], Awaitable[bool]]
"""Waits until an order that was refused before any work may be sent again. False: it is not wanted any more."""


async def place(
    rest: AriRest,
    path: str,
    channel_id: str,
    body: Mapping[str, object],
    *,
    again: Again | None = None,
    told: asyncio.Event | None = None,
) -> dict[str, Any] | None:
    """Order a call by ``POST path``; return its channel, or {} where Asterisk can't say more than that it is there.

    ``again``: see there; without it the order is never sent again. ``told``: set by whoever hears the channel's events.

    None: nobody can know whether somebody was rung. Raises what means that nobody was: ``Unreachable``,
    ``EndpointMissing``, or another ``Refused``.
    """
    try:
        channel = await _send(rest, path, channel_id, body, again)
    except errors.EndpointMissing:
        raise
    except errors.Refused as refused:
        if refused.status != 409 and refused.status < 500:
            raise
        why = str(refused.status)
    except errors.AnswerLost as lost:
        why = str(lost)
    else:
        if isinstance(channel, dict) and channel.get("id") == channel_id:
            return channel
        why = "no channel of this id"
    log.info("channel.order_unanswered", channel=channel_id, why=why)
    return await _look(rest, path, channel_id, told or asyncio.Event())


async def _send(rest: AriRest, path: str, channel_id: str, body: Mapping[str, object], again: Again | None) -> Any:
    until = asyncio.get_running_loop().time() + BOOTING
    while True:
        try:
            return await rest.post(path, body)
        except errors.NotBooted:
            if again is None or not await _may(again, until):
                raise
        log.info("channel.ordered_again", channel=channel_id)


async def _may(again: Again, until: float) -> bool:
    try:
        async with asyncio.timeout_at(until):
            await asyncio.sleep(BOOTED_EVERY)
            return await again()
    except TimeoutError:
        return False


async def _look(rest: AriRest, path: str, channel_id: str, told: asyncio.Event) -> dict[str, Any] | None:
    """Look until something is known.

    That nothing is there counts only when Asterisk has said so for a while: one that was frozen carries out what it had
    been sent when it thaws, and may answer our look before.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LOOKING
    settle = iter(SETTLE)
    while True:
        wait: float | None = LOOK_AGAIN
        try:
            channel = await rest.get(path, within=min(TIMEOUT, max(LAST_LOOK, until - loop.time())))
        except errors.ChannelGone:
            wait = next(settle, None)
        except errors.AriError as error:
            log.info("channel.looking", channel=channel_id, error=type(error).__name__)
        else:
            return channel if isinstance(channel, dict) else {}
        if told.is_set():
            return {}  # it is there, or has been: its events tell the rest
        if wait is None or loop.time() + wait > until:
            return None
        await _heard_within(told, wait)


async def _heard_within(told: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await told.wait()
    except TimeoutError:
        return
