"""A voicebot with a menu by keys: 1 and 2 play something, 9 says goodbye and goes. Needs: pip install websockets.

python menu_bot.py [HOST:PORT [MENU.WAV]], and in the plan of a call:
{"type": "stream", "mode": "talk", "format": "exotel", "url": "ws://127.0.0.1:8767/"}

MENU.WAV is a recording of the menu, 16-bit mono at the rate of the stream (8000 Hz). Without one it is three tones.
"""

import array
import asyncio
import base64
import json
import math
import sys
import wave
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PIECE = 3200  # bytes of sound in a message: a multiple of 320
ASKED, PATIENCE = 3, 5.0  # so often the menu is played to who presses nothing, and so many seconds it waits each time
CHOICES = {"1": 880, "2": 1320}  # Hz


def tone(frequency: float, seconds: float, rate: int) -> bytes:
    """Return a sine as 16-bit little-endian samples."""
    step = 2 * math.pi * frequency / rate
    samples = array.array("h", (round(8192 * math.sin(step * n)) for n in range(round(seconds * rate))))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def menu(rate: int) -> bytes:
    """Return what asks for a key."""
    if len(sys.argv) > 2:
        with wave.open(sys.argv[2]) as recording:
            return recording.readframes(recording.getnframes())
    return b"".join(tone(frequency, 0.5, rate) for frequency in (440, 550, 660))


class Bot:
    """One call."""

    def __init__(self, call: ServerConnection) -> None:
        self.call, self.stream, self.sounds = call, "", 0

    async def talk(self) -> None:
        """Ask and answer. To return is to close the socket, upon which the plan of the call goes on."""
        while (message := json.loads(await self.call.recv()))["event"] != "start":
            pass
        self.stream, rate = message["stream_sid"], int(message["start"]["media_format"]["sample_rate"])
        sound, left = menu(rate), ASKED
        while left:
            match await self.key(sound, PATIENCE):
                case "1" | "2" as key:
                    sound, left = tone(CHOICES[key], 1.0, rate) + menu(rate), ASKED
                case "9":
                    await self.key(tone(330, 0.6, rate), 0)
                    return
                case None:
                    sound, left = menu(rate), left - 1

    async def key(self, sound: bytes, patience: float) -> str | None:
        """Play a sound. Return the key that is pressed meanwhile, or within so many seconds after it."""
        self.sounds += 1
        mark, until = f"sound {self.sounds}", None
        await self.say(sound, mark)
        while True:
            try:
                async with asyncio.timeout_at(until):
                    message = json.loads(await self.call.recv())
            except TimeoutError:
                return None
            match message:
                case {"event": "dtmf", "dtmf": {"digit": digit}}:
                    await self.tell("clear")  # a key cuts what is being said
                    return digit
                case {"event": "mark", "mark": {"name": name}} if name == mark:
                    until = asyncio.get_running_loop().time() + patience

    async def say(self, sound: bytes, mark: str) -> None:
        """Have a sound played; the mark comes back when it was."""
        sound += bytes(-len(sound) % 320)
        for start in range(0, len(sound), PIECE):
            await self.tell("media", media={"payload": base64.b64encode(sound[start : start + PIECE]).decode()})
        await self.tell("mark", mark={"name": mark})

    async def tell(self, event: str, **fields: object) -> None:
        await self.call.send(json.dumps({"event": event, "stream_sid": self.stream, **fields}))


async def answer(call: ServerConnection) -> None:
    """A call may end at any moment."""
    with suppress(ConnectionClosed):
        await Bot(call).talk()


async def main(host: str, port: int) -> None:
    """Serve any number of calls."""
    async with serve(answer, host, port) as server:
        print("ws://{}:{}/".format(*server.sockets[0].getsockname()[:2]), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8767").rpartition(":")
    with suppress(KeyboardInterrupt):
        asyncio.run(main(host, int(port)))
