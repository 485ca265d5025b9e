"""The real espeak-ng; fakes of it where it has to be late or missing. Hostile texts: ``test_speech_hostile``."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otpvoice.adapters.speech.engines import program
from otpvoice.adapters.speech.engines.espeak import RATE, Espeak
from otpvoice.adapters.speech.engines.program import CHILDREN, LONGEST_SOUND
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from tests.adapters.speech_programs import script

SENTENCE = "This is a message from your bank. Please stay on the line."
LONGEST_TEXT = Espeak.traits.longest_text


def seconds(wave: Wave) -> float:
    return len(wave.pcm) / 2 / wave.rate


def loudest(wave: Wave) -> int:
    return max(map(abs, array("h", wave.pcm)), default=0)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An espeak-ng that comes first on PATH; a test writes what it does."""
    path = script(tmp_path / "espeak-ng", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return path


def test_it_declares_what_it_is() -> None:
    voice: Voice = Espeak()
    assert voice.name == "espeak"
    assert (voice.traits.offline, voice.traits.may_see_secrets, voice.traits.speeds) == (True, True, (0.5, 2.0))
    assert {"en", "de", "fr", "pt-br", "zh"} <= voice.traits.languages


def test_every_voice_that_it_may_use_is_there() -> None:
    listed = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True).stdout
    there = {line.split()[1] for line in listed.splitlines()[1:]}
    assert len(Espeak().voices()) > 100
    assert set(Espeak().voices()) <= there
    assert {name: Espeak().voice_language(name) for name in Espeak().voices()} == Espeak().voices()


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("en-us", "en-us"),
        ("de+f2", "de"),
        ("pt-br+m7", "pt-br"),
        ("de+f9", None),
        ("de+croak", None),
        ("+f1", None),
        ("de+f1+f1", None),
        ("", None),
        ("../../etc/passwd", None),
        ("-w{tmp}/x", None),
        ("en-us\n", None),
        ("mb/mb-de1", None),
    ],
)
def test_only_voices_of_the_list_are_voices(name: str, language: str | None) -> None:
    assert Espeak().voice_language(name) == language


@pytest.mark.parametrize("word", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
async def test_a_digit_is_sound(word: str) -> None:
    wave = await Espeak().render(word, "en", None, 0.9)
    assert wave.rate == RATE
    assert 0.3 < seconds(wave) < 1.5
    assert loudest(wave) > 3000


async def test_the_same_words_are_the_same_bytes() -> None:
    assert await Espeak().render(SENTENCE, "en", None, 1.0) == await Espeak().render(SENTENCE, "en", None, 1.0)


async def test_speed_makes_it_shorter_in_proportion() -> None:
    lengths = {
        speed: seconds(await Espeak().render(SENTENCE, "en", None, speed)) for speed in (0.5, 0.9, 1.0, 1.5, 2.0)
    }
    assert list(lengths.values()) == sorted(lengths.values(), reverse=True)
    for speed, length in lengths.items():
        assert length * speed == pytest.approx(lengths[1.0], rel=0.2)


async def test_languages_and_voices_sound_different() -> None:
    espeak = Espeak()
    waves = [
        await espeak.render("zebra", language, name, 1.0)
        for language, name in [("en", None), ("en-GB", "en-gb"), ("de-AT", None), ("en", "en-us+f2")]
    ]
    assert len(set(waves)) == 4
    assert await espeak.render("zebra", "en-US", None, 1.0) == waves[0]


@pytest.mark.parametrize("text", ["４８２１", "٤٨٢١", "४८२१", "𝟜𝟠𝟚𝟙"])
@pytest.mark.parametrize("language", ["en", "ja", "ar", "hi"])
async def test_digits_of_any_script_are_heard_as_digits(text: str, language: str) -> None:
    # The program alone is silent at most of them.
    assert await Espeak().render(text, language, None, 1.0) == await Espeak().render("4821", language, None, 1.0)


@pytest.mark.parametrize(
    ("text", "language", "voice", "speed", "problem"),
    [
        ("x" * (LONGEST_TEXT + 1), "en", None, 1.0, "at most 3000 characters"),
        ("secret", "en", None, 0.49, "speed"),
        ("secret", "en", None, 2.01, "speed"),
        ("secret", "en", None, float("nan"), "speed"),
        ("secret", "xx", None, 1.0, "language"),
        ("secret", "en", "-w/tmp/x", 1.0, "no voice"),
        ("", "xx", None, 1.0, "language"),
    ],
)
async def test_what_it_does_not_take_is_a_value_error(
    text: str, language: str, voice: str | None, speed: float, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        await Espeak().render(text, language, voice, speed)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n\t ", "...", "\x00\x01\x02", "\ud800", "?!—", "\u200e\u00ad"])
async def test_of_nothing_to_say_nothing_is_rendered(text: str, fake: Path) -> None:
    assert await Espeak(str(fake)).render(text, "en", None, 1.0) == Wave(RATE, b"")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.sampled_from(["en", "de", "ar", "zh", "ru", "hi", "tr"]), st.floats(0.5, 2))
def test_any_text_is_sound_or_a_fault_of_the_engine_that_is_told(text: str, language: str, speed: float) -> None:
    fault, wave = "", Wave(RATE, b"")
    try:
        wave = asyncio.run(Espeak().render(text, language, None, speed))
    except SpeechUnavailable as error:
        fault = error.reason
    # Some versions of espeak-ng crash on some odd texts, for instance "=^Ô²³Ý" in Hindi: so it is a child.
    assert fault in {"", "the engine ended with signal 11"}
    assert wave.rate == RATE
    assert seconds(wave) < LONGEST_SOUND


async def test_no_more_than_two_programs_run_at_once(fake: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script(fake, f"echo + >> {log}\ncat > /dev/null\nsleep 0.05\necho - >> {log}\nexit 1")
    espeak = Espeak()
    await asyncio.gather(*(espeak.render(f"text {n}", "en", None, 1) for n in range(8)), return_exceptions=True)
    running = most = 0
    for line in log.read_text("utf-8").split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, CHILDREN)


async def test_who_comes_when_too_many_wait_is_turned_away_at_once(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "MOST_WAITING", 1)
    os.mkfifo(tmp_path / "gate")
    script(fake, f"cat > /dev/null\ncat {tmp_path / 'gate'}\nexit 1")
    espeak = Espeak()
    waiting = [asyncio.create_task(espeak.render(f"text {n}", "en", None, 1)) for n in range(CHILDREN + 1)]
    await asyncio.sleep(0)
    with pytest.raises(SpeechUnavailable, match="too many texts wait for the engine"):
        espeak.render("one more", "en", None, 1).send(None)
    waiting.pop().cancel()
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(espeak.render("in its place", "en", None, 1)))
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert all(task.cancelled() for task in waiting)
    script(fake, "exit 3")
    with pytest.raises(SpeechUnavailable, match="status 3"):
        await espeak.render("and all places are free", "en", None, 1)


async def test_an_engine_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Espeak().missing() == "espeak-ng is not installed"
    assert Espeak(str(tmp_path / "bin" / "espeak")).missing() == "espeak is not installed"
    assert Espeak().edition("en", None) == ""
    with pytest.raises(SpeechUnavailable, match="espeak-ng is not installed"):
        await Espeak().render("hello", "en", None, 1.0)


def test_another_program_is_another_edition(fake: Path) -> None:
    espeak = Espeak()
    first = espeak.edition("en", None)
    assert espeak.missing() is None
    assert first == espeak.edition("de", "de+f2") != ""
    script(fake, "exit 22")
    assert espeak.edition("en", None) not in {first, ""}


async def test_an_engine_that_failed_is_asked_again(fake: Path) -> None:
    espeak = Espeak()
    for _ in range(3 * CHILDREN):
        with pytest.raises(SpeechUnavailable):
            await espeak.render("hello", "en", None, 1.0)
    fake.unlink()
    assert (await espeak.render("hello", "en", None, 1.0)).pcm


async def test_the_text_is_on_no_command_line(fake: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script(fake, f'echo "$0 $*" > {seen}; env >> {seen}; exit 1')
    with pytest.raises(SpeechUnavailable):
        await Espeak().render("918273", "de", None, 0.9)
    shown = seen.read_text("utf-8")
    assert shown.splitlines()[0] == f"{fake} --stdin --stdout -b 1 -v de -s 144"
    assert "918273" not in shown


async def test_the_event_loop_goes_on_while_a_long_text_is_rendered() -> None:
    espeak, ticks = Espeak(), 0
    rendering = asyncio.create_task(espeak.render(SENTENCE * 30, "en", None, 1.0))
    while not rendering.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert seconds(await rendering) > 60
    # One that was blocked for the whole of it would have ticked a few times.
    assert ticks > 50


def test_nothing_runs_and_no_numpy_is_there_when_it_is_imported() -> None:
    source = (
        "import otpvoice.adapters.speech.engines.espeak, asyncio, sys; asyncio.run(asyncio.sleep(0));"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", source], check=False).returncode == 0
