"""Signatures, as the reference library of Standard Webhooks reads them."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from otpvoice.adapters.webhooks.signing import sign
from otpvoice.trust.signing_secret import WebhookSecret, parse_secret

OLD, NEW = ("whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 100))
BODY = '{"id":"evt_1","type":"call.ended","text":"Ž"}'.encode()


def test_the_headers_are_the_three_of_the_specification() -> None:
    headers = sign([parse_secret(NEW)], "evt_1", 1_800_000_000, BODY)
    assert headers == {
        "webhook-id": "evt_1",
        "webhook-timestamp": "1800000000",
        "webhook-signature": Webhook(NEW).sign("evt_1", datetime.fromtimestamp(1_800_000_000, UTC), BODY.decode()),
    }


def test_while_secrets_change_both_sides_of_the_change_can_verify() -> None:
    headers = sign([parse_secret(NEW), parse_secret(OLD)], "evt_1", int(time.time()), BODY)
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(BODY, headers)["id"] == "evt_1"
    first, second = headers["webhook-signature"].split(" ")
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert [first, second] == [Webhook(secret).sign("evt_1", at, BODY.decode()) for secret in (NEW, OLD)]


@pytest.mark.parametrize(
    ("what", "forged"),
    [
        ("body", lambda headers: (headers, BODY + b" ")),
        ("id", lambda headers: (headers | {"webhook-id": "evt_2"}, BODY)),
        ("time", lambda headers: (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}, BODY)),
    ],
)
def test_id_time_and_body_are_signed(what: str, forged: object) -> None:
    headers, body = forged(sign([parse_secret(NEW)], "evt_1", int(time.time()), BODY))  # type: ignore[operator]
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(NEW).verify(body, headers)


@given(key=st.binary(min_size=24, max_size=64), event_id=st.from_regex(r"\Aevt_[a-z0-9]{1,40}\Z"), text=st.text())
def test_every_signature_is_the_librarys(key: bytes, event_id: str, text: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    signed = sign([parse_secret(secret)], event_id, 1_800_000_000, text.encode())["webhook-signature"]
    assert signed == Webhook(secret).sign(event_id, datetime.fromtimestamp(1_800_000_000, UTC), text)


def test_without_a_secret_nothing_is_signed_and_the_rest_is_said() -> None:
    assert sign([], "evt_1", 1_800_000_000, BODY) == {"webhook-id": "evt_1", "webhook-timestamp": "1800000000"}


@pytest.mark.parametrize("size", [24, 25, 26, 32, 64])
def test_a_secret_is_read_with_its_padding_or_without(size: int) -> None:
    key = bytes(range(size))
    text = "whsec_" + base64.b64encode(key).decode()
    assert parse_secret(text) == parse_secret(text.rstrip("=")) == WebhookSecret(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        base64.b64encode(bytes(32)).decode(),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_" + "A" * 33,
        "whsec_" + "_" * 32,
        "WHSEC_" + "A" * 32,
        "whsec_" + "A" * 32 + "\n",
        "whsec_" + "A" * 32 + "===",
        "whsk_" + "A" * 44,
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and 24 to 64 random bytes in base64") as caught:
        parse_secret(text)
    assert caught.value.__cause__ is None
    assert len(str(caught.value)) == len("must be whsec_ and 24 to 64 random bytes in base64")


def test_a_secret_does_not_print_itself() -> None:
    secret = WebhookSecret(b"correct horse battery staple")
    for shown in (str(secret), repr(secret), f"{secret}", f"{[secret]}"):
        assert "horse" not in shown
