"""The real espeak-ng, with kind and with hostile texts; fakes of it where it has to fail."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from array import array
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otpvoice.adapters.speech.espeak import CHILDREN, LONGEST_TEXT, Espeak, plain
from otpvoice.adapters.speech.voice import Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.pcm import EDGE
from tests.media.loudness import active_level

SENTENCE = "This is a message from your bank. Please stay on the line."


def level(samples: array[int]) -> float:
    return 10 * math.log10(max(sum(s * s for s in samples) / len(samples), 1e-9) / 32768**2)


def seconds(pcm: bytes) -> float:
    return len(pcm) / 16000


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An espeak-ng that comes first on PATH; a test writes what it does."""
    path = tmp_path / "espeak-ng"
    path.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return path


def test_it_declares_what_it_is() -> None:
    voice: Voice = Espeak()
    assert (voice.name, voice.may_see_secrets) == ("espeak", True)
    assert {"en", "de", "fr", "pt-br", "zh"} <= set(voice.languages)


def test_every_voice_that_it_may_use_is_there() -> None:
    listed = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True).stdout
    there = {line.split()[1] for line in listed.splitlines()[1:]}
    allowed = {name for tag in Espeak.languages if (name := Espeak().voice_language(tag))}
    assert len(allowed) > 100
    assert allowed <= there


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
async def test_a_digit_is_whole_at_both_ends_and_at_its_level(word: str) -> None:
    samples = array("h", await Espeak().render(word, "en", None, 0.9))
    assert 0.25 < len(samples) / 8000 < 0.8
    assert active_level(samples.tobytes()) == pytest.approx(-22.0, abs=0.3)
    assert max(map(abs, samples)) <= 32768 * 10 ** (-3 / 20)
    # Nothing is cut off: the edges are as good as silent. And nothing but the edges is added: then there is sound.
    assert samples[0] == samples[-1] == 0
    assert level(samples[:EDGE]) < -60
    assert level(samples[-EDGE:]) < -60
    assert level(samples[EDGE : EDGE + 80]) > -60
    assert level(samples[-EDGE - 80 : -EDGE]) > -60


async def test_the_same_words_are_the_same_bytes() -> None:
    assert await Espeak().render(SENTENCE, "en", None, 1.0) == await Espeak().render(SENTENCE, "en", None, 1.0)


async def test_speed_makes_it_shorter_in_proportion() -> None:
    lengths = {
        speed: seconds(await Espeak().render(SENTENCE, "en", None, speed)) for speed in (0.5, 0.9, 1.0, 1.5, 2.0)
    }
    assert list(lengths.values()) == sorted(lengths.values(), reverse=True)
    for speed, length in lengths.items():
        assert length * speed == pytest.approx(lengths[1.0], rel=0.15)


async def test_languages_and_voices_sound_different() -> None:
    espeak = Espeak()
    clips = [
        await espeak.render("zebra", language, name, 1.0)
        for language, name in [("en", None), ("en-GB", "en-gb"), ("de-AT", None), ("en", "en-us+f2")]
    ]
    assert len(set(clips)) == 4
    assert await espeak.render("zebra", "en-US", None, 1.0) == clips[0]


@pytest.mark.parametrize(
    ("text", "language", "voice", "speed", "problem"),
    [
        ("x" * (LONGEST_TEXT + 1), "en", None, 1.0, "at most 3000 characters"),
        ("secret " * 20_000, "en", None, 1.0, "at most 3000 characters"),
        ("secret", "en", None, 0.49, "speed"),
        ("secret", "en", None, 2.01, "speed"),
        ("secret", "en", None, float("nan"), "speed"),
        ("secret", "xx", None, 1.0, "language"),
        ("secret", "en", "-w/tmp/x", 1.0, "no voice"),
    ],
)
async def test_what_it_does_not_take_is_a_value_error(
    text: str, language: str, voice: str | None, speed: float, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        await Espeak().render(text, language, voice, speed)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n\t ", "...", "\x00\x01\x02", "\ud800", "?!—"])
async def test_of_nothing_to_say_nothing_is_rendered(text: str, fake: Path) -> None:
    fake.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    assert await Espeak().render(text, "en", None, 1.0) == b""


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("-f{tmp}/long.txt", None),
        ("-w{tmp}/x", None),
        ("--help", None),
        ("[[f@U]]", "[ [f@U]]"),
        ("[[[[f@U", "[ [ [ [f@U"),
        ('<audio src="{tmp}/long.txt"/> hello', None),
        ("<break time='10s'/>", None),
        ("hello \x0150S world", "hello  50S world"),
        ("hello\x00world", "hello world"),
        ("hello\x1b[2Jworld\r\n", "hello [2Jworld"),
        ("hello \udcff world", "hello   world"),
        ("$(touch {tmp}/x) `id` ; | & > {tmp}/x", None),
        ("😀 hello", None),
        ("שלום مرحبا", None),
        ("\u202egnidaer\u202c", None),
        ("a" * LONGEST_TEXT, None),
        ("%s%n%p", None),
    ],
)
async def test_a_hostile_text_is_only_words(text: str, same_as: str | None, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("very long indeed " * 500, "utf-8")
    text = text.replace("{tmp}", str(tmp_path))
    clip = await Espeak().render(text, "en", None, 1.0)
    # Some characters are spelled by name, none takes as long as the file would.
    assert 0 < seconds(clip) < (60 if len(text) < 300 else 1200)
    if same_as is not None:
        assert clip == await Espeak().render(same_as, "en", None, 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["long.txt"]


async def test_a_pause_that_a_text_asks_for_by_markup_is_not_made() -> None:
    assert seconds(await Espeak().render("<break time='60s'/> a", "en", None, 1.0)) < 10


@given(st.text(max_size=300))
def test_no_text_keeps_what_espeak_would_obey(text: str) -> None:
    words = plain(text)
    assert "[[" not in words
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in words)
    words.encode()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.sampled_from(["en", "de", "ar", "zh", "ru", "hi", "tr"]), st.floats(0.5, 2))
def test_any_text_is_a_clip_or_a_fault_of_the_engine_that_is_told(text: str, language: str, speed: float) -> None:
    clip: array[int] | None
    try:
        clip = array("h", asyncio.run(Espeak().render(text, language, None, speed)))
    except SpeechUnavailable as error:
        # espeak-ng 1.51 crashes on some odd texts, for instance "=^Ô²³Ý" in Hindi: that is why it is a child.
        clip = None if error.reason == "the engine ended with signal 11" else array("h", [32767])
    assert not clip or max(map(abs, clip)) <= 32768 * 10 ** (-3 / 20)


async def test_no_more_than_two_programs_run_at_once(fake: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fake.write_text(f"#!/bin/sh\necho + >> {log}\ncat > /dev/null\nsleep 0.05\necho - >> {log}\nexit 1\n", "utf-8")
    espeak = Espeak()
    await asyncio.gather(*(espeak.render(f"text {n}", "en", None, 1) for n in range(8)), return_exceptions=True)
    running = most = 0
    for line in log.read_text("utf-8").split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, CHILDREN)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exit 139", "the engine ended with status 139"),
        ("exec sleep 999", "the engine took longer than"),
        ("cat", "the engine wrote no sound"),
        ("head -c 100000 /dev/urandom", "the engine wrote no sound"),
        ("printf RIFFxxxxWAVE", "the engine wrote no sound"),
        ("exit 0", "the engine wrote no sound"),
        ("exec cat /dev/zero", "the engine wrote too much"),
    ],
)
async def test_an_engine_that_fails_says_why_and_leaves_nothing(source: str, reason: str, fake: Path) -> None:
    fake.write_text(f"#!/bin/sh\n{source}\n", "utf-8")
    before = psutil.Process().children(recursive=True)
    espeak = Espeak(deadline=0.5 if "sleep" in source else 20)
    with pytest.raises(SpeechUnavailable) as caught:
        await espeak.render("4821", "en", None, 1.0)
    assert caught.value.reason.startswith(reason)
    assert "4821" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert psutil.Process().children(recursive=True) == before


async def test_an_engine_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechUnavailable, match="espeak-ng is not installed"):
        await Espeak().render("hello", "en", None, 1.0)


async def test_an_engine_that_failed_is_asked_again(fake: Path) -> None:
    fake.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    espeak = Espeak()
    for _ in range(3 * CHILDREN):
        with pytest.raises(SpeechUnavailable):
            await espeak.render("hello", "en", None, 1.0)
    fake.unlink()
    assert await espeak.render("hello", "en", None, 1.0)


async def test_the_text_is_on_no_command_line(fake: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    fake.write_text(f'#!/bin/sh\necho "$0 $*" > {seen}; env >> {seen}; exit 1\n', "utf-8")
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


def test_nothing_runs_when_it_is_imported() -> None:
    source = "import otpvoice.adapters.speech.espeak, asyncio; asyncio.run(asyncio.sleep(0))"
    assert subprocess.run([sys.executable, "-W", "error", "-c", source], check=False).returncode == 0
