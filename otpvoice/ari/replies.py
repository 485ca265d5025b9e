"""Did the far end send any SIP response at all? Read from a channel's last event; no request, and no guess.

PJSIP makes a final response up where none came: 408 when timer B fires, 503 when the transport fails or the name does
not resolve (``pjsip/sip_msg.h``). Each response that did come, 100 Trying too, chan_pjsip notes under the name of the
channel (``channels/chan_pjsip.c``, ``chan_pjsip_incoming_response_update_cause``). ``HANGUPCAUSE_KEYS()`` lists these
names, and ``channelvars`` in ``ari.conf`` puts it into every event.
"""

from __future__ import annotations

from typing import Final

from otpvoice.ari.router import AriEvent

NOTED: Final = "HANGUPCAUSE_KEYS()"
"""Of ``func_hangupcause.so``. Without that module Asterisk logs an error with each event, and shows it empty."""


def replied(destroyed: AriEvent) -> bool | None:
    """Return whether any response came, by a ``ChannelDestroyed``; None where this Asterisk does not say.

    In no other event does an empty list prove anything: a ``ChannelHangupRequest`` is one response behind.
    """
    noted = destroyed["channel"].get("channelvars", {}).get(NOTED)
    return None if noted is None else bool(noted)


REDIRECTION: Final = 23
"""Q.850: redirection to new destination."""


def redirected(event: AriEvent) -> bool:
    """Say whether this event tells of a 3xx with a Contact.

    Asterisk drops the channel for it (``main/dial.c``, ``handle_call_forward``), and of its two threads the one that
    drops may be first: then no ``ChannelHangupRequest`` comes, and ``ChannelDestroyed`` has cause 0.
    """
    return event["type"] == "Dial" and bool(event.get("forward"))
