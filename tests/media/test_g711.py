"""G.711 against the standard's own values, against itself, and against ``audioop`` where it still exists."""

from __future__ import annotations

import importlib
import math
import random
import struct
import warnings
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.media import g711
from otpvoice.media.g711 import Law

LAWS: tuple[Law, ...] = ("ulaw", "alaw")
EVERY_SAMPLE = struct.pack("<65536h", *range(-32768, 32768))
EVERY_CODE = bytes(range(256))


@pytest.fixture
def audioop() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("audioop")
        except ModuleNotFoundError:
            pytest.skip("audioop left the standard library in 3.13")


@pytest.mark.parametrize(
    ("law", "sample", "code"),
    [
        ("ulaw", 0, 0xFF),
        ("ulaw", 32767, 0x80),
        ("ulaw", -32768, 0x00),
        ("ulaw", -4, 0x7E),
        ("ulaw", 32, 0xFB),
        ("alaw", 0, 0xD5),
        ("alaw", 32767, 0xAA),
        ("alaw", -32768, 0x2A),
        ("alaw", -1, 0x55),
        ("alaw", 16, 0xD4),
    ],
)
def test_a_sample_has_the_code_of_the_standard(law: Law, sample: int, code: int) -> None:
    assert g711.encode(struct.pack("<h", sample), law) == bytes([code])


def test_all_samples_and_codes_are_as_audioop_has_them(audioop: ModuleType) -> None:
    assert g711.ulaw_encode(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert g711.alaw_encode(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert g711.ulaw_decode(EVERY_CODE) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert g711.alaw_decode(EVERY_CODE) == audioop.alaw2lin(EVERY_CODE, 2)


@pytest.mark.parametrize("law", LAWS)
def test_what_was_decoded_encodes_to_itself(law: Law) -> None:
    back = g711.encode(g711.decode(EVERY_CODE, law), law)
    # μ-law has two zeros; the negative one comes back as the positive.
    assert back == (EVERY_CODE.replace(b"\x7f", b"\xff") if law == "ulaw" else EVERY_CODE)


@pytest.mark.parametrize("law", LAWS)
def test_a_louder_sample_never_decodes_fainter(law: Law) -> None:
    values = struct.unpack("<65536h", g711.decode(g711.encode(EVERY_SAMPLE, law), law))
    assert list(values) == sorted(values)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("level", [-3.0, -22.0, -40.0])
def test_noise_of_the_law_is_as_low_as_g711_allows(law: Law, level: float) -> None:
    amplitude = 32768 * 10 ** (level / 20)
    tone = [round(amplitude * math.sin(2 * math.pi * 1020 * n / 8000)) for n in range(8000)]
    back = struct.unpack("<8000h", g711.decode(g711.encode(struct.pack("<8000h", *tone), law), law))
    noise = sum((a - b) ** 2 for a, b in zip(tone, back, strict=True))
    # ITU-T G.712: 33 dB down to -30 dBm0, 27 dB at -40.
    assert 10 * math.log10(sum(a * a for a in tone) / noise) > (33 if level > -30 else 27)


@pytest.mark.parametrize("law", LAWS)
def test_silence_is_what_zero_encodes_to(law: Law) -> None:
    assert g711.encode(bytes(320), law) == g711.SILENCE[law] * 160
    assert abs(struct.unpack("<h", g711.decode(g711.SILENCE[law], law))[0]) <= 8


@pytest.mark.parametrize("law", LAWS)
def test_nothing_stays_nothing(law: Law) -> None:
    assert g711.encode(b"", law) == b""
    assert g711.decode(b"", law) == b""


@pytest.mark.parametrize("law", LAWS)
def test_half_a_sample_is_refused(law: Law) -> None:
    with pytest.raises(ValueError, match="even number"):
        g711.encode(b"\x00\x01\x02", law)


@pytest.mark.parametrize("law", LAWS)
def test_a_minute_is_the_same_as_its_samples_one_by_one(law: Law) -> None:
    pcm = random.Random(1).randbytes(2 * 8000 * 60)
    one_by_one = {pcm[i : i + 2]: g711.encode(pcm[i : i + 2], law) for i in range(0, len(pcm), 2)}
    assert g711.encode(pcm, law) == b"".join(one_by_one[pcm[i : i + 2]] for i in range(0, len(pcm), 2))


@given(st.binary(max_size=400), st.sampled_from(LAWS))
def test_any_audio_survives_the_way_there_and_back(audio: bytes, law: Law) -> None:
    pcm = g711.decode(audio, law)
    assert len(pcm) == 2 * len(audio)
    assert g711.decode(g711.encode(pcm, law), law) == pcm
