"""The templates in ``asterisk/``: what is replaced, what is not, and what is refused."""

from __future__ import annotations

import re

import pytest

from otpvoice.testkit.configuration import defaults, render, source_folder


def test_only_placeholders_are_replaced() -> None:
    text = "exten => _X.,1,Dial(PJSIP/${EXTEN}@trunk) ; someone@example.com @lower@ @PORT@"
    assert render(text, {"PORT": "5060"}) == text.replace("@PORT@", "5060")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (None, "is not in"),
        ("", "must be given"),
        ("a;b", "syntax"),
        ("a\nb", "syntax"),
        ("a]b", "syntax"),
        (" secret", "syntax"),
        ("secret ", "syntax"),
    ],
)
def test_what_is_refused(value: str | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        render("password = @ARI_PASSWORD@", {} if value is None else {"ARI_PASSWORD": value})
    assert not value or value not in str(refused.value)


def test_defaults_list_what_the_files_use_and_nothing_else() -> None:
    files = source_folder().glob("*.conf")
    used = {name for file in files for name in re.findall(r"@([A-Z][A-Z0-9_]*)@", file.read_text())}
    assert used == defaults(source_folder()).keys()


def test_what_has_no_default_is_what_only_an_admin_can_know() -> None:
    assert {name for name, value in defaults(source_folder()).items() if not value} == {"ARI_PASSWORD", "TRUNK_HOST"}


def test_keys_that_a_callee_presses_are_not_logged() -> None:
    """The logger level ``dtmf`` would write each of them down."""
    lines = (source_folder() / "logger.conf").read_text().splitlines()
    levels = [line.split("=>")[1] for line in lines if "=>" in line and not line.startswith(";")]
    assert levels
    assert not any("dtmf" in line or "*" in line for line in [*levels, defaults(source_folder())["LOG_LEVELS"]])
