"""A hundred new texts at once beside a call in progress: whose turn it is, and that nothing is done in this process.

No clock is looked at: the order of things is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from otpvoice.adapters.speech.house import SpeechHouse
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Prepared, Words
from otpvoice.media.wav import Wave
from otpvoice.testkit.programs import find
from tests.adapters.speech_stands import LOCALES, Stand, renderer

TEXTS = [f"Hello {name} in {house}" for name in ("Ann", "Bob", "Eve", "Jim") for house in "abcdefghijklmnopqrstuvwxy"]


async def test_a_code_that_is_there_does_not_wait_for_a_hundred_new_texts() -> None:
    stand = Stand()
    voice = renderer(stand)
    code = code_script(SayCode(OtpCode("4821")), "en", None, LOCALES)
    await voice.prepare(code)
    stand.gate.clear()
    crowd = [asyncio.create_task(voice.prepare((Words(text, "en"),))) for text in TEXTS]
    while len(stand.asked) < len(TEXTS):  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    assert all(at_once(voice.prepare(code)).sounds)
    assert not any(task.done() for task in crowd)
    stand.gate.set()
    await asyncio.gather(*crowd)


class TwoAtOnce(Stand):
    """An engine as a program is one: two texts at once, the others in a line, however long."""

    def __init__(self) -> None:
        super().__init__()
        self.places = asyncio.Semaphore(2)

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        async with self.places:
            return await super().render(text, language, voice_name, speed)


async def test_a_new_call_does_not_wait_for_texts_of_a_thousand_calls_that_are_gone() -> None:
    stand = TwoAtOnce()
    voice = renderer(stand)
    stand.gate.clear()
    crowd = [asyncio.create_task(voice.prepare((Words(f"{text} {i}", "en"),))) for text in TEXTS for i in "abcdefghij"]
    await stand.begun.wait()
    while stand.places._waiters is None or len(stand.places._waiters) < len(crowd) - 2:  # noqa: ASYNC110 - turns, no time
        await asyncio.sleep(0)
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    stand.gate.set()
    assert all((await voice.prepare((Words("A new call comes", "en"),))).sounds)
    assert stand.texts[2:] == ["A new call comes"]


STARTED = """
import asyncio, sys
from otpvoice.service import Service
from otpvoice.settings import Settings
from tests.adapters.test_speech_crowd import beside_a_crowd

async def main() -> None:
    settings = Settings.load({
        "OTPVOICE_DEV": "1", "OTPVOICE_TRUNK": "PJSIP/{number}@trunk", "OTPVOICE_HTTP_BIND": "127.0.0.1:0",
        "OTPVOICE_ARI_URL": "http://127.0.0.1:1", "OTPVOICE_ARI_USER": "a", "OTPVOICE_ARI_PASSWORD": "b",
        "OTPVOICE_SPEECH_CACHE": sys.argv[1], "OTPVOICE_SPEECH_WORKERS": "1",
    })
    async with await Service.start(settings) as service:
        await beside_a_crowd(service._speech)
    assert not {"numpy", "soxr"} & sys.modules.keys(), "sound is finished in other processes"

asyncio.run(main())
"""


async def beside_a_crowd(house: SpeechHouse) -> None:
    """Speak a hundred new texts, and meanwhile codes whose parts are there: each is had at once."""
    await house.warm_up()
    code = code_script(SayCode(OtpCode("4821")), "en-US", None, house.locales)
    crowd = asyncio.gather(*(house.renderer.prepare((Words(text, "en-US"),)) for text in TEXTS))
    while not crowd.done():
        assert all(at_once(house.renderer.prepare(code)).sounds)
        await asyncio.sleep(0.01)
    assert all(one.sounds[0] for one in await crowd)


def at_once(preparing: Coroutine[Any, Any, Prepared]) -> Prepared:
    """Return what is had without a wait: the loop has no turn meanwhile."""
    try:
        preparing.send(None)
    except StopIteration as had:
        prepared: Prepared = had.value
        return prepared
    raise AssertionError("it waited")


def test_a_started_service_loads_no_numpy_and_finishes_nothing_itself(tmp_path: Path) -> None:
    """In a process of its own: here the tests have loaded it."""
    path = os.pathsep.join([str(find("espeak-ng").parent), os.environ["PATH"]])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", STARTED, str(tmp_path / "clips")],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
