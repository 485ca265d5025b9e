"""The smallest ARI client that can talk to the fake, on plain aiohttp: so that nothing of ours vouches for it.

No reconnection, no queues, no cleverness: a test reads the next thing, or fails in five seconds.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final, Protocol, Self

import aiohttp

from tests.fakes import FakeAsterisk

APP: Final = "otp"
NUMBER: Final = "15550100"
WITHIN: Final = 5.0
LEG: Final = {
    "app": APP,
    "channelId": "leg",
    "transport": "websocket",
    "encapsulation": "none",
    "connection_type": "server",
    "format": "ulaw",
    "transport_data": "f(json)d(in)",
    "data": "media,1",
}
NOISE: Final = {"ChannelVarset", "ChannelDialplan", "ChannelConnectedLine"}


class Server(Protocol):
    """Where to ask: the fake, or a real Asterisk."""

    @property
    def url(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...


class Client:
    """REST with credentials, the events sockets, and nothing clever."""

    def __init__(self, asterisk: Server, session: aiohttp.ClientSession) -> None:
        self.asterisk = asterisk
        self.session = session
        self.opened: list[Events | Media] = []  # a socket that nobody holds is closed by the garbage collector

    async def __call__(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        secret = base64.b64encode(f"{self.asterisk.user}:{self.asterisk.password}".encode()).decode()
        async with self.session.request(
            method,
            f"{self.asterisk.url}/ari{path}",
            json=body,
            params=query,
            headers={"Authorization": f"Basic {secret}"},
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def events(self, app: str = APP, **query: str) -> Events:
        key = f"{self.asterisk.user}:{self.asterisk.password}"
        url = f"{self.asterisk.url}/ari/events"
        events = Events(await self.session.ws_connect(url, params={"app": app, "api_key": key, **query}))
        self.opened.append(events)
        return events

    async def originate(self, channel_id: str = "c1", *, number: str = NUMBER, **fields: Any) -> tuple[int, Any]:
        body = {"endpoint": f"PJSIP/{number}@trunk", "app": APP, "appArgs": "out,1", **fields}
        return await self("POST", f"/channels/{channel_id}", body)

    async def media(self, connection_id: str) -> Media:
        media = Media(await self.session.ws_connect(f"{self.asterisk.url}/media/{connection_id}"))
        self.opened.append(media)
        return media

    async def leg(self, **fields: Any) -> Media:
        """A leg, connected."""
        status, made = await self("POST", "/channels/externalMedia", LEG | fields)
        assert status == 200, made
        media = await self.media(made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])
        assert (await media.event())["event"] == "MEDIA_START"
        return media


class Events:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> dict[str, Any]:
        """The next event that is no noise."""
        while True:
            event: dict[str, Any] = await self.socket.receive_json(timeout=WITHIN)
            if event["type"] not in NOISE:
                return event

    async def until(self, kind: str, channel: str | None = None) -> list[dict[str, Any]]:
        """All events up to one of that type, about that channel."""
        seen = [await self.next()]
        while seen[-1]["type"] != kind or (channel is not None and about(seen[-1]) != channel):
            seen.append(await self.next())
        return seen


def about(event: dict[str, Any]) -> str:
    return str((event.get("channel") or event.get("peer") or {}).get("id"))


class Media:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.audio: list[bytes] = []

    async def event(self) -> dict[str, Any]:
        """The next JSON message; audio before it is kept."""
        while True:
            message = await self.socket.receive(timeout=WITHIN)
            if message.type is aiohttp.WSMsgType.BINARY:
                self.audio.append(message.data)
                continue
            assert message.type is aiohttp.WSMsgType.TEXT, message
            event: dict[str, Any] = json.loads(message.data)
            return event

    async def command(self, command: str, **fields: str) -> None:
        await self.socket.send_str(json.dumps({"command": command, **fields}))

    async def push(self, frames: int) -> None:
        await self.socket.send_bytes(bytes(160 * frames))

    async def mark(self, correlation_id: str) -> None:
        await self.command("MARK_MEDIA", correlation_id=correlation_id)

    async def marks(self, count: int) -> list[str]:
        """The next marks; flow control in between is skipped."""
        seen: list[str] = []
        while len(seen) < count:
            event = await self.event()
            seen += [event["correlation_id"]] if event["event"] == "MEDIA_MARK_PROCESSED" else []
        return seen

    async def status(self) -> dict[str, Any]:
        await self.command("GET_STATUS")
        while (event := await self.event())["event"] != "STATUS":
            pass
        return event


def told(events: list[dict[str, Any]]) -> list[str]:
    """Events, each in a word or two."""
    words = []
    for event in events:
        match event["type"]:
            case "Dial":
                words.append(f"Dial({event['dialstatus']})")
            case "ChannelStateChange":
                words.append(event["channel"]["state"])
            case "ChannelHangupRequest":
                soft = ", soft" if event.get("soft") else ""
                words.append(f"HangupRequest({event.get('cause')}, {event.get('tech_cause')}{soft})")
            case "ChannelDestroyed":
                words.append(f"Destroyed({event['cause']}, {event.get('tech_cause')})")
            case kind:
                words.append(kind)
    return words


class Rig:
    """A fake with a client and an events socket."""

    def __init__(self, speed: float) -> None:
        self._asterisk = FakeAsterisk(speed=speed)

    async def __aenter__(self) -> Self:
        self.asterisk = await self._asterisk.__aenter__()
        self.session = aiohttp.ClientSession()
        self.ari = Client(self.asterisk, self.session)
        self.events = await self.ari.events()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._asterisk.__aexit__(None, None, None)
        for opened in self.ari.opened:
            await opened.socket.close()
        await self.session.close()

    async def answered_call(self, channel_id: str = "c1") -> None:
        """A call that is up, with its StasisStart read; rung at once and answered at once unless scripted."""
        callee = self.asterisk.callee(NUMBER)
        if not callee.scripted:
            callee.answers()
        assert (await self.ari.originate(channel_id))[0] == 200
        await self.events.until("StasisStart", channel_id)

    async def talking_leg(self, direction: str = "both") -> Media:
        """A leg in the bridge ``b`` with an answered call."""
        media = await self.ari.leg()
        await self.answered_call()
        await self.ari("POST", "/bridges/b")
        for channel in ("leg", "c1"):
            assert (await self.ari("POST", "/bridges/b/addChannel", {"channel": channel}))[0] == 204
        await media.command("SET_MEDIA_DIRECTION", direction=direction)
        return media
