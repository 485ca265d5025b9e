"""What a format lets be said of a stream, and where the URL of one may lead: as it will be asked, by the real guard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.core.actions import BasicAuth, Stream
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import Secret
from otpvoice.dialects import native_streams, stream_rules
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import ProblemFound
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.wanted_rate import rate_in
from otpvoice.trust.addresses import parse_allow
from otpvoice.trust.logins import Login, split_login
from tests.dialects.account import DEFAULTS, NOW

EXOTEL = FORMATS["exotel"]


# --- logins in URLs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "bare", "login"),
    [
        ("wss://a.example/x", "wss://a.example/x", None),
        ("wss://a.example/@x?y=u:p@z", "wss://a.example/@x?y=u:p@z", None),
        ("wss://a.example?u:p@b", "wss://a.example?u:p@b", None),
        ("wss://u:p@a.example/x", "wss://a.example/x", ("u", "p")),
        ("wss://u:p@[::1]:8443/x?y#z", "wss://[::1]:8443/x?y#z", ("u", "p")),
        ("WSS://u:p:q@a.example", "WSS://a.example", ("u", "p:q")),
        ("wss://u%40a%20b:p%3A%25%40@a.example", "wss://a.example", ("u@a b", "p:%@")),
        ("https://!$&'()*+,;=-._~:!$&'()*+,;=-._~@a", "https://a", ("!$&'()*+,;=-._~", "!$&'()*+,;=-._~")),
        (f"wss://{'u' * 128}:{'p' * 256}@a", "wss://a", ("u" * 128, "p" * 256)),
        # None at all is no login that is wrong: what is said of it is the guard's.
        ("", "", None),
        ("u:p@a.example", "u:p@a.example", None),
    ],
)
def test_a_login_is_cut_off_a_url(url: str, bare: str, login: tuple[str, str] | None) -> None:
    auth = BasicAuth(login[0], Secret(login[1])) if login is not None else None
    assert stream_rules.split_login(url) == (bare, auth)


@pytest.mark.parametrize(
    "login",
    [
        "",
        "u",
        "u:",
        ":p",
        ":",
        "u:p@u:p",
        "u%3Av:p",
        "ü:p",
        "u:%C3%BC",
        "u:%FF",
        "u:%00",
        "u:%0D%0AX-Evil: 1",
        "u:%7F",
        "u:%zz",
        "u:%4",
        "u v:p",
        'u:"',
        "u:p\\",
        "u" * 129 + ":p",
        "u:" + "p" * 257,
    ],
)
def test_half_a_login_or_one_that_no_header_takes_is_refused(login: str) -> None:
    with pytest.raises(ValueError, match=r"^must have a user name and a password before the @") as refused:
        stream_rules.split_login(f"wss://{login}@a.example/")
    assert refused.value.__cause__ is None


# --- rates and parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "rate"),
    [
        ("", None),
        ("?", None),
        ("?a=b", None),
        ("?sample-rate=8000", 8000),
        ("?a=b&sample-rate=24000&c=d", 24_000),
        ("?sample%2Drate=16000", 16_000),
        ("?Sample-Rate=16000", None),
    ],
)
def test_a_rate_may_be_chosen_in_the_url(query: str, rate: int | None) -> None:
    assert rate_in(f"wss://a.example/{query}", EXOTEL) == rate


@pytest.mark.parametrize(
    "query",
    ["sample-rate=", "sample-rate", "sample-rate=8", "sample-rate=08000", "sample-rate=8000&sample-rate=8000"],
)
def test_a_rate_that_there_is_not_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"^must have one sample-rate of 8000, 16000 or 24000 in its query$"):
        rate_in(f"wss://a.example/?{query}", EXOTEL)


@pytest.mark.parametrize("name", ["twilio", "voxology"])
def test_where_there_is_one_rate_the_query_is_the_customer_s_own(name: str) -> None:
    assert rate_in("wss://a.example/?sample-rate=1", FORMATS[name]) is None


def test_a_format_that_is_none_has_no_rules() -> None:
    nothing = stream_rules.format_of("opus")
    assert nothing is stream_rules.format_of(None) is None
    stream_rules.check_rate(1, nothing)
    stream_rules.check_parameters_of(nothing, {f"p{n}": "" for n in range(4)})
    assert rate_in("wss://a.example/?sample-rate=1", nothing) is None
    assert stream_rules.schemes_of(nothing) == ("ws", "wss", "https")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_listened_to(name: str) -> None:
    """A trunk's stream and a tap have no other mode."""
    assert "listen" in FORMATS[name].modes


# --- where it may lead ------------------------------------------------------------------------------------------------


@pytest.fixture
async def guarded() -> AsyncIterator[CallDefaults]:
    """What an account may choose from that opens one host and one network."""
    client = GuardedClient(parse_allow(["bots.corp.example", "10.20.0.0/16"]))
    try:
        yield replace(DEFAULTS, check_url=client.check)
    finally:
        await client.close()


def plan_of(url: str, defaults: CallDefaults, **more: str) -> CallPlan:
    body = {"to": "+442079460123", "actions": [{"type": "stream", "url": url, **more}]}
    return parse_call(json.dumps(body).encode(), defaults, NOW).plan


@pytest.mark.parametrize(
    ("url", "format_"),
    [
        ("wss://voice.example/calls", "twilio"),
        ("WSS://voice.example:8443/calls?a=b", "twilio"),
        # As with http: what is not encrypted is for its sender to say.
        ("ws://voice.example/calls", "voxology"),
        ("ws://10.20.0.1:8080/calls", "twilio"),
        ("wss://u:p@bots.corp.example/", "exotel"),
        ("https://voice.example/where", "exotel"),
        ("https://u:p@10.20.0.1/where?sample-rate=8000", "exotel"),
    ],
)
async def test_a_stream_leads_where_other_urls_of_requests_may(url: str, format_: str, guarded: CallDefaults) -> None:
    (stream,) = plan_of(url, guarded, format=format_).actions
    assert isinstance(stream, Stream)
    assert stream.url == url.replace("u:p@", "")
    assert not stream.trusted


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("wss://127.0.0.1/", "must not lead to an address that is not public"),
        ("wss://10.0.0.1/", "must not lead to an address that is not public"),
        ("wss://u:p@169.254.169.254/", "must not lead to an address that is not public"),
        ("wss://[::1]/", "must not lead to an address that is not public"),
        ("wss://localhost/", "must not lead to this machine"),
        ("ws://voice.example:6379/", "must not have this port"),
        ("wss://0x7f.1/", "must have a host name, or an IP address in its usual form"),
        ("https://voice.example/", "must begin with ws:// or wss://"),
        ("file:///etc/passwd", "must begin with ws:// or wss://"),
        ("wss:voice.example", "must begin with ws:// or wss://"),
        ("wss://voice.example/#x", "must not have a fragment"),
        ("wss://voice.example\\@127.0.0.1/", None),
        ("wss://u:p@voice.example@127.0.0.1/", None),
        ("wss://u:p@/", "must have a host name or an IP address, and a port at most"),
        ("wss://voice.example/\r\nX-Evil: 1", None),
    ],
)
async def test_and_nowhere_else(url: str, message: str | None, guarded: CallDefaults) -> None:
    with pytest.raises(ProblemFound) as refused:
        plan_of(url, guarded)
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("$.actions[0].url", "url")
    assert message is None or problem.message == message


async def test_a_url_is_asked_for_over_https_and_nothing_else(guarded: CallDefaults) -> None:
    """What answers in clear may be answered by anybody on the way."""
    with pytest.raises(ProblemFound) as refused:
        plan_of("http://10.20.0.1/where", guarded, format="exotel")
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("$.actions[0].url", "url")
    assert problem.message == "must begin with ws:// or wss:// or https://"


@pytest.mark.parametrize("secret", ["918273-hunter2-4711"])
def test_what_is_secret_in_a_stream_is_shown_by_nothing(secret: str) -> None:
    body = {
        "to": "+442079460123",
        "actions": [
            {
                "type": "stream",
                "url": f"wss://voice.example/{secret}?token={secret}",
                "parameters": {"token": secret},
                "auth": {"type": kind, **auth},
                "name": kind,
            }
            for kind, auth in (
                ("basic", {"username": "bot", "password": secret}),
                ("bearer", {"token": secret}),
                ("signature", {"secret": secret}),
            )
        ],
    }
    plan = parse_call(json.dumps(body).encode(), DEFAULTS, NOW).plan
    assert len(plan.actions) == 3
    assert secret not in f"{plan!r} {plan.actions} {[str(action) for action in plan.actions]}"


def test_a_user_name_is_shown_no_more_than_a_password() -> None:
    """Some put the key there."""
    auth = native_streams.BasicAuth(type="basic", username="hunter2", password="hunter2")  # type: ignore[arg-type]
    assert auth.to_core() == BasicAuth("hunter2", Secret("hunter2"))
    _, login = split_login("wss://hunter2:hunter2@a.example/")
    assert login == Login("hunter2", "hunter2")
    assert "hunter2" not in f"{auth!r} {auth} {auth.to_core()!r} {login!r} {login}"
