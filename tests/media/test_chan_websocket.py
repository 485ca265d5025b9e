"""chan_websocket's control messages: read strictly, written short, and neither ever breaks on what comes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.media.chan_websocket import (
    FLUSH,
    GET_STATUS,
    HANGUP,
    MAX_COMMAND,
    DtmfEnded,
    MalformedControl,
    MarkProcessed,
    MediaEvent,
    MediaStarted,
    Other,
    QueueFull,
    QueueReady,
    QueueStatus,
    Refused,
    command,
    direction,
    mark,
    parse,
)

STATUS = {"event": "STATUS", "queue_length": 3, "queue_full": False, "bulk_media": False, "media_paused": False}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
NAMES = ["MEDIA_START", "MEDIA_MARK_PROCESSED", "DTMF_END", "MEDIA_XOFF", "MEDIA_XON", "STATUS", "ERROR", "NEW"]
FIELDS = ["channel_id", "format", "optimal_frame_size", "correlation_id", "digit", "error_text", *list(STATUS)[1:]]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            {
                "event": "MEDIA_START",
                "connection_id": "c0ffee",
                "channel": "WebSocket/INCOMING/1",
                "channel_id": "leg-1",
                "format": "ulaw",
                "optimal_frame_size": 160,
                "ptime": 20,
                "channel_variables": {"A": "1"},
            },
            MediaStarted("leg-1", "ulaw", 160),
        ),
        ({"event": "MEDIA_MARK_PROCESSED", "channel_id": "leg-1", "correlation_id": "7"}, MarkProcessed("7")),
        ({"event": "DTMF_END", "digit": "#"}, DtmfEnded("#")),
        ({"event": "MEDIA_XOFF"}, QueueFull()),
        ({"event": "MEDIA_XON"}, QueueReady()),
        (STATUS, QueueStatus(3, full=False, bulk=False, paused=False)),
        (STATUS | {"queue_full": True}, QueueStatus(3, full=True, bulk=False, paused=False)),
        (STATUS | {"bulk_media": True}, QueueStatus(3, full=False, bulk=True, paused=False)),
        (STATUS | {"media_paused": True, "xon_level": 800}, QueueStatus(3, full=False, bulk=False, paused=True)),
        ({"event": "ERROR", "error_text": "not in 'in'"}, Refused("not in 'in'")),
        ({"event": "ERROR"}, Refused("")),
        ({"event": "QUEUE_DRAINED"}, Other("QUEUE_DRAINED")),
        ({"event": "MEDIA_BUFFERING_COMPLETED", "correlation_id": "7"}, Other("MEDIA_BUFFERING_COMPLETED")),
        ({"event": None}, Other("None")),
    ],
)
def test_what_asterisk_says(message: dict[str, Any], event: MediaEvent) -> None:
    assert parse(json.dumps(message)) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MEDIA_START connection_id:c0ffee",  # the plain-text format, which f(json) turns off
        "{",
        "[]",
        "null",
        '"event"',
        "{}",
        '{"event": "DTMF_END"}',
        '{"event": "MEDIA_MARK_PROCESSED"}',
        '{"event": "STATUS", "queue_length": "many"}',
        '{"event": "STATUS", "queue_length": Infinity}',
        '{"event": "STATUS", "queue_length": 1}',
        '{"event": "MEDIA_START", "channel_id": "x", "format": "ulaw", "optimal_frame_size": null}',
        "[" * 100_000,
        '{"event": "STATUS", "queue_length": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_control_message_is_malformed(text: str) -> None:
    with pytest.raises(MalformedControl) as malformed:
        parse(text)
    assert len(str(malformed.value)) < 80, "it does not repeat what came: that may be a key"


@given(st.fixed_dictionaries({"event": st.sampled_from(NAMES) | JSON}, optional=dict.fromkeys(FIELDS, JSON)))
@example({"event": "STATUS", "queue_length": float("inf")})
@example({"event": "STATUS", "queue_length": float("nan")})
@example({"event": ["DTMF_END"]})
def test_no_json_breaks_the_reader(message: dict[str, Any]) -> None:
    read_or_refused(json.dumps(message))


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    read_or_refused(text)


def read_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedControl):
        parse(text)


def test_a_key_is_not_in_what_is_printed() -> None:
    assert "5" not in repr(DtmfEnded("5"))


@pytest.mark.parametrize("text", [FLUSH, GET_STATUS, HANGUP, mark("9" * 60), direction("both")])
def test_commands_are_one_short_json_object(text: str) -> None:
    body = json.loads(text)
    assert isinstance(body["command"], str)
    assert len(text.encode()) <= MAX_COMMAND


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (mark("12"), {"command": "MARK_MEDIA", "correlation_id": "12"}),
        (direction("in"), {"command": "SET_MEDIA_DIRECTION", "direction": "in"}),
        (FLUSH, {"command": "FLUSH_MEDIA"}),
    ],
)
def test_commands_as_asterisk_reads_them(text: str, body: dict[str, str]) -> None:
    assert json.loads(text) == body


@given(st.text(max_size=200))
def test_a_command_that_asterisk_would_drop_is_never_made(correlation_id: str) -> None:
    try:
        text = command("MARK_MEDIA", correlation_id=correlation_id)
    except ValueError:
        return
    assert len(text.encode()) <= MAX_COMMAND
    assert json.loads(text)["correlation_id"] == correlation_id
