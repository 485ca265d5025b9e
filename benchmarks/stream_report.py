"""What was measured of streams and of WebSocket libraries, as lines of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.coded import LATE
from benchmarks.report import Line
from benchmarks.rig import Who
from benchmarks.sockets import KEPT, Sockets
from benchmarks.stream_rig import Mode, Window
from benchmarks.streams import Climb, Relays, holds, lost, of_window

RELAY_RATIO: Final = 1.3
_NAMES: Final = {Who.BARE: "bare relay", Who.PRODUCT: "product"}
_MODES: Final[dict[Mode, str]] = {"listen": "listening", "talk": "both ways"}
_WAYS: Final = {"there": "phone to peer", "here": "peer to phone"}


def of_relays(relays: Relays) -> Iterator[Line]:
    """Tell what a frame costs, and how late it is."""
    remark = "in the product's figures below: records, logs, samples of quality"
    yield Line("CPU of a call without a stream, in 20 ms", relays.silent, "µs", None, remark)
    for mode, turns in relays.windows.items():
        streams = turns[Who.PRODUCT][0].streams
        for who in turns:
            remark = f"{streams} streams, {_MODES[mode]}"
            yield Line(f"CPU of {_NAMES[who]}, a frame of 20 ms", relays.us(mode, who), "µs", None, remark)
        remark = f"{_MODES[mode]}; median of neighbouring turns; others kept {relays.disturbed:.2f} cores busy"
        yield Line("relay to bare relay", relays.ratio(mode), "×", RELAY_RATIO, remark)
        for end in ("there",) if mode == "listen" else ("there", "here"):
            for who in turns:
                remark = f"{_NAMES[who]}, {streams} streams, {_MODES[mode]}"
                for percent in (50, 99):
                    yield Line(f"{_WAYS[end]}, p{percent}", relays.ms(mode, who, end, percent), "ms", None, remark)


def of_climb(climb: Climb) -> Iterator[Line]:
    """Tell how many streams hold."""
    last = climb.steps[-1]
    late = f"later than {1000 * LATE:.0f} ms"
    if climb.reached is not None:
        remark = f"by the CPU of {climb.reached.streams} streams, under 1 % of whose frames were lost or {late}"
        yield Line("streams a core", climb.per_core, "", None, remark)
    reached = 0 if climb.reached is None else climb.reached.streams
    yield Line("streams that hold", reached, "", None, f"at {last.streams}: {of_window(last)}")


def of_stream_memory(streaming: float, silent: float, streams: int) -> Iterator[Line]:
    """Tell what a stream takes of memory."""
    remark = f"{streams} calls with a stream ({streaming:.0f} kB each), less as many without ({silent:.0f} kB)"
    yield Line("memory of a stream", streaming - silent, "kB", None, remark)


def of_soak(windows: Sequence[Window]) -> Iterator[Line]:
    """Tell how many streams ran for a minute without a gap, or what they lost."""
    for window in windows:
        remark = of_window(window) + ("" if holds(window) else "; did not hold")
        yield Line(
            f"{window.streams} streams for {window.seconds:.0f} s, lost frames", lost(window.there), "", 0, remark
        )


def of_sockets(sockets: Sockets, streams: int) -> Iterator[Line]:
    """Tell what a message costs with each library."""
    for way, by_library in sockets.turns.items():
        for library in by_library:
            p50, p99 = (1000 * sockets.delay(way, library, percent) for percent in (50, 99))
            remark = (
                f"{sockets.ratio(way, library):.2f} × {KEPT}; p50 · p99 {p50:.2f} · {p99:.2f} ms; "
                f"{sockets.kb(way, library):.0f} kB a connection"
            )
            yield Line(f"{library}, {streams} connections, {way}", 1e6 * sockets.cpu(way, library), "µs", None, remark)
