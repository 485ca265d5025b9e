"""``call``, ``calls`` and ``check`` against a door that answers over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import typer
from aiohttp import web
from typer.testing import CliRunner

from otpvoice.cli import check as check_module
from otpvoice.cli import patience as patience_module
from otpvoice.cli.asking import add_to
from otpvoice.cli.call import call
from otpvoice.cli.calls import calls, show
from otpvoice.cli.check import check
from otpvoice.cli.client import Client, Refused, Unanswered
from otpvoice.core.actions import Say, SayCode
from otpvoice.core.events import CallAnswered, CharacterPlayed
from otpvoice.core.outcome import Ending, OwnAction, classify
from otpvoice.core.secret import OtpCode
from tests.cli.servers import answering, run
from tests.web.world import CODE, KEY, NUMBER, Door, logged, opened

AT = 1_800_000_000.0
pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A door, whose log is not in the way."""
    with logged():
        async with opened() as door:
            yield door


# --- call -------------------------------------------------------------------------------------------------------------


async def test_a_code_comes_from_standard_input(
    door: Door, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("sys.stdin", io.StringIO(f" {CODE}\n"))
    assert await run(call, NUMBER, code="-", url=door.base) == 0
    ((plan, *_),) = door.calls.placed
    assert plan.actions == (SayCode(OtpCode(CODE)),)
    assert capsys.readouterr().out.splitlines() == [
        "call       call_1",
        "to         +442079460123",
        "state      queued",
        "delivered  no",
        "readings   0",
    ]


async def test_or_from_the_environment(
    door: Door, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("OTPVOICE_CODE", CODE)
    environment.setenv("OTPVOICE_URL", door.base + "/")
    assert await run(call, NUMBER, say="Hello", as_json=True) == 0
    ((plan, *_),) = door.calls.placed
    assert plan.actions == (Say("Hello"), SayCode(OtpCode(CODE)))
    assert json.loads(capsys.readouterr().out) == door.calls.live["call_1"].to_json()


async def test_or_there_is_only_a_text(door: Door) -> None:
    assert await run(call, NUMBER, say="Hello", url=door.base) == 0
    assert door.calls.placed[0][0].actions == (Say("Hello"),)


def test_and_never_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(NUMBER, code=CODE) == 2
    said = capsys.readouterr()
    assert "--code -" in said.err
    assert CODE not in said.err + said.out


def test_there_must_be_something_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(NUMBER) == 2
    assert "nothing to say" in capsys.readouterr().err


async def test_a_refusal_is_told_with_its_reasons(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(call, "0044", say="x" * 3001, url=door.base) == 1
    assert capsys.readouterr().err.splitlines() == [
        "422 The request is not valid",
        "  $.to must be a number in E.164 with plus, as in +442079460123",
        "  $.actions[0].text must have at most 3000 characters",
    ]


async def test_a_key_that_is_not_known_is_told(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(call, NUMBER, say="Hello", url=door.base, key="nobodys") == 1
    assert capsys.readouterr().err == "401 A key is needed\n  This key is not known.\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:1", "does not answer"), ("file:///etc/passwd", "must be http"), ("127.0.0.1", "must be http")],
)
def test_where_nobody_answers_that_is_told(url: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(NUMBER, say="Hello", url=url) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://127.0.0.1:no",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:1/?a=b",
        "http://127.0.0.1:1/#a",
        "http://127.0.0.1:1/ä",
        "http://127.0.0.1:1/a b",
        "http://127.0.0.1:1\n",
        "http://me:secret@127.0.0.1:1",
        "http://",
        "http:///v1",
        "http://" + "a" * 64,
    ],
)
def test_what_is_no_base_url_is_told_in_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (partial(call, NUMBER, say="Hello"), partial(calls, "x"), check):
        assert command(url=url) == 1
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert "URL" in said.err
        assert "secret" not in said.err


@pytest.mark.parametrize("key", ["a\nsecret", "secret\r\nX: y", "sécret", "secret€", "a secret", "=secret", "secret\0"])
def test_what_is_no_key_is_not_sent_and_not_shown(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(NUMBER, say="Hello", url="http://127.0.0.1:1", key=key) == 1
    assert calls("x", url="http://127.0.0.1:1", key=key) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "the key must be of A-Z a-z 0-9 . _ ~ + / -\n" * 2


def test_a_code_that_is_no_text_is_told_and_not_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"918273\xff\n"), "utf-8"))
    assert call(NUMBER, code="-") == 2
    assert capsys.readouterr().err == "what standard input gives is no text\n"


# --- waiting ----------------------------------------------------------------------------------------------------------


def end(door: Door, *, answered: bool = True, readings: int = 0) -> None:
    record = door.calls.live["call_1"]
    record.note(CallAnswered(AT))
    record.proof.readings = readings
    record.proof.digits.append(CharacterPlayed(1, 1, 6, AT))
    record.end(classify(Ending(answered=answered, own=OwnAction.HANG_UP_BY_PLAN)), AT + 12.34)


@pytest.mark.parametrize(
    ("say", "answered", "readings", "code"),
    [
        (None, True, 1, 0),
        (None, True, 0, 1),
        (None, False, 0, 1),
        ("Hello", True, 0, 0),
        ("Hello", False, 0, 1),
    ],
)
async def test_waiting_tells_how_it_ended(
    door: Door, environment: pytest.MonkeyPatch, *, say: str | None, answered: bool, readings: int, code: int
) -> None:
    if say is None:
        environment.setenv("OTPVOICE_CODE", CODE)
    waiting = asyncio.create_task(run(call, NUMBER, say=say, url=door.base, wait=True))
    await door.calls.done.wait()
    end(door, answered=answered, readings=readings)
    assert await waiting == code


async def test_waiting_outlasts_a_store_that_is_away(
    door: Door, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("OTPVOICE_CODE", CODE)
    waiting = asyncio.create_task(run(call, NUMBER, url=door.base, wait=True))
    await door.calls.done.wait()
    end(door, readings=2)
    record = door.calls.live.pop("call_1").to_json()
    door.store.fault = OSError("away")
    await door.store.failed.wait()
    await door.store.keep(record)
    door.store.fault = None
    assert await waiting == 0
    assert capsys.readouterr().out.splitlines() == [
        "call       call_1",
        "to         +442079460123",
        "state      ended",
        "outcome    completed",
        "ended by   plan",
        "delivered  yes",
        "readings   2",
        "talk       12.3 s",
    ]


@pytest.mark.parametrize(("patience", "away"), [(0.0, True), (30.0, False)])
async def test_waiting_ends_when_nobody_knows_the_call_any_more(
    door: Door, environment: pytest.MonkeyPatch, *, patience: float, away: bool
) -> None:
    environment.setenv("OTPVOICE_CODE", CODE)
    environment.setattr(patience_module, "PATIENCE", patience)
    waiting = asyncio.create_task(run(call, NUMBER, url=door.base, wait=True))
    await door.calls.done.wait()
    door.calls.live.clear()
    door.store.lose_all()
    door.store.fault = OSError("away") if away else None
    assert await waiting == 1


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_a_call_is_shown(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    errors = [{"code": "x", "message": "y"}]
    await door.store.keep({"id": "a%20b/c", "account": "shop", "state": "ended", "errors": errors})
    assert await run(calls, "a%20b/c", url=door.base) == 0
    assert capsys.readouterr().out.splitlines() == ["call       a%20b/c", "state      ended", "error      x: y"]


async def test_a_call_that_there_is_not_is_told(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(calls, "never", url=door.base) == 1
    assert capsys.readouterr().err == "404 There is no such call\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": 5, "played": [], "errors": "x", "ring_ms": "1", "talk_ms": [], "delivered": []},
        {"outcome": {"class": 1, "reason": {}}, "to": "\x1b[2J\x07", "errors": [{"code": "\x1b"}]},
        {"to": "\ud800"},
    ],
)
def test_whatever_a_record_holds_does_not_steer_the_terminal(
    fields: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    record = {"id": "call_1", "state": "ended"} | fields
    show(record, as_json=False)
    show(record, as_json=True)
    said = capsys.readouterr().out
    assert said.startswith("call       call_1\n")
    assert said.replace("\n", "").isprintable()
    assert json.loads(said.splitlines()[-1]) == record


# --- check ------------------------------------------------------------------------------------------------------------


async def test_a_living_service_is_alive(door: Door, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OTPVOICE_ADMIN_BIND", f"0.0.0.0:{door.listener.port}")
    environment.delenv("OTPVOICE_KEY")
    assert await run(check) == 0
    assert await run(check, ready=True) == 0


async def test_one_that_is_not_ready_is_alive_and_says_why(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.calls.draining = True
    door.calls.nodes[0].connected = False
    assert await run(check, url=door.base) == 0
    assert await run(check, url=door.base, ready=True) == 1
    assert capsys.readouterr().err == "503 draining, asterisk_unavailable\n"


def test_one_that_is_not_there_is_not(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("OTPVOICE_HTTP_BIND", "127.0.0.1:1")
    assert check() == 1
    assert "does not answer" in capsys.readouterr().err


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[str]:
    """A server that reads all it is sent and says only this: at once, and then no more or nothing at all."""
    gone = asyncio.Event()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        if answer:
            writer.write_eof()
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait_for(gone.wait(), 5)


async def test_one_that_hangs_is_not_waited_for(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(check_module, "TIMEOUT", 0.05)
    async with serving(b"") as url:
        assert await run(check, url=url) == 1


def test_check_needs_nothing_but_the_standard_library() -> None:
    """It runs every few seconds."""
    heavy = "aiohttp", "pydantic", "structlog", "typer", "asyncio", "redis"
    program = f"import sys, otpvoice.cli.check; print(sorted(set(sys.modules) & set({heavy!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the client -------------------------------------------------------------------------------------------------------


async def test_a_redirect_is_not_followed() -> None:
    """It would carry the key and the code away."""
    asked: list[str] = []

    def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with answering(redirect) as url:
        with pytest.raises(Refused, match="302"):
            await asyncio.to_thread(Client(url, KEY).place, {"to": NUMBER})
    assert asked == ["/v1/calls"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"\xff", b'{"errors": 5, "detail": "\\u001b[2J"}', b'{"errors": ["x"]}']
)
async def test_whatever_answers_does_not_steer_the_terminal(body: bytes) -> None:
    async with answering(lambda _: web.Response(status=500, body=body)) as url:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(Client(url).show, "x")
    assert str(refused.value).replace("\n", "").isprintable()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"id": 5, "state": "ended"}', b'{"id": "x"}'])
async def test_what_answers_without_a_call_is_no_otpvoice(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(lambda _: web.Response(body=body)) as url:
        assert await run(call, NUMBER, say="Hello", url=url, wait=True) == 1
        assert await run(calls, "x", url=url, as_json=True) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{url} is no otpvoice: it answers something else than a call\n" * 2


@pytest.mark.parametrize(
    ("rest", "code"),
    [({}, 1), ({"outcome": 5}, 1), ({"outcome": {"class": "completed"}}, 0), ({"delivered": "yes"}, 1)],
)
async def test_an_end_that_says_too_little_is_no_success(rest: dict[str, Any], code: int) -> None:
    record = {"id": "x", "state": "ended"} | rest
    async with answering(lambda _: web.json_response(record)) as url:
        assert await run(call, NUMBER, say="Hello", url=url, wait=True) == code


async def test_a_redirect_to_nowhere_is_no_answer() -> None:
    async with answering(lambda _: web.Response(status=302, headers={"Location": "http://[::1"})) as url:
        with pytest.raises((Unanswered, Refused)):
            await asyncio.to_thread(Client(url).show, "x")


async def test_an_id_of_any_bytes_is_asked_for() -> None:
    asked: list[str] = []

    def record(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"id": "x", "state": "ended"})

    async with answering(record) as url:
        await asyncio.to_thread(Client(url).show, "a/\udcff")
    assert asked == ["/v1/calls/a%2F%FF"]


async def test_an_answer_that_breaks_off_is_none() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as url:
        with pytest.raises(Unanswered):
            await asyncio.to_thread(Client(url).show, "x")


def test_a_proxy_is_not_asked_for_this_machine(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(Unanswered, match=r"127\.0\.0\.1:1 does not answer"):
        Client("http://127.0.0.1:1").show("x")


# --- the program ------------------------------------------------------------------------------------------------------


@pytest.fixture
def program() -> typer.Typer:
    """The commands, as the program has them."""
    app = typer.Typer(pretty_exceptions_enable=False)
    add_to(app)
    return app


@pytest.mark.parametrize("command", ["call", "calls", "check"])
def test_each_command_explains_itself(program: typer.Typer, command: str) -> None:
    result = CliRunner().invoke(program, [command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["call", NUMBER, "--code", CODE], 2),
        (["call", NUMBER], 2),
        (["call"], 2),
        (["call", NUMBER, "--say", "Hello", "--url", "http://127.0.0.1:1", "--key", "k", "--json", "--wait"], 1),
        (["call", NUMBER, "--say", "Hello", "--url", "http://127.0.0.1:1", "--follow"], 1),
        (["calls", "x", "--url", "http://127.0.0.1:1"], 1),
        (["calls", "x", "--limit", "5"], 2),
        (["calls", "--url", "http://127.0.0.1:1", "--limit", "5", "--state", "ended", "--json"], 1),
        (["calls", "--limit", "0"], 2),
        (["check", "--url", "http://127.0.0.1:1"], 1),
        (["check", "--url", "http://127.0.0.1:1", "--ready"], 1),
    ],
)
def test_the_exit_code_is_the_command_s(program: typer.Typer, arguments: list[str], code: int) -> None:
    assert CliRunner().invoke(program, arguments).exit_code == code
