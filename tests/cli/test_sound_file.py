"""What a command writes: WAV files as others read them, whole or not at all, and never where they should not be."""

from __future__ import annotations

import io
import os
import stat
import struct
import wave as standard
from pathlib import Path

import pytest

from otpvoice.cli.sound_file import NotWritten, wave, write
from otpvoice.media.g711 import encode
from otpvoice.media.wav import read_wav

PCM = struct.pack("<5h", 0, 1000, -1000, 32767, -32768)


@pytest.mark.parametrize(("coding", "rate"), [("master", 16_000), ("pcm", 8_000)])
def test_pcm_is_read_by_others_as_it_was(coding: str, rate: int) -> None:
    made = wave(PCM, coding)  # type: ignore[arg-type]
    with standard.open(io.BytesIO(made)) as read:
        assert read.getparams()[:4] == (1, 2, rate, 5)
        assert read.readframes(9) == PCM
    assert read_wav(made) == (rate, PCM)


@pytest.mark.parametrize(("coding", "tag"), [("ulaw", 7), ("alaw", 6)])
def test_a_law_is_said_in_the_header_and_an_odd_length_is_padded(coding: str, tag: int) -> None:
    made = wave(PCM, coding)  # type: ignore[arg-type]
    assert made[:4] == b"RIFF"
    assert len(made) % 2 == 0
    assert int.from_bytes(made[4:8], "little") == len(made) - 8
    assert made[12:16] == b"fmt "
    length, *form = struct.unpack("<IHHIIHHH", made[16:38])
    assert (length, form) == (18, [tag, 1, 8000, 8000, 1, 8, 0])
    assert made[38:50] == b"fact" + struct.pack("<II", 4, 5)
    assert made[50:] == b"data" + struct.pack("<I", 5) + encode(PCM, coding) + b"\0"  # type: ignore[arg-type]


def test_a_new_file_with_a_code_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write(b"code", str(tmp_path / "code.wav"), secret=True)
        write(b"text", str(tmp_path / "text.wav"), secret=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "code.wav").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "text.wav").stat().st_mode) == 0o644


def test_one_that_is_there_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    place = tmp_path / "say.wav"
    place.write_bytes(b"much longer than the new one")
    place.chmod(0o640)
    write(b"new", str(place), secret=True)
    assert place.read_bytes() == b"new"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["say.wav"]


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "there" / "say.wav")
    for content in (b"first", b"second"):
        write(content, str(link), secret=False)
        assert link.is_symlink()
        assert (tmp_path / "there" / "say.wav").read_bytes() == content
    assert os.listdir(tmp_path / "there") == ["say.wav"]


def test_nothing_is_written_into_a_device_a_pipe_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "null.wav").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    for place in ("/dev/null", *(str(tmp_path / name) for name in ("null.wav", "pipe.wav", "folder.wav"))):
        with pytest.raises(NotWritten, match="is no file: -o - writes to standard output"):
            write(b"x", place, secret=False)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder.wav", "null.wav", "pipe.wav"]


@pytest.mark.parametrize("place", ["/nonexistent/say.wav", "/proc/say.wav"])
def test_where_it_cannot_be_written_that_is_said(place: str) -> None:
    with pytest.raises(NotWritten, match="can't be written"):
        write(b"x", place, secret=False)


def test_a_disk_that_is_full_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "say.wav"
    place.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(NotWritten, match=r"say\.wav can't be written: No space left on device"):
        write(b"new", str(place), secret=False)
    assert os.listdir(tmp_path) == ["say.wav"]
    assert place.read_bytes() == b"old"


def test_ctrl_c_while_it_is_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write(b"new", str(tmp_path / "say.wav"), secret=False)
    assert os.listdir(tmp_path) == []


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("place", ["-", "/dev/stdout"])
def test_standard_output_has_it_unless_it_is_a_terminal(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, write_through=True))
    write(b"\x00\xffRIFF", place, secret=True)
    assert out.getvalue() == b"\x00\xffRIFF"
    monkeypatch.setattr("sys.stdout", Terminal(out))
    with pytest.raises(NotWritten, match="is a terminal"):
        write(b"x", place, secret=True)
    assert out.getvalue() == b"\x00\xffRIFF"
