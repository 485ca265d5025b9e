"""The telephone of the demo: it picks up, listens, and keeps what it heard."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from otpvoice.testkit.callee import CalleeAgent, Scenario
from otpvoice.testkit.telephone import Telephone, alive, main, serve

TONE = Scenario.talks().plays_tone(440, 0.4)


async def test_what_was_said_last_is_kept_as_a_file(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    said: asyncio.Queue[str] = asyncio.Queue()
    async with CalleeAgent(Scenario.answers()) as phone, CalleeAgent() as caller:
        answering = asyncio.create_task(Telephone(phone, heard, said.put_nowait).answer_all())
        for _ in range(2):
            call = caller.call(phone.address, "+12025550123", from_user="+12025550199", scenario=TONE.hangs_up(0.7))
            await call.ended()
            assert await said.get() == "+12025550123 rings: a call from +12025550199"
            sentence = await said.get()
            assert sentence.startswith("+12025550123 heard 0."), sentence
            assert sentence.endswith("0 packets lost; caller hung up"), sentence
            with wave.open(str(heard)) as file:
                assert file.getnframes() / file.getframerate() >= 0.4
            assert phone.calls == [], "of a call that is over nothing is kept in memory"
            assert [path.name for path in tmp_path.iterdir()] == ["heard.wav"]
            heard.unlink()
        answering.cancel()


async def test_a_folder_that_takes_no_file_is_told_and_survived(tmp_path: Path) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    async with CalleeAgent(Scenario.answers()) as phone, CalleeAgent() as caller:
        answering = asyncio.create_task(Telephone(phone, tmp_path / "none" / "heard.wav", said.put_nowait).answer_all())
        for _ in range(2):
            await caller.call(phone.address, "100", scenario=TONE.hangs_up(0.5)).ended()
            sentences = [await said.get() for _ in range(3)]
            assert sentences[-1].endswith("heard.wav was not written: No such file or directory")
        answering.cancel()


async def test_a_telephone_that_is_there_says_so_and_ends_by_a_signal(tmp_path: Path) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(serve("127.0.0.1", 0, tmp_path / "heard.wav", said.put_nowait))
    sentence = await said.get()
    port = int(sentence.rpartition(":")[2])
    assert sentence == f"a telephone at sip:127.0.0.1:{port}"
    assert await asyncio.to_thread(alive, "127.0.0.1", port)
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert not await asyncio.to_thread(alive, "127.0.0.1", port)


def test_the_command_says_why_there_is_no_telephone(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        assert main(["--host", "127.0.0.1", "--port", port]) == 1
        assert capsys.readouterr().err == f"no telephone at 127.0.0.1:{port}: Address already in use\n"
    assert main(["--check", "--host", "127.0.0.1", "--port", port]) == 1


def test_its_help_is_readable() -> None:
    command = [sys.executable, "-m", "otpvoice.testkit.telephone", "--help"]
    assert "--heard" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
