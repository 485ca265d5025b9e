"""The systemd unit: what it runs starts, ends and complains as it says; systemd itself finds nothing wrong with it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otpvoice.cli.serve import AT_ONCE, EX_CONFIG
from otpvoice.service import LAST_WRITES
from otpvoice.settings import Settings
from tests.docs.admin_page import ROOT, TEXT, block

UNIT = (ROOT / "docs" / "examples" / "systemd" / "otpvoice.service").read_text()
PROGRAM = Path(sys.executable).with_name("otpvoice")
EXPOSURE = 2.0
"""systemd's own measure, from 0 (safe) to 10; see ``systemd-analyze security``."""


def lines(key: str) -> list[str]:
    """Return all values of a key, in order."""
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def one(key: str) -> str:
    (value,) = lines(key)
    return value


def seconds(key: str) -> float:
    return float(one(key))


# --- what it runs -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def started(tmp_path: Path, settings: str) -> AsyncIterator[Process]:
    """Run what the unit runs, in its environment and nothing else, with the credentials where systemd puts them."""
    etc, credentials = tmp_path / "etc", tmp_path / "credentials"
    script = block("console secrets").replace("/etc/otpvoice", str(etc))
    subprocess.run(["bash", "-euc", script], check=True, timeout=20)
    (etc / "otpvoice.toml").write_text(settings)
    credentials.mkdir()
    for loaded in lines("LoadCredential"):
        name, path = loaded.split(":")
        shutil.copy(path.replace("/etc/otpvoice", str(etc)), credentials / name)
    # The service sees copies only.
    shutil.rmtree(etc)
    environ = dict(
        given.replace("%d", str(credentials)).replace("%C", str(tmp_path / "cache")).split("=", 1)
        for given in lines("Environment")
    )
    program, *arguments = one("ExecStart").split()
    assert program == "/opt/otpvoice/bin/otpvoice"
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *arguments, env={"PATH": os.defpath, **environ}, cwd="/", stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process, event: str) -> dict[str, object]:
    """Wait for a line of its log."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while line := await process.stdout.readline():
            told: dict[str, object] = json.loads(line)
            if told["event"] == event:
                return told
    raise AssertionError(f"it ended without {event}")


async def test_it_starts_with_the_settings_of_the_page_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    """Without Asterisk and Redis, for which it waits."""
    settings = block("toml file=minimal.toml")
    assert settings.startswith('ari_url = "http://127.0.0.1:8088"\n')
    elsewhere = settings.replace(":8088", ":1").replace("admin_bind", 'http_bind = "127.0.0.1:0"\nadmin_bind')
    async with started(tmp_path, elsewhere.replace(":9090", ":0")) as process:
        await said(process, "service.listening")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_settings_that_are_wrong_are_not_tried_again(tmp_path: Path) -> None:
    async with started(tmp_path, block("toml file=minimal.toml").replace("+44 +353", "abroad")) as process:
        _, complaint = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == EX_CONFIG == int(one("RestartPreventExitStatus"))
    assert b"allow_destinations must be prefixes" in complaint


def test_what_the_file_names_for_root_is_what_the_service_gets_copies_of() -> None:
    """So that ``otpvoice doctor`` and the service have the same settings."""
    of_root = dict(re.findall(r'^(\w+)_file = "(.*)"$', block("toml file=minimal.toml"), re.MULTILINE))
    loaded = dict(loaded.split(":") for loaded in lines("LoadCredential"))
    given = dict(given.split("=", 1) for given in lines("Environment"))
    for key, path in of_root.items():
        assert loaded[given[f"OTPVOICE_{key.upper()}_FILE"].removeprefix("%d/")] == path
    assert len(of_root) == len(loaded) - 1


def test_a_further_secret_is_loaded_and_named_where_its_copy_is() -> None:
    ((name, path),) = re.findall(r"^#LoadCredential=(\w+):(\S+)$", UNIT, re.MULTILINE)
    assert f"\nLoadCredential={name}:{path}\n" in TEXT
    assert f'{name}_file = "/run/credentials/otpvoice.service/{name}"' in TEXT


def test_it_is_more_patient_than_the_drain() -> None:
    drain = Settings.model_fields["drain_timeout"].default
    assert drain == 60
    assert seconds("TimeoutStopSec") >= drain + LAST_WRITES + AT_ONCE + 10
    assert f"`TimeoutStopSec={one('TimeoutStopSec')}`" in TEXT


# --- what systemd says of it ------------------------------------------------------------------------------------------

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that there is."""
    path = tmp_path / "otpvoice.service"
    path.write_text(UNIT.replace("/opt/otpvoice/bin/otpvoice", str(PROGRAM)))
    return path


@analyze
def test_systemd_finds_nothing_wrong_with_it(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")


@analyze
def test_systemd_would_find_what_is_wrong(unit: Path) -> None:
    """So that the test before can fail."""
    unit.write_text(unit.read_text() + "ExecStrat=/bin/true\n[Serivce]\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=30
    )
    assert "Serivce" in done.stderr


@analyze
def test_systemd_calls_it_safe(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE * 10:g}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert (done.returncode, float(found[1])) <= (0, EXPOSURE)


@pytest.mark.parametrize(
    "line",
    [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "MemoryDenyWriteExecute=yes",
        "CacheDirectory=otpvoice",
        "CacheDirectoryMode=0700",
        "Restart=on-failure",
        "KillMode=mixed",
    ],
)
def test_it_has_what_keeps_it_in(line: str) -> None:
    """Also where there is no systemd to say so."""
    assert f"\n{line}\n" in UNIT
