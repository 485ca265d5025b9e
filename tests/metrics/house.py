"""A house to be asked: a switchboard, nodes, trunks and a store that are what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from otpvoice.adapters.store import Depth
from otpvoice.core.actions import Action
from otpvoice.core.media import StreamReport
from otpvoice.core.record import CallRecord
from otpvoice.metrics import House


@dataclass
class FakePool:
    """Media legs."""

    wedged: bool = False
    not_made: int = 0
    free: int = 8
    taken: int = 0
    waiting: int = 0
    limit: int = 400


@dataclass(frozen=True)
class Named:
    """What a node is called."""

    name: str


@dataclass
class FakeNode:
    """One Asterisk, up unless it is told otherwise."""

    settings: Named = field(default_factory=lambda: Named("http://127.0.0.1:8088"))
    connected: bool = True
    replaced: bool = False
    connections: int = 1
    pool: FakePool = field(default_factory=FakePool)


@dataclass
class FakePace:
    """One trunk."""

    waiting: int = 0
    in_progress: int = 0


@dataclass
class FakeSwitchboard:
    """All calls."""

    draining: bool = False
    nodes: list[FakeNode] = field(default_factory=lambda: [FakeNode()])
    records: list[CallRecord] = field(default_factory=list)

    @property
    def records_in_progress(self) -> Iterator[CallRecord]:
        return iter(self.records)


@dataclass
class FakeWrites:
    """Records on their way."""

    pending: int = 0
    dropped: int = 0


@dataclass
class FakeStreams:
    """Streams that are open."""

    reports: list[StreamReport] = field(default_factory=list)


class FakeStore:
    """A store. ``fault``, ``depth_fault``: what a question raises. ``gate``: what ``ping`` waits for."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.depth_fault: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.depths = {"shop": Depth(3, 1), "bank": Depth(4, 2)}
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault

    async def depth(self, account: str, /) -> Depth:
        if self.depth_fault is not None:
            raise self.depth_fault
        return self.depths[account]


@dataclass
class FakeSpeech:
    """What is kept of speech, and which engines are left alone."""

    kept: dict[str, int] = field(default_factory=lambda: {"memory": 0, "disk": 0})
    left_alone: dict[str, bool] = field(default_factory=lambda: {"gtts": False})


class FakeHouse:
    """Everything that is asked."""

    def __init__(self) -> None:
        self.switchboard, self.writes, self.streams = FakeSwitchboard(), FakeWrites(), FakeStreams()
        self.store, self.trunk, self.speech = FakeStore(), FakePace(), FakeSpeech()
        paces, posting = {"carrier": self.trunk}, ("shop", "bank")
        self.house = House(self.switchboard, paces, self.writes, self.streams, self.store, posting, self.speech)

    @staticmethod
    def asker() -> Nobody:
        """Return somebody to ask."""
        return Nobody()


class Nobody:
    """Has nothing to say, and says so."""

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        """Return nothing more to do."""
        return ()
