"""Tests of the images: they need a container engine, so ``make image-test`` collects them, and nobody else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.stack import ROOT, Stack

# Not a skip: a run without an engine has nothing to say of them.
collect_ignore_glob = [] if os.environ.get("OTPVOICE_IMAGES") else ["test_*.py"]

TIMEOUT = 400.0
"""Seconds for one test: some build an image first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests more time than others have."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The pure rooms' tests in their image, started: the process, and the file that it prints to."""
    said = tmp_path_factory.mktemp("pure") / "said"
    with said.open("wb") as sink:
        process = subprocess.Popen(
            [ROOT / "tests" / "images" / "pure.sh"], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
    yield process, said
    # Its container ends with whatever else bears the project's name.
    process.kill()
    process.wait()


@pytest.fixture(scope="session", autouse=True)
def _early(pure: object) -> None:
    """It takes a minute, in which calls mostly wait: it runs beside all other tests."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo's stack, started as the manual says; its call may still be going on."""
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        try:
            stack.compose("up", "--detach", "--no-build")
            yield stack
        finally:
            stack.compose("down", "--volumes", "--timeout", "5")
