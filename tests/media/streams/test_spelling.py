"""JSON and base64 of other people: what is there is found, and what is not is a word or a default."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media.g711 import decode, encode
from otpvoice.media.streams.spelling import (
    FROM_ULAW,
    TO_ULAW,
    at,
    audio_of,
    base64_of,
    number_of,
    read,
    strings_of,
    text_of,
    texts_of,
    within,
)
from tests.media.streams.signals import EVERY_CODE


def test_a_law_becomes_another_through_linear_pcm() -> None:
    assert EVERY_CODE.translate(TO_ULAW["ulaw"]) == EVERY_CODE.translate(FROM_ULAW["ulaw"]) == EVERY_CODE
    assert EVERY_CODE.translate(TO_ULAW["alaw"]) == encode(decode(EVERY_CODE, "alaw"), "ulaw")
    assert EVERY_CODE.translate(FROM_ULAW["alaw"]) == encode(decode(EVERY_CODE, "ulaw"), "alaw")


@given(st.binary(max_size=400))
def test_audio_is_the_base64_that_everybody_has(audio: bytes) -> None:
    assert base64_of(audio) == base64.b64encode(audio).decode()
    assert audio_of({"payload": base64_of(audio)}) == (audio or "no_audio")


@pytest.mark.parametrize(
    ("size", "longest", "understood"),
    [
        (1, 1, True),
        (2, 1, False),
        (3, 1, False),
        (4, 1, False),
        (99_999, 100_000, True),
        (100_000, 100_000, True),
        (100_001, 100_000, False),
        (100_002, 100_000, False),
        (5_000_000, 100_000, False),
        (5_000_000, None, True),
    ],
)
def test_audio_is_as_long_as_it_may_be(size: int, longest: int | None, understood: bool) -> None:
    audio = bytes(size)
    assert audio_of({"media": base64_of(audio)}, "media", longest=longest) == (audio if understood else "too_large")


@pytest.mark.parametrize(
    ("media", "why"),
    [
        (None, "no_payload"),
        ([], "no_payload"),
        ({"payload": b"AAAA"}, "no_payload"),
        ({"payload": "===="}, "bad_payload"),
        ({"payload": "A"}, "bad_payload"),
        ({"payload": "A A="}, "bad_payload"),
        ({"payload": "AA=A"}, "bad_payload"),
        ({"payload": "\ud800"}, "bad_payload"),
    ],
    ids=str,
)
def test_what_is_no_audio_has_a_word(media: Any, why: str) -> None:
    assert audio_of(media) == why


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1}', {"a": 1}),
        (' {"a":1}\r\n', {"a": 1}),
        ("{}", {}),
        ("[]", "not_an_object"),
        ('"not_json"', "not_an_object"),
        ("{}{}", "not_json"),
        ("{'a':1}", "not_json"),
        ('{"a":1,}', "not_json"),
        ('{"a":"\ud83d"}', "not_json"),
    ],
)
def test_a_message_is_an_object(text: str, message: object) -> None:
    assert read(text) == message


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (17, 17),
        ("17", 17),
        ("007", 7),
        (2**63, 2**63),
        ("9" * 20, 10**20 - 1),
        ("9" * 21, 5),
        (-1, 5),
        ("-1", 5),
        (1.5, 5),
        (True, 5),
        ("", 5),
        ("1e3", 5),
        (" 1", 5),
        ("²", 5),
        ("٣", 5),
        (None, 5),
        ([1], 5),
    ],
)
def test_a_number_is_one_also_as_a_string(value: Any, number: int) -> None:
    assert number_of(value, 5) == number


def test_what_stands_at_one_of_two_names_is_found() -> None:
    message: dict[str, Any] = {"streamSid": "x", "stop": None, "mark": {"name": "m"}}
    assert at(message, "stream_sid", "streamSid") == "x"
    assert at(message, "stop", "mark") is None, "the first that is there, whatever it is"
    assert at(message, "start") is None
    assert within(message, "Mark", "mark") == {"name": "m"}
    assert within(message, "stop") == within(message, "streamSid") == within(message, "start") == {}


def test_of_what_is_not_text_nothing_is_left() -> None:
    assert (text_of("a"), text_of(1), text_of(None, "b")) == ("a", "", "b")
    assert texts_of({"a": "1", "b": 2, "c": None, "d": {"e": "f"}}) == {"a": "1"}
    assert texts_of("a") == texts_of(None) == texts_of([["a", "b"]]) == {}
    assert strings_of(["a", 1, None, "b"]) == ("a", "b")
    assert strings_of("ab") == strings_of(None) == strings_of({"a": "b"}) == ()
