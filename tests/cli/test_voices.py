"""``voices``: what there is on a machine whose PATH is known, and what is set for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from otpvoice.cli.app import app
from otpvoice.cli.voices import voices


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing is set, and espeak-ng is all that is on the PATH; it is never started."""
    for name in list(os.environ):
        if name.startswith("OTPVOICE_"):
            monkeypatch.delenv(name)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "espeak-ng").write_text("#!/bin/false\n")
    (programs / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], language: str | None = None, *, code: int = 0) -> dict[str, Any]:
    assert voices(language, as_json=True) == code
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def engine(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in document["engines"] if one["name"] == name]
    assert isinstance(found, dict)
    return found


def test_without_any_setting_all_engines_are_listed_with_what_they_declare(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys)
    assert [one["name"] for one in document["engines"]] == ["espeak", "flite", "recorded", "piper", "gtts"]
    espeak = engine(document, "espeak")
    assert (espeak["there"], espeak["missing"], espeak["configured"]) == (True, None, True)
    assert (espeak["offline"], espeak["may_see_codes"], espeak["speeds"]) == (True, True, [0.5, 2.0])
    assert espeak["licence"] == "GPL-3.0-or-later"
    assert espeak["voices"]["de"] == "de"
    assert {"en-US", "de"} <= set(espeak["languages"]) | {"en-US"}
    assert {"de", "pt-BR"} <= set(document["languages"])


def test_what_is_not_there_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys)
    assert "flite" in engine(document, "flite")["missing"]
    assert engine(document, "piper")["missing"] == "OTPVOICE_PIPER_DIR names no folder of voice files"
    assert engine(document, "gtts")["missing"] == "OTPVOICE_GTTS=1 turns it on"
    assert "OTPVOICE_RECORDINGS_DIR" in engine(document, "recorded")["missing"]
    assert not any(engine(document, name)["there"] for name in ("flite", "piper", "gtts", "recorded"))


def test_an_online_engine_is_told_apart(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTPVOICE_GTTS", "1")
    gtts = engine(told(capsys), "gtts")
    assert (gtts["offline"], gtts["may_see_codes"], gtts["missing"]) == (False, False, None)


def test_people_have_a_table_and_the_reasons_below_it() -> None:
    result = CliRunner().invoke(app, ["voices"])
    assert result.exit_code == 0
    head, espeak, *rest = result.output.splitlines()
    assert head.split() == ["engine", "there", "offline", "in", "calls", "speeds", "languages", "licence"]
    assert espeak.split()[:7] == ["espeak", "yes", "yes", "yes", "0.5", "to", "2"]
    assert espeak.endswith("GPL-3.0-or-later")
    assert "gtts: OTPVOICE_GTTS=1 turns it on" in rest


def test_a_language_has_its_pack_and_its_voices(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "de-CH")
    assert document["pack"]["english"].startswith("German")
    assert document["stands_in"] is None
    assert document["calls"][0] == engine(document, "espeak")["voice"] == "espeak:de"
    assert "espeak:de" in engine(document, "espeak")["voices"]
    assert engine(document, "flite")["voice"] is None


def test_and_people_are_told_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert voices("pt-BR") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pt-BR: language pack pt-BR (")
    assert lines[0].endswith("reviewed by nobody but a machine")
    assert lines[1] == "calls: espeak:pt-br"
    assert lines[2].startswith("espeak    espeak:pt-br; also ")
    assert lines[3].startswith("flite     does not speak it (")


def test_a_language_without_a_pack_is_spoken_where_an_engine_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "ht")
    assert document["pack"] is None
    assert document["stands_in"]["tag"] == "en"
    assert engine(document, "espeak")["voice"].startswith("espeak")
    assert voices("ht") == 0
    assert "there is no language pack; sentences and digits are those of en" in capsys.readouterr().out


def test_a_language_that_nobody_speaks_is_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(capsys, "tlh", code=1)
    monkeypatch.setenv("PATH", "/nowhere")
    told(capsys, "de", code=1)


def test_settings_of_speech_that_are_wrong_are_told_and_others_do_not_matter(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTPVOICE_TRUNK", "nonsense")
    monkeypatch.setenv("OTPVOICE_REDIS_URL", "nonsense")
    assert voices() == 0
    capsys.readouterr()
    for name, value in [
        ("OTPVOICE_VOICE", "n0nsense"),
        ("OTPVOICE_FALLBACK_VOICES", "espeak n0nsense"),
        ("OTPVOICE_VOICES", "n0nsense"),
        ("OTPVOICE_CONFIG", "/n0where.toml"),
    ]:
        with monkeypatch.context() as around:
            around.setenv(name, value)
            assert voices() == 78
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("1 setting is wrong:")
        assert name in said.err
        assert "n0" not in said.err.replace(f"did you mean {name}", "")
    (machine / "otpvoice.toml").write_text('language = "!"\n')
    monkeypatch.setenv("OTPVOICE_CONFIG", str(machine / "otpvoice.toml"))
    assert voices() == 78
    assert "otpvoice.toml: language" in capsys.readouterr().err


def test_a_language_pack_that_is_wrong_is_told(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "de.toml").write_text("this is no TOML")
    monkeypatch.setenv("OTPVOICE_LOCALES_DIR", str(machine))
    assert voices("de") == 78
    assert "de.toml" in capsys.readouterr().err


def test_a_configured_voice_that_there_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTPVOICE_VOICE", "espeak:martian")
    assert voices("de") == 78
    assert capsys.readouterr().err == "OTPVOICE_VOICE: espeak has no voice of this name\n"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("OTPVOICE_VOICE", "piper", "piper is off: OTPVOICE_PIPER_DIR names no folder of voice files"),
        ("OTPVOICE_VOICE", "espeak:nope", "espeak has no voice of this name"),
        ("OTPVOICE_FALLBACK_VOICES", "espeak:nope", "espeak has no voice of this name"),
    ],
)
def test_it_is_told_where_no_language_is_asked_for_too_with_what_there_is(
    name: str, value: str, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert voices() == 78
    out, err = capsys.readouterr()
    assert err == f"{name}: {why}\n"
    assert out.splitlines()[1].startswith("espeak    yes")
    document = told(capsys, "de", code=78)
    assert (document["calls"], document["refused"]) == ([], "the configured voices are not there")


def test_a_call_that_is_refused_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "xh-ZA", code=1)
    assert (document["calls"], document["refused"]) == ([], "no voice speaks this language")
    assert voices("xh-ZA") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["xh-ZA: there is no language pack", "calls: refused: no voice speaks this language"]


def test_what_is_no_tag_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert voices("not a tag!") == 2
    assert capsys.readouterr().err == "--language must be a BCP 47 tag, as in pt-BR\n"
