"""What is in each packaged language's file, looked at as a text: keys, braces, letters, ends of sentences."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from string import ascii_lowercase, digits

import pytest

from otpvoice.adapters.locales import PACKAGED
from otpvoice.core.language_tags import is_tag
from otpvoice.core.locale_file import KEYS, SENTENCES
from tests.locales.alphabets import BLOCKS, LETTERS, foreign
from tests.locales.packs import FILES, document, pack, sentences

LONGEST = 120
"""Characters: eight seconds or so."""
FULL_STOPS = (".", "。", "।", "۔", "։")
COLONS = (":", "：", "՝")
WHOLE = ("closing", "gate", "gate_any", "gate_failure", "replay", "choose")
"""Keys of whole sentences."""
PARTS = ("star", "pound")
CHINESE = {"zh.toml": "gb2312", "zh-TW.toml": "big5", "zh-HK.toml": "big5hkscs"}
NUMERALS = {"ar.toml": "3456789", "bg.toml": "1", "tr.toml": "123789", "uk.toml": "1"}
"""Digits that a voice says better as numbers; each of these files says why."""
SPELLED_IN_ENGLISH = ("zh-HK.toml",)


def test_thirty_languages_and_more_are_packaged() -> None:
    languages = {file for file in FILES if "-" not in file}
    assert len(languages) >= 36, sorted(languages)
    most_spoken = "ar bn de en es fr hi id it ja ko nl pl pt ru sw tr uk ur vi zh"
    assert {f"{tag}.toml" for tag in most_spoken.split()} <= languages


def test_each_language_has_its_letters_here() -> None:
    assert not LETTERS.keys() & BLOCKS.keys()
    assert LETTERS.keys() | BLOCKS.keys() == {file.removesuffix(".toml") for file in FILES if "-" not in file}


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_the_keys_in_their_order(file: str) -> None:
    keys = list(document(file))
    assert keys == [key for key in KEYS if key in keys]
    must = set(KEYS) - {"letters"} if "-" not in file else {"tag", "name", "english", "reviewed_by"}
    assert must <= set(keys)
    assert is_tag(document(file)["tag"])
    assert f"{document(file)['tag']}.toml" == file


@pytest.mark.parametrize("file", FILES)
def test_nobody_but_a_machine_has_read_it(file: str) -> None:
    assert document(file)["reviewed_by"] == []


@pytest.mark.parametrize("file", [file for file in FILES if "-" in file])
def test_a_region_says_only_what_differs(file: str) -> None:
    language = document(f"{file.partition('-')[0]}.toml")
    own = document(file)
    assert [key for key in own if key != "reviewed_by" and own[key] == language.get(key)] == []
    for table in ("digits", "letters"):
        assert not own.get(table, {}).items() & language.get(table, {}).items()


@pytest.mark.parametrize("file", FILES)
def test_the_placeholders_are_those_of_each_key(file: str) -> None:
    own = document(file)
    for key, placeholders in SENTENCES.items():
        if key in own:
            assert sorted(re.findall(r"\{([^{}]*)\}", own[key])) == sorted(placeholders), key
    assert not re.search(r"[{}]", "".join(sentences(pack(file)).values()))


@pytest.mark.parametrize("file", FILES)
def test_the_code_comes_last(file: str) -> None:
    locale = pack(file)
    assert locale.code.endswith("{code}")
    assert locale.code_with_brand.endswith("{code}")
    before = locale.code.removesuffix("{code}").rstrip()
    assert before.endswith((*COLONS, *FULL_STOPS))
    assert before[-1] == locale.code_with_brand.removesuffix("{code}").rstrip()[-1]
    assert locale.again.endswith((*COLONS, *FULL_STOPS))


@pytest.mark.parametrize("file", FILES)
def test_a_sentence_begins_and_ends_as_one(file: str) -> None:
    locale = pack(file)
    texts = {"closing": locale.closing, "gate": locale.gate, "gate_any": locale.gate_any, "choose": locale.choose}
    for key, text in {**texts, "gate_failure": locale.gate_failure, "replay": locale.replay}.items():
        assert text.endswith(FULL_STOPS), key
        assert text.rstrip("".join(FULL_STOPS)) == text[:-1], key
        assert text.startswith("{") or text[0] == text[0].title(), key
    assert len({text[-1] for text in texts.values()}) == 1


@pytest.mark.parametrize("file", FILES)
def test_words_are_words_alone(file: str) -> None:
    locale = pack(file)
    for text in (*locale.digits, *locale.letters.values(), *locale.spelling.values(), locale.star, locale.pound):
        assert text == text.strip()
        assert not set(text) & set('.,:;!?。、，：।۔։"()')


@pytest.mark.parametrize("file", FILES)
def test_texts_are_short_tidy_and_in_one_form(file: str) -> None:
    text = (PACKAGED / file).read_text("utf-8")
    assert text == unicodedata.normalize("NFC", text)
    assert "\t" not in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert not re.search(r" +\n|\n\n\n", text)
    assert max(map(len, text.splitlines())) <= 150
    for value in document(file).values():
        for said in value.values() if isinstance(value, dict) else [value]:
            if isinstance(said, str):
                assert said == said.strip()
                assert len(said) <= LONGEST
                assert "  " not in said


@pytest.mark.parametrize("file", FILES)
def test_a_text_has_the_letters_of_its_language(file: str) -> None:
    locale, language = pack(file), file.removesuffix(".toml").partition("-")[0]
    said = [*sentences(locale).values(), *(one for one in locale.digits if one not in digits)]
    said += () if file in SPELLED_IN_ENGLISH else locale.spelling.values()
    # What a Latin letter is called may be itself, behind a word that says that it is a letter.
    said += [word.removesuffix(f" {letter.upper()}") for letter, word in locale.letters.items()]
    assert {text: wrong for text in said if (wrong := foreign(language, text))} == {}


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("ru", "Ваш кoд", "o"),  # a Latin o
        ("uk", "ключ ы", "ы"),
        ("sr", "Vaš", "Vaš"),
        ("de", "Wеrt", "е"),  # a Cyrillic e
        ("ro", "şi", "ş"),  # a cedilla, where a comma belongs
        ("vi", "một hai", ""),
        ("ja", "電話", "電話"),
        ("hi", "कोड।", ""),
        ("fa", "می\u200cکنم", ""),
    ],
)
def test_a_letter_that_only_looks_right_is_found(language: str, text: str, found: str) -> None:
    assert foreign(language, text) == found


@pytest.mark.parametrize(("file", "charset"), CHINESE.items())
def test_chinese_is_written_as_it_is_there(file: str, charset: str) -> None:
    locale = pack(file)
    own = document(file)
    said = [own[key] for key in SENTENCES if key in own]
    said += [*own.get("letters", {}).values(), *own.get("spelling", {}).values()]
    assert len(said) > 12
    assert "".join([*said, *locale.digits]).encode(charset)


def test_japanese_has_no_particle_that_the_voice_misreads() -> None:
    for text in sentences(pack("ja.toml")).values():
        assert not re.search(r"は[ 、。]|は$|へ[ 、。]", text)


@pytest.mark.parametrize("file", FILES)
def test_a_digit_is_a_word_unless_the_voice_says_the_number_better(file: str) -> None:
    numerals = "".join(word for word in pack(file).digits if any(map(str.isnumeric, word)) and word.isdigit())
    own = NUMERALS.get(file, "") or (NUMERALS.get(f"{file.partition('-')[0]}.toml", "") if "-" in file else "")
    assert numerals == own
    assert all(word == str(value) for value, word in enumerate(pack(file).digits) if word.isdigit())


@pytest.mark.parametrize("file", NUMERALS)
def test_a_file_with_a_number_for_a_word_says_why(file: str) -> None:
    text = (PACKAGED / file).read_text("utf-8")
    assert re.search(r"^#.*number.*\n(#.*\n)*\[digits\]$", text, re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_no_two_characters_and_no_two_keys_are_called_the_same(file: str) -> None:
    locale = pack(file)
    assert len({word.casefold() for word in (*locale.digits, locale.star, locale.pound)}) == 12
    assert len({locale.word(letter).casefold() for letter in ascii_lowercase}) == 26
    assert len({word.casefold() for word in locale.spelling.values()}) == 26
    assert locale.spelling.keys() == set(ascii_lowercase)
    assert locale.gate != locale.replay


def test_names_tell_the_languages_apart() -> None:
    for name in ("name", "english"):
        assert len({document(file)[name] for file in FILES}) == len(FILES)


def test_each_file_can_be_edited_by_somebody_who_has_read_the_english_one() -> None:
    english = (PACKAGED / "en.toml").read_text("utf-8")
    own = tomllib.loads(english)
    for key in KEYS:
        line = rf"\[{key}[\].]" if isinstance(own.get(key), dict) or key == "letters" else f"{key} = "
        explained = re.search(rf"^#.*\n(?:{line}|[a-z_]+ = .*\n(?:[a-z_]+ = .*\n)*{line})", english, re.MULTILINE)
        assert explained or f"[{key}]" in english, key
