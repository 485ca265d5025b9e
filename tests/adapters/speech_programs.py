"""Stand-ins for speech programs, and what any of them may leave behind: nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

NAP: Final = "NAP"
"""Stands in a script for seconds that nobody else sleeps: tests that run beside ours have their own."""
KILLED_WITHIN: Final = 2.0
"""Seconds."""

PIPER: Final = """
import argparse, struct, sys
parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--model", required=True)
parser.add_argument("--output_raw", action="store_true", required=True)
parser.add_argument("--length_scale", type=float, default=1.0)
parser.add_argument("--sentence_silence", type=float, default=0.0)
parser.add_argument("--speaker", type=int, default=0)
asked = parser.parse_args()
open(asked.model, "rb").close()
for line in sys.stdin:
    for _ in line.strip():
        samples = [4000 + 100 * asked.speaker, -4000] * int(800 * asked.length_scale)
        sys.stdout.buffer.write(struct.pack(f"<{len(samples)}h", *samples))
"""
"""Piper as it behaves: a line is an utterance, and bare samples come out; here a tenth of a second for each character.

It takes those options alone that all pipers know, as all of them spell them.
"""


def script(path: Path, source: str) -> Path:
    """Write a program: Python if it has an ``import``, else shell."""
    shebang = f"{sys.executable} -IS" if "import " in source else "/bin/sh"
    path.write_text(f"#!{shebang}\n{source.replace(NAP, _nap())}\n", "utf-8")
    path.chmod(0o755)
    return path


def voice_file(folder: Path, name: str, tag: str, rate: int = 16000, **more: Any) -> None:
    """Write a voice file of piper's, as far as anybody but piper looks at it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(b"model")
    described = {"audio": {"sample_rate": rate}, "language": {"code": tag}, "num_speakers": 1, **more}
    (folder / f"{name}.onnx.json").write_text(json.dumps(described), "utf-8")


@contextmanager
def nothing_left(marks: Sequence[str]) -> Iterator[None]:
    """Whatever is done in it, no process that it started is there at its end, not even as a zombie.

    Also none that is no longer ours, but has a mark, or a nap, on its command line.
    """
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    orphans = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(word == _nap() or any(mark in word for mark in marks) for word in process.info["cmdline"] or [])
    ]
    # A grandchild that was killed is the kernel's to bury, and that may take a moment.
    _, alive = psutil.wait_procs(orphans, timeout=KILLED_WITHIN)
    assert (left, alive) == ([], [])


def _nap() -> str:
    return f"999.{os.getpid()}"
