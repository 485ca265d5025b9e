"""A call's audio at a customer's WebSocket: dialled, signed, bounded in every direction, and told of once at its end.

It knows formats by their words only, and Asterisk not at all.
"""

from otpvoice.adapters.streams.credentials import SIGNATURE, SIGNED_FOR, TIMESTAMP, sign
from otpvoice.adapters.streams.limits import Limits, Timings
from otpvoice.adapters.streams.ports import Connected, Ended, Mouth, Streamed
from otpvoice.adapters.streams.stream import MediaStream
from otpvoice.adapters.streams.streams import Streams

__all__ = [
    "SIGNATURE",
    "SIGNED_FOR",
    "TIMESTAMP",
    "Connected",
    "Ended",
    "Limits",
    "MediaStream",
    "Mouth",
    "Streamed",
    "Streams",
    "Timings",
    "sign",
]
