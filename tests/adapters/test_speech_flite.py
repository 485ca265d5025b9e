"""The real Flite, and fakes of it. Hostile texts: ``test_speech_hostile``."""

from __future__ import annotations

import subprocess
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.speech.engines.flite import LONGEST_UTTERANCE, LONGEST_WORD, Flite, in_ascii
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from otpvoice.testkit.programs import find
from tests.adapters.speech_programs import script

SENTENCE = "This is a message from your bank. Please stay on the line."
NOTHING = Wave(16000, b"")


@pytest.fixture
def flite() -> Flite:
    """The one of the machine or of the rig. Where there is none, ``make rig`` brings it."""
    return Flite(str(find("flite")))


def seconds(wave: Wave) -> float:
    return len(wave.pcm) / 2 / wave.rate


def test_it_declares_what_it_is() -> None:
    voice: Voice = Flite()
    assert voice.name == "flite"
    assert (voice.traits.offline, voice.traits.may_see_secrets, voice.traits.speeds) == (True, True, (0.5, 2.0))
    assert voice.traits.languages == {"en", "en-US", "en-GB"}
    assert voice.voices() == {"slt": "en-US", "rms": "en-US", "awb": "en-GB", "kal": "en-US", "kal16": "en-US"}


def test_every_voice_that_it_may_use_is_there() -> None:
    listed = subprocess.run([find("flite"), "-lv"], capture_output=True, text=True, check=False).stdout
    assert set(Flite().voices()) <= set(listed.partition(":")[2].split())


@pytest.mark.parametrize("name", ["", "slt ", "SLT", "./slt", "slt\n", "x.flitevox", "/etc/passwd", "file:///etc/x"])
async def test_only_voices_of_the_list_are_voices(name: str, flite: Flite) -> None:
    # Others the program would take for files to load, or fetch.
    assert flite.voice_language(name) is None
    with pytest.raises(ValueError, match="flite has no voice of this name"):
        await flite.render("hello", "en", name, 1.0)


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal", "kal16"])
async def test_each_voice_speaks_at_its_own_rate(voice: str, flite: Flite) -> None:
    wave = await flite.render("four", "en", voice, 1.0)
    assert wave.rate == (8000 if voice == "kal" else 16000)
    assert 0.3 < seconds(wave) < 1.5
    assert max(map(abs, array("h", wave.pcm))) > 3000


async def test_a_woman_speaks_where_no_voice_is_named_and_a_scotsman_for_britain(flite: Flite) -> None:
    async def said(language: str, voice: str | None) -> Wave:
        return await flite.render("zebra", language, voice, 1.0)

    assert await said("en", None) == await said("en-AU", None) == await said("en", "slt")
    assert await said("en-GB", None) == await said("en", "awb") != await said("en", None)


async def test_speed_makes_it_shorter_in_exact_proportion(flite: Flite) -> None:
    normal = seconds(await flite.render(SENTENCE, "en", None, 1.0))
    for speed in (0.5, 0.9, 1.5, 2.0):
        assert seconds(await flite.render(SENTENCE, "en", None, speed)) * speed == pytest.approx(normal, rel=0.03)


async def test_all_sentences_of_a_text_are_there(flite: Flite) -> None:
    one = seconds(await flite.render(SENTENCE, "en", None, 2.0))
    many = seconds(await flite.render(" ".join([SENTENCE] * 8), "en", None, 2.0))
    assert many == pytest.approx(8 * one, rel=0.15)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Plain words, 4821!", "Plain words, 4821!"),
        ("café naïve Łódź Straße Ærø", "cafe naive Lodz Strasse AEro"),
        ("it\u2019s \u201cfine\u201d \u2014 3\u201310", 'it\'s "fine"  -  3 - 10'),
        ("\u00a35 or \u20ac3", " pounds 5 or  euros 3"),
        ("½ m²", "1/2 m2"),
        ("hello \U0001f600 world", "hello  world"),
        ("W" * (2 * LONGEST_WORD + 1), f"{'W' * LONGEST_WORD} {'W' * LONGEST_WORD} W"),
    ],
)
def test_a_text_is_brought_to_the_letters_that_it_knows(text: str, words: str) -> None:
    assert in_ascii(text) == words


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Привет", "Latin letters only"),
        ("code код", "Latin letters only"),
        ("四八二一", "Latin letters only"),
        ("नमस्ते", "Latin letters only"),
        ("\U0001f600", "no name for these signs"),
        ("→ . ♥", "no name for these signs"),
    ],
)
async def test_a_text_that_it_would_be_silent_at_is_refused(text: str, problem: str, flite: Flite) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        await flite.render(text, "en", None, 1.0)
    assert text not in str(caught.value)


def test_a_text_without_sentences_is_spoken_in_pieces() -> None:
    lines = in_ascii("word " * 200).split("\n\n")
    assert [len(line) for line in lines[:-1]] == [LONGEST_UTTERANCE + 4] * 3
    assert "\n" not in in_ascii("A sentence of its own. " * 100)


@given(st.text(max_size=200))
def test_any_text_is_ascii_or_refused(text: str) -> None:
    try:
        words = in_ascii(text)
    except ValueError:
        return
    assert words.isascii()
    assert max(map(len, words.split()), default=0) <= LONGEST_WORD


@pytest.mark.parametrize(
    ("text", "language", "speed", "problem"),
    [
        ("x" * 3001, "en", 1.0, "at most 3000 characters"),
        ("secret", "en", 0.49, "speed"),
        ("secret", "en", float("nan"), "speed"),
        ("secret", "de", 1.0, "English only"),
    ],
)
async def test_what_it_does_not_take_is_a_value_error(text: str, language: str, speed: float, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        await Flite().render(text, language, None, speed)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n\t ", "...", "\x00", "?!—"])
async def test_of_nothing_to_say_nothing_is_rendered(text: str, tmp_path: Path) -> None:
    assert await Flite(str(script(tmp_path / "flite", "exit 1"))).render(text, "en", None, 1.0) == NOTHING


async def test_an_engine_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (Flite().missing(), Flite().edition("en", None)) == ("flite is not installed", "")
    with pytest.raises(SpeechUnavailable, match="flite is not installed"):
        await Flite().render("hello", "en", None, 1.0)
    script(tmp_path / "flite", "exit 1")
    assert Flite().missing() is None
    assert Flite().edition("en", None)


async def test_what_is_said_is_on_no_command_line_and_what_is_heard_on_no_disk(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    flite = Flite(str(script(tmp_path / "flite", f'echo "$*" > {seen}; readlink "$6" >> {seen}; cat >> {seen}')))
    with pytest.raises(SpeechUnavailable, match="the engine wrote no sound"):
        await flite.render("918273", "en", "rms", 0.8)
    arguments, file, text = seen.read_text("utf-8").splitlines()
    assert arguments.split()[:5] == ["-voice", "rms", "--setf", "duration_stretch=1.2500", "-o"]
    assert file == "/memfd:speech (deleted)"
    assert text == "918273"
