"""All that a call may say, as pieces that can be pushed: made ahead, each script once.

What is known at the start is made together, so that a code and its replays are read by one voice. What an answer adds
during a call is made for itself: another voice may have to say it.

It decides nothing: what is said, and when, is the flow's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from otpvoice.core.commands import Speak
from otpvoice.core.speech import CodeCharacter, LeftOut, Script, Silence, SpeechUnavailable
from otpvoice.media.playout import Piece
from otpvoice.session.ports import Voice

LEAD_OUT: Final = 0.2
"""Seconds of silence behind all that is said."""
READY_WITHIN: Final = 30.0
"""Seconds for all sound of a call to be ready, before it is dialled or when an answer wants more."""


class Sounds:
    """What ``voice`` makes of scripts."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._pieces: dict[Script, tuple[Piece, ...]] = {}
        self._stood_in: dict[bool, str] = {}  # with a code, without: who first stood in
        self._left_out: frozenset[LeftOut] = frozenset()

    @property
    def fallback(self) -> str | None:
        """The voice that stood in for the one that was to speak: where a code is read, else where there are words."""
        return self._stood_in.get(True) or self._stood_in.get(False)

    @property
    def left_out(self) -> frozenset[LeftOut]:
        """What no voice could say."""
        return self._left_out

    async def made(self, scripts: Sequence[Script]) -> SpeechUnavailable | None:
        """Make the sound of scripts. Returns why it can't be made; None: it is."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self._make(scripts)
        except TimeoutError:
            return SpeechUnavailable("not_ready_in_time")
        except SpeechUnavailable as error:
            return error
        return None

    def of(self, command: Speak) -> tuple[Piece, ...] | None:
        """Return what is to be pushed; None: that script was not made."""
        pieces = self._pieces.get(command.script)
        if pieces is None:
            return None
        lead_in = (Piece(self._voice.silence(command.lead_in)),) if command.lead_in else ()
        # A jitter buffer plays a frame when a later one has come: without these the last of what is said stays in it.
        lead_out = Piece(self._voice.silence(LEAD_OUT))
        return (*lead_in, *pieces[command.start :], lead_out)

    async def _make(self, scripts: Iterable[Script]) -> None:
        """Make the sound of scripts, all at once. Raises ``SpeechUnavailable``."""
        missing = [script for script in dict.fromkeys(scripts) if script not in self._pieces]
        if not missing:
            return
        for script, prepared in zip(missing, await self._voice.prepare_all(missing), strict=True):
            self._left_out |= prepared.left_out
            self._pieces[script] = tuple(
                Piece(sound, None if isinstance(item, Silence) else index)
                for index, (item, sound) in enumerate(zip(script, prepared.sounds, strict=True))
            )
            if prepared.fallback is not None:
                read_out = any(isinstance(item, CodeCharacter) for item in script)
                self._stood_in.setdefault(read_out, prepared.fallback)
