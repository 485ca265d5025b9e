"""The door of callflows: what is placed, and that each refusal has 8x8's shape, codes and statuses."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpvoice.core.actions import Hangup
from otpvoice.core.outcome import Fault
from otpvoice.core.plan import Hook
from otpvoice.dialects.callflow import MESSAGES, http_status
from otpvoice.dialects.reader import LARGEST
from otpvoice.dialects.session_ids import session_of, uuid_of
from otpvoice.stasis import NotTaken
from otpvoice.web import asking
from otpvoice.web.subaccounts import REASONS
from tests.dialects.callflow.account import EXAMPLES
from tests.web.subaccounts import (
    ACCOUNT,
    ACCOUNTS,
    ASK,
    BODY,
    CALL,
    CALLFLOWS,
    FICTION,
    MINE,
    ROOT,
    SAY,
    ask,
    created,
    not_created,
    opened_now,
    register,
)
from tests.web.world import KEY, OTHER_KEY, TEST_KEY, Door, opened

GOOD = sorted((EXAMPLES / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "bad").glob("*.json"))
NOT_JSON, UNKNOWN_ERROR = -1001, -9999


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """The door, at the moment of the examples."""
    async with opened_now() as door:
        yield door


# --- what is taken ----------------------------------------------------------------------------------------------------


async def test_a_callflow_is_placed_and_answered_as_a_session(door: Door) -> None:
    said = created(await ask(door, {**BODY, "clientRequestId": "order 9"}))
    ((plan, trunk, account, kind),) = door.calls.placed
    assert (plan.to, plan.caller_id, trunk.name) == ("+6512345678", "+6512341234", "singapore")
    assert (account, kind) == (ACCOUNT, "8x8")
    assert plan.actions[-1] == Hangup()
    (record,) = door.calls.live.values()
    assert record.to_json()["metadata"] == {"clientRequestId": "order 9"}
    session = session_of(record.id)
    assert (said["sessionId"], said["callFlowRequestId"]) == (session, uuid_of(session, "request"))
    assert "validUntil" not in said


async def test_the_moment_until_which_it_is_valid_comes_back_as_it_was_written(door: Door) -> None:
    for written in ("2027-07-03T05:59:32.226Z", "2027-07-03T13:59:32+08:00"):
        assert created(await ask(door, {**BODY, "validUntil": written}))["validUntil"] == written
    assert "validUntil" not in created(await ask(door, {**BODY, "validUntil": None}))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_the_body_is_json_whatever_it_is_called(door: Door, content_type: str) -> None:
    created(await ask(door, json.dumps(BODY).encode(), headers={"Content-Type": content_type}))


async def test_each_good_document_creates_a_session(door: Door) -> None:
    for kind in ("VCA", "VSS", "VCS"):
        await register(door, kind)
    for path in GOOD:
        created(await ask(door, path.read_bytes()))
    assert len(door.calls.placed) == len(GOOD) > 15
    assert not door.calls.refused


async def test_each_bad_document_gets_its_code_and_rings_nobody(door: Door) -> None:
    for kind in ("VCA", "VSS"):
        await register(door, kind)
    seen: set[int] = set()
    for path in BAD:
        code = code_of(path)
        if code == -1004:
            continue  # they want nobody to be registered
        answer = await ask(door, path.read_bytes())
        if code <= -2001:
            created(answer)
            continue
        message = not_created(answer, http_status(code), code)
        assert message.startswith(MESSAGES[code])
        seen.add(code)
    assert not door.calls.placed
    assert seen == {code for code in MESSAGES if -1020 <= code <= -1001} - {-1004}
    faults = {fault for _, fault, _, _ in door.calls.refused}
    assert faults == {Fault.NOT_ALLOWED, Fault.SCENARIO_INVALID}
    assert {(account, kind) for _, _, account, kind in door.calls.refused} == {(ACCOUNT, "8x8")}


def code_of(path: Path) -> int:
    """Return the code by which an example is refused."""
    found = re.match(r"-\d{4}", path.name)
    assert found is not None
    return int(found[0])


async def test_keys_want_somebody_who_is_told(door: Door) -> None:
    assert not_created(await ask(door, {"callflow": [CALL, ASK]}), 422, -1004) == "DTMF callback url not provided"
    await register(door, "VCA", enabled=False)
    not_created(await ask(door, {"callflow": [CALL, ASK]}), 422, -1004)
    await register(door, "VCA", httpAuthHeader="mdp1234")
    await register(door, "VSS")
    await register(door, "VRU")
    created(await ask(door, {"callflow": [CALL, ASK]}))
    ((plan, *_),) = door.calls.placed
    assert plan.webhook is not None
    assert (plan.webhook.url, plan.webhook.interactive) == ("https://ivr.example/vca", True)
    assert plan.webhook.auth not in {None, "mdp1234"}, "sealed"
    assert plan.webhook.hooks == (Hook("VSS", "https://ivr.example/vss"),)


async def test_the_file_of_a_scenario_that_is_broken_is_told_to_the_log_and_not_to_the_caller(
    door: Door, log: io.StringIO
) -> None:
    asked = {"callflow": [{"action": "scenario", "params": {"scenarioName": "broken"}}]}
    assert not_created(await ask(door, asked), 422, -1020) == MESSAGES[-1020]
    (told,) = [
        one for one in map(json.loads, log.getvalue().splitlines()) if one["event"] == "callflow.scenario_broken"
    ]
    assert (told["account"], told["level"]) == (ACCOUNT, "warning")
    assert "broken" in told["reason"]


# --- whose ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": KEY}, {"Authorization": "Bearer nobody's"}, {"Authorization": f"Basic {KEY}"}],
)
async def test_without_a_key_nothing_is_done(door: Door, headers: dict[str, str]) -> None:
    answer = await ask(door, key=None, headers=headers)
    assert not_created(answer, 401, 401) == "Authentication header not found or token invalid"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (door.calls.placed, door.store.asked) == ([], 0)


@pytest.mark.parametrize("key", [KEY, OTHER_KEY, TEST_KEY])
async def test_a_sub_account_that_is_not_the_key_s_is_none(door: Door, key: str) -> None:
    there = "other" if key != OTHER_KEY else ACCOUNT
    for name in (there, "8x8_Testing", ACCOUNT.upper()):
        answer = await door.ask("POST", f"{ROOT}/{name}/callflows", json=BODY, key=key)
        assert not_created(answer, 404, 404) == f"SubAccount not found by Id : {name}"
    assert (door.calls.placed, door.calls.rehearsed, door.store.asked) == ([], [], 0)


@pytest.mark.parametrize("name", ["%00", "%ff%fe", "%ED%A0%80", "%F0%9F%93%9E", "a%22b", "x" * 3000, "%3Cscript%3E"])
async def test_a_sub_account_of_any_name_is_told_in_json(door: Door, name: str) -> None:
    request = (
        f"POST {ROOT}/{name}/callflows HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
    )
    answer = await door.send(f"{request}Content-Length: 2\r\n\r\n{{}}".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["statusMessage"].startswith("SubAccount not found by Id : ")
    assert len(body) < 1000


async def test_a_test_key_rings_nobody(door: Door) -> None:
    call = {"action": "makeCall", "params": {"source": "6512341234", "destination": FICTION}}
    created(await ask(door, {"callflow": [call, SAY]}, key=TEST_KEY))
    assert [(plan.to, account, kind) for plan, account, kind in door.calls.rehearsed] == [(FICTION, ACCOUNT, "8x8")]
    assert not door.calls.placed
    created(await ask(door, {"callflow": [call, SAY]}))
    ((plan, fault, _, _),) = door.calls.refused
    assert (plan.to, fault) == (FICTION, Fault.NOT_ALLOWED), "others may not call it"


# --- what is not taken ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "status", "code", "retry_after"),
    [
        *(
            (NotTaken(reason, 7), 500, UNKNOWN_ERROR, "7")
            for reason in (
                *("asterisk_unavailable", "draining", "media_wedged", "no_media_leg", "overloaded"),
                *("store_unavailable", "something_new"),
            )
        ),
        (NotTaken("rate_limited", 41.2, facts={"limit": "account_rate"}), 429, 429, "42"),
        (NotTaken("queue_full", 7), 429, 429, "7"),
        (NotTaken("destination_busy", 9, facts={"call": "call_7"}), 429, 429, "9"),
        (NotTaken("claim_lost"), 409, 409, "1"),
    ],
    ids=lambda value: value.reason if isinstance(value, NotTaken) else "",
)
async def test_what_is_not_taken_says_when_to_come_back(
    door: Door, refused: NotTaken, status: int, *, code: int, retry_after: str
) -> None:
    door.calls.fault = refused
    answer = await ask(door)
    message = not_created(answer, status, code)
    assert answer.headers["Retry-After"] == retry_after
    if code == UNKNOWN_ERROR:
        assert message == "An unknown error has occurred."


async def test_where_there_is_no_strength_left_nothing_is_looked_at(door: Door) -> None:
    door.calls.weak = True
    for body in (b"{", json.dumps(BODY).encode()):
        answer = await ask(door, body, headers={"Idempotency-Key": "order-7"})
        not_created(answer, 500, UNKNOWN_ERROR)
        assert answer.headers["Retry-After"] == "3"
    assert door.store.asked == 0
    not_created(await ask(door, key="wrong"), 401, 401)


async def test_a_store_that_is_away_is_an_unknown_error(door: Door) -> None:
    door.store.fault = OSError()
    answer = await ask(door)
    not_created(answer, 500, UNKNOWN_ERROR)
    assert answer.headers["Retry-After"] == "5"
    assert not door.calls.placed


async def test_what_nobody_expected_is_in_the_log_and_tells_nothing(door: Door, log: io.StringIO) -> None:
    door.calls.fault = RuntimeError("918273")
    assert not_created(await ask(door), 500, 500) == "Internal server error"
    (line,) = [one for one in map(json.loads, log.getvalue().splitlines()) if one["event"] == "http.failed"]
    assert line["route"] == f"{ROOT}/{{subAccountId}}/callflows"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CALLFLOWS, 405),
        ("PUT", CALLFLOWS, 405),
        ("PROPFIND", CALLFLOWS, 405),
        ("POST", f"{CALLFLOWS}/", 404),
        ("GET", ROOT, 404),
        ("GET", f"{ROOT}/", 404),
        ("POST", MINE, 404),
        ("GET", f"{MINE}/numbers", 404),
        ("GET", f"{MINE}/recordings/x", 404),
        ("POST", f"{MINE}/recording-push-config", 404),
        ("POST", f"{MINE}/messages/exports", 404),
    ],
)
async def test_an_address_or_a_method_that_there_is_not(door: Door, method: str, path: str, status: int) -> None:
    answer = await door.ask(method, path)
    not_created(answer, status, status)
    assert answer.headers.get("Allow") == ("POST" if status == 405 else None)


async def test_what_lies_beside_it_refuses_as_ever(door: Door) -> None:
    for path in ("/api/v1/subaccountsx", "/api/v1", "/api/v1/subaccount/x"):
        answer = await door.ask("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


async def test_a_body_that_is_too_long_or_packed_or_never_comes(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.dumps(BODY).encode()
    created(await ask(door, whole.ljust(LARGEST)))
    not_created(await ask(door, whole.ljust(LARGEST + 1)), 413, 413)
    not_created(await ask(door, whole, headers={"Content-Encoding": "gzip"}), 415, 415)
    monkeypatch.setattr(asking, "BODY_WITHIN", 0.05)
    head = f"POST {CALLFLOWS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n{{"
    answer = await door.send(head.encode(), until=lambda some: some.endswith(b"}"))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["statusCode"] == 408
    assert len(door.calls.placed) == 1


async def test_refusals_are_counted_by_words_of_a_closed_list() -> None:
    counted: list[tuple[str, str]] = []

    class Counted:
        def answered(self, *_: object) -> None:
            pass

        def refused(self, door: str, reason: str, /) -> None:
            counted.append((door, reason))

    async with opened(accounts=ACCOUNTS, counts=Counted()) as door:
        for body, key in ((b"{", KEY), ({"callflow": [SAY]}, KEY), (BODY, None), (BODY, OTHER_KEY), (b"{", TEST_KEY)):
            await ask(door, body, key=key)
        await ask(door, b"{", headers={"Idempotency-Key": "k"})
        for fault in (NotTaken("destination_busy", facts={"call": "call_7"}), NotTaken("draining"), OSError()):
            door.calls.fault = fault
            await ask(door)
    assert {door for door, _ in counted} == {"8x8"}
    reasons = [reason for _, reason in counted]
    assert reasons[:4] == ["-1001", "-1013", "unauthorized", "not_found"]
    assert reasons[4:] == ["-1001", "destination_busy", "draining", "internal_error"]
    assert set(REASONS) >= {str(code) for code in MESSAGES if code < 0}


# --- nothing of it is known to others ---------------------------------------------------------------------------------


async def test_nothing_secret_gets_into_the_log(door: Door, log: io.StringIO) -> None:
    secrets = ("918273", "mdp1234", "token-of-a-url")
    await register(door, "VCA", httpAuthHeader=secrets[1], url=f"https://ivr.example/?k={secrets[2]}")
    said = {"action": "say", "params": {"text": f"Your code is {secrets[0]}.", "voiceProfile": "en-IE-EmilyNeural"}}
    created(await ask(door, {"callflow": [CALL, said, ASK]}, headers={"Idempotency-Key": "k"}))
    wrong = {"action": "say", "params": {"text": f"{secrets[0]}\x00", "voiceProfile": secrets[1]}}
    answer = await ask(door, {"callflow": [CALL, wrong], secrets[2]: 1})
    assert answer.status == 422
    for secret in secrets:
        assert secret not in log.getvalue() + json.dumps(answer.body)


STRANGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["say", "makeCall", "scenario", "hangup", "6512345678", "en-US", "\ud800", "reminder"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["action", "params", "callflow", "text", "scenarioName", "destination"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)
DOCUMENTS = [json.loads(path.read_text()) for path in GOOD]


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return all values of a document, as (container, key)."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [place for key in keys for place in ((document, key), *places(document[key]))]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bytes, JSON of any kind, and good documents with a strange value in them."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=40))
    if kind == 1:
        return json.dumps(draw(STRANGE)).encode()
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    container, key = draw(st.sampled_from(places(document)))
    container[key] = draw(STRANGE)
    text = json.dumps(document)
    return text.encode() if kind == 2 else text[: draw(st.integers(0, len(text)))].encode()


async def test_whatever_is_sent_the_answer_has_one_of_two_shapes(door: Door) -> None:
    sent: list[bytes] = []

    @settings(max_examples=150, derandomize=True, database=None)
    @given(bodies())
    def collect(body: bytes) -> None:
        sent.append(body)

    collect()
    await register(door, "VCA")
    seen: set[int] = set()
    for body in sent:
        answer = await ask(door, body)
        code = answer.body["statusCode"]
        if answer.status == 200:
            created(answer)
        else:
            not_created(answer, http_status(code), code)
        seen.add(code)
    assert {1, NOT_JSON, -1007, -1009} <= seen <= set(MESSAGES) - {UNKNOWN_ERROR}
