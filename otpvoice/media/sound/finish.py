"""From sound as it came to a clip: what an engine said, and what somebody recorded.

The same sound in, the same clip out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from otpvoice.media.clip import EDGE, EMPTY, MASTER_RATE, Clip
from otpvoice.media.sound.edges import MASTER_EDGE, cut, extent, faded, steadied
from otpvoice.media.sound.level import LOUDEST, levelled
from otpvoice.media.sound.rates import to_master, to_telephone
from otpvoice.media.sound.samples import Samples, pcm_of, samples_of
from otpvoice.media.sound.stretch import stretched
from otpvoice.media.wav import Wave

_SPREAD: Final = MASTER_RATE // 50
_SOFT: Final = MASTER_RATE // 1000


def finish_speech(wave: Wave, speed: float = 1.0) -> Clip:
    """Return what an engine made: its own silence off, so many times as fast, levelled; ``EMPTY`` if it is silent.

    Raises ``ValueError`` for half a sample, a rate that is none, and a speed that is not from 0.5 to 2.
    """
    samples = samples_of(wave.pcm)
    # Sound that begins with its first sample would else lose what the filter spreads to before it. What it makes of the
    # padding's own edge is cut off.
    padded = np.pad(samples, max(wave.rate, 0) // 25, "edge" if len(samples) else "constant")
    sound = to_master(padded, wave.rate)[_SPREAD:-_SPREAD]
    spoken = extent(sound)
    if spoken is None:
        return EMPTY
    steady = steadied(sound)
    if speed != 1:
        steady = faded(stretched(steady[spoken], speed), _SOFT)
        spoken = slice(0, len(steady))
    return _clip(cut(steady, spoken, MASTER_EDGE))


def finish_recording(wave: Wave) -> Clip:
    """Return a recording: levelled, and as long as it was, for its pauses are meant.

    Raises ``ValueError`` for half a sample and a rate that is none.
    """
    return _clip(steadied(to_master(samples_of(wave.pcm), wave.rate)))


def _clip(sound: Samples) -> Clip:
    master, telephone = levelled(faded(sound, MASTER_EDGE), faded(to_telephone(sound), EDGE))
    return Clip(pcm_of(master, LOUDEST), pcm_of(telephone, LOUDEST))
