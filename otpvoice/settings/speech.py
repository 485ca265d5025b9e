"""How it speaks: which voices, from where their sound comes, and where it is kept.

Only what is written is looked at. Whether a program is there, a voice file is whole or a language has a pack is asked
by whoever uses it; ``otpvoice doctor`` says all of that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from otpvoice.settings import values, voices
from otpvoice.settings.base import SettingsModel
from otpvoice.settings.tables import seconds

_MOST_WORKERS = 4

Folder = Annotated[Path | None, PlainValidator(values.folder)]


def workers() -> int:
    """Return how many processes finish speech where nothing is set: half of the cores, one at least, four at most."""
    return min(max(len(os.sched_getaffinity(0)) // 2, 1), _MOST_WORKERS)


class SpeechSettings(SettingsModel):
    """The part of ``Settings`` that is about voices. ``speech_cache_size``: MB, each 1,000,000 bytes."""

    voice: Annotated[str, PlainValidator(voices.voice)] = Field(
        "espeak",
        description="`engine` or `engine:voice`, which reads its own language only. Engines: `espeak`, `flite`,"
        " `piper`, `gtts`, `recorded`",
        examples=["espeak:en-gb"],
    )
    fallback_voices: Annotated[tuple[str, ...], PlainValidator(voices.voices)] = Field(
        ("espeak",),
        description="which voices are asked, one after the other, when the one that was asked for fails",
        examples=["flite espeak"],
    )
    language: Annotated[str, PlainValidator(values.language)] = Field(
        "en-US", description="where a request names none; BCP 47", examples=["pt-BR"]
    )
    lead_in: Annotated[float, seconds(0, 5)] = Field(0.4, description="silence before the first word", examples=["0.4"])
    tail: Annotated[float, seconds(0, 10)] = Field(0.6, description="silence before we hang up", examples=["0.6"])
    prompts_dir: Folder = Field(
        None,
        description="folder of recordings, `<name>.wav`, that `play` names: 16-bit PCM, mono or stereo, at most 10 MB"
        " and 300 s",
        examples=["/srv/otpvoice/prompts"],
    )
    locales_dir: Folder = Field(
        None,
        description="folder of [language packs](languages.md) of your own, `<tag>.toml`; one of the same name takes the"
        " place of ours",
        examples=["/etc/otpvoice/locales"],
    )

    recordings_dir: Folder = Field(
        None,
        description="folder of digits, letters and sentences recorded by you, which the voice `recorded` speaks;"
        " [languages](languages.md) has its layout",
        examples=["/srv/otpvoice/recordings"],
    )
    asterisk_sounds: Folder = Field(
        None,
        description="Asterisk's folder `sounds`, whose prompts the voice `recorded` speaks, too",
        examples=["/usr/share/asterisk/sounds"],
    )
    piper_dir: Folder = Field(
        None,
        description="folder of the voice files of `piper`: `<name>.onnx` and `<name>.onnx.json`",
        examples=["/srv/otpvoice/piper"],
    )
    piper: Annotated[str, PlainValidator(voices.program)] = Field(
        "piper", description="the program `piper`: its name, or its whole path", examples=["/opt/piper/bin/piper"]
    )
    gtts: Annotated[bool, PlainValidator(values.flag)] = Field(
        False,
        description="1: the voice `gtts` may be used. It asks a service on the Internet, ahead of time, for sentences,"
        " digits and letters; never for a code",
        examples=["1"],
    )

    speech_cache: Annotated[Path | None, PlainValidator(voices.cache_folder)] = Field(
        None,
        description="folder in which speech is kept from one start to the next; it is made where it is not there. No"
        " code is in it, and no text",
        examples=["/var/cache/otpvoice/speech"],
    )
    speech_cache_size: Annotated[int, PlainValidator(values.Whole(16, 100_000, "MB"))] = Field(
        256, description="how large that folder may become", examples=["1000"]
    )
    warm_up: Annotated[tuple[str, ...], PlainValidator(voices.languages)] = Field(
        None,
        validate_default=True,
        description="languages whose digits, letters and sentences are made ahead; `[]` in the file: none",
        examples=["en-US de pt-BR"],
    )
    brands: Annotated[tuple[str, ...], PlainValidator(voices.brands)] = Field(
        (),
        description="names of yours, as `brand` in requests and cleaned as there, without braces, whose sentences are"
        " made ahead, too; separated by commas",
        examples=["Acme Bank, Acme Pay"],
    )
    speech_workers: Annotated[int, PlainValidator(values.Whole(1, 16))] = Field(
        default_factory=workers,
        description="processes that trim and level speech beside the calls",
        examples=["2"],
    )

    @field_validator("warm_up", mode="before")
    @classmethod
    def _warm_up(cls, value: Any, info: ValidationInfo) -> Any:
        # A language that is wrong is said once.
        return (info.data.get("language", "en"),) if value is None else value
