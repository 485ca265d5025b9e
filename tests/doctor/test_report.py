"""How findings look: lines that can be searched for, lines that hang on a terminal, JSON on one; and exit codes."""

from __future__ import annotations

import asyncio
import io
import json
from itertools import pairwise
from typing import Any

import pytest
import typer
from aiohttp import web
from rich.console import Console
from typer.testing import CliRunner

from otpvoice.cli import doctor_report, examining
from otpvoice.cli.doctor import doctor, exit_code
from otpvoice.cli.doctor_call import DIGITS, made_up, order
from otpvoice.cli.doctor_report import Report
from otpvoice.core.actions import Gather, SayCode
from otpvoice.core.secret import OtpCode
from otpvoice.dialects.native import parse_call
from otpvoice.doctor import CHECKS, Finding, Patient, Status
from otpvoice.doctor.loop_test import TAG
from tests.cli.servers import answering
from tests.web.world import DEFAULTS, KEY, logged, opened

FINE = Finding("settings", Status.OK, "all settings are right")
WARNED = Finding("disk", Status.WARNING, "little room", "Make room.", "filling", {"free": 5})
FAILED = Finding("redis", Status.FAILED, "nothing listens at \x1b[2J127.0.0.1:6379", "Start it.", "refused")
SKIPPED = [Finding(word, Status.SKIPPED, "not looked at: Redis is not reached") for word in ("redis.memory", "clock")]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings, and no terminal."""
    for name in ("CONFIG", "URL", "KEY", "KEY_FILE", "API_KEYS", "HTTP_BIND", "ADMIN_BIND"):
        monkeypatch.delenv(f"OTPVOICE_{name}", raising=False)
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def printed(*findings: Finding, terminal: int | None = None) -> str:
    """What a report prints: into a file, or on a terminal so wide."""
    out = io.StringIO()
    report = Report(as_json=False)
    report._console = Console(
        file=out, highlight=False, markup=False, emoji=False, soft_wrap=True, force_terminal=terminal is not None,
        width=terminal or 80, color_system="standard" if terminal else None,
    )  # fmt: skip
    for finding in findings:
        report.add(finding)
    report.close(exit_code(findings))
    return out.getvalue()


def test_a_finding_is_a_line_and_its_remedy_another() -> None:
    assert printed(FINE, WARNED, FAILED).splitlines() == [
        "ok       settings                all settings are right",
        "warning  disk                    little room",
        "                                 Make room.",
        "failed   redis                   nothing listens at ?[2J127.0.0.1:6379",
        "                                 Start it.",
        "",
        "3 findings: 1 failed, 1 warning, 1 ok",
    ]


def test_what_waits_for_the_same_is_told_in_one_line() -> None:
    lines = printed(*SKIPPED, FINE, SKIPPED[0]).splitlines()
    assert lines[0] == "skipped  2 checks                not looked at: Redis is not reached: redis.memory, clock"
    assert lines[2] == "skipped  redis.memory            not looked at: Redis is not reached"
    assert lines[-1] == "4 findings: 3 skipped, 1 ok"


def test_into_a_file_a_line_is_never_broken_and_never_coloured() -> None:
    text = printed(Finding("disk", Status.WARNING, "word " * 60, "do this " * 60))
    assert len(text.splitlines()) == 4
    assert "\x1b" not in text


def test_on_a_terminal_lines_hang_behind_their_check_in_colour() -> None:
    text = printed(Finding("disk", Status.FAILED, "word " * 30), terminal=90)
    assert "\x1b[1;31mfailed" in text
    first, second, *_ = text.splitlines()
    assert second.startswith(" " * 33 + "word")
    assert all(len(line) < 110 for line in (first, second))


def test_no_color_is_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    console = Console(file=out, force_terminal=True)
    monkeypatch.setattr(doctor_report, "Console", lambda **_: console)
    report = Report(as_json=False)
    report.add(FAILED)
    assert "31m" not in out.getvalue()


def test_json_has_it_all_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(as_json=True)
    for finding in (FINE, WARNED, FAILED):
        report.add(finding)
        report.tell("not for machines")
    report.close(1)
    [line] = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert document["counts"] == {"ok": 1, "skipped": 0, "unknown": 0, "warning": 1, "failed": 1}
    assert (document["schema"], document["ok"], document["exit_code"]) == (1, False, 1)
    assert document["findings"][1] == {
        "check": "disk",
        "status": "warning",
        "fault": "filling",
        "message": "little room",
        "remedy": "Make room.",
        "details": {"free": 5},
    }


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([FINE, WARNED, *SKIPPED], 0),
        ([FINE, FAILED], 1),
        ([Finding("settings", Status.FAILED, "OTPVOICE_TRUNK is required"), FAILED], 78),
        ([Finding("settings", Status.WARNING, "OTPVOICE_DEV is on")], 0),
    ],
)
def test_exit_codes(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code


def test_the_command_has_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    examining.add_to(app)
    asked: dict[str, Any] = {}

    def ask(**options: object) -> int:
        asked.update(options)
        return 78

    monkeypatch.setattr("otpvoice.cli.doctor.doctor", ask)
    result = CliRunner().invoke(
        app,
        ["--only", "redis", "--only", "ari", "--call", "+44", "--url", "http://x", "--admin-url", "http://y", "--json"],
    )
    assert result.exit_code == 78
    assert asked == {
        "only": ["redis", "ari"],
        "call": "+44",
        "url": "http://x",
        "admin_url": "http://y",
        "key": None,
        "as_json": True,
    }


def test_a_check_that_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(only=["redis", "rediss"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("there is no check rediss; those that there are: settings, ")
    assert CHECKS[-1].word in error


def test_a_call_that_is_asked_for_without_a_number_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(only=["disk", "call"]) == 2
    assert "--call TO" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "bind", "asked"),
    [
        ({}, None, "http://127.0.0.1:8080"),
        ({}, "127.0.0.1:9", "http://127.0.0.1:9"),
        ({"url": "http://hook"}, None, "http://hook"),
        ({"url": "http://hook"}, "127.0.0.1:9", "http://127.0.0.1:9"),
        ({"url": "http://hook", "admin_url": "http://admin"}, "127.0.0.1:9", "http://admin"),
    ],
)
def test_health_is_asked_for_at_the_admin_s_address_and_calls_are_placed_at_the_hook(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], bind: str | None, asked: str
) -> None:
    if bind is not None:
        monkeypatch.setenv("OTPVOICE_ADMIN_BIND", bind)
    seen: list[str | None] = []

    async def examined(patient: Patient, *_: object) -> list[Finding]:
        seen.append(patient.health_url)
        return []

    def placed(*_: object, url: str | None, **__: object) -> list[Finding]:
        seen.append(url)
        return []

    monkeypatch.setattr("otpvoice.cli.doctor._examined", examined)
    monkeypatch.setattr("otpvoice.cli.doctor.place", placed)
    assert doctor(call="+44", as_json=True, **options) == 0
    assert seen == [asked, options.get("url")]


def test_a_terminal_that_knows_no_ellipsis_gets_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    report = Report(as_json=False)
    report.add(Finding("disk", Status.WARNING, "redis://…", "Ü"))
    report.close(0)
    out.flush()
    assert b"redis://?" in out.buffer.getvalue()


async def test_a_call_that_is_refused_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTPVOICE_KEY", KEY)
    with logged():
        async with opened() as door:
            code = await asyncio.to_thread(doctor, only=["disk"], call="+1202", url=door.base, as_json=True)
    document = json.loads(capsys.readouterr().out)
    [call] = [finding for finding in document["findings"] if finding["check"] == "call"]
    assert code == 78, "there are no settings"
    assert call["fault"] == "not_placed"
    assert "422" in call["message"]
    assert KEY not in json.dumps(document)


async def test_a_door_that_is_no_otpvoice_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    async with answering(lambda _: web.Response(text="hello")) as url:
        await asyncio.to_thread(doctor, only=["disk"], call="+12025550123", url=url, as_json=True)
    [*_, call] = json.loads(capsys.readouterr().out)["findings"]
    assert (call["check"], call["fault"]) == ("call", "not_placed")


def test_what_a_call_is_to_do_is_understood() -> None:
    """By the dialect that reads it, with the code that is made up."""
    code = made_up()
    plan = parse_call(json.dumps(order("+442079460123", code)).encode(), DEFAULTS, 0.0).plan
    spoken, asked = plan.actions
    assert spoken == SayCode(OtpCode(code), times=1)
    assert isinstance(asked, Gather)
    assert (asked.rules.max_digits, asked.sensitive, asked.tag) == (2 * DIGITS, False, TAG)


def test_no_two_neighbours_of_a_made_up_code_are_the_same() -> None:
    for _ in range(200):
        code = made_up()
        assert len(code) == DIGITS
        assert all(left != right for left, right in pairwise(code))
