"""The page of test keys: its table is the code's, its request is taken and does what is said, its figures are right."""

from __future__ import annotations

import re

import pytest

from otpvoice.core.plan import CallPlan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.rehearsal.callee import QUIET
from otpvoice.rehearsal.line import TALK
from otpvoice.rehearsal.numbers import ANYBODY, TABLE
from otpvoice.rehearsal.playing import SPEED
from otpvoice.rehearsal.scripts import PicksUp
from otpvoice.trust.keys import TEST_KEY
from tests.docs.number_table import BEGIN, PAGE, with_table
from tests.rehearsal.rig import rehearse, verdict
from tests.rehearsal.virtual import in_no_time

TEXT = PAGE.read_text()
SETTINGS = (PAGE.parent / "settings.md").read_text()


def shown() -> CallPlan:
    """Return the request of the page as it is read for an account that is set up as the page says."""
    (payload,) = re.findall(r"^```json file=test-call.json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (prefix,) = re.findall(r"`OTPVOICE_ALLOW_DESTINATIONS`, say\n`(\+\d+)`", TEXT)
    allowed = Destinations((prefix,))
    assert not [row.number for row in TABLE if allowed.refusal(row.number)]
    return parse_call(payload.encode(), CallDefaults({"default": TrunkOffer("default")}, allowed, "en-US"), 0.0).plan


def test_the_table_is_the_one_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = TEXT.replace("is busy (486)", "is engaged")
    assert stale != TEXT
    assert with_table(stale) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


def test_the_request_of_the_page_ends_as_the_table_says() -> None:
    plan = shown()
    assert plan.to is not None
    call, summary = in_no_time(rehearse(plan.to, *plan.actions))
    assert verdict(summary) == ("completed", None, "plan")
    assert (summary["delivered"], summary["test"]) == (True, True)
    assert [entry["digits"] for entry in summary["collected"]] == ["123456"]
    assert list(dict.fromkeys(state.value for _, state in call.seen)) == ["dialing", "ringing", "answered"]
    assert summary["talk_ms"] < 2000, "a second or two"


def test_the_key_of_the_page_is_one() -> None:
    (begins,) = re.findall(r'^\$ echo "(\w+)\$\(openssl rand -hex 24\)"$', TEXT, re.MULTILINE)
    assert begins == TEST_KEY
    (least, most) = re.findall(r"API_KEYS_FILE` \|[^|]*?(\d+) to (\d+) characters", SETTINGS)[0]
    assert int(least) <= len(begins + "0f" * 24) <= int(most)


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"passes {SPEED} times as fast" in TEXT
    assert f"quiet for {QUIET * 1000:g} ms" in TEXT
    assert TALK == 1.0
    assert "talks for a second" in TEXT
    assert PicksUp(keys=("1",)) == ANYBODY
    assert "presses 1 when asked" in TEXT
