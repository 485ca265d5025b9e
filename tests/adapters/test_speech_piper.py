"""Piper's voice files and its arguments, against a stand-in that takes those alone that all pipers take."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.speech.engines.piper import LONGEST_UTTERANCE, Piper
from otpvoice.adapters.speech.engines.piper_voices import LARGEST, read_folder
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from tests.adapters.speech_programs import PIPER, script, voice_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "voices"
    voice_file(folder, "en_GB-alan-low", "en_GB")
    voice_file(folder, "en_US-amy-low", "en_US", 22050)
    voice_file(folder, "pt_BR-faber-medium", "pt_BR", inference={"length_scale": 1.5})
    voice_file(folder, "de_DE-many-high", "de_DE", num_speakers=3, speaker_id_map={"p239": 0, "p236": 2})
    voice_file(folder, "de_AT-huber-low", "de_AT")
    return folder


@pytest.fixture
def program(tmp_path: Path) -> str:
    return str(script(tmp_path / "piper", PIPER))


def test_it_declares_what_it_is(folder: Path) -> None:
    voice: Voice = Piper(folder)
    assert voice.name == "piper"
    assert (voice.traits.offline, voice.traits.may_see_secrets, voice.traits.speeds) == (True, True, (0.5, 2.0))
    assert voice.traits.languages == {"en", "en-GB", "en-US", "pt", "pt-BR", "de", "de-DE", "de-AT"}
    assert voice.voices() == {
        "en_GB-alan-low": "en-GB",
        "en_US-amy-low": "en-US",
        "pt_BR-faber-medium": "pt-BR",
        "de_DE-many-high": "de-DE",
        "de_AT-huber-low": "de-AT",
    }


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("en_GB-alan-low", "en-GB"),
        ("de_DE-many-high+p236", "de-DE"),
        ("de_DE-many-high+1", "de-DE"),
        ("de_DE-many-high+3", None),
        ("de_DE-many-high+p1", None),
        ("de_DE-many-high+", None),
        ("en_GB-alan-low+0", None),
        ("en_GB-alan", None),
        ("../voices/en_GB-alan-low", None),
        ("", None),
    ],
)
def test_only_voices_of_the_folder_are_voices(name: str, tag: str | None, folder: Path) -> None:
    assert Piper(folder).voice_language(name) == tag


async def test_text_becomes_sound_at_the_rate_of_its_voice(folder: Path, program: str) -> None:
    piper = Piper(folder, program)
    assert piper.missing() is None
    assert await piper.render("four", "en-GB", None, 1.0) == Wave(16000, array_of(4, 800))
    assert (await piper.render("four", "en", None, 1.0)).rate == 22050


def array_of(characters: int, pairs: int, high: int = 4000) -> bytes:
    return (high.to_bytes(2, "little", signed=True) + (-4000).to_bytes(2, "little", signed=True)) * pairs * characters


@pytest.mark.parametrize(
    ("voice", "speed", "pairs"),
    [
        ("en_GB-alan-low", 1.0, 800),
        ("en_GB-alan-low", 0.5, 1600),
        ("en_GB-alan-low", 2.0, 400),
        ("pt_BR-faber-medium", 1.0, 1200),  # its own pace is slow
        ("pt_BR-faber-medium", 1.5, 800),
    ],
)
async def test_speed_is_that_of_the_voice_itself_times_ours(
    voice: str, speed: float, pairs: int, folder: Path, program: str
) -> None:
    assert (await Piper(folder, program).render("abc", "en", voice, speed)).pcm == array_of(3, pairs)


@pytest.mark.parametrize(("speaker", "high"), [("p236", 4200), ("1", 4100), ("p239", 4000)])
async def test_a_speaker_is_asked_for_by_name_or_number(speaker: str, high: int, folder: Path, program: str) -> None:
    wave = await Piper(folder, program).render("a", "de", f"de_DE-many-high+{speaker}", 1.0)
    assert wave.pcm == array_of(1, 800, high)


async def test_the_arguments_are_spelled_so_that_every_piper_knows_them(folder: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    piper = Piper(folder, str(script(tmp_path / "piper", f'echo "$@" > {seen}; pwd >> {seen}; cat >> {seen}')))
    with pytest.raises(SpeechUnavailable, match="the engine wrote no sound"):
        await piper.render("918273", "de", None, 0.8)
    model = folder / "de_DE-many-high.onnx"
    assert seen.read_text("utf-8").splitlines() == [
        f"--model {model} --output_raw --length_scale 1.2500 --sentence_silence 0.2",
        "/",
        "918273",
    ]


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("en-GB", "en_GB-alan-low"),
        ("en", "en_US-amy-low"),
        ("en-AU", "en_US-amy-low"),
        ("de", "de_DE-many-high"),  # at home, though Austria comes first
        ("de-CH", "de_DE-many-high"),
        ("de-AT", "de_AT-huber-low"),
        ("pt", "pt_BR-faber-medium"),
        ("pt_PT", "pt_BR-faber-medium"),
    ],
)
def test_a_language_has_its_nearest_voice(language: str, voice: str, folder: Path, program: str) -> None:
    piper = Piper(folder, program)
    assert piper.edition(language, None) == piper.edition("xx", voice) != ""


async def test_what_it_does_not_take_is_a_value_error(folder: Path, program: str) -> None:
    piper = Piper(folder, program)
    for text, language, voice, speed, problem in [
        ("x" * 3001, "en", None, 1.0, "at most 3000 characters"),
        ("secret", "en", None, 2.01, "speed"),
        ("secret", "fr", None, 1.0, "no voice file for this language"),
        ("secret", "en", "/etc/passwd", 1.0, "no voice of this name"),
        ("secret", "de", "de_DE-many-high+9", 1.0, "no voice of this name"),
    ]:
        with pytest.raises(ValueError, match=problem) as caught:
            await piper.render(text, language, voice, speed)
        assert "secret" not in str(caught.value)
    assert piper.edition("fr", None) == piper.edition("en", "none") == ""


async def test_of_nothing_to_say_nothing_is_rendered(folder: Path) -> None:
    assert await Piper(folder, "/nowhere/piper").render(" ... ", "en", None, 1.0) == Wave(22050, b"")


async def test_a_text_without_sentences_is_spoken_in_pieces(folder: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    piper = Piper(folder, str(script(tmp_path / "piper", f"cat > {seen}")))
    with pytest.raises(SpeechUnavailable):
        await piper.render("word " * 200, "en", None, 1.0)
    pieces = seen.read_text("utf-8").splitlines()
    assert [len(piece) for piece in pieces[:-1]] == [LONGEST_UTTERANCE + 4] * 2


Damage = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda it: it.pop("audio"), "its JSON names no rate from 8000 to 48000 Hz (audio.sample_rate)"),
        (lambda it: it.update(audio=[]), "its JSON names no rate from 8000 to 48000 Hz (audio.sample_rate)"),
        (lambda it: it["audio"].update(sample_rate=1), "its JSON names no rate from 8000 to 48000 Hz"),
        (lambda it: it["audio"].update(sample_rate="16000"), "its JSON names no rate from 8000 to 48000 Hz"),
        (lambda it: it["audio"].update(sample_rate=True), "its JSON names no rate from 8000 to 48000 Hz"),
        (lambda it: it["audio"].update(sample_rate=22050.5), "its JSON names no rate from 8000 to 48000 Hz"),
        (lambda it: it.pop("language"), "its JSON names no language (language.code)"),
        (lambda it: it["language"].update(code="en/../US"), "its JSON names no language (language.code)"),
        (lambda it: it["language"].update(code=7), "its JSON names no language (language.code)"),
        (lambda it: it.update(inference={"length_scale": 0}), "its own pace is not from 0.25 to 4"),
        (lambda it: it.update(inference={"length_scale": float("nan")}), "its own pace is not from 0.25 to 4"),
        (lambda it: it.update(inference={"length_scale": "1"}), "its own pace is not from 0.25 to 4"),
        (lambda it: it.update(num_speakers=0), "its JSON names no number of speakers"),
        (lambda it: it.update(num_speakers="two"), "its JSON names no number of speakers"),
    ],
)
def test_a_voice_whose_description_is_wrong_is_not_offered(damage: Damage, reason: str, tmp_path: Path) -> None:
    described = {"audio": {"sample_rate": 16000}, "language": {"code": "en_US"}, "num_speakers": 1}
    damage(described)
    voice_file(tmp_path, "good", "de_DE")
    (tmp_path / "bad.onnx").write_bytes(b"model")
    (tmp_path / "bad.onnx.json").write_text(json.dumps(described), "utf-8")
    with capture_logs() as logs:
        piper = Piper(tmp_path, "true")
    assert list(piper.voices()) == ["good"]
    assert piper.refused["bad"].startswith(reason)
    assert logs == [
        {
            "event": "speech.voice_refused",
            "log_level": "warning",
            "engine": "piper",
            "voice": "bad",
            "reason": piper.refused["bad"],
        }
    ]
    assert piper.missing() is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "can't be read (ENOENT)"),
        (b"", "its JSON is none"),
        (b"{", "its JSON is none"),
        (b"\xff\xfe\x00", "its JSON is none"),
        (b"[" * 100_000, "its JSON is none"),
        (b"[]", "its JSON is no object"),
        (b" " * (LARGEST + 1), "its JSON is too large"),
    ],
)
def test_a_voice_without_a_description_is_not_offered(content: bytes | None, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"model")
    if content is not None:
        (tmp_path / "bad.onnx.json").write_bytes(content)
    assert read_folder(tmp_path).refused == {"bad": reason}
    assert Piper(tmp_path, "true").missing() == f"there is no voice file for piper (bad: {reason})"


def test_odd_files_are_no_voices(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello", "utf-8")
    (folder / "folder.onnx").mkdir()
    voice_file(folder, "my voice", "en_US")
    voice_file(folder, "a:b", "en_US")
    voice_file(folder, "empty", "en_US")
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "gone.onnx").symlink_to(folder / "nowhere")
    found = read_folder(folder)
    assert len(found.voices) == 5
    assert {name: reason.partition(" (")[0] for name, reason in found.refused.items()} == {
        "folder": "can't be read",
        "gone": "can't be read",
        "empty": "the model is empty",
        "my voice": "its name has other characters than letters, digits, _, - and .",
        "a:b": "its name has other characters than letters, digits, _, - and .",
    }


def test_a_voice_of_the_first_year_has_its_language_from_espeak(tmp_path: Path) -> None:
    voice_file(tmp_path, "old", "", language={}, espeak={"voice": "en-us"})
    assert Piper(tmp_path).voices() == {"old": "en-US"}


def test_what_is_missing_is_said(tmp_path: Path, folder: Path) -> None:
    assert Piper(tmp_path / "none").missing() == "the folder of piper's voice files can't be read (ENOENT)"
    (tmp_path / "empty").mkdir()
    assert Piper(tmp_path / "empty").missing() == "there is no voice file for piper"
    assert Piper(tmp_path / "empty").traits.languages == frozenset()
    assert Piper(folder, str(tmp_path / "piper")).missing() == "piper is not installed"


async def test_a_voice_file_that_went_away_is_not_asked_for(folder: Path, program: str) -> None:
    # An older piper would fetch it from the Internet.
    piper = Piper(folder, program)
    (folder / "en_GB-alan-low.onnx").unlink()
    with pytest.raises(SpeechUnavailable, match="the voice file is no longer there"):
        await piper.render("four", "en-GB", None, 1.0)
    assert piper.edition("en-GB", None) == ""


def test_another_model_is_another_edition(folder: Path, program: str) -> None:
    piper = Piper(folder, program)
    first = piper.edition("en-GB", None)
    assert first != piper.edition("en-US", None)
    model = folder / "en_GB-alan-low.onnx"
    os.utime(model, ns=(0, 0))
    assert piper.edition("en-GB", None) not in {first, ""}
