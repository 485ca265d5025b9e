"""The first request: documents that are taken, those that are not and by which word, and that all are answered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import SendDigits
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan, Hook, Webhook
from otpvoice.core.plan_text import plan_from_text, plan_to_text
from otpvoice.dialects.jsonrpc import WORDS, DialRequest, RpcRefused, accepted, parse_dial
from otpvoice.dialects.jsonrpc.dialing import webhook_at
from otpvoice.dialects.jsonrpc.words import ACCEPTED, INVALID_REQUEST, PARSE_ERROR
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from tests.dialects.jsonrpc.account import CALL, DEFAULTS, EVENTS, EXAMPLES, NAMES, NOW, VALUES

GOOD = sorted((EXAMPLES / "dial" / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "dial" / "bad").glob("*.json"))
LOCALES = load_locales()
TO = "442079460123"
REFERENCE = "0123456789ABCDEF0123456789ABCDEF"


def parse(document: Any, defaults: CallDefaults = DEFAULTS) -> DialRequest:
    return parse_dial(json.dumps(document).encode(), defaults, NOW)


def dial(**params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "dial", "params": {"to": TO, **params}}


def refusal(document: Any, defaults: CallDefaults = DEFAULTS) -> RpcRefused:
    with pytest.raises(RpcRefused) as refused:
        parse(document, defaults)
    return refused.value


# --- examples ---------------------------------------------------------------------------------------------------------

SECOND = replace(CALL, trunk="second", caller_id="+442079460000", shown="+442079460000", ring_timeout=20)
FIRST_TRUNK = replace(CALL, caller_id="+442079460000", shown="+442079460000")
PLANS: dict[str, tuple[CallPlan, str | int | None]] = {
    "seed_dial": (
        replace(FIRST_TRUNK, metadata={"external_id": "An external ID you generated for this transaction."}),
        None,
    ),
    "reference_example": (
        replace(
            CALL,
            actions=(SendDigits("6458", id="dial"),),
            metadata={"external_id": "4142b474-d65d-4265-a5fa-a581b1fe6101"},
        ),
        None,
    ),
    "demo_with_an_id": (CALL, "1"),
    "json_rpc_as_the_handler_writes_it": (CALL, None),
    "numbers_for_texts": (replace(FIRST_TRUNK, metadata={"external_id": "42"}, max_duration=600), 7),
    "texts_for_numbers": (replace(CALL, max_duration=600, actions=(SendDigits("ww12#A*D", id="dial"),)), None),
    "nulls_as_absent": (CALL, None),
    "empty_texts_as_absent": (CALL, None),
    "unknown_fields": (CALL, None),
    "longer_than_the_longest": (CALL, None),
    "an_event_url_of_its_own": (replace(CALL, webhook=webhook_at("https://other.example/events?token=1")), None),
    "an_extension": (replace(CALL, to="1001"), None),
}


def test_each_good_example_has_its_plan() -> None:
    assert [path.stem for path in GOOD] == sorted(PLANS)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_right_is_taken(path: Path) -> None:
    plan, id_ = PLANS[path.stem]
    assert parse_dial(path.read_bytes(), DEFAULTS, NOW) == DialRequest(plan, plan.trunk, id_)
    CallFlow(plan, LOCALES)
    assert plan_from_text(plan_to_text(plan)) == plan, "a next life has it as it was"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_is_wrong_is_said_by_the_vendor_s_word_and_where_it_is(path: Path) -> None:
    with pytest.raises(RpcRefused) as refused:
        parse_dial(path.read_bytes(), DEFAULTS, NOW)
    found = refused.value
    assert f"{found.word} {found.path}\n" == path.with_suffix(".txt").read_text()
    assert found.status == WORDS[found.word].status


def test_each_word_for_what_a_document_says_has_an_example() -> None:
    """The others are HTTP's, the limits' or the account's: see below, and tests/web/test_json_rpc.py."""
    seen = {path.with_suffix(".txt").read_text().split(" ")[0] for path in BAD}
    elsewhere = {"caller_id_number_not_provided", "event_url_not_set"}
    of_documents = {word for word, one in WORDS.items() if one.status in {200, 400}}
    assert seen | elsewhere == of_documents
    assert not seen & elsewhere


# --- the account's choices --------------------------------------------------------------------------------------------


def test_without_any_caller_id_one_is_not_provided() -> None:
    bare = replace(DEFAULTS, trunks={"default": TrunkOffer("default")})
    assert refusal(dial(), bare).word == "caller_id_number_not_provided"
    assert refusal(dial(caller_id_number="442079460000"), bare).word == "caller_id_number_not_owned"
    assert refusal(dial(), replace(DEFAULTS, trunks={})).word == "caller_id_number_not_provided"


def test_the_caller_id_decides_on_the_trunk() -> None:
    trunks = {"a": TrunkOffer("a"), "b": TrunkOffer("b", ("+442079460007",), 20.0), "c": TrunkOffer("c", ("2000",))}
    defaults = replace(DEFAULTS, trunks=trunks)
    for number, trunk in ((None, "b"), ("442079460007", "b"), ("+442079460007", "b"), ("2000", "c")):
        request = parse(dial(caller_id_number=number), defaults)
        assert (request.trunk, request.plan.ring_timeout) == (trunk, trunks[trunk].ring_timeout)
        assert request.plan.caller_id == request.plan.shown == trunks[trunk].caller_ids[0]


def test_there_has_to_be_somewhere_to_tell_the_call() -> None:
    untold = replace(DEFAULTS, event_url=None)
    refused = refusal(dial(), untold)
    assert (refused.word, refused.path) == ("event_url_not_set", "$.params.event_url")
    assert "OTPVOICE_EVENT_URL" in refused.detail
    assert parse(dial(event_url="https://other.example/"), untold).plan.webhook == webhook_at("https://other.example/")


def test_the_administrator_s_event_url_is_asked_for_no_leave() -> None:
    inside = replace(DEFAULTS, event_url="http://10.0.0.5/events")
    webhook = parse(dial(), inside).plan.webhook
    assert webhook == Webhook(
        "http://10.0.0.5/events",
        (),
        interactive=True,
        timeout=10.0,
        spelling="jsonrpc",
        hooks=(Hook("event", "http://10.0.0.5/events"),),
    )
    assert "10.0.0.5" not in repr(webhook)


def test_the_first_thing_that_is_wrong_is_told() -> None:
    params = {"caller_id_number": "1", "max_call_duration": "x", "send_dtmf": "x", "event_url": "x"}
    order = []
    while params:
        refused = refusal(dial(to="4930123456", **params))
        order.append(refused.word)
        del params[refused.path.rsplit(".", 1)[1]]
    assert order == [
        "caller_id_number_not_owned",
        "invalid_max_call_duration",
        "invalid_send_dtmf",
        "invalid_event_url",
    ]
    assert refusal(dial(to="4930123456")).word == "to_number_blocked_by_country", "last: it is refused, and not wrong"


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_call_that_was_taken_is_answered_as_theirs_and_as_json_rpc() -> None:
    assert accepted(REFERENCE, None, None) == {
        "jsonrpc": "2.0",
        "reference_id": REFERENCE,
        "status": "dial_accepted",
        "result": {"reference_id": REFERENCE, "status": "dial_accepted"},
    }
    answer = accepted(REFERENCE, "order-1", "1")
    assert (answer["id"], answer["external_id"], answer["result"]["external_id"]) == ("1", "order-1", "order-1")


def test_a_refusal_has_the_word_where_theirs_has_it_and_where_json_rpc_has_it() -> None:
    answer = refusal({"jsonrpc": "2.0", "method": "dial", "id": 7}).answer(REFERENCE)
    assert answer == {
        "jsonrpc": "2.0",
        "id": 7,
        "reference_id": REFERENCE,
        "status": "to_number_not_provided",
        "error": {
            "code": -32602,
            "message": "to_number_not_provided",
            "data": {"path": "$.params.to", "detail": "is required"},
        },
    }


@pytest.mark.parametrize(
    ("document", "id_", "code"),
    [
        ({"method": "dial", "id": "x"}, {"id": "x"}, -32602),
        ({"method": "dial", "id": 1.5}, {"id": 1.5}, -32602),
        ({"method": "dial"}, {}, -32602),
        ({"method": "dial", "id": True}, {}, -32602),
        ({"method": "dial", "id": {"a": 1}}, {}, -32602),
        ({"method": "play", "id": "x"}, {"id": "x"}, -32601),
        ({"id": "x"}, {"id": "x"}, INVALID_REQUEST),
        ({}, {"id": None}, INVALID_REQUEST),
        ([], {"id": None}, INVALID_REQUEST),
    ],
)
def test_the_request_s_id_comes_back(document: Any, id_: dict[str, Any], code: int) -> None:
    answer = refusal(document).answer(REFERENCE)
    assert {name: value for name, value in answer.items() if name == "id"} == id_
    assert answer["error"]["code"] == code


def test_what_is_no_json_has_no_id() -> None:
    with pytest.raises(RpcRefused) as refused:
        parse_dial(b'{"id": 1,}', DEFAULTS, NOW)
    answer = refused.value.answer(REFERENCE)
    assert (answer["id"], answer["error"]["code"]) == (None, PARSE_ERROR)


def test_a_byte_order_mark_is_no_reason_to_refuse() -> None:
    assert parse_dial(b"\xef\xbb\xbf" + orjson.dumps(dial()), DEFAULTS, NOW).plan == CALL


def test_the_words_are_in_one_table() -> None:
    assert ACCEPTED not in WORDS
    assert "to_number_blocked_by_telesign" not in WORDS, "nobody blocks a number for all"
    assert all(one.meaning and one.code < 0 and 200 <= one.status < 600 for one in WORDS.values())
    assert {word for word, one in WORDS.items() if one.status == 200} == {
        "premium_to_number_rejected",
        "to_number_blocked_by_country",
        "to_number_blocked_by_customer",
    }


# --- any body at all --------------------------------------------------------------------------------------------------


def made(body: bytes) -> DialRequest | RpcRefused:
    try:
        return parse_dial(body, DEFAULTS, NOW)
    except RpcRefused as refused:
        return refused


def check(body: bytes) -> None:
    request = made(body)
    if isinstance(request, RpcRefused):
        assert request.word in WORDS
        assert request.path.startswith("$")
        assert request.detail.isprintable()
        assert len(request.detail) < 200
        orjson.dumps(request.answer(REFERENCE))
        return
    plan = request.plan
    assert request.trunk in DEFAULTS.trunks
    assert plan.caller_id in DEFAULTS.trunks[request.trunk].caller_ids
    assert plan.to is not None
    assert not plan.to.startswith("+") or DEFAULTS.destinations.refusal(plan.to) is None
    assert 1 <= plan.max_duration <= 14_400
    orjson.dumps([dict(plan.metadata), request.id])
    CallFlow(plan, LOCALES)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff")
@example(b"[" * 5000)
@example(b'{"method": "dial", "params": {"to": "' + b"4" * 66_000)
def test_any_bytes_are_answered(body: bytes) -> None:
    check(body)


@given(VALUES)
def test_any_document_is_answered(document: Any) -> None:
    check(orjson.dumps(document))


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_params_are_answered(params: dict[str, Any]) -> None:
    check(orjson.dumps({"method": "dial", "params": {"to": TO, **params}}))


def test_nothing_that_was_sent_is_repeated() -> None:
    mark = "QZ7"
    for name in ("to", "caller_id_number", "external_id", "max_call_duration", "send_dtmf", "event_url"):
        for value in (mark, {mark: 1}, [mark], mark * 50):
            answer = made(orjson.dumps(dial(**{name: value})))
            if isinstance(answer, RpcRefused):
                assert mark not in f"{answer} {answer.answer(REFERENCE)}"
    assert EVENTS not in str(refusal(dial(to=mark)))
