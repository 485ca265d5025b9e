"""Slower and faster without a change of pitch, for engines and recordings that have one speed.

WSOLA (Verhelst and Roelands, 1993): sound is taken over as it is, and where it has drifted too far from its new time,
it jumps to a place near by that goes on most like it would have gone on. So each wave keeps its length, and with it
the pitch; what is jumped over, or heard twice, is a wave or some hiss.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from otpvoice.media.clip import MASTER_RATE
from otpvoice.media.sound.samples import Samples

SLOWEST: Final = 0.5
FASTEST: Final = 2.0

_HOP: Final = MASTER_RATE // 50
_REACH: Final = MASTER_RATE // 100
"""How far from its time a sound may be: a wave of the deepest voice is within it, to one side or the other."""
_ALIKE: Final = MASTER_RATE // 60
"""How much of it is compared, at most."""
_CROSSING: Final = MASTER_RATE // 125
_NEARER: Final = 1e-4
"""Of two places that are as good, the one nearer to its time."""
_TOO_LONG: Final = 0.015
"""How much longer or shorter it may become, so that its end, which it keeps, goes on from what is before it."""


def stretched(master: Samples, speed: float) -> Samples:
    """Return a master so many times as fast: from its beginning to its end, its pitch as it was.

    Its length is within 2 %; ``finish`` cuts and fades its ends anew, which have no other speed. What is shorter than
    50 ms, or would become shorter than 40 ms, has too few waves, and stays as it is. Raises ``ValueError`` for a speed
    below ``SLOWEST`` or above ``FASTEST``.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise ValueError(f"{speed} is no speed from {SLOWEST} to {FASTEST}")
    wanted = round(len(master) / speed)
    hops = wanted // _HOP - 1
    # From there on, there would be too little left to go over from.
    last = len(master) - _HOP - _CROSSING - _REACH
    if speed == 1 or hops < 1 or last < _REACH:
        return master
    out, onward = [master[:_HOP]], _HOP
    for start in range(_HOP, hops * _HOP, _HOP):
        place, crossing = _continued(master, onward, min(round(start * speed), last), _REACH)
        out += (crossing, master[place + _CROSSING : place + _HOP])
        onward = place + _HOP
    due = len(master) - (wanted - hops * _HOP)
    place, crossing = _continued(master, onward, due, min(round(_TOO_LONG * wanted), _REACH))
    return np.concatenate((*out, crossing, master[place + _CROSSING :]))


def _continued(master: Samples, onward: int, due: int, reach: int) -> tuple[int, Samples]:
    """Return where it goes on, near ``due``, and the first samples of it, into which it goes over from ``onward``."""
    if abs(onward - due) <= reach:
        return onward, master[onward : onward + _CROSSING]
    place, likeness = _best(master, onward, due, reach)
    return place, _crossed(master, onward, place, likeness)


def _best(master: Samples, onward: int, due: int, reach: int) -> tuple[int, float]:
    """Return the place near ``due`` that is most like what goes on at ``onward``, and how much: 0 to 1."""
    length = min(_ALIKE, len(master) - onward, len(master) - due - reach)
    wanted = master[onward : onward + length]
    near = master[due - reach : due + reach + length]
    powers = np.convolve(near * near, np.ones(length, np.float32), "valid")
    power = float(np.sum(wanted * wanted))
    likeness = np.correlate(near, wanted, "valid") / np.sqrt(np.maximum(powers, 0) * power + 1e-12)
    found = int(np.argmax(likeness - _NEARER * np.abs(np.arange(-reach, reach + 1)) / _REACH))
    return due - reach + found, min(max(float(likeness[found]), 0.0), 1.0)


def _crossed(master: Samples, onward: int, place: int, likeness: float) -> Samples:
    """Return what goes over from the one to the other, as loud as they are, be they alike (waves) or not (hiss)."""
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_CROSSING) + 0.5) / _CROSSING)
    fall = 1 - rise
    power = rise**2 + fall**2 + 2 * likeness * rise * fall
    crossed = fall * master[onward : onward + _CROSSING] + rise * master[place : place + _CROSSING]
    return (crossed / np.sqrt(power)).astype(np.float32)
