"""The benchmarks of streams measure what they say: what is lost is counted, and each way is gone once, for a moment.

It judges no speed.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import sockets, stream_report, streams
from benchmarks import stream_rig as rig_module
from benchmarks.coded import FRAME, Heard, coded, read, told
from benchmarks.rig import Who
from benchmarks.sockets import Way
from benchmarks.stream_phones import Endless
from benchmarks.stream_rig import Told, Window, stream_rig
from otpvoice.media.g711 import decode, encode

STREAMS = 3


def heard(*frames: bytes | int) -> Heard:
    """Return what is counted of these frames, all of which came at once; a number is a coded one."""
    one = Heard()
    for frame in frames:
        one.hear(coded(frame) if isinstance(frame, int) else frame, time.monotonic_ns())
    return one


SILENCE = b"\xff" * FRAME


@pytest.mark.parametrize(
    ("frames", "counts"),
    [
        ((0, 1, 2), (3, 0, 0, 0)),
        ((7, 8), (2, 0, 0, 0)),
        ((0, 3), (2, 2, 0, 0)),
        ((0, 1, 1), (2, 0, 1, 0)),
        ((0, 2, 1, 3), (3, 1, 1, 0)),
        ((SILENCE, 0, SILENCE, 2), (2, 1, 0, 1)),
        ((), (0, 0, 0, 0)),
    ],
    ids=["all", "a late start", "a gap", "twice", "out of turn", "silence in place of one", "nothing"],
)
def test_the_signal_shows_what_became_of_it(frames: tuple[bytes | int, ...], counts: tuple[int, int, int, int]) -> None:
    """Frames, missing, again, other."""
    one = heard(*frames)
    assert (one.frames, one.missing, one.again, one.other) == counts
    assert len(one.delays) == one.frames
    assert all(0 <= delay < 10 for delay in one.delays)


def test_a_gap_over_the_border_of_two_windows_is_counted_in_the_second() -> None:
    one = heard(0, 1)
    one.anew()
    one.hear(coded(3), time.monotonic_ns())
    assert (one.frames, one.missing) == (1, 1)
    assert told([one, Heard()])["signals"] == 1


@pytest.mark.parametrize(
    "audio", [b"", SILENCE, coded(1)[:8], b"\x00" + coded(1)[1:]], ids=["nothing", "silence", "half", "another"]
)
def test_what_is_no_signal_is_none(audio: bytes) -> None:
    assert read(audio) is None


def test_the_signal_passes_what_g711_passes() -> None:
    """One byte has two spellings of zero; the filling has none of them, and a code is not decoded on its way."""
    assert encode(decode(coded(1)[16:], "ulaw"), "ulaw") == coded(1)[16:]


def test_endless_audio_is_cut_into_frames_by_whoever_takes_bytes() -> None:
    audio = Endless() + b"\xff"
    numbers = [code.number for start in range(0, 5 * FRAME, FRAME) if (code := read(audio[start : start + FRAME]))]
    assert numbers == [0, 1, 2, 3, 4]
    assert len(audio) % FRAME == 0


def window(*, frames: int = 1000, missing: int = 0, late: int = 0, signals: int = STREAMS) -> Window:
    delays = [0.001] * (frames - late) + [0.1] * late
    there = Told(signals, frames, missing, again=0, other=0, delays=delays)
    return Window(Who.PRODUCT, "listen", STREAMS, 1.0, {"app": 0.03, "machine": 0.5}, there, Told(0, 0, 0, 0, 0, []))


@pytest.mark.parametrize(
    ("one", "does"),
    [
        (window(), True),
        (window(missing=9), True),
        (window(late=9), True),
        (window(missing=5, late=5), False),
        (window(signals=STREAMS - 1), False),
        (window(frames=0), False),
    ],
    ids=["all", "few lost", "few late", "one in a hundred", "a stream is silent", "nothing came"],
)
def test_streams_hold_while_under_one_frame_in_a_hundred_is_lost_or_late(one: Window, does: bool) -> None:
    assert streams.holds(one) is does
    [line] = stream_report.of_soak([one])
    assert ("did not hold" in line.remark) is not does
    assert line.verdict == ("missed" if one.there.missing else "met")


def test_cpu_is_counted_by_frame_and_by_core() -> None:
    one = window()
    assert one.us_a_frame == pytest.approx(30)
    assert streams.Climb([one], one).per_core == pytest.approx(100)
    assert streams.Climb([one], None).per_core == 0


@pytest.mark.asterisk
async def test_the_bare_relay_and_the_product_carry_the_same_both_ways(tmp_path: Path) -> None:
    """On real calls: every stream is heard at the customer's end, and at the phone where the customer talks."""
    async with stream_rig(tmp_path / "streams", legs=STREAMS, settle=0.2) as rig:
        relays = await streams.compare(rig, STREAMS, 0.5, 1, lambda _: None)
        climb = await streams.climb(rig, (1, 2), 0.3, lambda _: None)
        soak = await streams.soak(rig, (2, 1), 0.3, lambda _: None)
    for mode, by_who in relays.windows.items():
        for who, [one] in by_who.items():
            assert one.there.signals == STREAMS, (mode, who, one)
            assert one.here.signals == (STREAMS if mode == "talk" else 0), (mode, who, one)
            assert one.cpu["app"] > 0
    lines = [*stream_report.of_relays(relays)]
    assert [line.what for line in lines].count("relay to bare relay") == len(relays.windows)
    # How many hold, and for how long, is looked for.
    assert climb.steps[0].streams == 1
    assert {one.streams for one in soak} <= {1, 2}
    assert [*stream_report.of_climb(climb), *stream_report.of_soak(soak)]


@pytest.mark.asterisk
async def test_memory_of_a_stream_is_what_it_adds_to_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "GROWN_UP", 0.2)
    monkeypatch.setattr(rig_module, "SETTLE", 0.2)
    monkeypatch.setattr(rig_module, "GIVEN_BACK", 0.2)
    streaming, silent = await streams.memory(tmp_path, STREAMS)
    assert streaming > 0
    assert [line.unit for line in stream_report.of_stream_memory(streaming, silent, STREAMS)] == ["kB"]


@pytest.mark.parametrize("way", [Way(talk=True, tls=True)], ids=str)
async def test_every_library_carries_messages_both_ways(tmp_path: Path, way: Way) -> None:
    measured = await sockets.measure(tmp_path, streams=STREAMS, seconds=0.1, rounds=1, ways=(way,))
    assert set(measured.turns[way]) == set(sockets.installed())
    for library, [turn] in measured.turns[way].items():
        assert turn.there, library
        assert turn.here, library
        assert turn.cpu > 0
    assert [*stream_report.of_sockets(measured, STREAMS)]
