"""Several tracks on one clock: equally long, every slot once, whatever comes from where, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otpvoice.media.streams.tracks import Frame, Tracks
from tests.media.streams.clockwork import FRAME, ORIGIN, QUIET, SILENCE, SLOT, Clockwork, sound


def ends(frames: list[Frame]) -> dict[str, int]:
    return {frame.track: frame.slot + 1 for frame in frames}


@pytest.mark.parametrize(
    "names", [("inbound",), ("inbound", "outbound"), ("inbound", "outbound", "second"), ("near", "far")]
)
def test_at_the_end_all_are_equally_long(names: tuple[str, ...]) -> None:
    clock = Clockwork(Tracks(names, SILENCE, ORIGIN))
    clock.ticks(3.0)
    clock.sends(names[0], map(sound, range(100)), start=0.5, every=0.0201)
    clock.at(0.7, lambda now: clock.tracks.pushed(sound(1) * 10, now))
    clock.run()
    clock.frames += clock.tracks.finish(ORIGIN + 3.05)
    assert {name: len(clock.of(name)) for name in names} == dict.fromkeys(names, 152)


def test_what_is_left_of_a_frame_is_given_at_the_end() -> None:
    tracks = Tracks(("inbound",), SILENCE, ORIGIN)
    frames = tracks.arrived("inbound", b"\x01" * 200, ORIGIN + 0.021)
    frames += tracks.finish(ORIGIN + 0.0211)
    assert [frame.audio for frame in frames] == [b"\x01" * FRAME, b"\x01" * 40 + SILENCE * 120]


def test_one_that_is_ahead_makes_the_others_as_long() -> None:
    tracks = Tracks(("inbound", "second"), SILENCE, ORIGIN)
    frames = [frame for number in range(10) for frame in tracks.arrived("inbound", sound(number), ORIGIN + 0.1)]
    frames += tracks.finish(ORIGIN + 0.1)
    lengths = Counter(frame.track for frame in frames)
    assert lengths["inbound"] == lengths["second"] == 6


def test_nothing_comes_after_the_end() -> None:
    tracks = Tracks(("inbound", "outbound"), SILENCE, ORIGIN)
    for _ in range(300):
        tracks.arrived("inbound", sound(1), ORIGIN)
    assert tracks.finish(ORIGIN + 1.0)
    dropped = tracks.discarded
    tracks.pushed(sound(1), ORIGIN + 1.1)
    tracks.synced(0, ORIGIN + 1.1)
    tracks.flushed(ORIGIN + 1.1)
    assert tracks.arrived("inbound", sound(1) * 2, ORIGIN + 1.1) == []
    assert tracks.arrived("outbound", sound(1), ORIGIN + 1.1) == []
    assert tracks.tick(ORIGIN + 2.0) == []
    assert tracks.finish(ORIGIN + 2.0) == []
    assert tracks.discarded == dropped > 200


def test_a_stream_that_ends_as_it_begins_is_empty() -> None:
    assert Tracks(("inbound", "outbound"), SILENCE, ORIGIN).finish(ORIGIN) == []
    assert Tracks((), SILENCE, ORIGIN).finish(ORIGIN + 9) == []


def test_what_is_for_no_track_of_the_stream_is_nothing() -> None:
    tracks = Tracks(("inbound",), SILENCE, ORIGIN)
    assert tracks.arrived("second", sound(1), ORIGIN) == []
    tracks.pushed(sound(1) * 100, ORIGIN)
    tracks.synced(5, ORIGIN)
    tracks.flushed(ORIGIN)
    assert ends(tracks.finish(ORIGIN + 1.01)) == {"inbound": 50}
    assert tracks.discarded == 0


# --- from the leg to the talk of two, and back ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["outbound", "far"])
def test_what_a_party_hears_is_what_we_push_or_while_two_talk_what_comes_of_it(name: str) -> None:
    clock = Clockwork(Tracks(("inbound", name), SILENCE, ORIGIN))
    clock.ticks(8, phase=0.0123)
    clock.at(0.5, lambda now: clock.tracks.pushed(b"".join(map(sound, range(50))), now))
    clock.at(1.6, clock.tracks.flushed)
    clock.sends(name, map(sound, range(100, 200)), start=2.002)
    clock.at(5.0, lambda now: clock.tracks.pushed(b"".join(map(sound, range(200, 250))), now))
    clock.run()
    spoken = [frame for frame in clock.of(name) if frame.audio != QUIET]
    assert [frame.audio for frame in spoken] == [sound(number) for number in (*range(50), *range(100, 250))]
    for number, expected in ((0, 25), (50, 100), (150, 250)):
        assert abs(spoken[number].slot - expected) <= 1
    assert clock.tracks.discarded == 0


def test_a_late_frame_of_the_talk_does_not_throw_away_what_we_push() -> None:
    """A snoop takes a moment to end, while we speak again already."""
    clock = Clockwork(Tracks(("outbound",), SILENCE, ORIGIN))
    clock.ticks(8, phase=0.0123)
    clock.sends("outbound", map(sound, range(100, 200)), start=0.002)
    clock.at(1.9, lambda now: clock.tracks.pushed(b"".join(map(sound, range(50))), now))
    clock.run()
    given = [frame.audio for frame in clock.of("outbound") if frame.audio != QUIET]
    assert given[-50:] == [sound(number) for number in range(50)]


def test_what_is_left_in_the_queue_does_not_disturb_the_talk() -> None:
    """Marks come back, and a flush is told, of a leg that waits alone."""
    clock = Clockwork(Tracks(("outbound",), SILENCE, ORIGIN))
    clock.ticks(4, phase=0.0123)
    clock.sends("outbound", map(sound, range(150)), start=0.002)
    for number in range(20):
        clock.at(0.5 + number / 10, lambda now, number=number: clock.tracks.synced(number, now))  # type: ignore[misc]
    clock.at(2.7, clock.tracks.flushed)
    clock.run()
    spoken = [frame for frame in clock.of("outbound") if frame.audio != QUIET]
    assert [frame.slot for frame in spoken] == list(range(150))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, SLOT), st.floats(0, SLOT), st.floats(1.0, 3.0))
def test_what_we_push_lies_beside_what_is_said_to_it(phase: float, ticker: float, start: float) -> None:
    """Whoever answers in the moment in which a frame is played lies in the slot of that frame, or next to it."""
    clock = Clockwork(Tracks(("inbound", "outbound"), SILENCE, ORIGIN))
    clock.ticks(6, phase=ticker)
    clock.sends("inbound", map(sound, range(290)), start=phase)
    clock.at(start, lambda now: clock.tracks.pushed(sound(999) * 10, now))
    clock.run()
    first = next(frame.slot for frame in clock.of("outbound") if frame.audio == sound(999))
    played = start + SLOT / 2
    said = next(frame.slot for frame in clock.of("inbound") if frame.audio == sound(round((played - phase) / SLOT)))
    assert abs(said - first) <= 1


# --- anything at all --------------------------------------------------------------------------------------------------

MOMENTS = st.floats(0.0, 0.3)
ORDERS = st.one_of(
    st.tuples(st.just("arrived"), st.sampled_from(["inbound", "outbound", "second"]), st.integers(0, 2000)),
    st.tuples(st.just("pushed"), st.just(""), st.integers(0, 5000)),
    st.tuples(st.just("synced"), st.just(""), st.integers(0, 700)),
    st.tuples(st.just("flushed"), st.just(""), st.just(0)),
    st.tuples(st.just("tick"), st.just(""), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(MOMENTS, ORDERS), max_size=80))
def test_whatever_happens_every_slot_comes_once_and_all_are_equally_long(orders: list[Any]) -> None:
    tracks = Tracks(("inbound", "outbound", "second"), SILENCE, ORIGIN)
    frames: list[Frame] = []
    now, came = ORIGIN, Counter[str]()
    for passed, (what, track, size) in orders:
        now += passed
        given: list[Frame] = []
        match what:
            case "arrived":
                given = tracks.arrived(track, b"\x01" * size, now)
                came[track] += size
            case "pushed":
                tracks.pushed(b"\x02" * size, now)
            case "synced":
                tracks.synced(size, now)
            case "flushed":
                tracks.flushed(now)
            case _:
                given = tracks.tick(now)
        assert all(frame.slot <= (now - ORIGIN) / SLOT + 5 for frame in given), "not far ahead of the clock"
        frames += given
    frames += tracks.finish(now)
    for name in ("inbound", "outbound", "second"):
        mine = [frame for frame in frames if frame.track == name]
        assert [frame.slot for frame in mine] == list(range(len(mine)))
        assert all(len(frame.audio) == FRAME for frame in mine)
        if name != "outbound":
            heard = sum(frame.audio.count(b"\x01") for frame in mine)
            assert heard <= came[name] <= heard + tracks.discarded * FRAME
    assert len({sum(frame.track == name for frame in frames) for name in ("inbound", "outbound", "second")}) == 1
    assert all(frame.slot <= (now - ORIGIN) / SLOT + 5 for frame in frames)
