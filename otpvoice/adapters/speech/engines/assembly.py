"""One engine of each kind, as the settings allow them: for the service, and for the commands beside it.

Whether an engine is on this machine it says itself (``Voice.missing``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.engines.gtts import Gtts
from otpvoice.adapters.speech.engines.piper import Piper
from otpvoice.adapters.speech.engines.recorded import Recorded
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.core.locale import Locales


def engines(
    locales: Locales,
    *,
    recordings: Path | None = None,
    asterisk: Path | None = None,
    piper_dir: Path | None = None,
    piper: str = "piper",
    gtts: bool = False,
    brands: Iterable[str] = (),
    decoder: Decoder | None = None,
) -> tuple[Voice, ...]:
    """Return espeak, flite and recorded always, piper with a folder of voice files, gtts where it is turned on.

    ``recordings``: a folder of one's own, ``asterisk``: Asterisk's ``sounds``; ``brands``: those that an online engine
    may be told. ``decoder``: of what such an engine answers; None: one of its own.
    """
    found: list[Voice] = [Espeak(), Flite(), Recorded(locales, recordings, asterisk)]
    if piper_dir is not None:
        found.append(Piper(piper_dir, piper))
    if gtts:
        found.append(Gtts(decoder or Decoder(), locales, brands))
    return tuple(found)
