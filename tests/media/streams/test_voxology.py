"""Voxology's Media Stream, against the vendor's own example. Whole sessions are in ``examples/voxology``."""

from __future__ import annotations

import base64
import json
import re
import uuid
from datetime import datetime
from typing import Any

import pytest

from otpvoice.media.g711 import ulaw_decode
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.voxology import ERROR_CODES, OTHER_ERROR, VoxologyListener, VoxologySpeaker
from otpvoice.media.streams.words import AudioTold, StopReason, StreamBegan, StreamStopped, Told
from tests.media.streams.signals import EVERY_CODE, FRAME, facts
from tests.media.streams.transcripts import EXAMPLES

VENDOR = re.split(r"^\d\. .*\n", (EXAMPLES / "voxology" / "good" / "vendor.txt").read_text(), flags=re.MULTILINE)[1:]
BY_TYPE: dict[str, dict[str, Any]] = {message["type"]: message for message in map(json.loads, VENDOR)}
FRAME_OF_CODES = EVERY_CODE[:FRAME]


def read(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in messages]


def told(speaker: VoxologySpeaker, track: str, slots: range) -> list[dict[str, Any]]:
    return read([text for slot in slots for text in speaker.media(track, slot, FRAME_OF_CODES)])


def life(speaker: VoxologySpeaker, slots: range = range(20), error: str | None = None) -> list[dict[str, Any]]:
    """Return all messages of a stream of ``inbound`` and ``second``."""
    messages = read(speaker.opened(1606930772.588))
    messages += told(speaker, "inbound", slots) + told(speaker, "second", slots)
    return messages + read(speaker.closed(StopReason.CALL_ENDED, 1606930777.516, error))


def shape(value: Any) -> Any:
    """Return what a message is made of: names in their order, and kinds of values."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value).__name__


def test_the_vendors_example_has_eight_messages() -> None:
    assert len(VENDOR) == 8
    assert list(BY_TYPE) == ["init_stream", "start_track", "live_track", "stop_track", "end_stream"]


def test_our_messages_are_made_as_the_vendors_are() -> None:
    for message in life(VoxologySpeaker(facts(("inbound", "second"), name="stream1"))):
        assert shape(message) == shape(BY_TYPE[message["type"]])


def test_what_does_not_depend_on_the_call_is_the_same_as_the_vendors() -> None:
    fixed = ["type", "direction", "stream_name", "stream_data", "service", "media_format", "error_code", "error"]
    for message in life(VoxologySpeaker(facts(("inbound", "second"), name="stream1"))):
        for name in fixed:
            assert message.get(name) == BY_TYPE[message["type"]].get(name)
    (init, *_) = life(VoxologySpeaker(facts(("inbound", "second"))))
    assert init["tracks"] == BY_TYPE["init_stream"]["tracks"]


def test_the_vendors_example_is_understood() -> None:
    """Its sound is abbreviated, so that there is none to hear."""
    listener = VoxologyListener()
    heard: list[Told] = [one for text in VENDOR for one in listener.hear(text)]
    assert heard == [
        StreamBegan(("caller", "transfer"), "ulaw", 8000, {}, BY_TYPE["init_stream"]),
        StreamStopped(None),
    ]


def test_a_message_of_sound_is_the_documented_object() -> None:
    speaker = VoxologySpeaker(facts(("inbound", "second")))
    speaker.opened(0.0)
    told(speaker, "inbound", range(8))
    (message,) = told(speaker, "second", range(8))
    assert message == {
        "stream_id": 7322176499659782,
        "type": "live_track",
        "stream_sequence_number": 5,
        "track_sequence_number": 2,
        "media": base64.b64encode(FRAME_OF_CODES * 8).decode(),
        "call_id": "call_3f9c0a1b2c3d4e5f60718293",
        "name": "transfer",
    }


def test_both_counters_run_from_1_without_a_gap() -> None:
    messages = life(VoxologySpeaker(facts(("inbound", "second"))), range(50))
    assert [message["stream_sequence_number"] for message in messages] == [*range(1, len(messages) + 1)]
    for name in ("caller", "transfer"):
        numbers = [one["track_sequence_number"] for one in messages if one.get("name") == name]
        assert numbers == [1, *range(2, 2 + 7), 9]


def test_the_number_of_a_message_of_sound_is_its_time() -> None:
    speaker = VoxologySpeaker(facts())
    speaker.opened(0.0)
    messages = [message for slots in (range(3, 11), range(30, 48)) for message in told(speaker, "inbound", slots)]
    messages += read(speaker.closed(StopReason.STOPPED, 1.0, "flood"))
    *sounds, stop, _ = messages
    spans = {one["track_sequence_number"]: base64.b64decode(one["media"]) for one in sounds}
    # Slot 3 is the first: 30 lies 540 ms behind it, in the message from 480 ms on; 160 ms of them are one number.
    silence = b"\xff" * FRAME
    assert spans == {
        2: FRAME_OF_CODES * 8,
        5: silence * 3 + FRAME_OF_CODES * 5,
        6: FRAME_OF_CODES * 8,
        7: FRAME_OF_CODES * 5,
    }
    assert (stop["track_sequence_number"], stop["duration"]) == (8, 20 * 45)
    listener = VoxologyListener()
    texts = [*VoxologySpeaker(facts()).opened(0.0), *map(json.dumps, sounds)]
    heard = [one for text in texts for one in listener.hear(text) if isinstance(one, AudioTold)]
    assert [one.at_ms for one in heard] == [0, 480, 640, 800]
    assert heard[0].pcm == ulaw_decode(FRAME_OF_CODES * 8)


def test_messages_of_another_length_have_their_time_too() -> None:
    listener = VoxologyListener()
    listener.hear('{"type":"init_stream"}')
    sound = {"type": "live_track", "name": "transfer", "media": base64.b64encode(bytes(800)).decode()}
    heard = [one for n in (2, 3, 7, 1) for one in listener.hear(json.dumps({**sound, "track_sequence_number": n}))]
    assert [one.at_ms for one in heard if isinstance(one, AudioTold)] == [0, 100, 500, 0]


@pytest.mark.parametrize(
    "tracks", [None, 5, "caller", {"name": "caller"}, [5], ["caller"], [{"name": 5}], [{}]], ids=str
)
def test_tracks_that_have_no_names_are_none(tracks: object) -> None:
    message = {"type": "init_stream", "tracks": tracks, "stream_data": tracks}
    (began,) = VoxologyListener().hear(json.dumps(message))
    assert isinstance(began, StreamBegan)
    assert began.tracks == ()


def test_a_message_that_breaks_off_is_filled_with_silence() -> None:
    speaker = VoxologySpeaker(facts())
    told(speaker, "inbound", range(2))
    (message,) = told(speaker, "inbound", range(8, 9))
    assert base64.b64decode(message["media"]) == FRAME_OF_CODES * 2 + b"\xff" * FRAME * 6


@pytest.mark.parametrize("began_at", [0.0, 1606930772.588, 1700000000.0004999, 1700000000.9996, 4102444799.999])
def test_a_tracks_time_is_from_its_first_frame_to_the_end_of_its_last(began_at: float) -> None:
    speaker = VoxologySpeaker(facts(("inbound", "second", "outbound")))
    speaker.opened(began_at)
    told(speaker, "inbound", range(7, 31))
    told(speaker, "second", range(1))
    *_, caller, transfer, api, end = read(speaker.closed(StopReason.STOPPED, began_at + 1))
    times = ("start_time", "end_time", "duration")
    for stop, duration in ((caller, 480), (transfer, 20), (api, 0)):
        start, finish = (datetime.fromisoformat(stop[name]) for name in times[:2])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stop["start_time"])
        assert stop["duration"] == duration
        assert round((finish - start).total_seconds() * 1000) == duration
    assert [{name: track[name] for name in ("name", *times)} for track in end["tracks"]] == [
        {name: stop[name] for name in ("name", *times)} for stop in (caller, transfer, api)
    ]
    moment = datetime.fromisoformat(caller["start_time"]).timestamp()
    assert moment == pytest.approx(began_at + 0.14, abs=0.000501)


@pytest.mark.parametrize(
    ("tracks", "names", "service"),
    [
        (("inbound",), ["caller"], "programmable_voice"),
        (("outbound", "inbound"), ["api", "caller"], "programmable_voice"),
        (("inbound", "outbound", "second"), ["caller", "api", "transfer"], "programmable_voice"),
        (("near", "far"), ["near", "far"], "sip_trunk"),
        (("far",), ["far"], "sip_trunk"),
        ((), [], "programmable_voice"),
    ],
    ids=str,
)
def test_tracks_have_voxologys_names(tracks: tuple[str, ...], names: list[str], service: str) -> None:
    speaker = VoxologySpeaker(facts(tracks))
    init, *starts = read(speaker.opened(0.0))
    end = read(speaker.closed(StopReason.STOPPED, 1.0))[-1]
    assert [track["name"] for track in init["tracks"]] == [start["name"] for start in starts] == names
    assert [track["name"] for track in end["tracks"]] == names
    assert init["service"] == end["service"] == service


@pytest.mark.parametrize(
    ("direction", "api_no", "caller_no"),
    [("outbound", "+15550199", "+15550100"), ("inbound", "+15550100", "+15550199")],
)
def test_the_callers_number_is_the_phones(direction: str, api_no: str, caller_no: str) -> None:
    messages = life(VoxologySpeaker(facts(("inbound", "second"), direction=direction)))
    numbers = {(one["api_no"], one["caller_no"]) for one in messages if one["type"] in {"start_track", "stop_track"}}
    assert numbers == {(api_no, caller_no)}


def test_ids_are_made_of_our_ids() -> None:
    first, again = (read(VoxologySpeaker(facts()).opened(at))[0] for at in (0.0, 9.0))
    assert first == again
    assert first["app_id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:otpvoice:account:default"))
    assert 0 < first["subaccount_id"] < 2**31
    assert 0 < first["stream_id"] < 2**53


def test_what_the_caller_gave_along_is_in_the_first_and_the_last_message() -> None:
    messages = life(VoxologySpeaker(facts(("inbound", "second"), parameters={"test_key": "test_value"})))
    given = [message["type"] for message in messages if message.get("stream_data") == {"test_key": "test_value"}]
    assert given == ["init_stream", "end_stream"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, None),
        ("protocol", 1),
        ("bad_utf8", 2),
        ("binary", 3),
        ("too_big", 4),
        ("flood", 5),
        ("internal", 6),
        ("something_new", 6),
    ],
)
def test_an_error_has_a_code_and_is_a_word(error: str | None, code: int | None) -> None:
    end = life(VoxologySpeaker(facts(("inbound", "second"))), error=error)[-1]
    assert (end["error"], end["error_code"]) == (error, code)
    assert VoxologyListener().hear(json.dumps(end)) == [], "no stream has begun"


def test_error_codes_are_one_each() -> None:
    assert sorted([*ERROR_CODES.values(), OTHER_ERROR]) == [1, 2, 3, 4, 5, 6]


def test_nobody_talks() -> None:
    assert FORMATS["voxology"].modes == {"listen"}
