"""A track that arrives: whatever its sender, the network and our event loop do, it lies where it belongs."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otpvoice.media.streams.tracks import Frame, Tracks
from tests.media.streams.clockwork import FRAME, ORIGIN, QUIET, SILENCE, SLOT, Clockwork, sound

PHASES = [0.0002, 0.001, 0.01, 0.0199]


def heard(frames: list[Frame]) -> list[int]:
    """The slots in which there is something."""
    return [frame.slot for frame in frames if frame.audio != QUIET]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("ticker", [0.0005, 0.013])
def test_a_clean_stream_goes_out_at_once_each_frame_in_the_slot_of_its_arrival(phase: float, ticker: float) -> None:
    clock = Clockwork()
    clock.ticks(4, phase=ticker)
    clock.sends("inbound", map(sound, range(100)), start=1 + phase)
    clock.run()
    assert [frame.audio for frame in clock.of() if frame.audio != QUIET] == [sound(n) for n in range(100)]
    assert heard(clock.of()) == list(range(50, 150))
    late = [clock.latency(sound(number), 1 + phase + number * SLOT) for number in range(100)]
    assert max(late[2:]) == 0
    assert max(late) <= 1.5 * SLOT, "only the first waits, to see whether it is one of many"


def test_without_any_tick_frames_come_all_the_same() -> None:
    clock = Clockwork()
    clock.sends("inbound", map(sound, range(10)), start=0.001)
    clock.run()
    assert clock.audio() == b"".join(map(sound, range(10)))


@pytest.mark.parametrize("size", [1, 7, 80, 159, 161, 240, 320, 480])
def test_whatever_the_size_of_messages_no_byte_is_lost_or_added(size: int) -> None:
    """Asterisk hands on what the phone sent: 80 bytes each 10 ms, 240 each 30 ms."""
    whole = b"".join(map(sound, range(150)))
    messages = [whole[start : start + size] for start in range(0, len(whole), size)]
    clock = Clockwork()
    clock.ticks(3.4, phase=0.004)
    clock.sends("inbound", messages, start=size / 8000, every=size / 8000)
    clock.run()
    frames = clock.frames + clock.tracks.finish(ORIGIN + 3.5)
    audio = b"".join(frame.audio for frame in frames)
    begin = audio.index(whole[:80])
    assert audio[begin : begin + len(whole)] == whole
    assert begin / FRAME <= max(1, size / FRAME)
    assert clock.tracks.discarded == 0
    assert set(audio[begin + len(whole) :]) == {0xFF}


# --- what holds frames up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("several", [2, 3, 4, 5])
def test_frames_that_bunch_are_neither_silenced_nor_dropped_nor_moved(several: int, phase: float) -> None:
    """For up to 80 ms nothing, and then all at once, again and again."""
    clock = Clockwork()
    clock.ticks(13, phase=0.003)
    clock.sends("inbound", map(sound, range(600)), start=phase, delays=lambda n: SLOT * (several - 1 - n % several))
    clock.run()
    frames = clock.of()
    first = heard(frames)[0]
    assert heard(frames)[:600] == list(range(first, first + 600))
    assert first <= several
    assert clock.tracks.discarded == 0


@pytest.mark.parametrize("seconds", [0.08, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("begin", [1.0, 1.003, 1.0177])
def test_an_event_loop_that_stands_still_costs_nothing(seconds: float, begin: float) -> None:
    """Whatever waits to be read when it goes on is not missing."""
    clock = Clockwork(stalls=((begin, begin + seconds),))
    clock.ticks(4, phase=0.011)
    clock.sends("inbound", map(sound, range(150)), start=0.004)
    clock.run()
    assert heard(clock.of()) == list(range(150))
    assert clock.tracks.discarded == 0


def test_a_network_that_was_away_for_longer_costs_what_was_filled_in_and_no_more() -> None:
    clock = Clockwork()
    clock.ticks(12, phase=0.003)
    clock.sends(
        "inbound", map(sound, range(500)), start=0.004, delays=lambda n: 0.3 - SLOT * (n - 50) if 50 <= n < 65 else 0
    )
    clock.run()
    assert clock.tracks.discarded <= 15
    spoken = [frame for frame in clock.of() if frame.audio != QUIET]
    assert abs(spoken[-1].slot - 499) <= 1
    assert spoken[-1].audio == sound(499)


# --- what pauses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause", [0.14, 0.18, 0.2, 1.0, 7.77])
def test_a_pause_becomes_silence_and_what_follows_lies_where_it_belongs(pause: float) -> None:
    """Hold, a key (RFC 4733 has no audio meanwhile), silence suppression."""
    clock = Clockwork()
    clock.ticks(12, phase=0.003)
    clock.sends("inbound", map(sound, range(50)), start=0.004)
    clock.sends("inbound", map(sound, range(50, 100)), start=1.004 + pause)
    clock.run()
    spoken = [frame for frame in clock.of() if frame.audio != QUIET]
    assert [frame.audio for frame in spoken] == [sound(number) for number in range(100)]
    again = round((1.004 + pause) / SLOT - 0.5)
    assert heard(clock.of()) == [*range(50), *range(again, again + 50)]


def test_what_comes_at_once_after_a_pause_is_kept_whole_also_where_a_tick_is_in_the_midst_of_it() -> None:
    clock = Clockwork()
    clock.ticks(8, phase=0.003)
    clock.sends("inbound", map(sound, range(50)), start=0.004)
    moments = [2.0021, 2.0022, 2.0040, 2.0041, 2.0042]
    clock.sends(
        "inbound",
        map(sound, range(50, 250)),
        start=1.924,
        delays=lambda n: max(0, moments[min(n, 4)] - 1.924 - n * SLOT),
    )
    clock.run()
    assert heard(clock.of()) == [*range(50), *range(96, 296)]
    assert clock.tracks.discarded == 0


@pytest.mark.parametrize("pause", [0.04, 0.06, 0.08])
def test_a_short_pause_is_made_up_for_a_frame_at_a_time(pause: float) -> None:
    """It can't be told from frames that are held up, for a while."""
    clock = Clockwork()
    clock.ticks(12, phase=0.003)
    clock.sends("inbound", map(sound, range(50)), start=0.004)
    clock.sends("inbound", map(sound, range(50, 500)), start=1.004 + pause)
    clock.run()
    spoken = [frame for frame in clock.of() if frame.audio != QUIET]
    assert [frame.audio for frame in spoken] == [sound(number) for number in range(500)]
    late = [frame.slot - number for number, frame in enumerate(spoken)]
    assert max(later - earlier for earlier, later in pairwise(late)) == 1
    assert abs(late[-1] - pause / SLOT) <= 1


def test_silence_is_late_by_what_a_frame_may_be_late() -> None:
    clock = Clockwork()
    clock.ticks(3, phase=0.003)
    clock.sends("inbound", map(sound, range(10)), start=0.004)
    clock.run()
    silent = [(frame.slot, at) for frame, at in zip(clock.frames, clock.given_at, strict=True) if frame.slot >= 10]
    assert len(silent) > 100
    assert all(0.08 <= at - (slot + 0.2) * SLOT <= 0.12 for slot, at in silent)


def test_who_never_says_anything_is_silent() -> None:
    clock = Clockwork()
    clock.ticks(60)
    clock.run()
    assert len(clock.of()) >= 2990
    assert heard(clock.of()) == []


# --- whose clock is off -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [-10_000, -1000, -200, -20, 0, 20, 200, 1000, 10_000])
@pytest.mark.parametrize("jitter", [0.0, 0.015])
def test_nothing_drifts_in_a_minute(ppm: int, jitter: float) -> None:
    chance = random.Random(ppm)
    every = SLOT * (1 + ppm / 1e6)
    count = round(60 / every)
    clock = Clockwork()
    clock.ticks(62, phase=0.0123)
    clock.sends(
        "inbound", map(sound, range(count)), start=0.005, every=every, delays=lambda _: chance.random() * jitter
    )
    clock.run()
    placed = {frame.audio: frame.slot for frame in clock.of()}
    off = [placed[sound(n)] - (0.005 + n * every) / SLOT for n in range(count) if sound(n) in placed]
    assert max(off[100:]) <= 1
    assert min(off[100:]) >= -2.2
    corrections = abs(60 * ppm / 1e6 / SLOT)
    assert clock.tracks.discarded <= (corrections if ppm < 0 else 0) + 2
    assert len(off) >= count - clock.tracks.discarded


def test_a_stream_on_the_edge_of_two_slots_is_not_moved_to_and_fro() -> None:
    chance = random.Random(1)
    clock = Clockwork()
    clock.ticks(61, phase=0.0123)
    clock.sends("inbound", map(sound, range(3000)), start=0.0, delays=lambda _: 0.001 + chance.uniform(-0.001, 0.001))
    clock.run()
    silent = set(range(3000)) - set(heard(clock.of()))
    assert len(silent) + clock.tracks.discarded <= 2


# --- who floods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("messages", [[FRAME * 1000], [FRAME] * 1000, [80] * 2000, [100] * 1600])
def test_a_flood_is_bounded_and_counted(messages: list[int]) -> None:
    clock = Clockwork()
    clock.ticks(2, phase=0.003)
    clock.sends("inbound", map(sound, range(50)), start=0.004)
    for size in messages:
        clock.at(1.0, lambda now, size=size: clock.tracks.arrived("inbound", b"\x01" * size, now))  # type: ignore[misc]
    clock.sends("inbound", map(sound, range(50, 100)), start=1.004)
    clock.run()
    assert clock.tracks.discarded >= 1000 - 10
    for frame, at in zip(clock.frames, clock.given_at, strict=True):
        assert frame.slot <= at / SLOT + 5
    assert sound(99) in {frame.audio for frame in clock.of()} or clock.tracks.discarded > 1000


def test_a_flood_at_once_is_bounded_too() -> None:
    tracks = Tracks(("inbound",), SILENCE, ORIGIN)
    given = [frame for _ in range(1000) for frame in tracks.arrived("inbound", sound(1), ORIGIN + 0.001)]
    given += tracks.tick(ORIGIN + 0.02)
    assert [frame.slot for frame in given] == [0], "before the first slot there is none"
    assert tracks.discarded == 999


# --- any of it --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32).map(random.Random),  # a seed: a draw for each packet is more than a case may have
    st.sampled_from([0.0, 0.005, 0.02, 0.06]),
    st.tuples(st.floats(0, SLOT), st.floats(0, SLOT)),
    st.sampled_from([-200e-6, 0.0, 200e-6]),
    st.floats(6.0, 11.0),
)
def test_what_was_one_moment_is_one_in_both_tracks(
    chance: random.Random, jitter: float, phases: tuple[float, float], drift: float, click: float
) -> None:
    """Both sides hear a click; each on a clock, with a phase, and a network of its own."""
    clock = Clockwork(Tracks(("near", "second"), SILENCE, ORIGIN))
    clock.ticks(13, phase=0.0123)
    for track, phase, every in zip(("near", "second"), phases, (SLOT * (1 + drift), SLOT * (1 - drift)), strict=True):
        signal = bytearray(SILENCE * FRAME * 600)
        signal[round((click - phase + SLOT) / every * FRAME)] = 0x11
        frames = [bytes(signal[start : start + FRAME]) for start in range(0, len(signal), FRAME)]
        clock.sends(track, frames, start=phase, every=every, delays=lambda _: chance.random() * jitter)
    clock.run()
    assume(all(0x11 in clock.audio(track) for track in ("near", "second")))  # a correction may have taken it
    places = [clock.audio(track).index(0x11) / FRAME for track in ("near", "second")]
    assert abs(places[0] - places[1]) <= 1.25
    assert all(abs(place - click / SLOT) <= 1.25 + jitter / SLOT / 6 for place in places)
