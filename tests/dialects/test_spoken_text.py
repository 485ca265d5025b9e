"""Text at the door: what is taken as words, what is cleaned, and what is no text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.dialects.spoken_text import spoken

RULE = "must have no control characters but line breaks and tabs"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", "Hello, world!"),
        ("one\ntwo", "one two"),
        ("one\r\ntwo\tthree", "one  two three"),
        ("one\u2028two\u2029three\x85four\x0bfive\x0csix", "one two three four five six"),
        # Directions: an override shows 319284 where 482913 is said.
        ("Your code is \u202e319284\u202c", "Your code is 319284"),
        ("\u2067abc\u2069", "abc"),
        ("a\u200eb\u200fc\u061cd", "abcd"),
        ("\ufeffHello", "Hello"),
        ("pass\u00adword", "password"),
        ("a\u2060b", "ab"),
        ("Hi\U000e0048\U000e0049", "Hi"),
        # Letters as they are composed, so that engines know them.
        ("u\u0308ber", "über"),
        # What letters are made of, and what people write, stays.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("5\u00a0€ 😀", "5\u00a0€ 😀"),
        ("", ""),
        ("\u202e", ""),
    ],
)
def test_a_text_is_words_on_one_line(text: str, words: str) -> None:
    assert spoken(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "<speak>Hello</speak>",
        '<break time="10s"/>',
        '<phoneme alphabet="x-sampa" ph="k@d">code</phoneme>',
        "[[k'oUd]] [\u200b[k]]",
        "-f/etc/passwd",
        "-w/tmp/out.wav --stdin",
        "$(reboot) `reboot` ; reboot | cat > /dev/null",
        "../../etc/passwd",
        "%s %n {0} {code.__class__}",
        "\\x00 &#0; &lt;",
    ],
)
def test_nothing_is_markup_and_all_of_it_is_words(text: str) -> None:
    assert spoken(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a\x00b",
        "\x07",
        "\x08\x08\x08",
        "\x1b[31mred",
        "\x7f",
        "\x80",
        "\x9b31m",
        "\ud800",
        "a\ufffe",
        "\uffff",
        "\ufdd0",
        "\ufdef",
        "\U0001fffe",
        "\U0010ffff",
    ],
)
def test_what_is_no_text_is_refused_by_the_rule_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{RULE}$"):
        spoken(text)


@given(st.text())
def test_whatever_is_taken_is_one_line_and_taken_again_as_it_is(text: str) -> None:
    try:
        words = spoken(text)
    except ValueError:
        assert any(unicodedata.category(one) in {"Cc", "Cs", "Cn"} for one in text)
        return
    assert len(words.splitlines()) <= 1
    assert not any(unicodedata.category(one) in {"Cc", "Cs"} for one in words)
    assert not any(
        unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for one in words
    )
    assert spoken(words) == words


def test_the_longest_text_costs_no_time_worth_naming() -> None:
    """A hundred kB is refused by its length before this; what is let through is looked at character by character."""
    assert spoken("ä\n" * 50_000) == "ä " * 50_000
