"""ARI's events as core happenings. Pure; what no call needs to know is None.

Source: ``rest-api/api-docs/events.json`` of Asterisk 22 and the sequences that the tests record.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeAlias

from otpvoice.ari.router import AriEvent
from otpvoice.core.events import (
    CallAnswered,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitReceived,
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
``ChannelDtmfReceived`` is not among them: while two parties talk the media leg is out of it, and a filter is an
application's, not a channel's. Keys are secret. This tells them to nobody but our own socket, where nothing of an event
but its type is ever logged. What is collected comes over the media socket: here, keys that follow each other within
45 ms come twice (``main/channel.c``, ``__ast_read``)."""


Told: TypeAlias = CallProgressed | CallAnswered | CallHeld | CallResumed | DigitReceived | CallEnded


def translate(event: AriEvent, hangup: AriEvent | None) -> Told | None:
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
        case "ChannelDtmfReceived":
            return DigitReceived(str(event["digit"]), at)
        case "ChannelDestroyed":
            return CallEnded(
                at,
                cause=number(event.get("cause")),
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
    status = number(event.get("tech_cause"))
    return status if status is not None and 300 <= status <= 699 else None


def instant(event: AriEvent) -> float:
    """Return the event's own time in Unix seconds."""
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def quality(statistics: AriEvent, at: float) -> QualitySampled | None:
    """Return what matters of ``GET /channels/{id}/rtp_statistics``; None until the far end has reported by RTCP.

    What counts is the way to the callee, so loss and jitter are those of what we transmit, as the far end reports them
    (RFC 3550, 6.4), and stand for the whole call so far. Times come in seconds. Four traps of ``res_rtp_asterisk.c``:

    - ``ast_rtp_get_stat`` gives the far end's jitter as ``rxjitter``; ``txjitter`` is that of what we receive.
    - ``ast_rtcp_interpret`` reads the count of lost packets without its sign: -1, after a copy, is ``0xffffff``.
    - ``update_rtt_stats`` keeps a round trip that came out negative, on a fast line, as some 65536 s, but not in
      ``maxrtt`` and not in the mean. It is 0 until the far end has answered a report of ours, the first after 5 s.
    - All is 0 before the first report, as it is on a perfect line; but Asterisk's own score of what was reported,
      ``rxmes``, is never 0 from then on.
    """
    sent, score, lost = statistics.get("txcount"), statistics.get("rxmes"), statistics.get("txploss")
    jitter, rtt = statistics.get("rxjitter"), statistics.get("rtt")
    if not sent or not score or lost is None or jitter is None or rtt is None:
        return None
    if rtt > statistics.get("maxrtt", rtt):
        rtt = statistics.get("normdevrtt", 0.0)
    loss = min(1.0, lost / sent) if lost < 0x800000 else 0.0
    return QualitySampled(
        at,
        mos=round(mean_opinion_score(loss, jitter, rtt), 2),
        jitter_ms=round(jitter * 1000, 2),
        loss=round(loss, 4),
        rtt_ms=round(rtt * 1000, 2) if rtt else None,
    )


def number(value: object) -> int | None:
    """Return what is an integer, else None."""
    return value if isinstance(value, int) else None
