"""The language files: those of the package are sound, and those of an admin are checked."""

from __future__ import annotations

from pathlib import Path
from string import ascii_letters, digits

import pytest

from otpvoice.adapters.locales import PACKAGED, load_locales
from otpvoice.adapters.speech.espeak import Espeak
from otpvoice.core.actions import SayCode
from otpvoice.core.locale import split_template
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode

ENGLISH = (PACKAGED / "en.toml").read_text("utf-8")
TAGS = load_locales().tags


def test_the_package_brings_its_languages() -> None:
    assert {"en", "de", "es", "fr", "it", "pt", "nl", "pl", "tr"} <= set(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_a_packaged_language_can_read_any_code(tag: str) -> None:
    locale = load_locales().lookup(tag)
    words = [locale.word(character) for character in digits + ascii_letters]
    assert all(words)
    assert len(set(words)) == len(words)
    assert split_template(locale.code_with_brand, "Acme") != split_template(locale.code, None)
    assert code_script(SayCode(OtpCode("a1B")), tag, None, load_locales())


@pytest.mark.parametrize("tag", TAGS)
def test_a_packaged_language_names_voices_that_espeak_has(tag: str) -> None:
    espeak = Espeak()
    voices = load_locales().lookup(tag).voices["espeak"]
    assert all(espeak.voice_language(name) for name in voices.values())
    assert tag in voices


def test_an_admin_adds_and_replaces_languages(tmp_path: Path) -> None:
    (tmp_path / "sv.toml").write_text(ENGLISH.replace('tag = "en"', 'tag = "sv"'), "utf-8")
    (tmp_path / "en.toml").write_text(ENGLISH.replace("Once again:", "Again:"), "utf-8")
    (tmp_path / "README.txt").write_text("not a language", "utf-8")
    (tmp_path / ".en.toml.swp").write_bytes(b"\xff")
    locales = load_locales(tmp_path, default="sv")
    assert locales.default.tag == "sv"
    assert locales.lookup("en").again == "Again:"
    assert set(locales.tags) == {*TAGS, "sv"}


def test_a_file_that_an_editor_marked_as_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text("\ufeff" + ENGLISH, "utf-8")
    assert load_locales(tmp_path).lookup("en").tag == "en"


def test_all_that_is_wrong_with_all_files_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "aa.toml").write_text("tag = aa", "utf-8")
    (tmp_path / "bb.toml").write_bytes('tag = "\xe9"'.encode("latin-1"))
    (tmp_path / "cc.toml").write_text(ENGLISH, "utf-8")
    (tmp_path / "dd.toml").write_text(ENGLISH.replace('tag = "en"', 'tag = "dd"').replace('7 = "seven"\n', ""), "utf-8")
    with pytest.raises(ValueError, match=r"aa\.toml") as caught:
        load_locales(tmp_path)
    first, second, third, fourth = str(caught.value).splitlines()
    assert "aa.toml: " in first
    assert "line 1" in first
    assert second.endswith("bb.toml: is not UTF-8 text")
    assert third.endswith('cc.toml: tag = "en" must be the name of the file')
    assert fourth.endswith('dd.toml: digits must hold a word for 7, as in 7 = "…"')


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_locales(tmp_path / "nowhere")


def test_a_default_without_a_pack_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="default language xx"):
        load_locales(default="xx")
