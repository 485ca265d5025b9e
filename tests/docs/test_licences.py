"""The page of licences: what is listed is what is locked, and says what the installed packages say."""

from __future__ import annotations

import re
from email.message import Message

import pytest

from tests.docs.licence_table import (
    BEGIN,
    BEGIN_EXTRA,
    END,
    END_EXTRA,
    KNOWN,
    LOCK,
    PAGE,
    Package,
    licence,
    of_the_extra,
    packages,
    with_table,
)

TEXT = PAGE.read_text()
TABLE = TEXT.split(BEGIN)[1].split(END)[0]


def told(*lines: str) -> Message:
    """Return metadata as a package has them."""
    message = Message()
    for line in lines:
        name, _, value = line.partition(": ")
        message[name] = value
    return message


def test_the_table_is_the_one_of_what_is_installed() -> None:
    assert with_table(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = re.sub(r"^\| aiohttp \|.*$", "| aiohttp | 1 | WTFPL | nobody |", TEXT, flags=re.MULTILINE)
    assert stale != TEXT
    assert with_table(stale) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    for marker in (BEGIN, END, BEGIN_EXTRA, END_EXTRA):
        with pytest.raises(ValueError, match="unpack"):
            with_table(TEXT.replace(marker, ""))


def test_exactly_what_is_locked_for_this_system_is_listed() -> None:
    locked = re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE)
    listed = re.findall(r"^\| ([a-z0-9-]+)(?: \(where .*?\))? \| [0-9]", TABLE, re.MULTILINE)
    assert [name for name in locked if name != "colorama"] == listed


def test_what_the_extra_needs_is_listed_by_itself() -> None:
    listed = re.findall(r"^\| ([a-z0-9-]+) \| [0-9]", TEXT.split(BEGIN_EXTRA)[1].split(END_EXTRA)[0], re.MULTILINE)
    assert {"gtts", "requests", "certifi"} <= set(listed)
    assert not {"pytest", "pystoi", "idna"} & set(listed), "those are for others, or in the first table"


def test_nothing_listed_is_copyleft_for_the_program_that_uses_it() -> None:
    """The page says so; MPL-2.0 is about its own files, and the one that is under the LGPL is a library of its own."""
    tables = TABLE + TEXT.split(BEGIN_EXTRA)[1].split(END_EXTRA)[0]
    copyleft = re.findall(r"^\| (\S+) .*(?:\bA?GPL|\bLGPL|EUPL|SSPL|CC-BY)", tables, re.MULTILINE)
    assert copyleft == ["soxr"]
    assert "soxr is under the LGPL" in " ".join(TEXT.split())


def test_each_python_writes_the_same_page() -> None:
    """What is there for some of them is known by name."""
    of_some = {package.name for package in packages(LOCK.read_text()) if re.search("python_.*version", package.marker)}
    assert of_some <= KNOWN.keys()
    assert all(licence(name, None) for name in of_some)


# --- reading the lock, and metadata -----------------------------------------------------------------------------------


def test_the_lock_is_read_as_uv_writes_it() -> None:
    lock = """\
one==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
    # via otpvoice (pyproject.toml)
two-words==2.0.post1 ; python_full_version < '3.11.3' \\
    --hash=sha256:02
    # via
    #   one
    #   redis[hiredis]
winner==3 ; sys_platform == 'win32' \\
    --hash=sha256:03
    # via one
"""
    assert packages(lock) == [
        Package("one", "1.0", "", ["otpvoice"]),
        Package("two-words", "2.0.post1", "python_full_version < '3.11.3'", ["one", "redis"]),
    ]


def test_what_an_extra_needs_is_what_the_program_does_not() -> None:
    runtime = "idna==3\n    # via yarl\n"
    everything = """\
click==8
    # via gtts
gtts==2
    # via otpvoice (pyproject.toml)
idna==3
    # via
    #   requests
    #   yarl
pytest==9
    # via otpvoice (pyproject.toml)
requests==2
    # via
    #   gtts
    #   schemathesis
"""
    assert of_the_extra(runtime, everything) == [
        Package("click", "8", "", ["gtts"]),
        Package("gtts", "2", "", ["otpvoice"]),
        Package("requests", "2", "", ["gtts"]),
    ]


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (["License-Expression: MIT", "Classifier: License :: OSI Approved :: Apache Software License"], "MIT"),
        (["License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)"], "MPL-2.0 AND (Apache-2.0 OR MIT)"),
        (["License: whatever", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (["Classifier: License :: OSI Approved", "License: ISC License"], "ISC"),
        (["License: Apache 2.0"], "Apache-2.0"),
    ],
)
def test_a_licence_is_an_expression(metadata: list[str], said: str) -> None:
    assert licence("some", told(*metadata)) == said


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        ["License: the whole text of it, on many lines"],
        ["Classifier: License :: OSI Approved :: Some New License"],
        [
            "Classifier: License :: OSI Approved :: MIT License",
            "Classifier: License :: OSI Approved :: Apache Software License",
        ],
    ],
)
def test_what_does_not_decide_is_refused(metadata: list[str]) -> None:
    with pytest.raises(ValueError, match="some"):
        licence("some", told(*metadata))


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="not installed"):
        licence("some", None)
