"""Speech put together as it is set: what is there, what is told at the start, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.counts import Uncounted
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.house import SpeechHouse, Wishes
from otpvoice.core.speech import Words
from otpvoice.media.wav import Wave
from otpvoice.settings.speech import SpeechSettings
from otpvoice.trust.addresses import UrlAllow
from tests.adapters.speech_stands import Untouched


@dataclass(frozen=True)
class Set:
    """What is set; what is not mentioned is as nobody set it."""

    voice: str = "espeak"
    fallback_voices: tuple[str, ...] = ("espeak",)
    prompts_dir: Path | None = None
    locales_dir: Path | None = None
    recordings_dir: Path | None = None
    asterisk_sounds: Path | None = None
    piper_dir: Path | None = None
    piper: str = "piper"
    gtts: bool = False
    speech_cache: Path | None = None
    speech_cache_size: int = 16
    warm_up: tuple[str, ...] = ("en",)
    brands: tuple[str, ...] = ()
    speech_workers: int = 1


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """espeak-ng is there and speaks at once, flite is not."""

    async def render(*_: object) -> Wave:
        return Wave(16000, b"\x00\x10" * 1600)

    monkeypatch.setattr(Espeak, "missing", lambda _: None)
    monkeypatch.setattr(Espeak, "render", render)
    monkeypatch.setattr(Flite, "missing", lambda _: "flite is not installed")
    monkeypatch.setattr("otpvoice.adapters.speech.house.Workshop", Untouched)


async def opened(wishes: Wishes) -> SpeechHouse:
    return SpeechHouse(wishes, "ulaw", GuardedClient(UrlAllow()), Uncounted())


def test_the_settings_are_what_is_asked_for() -> None:
    """Each of them is a setting; that they are of these types is known to mypy, where ``service`` hands them in."""
    assert vars(Set()).keys() <= SpeechSettings.model_fields.keys()


async def test_a_house_as_it_is_without_any_setting() -> None:
    with capture_logs() as lines:
        house = await opened(Set())
    assert [voice.name for voice in house.voices] == ["espeak", "flite", "recorded"]
    assert house.has_prompt is None
    assert house.kept == {"memory": 0, "disk": 0}
    assert house.left_alone == {"espeak": False, "flite": False, "recorded": False}
    assert lines == []
    await house.warm_up()
    assert house.kept["memory"] > 0
    await house.close()


async def test_a_house_with_everything(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("prompts", "locales", "recordings", "piper")}
    for folder in folders.values():
        folder.mkdir()
    (folders["prompts"] / "hello.wav").write_bytes(b"")
    house = await opened(
        Set(
            prompts_dir=folders["prompts"],
            locales_dir=folders["locales"],
            recordings_dir=folders["recordings"],
            piper_dir=folders["piper"],
            gtts=True,
            speech_cache=tmp_path / "clips",
        )
    )
    assert {voice.name for voice in house.voices} == {"espeak", "flite", "recorded", "piper", "gtts"}
    assert house.has_prompt is not None
    assert house.has_prompt("hello")
    assert house.left_alone == dict.fromkeys(["espeak", "flite", "recorded", "piper", "gtts"], False)
    assert isinstance(house._files, ClipFiles)
    await house.close()


async def test_what_is_kept_is_there_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = Set(speech_cache=tmp_path / "clips")
    house = await opened(wishes)
    await house.warm_up()
    await house.close()
    again = await opened(wishes)

    async def asked(*_: object) -> Wave:
        raise AssertionError("an engine was asked")

    monkeypatch.setattr(Espeak, "render", asked)
    await again.warm_up()
    assert again.kept["memory"] == house.kept["memory"]
    assert again.kept["disk"] > 0
    await again.close()


async def test_a_voice_that_is_not_on_this_machine_is_told_and_another_speaks() -> None:
    with capture_logs() as lines:
        house = await opened(Set(voice="flite", fallback_voices=("flite", "espeak")))
    assert lines == [
        {
            "event": "speech.voice_missing",
            "log_level": "warning",
            "voice": "flite",
            "reason": "flite is not installed",
        }
    ]
    prepared = await house.renderer.prepare((Words("Hello", "en"),))
    assert prepared.fallback == "espeak"
    await house.close()


@pytest.mark.parametrize(
    ("wishes", "complaint"),
    [
        (Set(voice="gtts"), "there is no voice of this name"),
        (Set(voice="espeak:xx"), "espeak has no voice of this name"),
        (Set(fallback_voices=("espeak:xx",)), "espeak has no voice of this name"),
    ],
)
async def test_a_voice_that_there_is_not_is_refused(wishes: Set, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        await opened(wishes)


async def test_a_language_pack_that_is_wrong_is_refused(tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_text('tag = "xx"')
    with pytest.raises(ValueError, match=r"xx\.toml"):
        await opened(replace(Set(), locales_dir=tmp_path))
