"""Customers' ends that were written from the vendors' pages understand us, and we understand them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

import pytest

from otpvoice.media.g711 import Law
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import AudioHeard, ClearAsked, MarkAsked, Speaker, StopReason
from tests.media.streams.peers import ExotelPeer, Peer, TwilioPeer, VoxologyPeer, alaw_sample, ulaw_sample
from tests.media.streams.signals import EVERY_CODE, facts, frames, known_signal

BY_LAW: dict[Law, Callable[[int], int]] = {"ulaw": ulaw_sample, "alaw": alaw_sample}


def call(speaker: Speaker, peer: TwilioPeer | ExotelPeer | VoxologyPeer, signal: bytes) -> None:
    """Tell a whole call with the same sound on both tracks, a key and a mark."""
    messages = speaker.opened(1700000000.0)
    for slot, frame in enumerate(frames(signal)):
        messages += speaker.media("inbound", slot, frame) + speaker.media("second", slot, frame)
    messages += [*speaker.digit("7", 120), *speaker.mark("m"), *speaker.closed(StopReason.CALL_ENDED, 1700000009.0)]
    for text in messages:
        peer.receive(text)


@pytest.mark.parametrize("law", BY_LAW)
@pytest.mark.parametrize("rate", FORMATS["exotel"].rates)
def test_exotels_customer_hears_a_call(law: Law, rate: int) -> None:
    peer, signal = ExotelPeer(), known_signal(law)
    known = facts(("inbound", "second"), "talk", sample_rate=rate, law=law, parameters={"a": "1"})
    call(FORMATS["exotel"].speaker(known), peer, signal)
    assert (peer.keys, peer.marks, peer.ended) == ("7", ["m"], "callended")
    assert peer.known["custom_parameters"] == {"a": "1"}
    for track in ("inbound", "second"):
        assert len(peer.samples[track]) == len(signal) * rate // 8000
        if rate == 8000:
            assert peer.samples[track] == [BY_LAW[law](code) for code in signal]


@pytest.mark.parametrize("law", BY_LAW)
def test_twilios_customer_hears_a_call(law: Law) -> None:
    peer, signal = TwilioPeer(), known_signal(law)
    call(FORMATS["twilio"].speaker(facts(("inbound", "second"), "talk", law=law, parameters={"a": "1"})), peer, signal)
    assert (peer.keys, peer.marks, peer.ended) == ("7", ["m"], "stop")
    assert peer.known["customParameters"] == {"a": "1"}
    assert peer.samples["inbound"] == peer.samples["second"]
    assert_as_loud_through_ulaw(peer, "inbound", signal, law)


@pytest.mark.parametrize("law", BY_LAW)
def test_voxologys_customer_records_a_call(law: Law) -> None:
    peer, signal = VoxologyPeer(), known_signal(law)
    call(FORMATS["voxology"].speaker(facts(("inbound", "second"), law=law, parameters={"a": "1"})), peer, signal)
    assert (peer.ended, peer.known["stream_data"]) == ("end", {"a": "1"})
    assert peer.samples["caller"] == peer.samples["transfer"]
    assert_as_loud_through_ulaw(peer, "caller", signal, law)


def assert_as_loud_through_ulaw(peer: Peer, track: str, signal: bytes, law: Law) -> None:
    """Exact, or off by at most half a step of μ-law, which is a 32nd of the sample or 4."""
    wanted = [BY_LAW[law](code) for code in signal]
    if law == "ulaw":
        assert peer.samples[track] == wanted
    else:
        pairs = zip(peer.samples[track], wanted, strict=True)
        assert not [(got, sample) for got, sample in pairs if abs(got - sample) > 4 + abs(sample) / 32]


@pytest.mark.parametrize("law", BY_LAW)
def test_what_twilios_customer_says_is_heard(law: Law) -> None:
    speaker, peer = FORMATS["twilio"].speaker(facts(mode="talk", law=law)), TwilioPeer()
    for text in speaker.opened(0.0):
        peer.receive(text)
    payload = base64.b64encode(EVERY_CODE).decode()
    (heard,) = speaker.hear(peer.send("media", {"payload": payload}))
    assert isinstance(heard, AudioHeard)
    pairs = [(BY_LAW[law](got), ulaw_sample(code)) for got, code in zip(heard.audio, EVERY_CODE, strict=True)]
    assert not [(got, sample) for got, sample in pairs if abs(got - sample) > (8 + abs(sample) / 32) * (law == "alaw")]
    assert speaker.hear(peer.send("mark", {"name": "m"})) == [MarkAsked("m")]
    assert speaker.hear(peer.send("clear")) == [ClearAsked()]


@pytest.mark.parametrize("law", BY_LAW)
def test_what_exotels_customer_says_is_heard(law: Law) -> None:
    speaker, peer = FORMATS["exotel"].speaker(facts(mode="talk", law=law)), ExotelPeer()
    for text in speaker.opened(0.0):
        peer.receive(text)
    samples = [BY_LAW[law](code) for code in EVERY_CODE]
    payload = base64.b64encode(struct.pack("<256h", *samples)).decode()
    (heard,) = speaker.hear(peer.send("media", {"payload": payload}))
    assert isinstance(heard, AudioHeard)
    assert [BY_LAW[law](code) for code in heard.audio] == samples
    assert speaker.hear(peer.send("mark", {"name": "m"})) == [MarkAsked("m")]
    assert speaker.hear(peer.send("clear")) == [ClearAsked()]
