"""Exotel's AgentStream: sizes, both spellings, rates. Whole sessions are in ``examples/exotel``."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from otpvoice.media.g711 import decode, encode
from otpvoice.media.streams.exotel import LARGEST, Exotel, ExotelListener, ExotelSpeaker
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import (
    AudioHeard,
    AudioTold,
    ClearAsked,
    Ignored,
    MarkAsked,
    StopReason,
    StreamBegan,
    StreamStopped,
)
from tests.media.streams.signals import EVERY_CODE, FRAME, facts

FRAME_OF_CODES = EVERY_CODE[:FRAME]


def read(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in messages]


def media(pcm: bytes, **more: object) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(pcm).decode()}, **more})


def told(speaker: ExotelSpeaker, track: str, slots: range) -> list[dict[str, Any]]:
    return read([text for slot in slots for text in speaker.media(track, slot, FRAME_OF_CODES)])


def test_a_message_is_the_documented_object() -> None:
    """It is put together by hand, as those of other formats."""
    speaker = ExotelSpeaker(facts())
    speaker.opened(0.0)
    told(speaker, "inbound", range(5))
    (message,) = told(speaker, "inbound", range(5, 10))
    assert message == {
        "event": "media",
        "sequence_number": 3,
        "stream_sid": "stream_0123456789abcdef01234567",
        "media": {
            "chunk": 2,
            "timestamp": "100",
            "payload": base64.b64encode(decode(FRAME_OF_CODES * 5, "ulaw")).decode(),
        },
    }


@pytest.mark.parametrize("tracks", [("outbound",), ("inbound", "second"), ("near", "far")], ids=str)
def test_tracks_are_named_where_there_is_not_only_the_phone(tracks: tuple[str, ...]) -> None:
    speaker = ExotelSpeaker(facts(tracks))
    assert read(speaker.opened(0.0))[1]["start"]["tracks"] == list(tracks)
    for track in tracks:
        (message,) = told(speaker, track, range(5))
        assert (message["media"]["track"], message["media"]["chunk"]) == (track, 1)


@pytest.mark.parametrize("rate", FORMATS["exotel"].rates)
def test_a_message_is_100_ms_and_a_multiple_of_320_bytes(rate: int) -> None:
    speaker = ExotelSpeaker(facts(sample_rate=rate))
    messages = told(speaker, "inbound", range(52)) + read(speaker.closed(StopReason.STOPPED, 2.0))
    sizes = [len(base64.b64decode(one["media"]["payload"])) for one in messages if one["event"] == "media"]
    assert sizes == [rate // 5] * 10 + [rate // 5 * 2 // 5]
    assert {size % 320 for size in sizes} == {0}


@pytest.mark.parametrize(
    ("rate", "bits"),
    [(8000, "128"), (16000, "256"), (24000, "384")],
)
def test_the_media_format_says_the_rate(rate: int, bits: str) -> None:
    start = read(ExotelSpeaker(facts(sample_rate=rate)).opened(0.0))[1]["start"]
    assert start["media_format"] == {"encoding": "audio/x-raw", "sample_rate": str(rate), "bit_rate": bits}


@pytest.mark.parametrize("rate", [0, 11025, 12000, 32000, 48000])
def test_a_rate_that_it_has_not_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        ExotelSpeaker(facts(sample_rate=rate))


@pytest.mark.parametrize("reason", StopReason)
def test_a_stop_says_why(reason: StopReason) -> None:
    (stop,) = read(ExotelSpeaker(facts()).closed(reason, 1.0, "internal"))
    assert stop["stop"] == {"call_sid": facts().call_id, "account_sid": "default", "reason": reason.value}


@pytest.mark.parametrize("sid", [{"stream_sid": "x"}, {"streamSid": "x"}, {}], ids=str)
def test_a_bot_may_name_the_stream_in_either_spelling_or_not_at_all(sid: Mapping[str, str]) -> None:
    speaker = ExotelSpeaker(facts(mode="talk"))
    assert speaker.hear(media(bytes(320), **sid)) == [AudioHeard(b"\xff" * 160)]
    assert speaker.hear(json.dumps({"event": "mark", "mark": {"name": "m"}, **sid})) == [MarkAsked("m")]
    assert speaker.hear(json.dumps({"event": "clear", **sid})) == [ClearAsked()]


@pytest.mark.parametrize("rate", FORMATS["exotel"].rates)
@pytest.mark.parametrize("size", [1, 2, 3, 319, 320, 321, 640, 3200, 4096])
def test_messages_of_any_size_are_one_sound(rate: int, size: int) -> None:
    pcm = decode(EVERY_CODE * 12, "ulaw") * (rate // 8000)
    whole = ExotelSpeaker(facts(mode="talk", sample_rate=rate)).hear(media(pcm))
    speaker = ExotelSpeaker(facts(mode="talk", sample_rate=rate))
    heard = [one for first in range(0, len(pcm), size) for one in speaker.hear(media(pcm[first : first + size]))]
    audio = b"".join(one.audio for one in heard if isinstance(one, AudioHeard))
    assert [AudioHeard(audio)] == whole
    assert len(audio) == len(EVERY_CODE) * 12
    assert all(isinstance(one, AudioHeard) and one.audio for one in heard)


@pytest.mark.parametrize("rate", FORMATS["exotel"].rates)
def test_a_clear_forgets_what_waited(rate: int) -> None:
    speaker, anew = (ExotelSpeaker(facts(mode="talk", sample_rate=rate)) for _ in range(2))
    speaker.hear(media(b"\x7f" * 3201))
    speaker.hear('{"event":"clear"}')
    sound = media(decode(EVERY_CODE, "ulaw"))
    assert speaker.hear(sound) == anew.hear(sound)


def test_a_message_has_at_most_100_000_bytes_of_audio() -> None:
    speaker = ExotelSpeaker(facts(mode="talk"))
    assert speaker.hear(media(bytes(LARGEST + 2))) == [Ignored("too_large")]
    assert speaker.hear(media(bytes(LARGEST))) == [AudioHeard(b"\xff" * (LARGEST // 2))]


def test_a_listener_says_what_is_long_in_several_messages() -> None:
    listener, speaker = ExotelListener(), ExotelSpeaker(facts(mode="talk"))
    pcm = decode(EVERY_CODE * 1000, "ulaw")
    said = listener.say(pcm)
    assert [message["media"]["chunk"] for message in read(said)] == [*range(1, len(said) + 1)]
    assert [message["media"]["timestamp"] for message in read(said)[:2]] == ["0", str(99_840 // 16)]
    heard = [one for text in said for one in speaker.hear(text)]
    assert len(heard) == len(said) == 6
    assert b"".join(one.audio for one in heard if isinstance(one, AudioHeard)) == encode(pcm, "ulaw")
    assert listener.say(b"") == []


@pytest.mark.parametrize(
    ("start", "encoding", "rate"),
    [
        ({"media_format": {"encoding": "audio/x-raw", "sample_rate": "16000", "bit_rate": "16"}}, "audio/x-raw", 16000),
        ({"media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"}}, "base64", 8000),
        ({"media_format": {"encoding": "raw", "sample_rate": 24000}}, "raw", 24000),
        ({"mediaFormat": {"encoding": "linear16", "sampleRate": 16000}}, "linear16", 16000),
        ({"media_format": {"sample_rate": "11025"}}, "audio/x-raw", 8000),
        ({"media_format": {"sample_rate": "16kHz"}}, "audio/x-raw", 8000),
        ({}, "audio/x-raw", 8000),
    ],
    ids=str,
)
def test_a_start_is_read_as_any_page_of_exotels_spells_it(start: dict[str, Any], encoding: str, rate: int) -> None:
    snake = {**start, "stream_sid": "s", "call_sid": "c", "custom_parameters": {"a": "1", "b": 2}}
    camel = {**start, "streamSid": "s", "callSid": "c", "customParameters": {"a": "1", "b": 2}}
    outside = {**start, "call_sid": "c", "custom_parameters": {"a": "1", "b": 2}}
    for message in (
        {"event": "start", "sequence_number": 1, "stream_sid": "s", "start": snake},
        {"event": "start", "sequenceNumber": "1", "start": camel},
        {"event": "start", "streamSid": "s", "start": outside},
    ):
        (began,) = ExotelListener().hear(json.dumps(message))
        assert began == StreamBegan(("inbound",), encoding, rate, {"a": "1"}, message)


def test_sound_is_read_as_any_page_of_exotels_spells_it() -> None:
    listener = ExotelListener()
    listener.hear('{"event":"start","start":{"stream_sid":"s"}}')
    pcm = bytes(range(160))
    payload = base64.b64encode(pcm).decode()
    for chunk, timestamp in (("2", "120"), (2, 120)):
        sound = {"event": "media", "stream_sid": "s", "media": {"chunk": chunk, "timestamp": timestamp}}
        sound["media"] |= {"payload": payload}  # type: ignore[operator]
        assert listener.hear(json.dumps(sound)) == [AudioTold("inbound", 120, pcm)]
        assert listener.hear(json.dumps({**sound, "track": "outbound"})) == [AudioTold("outbound", 120, pcm)]
    assert listener.hear('{"event":"stop","stop":{}}') == [StreamStopped(None)]


def test_its_limits_are_those_of_the_vendor() -> None:
    exotel = FORMATS["exotel"]
    assert (exotel.most_parameters, exotel.longest_parameters) == (3, 256)
    assert (exotel.connect_within, exotel.longest, exotel.asks_by_https) == (10.0, 3600.0, True)
    assert exotel.rates == (8000, 16000, 24000)
    assert not exotel.clear_returns_marks


def test_an_https_url_is_asked_with_what_exotel_calls_the_call() -> None:
    exotel = FORMATS["exotel"]
    assert isinstance(exotel, Exotel)
    told_of = facts(parameters={"campaign": "7", "CallSid": "mine"})
    asked = exotel.query(replace(told_of, caller=None))
    known = {name: asked[name] for name in ("CallSid", "StreamSid", "AccountSid", "From", "To", "Direction")}
    assert known == {
        "CallSid": told_of.call_id,
        "StreamSid": told_of.stream_id,
        "AccountSid": told_of.account,
        "From": "",
        "To": told_of.callee,
        "Direction": told_of.direction,
    }
    assert asked["campaign"] == "7"
