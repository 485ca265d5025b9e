"""Whole sessions of each format, word by word; and what comes that is none of its messages."""

from __future__ import annotations

import pytest

from otpvoice.media.streams.formats import FORMATS
from tests.media.streams.transcripts import EXAMPLES, Transcript, transcripts

GOOD, BAD = transcripts("good"), transcripts("bad")


def called(transcript: Transcript) -> str:
    return str(transcript.path.relative_to(EXAMPLES).with_suffix(""))


@pytest.mark.parametrize("transcript", GOOD + BAD, ids=called)
def test_what_happens_in_a_transcript_is_spelled_as_it_says(transcript: Transcript) -> None:
    assert transcript.again() == transcript.lines


@pytest.mark.parametrize("transcript", BAD, ids=called)
def test_nothing_bad_is_a_mark_or_a_clear(transcript: Transcript) -> None:
    understood = [line for line in transcript.lines if line.startswith("~ ")]
    assert understood
    assert not [line for line in understood if not line.startswith(("~ ignored ", "~ audio "))]


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_a_session_in_each_of_its_modes_and_bad_ones(name: str) -> None:
    folder = EXAMPLES / name
    assert {path.stem for path in (folder / "good").glob("*.txt")} >= FORMATS[name].modes
    assert list((folder / "bad").glob("*.txt"))


def test_there_are_no_examples_of_formats_that_there_are_not() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == set(FORMATS)


@pytest.mark.parametrize("mode", ["listen", "talk"])
def test_a_session_that_is_called_by_a_mode_has_it(mode: str) -> None:
    named = [one for one in GOOD if one.path.stem == mode]
    assert named
    assert {one.facts.mode for one in named} == {mode}
