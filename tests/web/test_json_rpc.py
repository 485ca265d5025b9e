"""``POST /v2/voice``: who may ask and how, what is answered in which words, and that each request calls once."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from otpvoice.core.plan import Hook, Webhook
from otpvoice.core.record import State
from otpvoice.dialects.jsonrpc import WORDS
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.stasis import NotTaken
from otpvoice.web import asking, json_rpc
from tests.web.world import ACCOUNTS, KEY, OTHER_KEY, SECOND_KEY, TEST_KEY, Answer, Door, opened

EVENTS: Final = "https://shop.example/events?token=SESAME"
TO: Final = "442079460123"
DIAL: Final[dict[str, Any]] = {
    "jsonrpc": "2.0",
    "method": "dial",
    "params": {"to": TO, "caller_id_number": "442079460000"},
}
REFERENCE: Final = re.compile("[0-9A-F]{32}", re.ASCII)


def told(defaults: CallDefaults) -> CallDefaults:
    """The account's calls have somewhere to be told."""
    return replace(defaults, event_url=EVENTS)


SHOPS: Final = tuple(
    replace(
        account,
        defaults=told(account.defaults),
        rehearsal=told(account.rehearsal) if account.rehearsal is not None else None,
    )
    for account in ACCOUNTS
)


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """The door of accounts that have an event URL."""
    async with opened(accounts=SHOPS) as door:
        yield door


def basic(user: str = "shop", key: str = KEY) -> str:
    return f"Basic {base64.b64encode(f'{user}:{key}'.encode()).decode()}"


async def post(
    door: Door,
    body: Any = DIAL,
    *,
    authorization: str | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    path: str = "/v2/voice",
    **more: Any,
) -> Answer:
    """Ask as their clients do. ``body``: JSON, or these very bytes."""
    sent = {"Authorization": basic() if authorization is None else authorization, **(headers or {})}
    sent = {name: value for name, value in sent.items() if value}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await door.ask(method, path, key=None, headers=sent, data=data, **more)


def refused(answer: Answer) -> tuple[int, str]:
    """Return status and word of a refusal, which is in one shape."""
    body = answer.body
    assert body["jsonrpc"] == "2.0"
    assert REFERENCE.fullmatch(body["reference_id"])
    assert body["status"] == body["error"]["message"] in WORDS
    assert body["error"]["code"] == WORDS[body["status"]].code
    assert body["error"]["data"]["path"].startswith("$")
    assert body["error"]["data"]["detail"]
    assert "result" not in body
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status, body["status"]


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_a_call_is_placed_as_it_was_asked_for(door: Door) -> None:
    answer = await post(door, DIAL | {"id": "1", "params": DIAL["params"] | {"external_id": "order-1"}})
    assert answer.status == 202
    reference = answer.body["reference_id"]
    assert REFERENCE.fullmatch(reference)
    assert answer.body == {
        "jsonrpc": "2.0",
        "id": "1",
        "reference_id": reference,
        "status": "dial_accepted",
        "external_id": "order-1",
        "result": {"reference_id": reference, "status": "dial_accepted", "external_id": "order-1"},
    }
    ((plan, trunk, account, by),) = door.calls.placed
    assert (plan.to, plan.caller_id, trunk.name, account, by) == (
        "+442079460123",
        "+442079460000",
        "default",
        "shop",
        "telesign",
    )
    assert plan.webhook == Webhook(
        EVENTS, (), interactive=True, timeout=10.0, spelling="jsonrpc", hooks=(Hook("event", EVENTS),)
    )


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", ""]
)
async def test_what_the_body_is_called_is_nobody_s_business(door: Door, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = await post(door, headers=headers, skip_auto_headers=() if kind else ("Content-Type",))
    assert answer.status == 202


async def test_a_test_key_rings_nobody(door: Door) -> None:
    body = {"method": "dial", "params": {"to": "12025550100"}}
    assert (await post(door, body, authorization=basic(key=TEST_KEY))).status == 202
    assert (len(door.calls.placed), len(door.calls.rehearsed)) == (0, 1)
    answer = await post(door, body)
    assert refused(answer) == (200, "to_number_blocked_by_country"), "a number of a scripted callee is nobody's else"


async def test_a_refusal_names_the_place_and_is_found_in_the_log(door: Door, log: io.StringIO) -> None:
    answer = await post(door, {"method": "dial", "id": 7, "params": {"to": "QZ7"}})
    assert refused(answer) == (400, "invalid_phone_number")
    assert answer.body["id"] == 7
    assert answer.body["error"]["data"] == {
        "path": "$.params.to",
        "detail": "must be digits with the country code, and nothing else",
    }
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [one for one in lines if one["event"] == "http.request"]
    assert (line["reference"], line["route"], line["status"]) == (answer.body["reference_id"], "/v2/voice", 400)
    assert "QZ7" not in log.getvalue() + json.dumps(answer.body)
    assert not door.calls.placed


async def test_nothing_secret_is_logged_or_answered(door: Door, log: io.StringIO) -> None:
    for body in (DIAL, {"method": "play"}, b"{"):
        answer = await post(door, body)
        for secret in (KEY, basic().split()[1], "SESAME"):
            assert secret not in log.getvalue() + json.dumps(answer.body)


async def test_an_account_without_an_event_url_says_so(log: io.StringIO) -> None:
    async with opened() as bare:
        assert refused(await post(bare)) == (400, "event_url_not_set")
        assert not bare.calls.placed


# --- who asks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KEY, SECOND_KEY])
async def test_both_keys_of_an_account_are_taken(door: Door, key: str) -> None:
    assert (await post(door, authorization=basic(key=key))).status == 202


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        f"Basic {base64.b64encode(b'shop').decode()}",
        f"Basic {base64.b64encode(b':' + KEY.encode()).decode()}",
        f"Basic {base64.b64encode(b'shop:').decode()}",
        f"Basic {base64.b64encode(bytes([255, 58, 65])).decode()}",
        f"Bearer {KEY}",
        'Digest username="shop", realm="otpvoice", nonce="1", uri="/v2/voice", response="2"',
    ],
)
async def test_who_sends_no_credentials_is_told_how(door: Door, authorization: str) -> None:
    answer = await post(door, authorization=authorization)
    assert refused(answer) == (401, "credentials_not_provided")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="otpvoice", charset="UTF-8"'
    assert not door.calls.placed


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ("shop", KEY + "x"),
        ("shop", "wrong"),
        ("shop", OTHER_KEY),
        ("other", KEY),
        ("nobody", KEY),
        ("SHOP", KEY),
        ("shop", f"{KEY}:"),
        ("shöp", KEY),
    ],
)
async def test_a_key_is_its_own_account_s_alone(door: Door, user: str, key: str) -> None:
    answer = await post(door, authorization=basic(user, key))
    assert refused(answer) == (401, "not_authorized")
    assert not door.calls.placed


async def test_two_headers_are_no_credentials(door: Door) -> None:
    head = f"POST /v2/voice HTTP/1.1\r\nHost: a\r\nAuthorization: {basic()}\r\nAuthorization: {basic()}\r\n"
    head += "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    assert b"credentials_not_provided" in await door.send(head.encode())


async def test_the_scheme_is_written_in_any_case(door: Door) -> None:
    assert (await post(door, authorization=basic().replace("Basic", "bAsIc"))).status == 202


async def test_this_door_s_credentials_are_not_those_of_others(door: Door) -> None:
    answer = await door.ask("GET", "/v1/calls", key=None, headers={"Authorization": basic()})
    assert answer.status == 401
    assert answer.body["code"] == "unauthorized"


# --- what is wrong before anything is read ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused_in_the_same_shape(door: Door, method: str) -> None:
    answer = await post(door, method=method)
    assert refused(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/v2/voice/", "/v2/voice/abc", "/v2/call_recording"])
async def test_what_there_is_not_is_refused_in_the_same_shape(door: Door, path: str) -> None:
    assert refused(await post(door, path=path)) == (404, "not_found")


async def test_a_body_that_is_too_large_is_not_read(door: Door) -> None:
    assert refused(await post(door, b"x" * 70_000)) == (413, "body_too_large")


async def test_a_body_that_is_packed_is_not_unpacked(door: Door) -> None:
    assert refused(await post(door, headers={"Content-Encoding": "gzip"})) == (415, "unsupported_encoding")


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BODY_WITHIN", 0.05)
    head = f"POST /v2/voice HTTP/1.1\r\nHost: a\r\nAuthorization: {basic()}\r\nContent-Length: 9\r\n\r\n"
    answer = await door.send(head.encode(), until=lambda answer: b"request_timeout" in answer)
    assert b"HTTP/1.1 408" in answer
    assert b'"reference_id"' in answer


async def test_a_fault_of_ours_is_told_as_that_and_no_more(door: Door, log: io.StringIO) -> None:
    door.calls.fault = RuntimeError("SESAME")
    answer = await post(door, DIAL | {"id": "x"})
    assert refused(answer) == (500, "internal_error")
    assert answer.body["id"] == "x"
    assert "SESAME" not in json.dumps(answer.body)
    assert "http.failed" in log.getvalue()


# --- what is not taken ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"),
    [
        (NotTaken("rate_limited", 41.2, facts={"limit": "account_rate"}), (429, "rate_limit_exceeded"), "42"),
        (NotTaken("queue_full", 7), (429, "rate_limit_exceeded"), "7"),
        (NotTaken("destination_busy", 9, facts={"call": "call_1"}), (429, "rate_limit_exceeded"), "9"),
        (NotTaken("claim_lost"), (409, "idempotency_in_progress"), "1"),
        (NotTaken("draining", 7), (503, "service_unavailable"), "7"),
        (NotTaken("asterisk_unavailable", 7), (503, "service_unavailable"), "7"),
        (NotTaken("no_media_leg", 7), (503, "service_unavailable"), "7"),
        (NotTaken("store_unavailable", 7), (503, "service_unavailable"), "7"),
        (NotTaken("something_new", 7), (503, "service_unavailable"), "7"),
    ],
)
async def test_what_can_not_be_taken_now_says_when_to_come_again(
    door: Door, fault: NotTaken, expected: tuple[int, str], retry_after: str
) -> None:
    door.calls.fault = fault
    answer = await post(door, DIAL | {"id": 3})
    assert refused(answer) == expected
    assert answer.body["id"] == 3
    assert "Nobody was called" in answer.body["error"]["data"]["detail"] or expected[0] == 409
    assert answer.headers["Retry-After"] == retry_after


async def test_where_no_strength_is_left_a_body_is_not_even_read(door: Door) -> None:
    door.calls.weak = True
    assert refused(await post(door, b"{")) == (503, "service_unavailable")


async def test_each_word_is_answered_somewhere() -> None:
    """That those of documents are is in tests/dialects/jsonrpc."""
    of_http = {word for word, one in WORDS.items() if one.status not in {200, 400}}
    here = {"credentials_not_provided", "not_authorized", "method_not_allowed", "not_found", "body_too_large"}
    here |= {"unsupported_encoding", "request_timeout", "internal_error", "rate_limit_exceeded", "service_unavailable"}
    here |= {
        "idempotency_in_progress",
        "idempotency_key_invalid",
        "idempotency_mismatch",
        "not_supported",
        "call_erased",
    }
    assert of_http == here
    assert set(json_rpc.REASONS) == WORDS.keys()


# --- requests that are sent again -------------------------------------------------------------------------------------


async def again(door: Door, body: Any = DIAL, key: str = "k-1") -> Answer:
    return await post(door, body, headers={"Idempotency-Key": key})


async def test_a_request_that_is_sent_again_calls_once(door: Door) -> None:
    named = DIAL | {"params": DIAL["params"] | {"external_id": "order-1"}}
    first = await again(door, named | {"id": 1})
    second = await again(door, named | {"id": 2})
    assert (first.status, second.status) == (202, 202)
    assert second.body == first.body | {"id": 2}
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(door.calls.placed) == 1
    assert (await again(door, named, key="k-2")).body["reference_id"] != first.body["reference_id"]


async def test_a_key_that_was_used_for_something_else_calls_nobody(door: Door) -> None:
    await again(door)
    other = {"method": "dial", "params": {"to": "442079460124"}}
    assert refused(await again(door, other)) == (422, "idempotency_mismatch")
    assert refused(await again(door, key='"half')) == (422, "idempotency_key_invalid")
    assert len(door.calls.placed) == 1


async def test_what_was_refused_gives_its_key_back(door: Door) -> None:
    bad = {"method": "dial", "params": {"to": "1"}}
    assert refused(await again(door, bad)) == (400, "invalid_phone_number")
    assert (await again(door)).status == 202
    assert refused(await again(door, b"[]", key="k-3")) == (400, "invalid_request")


async def test_without_a_secret_a_key_is_refused_and_not_passed_over(log: io.StringIO) -> None:
    async with opened(secret=None, accounts=SHOPS) as door:
        assert refused(await again(door)) == (422, "not_supported")
        assert not door.calls.placed


async def test_a_call_that_was_erased_is_not_placed_again(door: Door) -> None:
    await again(door)
    (call_id,) = door.calls.live
    assert door.calls.live[call_id].state is not State.ENDED
    await door.calls.end(call_id)
    assert (await door.ask("DELETE", f"/v1/calls/{call_id}")).status == 204
    assert refused(await again(door)) == (410, "call_erased")


async def test_the_reference_is_the_call_s_id_in_other_letters(door: Door) -> None:
    answer = await again(door)
    (call_id,) = door.calls.live
    assert call_id == f"call_{answer.body['reference_id'].lower()}"


# --- the account's trunks ---------------------------------------------------------------------------------------------


async def test_a_call_goes_by_the_trunk_of_its_caller_id(log: io.StringIO) -> None:
    trunks = {"default": TrunkOffer("default"), "second": TrunkOffer("second", ("+442079460009",))}
    shops = [replace(SHOPS[0], defaults=replace(SHOPS[0].defaults, trunks=trunks))]
    async with opened(accounts=shops) as door:
        assert (await post(door, {"method": "dial", "params": {"to": TO}})).status == 202
        assert [trunk.name for _, trunk, _, _ in door.calls.placed] == ["second"]
