"""A telephone to try otpvoice on: it answers every call, listens to its end, and keeps what it heard as a WAV file.

``python -m otpvoice.testkit.telephone`` runs it until SIGTERM; it is the callee of the demo in ``docker/``. It asks
nobody who they are: keep it off the Internet.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from otpvoice.testkit.callee import CalleeAgent, IncomingCall, Scenario
from otpvoice.testkit.callee.rtp import SAMPLE_RATE

RING: Final = 1.0
"""Seconds until somebody picks up."""
SIGN_OF_LIFE: Final = 2.0
"""Seconds for ``--check`` to be answered."""


class Telephone:
    """``await telephone.answer_all()`` for ever. ``heard``: the file, of the last call; ``say`` gets what happens."""

    def __init__(self, phone: CalleeAgent, heard: Path, say: Callable[[str], object]) -> None:
        self._phone, self._heard, self._say = phone, heard, say

    async def answer_all(self) -> None:
        """Listen to each call that comes, to several at a time."""
        async with asyncio.TaskGroup() as listening:
            while True:
                listening.create_task(self._listen(await self._phone.next_call()))

    async def _listen(self, call: IncomingCall) -> None:
        self._say(f"{call.invite.number} rings: a call from {call.invite.caller or 'nobody known'}")
        ending = await call.ended()
        # A telephone that runs for weeks keeps one recording, not all of them.
        self._phone.calls.remove(call)
        seconds = len(call.recording.payload()) / SAMPLE_RATE
        self._say(
            f"{call.invite.number} heard {seconds:.1f} s, {call.recording.audible:.1f} s of it audible, "
            f"{call.recording.lost} packets lost; {ending.replace('_', ' ')}"
        )
        if not seconds:
            return
        # In one step, or somebody could read half of it.
        unfinished = self._heard.with_name(f".{self._heard.name}.{secrets.token_hex(4)}")
        try:
            unfinished.touch()  # wave.open leaves half an object behind where a file can't be made
            call.recording.write_wav(unfinished)
            unfinished.replace(self._heard)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            self._say(f"{self._heard} was not written: {error.strerror}")


async def serve(host: str, port: int, heard: Path, say: Callable[[str], object]) -> None:
    """Answer at ``host:port`` until SIGTERM or SIGINT. Raises ``OSError`` where the address can't be had."""
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    async with CalleeAgent(Scenario.answers(ring=RING), host=host, port=port) as phone:
        say(f"a telephone at sip:{phone.address[0]}:{phone.address[1]}")
        answering = asyncio.create_task(Telephone(phone, heard, say).answer_all())
        asked = asyncio.create_task(stopped.wait())
        await asyncio.wait({answering, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if answering.done():
            # It has no end of its own: something went wrong.
            answering.result()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def alive(host: str, port: int) -> bool:
    """Does a telephone answer there? Asks by OPTIONS (RFC 3261 section 11), and waits a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(SIGN_OF_LIFE)
        try:
            asking.connect((host, port))
            ours = "{}:{}".format(*asking.getsockname())
            asking.send(
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
                f"From: <sip:check@{ours}>;tag={secrets.token_hex(4)}\r\n"
                f"To: <sip:{host}:{port}>\r\n"
                f"Call-ID: {secrets.token_hex(8)}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            return asking.recv(2048).startswith(b"SIP/2.0 200")
        except OSError:  # a refusal, a time-out, a host that is none
            return False


def own_address() -> str:
    """Return the address that other hosts know this one by, as its name says; it stands in what the telephone sends."""
    return socket.gethostbyname(socket.gethostname())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, or look whether it runs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m otpvoice.testkit.telephone", description=__doc__)
    parser.add_argument("--host", help="the address to listen at, and to be reached by [this host's]")
    parser.add_argument("--port", type=int, default=5060, help="of SIP, UDP [5060]")
    parser.add_argument("--heard", type=Path, default=Path("heard.wav"), help="the file [heard.wav]")
    parser.add_argument("--check", action="store_true", help="ask the one at this address whether it is alive")
    given = parser.parse_args(arguments)
    host = given.host or own_address()
    if given.check:
        return 0 if alive(host, given.port) else 1
    try:
        asyncio.run(serve(host, given.port, given.heard, lambda sentence: print(sentence, flush=True)))
    except OSError as error:
        sys.stderr.write(f"no telephone at {host}:{given.port}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
