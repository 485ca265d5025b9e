"""A stream of server-sent events, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.cli.event_stream import Sent, sent


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"data: a\n\n", [Sent("", "a")]),
        (b"id: 1\nevent: call.dialing\ndata: {}\n\n", [Sent("1", "{}")]),
        (b"id: 1\r\ndata: a\r\n\r\n", [Sent("1", "a")]),
        (b"id:1\ndata:a\n\n", [Sent("1", "a")]),
        (b"data:  a\n\n", [Sent("", " a")]),
        (b"data: a\ndata: b\n\n", [Sent("", "a\nb")]),
        (b"data\ndata: b\n\n", [Sent("", "\nb")]),
        (b"data: a: b\n\n", [Sent("", "a: b")]),
        (b": still here\n\n:\n\n", [None, None]),
        (b": still here\ndata: a\n\n", [None, Sent("", "a")]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [Sent("1", "a"), Sent("1", "b")]),
        (b"id: 1\n\ndata: b\n\n", [Sent("1", "b")]),
        (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Sent("1", "a"), Sent("", "b")]),
        (b"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", [Sent("1", "a"), Sent("1", "b")]),
        (b"retry: 5\nnews: x\ndata: a\n\n", [Sent("", "a")]),
        (b"id: 1\ndata: a\n\nid: 2\ndata: b\n", [Sent("1", "a")]),
        (b"data: a\n\nda", [Sent("", "a")]),
        ("data: é\n\n".encode(), [Sent("", "é")]),
        (b"data: \xff\n\n", [Sent("", "\ufffd")]),
    ],
)
def test_what_lines_say(stream: bytes, expected: list[Sent | None]) -> None:
    assert list(sent(stream.splitlines(keepends=True))) == expected


@given(st.lists(st.binary()))
def test_whatever_comes_is_taken_apart(lines: list[bytes]) -> None:
    assert all(one is None or "\0" not in one.id for one in sent(line + b"\n" for line in lines))
