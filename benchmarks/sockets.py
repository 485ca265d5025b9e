"""WebSocket libraries on the way of a media stream: what a message costs, how late it is, what a connection takes.

Each connection sends a media message every 20 ms, and hears as many where it talks, too. Every library has processes of
its own, in turns, against the same peer; libraries that are not installed are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import importlib.util
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from benchmarks.cost import percentile
from benchmarks.socket_client import LIBRARIES
from benchmarks.worker import Worker

STREAMS: Final = 200
KEPT: Final = "aiohttp"
WARM_UP: Final = 0.5


@dataclass(frozen=True, slots=True)
class Way:
    """What is measured: ``talk`` both ways, else only from us; ``tls`` or plain."""

    talk: bool
    tls: bool

    def __str__(self) -> str:
        return f"{'both ways' if self.talk else 'sending'}, {'TLS' if self.tls else 'plain'}"


WAYS: Final = tuple(Way(talk, tls) for tls in (False, True) for talk in (False, True))


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds of CPU a message, kB a connection; delays of what came at the peer and at us, sorted, in seconds."""

    cpu: float
    kb: float
    there: Sequence[float]
    here: Sequence[float]


@dataclass(frozen=True, slots=True)
class Sockets:
    """All turns, by way and by library."""

    turns: dict[Way, dict[str, list[Turn]]]

    def cpu(self, way: Way, library: str) -> float:
        """Return the median of the turns, in seconds a message."""
        return statistics.median(turn.cpu for turn in self.turns[way][library])

    def ratio(self, way: Way, library: str) -> float:
        """Return the median of what each turn took against its neighbour with ``KEPT``."""
        pairs = zip(self.turns[way][library], self.turns[way][KEPT], strict=True)
        return statistics.median(one.cpu / kept.cpu for one, kept in pairs)

    def kb(self, way: Way, library: str) -> float:
        """Return the median of the turns."""
        return statistics.median(turn.kb for turn in self.turns[way][library])

    def delay(self, way: Way, library: str, percent: float) -> float:
        """Return the delay of both ends together that so many percent do not exceed, the median of the turns."""
        turns = self.turns[way][library]
        return statistics.median(percentile(sorted([*turn.there, *turn.here]), percent) for turn in turns)


def installed() -> list[str]:
    """Return the libraries that can be measured here."""
    return [name for name in LIBRARIES if name in _ALWAYS or importlib.util.find_spec(name) is not None]


_ALWAYS: Final = frozenset(name for name in LIBRARIES if name not in {"picows", "websockets"})


async def measure(
    folder: Path,
    *,
    streams: int,
    seconds: float,
    rounds: int,
    ways: Sequence[Way] = WAYS,
    say: Callable[[str], None] = lambda _: None,
) -> Sockets:
    """Measure each way with each library, ``rounds`` times in turns."""
    libraries = installed()
    turns: dict[Way, dict[str, list[Turn]]] = {way: {name: [] for name in libraries} for way in ways}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "peer.pem"))
    for way in ways:
        async with Worker("socket_peer", folder / "socket_peer.log") as peer:
            port = await peer.ask("start", certificate=str(folder / "peer.pem") if way.tls else None)
            url = f"{'wss' if way.tls else 'ws'}://localhost:{port}/"
            for number in range(rounds):
                for name in libraries:
                    async with Worker("socket_client", folder / "socket_client.log") as client:
                        ca = str(folder / "ca.pem") if way.tls else None
                        kb = await client.ask("connect", library=name, url=url, count=streams, ca=ca)
                        await _turn(client, peer, way, kb, WARM_UP)
                        turn = await _turn(client, peer, way, kb, seconds)
                    turns[way][name].append(turn)
                    say(f"{way}, turn {number + 1}: {name} {turn.cpu * 1e6:.1f} us a message")
    return Sockets(turns)


async def _turn(client: Worker, peer: Worker, way: Way, kb: float, seconds: float) -> Turn:
    await peer.ask("begin", talk=way.talk)
    await client.ask("begin")
    cpu = client.cpu
    await asyncio.sleep(seconds)
    cpu = client.cpu - cpu
    here = await client.ask("end")
    there = await peer.ask("end")
    return Turn(cpu / (len(here) + len(there)), kb, there, here)


def versions() -> Iterator[str]:
    """Return name and version of each library that is measured."""
    for name in ("aiohttp", "picows", "websockets"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"
