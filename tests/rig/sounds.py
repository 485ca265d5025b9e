"""Where the rig has Asterisk's recorded prompts: a folder for each of en, es, fr, it and ru, as WAV."""

from __future__ import annotations

from pathlib import Path

from otpvoice.testkit.programs import NotInstalled, rig_folder


def asterisk_sounds() -> Path:
    """Return the folder. Raises ``NotInstalled``, saying what to do."""
    folder = rig_folder() / "share" / "asterisk-sounds"
    if not folder.is_dir():
        raise NotInstalled(f"Asterisk's prompts are not in {folder}: run `make rig`")
    return folder
