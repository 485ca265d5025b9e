"""Whose request it is."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from otpvoice.web import auth
from tests.web.world import BODY, FICTION, KEY, OTHER_KEY, SECOND_KEY, TEST_KEY, Door


@pytest.mark.parametrize(("key", "account"), [(KEY, "shop"), (SECOND_KEY, "shop"), (OTHER_KEY, "other")])
async def test_a_key_is_an_account(door: Door, key: str, account: str) -> None:
    await door.ask("POST", "/v1/calls", json=BODY, key=key)
    assert [placed[2] for placed in door.calls.placed] == [account]


@pytest.mark.parametrize("header", [f"bearer {KEY}", f"BEARER   {KEY}", f"Bearer {KEY} "])
async def test_the_scheme_is_read_as_http_reads_it(door: Door, header: str) -> None:
    answer = await door.ask("GET", "/v1/calls/x", key=None, headers={"Authorization": header})
    assert answer.status == 404


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (None, "Bearer"),
        ("", "Bearer"),
        (KEY, "Bearer"),
        (f"Basic {KEY}", "Bearer"),
        ("Bearer", 'Bearer error="invalid_token"'),
        ("Bearer nonsense", 'Bearer error="invalid_token"'),
        (f"Bearer {KEY[:-1]}", 'Bearer error="invalid_token"'),
        (f"Bearer {KEY}x", 'Bearer error="invalid_token"'),
        (f"Bearer {KEY} {KEY}", 'Bearer error="invalid_token"'),
        (f"Bearer {KEY.upper()}", 'Bearer error="invalid_token"'),
        ("Bearer é", 'Bearer error="invalid_token"'),
        (f"Bearer {'x' * 5000}", 'Bearer error="invalid_token"'),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/calls"), ("GET", "/v1/calls/x"), ("POST", "/v1/calls/x/hangup")]
)
async def test_without_a_key_nothing_is_done(
    door: Door, header: str | None, challenge: str, *, method: str, path: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await door.ask(method, path, key=None, headers=headers, data=b"{")
    assert (answer.status, answer.body["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == challenge
    assert door.store.asked == 0


async def test_two_keys_at_once_are_none(door: Door) -> None:
    head = f"GET /v1/calls/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n"
    answer = await door.send(f"{head}Connection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"404" not in answer.splitlines()[0]


@pytest.mark.parametrize("to", [BODY["to"], FICTION])
async def test_a_test_key_never_dials(door: Door, to: str) -> None:
    answer = await door.ask("POST", "/v1/calls", json=BODY | {"to": to}, key=TEST_KEY)
    assert (answer.status, answer.body["test"], answer.body["to"]) == (202, True, to)
    assert not door.calls.placed
    assert [(plan.to, account) for plan, account, _ in door.calls.rehearsed] == [(to, "shop")]


async def test_what_a_test_key_may_name_is_no_number_for_others(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", json=BODY | {"to": FICTION})
    assert (answer.status, answer.body["code"]) == (403, "destination_not_allowed")


async def test_a_call_that_a_test_key_prepares_is_one_of_tests(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", json={"dial": False, "code": "918273"}, key=TEST_KEY)
    assert (answer.status, answer.body["test"], answer.body["state"]) == (202, True, "waiting")


async def test_a_test_key_that_is_not_known_is_not_known(door: Door) -> None:
    assert (await door.ask("POST", "/v1/calls", json=BODY, key=TEST_KEY + "x")).status == 401


@pytest.mark.parametrize("key", [KEY, SECOND_KEY, OTHER_KEY, "nobody's"])
async def test_every_key_is_compared_with_all(door: Door, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the time it takes says nothing."""
    compared: list[Any] = []

    def compare(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return hmac.compare_digest(known, given)

    class Watched:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(auth, "hmac", Watched)
    await door.ask("GET", "/v1/calls/x", key=key)
    assert len(compared) == 4
    assert all(len(digest) == 32 for digest in compared)
