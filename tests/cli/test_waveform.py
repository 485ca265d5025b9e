"""The picture of what was said: what is in it, and where."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

import pytest

from otpvoice.cli.waveform import MOST_ROWS, ROW, Kind, Part, svg

RATE = 16_000
_NS = "{http://www.w3.org/2000/svg}"


def sound(seconds: float, value: int = 8000) -> bytes:
    count = round(RATE * seconds)
    return struct.pack(f"<{count}h", *([value, -value] * count)[:count])


def silence(seconds: float) -> bytes:
    return bytes(2 * round(RATE * seconds))


def drawn(*parts: Part, title: str = "A code") -> ElementTree.Element:
    return ElementTree.fromstring(svg(parts, RATE, title))


def texts(picture: ElementTree.Element, kind: str) -> list[str]:
    return [one.text or "" for one in picture.iter(f"{_NS}text") if one.get("class") == kind]


def bands(picture: ElementTree.Element, kind: Kind) -> list[tuple[float, float]]:
    found = [one for one in picture.iter(f"{_NS}rect") if one.get("class") == kind]
    return [(float(one.get("x", "")), float(one.get("width", ""))) for one in found]


CODE = (
    Part("words", sound(1.5), "Your code is"),
    Part("gap", silence(0.5)),
    Part("character", sound(0.4), "4"),
    Part("gap", silence(0.35)),
    Part("character", sound(0.5), "8"),
    Part("gap", silence(0.06)),
    Part("character", sound(0.6), "B"),
)


def test_every_character_is_marked_in_order_and_where_it_is_heard() -> None:
    picture = drawn(*CODE)
    assert texts(picture, "digit") == ["4", "8", "B"]
    # 120 pixels are a second.
    assert bands(picture, "character") == [(240.0, 48.0), (330.0, 60.0), (397.2, 72.0)]
    assert texts(picture, "heard") == ["Your code is"]


def test_gaps_are_told_in_milliseconds_also_where_there_is_hardly_room() -> None:
    picture = drawn(*CODE)
    assert {"500", "350", "60"} <= set(texts(picture, "small"))
    (upright,) = [one for one in picture.iter(f"{_NS}text") if "rotate" in one.get("transform", "")]
    assert upright.text == "60"


def test_the_axis_counts_seconds() -> None:
    picture = drawn(*CODE)
    assert [one for one in texts(picture, "small") if re.fullmatch(r"\d( s)?", one)] == ["0 s", "1", "2", "3"]


def test_a_wave_is_as_high_as_its_loudest_sample() -> None:
    picture = drawn(Part("character", sound(0.2, 200), "1"), Part("character", sound(0.2, 100), "2"))
    loud, quiet = [one.get("d", "") for one in picture.iter(f"{_NS}path") if one.get("class") == "character-wave"]
    heights = [{float(y) for y in re.findall(r"[ML]\S+ (\S+?)(?=[LZz])", d)} for d in (loud, quiet)]
    (high, low), (less_high, less_low) = (sorted(one) for one in heights)
    assert (low - high) == pytest.approx(2 * (less_low - less_high), abs=0.2)


def test_what_is_longer_than_a_row_goes_on_below_and_is_marked_once() -> None:
    picture = drawn(
        Part("gap", silence(ROW - 0.1)),
        Part("character", sound(0.4), "7"),
        Part("gap", silence(ROW)),
        Part("words", sound(0.5), "Bye"),
    )
    rows = list(picture.iter(f"{_NS}g"))
    assert len(rows) == 3
    assert texts(picture, "digit") == ["7"]
    assert texts(rows[1], "digit") == ["7"], "where its middle is"
    assert [band[1] for band in bands(picture, "character")] == [12.0, 36.0]
    assert texts(picture, "small").count("8000") == 1
    assert texts(rows[2], "heard") == ["Bye"]


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Hello", "Hello"),
        ("A sentence that is longer than its sound", "A sentence t…"),
        ("再次再次再次再次", "再次再次再…"),
    ],
)
def test_words_are_shortened_to_their_room(label: str, shown: str) -> None:
    assert texts(drawn(Part("words", sound(0.75), label)), "heard") == [shown]


def test_words_that_are_over_at_once_are_not_named() -> None:
    assert texts(drawn(Part("words", sound(0.1), "Hello")), "heard") == []


def test_nothing_in_it_is_a_program_or_from_elsewhere() -> None:
    hostile = '</text><script>alert(1)</script><image href="http://x.example/"/>\x00\x1b\ud800&amp;'
    whole = svg([Part("words", sound(5), hostile), Part("character", sound(0.3), "<")], RATE, hostile)
    picture = ElementTree.fromstring(whole)
    known = {"svg", "title", "style", "rect", "text", "line", "path", "g"}
    assert {one.tag.removeprefix(_NS) for one in picture.iter()} == known
    assert not [name for one in picture.iter() for name in one.attrib if "href" in name or name.startswith("on")]
    assert whole.encode().decode() == whole
    assert "@import" not in whole
    assert "url(" not in whole


def test_it_can_be_read_in_light_and_in_dark() -> None:
    style = re.search(r"<style>(.*)</style>", svg(CODE, RATE, "A code"), re.DOTALL)
    assert style is not None
    light, dark = style[1].split("@media (prefers-color-scheme: dark)")
    for kind in ("paper", "title", "words", "words-wave", "character", "character-wave", "digit"):
        assert f".{kind} " in light.replace(",", " ")
        assert f".{kind}" in dark


def test_nothing_at_all_is_a_picture_too() -> None:
    picture = drawn(title="Nothing")
    assert [one.text for one in picture.iter(f"{_NS}title")] == ["Nothing"]
    assert texts(picture, "digit") == []


def test_a_picture_has_an_end() -> None:
    with pytest.raises(ValueError, match="at most 16 minutes"):
        svg([Part("gap", silence(1))] * round(MOST_ROWS * ROW + 1), RATE, "Long")
