"""ARI's events as core happenings. Pure; what no call needs to know is None.

Source: ``rest-api/api-docs/events.json`` of Asterisk 22 and the sequences that the tests record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from otpvoice.ari.router import AriEvent
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    Happening,
    QualitySampled,
)
from otpvoice.core.quality import mean_opinion_score

UNWANTED: Final = (
    "ApplicationMoveFailed",
    "BridgeBlindTransfer",
    "BridgeCreated",
    "BridgeDestroyed",
    "BridgeVideoSourceChanged",
    "ChannelCallerId",
    "ChannelConnectedLine",
    "ChannelCreated",
    "ChannelDialplan",
    "ChannelDtmfReceived",
    "ChannelEnteredBridge",
    "ChannelTalkingFinished",
    "ChannelTalkingStarted",
    "ChannelToneDetected",
    "ChannelTransfer",
    "ChannelUserevent",
    "ChannelVarset",
    "ContactStatusChange",
    "DeviceStateChanged",
    "EndpointStateChange",
    "PeerStatusChange",
    "PlaybackContinuing",
    "PlaybackFinished",
    "PlaybackStarted",
    "TextMessageReceived",
)
"""Event types that Asterisk need not send: about half of the traffic.

By ``disallowed``, because a list of allowed types would silently drop ``RESTResponse`` too (``res/stasis/app.c``).
``ChannelDtmfReceived`` is among them: keys are secret, doubled there when they follow each other within 45 ms, and
exact on the media socket."""


def translate(event: AriEvent, hangup: AriEvent | None) -> Happening | None:
    """Return what an event of a call's own channel means.

    ``hangup``: the ``ChannelHangupRequest`` of the far end that came before, if one did. Only that one carries the
    remote's SIP code; elsewhere ``tech_cause`` is made up by Asterisk (a ring timeout of its own shows 480).
    """
    at = instant(event)
    match event["type"]:
        case "ChannelStateChange" if event["channel"]["state"] == "Ringing":
            return CallProgressed(at, ringing=True)
        case "Dial" if event.get("dialstatus") in ("RINGING", "PROGRESS"):
            return CallProgressed(at, ringing=event["dialstatus"] == "RINGING")
        case "StasisStart":
            return CallAnswered(at)
        case "ChannelHold":
            return CallHeld(at)
        case "ChannelUnhold":
            return CallResumed(at)
        case "ChannelDestroyed":
            return CallEnded(
                at,
                cause=_number(event.get("cause")),
                sip_status=sip_status(hangup) if hangup is not None else None,
                by_callee=hangup is not None,
            )
        case _:
            return None


def asked_by_callee(event: AriEvent) -> bool:
    """Is this the far end's wish to end the call? Our own DELETE comes back as a *soft* request."""
    return event["type"] == "ChannelHangupRequest" and not event.get("soft", False)


def sip_status(event: AriEvent) -> int | None:
    """Return the final response that a ``ChannelHangupRequest`` carries (``tech_cause``, Asterisk ≥ 22.7)."""
    status = _number(event.get("tech_cause"))
    return status if status is not None and 300 <= status <= 699 else None


def instant(event: AriEvent) -> float:
    """Return the event's own time in Unix seconds."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def quality(statistics: AriEvent, at: float) -> QualitySampled | None:
    """Return what matters of ``GET /channels/{id}/rtp_statistics``; None until the far end has reported by RTCP.

    What counts is the way to the callee, so jitter and loss are those of what we transmit, as the far end reports them
    (RFC 3550, 6.4). Asterisk gives seconds; a round trip of 0 means that no report has come.
    """
    sent, lost = statistics.get("txcount"), statistics.get("txploss")
    jitter, rtt = statistics.get("txjitter"), statistics.get("rtt")
    if not (sent and rtt) or lost is None or jitter is None:
        return None
    loss = min(1.0, max(0, lost) / sent)
    return QualitySampled(
        at,
        mos=round(mean_opinion_score(loss, jitter, rtt), 2),
        jitter_ms=round(jitter * 1000, 2),
        loss=round(loss, 4),
        rtt_ms=round(rtt * 1000, 2),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
