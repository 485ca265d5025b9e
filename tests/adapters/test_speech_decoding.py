"""Audio files of strangers: what is heard of them, which are refused, and what becomes of those that are weapons.

The decoder is the real one, in its own process; where a process must go wrong at will, a fake one is run. What is
decoded is finished at hand.
"""

from __future__ import annotations

import asyncio
import random
import struct
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from otpvoice.adapters.speech.child import Bounds
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.recordings.decoding import CHILDREN, CHILDREN_EACH, Decoder
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.g711 import alaw_encode, decode, encode, ulaw_encode
from tests.adapters.audio_files import (
    A_LAW,
    FLOAT,
    MP3_FRAME,
    MP3_RATE,
    MU_LAW,
    flac,
    flac_silence,
    mp3,
    sine,
    vorbis,
    vorbis_silence,
    wav,
)
from tests.media.loudness import active_level


@pytest.fixture
async def finishing() -> AsyncIterator[Finishing]:
    made = AtHand()
    yield made
    await made.close()


async def refusal(data: bytes, decoder: Decoder | None = None) -> str:
    with pytest.raises(SpeechUnavailable) as unavailable:
        await (decoder or Decoder()).decode(data)
    return unavailable.value.reason


async def refusals(files: Mapping[str, bytes]) -> dict[str, str]:
    decoder = Decoder()
    return dict(zip(files, await asyncio.gather(*(refusal(data, decoder) for data in files.values())), strict=True))


def pitch(pcm: bytes) -> float:
    """Return the Hz of the middle of a tone at 8000 Hz."""
    samples = array("h", pcm)
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return sum(a < 0 <= b for a, b in pairwise(middle)) * 8000 / len(middle)


def twice(samples: Sequence[int]) -> bytes:
    return array("h", [one for sample in samples for one in (sample, sample)]).tobytes()


SINE = sine(1)
PCM = SINE.tobytes()
FILES: dict[str, tuple[Callable[[], bytes], float, float]] = {
    "16 bit": (lambda: wav(PCM, 8000), 1.0, 400),
    "8 bit": (lambda: wav(bytes((sample >> 8) + 128 for sample in SINE), 8000, bits=8), 1.0, 400),
    "24 bit": (lambda: wav(b"".join(struct.pack("<i", one << 8)[:3] for one in SINE), 8000, bits=24), 1.0, 400),
    "32 bit": (lambda: wav(struct.pack(f"<{len(SINE)}i", *(one << 16 for one in SINE)), 8000, bits=32), 1.0, 400),
    "float": (
        lambda: wav(struct.pack(f"<{len(SINE)}f", *(one / 32768 for one in SINE)), 8000, bits=32, form=FLOAT),
        1.0,
        400,
    ),
    "A-law": (lambda: wav(alaw_encode(PCM), 8000, bits=8, form=A_LAW), 1.0, 400),
    "μ-law": (lambda: wav(ulaw_encode(PCM), 8000, bits=8, form=MU_LAW), 1.0, 400),
    "stereo": (lambda: wav(twice(SINE), 8000, channels=2), 1.0, 400),
    "6000 Hz": (lambda: wav(sine(1, 6000).tobytes(), 6000), 1.0, 400),
    "44100 Hz": (lambda: wav(sine(1, 44100).tobytes(), 44100), 1.0, 400),
    "96000 Hz": (lambda: wav(sine(1, 96000).tobytes(), 96000), 1.0, 400),
    "flac": (lambda: flac(SINE, 8000), 1.0, 400),
    "flac 48000 Hz": (lambda: flac(sine(1, 48000), 48000), 1.0, 400),
    "mp3": (lambda: mp3(28), 28 * MP3_FRAME / MP3_RATE, 20.5 * MP3_RATE / 1152),
    "mp3 with a tag": (lambda: b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + mp3(28), 28 * MP3_FRAME / MP3_RATE, 284.7),
    "ogg": (lambda: vorbis(64), 63 * 128 / 8000, 10.5 * 8000 / 256),
}


@pytest.mark.parametrize(("file", "seconds", "frequency"), FILES.values(), ids=FILES)
async def test_what_is_heard_of_a_file(
    file: Callable[[], bytes], seconds: float, frequency: float, finishing: Finishing
) -> None:
    heard = decode(await Decoder().telephone(file(), "ulaw", finishing=finishing), "ulaw")
    assert len(heard) / 2 / 8000 == pytest.approx(seconds, abs=0.005)
    assert pitch(heard) == pytest.approx(frequency, rel=0.02)
    assert active_level(heard) == pytest.approx(-22, abs=1)


@pytest.mark.parametrize(
    ("file", "rate", "samples"),
    [
        (wav(PCM, 8000), 8000, 8000),
        (wav(sine(1, 44100).tobytes(), 44100), 44100, 44100),
        (wav(sine(1, 96000).tobytes(), 96000), 48000, 48000),
        (wav(sine(1, 6000).tobytes(), 6000), 8000, 8000),
        (mp3(28), MP3_RATE, 28 * MP3_FRAME),
    ],
    ids=["8000", "44100", "96000", "6000", "mp3"],
)
async def test_a_file_is_decoded_at_its_own_rate_or_the_nearest_that_there_is(
    file: bytes, rate: int, samples: int
) -> None:
    wave = await Decoder().decode(file)
    assert wave.rate == rate
    assert len(wave.pcm) == pytest.approx(2 * samples, abs=64)


async def test_each_law_is_spoken_and_pauses_are_left_in(finishing: Finishing) -> None:
    data = wav(bytes(8000) + sine(0.5).tobytes() + bytes(16000), 8000)
    ulaw, alaw = [await Decoder().telephone(data, law, finishing=finishing) for law in ("ulaw", "alaw")]
    assert len(ulaw) == len(alaw) == 4000 + 4000 + 8000
    assert encode(bytes(2000), "ulaw") == ulaw[:1000]
    assert encode(bytes(2000), "alaw") == alaw[:1000]
    assert pitch(decode(alaw[4000:8000], "alaw")) == pytest.approx(400, rel=0.02)


async def test_a_file_that_is_cut_off_is_heard_as_far_as_it_goes() -> None:
    assert len((await Decoder().decode(wav(PCM, 8000)[: 44 + 8000])).pcm) == 8000


NONE_OF_THEM = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"#EXTM3U\nhttp://169.254.169.254/\n",
    "a page": b"<html>404</html>",
    "a playlist": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "mp4": b"\0\0\0\x20ftypM4A " + bytes(100),
    "aac": b"\xff\xf1\x50\x80" + bytes(100),
    "aiff": b"FORM\0\0\0\x20AIFFCOMM" + bytes(100),
    "big-endian wav": b"RIFX" + wav(PCM, 8000)[4:],
    "no samples": wav(b"", 8000),
    "no rate": wav(PCM, 0),
    "a rate of gigahertz": wav(PCM, 4_000_000_000),
    "no channel": wav(PCM, 8000, channels=0),
    "a hundred channels": wav(PCM, 8000, channels=100),
    "no bits": wav(PCM, 8000, bits=0),
    "mp3 in wav": wav(mp3(10), 16000, form=0x55),
    "opus": vorbis(10).replace(b"\x01vorbis", b"OpusHead"),
    "half a head": flac(SINE, 8000)[:30],
    "half a setup": vorbis(10)[:120],
    "a tag and no more": b"ID3\x03\0\0\x7f\x7f\x7f\x7f",
    "gzip": b"\x1f\x8b\x08" + bytes(100),
}


async def test_what_is_no_such_file_is_said_to_be_none() -> None:
    assert await refusals(NONE_OF_THEM) == dict.fromkeys(NONE_OF_THEM, "audio_format")


async def test_a_bomb_is_too_large() -> None:
    bombs = {
        "flac": flac_silence(1800, 48000),
        "flac that speaks of nothing": flac_silence(1800, 48000, claimed=0),
        "flac that speaks of a second": flac_silence(1800, 48000, claimed=48000),
        "flac of a day that speaks of nothing": flac_silence(24 * 3600, 8000, claimed=0),
        "ogg": vorbis_silence(1800, 48000),
        "mp3": mp3(20_000),
        "wav": wav(bytes(301 * 1000), 1000, bits=8),
        "wav of one sample a second": wav(bytes(100_000), 1, bits=8),
    }
    assert max(map(len, bombs.values())) < 1_000_000
    assert await refusals(bombs) == dict.fromkeys(bombs, "audio_too_large")


async def test_five_minutes_are_not_too_large() -> None:
    assert len((await Decoder().decode(flac_silence(300, 8000, claimed=0))).pcm) == 2 * 300 * 8000
    assert len((await Decoder().decode(flac_silence(300, 48000, claimed=0))).pcm) == 2 * 300 * 48000
    assert await refusal(flac_silence(301, 8000, claimed=0)) == "audio_too_large"


async def test_any_damage_is_sound_or_is_refused() -> None:
    """Seeded: the same damage each time. A decoder that crashes or hangs is a refusal, too."""
    chance = random.Random(4)
    whole = [flac(sine(0.1), 8000), mp3(5), vorbis(8), wav(sine(0.1).tobytes(), 8000)]
    decoder = Decoder()

    async def heard(number: int) -> str:
        data = bytearray(whole[number % 4])
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            return "sound" if (await decoder.decode(bytes(data))).pcm else "nothing"
        except SpeechUnavailable as unavailable:
            return unavailable.reason

    found = set(await asyncio.gather(*(heard(number) for number in range(12))))
    assert found <= {"sound", "audio_format", "audio_too_large"}


# --- a decoder that goes wrong ----------------------------------------------------------------------------------------

TIGHT = Bounds(seconds=0.3, output=1000)


def fake(source: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", source)


@pytest.mark.parametrize(
    "source",
    [
        "kill -SEGV $$",
        "echo sound; kill -SEGV $$",
        "exit 1",
        "exec sleep 999",
        "exec cat /dev/zero",
        "echo something else",
        "printf 'sound 8000'",
        "printf 'sound\\nxx'",
        "printf 'sound 8000\\nx'",
        "printf 'sound 3999\\nxx'",
        "printf 'sound 192001\\nxx'",
        "printf 'sound -8000\\nxx'",
        "printf 'sound ²\\nxx'",
        "exec 0<&-; exit 0",
    ],
)
async def test_a_decoder_that_goes_wrong_is_a_file_that_is_not_played(source: str) -> None:
    assert await refusal(b"RIFF" * 100_000, Decoder(fake(source), TIGHT)) == "audio_format"


async def test_a_decoder_that_is_not_there_is_a_file_that_is_not_played(tmp_path: Path) -> None:
    assert await refusal(b"RIFF", Decoder([str(tmp_path / "gone")])) == "audio_format"


async def test_so_many_decoders_run_at_once_and_no_more(tmp_path: Path) -> None:
    """Each counts those that are there with it."""
    script = f"touch {tmp_path}/in.$$; n=$(ls {tmp_path}/in.* | wc -l); echo $n >> {tmp_path}/seen; rm {tmp_path}/in.$$"
    decoder = Decoder(fake(f"{script}; printf 'sound 8000\\nxx'"), children=2)
    assert await asyncio.gather(*(decoder.decode(b"") for _ in range(10))) == [(8000, b"xx")] * 10
    assert max(map(int, (tmp_path / "seen").read_text().split())) <= 2


async def test_who_sends_what_takes_long_waits_for_himself(tmp_path: Path) -> None:
    """A bomb hangs until its time is over; the clips of others are heard meanwhile."""
    script = (
        f"read -r kind; test $kind = bomb && {{ echo >> {tmp_path}/hung; exec sleep 999; }}; printf 'sound 8000\\nxx'"
    )
    decoder = Decoder(fake(script))
    bombs = [asyncio.create_task(decoder.decode(b"bomb\n", "somebody.example")) for _ in range(20)]
    clips = [decoder.decode(b"clip\n", f"hooks{number}.example") for number in range(6)]
    async with asyncio.timeout(20):
        assert await asyncio.gather(*clips) == [(8000, b"xx")] * 6
    assert not any(bomb.done() for bomb in bombs)
    for bomb in bombs:
        bomb.cancel()
    await asyncio.gather(*bombs, return_exceptions=True)
    assert len((tmp_path / "hung").read_text()) <= CHILDREN_EACH < CHILDREN


# The real child, with its decoding replaced by what somebody would try who had taken it over.
TAKEN_OVER = """
import os, socket
from otpvoice.adapters.speech.recordings import decoder_child

def taken(data, longest):
    attempts = (
        lambda: open("/etc/passwd"), lambda: open({there!r}, "w"), socket.socket, os.pipe, lambda: bytearray(1 << 30)
    )
    got = []
    for attempt in attempts:
        try:
            got.append(attempt())
        except (OSError, MemoryError):
            pass
    return 8000, bytearray(200 + 2 * len(got))

decoder_child._decoded = taken
decoder_child.main()
"""


async def test_a_decoder_that_is_taken_over_gets_no_file_no_socket_and_no_memory(tmp_path: Path) -> None:
    there = tmp_path / "there"
    decoder = Decoder((sys.executable, "-I", "-c", TAKEN_OVER.format(there=str(there))))
    assert len((await decoder.decode(b"")).pcm) == 200
    assert not there.exists()


def test_the_event_loops_process_never_loads_the_decoder_nor_what_finishes_sound() -> None:
    loaded = "import sys, otpvoice.service; sys.exit(bool({'miniaudio', 'numpy', 'soxr'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
