"""What failed is run once more, alone; by pytest itself, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.again import EXIT, FAILED, MOST, run_again

BESIDE_OTHERS = 'import os\n\nBESIDE = "PYTEST_XDIST_WORKER" in os.environ\n\n'
LATE = "def test_late():\n    assert not BESIDE\n\n"
BROKEN = "def test_broken():\n    assert False\n\n"
FINE = "def test_fine():\n    pass\n\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What the pytest that runs this test was told is no business of those that it starts; nor are all of its plugins.
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p xdist.plugin")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def beside_others(folder: Path, *tests: str) -> None:
    """Run tests as ``make test`` does."""
    (folder / "test_it.py").write_text(BESIDE_OTHERS + "".join(tests))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "--dist", "loadfile"]
    code = subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode
    (folder / EXIT).write_text(f"{code}\n")


def test_what_passes_alone_is_forgiven_and_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    beside_others(folder, LATE, FINE)
    assert run_again(folder) == 0
    said = capfd.readouterr().out
    assert "1 passed" in said, "and nothing else was run"
    assert "passed alone: a machine that was late, or a race: look at them\ntest_it.py::test_late\n" in said


def test_what_fails_twice_is_not(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    beside_others(folder, LATE, BROKEN, FINE)
    assert run_again(folder) == 1
    said = capfd.readouterr().out
    assert "tests failed again\ntest_it.py::test_broken\n" in said
    assert "look at them\ntest_it.py::test_late\n" in said


def test_nor_is_what_can_not_be_found_any_more(folder: Path) -> None:
    beside_others(folder, LATE, FINE)
    (folder / "test_it.py").write_text(FINE)
    assert run_again(folder) == 1


@pytest.mark.parametrize("code", [pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR])
def test_nor_is_a_run_that_was_broken_off(folder: Path, code: pytest.ExitCode) -> None:
    """What it did not come to may be broken."""
    beside_others(folder, LATE)
    (folder / EXIT).write_text(f"{code.value}\n")
    assert run_again(folder) == 1


def test_where_nothing_failed_nothing_is_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    beside_others(folder, FINE)
    assert run_again(folder) == 1
    assert "passed" not in capfd.readouterr().out


@pytest.mark.parametrize(("many", "code"), [(MOST, 0), (MOST + 1, 1)])
def test_a_late_machine_does_not_fail_a_lot(folder: Path, many: int, code: int) -> None:
    late = [LATE.replace("late", f"late_{number}") for number in range(many)]
    beside_others(folder, *late)
    assert len(json.loads((folder / FAILED).read_text())) == many
    assert run_again(folder) == code


def test_a_file_that_can_not_be_read_is_not_forgiven(folder: Path) -> None:
    beside_others(folder, "import nothing_of_this_name\n")
    assert run_again(folder) != 0
