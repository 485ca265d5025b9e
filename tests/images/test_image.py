"""The images themselves: who runs in them, what is not in them, and what they need to run."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.images.stack import Stack, docker, inspect

IMAGES = ("otpvoice", "otpvoice-asterisk")
TIGHT = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
LABEL = ("--label", f"com.docker.compose.project={os.environ.get('COMPOSE_PROJECT_NAME')}")


@pytest.mark.parametrize("image", IMAGES)
def test_it_is_nobodys_root_and_says_when_it_is_well(image: str) -> None:
    config = inspect(image)["Config"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", config["User"]), (
        "numbers, so that a cluster can see that it is no root"
    )
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["StopSignal"] == "SIGTERM"
    labels = {label.removeprefix("org.opencontainers.image."): text for label, text in config["Labels"].items()}
    assert labels["title"] == image
    assert "Apache-2.0" in labels["licenses"]


@pytest.mark.parametrize(
    ("image", "base", "most"), [("otpvoice", "IMAGE_PYTHON", 232), ("otpvoice-asterisk", "IMAGE_DEBIAN", 30)]
)
def test_it_is_about_as_large_as_the_manual_says(image: str, base: str, most: int) -> None:
    ours = (inspect(image)["Size"] - inspect(os.environ[base])["Size"]) / 1e6
    assert most * 0.7 < ours < most, "MB on top of its base: docker/README.md"


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_in_it_becomes_somebody_else(image: str) -> None:
    find = ("/", "-xdev", "-type", "f", "-perm", "/6000")
    assert docker("run", "--rm", *LABEL, "--user", "0", "--entrypoint", "find", image, *find) == ""


def test_the_licence_of_what_it_speaks_with_is_told() -> None:
    told = inspect("otpvoice")["Config"]["Labels"]["org.opencontainers.image.licenses"]
    assert {"GPL-3.0-or-later", "LGPL-2.1-or-later", "MIT-Festival"} <= set(told.split(" AND "))


def test_all_that_it_speaks_and_hears_with_is_inside() -> None:
    """And what the build has thrown away is missed by nobody."""
    script = "espeak-ng --version; python -c 'import numpy, soxr'; flite -t hello -o /tmp/a.wav; wc -c </tmp/a.wav"
    said = docker("run", "--rm", *LABEL, *TIGHT, "--tmpfs", "/tmp", "--entrypoint", "sh", "otpvoice", "-euc", script)
    assert "eSpeak NG" in said
    assert int(said.split()[-1]) > 5000


def test_speech_can_be_kept_where_the_manual_says() -> None:
    """In a volume that is made for it, by the user that runs."""
    volume = f"otpvoice-test-{uuid.uuid4().hex}"
    docker("volume", "create", *LABEL, volume)
    try:
        mount = ("--volume", f"{volume}:/var/cache/otpvoice")
        script = "mkdir -m 700 /var/cache/otpvoice/speech; stat -c '%a %u:%g' /var/cache/otpvoice"
        said = docker("run", "--rm", *LABEL, *TIGHT, *mount, "--entrypoint", "sh", "otpvoice", "-euc", script)
        assert said.split() == ["700", "10001:10001"]
    finally:
        docker("volume", "rm", volume)


@pytest.mark.parametrize("image", IMAGES)
def test_no_compiler_and_no_cache_is_inside(image: str) -> None:
    tools = "for one in gcc cc c++ g++ ld as make cmake git hatchling; do command -v $one; done"
    caches = "find /var/lib/apt/lists /var/cache/apt /root/.cache /tmp /src /wheel /tools -type f"
    mine = "find /opt -name '*.whl' -o -name pip -o -name hatchling"
    script = f"{tools}; {caches} 2>/dev/null; {mine}; true"
    assert docker("run", "--rm", *LABEL, "--user", "0", "--entrypoint", "sh", image, "-c", script) == ""


def test_the_pure_rooms_work_in_it(pure: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, said = pure
    code = process.wait(timeout=380)
    tail = said.read_text(errors="replace")[-6000:]
    assert code == 0, tail
    passed = re.search(r"(\d+) passed", tail)
    assert passed is not None, tail
    assert int(passed[1]) > 3000, tail


def test_it_runs_with_nothing_but_a_temporary_folder() -> None:
    """No root, no capability, no network: it starts, answers ``check``, and ends on SIGTERM with 0."""
    name = f"otpvoice-test-{uuid.uuid4().hex}"
    settings = {"OTPVOICE_DEV": "1", "OTPVOICE_ARI_PASSWORD": "x", "OTPVOICE_TRUNK": "PJSIP/{number}@trunk"}
    words = [word for pair in settings.items() for word in ("--env", "=".join(pair))]
    docker("run", "--detach", "--name", name, *LABEL, *TIGHT, "--tmpfs", "/tmp", *words, "otpvoice")
    try:
        deadline = time.monotonic() + 30
        while "service.listening" not in docker("logs", name) and time.monotonic() < deadline:
            time.sleep(0.2)
        docker("exec", name, "otpvoice", "check")
        assert "asterisk_unavailable" in docker("exec", name, "otpvoice", "check", "--ready", fails=True)
        docker("stop", name)
        assert inspect(name)["State"]["ExitCode"] == 0
    finally:
        docker("rm", "--force", name)


def test_settings_that_are_wrong_are_told_and_nothing_starts() -> None:
    said = docker("run", "--rm", *LABEL, *TIGHT, "--env", "OTPVOICE_LANGUAGE=?", "otpvoice", fails=True)
    assert "OTPVOICE_LANGUAGE" in said
    assert "OTPVOICE_ARI_PASSWORD is required" in said


def test_own_files_win_over_asterisks_defaults(tmp_path: Path) -> None:
    (tmp_path / "rtp.conf").write_text("[general]\nrtpstart = 23450\nrtpend = 23499\n")
    tmp_path.chmod(0o755)
    name = f"otpvoice-test-{uuid.uuid4().hex}"
    settings = {"ARI_PASSWORD": "only-for-this-test-0123456789", "TRUNK_HOST": "192.0.2.1"}
    words = [word for pair in settings.items() for word in ("--env", "=".join(pair))]
    writable = ("--tmpfs", "/run/asterisk:uid=5060,gid=5060,mode=0700", "--tmpfs", "/tmp")
    mount = f"{tmp_path}:/etc/asterisk:ro"
    docker("run", "--detach", "--name", name, *LABEL, *TIGHT, *writable, "--volume", mount, *words, "otpvoice-asterisk")
    try:
        deadline = time.monotonic() + 30
        while "Asterisk Ready" not in (said := docker("logs", name)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "from /etc/asterisk: rtp.conf" in said
        ports = docker("exec", name, "asterisk", "-C", "/run/asterisk/etc/asterisk.conf", "-rx", "rtp show settings")
        assert re.search(r"Port start: +23450", ports), ports
    finally:
        docker("rm", "--force", name)


def test_an_asterisk_that_is_told_nothing_says_what_it_needs() -> None:
    said = docker("run", "--rm", *LABEL, *TIGHT, "--tmpfs", "/run/asterisk:uid=5060", "otpvoice-asterisk", fails=True)
    assert "ARI_PASSWORD" in said


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", IMAGES)
def test_no_secret_is_in_an_image(stack: Stack, image: str, tmp_path: Path) -> None:
    """Neither those that were made, nor what lay beside the sources while the image was built (test.sh)."""
    secrets = {**stack.secrets, "what lay in docker/secrets and the like": os.environ["NEEDLE"]}
    told = json.dumps(inspect(image)) + docker("history", "--no-trunc", image)
    assert not [name for name, secret in secrets.items() if secret in told]
    archive = tmp_path / "image.tar"
    docker("save", "--output", archive, image)
    layers = list(contents(archive))
    assert len(layers) >= 3, "there are layers, and they can be read"
    sought = {name: secret.encode() for name, secret in secrets.items()}
    found = [(layer, name) for layer, content in layers for name, secret in sought.items() if secret in content]
    assert not found


def contents(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what an image consists of, unpacked: its layers (tar files) and what describes them."""
    with tarfile.open(archive) as image:
        for member in image:
            file = image.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, unpacked(file)


def unpacked(file: IO[bytes]) -> bytes:
    content = file.read()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
