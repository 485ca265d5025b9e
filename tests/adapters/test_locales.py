"""The language files: those of the package and of an admin, a region's over its language's, and all that is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.locales import LARGEST, PACKAGED, load_locales
from otpvoice.core.actions import Gate, Replay, SayCode
from otpvoice.core.compile import CodeStep, compile_plan, scripts_of
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Words

ENGLISH = (PACKAGED / "en.toml").read_text("utf-8")
PACKS = load_locales()
TAGS = PACKS.tags


def language(tag: str) -> str:
    """A whole file, called otherwise."""
    assert 'tag = "en"' in ENGLISH
    return ENGLISH.replace('tag = "en"', f'tag = "{tag}"').replace('\nen = "', f'\n{tag} = "')


def complaints(folder: Path) -> list[str]:
    with pytest.raises(ValueError, match=r"(?i)\.toml: ") as caught:
        load_locales(folder)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_the_package_brings_its_languages() -> None:
    assert {"en", "de", "es", "fr", "it", "pt", "nl", "pl", "tr"} <= set(TAGS)
    assert len(TAGS) >= 25


@given(
    st.sampled_from(TAGS),
    st.from_regex(r"[0-9A-Za-z]{3,12}", fullmatch=True),
    st.integers(1, 3),
    st.none() | st.just("Acme"),
    st.booleans(),
)
def test_in_each_of_them_a_code_is_read_in_order_once_a_reading_and_nothing_else_holds_it(
    tag: str, code: str, times: int, brand: str | None, spelling: bool
) -> None:
    say = SayCode(OtpCode(code), times=times, brand=brand, spelling=spelling, gate=Gate(), replay=Replay(limit=1))
    (step,) = compile_plan(CallPlan("+15550100", None, "default", tag, (say,)), PACKS)
    assert isinstance(step, CodeStep)
    tongue = step.tongues[""]
    for script, readings in ((tongue.readings, times), (tongue.replays[0], 1)):
        characters = [item for item in script if isinstance(item, CodeCharacter)]
        assert "".join(one.character for one in characters).lower() == code.lower() * readings
        assert {one.language for one in characters} == {tag}
    for script in scripts_of(step):
        words = "".join(item.text for item in script if isinstance(item, Words))
        assert not any(one.isdigit() for one in words if one != "1"), "but for the key of a question"


@pytest.mark.parametrize("tag", TAGS)
def test_in_each_of_them_no_two_characters_are_said_the_same(tag: str) -> None:
    pack = PACKS.lookup(tag)
    for say in (pack.word, pack.spelled):
        assert len({say(character) for character in digits + ascii_letters}) == 10 + 2 * 26


def test_an_admin_adds_and_replaces_languages(tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_text(language("xx"), "utf-8")
    (tmp_path / "en.toml").write_text(ENGLISH.replace("Once again:", "Again:"), "utf-8")
    (tmp_path / "README.txt").write_text("not a language", "utf-8")
    (tmp_path / ".en.toml.swp").write_bytes(b"\xff")
    locales = load_locales(tmp_path, default="xx")
    assert locales.default.tag == "xx"
    assert locales.lookup("en").again == "Again:"
    assert set(locales.tags) == {*TAGS, "xx"}
    again = load_locales(tmp_path, default="xx")
    assert again.lookup("en") == locales.lookup("en"), "the second time as the first"


def test_of_two_folders_the_later_one_stands(tmp_path: Path) -> None:
    for name, word in (("a", "First:"), ("b", "Second:")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "en.toml").write_text(ENGLISH.replace("Once again:", word), "utf-8")
    assert load_locales(tmp_path / "a", tmp_path / "b").lookup("en").again == "Second:"


def test_a_region_of_an_admin_says_only_what_differs_from_the_packages_language(tmp_path: Path) -> None:
    (tmp_path / "fr-MA.toml").write_text('tag = "fr-MA"\nclosing = "Merci."\n[digits]\n9 = "neuf fois"\n', "utf-8")
    locales = load_locales(tmp_path)
    ours, french = locales.lookup("fr-MA"), locales.lookup("fr-SN")
    assert (ours.closing, ours.again, ours.digits[:9]) == ("Merci.", french.again, french.digits[:9])
    assert (ours.digits[9], french.digits[9]) == ("neuf fois", "neuf")
    assert ours.voices == french.voices


def test_a_region_is_laid_over_what_the_admin_has_for_its_language_however_many_there_are(tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_text(language("xx"), "utf-8")
    (tmp_path / "xx-Latn.toml").write_text('tag = "xx-Latn"\nagain = "Latin:"\ngroup = 2\n', "utf-8")
    (tmp_path / "xx-Latn-YY.toml").write_text('tag = "xx-Latn-YY"\ngroup = 4\n', "utf-8")
    (tmp_path / "xx-Cyrl-YY.toml").write_text('tag = "xx-Cyrl-YY"\n', "utf-8")
    locales = load_locales(tmp_path)
    found = {tag: locales.lookup(tag) for tag in ("xx", "xx-Latn", "xx-Latn-YY", "xx-Cyrl-YY")}
    assert {tag: pack.again for tag, pack in found.items()} == {
        "xx": "Once again:",
        "xx-Latn": "Latin:",
        "xx-Latn-YY": "Latin:",
        "xx-Cyrl-YY": "Once again:",
    }
    assert [pack.group for pack in found.values()] == [3, 2, 4, 3]


def test_a_region_without_a_language_stands_alone_and_is_whole(tmp_path: Path) -> None:
    (tmp_path / "xx-YY.toml").write_text(language("xx-YY"), "utf-8")
    assert load_locales(tmp_path).lookup("xx-YY").tag == "xx-YY"
    (tmp_path / "xx-YY.toml").write_text('tag = "xx-YY"\n', "utf-8")
    assert len(complaints(tmp_path)) > 10


def test_a_file_that_an_editor_marked_as_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text("\ufeff" + ENGLISH, "utf-8")
    assert load_locales(tmp_path).lookup("en").tag == "en"


def test_all_that_is_wrong_with_all_files_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "aa.toml").write_text("tag = aa", "utf-8")
    (tmp_path / "bb.toml").write_bytes('tag = "\xe9"'.encode("latin-1"))
    (tmp_path / "cc.toml").write_text(ENGLISH, "utf-8")
    codeless = re.sub(r"^code = .*$", 'code = "Your code"', language("dd"), flags=re.MULTILINE)
    (tmp_path / "dd.toml").write_text(codeless.replace('7 = "seven"\n', ""), "utf-8")
    (tmp_path / "ee.toml").write_text("#" * (LARGEST + 1), "utf-8")
    (tmp_path / "ff.toml").mkdir()
    (tmp_path / "gg.toml").write_text(language("gg").replace("closing = ", "ending = "), "utf-8")
    found = complaints(tmp_path)
    assert found[0].startswith("aa.toml: ")
    assert "line 1" in found[0]
    assert found[1:4] == [
        "bb.toml: is not UTF-8 text",
        'cc.toml: tag must be the name of the file, as in tag = "cc"',
        "dd.toml: code must hold {code}, once, and nothing else in braces",
    ]
    assert found[4] == 'dd.toml: digits must hold a word for 7, as in 7 = "…"'
    assert found[5] == f"ee.toml: is longer than {LARGEST} bytes, which no language needs"
    assert found[6] == f"ff.toml: can't be read: {os.strerror(21)}"
    assert found[7].startswith("gg.toml: ending is not known; the keys are tag, ")
    assert found[8:] == ['gg.toml: closing must be a text in quotes, as in closing = "…"']


def test_what_is_wrong_with_a_language_is_not_said_of_its_regions_again(tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_text(language("xx").replace('7 = "seven"\n', ""), "utf-8")
    (tmp_path / "xx-YY.toml").write_text('tag = "xx-YY"\ngroup = 9\n', "utf-8")
    (tmp_path / "xx-ZZ.toml").write_text('tag = "xx-ZZ"\n[digits]\n7 = "seven"\n', "utf-8")
    assert complaints(tmp_path) == [
        'xx.toml: digits must hold a word for 7, as in 7 = "…"',
        "xx-YY.toml: group must be a number from 0 to 6, as in group = 3 (0: a code is read without groups)",
    ]
    (tmp_path / "xx.toml").write_text("tag =", "utf-8")
    (found,) = complaints(tmp_path)
    assert found.startswith("xx.toml: ")


@pytest.mark.parametrize("tag", ["en-us", "en_US", "EN-US"])
def test_a_file_is_called_like_its_tag_to_the_letter(tmp_path: Path, tag: str) -> None:
    (tmp_path / "en-US.toml").write_text(f'tag = "{tag}"\n', "utf-8")
    assert complaints(tmp_path) == ['en-US.toml: tag must be the name of the file, as in tag = "en-US"']


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pt_BR.toml", "must be named pt-BR.toml: a language tag has hyphens"),
        ("zh_Hant_TW.toml", "must be named zh-Hant-TW.toml: a language tag has hyphens"),
        ("de.TOML", "must be named de.toml, in small letters at its end"),
        ("my language.toml", "must be named by a language tag, as in pt.toml or pt-BR.toml"),
    ],
)
def test_of_a_file_with_another_name_only_that_is_said(tmp_path: Path, name: str, rule: str) -> None:
    (tmp_path / name).write_text('tag = "pt-BR"\nagain = 5\n', "utf-8")
    assert complaints(tmp_path) == [f"{name}: {rule}"]


def test_a_tag_that_is_not_the_files_is_said_before_what_follows_from_it(tmp_path: Path) -> None:
    (tmp_path / "qq.toml").write_text('tag = "pt-BR"\n', "utf-8")
    assert complaints(tmp_path)[0] == 'qq.toml: tag must be the name of the file, as in tag = "qq"'


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_locales(tmp_path / "nowhere")


def test_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    assert load_locales(tmp_path).tags == TAGS


def test_a_default_without_a_pack_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="default language qq"):
        load_locales(default="qq")
