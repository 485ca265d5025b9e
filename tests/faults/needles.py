"""Thousands of codes in a haystack of logs, in one pass: ``leaks`` makes an expression of each, which is for a few.

It is for codes of one run that are digits, and long enough that no other number happens to be one (``LEAST``). What
Asterisk writes when it is made to read digits, or to write down keys, is found whichever digits they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

LEAST: Final = 9
"""Digits: of a billion numbers none is hit by chance."""
BLOCK: Final = 1 << 22
"""Bytes that are read at once."""
_WORDS: Final = (b"zero", b"one", b"two", b"three", b"four", b"five", b"six", b"seven", b"eight", b"nine")
_DIGIT: Final = {word: b"%d" % digit for digit, word in enumerate(_WORDS)}
_RUN: Final = re.compile(rb"[0-9]{%d,}" % LEAST)
_INSTANT: Final = re.compile(rb"1[78](?:[0-9]{11}|[0-9]{14})")
"""An instant in ms or µs. A soak writes so many down that one of ten thousand codes was in one of them, by chance."""
_APART: Final = re.compile(rb"(?<![0-9])[0-9](?:[^0-9\n]{1,4}[0-9](?![0-9])){%d,}" % (LEAST - 1))
_WORD: Final = b"|".join(_WORDS)
_SPELLED: Final = re.compile(rb"\b(?:%b)(?:[^a-z]{1,3}(?:%b)){%d,}" % (_WORD, _WORD, LEAST - 1))
_BY_ASTERISK: Final = re.compile(rb"(?:digits/|DTMF (?:begin|end) ')[0-9]")


class Needles:
    """``secrets``: codes and keys. ValueError for one that could be found by chance, or is no digits."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secret.encode() for secret in secrets)
        if not all(secret.isdigit() and len(secret) >= LEAST for secret in self._secrets):
            raise ValueError(f"at least {LEAST} digits are looked for")
        self._lengths = sorted({len(secret) for secret in self._secrets})

    def __len__(self) -> int:
        return len(self._secrets)

    def within(self, text: bytes) -> bool:
        """Return whether a text holds one, in one piece, digit by digit or in words."""
        runs = [run for run in _RUN.findall(text) if not _INSTANT.fullmatch(run)]
        runs += (re.sub(rb"[^0-9]", b"", apart) for apart in _APART.findall(text))
        for spelled in _SPELLED.findall(text.lower()):
            runs.append(b"".join(_DIGIT[word] for word in re.findall(_WORD, spelled)))
        return any(self._windowed(run) for run in runs) or _BY_ASTERISK.search(text) is not None

    def in_files(self, folder: Path, *, allowed: frozenset[str] = frozenset()) -> Iterator[tuple[str, bool]]:
        """Yield each file, and whether it holds one; ``allowed`` are names of files that may, and are not read."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in allowed:
                yield str(path.relative_to(folder)), self._in_file(path)

    def _in_file(self, path: Path) -> bool:
        rest = b""
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                # No line is cut in two; a file without lines is looked at with what came before.
                whole, newline, tail = (rest + block).rpartition(b"\n")
                if self.within(whole + newline or tail):
                    return True
                rest = tail[-BLOCK:]
        return self.within(rest)

    def _windowed(self, run: bytes) -> bool:
        return any(
            run[begin : begin + length] in self._secrets
            for length in self._lengths
            for begin in range(len(run) - length + 1)
        )
