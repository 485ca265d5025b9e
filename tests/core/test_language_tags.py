"""Which of the languages at hand is nearest to the one that was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.language_tags import canonical, index, is_tag, lookup


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("pt-BR", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("pt-PT", "pt"),
        ("pt-BR-x-carioca", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hant-a-b", "zh-Hant"),  # single letters go together with what follows them
        ("sv", None),
        ("p", None),
        ("", None),
        ("-", None),
        ("--", None),
        ("i-klingon", None),
    ],
)
def test_lookup_drops_subtags_from_the_end_until_one_fits(tag: str, found: str | None) -> None:
    assert lookup(tag, ["pt", "pt-BR", "zh-Hant", "de"]) == found


@pytest.mark.parametrize(
    ("asked", "at_hand"),
    [
        ("iw", "he"),
        ("iw-IL", "he"),
        ("in", "id"),
        ("ji", "yi"),
        ("jw", "jv"),
        ("mo-MD", "ro"),
        ("sh", "sr"),
        ("sh-RS", "sr-Latn"),
        ("no", "nb"),
        ("no-NO", "nb"),
        ("nn-NO", "nb"),
        ("tl-PH", "fil"),
        ("arb", "ar"),
        ("cmn-Hans-CN", "zh"),
        ("zh-cmn-Hant", "zh"),
    ],
)
def test_a_tag_that_was_replaced_is_the_one_that_replaced_it(asked: str, at_hand: str) -> None:
    assert lookup(asked, ["en", at_hand]) == at_hand


@pytest.mark.parametrize(
    ("asked", "at_hand"), [("he", "iw"), ("nb-NO", "no"), ("zh-TW", "cmn"), ("id", "in"), ("fil", "tl")]
)
def test_an_engine_may_still_write_the_tag_that_was_replaced(asked: str, at_hand: str) -> None:
    assert lookup(asked, ["en", at_hand]) == at_hand


@pytest.mark.parametrize(
    ("asked", "at_hand", "found"),
    [
        ("zh", ["zh-CN", "zh-TW"], "zh-CN"),
        ("zh", ["zh-TW"], "zh-TW"),
        ("zh-CN", ["zh", "zh-TW"], "zh"),
        ("zh-Hans-CN", ["zh", "zh-TW"], "zh"),
        ("zh-Hans", ["zh-CN", "zh-TW"], "zh-CN"),
        ("zh-TW", ["zh-Hant", "zh"], "zh-Hant"),
        ("zh-Hant", ["zh", "zh-TW"], "zh-TW"),
        ("zh-Hant-MO", ["zh", "zh-TW"], "zh-TW"),
        ("zh-TW", ["zh"], "zh"),
        ("zh-HK", ["zh", "yue"], "yue"),
        ("zh-HK", ["zh", "zh-HK", "yue"], "zh-HK"),
        ("zh-yue", ["zh", "yue"], "yue"),
        ("yue-CN", ["zh", "zh-HK"], "zh-HK"),
        ("yue-HK", ["zh", "en"], None),  # whoever speaks Cantonese need not understand Mandarin
        ("cmn", ["cmn", "yue"], "cmn"),
        ("zh-SG", ["cmn-CN"], "cmn-CN"),
    ],
)
def test_chinese_is_found_by_how_it_is_written_and_spoken(asked: str, at_hand: list[str], found: str | None) -> None:
    assert lookup(asked, at_hand) == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("es-MX", "es-419"),
        ("es-ar", "es-419"),
        ("es-US", "es-419"),
        ("es-ES", "es"),
        ("es", "es"),
        ("es-419", "es-419"),
    ],
)
def test_the_spanish_of_america_is_that_of_latin_america(asked: str, found: str) -> None:
    assert lookup(asked, ["es", "es-419"]) == found
    assert lookup(asked, ["es"]) == "es"


def test_of_two_that_mean_the_same_the_one_that_is_written_so_today_stands() -> None:
    assert lookup("no", ["no", "nb"]) == lookup("nb", ["nb", "no"]) == "nb"
    assert index(["iw", "he"]) == index(["he", "iw"]) == {"he": "he"}


@given(st.text(alphabet="ab1-_", max_size=20))
def test_lookup_answers_any_text_with_one_of_those_available(tag: str) -> None:
    assert lookup(tag, ["a", "ab-b1"]) in {None, "a", "ab-b1"}


@given(st.from_regex(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-[A-Za-z]{2})?", fullmatch=True))
def test_a_tag_means_what_it_means_however_it_is_written(tag: str) -> None:
    assert canonical(canonical(tag)) == canonical(tag)
    assert lookup(tag, [tag.swapcase().replace("-", "_")]) is not None


@pytest.mark.parametrize(
    ("tag", "fine"),
    [
        ("en", True),
        ("zh-Hant-TW", True),
        ("es-419", True),
        ("e", False),
        ("en-", False),
        ("", False),
        ("i-mingo", False),
    ],
)
def test_the_shape_of_a_tag(tag: str, fine: bool) -> None:
    assert is_tag(tag) is fine
