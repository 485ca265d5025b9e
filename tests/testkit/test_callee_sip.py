"""SIP messages and addresses: what is read, what is refused, what comes back the same."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.testkit.callee import sip
from otpvoice.testkit.callee.address import MalformedMessage, NameAddress, Uri
from otpvoice.testkit.callee.sip import Header, Request, Response

INVITE = (
    b"INVITE sip:15550100@127.0.0.1:5070 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa\r\n"
    b'From: "Bank; <One>" <sip:15550199@127.0.0.1>;tag=their\r\n'
    b"To: <sip:15550100@127.0.0.1>\r\n"
    b"Contact: <sip:asterisk@127.0.0.1:5060>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Record-Route: <sip:10.0.0.1;lr>\r\n"
    b"Record-Route: <sip:10.0.0.2;lr>\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)
MANDATORY: tuple[Header, ...] = (
    ("Via", "SIP/2.0/UDP h:1;branch=z9hG4bKb"),
    ("From", "<sip:a@h>;tag=1"),
    ("To", "<sip:b@h>"),
    ("Call-ID", "c"),
)


def invite() -> Request:
    message = sip.parse(INVITE)
    assert isinstance(message, Request)
    return message


def test_a_request_is_read() -> None:
    request = invite()
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:15550100@127.0.0.1:5070", b"v=0\n")
    assert (request.call_id, request.cseq, request.cseq_method) == ("c1", 7, "INVITE")
    assert (request.from_tag, request.to_tag) == ("their", "")
    assert (request.branch, request.sent_by) == ("z9hG4bKa", "127.0.0.1:5060")
    assert request.values("record-route") == ("<sip:10.0.0.1;lr>", "<sip:10.0.0.2;lr>")


def test_a_response_is_read() -> None:
    datagram = INVITE.replace(b"INVITE sip:15550100@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 486 Busy Here")
    message = sip.parse(datagram)
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (486, "Busy Here")


def test_compact_forms_folded_lines_and_other_cases_mean_the_same() -> None:
    datagram = (
        b"\r\nBYE sip:b@h SIP/2.0\r\n"
        b"v: SIP / 2.0 / UDP h:1 ;branch=z9hG4bKb\r\n"
        b"f : <sip:a@h>\r\n\t;tag=1\r\n"
        b"t:<sip:b@h>\r\ni:c\r\nCSEQ: 2   BYE\r\nl: 0\r\n\r\n"
    )
    message = sip.parse(datagram)
    assert (message.branch, message.from_tag, message.cseq) == ("z9hG4bKb", "1", 2)
    assert [name for name, _ in message.headers] == ["Via", "From", "To", "Call-ID", "CSEQ"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n\r\n", b"\r\n"),  # the headers never end
        (b"INVITE sip:15550100@127.0.0.1:5070 SIP/2.0", b"INVITE sip:15550100@127.0.0.1:5070 SIP/3.0"),
        (b"INVITE sip:15550100@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 99 Low"),
        (b"INVITE sip:15550100@127.0.0.1:5070 SIP/2.0", b"GET / HTTP/1.1"),
        (b"Via:", b"X:"),
        (b"From:", b"X:"),
        (b"\r\nTo:", b"\r\nX:"),
        (b"Call-ID:", b"X:"),
        (b"CSeq:", b"X:"),
        (b";branch=z9hG4bKa", b""),
        (b"7 INVITE", b"INVITE"),
        (b"7 INVITE", b"2147483648 INVITE"),
        (b"7 INVITE", b"7 BYE"),
        (b"Content-Length: 4", b"Content-Length: 5"),  # section 18.3
        (b"Content-Length: 4", b"Content-Length: -4"),
        (b"Content-Length: 4", b"Content-Length: \xd9\xa4"),  # an Arabic four
        (b"Call-ID: c1", b"Call-ID c1"),
        (b"Call-ID: c1", b"Call ID: c1"),
        (b"Call-ID: c1", b"Call-ID: c\n1"),
        (b"<sip:15550100@127.0.0.1>", b"<sip:15550100@127.0.0.1"),
    ],
)
def test_what_is_no_message_is_refused(old: bytes, new: bytes) -> None:
    assert old in INVITE
    with pytest.raises(MalformedMessage):
        sip.parse(INVITE.replace(old, new))


def test_bytes_beyond_the_length_are_dropped() -> None:
    assert sip.parse(INVITE + b"more").body == b"v=0\n"


@given(st.binary(max_size=400))
def test_no_datagram_raises_anything_else(datagram: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        sip.parse(datagram)


@given(st.integers(0, len(INVITE) - 1), st.binary(min_size=1, max_size=3))
def test_no_damaged_message_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        message = sip.parse(INVITE[:place] + damage + INVITE[place + len(damage) :])
    except MalformedMessage:
        return
    if isinstance(message, Request):
        sip.respond(message, 200, tag="t", source=("127.0.0.1", 1)).encode()
        sip.reply_address(message, ("127.0.0.1", 1))


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).map(
    lambda value: value.strip(" \t")
)
extra_headers = st.lists(st.tuples(st.from_regex(r"X-[A-Za-z]{1,8}", fullmatch=True), text), max_size=4)


@given(extra_headers, st.binary(max_size=80), st.integers(0, 2**31 - 1))
def test_a_request_comes_back_as_it_was_sent(extra: list[Header], body: bytes, cseq: int) -> None:
    request = Request((*MANDATORY, ("CSeq", f"{cseq} INFO"), *extra), body, method="INFO", uri="sip:b@h")
    assert sip.parse(request.encode()) == request


@given(extra_headers, st.binary(max_size=80), st.integers(100, 699), text)
def test_a_response_comes_back_as_it_was_sent(extra: list[Header], body: bytes, status: int, reason: str) -> None:
    response = Response((*MANDATORY, ("CSeq", "1 INFO"), *extra), body, status=status, reason=reason)
    assert sip.parse(response.encode()) == response


def test_a_line_break_cannot_be_smuggled_into_a_header() -> None:
    request = Request((("X-Note", "a\r\nVia: evil"),), method="INFO", uri="sip:b@h")
    with pytest.raises(ValueError, match="line break"):
        request.encode()


def test_a_response_is_the_requests_own_headers_with_our_tag() -> None:
    ringing = sip.respond(invite(), 180, tag="ours", source=("10.9.9.9", 4444), headers=(("X-A", "1"),))
    assert ringing.headers == (
        ("Via", "SIP/2.0/UDP 127.0.0.1:5060;rport=4444;branch=z9hG4bKa;received=10.9.9.9"),
        ("From", '"Bank; <One>" <sip:15550199@127.0.0.1>;tag=their'),
        ("To", "<sip:15550100@127.0.0.1>;tag=ours"),
        ("Call-ID", "c1"),
        ("CSeq", "7 INVITE"),
        ("Record-Route", "<sip:10.0.0.1;lr>"),
        ("Record-Route", "<sip:10.0.0.2;lr>"),
        ("X-A", "1"),
    )


@pytest.mark.parametrize(("status", "tagged", "routed"), [(100, False, False), (200, True, True), (486, True, False)])
def test_which_responses_make_a_dialog(status: int, tagged: bool, routed: bool) -> None:
    response = sip.respond(invite(), status, tag="ours")
    assert (response.to_tag == "ours", bool(response.header("Record-Route"))) == (tagged, routed)


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        (b"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa", ("10.9.9.9", 4444)),
        (b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa", ("10.9.9.9", 5060)),
        (b"Via: SIP/2.0/UDP proxy.example;branch=z9hG4bKa", ("10.9.9.9", 4444)),
    ],
)
def test_where_a_response_goes(via: bytes, expected: tuple[str, int]) -> None:
    request = sip.parse(INVITE.replace(b"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKa", via))
    assert isinstance(request, Request)
    assert sip.reply_address(request, ("10.9.9.9", 4444)) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:15550100@127.0.0.1:5070", Uri("15550100", "127.0.0.1", 5070)),
        ("sip:%2B15550100@h;transport=udp", Uri("+15550100", "h", 5060, ";transport=udp")),
        ("SIPS:a:secret;phone-context=x@h", Uri("a", "h")),
        ("sip:h?subject=x", Uri("", "h", 5060, "?subject=x")),
        ("sip:a@[::1]:5061", Uri("a", "[::1]", 5061)),
    ],
)
def test_uris(uri: str, expected: Uri) -> None:
    assert Uri.parse(uri) == expected


@pytest.mark.parametrize("uri", ["tel:+15550100", "sip:", "sip:a@", "sip:a@h:99999", "sip:a@b@c", "15550100"])
def test_what_is_no_sip_uri(uri: str) -> None:
    with pytest.raises(MalformedMessage):
        Uri.parse(uri)


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        ("<sip:a@h;lr>;tag=x", "sip:a@h;lr", "x"),
        ("sip:a@h;tag=x", "sip:a@h", "x"),
        (r'"a \" <b>;tag=no" <sip:a@h>;TAG = x', "sip:a@h", "x"),
        ("Alice <sip:a@h>", "sip:a@h", ""),
        ("<sip:a@h;lr>, <sip:b@h>;tag=no", "sip:a@h;lr", ""),
    ],
)
def test_name_addresses(value: str, uri: str, tag: str) -> None:
    address = NameAddress.parse(value)
    assert (address.uri, address.tag) == (uri, tag)
