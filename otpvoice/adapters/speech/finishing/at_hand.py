"""Sound finished in a thread of this process: for a command that ends, and for tests.

A service with calls in progress has a workshop. numpy is loaded in the thread, when there is something to finish.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave


class AtHand:
    """One sound after the other, in one thread: a folder of recordings does not take all of a process's."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "finishing")
        self._closed = False

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        """See ``Finishing``. Nothing goes behind here."""
        return await self._finished(wave, speed)

    async def recording(self, wave: Wave) -> Clip:
        """See ``Finishing``."""
        return await self._finished(wave, None)

    async def close(self) -> None:
        """End the thread; what waits for it is over."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _finished(self, wave: Wave, speed: float | None) -> Clip:
        if self._closed:
            raise SpeechUnavailable("nothing is finished any more")
        finished = asyncio.get_running_loop().run_in_executor(self._thread, partial(_finish, wave, speed))
        try:
            return await finished
        except ValueError as error:
            raise SpeechUnavailable(f"the sound could not be finished: {error}") from None
        except asyncio.CancelledError:
            if not _is_cancelled():  # but what it waited for
                raise SpeechUnavailable("nothing is finished any more") from None
            raise


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _finish(wave: Wave, speed: float | None) -> Clip:
    from otpvoice.media.sound.finish import finish_recording, finish_speech  # noqa: PLC0415

    return finish_recording(wave) if speed is None else finish_speech(wave, speed)
