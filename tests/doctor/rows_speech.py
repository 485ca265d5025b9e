"""Rows: what the doctor says of voices, engines, recordings, and where speech is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from otpvoice.doctor.speech import cache, engines, piper, prompts, recordings, voices
from otpvoice.doctor.speech.cache import Kept
from otpvoice.doctor.speech.engines import Tried
from otpvoice.doctor.speech.recordings import Heard
from otpvoice.doctor.speech.voices import Spoken
from tests.doctor.words import Row, row

GB: Final = 1_000_000_000
ESPEAK: Final = Tried("espeak:en-gb", "OTPVOICE_VOICE", first=True, milliseconds=31.0)
FLITE: Final = "OTPVOICE_FALLBACK_VOICES"

ROWS: Final[Sequence[Row]] = (
    # voice
    row("voice.ok", lambda: voices.judge(Spoken(languages={"en": 31.0}))),
    row("voice.no_engine", lambda: voices.judge(Spoken(engines=False))),
    row("voice.no_voice", lambda: voices.judge(Spoken(configured="espeak has no voice of this name"))),
    row("voice.packs", lambda: voices.PACKS(reason="/etc/otpvoice/locales/de.toml: again must be a text")),
    row("voice.silent", lambda: voices.judge(Spoken(languages={"en": 3}, failed={"tr": "timeout"}))),
    row("voice.stands_in", lambda: voices.judge(Spoken(languages={"en": 3, "de": 4}, stood_in={"de": "flite"}))),
    row("voice.slow", lambda: voices.judge(Spoken(languages={"en": 700.0}, stood_in={"en": "espeak"}))),
    # voice.engines
    row("voice.engines.ok", lambda: engines.judge([ESPEAK, Tried("gtts", "OTPVOICE_GTTS")])),
    row("voice.engines.missing", lambda: engines.judge([Tried("piper", "OTPVOICE_VOICE", True, "no program")])),
    row("voice.engines.stand_in_missing", lambda: engines.judge([ESPEAK, Tried("flite", FLITE, missing="no program")])),
    row("voice.engines.mute", lambda: engines.judge([Tried("piper", "OTPVOICE_VOICE", True, failed="it crashed")])),
    row("voice.engines.stand_in_mute", lambda: engines.judge([ESPEAK, Tried("flite", FLITE, failed="signal 11")])),
    row("voice.engines.late", lambda: engines.judge([Tried("piper", "OTPVOICE_VOICE", True, milliseconds=2100.0)])),
    row("voice.engines.paused", lambda: engines.judge([ESPEAK, Tried("gtts", "OTPVOICE_GTTS", paused=True)])),
    # voice.recordings
    row("voice.recordings.ok", lambda: recordings.judge({})),
    row(
        "voice.recordings.ok", lambda: recordings.judge({"de": Heard(), "pt": Heard(("q", "code")), "fr": Heard("xy")})
    ),
    row("voice.recordings.ok", lambda: recordings.judge({"asterisk-en": Heard(("again", "spelled-capital-b"))})),
    row("voice.recordings.no_digits", lambda: recordings.judge({"de": Heard(("7", "9", "a")), "fr": Heard(("7",))})),
    row("voice.recordings.unreadable", lambda: recordings.judge({"de": Heard(unreadable="it is empty")})),
    row("voice.recordings.roots_alone", lambda: recordings.ROOTS_ALONE(path="/r/de", why="mode 700", folder="/r")),
    # voice.piper
    row("voice.piper.ok", lambda: piper.look(None)),
    row("voice.piper.ok", lambda: piper.judge("/p", 2, {})),
    row("voice.piper.unreadable", lambda: piper.look(Path("/nonexistent"))),
    row("voice.piper.none", lambda: piper.judge("/p", 0, {})),
    row("voice.piper.unfit", lambda: piper.judge("/p", 9, {f"v{n}": "its model is not whole" for n in range(7)})),
    # voice.cache
    row("voice.cache.ok", lambda: cache.look(None, GB, as_root=True)),
    row("voice.cache.ok", lambda: cache.judge(Kept("/c", GB, files=2, used=9000, free=2 * GB))),
    row("voice.cache.ok", lambda: cache.judge(Kept("/c", GB, files=9, used=GB, free=GB // 5))),
    row("voice.cache.not_written", lambda: cache.judge(Kept("/c", GB, reason="/c is no folder"))),
    row("voice.cache.roots_alone", lambda: cache.judge(Kept("/c", GB, roots="/c", free=2 * GB))),
    row("voice.cache.close", lambda: cache.judge(Kept("/c", GB, used=GB // 2, free=GB // 2))),
    # prompts
    row("prompts.ok", lambda: prompts.judge(Path("/p"), 3, {})),
    row("prompts.unfit", lambda: prompts.judge(Path("/p"), 9, {f"n{n}": "prompt_format" for n in range(7)})),
    row("prompts.roots_alone", lambda: prompts.ROOTS_ALONE(path="/p", why="mode 700", folder="/p")),
    row("prompts.unreadable", lambda: prompts.UNREADABLE(reason="Permission denied")),
)
