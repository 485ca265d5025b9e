"""Twilio's Media Streams: counters, clocks and names. Whole sessions are in ``examples/twilio``."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.twilio import TwilioListener, TwilioSpeaker
from otpvoice.media.streams.words import Mode, StopReason
from tests.media.streams.signals import EVERY_CODE, FRAME, facts

FRAME_OF_CODES = EVERY_CODE[:FRAME]
PAYLOAD = TwilioListener().say(FRAME_OF_CODES)[0].split('"')[-2]


def read(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in messages]


def test_a_frame_is_the_documented_object() -> None:
    """It is put together by hand: as fast as it can be, 50 times a second and track."""
    speaker = TwilioSpeaker(facts(("inbound", "outbound")))
    speaker.opened(0.0)
    speaker.media("inbound", 0, FRAME_OF_CODES)
    (message,) = read(speaker.media("outbound", 12, FRAME_OF_CODES))
    assert message == {
        "event": "media",
        "sequenceNumber": "3",
        "streamSid": "MZd01bd889f5a03269c40df2c066da39b0",
        "media": {"track": "outbound", "chunk": "1", "timestamp": "240", "payload": PAYLOAD},
    }


def test_sids_have_twilios_shape_and_are_made_of_our_ids() -> None:
    start = read(TwilioSpeaker(facts()).opened(0.0))[1]
    known = start["start"]
    assert start["streamSid"] == known["streamSid"]
    for sid, prefix in ((known["streamSid"], "MZ"), (known["callSid"], "CA"), (known["accountSid"], "AC")):
        assert re.fullmatch(prefix + "[0-9a-f]{32}", sid)
    again = read(TwilioSpeaker(facts(mode="talk")).opened(99.0))[1]["start"]
    assert (again["streamSid"], again["callSid"], again["accountSid"]) == (
        known["streamSid"],
        known["callSid"],
        known["accountSid"],
    )


def test_sequence_numbers_run_over_all_messages_and_chunks_over_those_of_a_track() -> None:
    speaker = TwilioSpeaker(facts(("inbound", "second"), "talk"))
    messages = read(
        [
            *speaker.opened(0.0),
            *speaker.media("inbound", 0, FRAME_OF_CODES),
            *speaker.digit("1", 90),
            *speaker.media("second", 0, FRAME_OF_CODES),
            *speaker.media("inbound", 5, FRAME_OF_CODES),
            *speaker.mark("m"),
            *speaker.closed(StopReason.STOPPED, 1.0),
        ]
    )
    assert "sequenceNumber" not in messages[0]
    assert [message["sequenceNumber"] for message in messages[1:]] == ["1", "2", "3", "4", "5", "6", "7"]
    sounds = [message["media"] for message in messages if message["event"] == "media"]
    assert [(sound["track"], sound["chunk"], sound["timestamp"]) for sound in sounds] == [
        ("inbound", "1", "0"),
        ("second", "1", "0"),
        ("inbound", "2", "100"),
    ]


@pytest.mark.parametrize("mode", ["listen", "talk"])
def test_one_key_is_one_message_where_somebody_talks(mode: Mode) -> None:
    messages = read(TwilioSpeaker(facts(mode=mode)).digit("*", 250))
    assert [message["dtmf"] for message in messages] == (
        [{"track": "inbound_track", "digit": "*"}] if mode == "talk" else []
    )


def test_other_sockets_start_messages_begin_nothing() -> None:
    start: dict[str, Any] = {"event": "start", "start": {"streamSid": "MZ1", "mediaFormat": {"encoding": "audio/l16"}}}
    assert TwilioListener().hear(json.dumps(start)) == []
    start["start"] = {"streamSid": "", "mediaFormat": {"encoding": "audio/x-mulaw"}}
    assert TwilioListener().hear(json.dumps(start)) == []


def test_a_customer_says_which_stream_it_means() -> None:
    listener = TwilioListener()
    for text in TwilioSpeaker(facts(mode="talk")).opened(0.0):
        listener.hear(text)
    messages = read([*listener.say(b"\xff"), *listener.mark("m"), *listener.clear()])
    assert {message["streamSid"] for message in messages} == {"MZd01bd889f5a03269c40df2c066da39b0"}


def test_a_parameter_is_shorter_than_500_characters() -> None:
    twilio = FORMATS["twilio"]
    assert (twilio.longest_parameter, twilio.most_parameters, twilio.longest) == (499, None, None)
    assert twilio.clear_returns_marks
