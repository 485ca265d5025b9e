"""Piper's voice files in a folder: ``<name>.onnx``, and beside it ``<name>.onnx.json``, which says what the voice is.

A voice whose files are not as they should be is not offered, and why is said. The model itself is never opened here.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from otpvoice.adapters.speech.engines.program import RATES
from otpvoice.core.language_tags import is_tag

LARGEST: Final = 1024 * 1024
"""Bytes of the JSON. Those that people publish have some 10 kB."""
SLOWEST_OWN, FASTEST_OWN = 4.0, 0.25
"""What a voice may say of its own pace: its ``length_scale``."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""No space, comma, colon or plus: those part names in settings and requests."""
_MODEL: Final = ".onnx"


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """A voice file. ``rate`` in Hz; ``pace``: its ``length_scale`` at speed 1; ``speakers``: their numbers by name."""

    model: Path
    tag: str
    rate: int
    pace: float = 1.0
    speakers: Mapping[str, int] = field(default_factory=dict)

    @property
    def description(self) -> Path:
        """The JSON."""
        return self.model.with_name(f"{self.model.name}.json")


@dataclass(frozen=True, slots=True)
class PiperFolder:
    """What is in a folder: ``voices`` and, each with the reason, ``refused``; ``unread``: why it can't be read."""

    voices: Mapping[str, PiperVoice] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unread: str | None = None


def read_folder(folder: Path) -> PiperFolder:
    """Return the voices of a folder, in the order of their names. Raises nothing."""
    try:
        models = sorted(path for path in folder.resolve().iterdir() if path.suffix == _MODEL)
    except OSError as error:
        return PiperFolder(unread=errno.errorcode.get(error.errno or 0, "EIO"))
    voices: dict[str, PiperVoice] = {}
    refused: dict[str, str] = {}
    for model in models:
        try:
            voices[model.stem] = _voice(model)
        except ValueError as error:
            refused[model.stem] = str(error)
        except OSError as error:
            refused[model.stem] = f"can't be read ({errno.errorcode.get(error.errno or 0, 'EIO')})"
    return PiperFolder(voices, refused)


def _voice(model: Path) -> PiperVoice:
    if not _NAME.fullmatch(model.stem):
        raise ValueError("its name has other characters than letters, digits, _, - and .")
    with model.open("rb") as file:
        if not file.read(1):
            raise ValueError("the model is empty")
    with model.with_name(f"{model.name}.json").open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("its JSON is too large")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("its JSON is none") from None
    if not isinstance(document, dict):
        raise ValueError("its JSON is no object")
    return PiperVoice(
        model=model,
        tag=_tag(document),
        rate=_rate(_object(document, "audio").get("sample_rate")),
        pace=_pace(_object(document, "inference").get("length_scale")),
        speakers=_speakers(document),
    )


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _tag(document: Mapping[str, Any]) -> str:
    # Voices of the first year have no ``language``, but the name of espeak-ng's voice.
    tag = _object(document, "language").get("code") or _object(document, "espeak").get("voice")
    if not isinstance(tag, str) or not is_tag(tag):
        raise ValueError("its JSON names no language (language.code)")
    language, *rest = tag.replace("_", "-").split("-")
    return "-".join([language.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _rate(value: object) -> int:
    if not isinstance(value, int) or value not in RATES:
        raise ValueError(f"its JSON names no rate from {RATES[0]} to {RATES[-1]} Hz (audio.sample_rate)")
    return value


def _pace(value: object) -> float:
    if value is None:
        return 1.0
    if not isinstance(value, int | float) or not FASTEST_OWN <= value <= SLOWEST_OWN or math.isnan(value):
        raise ValueError(f"its own pace is not from {FASTEST_OWN:g} to {SLOWEST_OWN:g} (inference.length_scale)")
    return float(value)


def _speakers(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the speakers of a voice of many, by their names and by their numbers."""
    count = document.get("num_speakers", 1)
    if not isinstance(count, int) or count < 1:
        raise ValueError("its JSON names no number of speakers (num_speakers)")
    if count == 1:
        return {}
    named = {name: number for name, number in _object(document, "speaker_id_map").items() if isinstance(number, int)}
    # Some have thousands; more are nobody's.
    return {str(number): number for number in range(min(count, 10_000))} | {
        name: number for name, number in named.items() if 0 <= number < count and not name.isdecimal()
    }
