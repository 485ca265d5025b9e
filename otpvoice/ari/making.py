"""How one media leg comes up and how it goes: the requests in their order, each awaited.

It decides nothing, and must be asked for one thing at a time: why, and when, is the pool's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import structlog

from otpvoice.ari import errors
from otpvoice.ari.leg import LegEvents, MediaLeg, bridge_of
from otpvoice.ari.rest import AriRest
from otpvoice.ari.router import Router

log = structlog.get_logger(__name__)

COMES_UP_WITHIN: Final = 2.0
"""Seconds for a leg to be made, connected and bridged; longer is the watchdog's ``media_wedged``."""
GONE_WITHIN: Final = 5.0
"""Seconds for Asterisk to say that a leg which we hung up is gone."""
MAX_CONTROL: Final = 65_536
NOT_MADE: Final = (errors.AriError, aiohttp.ClientError, OSError, TimeoutError)
"""What ``make`` raises. ``TimeoutError``: it did not come up in time."""


@dataclass(frozen=True, slots=True)
class LegSettings:
    """``law``: Asterisk's name of the codec; ``silence``: one sample of it."""

    media_url: str
    app: str
    law: str
    silence: bytes


class LegMaker:
    """Call ``expect`` first, then ``make``; when that fails ``undo`` and ``forget``; else, one day, ``retire``."""

    def __init__(
        self,
        rest: AriRest,
        http: aiohttp.ClientSession,
        router: Router,
        settings: LegSettings,
        *,
        on_lost: Callable[[], None],
    ) -> None:
        self._rest, self._http, self._router, self._settings = rest, http, router, settings
        self._on_lost = on_lost

    def expect(self, leg_id: str) -> LegEvents:
        """Listen for the leg and its bridge: before they are ordered."""
        told = LegEvents(leg_id)
        for object_id in (leg_id, bridge_of(leg_id)):
            self._router.register(object_id, told.hear)
        return told

    def forget(self, leg_id: str) -> None:
        """Listen no more."""
        for object_id in (leg_id, bridge_of(leg_id)):
            self._router.forget(object_id)

    async def make(self, leg_id: str, told: LegEvents) -> MediaLeg:
        """externalMedia, our socket, its StasisStart, its bridge: in this order, each awaited. Raises ``NOT_MADE``."""
        async with asyncio.timeout(COMES_UP_WITHIN):
            channel = await self._rest.post("channels/externalMedia", self._order(leg_id), within=COMES_UP_WITHIN)
            connection_id, frame_size = _media_of(channel)
            socket = await self._http.ws_connect(
                self._settings.media_url + connection_id, protocols=("media",), max_msg_size=MAX_CONTROL
            )
            leg = MediaLeg(
                leg_id,
                socket=socket,
                events=told,
                silence=self._settings.silence,
                frame_size=frame_size,
                on_lost=self._on_lost,
            )
            try:
                await told.entered.wait()
                await self._rest.post(f"bridges/{leg.bridge_id}", {"type": "mixing", "name": leg_id})
                await self._rest.post(f"bridges/{leg.bridge_id}/addChannel", {"channel": leg_id})
            except BaseException:
                await leg.hang_up()
                raise
        return leg

    async def undo(self, leg_id: str, told: LegEvents) -> None:
        """End what there is of a leg that did not come up."""
        await self._delete(f"channels/{leg_id}")
        await self._end(leg_id, told)

    async def retire(self, leg: MediaLeg) -> None:
        """End a leg, and its bridge."""
        try:
            await leg.hang_up()
            await self._end(leg.channel_id, leg.events)
        finally:
            self.forget(leg.channel_id)

    async def _end(self, leg_id: str, told: LegEvents) -> None:
        """Wait until Asterisk says that a leg is gone; then its bridge."""
        try:
            await self._rest.get(f"channels/{leg_id}")
            if not await told.gone_within(GONE_WITHIN):
                log.warning("leg.not_gone", leg=leg_id)
                await self._rest.delete(f"channels/{leg_id}")
        except errors.ChannelGone:
            pass  # Asterisk was faster, or is another one by now
        except errors.AriError as error:
            log.warning("leg.not_ended", leg=leg_id, error=type(error).__name__)
        await self._delete(f"bridges/{bridge_of(leg_id)}")

    async def _delete(self, path: str) -> None:
        try:
            await self._rest.delete(path)
        except errors.AriError as error:
            # Whatever stays is reaped at the next connection.
            log.debug("leg.not_deleted", path=path, error=type(error).__name__)

    def _order(self, leg_id: str) -> dict[str, str]:
        return {
            "channelId": leg_id,
            "app": self._settings.app,
            "transport": "websocket",
            "encapsulation": "none",
            "connection_type": "server",
            "format": self._settings.law,
            # Nothing but letters of our own: an invalid value here ends Asterisk 22.10.1 (chan_websocket.c).
            "transport_data": "f(json)d(in)",
        }


def _media_of(channel: Any) -> tuple[str, int]:
    """Return the connection id and the frame size that the answer to ``externalMedia`` names."""
    try:
        variables = channel["channelvars"]
        return str(variables["MEDIA_WEBSOCKET_CONNECTION_ID"]), int(variables["MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE"])
    except (KeyError, TypeError, ValueError):
        raise errors.AnswerLost("externalMedia: no media connection in the answer") from None
