"""The page for who leaves 8x8: it has every field and code, its payloads are taken, its numbers are the code's."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest

from otpvoice.core.actions import Dial, Hangup, Say
from otpvoice.core.outcome import OutcomeClass
from otpvoice.core.plan import Hook
from otpvoice.dialects.callflow import codes, params, reading, registration, status, values
from otpvoice.dialects.callflow.answering import read_answer
from otpvoice.dialects.callflow.entries import MOST_ACTIONS
from otpvoice.dialects.callflow.reading import parse_callflow
from otpvoice.dialects.callflow.status import Word, leg_word
from otpvoice.dialects.callflow.telling import MOST_KEYS
from otpvoice.dialects.callflow.wrongs import Refused
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.seen import Seen
from tests.docs.vendor_page import ROOT, VERDICTS, VendorPage
from tests.scenarios.vendors.documents_8x8 import ERRORS, VCA, VCS, VSS
from tests.scenarios.vendors.tables import Optional, faults

PAGE: Final = VendorPage("8x8")
HOOKS: Final = {"VCA": Hook("VCA", "https://hooks.example/voice/vca")}
NOW: Final = 1_800_000_000.0


def scenario(name: str) -> bytes | None:
    path = PAGE.examples / f"{name}.json"
    return path.read_bytes() if path.exists() else None


def no_reason(_url: str, /, *, schemes: tuple[str, ...] = ()) -> str | None:
    del schemes
    return None


DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default", ("+442079460000",))},
    destinations=Destinations(("+44",)),
    language="en-GB",
    check_url=no_reason,
    scenarios=scenario,
    account="shop",
)
SEED: Final = (
    *(1, -1001, -1002, -1003, -1004, -1005, -1006, -1007, -1008, -1009, -1010, -1011, -1012, -1013, -1014),
    *(-1015, -1016, -1017, -1018, -1019, -9999),
)
"""The table of the guide "Voice Messaging"."""
MODELS: Final[dict[str, type[params.Params]]] = {
    "makeCall": params.MakeCall,
    "say": params.Say,
    "playFile": params.PlayFile,
    "sayAndCapture": params.SayAndCapture,
    "scenario": params.Scenario,
}


# --- payloads ---------------------------------------------------------------------------------------------------------


def test_every_file_that_is_shown_is_the_file() -> None:
    shown = PAGE.shown()
    assert len(shown) >= 6
    for path, text in shown.items():
        assert text == (ROOT / path).read_text(), path


@pytest.mark.parametrize("name", ["menu", "message", "file", "bridge", "scenario"])
def test_a_callflow_of_the_page_is_taken(name: str) -> None:
    asked = parse_callflow((PAGE.examples / f"{name}.json").read_bytes(), DEFAULTS, HOOKS, NOW)
    assert (asked.plan.to, asked.plan.caller_id, asked.refused) == ("+442079460123", "+442079460000", None)


def test_the_scenario_of_the_page_is_filled_in() -> None:
    asked = parse_callflow((PAGE.examples / "scenario.json").read_bytes(), DEFAULTS, HOOKS, NOW)
    said = asked.plan.actions[0]
    assert isinstance(said, Say)
    assert (said.text, said.times) == ("Dear Dave, your appointment is tomorrow.", 2)


def test_the_answer_of_the_page_is_read() -> None:
    plan = parse_callflow((PAGE.examples / "menu.json").read_bytes(), DEFAULTS, HOOKS, NOW).plan
    answer = (PAGE.examples / "answer.json").read_bytes()
    said, dialled, end = read_answer(answer, "CALL_ACTION", plan, replace(DEFAULTS), NOW)
    assert (type(said), type(dialled), type(end)) == (Say, Dial, Hangup)
    assert said.id == dialled.id == json.loads(answer)["clientActionId"]


@pytest.mark.parametrize(("name", "table"), [("vca", VCA), ("vss", VSS)])
def test_what_is_shown_as_posted_is_as_their_pages_have_it(name: str, table: dict[str, Any]) -> None:
    assert [*faults(json.loads((PAGE.examples / f"{name}.json").read_bytes()), table)] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"version": 5', '"version": "5"'),
        ('"callA"', '"CallA"'),
        ('"callCount": 1,', ""),
        ("2026-11-28T08:26:58Z", "2026-11-28T08:26:58"),
        ('"callDuration": 24', '"callDuration": null'),
        ('"mos": 4.4', '"mos": 0'),
        ('"SAY_AND_CAPTURE"', '"GATHER"'),
        ('"+442079460123"', '"+44-2079460123"'),
    ],
)
def test_what_is_not_as_their_pages_have_it_is_seen(before: str, after: str) -> None:
    text = (PAGE.examples / "vss.json").read_text()
    assert before in text
    assert [*faults(json.loads(text.replace(before, after)), VSS)] != []


EXAMPLE_1: Final[dict[str, Any]] = {
    "callflow": [
        {"action": "makeCall", "params": {"source": "+442079460000", "destination": "+442079460123"}},
        {
            "action": "sayAndCapture",
            "params": {
                "promptMessage": "Press 1 for Sales, Press 2 for Support",
                "voiceProfile": "en-US-Neural2-C",
                "minDigits": 1,
                "maxDigits": 1,
                "digitTimeout": 5000,
                "completeOnHash": False,
            },
        },
    ]
}
""" "Send Callflow", "IVR with DTMF Capture", with numbers of ours."""


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("digitTimeout", 5000, -1005), ("overallTimeout", 10000, None), ("minDigits", 0, -1009)],
)
def test_their_first_sample_is_refused_by_their_own_rule_and_taken_with_the_remedy_of_the_page(
    field: str, value: int, code: int | None
) -> None:
    sample = copy.deepcopy(EXAMPLE_1)
    sample["callflow"][1]["params"] |= {"overallTimeout": 10000} if field == "minDigits" else {}
    sample["callflow"][1]["params"][field] = value
    body = json.dumps(sample).encode()
    if code is None:
        assert f'add `"{field}": {value}`' in PAGE.part("Quick start")
        assert parse_callflow(body, DEFAULTS, HOOKS, NOW).plan.to == "+442079460123"
        return
    with pytest.raises(Refused) as refused:
        parse_callflow(body, DEFAULTS, HOOKS, NOW)
    assert refused.value.code == code


def test_of_enabled_and_active_the_first_counts() -> None:
    body = {"type": "VCA", "url": "https://hooks.example/voice/vca"}
    for enabled in (True, False):
        both = json.dumps(body | {"enabled": enabled, "active": not enabled}).encode()
        assert registration.parse_registration(both, DEFAULTS, NOW).enabled is enabled
    assert "Where both are given `enabled` counts" in cell("enabled")


# --- tables -----------------------------------------------------------------------------------------------------------


def test_every_field_of_a_request_has_its_row() -> None:
    fields = {f"{action}.{field.alias}" for action, model in MODELS.items() for field in model.model_fields.values()}
    assert "sayAndCapture.noOfTries" in fields
    assert set(PAGE.judged("Actions")) == fields
    assert set(PAGE.judged("The body")) == {field.alias for field in reading._Body.model_fields.values()}


def test_every_field_of_a_registration_has_its_row() -> None:
    fields = {str(field.alias) for field in registration._Body.model_fields.values()}
    assert "active" in fields
    assert "active" in cell("enabled")
    assert set(PAGE.judged("Webhooks")) == fields - {"active"}
    for type_ in registration.TYPES:
        assert f"`{type_}`" in cell("type")


def names_of(table: dict[str, Any], prefix: str = "") -> set[str]:
    return {prefix + name for name in table}


def test_every_field_that_is_posted_has_its_row() -> None:
    envelope = {"namespace", "eventType", "description"}
    assert set(PAGE.judged("VCA")) == envelope | names_of(VCA["payload"], "payload.")
    leg = VSS["payload"]["details"]["callA"]
    assert isinstance(leg, Optional)
    assert isinstance(leg.kind, dict)
    summed = names_of(VSS["payload"], "payload.") | names_of(leg.kind, "callA.") | {"version"}
    assert set(PAGE.judged("VSS")) == envelope | summed
    (said,) = re.findall(r"^The fields of VCA without (.*?), with `eventType`", PAGE.part("VCS"), re.MULTILINE)
    absent = set(re.findall(r"`(\w+)`", said))
    assert absent == {"eventData", "clientActionId", "sourceRefId", "destinationRefId"}
    assert set(VCA["payload"]) - absent == {name for name in VCS["payload"] if name not in absent}
    assert set(PAGE.judged("VCS")) == {
        *("CALL_INITIATED", "CALL_RECEIVED", "CALL_CONNECTED", "CALL_DISCONNECTED"),
        *("CALL_UPDATED", "DTMF_RECEIVED"),
    }


def test_every_status_code_has_its_row_and_its_text() -> None:
    rows = PAGE.rows("Status codes")
    said = {int(code): text for code, _, _, text in rows}
    assert said == codes.MESSAGES
    assert set(SEED) | {-1020} == set(said)
    assert {verdict for _, verdict, _, _ in rows} <= VERDICTS


def test_every_error_code_has_its_row_and_its_text() -> None:
    rows = PAGE.rows("Error codes")
    assert {int(code): text for code, _, _, text in rows} == codes.SESSION_ERRORS == ERRORS


def test_every_status_of_a_session_is_named() -> None:
    (row,) = [row for row in PAGE.rows("VSS") if row[0] == "`payload.sessionStatus`"]
    assert set(Word) | {"COMPLETED_UNSUBSCRIBED", "COMPLETED_UNSUB_ERROR", "UNSUBSCRIBED_CONTACT"} == set(
        re.findall(r"`(\w+)`", row[2])
    )


def test_every_status_of_a_leg_is_named() -> None:
    ends: list[dict[str, str | None]] = [{"class": kind, "reason": None} for kind in OutcomeClass]
    ends += [{"class": OutcomeClass.FAILED, "reason": reason} for reason in status.ERRORS]
    words = {answered: {leg_word(Seen(end), connected=answered) for end in ends} for answered in (True, False)}
    assert words[True] | words[False] == set(re.findall(r"`(\w+)`", cell("callA.callStatus")))
    assert Word.ERROR in words[False] - words[True]
    assert "`ERROR` of a leg that was never answered" in cell("callA.callStatus")


def cell(name: str) -> str:
    """Return what is said of a field."""
    (found,) = [row[2] for row in PAGE.rows() if len(row) > 2 and row[0] == f"`{name}`"]
    return found


def test_the_numbers_are_those_of_the_code() -> None:
    assert cell("callflow").startswith(f"1 to {MOST_ACTIONS} actions")
    assert f"more than {MOST_ACTIONS} actions" in PAGE.part("Status codes")
    assert f"1 to {values.MOST_DIGITS} ({params.DEFAULT_MOST_DIGITS})" in cell("sayAndCapture.maxDigits")
    assert f"is false 1 to {params.MOST_WITHOUT_HASH}" in cell("sayAndCapture.maxDigits")
    most = f"1 to {values.LONGEST_TIMEOUT} ({params.DEFAULT_OVERALL_TIMEOUT})"
    assert most in cell("sayAndCapture.overallTimeout")
    assert "1 to 10 (3)" in cell("sayAndCapture.noOfTries")
    open_ = {row[0]: row[1] for row in PAGE.rows("What 8x8 leaves open")}
    assert open_["how long a call may last"] == f"{reading.LONGEST_CALL:g} s from the answer"
    assert open_["how long the webhook of type VCA has"] == f"{reading.PATIENCE:g} s"
    assert f"answer within {reading.PATIENCE:g} s" in PAGE.part("Webhooks")
    assert f"at most {MOST_KEYS} a call" in PAGE.part("VCS")


def test_what_is_given_by_default_is_what_the_model_has() -> None:
    given = {field.alias: field.default for field in params.SayAndCapture.model_fields.values()}
    assert (given["noOfTries"], given["completeOnHash"], given["speed"], given["repetition"]) == (3, True, 1, 1)
