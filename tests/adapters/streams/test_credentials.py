"""Headers that say who we are, and that nothing else says it."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from otpvoice.adapters.streams.credentials import BadCredentials, auth_headers, sign, without_user
from otpvoice.core.actions import BasicAuth, BearerAuth, SignatureAuth, StreamAuth
from otpvoice.core.secret import Secret
from otpvoice.trust.urls import BadUrl

URL = "wss://hooks.example/stream?x=1"
NOW = 1_800_000_000.9


@pytest.mark.parametrize(
    ("auth", "headers"),
    [
        (None, {}),
        (BasicAuth("Aladdin", Secret("open sesame")), {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}),
        (BasicAuth("test", Secret("123£")), {"Authorization": "Basic dGVzdDoxMjPCow=="}),
        (BasicAuth("", Secret(":\n")), {"Authorization": "Basic " + base64.b64encode(b"::\n").decode()}),
        (BearerAuth(Secret("mF_9.B5f-4.1JqM")), {"Authorization": "Bearer mF_9.B5f-4.1JqM"}),
    ],
)
def test_a_login_and_a_token_are_those_of_the_rfcs(auth: StreamAuth | None, headers: dict[str, str]) -> None:
    assert auth_headers(auth, URL, NOW) == headers


def test_a_signature_is_over_the_moment_and_the_url() -> None:
    headers = auth_headers(SignatureAuth(Secret("s3cret ü")), URL, NOW)
    expected = hmac.new("s3cret ü".encode(), b"1800000000.wss://hooks.example/stream?x=1", hashlib.sha256).hexdigest()
    assert headers == {"X-Otpvoice-Timestamp": "1800000000", "X-Otpvoice-Signature": expected}
    assert sign("s3cret ü", 1_800_000_000, URL) == expected
    assert (
        sign("s3cret", 1_800_000_001, URL) != sign("s3cret", 1_800_000_000, URL) != sign("s3cret", 1_800_000_000, "x")
    )


@pytest.mark.parametrize(
    "auth",
    [
        *(BearerAuth(Secret(token)) for token in ("", "s3cret blank", "s3cret\r\nX-A: b", "s3cretü", "s3cret\0")),
        BasicAuth("s3cret:user", Secret("x")),
    ],
)
def test_what_no_header_can_have_is_not_sent_and_not_shown(auth: StreamAuth) -> None:
    with pytest.raises(BadCredentials) as refused:
        auth_headers(auth, URL, NOW)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "plain", "user"),
    [
        ("wss://hooks.example/a@b?c@d", "wss://hooks.example/a@b?c@d", None),
        ("wss://hooks.example", "wss://hooks.example", None),
        ("wss://me:pass@hooks.example/a@b", "wss://hooks.example/a@b", BasicAuth("me", Secret("pass"))),
        ("ws://me:a%3Ab:%40@[::1]/", "ws://[::1]/", BasicAuth("me", Secret("a:b:@"))),
        ("no URL @ all", "no URL @ all", None),
        ("", "", None),
    ],
)
def test_a_user_in_a_url_is_taken_out_of_it(url: str, plain: str, user: BasicAuth | None) -> None:
    assert without_user(url) == (plain, user)


@pytest.mark.parametrize("login", ["s3cret:%FF", "s3cret", "s3cret:", "s3cret%C3%BC:x", "s3cret:a@b"])
def test_half_a_login_or_one_that_no_header_takes_is_refused_and_not_shown(login: str) -> None:
    with pytest.raises(BadUrl) as refused:
        without_user(f"wss://{login}@hooks.example/")
    assert "s3cret" not in str(refused.value)
    assert (refused.value.__context__, refused.value.__cause__) == (None, None)


def test_no_secret_is_in_what_is_shown() -> None:
    for auth in (BasicAuth("me", Secret("s3cret")), BearerAuth(Secret("s3cret")), SignatureAuth(Secret("s3cret"))):
        assert "s3cret" not in repr(auth)
