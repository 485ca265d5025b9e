"""A call that a former life left, and that was closed by the next one, is shown as the OpenAPI document has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

import otpvoice
from otpvoice.core.events import Event
from otpvoice.core.inheritance import closed
from otpvoice.core.outcome import Outcome
from otpvoice.core.record import CallRecord
from tests.core.test_inheritance import AT, BEGINNINGS, EVENTS, OUTCOMES

DOCUMENT: Final = json.loads((Path(otpvoice.__file__).parent / "web" / "openapi.json").read_text())
CALL: Final = jsonschema_rs.Draft202012Validator(
    {"$ref": "#/components/schemas/Call", "components": DOCUMENT["components"]}, validate_formats=True
)


@given(BEGINNINGS, st.lists(EVENTS, max_size=12), OUTCOMES, AT, st.booleans())
def test_a_record_that_was_closed_is_a_call(
    record: CallRecord, life: list[Event], outcome: Outcome, at: float, seen: bool
) -> None:
    for event in life:
        record.note(event)
    CALL.validate(json.loads(json.dumps(closed(record.to_json(), outcome, at, seen=seen))))
