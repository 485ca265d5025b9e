"""Session descriptions: what is read of an offer, and what is answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.testkit.callee import sdp
from otpvoice.testkit.callee.rtp import Law
from otpvoice.testkit.callee.sdp import Agreement, Direction, MalformedDescription, NoCommonCodec

# As Asterisk 22 offers it.
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Asterisk\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 15710 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    b"a=ptime:20\r\na=maxptime:140\r\na=sendrecv\r\n"
)
ULAW, ALAW = (Law.PCMU,), (Law.PCMA,)
REMOTE = ("127.0.0.1", 15710)


def test_an_offer_is_read() -> None:
    offer = sdp.parse(OFFER)
    assert (offer.address, offer.port, offer.payload_types) == ("127.0.0.1", 15710, (0, 8, 101))
    assert (offer.event_type, offer.direction) == (101, Direction.SENDRECV)


@pytest.mark.parametrize(
    ("old", "new", "laws", "expected"),
    [
        (b"", b"", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.SENDRECV)),
        (b"", b"", ALAW + ULAW, Agreement(Law.PCMA, 101, REMOTE, Direction.SENDRECV)),
        (b" 0 8 101", b" 8 96", ULAW + ALAW, Agreement(Law.PCMA, None, REMOTE, Direction.SENDRECV)),
        (b"101 telephone-event", b"101 Telephone-Event", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.SENDRECV)),
        (
            b"telephone-event/8000",
            b"telephone-event/48000",
            ULAW,
            Agreement(Law.PCMU, None, REMOTE, Direction.SENDRECV),
        ),
        (b"a=rtpmap:0 PCMU/8000\r\n", b"", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.SENDRECV)),
        (b"a=sendrecv", b"a=sendonly", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.RECVONLY)),
        (b"a=sendrecv", b"a=recvonly", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.SENDONLY)),
        (b"a=sendrecv", b"a=inactive", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.INACTIVE)),
        (b"t=0 0", b"t=0 0\r\na=inactive", ULAW, Agreement(Law.PCMU, 101, REMOTE, Direction.SENDRECV)),
        (
            b"101\r\n",
            b"101\r\nc=IN IP4 10.0.0.7\r\n",
            ULAW,
            Agreement(Law.PCMU, 101, ("10.0.0.7", 15710), Direction.SENDRECV),
        ),
    ],
)
def test_what_is_agreed(old: bytes, new: bytes, laws: tuple[Law, ...], expected: Agreement) -> None:
    assert sdp.agree(sdp.parse(OFFER.replace(old, new, 1)), laws) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (Direction.SENDONLY, Direction.SENDRECV, Direction.SENDONLY),
        (Direction.SENDONLY, Direction.RECVONLY, Direction.SENDONLY),
        (Direction.SENDONLY, Direction.SENDONLY, Direction.INACTIVE),
        (Direction.INACTIVE, Direction.SENDRECV, Direction.INACTIVE),
        (Direction.INACTIVE, Direction.INACTIVE, Direction.INACTIVE),
    ],
)
def test_held_by_us_stays_held(ours: Direction, theirs: Direction, expected: Direction) -> None:
    offer = sdp.parse(OFFER.replace(b"sendrecv", theirs.encode()))
    assert sdp.agree(offer, ULAW, ours=ours).direction is expected


@pytest.mark.parametrize(("old", "new"), [(b" 0 8 101", b" 9 101"), (b"0 PCMU", b"0 G729"), (b" 15710 ", b" 0 ")])
def test_no_common_codec(old: bytes, new: bytes) -> None:
    with pytest.raises(NoCommonCodec):
        sdp.agree(sdp.parse(OFFER.replace(old, new)), ULAW)


def test_the_answer_names_what_was_agreed_and_refuses_other_media() -> None:
    offer = sdp.parse(OFFER + b"m=video 5000 RTP/AVP 96 97\r\n")
    answer = sdp.answer(sdp.agree(offer, ALAW), offer, "127.0.0.1", 4000, version=3)
    assert answer.decode().split("\r\n") == [
        "v=0",
        "o=callee 1 3 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "m=video 0 RTP/AVP 96 97",
        "",
    ]


@given(st.permutations(list(Law)), st.sampled_from([None, 96, 101]), st.integers(1, 0xFFFF), st.sampled_from(Direction))
def test_an_offer_of_ours_is_read_as_it_was_meant(
    laws: list[Law], event_type: int | None, port: int, direction: Direction
) -> None:
    offer = sdp.parse(sdp.offer(tuple(laws), event_type, "127.0.0.1", port, 1, direction=direction))
    assert (offer.port, offer.event_type, offer.direction) == (port, event_type, direction)
    assert offer.payload_types[:2] == tuple(law.value for law in laws)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"m=audio", b"m=video"),
        (b"RTP/AVP", b"RTP/SAVP"),
        (b"15710", b"70000"),
        (b" 0 8 101", b" 0 800"),
        (b" 0 8 101", b" 0 x"),
        (b"c=IN IP4 127.0.0.1", b"c=IN IP4 host.example"),
        (b"a=sendrecv\r\n", b"m=video\r\n"),
    ],
)
def test_what_is_no_audio_description(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedDescription):
        sdp.parse(OFFER.replace(old, new))


@given(st.integers(0, len(OFFER) - 1), st.binary(min_size=1, max_size=6))
def test_no_damaged_body_raises_anything_else(place: int, damage: bytes) -> None:
    try:
        offer = sdp.parse(OFFER[:place] + damage + OFFER[place + len(damage) :])
        sdp.answer(sdp.agree(offer, ULAW), offer, "127.0.0.1", 4000, version=1)
    except (MalformedDescription, NoCommonCodec):
        pass
