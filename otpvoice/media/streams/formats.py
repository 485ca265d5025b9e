"""The formats that there are. A new one is a file beside this one, its name here, and its examples under ``tests/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otpvoice.media.streams.exotel import Exotel
from otpvoice.media.streams.twilio import Twilio
from otpvoice.media.streams.voxology import Voxology
from otpvoice.media.streams.words import Format

_FORMATS: Final[tuple[Format, ...]] = (Twilio(), Exotel(), Voxology())

FORMATS: Final[Mapping[str, Format]] = {spoken.name: spoken for spoken in _FORMATS}
"""By name; the first is the default."""
