"""``otpvoice stream-sink``: a WebSocket to stream calls to, which prints what comes and keeps each track as a WAV file.

It takes any format that there is, and says nothing back. It is for trying things out: what it hears is on the screen
and on the disk, in clear. What bounds a connection is here, what bounds a stream in ``heard_stream``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from otpvoice.cli.client import printable
from otpvoice.cli.heard_stream import LONGEST, HeardStream
from otpvoice.cli.stream_auth import Asked
from otpvoice.cli.stream_lines import Line, as_json, as_text
from otpvoice.settings.addresses import Bind, bind

EX_USAGE: Final = 2
MOST_STREAMS: Final = 64
LARGEST_MESSAGE: Final = 1_048_576
"""Bytes; a larger one ends its connection with 1009."""
HEARTBEAT: Final = 30.0
"""Seconds between pings; who does not answer one is gone."""
AT_ONCE: Final = 2.0
"""Seconds that the others have for the close handshake when the sink ends."""
_NOTE: Final = "This is otpvoice stream-sink. Connect a WebSocket to any path: what it says is printed.\n"


def stream_sink(where: str, folder: str, *, as_json_lines: bool = False, asked: Asked | None = None) -> int:
    """Listen at ``where`` (host:port) until a signal comes. Returns the exit code."""
    try:
        address = bind(where)
    except ValueError as error:
        sys.stderr.write(f"--bind {error}\n")
        return EX_USAGE
    if asked is not None and asked.basic is not None and ":" not in asked.basic:
        sys.stderr.write("--basic must be user:password\n")
        return EX_USAGE
    path = Path(folder)
    try:
        # Found out now, and not when the first call comes.
        path.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_until_told(address, path, Printed(as_json if as_json_lines else as_text), asked or Asked()))
    except BrokenPipeError:
        # Whoever read has seen enough, as head has. What the interpreter flushes at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        sys.stderr.write(f"{printable(error.strerror or str(error))}\n")
        return 1


async def _until_told(address: Bind, folder: Path, show: Printed, asked: Asked) -> int:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:  # nohup stays in force
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    sink = Sink(folder, show, asked)
    await sink.open(address)
    try:
        failed = asyncio.ensure_future(show.failed.wait())
        told = asyncio.ensure_future(stop.wait())
        await asyncio.wait({failed, told}, return_when=asyncio.FIRST_COMPLETED)
        for task in (failed, told):
            task.cancel()
    finally:
        await sink.close()
    if show.error is not None:
        raise show.error
    return 0


class Printed:
    """Lines to standard output, each at once. Where one can't be written, ``failed`` is set, and no more are."""

    def __init__(self, text: Callable[[Line], str]) -> None:
        self._text = text
        self.failed = asyncio.Event()
        self.error: OSError | None = None

    def __call__(self, line: Line) -> None:
        if self.error is not None:
            return
        try:
            sys.stdout.write(self._text(line) + "\n")
            sys.stdout.flush()
        except OSError as error:
            self.error = error
            self.failed.set()


class Sink:
    """The server. ``show`` is given each line. ``open``, and then ``close``, which ends all files."""

    def __init__(self, folder: Path, show: Callable[[Line], None], asked: Asked) -> None:
        self._folder, self._show, self._asked = folder, show, asked
        self._streams: dict[HeardStream, web.WebSocketResponse] = {}
        self._count = 0
        self._runner = web.ServerRunner(web.Server(self._respond, access_log=None), shutdown_timeout=0.1)
        self._clock = asyncio.get_running_loop().time
        self._ticking: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, address: Bind) -> None:
        """Listen. Raises ``OSError`` where that can't be."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address.host, address.port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        self._ticking = asyncio.create_task(self._tick())
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._show(Line("listening", facts={"url": f"ws://{host}:{self.port}/", "dir": str(self._folder)}))

    async def close(self) -> None:
        """Take leave of everybody, and end their files, whether or not they answer."""
        if self._ticking is not None:
            self._ticking.cancel()
        leaving = [
            asyncio.create_task(self._leave(stream, socket, WSCloseCode.GOING_AWAY, "the sink ends"))
            for stream, socket in self._streams.items()
        ]
        if leaving:
            await asyncio.wait(leaving, timeout=AT_ONCE)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
        await self._runner.cleanup()
        self._show(Line("ended", facts={"streams": self._count}))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for stream in list(self._streams):
                stream.pass_by(self._clock())

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, heartbeat=HEARTBEAT, compress=False)
        if not socket.can_prepare(request).ok:
            if request.method not in {"GET", "HEAD"}:
                return web.Response(status=405, headers={"Allow": "GET, HEAD"})
            return web.Response(text=_NOTE)
        if (why := self._asked.missing(request.headers, request.raw_path, time.time())) is not None:
            return self._refuse(request, 401, why)
        if len(self._streams) >= MOST_STREAMS:
            return self._refuse(request, 503, "too many streams")
        self._count = number = self._count + 1
        stem = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{number}"
        stream = HeardStream(number, stem, self._folder, self._show, self._clock())
        # Before anything is awaited: who comes meanwhile is counted, too.
        self._streams[stream] = socket
        try:
            await socket.prepare(request)
            self._show(Line("connected", number, 0.0, {"peer": _peer(request), "path": request.raw_path}))
            await self._listen(stream, socket)
        finally:
            del self._streams[stream]
            stream.close(self._clock(), socket.close_code)
        return socket

    async def _listen(self, stream: HeardStream, socket: web.WebSocketResponse) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        stream.hear(message.data, self._clock())
                    elif message.type is WSMsgType.BINARY:
                        stream.hear_binary(message.data, self._clock())
        except TimeoutError:
            await self._leave(stream, socket, WSCloseCode.POLICY_VIOLATION, "longer than any call")

    async def _leave(self, stream: HeardStream, socket: web.WebSocketResponse, code: WSCloseCode, why: str) -> None:
        # The files first: the other side may take its time, or not answer at all.
        stream.close(self._clock(), code)
        with suppress(OSError, RuntimeError):  # it is gone, or was not there yet
            await socket.close(code=code, message=why.encode())

    def _refuse(self, request: web.BaseRequest, status: int, why: str) -> web.Response:
        self._show(Line("refused", facts={"peer": _peer(request), "status": status, "why": why}))
        headers = {"WWW-Authenticate": 'Basic realm="stream-sink"'} if status == 401 else {"Retry-After": "5"}
        return web.Response(status=status, text=f"{why}\n", headers=headers)


def _peer(request: web.BaseRequest) -> str:
    name = request.transport.get_extra_info("peername") if request.transport is not None else None
    return f"{name[0]}:{name[1]}" if name else "?"
