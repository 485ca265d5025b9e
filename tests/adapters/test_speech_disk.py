"""A disk that hangs: it is given up, then let alone until it answers, and it keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otpvoice.adapters.speech.disk import TOO_SLOW, Disk
from otpvoice.adapters.speech.encoding import encoded
from otpvoice.adapters.speech.engines import recorded
from otpvoice.adapters.speech.engines.recorded import Recorded
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import SpeechUnavailable, Words
from otpvoice.media.g711 import encode
from tests.adapters.audio_files import wav
from tests.adapters.speech_stands import LOCALES, Stand, renderer

SHORT = 0.05
"""Seconds, of patience with what hangs for ever."""


class Gate:
    """Files that hang until it is opened. ``begun``: somebody hangs in it."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> str:
        self.begun.set()
        self.open.wait()
        return "seen"


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture(autouse=True)
async def one_thread_for_all_else() -> AsyncIterator[None]:
    """The loop's own pool has a single thread: who puts what hangs into it is found out."""
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        yield


async def answered(disk: Disk) -> None:
    """Return when its one thread is done with what it did."""
    await asyncio.wrap_future(disk._threads.submit(int))


def at_once(disk: Disk) -> None:
    """A look is refused without a wait: the loop has no turn meanwhile."""
    looking = disk.look(int)
    with pytest.raises(SpeechUnavailable, match=TOO_SLOW):
        looking.send(None)


async def test_a_look_returns_and_raises_what_it_sees() -> None:
    disk = Disk()
    assert await disk.look(int, "7") == 7
    with pytest.raises(ValueError, match="x"):
        await disk.look(int, "x")
    with pytest.raises(TimeoutError):  # a network's file system may say so itself
        await disk.look(_timed_out)
    assert await disk.look(int, "7") == 7


def _timed_out() -> None:
    raise TimeoutError


async def test_a_look_that_hangs_is_given_up_and_the_disk_let_alone_until_it_answers(gate: Gate) -> None:
    disk = Disk(patience=SHORT, threads=1)
    with pytest.raises(SpeechUnavailable, match=TOO_SLOW):
        await disk.look(gate)
    at_once(disk)
    gate.open.set()
    await answered(disk)
    assert await disk.look(gate) == "seen"


async def test_what_waits_for_a_thread_is_not_begun_once_nobody_waits_for_it(gate: Gate) -> None:
    disk = Disk(patience=SHORT, threads=1)
    second: list[str] = []
    looks = await asyncio.gather(disk.look(gate), disk.look(second.append, "begun"), return_exceptions=True)
    assert [str(look) for look in looks] == [TOO_SLOW] * 2
    gate.open.set()
    await answered(disk)
    assert second == []


async def test_who_hangs_up_says_nothing_about_the_disk_but_time_does(gate: Gate) -> None:
    disk = Disk(patience=SHORT)
    gone = asyncio.create_task(disk.look(gate))
    await asyncio.to_thread(gate.begun.wait)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await disk.look(int, "7") == 7
    while not disk._late:  # noqa: ASYNC110 - a timer of the loop
        await asyncio.sleep(0.01)
    at_once(disk)


# --- what is read by it -----------------------------------------------------------------------------------------------


async def test_recordings_that_hang_cost_other_calls_nothing_and_are_stood_in_for(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").mkdir()
    for digit in "0123456789":
        (tmp_path / "en" / f"{digit}.wav").write_bytes(wav(bytes(200), 8000))
    monkeypatch.setattr(recorded, "read", gate)
    disk = Disk(patience=10 * SHORT)
    voice = renderer(Recorded(LOCALES, tmp_path, disk=disk), Stand(), default_voice="recorded")
    code = code_script(SayCode(OtpCode("482913")), "en", None, LOCALES)
    first = asyncio.create_task(voice.prepare(code))
    await asyncio.to_thread(gate.begun.wait)
    assert all((await voice.prepare((Words("Hello there", "en"),))).sounds)
    assert not first.done(), "it had to wait for nobody's disk"
    prepared = await first
    assert (all(prepared.sounds), prepared.fallback) == (True, "espeak")
    at_once(disk)


async def test_a_prompt_that_hangs_is_unavailable(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello.wav").write_bytes(wav(bytes(2000), 8000))
    finishing = AtHand()
    prompts = Prompts(tmp_path, finishing=finishing, disk=Disk(patience=SHORT))
    monkeypatch.setattr(prompts, "_read", gate)
    for _ in range(2):
        with pytest.raises(SpeechUnavailable, match=TOO_SLOW):
            await prompts.clip("hello", "ulaw")
    await finishing.close()


@pytest.mark.parametrize("samples", [0, 1, 7999, 8000, 8001, 16000, 40001])
async def test_sound_is_encoded_as_the_law_has_it_whatever_threads_hang(samples: int, gate: Gate) -> None:
    hanging = asyncio.get_running_loop().run_in_executor(None, gate)
    pcm = bytes(number * 7 % 256 for number in range(2 * samples))
    assert await encoded(pcm, "ulaw") == encode(pcm, "ulaw")
    assert await encoded(pcm, "alaw") == encode(pcm, "alaw")
    with pytest.raises(ValueError, match="even"):
        await encoded(pcm + b"\0", "ulaw")
    assert not hanging.done()
    gate.open.set()
    await hanging
