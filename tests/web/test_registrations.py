"""Webhooks as 8x8 has them registered, listed and deleted: shapes, rules, and who sees which."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from otpvoice.adapters.registry import Registry
from otpvoice.adapters.sealing import Sealer
from otpvoice.dialects.reader import LARGEST
from tests.web.subaccounts import (
    ACCOUNT,
    ASK,
    CALL,
    MINE,
    ROOT,
    SAY,
    WEBHOOKS,
    ask,
    created,
    failed,
    not_created,
    opened_now,
    register,
)
from tests.web.world import KEY, OTHER_KEY, SECRET, TEST_KEY, Answer, Door

HEADER = "Basic bWRwOjEyMzQ="


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """The door."""
    async with opened_now() as door:
        yield door


def entry(kind: str, *, enabled: bool = True, auth: bool = False, url: str | None = None) -> dict[str, Any]:
    return {
        "type": kind,
        "url": url or f"https://ivr.example/{kind.lower()}",
        "enabled": enabled,
        "httpAuthHeaderAvailable": auth,
    }


def listing(*entries: dict[str, Any], account: str = ACCOUNT) -> dict[str, Any]:
    count = len(entries)
    return {"subAccountId": account, "count": count, "webhooks": [*entries], "statusCode": 0, "statusMessage": "ok"}


async def listed(door: Door, key: str = KEY) -> Any:
    answer = await door.ask("GET", WEBHOOKS, key=key)
    assert answer.status == 200
    return answer.body


async def delete(door: Door, kind: str, key: str = KEY) -> Answer:
    return await door.ask("DELETE", f"{WEBHOOKS}/{kind}", key=key)


async def test_an_endpoint_is_registered_listed_changed_and_deleted(door: Door) -> None:
    assert await listed(door) == listing()
    answer = await register(door, "VSS")
    assert (answer.status, answer.body) == (200, listing(entry("VSS")))
    answer = await register(door, "VCA", httpAuthHeader=HEADER, enabled=False)
    assert (answer.status, answer.body) == (200, listing(entry("VCA", enabled=False, auth=True)))
    assert list(answer.body) == ["subAccountId", "count", "webhooks", "statusCode", "statusMessage"]
    assert await listed(door) == listing(entry("VCA", enabled=False, auth=True), entry("VSS"))

    elsewhere = "https://elsewhere.example/vca"
    await register(door, "VCA", url=elsewhere)
    assert await listed(door) == listing(entry("VCA", url=elsewhere), entry("VSS")), "in place of the former one"

    answer = await delete(door, "VCA")
    gone = {"subAccountId": ACCOUNT, **entry("VCA", url=elsewhere), "statusCode": 0, "statusMessage": "deleted"}
    assert (answer.status, answer.body) == (200, gone)
    assert await listed(door) == listing(entry("VSS"))
    failed(await delete(door, "VCA"), 404, "404")


async def test_all_five_types_are_kept_and_those_of_which_nothing_is_told_are_never_enabled(door: Door) -> None:
    for kind in ("VNU", "VRU", "VCS", "VCA", "VSS"):
        await register(door, kind, enabled=True)
    told = [entry(kind) for kind in ("VCA", "VSS", "VCS")]
    untold = [entry(kind, enabled=False) for kind in ("VRU", "VNU")]
    assert await listed(door) == listing(*told, *untold)
    assert (await delete(door, "VRU")).body["type"] == "VRU"


@pytest.mark.parametrize(
    ("fields", "enabled"),
    [
        ({}, True),
        ({"enabled": None}, True),
        ({"enabled": None, "active": None, "httpAuthHeader": None}, True),
        ({"enabled": False}, False),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"enabled": True, "active": False}, True),
        ({"enabled": None, "active": False}, False),
    ],
)
async def test_it_is_enabled_unless_somebody_says_otherwise(door: Door, fields: Any, *, enabled: bool) -> None:
    """``active`` is the guide's word for it."""
    assert (await register(door, "VCA", **fields)).body == listing(entry("VCA", enabled=enabled))


async def test_fields_that_nobody_knows_are_passed_over(door: Door) -> None:
    answer = await register(door, "VCA", description="mine", retries={"max": 3})
    assert answer.body == listing(entry("VCA"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid JSON request body"),
        (b"{", "Invalid JSON request body"),
        (b"[]", "Invalid JSON request body"),
        (b'{"type": "VCA", "type": "VSS"}', "Invalid JSON request body"),
        (b"{}", "$.type is missing but it is required; $.url is missing but it is required"),
        (b'{"type": "VCA", "url": null}', "$.url is missing but it is required"),
        (b'{"type": "VCA", "url": 5}', "$.url must be a string"),
        (b'{"type": "VCA", "url": ""}', "$.url must not be empty"),
        (b'{"type": "VCA", "url": "ftp://ivr.example"}', "$.url must begin with https://"),
        (b'{"type": "vca", "url": "https://a.example"}', "$.type must be 'VCA', 'VSS', 'VCS', 'VRU' or 'VNU'"),
        (b'{"type": "VCA", "url": "https://a.example", "enabled": "yes"}', "$.enabled must be true or false"),
        (b'{"type": "VCA", "url": "https://a.example", "active": 1}', "$.active must be true or false"),
        (b'{"type": "VCA", "url": "https://a.example", "httpAuthHeader": 1}', "$.httpAuthHeader must be a string"),
    ],
)
async def test_what_can_not_be_registered_is_told_why(door: Door, body: bytes, message: str) -> None:
    assert failed(await door.ask("POST", WEBHOOKS, data=body), 422, "1001") == message
    assert await listed(door) == listing()


@pytest.mark.parametrize("header", ["a\r\nX-Evil: b", "é", "x" * 4097, " mdp1234", "a\x00"])
async def test_what_no_header_can_be_is_refused_and_not_repeated(door: Door, header: str, log: io.StringIO) -> None:
    answer = await register(door, "VCA", httpAuthHeader=header)
    message = failed(answer, 422, "1001")
    assert message.startswith("$.httpAuthHeader must be 1 to 4096 printable ASCII characters")
    assert header not in json.dumps(answer.body) + log.getvalue()


@pytest.mark.parametrize("header", ["", "  ", None])
async def test_a_header_of_nothing_is_none(door: Door, header: str | None) -> None:
    await register(door, "VCA", httpAuthHeader=HEADER)
    assert (await register(door, "VCA", httpAuthHeader=header)).body == listing(entry("VCA"))


async def test_a_header_is_kept_sealed_and_shown_to_nobody(door: Door, log: io.StringIO) -> None:
    answers = [await register(door, "VCA", httpAuthHeader=HEADER)]
    answers.append(await door.ask("GET", WEBHOOKS))
    (kept,) = await door.store.memory.registered(ACCOUNT)
    assert kept.auth is not None
    assert HEADER not in kept.auth
    assert Registry(door.store, Sealer(SECRET)).unseal(ACCOUNT, kept.auth) == HEADER
    answers.append(await delete(door, "VCA"))
    assert HEADER not in log.getvalue() + "".join(json.dumps(answer.body) for answer in answers)
    assert all("httpAuthHeader" not in str(answer.body).replace("httpAuthHeaderAvailable", "") for answer in answers)


async def test_without_a_key_that_seals_a_header_can_not_be_kept(log: io.StringIO) -> None:
    async with opened_now(secret=None) as keyless:
        message = failed(await register(keyless, "VCA", httpAuthHeader=HEADER), 422, "1001")
        assert message.startswith("$.httpAuthHeader ")
        assert "OTPVOICE_SECRET_KEY" in message
        assert (await register(keyless, "VCA")).body == listing(entry("VCA"))


async def test_what_the_registry_does_not_keep_is_told_why(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise ValueError("has 50 others already")

    monkeypatch.setattr(door.store.memory, "register", full)
    assert failed(await register(door, "VCA"), 422, "1001") == "$ has 50 others already"


# --- whose ------------------------------------------------------------------------------------------------------------

EVERYTHING = [("GET", ""), ("POST", ""), ("DELETE", "/VCA")]


@pytest.mark.parametrize(("method", "more"), EVERYTHING)
async def test_a_sub_account_sees_and_changes_its_own_alone(door: Door, method: str, more: str) -> None:
    await register(door, "VCA")
    for key, name in ((OTHER_KEY, ACCOUNT), (KEY, "other"), (KEY, "nobody")):
        body = {"type": "VCA", "url": "https://evil.example"}
        answer = await door.ask(method, f"{ROOT}/{name}/webhooks{more}", key=key, json=body)
        assert failed(answer, 404, "404") == f"SubAccount not found by Id : {name}"
    for nobody in (None, "nobody's"):
        answer = await door.ask(method, f"{WEBHOOKS}{more}", key=nobody)
        assert failed(answer, 401, "401") == "Authentication header not found or token invalid"
    assert await listed(door) == listing(entry("VCA"))
    theirs = await door.ask("GET", f"{ROOT}/other/webhooks", key=OTHER_KEY)
    assert theirs.body == listing(account="other")


async def test_a_test_key_has_registrations_of_its_own(door: Door) -> None:
    """Who has one can't have it told to himself what real callees press, and learns nothing of where that is told."""
    await register(door, "VCA", url="https://real.example/vca?token=918273", httpAuthHeader=HEADER)
    assert await listed(door, TEST_KEY) == listing()
    failed(await delete(door, "VCA", TEST_KEY), 404, "404")
    await register(door, "VCA", key=TEST_KEY, url="https://test.example/vca")
    await register(door, "VSS", key=TEST_KEY)
    assert await listed(door, TEST_KEY) == listing(entry("VCA", url="https://test.example/vca"), entry("VSS"))
    assert (await listed(door))["count"] == 1
    created(await ask(door, {"callflow": [CALL, ASK]}))
    created(await ask(door, {"callflow": [CALL, ASK]}, key=TEST_KEY))
    ((real, *_),), ((test, *_),) = door.calls.placed, door.calls.rehearsed
    assert real.webhook is not None
    assert (real.webhook.url, real.webhook.hooks) == ("https://real.example/vca?token=918273", ())
    assert test.webhook is not None
    assert test.webhook.url == "https://test.example/vca"
    assert [(hook.name, hook.url) for hook in test.webhook.hooks] == [("VSS", "https://ivr.example/vss")]
    assert (await delete(door, "VCA", TEST_KEY)).status == 200
    not_created(await ask(door, {"callflow": [CALL, ASK]}, key=TEST_KEY), 422, -1004)
    assert (await listed(door))["count"] == 1


async def test_names_of_tests_are_no_types(door: Door) -> None:
    await register(door, "VCA", key=TEST_KEY)
    failed(await register(door, "test:VCA"), 422, "1001")
    failed(await delete(door, "test:VCA"), 404, "404")
    failed(await delete(door, "nothing", TEST_KEY), 404, "404")
    assert (await listed(door, TEST_KEY))["count"] == 1


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "more"), EVERYTHING)
async def test_a_store_that_is_away_is_told_in_their_shape(door: Door, method: str, more: str) -> None:
    door.store.fault = OSError()
    answer = await door.ask(method, f"{WEBHOOKS}{more}", json={"type": "VCA", "url": "https://a.example"})
    assert failed(answer, 500, "-9999") == "An unknown error has occurred."
    assert answer.headers["Retry-After"] == "5"


async def test_so_is_what_http_has_against_it(door: Door) -> None:
    answer = await door.ask("PUT", WEBHOOKS)
    failed(answer, 405, "405")
    assert answer.headers["Allow"] == "GET,HEAD,POST"
    failed(await door.ask("GET", f"{WEBHOOKS}/VCA"), 405, "405")
    failed(await door.ask("GET", f"{WEBHOOKS}/VCA/x"), 404, "404")
    message = failed(await door.ask("POST", WEBHOOKS, data=b" " * (LARGEST + 1)), 413, "413")
    assert "called" not in message
    failed(await door.ask("POST", f"{MINE}/speech-profiles"), 405, "405")


async def test_a_session_is_told_where_it_was_registered_when_it_was_asked_for(door: Door) -> None:
    await register(door, "VSS")
    created(await ask(door, {"callflow": [CALL, SAY]}))
    await delete(door, "VSS")
    created(await ask(door, {"callflow": [CALL, SAY]}))
    first, second = (plan.webhook for plan, *_ in door.calls.placed)
    assert first is not None
    assert second is not None
    assert ([hook.name for hook in first.hooks], second.hooks) == (["VSS"], ())
