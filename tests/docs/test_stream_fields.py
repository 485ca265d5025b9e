"""What the pages say of streams and their fields is what the formats and the rules say."""

from __future__ import annotations

import re

import pytest

from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamStatus, report_of
from otpvoice.core.streams import MOST
from otpvoice.dialects import stream_rules
from otpvoice.dialects.answers import MediaStream
from otpvoice.dialects.stream_rules import Written
from otpvoice.media.streams.formats import FORMATS
from tests.docs.test_errors import API
from tests.docs.test_openapi import streamed

PART = API.split("\n#### Streams\n", 1)[1].split("\n#### ", 1)[0]


def row(begins: str) -> list[str]:
    """Return the cells of the row that begins so."""
    (line,) = re.findall(rf"^\| `{begins}` \|.*$", PART, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def test_the_table_of_formats_is_that_of_the_program() -> None:
    assert re.findall(r"^\| `(\w+)` \| `listen`", PART, re.MULTILINE) == [*FORMATS]
    for name, spoken in FORMATS.items():
        _, modes, rates, parameters, said = row(name)
        assert set(re.findall(r"`(\w+)`", modes)) == spoken.modes
        assert tuple(numbers(rates)) == spoken.rates
        most, longest = spoken.most_parameters, spoken.longest_parameter or spoken.longest_parameters
        either = most is not None or longest is not None
        bounds = [bound for bound in (most, longest) if bound is not None]
        assert numbers(parameters) == (bounds if either else [stream_rules.MOST_PARAMETERS])
        assert ("an hour at most" in said) is (spoken.longest == 3600)
        assert (f"With `{name}` it may be `https`" in PART) is spoken.asks_by_https


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("basic", [stream_rules.USERNAME, stream_rules.PASSWORD]),
        ("bearer", [stream_rules.TOKEN]),
        ("signature", [stream_rules.SIGNING_SECRET]),
    ],
)
def test_the_table_of_logins_says_how_long_their_parts_may_be(kind: str, written: list[Written]) -> None:
    _, fields, _ = row(kind)
    bounds = [number for one in written for number in numbers(one.pattern.pattern.rpartition("{")[2])]
    assert numbers(fields) == [bound for bound in bounds if bound > 1]


def test_how_many_run_at_once_and_how_long_parameters_may_be_is_said() -> None:
    assert f"at most {MOST} run" in PART
    names = f"names of 1–{stream_rules.LONGEST_NAME} characters, texts of up to {stream_rules.LONGEST_VALUE}"
    assert names in PART


def test_the_entry_of_a_stream_is_what_its_schema_and_the_page_say() -> None:
    (said,) = re.findall(r"^\| `media` \| (.*) \|$", API, re.MULTILINE)
    words = re.findall(r"`(\w+)`", said)
    shown = streamed(ended=True).to_json()
    assert [*MediaStream.model_fields] == [*shown]
    assert set(words) == {*shown, *StreamStatus, *Disconnected}
    assert shown["host"] == "voice.example"
    assert "918273" not in str(shown)


def test_a_stream_that_goes_nowhere_is_one_without_a_host() -> None:
    assert report_of(Stream("no url", "twilio")).host == ""
