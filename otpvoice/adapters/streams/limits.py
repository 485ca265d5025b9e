"""All the numbers of a stream's connection, with their reasons: how long, how much, how often.

Whoever is on the other side is bounded by them and not trusted: what a stream costs us at most stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

TICK = 0.02
"""Seconds: a frame of G.711."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds."""

    connecting: float | None = None
    """For all of a first connection: the question over https, name, TCP, TLS, handshake, and one more try of it all.
    None: the format's."""
    second_try: float = 0.25
    """Before that one more try."""
    first_pause: float = 0.5
    longest_pause: float = 4.0
    """Before a listening stream is connected again: doubled each time, and jittered, between half of it and all."""
    unconnected: float = 30.0
    """After which a listening stream gives up. What it has not sent by then is long dropped."""
    ping: float = 5.0
    """A pong says that all that was written before the ping has been read: how far behind the other side is, at most,
    that is known so often. Who lived for less has proven nothing."""
    silent: float = 30.0
    """Nothing came for so long, not even a pong, nor was anything taken: the other side is gone."""
    stalled: float = 30.0
    """It took nothing for so long. Less would end a stream over one bad minute of somebody's mobile network."""
    closing: float = 2.0
    """From our close frame, or theirs, until the connection is cut."""
    padding: float = 0.1
    """After which the rest of a frame is spoken, filled up with silence: nothing has followed it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken from the other side, and kept for it. Beyond, the close code that is named."""

    queue: float = 5.0
    """Seconds of audio that wait for a side that is slow, or away; then the oldest is dropped, and counted. Slow is
    also who leaves a ping unanswered for so long: their kernel alone takes minutes of speech that nobody reads."""
    unsent: int = 16_384
    """Bytes that wait in the transport before anything more is written to it."""
    send_buffer: int = 65_536
    """Bytes that the kernel holds for a socket (it doubles them): 4 MB, its own choice, would be minutes of speech."""
    controls: int = 1000
    """Marks and digits that wait to be told (1008 ``flood``)."""
    message: int = 1_048_576
    """Bytes (1009 ``too_big``): a minute of speech in one message, as L16 at 8000 Hz or as μ-law."""
    frames_a_second: float = 1000.0
    frames_at_once: float = 20_000.0
    """WebSocket frames of any kind (1008 ``flood``): five minutes of 20 ms each may come in one go."""
    bytes_a_second: float = 1_400_000.0
    bytes_at_once: float = 25_000_000.0
    """Off the network (1008 ``flood``): twenty times L16 at 24 kHz in base64, and five minutes of that in one go."""
    audio_a_second: float = 8.0
    audio_at_once: float = 400.0
    """Seconds of audio (1008 ``flood``), spoken or cleared: what decoding and resampling it may cost."""
    audio: float = 300.0
    """Seconds of audio that wait to be played (1008 ``audio_overflow``)."""
    marks: int = 1000
    """That wait to be played (1008 ``flood``)."""
    mark: int = 1024
    """Characters of a mark's name. A longer one is junk."""
    clears_a_second: float = 20.0
    clears_at_once: float = 100.0
    """Clears (1008 ``flood``): each has Asterisk throw its queue away."""
    junk_a_second: float = 10.0
    junk_at_once: float = 100.0
    """Messages that say nothing (1008 ``junk``): 100 in 10 s."""
    pings_a_second: float = 10.0
    pings_at_once: float = 100.0
    """Pings and pongs (1008 ``flood``)."""
    binary_a_second: float = 5.0
    binary_at_once: float = 50.0
    """Binary messages, which no format has: so many are ignored (1003 ``binary``)."""
    failures: int = 8
    """Connections in a row that failed, or ended before a first pong, until a listening stream gives up."""
    answer: int = 65_536
    """Bytes of the answer to a question over https."""
