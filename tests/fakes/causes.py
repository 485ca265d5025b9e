"""How calls end: SIP status, Q.850 cause, and what Asterisk makes of them.

Tables alone. The mapping is the one of Asterisk 22 (res/res_pjsip.c ``ast_sip_hangup_sip2cause``,
channels/chan_pjsip.c ``hangup_cause2sip``, main/dial.c ``ast_hangup_cause_to_dial_status``).
"""

from __future__ import annotations

from typing import Final

NORMAL: Final = 16
BUSY: Final = 17
NO_USER_RESPONSE: Final = 18
NO_ANSWER: Final = 19
NETWORK_OUT_OF_ORDER: Final = 38
# What ChannelHangupRequest says when we asked for it: AST_SOFTHANGUP_EXPLICIT, not a Q.850 cause.
SOFT_HANGUP_EXPLICIT: Final = 32

CAUSE_OF_SIP: Final = {
    302: 23,
    401: 21,
    403: 21,
    404: 1,
    407: 21,
    408: 18,
    409: 41,
    410: 22,
    420: 3,
    480: 19,
    483: 19,
    484: 28,
    485: 1,
    486: 17,
    488: 58,
    500: 38,
    501: 29,
    502: 27,
    504: 102,
    505: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 58,
}

SIP_OF_CAUSE: Final = {
    1: 404,
    2: 404,
    3: 404,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    23: 302,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 500,
    42: 503,
    58: 488,
    66: 503,
    127: 500,
}

TEXT_OF_CAUSE: Final = {
    1: "Unallocated (unassigned) number",
    2: "No route to specified transmit network",
    3: "No route to destination",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    22: "Number changed",
    23: "Redirected to new destination",
    26: "Answered elsewhere",
    27: "Destination out of order",
    28: "Invalid number format",
    29: "Facility rejected",
    31: "Normal, unspecified",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    41: "Temporary failure",
    58: "Bearer capability not available",
    102: "Recover on timer expiry",
    127: "Interworking, unspecified",
}

# DELETE /channels/{id}?reason=
CAUSE_OF_REASON: Final = {
    "normal": 16,
    "busy": 17,
    "congestion": 34,
    "no_answer": 19,
    "timeout": 18,
    "rejected": 21,
    "unallocated": 1,
    "normal_unspecified": 31,
    "number_incomplete": 28,
    "codec_mismatch": 58,
    "interworking": 127,
    "failure": 38,
    "answered_elsewhere": 26,
}


def cause_of_sip(status: int) -> int:
    """The Q.850 cause that chan_pjsip reports for a final SIP response."""
    if status in CAUSE_OF_SIP:
        return CAUSE_OF_SIP[status]
    return 34 if 500 <= status < 600 else 127


def cause_text(cause: int) -> str:
    return TEXT_OF_CAUSE.get(cause, "Unknown")


def dial_status(cause: int) -> str:
    """The last ``Dial.dialstatus`` of an attempt that ended with this cause: lossy, as in Asterisk."""
    return {17: "BUSY", 34: "CONGESTION", 3: "CHANUNAVAIL", 20: "CHANUNAVAIL"}.get(cause, "NOANSWER")
