"""The page for who leaves Telesign: it has every field, event and code, and its payloads are taken."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from otpvoice.core.actions import Gather, SendDigits
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.jsonrpc import events
from otpvoice.dialects.jsonrpc.answering import METHODS, MOST_FILES, actions_of
from otpvoice.dialects.jsonrpc.collecting import BETWEEN, FIRST
from otpvoice.dialects.jsonrpc.dialing import LONGEST_EXTERNAL_ID, parse_dial
from otpvoice.dialects.jsonrpc.legs import LONGEST
from otpvoice.dialects.jsonrpc.telling import STATUS
from otpvoice.dialects.jsonrpc.words import WORDS
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import ProblemFound
from tests.docs.vendor_page import ROOT, VendorPage
from tests.docs.word_table import BEGIN, with_table
from tests.scenarios.vendors.documents_telesign import DATA, missing

PAGE: Final = VendorPage("telesign")
THEIRS: Final = (
    *("dial_accepted", "premium_to_number_rejected", "to_number_blocked_by_country", "to_number_blocked_by_customer"),
    *("to_number_blocked_by_telesign", "caller_id_number_not_owned", "caller_id_number_not_provided"),
    *("invalid_phone_number", "to_number_not_provided", "unsupported_call_state", "credentials_not_provided"),
    *("not_authorized", "rate_limit_exceeded"),
)
"""The status codes of ``POST /v2/voice``."""
PARAMS: Final = {
    "dial": ("to", "caller_id_number", "external_id", "is_primary", "max_call_duration", "send_dtmf", "event_url"),
    "play": ("url",),
    "play_multiple": ("urls",),
    "speak": ("tts.message", "tts.language", "tts.voice"),
    "collect_digits": ("max", "timeout", "inter_digit_timeout", "terminators"),
    "send_dtmf": ("send_dtmf",),
}
"""What their pages have ("Voice - Actions"), and what we take besides."""


def no_reason(_url: str, /, *, schemes: tuple[str, ...] = ()) -> str | None:
    del schemes
    return None


DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default", ("+442079460000",))},
    destinations=Destinations(("+44",)),
    language="en-GB",
    check_url=no_reason,
    event_url="https://hooks.example/voice",
    account="shop",
)


def dialled() -> CallPlan:
    return parse_dial((PAGE.examples / "dial.json").read_bytes(), DEFAULTS, 0.0).plan


# --- payloads ---------------------------------------------------------------------------------------------------------


def test_every_file_that_is_shown_is_the_file() -> None:
    shown = PAGE.shown()
    assert len(shown) >= 4
    for path, text in shown.items():
        assert text == (ROOT / path).read_text(), path


def test_the_request_of_the_page_is_taken() -> None:
    plan = dialled()
    assert (plan.to, plan.caller_id, plan.metadata) == (
        "+442079460123",
        "+442079460000",
        {"external_id": "order-4711"},
    )


@pytest.mark.parametrize(("name", "terminators", "most"), [("play", "*", 5), ("speak", "#", 1)])
def test_the_actions_of_the_page_are_read(name: str, terminators: str, most: int) -> None:
    body = (PAGE.examples / f"{name}.json").read_bytes()
    (gather,) = actions_of(body, events.DIAL_COMPLETED, dialled(), DEFAULTS, 0.0)
    assert isinstance(gather, Gather)
    assert (gather.rules.terminators, gather.rules.max_digits) == (terminators, most)


@pytest.mark.parametrize("name", ["completed", "call_completed"])
def test_the_events_of_the_page_are_as_their_pages_have_them(name: str) -> None:
    assert [*missing(json.loads((PAGE.examples / f"{name}.json").read_bytes()))] == []


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_table_of_codes_is_the_one_of_the_code() -> None:
    assert with_table(PAGE.text) == PAGE.text, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = PAGE.text.replace("| `parse_error` | 400", "| `parse_error` | 200")
    assert stale != PAGE.text
    assert with_table(stale) == PAGE.text


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(PAGE.text.replace(BEGIN, ""))


def test_every_code_of_theirs_is_in_it_and_said_to_be_theirs() -> None:
    rows = {row[0].strip("`"): row for row in PAGE.rows("Answers and codes")}
    assert {word for word, row in rows.items() if row[3] == "theirs"} == set(THEIRS)
    assert WORDS.keys() < rows.keys()


def test_every_action_and_parameter_has_its_row() -> None:
    wanted = {f"{action}.{name}" for action, names in PARAMS.items() for name in names}
    assert set(PAGE.judged("Actions")) == wanted | {"hangup", "redirect"}
    assert set(METHODS) == {*PARAMS, "hangup"} - {"collect_digits"}
    assert set(PAGE.judged("The envelope")) == {"jsonrpc", "method", "params", "id"}


EVERY: Final = {value for name, value in vars(events).items() if name == "INCOMING_CALL" or name.endswith("_COMPLETED")}


def test_every_event_and_field_has_its_row() -> None:
    judged = PAGE.judged("Events")
    fields = {f"data.{name}" for data in DATA.values() for name in data}
    assert DATA.keys() <= EVERY
    assert judged.keys() >= EVERY | fields | {"event", "reference_id", "external_id", "to", "from"}
    assert judged.keys() >= set(STATUS.values()) | {"answered", "hangup", "play_successful", "speak_successful"}


def test_which_event_allows_which_action_is_what_the_table_says() -> None:
    rows = [row for row in PAGE.rows("Actions") if "`incoming_call`" in row[0] or "`play_completed`" in row[0]]
    (all_of_them, without) = rows
    assert set(re.findall(r"`(\w+)`", all_of_them[1])) == set(METHODS)
    assert "without `dial`" in without[1]
    body = json.dumps({"method": "dial", "params": {"to": "442079460124"}}).encode()
    for event in re.findall(r"`(\w+)`", all_of_them[0]):
        assert actions_of(body, event, dialled(), DEFAULTS, 0.0)
    for event in re.findall(r"`(\w+)`", without[0]):
        with pytest.raises(ProblemFound):
            actions_of(body, event, dialled(), DEFAULTS, 0.0)


def cell(name: str) -> str:
    """Return what is said of a field."""
    (found,) = [row[2] for row in PAGE.rows() if len(row) > 2 and row[0] == f"`{name}`"]
    return found


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"up to {LONGEST_EXTERNAL_ID} characters" in cell("dial.external_id")
    assert f"up to {LONGEST} ({LONGEST})" in cell("dial.max_call_duration")
    assert f"1 to {MOST_FILES}," in cell("play_multiple.urls")
    assert f"({FIRST})" in cell("collect_digits.timeout")
    assert f"({BETWEEN})" in cell("collect_digits.inter_digit_timeout")
    assert f"wait {events.PATIENCE:g} s for an answer" in PAGE.part("Events")
    open_ = {row[0]: row[1] for row in PAGE.rows("What Telesign leaves open")}
    assert open_["how long may an answer take?"] == f"{events.PATIENCE:g} s"
    assert f"`timeout` {FIRST}, `inter_digit_timeout` {BETWEEN}" in open_["`collect_digits` without a field"]


def test_keys_are_sent_by_either_name() -> None:
    for name in ("send_dtmf", "digits"):
        body = json.dumps({"method": "send_dtmf", "params": {name: "1w2"}}).encode()
        assert actions_of(body, events.DIAL_COMPLETED, dialled(), DEFAULTS, 0.0) == (
            SendDigits("1w2", id=events.SEND_DTMF),
        )
