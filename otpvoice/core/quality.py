"""How good a call sounds, by the E-model (ITU-T G.107), reduced to what RTCP can tell of G.711."""

from __future__ import annotations

R_DEFAULT = 93.2
"""All parameters at their defaults (G.107, table 2)."""
BPL_G711 = 4.3
"""Packet-loss robustness of G.711 without concealment, which is the worst case (G.113, appendix I)."""


def mean_opinion_score(loss: float, jitter: float, rtt: float) -> float:
    """Return the estimated MOS, 1 to 4.5. ``loss`` as a fraction; ``jitter`` and ``rtt`` in seconds."""
    delay = (rtt / 2 + 2 * jitter) * 1000  # ms; a jitter buffer holds about twice the jitter
    impaired_by_delay = 0.024 * delay + (0.11 * (delay - 177.3) if delay > 177.3 else 0.0)
    percent = loss * 100
    impaired_by_loss = 95 * percent / (percent + BPL_G711)
    r = min(100.0, max(0.0, R_DEFAULT - impaired_by_delay - impaired_by_loss))
    return max(1.0, min(4.5, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6))  # G.107, annex B
