"""``otpvoice stream-sink``, with the ``websockets`` library as whoever streams, and what it kept read by ``wave``."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import struct
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from otpvoice.cli import heard_stream, stream_sink
from otpvoice.cli.heard_stream import MOST_LINES, MOST_TRACKS, HeardStream
from otpvoice.cli.stream_auth import Asked
from otpvoice.cli.stream_lines import Line, as_json, as_text
from otpvoice.cli.track_file import TrackFile
from otpvoice.media import g711
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import Facts, StopReason
from otpvoice.settings.addresses import Bind

SOON: Final = 10.0
TONE: Final = bytes(range(160))
"""20 ms of μ-law that is no silence."""
QUIET: Final = g711.SILENCE["ulaw"] * 160
HERE: Final = Bind("127.0.0.1", 0)


# --- messages, as the vendors' documents have them --------------------------------------------------------------------


def b64(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def twilio(*frames: tuple[str, int, bytes], parameters: Mapping[str, str] | None = None) -> list[str]:
    """Each frame: track, milliseconds, μ-law."""
    start = {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": dict(parameters or {}),
    }
    head = {"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}
    media = [
        {
            "event": "media",
            "sequenceNumber": str(number),
            "streamSid": "MZ1",
            "media": {"track": track, "chunk": str(number - 1), "timestamp": str(at), "payload": b64(audio)},
        }
        for number, (track, at, audio) in enumerate(frames, start=2)
    ]
    return [json.dumps(one) for one in ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, head, *media)]


def twilio_stop(number: int = 99) -> str:
    return json.dumps(
        {
            "event": "stop",
            "sequenceNumber": str(number),
            "streamSid": "MZ1",
            "stop": {"accountSid": "AC1", "callSid": "CA1"},
        }
    )


def exotel(*frames: tuple[int, bytes], rate: int = 8000) -> list[str]:
    """Each frame: milliseconds, 16-bit samples."""
    start = {
        "stream_sid": "s1",
        "call_sid": "c1",
        "account_sid": "a1",
        "from": "+12025550199",
        "to": "+12025550123",
        "custom_parameters": {"k": "v"},
        "media_format": {"encoding": "raw", "sample_rate": str(rate), "bit_rate": "128"},
    }
    media = [
        {
            "event": "media",
            "sequence_number": number,
            "stream_sid": "s1",
            "media": {"chunk": number - 1, "timestamp": str(at), "payload": b64(audio)},
        }
        for number, (at, audio) in enumerate(frames, start=2)
    ]
    head = {"event": "start", "sequence_number": 1, "stream_sid": "s1", "start": start}
    return [json.dumps(one) for one in ({"event": "connected"}, head, *media)]


def voxology(*frames: tuple[str, bytes]) -> list[str]:
    """Each frame: track, μ-law."""
    call = {"stream_id": 1, "call_id": "c1"}
    names = list(dict.fromkeys(track for track, _ in frames))
    messages: list[dict[str, Any]] = [
        {
            **call,
            "type": "init_stream",
            "app_id": "a",
            "subaccount_id": 1,
            "direction": "outbound",
            "stream_name": "stream1",
            "stream_data": {"k": "v"},
            "tracks": [{"name": name} for name in names],
            "service": "programmable_voice",
        }
    ]
    counters = dict.fromkeys(names, 1)
    messages += [
        {
            **call,
            "type": "start_track",
            "api_no": "+12025550199",
            "caller_no": "+12025550123",
            "track_sequence_number": 1,
            "media_format": {"encoding": "ulaw", "type": "text", "sample_rate": 8000},
            "name": name,
        }
        for name in names
    ]
    for name, audio in frames:
        counters[name] += 1
        messages.append(
            {**call, "type": "live_track", "track_sequence_number": counters[name], "media": b64(audio), "name": name}
        )
    return [json.dumps({**one, "stream_sequence_number": number}) for number, one in enumerate(messages, start=1)]


# --- a stream, without a socket ---------------------------------------------------------------------------------------


@dataclass
class Told:
    """A stream that was told all of its messages, one each 20 ms, and closed."""

    lines: list[Line]
    folder: Path

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [line.facts for line in self.lines if line.kind == kind]

    @property
    def files(self) -> dict[str, tuple[int, bytes]]:
        """By track: rate and samples, as anybody reads them."""
        (closed,) = self.of("closed")
        return {one["track"]: read(Path(one["path"])) for one in closed["files"]}


def read(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = file.readframes(file.getnframes() + 1)
        assert len(frames) == 2 * file.getnframes() == path.stat().st_size - 44
        return file.getframerate(), frames


def tell(folder: Path, messages: Iterable[str | bytes], *, every: float = 0.02) -> Told:
    lines: list[Line] = []
    now = 100.0
    stream = HeardStream(1, "stem", folder, lines.append, now)
    for message in messages:
        now += every
        if isinstance(message, str):
            stream.hear(message, now)
        else:
            stream.hear_binary(message, now)
    stream.close(now, 1000)
    return Told(lines, folder)


PCM: Final = g711.ulaw_decode(TONE)
SILENCE: Final = g711.ulaw_decode(QUIET)


def test_there_is_a_golden_stream_for_each_format(tmp_path: Path) -> None:
    goldens = {
        "twilio": twilio(("inbound", 0, TONE)),
        "exotel": exotel((0, PCM)),
        "voxology": voxology(("caller", TONE)),
    }
    assert goldens.keys() == FORMATS.keys()
    for name, messages in goldens.items():
        told = tell(tmp_path, messages)
        (began,) = told.of("began")
        assert began["format"] == name
        assert [samples for _, samples in told.files.values()] == [PCM]


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_a_file_has_the_rate_of_its_stream(tmp_path: Path, rate: int) -> None:
    sound = struct.pack("<4h", 1, -2, 300, -400) * (rate // 200)
    told = tell(tmp_path, exotel((0, sound), (20, sound), rate=rate))
    (file,) = told.files.values()
    assert file == (rate, sound + sound)


def test_tracks_begin_and_end_together(tmp_path: Path) -> None:
    """One begins late, has a hole, and ends early: the other one's clock is its own."""
    told = tell(
        tmp_path,
        twilio(
            ("inbound", 0, TONE), ("inbound", 20, TONE), ("outbound", 40, TONE), ("outbound", 80, TONE),
            ("inbound", 120, TONE),
        ),
    )  # fmt: skip
    silence = bytes(320)
    assert told.files == {
        "inbound": (8000, PCM + PCM + 4 * silence + PCM),
        "outbound": (8000, 2 * silence + PCM + silence + PCM + 2 * silence),
    }


def test_what_comes_late_is_put_where_it_belongs(tmp_path: Path) -> None:
    told = tell(tmp_path, twilio(("inbound", 40, TONE), ("inbound", 0, TONE)))
    assert told.files["inbound"][1] == PCM + bytes(320) + PCM


def test_sound_is_one_line_a_second_and_a_track(tmp_path: Path) -> None:
    frames = [(track, 20 * n, TONE if n < 100 else QUIET) for n in range(150) for track in ("inbound", "outbound")]
    told = tell(tmp_path, twilio(*frames), every=0.01)
    audio = told.of("audio")
    assert len(audio) == 2 * 4, "three seconds and what is left of the fourth"
    assert sum(line["messages"] for line in audio) == 300
    assert sum(line["ms"] for line in audio if line["track"] == "inbound") == 3000
    assert [line["peak_dbfs"] for line in audio if line["track"] == "inbound"][:2] == [pytest.approx(-0.2, abs=0.1)] * 2
    assert as_text(Line("audio", 1, 3.0, audio[-1])).endswith(" in 2 messages, silence")
    assert {line["peak_dbfs"] for line in audio[-2:]} == {None}


def test_all_else_is_shown_as_it_came(tmp_path: Path) -> None:
    dtmf = '{"event":"dtmf","sequenceNumber":"3","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"4"}}'
    mark = '{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"label"}}'
    other = '{"event":"something","of":{"a":"later version"}}'
    told = tell(tmp_path, [*twilio(parameters={"a": "b"}), dtmf, mark, other, twilio_stop()])
    assert [line.kind for line in told.lines] == ["message", "began", "digit", "mark", "message", "stopped", "closed"]
    assert told.of("digit")[0]["digit"] == "4"
    assert told.of("mark")[0]["name"] == "label"
    assert told.of("began")[0]["parameters"] == {"a": "b"}
    shown = [as_text(line).splitlines()[0].partition(" < ")[2] for line in told.lines[:-1]]
    assert [json.loads(text) for text in shown] == [
        json.loads(text) for text in (*twilio(parameters={"a": "b"}), dtmf, mark, other, twilio_stop())
    ]


@pytest.mark.parametrize(
    "junk",
    ["", "{", "null", "[1]", '"text"', "\ud800", "{" * 100_000, "[" * 100_000, '{"event": 1}', '{"event": "media"}',
     '{"event":"media","media":{"track":"inbound","chunk":"2","timestamp":"x","payload":"!"}}',
     '{"event":"media","media":{"track":[],"chunk":"2","timestamp":"1","payload":7}}', b"", b"\x00\xff" * 1000],
    ids=repr,
)  # fmt: skip
def test_junk_is_told_and_survived(tmp_path: Path, junk: str | bytes) -> None:
    """Before the stream is known, and while it runs."""
    before, *after = twilio(("inbound", 0, TONE), ("inbound", 20, TONE))
    told = tell(tmp_path, [junk, before, junk, *after[:2], junk, *after[2:], junk])
    assert told.files["inbound"] == (8000, PCM + PCM)
    for line in told.lines:
        assert json.loads(as_json(line))["kind"] == line.kind
        assert all(one.isprintable() for text in as_text(line).split("\n") for one in text)
        assert len(as_text(line)) < 2000


def strictly(text: str) -> Any:
    """Read JSON as others do: Python's own reader takes NaN and Infinity, which it has no words for."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_there_is_not_is_junk(tmp_path: Path, number: str) -> None:
    told = tell(tmp_path, [*twilio(), f'{{"event":"mark","streamSid":"MZ1","mark":{{"name":"m","x":{number}}}}}'])
    assert [line["why"] for line in told.of("junk")] == ["no JSON object"]
    for line in told.lines:
        assert strictly(as_json(line))["kind"] == line.kind


@pytest.mark.parametrize("depth", [100, 253, 254, 300, 800, 900, 980, 1000, 1020, 1023, 1024, 2000])
def test_a_message_is_shown_however_deep_it_is_nested(tmp_path: Path, depth: int) -> None:
    """What can't be written again is shown as it came, and what can't be read is junk."""
    deep = f'{{"event":{"[" * (depth - 1)}{"]" * (depth - 1)}}}'
    told = tell(tmp_path, [deep, *twilio(("inbound", 0, TONE)), deep])
    assert told.files["inbound"] == (8000, PCM)
    assert len([line for line in told.lines if deep[:50] in as_text(line)]) == 2
    for line in told.lines:
        assert strictly(as_json(line))["kind"] == line.kind


@given(st.lists(st.one_of(st.text(), st.binary(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["event", "media", "start", "track", "payload", "timestamp", "type", "name", "chunk"]), inner),
).map(json.dumps))))  # fmt: skip
def test_whatever_comes_is_survived(messages: list[str | bytes]) -> None:
    lines: list[Line] = []
    stream = HeardStream(1, "stem", Path("/nowhere"), lines.append, 0.0)
    for message in messages:
        if isinstance(message, str):
            stream.hear(message, 0.0)
        else:
            stream.hear_binary(message, 0.0)
    stream.close(1.0, None)
    for line in lines:
        assert "\x1b" not in as_text(line) + as_json(line)
        assert strictly(as_json(line))["kind"] == line.kind


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "streams"
    names = ["../up", "/etc/passwd", "a\0b", "", ".", "x" * 400, "ž\n", "a/b"]
    told = tell(folder, twilio(*((name, 0, TONE) for name in names)))
    assert sorted(tmp_path.iterdir()) == [folder]
    found = sorted(path.name for path in folder.iterdir())
    assert len(found) == len(told.files) == len(names)
    assert all(name.startswith("stem-") and name.endswith(".wav") and len(name) < 60 for name in found)
    assert all(one.isascii() and (one.isalnum() or one in "-_.") for name in found for one in name)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "stem-inbound.wav").write_text("mine")
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "stem-inbound-2.wav").symlink_to(tmp_path / "elsewhere")
    told = tell(tmp_path, twilio(("inbound", 0, TONE)))
    (closed,) = told.of("closed")
    assert [Path(one["path"]).name for one in closed["files"]] == ["stem-inbound-3.wav"]
    assert (tmp_path / "elsewhere").read_text() == (tmp_path / "stem-inbound.wav").read_text() == "mine"


def test_there_is_a_bound_to_tracks_and_lines(tmp_path: Path) -> None:
    told = tell(tmp_path, twilio(*((f"track{n}", 0, TONE) for n in range(100))), every=0)
    assert len(told.files) == MOST_TRACKS
    assert len(told.of("junk")) < MOST_LINES
    assert told.of("skipped")[0]["messages"] + len(told.of("junk")) == 100 - MOST_TRACKS
    told = tell(tmp_path / "flood", ['{"event":"nothing"}'] * 5000, every=0.001)
    assert len(told.lines) < 6 * (MOST_LINES + 1)
    assert sum(line["messages"] for line in told.of("skipped")) + len(told.of("message")) == 5000


def test_there_is_a_bound_to_the_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_stream, "LONGEST", 60)
    at_the_end = 60_000 - 20
    told = tell(tmp_path, twilio(*(("inbound", at, TONE) for at in (0, at_the_end, at_the_end + 20, 10**15, -5))))
    assert len(told.files["inbound"][1]) == 60 * 16_000
    assert all("longest" in line["why"] for line in told.of("junk"))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_blocks * 512 < 100_000, "silence takes no room"


def test_a_folder_that_can_not_be_written_is_told_once_a_track(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = tell(tmp_path / "file", twilio(*(("inbound", 20 * n, TONE) for n in range(60))))
    assert len(told.of("fault")) == 1
    assert sum(line["messages"] for line in told.of("audio")) == 60
    assert told.files == {}


def test_a_disk_that_is_full_is_told_once_a_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TrackFile, "write", full)
    told = tell(tmp_path, twilio(*(("inbound", 20 * n, TONE) for n in range(60))))
    assert [line["why"] for line in told.of("fault")] == ["inbound is not written: No space left on device"]


def test_a_file_is_whole_at_each_second(tmp_path: Path) -> None:
    """Whatever becomes of the process then."""
    stream = HeardStream(1, "stem", tmp_path, lambda _: None, 0.0)
    for number, message in enumerate(twilio(*(("inbound", 20 * n, TONE) for n in range(100)))):
        stream.hear(message, number * 0.02)
    stream.pass_by(3.0)
    assert read(tmp_path / "stem-inbound.wav") == (8000, PCM * 100)
    stream.close(3.0, None)


@pytest.mark.parametrize("name", FORMATS)
def test_what_our_own_half_says_arrives_the_same(tmp_path: Path, name: str) -> None:
    """The formats as they are spoken to customers, back to back with the sink."""
    told = tell(tmp_path, spoken(name))
    (began,) = told.of("began")
    assert began["format"] == name
    (_, samples), *_ = told.files.values()
    assert samples.strip(b"\0") == (PCM * 50).strip(b"\0")
    assert told.lines[-2].kind in {"stopped", "audio"}


def spoken(name: str) -> list[str]:
    """One second of sound, as a call has it."""
    one = FORMATS[name]
    facts = Facts(
        "stream_" + "0" * 24, "call_1", "default", "stream", "outbound", "+12025550199", "+12025550123",
        ("inbound",), "listen", one.rates[0], "ulaw", {},
    )  # fmt: skip
    speaker = one.speaker(facts)
    said = speaker.opened(1_800_000_000.0)
    for slot in range(50):
        said += speaker.media("inbound", slot, TONE)
    return said + speaker.closed(StopReason.CALL_ENDED, 1_800_000_001.0)


# --- the server -------------------------------------------------------------------------------------------------------


class Seen:
    """The lines of a sink, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._news = asyncio.Event()

    def __call__(self, line: Line) -> None:
        self.lines.append(line)
        self._news.set()

    async def until(self, kind: str, count: int = 1) -> Line:
        async with asyncio.timeout(SOON):
            while len(found := [line for line in self.lines if line.kind == kind]) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]


@asynccontextmanager
async def sinking(folder: Path, asked: Asked | None = None) -> AsyncIterator[tuple[str, Seen]]:
    seen = Seen()
    sink = stream_sink.Sink(folder, seen, asked or Asked())
    await sink.open(HERE)
    try:
        yield f"127.0.0.1:{sink.port}", seen
    finally:
        await sink.close()


async def send(peer: ClientConnection, messages: Iterable[str | bytes]) -> None:
    for message in messages:
        await peer.send(message)


async def test_streams_of_every_format_come_side_by_side(tmp_path: Path) -> None:
    async with sinking(tmp_path) as (host, seen), asyncio.TaskGroup() as group:

        async def come(name: str) -> None:
            async with connect(f"ws://{host}/{name}?token=1") as peer:
                await send(peer, spoken(name))

        for name in [*FORMATS] * 4:
            group.create_task(come(name))
        await seen.until("closed", 4 * len(FORMATS))
    assert {line.stream for line in seen.lines if line.stream} == set(range(1, 4 * len(FORMATS) + 1))
    for line in seen.lines:
        if line.kind == "closed":
            assert line.facts["code"] == 1000
            (file,) = line.facts["files"]
            assert read(Path(file["path"]))[1].strip(b"\0") == (PCM * 50).strip(b"\0")


async def test_a_socket_that_breaks_leaves_whole_files(tmp_path: Path) -> None:
    async with sinking(tmp_path) as (host, seen):
        async with connect(f"ws://{host}/") as peer:
            await send(peer, twilio(("inbound", 0, TONE)))
            await seen.until("began")
            peer.transport.abort()
        closed = await seen.until("closed")
        assert closed.facts["code"] == 1006
        assert read(Path(closed.facts["files"][0]["path"])) == (8000, PCM)


async def test_a_giant_message_ends_its_stream_and_no_other(tmp_path: Path) -> None:
    async with sinking(tmp_path) as (host, seen), connect(f"ws://{host}/") as peer, connect(f"ws://{host}/") as other:
        await send(peer, twilio(("inbound", 0, TONE)))
        with suppress(ConnectionClosed):  # it may go before all is said
            await peer.send("x" * (stream_sink.LARGEST_MESSAGE + 1))
        async with asyncio.timeout(SOON):
            await peer.wait_closed()
        assert peer.close_code == 1009
        await send(other, twilio(("inbound", 0, TONE)))
        await seen.until("began", 2)
        closed = await seen.until("closed")
        assert read(Path(closed.facts["files"][0]["path"])) == (8000, PCM)


async def test_a_message_in_fragments_is_one(tmp_path: Path) -> None:
    async with sinking(tmp_path) as (host, seen), connect(f"ws://{host}/") as peer:
        connected, start = twilio()
        await peer.send(connected)
        await peer.send(iter(start))
        await seen.until("began")


async def test_only_so_many_come_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_sink, "MOST_STREAMS", 2)
    async with sinking(tmp_path) as (host, seen):
        async with connect(f"ws://{host}/"), connect(f"ws://{host}/"):
            with pytest.raises(InvalidStatus, match="503"):
                await connect(f"ws://{host}/")
        await seen.until("closed", 2)
        async with connect(f"ws://{host}/"):
            pass


async def test_a_stream_lasts_no_longer_than_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_sink, "LONGEST", 0.1)
    async with sinking(tmp_path) as (host, seen), connect(f"ws://{host}/") as peer:
        async with asyncio.timeout(SOON):
            await peer.wait_closed()
        assert (peer.close_code, peer.close_reason) == (1008, "longer than any call")
        await seen.until("closed")


async def test_when_it_ends_everybody_is_told_and_files_are_whole(tmp_path: Path) -> None:
    """Also of one that does not answer."""
    async with sinking(tmp_path) as (host, seen):
        peer, silent = await connect(f"ws://{host}/"), await connect(f"ws://{host}/")
        silent.transport.pause_reading()
        for one in (peer, silent):
            await send(one, twilio(("inbound", 0, TONE)))
        await seen.until("began", 2)
    async with asyncio.timeout(SOON):
        await peer.wait_closed()
    assert peer.close_code == 1001
    silent.transport.abort()
    closed = [line for line in seen.lines if line.kind == "closed"]
    assert len(closed) == 2
    for line in closed:
        assert read(Path(line.facts["files"][0]["path"])) == (8000, PCM)
    assert seen.lines[-1].kind == "ended"


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 405), ("PUT", 405)])
async def test_it_says_what_it_is_to_who_is_no_websocket(tmp_path: Path, method: str, status: int) -> None:
    async with sinking(tmp_path) as (host, seen), aiohttp.ClientSession() as http:
        async with http.request(method, f"http://{host}/") as answer:
            assert answer.status == status
            said = await answer.text()
        assert ("stream-sink" in said) is (method == "GET")
        assert [line.kind for line in seen.lines] == ["listening"]


# --- who may come -----------------------------------------------------------------------------------------------------

SECRET: Final = "0123456789abcdef-both-know-it"
ASKED: Final = {
    "basic": Asked(basic="bot:pä:ss"),
    "bearer": Asked(bearer="token-1"),
    "signature": Asked(signature_secret=SECRET),
}


def signature(url: str, secret: str = SECRET, age: float = 0, **changed: str) -> dict[str, str]:
    timestamp = changed.pop("timestamp", str(int(time.time() - age)))
    digest = hmac.new(secret.encode(), f"{timestamp}.{url}".encode(), hashlib.sha256).hexdigest()
    return {"X-Otpvoice-Timestamp": timestamp, "X-Otpvoice-Signature": digest} | changed


def authorization(scheme: str, value: str) -> Callable[[str], dict[str, str]]:
    return lambda _: {"Authorization": f"{scheme} {value}"}


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        ("basic", authorization("Basic", b64("bot:pä:ss".encode()))),
        ("bearer", authorization("Bearer", "token-1")),
        ("signature", signature),
        ("signature", lambda url: signature(url, age=240)),
        ("signature", lambda url: signature(url, age=-240)),
        ("signature", lambda url: signature(url.replace("ws://", "wss://"))),
    ],
)
async def test_who_is_known_comes_in(tmp_path: Path, asked: str, headers: Callable[[str], dict[str, str]]) -> None:
    async with sinking(tmp_path, ASKED[asked]) as (host, seen):
        url = f"ws://{host}/calls?x=%20a"
        async with connect(url, additional_headers=headers(url)):
            await seen.until("connected")


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        *((name, lambda _: {}) for name in ASKED),
        ("basic", authorization("Basic", b64(b"bot:pass"))),
        ("basic", authorization("Bearer", "token-1")),
        ("bearer", authorization("Bearer", "token-2")),
        ("bearer", authorization("Basic", b64("bot:pä:ss".encode()))),
        ("signature", lambda url: signature(url, secret="another")),
        ("signature", lambda url: signature(url + "&more")),
        ("signature", lambda url: signature(url, age=400)),
        ("signature", lambda url: signature(url, age=-400)),
        ("signature", lambda url: signature(url, timestamp="x")),
        ("signature", lambda url: signature(url, timestamp="9" * 4000)),
        ("signature", lambda url: signature(url, timestamp="-1")),
        ("signature", lambda url: signature(url) | {"X-Otpvoice-Signature": ""}),
    ],
)
async def test_who_is_not_stays_outside(tmp_path: Path, asked: str, headers: Callable[[str], dict[str, str]]) -> None:
    async with sinking(tmp_path, ASKED[asked]) as (host, seen):
        url = f"ws://{host}/calls"
        with pytest.raises(InvalidStatus, match="401"):
            await connect(url, additional_headers=headers(url))
        assert [line.kind for line in seen.lines] == ["listening", "refused"]
        shown = as_text(seen.lines[-1]) + as_json(seen.lines[-1])
    assert not [secret for secret in ("token-1", "bot:", "pä:ss", SECRET) if secret in shown]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["\udcff.example", "hòst.example", ""])
def test_a_host_that_is_none_has_signed_nothing(host: str) -> None:
    headers = signature("ws://a.example/") | {"Host": host}
    assert ASKED["signature"].missing(headers, "/", time.time()) == "no signature fits"


# --- the command ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def command(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otpvoice", "stream-sink", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(SOON):
        return (await process.stdout.readline()).decode()


async def lines_until(process: asyncio.subprocess.Process, kind: str) -> dict[str, Any]:
    while (line := json.loads(await line_of(process)))["kind"] != kind:
        pass
    return dict(line)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_and_the_files_are_whole(tmp_path: Path, signum: signal.Signals) -> None:
    folder = tmp_path / "made" / "by it"
    async with command("--bind", "127.0.0.1:0", "--dir", str(folder), "--json") as process:
        listening = json.loads(await line_of(process))
        async with connect(listening["url"]) as peer:
            await send(peer, twilio(("inbound", 0, TONE)))
            began = await lines_until(process, "began")
            assert (began["stream"], began["format"], began["tracks"]) == (1, "twilio", ["inbound", "outbound"])
            process.send_signal(signum)
            closed = await lines_until(process, "closed")
            assert closed["code"] == 1001
            assert (await lines_until(process, "ended"))["streams"] == 1
            async with asyncio.timeout(SOON):
                assert await process.wait() == 0
        assert peer.close_code == 1001
        assert read(Path(closed["files"][0]["path"])) == (8000, PCM)
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_nohup_stays_in_force(tmp_path: Path) -> None:
    arguments = ["-m", "otpvoice", "stream-sink", "--bind", "127.0.0.1:0", "--dir", str(tmp_path), "--json"]
    process = await asyncio.create_subprocess_exec(
        "nohup", sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        url = json.loads(await line_of(process))["url"]
        process.send_signal(signal.SIGHUP)
        async with connect(url):
            await lines_until(process, "connected")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(SOON):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_killed_it_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    async with command("--bind", "127.0.0.1:0", "--dir", str(tmp_path), "--json") as process:
        listening = json.loads(await line_of(process))
        async with connect(listening["url"]) as peer:
            await send(peer, twilio(("inbound", 0, TONE)))
            await lines_until(process, "audio")  # told when the second is over
            # The line of a second is told before the file is settled; the next second's comes after it.
            await send(peer, twilio(("inbound", 20, TONE))[2:])
            await lines_until(process, "audio")
            process.kill()
            await process.wait()
        (file,) = tmp_path.iterdir()
        with wave.open(str(file)) as sound:
            assert sound.getnframes() >= 160


async def test_people_read_lines(tmp_path: Path) -> None:
    async with command("--bind", "127.0.0.1:0", "--dir", str(tmp_path)) as process:
        listening = await line_of(process)
        assert listening.endswith(f", WAV files go to {tmp_path}; Ctrl-C ends it\n")
        url = listening.split()[2].rstrip(",")
        async with connect(url + "calls") as peer:
            await send(peer, [*twilio(("inbound", 0, TONE)), "junk\x1b[2J", twilio_stop()])
        text = "".join([await line_of(process) for _ in range(8)])
    assert " = connected from 127.0.0.1:" in text
    assert text.splitlines()[1].endswith('< {"event":"connected","protocol":"Call","version":"1.0.0"}')
    assert " = twilio: inbound, outbound; audio/x-mulaw, 8000 Hz\n" in text
    assert " ! no JSON object: junk?[2J\n" in text
    assert text.index(" ♪ inbound  0.02 s in 1 message, up to ") < text.index(' < {"event":"stop"')
    assert " = closed 1000, " in text


async def test_secrets_come_from_the_environment_too(tmp_path: Path) -> None:
    async with command(
        "--bind", "127.0.0.1:0", "--dir", str(tmp_path), "--json", OTPVOICE_SINK_BASIC="bot:pass"
    ) as process:
        url = json.loads(await line_of(process))["url"]
        with pytest.raises(InvalidStatus, match="401"):
            await connect(url)
        async with connect(url.replace("ws://", "ws://bot:pass@")):
            await lines_until(process, "connected")


async def test_a_reader_that_has_seen_enough_ends_it(tmp_path: Path) -> None:
    async with command("--bind", "127.0.0.1:0", "--dir", str(tmp_path), "--json") as process:
        url = json.loads(await line_of(process))["url"]
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        async with connect(url) as peer, asyncio.timeout(SOON):
            with suppress(ConnectionClosed):  # it may go before all is said
                await send(peer, twilio(("inbound", 0, TONE)))
            await peer.wait_closed()
        async with asyncio.timeout(SOON):
            assert await process.wait() == 1
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        for path in tmp_path.iterdir():
            assert read(path)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--bind", "nowhere"], 2, "--bind must be host:port"),
        (["--basic", "nobody"], 2, "--basic must be user:password"),
        (["--dir", "/dev/null/streams"], 1, "Not a directory"),
    ],
)
async def test_what_can_not_be_is_said(tmp_path: Path, arguments: list[str], code: int, complaint: str) -> None:
    rest = [] if "--dir" in arguments else ["--dir", str(tmp_path)]
    async with command(*arguments, *rest) as process:
        async with asyncio.timeout(SOON):
            _, said = await process.communicate()
    assert process.returncode == code
    assert complaint in said.decode()
    assert "nobody" not in said.decode()


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async with sinking(tmp_path) as (host, _), command("--bind", host, "--dir", str(tmp_path)) as process:
        async with asyncio.timeout(SOON):
            _, said = await process.communicate()
    assert process.returncode == 1
    assert "in use" in said.decode()
