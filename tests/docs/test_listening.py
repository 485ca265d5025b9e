"""The page of listening: its commands are run, its picture is what they draw, and its table is what is measured.

What depends on the espeak-ng of a machine is not compared: how long its words are, and their wave.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import wave
from html import unescape
from os import environ
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

import pytest

from benchmarks.levels import BEGIN, END, table, with_table
from otpvoice.adapters.locales import load_locales

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "listening.md").read_text("utf-8")
PICTURE: Final = (ROOT / "docs" / "pictures" / "code.svg").read_text("utf-8")
COMMANDS: Final = re.findall(r"^ *```console listening\n *(.*)\n *```$", PAGE, re.MULTILINE)


class Drawn(NamedTuple):
    """What a picture says."""

    style: str
    title: str
    digits: str
    gaps: list[int]
    words: list[str]


def drawn(svg: str) -> Drawn:
    ElementTree.fromstring(svg)
    (style,) = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    (title,) = re.findall(r"<title>(.*?)</title>", svg)
    # Of a gap at the end of a row only one half has a number.
    gaps = re.findall(r'<path class="gap"[^>]*/>\n<text [^>]*>(\d+)<', svg)
    words = map(unescape, re.findall(r'<text class="heard"[^>]*>(.*?)<', svg))
    digits = re.findall(r'<text class="digit"[^>]*>(.)<', svg)
    return Drawn(style, title, "".join(digits), list(map(int, gaps)), list(words))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who has run all commands of the page."""
    folder = tmp_path_factory.mktemp("listening")
    (folder / "docs").symlink_to(ROOT / "docs")
    programs = {"otpvoice": [sys.executable, "-m", "otpvoice"], "python": [sys.executable]}
    environment = {"PATH": environ["PATH"], "PYTHONPATH": str(ROOT), "OTPVOICE_VOICE": "espeak"}
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        argv = [*programs[program], *arguments]
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=50
        )
        assert (done.returncode, done.stderr) == (0, ""), command
    return folder


def sound(path: Path) -> tuple[int, float]:
    """Return the rate of a file, and its seconds."""
    with wave.open(str(path)) as file:
        return file.getframerate(), file.getnframes() / file.getframerate()


def test_the_sounds_of_the_page_are_those_of_a_master_and_of_a_telephone(made: Path) -> None:
    assert len(COMMANDS) == 3
    (master, seconds), (phone, same) = sound(made / "code.wav"), sound(made / "phone.wav")
    assert (master, phone) == (16000, 8000)
    assert same == pytest.approx(seconds, abs=0.01)
    assert seconds > 8


def test_the_picture_of_the_page_says_what_its_command_draws_today(made: Path) -> None:
    shown, today = drawn(PICTURE), drawn((made / "code.svg").read_text("utf-8"))
    assert shown[:-1] == today[:-1], COMMANDS[0]
    assert shown.digits == 2 * "482913"
    # Where a row ends, words are shortened, and where that is depends on the voice.
    words = [tuple(label.rstrip("…") for label in pair) for pair in zip(shown.words, today.words, strict=True)]
    assert all(one.startswith(other) or other.startswith(one) for one, other in words), words


def test_the_sheet_has_for_each_language_what_is_heard_and_what_is_asked(made: Path) -> None:
    sheet = (made / "sheet" / "sheet.html").read_text("utf-8")
    assert sheet.count("<section>") == 2
    for tag in ("de", "pt-BR"):
        pack = load_locales().lookup(tag)
        for text in (pack.name, pack.closing, pack.gate_failure, pack.gate.replace("{key}", pack.key("1"))):
            assert text in sheet
        assert [sound(made / "sheet" / f"{tag}{kind}.wav")[0] for kind in ("", "-others")] == [8000, 8000]
        assert sound(made / "sheet" / f"{tag}.wav")[1] > 15
        picture = drawn((made / "sheet" / f"{tag}.svg").read_text("utf-8"))
        assert picture.digits == 2 * "482913"
        assert picture.title == f"A call in {pack.english}"
    assert sheet.count('<p dir="auto">4 8 2 9 1 3 </p>') == 4
    assert sheet.count('<p dir="auto">0 1 2 3 4 5 6 7 8 9 </p>') == 2


def test_the_sheet_has_all_that_it_points_to_and_nothing_from_elsewhere(made: Path) -> None:
    sheet = (made / "sheet" / "sheet.html").read_text("utf-8")
    named = set(re.findall(r'(?:src|href)="([^"]*)"', sheet))
    assert named == {path.name for path in (made / "sheet").iterdir()} - {"sheet.html"}
    assert not re.search(r"<script|\bon\w+=|https?:|url\(|@import", sheet)


def test_a_language_that_a_voice_does_not_speak_is_left_out_and_a_sheet_without_any_is_none(tmp_path: Path) -> None:
    script = ROOT / "docs" / "examples" / "listening_sheet.py"
    argv = [sys.executable, str(script), str(tmp_path / "sheet"), "--language", "de", "--voice", "flite"]
    environment = {"PATH": environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "de is left out: flite does not speak this language"
    assert list((tmp_path / "sheet").iterdir()) == []


def test_the_table_has_each_language_by_espeak_and_no_clip_that_breaks_the_rule() -> None:
    shown = PAGE.split(BEGIN)[1].split(END)[0]
    assert with_table(PAGE, shown.strip("\n") + "\n") == PAGE
    head, _, *rows = shown.strip().splitlines()
    assert head == table([]).splitlines()[0]
    cells = [re.split(r" ?\| ?", row)[1:-1] for row in rows]
    assert {len(row) for row in cells} == {8}
    assert [row[1] for row in cells if row[0] == "`espeak`"] == [f"`{tag}`" for tag in load_locales().tags]
    assert {row[0] for row in cells} == {"`espeak`", "`flite`", "`recorded`"}
    assert {(row[6], row[7]) for row in cells} == {("0", "0")}
