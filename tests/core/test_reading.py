"""How codes and texts are read aloud: the scripts that actions become."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import Play, Say, SayCode
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.reading import (
    AROUND_CODE,
    BETWEEN_READINGS,
    BETWEEN_RECORDINGS,
    closing_script,
    code_script,
    groups,
    is_speakable,
    play_script,
    replay_script,
    say_script,
)
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Recording, Script, Silence, Words

EN = Locale(
    tag="en",
    code="Your code is: {code}",
    code_with_brand="Your {brand} code is: {code}",
    again="Once again:",
    capital="capital {letter}",
    gate="Press {key}.",
    gate_any="Press a key.",
    gate_failure="Goodbye.",
    replay="Again by {key}.",
    choose="English by {key}.",
    star="star",
    pound="pound",
    digits=tuple("0123456789"),
    letters={},
    voices={},
    closing="That was all.",
)
DE = replace(EN, tag="de", code="Ihr Code lautet: {code}", again="Ich wiederhole:", closing="Das war alles.", group=2)
LOCALES = Locales([EN, DE])


def script_of(code: str = "123456", language: str = "en-US", **options: Any) -> Script:
    return code_script(replace(SayCode(OtpCode(code)), **options), language, None, LOCALES)


def told(script: Script) -> str:
    """A script as one line: words as they are, characters, and silences in brackets."""
    spelled = []
    for item in script:
        match item:
            case Words():
                spelled.append(item.text)
            case CodeCharacter():
                spelled.append(item.character)
            case Silence():
                spelled.append(f"[{item.seconds:g}]")
    return " ".join(spelled)


def test_a_code_is_introduced_and_read_twice() -> None:
    reading = "1 [0.35] 2 [0.35] 3 [0.8] 4 [0.35] 5 [0.35] 6"
    assert told(script_of()) == f"Your code is: [0.5] {reading} [1.2] Once again: [0.5] {reading}"


def test_the_brand_is_named() -> None:
    assert told(script_of("123", times=1, brand="Acme")).startswith("Your Acme code is: [0.5] 1")


def test_what_a_template_says_after_the_code_is_said_once_at_the_end() -> None:
    script = script_of("123", template="{brand} says {code}. Bye!", brand="Acme", gap=0.1)
    assert told(script) == "Acme says [0.5] 1 [0.1] 2 [0.1] 3 [1.2] Once again: [0.5] 1 [0.1] 2 [0.1] 3 [0.5] Bye!"


def test_a_template_of_the_code_alone_begins_with_the_code() -> None:
    assert told(script_of("123", template=" {code}. ", times=1)) == "1 [0.35] 2 [0.35] 3"


@pytest.mark.parametrize(
    ("length", "size", "expected"),
    [
        (6, 3, (3, 3)),
        (4, 3, (4,)),
        (5, 3, (3, 2)),
        (7, 3, (3, 4)),
        (8, 3, (3, 3, 2)),
        (10, 3, (3, 3, 4)),
        (8, 4, (4, 4)),
        (5, 2, (2, 3)),
        (3, 1, (1, 1, 1)),
        (6, 0, (6,)),
        (6, 6, (6,)),
        (6, 9, (6,)),
        (0, 3, ()),
    ],
)
def test_a_code_is_read_in_groups_and_no_character_is_left_alone(
    length: int, size: int, expected: tuple[int, ...]
) -> None:
    assert groups(length, size) == expected


@given(st.integers(0, 12), st.integers(0, 14))
def test_groups_hold_every_character_once(length: int, size: int) -> None:
    sizes = groups(length, size)
    assert sum(sizes) == length
    assert all(one > 0 for one in sizes)
    assert size < 2 or length < 2 or 1 not in sizes


def test_without_groups_all_gaps_are_the_same() -> None:
    script = script_of("12345678", group=0, times=1)
    assert {item.seconds for item in script[2:] if isinstance(item, Silence)} == {0.35}


def test_a_gap_of_nothing_is_no_piece_of_the_script() -> None:
    assert told(script_of("1234", gap=0.0, times=1)) == "Your code is: [0.5] 1 2 3 4"


@pytest.mark.parametrize(
    ("language", "template", "group", "gaps"),
    [
        ("en", None, None, [0.35, 0.35, 0.8, 0.35, 0.35]),
        ("de-AT", None, None, [0.35, 0.8, 0.35, 0.8, 0.35]),  # by twos, as they do
        ("de-AT", None, 3, [0.35, 0.35, 0.8, 0.35, 0.35]),
        ("de-AT", None, 0, [0.35] * 5),
        ("de-AT", "{code}", None, [0.35, 0.8, 0.35, 0.8, 0.35]),
        ("sv", None, None, [0.35, 0.35, 0.8, 0.35, 0.35]),
        ("sv", "{code}", None, [0.35, 0.35, 0.8, 0.35, 0.35]),  # nobody has said how they do
    ],
)
def test_a_code_is_grouped_as_its_language_does_unless_the_request_says_how(
    language: str, template: str | None, group: int | None, gaps: list[float]
) -> None:
    script = script_of("123456", language, template=template, group=group, times=1)
    found = [b.seconds for a, b in pairwise(script) if isinstance(a, CodeCharacter) and isinstance(b, Silence)]
    assert found == gaps
    again = replay_script(SayCode(OtpCode("123456"), template=template, group=group), 1, language, None, LOCALES)
    assert [b.seconds for a, b in pairwise(again) if isinstance(a, CodeCharacter) and isinstance(b, Silence)] == gaps


def test_only_letters_are_spelled_and_only_where_it_is_asked_for() -> None:
    for spelling, spelled in ((False, ""), (True, "aB")):
        script = script_of("a1B", spelling=spelling, times=1)
        found = [item.character for item in script if isinstance(item, CodeCharacter) and item.spelled]
        assert "".join(found) == spelled


# --- whose words they are ---------------------------------------------------------------------------------------------


def of_packs(script: Script) -> list[str]:
    return [item.text for item in script if isinstance(item, Words) and item.packaged]


@pytest.mark.parametrize(
    ("options", "packaged"),
    [
        ({}, ["Your code is:", "Once again:"]),
        ({"brand": "Acme"}, ["Your Acme code is:", "Once again:"]),
        ({"brand": "Acme 24"}, ["Your Acme 24 code is:", "Once again:"]),
        ({"template": "Hello {code}, bye"}, ["Once again:"]),
        ({"template": "{brand} {code}", "brand": "Acme"}, ["Once again:"]),
        # Brands with digits there are; whether one is kept that may be a code, is for who keeps it.
        ({"brand": "Acme 4-8-2"}, ["Your Acme 4-8-2 code is:", "Once again:"]),
        ({"brand": "Radio 538"}, ["Your Radio 538 code is:", "Once again:"]),
        # Somebody has put the code where the brand stands.
        ({"brand": "Acme 1a2"}, ["Once again:"]),
        ({"brand": "1A2"}, ["Once again:"]),
    ],
)
def test_words_of_a_pack_are_known_as_such_and_those_of_a_request_are_not(
    options: dict[str, Any], packaged: list[str]
) -> None:
    assert of_packs(script_of("1a2", **options)) == packaged


def test_a_text_is_no_packs_whatever_it_says() -> None:
    assert of_packs(say_script(Say("Your code is:"), "en", None)) == []


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "template", "closing"),
    [
        ("en-GB", None, ("That was all.", "en-GB")),
        ("de-AT", None, ("Das war alles.", "de-AT")),
        ("sv", None, ("That was all.", "en")),
        ("de", "{code}", None),  # who has a sentence of his own ends as he likes
        ("sv", "{code}", None),
    ],
)
def test_the_closing_sentence_is_that_of_the_language_in_which_the_code_was_read(
    language: str, template: str | None, closing: tuple[str, str] | None
) -> None:
    say = SayCode(OtpCode("123"), template=template, speed=0.7, times=3, voice="espeak:f2")
    script = closing_script(say, language, "espeak", LOCALES)
    assert script == (() if closing is None else (Words(*closing, "espeak:f2", 0.7, packaged=True),))


def test_a_language_may_have_no_closing_sentence() -> None:
    silent = Locales([replace(EN, closing="")])
    assert closing_script(SayCode(OtpCode("123")), "en", None, silent) == ()


@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        ("Your code is: {code}", "Your code is:", None),
        ("Your code is : {code}", "Your code is:", None),  # some engines say "colon" for one that stands alone
        ("Votre code est\u00a0: {code}\u00a0!", "Votre code est:", None),
        ("Your code is . {code} . Bye .", "Your code is.", "Bye."),
        ("Your code is: : {code}", "Your code is:", None),
        ('Your code: "{code}". Thank you!', "Your code:", "Thank you!"),
        ("Ihr Code: „{code}“. Danke.", "Ihr Code:", "Danke."),
        ("Votre code : « {code} ». Merci.", "Votre code:", "Merci."),
        ("आपका कोड है। {code}। धन्यवाद।", "आपका कोड है।", "धन्यवाद।"),  # \"danda\"
        ("您的验证码是：{code}。谢谢。", "您的验证码是：", "谢谢。"),
        ("Ձեր կոդը՝ {code}։ Շնորհակալություն։", "Ձեր կոդը՝", "Շնորհակալություն։"),
        ("Code – {code} – bye", "Code", "bye"),
        ("Acme (your code): {code} (valid today)", "Acme (your code):", "(valid today)"),
        ("Don't share {code}", "Don't share", None),
        ('Your "code" {code}', 'Your "code"', None),
        ("Adiós {code} ¡Gracias!", "Adiós", "¡Gracias!"),
        ("... {code} ...", None, None),
        ("Is it #{code}", "Is it #", None),
    ],
)
def test_no_mark_is_left_to_stand_alone(template: str, before: str | None, after: str | None) -> None:
    script = script_of("123", template=template, times=1)
    code = next(i for i, item in enumerate(script) if isinstance(item, CodeCharacter))
    assert [item.text for item in script[:code] if isinstance(item, Words)] == ([before] if before else [])
    assert [item.text for item in script[code:] if isinstance(item, Words)] == ([after] if after else [])


def test_characters_know_their_reading_and_their_place() -> None:
    characters = [item for item in script_of("4821", times=3) if isinstance(item, CodeCharacter)]
    assert [(one.reading, one.position, one.of) for one in characters] == [
        (reading, position, 4) for reading in (1, 2, 3) for position in (1, 2, 3, 4)
    ]


def test_each_reading_is_slower_down_to_a_floor() -> None:
    script = script_of("123", times=5, speed=0.7)
    speeds = {item.reading: item.speed for item in script if isinstance(item, CodeCharacter)}
    assert speeds == {1: 0.7, 2: 0.6, 3: 0.5, 4: 0.5, 5: 0.5}
    assert [item.speed for item in script if isinstance(item, Words)] == [0.7, 0.6, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("code", "spoken"), [("AB12", "ab12"), ("ab12", "ab12"), ("aB12", "aB12"), ("1234", "1234"), ("ABC", "abc")]
)
def test_case_is_read_only_where_it_tells_codes_apart(code: str, spoken: str) -> None:
    characters = [item.character for item in script_of(code, times=1) if isinstance(item, CodeCharacter)]
    assert "".join(characters) == spoken


@pytest.mark.parametrize(
    ("language", "own", "opening", "spoken_in"),
    [
        ("de-AT", None, "Ihr Code lautet:", "de-AT"),
        ("en-US", "de", "Ihr Code lautet:", "de"),
        ("sv-SE", None, "Your code is:", "en"),  # English words in a Swedish voice help nobody
    ],
)
def test_a_code_is_read_in_the_language_of_its_words(
    language: str, own: str | None, opening: str, spoken_in: str
) -> None:
    script = code_script(SayCode(OtpCode("123"), language=own), language, None, LOCALES)
    assert told(script).startswith(opening)
    assert {item.language for item in script if isinstance(item, Words | CodeCharacter)} == {spoken_in}


def test_a_template_keeps_its_language_though_there_is_no_locale_for_it() -> None:
    script = script_of("123", language="sv-SE", template="Din kod: {code}")
    assert told(script) == "Din kod: [0.5] 1 [0.35] 2 [0.35] 3 [1.2] 1 [0.35] 2 [0.35] 3"
    assert {item.language for item in script if isinstance(item, Words | CodeCharacter)} == {"sv-SE"}


def once_more(count: int = 1, of_the_call: str = "en-US", **options: Any) -> Script:
    return replay_script(replace(SayCode(OtpCode("482")), **options), count, of_the_call, None, LOCALES)


def test_a_code_that_is_asked_for_again_is_read_once_and_opened_as_a_repetition() -> None:
    assert told(once_more()) == "Once again: [0.5] 4 [0.35] 8 [0.35] 2"
    template = "{brand} says {code}. Bye!"
    assert told(once_more(template=template, brand="Acme")) == told(once_more()), "what surrounds it was heard"


@pytest.mark.parametrize(("times", "count", "reading"), [(1, 1, 2), (2, 1, 3), (2, 3, 5), (5, 2, 7)])
def test_readings_by_request_are_counted_behind_those_that_are_due(times: int, count: int, reading: int) -> None:
    characters = [item for item in once_more(count, times=times) if isinstance(item, CodeCharacter)]
    assert [(one.reading, one.position, one.of) for one in characters] == [(reading, p, 3) for p in (1, 2, 3)]


@pytest.mark.parametrize(
    ("times", "speed", "slow_down", "slowest"), [(1, 0.9, 0.1, 0.9), (2, 0.9, 0.1, 0.8), (5, 0.7, 0.2, 0.5)]
)
@pytest.mark.parametrize("count", [1, 3])
def test_readings_by_request_are_as_slow_as_the_last_one_that_was_due(
    times: int, speed: float, slow_down: float, slowest: float, count: int
) -> None:
    script = once_more(count, times=times, speed=speed, slow_down=slow_down)
    assert {item.speed for item in script if isinstance(item, Words | CodeCharacter)} == {slowest}


@pytest.mark.parametrize(
    ("language", "own", "template", "opening", "spoken_in"),
    [
        ("de-AT", None, None, "Ich wiederhole:", "de-AT"),
        ("en-US", "de", None, "Ich wiederhole:", "de"),
        ("sv-SE", None, None, "Once again:", "en"),
        ("sv-SE", None, "Din kod: {code}", "4 [", "sv-SE"),
    ],
)
def test_a_code_is_read_again_in_the_language_in_which_it_was_read(
    language: str, own: str | None, template: str | None, opening: str, spoken_in: str
) -> None:
    script = once_more(of_the_call=language, language=own, template=template)
    assert told(script).startswith(opening)
    assert {item.language for item in script if isinstance(item, Words | CodeCharacter)} == {spoken_in}


@pytest.mark.parametrize(("own", "spoken_by"), [(None, "espeak"), ("espeak:de+f2", "espeak:de+f2")])
def test_the_voice_of_the_action_comes_before_that_of_the_call(own: str | None, spoken_by: str) -> None:
    script = code_script(SayCode(OtpCode("123"), voice=own), "en", "espeak", LOCALES)
    assert {item.voice for item in script if isinstance(item, Words | CodeCharacter)} == {spoken_by}


def test_a_template_that_breaks_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly once"):
        script_of(template="Your code")


CODES = st.from_regex(r"[0-9A-Za-z]{3,12}", fullmatch=True)
SENTENCES = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs", "Nd"]), max_size=20)


@given(
    CODES,
    st.none() | st.integers(0, 12),
    st.integers(1, 5),
    st.sampled_from([None, "Hello {code}", "{code}, bye", "{brand} {code} {brand}"]),
    st.booleans(),
)
def test_no_words_hold_the_code_and_silences_stand_alone(
    code: str, group: int | None, times: int, template: str | None, spelling: bool
) -> None:
    script = script_of(code, group=group, times=times, template=template, brand="Acme", spelling=spelling)
    characters = [item for item in script if isinstance(item, CodeCharacter)]
    assert "".join(one.character for one in characters).lower() == code.lower() * times
    assert {item.text for item in script if isinstance(item, Words)} <= {
        "Your Acme code is:",
        "Once again:",
        "Hello",
        "bye",
        "Acme",
    }
    assert not any(isinstance(a, Silence) and isinstance(b, Silence) for a, b in pairwise(script))
    assert not isinstance(script[0], Silence)
    assert not isinstance(script[-1], Silence)
    assert code not in repr(script)


@st.composite
def packs(draw: st.DrawFn) -> Locale:
    """Any language at all, whatever it says."""
    before, after, closing, again = (draw(SENTENCES) for _ in range(4))
    return replace(
        EN,
        code=before + "{code}" + after,
        code_with_brand=before + "{brand}" + after + "{code}" + before,
        closing=closing,
        again=again,
        group=draw(st.integers(0, 6)),
    )


@given(packs(), st.from_regex(r"[0-9]{3,12}", fullmatch=True), st.integers(1, 5), st.none() | st.just("Acme"))
def test_in_any_language_a_code_is_read_in_order_once_a_reading_and_nothing_else_holds_it(
    pack: Locale, code: str, times: int, brand: str | None
) -> None:
    say, locales = SayCode(OtpCode(code), times=times, brand=brand), Locales([pack])
    again = replay_script(say, 1, "en", None, locales)
    ending = closing_script(say, "en", None, locales)
    for script, readings in ((code_script(say, "en", None, locales), times), (again, 1), (ending, 0)):
        characters = [item for item in script if isinstance(item, CodeCharacter)]
        assert "".join(one.character for one in characters) == code * readings
        assert [one.position for one in characters] == list(range(1, len(code) + 1)) * readings
        words = [item for item in script if isinstance(item, Words)]
        assert not any(one.isdigit() and one.isascii() for item in words for one in item.text)
        assert all(is_speakable(item.text) and item.packaged for item in words)
        assert not any(isinstance(a, Silence) and isinstance(b, Silence) for a, b in pairwise(script))


def test_a_text_is_said_as_often_as_asked() -> None:
    script = say_script(Say(" Hello there ", times=3, gap=2.0, speed=1.2), "en", "espeak")
    words = Words("Hello there", "en", "espeak", 1.2)
    assert script == (words, Silence(2.0), words, Silence(2.0), words)


def test_a_text_keeps_its_own_language_and_voice() -> None:
    assert say_script(Say("Hej", language="sv", voice="espeak:sv"), "en", None) == (
        Words("Hej", "sv", "espeak:sv", 1.0),
    )


@pytest.mark.parametrize("text", ["", "  \n", "...", "?!", "\x00\x01"])
def test_a_text_of_nothing_is_no_script(text: str) -> None:
    assert say_script(Say(text, times=3), "en", None) == ()


@pytest.mark.parametrize(
    ("text", "speakable"),
    [("a", True), ("7", True), ("€", True), ("😀", True), ("你", True), ("…", False), ("", False)],
)
def test_what_can_be_said(text: str, speakable: bool) -> None:
    assert is_speakable(text) is speakable


def test_between_readings_is_longer_than_any_default_gap() -> None:
    defaults = SayCode(OtpCode("123"))
    assert BETWEEN_READINGS > defaults.group_gap > AROUND_CODE > defaults.gap


@pytest.mark.parametrize(("times", "pieces"), [(1, "r"), (3, "r r r")])
def test_a_recording_is_played_as_often_as_asked(times: int, pieces: str) -> None:
    script = play_script(Play("welcome", times=times))
    spelled = ["r" if item == Recording("welcome") else item for item in script]
    assert spelled == [piece if piece == "r" else Silence(BETWEEN_RECORDINGS) for piece in pieces.replace(" ", "-")]
