"""The workshop: what is finished there, who goes first, and what becomes of a process that dies, hangs or lies.

A few rows run the real program; where it has to fail at will, fakes of it that load no numpy.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.finishing import worker as worker_module
from otpvoice.adapters.speech.finishing import workshop as workshop_module
from otpvoice.adapters.speech.finishing.workshop import Workshop
from otpvoice.adapters.speech.finishing.workshop_frames import Order
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import EMPTY, Clip
from otpvoice.media.sound.finish import finish_recording, finish_speech
from otpvoice.media.wav import Wave
from tests.media.sound.signals import pcm_of, vowel

WAVE = Wave(22050, pcm_of(vowel(120, 22050, 0.3)))
LONG = Wave(8000, bytes(2 * 8000 * 60))
SOON = 20.0
"""Seconds: only what hangs for ever takes longer."""

LIKE_IT = """
import os, signal, sys, time
from otpvoice.adapters.speech.finishing.workshop_frames import answer_head, read_order
from otpvoice.media.clip import Clip

source, sink = sys.stdin.buffer, sys.stdout.buffer

def first(name):
    try:
        os.close(os.open({folder!r} + "/" + name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True

def say(clip):
    sink.write(answer_head(clip) + clip.telephone + clip.master)
    sink.flush()

def wait_for(name):
    with open({folder!r} + "/" + name) as pipe:
        pipe.read()

while order := read_order(source.read):
    pcm = order.wave.pcm
    kind = pcm[:4].decode("ascii", "replace")
    {what}
    say(Clip(pcm * 2, pcm))
"""


def word(kind: str) -> Wave:
    """Return a sound that a fake knows by its first bytes."""
    return Wave(8000, kind.encode())


def same(kind: str) -> Clip:
    """Return what a fake makes of it."""
    return Clip(kind.encode() * 2, kind.encode())


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Returns the command line of a program that does ``what`` before it answers."""

    def made(what: str) -> tuple[str, ...]:
        source = LIKE_IT.format(folder=str(tmp_path), what=what.replace("\n", "\n    "))
        return (sys.executable, "-I", "-c", source)

    return made


@asynccontextmanager
async def opened(*arguments: Any, **options: Any) -> AsyncIterator[Workshop]:
    workshop = Workshop(*arguments, **options)
    try:
        async with asyncio.timeout(2 * SOON):
            yield workshop
    finally:
        await workshop.close()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever a test does, no process of it is there at its end, not even as a zombie."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


_others: set[int] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """What other tests of this process have running is none of ours: an Asterisk, a Redis."""
    _others.clear()
    _others.update(child.pid for child in psutil.Process().children())


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.pid not in _others]


async def reason(sound: Any) -> str:
    with pytest.raises(SpeechUnavailable) as unavailable:
        await sound
    return unavailable.value.reason


# --- the real one -----------------------------------------------------------------------------------------------------


async def all_kinds(workshop: Finishing) -> None:
    assert await workshop.speech(WAVE) == finish_speech(WAVE)
    assert await workshop.speech(WAVE, speed=0.7, urgent=False) == finish_speech(WAVE, 0.7)
    assert await workshop.recording(WAVE) == finish_recording(WAVE)
    assert await workshop.speech(Wave(16000, bytes(8000))) == EMPTY
    assert await workshop.recording(Wave(16000, b"")) == EMPTY
    assert await workshop.recording(LONG) == Clip(bytes(2 * len(LONG.pcm)), LONG.pcm)
    for refused in (Wave(3999, b"\0\0"), Wave(8000, b"\0")):
        assert await reason(workshop.speech(refused)) == "the sound could not be finished: it is none"
    assert await reason(workshop.speech(WAVE, speed=2.1)) == "the sound could not be finished: it is none"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_sound_is_finished_as_the_arithmetic_has_it_by_a_process_with_nothing_but_that(
    loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTPVOICE_ARI_PASSWORD", "swordfish")

    async def told() -> None:
        async with opened(2) as workshop:
            assert children() == [], "before there is something to do, nothing is started"
            await all_kinds(workshop)
            (child,) = children()
            assert "swordfish" not in repr(child.environ())
            assert child.nice() == os.nice(0) + 10
            assert os.getsid(child.pid) == child.pid
            assert child.cwd() == "/"
            limits = {
                limit: resource.prlimit(child.pid, limit)[1] for limit in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)
            }
            assert limits == {resource.RLIMIT_AS: worker_module.MEMORY, resource.RLIMIT_NOFILE: 0}
            assert len(psutil.Process(child.pid).threads()) == 1
            waves = [Wave(22050, pcm_of(vowel(100 + number, 22050, 0.2))) for number in range(100)]
            assert await asyncio.gather(*(workshop.speech(wave) for wave in waves)) == list(map(finish_speech, waves))
            assert len(children()) == 2
            assert len(asyncio.all_tasks()) == 1

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(told())


def test_its_processes_end_when_whoever_started_them_is_killed() -> None:
    source = (
        "import asyncio, os, signal\n"
        "from otpvoice.adapters.speech.finishing.workshop import Workshop\n"
        "from otpvoice.media.wav import Wave\n"
        "async def main():\n"
        "    workshop = Workshop()\n"
        "    await workshop.speech(Wave(8000, bytes(1600)))\n"
        "    print(next(iter(workshop._idle))._process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, check=False)
    assert parent.returncode == -signal.SIGKILL
    pid = int(parent.stdout)
    if psutil.pid_exists(pid):
        gone, _ = psutil.wait_procs([psutil.Process(pid)], timeout=SOON)
        assert gone


# --- a process that goes wrong ----------------------------------------------------------------------------------------

Fake = Callable[[str], tuple[str, ...]]


async def test_one_that_dies_is_replaced_and_the_sound_is_made_again(fake: Fake) -> None:
    async with opened(program=fake("if first('died'): os.kill(os.getpid(), signal.SIGSEGV)")) as workshop:
        assert await workshop.speech(word("abcd")) == same("abcd")
        assert await workshop.speech(word("efgh")) == same("efgh")
        assert len(children()) == 1


async def test_one_that_dies_amid_its_answer_is_replaced(fake: Fake) -> None:
    half = "if first('died'):\n    sink.write(answer_head(Clip(pcm * 2, pcm)) + pcm[:3]); sink.flush(); os._exit(0)"
    async with opened(program=fake(half)) as workshop:
        assert await workshop.speech(word("abcd")) == same("abcd")


async def test_those_that_died_with_nothing_to_do_are_replaced(fake: Fake) -> None:
    async with opened(3, program=fake("pass")) as workshop:
        await asyncio.gather(*(workshop.speech(word("abcd")) for _ in range(30)))
        dead = children()
        for child in dead:
            child.kill()
        psutil.wait_procs(dead, timeout=SOON)
        assert await asyncio.gather(*(workshop.speech(word("efgh")) for _ in range(30))) == [same("efgh")] * 30


async def test_a_sound_that_kills_whoever_is_given_it_is_unavailable_and_the_next_is_not(fake: Fake) -> None:
    kills = "if kind == 'evil': first(str(os.getpid())); os._exit(3)"
    async with opened(program=fake(kills)) as workshop:
        assert await reason(workshop.speech(word("evil"))) == "the sound could not be finished"
        assert await workshop.speech(word("kind")) == same("kind")


async def test_it_is_tried_twice_and_not_for_ever(fake: Fake, tmp_path: Path) -> None:
    async with opened(program=fake("first(str(os.getpid())); os._exit(3)")) as workshop:
        await reason(workshop.speech(word("evil")))
        assert len(list(tmp_path.iterdir())) == 2


async def test_one_that_hangs_is_killed_in_time_and_replaced(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(program=fake("if kind == 'slow': time.sleep(999)"), seconds=0.5) as workshop:
        assert await reason(workshop.speech(word("slow"))) == "the sound could not be finished in time"
        assert children() == []
        monkeypatch.setattr(workshop, "_seconds", SOON)
        assert await workshop.speech(word("fast")) == same("fast")


async def test_one_that_reads_nothing_is_killed_in_time() -> None:
    async with opened(program=("/bin/sh", "-c", "exec sleep 999"), seconds=0.2) as workshop:
        assert await reason(workshop.recording(LONG)) == "the sound could not be finished in time"


@pytest.mark.parametrize(
    "what",
    [
        "b'HTTP/1.1 200 OK\\r\\n\\r\\n'",
        "b'CLIP\\xff\\xff\\xff\\xff'",
        "b'CLIP\\0\\0\\0\\x03' + bytes(9)",
        "b'NONE\\0\\0\\0\\x02'",
        "bytes(100000)",
    ],
)
async def test_one_that_writes_rubbish_is_killed_and_replaced(fake: Fake, what: str) -> None:
    program = fake(f"if first('wrong'): sink.write({what}); sink.flush(); time.sleep(999)")
    async with opened(program=program) as workshop:
        assert await reason(workshop.speech(word("abcd"))) == "the sound could not be finished"
        assert await workshop.speech(word("abcd")) == same("abcd")


async def test_a_program_that_is_not_there_is_no_sound(tmp_path: Path) -> None:
    async with opened(program=[str(tmp_path / "gone")]) as workshop:
        for _ in range(2):
            assert await reason(workshop.speech(WAVE)) == "no process for sound could be started (ENOENT)"


# --- who goes first ---------------------------------------------------------------------------------------------------


async def test_what_a_call_waits_for_goes_past_what_is_made_ahead_and_past_recordings(
    fake: Fake, tmp_path: Path
) -> None:
    """One worker; a recording that takes its time, and a warm-up behind it, are in nobody's way."""
    os.mkfifo(tmp_path / "gate")
    async with opened(1, program=fake("if kind == 'slow': wait_for('gate')")) as workshop:
        slow = asyncio.create_task(workshop.recording(word("slow")))
        ahead = [asyncio.create_task(workshop.speech(word("warm"), urgent=False)) for _ in range(50)]
        calls = [workshop.speech(word(f"{number:04}")) for number in range(50)]
        assert await asyncio.gather(*calls) == [same(f"{number:04}") for number in range(50)]
        assert not slow.done()
        assert not any(task.done() for task in ahead)
        last = asyncio.create_task(workshop.recording(word("last")))
        order: list[str] = []
        last.add_done_callback(lambda _: order.append("recording"))
        ahead[0].add_done_callback(lambda _: order.append("ahead"))
        await asyncio.sleep(0)
        await asyncio.to_thread((tmp_path / "gate").write_bytes, b"")
        assert await slow == same("slow")
        assert await asyncio.gather(last, *ahead) == [same("last"), *[same("warm")] * 50]
        assert order == ["recording", "ahead"]
        assert len(children()) <= 2


async def test_there_are_never_more_processes_than_it_may_have(fake: Fake) -> None:
    async with opened(2, program=fake("first(str(os.getpid()))")) as workshop:
        both = [workshop.speech(word("abcd"), urgent=number % 2 == 0) for number in range(60)]
        await asyncio.gather(*both)
        assert len(children()) <= 3


async def test_too_many_at_once_are_turned_away(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "gate")
    monkeypatch.setattr(workshop_module, "MOST_HELD", 100)
    program = fake("if kind == 'slow': wait_for('gate')")
    async with opened(1, program=program, most_waiting=1) as workshop:
        first = asyncio.create_task(workshop.speech(word("slow")))
        second = asyncio.create_task(workshop.speech(word("next")))
        await asyncio.sleep(0)
        assert await reason(workshop.speech(word("more"))) == "too much speech is being made at once"
        assert await reason(workshop.recording(Wave(8000, bytes(102)))) == "too much speech is being made at once"
        await asyncio.to_thread((tmp_path / "gate").write_bytes, b"")
        assert (await first, await second) == (same("slow"), same("next"))
        assert await workshop.speech(word("more")) == same("more")


# --- who goes away ----------------------------------------------------------------------------------------------------


async def test_who_hangs_up_leaves_a_process_that_goes_on_for_others(fake: Fake, tmp_path: Path) -> None:
    for name in ("started", "gate"):
        os.mkfifo(tmp_path / name)
    what = f"if kind == 'slow': open({str(tmp_path / 'started')!r}, 'w').close(); wait_for('gate')"
    async with opened(1, program=fake(what)) as workshop:
        gone = asyncio.create_task(workshop.speech(word("slow")))
        waits = asyncio.create_task(workshop.speech(word("gone")))
        stays = asyncio.create_task(workshop.speech(word("stay")))
        await asyncio.to_thread((tmp_path / "started").read_bytes)
        before = children()
        for task in (gone, waits):
            task.cancel()
        for task in (gone, waits):
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.to_thread((tmp_path / "gate").write_bytes, b"")
        assert await stays == same("stay")
        assert children() == before


async def test_closing_ends_what_is_under_way_and_what_waits(fake: Fake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    what = f"if kind == 'slow': open({str(tmp_path / 'started')!r}, 'w').close(); time.sleep(999)"
    async with opened(1, program=fake(what)) as workshop:
        tasks = [asyncio.create_task(workshop.speech(word(kind))) for kind in ("slow", "next")]
        await asyncio.to_thread((tmp_path / "started").read_bytes)
        await workshop.close()
        assert children() == []
        for task in tasks:
            assert await reason(task) == "nothing is finished any more"
        assert await reason(workshop.recording(WAVE)) == "nothing is finished any more"
        await workshop.close()


async def test_closing_one_that_was_never_used_is_nothing() -> None:
    async with opened() as workshop:
        pass
    assert await reason(workshop.speech(WAVE)) == "nothing is finished any more"


async def test_those_that_have_nothing_to_do_end_and_others_come_when_there_is(fake: Fake) -> None:
    async with opened(2, program=fake("pass"), idle=0.1) as workshop:
        for _ in range(2):
            assert await asyncio.gather(*(workshop.speech(word("abcd")) for _ in range(9))) == [same("abcd")] * 9
            started = children()
            _, alive = await asyncio.to_thread(psutil.wait_procs, started, SOON)
            assert (bool(started), alive) == (True, [])


async def test_one_that_has_something_to_do_does_not_end(fake: Fake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with opened(1, program=fake("if kind == 'slow': wait_for('gate')"), idle=0.1) as workshop:
        await workshop.speech(word("abcd"))
        slow = asyncio.create_task(workshop.speech(word("slow")))
        ahead = asyncio.create_task(workshop.speech(word("warm"), urgent=False))
        await ahead
        (busy,) = workshop._busy
        for one in set(children()) - {psutil.Process(busy._process.pid)}:
            await asyncio.to_thread(one.wait, SOON)  # its time began after that of the other one
        await asyncio.to_thread((tmp_path / "gate").write_bytes, b"")
        assert await slow == same("slow")
    assert faults == []


def test_a_loop_that_ends_without_closing_it_leaves_no_process_that_works(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    burying = threading.Event()

    class Watched(worker_module.Worker):
        def finish(self, sound: Order) -> Clip | None:
            try:
                return super().finish(sound)
            finally:
                burying.wait(0.3)  # in vain: it comes behind this
                order.append("finished")

        def bury(self) -> None:
            burying.set()
            order.append("buried")
            super().bury()

    monkeypatch.setattr(workshop_module, "Worker", Watched)
    os.mkfifo(tmp_path / "started")
    what = f"open({str(tmp_path / 'started')!r}, 'w').close(); time.sleep(999)"

    async def leave() -> tuple[Workshop, asyncio.Task[Clip], list[psutil.Process]]:
        workshop = Workshop(program=fake(what))
        task = asyncio.create_task(workshop.speech(word("slow")))
        await asyncio.to_thread((tmp_path / "started").read_bytes)
        return workshop, task, children()

    workshop, task, (working,) = asyncio.run(leave())
    assert task.cancelled()
    # The workshop is there still, and so are its pipes: their end is not what ends the process.
    assert (workshop._busy, workshop._idle) == (set(), {})
    assert order == ["finished", "buried"], "not while its thread has the pipes"
    assert not psutil.pid_exists(working.pid)
