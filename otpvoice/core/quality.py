"""How good a call sounds: the E-model (ITU-T G.107, 06/2015), reduced to what RTCP can tell of G.711.

It knows no echo, no noise and no handset: all of that is at the defaults of G.107, table 2. An estimate for comparing
calls, not a measurement of speech.

R = Ro - Is - Id - Ie,eff + A (equation 7-1), where Ro - Is is 93.2 by default and A, the advantage, is 0.
"""

from __future__ import annotations

import math
from typing import Final

R_DEFAULT: Final = 93.2
"""The rating of a connection with all parameters at their defaults (G.107, 7.7)."""
BPL_G711: Final = 4.3
"""Packet-loss robustness of G.711 whose gaps stay silent: the worst case (G.113, appendix I).

RTCP does not tell what a phone does about a gap, so this one is taken: the call may have sounded better, not worse."""
BPL_G711_CONCEALED: Final = 25.1
"""The same with the packet-loss concealment of G.711, appendix I."""
JITTER_BUFFER: Final = 2.0
"""How long a receiver holds audio back, in multiples of the jitter; Asterisk's own score takes the same
(``calc_media_experience_score`` in ``res_rtp_asterisk.c``)."""
_NO_WORSE: Final = 65_536.0
"""Seconds; RTCP's clocks cannot tell more (RFC 3550, 6.4.1)."""


def mean_opinion_score(loss: float, jitter: float, rtt: float) -> float:
    """Return the estimated MOS, 1 to 4.5. ``loss`` is a fraction; ``jitter`` and ``rtt`` are seconds.

    What cannot be (negative, more than all, not a number) counts as the nearest that can, not a number as 0.
    """
    return opinion(rating(loss, jitter, rtt))


def rating(loss: float, jitter: float, rtt: float) -> float:
    """Return the transmission rating R; negative where nobody understands a word. The arguments are as for the MOS.

    The way to the callee takes half of the round trip, and his jitter buffer holds him back further.
    """
    delay = _between(rtt, _NO_WORSE) / 2 + JITTER_BUFFER * _between(jitter, _NO_WORSE)
    return R_DEFAULT - delay_impairment(delay) - loss_impairment(loss)


def delay_impairment(delay: float) -> float:
    """Return Idd, what ``delay`` seconds from mouth to ear cost (G.107, equations 7-27 and 7-28); 0 up to 0.1 s.

    With the default sensitivity (sT 1, mT 100 ms). It is all of Id here: without echo, Idte and Idle are 0.
    """
    if delay <= 0.1:
        return 0.0
    x = math.log2(delay / 0.1)
    return 25 * (_sixth_root(1 + x**6) - 3 * _sixth_root(1 + (x / 3) ** 6) + 2)


def loss_impairment(loss: float, bpl: float = BPL_G711, burst_ratio: float = 1.0) -> float:
    """Return Ie,eff, what a ``loss`` (a fraction) of the packets costs (G.107, equation 7-29, with G.711's Ie of 0).

    ``burst_ratio``: 1 where packets get lost at random, which is what is assumed, since RTCP does not tell.
    """
    percent = 100 * _between(loss, 1.0)
    return 95 * percent / (percent / burst_ratio + bpl)


def opinion(r: float) -> float:
    """Return the MOS of a rating (G.107, annex B): 1 to 4.5.

    Between R 0 and 6.5 the polynomial dips below 1, which no listener can say; there it is 1.
    """
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def _sixth_root(value: float) -> float:
    return math.pow(value, 1 / 6)


def _between(value: float, most: float) -> float:
    """Return what lies between 0 and ``most``; not a number is 0."""
    return min(most, value) if value > 0 else 0.0
