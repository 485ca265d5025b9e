"""Clips on a disk: the very same clip or none, never too many, and nobody waits for what the disk does."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from otpvoice.adapters.speech.clips import files as clip_files
from otpvoice.adapters.speech.clips import folder as clip_folder
from otpvoice.adapters.speech.clips.files import PAUSE, ROOM, ClipFiles
from otpvoice.adapters.speech.clips.folder import STEP, YOUNG, ClipFolder
from otpvoice.adapters.speech.clips.record import SMALLEST, NotAClip, from_record, to_record
from otpvoice.media.clip import EMPTY, Clip
from tests.adapters.clip_child import address_of, clip_of

MOST = 16_000_000
A, B = address_of(0), address_of(1)
CLIP = clip_of(0, 240)


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[ClipFiles]:
    made = ClipFiles(tmp_path / "speech", MOST)
    yield made
    await made.close()


def place(folder: Path, address: str = A) -> Path:
    return folder / f"{address}.clip"


async def kept(folder: Path, *numbers: int) -> None:
    """Have these in the folder, from a life before."""
    files = ClipFiles(folder, MOST)
    for number in numbers:
        await files.put(address_of(number), clip_of(number, 240))
    await files.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# --- what is written is what is read ----------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_clip_comes_back_as_it_was(master: bytes, telephone: bytes) -> None:
    clip = Clip(master, telephone)
    assert from_record(A, to_record(A, clip)) == clip


def test_any_byte_that_changes_is_found() -> None:
    record = to_record(A, CLIP)
    for index in range(len(record)):
        for bit in range(8):
            changed = bytearray(record)
            changed[index] ^= 1 << bit
            with pytest.raises(NotAClip):
                from_record(A, bytes(changed))


@given(st.data())
def test_what_is_cut_off_lengthened_or_shuffled_is_no_clip(data: st.DataObject) -> None:
    record = to_record(A, CLIP)
    cut = data.draw(st.integers(0, len(record)))
    other = record[:cut] + data.draw(st.binary(max_size=100)) + record[data.draw(st.integers(cut, len(record))) :]
    if other == record:
        assert from_record(A, other) == CLIP
    else:
        with pytest.raises(NotAClip):
            from_record(A, other)


@given(st.binary(max_size=300))
def test_rubbish_is_no_clip(record: bytes) -> None:
    with pytest.raises(NotAClip):
        from_record(A, record)


def test_a_clip_under_another_s_address_is_no_clip() -> None:
    with pytest.raises(NotAClip, match="changed"):
        from_record(B, to_record(A, CLIP))


def test_the_sounds_of_a_clip_are_told_apart() -> None:
    one = to_record(A, Clip(b"abcd", b"ef"))
    other = to_record(A, Clip(b"abc", b"def"))
    assert one[SMALLEST:] == other[SMALLEST:]
    assert one != other


def test_there_is_nothing_in_a_file_but_sound() -> None:
    assert to_record(A, EMPTY) == to_record(A, Clip(b"", b""))
    assert len(to_record(A, CLIP)) == SMALLEST + len(CLIP.master) + len(CLIP.telephone)


# --- from one life to the next ----------------------------------------------------------------------------------------


async def test_a_clip_is_there_at_once_and_in_the_next_life(files: ClipFiles, tmp_path: Path) -> None:
    assert await files.get(A) is None
    await files.put(A, CLIP)
    assert await files.get(A) == CLIP
    await files.close()
    assert (files.counts["found"], files.counts["missing"], files.counts["written"]) == (1, 1, 1)
    later = ClipFiles(tmp_path / "speech", MOST)
    assert await later.get(A) == CLIP
    await later.close()
    assert await later.get(A) is None, "closed is closed"
    await later.put(B, CLIP)
    await later.close()


async def test_nothing_to_say_is_something_to_keep(files: ClipFiles) -> None:
    await files.put(A, EMPTY)
    await files.close()
    again = ClipFiles(files._folder.path, MOST)
    assert await again.get(A) == EMPTY
    await again.close()


async def test_files_are_for_our_eyes_only(files: ClipFiles, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await files.put(A, CLIP)
        await files.close()
    finally:
        os.umask(before)
    assert (tmp_path / "speech").stat().st_mode & 0o777 == 0o700
    assert place(tmp_path / "speech").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "speech").iterdir()] == [f"{A}.clip"]


@pytest.mark.parametrize("address", ["", "a" * 63, "A" * 64, "../" + "a" * 61, "g" * 64, "a" * 64 + "\n", "٣" * 64])
async def test_an_address_is_a_hash(files: ClipFiles, address: str) -> None:
    for ask in (files.get(address), files.put(address, CLIP)):
        with pytest.raises(ValueError, match="SHA-256"):
            await ask


async def test_the_same_clip_twice_at_once_is_one_write(files: ClipFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    go = hang(monkeypatch, "write")
    for _ in range(100):
        await files.put(A, CLIP)
    go.set()
    await files.close()
    assert files.counts["written"] == 1


def test_making_it_touches_no_disk(tmp_path: Path) -> None:
    assert ClipFiles(tmp_path / "speech", MOST).size == 0
    assert not (tmp_path / "speech").exists()


# --- what else may lie there ------------------------------------------------------------------------------------------


def _link(path: Path) -> None:
    target = path.parent / "elsewhere"
    target.write_bytes(to_record(A, CLIP))
    path.symlink_to(target)


def _socket(path: Path) -> None:
    # Its path is too long to be bound to where temporary folders are deep.
    with socket.socket(socket.AF_UNIX) as one:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            one.bind(f"/proc/self/fd/{folder}/{path.name}"[:107])
        finally:
            os.close(folder)


def _huge(path: Path) -> None:
    """It takes no room: there is nothing in it."""
    path.touch()
    os.truncate(path, 10**12)


RECORD = to_record(A, CLIP)
STRANGE: dict[str, Callable[[Path], Any]] = {
    "empty": Path.touch,
    "cut off": lambda path: path.write_bytes(RECORD[:-1]),
    "longer": lambda path: path.write_bytes(RECORD + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(len(RECORD))),
    "one bit": lambda path: path.write_bytes(RECORD[:60] + bytes([RECORD[60] ^ 1]) + RECORD[61:]),
    "another's": lambda path: path.write_bytes(to_record(B, CLIP)),
    "huge": _huge,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "link": _link,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "socket": _socket,
}


@pytest.mark.parametrize("kind", STRANGE)
async def test_what_is_no_clip_is_removed_and_made_anew(tmp_path: Path, kind: str) -> None:
    files = ClipFiles(tmp_path, MOST)
    assert await files.get(A) is None
    await settled(files)
    STRANGE[kind](place(tmp_path))
    assert await files.get(A) is None
    assert not os.path.lexists(place(tmp_path))
    assert files.counts["damaged"] == 1
    await files.put(A, CLIP)
    await files.close()
    assert place(tmp_path).read_bytes() == RECORD
    if kind == "link":
        assert (tmp_path / "elsewhere").read_bytes() == RECORD, "what it led to is another's"


@pytest.mark.parametrize("kind", STRANGE)
async def test_what_is_no_clip_is_replaced_without_having_been_read(tmp_path: Path, kind: str) -> None:
    STRANGE[kind](place(tmp_path))
    await kept(tmp_path, 0)
    assert place(tmp_path).read_bytes() == RECORD
    assert not place(tmp_path).is_symlink()


async def test_a_folder_with_something_in_it_is_somebody_s(tmp_path: Path) -> None:
    place(tmp_path).mkdir()
    (place(tmp_path) / "note").touch()
    files = ClipFiles(tmp_path, MOST)
    assert await files.get(A) is None
    await files.put(A, CLIP)
    await files.put(B, CLIP)
    await files.close()
    assert (files.counts["damaged"], files.counts["not_kept"], files.counts["written"]) == (1, 1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"{A}.clip", f"{B}.clip"])
    assert [path.name for path in place(tmp_path).iterdir()] == ["note"]


async def test_a_thousand_damaged_files_are_one_line_in_the_log(tmp_path: Path) -> None:
    for number in range(100):
        place(tmp_path, address_of(number)).write_bytes(b"x")
    files = ClipFiles(tmp_path, MOST)
    with capture_logs() as logs:
        assert [await files.get(address_of(number)) for number in range(100)] == [None] * 100
    await files.close()
    assert [line["event"] for line in logs] == ["speech.cache_damaged"]
    assert files.counts["damaged"] == 100


# --- bounded ----------------------------------------------------------------------------------------------------------

SMALL = 400_000
"""A hundred files of one block each, but for the room that stays free."""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def taken(folder: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())


async def test_it_never_takes_more_than_it_may(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, SMALL)
    largest = 0
    for number in range(500):
        assert folder.write(address_of(number), clip_of(number, 240))
        largest = max(largest, taken(tmp_path))
    assert folder.used == taken(tmp_path)
    assert SMALL * 0.7 < folder.used <= largest <= SMALL
    assert folder.removed == 500 - len(names(tmp_path))


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = time.time()
    folder = ClipFolder(tmp_path, SMALL, now=clock)
    for number in range(80):
        folder.write(address_of(number), clip_of(number, 240))
        day = clock.now - (80 - number) * 86_400
        os.utime(place(tmp_path, address_of(number)), (day, day))
    assert folder.read(address_of(0)) == clip_of(0, 240), "used again"
    for number in range(80, 100):
        folder.write(address_of(number), clip_of(number, 240))
    there = [folder.read(address_of(number)) is not None for number in range(100)]
    assert there[0]
    assert not there[1]
    assert there[80:] == [True] * 20
    assert there[1:80] == sorted(there[1:80]), "the oldest went, and no others"


def test_a_read_renews_the_time_of_a_file_once_an_hour(tmp_path: Path) -> None:
    folder = ClipFolder(tmp_path, SMALL)
    folder.write(A, CLIP)
    now = time.time()
    for age, renewed in ((STEP - 60, False), (STEP + 60, True), (-STEP - 60, True)):
        os.utime(place(tmp_path), (now - age, now - age))
        assert folder.read(A) == CLIP
        assert (abs(place(tmp_path).stat().st_mtime - now) < STEP - 120) == renewed


@pytest.mark.parametrize("jump", [-10 * 365 * 86_400, 10 * 365 * 86_400])
def test_a_clock_that_jumps_costs_old_clips_and_no_more(tmp_path: Path, jump: float) -> None:
    """The files are of a day that is far from the one that the clock shows now."""
    for number in range(70):
        ClipFolder(tmp_path, SMALL).write(address_of(number), clip_of(number, 240))
        os.utime(place(tmp_path, address_of(number)), (time.time() + jump + number,) * 2)
    folder = ClipFolder(tmp_path, SMALL)
    folder.tidy()
    assert folder.read(address_of(0)) == clip_of(0, 240)
    for number in range(100, 150):
        folder.write(address_of(number), clip_of(number, 240))
    assert taken(tmp_path) <= SMALL
    there = [folder.read(address_of(number)) is not None for number in range(150)]
    assert there[0], "it was used since"
    assert there[100:] == [True] * 50
    assert not all(there[1:70])
    assert there[1:70] == sorted(there[1:70])


async def test_what_a_former_life_left_counts(tmp_path: Path) -> None:
    for number in range(300):
        place(tmp_path, address_of(number)).write_bytes(to_record(address_of(number), clip_of(number, 240)))
    files = ClipFiles(tmp_path, SMALL)
    assert await files.get(address_of(1000)) is None
    await files.close()
    assert files.size == taken(tmp_path) <= SMALL * 0.8
    assert files.counts["removed"] == 300 - len(names(tmp_path))


def test_names_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    foreign = [
        "note.txt",
        f"{A}.wav",
        f"{A[:-1]}.clip",
        f"{A.upper()}.clip",
        f".{A[:31]}.part",
        ".nfs00001",
        f"{A}.clip~",
    ]
    for name in foreign:
        (tmp_path / name).write_bytes(bytes(100_000))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / f"{A}.clip").write_bytes(bytes(100_000))
    folder = ClipFolder(tmp_path, SMALL)
    for number in range(300):
        folder.write(address_of(number), clip_of(number, 240))
    assert names(tmp_path) > {*foreign, "below"}
    assert (tmp_path / "below" / f"{A}.clip").exists()
    assert folder.used <= SMALL, "they are not counted either"


def test_what_is_larger_than_any_clip_pushes_none_of_them_out(tmp_path: Path) -> None:
    ClipFolder(tmp_path, SMALL).write(A, CLIP)
    _huge(place(tmp_path, B))
    ClipFolder(tmp_path, SMALL).tidy()
    assert names(tmp_path) == {f"{A}.clip"}


def test_who_has_not_looked_for_long_does_not_write_too_much(tmp_path: Path) -> None:
    """The other process has filled the folder meanwhile."""
    one, other = ClipFolder(tmp_path, SMALL), ClipFolder(tmp_path, SMALL)
    one.tidy()
    for number in range(200):
        other.write(address_of(number), clip_of(number, 240))
    for number in range(200, 300):
        one.write(address_of(number), clip_of(number, 240))
        assert taken(tmp_path) <= SMALL


def test_what_the_other_process_removes_while_we_tidy_up_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ClipFolder(tmp_path, SMALL)
    for number in range(98):
        place(tmp_path, address_of(number)).write_bytes(to_record(address_of(number), clip_of(number, 240)))
    look = ClipFolder._look

    def emptied(folder: ClipFolder) -> list[Any]:
        found = list(look(folder))
        for path in tmp_path.iterdir():
            path.unlink()
        return found

    monkeypatch.setattr(ClipFolder, "_look", emptied)
    folder.tidy()
    assert folder.used <= SMALL * 0.8


async def test_a_clip_that_would_push_the_others_out_is_not_kept(files: ClipFiles) -> None:
    await files.put(A, Clip(bytes(MOST // 10), b""))
    await files.close()
    assert files.counts["not_kept"] == 1
    assert not files._folder.path.exists()


async def test_what_waits_to_be_written_is_bounded(files: ClipFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    go = hang(monkeypatch, "write")
    large = Clip(bytes(ROOM // 4), b"")
    for number in range(6):
        await files.put(address_of(number), large)
    assert files.counts["not_kept"] == 2
    assert [await files.get(address_of(number)) is large for number in range(4)] == [True] * 4
    go.set()
    await files.close()
    assert files._waiting_bytes == 0


def test_a_folder_of_many_files_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    scandir = os.scandir

    def counted(path: Path) -> Any:
        nonlocal looked
        looked += 1
        return scandir(path)

    for number in range(3000):
        place(tmp_path, address_of(number)).touch()
    monkeypatch.setattr(os, "scandir", counted)
    folder = ClipFolder(tmp_path, MOST)
    folder.tidy()
    for number in range(100):
        folder.write(A, clip_of(number, 240))
        folder.read(A)
    assert looked == 1


# --- what was begun and not finished ----------------------------------------------------------------------------------


def spawn(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.clip_child", str(folder), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def outcome(child: subprocess.Popen[str]) -> dict[str, int]:
    said, _ = child.communicate(timeout=50)
    assert child.returncode == 0
    told: dict[str, int] = json.loads(said.splitlines()[-1])
    return told


def test_what_a_dead_process_has_begun_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spawn(tmp_path, MOST, 1, "dies") as dead:
        assert dead.wait(30) == 9
    (left,) = names(tmp_path)
    assert left.startswith(".")
    old = time.time() - YOUNG - 1
    os.utime(tmp_path / left, (old, old))
    seen: list[set[str]] = []

    def tidied_meanwhile(file: int, record: bytes) -> None:
        os.write(file, record[:10])
        os.utime(file, (old, old))
        ClipFolder(tmp_path, MOST).tidy()
        seen.append(names(tmp_path))
        os.write(file, record[10:])

    monkeypatch.setattr(clip_folder, "_write_whole", tidied_meanwhile)
    assert ClipFolder(tmp_path, MOST).write(A, CLIP)
    assert left not in seen[0]
    assert len(seen[0]) == 1
    assert names(tmp_path) == {f"{A}.clip"}
    assert place(tmp_path).read_bytes() == RECORD


def test_what_somebody_has_just_begun_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f".{'0' * 32}.part").touch()
    (tmp_path / f".{'1' * 32}.part").symlink_to("nowhere")
    ClipFolder(tmp_path, MOST).tidy()
    assert len(names(tmp_path)) == 2


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    """Each removes what the other has written, and both together keep to the bound."""
    most, rounds = 1_000_000, 250
    with spawn(tmp_path, most, rounds) as one, spawn(tmp_path, most, rounds) as other:
        told = [outcome(one), outcome(other)]
    assert [done["strange"] for done in told] == [0, 0]
    assert [done["written"] for done in told] == [rounds, rounds]
    assert not {"refused", "damaged", "unreadable", "late", "not_kept"} & {word for done in told for word in done}
    assert all(done["removed"] > 0 for done in told)
    assert all(done["largest"] <= most for done in told)
    assert not [name for name in names(tmp_path) if name.startswith(".")]
    for path in tmp_path.iterdir():
        assert from_record(path.stem, path.read_bytes()) != EMPTY


async def test_a_file_that_another_process_took_away_is_missing_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(tmp_path, *range(20))
    files = ClipFiles(tmp_path, MOST)
    for number in range(20):
        place(tmp_path, address_of(number)).unlink()
        assert await files.get(address_of(number)) is None
    write_whole = clip_folder._write_whole

    def taken_away(file: int, record: bytes) -> None:
        write_whole(file, record)
        for path in tmp_path.glob(".*.part"):
            path.unlink()

    monkeypatch.setattr(clip_folder, "_write_whole", taken_away)
    await files.put(A, CLIP)
    await files.close()
    assert (files.counts["missing"], files.counts["not_kept"]) == (20, 1)


# --- a disk that refuses ----------------------------------------------------------------------------------------------


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, number: int, times: list[int]) -> None:
    """Let a call of the system fail for whatever is written, as often as ``times`` says."""
    real: Callable[..., Any] = getattr(os, call)

    def failing(*arguments: Any, **named: Any) -> Any:
        if times[0] and (call != "open" or arguments[1] & os.O_CREAT):
            times[0] -= 1
            raise OSError(number, os.strerror(number))
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, failing)


async def settled(files: ClipFiles) -> None:
    """Wait until what was put is written, or not."""
    await asyncio.wrap_future(files._writer.submit(int))


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EDQUOT),
        ("write", errno.EFBIG),
        ("write", errno.EIO),
        ("open", errno.ENOSPC),
        ("open", errno.EROFS),
        ("open", errno.EACCES),
        ("open", errno.EMFILE),
        ("open", errno.ESTALE),
    ],
)
async def test_a_disk_that_takes_no_more_is_let_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    await kept(tmp_path, 0)
    clock = Clock()
    files = ClipFiles(tmp_path, MOST, clock=clock)
    times = [100]
    refuse(monkeypatch, call, number, times)
    with capture_logs() as logs:
        for one in range(1, 11):
            await files.put(address_of(one), clip_of(one))
        await settled(files)
        assert await files.get(address_of(0)) == clip_of(0, 240), "reading goes on"
        assert times == [99], "asked once"
        clock.now += PAUSE
        await files.put(B, CLIP)
        await settled(files)
        assert times == [98], "and once more"
        times[0] = 0
        clock.now += PAUSE
        await files.put(B, CLIP)
        await settled(files)
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("speech.cache_not_writing", "warning"),
        ("speech.cache_writing_again", "info"),
    ]
    assert logs[0]["reason"] == os.strerror(number)
    assert (files.counts["refused"], files.counts["written"]) == (11, 1)
    assert names(tmp_path) == {f"{A}.clip", f"{B}.clip"}, "nothing half-written is left"
    await files.close()


def test_a_file_that_the_kernel_lets_grow_no_further(tmp_path: Path) -> None:
    with spawn(tmp_path, MOST, 20, 10_000) as child:
        told = outcome(child)
    assert (told["refused"], told["strange"], told.get("written")) == (20, 0, None)
    assert names(tmp_path) == set()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, check=False, stderr=-3).returncode:
        pytest.skip("nothing can be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


async def test_a_disk_that_is_full(tiny_disk: Path) -> None:
    clock = Clock()
    files = ClipFiles(tiny_disk, MOST, clock=clock)
    with capture_logs() as logs:
        for number in range(30):
            await files.put(address_of(number), clip_of(number))
        await settled(files)
        there = {number for number in range(30) if await files.get(address_of(number)) == clip_of(number)}
        assert there == set(range(len(there)))
        assert 5 < len(there) < 20
        place(tiny_disk, address_of(0)).unlink()
        clock.now += PAUSE
        await files.put(address_of(29), clip_of(29))
        await settled(files)
        assert await files.get(address_of(29)) == clip_of(29)
    assert [line["event"] for line in logs] == ["speech.cache_not_writing", "speech.cache_writing_again"]
    assert logs[0]["reason"] == "No space left on device"
    assert names(tiny_disk) == {f"{address_of(number)}.clip" for number in {*there, 29} - {0}}
    await files.close()


async def test_a_disk_that_becomes_read_only(tiny_disk: Path) -> None:
    await kept(tiny_disk, 0)
    old = time.time() - 2 * STEP
    os.utime(place(tiny_disk), (old, old))
    place(tiny_disk, B).write_bytes(b"damaged")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    files = ClipFiles(tiny_disk, MOST)
    with capture_logs() as logs:
        assert await files.get(A) == clip_of(0, 240)
        assert await files.get(B) is None
        await files.put(B, CLIP)
        await settled(files)
        assert await files.get(B) is None
    await files.close()
    assert files.counts["damaged"] == 2, "it could not be removed"
    assert [line["event"] for line in logs] == ["speech.cache_damaged", "speech.cache_not_writing"]


async def test_what_can_not_be_removed_is_not_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(98):
        place(tmp_path, address_of(number)).write_bytes(to_record(address_of(number), clip_of(number, 240)))

    def refused(path: Path, **_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    clock = Clock()
    files = ClipFiles(tmp_path, SMALL, clock=clock)
    for number in range(100, 120):
        await files.put(address_of(number), clip_of(number, 240))
        await settled(files)
        clock.now += PAUSE
    await files.close()
    assert len(names(tmp_path)) == 98
    assert files.counts["refused"] == 20


async def test_a_file_that_we_may_not_read_is_none_for_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(tmp_path, 0)
    number = errno.EACCES
    real = os.open

    def refused(path: Path, *arguments: Any) -> int:
        if str(path).endswith(".clip"):
            raise PermissionError(number, os.strerror(number))
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refused)
    files = ClipFiles(tmp_path, MOST)
    with capture_logs() as logs:
        assert [await files.get(A) for _ in range(5)] == [None] * 5
    await files.close()
    assert place(tmp_path).exists()
    assert files.counts["unreadable"] == 5
    assert [line["event"] for line in logs] == ["speech.cache_unreadable"]


# --- a folder that is not what it was ---------------------------------------------------------------------------------


async def test_a_folder_that_vanishes_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "speech"
    files = ClipFiles(folder, MOST)
    await files.put(A, CLIP)
    await settled(files)
    shutil.rmtree(tmp_path / "deep")
    assert await files.get(A) is None
    await files.put(A, CLIP)
    await files.close()
    assert files.counts["written"] == 2
    assert place(folder).read_bytes() == RECORD


async def test_a_folder_that_another_one_takes_the_place_of_is_used_like_the_first(tmp_path: Path) -> None:
    await kept(tmp_path / "other", 1)
    files = ClipFiles(tmp_path / "speech", MOST)
    await files.put(A, CLIP)
    await settled(files)
    (tmp_path / "speech").rename(tmp_path / "away")
    (tmp_path / "other").rename(tmp_path / "speech")
    assert await files.get(A) is None
    assert await files.get(B) == clip_of(1, 240)
    await files.put(A, CLIP)
    await files.close()
    assert names(tmp_path / "speech") == {f"{A}.clip", f"{B}.clip"}


@pytest.mark.parametrize("path", ["file", "file/below"])
async def test_a_file_in_the_folder_s_place_keeps_nothing_from_being_spoken(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("mine")
    files = ClipFiles(tmp_path / path, MOST)
    with capture_logs() as logs:
        for _ in range(3):
            assert await files.get(A) is None
            await files.put(A, CLIP)
            await settled(files)
    await files.close()
    assert [line["event"] for line in logs] == ["speech.cache_not_writing"]
    assert (tmp_path / "file").read_text() == "mine"


async def until(true: Callable[[], bool]) -> None:
    """Let the threads go on until it is so."""
    while not true():  # noqa: ASYNC110 - a thread sets no event of the loop
        await asyncio.sleep(0)


# --- a disk that hangs ------------------------------------------------------------------------------------------------


def hang(monkeypatch: pytest.MonkeyPatch, what: str) -> threading.Event:
    """Let the folder stand still until the event is set."""
    go = threading.Event()
    real: Callable[..., Any] = getattr(ClipFolder, what)

    def hanging(folder: ClipFolder, *arguments: Any) -> Any:
        go.wait(30)
        return real(folder, *arguments)

    monkeypatch.setattr(ClipFolder, what, hanging)
    return go


async def test_nobody_waits_for_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(tmp_path, 0)
    go = hang(monkeypatch, "read")
    files = ClipFiles(tmp_path, MOST, patience=0.01)
    with capture_logs() as logs:
        assert await asyncio.gather(*(files.get(A) for _ in range(20))) == [None] * 20
        files._patience = 1000
        assert await files.get(A) is None, "at once, while the disk has not answered"
    assert [line["event"] for line in logs] == ["speech.cache_slow"]
    assert files.counts["late"] == 21
    go.set()
    await until(lambda: not files._late)
    assert await files.get(A) == clip_of(0, 240), "it is asked again"
    await files.close()


def test_a_disk_that_answers_when_all_is_over_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go = hang(monkeypatch, "read")
    files = ClipFiles(tmp_path, MOST, patience=0.01)
    assert asyncio.run(files.get(A)) is None
    go.set()
    files._readers.shutdown(wait=True)
    assert caplog.records == []
    assert files._late == 0


async def test_a_call_that_ends_while_the_disk_hangs_leaves_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = hang(monkeypatch, "read")
    files = ClipFiles(tmp_path, MOST)
    asking = asyncio.create_task(files.get(A))
    await until(lambda: bool(files._readers._threads) and not files._readers._work_queue.qsize())
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert files._late == 1
    go.set()
    await until(lambda: not files._late)
    await files.close()


async def test_a_write_that_hangs_delays_neither_reading_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_files, "LAST_WRITES", 0.01)
    await kept(tmp_path, 0)
    go = hang(monkeypatch, "write")
    files = ClipFiles(tmp_path, MOST)
    await files.put(B, CLIP)
    assert await files.get(A) == clip_of(0, 240)
    assert await files.get(B) == CLIP, "nobody waits until it is written"
    await files.close()
    go.set()


async def test_the_folder_is_looked_at_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(tmp_path, 0)
    go = hang(monkeypatch, "tidy")
    files = ClipFiles(tmp_path, MOST)
    assert await files.get(A) == clip_of(0, 240), "before it is known how large the folder is"
    assert files.size == 0
    go.set()
    await files.close()
    assert files.size > 0
