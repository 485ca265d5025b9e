"""What the commands about voices have at hand: the settings of speech, the language packs and the engines.

They are those of ``serve``, where there are any; what a service needs beside them (a trunk, Asterisk, keys) need not be
set. Nothing is kept on the disk: a command may be somebody else than the service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.assembly import engines
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.ladder import Ladder
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.locale import Locales
from otpvoice.doctor import salvage
from otpvoice.settings import Settings, SettingsError, SettingsProblem
from otpvoice.settings.sources import variable
from otpvoice.settings.speech import SpeechSettings

NOWHERE: Final = Path("/nonexistent")
_FIELDS: Final = frozenset(SpeechSettings.model_fields)


class NotSet(Exception):
    """What is set for speech is wrong, or a language pack is. The message is for people, a line for each thing."""


@dataclass(frozen=True, slots=True)
class Speech:
    """``voices``: every engine that there is; ``off``: how those are turned on that the settings do not."""

    settings: Settings
    locales: Locales
    voices: tuple[Voice, ...]
    off: Mapping[str, str]

    @property
    def on(self) -> list[Voice]:
        """The engines that calls may use."""
        return [voice for voice in self.voices if voice.name not in self.off]

    def why_off(self, spec: str) -> str | None:
        """Return what turns on the engine of a voice, as a sentence; None: it is on, or there is none of this name."""
        engine = spec.partition(":")[0]
        return f"{engine} is off: {self.off[engine]}" if engine in self.off else None

    def ladder(self) -> Ladder:
        """Return who speaks in calls. Raises ``NotSet`` where one of the configured voices is none."""
        chosen, others = self.settings.voice, self.settings.fallback_voices
        on = {voice.name: voice for voice in self.on}
        for field, specs in (("voice", (chosen,)), ("fallback_voices", others)):
            for spec in specs:
                if (why := self.why_off(spec)) is not None:
                    raise NotSet(f"{variable(field)}: {why}")
                try:
                    Ladder(on, self.locales, spec)
                except ValueError as error:
                    raise NotSet(f"{variable(field)}: {error}") from None
        return Ladder(on, self.locales, chosen, others)


def at_hand(environ: Mapping[str, str]) -> Speech:
    """Return all that. Raises ``NotSet``."""
    settings = _settings(environ)
    folders = [settings.locales_dir] if settings.locales_dir is not None else []
    try:
        locales = load_locales(*folders)
    except (OSError, ValueError) as error:
        raise NotSet(f"language packs are wrong:\n{error}") from None
    off: dict[str, str] = {}
    if settings.recordings_dir is None and settings.asterisk_sounds is None:
        off["recorded"] = f"neither {variable('recordings_dir')} nor {variable('asterisk_sounds')} names a folder"
    if settings.piper_dir is None:
        off["piper"] = f"{variable('piper_dir')} names no folder of voice files"
    if not settings.gtts:
        off["gtts"] = f"{variable('gtts')}=1 turns it on"
    voices = engines(
        locales,
        recordings=settings.recordings_dir,
        asterisk=settings.asterisk_sounds,
        piper_dir=settings.piper_dir or NOWHERE,
        piper=settings.piper,
        gtts=True,
    )
    return Speech(settings, locales, voices, off)


@asynccontextmanager
async def renderer(speech: Speech) -> AsyncIterator[Renderer]:
    """A renderer for one command. The configured voices are there (``Speech.ladder``)."""
    finishing = AtHand()
    try:
        made = Renderer(
            speech.on,
            speech.locales,
            "ulaw",
            speech.settings.voice,
            finishing=finishing,
            fallbacks=speech.settings.fallback_voices,
        )
        try:
            yield made
        finally:
            await made.close()
    finally:
        await finishing.close()


def _settings(environ: Mapping[str, str]) -> Settings:
    salvaged = salvage.load(environ)
    if wrong := [problem for problem in salvaged.problems if _is_about_speech(problem)]:
        raise NotSet(str(SettingsError(wrong)))
    if salvaged.settings is None:
        raise NotSet(str(SettingsError(salvaged.problems)))
    return salvaged.settings


def _is_about_speech(problem: SettingsProblem) -> bool:
    # A file that can't be read may have said it, and a name that is no setting may have been meant for one.
    if problem.kind in {"unknown", "no_toml"} or problem.name == variable("config"):
        return True
    return any(problem.name == variable(field) or problem.name.endswith(f": {field}") for field in _FIELDS)
