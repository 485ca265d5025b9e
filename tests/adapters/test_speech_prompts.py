"""Recordings: which files are taken, how they come out, what a name may be, and when a file is read again."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import wave
from array import array
from collections.abc import AsyncIterator
from itertools import pairwise
from math import pi, sin
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.recordings import prompts
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.adapters.speech.recordings.wav_file import NotPcm, read_wav_file
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.speech import Recording, Silence, SpeechUnavailable, Tone
from otpvoice.media.g711 import Law, decode, encode
from otpvoice.media.tone import tone
from tests.media.loudness import active_level

LOCALES = load_locales()


def sine(seconds: float, rate: int = 8000, frequency: int = 400, amplitude: int = 3000) -> bytes:
    step = 2 * pi * frequency / rate
    return array("h", [round(amplitude * sin(step * n)) for n in range(round(seconds * rate))]).tobytes()


def wav(pcm: bytes, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def interleaved(left: bytes, right: bytes) -> bytes:
    pairs = zip(array("h", left), array("h", right), strict=True)
    return array("h", [one for pair in pairs for one in pair]).tobytes()


@pytest.fixture
async def finishing() -> AsyncIterator[Finishing]:
    made = AtHand()
    yield made
    await made.close()


async def reason(folder: Prompts, name: str) -> str:
    with pytest.raises(SpeechUnavailable) as unavailable:
        await folder.clip(name, "ulaw")
    return unavailable.value.reason


# --- what is taken ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [4000, 8000, 16000, 37800, 44100, 48000, 96000, 192_000])
async def test_a_recording_of_any_usual_rate_is_heard_as_it_was_made(
    tmp_path: Path, finishing: Finishing, rate: int, channels: int, law: Law
) -> None:
    pcm = sine(1.5, rate)
    (tmp_path / "a.wav").write_bytes(wav(pcm if channels == 1 else interleaved(pcm, pcm), rate, channels))
    heard = decode(await Prompts(tmp_path, finishing=finishing).clip("a", law), law)
    assert len(heard) == 2 * 12000
    assert active_level(heard) == pytest.approx(-22, abs=0.5)
    middle = array("h", heard)[2000:10000]
    assert sum(a < 0 <= b for a, b in pairwise(middle)) in {399, 400, 401}


async def test_the_pauses_of_a_recording_are_left_in(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "a.wav").write_bytes(wav(bytes(8000) + sine(0.5) + bytes(16000)))
    assert len(await Prompts(tmp_path, finishing=finishing).clip("a", "ulaw")) == 4000 + 4000 + 8000


async def test_silence_stays_silence(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "a.wav").write_bytes(wav(bytes(1600)))
    assert await Prompts(tmp_path, finishing=finishing).clip("a", "ulaw") == b"\xff" * 800


@pytest.mark.parametrize(("left", "right"), [(32767, 32767), (-32768, -32768), (32767, -32768), (1, 0)])
def test_both_channels_are_heard_and_nothing_overflows(left: int, right: int) -> None:
    mixed = read_wav_file(wav(struct.pack("<hh", left, right) * 9000, channels=2)).pcm
    assert mixed == struct.pack("<h", (left + right) // 2) * 9000


# --- what is not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"ID3" + bytes(100),
        wav(b""),
        wav(bytes(100), width=1),
        wav(bytes(300), width=3),
        wav(bytes(600), channels=3),
        wav(bytes(600), rate=3999),
        wav(bytes(600), rate=192_001),
        wav(bytes(100))[:44],
    ],
    ids=lambda data: f"{len(data)}-{data[20:26].hex()}",
)
async def test_what_is_no_such_wav_file_is_said_to_be_none(tmp_path: Path, finishing: Finishing, data: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    assert await reason(Prompts(tmp_path, finishing=finishing), "a") == "prompt_format"


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_file_is_sound_or_is_refused(data: bytes, at: int) -> None:
    whole = wav(bytes(range(64)), 16000, 2)
    for file in (data, whole[:at] + data, whole[:at] + data + whole[at + len(data) :]):
        try:
            sound = read_wav_file(file)
        except NotPcm:
            continue
        assert sound.pcm
        assert len(sound.pcm) % 2 == 0


async def test_a_file_that_is_cut_off_is_heard_as_far_as_it_goes(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sine(1, 8000))[: 44 + 8001])
    assert len(await Prompts(tmp_path, finishing=finishing).clip("a", "ulaw")) == 4000


async def test_what_is_too_long_is_not_held(
    tmp_path: Path, finishing: Finishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "long.wav").write_bytes(wav(bytes(2 * 8000 * 301)))
    (tmp_path / "large.wav").write_bytes(wav(bytes(100_000), 48000))
    assert await reason(Prompts(tmp_path, finishing=finishing), "long") == "prompt_too_large"
    monkeypatch.setattr(prompts, "LARGEST", 100_000)
    assert await reason(Prompts(tmp_path, finishing=finishing), "large") == "prompt_too_large"


async def test_what_can_not_be_read_is_named(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "circle.wav").symlink_to("circle.wav")
    folder = Prompts(tmp_path, finishing=finishing)
    for name in ("folder", "pipe", "circle"):
        assert await asyncio.wait_for(reason(folder, name), 10) == "prompt_unreadable"
        assert not folder.has(name)
    assert await reason(folder, "nobody") == "prompt_missing"
    assert await reason(Prompts(tmp_path / "gone", finishing=finishing), "nobody") == "prompt_missing"


@pytest.mark.parametrize(
    "name", ["../a", "..", "", "a/b", "/etc/a", "a.b", "a\x00", "a\n", "ä", "a" * 65, "%2e", "a.wav"]
)
async def test_no_name_leads_out_of_the_folder(tmp_path: Path, finishing: Finishing, name: str) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sine(0.1)))
    (tmp_path / "below").mkdir()
    folder = Prompts(tmp_path / "below", finishing=finishing)
    assert not folder.has(name)
    assert await reason(folder, name) == "prompt_missing"


def test_a_file_that_is_there_is_known(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "Thank_you-2.wav").touch()
    folder = Prompts(tmp_path, finishing=finishing)
    assert folder.has("Thank_you-2")
    assert not folder.has("thank_you-2")
    assert not Prompts(tmp_path / "gone", finishing=finishing).has("Thank_you-2")


# --- how often it is read ---------------------------------------------------------------------------------------------


async def test_a_file_is_made_ready_once_however_many_wait_for_it(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sine(0.5)))
    folder = Prompts(tmp_path, finishing=finishing)
    first, *others = await asyncio.gather(*[folder.clip("a", "ulaw") for _ in range(20)])
    assert all(one is first for one in others)
    assert await folder.clip("a", "alaw") is not first
    assert await folder.clip("a", "ulaw") is first


async def test_a_file_that_was_replaced_is_read_again(tmp_path: Path, finishing: Finishing) -> None:
    path, folder = tmp_path / "a.wav", Prompts(tmp_path, finishing=finishing)
    path.write_bytes(wav(sine(0.5)))
    assert len(await folder.clip("a", "ulaw")) == 4000
    (tmp_path / "new").write_bytes(wav(sine(0.7)))
    (tmp_path / "new").rename(path)
    assert len(await folder.clip("a", "ulaw")) == 5600
    path.unlink()
    assert await reason(folder, "a") == "prompt_missing"


async def test_more_than_there_is_room_for_is_played_all_the_same(tmp_path: Path, finishing: Finishing) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sine(0.5)))
    folder = Prompts(tmp_path, room=100, finishing=finishing)
    assert await folder.clip("a", "ulaw") == await folder.clip("a", "ulaw")


# --- in a script ------------------------------------------------------------------------------------------------------


def renderer(law: Law, folder: Prompts | None) -> Renderer:
    return Renderer([Espeak()], LOCALES, law, finishing=AtHand(), prompts=folder)


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
async def test_recordings_and_tones_stand_in_their_places(tmp_path: Path, finishing: Finishing, law: Law) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sine(0.5)))
    folder = Prompts(tmp_path, finishing=finishing)
    ringing = Tone((440, 480), 2.0)
    made = renderer(law, folder)
    script = (Recording("a"), Silence(0.5), ringing, Silence(4.0), ringing, Recording("a"))
    sounds = (await made.prepare(script)).sounds
    assert sounds[0] is sounds[5] is await folder.clip("a", law)
    assert sounds[2] is sounds[4]
    assert sounds[2] == encode(tone((440, 480), 2.0), law)
    assert [len(sound) for sound in sounds] == [4000, 4000, 16000, 32000, 16000, 4000]
    assert (await made.prepare((ringing,))).sounds[0] is sounds[2]


async def test_without_a_folder_every_recording_is_missing() -> None:
    with pytest.raises(SpeechUnavailable) as unavailable:
        await renderer("ulaw", None).prepare((Silence(1), Recording("a")))
    assert unavailable.value.reason == "prompt_missing"


async def test_a_tone_that_no_telephone_carries_is_unavailable() -> None:
    with pytest.raises(SpeechUnavailable, match="tone_frequency"):
        await renderer("ulaw", None).prepare((Tone((4000,), 1.0),))
