"""The bare relay: what a stream of a call's audio takes on the wire and nothing else. The streams' floor.

It listens (the phone's audio to a WebSocket) and talks (a WebSocket's audio to the phone as well), in the commonest
format, over the same transports. It reconnects nothing, bounds nothing, counts nothing and places nothing in time.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Final

import aiohttp
import orjson
import uvloop

from benchmarks.bare import Bare, Leg
from benchmarks.worker import obey

MEDIA: Final = (
    '{"event":"media","sequenceNumber":"%d","media":'
    '{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%s"},"streamSid":"%s"}'
)
TEXT: Final = aiohttp.WSMsgType.TEXT


class RelayLeg(Leg):
    """A leg that gives its audio to a customer's socket, while there is one."""

    customer: aiohttp.ClientWebSocketResponse | None = None
    stream_id = ""
    chunk = 0

    async def read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                if self.customer is not None:
                    await self.tell(message.data)
            else:
                event = orjson.loads(message.data)
                if event.get("correlation_id", event["event"]) == self.awaited and not self.told.done():
                    self.told.set_result(None)

    async def tell(self, audio: bytes) -> None:
        if self.customer is None or self.customer.closed:
            return
        payload = base64.b64encode(audio).decode()
        self.chunk += 1
        text = MEDIA % (self.chunk + 1, self.chunk, (self.chunk - 1) * 20, payload, self.stream_id)
        await self.customer.send_str(text)

    async def stream(self, http: aiohttp.ClientSession, url: str, mode: str, call_id: str) -> None:
        """Connect, say who calls, and speak what comes until the customer goes."""
        async with http.ws_connect(url) as customer:
            self.stream_id, self.chunk = f"MZ{call_id}", 0
            await customer.send_str('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            start = {"streamSid": self.stream_id, "callSid": call_id, "tracks": ["inbound"], "customParameters": {}}
            start["mediaFormat"] = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
            opening = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": self.stream_id}
            await customer.send_str(orjson.dumps(opening).decode())
            self.customer = customer
            async for message in customer:
                said = orjson.loads(message.data)
                if mode == "talk" and said["event"] == "media":
                    await self.socket.send_bytes(base64.b64decode(said["media"]["payload"]))


class BareRelay(Bare):
    """Places calls and streams them. Ask for them at ``POST /v1/calls``."""

    leg = RelayLeg

    def __init__(self, url: str, user: str, password: str, endpoint: str) -> None:
        super().__init__(url, user, password, [], endpoint)

    async def relay(self, url: str, mode: str) -> None:
        """Call, and relay until the callee hangs up."""
        self.calls += 1
        call_id, leg = f"bare-{self.calls}-1", self.free.popleft()
        assert isinstance(leg, RelayLeg)
        answered, ended = self.listen(call_id)
        order = {"endpoint": self.endpoint, "app": "bare", "timeout": 50, "callerId": "+12025550199"}
        await self.ask("POST", f"channels/{call_id}", order | {"variables": {"TIMEOUT(absolute)": "255"}})
        await answered
        opened = leg.command("SET_MEDIA_DIRECTION", direction="both")
        await asyncio.gather(opened, self.ask("POST", f"bridges/{leg.id}-bridge/addChannel", {"channel": call_id}))
        streaming = asyncio.create_task(leg.stream(self.http, url, mode, call_id))
        await ended
        customer, leg.customer = leg.customer, None
        if customer is not None:
            await customer.send_str(orjson.dumps({"event": "stop", "streamSid": leg.stream_id}).decode())
            await customer.close()
        await streaming
        flushed = leg.expect("STATUS")
        await leg.command("FLUSH_MEDIA")
        await leg.command("GET_STATUS")
        await flushed
        await leg.command("SET_MEDIA_DIRECTION", direction="in")
        self.free.append(leg)

    async def place(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        """The hook: take a call whose first action is a stream."""
        stream = orjson.loads(await request.read())["actions"][0]
        self.under_way.add(task := asyncio.create_task(self.relay(stream["url"], stream["mode"])))
        task.add_done_callback(self.under_way.discard)
        return aiohttp.web.Response(status=202, body=b'{"id":"bare"}', content_type="application/json")


async def main() -> None:
    """Order: ``connect`` (where, and how many legs; returns the hook's port)."""
    relays: list[BareRelay] = []

    async def orders(order: dict[str, Any]) -> Any:
        legs = order.pop("legs")
        order.pop("order")
        relays.append(BareRelay(**order))
        return await relays[0].connect(legs)

    await obey(orders)
    if relays:
        await relays[0].close()


if __name__ == "__main__":
    uvloop.run(main())
