"""The names of events ("Voice - Events"), and of what they tell: an action's name is in its ``id``, a gather's also in
its ``tag``, so that whoever tells needs to remember nothing of what was asked for.
"""

from __future__ import annotations

from typing import Final

INCOMING_CALL: Final = "incoming_call"
DIAL_COMPLETED: Final = "dial_completed"
PLAY_COMPLETED: Final = "play_completed"
SPEAK_COMPLETED: Final = "speak_completed"
SEND_DTMF_COMPLETED: Final = "send_dtmf_completed"
"""The vendor's pages name no event after ``send_dtmf``; without one nobody could say what comes next."""
CALL_LEG_COMPLETED: Final = "call_leg_completed"
CALL_COMPLETED: Final = "call_completed"

DIAL: Final = "dial"
PLAY: Final = "play"
SPEAK: Final = "speak"
SEND_DTMF: Final = "send_dtmf"
HANGUP: Final = "hangup"

HOOK: Final = "event"
"""The one endpoint that a call has, as its plan calls it."""
SPELLING: Final = "jsonrpc"
EXTERNAL_ID: Final = "external_id"
"""How the sender calls this call: in the request, in the call's metadata, in each of its events."""
PATIENCE: Final = 10.0
"""Seconds for the answer to an event: what the vendor allows for is not said."""
