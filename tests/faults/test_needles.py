"""A code among many is found however it is spelled, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import needles
from tests.faults.needles import LEAST, Needles

CODE, KEYS = "4829137056", "918273645"
NEEDLES = Needles([CODE, KEYS, *(str(4_000_000_000 + 7 * number) for number in range(1000))])

FOUND = {
    "as it is": f'"code": "{CODE}"',
    "at the end": f"keys={KEYS}",
    "twice": CODE * 2,
    "in a longer number": f"00{CODE}1",
    "in a file's name": f"/tmp/{CODE}.wav",
    "with blanks": " ".join(CODE),
    "with commas": ", ".join(KEYS),
    "in quotes": "['4', '8', '2', '9', '1', '3', '7', '0', '5', '6']",
    "in words": "four eight two nine one three seven zero five six",
    "in Words": "Four. Eight. Two. Nine. One. Three. Seven. Zero. Five. Six.",
    "as Asterisk reads a digit": "-- <PJSIP/trunk-00000001> Playing 'digits/4.ulaw' (language 'en')",
    "as Asterisk writes down a key": "DTMF begin '4' received on PJSIP/trunk-00000001",
}
NOT_FOUND = {
    "nothing": "",
    "another code": "4829137057",
    "a part of it": CODE[:-1],
    "the wrong way round": CODE[::-1],
    "over two lines": f"{CODE[:5]}\n{CODE[5:]}",
    "an id": "call_48e9137a56b0c1d2e3f4829137",
    "a telephone number": "+15550000042",
    "an instant": "2026-01-01T00:00:00.482913Z",
    "words": "four eight two nine",
    "Asterisk at work": "Channel joined 'simple_bridge' <call_1>, 2 in it",
}


@pytest.mark.parametrize("spelling", FOUND)
def test_it_is_found(spelling: str, tmp_path: Path) -> None:
    text = FOUND[spelling].encode()
    assert NEEDLES.within(text)
    (tmp_path / "log").write_bytes(b"a line\n" * 10 + text + b"\nanother\n")
    (tmp_path / "allowed").write_bytes(text)
    assert list(NEEDLES.in_files(tmp_path, allowed=frozenset({"allowed"}))) == [("log", True)]


@pytest.mark.parametrize("what", NOT_FOUND)
def test_it_is_not_found(what: str) -> None:
    assert not NEEDLES.within(NOT_FOUND[what].encode())


def test_a_large_file_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles, "BLOCK", 1 << 12)
    line = b"nothing to see in this line at all 2026-01-01T00:00:00.000Z\n"
    (tmp_path / "large").write_bytes(line * 150)
    (tmp_path / "deep").write_bytes(line * 75 + f"code {CODE}\n".encode() + line * 75)
    # A file without lines has its pieces looked at together.
    around = b"x" * ((1 << 12) - len(CODE) // 2)
    (tmp_path / "one line").write_bytes(around + CODE.encode() + around)
    assert list(NEEDLES.in_files(tmp_path)) == [("deep", True), ("large", False), ("one line", True)]


@pytest.mark.parametrize("secret", ["4829", "", "x" * LEAST])
def test_what_chance_would_find_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="at least"):
        Needles([secret])


@pytest.mark.parametrize("instant", [b"1795846501873", b"1795846501873123"])
def test_what_is_in_an_instant_is_there_by_chance(instant: bytes) -> None:
    needles = Needles([instant[2:12].decode()])
    assert not needles.within(b"PXAT\r\n$13\r\n" + instant + b"\r\n")
    assert needles.within(b"PXAT " + instant[2:12] + b" ")
    assert needles.within(b"9" + instant)
