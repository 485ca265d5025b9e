"""The pages of the media streams: their sessions are had, their commands run, their tables are those of the program."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import get_args

import pytest
import pytest_asyncio
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response

from otpvoice.adapters.outbound.answers import Reason
from otpvoice.adapters.streams import SIGNED_FOR, Limits, Timings
from otpvoice.adapters.streams.credentials import auth_headers
from otpvoice.adapters.streams.ports import Asks
from otpvoice.cli.app import app
from otpvoice.core.actions import BasicAuth, BearerAuth, SignatureAuth, Stream
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus
from otpvoice.core.secret import Secret
from otpvoice.core.streams import MOST
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.stream_rules import MOST_PARAMETERS
from otpvoice.media.streams import exotel, twilio, voxology
from otpvoice.media.streams.formats import FORMATS
from otpvoice.testkit.callee import Scenario
from otpvoice.trust.urls import read_url
from tests.adapters.streams.customers import Rogue, a_rogue
from tests.adapters.streams.house import a_house
from tests.dialects.account import NOW
from tests.dialplan.house import open_house
from tests.docs.stream_transcripts import (
    DOCS,
    Recorded,
    lines_of_sink,
    menu,
    other_side,
    pages,
    record,
    shown,
    structure,
    transcript,
)
from tests.docs.test_docs import DEFAULTS
from tests.docs.test_stream_examples import SOON, module

ROOT = DOCS.parent
TEXT = (DOCS / "streams.md").read_text()
ANYWHERE = dataclasses.replace(DEFAULTS, check_url=lambda *_, **__: None)
"""What is taken where a URL may lead to anybody."""
PAGES = {name: (DOCS / "streams" / f"{name}.md").read_text() for name in FORMATS}


def blocks(language: str, text: str = TEXT) -> list[str]:
    """Return the fenced blocks that open with exactly this."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def part(heading: str, text: str = TEXT) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, without their heads."""
    found: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        found += [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return found


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Recorded]:
    yield await record(tmp_path_factory.mktemp("calls"))


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", FORMATS)
async def test_the_session_of_a_page_is_one_that_is_had(recorded: Recorded, name: str) -> None:
    """The same messages in the same order with the same fields; but for numbers, times and the length of the sound."""
    had = structure(transcript(recorded.sessions[name]))
    assert structure(shown(PAGES[name], "transcript")) == had, "python -m tests.docs.stream_transcripts"


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_sink_prints_is_what_the_page_shows(recorded: Recorded) -> None:
    assert lines_of_sink(shown(TEXT, "sink")) == lines_of_sink(recorded.sink)


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_the_pages_can_be_written_again(recorded: Recorded) -> None:
    for path, text in pages(recorded):
        again = path.read_text()
        for name in re.findall(r"<!-- (\w+): begin -->", again):
            assert again.replace(shown(again, name), "") == text.replace(shown(text, name), "")


def test_another_session_would_be_seen() -> None:
    for name, page in PAGES.items():
        text = shown(page, "transcript")
        lines = text.splitlines()
        assert len(structure(text)) > 6, name
        assert structure("\n".join(lines[1:])) != structure(text)
        assert structure(text.replace("call", "ring")) != structure(text)
        assert structure(text.replace(":8000", ":8001").replace('"8000"', '"8001"')) != structure(text)


def test_each_message_of_a_format_is_in_its_session() -> None:
    for name, page in PAGES.items():
        kinds = {message.get("event") or message["type"] for _, message in structure(shown(page, "transcript"))}
        table = part(f"What {name.capitalize()} has, and what works here", page)
        named = {word for vendor, state, *_ in rows(table) if state == "works" for word in words(vendor)}
        assert kinds <= named, name


@pytest.mark.parametrize("name", FORMATS)
def test_each_thing_of_a_vendor_works_or_differs_or_is_not_offered(name: str) -> None:
    table = rows(part(f"What {name.capitalize()} has, and what works here", PAGES[name]))
    states = [state for _, state, _ in table]
    assert states == sorted(states, key=["works", "differs", "not offered"].index)
    assert set(states) == {"works", "differs", "not offered"}
    assert all(note for _, state, note in table if state == "differs")


# --- what is written is taken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stream.json", "talk.json"])
def test_the_plans_of_the_page_are_taken(name: str) -> None:
    (payload,) = blocks(f"json file={name}")
    assert any(isinstance(action, Stream) for action in parse_call(payload.encode(), ANYWHERE, NOW).plan.actions)


def test_the_plan_of_the_readme_is_taken() -> None:
    readme = (ROOT / "README.md").read_text()
    (payload,) = blocks("json file=streamed.json", readme)
    assert isinstance(parse_call(payload.encode(), ANYWHERE, NOW).plan.actions[0], Stream)
    assert f"a voicebot of {len((DOCS / 'examples' / 'echo_bot.py').read_text().splitlines())} lines" in readme


def test_whether_a_url_is_asked_with_the_facts_of_the_call_is_said() -> None:
    (row,) = [row for row in rows(PAGES["exotel"]) if "`https` URL" in row[0]]
    assert (row[1] == "differs") is not isinstance(FORMATS["exotel"], Asks)


@pytest.mark.parametrize("name", ["echo_bot", "menu_bot"])
def test_the_plan_in_the_first_lines_of_a_bot_is_taken(name: str) -> None:
    (action,) = re.findall(r"^(\{.*\})$", (DOCS / "examples" / f"{name}.py").read_text(), re.MULTILINE)
    body = json.dumps({"to": "+12025550123", "actions": [json.loads(action)]})
    (stream,) = parse_call(body.encode(), ANYWHERE, NOW).plan.actions
    assert isinstance(stream, Stream)
    assert stream.talks


def test_what_is_shown_is_what_is_run() -> None:
    (shown_,) = blocks("python file=docs/examples/verify_stream.py")
    assert shown_ == (DOCS / "examples" / "verify_stream.py").read_text()
    assert f"in {len((DOCS / 'examples' / 'echo_bot.py').read_text().splitlines())} lines" in TEXT


def test_the_commands_of_the_page_are_those_of_the_program() -> None:
    told = CliRunner().invoke(app, ["stream-sink", "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    (command,) = (line for block in blocks("console") for line in block.splitlines() if line.startswith("otpvoice"))
    options = {*re.findall(r"--[a-z-]+", command), "--json", "--basic", "--bearer", "--signature-secret"}
    assert {*re.findall(r"--[a-z-]+", part("Try it"))} - {"--help"} == options
    for option in options:
        assert option in told.output


def test_a_call_is_found_again_by_its_sid() -> None:
    (command,) = blocks("console", PAGES["twilio"])
    made = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout.strip()
    assert made == twilio._sid("CA", "call_f9cbd7e06c4fdcdea38c7302")


async def test_a_server_verifies_by_the_example() -> None:
    """As anybody would use it, with the ``websockets`` library, and the headers that we send."""
    secret, verify = "0123456789abcdef0123456789abcdef", module("verify_stream").verify
    url = ""

    def checked(connection: ServerConnection, request: Request) -> Response | None:
        try:
            verify(secret, request.headers, url)
        except ValueError as error:
            return connection.respond(HTTPStatus.UNAUTHORIZED, f"{error}\n")
        return None

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(stay, "127.0.0.1", 0, process_request=checked) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/calls?lang=en"
        ours = auth_headers(SignatureAuth(Secret(secret)), url, time.time())
        async with connect(url, additional_headers=ours):
            pass
        for headers in ({}, auth_headers(SignatureAuth(Secret(secret)), url, time.time() - SIGNED_FOR - 60)):
            with pytest.raises(InvalidStatus, match="401"):
                await connect(url, additional_headers=headers)


def test_a_url_is_signed_as_the_page_says() -> None:
    for written, signed in (
        ("WSS://Bots.Example:443", "wss://bots.example/"),
        ("wss://bots.example:8443/Echo?a=B", "wss://bots.example:8443/Echo?a=B"),
    ):
        assert read_url(written, ("ws", "wss")).url == signed
    assert SIGNED_FOR == module("verify_stream").TOLERANCE == 300
    assert "A signature is good for five minutes" in TEXT


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_headers_are_those_that_are_sent() -> None:
    sent = {
        "basic": auth_headers(BasicAuth("a", Secret("b")), "wss://a.example/", 0),
        "bearer": auth_headers(BearerAuth(Secret("b")), "wss://a.example/", 0),
        "signature": auth_headers(SignatureAuth(Secret("b")), "wss://a.example/", 7),
    }
    for how, header in rows(part("Who may listen")):
        (kind,) = re.findall(r'"type": "(\w+)"', how)
        names = {word.split(":")[0] for word in words(header) if word[0].isupper()}
        assert names == sent.pop(kind).keys()
    assert sent == {}
    assert (
        hmac.digest(b"b", b"7.wss://a.example/", "sha256").hex()
        in auth_headers(SignatureAuth(Secret("b")), "wss://a.example/", 7).values()
    )


def numbers(text: str) -> list[float]:
    """Return the numbers that are written in a text, as they are."""
    return [float(one.replace(",", "")) for one in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text)]


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    table = rows(part("Limits"))
    assert [numbers(row) for row, _ in table] == [
        [limits.message],
        [limits.frames_a_second, limits.frames_at_once, limits.bytes_a_second / 1e6, limits.bytes_at_once / 1e6],
        [limits.audio_a_second, limits.audio_at_once],
        [limits.audio],
        [limits.marks, limits.mark],
        [limits.junk_a_second, limits.junk_at_once],
        [limits.pings_a_second, limits.pings_at_once],
        [limits.binary_a_second, limits.binary_at_once],
        [8, 6455],  # of UTF-8, and of the RFC
    ]
    told = {(code, word) for _, cell in table for code, word in re.findall(r"(\d{4}) `(\w+)`", cell)}
    assert told == {(str(code), word) for code, word in violations()}
    assert f"at most {MOST} streams at a time" in part("Limits")
    assert f"up to {MOST_PARAMETERS} texts" in TEXT
    assert f"up to {limits.audio:.0f} s ahead" in TEXT
    assert f"{limits.answer:,} bytes" in part("What is known of a stream")


def test_the_times_are_those_of_the_code() -> None:
    times, limits = Timings(), Limits()
    table = {what: (listen, talk) for what, listen, talk in rows(part("When something goes wrong"))}
    assert numbers(table["it can't be connected"][0]) == [times.second_try, FORMATS["twilio"].connect_within]
    assert {one.connect_within for one in FORMATS.values()} == {10.0}
    breaks = next(listen for what, (listen, _) in table.items() if what.startswith("it breaks off"))
    assert f"up to {2 * times.first_pause:.0f} s and not {times.first_pause} s" in part("When something goes wrong")
    assert numbers(breaks) == [times.first_pause, times.longest_pause, times.unconnected, limits.failures]
    assert numbers(table["it takes too little"][0]) == [limits.queue, times.stalled, 1008]
    assert numbers(table["it says nothing, not even a pong, and takes nothing"][0]) == [times.ping, times.silent]
    assert numbers(table["the call ends"][0]) == [1000, times.closing]
    assert f"up to {limits.queue:.0f} s\n  of it" in part("Tracks and their clock")
    assert f"filled up after {times.padding:g} s" in PAGES["exotel"]


def test_the_entry_of_media_is_what_is_told_of_a_stream() -> None:
    (entry,) = blocks("json file=media.json")
    report = StreamReport("stream", "twilio", "listen", ("inbound",), "a.example")
    assert list(json.loads(entry)) == list(report.to_json())
    fields, errors = re.split(r"^\| `error` \| meaning \|$", part("What is known of a stream"), flags=re.MULTILINE)
    table = rows(fields)
    assert [word for cell, *_ in table for word in words(cell)] == list(report.to_json())
    meanings = {word: meaning for cell, meaning in table for word in words(cell)}
    assert set(words(meanings["status"])) == set(StreamStatus)
    assert set(words(meanings["disconnected_by"])) - {"stop_stream"} == set(Disconnected)
    listed = [word for cell, _ in rows(f"| |{errors}") for word in words(cell)]
    assert sorted(word for word in listed if not word.startswith("http_")) == sorted(reasons())


def nodes() -> Iterator[ast.AST]:
    for path in sorted((ROOT / "otpvoice" / "adapters" / "streams").glob("*.py")):
        yield from ast.walk(ast.parse(path.read_text()))


def text_in(*places: ast.AST) -> set[str]:
    constants = (one for place in places for one in ast.walk(place) if isinstance(one, ast.Constant))
    return {one.value for one in constants if isinstance(one.value, str)}


def violations() -> set[tuple[int, str]]:
    """What the other side is closed for, with its code."""
    calls = [node for node in nodes() if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Violation"]
    assert len(calls) > 5
    return {(ast.literal_eval(call.args[0]), ast.literal_eval(call.args[1])) for call in calls}


def reasons() -> set[str]:
    """Every word that ``error`` may be."""
    found = {word for _, word in violations()}
    found |= {*get_args(Reason.__value__ if hasattr(Reason, "__value__") else Reason)}
    for node in nodes():
        match node:
            case ast.Call(func=ast.Name(id="NotConnected"), args=[word]):
                found |= text_in(word) - {"http_"}
            case ast.Call(func=ast.Attribute(attr="fail"), args=[_, word]):
                found |= text_in(word)
            case ast.Call(func=ast.Name(id="End")):
                found |= text_in(*node.args[4:], *(one.value for one in node.keywords if one.arg == "error"))
            case ast.FunctionDef(name="fault_of"):
                found |= text_in(*(one for one in ast.walk(node) if isinstance(one, ast.Return)))
            case ast.Assign(targets=[ast.Name(id="word")]):
                found |= text_in(node.value)
            case _:
                pass
    assert {"bad_answer", "bad_auth", "lost", "not_connected", "no_pong", "slow_consumer", "internal"} <= found
    assert "rejected" in found
    return found


def test_the_table_of_formats_is_that_of_the_code() -> None:
    head, *table = re.findall(r"^\|.*\|$", part("Formats"), re.MULTILINE)
    names = re.findall(r"\[`(\w+)`\]", head)
    assert names == list(FORMATS)
    cells = {row.split("|")[1].strip(): [cell.strip() for cell in row.split("|")[2:-1]] for row in table[1:]}
    lengths = {"twilio": 20, "exotel": 20 * exotel.BATCH, "voxology": 20 * voxology.BATCH}
    for column, name in enumerate(names):
        one = FORMATS[name]
        says = {what: row[column] for what, row in cells.items()}
        assert words(says["modes"]) == sorted(one.modes)
        assert numbers(says["sound"].replace("16 bit", "")) == list(one.rates)
        assert numbers(says["a message has"]) == [lengths[name]]
        assert numbers(says["longest stream"]) == ([] if one.longest is None else [one.longest])
        bounds = (one.most_parameters, one.longest_parameter, one.longest_parameters)
        assert numbers(says["parameters"]) == [bound for bound in bounds if bound is not None]
        assert (says["URL asked for by https"] == "yes") is one.asks_by_https
        assert (says["a clear gives back the marks that wait"] == "yes") is one.clear_returns_marks
        assert ("talk" in says["keys"]) is ("talk" in one.modes)


WRONGS = {
    "protocol": b"\x83\x00",
    "bad_utf8": Frame(Opcode.TEXT, b"\xff").serialize(mask=False),
    "binary": Frame(Opcode.BINARY, b"\0").serialize(mask=False) * 1000,
    "too_big": b"\x81\x7f\x7f" + b"\xff" * 7,
    "flood": Frame(Opcode.PING, b"").serialize(mask=False) * 1000,
}
"""What somebody who may only listen can be closed for, by the word for it."""


@pytest.mark.parametrize(("word", "sent"), WRONGS.items(), ids=WRONGS)
async def test_the_last_message_in_voxology_has_the_code_of_the_page(word: str, sent: bytes) -> None:
    """Said to somebody who does just that."""
    table = {words(cell)[0]: int(code) for code, cell in rows(part("Errors", PAGES["voxology"]))}

    async def does(rogue: Rogue) -> None:
        await rogue.write(sent)
        await rogue.closed_with()
        last.set_result([frame for frame in rogue.frames if frame.opcode is Opcode.TEXT][-1])

    last: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
    async with a_rogue(does) as customer, a_house() as house:
        _, call = house.listen(customer.url(), "voxology")
        assert (await call.ended()).error == word
        async with asyncio.timeout(SOON):
            end = json.loads(bytes((await last).data))
    assert (end["type"], end["error"], end["error_code"]) == ("end_stream", word, table[word])


def test_no_other_code_of_voxology_is_on_its_page() -> None:
    table = {words(cell)[0]: int(code) for code, cell in rows(part("Errors", PAGES["voxology"]))}
    assert table == {**voxology.ERROR_CODES, "internal": voxology.OTHER_ERROR}
    of_those_who_talk = {"junk", "audio_overflow"}
    assert voxology.ERROR_CODES.keys() == WRONGS.keys() == {word for _, word in violations()} - of_those_who_talk


def test_the_links_of_the_pages_lead_somewhere() -> None:
    for path in (DOCS / "streams.md", *(DOCS / "streams").glob("*.md")):
        for target, _, anchor in (
            link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text())
        ):
            page = (path.parent / target) if target else path
            assert page.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}, anchor


# --- on a real call ---------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
async def test_the_commands_that_try_it_are_run(tmp_path: Path) -> None:
    """Both of them, as they stand; and what was said lies in two files."""
    command, curl = (block for block in blocks("console", part("Try it")))
    async with open_house(tmp_path, allow_destinations="+1202", url_allow="127.0.0.1") as house:
        house.scenarios["12025550123"] = Scenario.answers()
        assert house.service is not None
        ours = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | {"KEY": house.service.key, "PATH": ours}
        sink = await asyncio.create_subprocess_shell(
            f"exec {command.strip().replace('8765', '0')} --json",
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert sink.stdout is not None
        try:
            async with asyncio.timeout(SOON):
                listening = json.loads(await sink.stdout.readline())
            assert listening["dir"] == "streams"
            asked = curl.replace("http://127.0.0.1:8080", house.service.url).replace(
                "ws://127.0.0.1:8765/", listening["url"]
            )
            shell = await asyncio.create_subprocess_exec(
                "bash", "-c", asked, env=environment, stdout=asyncio.subprocess.PIPE
            )
            answer, _ = await shell.communicate()
            summary = await house.summary(json.loads(answer)["id"])
            async with asyncio.timeout(SOON):
                while (line := json.loads(await sink.stdout.readline()))["kind"] != "closed":
                    pass
        finally:
            sink.send_signal(2)
            await sink.communicate()
        assert [media["status"] for media in summary["media"]] == ["completed"]
        assert [one["track"] for one in line["files"]] == ["inbound", "outbound"]
        assert len({one["ms"] for one in line["files"]}) == 1
        assert sorted((tmp_path / "streams").iterdir()) == sorted(tmp_path / one["path"] for one in line["files"])


async def test_the_other_side_of_the_transcripts_writes_down_what_it_says_too() -> None:
    """Without a call: a bot is told of a stream, and greets."""
    page = shown(PAGES["twilio"], "transcript")
    async with other_side("twilio", menu) as (url, session), connect(url) as peer:
        for line in page.splitlines()[:3]:
            await peer.send(line[2:].replace("…", ""))
        assert json.loads(await peer.recv())["event"] == "media"
        assert json.loads(await peer.recv())["mark"]["name"] == "greeting"
        assert [who for who, _ in session.said] == [">", ">", ">", "<", "<"]
