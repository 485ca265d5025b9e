"""``python -m tests.rig.again``: runs what failed last time once more, one test after the other, and says what passed.

What fails beside others and passes alone tells of a machine that was late, or of a race in it or in us: that is said
aloud, and is for somebody to look at. It forgives nothing else: not what fails twice, nothing where a lot failed, and
nothing of a run that was broken off.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

MOST: Final = 5
"""Tests that may fail together because a machine was late; more of them are a fault."""
FAILED: Final = Path(".pytest_cache") / "v" / "cache" / "lastfailed"
"""What pytest has not seen pass since it failed (``--last-failed``), below the folder that it ran in."""
EXIT: Final = Path(".pytest_cache") / "exit"
"""Where ``make test`` writes pytest's exit code when it is not 0."""
ALONE: Final = ("-n", "0")


def failed(folder: Path) -> list[str]:
    """Return the tests that failed when they were last run there."""
    try:
        return sorted(json.loads((folder / FAILED).read_text()))
    except FileNotFoundError:
        return []


def run_again(folder: Path) -> int:
    """Run them; return an exit code: 0 where all of them passed."""
    if not (folder / EXIT).exists() or int((folder / EXIT).read_text()) != pytest.ExitCode.TESTS_FAILED:
        print("The last run was whole, or broken off: there is nothing to run again.")
        return 1
    before = failed(folder)
    if not 0 < len(before) <= MOST:
        print(f"{len(before)} tests failed last time: only 1 to {MOST} are run again.")
        return 1
    # By name: of one that is not there any more --last-failed knows nothing, and runs all there are.
    code = subprocess.run([sys.executable, "-m", "pytest", *ALONE, *before], cwd=folder, check=False).returncode
    after = failed(folder)
    tell("failed again", after)
    tell(
        "failed beside others and passed alone: a machine that was late, or a race: look at them",
        [test for test in before if test not in after],
    )
    return int(bool(code or after))


def tell(what: str, tests: list[str]) -> None:
    """Say it so that nobody overlooks it."""
    if tests:
        ruler = "!" * 100
        print(f"\n{ruler}\n{len(tests)} of the tests {what}", *tests, ruler, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(run_again(Path.cwd()))
