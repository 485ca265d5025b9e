"""A voicebot that repeats what it hears a second later, and goes when # is pressed. Needs: pip install websockets.

python echo_bot.py [HOST:PORT], and in the plan of a call:
{"type": "stream", "mode": "talk", "format": "twilio", "url": "ws://127.0.0.1:8766/"}
"""

import asyncio
import json
import sys
from collections import deque
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

DELAY = 50  # messages of 20 ms


async def echo(call: ServerConnection) -> None:
    """Be there for one call. To return is to close the socket, upon which the plan of the call goes on."""
    stream, heard = "", deque()
    async for text in call:
        message = json.loads(text)
        match message["event"]:
            case "start":
                stream = message["start"]["streamSid"]
            case "media":
                # It comes in real time, so what goes out does, too: nothing is decoded, and no clock is needed.
                heard.append(message["media"]["payload"])
                if len(heard) > DELAY:
                    media = {"payload": heard.popleft()}
                    await call.send(json.dumps({"event": "media", "streamSid": stream, "media": media}))
            case "dtmf" if message["dtmf"]["digit"] == "#":
                return
            case "stop":
                return


async def answer(call: ServerConnection) -> None:
    """A call may end at any moment."""
    with suppress(ConnectionClosed):
        await echo(call)


async def main(host: str, port: int) -> None:
    """Serve any number of calls."""
    async with serve(answer, host, port) as server:
        print("ws://{}:{}/".format(*server.sockets[0].getsockname()[:2]), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8766").rpartition(":")
    with suppress(KeyboardInterrupt):
        asyncio.run(main(host, int(port)))
