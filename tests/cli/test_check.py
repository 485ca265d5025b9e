"""``check`` as whoever watches runs it: a process that begins and ends every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner

from otpvoice import __main__ as program
from otpvoice.cli import check as check_module
from otpvoice.cli.app import app
from otpvoice.cli.check import Options, check, options
from tests.cli.servers import answering, run

pytestmark = pytest.mark.usefixtures("environment")

URL = "http://127.0.0.1:1"
LOADED = """
import atexit, json, runpy, sys
before = set(sys.modules)
atexit.register(lambda: print(json.dumps(sorted(set(sys.modules) - before))))
sys.argv = ["otpvoice", *sys.argv[1:]]
runpy.run_module("otpvoice", run_name="__main__")
"""


def loaded(*arguments: str) -> tuple[int, list[str]]:
    """Return the exit code of the program, and the modules that it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_the_process_loads_nothing_but_the_standard_library(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    (tmp_path / "otpvoice.toml").write_text('admin_bind = "127.0.0.1:1"')
    environment.setenv("OTPVOICE_CONFIG", str(tmp_path / "otpvoice.toml"))
    code, modules = loaded("check", "--ready")
    assert code == 1
    assert "otpvoice.cli.check" in modules
    others = {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name.split(".")[0] for name in others} == {"otpvoice"}
    assert "asyncio" not in modules


def test_any_other_command_would() -> None:
    """So that the test before can fail."""
    code, modules = loaded("check", "--help")
    assert code == 0
    assert "typer" in modules


def test_the_installed_command_goes_the_same_way() -> None:
    (command,) = entry_points(group="console_scripts", name="otpvoice")
    assert command.load() is program.main


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], Options()),
        (["--ready"], Options(ready=True)),
        (["--ready", "--ready"], Options(ready=True)),
        (["--url", URL], Options(URL)),
        ([f"--url={URL}", "--ready"], Options(URL, ready=True)),
        (["--url=a", "--url", URL], Options(URL)),
        (["--url", ""], Options("")),
        # What is wrong or rare, for typer to answer.
        (["--help"], None),
        (["--no-ready"], None),
        (["--url"], None),
        (["--url", "--ready"], None),
        (["--bogus"], None),
        (["here"], None),
        (["--", "--ready"], None),
        (["--ready=1"], None),
    ],
)
def test_options_that_are_plain_are_read_as_typer_reads_them(
    environment: pytest.MonkeyPatch, words: list[str], asked: Options | None
) -> None:
    assert options(words) == asked
    if asked is None:
        return
    seen: list[Options] = []

    def remember(*, url: str | None, ready: bool) -> int:
        seen.append(Options(url, ready))
        return 0

    environment.setattr(check_module, "check", remember)
    assert CliRunner().invoke(app, ["check", *words]).exit_code == 0
    environment.setattr(sys, "argv", ["otpvoice", "check", *words])
    with pytest.raises(SystemExit, match="0"):
        program.main()
    assert seen == [asked, asked]


@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (["--bogus"], 2, "No such option"),
        (["--url"], 2, "requires an argument"),
        (["here"], 2, "unexpected extra argument"),
        (["--help"], 0, "Usage: otpvoice check"),
    ],
)
def test_what_is_not_plain_is_answered_by_typer(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], code: int, answer: str
) -> None:
    environment.setattr(sys, "argv", ["otpvoice", "check", *words])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == code
    said = capsys.readouterr()
    assert answer in said.out + said.err


def test_the_list_of_commands_has_it(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setattr(sys, "argv", ["otpvoice", "--help"])
    with pytest.raises(SystemExit):
        program.main()
    assert "check" in capsys.readouterr().out


# --- where it asks ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def healthy(host: str) -> AsyncIterator[int]:
    """Something on this address that says what a living otpvoice says. Yields its port."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{"status": "ok"}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "0.0.0.0"), ("::1", "[::]"), ("::1", "[::1]")])
async def test_it_asks_where_the_service_listens(environment: pytest.MonkeyPatch, host: str, bind: str) -> None:
    try:
        async with healthy(host) as port:
            environment.setenv("OTPVOICE_HTTP_BIND", f"{bind}:{port}")
            assert await run(check) == 0
    except OSError:
        pytest.skip(f"this machine has no {host}")


async def test_the_admin_s_address_of_the_file_is_where_health_is(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with healthy("127.0.0.1") as port:
        (tmp_path / "otpvoice.toml").write_text(f'http_bind = "127.0.0.1:1"\nadmin_bind = "127.0.0.1:{port}"')
        environment.setenv("OTPVOICE_CONFIG", str(tmp_path / "otpvoice.toml"))
        environment.setenv("OTPVOICE_ADMIN_BIND", " ")
        assert await run(check) == 0


async def test_no_proxy_is_asked_for_the_own_machine(environment: pytest.MonkeyPatch) -> None:
    """A container often has one in its environment."""
    environment.setenv("http_proxy", URL)
    environment.delenv("no_proxy", raising=False)
    environment.delenv("NO_PROXY", raising=False)
    async with healthy("127.0.0.2") as port:
        environment.setenv("OTPVOICE_HTTP_BIND", f"127.0.0.2:{port}")
        assert await run(check) == 0
        assert await run(check, url=f"http://127.0.0.2:{port}") == 1


async def test_another_server_is_not_taken_for_ours(capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(lambda _: web.Response(text="<h1>It works!</h1>")) as url:
        assert await run(check, url=url) == 1
    assert "is no otpvoice" in capsys.readouterr().err


@asynccontextmanager
async def endless(piece: bytes, pause: float) -> AsyncIterator[str]:
    """A server that never comes to the end of its answer. Yields its URL."""
    over, done = asyncio.Event(), asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not over.is_set():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        writer.transport.abort()
        done.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            over.set()
            await done.wait()


async def test_a_server_that_drips_is_waited_for_no_longer_than_one_that_is_silent(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr(check_module, "TIMEOUT", 0.3)
    async with endless(b"x", 0.05) as url:
        assert await run(check, url=url) == 1
        assert "does not answer within 0.3 s" in capsys.readouterr().err


async def test_of_an_answer_without_an_end_the_beginning_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    async with endless(b"x" * 65_536, 0.0) as url:
        assert await run(check, url=url) == 1
    assert "is no otpvoice" in capsys.readouterr().err


async def test_a_password_in_the_url_is_refused_without_an_option_that_there_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(check, url="http://:pa55@127.0.0.1:1") == 1
    said = capsys.readouterr().err
    assert "no password" in said
    assert "--key" not in said
    assert "pa55" not in said
