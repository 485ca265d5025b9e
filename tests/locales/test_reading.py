"""A code read aloud in each packaged language: its sentences, then its digits in their order."""

from __future__ import annotations

import pytest

from otpvoice.core.actions import ANY_KEY, Gate, LanguageKey, Replay, SayCode
from otpvoice.core.question import Manner, failure_script, gate_script, offer_script
from otpvoice.core.reading import closing_script, code_script, groups, replay_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Silence, Words
from tests.locales.packs import FILES, LOCALES, pack

CODE = "09182736455"
BRAND = "Acme & Sons"


def characters(script: Script) -> list[CodeCharacter]:
    return [item for item in script if isinstance(item, CodeCharacter)]


def texts(script: Script) -> list[str]:
    return [item.text for item in script if isinstance(item, Words)]


@pytest.mark.parametrize("file", FILES)
def test_a_code_is_read_twice_digit_by_digit_in_its_order(file: str) -> None:
    locale = pack(file)
    script = code_script(SayCode(OtpCode(CODE), brand=BRAND), locale.tag, None, LOCALES)
    read = characters(script)
    assert "".join(one.character for one in read) == CODE * 2
    assert {one.language for one in read} == {locale.tag}
    assert [locale.word(one.character) for one in read[:11]] == [locale.digits[int(digit)] for digit in CODE]
    opening, again = texts(script)
    assert BRAND in opening
    assert again == locale.again


@pytest.mark.parametrize("file", FILES)
def test_a_code_is_read_in_the_groups_of_the_language(file: str) -> None:
    say = SayCode(OtpCode("482913"), times=1)
    script = code_script(say, pack(file).tag, None, LOCALES)
    pauses = [item.seconds for item in script[script.index(characters(script)[0]) :] if isinstance(item, Silence)]
    assert [pause == say.group_gap for pause in pauses] == expected(groups(6, pack(file).group))
    assert pack(file).group in {2, 3}


def expected(sizes: tuple[int, ...]) -> list[bool]:
    """Return whether there is the end of a group behind each character but the last."""
    return [last for size in sizes for last in (*[False] * (size - 1), True)][:-1]


def test_french_and_danish_read_in_pairs_as_their_telephone_numbers_are() -> None:
    assert {file for file in FILES if pack(file).group == 2} == {"da.toml", "fr-BE.toml", "fr-CH.toml", "fr.toml"}


@pytest.mark.parametrize("file", FILES)
def test_no_brace_is_left_in_anything_that_is_said(file: str) -> None:
    tag = pack(file).tag
    say = SayCode(OtpCode("aB1"), brand=BRAND, replay=Replay(), gate=Gate(key="1"), languages=(LanguageKey("2", "de"),))
    manner = Manner(tag, None, LOCALES)
    said = [
        *texts(code_script(say, tag, None, LOCALES)),
        *texts(replay_script(say, 1, tag, None, LOCALES)),
        *texts(closing_script(say, tag, None, LOCALES)),
        *(text for key in (*"059*#", ANY_KEY) for text in texts(gate_script(say, key, manner))),
        *(text for key in "1*#" for text in texts(offer_script(say, key, tag, manner))),
        *texts(failure_script(say, manner)),
        *(pack(file).spelled(character) for character in "abcxyzABCXYZ059"),
    ]
    assert len(said) > 20
    assert all(text.strip() for text in said)
    assert not [text for text in said if "{" in text or "}" in text]
    assert max(map(len, said)) <= 200
