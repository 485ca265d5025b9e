"""What is said of a language file that is wrong, to somebody who writes one for the first time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.locale import parse_locale
from otpvoice.core.locale_file import KEYS, LONGEST, laid_over, problems
from tests.core.packs import ENGLISH, pack

TEXT = "must be a text in quotes, as in"
LINE = f"must be one line of at most {LONGEST} characters that can be seen"


def test_a_whole_file_has_nothing_wrong() -> None:
    assert list(problems(pack())) == []
    assert ENGLISH.keys() | {"reviewed_by"} == set(KEYS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"colour": "red"}, "colour is not known; the keys are tag, name, english, reviewed_by, code, "),
        ({"tag": "english language"}, 'tag must be a language tag, as in tag = "pt" or tag = "pt-BR"'),
        ({"tag": None}, f"tag {TEXT}"),
        ({"tag": 7}, f"tag {TEXT}"),
        ({"name": None}, f'name {TEXT} name = "…"'),
        ({"english": ["English"]}, f"english {TEXT}"),
        ({"name": "Eng\nlish"}, f"name {LINE}"),
        ({"reviewed_by": "Ada"}, 'reviewed_by must be a list of names, as in reviewed_by = ["Ana Souza"], or []'),
        ({"reviewed_by": [""]}, "reviewed_by must be a list of names"),
        ({"again": "  "}, f"again {TEXT}"),
        ({"again": "Again:\nOnce"}, f"again {LINE}"),
        ({"again": "A" * (LONGEST + 1)}, f"again {LINE}"),
        ({"again": "Again\u202e:"}, f"again {LINE}"),
        ({"again": "Again\x1b[0m:"}, f"again {LINE}"),
        ({"again": "Again, {code}"}, "again must hold no braces"),
        ({"again": "Again, {"}, "again must hold no braces"),
        ({"closing": None}, f"closing {TEXT}"),
        ({"closing": "Goodbye, {brand}."}, "closing must hold no braces"),
        ({"code": "Your code"}, "code must hold {code}, once, and nothing else in braces"),
        ({"code": "{code} {code}"}, "code must hold {code}, once"),
        ({"code": "{code} {brand}"}, "code must hold {code}, once"),
        ({"code": "{code} }"}, "code must hold {code}, once"),
        ({"code_with_brand": "{code}"}, "code_with_brand must hold {brand} and {code}, each once"),
        ({"capital": "capital"}, "capital must hold {letter}"),
        ({"spelled": "{letter}"}, "spelled must hold {letter} and {word}"),
        ({"gate": "Press."}, "gate must hold {key}"),
        ({"group": None}, "group must be a number from 0 to 6, as in group = 3"),
        ({"group": 7}, "group must be a number from 0 to 6"),
        ({"group": -1}, "group must be a number from 0 to 6"),
        ({"group": 3.0}, "group must be a number from 0 to 6"),
        ({"group": True}, "group must be a number from 0 to 6"),
        ({"group": "3"}, "group must be a number from 0 to 6"),
        ({"digits": "0123"}, "digits must be a table, opened by [digits]"),
        ({"spelling": ["alfa"]}, "spelling must be a table, opened by [spelling]"),
        ({"digits": ENGLISH["digits"] | {"7": 7}}, 'digits must hold a word for 7, as in 7 = "…"'),
        ({"digits": ENGLISH["digits"] | {"7": "8"}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"7": "٨"}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"7": "77"}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"7": "7 or so"}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"7": "!"}}, "digits must hold a word for 7"),
        ({"digits": ENGLISH["digits"] | {"10": "ten"}}, "digits.10 is not a digit: write 0 to 9"),
        ({"digits": ENGLISH["digits"] | {"7": "Six"}}, "digits.6 and digits.7 must have different words"),
        ({"letters": {"A": "ay"}}, "letters.A must be one of a to z with what to say for it"),
        ({"letters": {"a": ""}}, "letters.a must be one of a to z"),
        ({"letters": {"aa": "ay"}}, "letters.aa must be one of a to z"),
        ({"letters": {"": "ay"}}, "letters. must be one of a to z"),
        ({"letters": {"b": "bee", "v": "bee"}}, "letters.b and letters.v must have different words"),
        ({"spelling": None}, "spelling must hold a word for a, b, c, d, "),
        ({"spelling": ENGLISH["spelling"] | {"x": "1"}}, 'spelling must hold a word for x, as in x = "…"'),
        ({"spelling": ENGLISH["spelling"] | {"ä": "Ärger"}}, "spelling.ä is not a letter: write a to z"),
        ({"spelling": ENGLISH["spelling"] | {"c": "alfa"}}, "spelling.a and spelling.c must have different words"),
        ({"voices": {}}, "voices must name a voice for at least one engine, as in [voices.espeak]"),
        ({"voices": {"espeak": "en"}}, "voices.espeak must be lines of a language tag and a voice"),
        ({"voices": {"espeak": {"e n": "en"}}}, "voices.espeak must be lines"),
        ({"voices": {"espeak": {"en": 1}}}, "voices.espeak must be lines"),
        (
            {"voices": {"espeak": {"pt": "pt"}}},
            'voices.espeak must have a line for the language itself, as in en = "…"',
        ),
    ],
)
def test_what_is_wrong_with_a_pack_is_said_in_one_line(change: dict[str, Any], complaint: str) -> None:
    (found,) = problems(pack(**change))
    assert found.startswith(complaint)
    with pytest.raises(ValueError, match=r"^en\.toml: "):
        parse_locale(pack(**change), "en.toml")


@pytest.mark.parametrize(
    "change",
    [
        {"letters": None},
        {"reviewed_by": []},
        {"reviewed_by": ["Ana Souza", "José"]},
        {"group": 0},
        {"digits": ENGLISH["digits"] | {"1": "1"}},  # its voice says the numeral better
        {"digits": ENGLISH["digits"] | {"3": "٣"}},
        {"digits": dict(zip("0123456789", "零一二三四五六七八九", strict=True))},
        {"again": "کدِ\u200cتان دوباره:"},  # a mark that parts letters, as Persian has it
        {"code": "Votre code\u00a0: {code}"},
    ],
)
def test_what_is_right(change: dict[str, Any]) -> None:
    assert list(problems(pack(**change))) == []


def test_all_that_is_wrong_with_a_pack_is_said_at_once() -> None:
    found = list(problems({}))
    assert len(found) == 3 + 13 + 1 + 2 + 1, "names, sentences, group, digits and spelling, voices"
    assert len(found) == len(set(found))


@given(st.dictionaries(st.sampled_from(KEYS), st.none() | st.integers() | st.text() | st.lists(st.text()) |
       st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers()), max_size=6))  # fmt: skip
def test_any_document_is_judged(changes: dict[str, Any]) -> None:
    document = pack() | changes
    if list(problems(document)):
        with pytest.raises(ValueError, match="must"):
            parse_locale(document)
    else:
        parse_locale(document)


# --- a region over its language ---------------------------------------------------------------------------------------


def test_a_region_says_only_what_differs_tables_line_by_line() -> None:
    region = {"tag": "en-GB", "closing": "Cheerio.", "letters": {"y": "why"}, "voices": {"espeak": {"en-GB": "en-gb"}}}
    merged = laid_over(region, pack())
    assert list(problems(merged)) == []
    locale = parse_locale(merged)
    assert (locale.tag, locale.closing, locale.again) == ("en-GB", "Cheerio.", ENGLISH["again"])
    assert dict(locale.letters) == {"z": "zed", "y": "why"}
    assert locale.voice("espeak", "en-GB") == "en-gb"


def test_who_has_read_the_language_has_not_read_its_region() -> None:
    assert parse_locale(laid_over({"tag": "en-GB"}, pack(reviewed_by=["Ada"]))).reviewed_by == ()


def test_a_region_has_a_tag_of_its_own() -> None:
    assert list(problems(laid_over({}, pack()))) == [f'tag {TEXT} tag = "…"']


def test_what_is_laid_over_leaves_what_lies_below_as_it_was() -> None:
    below = pack()
    laid_over({"tag": "en-GB", "letters": {"y": "why"}, "voices": {"flite": {"en": "slt"}}}, below)["letters"]["x"] = (
        "ex"
    )
    assert below == pack()


@pytest.mark.parametrize("wrong", [7, "x", []])
def test_a_region_whose_table_is_none_is_told_so(wrong: Any) -> None:
    assert list(problems(laid_over({"tag": "en-GB", "letters": wrong}, pack()))) == [
        "letters must be a table, opened by [letters]"
    ]
