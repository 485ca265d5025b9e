"""What can be said of the files of ``dialplan/`` without running them: the rules that each of them promises to keep."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.dialplan.house import RECIPES, ROOT

FILES = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
# Built into Asterisk itself (main/pbx_builtins.c, pbx_functions.c).
BUILT_IN = {"Congestion", "Goto", "GotoIf", "Hangup", "Set"}
MODULES = {
    "Dial": "app_dial.so",
    "Log": "app_verbose.so",
    "Originate": "app_originate.so",
    "Stasis": "app_stasis.so",
    "FILTER": "func_strings.so",
    "LEN": "func_strings.so",
    "AST_CONFIG": "func_config.so",
    "CALLERID": "func_callerid.so",
    "GROUP": "func_groupcount.so",
    "GROUP_COUNT": "func_groupcount.so",
    "PJSIP_HEADER": "res_pjsip_header_funcs.so",
    "TIMEOUT": "func_timeout.so",
}
# What most recipes do without, so that whoever uses it says so.
OWN = {"app_dial.so", "app_originate.so", "func_config.so", "func_groupcount.so", "func_timeout.so"}
# What somebody outside decides.
FOREIGN = re.compile(r"\$\{(EXTEN\b|CALLERID\(|PJSIP_HEADER\(|OTP_CALL\b|OTP_CODE\b)")


def steps(path: Path) -> list[str]:
    """Return what is done, line by line, without the extension and the priority that it belongs to."""
    found = re.findall(r"^(?:exten =>[^,]+|\s*same =>\s*)(.*)$", path.read_text(), re.MULTILINE)
    return [re.sub(r"^,?(n|\d+)(\(\w+\))?,", "", step) for step in found]


def test_there_are_recipes() -> None:
    assert len(RECIPES) == 9
    assert sorted((ROOT / "dialplan").iterdir()) == RECIPES


@FILES
def test_each_context_has_our_name_in_front(path: Path) -> None:
    names = re.findall(r"^\[(.*?)\]", path.read_text(), re.MULTILINE)
    assert names
    assert all(name.startswith("otpvoice-") for name in names)


@FILES
def test_what_comes_from_outside_is_filtered(path: Path) -> None:
    for step in steps(path):
        for found in FOREIGN.finditer(step):
            assert re.search(r"\$\{FILTER\([^,]+,$", step[: found.start()]), step


@FILES
def test_nobody_outside_decides_what_is_dialled(path: Path) -> None:
    """But for one context, which warns of itself; and each second call has a cap of time and one of number."""
    text = path.read_text()
    fixed, _, dialled = text.partition("[otpvoice-connect-dialled]")
    assert not dialled or ("WARNING" in dialled and "from-trunk" in dialled)
    for number in re.findall(r"CONNECT_TO=(.*)\)$", re.sub(r"^;.*$", "", fixed, flags=re.MULTILINE), re.MULTILINE):
        assert re.fullmatch(r"\+44207946000\d", number), "a number that is reserved for examples"
    for before, step in pairwise(steps(path)):
        if "dial=" in step:
            assert "dial=${CONNECT_TO}" in step
            assert before.startswith("Set(TIMEOUT(absolute)=")
            assert "GROUP_COUNT(" in text


@FILES
def test_no_code_and_no_key_is_an_argument(path: Path) -> None:
    """But for the one line that says so. Within an expression only what comes of it is logged."""
    for step in steps(path):
        outside = re.sub(r"\$\[.*\]", "", step)
        assert "OTPVOICE_DIGITS}" not in outside
        assert "OTP_CODE}" not in outside or step.startswith("Originate(")
        assert not re.search(r"\bcode=", outside)


@FILES
def test_whatever_is_used_is_loaded(path: Path) -> None:
    loaded = (ROOT / "asterisk" / "modules.conf").read_text()
    head = path.read_text().split("\n\n[")[0]
    used = {name for step in steps(path) for name in re.findall(r"(?:^|\{|(?<=^Set\())(\w+)\(", step)} - BUILT_IN
    for name in used:
        assert re.search(rf"^(load|require) = {re.escape(MODULES[name])}", loaded, re.MULTILINE)
        own = MODULES[name] in OWN or path.name == "common.conf"
        assert not own or MODULES[name] in head, f"{path.name} does not say that it needs {MODULES[name]}"


@FILES
def test_after_each_stasis_nobody_relies_on_its_having_run(path: Path) -> None:
    """STASISSTATUS is asked next, or nothing of the call is used any more."""
    found = steps(path)
    for step, after in pairwise(found):
        if step.startswith("Stasis("):
            assert after.startswith(("Goto", "Hangup")), after
            assert "OTPVOICE_" not in after


@FILES
def test_whoever_hangs_up_is_written_down(path: Path) -> None:
    for text in re.split(r"^\[", path.read_text(), flags=re.MULTILINE)[1:]:
        assert text.startswith("otpvoice-common]") or "include => otpvoice-common\n" in text


def test_the_shipped_configuration_says_how_they_are_included() -> None:
    text = (ROOT / "asterisk" / "extensions.conf").read_text()
    assert re.findall(r'^;#include "otpvoice/(.*)"', text, re.MULTILINE) == [
        "common.conf",
        *(path.name for path in RECIPES if path.name != "common.conf"),
    ]


def test_no_key_is_in_a_log() -> None:
    """The level dtmf writes down every key that is pressed."""
    text = (ROOT / "asterisk" / "logger.conf").read_text()
    levels = [line for line in text.splitlines() if "=>" in line and not line.startswith(";")]
    assert levels
    assert not any("dtmf" in line or "*" in line for line in levels)
    assert "dtmf" not in (ROOT / "asterisk" / "defaults.env").read_text()
