"""The page of outcomes: its table is the code's, and it speaks of every class, reason and party."""

from __future__ import annotations

import json
import re

import pytest

from otpvoice.core.outcome import REASONS, TABLE, EndedParty, Ending, OutcomeClass, classify
from tests.docs.outcome_table import BEGIN, PAGE, with_table

TEXT = PAGE.read_text()


def part(heading: str) -> str:
    return TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_the_table_is_the_one_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = TEXT.replace("| busy |", "| engaged |")
    assert with_table(stale) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


def test_the_outcome_that_is_shown_is_a_real_one() -> None:
    (shown,) = re.findall(r"^```json file=outcome.json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    said = classify(Ending(answered=False, replied=True, by_callee=True, sip_status=503, cause=34))
    assert json.loads(shown) == {
        "class": said.class_,
        "reason": said.reason,
        "cause": said.cause,
        "sip_status": said.sip_status,
        "ended_by": said.ended_by,
    }


def test_everybody_who_may_end_a_call_is_explained() -> None:
    listed = re.findall(r"^\| `(\w+)` \| [^|]", part("Who ended it"), re.MULTILINE)
    assert sorted(listed) == sorted(EndedParty)


def test_for_every_outcome_it_is_said_whether_to_try_again() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", part("What to try again"), re.MULTILINE)
    words = {word for row in rows for word in re.findall(r"`(\w+)`", row)} - {"outcome"}
    unfailed = {row.reason for row in TABLE if row.class_ in {OutcomeClass.COMPLETED, OutcomeClass.CANCELED}}
    unfailed |= {row.reason for row in TABLE if row.class_ is OutcomeClass.INDETERMINATE}
    assert words == set(OutcomeClass) | (REASONS - unfailed)
