"""The buckets of all histograms: upper bounds, in seconds but for the opinion score."""

from __future__ import annotations

from typing import Final

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0

RING: Final = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
"""Until a telephone rings, or somebody answers it. Post-dial delay is good below 3 s and bad above 10."""
TALK: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 45.0, _MINUTE, 120.0, 300.0, 900.0, _HOUR, 4 * _HOUR)
FIRST_AUDIO: Final = (0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""From the answer to the first frame; our budget is 40 ms for 99 of 100 calls."""
OPINION: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3, 4.4, 4.5)
"""MOS: below 3.6 many are dissatisfied (ITU-T G.107, annex B); G.711 without loss is 4.4."""
LAG: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Of the event loop; our budget is 20 ms."""
REQUEST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
POST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
"""Of a webhook or a question: nothing waits longer than 15 s."""
WEBHOOK_LAG: Final = (
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(_MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, _DAY, 3 * _DAY),
)
"""At once, or after some of the ten attempts of three days."""
RENDER: Final = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
