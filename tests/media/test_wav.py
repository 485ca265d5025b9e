"""WAV as engines write it to a pipe: which samples are read, and what is no speech."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.media.wav import read_wav


def wav(
    *, rate: int = 22050, form: int = 1, channels: int = 1, bits: int = 16, length: int = 4, before: bytes = b""
) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, form, channels, rate, rate * 2, 2, bits)
    return b"RIFF\xff\xff\xff\xffWAVE" + before + fmt + b"data" + struct.pack("<I", length) + b"\x01\x02\x03\x04"


@pytest.mark.parametrize("length", [4, 0, 0x7FFFF000, 0xFFFFFFFF])
def test_samples_are_read_whatever_a_pipe_made_of_their_length(length: int) -> None:
    assert read_wav(wav(length=length)) == (22050, b"\x01\x02\x03\x04")


def test_a_length_that_is_true_ends_the_samples() -> None:
    assert read_wav(wav(length=2)).pcm == b"\x01\x02"


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert read_wav(wav()[:-1]).pcm == b"\x01\x02"


def test_other_chunks_are_passed_over() -> None:
    assert read_wav(wav(before=b"LIST\x03\x00\x00\x00abc\x00")).pcm == b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "header"),
        (b"espeak: no voice", "header"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no samples"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", "before their format"),
        (wav()[:40], "no samples"),
        (wav()[:30], "16-bit mono"),
        (wav(channels=2), "16-bit mono"),
        (wav(bits=8), "16-bit mono"),
        (wav(form=3), "16-bit mono"),
        (wav(rate=0), "16-bit mono"),
    ],
)
def test_what_is_no_speech_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_wav(data)


@given(st.binary(max_size=80))
@example(wav())
def test_any_bytes_are_samples_or_a_value_error(data: bytes) -> None:
    for stream in (data, b"RIFF\x00\x00\x00\x00WAVE" + data):
        try:
            assert len(read_wav(stream).pcm) % 2 == 0
        except ValueError:
            continue
