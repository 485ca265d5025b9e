"""Which texts may hold a code: whatever looks like one is made for its call alone."""

from __future__ import annotations

import pytest

from otpvoice.adapters.speech.code_like import may_hold_a_code
from tests.adapters.speech_stands import LOCALES


def judged(text: str, language: str) -> bool:
    locale = LOCALES.lookup(language)
    return may_hold_a_code(text, frozenset((*locale.digits, *locale.letters.values(), *locale.spelling.values())))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Your code is 4821", "en"),
        ("Room ٤", "ar"),
        ("x²", "en"),
        ("４", "ja"),
        ("कोड ४", "hi"),
        ("Ⅳ", "en"),
        ("four, eight, two", "en"),
        ("The code: Four-Eight-Two-One.", "en"),
        ("ＦＯＵＲ ｅｉｇｈｔ two", "en"),
        ("vier acht zwei", "de"),
        ("quatre huit deux un", "fr"),
        ("quatro oito dois", "pt-BR"),
        ("četiri osam dva", "hr"),
        ("四八二一", "zh"),
        ("四、八、二", "zh"),
        ("चार आठ दो", "hi"),
        ("Bravo, Kilo, Zulu", "en"),
        ("a b c", "en"),
        ("K-X-W-Q", "en"),
        ("k.x.w", "en"),
        ("k, x, w", "en"),
        ("К Л М", "ru"),
        ("It is KXWQ", "en"),
        ("It is kXwQ", "en"),
        ("HSBC", "en"),
        ("АБВГ", "ru"),
        ("Your code is\nABC", "en"),
    ],
)
def test_what_looks_like_a_code(text: str, language: str) -> None:
    assert judged(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("Hello, this is Acme.", "en"),
        ("I have one or two questions.", "en"),
        ("Plan a, or plan b?", "en"),
        ("PayPal, eBay and the GitHub of McDonald", "en"),
        ("Dr. A. Smith", "en"),
        ("Ihr Konto bei der Beispiel AG", "de"),
        ("Ihre Nummer endet auf zwei, nicht auf drei.", "de"),
        ("CONGRATULATIONS", "en"),
        ("一次性验证码", "zh"),
        ("नमस्ते, आपका स्वागत है", "hi"),
        ("…!?", "en"),
    ],
)
def test_what_does_not(text: str, language: str) -> None:
    assert not judged(text, language)


@pytest.mark.parametrize("tag", LOCALES.tags)
def test_a_code_written_out_in_any_language_is_seen(tag: str) -> None:
    locale = LOCALES.lookup(tag)
    for between in (" ", ", ", "-"):
        assert judged(between.join(map(locale.word, "4821")), tag)


def test_a_long_text_is_looked_at_whole() -> None:
    assert judged("hello " * 20_000 + "7", "en")
    assert not judged("hello " * 20_000, "en")
