"""What ``demo`` is given is looked at before anything starts."""

from __future__ import annotations

import json
import sys

import pytest

from otpvoice.cli import demo as demo_module
from otpvoice.cli.demo import demo
from otpvoice.core.e164 import is_e164
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.problems import ProblemFound
from tests.dialects.account import DEFAULTS, NOW

TO = "TO must be a number in E.164 with plus, as in +12025550123\n"
CODE = "CODE must be 3 to 12 characters of 0-9, A-Z, a-z\n"
NUMBERS = [
    "+12025550123", "+442079460123", "+123456", "+12345", "+123456789012345", "+1234567890123456", "12025550123",
    "+02025550123", "+1202 5550123", "+12025550123,+1", "+12025550123\n", "+١٢٠٢٥٥٥", "+999", "abc", "+", "",
]  # fmt: skip


@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        ("abc", "482913", TO),
        ("+999", "482913", TO),
        ("+12025550123,+1", "482913", TO),
        ("+12025550123\n", "482913", TO),
        ("\x1b[2J", "482913", TO),
        ("+12025550123", "12", CODE),
        ("+12025550123", "1234567890123", CODE),
        ("+12025550123", "48 29 13", CODE),
        ("+12025550123", "٤٨٢٩", CODE),
        ("abc", "ab", TO + CODE),
    ],
)
def test_to_and_code_are_told_by_name_and_rule_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, to: str, code: str, said: str
) -> None:
    # Nothing may be imported for it, still less started.
    monkeypatch.setitem(sys.modules, "otpvoice.cli.demo_call", None)
    monkeypatch.setenv("TO", to)
    monkeypatch.setenv("CODE", code)
    assert demo() == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", said)


def test_the_defaults_are_right() -> None:
    assert list(demo_module._wrong(demo_module.TO, demo_module.CODE)) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_the_door_s_number(number: str) -> None:
    body = json.dumps({"to": number, "code": "482913"}).encode()
    try:
        parse_call(body, DEFAULTS, NOW)
    except ProblemFound as found:
        taken = all(problem.code == "destination_not_allowed" for problem in found.problems)
    else:
        taken = True
    assert is_e164(number) is taken
