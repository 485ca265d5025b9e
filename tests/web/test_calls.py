"""The native door: what is handed on, what is answered, and for whom."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from otpvoice.core.actions import SayCode
from otpvoice.core.secret import OtpCode
from otpvoice.stasis import NotTaken
from tests.web.world import BODY, CODE, KEY, NUMBER, OTHER_KEY, TEST_KEY, Door


async def test_a_call_is_taken_and_answered_with_its_record(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", json=BODY)
    assert answer.status == 202
    assert answer.headers["Location"] == "/v1/calls/call_1"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == door.calls.live["call_1"].to_json()
    ((plan, trunk, account, kind),) = door.calls.placed
    assert (plan.to, plan.actions, plan.caller_id) == (NUMBER, (SayCode(OtpCode(CODE)),), "+442079460000")
    assert (trunk.endpoint(NUMBER), account, kind) == ("PJSIP/442079460123@trunk", "shop", "http")


async def test_a_call_that_a_dialplan_will_come_for_is_prepared_and_dials_nobody(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", json={"dial": False, "code": CODE})
    assert (answer.status, answer.body["state"], answer.body["to"]) == (202, "waiting", None)
    assert (answer.body["direction"], answer.body["node"], answer.body["legs"]) == ("inbound", None, [])
    ((plan, _, account, _),) = door.calls.placed
    assert (plan.inbound, plan.goes_on, account) == (True, True, "shop")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "x"])
async def test_the_body_is_json_whatever_it_is_called(door: Door, content_type: str) -> None:
    """``curl -d`` calls everything a form."""
    answer = await door.ask("POST", "/v1/calls", data=json.dumps(BODY).encode(), headers={"Content-Type": content_type})
    assert answer.status == 202


@pytest.mark.parametrize(
    ("body", "status", "code", "paths"),
    [
        (b"{", 400, "invalid_json", ["$"]),
        (b"", 400, "invalid_json", ["$"]),
        (b"{}", 422, "invalid_request", ["$.actions", "$.to"]),
        (b'{"to": "+442079460123", "code": "91827"  , "times": 9}', 422, "invalid_request", ["$.times"]),
        (b'{"to": "+33123456789", "code": "918273"}', 403, "destination_not_allowed", ["$.to"]),
    ],
)
async def test_a_call_that_is_not_right_is_refused_with_all_reasons(
    door: Door, body: bytes, status: int, *, code: str, paths: list[str]
) -> None:
    answer = await door.ask("POST", "/v1/calls", data=body)
    assert answer.status == answer.body["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["code"] == code
    assert answer.body["type"] == f"/docs/errors/{code}"
    assert [error["path"] for error in answer.body["errors"]] == paths
    assert all(error.keys() == {"path", "code", "message"} for error in answer.body["errors"])
    assert not door.calls.placed


async def test_a_long_list_of_reasons_is_told_whole_and_summed_up_short(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", json={"to": NUMBER, "actions": [{"type": "x"}] * 10})
    assert len(answer.body["errors"]) == 10
    assert answer.body["detail"].endswith("; and 7 more")


@pytest.mark.parametrize(
    ("reason", "retry_after"),
    [
        ("draining", 5),
        ("no_media_leg", 5),
        ("media_wedged", 30),
        ("asterisk_unavailable", 5),
        ("store_unavailable", 5),
        ("too_many_waiting", 30),
        ("something_new", 1),
    ],
)
async def test_a_call_that_is_not_taken_may_be_asked_for_again(door: Door, reason: str, retry_after: int) -> None:
    door.calls.fault = NotTaken(reason, retry_after)
    answer = await door.ask("POST", "/v1/calls", json=BODY)
    assert (answer.status, answer.body["code"]) == (503, reason)
    assert answer.headers["Retry-After"] == str(retry_after)
    assert "Nobody was called." in answer.body["detail"]


async def test_where_there_is_no_strength_left_a_call_is_not_even_looked_at(door: Door) -> None:
    """A refusal costs next to nothing: what is asked for is not read, right or wrong."""
    door.calls.weak = True
    for body in (b'{"to": 1}', b""):
        answer = await door.ask("POST", "/v1/calls", data=body, headers={"Idempotency-Key": "order-7"})
        assert (answer.status, answer.body["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "3"
        assert "Nobody was called." in answer.body["detail"]
    assert (await door.ask("POST", "/v1/calls", json=BODY, key="wrong")).status == 401
    # Calls that there are can be looked at, and ended.
    assert (await door.ask("GET", "/v1/calls")).status == 200


@pytest.mark.parametrize(
    ("refused", "status", "code", "more"),
    [
        (NotTaken("destination_busy", facts={"call": "call_7"}), 409, "destination_busy", {"call": "call_7"}),
        (
            NotTaken("rate_limited", 41.2, facts={"limit": "account_rate"}),
            429,
            "rate_limited",
            {"limit": "account_rate"},
        ),
        (NotTaken("queue_full", 7), 429, "queue_full", {}),
    ],
)
async def test_a_call_that_is_too_many_is_told_of_what(
    door: Door, refused: NotTaken, status: int, *, code: str, more: dict[str, str]
) -> None:
    door.calls.fault = refused
    answer = await door.ask("POST", "/v1/calls", json=BODY)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert {name: answer.body[name] for name in more} == more
    assert answer.headers.get("Retry-After") == {"rate_limited": "42", "queue_full": "7"}.get(code)
    assert "Nobody was called" in answer.body["detail"]


@pytest.mark.parametrize("seconds", [-1, 0])
async def test_a_code_that_is_stale_already_is_not_taken(door: Door, seconds: int) -> None:
    at = datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()
    answer = await door.ask("POST", "/v1/calls", json=BODY | {"valid_until": at})
    assert (answer.status, answer.body["code"]) == (422, "invalid_request")
    assert [(error["path"], error["code"]) for error in answer.body["errors"]] == [("$.valid_until", "expired")]
    assert not door.calls.placed


# --- looking ----------------------------------------------------------------------------------------------------------


def ended(**fields: Any) -> dict[str, Any]:
    return {"id": "call_9", "account": "shop", "state": "ended", "instance": "otp-1"} | fields


async def test_a_call_in_progress_is_shown_as_it_stands(door: Door) -> None:
    await door.ask("POST", "/v1/calls", json=BODY)
    door.store.fault = OSError("away")
    answer = await door.ask("GET", "/v1/calls/call_1")
    assert (answer.status, answer.body) == (200, door.calls.live["call_1"].to_json())


async def test_a_call_that_ended_is_shown_from_the_store(door: Door) -> None:
    await door.store.keep(ended())
    assert (await door.ask("GET", "/v1/calls/call_9")).body == ended()


@pytest.mark.parametrize("path", ["", "/hangup"])
async def test_somebody_else_s_call_is_no_call(door: Door, path: str) -> None:
    await door.ask("POST", "/v1/calls", json=BODY)
    await door.store.keep(ended())
    method = "POST" if path else "GET"
    answers = [
        await door.ask(method, f"/v1/calls/{call}{path}", key=OTHER_KEY) for call in ("call_1", "call_9", "never")
    ]
    assert [answer.status for answer in answers] == [404] * 3
    assert answers[0].body == answers[1].body == answers[2].body
    assert not door.calls.hung_up


@pytest.mark.parametrize("call", ["%00", "{}", "a b", "%2e%2e", "x" * 300, "é"])
async def test_odd_ids_are_unknown(door: Door, call: str) -> None:
    assert (await door.ask("GET", f"/v1/calls/{call}")).status == 404


@pytest.mark.parametrize("path", ["", "/hangup"])
async def test_without_the_store_nobody_can_say(door: Door, path: str, log: io.StringIO) -> None:
    door.store.fault = ConnectionError("redis://user:password@host")
    answer = await door.ask("POST" if path else "GET", f"/v1/calls/call_9{path}")
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
    assert "Retry-After" in answer.headers
    assert "password" not in log.getvalue() + json.dumps(answer.body)


# --- ending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "key"), [(BODY, KEY), ({"dial": False, "code": CODE}, KEY), (BODY, TEST_KEY)], ids=["", "waiting", "test"]
)
async def test_a_call_in_progress_is_hung_up_without_asking_the_store(
    door: Door, body: dict[str, Any], key: str
) -> None:
    await door.ask("POST", "/v1/calls", json=body, key=key)
    door.store.fault, door.calls.draining = OSError("away"), True
    door.calls.nodes[0].connected = False
    answer = await door.ask("POST", "/v1/calls/call_1/hangup", key=key)
    assert (answer.status, answer.body["id"]) == (202, "call_1")
    assert door.calls.hung_up == ["call_1"]
    assert door.store.asked == 0


async def test_hanging_up_again_is_fine(door: Door) -> None:
    await door.store.keep(ended())
    for _ in range(2):
        answer = await door.ask("POST", "/v1/calls/call_9/hangup")
        assert (answer.status, answer.body) == (202, ended())


async def test_a_call_that_has_just_ended_here_counts_as_ended(door: Door) -> None:
    """Its last record is on its way to the store."""
    await door.store.keep(ended(state="answered"))
    assert (await door.ask("POST", "/v1/calls/call_9/hangup")).status == 202


async def test_a_call_of_another_instance_is_ended_there(door: Door) -> None:
    await door.store.keep(ended(state="answered", instance="otp-2"))
    answer = await door.ask("POST", "/v1/calls/call_9/hangup")
    assert (answer.status, answer.body["code"]) == (409, "call_elsewhere")


# --- the log ----------------------------------------------------------------------------------------------------------


async def test_a_request_is_one_line_without_what_was_in_it(door: Door, log: io.StringIO) -> None:
    await door.ask("POST", "/v1/calls?hidden=918273", json=BODY)
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {key: line[key] for key in ("event", "method", "route", "status", "account", "remote")} == {
        "event": "http.request",
        "method": "POST",
        "route": "/v1/calls",
        "status": 202,
        "account": "shop",
        "remote": "127.0.0.1",
    }
    assert CODE not in log.getvalue()
    assert "hidden" not in log.getvalue()


async def test_what_breaks_inside_is_logged_and_not_told(door: Door, log: io.StringIO) -> None:
    door.calls.fault = RuntimeError("the inside")
    answer = await door.ask("POST", "/v1/calls", json=BODY)
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert "inside" not in json.dumps(answer.body)
    assert "\\nRuntimeError" in log.getvalue()
    assert "the inside" not in log.getvalue(), "what breaks may quote what was asked for"
    assert CODE not in log.getvalue()
