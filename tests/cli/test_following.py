"""``call --follow`` and ``call --wait``: what happens to a call is shown as it does, whatever becomes of the stream."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from otpvoice.cli import client as client_module
from otpvoice.cli import patience
from otpvoice.cli.call import call
from otpvoice.cli.client import Client
from otpvoice.cli.following import line
from tests.cli.servers import run

pytestmark = pytest.mark.usefixtures("environment")

NUMBER = "+442079460123"
STREAM = "text/event-stream"
START = "2030-01-31T12:00:00.000Z"
RECORD: dict[str, Any] = {"id": "call_1", "state": "queued", "to": NUMBER, "created_at": START, "delivered": False}
ENDED = RECORD | {"state": "ended", "delivered": True, "outcome": {"class": "completed", "reason": None}}


def event(number: int, kind: str, **data: Any) -> bytes:
    """An event as it is sent, ``number`` seconds after the start."""
    whole = {
        "id": f"evt_{number}",
        "type": kind,
        "timestamp": f"2030-01-31T12:00:{number:02}.250Z",
        "account": "shop",
        "data": {"call": RECORD} | data,
    }
    return f"id: evt_{number}\nevent: {kind}\ndata: {json.dumps(whole)}\n\n".encode()


def ended(number: int = 9, **fields: Any) -> bytes:
    return event(number, "call.ended", call=ENDED | fields)


@dataclass
class Told:
    """A server that takes one call. Each stream of events is the next of ``streams``, then it ends.

    In a stream: bytes to send; an event that is set when it gets there; a future to wait for; a status instead of a
    stream. ``record``: what ``GET`` says. ``asked``: the Last-Event-ID of each stream.
    """

    streams: list[list[bytes | asyncio.Event | asyncio.Future[None] | int]]
    record: dict[str, Any] = field(default_factory=lambda: ENDED)
    content_type: str = STREAM
    asked: list[str | None] = field(default_factory=list)
    placed: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    async def place(self, request: web.Request) -> web.Response:
        self.placed.set()
        if self.gate is not None:
            await self.gate.wait()
        return web.json_response(RECORD | {"code": None}, status=202)

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response(self.record)

    async def events(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"] == STREAM
        assert request.headers["Authorization"].startswith("Bearer ")
        self.asked.append(request.headers.get("Last-Event-ID"))
        parts = self.streams.pop(0) if self.streams else [503]
        if isinstance(parts[0], int):
            return web.Response(status=204) if parts[0] == 204 else web.json_response({"title": "No"}, status=parts[0])
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        await response.prepare(request)
        for part in parts:
            match part:
                case bytes():
                    await response.write(part)
                case asyncio.Event():
                    part.set()
                case asyncio.Future():
                    await part
                case _:
                    assert request.transport is not None
                    request.transport.abort()
        return response


@asynccontextmanager
async def telling(told: Told) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/calls", told.place),
            web.get("/v1/calls/call_1", told.show),
            web.get("/v1/calls/call_1/events", told.events),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.name
    finally:
        await runner.cleanup()


async def followed(told: Told, **options: Any) -> int:
    async with telling(told) as url:
        return await run(call, NUMBER, say="Hello", url=url, follow=True, **options)


DIALED = [event(0, "call.queued"), event(1, "call.dialing")]


# --- what is shown ----------------------------------------------------------------------------------------------------


async def test_a_call_is_shown_as_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(
        [
            [
                b": hello\n\n",
                *DIALED,
                event(2, "call.ringing"),
                event(3, "call.answered"),
                event(4, "code.delivered"),
                event(5, "code.replayed", count=1),
                event(6, "action.completed", index=0, type="say_code", id=None),
                b":\n\n",
                event(7, "digits.collected", collected={"count": 4, "ended_by": "terminator", "digits": "4821"}),
                event(8, "media.started"),
                ended(9),
            ]
        ]
    )
    assert await followed(told) == 0
    assert told.asked == [None]
    assert capsys.readouterr().out.splitlines() == [
        "call       call_1",
        "   0.25 s  queued",
        "   1.25 s  dialing",
        "   2.25 s  ringing",
        "   3.25 s  answered",
        "   4.25 s  delivered  a whole reading was played",
        "   5.25 s  replayed   the code, by a key",
        "   6.25 s  completed  $.actions[0] say_code",
        "   7.25 s  collected  •••• (terminator)",
        "   8.25 s  media.started",
        "   9.25 s  ended      completed",
        "",
        "call       call_1",
        "to         +442079460123",
        "state      ended",
        "outcome    completed",
        "delivered  yes",
    ]


async def test_for_machines_each_event_is_a_line_and_there_is_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert await followed(Told([[*DIALED, ended()]]), as_json=True) == 0
    output = capsys.readouterr()
    events = [json.loads(line) for line in output.out.splitlines()]
    assert [one["type"] for one in events] == ["call.queued", "call.dialing", "call.ended"]
    assert events[-1]["data"]["call"] == ENDED
    assert output.err == ""


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ({}, 0),
        ({"delivered": False}, 1),
        ({"delivered": None}, 0),
        ({"delivered": None, "outcome": {"class": "busy"}}, 1),
        ({"delivered": None, "outcome": None}, 1),
    ],
)
async def test_the_exit_code_tells_how_it_ended(last: dict[str, Any], code: int) -> None:
    assert await followed(Told([[*DIALED, ended(**last)]])) == code


@pytest.mark.parametrize("told", [5, {}, ENDED | {"id": "call_2"}, ENDED | {"delivered": False, "truncated": True}])
async def test_an_end_that_does_not_say_all_is_looked_up(told: object) -> None:
    assert await followed(Told([[event(9, "call.ended", call=told)]])) == 0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "call.ended", "data": {}}, "      ? s  ended      "),
        ({"type": "call.ended", "data": {"call": {"outcome": {"class": "failed", "reason": "auth"}}}}, "failed / auth"),
        ({"type": "call.ended", "data": {"call": {"outcome": {"class": 5, "reason": {}}}}}, "ended      "),
        ({"type": "digits.collected", "data": {"collected": {"count": 10**9}}}, "•" * 64 + " (None)"),
        ({"type": "digits.collected", "data": {"collected": {"count": "\x1b"}}}, "? (None)"),
        ({"type": "digits.collected", "data": {"collected": "x"}}, "? (None)"),
        ({"type": "action.completed", "data": {"index": "\x1b[2J"}}, "$.actions[?[2J] None"),
        ({"type": "\x1b[2J\n", "data": {}}, "?[2J?"),
        ({"type": "call.queued", "data": {}, "timestamp": "\x1b"}, "      ? s  queued"),
        ({"type": "call.queued", "data": {}, "timestamp": "2030-01-31T12:00:01"}, "      ? s  queued"),
        ({"type": "call.queued", "data": {}, "timestamp": START}, "   0.00 s  queued"),
    ],
)
def test_whatever_an_event_holds_is_a_line_and_does_not_steer_the_terminal(told: dict[str, Any], expected: str) -> None:
    said = line(told, START)
    assert expected in said
    assert said.isprintable()


# --- what becomes of the stream ---------------------------------------------------------------------------------------


ABORT = 0
"""The connection is gone."""


@pytest.mark.parametrize(
    "broken",
    [
        [*DIALED],
        [*DIALED, b"id: evt_2\nevent: call.ringing\ndata: {"],
        [*DIALED, ABORT],
        [
            *DIALED,
            b": still here\n\n",
            b"data: no event\n\n",
            b"data: []\n\n",
            b'data: {"type": 5, "data": {}}\n\n',
            ABORT,
        ],
    ],
)
async def test_a_stream_that_breaks_is_taken_up_behind_the_last_event(
    broken: list[bytes | int], capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told([list(broken), [503], [429], [*DIALED, event(2, "call.ringing"), ended()]])
    assert await followed(told) == 0
    assert told.asked == [None, "evt_1", "evt_1", "evt_1"]
    shown = [one.split()[-1] for one in capsys.readouterr().out.splitlines() if " s  " in one]
    assert shown == ["queued", "dialing", "ringing", "completed"], "and each event is shown once"


async def test_one_that_falls_silent_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SILENCE", 0.05)
    never = asyncio.get_running_loop().create_future()
    told = Told([[*DIALED, never], [ended()]])
    async with telling(told) as url:
        assert await run(call, NUMBER, say="Hello", url=url, follow=True) == 0
        never.cancel()
    assert told.asked == [None, "evt_1"]


@pytest.mark.parametrize("sent", ["é", "a b", "\x1b", "x" * 201, ""])
async def test_an_id_that_is_no_header_is_not_sent(sent: str) -> None:
    told = Told([[f"id: {sent}\ndata: {{}}\n\n".encode()], [ended()]], record=RECORD)
    assert await followed(told) == 0
    assert told.asked == [None, None]


GOES_ON = "the call goes on: otpvoice calls call_1"


@pytest.mark.parametrize(
    ("stream", "content_type", "said"),
    [
        ([404], STREAM, "404 No"),
        ([401], STREAM, "401 No"),
        ([503], STREAM, "503 No"),
        ([429], STREAM, "429 No"),
        (DIALED, STREAM, "the stream of events ends before the call does"),
        ([204], STREAM, "the stream of events ends before the call does"),
        ([b"{}"], "application/json", "is no otpvoice: it answers something else than events"),
        ([b"data: " + b"x" * 2**20, b"\n\n"], STREAM, "is no otpvoice: it answers something else than events"),
    ],
)
async def test_where_nobody_tells_any_more_that_is_said_and_the_call_goes_on(
    stream: list[bytes | int],
    content_type: str,
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    assert await followed(Told([list(stream)], record=RECORD, content_type=content_type)) == 1
    *reasons, last = capsys.readouterr().err.splitlines()
    assert said in " ".join(reasons)
    assert last == GOES_ON


@pytest.mark.parametrize("empty", [[204], [b":\n\n"]])
async def test_where_the_end_is_told_no_more_the_call_is_looked_up(empty: list[bytes | int]) -> None:
    told = Told([[*DIALED], list(empty)])
    assert await followed(told) == 0
    assert told.asked == [None, "evt_1"]


async def test_events_that_came_while_nobody_listened_are_read_before_that() -> None:
    """The first stream ends with the call over, and with more to read."""
    told = Told([[*DIALED], [event(2, "call.ringing")], [ended()]])
    assert await followed(told) == 0
    assert told.asked == [None, "evt_1", "evt_2"]


# --- stopping ---------------------------------------------------------------------------------------------------------


PROGRAM = (
    # Whoever runs the tests in the background may have had the signal ignored, which children inherit.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from otpvoice.__main__ import main; main()"
)


async def interrupted(
    url: str, when: asyncio.Event, *options: str, after: str | None = None
) -> tuple[int | None, str, str]:
    """Press Ctrl-C ``when``, and when a line ends with ``after``; return the exit code and what was said."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "call", NUMBER, "--say", "Hello", "--url", url, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"OTPVOICE_KEY": "k"},
    )
    assert program.stdout is not None
    try:
        await when.wait()
        said = b""
        while after is not None and not said.endswith(f"{after}\n".encode()):
            said += await program.stdout.readline()
        program.send_signal(signal.SIGINT)
        output, errors = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    return program.returncode, (said + output).decode(), errors.decode()


async def test_ctrl_c_leaves_the_call_alone_and_says_so() -> None:
    """Each line is there before the next event is, also where it goes into a pipe."""
    reached, never = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with telling(Told([[*DIALED, reached, never]])) as url:
        code, output, errors = await interrupted(url, reached, "--follow", after="dialing")
        never.cancel()
    assert (code, errors) == (130, GOES_ON + "\n")
    assert output == "call       call_1\n   0.25 s  queued\n   1.25 s  dialing\n"


async def test_ctrl_c_before_the_answer_is_no_word_on_the_call() -> None:
    told = Told([], gate=asyncio.Event())
    assert told.gate is not None
    async with telling(told) as url:
        code, output, errors = await interrupted(url, told.placed)
        told.gate.set()
    assert (code, output) == (130, "")
    assert errors == "stopped before the answer: otpvoice calls shows whether the call was taken\n"


@pytest.mark.parametrize(("sent", "said"), [("a b;c", "'a b;c'"), ("\x1b[2J", "'?[2J'"), ("$(x)", "'$(x)'")])
def test_an_id_can_do_no_harm_where_it_is_pasted(
    sent: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "place", lambda *_: RECORD | {"id": sent})
    monkeypatch.setattr(Client, "events", interrupt)
    assert call(NUMBER, say="Hello", url="http://127.0.0.1:1", follow=True) == 130
    assert capsys.readouterr().err == f"the call goes on: otpvoice calls {said}\n"
