"""What was sent to Asterisk, what waits there, and what was played out: flow control and proof in one ledger.

Pure: it is told what came back and when, and says what to write next. Asterisk keeps the playout clock; nothing here
paces. Three facts of ``chan_websocket.c`` shape it:

- beyond 1000 queued frames whole messages are dropped without a word *and the marks behind them still come back*, so
  no more than ``MAX_QUEUED`` seconds are ever outstanding, counted by marks, and a mark counts as proof only when at
  least as much time has passed as the audio before it is long;
- audio that is not a whole number of frames loses its rest, so messages are cut at frames and only the end is padded;
- a mark is answered when it comes to the head of the queue: the audio before it has been taken for playing.

What somebody says as it comes (``append``), 20 ms at a time, has a mark behind it only where one is wanted, or none is
on its way: a mark costs as much as the audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from otpvoice.media.chan_websocket import MAX_MEDIA, mark

FRAME_SECONDS: Final = 0.02
MAX_QUEUED: Final = 12.0
"""Seconds of audio that may wait in Asterisk (it drops at 20)."""
MAX_MESSAGE_FRAMES: Final = 100
"""Frames of a message: 2 s, so that there is a mark to refill on at least that often; 16,000 bytes of G.711."""
MAX_WAITING: Final = 300.0
"""Seconds of what somebody says as it comes that may wait here for its turn."""
TOLERANCE: Final = 0.04
"""Seconds that a mark may come before its time: the tick under way and the one that takes the mark."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Encoded audio. ``index``: tell when it was played; None: nobody asks (silence)."""

    audio: bytes
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """The piece was played out: its mark came back, and not before its time."""

    utterance_id: str
    index: int


@dataclass(frozen=True, slots=True)
class Unproven:
    """The piece's mark came back too early: some of what was sent was never played. ``live``: it was appended."""

    utterance_id: str
    index: int
    live: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """All of the utterance was taken for playing."""

    utterance_id: str


Progress: TypeAlias = Played | Unproven | Finished


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Whole frames, and the pieces that end within them. ``live``: no end of its own is told, nor that it was cut."""

    utterance_id: str
    audio: bytes
    ended: tuple[int, ...]
    last: bool
    live: bool = False


_NOTHING: Final = _Chunk("", b"", (), last=False, live=True)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A mark under way. ``frames``: since the mark before it; ``total``: since the queue was last empty."""

    chunk: _Chunk
    frames: int
    total: int


class Playout:
    """The ledger of one media leg. ``silence``: one sample of it; ``frame_size``: bytes of 20 ms.

    ``ValueError``: frames of this size make messages that Asterisk would end the channel for.
    """

    def __init__(self, silence: bytes, frame_size: int = 160, max_queued: float = MAX_QUEUED) -> None:
        if MAX_MESSAGE_FRAMES * frame_size > MAX_MEDIA:
            raise ValueError(f"{MAX_MESSAGE_FRAMES} frames of {frame_size} bytes are more than {MAX_MEDIA}")
        self._silence = silence
        self._frame = frame_size
        self._max_frames = round(max_queued / FRAME_SECONDS)
        self._waiting: deque[Iterator[_Chunk]] = deque()
        self._next: _Chunk | None = None
        self._sent: dict[str, _Sent] = {}
        self._queued = 0
        self._unmarked = 0  # frames sent behind the last mark; there is one under way, then
        self._behind = 0  # bytes of what was appended and is not sent
        self._total = 0
        self._since = 0.0
        self._stopped = False
        self._marks = 0

    @property
    def queued(self) -> int:
        """Frames sent and not yet confirmed."""
        return self._queued

    @property
    def idle(self) -> bool:
        """Nothing waits, here or there."""
        return not (self._sent or self._next or self._waiting or self._unmarked)

    def begin(self, utterance_id: str, pieces: Sequence[Piece]) -> None:
        """Queue an utterance behind what is there. Then write what ``outgoing`` gives."""
        self._waiting.append(self._chunks(utterance_id, pieces))

    def append(self, utterance_id: str, pieces: Sequence[Piece]) -> bool:
        """Queue what is said as it comes, behind what is there: its pieces are told of, its end is not.

        Whole frames: a rest is filled up. False: too much waits, and this is not played; its pieces come back all the
        same. Then write what ``outgoing`` gives.
        """
        size = sum(len(piece.audio) for piece in pieces)
        taken = self._behind + size <= MAX_WAITING / FRAME_SECONDS * self._frame
        if taken:
            self._behind += size
        else:
            pieces = [Piece(b"", piece.index) for piece in pieces]
        self._waiting.append(
            _Chunk(utterance_id, audio, ended, last=False, live=True) for audio, ended in self._cut(pieces)
        )
        return taken

    def outgoing(self, now: float) -> list[bytes | str]:
        """Return what may be written now, in order: binary messages and text frames."""
        messages: list[bytes | str] = []
        while not self._stopped and (chunk := self._peek()) is not None:
            frames = len(chunk.audio) // self._frame
            if self._queued and self._queued + frames > self._max_frames:
                break
            self._next = None
            if not self._queued:
                self._since, self._total = now, 0
            self._queued += frames
            self._total += frames
            self._unmarked += frames
            self._write(chunk, messages)
            if not chunk.live or chunk.ended or not self._sent or self._unmarked >= MAX_MESSAGE_FRAMES:
                messages.append(self._mark(chunk))
        if self._unmarked and not self._sent:
            messages.append(self._mark(_NOTHING))
        return messages

    def new_mark(self) -> str:
        """Return an id for a mark of the caller's own, never used before on this leg."""
        self._marks += 1
        return str(self._marks)

    def marked(self, correlation_id: str, now: float) -> list[Progress]:
        """Tell that a mark came back. Then write what ``outgoing`` gives. Unknown and flushed marks mean nothing."""
        if correlation_id not in self._sent:
            return []
        progress: list[Progress] = []
        # Marks come in order; one that was lost is covered by the next, unproven.
        for known in list(self._sent):
            sent = self._sent.pop(known)
            self._queued -= sent.frames
            in_time = known == correlation_id and now - self._since >= sent.total * FRAME_SECONDS - TOLERANCE
            progress += [
                Played(sent.chunk.utterance_id, index)
                if in_time
                else Unproven(sent.chunk.utterance_id, index, sent.chunk.live)
                for index in sent.chunk.ended
            ]
            if sent.chunk.last:
                progress.append(Finished(sent.chunk.utterance_id))
            if known == correlation_id:
                break
        return progress

    def stop_sending(self) -> None:
        """``MEDIA_XOFF``: write nothing until ``go_on``."""
        self._stopped = True

    def go_on(self) -> None:
        """``MEDIA_XON``."""
        self._stopped = False

    def flush(self) -> list[str]:
        """Forget everything, here and there. Returns the utterances that this cut; marks under way mean nothing."""
        chunks = [sent.chunk for sent in self._sent.values()]
        if self._next is not None:
            chunks.append(self._next)
        chunks += [chunk for waiting in self._waiting if (chunk := next(waiting, None)) is not None]
        cut = dict.fromkeys(chunk.utterance_id for chunk in chunks if not chunk.live)
        self._waiting.clear()
        self._sent.clear()
        self._next = None
        self._queued = self._unmarked = self._behind = 0
        self._stopped = False
        return list(cut)

    def _write(self, chunk: _Chunk, messages: list[bytes | str]) -> None:
        """Write a chunk's audio: in one message with what was appended before it, where there is room."""
        if chunk.live:
            self._behind = max(0, self._behind - len(chunk.audio))
            before = messages[-1] if messages else ""
            if isinstance(before, bytes) and len(before) + len(chunk.audio) <= MAX_MESSAGE_FRAMES * self._frame:
                messages[-1] = before + chunk.audio
                return
        if chunk.audio:
            messages.append(chunk.audio)

    def _mark(self, chunk: _Chunk) -> str:
        self._marks += 1
        self._sent[str(self._marks)] = _Sent(chunk, self._unmarked, self._total)
        self._unmarked = 0
        return mark(str(self._marks))

    def _peek(self) -> _Chunk | None:
        while self._next is None and self._waiting:
            self._next = next(self._waiting[0], None)
            if self._next is None:
                self._waiting.popleft()
        return self._next

    def _chunks(self, utterance_id: str, pieces: Sequence[Piece]) -> Iterator[_Chunk]:
        audio: bytes = b""
        ended: tuple[int, ...] = ()
        for following in self._cut(pieces):
            if audio:
                yield _Chunk(utterance_id, audio, ended, last=False)
            audio, ended = following
        yield _Chunk(utterance_id, audio, ended, last=True)

    def _cut(self, pieces: Sequence[Piece]) -> Iterator[tuple[bytes, tuple[int, ...]]]:
        """Cut pieces into messages of whole frames that end where a piece ends, or after two seconds."""
        longest = MAX_MESSAGE_FRAMES * self._frame
        buffer = bytearray()
        ended: list[int] = []
        for piece in pieces:
            offset = 0
            while offset < len(piece.audio):
                # Where a piece ended within a frame, what follows fills that frame up, and the mark goes behind it.
                room = (-len(buffer) % self._frame if ended else 0) or longest - len(buffer)
                taken = piece.audio[offset : offset + room]
                buffer += taken
                offset += len(taken)
                if len(buffer) == longest or (ended and len(buffer) % self._frame == 0):
                    yield bytes(buffer), tuple(ended)
                    buffer.clear()
                    ended.clear()
            if piece.index is not None:
                ended.append(piece.index)
                if buffer and len(buffer) % self._frame == 0:
                    yield bytes(buffer), tuple(ended)
                    buffer.clear()
                    ended.clear()
        if buffer or ended:
            yield bytes(buffer) + self._silence * (-len(buffer) % self._frame), tuple(ended)
