"""Sound finished in a thread of this process: the same as anywhere else, one after the other, and over when closed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from otpvoice.adapters.speech.finishing import Finishing, at_hand
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import EMPTY, Clip
from otpvoice.media.sound.finish import finish_recording, finish_speech
from otpvoice.media.wav import Wave
from tests.media.sound.signals import pcm_of, vowel

WAVE = Wave(22050, pcm_of(vowel(120, 22050, 0.3)))


async def test_a_sound_is_finished_as_the_arithmetic_has_it() -> None:
    finishing: Finishing = AtHand()
    assert await finishing.speech(WAVE) == finish_speech(WAVE)
    assert await finishing.speech(WAVE, speed=0.7, urgent=False) == finish_speech(WAVE, 0.7)
    assert await finishing.recording(WAVE) == finish_recording(WAVE)
    assert await finishing.speech(Wave(8000, bytes(800))) is not None
    assert await finishing.speech(Wave(8000, bytes(800))) == EMPTY
    await finishing.close()


@pytest.mark.parametrize(
    ("wave", "speed"), [(Wave(3999, b"\0\0"), 1.0), (Wave(8000, b"\0"), 1.0), (WAVE, 0.4), (WAVE, float("nan"))]
)
async def test_what_can_not_be_finished_is_unavailable(wave: Wave, speed: float) -> None:
    finishing = AtHand()
    with pytest.raises(SpeechUnavailable, match="could not be finished"):
        await finishing.speech(wave, speed=speed)
    assert await finishing.speech(WAVE) == finish_speech(WAVE), "and then it goes on"
    await finishing.close()


async def test_one_sound_is_finished_at_a_time_and_what_waits_is_over_when_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, leave, at_once = threading.Event(), threading.Event(), []

    def slowly(wave: Wave, speed: float | None) -> Clip:
        at_once.append(wave)
        entered.set()
        leave.wait(20)
        return EMPTY

    monkeypatch.setattr(at_hand, "_finish", slowly)
    finishing = AtHand()
    tasks = [asyncio.create_task(finishing.speech(WAVE)) for _ in range(8)]
    await asyncio.to_thread(entered.wait, 20)
    await asyncio.sleep(0)
    assert len(at_once) == 1
    await finishing.close()
    leave.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert first == EMPTY
    assert [type(other) for other in others] == [SpeechUnavailable] * 7
    with pytest.raises(SpeechUnavailable):
        await finishing.recording(WAVE)
    await finishing.close()


async def test_who_hangs_up_is_cancelled() -> None:
    finishing = AtHand()
    task = asyncio.create_task(finishing.speech(WAVE))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await finishing.speech(WAVE) == finish_speech(WAVE)
    await finishing.close()
