"""The page of speech and the readme's commands: the request is taken, the commands run, the engines are as declared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from otpvoice.adapters.speech.engines.assembly import engines
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script, groups
from otpvoice.core.speech import CodeCharacter, Words
from otpvoice.dialects.native import parse_call
from otpvoice.settings.voices import ENGINES
from tests.docs.test_docs import DEFAULTS, ROOT, blocks, read
from tests.locales.packs import LOCALES

PAGE = "docs/speech.md"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Voice]:
    """One engine of each kind, asked for nothing."""
    nowhere = tmp_path_factory.mktemp("nothing")
    return {one.name: one for one in engines(LOCALES, piper_dir=nowhere, gtts=True)}


def run(commands: str, folder: Path) -> str:
    """Run a block of commands as one who has set nothing; return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTPVOICE_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_request_of_the_page_spells_by_twos() -> None:
    (payload,) = blocks(PAGE, "json file=spelled.json")
    plan = parse_call(payload.encode(), DEFAULTS, 0.0).plan
    (say,) = plan.actions
    assert isinstance(say, SayCode)
    assert (plan.language, say.spelling, say.group) == ("en-GB", True, 2)


def test_the_commands_of_the_page_list_the_engines_and_who_speaks(tmp_path: Path) -> None:
    (commands,) = blocks(PAGE, "console")
    said = run(commands, tmp_path)
    assert [engine for engine in ENGINES if not re.search(rf"^{engine} ", said, re.MULTILINE)] == []
    assert "calls: espeak:de" in said.splitlines()


def test_the_commands_of_the_readme_make_a_sound_and_its_picture(tmp_path: Path) -> None:
    (commands,) = [block for block in blocks("README.md", "console") if "--picture" in block]
    assert "otpvoice voices" in commands
    assert re.search(r"^espeak +yes", run(commands, tmp_path), re.MULTILINE)
    with wave.open(str(tmp_path / "code.wav")) as heard:
        assert heard.getnframes() / heard.getframerate() > 5
    assert re.findall(r'class="digit"[^>]*>(\w)<', (tmp_path / "code.svg").read_text()) == list("482913") * 2


def test_the_readme_says_how_many_languages_there_are() -> None:
    spoken = {tag.split("-")[0] for tag in LOCALES.tags}
    assert f"in any of {len(spoken)} languages:" in read("README.md")


def test_the_engines_of_the_page_are_what_they_declare(voices: dict[str, Voice]) -> None:
    table = read(PAGE).split("| engine | offline |", 1)[1].split("\n\n", 1)[0]
    rows = {name: cells.split(" | ") for name, cells in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)}
    assert set(rows) == set(ENGINES)
    for name, (offline, asked, speeds, licence) in rows.items():
        traits = voices[name].traits
        assert offline.strip("*").startswith("yes") is traits.offline, name
        assert asked.strip("*").startswith("yes") is traits.may_see_secrets, name
        assert (speeds == "its own") is (traits.speeds is not None), name
        assert licence.startswith(traits.licence) or name == "recorded", name


def test_the_count_of_an_engine_s_languages_is_true_on_every_page(voices: dict[str, Voice]) -> None:
    counts = {name: len({tag.split("-")[0] for tag in voices[name].traits.languages}) for name in ("espeak", "gtts")}
    assert f"`espeak` has {counts['espeak']} languages." in read("docs/languages.md")
    for name, count in counts.items():
        assert re.search(rf"^\| `{name}` \| [^|]* \| {count} \|", read("docs/admin.md"), re.MULTILINE), name
    pages = [path for path in (ROOT / "docs").glob("*.md") if "over a hundred" in path.read_text("utf-8")]
    assert pages == []


def test_the_code_at_the_head_of_the_page_is_read_as_it_says() -> None:
    shown = read(PAGE).split('"Ihr Code', 1)[1].split("\n", 1)[0]
    said = f'"Ihr Code{shown}'
    (step,) = parse_call(
        b'{"to": "+12025550123", "code": "482913", "brand": "Example", "language": "de"}', DEFAULTS, 0.0
    ).plan.actions
    assert isinstance(step, SayCode)
    script = code_script(step, "de", None, LOCALES)
    locale = LOCALES.lookup("de")
    texts = [item.text for item in script if isinstance(item, Words)]
    assert re.findall(r'"(.*?)"', said) == [*texts, locale.closing]
    read_out = "".join(item.character for item in script if isinstance(item, CodeCharacter))
    assert re.sub(r'"[^"]*"|\D', "", said) == read_out
    assert [re.sub(r"\D", "", group) for group in re.findall(r"\d(?: · \d)+", said)] == ["482", "913"] * 2
    assert groups(6, locale.group or 0) == (3, 3)
