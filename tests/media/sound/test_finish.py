"""From what an engine made, or somebody recorded, to a clip: rate, edges, level, speed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.media.clip import EDGE, EMPTY, Clip
from otpvoice.media.sound.finish import finish_recording, finish_speech
from otpvoice.media.sound.level import LOUDEST
from otpvoice.media.wav import Wave
from tests.media.loudness import active_level
from tests.media.sound.signals import (
    Signal,
    audible,
    both,
    decibels,
    hiss,
    pcm_of,
    pitch,
    signal_of,
    silence,
    steepest,
    tone,
    vowel,
)

RATES = (8000, 11025, 16000, 22050, 24000, 44100, 48000)


def wave(rate: int, *parts: Signal) -> Wave:
    return Wave(rate, pcm_of(np.concatenate(parts)))


def said(rate: int, seconds: float = 0.3) -> Wave:
    return wave(rate, silence(rate, 0.14), vowel(120, rate, seconds), silence(rate, 0.3))


@pytest.mark.parametrize("rate", RATES)
def test_speech_is_trimmed_levelled_and_silent_at_its_ends(rate: int) -> None:
    clip = finish_speech(said(rate))
    master, telephone = both(clip)
    assert len(master) == 2 * len(telephone)
    # The steeper the filter, the longer it rings, and with low rates more of that is heard.
    assert len(telephone) == pytest.approx(2400 + 2 * EDGE, abs=40 if rate < 16000 else 24)
    assert active_level(clip.telephone) == pytest.approx(-22.0, abs=0.2)
    for sound, edge in ((master, 2 * EDGE), (telephone, EDGE)):
        assert np.abs(sound).max() <= LOUDEST
        assert sound[0] == sound[-1] == 0
        assert decibels(sound[: edge - 2]) < -55
        assert audible(sound)[0] == pytest.approx(edge, abs=edge // 4)


def test_speech_that_starts_at_full_voice_loses_none_of_it() -> None:
    sound = tone(800, 22050, 0.3003)[7:]
    _, telephone = both(finish_speech(Wave(22050, pcm_of(sound))))
    assert decibels(telephone[EDGE : EDGE + 40]) > -24
    assert len(telephone) == pytest.approx(len(sound) * 8000 / 22050 + 2 * EDGE, abs=24)


@pytest.mark.parametrize("offset", [-2500, 60, 1200])
def test_an_engine_that_adds_an_offset_is_trimmed_all_the_same(offset: float) -> None:
    speech = signal_of(said(22050).pcm)
    clean, shifted = finish_speech(Wave(22050, pcm_of(speech))), finish_speech(Wave(22050, pcm_of(speech + offset)))
    assert len(shifted.telephone) == pytest.approx(len(clean.telephone), abs=8)
    assert abs(both(shifted)[1].mean()) < 5


@pytest.mark.parametrize(
    "pcm",
    [b"", bytes(2), bytes(16000), b"\1\0\xff\xff" * 4000, b"\0\x10" * 4000],
    ids=lambda pcm: f"{len(pcm)}-{pcm[:4].hex()}",
)
def test_of_silence_nothing_is_left(pcm: bytes) -> None:
    for rate in RATES:
        assert finish_speech(Wave(rate, pcm)) == finish_speech(Wave(rate, pcm), 0.5) == EMPTY


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_speed_changes_how_long_it_is_and_nothing_else(speed: float) -> None:
    clip = finish_speech(said(22050, 1.0), speed)
    master, telephone = both(clip)
    assert len(telephone) - 2 * EDGE == pytest.approx(8000 / speed, rel=0.02)
    assert pitch(telephone[EDGE:-EDGE], 8000) == pytest.approx(120, rel=0.01)
    assert active_level(clip.telephone) == pytest.approx(-22, abs=0.2)
    assert audible(telephone)[0] == pytest.approx(EDGE, abs=10)
    assert audible(telephone)[1] == pytest.approx(len(telephone) - 1 - EDGE, abs=32)
    assert master[0] == master[-1] == telephone[0] == telephone[-1] == 0
    # The edges have no step that the voice does not have.
    assert max(steepest(telephone[: EDGE + 8]), steepest(telephone[-EDGE - 8 :])) <= steepest(telephone[EDGE:-EDGE])


def test_a_recording_keeps_its_pauses_and_its_length() -> None:
    parts = silence(22050, 0.5), vowel(150, 22050, 0.4), silence(22050, 1.0)
    clip = finish_recording(wave(22050, *parts))
    _, telephone = both(clip)
    assert len(telephone) == pytest.approx(1.9 * 8000, abs=1)
    assert not np.any(telephone[:3900])
    assert not np.any(telephone[-7000:])
    assert active_level(clip.telephone) == pytest.approx(-22, abs=0.2)


def test_what_an_offset_leaves_behind_ends_without_a_click() -> None:
    """An engine whose hiss is not around nothing, as espeak-ng's is not."""
    rate = 16000
    shape = np.ones(rate // 2)
    shape[-320:] = np.linspace(1, 0, 320)
    speech = shape * (tone(300, rate, 0.5) + 900)
    for speed in (0.7, 1.0, 1.4):
        master, _ = both(finish_speech(wave(rate, silence(rate, 0.2), speech, silence(rate, 0.2)), speed))
        assert steepest(master[-4 * EDGE :][: 2 * EDGE + 8]) > 0
        assert steepest(master[-2 * EDGE - 8 :]) < 0.01 * np.abs(master).max()


def test_a_recording_loses_its_offset() -> None:
    clip = finish_recording(wave(22050, vowel(150, 22050, 1.0) + 2000))
    assert abs(both(clip)[1][800:].mean()) < 5
    assert active_level(clip.telephone) == pytest.approx(-22, abs=0.2)


def test_a_recording_of_silence_is_silence_and_of_nothing_is_nothing() -> None:
    assert finish_recording(Wave(8000, bytes(1600))) == Clip(bytes(3200), bytes(1600))
    assert finish_recording(Wave(8000, b"")) == EMPTY


def test_a_recording_that_begins_amid_a_sound_begins_without_a_click() -> None:
    clip = finish_recording(Wave(16000, pcm_of(tone(500, 16000, 1.0, 20000)[8:])))
    master, _ = both(clip)
    assert master[0] == master[-1] == 0
    assert max(steepest(master[:80]), steepest(master[-80:])) <= steepest(master[4000:8000])


def test_a_peak_that_only_the_telephone_has_counts() -> None:
    """Without what makes it square, a square wave swings above itself."""
    rate = 16000
    square = np.sign(tone(700, rate, 0.5)) * 9000.0
    quiet = vowel(120, rate, 3.0, 500)
    master, telephone = both(finish_recording(wave(rate, quiet, square, quiet)))
    assert np.abs(telephone).max() > np.abs(master).max()
    assert np.abs(telephone).max() <= LOUDEST


@pytest.mark.parametrize("finish", [finish_speech, finish_recording])
def test_ten_minutes_are_finished(finish: type[Clip]) -> None:
    second = np.concatenate((vowel(120, 22050, 0.7), silence(22050, 0.3)))
    clip: Clip = finish(Wave(22050, pcm_of(second) * 600))  # type: ignore[call-arg,arg-type]
    assert len(clip.telephone) == pytest.approx(600 * 16000, rel=0.001)
    assert active_level(clip.telephone[-160_000:]) == pytest.approx(-22, abs=0.2)


@pytest.mark.parametrize("pcm", [b"\0", b"\0" * 999])
def test_half_a_sample_is_refused(pcm: bytes) -> None:
    for finish in (finish_speech, finish_recording):
        with pytest.raises(ValueError, match="even number"):
            finish(Wave(22050, pcm))


@pytest.mark.parametrize("rate", [-8000, 0, 3999, 192_001])
def test_what_is_no_rate_is_refused(rate: int) -> None:
    for finish in (finish_speech, finish_recording):
        with pytest.raises(ValueError, match="no rate"):
            finish(Wave(rate, bytes(200)))


@pytest.mark.parametrize("speed", [0.49, 2.01, float("nan")])
def test_what_is_no_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="no speed"):
        finish_speech(said(8000), speed)


@given(
    st.binary(max_size=1200).map(lambda data: data[: len(data) // 2 * 2]),
    st.sampled_from((4000, 7999, 8000, 22050, 44100, 192_000)),
    st.sampled_from((0.5, 1.0, 1.7)),
)
@example(pcm_of(hiss(8000, 0.3, rms=20000)), 8000, 0.7)
def test_any_sound_becomes_a_clip_within_bounds_and_the_same_each_time(pcm: bytes, rate: int, speed: float) -> None:
    for clip, again in (
        (finish_speech(Wave(rate, pcm), speed), finish_speech(Wave(rate, pcm), speed)),
        (finish_recording(Wave(rate, pcm)), finish_recording(Wave(rate, pcm))),
    ):
        assert clip == again
        assert len(clip.master) == 2 * len(clip.telephone)
        for sound in both(clip):
            assert np.abs(sound).max(initial=0) <= LOUDEST
            assert not len(sound) or len(sound) < 2 or sound[0] == sound[-1] == 0
