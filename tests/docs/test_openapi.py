"""The OpenAPI document: it is the one of the code, it is valid, and what it says of requests and answers is true."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otpvoice.core.actions import Stream
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallDialed,
    CodeReplayed,
    DigitsCollected,
    Event,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.core.outcome import TABLE, Ending, classify
from otpvoice.core.record import CallRecord, State
from otpvoice.core.secret import Keys
from otpvoice.core.speech import CodeCharacter
from otpvoice.dialects import fields, native, native_actions, native_speech, native_streams
from otpvoice.dialects.models import Model
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.native_events import TYPES, envelope, told
from otpvoice.dialects.numbers import Number
from otpvoice.dialects.openapi_paths import HAPPENED, PROBLEMS
from otpvoice.dialects.openapi_schemas import RULES, rule_of, words
from otpvoice.dialects.openapi_words import COMMON, JOINT, WORDS
from otpvoice.dialects.problems import ProblemFound
from otpvoice.web.app import Health, make_app
from otpvoice.web.server import listen
from tests.core.test_record import LIFE, fresh
from tests.dialects.account import DEFAULTS, NOW
from tests.docs.openapi_document import FILE, GOOD, calls, text
from tests.web.subaccounts import BODY, PROFILES, WEBHOOKS, ask, opened_now, register
from tests.web.world import FakeStore, Switchboard, logged

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
BAD = sorted((GOOD.parent / "bad").glob("*.json"))


@cache
def validator(name: str, *, strict: bool = False) -> jsonschema_rs.Draft202012Validator:
    """Return what checks a value against a schema; ``strict``: what the schema does not name is wrong, too."""
    components = {"schemas": closed(SCHEMAS) if strict else SCHEMAS}
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": components}, validate_formats=True
    )


def closed(schema: Any) -> Any:
    """Return a schema whose objects have no other members than it names."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if "properties" in schema and "type" in schema else inner


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_the_one_of_the_code() -> None:
    assert FILE.read_text() == text(), "make docs"


def test_it_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(copy.deepcopy(DOCUMENT)).validate()
    broken = copy.deepcopy(DOCUMENT)
    del broken["paths"]["/v1/calls"]["post"]["requestBody"]["content"]
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one(name: str) -> None:
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name]})


def test_each_reference_leads_somewhere() -> None:
    for one in objects(DOCUMENT):
        if isinstance(ref := one.get("$ref"), str):
            place: Any = DOCUMENT
            for step in ref.removeprefix("#/").split("/"):
                place = place[step]


def test_each_part_is_referred_to() -> None:
    used = {one["$ref"] for one in objects(DOCUMENT) if isinstance(one.get("$ref"), str)}
    kinds = ("schemas", "parameters", "headers", "responses")
    assert used == {f"#/components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]}


def test_each_operation_has_a_name_of_its_own_and_the_links_know_it() -> None:
    names = [one["operationId"] for one in objects(DOCUMENT["paths"]) if "operationId" in one and "responses" in one]
    assert len(set(names)) == len(names) == 17
    links = DOCUMENT["paths"]["/v1/calls"]["post"]["responses"]["202"]["links"].values()
    assert {link["operationId"] for link in links} < set(names)


def test_each_problem_says_when_to_come_back_where_that_helps() -> None:
    for status, (name, _) in PROBLEMS.items():
        assert ("headers" in DOCUMENT["components"]["responses"][name]) is (status in {409, 429, 503})


def test_each_type_of_event_is_a_webhook() -> None:
    assert tuple(HAPPENED) == TYPES == tuple(DOCUMENT["webhooks"])


# --- requests ---------------------------------------------------------------------------------------------------------


def test_the_examples_are_those_that_the_tests_post() -> None:
    shown = DOCUMENT["paths"]["/v1/calls"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert {name: example["value"] for name, example in shown.items()} == {
        path.stem: json.loads(path.read_text()) for path in GOOD.glob("*.json")
    }


@pytest.mark.parametrize("path", sorted(GOOD.glob("*.json")), ids=lambda path: path.stem)
def test_a_good_example_is_what_the_schema_says(path: Path) -> None:
    validator("CallBody").validate(json.loads(path.read_text()))


@pytest.mark.parametrize(
    "name",
    ["shorthand.json", "actions.json", "prepared.json", "recordings.json", "streams.json", "hosted-voice.json"],
)
def test_so_is_a_payload_of_the_api_page(name: str) -> None:
    page = (FILE.parents[2] / "docs" / "http.md").read_text()
    (payload,) = re.findall(rf"^```json file={re.escape(name)}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    validator("CallBody").validate(json.loads(payload))


SHAPE = {"required", "unknown_field", "type", "choice", "null"}
"""Codes of complaints that a schema can always have, too."""


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_example_is_refused_by_the_schema_where_that_can_tell(path: Path) -> None:
    fault, *found = path.with_suffix(".txt").read_text().splitlines()
    if fault == "invalid_request" and SHAPE & {line.split()[1].rstrip(":") for line in found}:
        assert not validator("CallBody").is_valid(json.loads(path.read_text()))


DOCUMENTS = [json.loads(path.read_text()) for path in sorted(GOOD.glob("*.json"))]
LEAVES = st.sampled_from(
    [
        "+442079460123",
        "1000",
        "918273",
        "1",
        "any",
        "random",
        "de",
        "pt-br",
        "espeak:x",
        "X-A",
        "{code}",
        "say",
        "#",
        "w",
        "wss://a.example/?sample-rate=8000",
        "https://a:b@a.example/",
        "exotel",
        "voxology",
        "talk",
        "inbound",
        "second",
        "bearer",
        8000,
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 70) | st.floats(0, 100) | st.text(max_size=8) | LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(LEAVES | st.sampled_from(["key", "type"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return all values of a document, as (container, key)."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [place for key in keys for place in ((document, key), *places(document[key]))]


@settings(max_examples=300)
@given(st.data())
def test_the_schema_refuses_nothing_that_the_service_takes(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            container[key] = data.draw(VALUES)
        else:
            del container[key]
        assume(places(document))
    try:
        parse_call(json.dumps(document).encode(), DEFAULTS, NOW)
    except ProblemFound:
        return
    validator("CallBody").validate(document)


@pytest.mark.parametrize("example", [*DOCUMENTS, {"to": "+442079460123"}, {"dial": False}], ids=str)
def test_fields_that_go_together_are_those_of_the_service(example: Mapping[str, Any]) -> None:
    """With each field of a call left out, and each pair of fields put in that may be in each other's way."""
    fields = SCHEMAS["CallBody"]["properties"].keys()
    changed = [{name: value for name, value in example.items() if name != field} for field in fields]
    changed += [{**example, **more} for more in MORE]
    for document in changed:
        try:
            parse_call(json.dumps(document).encode(), DEFAULTS, NOW)
        except ProblemFound as found:
            if any(one.code in {"conflict", "required"} and one.path.count(".") == 1 for one in found.problems):
                assert not validator("CallBody").is_valid(document), document
        else:
            validator("CallBody").validate(document)


MORE: list[dict[str, Any]] = [
    {"brand": "Acme"},
    {"template": "{code}"},
    {"times": 1},
    {"speed": 1},
    {"replay": {}},
    {"gate": {}},
    {"gather": {}},
    {"code": "918273"},
    {"actions": [{"type": "hangup"}]},
    {"dial": False},
    {"dial": True},
    {"dial": False, "ring_timeout": 9},
    {"dial": False, "sip_headers": {}},
]


def test_no_value_may_be_null_but_in_metadata_and_a_group_that_the_language_decides() -> None:
    for name in ("CallBody", "Answer", "Say", "Gather"):
        assert "null" not in json.dumps(SCHEMAS[name])
    fields_ = SCHEMAS["SayCode"]["properties"]
    assert [name for name, field in fields_.items() if '"null"' in json.dumps(field)] == ["group"]
    assert validator("SayCode").is_valid({"type": "say_code", "code": "918273", "group": None})
    assert SCHEMAS["CallBody"]["properties"]["metadata"]["additionalProperties"] is True


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (fields.Code, ["123", "Abcdefghi012"], ["12", "1234567890123", "12-3", "١٢٣٤"]),
        (fields.Text, ["Acme™", "a\r\nb", "\t", "<b>", "\x85"], ["a\x00", "a\x7f", "\x1b[0m", "\x80"]),
        (fields.Brand, ["Acme™", "a b", "a\nb"], ["a\x00", "a\x7f", "\x1b[0m", "\x80"]),
        (fields.Language, ["de", "pt_BR", "zh-Hant-TW"], ["d", "de-", "d€"]),
        (fields.VoiceName, ["espeak", "espeak:pt-br+f3", "en-IE-EmilyNeural", "Léa"], ["", "e" * 121]),
        (fields.PromptName, ["welcome", "A_b-1"], ["a/b", "", "x" * 65]),
        (fields.Url, ["https://a.example/b.wav", "HTTP://A.example"], ["ftp://a.example", "//a.example", "file:/a"]),
        (Number, ["+442079460123", "1000", "1*2#"], ["442079460123\n", "+1", "10&00", "PJSIP/1"]),
    ],
    ids=lambda value: None,
)
def test_a_pattern_says_what_the_rule_says(kind: Any, good: list[str], bad: list[str]) -> None:
    check = jsonschema_rs.Draft202012Validator({"type": "string", **RULES[rule_of(kind)]})
    assert all(check.is_valid(one) for one in good)
    assert not any(check.is_valid(one) for one in bad)


def test_each_rule_has_its_pattern_tried() -> None:
    """Those of headers and instants are tried by the examples."""
    assert len(RULES) == 7 + 3, "a text and a brand have one"


# --- words ------------------------------------------------------------------------------------------------------------


def said() -> Iterator[tuple[str, str]]:
    """Yield model and field of all that may be said to us."""
    for name, schema in SCHEMAS.items():
        rooms = (native, native_actions, native_speech, native_streams)
        model = next((found for room in rooms if (found := getattr(room, name, None)) is not None), None)
        if isinstance(model, type) and issubclass(model, Model):
            yield from ((name, field) for field in schema["properties"])


def test_each_field_of_a_request_has_its_words() -> None:
    assert len(list(said())) > 60
    for model, field in said():
        assert SCHEMAS[model]["properties"][field]["description"] == words(model, field)["description"]


def test_there_are_no_words_for_what_there_is_not() -> None:
    assert {(model, field) for model, own in WORDS.items() for field in own} <= set(said())
    assert COMMON.keys() <= {field for model, field in said() if field not in WORDS.get(model, {})}
    assert JOINT.keys() <= {model for model, _ in said()}


# --- answers ----------------------------------------------------------------------------------------------------------


def streamed(*, ended: bool = False) -> StreamReport:
    """Return a stream as it begins, or as it ended."""
    begun = report_of(Stream("wss://u:p@voice.example/calls?token=918273", "twilio", tracks=("near", "far")))
    if not ended:
        return begun
    return replace(
        begun,
        status=StreamStatus.FAILED,
        disconnected_by=Disconnected.ERROR,
        started_at=1003.0,
        ended_at=1004.5,
        close_code=1011,
        close_reason="gone",
        error="lost",
    )


def records() -> Iterator[CallRecord]:
    """Yield calls at all stages of their lives."""
    yield fresh()
    yield fresh(state=State.WAITING, channel=None, node=None, plan=replace(fresh().plan, inbound=True))
    whole = fresh()
    for event in LIFE:
        whole.note(event)
        yield whole
    whole.note(DigitsCollected(Collected(Keys("42"), EndedBy.TERMINATOR, valid=True, ignored=1), "pin", 2, False))
    whole.note(DigitsCollected(Collected(Keys(""), EndedBy.NO_INPUT, valid=False, ignored=0), None, 1, True))
    whole.note(StreamStarted(1, streamed(), 1003.0))
    yield whole
    whole.note(StreamEnded(1, streamed(ended=True), 1004.0))
    whole.note(ActionFailed(3, "speech_failed", "no voice"))
    whole.note(ActionFailed(None, "internal_error", ""))
    for position in (1, 2, 3):
        whole.proof.played(CodeCharacter("x", 1, position, 3, "en"), 1004.0)
    for row in TABLE:
        whole.end(classify(Ending(answered=False, fault=row.fault, own=next(iter(row.own), None), sip_status=486)), 1.0)
        yield whole
    _, ended = calls()
    yield ended


def test_a_call_is_what_its_schema_says_at_every_stage() -> None:
    shown = [record.to_json() for record in records()]
    assert {call["state"] for call in shown} == set(State)
    for call in shown:
        validator("Call", strict=True).validate(json.loads(json.dumps(call)))


def test_each_event_is_what_its_schema_says() -> None:
    collected = DigitsCollected(Collected(Keys("42"), EndedBy.TERMINATOR, valid=True, ignored=1), "pin", 2, True)
    happened: tuple[Event, ...] = (
        CallDialed(1.0),
        CallAnswered(1.0),
        CodeReplayed(1),
        ActionCompleted(0, "say", None),
        collected,
        StreamStarted(1, streamed(), 1.0),
        StreamEnded(1, streamed(ended=True), 1.0),
    )
    _, record = calls()
    for number, event in enumerate(happened):
        found = told(event)
        assert found is not None
        body = json.loads(envelope(record.to_json(), number, *found, 1.0).body)
        validator("Event", strict=True).validate(body)
    record.plan = replace(record.plan, metadata={"long": "x" * 20_000})
    short = json.loads(envelope(record.to_json(), 1, "call.ended", {}, 1.0).body)
    assert short["data"]["call"]["truncated"] is True
    validator("Event", strict=True).validate(short)


def test_a_schema_of_an_answer_is_not_met_by_anything() -> None:
    _, record = calls()
    call = record.to_json()
    for name in call:
        assert not validator("Call").is_valid({key: value for key, value in call.items() if key != name})
    assert not validator("Call").is_valid({**call, "created_at": "yesterday"})
    assert not validator("Call", strict=True).is_valid({**call, "more": 1})


def test_examples_of_answers_are_what_their_schemas_say() -> None:
    for name, schema in SCHEMAS.items():
        for example in schema.get("examples", ()):
            validator(name, strict=True).validate(example)
    for status, (name, _) in PROBLEMS.items():
        example = DOCUMENT["components"]["responses"][name]["content"]["application/problem+json"]["example"]
        validator("Problem", strict=True).validate(example)
        assert example["status"] == status


async def test_health_is_what_its_schema_says() -> None:
    store = FakeStore()
    board = Switchboard(store)
    with logged():
        listener = await listen(make_app(health=Health(board, store)), "127.0.0.1", 0)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as http:
                for path, name in (("/healthz", "Alive"), ("/readyz", "Readiness")):
                    async with http.get(path) as answer:
                        validator(name, strict=True).validate(await answer.json())
                store.fault, board.nodes[0].connected, board.draining = OSError(), False, True
                async with http.get("/readyz") as answer:
                    assert answer.status == 503
                    validator("Readiness", strict=True).validate(await answer.json())
        finally:
            await listener.close()


# --- the doors that are spelled as others spell them ------------------------------------------------------------------

OTHERS = FILE.parents[2] / "tests" / "dialects"


@pytest.mark.parametrize(
    ("schema", "folder"), [("Callflow", "callflow/examples/good"), ("VoiceRequest", "jsonrpc/examples/dial/good")]
)
def test_a_good_example_of_another_spelling_is_what_its_schema_says(schema: str, folder: str) -> None:
    found = sorted((OTHERS / folder).glob("*.json"))
    assert len(found) > 5
    for path in found:
        validator(schema).validate(json.loads(path.read_text()))


def test_what_is_shown_of_another_spelling_is_what_its_schema_says() -> None:
    shown = [one for one in objects(DOCUMENT["paths"]) if "example" in one and "schema" in one]
    assert len(shown) == 3
    for one in shown:
        validator(one["schema"]["$ref"].rpartition("/")[2], strict=True).validate(one["example"])


async def test_what_another_spelling_answers_is_what_its_schema_says() -> None:
    with logged():
        async with opened_now() as door:
            said = [
                ("RegistrationList", await register(door, "VCA", httpAuthHeader="mdp1234")),
                ("RegistrationList", await door.ask("GET", WEBHOOKS)),
                ("RegistrationDeleted", await door.ask("DELETE", f"{WEBHOOKS}/VCA")),
                ("ResourceError", await door.ask("DELETE", f"{WEBHOOKS}/VCA")),
                ("SpeechProfileList", await door.ask("GET", PROFILES)),
                ("CallflowCreated", await ask(door, {**BODY, "validUntil": "2027-07-03T05:59:32Z"})),
                ("CallflowCreated", await ask(door)),
                ("CallflowRefusal", await ask(door, b"{")),
                ("VoiceRefusal", await door.ask("POST", "/v2/voice", json={})),
            ]
    for schema, answer in said:
        validator(schema, strict=True).validate(answer.body)
    promised = DOCUMENT["components"]["schemas"]
    assert {name for name, _ in said} == {name for name in promised if name.endswith(("List", "Error", "Refusal"))} - {
        "CallError"
    } | {"RegistrationDeleted", "CallflowCreated"}
