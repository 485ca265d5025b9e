"""What waits to be told to a customer: a few seconds of frames, the oldest dropped first, and short words before them.

Frames are kept as they came and encoded when they are sent, so that a side that is slow costs no more than that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from otpvoice.media.streams.tracks import Frame
from otpvoice.media.streams.words import Speaker

_AT_ONCE: Final = 25
"""Texts that are written in one go, before there is asked for room again: some 10 kB."""

Word: TypeAlias = Callable[[Speaker], list[str]]
"""Something to be said by whoever is the speaker then: numbers run over all messages, in the order of sending."""


class Pipe(Protocol):
    """Where it goes."""

    @property
    def has_room(self) -> bool: ...
    def send(self, texts: list[str], /) -> None: ...


class Outgoing:
    """``most`` frames and ``most_words`` wait at most. ``sent`` and ``dropped`` count frames.

    A frame is sent when its text is: formats keep some until a message is full.
    """

    def __init__(self, most: int, most_words: int) -> None:
        self.sent = self.dropped = 0
        self._most, self._most_words = most, most_words
        self._first_slot = 0
        self._held: dict[str, int] = {}  # frames that a speaker has, by track
        self._frames: deque[Frame] = deque()
        self._words: deque[Word] = deque()

    @property
    def waits(self) -> bool:
        """Is there anything to be sent?"""
        return bool(self._frames or self._words)

    def begin_at(self, slot: int) -> None:
        """Call this slot 0. What lies before it is told to nobody, and not missed."""
        self._first_slot = slot
        self._frames = deque(frame for frame in self._frames if frame.slot >= slot)

    def frame(self, frame: Frame) -> None:
        """Have a frame sent."""
        if frame.slot < self._first_slot:
            return
        if len(self._frames) >= self._most:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)

    def word(self, word: Word) -> bool:
        """Have a word said, before all frames that wait. False: too many wait, and it is not said."""
        if len(self._words) >= self._most_words:
            return False
        self._words.append(word)
        return True

    def flush(self, speaker: Speaker, pipe: Pipe, *, everything: bool = False) -> None:
        """Write what there is room for, or everything."""
        while (self._words or self._frames) and (everything or pipe.has_room):
            texts: list[str] = []
            while self._words and len(texts) < _AT_ONCE:
                texts += self._words.popleft()(speaker)
            while self._frames and len(texts) < _AT_ONCE:
                track, slot, audio = self._frames.popleft()
                said = speaker.media(track, slot - self._first_slot, audio)
                held = self._held.get(track, 0) + 1
                if said:
                    texts += said
                    self.sent, held = self.sent + held, 0
                self._held[track] = held
            if texts:
                pipe.send(texts)

    def rounded_off(self) -> None:
        """The speaker has said the last of what it had."""
        self.sent += sum(self._held.values())
        self._held.clear()

    def cut_off(self) -> None:
        """There will be no more of this speaker: what it still has is lost."""
        self.dropped += sum(self._held.values())
        self._held.clear()

    def drop(self) -> None:
        """Nobody will take what waits."""
        self.dropped += len(self._frames)
        self._frames.clear()
        self._words.clear()
