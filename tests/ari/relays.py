"""Who carries streams, without a socket: what each is given is written down, and it does what a test says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from otpvoice.ari.open_stream import Mouth
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamReport, StreamStatus, report_of
from otpvoice.media.streams.words import Facts
from tests.ari.rig import FRAME, SILENCE

QUIET: Final = SILENCE * FRAME


def frame(number: int) -> bytes:
    """Frame number 0 to 9999: none of them is silence, nor like another."""
    high, low = divmod(number, 100)
    return bytes([1 + high, 1 + low]) * (FRAME // 2)


def frames(first: int, count: int) -> bytes:
    return b"".join(frame(number) for number in range(first, first + count))


def number_of(audio: bytes) -> int:
    return (audio[0] - 1) * 100 + audio[1] - 1


@dataclass(frozen=True, slots=True)
class Told:
    report: StreamReport


@dataclass(slots=True)
class Recorded:
    """One stream. ``raises``: calls of it that do; ``finished``: by whom; ``then`` is done at each frame."""

    order: Stream
    facts: Facts
    mouth: Mouth | None
    tell: Callable[[Told], None]
    report: StreamReport
    tracks: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    pushes: list[bytes] = field(default_factory=list)
    syncs: int = 0
    digits: str = ""
    pieces: list[tuple[str, int]] = field(default_factory=list)
    finished: list[Disconnected] = field(default_factory=list)
    raises: set[str] = field(default_factory=set)
    raised: int = 0
    then: Callable[[], None] = lambda: None

    # What a test does

    def connects(self) -> None:
        self.report = replace(self.report, status=StreamStatus.CONNECTED, started_at=1.0)
        self.tell(Told(self.report))

    def ends(self, error: str | None = None) -> None:
        """The other side does, or the network with this error."""
        status = StreamStatus.COMPLETED if error is None else StreamStatus.FAILED
        by = Disconnected.PEER if error is None else Disconnected.ERROR
        self.report = replace(self.report, status=status, disconnected_by=by, ended_at=2.0, error=error)
        self.tell(Told(self.report))

    def sounds(self, track: str) -> list[bytes]:
        """What was heard on a track besides silence."""
        return [audio for audio in self.tracks[track] if audio != QUIET]

    def numbers(self, track: str) -> list[int]:
        return [number_of(audio) for audio in self.sounds(track)]

    # What the product does

    def arrived(self, track: str, audio: bytes, now: float, /) -> None:
        self._may_raise("arrived")
        self.tracks[track].append(audio)
        self.then()

    def pushed(self, audio: bytes, now: float, /) -> None:
        self._may_raise("pushed")
        self.pushes.append(audio)

    def synced(self, queued: int, now: float, /) -> None:
        self._may_raise("synced")
        self.syncs += 1

    def flushed(self, now: float, /) -> None:
        self._may_raise("flushed")

    def digit(self, digit: str, /) -> None:
        self._may_raise("digit")
        self.digits += digit

    def played(self, utterance_id: str, index: int, /) -> None:
        self._may_raise("played")
        self.pieces.append((utterance_id, index))

    def finish(self, by: Disconnected, /) -> StreamReport:
        self.finished.append(by)
        self._may_raise("finish")
        self.report = replace(self.report, status=StreamStatus.COMPLETED, disconnected_by=by, ended_at=2.0)
        return self.report

    def _may_raise(self, call: str) -> None:
        if call in self.raises:
            self.raised += 1
            raise ZeroDivisionError(call)


class Relays:
    """``stasis.relays``. ``opened``: each stream, in order; ``raises``: of those to come. ``refuses``: it does."""

    def __init__(self) -> None:
        self.opened: list[Recorded] = []
        self.raises: set[str] = set()
        self.refuses = False

    def open(self, order: Stream, facts: Facts, mouth: Mouth | None, tell: Callable[[Any], None], /) -> Recorded:
        if self.refuses:
            raise ZeroDivisionError("open")
        recorded = Recorded(order, facts, mouth, tell, report_of(order), raises=set(self.raises))
        self.opened.append(recorded)
        return recorded

    def of(self, name: str) -> Recorded:
        [recorded] = [one for one in self.opened if one.order.name == name]
        return recorded


def seams(numbers: Sequence[int]) -> list[int]:
    """How much each frame is further on than the one before, where that is not by one."""
    return [after - before for before, after in pairwise(numbers) if after - before != 1]
