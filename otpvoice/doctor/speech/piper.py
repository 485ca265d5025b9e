"""Piper's voice files: two to a voice, a model and what it is, side by side.

Only what is written beside a model is read; whether the model speaks is seen by asking the engine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from otpvoice.adapters.speech.engines.piper_voices import read_folder
from otpvoice.doctor.finding import Check, Finding

PIPER = Check("voice.piper", "Are the voice files of piper whole?")
UNREADABLE = PIPER.fails(
    "unreadable",
    "OTPVOICE_PIPER_DIR can't be read: {reason}",
    "Name a folder that the service's user may read (`ls -ld`, `docker compose config`: is it mounted?).",
)
NONE = PIPER.fails(
    "none",
    "there is no voice file in OTPVOICE_PIPER_DIR ({folder})",
    "Put a voice's two files there, `en_GB-alba-medium.onnx` and `en_GB-alba-medium.onnx.json`; docs/languages.md says"
    " where they are from. Each has a licence of its own.",
)
UNFIT = PIPER.warns(
    "unfit",
    "{count} voices of piper can't be used: {names}",
    "Each needs its two files, whole, `NAME.onnx` and `NAME.onnx.json`: fetch them again.",
)
SMALLEST: Final = 100_000
"""Bytes of a model; the smallest that people publish have five million. Less is what a page about an error has."""


def look(folder: Path | None) -> list[Finding]:
    """Look at all voice files of a folder, as the engine does; None: it is not set."""
    if folder is None:
        return [PIPER.ok("no folder of voice files is set")]
    found = read_folder(folder)
    if found.unread is not None:
        return [UNREADABLE(reason=found.unread)]
    torn = {name: "its model is not whole" for name, voice in found.voices.items() if _is_torn(voice.model)}
    return [judge(os.fspath(folder), len(found.voices) + len(found.refused), {**found.refused, **torn})]


def _is_torn(model: Path) -> bool:
    try:
        return model.stat().st_size < SMALLEST
    except OSError:
        return True  # it went meanwhile


def judge(folder: str, count: int, unfit: Mapping[str, str]) -> Finding:
    """``count``: of all models. ``unfit``: why, by name."""
    if not count:
        return NONE(folder=folder)
    if unfit:
        names = ", ".join(f"{name} ({why})" for name, why in list(unfit.items())[:5])
        return UNFIT(count=len(unfit), names=names + (", …" if len(unfit) > 5 else ""))
    return PIPER.ok(f"{count} voices in {folder}")
