"""The page of the doctor: its tables are the code's, and the report that it shows is one that could be."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from otpvoice.cli.doctor_report import SCHEMA
from otpvoice.doctor import CHECKS, Status
from tests.docs.doctor_table import BEGIN, PAGE, with_table

TEXT = PAGE.read_text()


def shown() -> list[str]:
    (report,) = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(report).splitlines()


def test_the_tables_are_those_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    assert with_table(TEXT.replace("| failed `refused` |", "| failed `away` |")) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


def test_every_fault_has_its_row_and_every_row_three_cells() -> None:
    rows = re.findall(r"^\| (?:failed|warning|unknown) `\w+` \|.*$", TEXT, re.MULTILINE)
    assert len(rows) == sum(len(check.faults) for check in CHECKS)
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 4, row


def test_no_prose_stands_in_code() -> None:
    rows = "\n".join(re.findall(r"^\| (?:failed|warning|unknown) `.*$", TEXT, re.MULTILINE))
    marked = re.findall(r"`([^`]+)`", rows)
    assert "redis-cli slowlog get" in marked
    assert [code for code in marked if re.search(r",| and | or | by ", code)] == []
    assert "`" not in str(
        [fault().remedy for check in CHECKS for fault in check.faults if "{" not in fault.remedy + fault.message]
    )


def test_the_report_that_is_shown_has_all_checks_in_their_order() -> None:
    lines = [line.split()[:2] for line in shown() if line and not line.startswith(" ")]
    *findings, _ = lines
    assert [check for _, check in findings] == [check.word for check in CHECKS if check.word != "call"]
    assert {status for status, _ in findings} <= {status.value for status in Status}


def test_its_remedies_and_its_sum_are_true() -> None:
    """What is shown as wrong has the words of a fault."""
    lines = shown()
    by_word = {check.word: check for check in CHECKS}
    wrong = [(line.split()[1], after.strip()) for line, after in pairwise(lines) if after[:1] == " "]
    for word, remedy in wrong:
        patterns = [
            re.sub(r"\\\{.*?\\\}", ".*", re.escape(fault.remedy.replace("`", ""))) for fault in by_word[word].faults
        ]
        assert any(re.fullmatch(pattern, remedy) for pattern in patterns), remedy
    counts = {status: sum(line.startswith(f"{status} ") for line in lines) for status in Status}
    told = ", ".join(f"{counts[status]} {status}" for status in reversed(Status) if counts[status])
    assert lines[-1] == f"{sum(counts.values())} findings: {told}"


def test_the_words_of_the_page_are_those_of_the_program() -> None:
    meanings = TEXT.split("\n## What a line means\n")[1].split("```")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", meanings, re.MULTILINE)) == {status.value for status in Status}
    assert f"`schema` ({SCHEMA})" in TEXT
