"""Facts in, findings out: every fault that the doctor knows is told by its facts, and by no others."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest

from otpvoice.doctor import CHECKS, Finding, Status
from otpvoice.doctor.finding import Fault
from tests.doctor import rows_asterisk, rows_others, rows_speech, rows_trunk
from tests.doctor.words import Row, name_of

ROWS: Final[Sequence[Row]] = (*rows_asterisk.ROWS, *rows_trunk.ROWS, *rows_others.ROWS, *rows_speech.ROWS)
FAULTS: Final[list[Fault]] = [fault for check in CHECKS for fault in check.faults]
ALL: Final[list[Finding]] = [finding for row in ROWS for finding in row.found]
NAMES: Final = {f"{fault.check}.{fault.name}" for fault in FAULTS}


def numbered() -> list[str]:
    seen: Counter[str] = Counter()
    ids: list[str] = []
    for one in ROWS:
        seen[one.expected] += 1
        ids.append(f"{one.expected}-{seen[one.expected]}")
    return ids


@pytest.mark.parametrize("row", ROWS, ids=numbered())
def test_facts_are_called_by_their_name(row: Row) -> None:
    assert row.expected in [name_of(finding) for finding in row.found]


def test_where_nothing_is_wrong_nothing_else_is_found() -> None:
    for row in ROWS:
        if row.expected.endswith(".ok"):
            assert {finding.status for finding in row.found} == {Status.OK}, row.expected
            assert not [finding for finding in row.found if finding.remedy]


def test_every_fault_has_a_row() -> None:
    assert {row.expected for row in ROWS} >= NAMES


def test_every_check_has_a_row_where_nothing_is_wrong() -> None:
    assert {row.expected for row in ROWS} >= {f"{check.word}.ok" for check in CHECKS}


def test_words_are_told_apart() -> None:
    assert len(NAMES) == len(FAULTS)
    assert len({check.word for check in CHECKS}) == len(CHECKS)


def test_every_fault_says_what_to_do() -> None:
    for fault in FAULTS:
        assert fault.remedy.endswith((".", "?")), fault.name
        assert not fault.message.endswith("."), fault.name


def test_a_remedy_is_filled_in() -> None:
    """No placeholder is left, but for those that are meant: what the administrator writes in a dial string."""
    for finding in ALL:
        for text in (finding.message, finding.remedy):
            left = [name for _, name, _, _ in string.Formatter().parse(text.replace("{number}", "")) if name]
            assert not [name for name in left if name.isidentifier()], text


def test_no_secret_of_a_webhook_is_shown() -> None:
    """Path and query may be keys."""
    told = str([finding.to_json() for finding in ALL])
    assert "shop.example" in told
    assert "secret-path" not in told
    assert "k3y" not in told
