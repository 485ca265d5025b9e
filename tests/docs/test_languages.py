"""The page of languages: its table is the files', its files are read and spoken, what it says of tags is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from string import ascii_lowercase, digits
from textwrap import dedent

import pytest

from otpvoice.adapters.locales import PACKAGED, load_locales
from otpvoice.adapters.speech.engines import recordings
from otpvoice.adapters.speech.engines.assembly import engines
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Words
from tests.docs.language_table import BEGIN, PAGE, with_table
from tests.locales.packs import LOCALES, bare, changes, ipa, sentences, words

TEXT = PAGE.read_text("utf-8")
FILES = dict(re.findall(r"^```toml file=([\w-]+\.toml)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an administrator who did as the page says."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


@pytest.fixture
async def checks() -> AsyncIterator[Callable[[str], None]]:
    """What a request is asked before it is taken, by whoever speaks in calls where nothing is set."""
    finishing = AtHand()
    renderer = Renderer(engines(LOCALES), LOCALES, "ulaw", finishing=finishing)
    yield lambda tag: renderer.check(tag, None)
    await renderer.close()
    await finishing.close()


def test_the_table_is_the_one_of_the_files() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = TEXT.replace("Ihr Code lautet", "Der Code ist")
    assert stale != TEXT
    assert with_table(stale) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_table(TEXT.replace(BEGIN, ""))


def test_the_files_of_the_page_are_languages_that_are_not_there_yet(folder: Path) -> None:
    assert FILES.keys() == {"en-CA.toml", "lb.toml"}
    assert not [name for name in FILES if (PACKAGED / name).exists()]
    assert set(load_locales(folder).tags) == {*LOCALES.tags, "en-CA", "lb"}


def test_the_new_language_is_read(folder: Path) -> None:
    locales = load_locales(folder)
    say = SayCode(OtpCode("482913"), brand="Acme", times=1)
    opening, *_ = code_script(say, "lb-LU", None, locales)
    assert isinstance(opening, Words)
    assert opening.text == "Äre Code vun Acme ass:"


def test_the_new_region_has_its_own_lines_and_the_languages_others(folder: Path) -> None:
    region = load_locales(folder).lookup("en-CA")
    assert region.choose == "For service in English, press {key}."
    assert region.word("z") == "zed"
    assert (region.code, region.spelling) == (LOCALES.lookup("en").code, LOCALES.lookup("en").spelling)
    assert region.voice("espeak", "en-CA") == "en-us"


def test_the_new_language_is_heard(folder: Path) -> None:
    locale = load_locales(folder).lookup("lb")
    assert (locale.voice("espeak", "lb"), locale.voice("espeak", "lb-LU")) == ("lb", "lb")
    heard = ipa("lb", tuple(words(locale).values()))
    assert len({bare(sound) for sound in heard}) == len(digits + ascii_lowercase)
    assert not changes(heard)
    assert not changes(ipa("lb", tuple(sentences(locale).values())))


async def test_what_the_page_says_of_tags_is_so(checks: Callable[[str], None]) -> None:
    table = TEXT.split("| asked for | taken |", 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^\| (`.+?`) \| (`.+?`|refused) \|", table, re.MULTILINE)
    assert len(rows) == table.count("\n") - 1
    refused = 0
    for asked, taken in rows:
        tags, packs = (re.findall(r"`([\w-]+)`", cell) for cell in (asked, taken))
        for number, tag in enumerate(tags):
            if not packs:
                refused += 1
                with pytest.raises(ValueError, match="no voice speaks this language"):
                    checks(tag)
                continue
            checks(tag)
            assert LOCALES.lookup(tag).tag == packs[min(number, len(packs) - 1)], tag
    assert refused == 1


def test_the_layout_of_recordings_is_the_one_that_is_read() -> None:
    assert recordings.__doc__ is not None
    layout = re.findall(r"^    \S.*$", recordings.__doc__, re.MULTILINE)
    assert len(layout) > 8
    (shown,) = re.findall(r"^```text\n(.*?)^```$", TEXT.split("## Recordings", 1)[1], re.MULTILINE | re.DOTALL)
    assert shown.splitlines() == dedent("\n".join(layout)).splitlines()


def test_the_command_of_the_page_lets_it_be_heard(folder: Path) -> None:
    (command,) = re.findall(r"^```console languages\notpvoice (.*)\n```$", TEXT, re.MULTILINE)
    assert "--language de" in command
    argv = [sys.executable, "-m", "otpvoice", *command.replace("--language de", "--language lb").split()]
    environment = {"PATH": os.environ["PATH"], "OTPVOICE_LOCALES_DIR": str(folder), "OTPVOICE_VOICE": "espeak"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "code.wav").stat().st_size > 5 * 32_000, "seconds of 16 kHz"
