"""What is asked of engines and folders, each with a world of its own: small engines in the place of real ones."""

from __future__ import annotations

import json
import os
import wave
from collections.abc import Mapping
from pathlib import Path
from string import digits
from typing import Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.recorded import Recorded
from otpvoice.adapters.speech.engines.voice import Traits, Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.doctor.speech import cache, engines, piper, prompts, recordings, voices
from otpvoice.doctor.speech.engines import Wanted
from otpvoice.media.wav import Wave
from tests.doctor.words import name_of

LOCALES: Final = load_locales()
LOUD: Final = Wave(8000, b"\x00\x20\x00\xe0" * 1600)


class Engine:
    """Says a digit as noise, in English and German; or fails, as it is told."""

    def __init__(
        self,
        name: str = "espeak",
        *,
        missing: str | None = None,
        fails: str = "",
        heard: Wave = LOUD,
        secrets: bool = True,
    ) -> None:
        self.name = name
        self.asked: list[tuple[str, str, str | None]] = []
        self._missing, self._fails, self._heard = missing, fails, heard
        self.traits = Traits(secrets, secrets, frozenset({"en", "de"}), (0.5, 2.0), "MIT")

    def voices(self) -> Mapping[str, str]:
        return {"en-us": "en-US", "de": "de"}

    def voice_language(self, name: str) -> str | None:
        return self.voices().get(name)

    def missing(self) -> str | None:
        return self._missing

    def edition(self, language: str, voice_name: str | None) -> str:
        return "1"

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        self.asked.append((text, language, voice_name))
        if self._fails:
            raise SpeechUnavailable(self._fails)
        return self._heard


def wanted(*there: Voice, voice: str = "espeak", fallbacks: tuple[str, ...] = (), language: str = "en-US") -> Wanted:
    also = {one.name: "OTPVOICE_GTTS" for one in there if one.name == "gtts"}
    return Wanted(voice, fallbacks, language, (language, "de"), there, LOCALES, also=also)


async def of_languages(asked: Wanted) -> list[str]:
    return [name_of(finding) for finding in await voices.look(asked)]


async def of_engines(asked: Wanted, metrics: bytes = b"") -> list[str]:
    return [name_of(finding) for finding in await engines.look(asked, metrics)]


# --- languages --------------------------------------------------------------------------------------------------------


async def test_what_is_configured_is_spoken_as_a_call_does() -> None:
    flite = Engine("flite")
    assert await of_languages(wanted(flite, voice="flite")) == ["voice.ok"]
    assert {language.split("-")[0] for _, language, _ in flite.asked} == {"en", "de"}


async def test_a_language_that_nobody_speaks_is_named() -> None:
    found = await voices.look(wanted(Engine(fails="it crashed")))
    assert [name_of(one) for one in found] == ["voice.silent"]
    assert "en-US" in found[0].message


async def test_whoever_stands_in_is_named() -> None:
    found = await voices.look(
        wanted(Engine("flite", fails="it crashed"), Engine(), voice="flite", fallbacks=("espeak",))
    )
    assert [name_of(one) for one in found] == ["voice.stands_in"]
    assert "espeak" in found[0].message


async def test_without_any_engine_nothing_is_spoken() -> None:
    assert await of_languages(wanted(Engine(missing="it is not installed"))) == ["voice.no_engine"]


@pytest.mark.parametrize(
    ("voice", "language"),
    [("piper", "en"), ("espeak:nobody", "en"), ("espeak", "tlh")],
    ids=["engine", "voice", "language"],
)
async def test_a_voice_that_there_is_not_or_that_does_not_speak_it(voice: str, language: str) -> None:
    asked = wanted(Engine(), voice=voice, fallbacks=("espeak",), language=language)
    assert await of_languages(asked) == ["voice.no_voice"]


# --- engines ----------------------------------------------------------------------------------------------------------


async def test_every_engine_that_is_named_is_asked_for_a_digit_once() -> None:
    espeak, flite = Engine(), Engine("flite")
    asked = wanted(espeak, flite, Engine("other"), voice="espeak:de", fallbacks=("flite", "espeak:de"))
    assert await of_engines(asked) == ["voice.engines.ok"]
    assert espeak.asked == [(LOCALES.lookup("de").word("4"), "de", "de")]
    assert [(text, language) for text, language, _ in flite.asked] == [(LOCALES.lookup("en").word("4"), "en-US")]


async def test_the_configured_engine_fails_where_others_warn() -> None:
    gone = Engine("flite", missing="it is not installed")
    assert await of_engines(wanted(gone, Engine(), voice="flite")) == ["voice.engines.missing"]
    assert await of_engines(wanted(gone, Engine(), fallbacks=("flite",))) == ["voice.engines.stand_in_missing"]
    assert await of_engines(wanted(Engine(), voice="piper")) == ["voice.engines.missing"]
    assert await of_engines(wanted(Engine(fails="it crashed"))) == ["voice.engines.mute"]
    assert await of_engines(wanted(Engine(heard=Wave(8000, bytes(3200))))) == ["voice.engines.mute"]
    flite = Engine("flite", fails="it crashed")
    assert await of_engines(wanted(flite, Engine(), fallbacks=("flite",))) == ["voice.engines.stand_in_mute"]


async def test_an_online_engine_is_given_nothing_and_the_service_says_how_it_is() -> None:
    gtts = Engine("gtts", secrets=False)
    metrics = b'# TYPE x gauge\notpvoice_speech_engine_open{engine="gtts"} %s\n'
    assert await of_engines(wanted(Engine(), gtts)) == ["voice.engines.ok"]
    assert await of_engines(wanted(Engine(), gtts), metrics % b"0.0") == ["voice.engines.ok"]
    assert await of_engines(wanted(Engine(), gtts), metrics % b"1.0") == ["voice.engines.paused"]
    assert gtts.asked == []


# --- recordings -------------------------------------------------------------------------------------------------------


def recorded(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, LOUD.rate, 0, "NONE", ""))
            file.writeframes(LOUD.pcm)


async def of_recordings(folder: Path, *, as_root: bool = False) -> list[str]:
    found = await recordings.look(Recorded(LOCALES, folder), LOCALES, folder, as_root=as_root)
    return [name_of(finding) for finding in found]


async def test_all_digits_of_a_language_or_a_warning(tmp_path: Path) -> None:
    recorded(tmp_path / "de", *digits)
    assert await of_recordings(tmp_path) == ["voice.recordings.ok"]
    (tmp_path / "de" / "7.wav").unlink()
    found = await recordings.look(Recorded(LOCALES, tmp_path), LOCALES, tmp_path, as_root=False)
    assert [name_of(finding) for finding in found] == ["voice.recordings.no_digits"]
    assert found[0].message.startswith("de: not all digits are recorded (7)")


async def test_a_digit_that_is_no_recording(tmp_path: Path) -> None:
    recorded(tmp_path / "de", *digits)
    (tmp_path / "de" / "3.wav").write_bytes(b"ID3 this is an MP3")
    assert await of_recordings(tmp_path) == ["voice.recordings.unreadable"]


async def test_roots_recordings_are_for_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "_HIDDEN", ())
    monkeypatch.setattr(Path, "parents", property(lambda _: []))
    recorded(tmp_path / "de", *digits)
    tmp_path.chmod(0o755)
    (tmp_path / "de").chmod(0o755)
    assert await of_recordings(tmp_path, as_root=True) == ["voice.recordings.ok"]
    (tmp_path / "de").chmod(0o700)
    assert await of_recordings(tmp_path, as_root=True) == ["voice.recordings.roots_alone"]


# --- piper's files ----------------------------------------------------------------------------------------------------


def test_a_voice_of_pipers_is_two_files_that_are_whole(tmp_path: Path) -> None:
    model, config = tmp_path / "en_GB-alba-medium.onnx", tmp_path / "en_GB-alba-medium.onnx.json"
    whole = {"audio": {"sample_rate": 22050}, "language": {"code": "en_GB"}}

    def seen() -> str:
        [found] = piper.look(tmp_path)
        return name_of(found)

    assert seen() == "voice.piper.none"
    model.write_bytes(bytes(piper.SMALLEST))
    assert seen() == "voice.piper.unfit"
    config.write_text("no JSON")
    assert seen() == "voice.piper.unfit"
    config.write_text(json.dumps(whole))
    assert seen() == "voice.piper.ok"
    model.write_bytes(b"404: not found")
    [found] = piper.look(tmp_path)
    assert found.message == "1 voices of piper can't be used: en_GB-alba-medium (its model is not whole)"


# --- where speech is kept ---------------------------------------------------------------------------------------------


def test_the_cache_is_looked_at_and_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "speech"
    assert name_of(cache.look(folder, 1_000_000, as_root=False)[0]) == "voice.cache.ok"
    assert not folder.exists()
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "abcdef").write_bytes(bytes(1000))
    [found] = cache.look(folder, 1_000_000, as_root=False)
    assert found.message == f"1 kB of 1 MB in 1 files ({folder})"
    (tmp_path / "file").write_text("")
    assert name_of(cache.look(tmp_path / "file", 1_000_000, as_root=False)[0]) == "voice.cache.not_written"


@pytest.mark.skipif(os.geteuid() != 0, reason="a folder of root's")
def test_a_cache_of_roots_is_no_cache_of_the_services(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert name_of(cache.look(tmp_path / "speech", 1_000_000, as_root=True)[0]) == "voice.cache.roots_alone"
    os.chown(tmp_path, 1000, -1)
    assert name_of(cache.look(tmp_path / "speech", 1_000_000, as_root=True)[0]) == "voice.cache.ok"


def test_a_disk_that_may_not_hold_it_is_told(tmp_path: Path) -> None:
    assert name_of(cache.look(tmp_path, 10**15, as_root=False)[0]) == "voice.cache.close"


# --- the prompts folder -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kept"), [(0o755, None), (0o700, "mode 700"), (0o711, "mode 711")], ids=["755", "700", "711"]
)
def test_root_sees_by_the_mode_what_others_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, kept: str | None
) -> None:
    monkeypatch.setattr(prompts, "_HIDDEN", ("/home", str(tmp_path / "hidden")))
    monkeypatch.setattr(Path, "parents", property(lambda _: [tmp_path / "around"]))
    around, folder = tmp_path / "around", tmp_path / "around" / "prompts"
    around.mkdir()
    folder.mkdir()
    for path in (around, folder):
        path.chmod(0o755)
    (folder / "a.wav").write_bytes(b"")
    (folder / "a.wav").chmod(0o644)
    folder.chmod(mode)
    found = prompts.kept_from_others(folder, ["a"])
    assert found == (None if kept is None else (folder, kept))


def test_a_folder_that_the_unit_hides_is_named() -> None:
    found = prompts.kept_from_others(Path("/home/me/prompts"), [])
    assert found is not None
    assert found[0] == Path("/home")
