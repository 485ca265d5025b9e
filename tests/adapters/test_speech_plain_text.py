"""What programs are given to speak: words, in characters that they know, and nothing that they would obey."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.speech.engines.plain_text import MOST_MARKS, plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("Your code is 4 8 2 1.", "Your code is 4 8 2 1."),
        ("  two\n lines\r\n\tand more ", "two lines and more"),
        ("[[f@U]]", "[ [f@U]]"),
        ("[[[[f@U", "[ [ [ [f@U"),
        ("[\u00ad[f@U]]", "[ [f@U]]"),
        ("\uff3b\uff3bf@U]]", "[ [f@U]]"),
        ("a [x] b", "a [x] b"),
        ("hello \x0150S world", "hello 50S world"),
        ("hello\x00world", "hello world"),
        ("hello\x1b[2Jworld", "hello [2Jworld"),
        ("hello \udcff world", "hello world"),
        ("\ud83d", ""),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\ue000x\ufffdy\U0010ffff", "x y"),
    ],
)
def test_what_an_engine_would_obey_or_stumble_over_does_not_get_through(text: str, words: str) -> None:
    assert plain(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\uff14\uff18\uff12\uff11", "4821"),  # fullwidth
        ("\u0664\u0668\u0662\u0661", "4821"),  # Arabic
        ("\u06f4\u06f8\u06f2\u06f1", "4821"),  # Persian
        ("\u096a\u096e\u0968\u0967", "4821"),  # Hindi
        ("\u0e54\u0e58\u0e52\u0e51", "4821"),  # Thai
        ("\U0001d7dc\U0001d7e0", "48"),  # mathematical
        ("\U0001d407\U0001d422", "Hi"),
        ("\uff28\uff49", "Hi"),
        ("\u24b6\u2461", "A2"),
        ("\ufb01ve", "five"),
        ("\uff76\uff9e", "\u30ac"),  # halfwidth katakana, the mark of its own
        ("cafe\u0301", "caf\u00e9"),
        ("½ m²", "½ m²"),
        ("四八二一", "四八二一"),
    ],
)
def test_characters_in_another_dress_are_those_that_are_meant(text: str, words: str) -> None:
    assert plain(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("so\u00adft", "soft"),
        ("\u202edne\u202c", "dne"),
        ("\u2066a\u2069\u200e\u200f\u061c", "a"),
        ("\ufeffab\u2060c", "abc"),
        ("one\u200btwo", "one two"),
        ("x\U000e0041\U000e0042y", "xy"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
    ],
)
def test_what_is_only_for_the_eye_goes_and_what_makes_letters_and_signs_stays(text: str, words: str) -> None:
    assert plain(text) == words


def test_a_letter_has_as_many_marks_as_letters_have() -> None:
    assert plain("Việt שִׁ") == unicodedata.normalize("NFC", "Việt שִׁ")
    assert plain("မြို့") == "မြို့"
    assert plain("e" + "\u0301" * 3000 + "x") == "\u00e9" + "\u0301" * MOST_MARKS + "x"


@given(st.text(max_size=300))
def test_no_text_keeps_what_an_engine_would_obey(text: str) -> None:
    words = plain(text)
    assert "[[" not in words
    assert not any(unicodedata.category(one) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} for one in words)
    words.encode()


@given(st.text(max_size=100))
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)
