"""Which program the rig takes: the machine's own where it will do, else the unpacked one, else a word of advice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from otpvoice.testkit.programs import NotInstalled, find, unpacked

SETUP = Path(__file__).parents[1] / "rig" / "setup.sh"


def stub(folder: Path, name: str, says: str = "") -> Path:
    """A program that says one thing."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; the rig is beside it, and empty."""
    monkeypatch.setenv("PATH", str(tmp_path / "machine"))
    monkeypatch.setenv("OTPVOICE_RIG", str(tmp_path / "rig"))
    monkeypatch.delenv("OTPVOICE_RIG_PRIVATE", raising=False)
    monkeypatch.delenv("OTPVOICE_ASTERISK", raising=False)
    return tmp_path / "machine"


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("Asterisk 22.10.1", True),
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("Asterisk 22.11.0-rc1", True),
        ("Asterisk 22.10.0", False),
        ("Asterisk 22.9.2", False),
        ("Asterisk 20.18.0", False),
        ("Asterisk certified/20.7-cert3", False),
        ("", False),
    ],
)
def test_an_installed_asterisk_must_be_new_enough(machine: Path, tmp_path: Path, version: str, good: bool) -> None:
    installed = stub(machine, "asterisk", version)
    ours = stub(tmp_path / "rig" / "bin", "asterisk")
    assert find("asterisk") == (installed if good else ours)


def test_an_asterisk_that_is_named_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(machine, "asterisk", "Asterisk 22.10.1")
    monkeypatch.setenv("OTPVOICE_ASTERISK", "/opt/asterisk/sbin/asterisk")
    assert find("asterisk") == Path("/opt/asterisk/sbin/asterisk")


def test_other_programs_are_taken_as_they_are(machine: Path, tmp_path: Path) -> None:
    ours = stub(tmp_path / "rig" / "bin", "redis-server")
    assert find("redis-server") == ours
    installed = stub(machine, "redis-server")
    assert find("redis-server") == installed


@pytest.mark.usefixtures("machine")
def test_what_is_missing_comes_with_advice() -> None:
    with pytest.raises(NotInstalled, match="make rig"):
        find("sipp")
    with pytest.raises(NotInstalled, match="make rig"):
        unpacked("sipp")


PROGRAMS = (
    "asterisk",
    "redis-server",
    "espeak-ng",
    "flite",
    "sipp",
    "baresip",
    "promtool",
    "fail2ban-regex",
    "nft",
    "nginx",
)


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As much of Asterisk's prompts as the set-up looks at."""
    folder = tmp_path / "sounds"
    for language in ("en", "es", "fr", "it", "ru"):
        for name in ("digits/1.wav", "letters/a.wav"):
            (folder / language / name).parent.mkdir(parents=True)
            (folder / language / name).touch()
    monkeypatch.setenv("OTPVOICE_ASTERISK_SOUNDS", str(folder))
    return folder


@pytest.fixture
def toolbox(machine: Path, sounds: Path) -> Path:
    """What the set-up itself needs, and no package tools."""
    machine.mkdir()
    tools = "bash cat cut dirname env flock id ln mkdir mktemp printf readlink rm sed sha256sum sort"
    for tool in tools.split():
        (machine / tool).symlink_to(shutil.which(tool, path=os.defpath + ":/usr/bin") or tool)
    return machine


def run_setup(wanted: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SETUP, wanted], capture_output=True, text=True, check=False, timeout=30)


def test_set_up_does_nothing_where_all_is_installed(toolbox: Path, sounds: Path, tmp_path: Path) -> None:
    for name in PROGRAMS:
        stub(toolbox, name, "Asterisk 22.10.1")
    done = run_setup("test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "rig" / "share" / "asterisk-sounds").resolve() == sounds
    assert not (tmp_path / "rig" / "roots").exists()
    assert not (tmp_path / "rig" / ".work").exists()


@pytest.mark.parametrize("missing", ["redis-server", "baresip"])
def test_set_up_says_what_it_cannot_get(toolbox: Path, missing: str) -> None:
    for name in PROGRAMS:
        if name != missing:
            stub(toolbox, name, "Asterisk 22.10.1")
    done = run_setup("test")
    assert done.returncode == 1
    assert f"{missing} is not installed, and this is no Debian" in done.stderr


def test_prompts_in_other_formats_are_none(toolbox: Path, sounds: Path) -> None:
    for name in PROGRAMS:
        stub(toolbox, name, "Asterisk 22.10.1")
    (sounds / "ru" / "digits" / "1.wav").rename(sounds / "ru" / "digits" / "1.gsm")
    done = run_setup("test")
    assert done.returncode == 1
    assert "asterisk-sounds is not installed, and this is no Debian" in done.stderr


def test_set_up_refuses_an_asterisk_that_is_too_old(toolbox: Path) -> None:
    for name in PROGRAMS:
        stub(toolbox, name, "Asterisk 20.1.0")
    done = run_setup("demo")
    assert done.returncode == 1
    assert "Asterisk from 22.10.1 on" in done.stderr


def test_the_demo_needs_no_tools_of_the_tests(toolbox: Path) -> None:
    for name in ("asterisk", "redis-server", "espeak-ng"):
        stub(toolbox, name, "Asterisk 22.10.1")
    assert run_setup("demo").returncode == 0
