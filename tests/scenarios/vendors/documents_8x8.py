"""What 8x8's pages say that is posted: its fields, their types, and which of them may be absent.

From "Voice Call Action (VCA) webhook", "Session Summary (IVR)", "Session Summary (Voice Messaging)" and "Call Status
(Number Masking)". Where a page and its own example differ, the example counts (``callDuration`` is a number).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from tests.scenarios.vendors.tables import (
    Optional,
    country,
    extension,
    integer,
    milliseconds_utc,
    msisdn,
    nullable,
    one_of,
    seconds_utc,
    text,
    uuid,
)

Table: TypeAlias = dict[str, Any]

_LEG: Final[Table] = {
    "callId": uuid,
    "callDirection": one_of("INBOUND", "OUTBOUND"),
    "callType": one_of("PSTN", "VOIP"),
    "source": nullable(msisdn),  # withheld by who called in
    "destination": lambda number: msisdn(number) or extension(number),
    "sourceFormat": one_of("MSISDN"),
    "destinationFormat": one_of("MSISDN"),
    "sourceCountryCode": nullable(country),
    "destinationCountryCode": nullable(country),  # an extension is of none
    "sourceRefId": Optional(nullable(text)),
    "destinationRefId": Optional(nullable(text)),
    "callDuration": integer,
}
"""What is said of a leg wherever it is spoken of."""
_EVENT: Final[Table] = _LEG | {
    "eventId": uuid,
    "sessionId": uuid,
    "subAccountId": text,
    "sipCode": integer,
    "timestamp": milliseconds_utc,
}


def _envelope(event: str, description: str, payload: Table) -> Table:
    return {
        "namespace": one_of("VOICE"),
        "eventType": one_of(event),
        "description": one_of(description),
        "payload": payload,
    }


VCA: Final = _envelope(
    "CALL_ACTION",
    "Action request of a call",
    _EVENT
    | {
        "callStatus": one_of("ACTION_COMPLETED", "CALL_RECEIVED"),
        "eventData": Optional({"dtmf": nullable(text)}),
        "clientActionId": Optional(nullable(text)),
    },
)
VCS: Final = _envelope(
    "CALL_STATUS",
    "Status update of a call",
    _EVENT
    | {
        "callStatus": one_of(
            *("CALL_INITIATED", "CALL_RECEIVED", "CALL_CONNECTED", "CALL_DISCONNECTED", "CALL_UPDATED"),
            "DTMF_RECEIVED",
        ),
        "sipCode": Optional(integer),
        "eventData": Optional({"dtmf": nullable(text)}),
    },
)
_ENDS: Final = ("COMPLETED", "BUSY", "NO_ANSWER", "FAILED", "CANCELED", "ERROR")
_SUMMED: Final = _LEG | {
    # Null where a scenario's values were wrong, and there is no number in what it would have dialled.
    "destination": nullable(lambda number: msisdn(number) or extension(number)),
    "initiatedTimestamp": seconds_utc,
    "connectedTimestamp": Optional(seconds_utc),
    "disconnectedTimestamp": seconds_utc,
    "callStatus": one_of(*_ENDS),
    "callQuality": Optional(
        {
            "mos": lambda mos: 1 <= mos <= 5,
            "packetLossRate": lambda rate: 0 <= rate <= 1,
            "jitter": integer,
        }
    ),
}
VSS: Final = _envelope(
    "SESSION_SUMMARY",
    "Summary of a completed call session",
    {
        "sessionId": uuid,
        "subAccountId": text,
        "sessionStatus": one_of(*_ENDS),
        "startTime": seconds_utc,
        "endTime": seconds_utc,
        "lastAction": one_of("MAKE_CALL", "SAY", "PLAY_FILE", "SAY_AND_CAPTURE", "HANGUP"),
        "callCount": integer,
        "clientRequestId": Optional(text),
        "errorDetails": Optional({"errorMsg": text, "errorCode": integer}),
        "details": {"callA": Optional(_SUMMED), "callB": Optional(_SUMMED)},
    },
) | {"version": Optional(one_of(5))}
POSTED: Final = {"VCA": VCA, "VCS": VCS, "VSS": VSS}
"""By the type of the webhook."""
ANSWER: Final[Table] = {
    "sessionId": Optional(uuid),
    "sessionStatus": one_of("CREATED", "NOT_CREATED"),
    "callFlowRequestId": uuid,
    "validUntil": Optional(milliseconds_utc),
    "statusCode": integer,
    "statusMessage": text,
}
"""What ``POST …/callflows`` answers ("Send Callflow")."""
ERRORS: Final[Mapping[int, str]] = {
    -2001: "An internal error has occurred",
    -2002: "An internal connectivity error has occurred",
    -2003: "The call flow provided is invalid",
    -2004: "No coverage available for requested area",
    -2005: "Unable to synthesize text to speech",
    -2006: "Unable to download file for playback",
    -2007: "The validity period of the call flow request has expired",
    -2008: "The provided source MSISDN or caller ID is not whitelisted",
    -2009: "The scenario parameters provided is invalid",
    -2010: "The trunk capacity has been exceeded",
    -9999: "An unknown error has occurred",
}
""" "Voice Error Codes"."""
