"""One leg of a session as 8x8 shows it, in events as in the summary.

We have no virtual numbers, so that the reference of one is always null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from otpvoice.dialects.callflow.countries import country_of
from otpvoice.dialects.callflow.status import leg_word, sip_code
from otpvoice.dialects.seen import Seen, to_the_second
from otpvoice.dialects.session_ids import session_of, uuid_of

INBOUND: Final = "INBOUND"
OUTBOUND: Final = "OUTBOUND"
NO_MORE_MS: Final = 65_536_000
"""RTCP's clocks cannot tell more jitter (RFC 3550, section 6.4.1)."""


def call_id_of(session: str, number: int) -> str:
    """Return the ``callId`` of a session's leg: 1 the first, 2 the one that was called second, and so on."""
    return uuid_of(session, "call", str(number))


@dataclass(frozen=True, slots=True)
class Leg:
    """Leg ``number`` (from 1) of a session. Instants in Unix seconds, None where there was none."""

    session: str
    number: int
    direction: str
    source: str | None
    destination: str | None
    initiated: float | None
    connected: float | None
    disconnected: float | None
    outcome: Seen = field(repr=False)
    quality: Seen = field(repr=False)
    seconds: int | None = None  # of talk, where the record has it

    @property
    def id(self) -> str:
        """``callId``."""
        return call_id_of(self.session, self.number)

    def duration(self, at: float | None) -> int:
        """Return for how many seconds it had been connected at an instant."""
        if self.connected is None or at is None:
            return 0
        return max(0, int(at - self.connected))

    def parties(self) -> dict[str, Any]:
        """Return who is connected with whom, as every payload has it."""
        return {
            "callDirection": self.direction,
            "callType": "PSTN",
            "source": self.source,
            "destination": self.destination,
            "sourceFormat": "MSISDN",
            "destinationFormat": "MSISDN",
            "sourceCountryCode": country_of(self.source),
            "destinationCountryCode": country_of(self.destination),
        }

    def sip_code(self) -> int:
        """Return how it ended by SIP."""
        return sip_code(self.outcome, connected=self.connected is not None)

    def summary(self, at: float) -> dict[str, Any]:
        """Return its entry in a summary; ``at``: when it was over, where that is not known."""
        disconnected = at if self.disconnected is None else self.disconnected
        known = (one for one in (self.initiated, self.connected, disconnected) if one is not None)
        seconds = self.seconds if self.seconds is not None else self.duration(self.disconnected)
        return {
            "callId": self.id,
            "initiatedTimestamp": to_the_second(next(known)),
            **({} if self.connected is None else {"connectedTimestamp": to_the_second(self.connected)}),
            "disconnectedTimestamp": to_the_second(disconnected),
            **self.parties(),
            ("destinationRefId" if self.direction == INBOUND else "sourceRefId"): None,
            "callStatus": leg_word(self.outcome, connected=self.connected is not None).value,
            "callDuration": seconds,
            **_quality(self.quality),
        }


def legs_of(call: Seen) -> tuple[Leg, ...]:
    """Return the legs of a record: the first one always, also where nobody was dialled, then the others in order."""
    entries = call.parts("legs")
    firsts = [entry for entry in entries if entry.text("role") == "first"]
    seconds = [entry for entry in entries if entry.text("role") == "second"]
    return (_first(call, firsts[0] if firsts else Seen()), *(_second(call, n, leg) for n, leg in enumerate(seconds, 2)))


def _first(call: Seen, entry: Seen) -> Leg:
    talk_ms, ended = call.number("talk_ms"), call.instant("ended_at")
    initiated = call.instant("dialed_at")
    return Leg(
        session=session_of(call.text("id") or ""),
        number=1,
        direction=INBOUND if call.text("direction") == "inbound" else OUTBOUND,
        source=call.text("from"),
        destination=call.text("to"),
        initiated=initiated if initiated is not None else call.instant("created_at"),
        connected=call.instant("answered_at"),
        disconnected=ended,
        outcome=call.part("outcome"),
        quality=entry.part("quality"),
        # Where its end was not seen, nobody knows for how long it was talked on; then the record has nothing.
        seconds=_seconds(talk_ms) if talk_ms is not None else (None if ended is None else 0),
    )


def _second(call: Seen, number: int, entry: Seen) -> Leg:
    inbound = call.text("direction") == "inbound"
    ended = entry.instant("ended_at")
    # It was on when we died, and its end was not seen either.
    unseen = call.number("talk_ms") is None and ended is not None and ended == call.instant("ended_at")
    return Leg(
        session=session_of(call.text("id") or ""),
        number=number,
        direction=OUTBOUND,
        # A caller's own number is not ours to show.
        source=entry.text("from") or (None if inbound else call.text("from")),
        destination=entry.text("to"),
        initiated=entry.instant("dialed_at"),
        connected=entry.instant("answered_at"),
        disconnected=ended,
        outcome=entry.part("outcome"),
        quality=entry.part("quality"),
        seconds=0 if unseen else None,
    )


def _seconds(ms: float) -> int:
    return max(0, int(ms // 1000))


def _quality(sample: Seen) -> dict[str, Any]:
    mos, loss, jitter = sample.number("mos"), sample.number("loss"), sample.number("jitter_ms")
    if mos is None or loss is None or jitter is None:
        return {}
    quality = {
        "mos": round(min(5.0, max(1.0, mos)), 1),
        "packetLossRate": round(min(1.0, max(0.0, loss)), 4),
        "jitter": round(min(NO_MORE_MS, max(0.0, jitter))),
    }
    return {"callQuality": quality}
