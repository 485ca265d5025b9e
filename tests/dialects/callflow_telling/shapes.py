"""The members that the vendor's own samples have, by their JSONPaths.

8x8: "Session Summary (IVR)", scenarios 1 to 3; "Session Summary (Voice Messaging)", failure; "Call Status (Number
Masking)"; "Voice Call Action (VCA) webhook".
"""

from __future__ import annotations

from typing import Final

_ROOT: Final = "namespace eventType description payload"
_SESSION: Final = "sessionId subAccountId sessionStatus startTime endTime lastAction callCount details"
_PARTIES: Final = (
    "callDirection callType source destination sourceFormat destinationFormat sourceCountryCode destinationCountryCode"
)
_LEG: Final = f"callId {_PARTIES} initiatedTimestamp disconnectedTimestamp callStatus callDuration"
_EVENT: Final = f"eventId callId sessionId subAccountId callStatus {_PARTIES} callDuration sipCode timestamp"


def _under(path: str, names: str) -> set[str]:
    return {f"{path}.{name}" for name in names.split()}


def _leg(name: str, more: str, *, quality: bool) -> set[str]:
    path = f"$.payload.details.{name}"
    measured = _under(path, "callQuality") | _under(f"{path}.callQuality", "mos packetLossRate jitter")
    return _under("$.payload.details", name) | _under(path, f"{_LEG} {more}") | (measured if quality else set())


_VSS: Final = _under("$", f"{_ROOT} version") | _under("$.payload", _SESSION)
STATUS: Final = _under("$", _ROOT) | _under("$.payload", _EVENT)
ACTION: Final = (
    _under("$", _ROOT)
    | _under("$.payload", f"{_EVENT} sourceRefId destinationRefId eventData clientActionId")
    | _under("$.payload.eventData", "dtmf")
)
BRIDGED: Final = (
    _VSS
    | _under("$.payload", "clientRequestId")
    | _leg("callA", "connectedTimestamp sourceRefId", quality=True)
    | _leg("callB", "connectedTimestamp sourceRefId", quality=True)
)
"""Scenario 1."""
BUSY: Final = (
    _VSS
    | _leg("callA", "connectedTimestamp destinationRefId", quality=True)
    | _leg("callB", "sourceRefId", quality=False)
)
"""Scenario 2."""
MESSAGE: Final = (
    _VSS | _under("$.payload", "clientRequestId") | _leg("callA", "connectedTimestamp sourceRefId", quality=True)
)
"""The success of a voice message, with the version and the request's id of the other page."""
HUNG_UP: Final = _VSS | _leg("callA", "connectedTimestamp destinationRefId", quality=True)
"""Scenario 3."""
ERROR: Final = (
    _VSS
    | _under("$.payload", "clientRequestId")
    | _under("$.payload", "errorDetails")
    | _under("$.payload.errorDetails", "errorMsg errorCode")
    | _leg("callA", "sourceRefId", quality=False)
)
"""The failure of a voice message, likewise."""
