"""``say``: what is in the files that it writes, to the sample, and what becomes of everything else."""

from __future__ import annotations

import asyncio
import io
import os
import re
import struct
import subprocess
import sys
import wave
from collections.abc import Mapping
from math import pi, sin
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest
import structlog
from typer.testing import CliRunner

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.voice import Traits
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.cli import speaking
from otpvoice.cli.app import app
from otpvoice.cli.asked import Asked
from otpvoice.cli.say import say
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Silence, SpeechUnavailable, Words
from otpvoice.media.clip import Clip
from otpvoice.media.g711 import encode
from otpvoice.media.wav import Wave, read_wav

LOCALES: Final = load_locales()
CODE: Final = "482913"


class Engine:
    """Hums each text at a pitch of its own, for a quarter of a second and more."""

    name = "espeak"
    traits = Traits(True, True, frozenset({"en", "de"}), (0.5, 2.0), "MIT")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.asked: list[tuple[str, str | None]] = []

    def voices(self) -> Mapping[str, str]:
        return {"en-us": "en-US", "en-gb": "en-GB", "de": "de"}

    def voice_language(self, name: str) -> str | None:
        return self.voices().get(name.partition("+")[0])

    def missing(self) -> str | None:
        return None

    def edition(self, language: str, voice_name: str | None) -> str:
        return "1"

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        self.texts.append(text)
        self.asked.append((language, voice_name))
        if text == "Fail":
            raise SpeechUnavailable("it crashed")
        pitch, count = 300 + crc32(text.encode()) % 1000, round(16000 * (0.25 + len(text) / 100) / speed)
        return Wave(
            16000, struct.pack(f"<{count}h", *(round(9000 * sin(2 * pi * pitch * n / 16000)) for n in range(count)))
        )


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """Nothing is set, the only engine is ours, and files are written here."""
    for name in list(os.environ):
        if name.startswith("OTPVOICE_"):
            monkeypatch.delenv(name)
    only = Engine()
    monkeypatch.setattr(speaking, "engines", lambda *_, **__: (only,))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    return only


def clips(script: Script) -> tuple[Clip, ...]:
    """The same, piece by piece, by a renderer of its own."""

    async def made() -> tuple[Clip, ...]:
        finishing = AtHand()
        renderer = Renderer([Engine()], LOCALES, "ulaw", finishing=finishing)
        try:
            return await renderer.clips(script)
        finally:
            await renderer.close()
            await finishing.close()

    return asyncio.run(made())


def written(name: str) -> tuple[int, bytes]:
    with wave.open(name) as file:
        assert file.getnchannels() == 1
        assert file.getsampwidth() == 2
        return file.getframerate(), file.readframes(file.getnframes())


def script_of(code: str, language: str = "en-US", **options: Any) -> Script:
    return code_script(SayCode(OtpCode(code), **options), language, None, LOCALES)


# --- what is in the file ----------------------------------------------------------------------------------------------


def test_a_text_is_a_wav_of_the_master() -> None:
    assert say(Asked("Hello there", language="en"), "say.wav") == 0
    [clip] = clips((Words("Hello there", "en"),))
    assert written("say.wav") == (16000, clip.master)
    assert len(clip.master) > 2 * 0.2 * 16000


def test_a_code_is_all_its_pieces_and_gaps_to_the_sample() -> None:
    assert say(Asked(code=CODE, language="de"), "code.wav") == 0
    rate, pcm = written("code.wav")
    script = script_of(CODE, "de")
    pieces = clips(script)
    assert rate == 16000
    assert pcm == b"".join(piece.master for piece in pieces)
    gaps = sum(round(item.seconds * 16000) for item in script if isinstance(item, Silence))
    sounds = sum(
        len(piece.master) // 2 for item, piece in zip(script, pieces, strict=True) if not isinstance(item, Silence)
    )
    assert len(pcm) // 2 == gaps + sounds


def test_its_digits_are_heard_in_order_each_as_it_sounds_alone() -> None:
    assert say(Asked(code="4829", language="en", times=1, template="{code}"), "code.wav") == 0
    _, pcm = written("code.wav")
    alone = {
        digit: clips((CodeCharacter(digit, 1, 1, 1, "en", speed=0.9),))[0].master
        for digit in dict.fromkeys("0123456789")
    }
    assert len(set(alone.values())) == 10
    found = sorted((pcm.find(sound), digit) for digit, sound in alone.items() if sound in pcm)
    assert "".join(digit for _, digit in found) == "4829"
    assert found[0][0] == 0
    assert pcm.endswith(alone["9"])


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_the_telephone_gets_what_a_call_would_send(law: Any) -> None:
    assert say(Asked(code=CODE), "code.wav", coding=law) == 0
    sound = b"".join(encode(piece.telephone, law) for piece in clips(script_of(CODE)))
    content = Path("code.wav").read_bytes()
    assert content[content.index(b"data") + 8 :][: len(sound)] == sound
    assert struct.unpack("<HHI", content[20:28]) == ({"ulaw": 7, "alaw": 6}[law], 1, 8000)


def test_or_the_same_as_pcm() -> None:
    assert say(Asked(code=CODE), "code.wav", coding="pcm") == 0
    rate, pcm = written("code.wav")
    assert (rate, pcm) == (8000, b"".join(piece.telephone for piece in clips(script_of(CODE))))


def test_all_that_a_request_may_ask_for() -> None:
    asked = Asked(
        code="Ab9", language="en", voice="espeak:en-gb", speed=1.5, times=3, group=2, brand="Acme",
        template="{brand}: {code}. Bye", spelling=True,
    )  # fmt: skip
    assert say(asked, "code.wav") == 0
    script = script_of(
        "Ab9", "en", voice="espeak:en-gb", speed=1.5, times=3, group=2, brand="Acme", template="{brand}: {code}. Bye",
        spelling=True,
    )  # fmt: skip
    assert written("code.wav")[1] == b"".join(piece.master for piece in clips(script))


def test_no_engine_ever_gets_the_code_in_one_text(engine: Engine) -> None:
    assert say(Asked(code=CODE, brand="Acme"), "code.wav") == 0
    assert len(engine.texts) >= 6
    assert not [text for text in engine.texts if re.search(r"\d.*\d", text) or CODE in text]


@pytest.mark.parametrize(
    ("asked", "language", "voice"),
    [
        (Asked("Hallo", voice="Polly.Vicki"), "de", "de"),
        (Asked(code=CODE, voice="en-GB-RyanNeural"), "en-GB", "en-gb"),
        (Asked("Hallo", language="de", voice="Polly.Joanna"), "de", "de"),
        (Asked("Hello", voice="alice"), "en-US", "en-us"),
    ],
)
def test_the_name_of_a_hosted_voice_is_understood_as_in_a_request(
    asked: Asked, language: str, voice: str, engine: Engine
) -> None:
    assert say(asked, "asked.wav") == 0
    ((spoken, name),) = set(engine.asked)
    assert (spoken, (name or "").partition("+")[0]) == (language, voice)


@pytest.mark.parametrize(
    ("asked", "plain"),
    [
        (Asked("Cafe\u0301\u200e"), Asked("Caf\u00e9")),
        (Asked(code=CODE, brand="Cafe\u0301\u00ad"), Asked(code=CODE, brand="Caf\u00e9")),
    ],
)
def test_letters_are_composed_and_what_nobody_hears_is_left_out_as_in_a_request(asked: Asked, plain: Asked) -> None:
    assert (say(asked, "asked.wav"), say(plain, "plain.wav")) == (0, 0)
    assert Path("asked.wav").read_bytes() == Path("plain.wav").read_bytes()


def test_what_is_set_for_calls_is_meant_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTPVOICE_LANGUAGE", "de")
    assert say(Asked(code=CODE), "code.wav") == 0
    assert written("code.wav")[1] == b"".join(piece.master for piece in clips(script_of(CODE, "de")))


# --- where it comes from and goes -------------------------------------------------------------------------------------


def test_a_code_and_a_text_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, asked, plain in [
        (f" {CODE}\n", Asked(code="-"), Asked(code=CODE)),
        ("Hello\nthere\n", Asked("-"), Asked("Hello\nthere\n")),
    ]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert say(asked, "typed.wav") == say(plain, "plain.wav") == 0
        assert Path("typed.wav").read_bytes() == Path("plain.wav").read_bytes()


def test_standard_output_has_the_file_and_nothing_else(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert say(Asked("Hello"), "-") == 0
    out, err = capsysbinary.readouterr()
    assert err == b""
    rate, pcm = read_wav(out)
    assert (rate, pcm) == (16000, clips((Words("Hello", "en-US"),))[0].master)
    assert os.listdir() == []


def test_what_goes_wrong_on_the_way_is_told_beside_it(
    engine: Engine, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log would else be in the sound."""
    monkeypatch.setattr(speaking, "engines", lambda *_, **__: (Noisy(),))
    assert say(Asked("Hello"), "-") == 0
    out, err = capsysbinary.readouterr()
    assert read_wav(out).pcm == clips((Words("Hello", "en-US"),))[0].master
    assert b"speech.noise" in err
    assert b"speech.detail" not in err


class Noisy(Engine):
    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        structlog.get_logger("otpvoice").warning("speech.noise")
        structlog.get_logger("otpvoice").info("speech.detail")
        return await super().render(text, language, voice_name, speed)


def test_a_picture_has_the_digits_and_the_gaps() -> None:
    assert say(Asked(code=CODE, times=1), "code.wav", picture="code.svg") == 0
    picture = Path("code.svg").read_text()
    assert re.findall(r'class="digit"[^>]*>(\w)<', picture) == list(CODE)
    assert {">350<", ">800<", ">500<"} <= set(re.findall(r">\d+<", picture))
    assert "A code of 6 characters in English (en-US), read once" in picture
    assert CODE not in picture
    assert Path("code.svg").stat().st_mode & 0o777 == Path("code.wav").stat().st_mode & 0o777 == 0o600


def test_a_picture_alone_will_do() -> None:
    assert say(Asked("Hello"), None, picture="text.svg") == 0
    assert os.listdir() == ["text.svg"]
    assert "A text in English (en-US)" in Path("text.svg").read_text()


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "output", "picture", "sentence"),
    [
        (Asked("Hello"), None, None, "where is it to go? -o FILE.wav, or -o - for standard output"),
        (Asked(), "x.wav", None, "what is to be said? A text, or --code: one of the two"),
        (Asked("Hello", CODE), "x.wav", None, "what is to be said? A text, or --code: one of the two"),
        (Asked("Hello"), "-", "-", "sound and picture can't both go to standard output"),
        (Asked("Hello", group=2, brand="A"), "x.wav", None, "--group, --brand: for a code (--code), not for a text"),
        (Asked("a" * 3001), "x.wav", None, "the text must have at most 3000 characters"),
        (Asked(""), "x.wav", None, "the text must not be empty"),
        (Asked("a\x07"), "x.wav", None, "the text must have no control characters but line breaks and tabs"),
        (Asked("Hello", language="!"), "x.wav", None, "--language must be a BCP 47 language tag, as in pt-BR"),
        (Asked("Hello", language="en-" + "a" * 33), "x.wav", None, "--language must have at most 35 characters"),
        (Asked("Hello", voice="!"), "x.wav", None, "--voice must be the name of an engine, engine:voice, or"),
        (Asked(code="12"), "x.wav", None, "--code must be 3 to 12 characters of 0-9, A-Z, a-z"),
        (Asked(code=CODE, brand="a" * 31), "x.wav", None, "--brand must have at most 30 characters"),
        (Asked(code=CODE, brand="\u200e "), "x.wav", None, "--brand must not be empty"),
        (Asked(code=CODE, template="{code}" * 84), "x.wav", None, "--template must have at most 500 characters"),
        (Asked(code=CODE, template="no code"), "x.wav", None, "--template breaks a rule: a template holds {code}"),
        (Asked(code=CODE, template="{brand} {code}"), "x.wav", None, "--template breaks a rule: a template that"),
        (Asked(code="1", brand=""), "x.wav", None, "--brand must not be empty\n--code must be 3 to 12 characters"),
        (Asked("Hello", voice="martian"), "x.wav", None, "there is no voice of this name; there are espeak: see"),
        (Asked("Hello", voice="gtts:de"), "x.wav", None, "--voice: gtts is off: OTPVOICE_GTTS=1 turns it on"),
        (Asked("Hello", language="tlh"), "x.wav", None, "no voice speaks this language: see otpvoice voices"),
    ],
)  # fmt: skip
def test_wrong_usage_is_said_in_one_sentence(
    asked: Asked, output: str | None, picture: str | None, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(asked, output, picture=picture) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)
    assert CODE not in err
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (Asked("Fail"), "it can't be said: it crashed"),
        (Asked("…"), "it can't be said: there is nothing to say in it"),
        (Asked("?!"), "it can't be said: there is nothing to say in it"),
    ],
)
def test_what_cannot_be_said_leaves_no_file(asked: Asked, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(asked, "x.wav") == 1
    assert capsys.readouterr().err == f"{sentence}\n"
    assert os.listdir() == []


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_is_no_text_is_not_repeated(
    errors: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in (Asked("-"), Asked(code="-")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"4829\xff"), "utf-8", errors))
        assert say(asked, "x.wav") == 2
        assert capsys.readouterr().err == "what standard input gives is no text\n"


def test_settings_that_are_wrong_are_78(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTPVOICE_VOICE", "martian")
    assert say(Asked("Hello"), "x.wav") == 78
    assert "OTPVOICE_VOICE must be engine" in capsys.readouterr().err
    monkeypatch.setenv("OTPVOICE_VOICE", "espeak:martian")
    assert say(Asked("Hello"), "x.wav") == 78
    assert capsys.readouterr().err == "OTPVOICE_VOICE: espeak has no voice of this name\n"


def test_a_configured_voice_whose_engine_is_off_says_what_turns_it_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value, sentence in [
        ("OTPVOICE_VOICE", "piper", "piper is off: OTPVOICE_PIPER_DIR names no folder of voice files"),
        ("OTPVOICE_FALLBACK_VOICES", "espeak gtts", "gtts is off: OTPVOICE_GTTS=1 turns it on"),
        (
            "OTPVOICE_VOICE",
            "recorded",
            "recorded is off: neither OTPVOICE_RECORDINGS_DIR nor OTPVOICE_ASTERISK_SOUNDS names a folder",
        ),
    ]:
        with monkeypatch.context() as around:
            around.setenv(name, value)
            assert say(Asked("Hello"), "x.wav") == 78
        assert capsys.readouterr().err == f"{name}: {sentence}\n"


def test_a_place_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert say(Asked("Hello"), "/nonexistent/x.wav") == 1
    assert capsys.readouterr().err == "/nonexistent/x.wav can't be written: No such file or directory\n"


def test_the_options_reach_it_and_help_warns_of_ps() -> None:
    options = ["--code", CODE, "--language", "de", "--times", "1", "--telephone", "alaw", "-o", "a.wav"]
    result = CliRunner().invoke(app, ["say", *options])
    assert (result.exit_code, result.output) == (0, "")
    assert say(Asked(code=CODE, language="de", times=1), "b.wav", coding="alaw") == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()
    told = " ".join(CliRunner().invoke(app, ["say", "--help"]).output.split())
    assert "Others on this machine can see it (ps)" in told
    assert "- reads it from standard input" in told
    for option in ("--speed", "--times", "--group"):
        assert CliRunner().invoke(app, ["say", "Hello", "-o", "x.wav", option, "99"]).exit_code == 2


def test_the_program_itself_with_the_engine_itself(tmp_path: Path) -> None:
    """One real run: espeak-ng, a code on standard input, a file; nothing of the code anywhere else."""
    command = [sys.executable, "-m", "otpvoice", "say", "--code", "-", "--language", "de", "-o", "code.wav"]
    done = subprocess.run(command, input=CODE, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rate, pcm = written("code.wav")
    assert rate == 16000
    # Twice six digits, with gaps of a third of a second and more.
    assert 10 < len(pcm) / 32000 < 40
    assert os.listdir(tmp_path) == ["code.wav"]
