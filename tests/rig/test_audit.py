"""``make audit``: the real pip-audit; behind the proxy that it is told of, a stand-in for the database that it asks."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.rig.audit import Audit, audit, read

KNOWN = {
    "id": "PYSEC-0000-1",
    "aliases": ["CVE-0000-0001"],
    "summary": "It lets anybody in.",
    "fixed_in": ["1.0.1"],
    "withdrawn": None,
    "published": "2026-01-01T00:00:00Z",
}
HASH = "0" * 64


class Database:
    """A proxy that is the only host there is: it knows vulnerabilities by ``name/version``; others are not found."""

    def __init__(self, folder: Path, known: Mapping[str, list[dict[str, Any]]]) -> None:
        self.known, self.asked = known, list[str]()
        self.authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.bundle))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = (await self.head(reader))[0].split()[1].rpartition(":")[0]
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await writer.drain()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(host).configure_cert(context)
        await writer.start_tls(context)
        package = (await self.head(reader))[0].split()[1].removeprefix("/pypi/").removesuffix("/json")
        self.asked.append(package)
        found = self.known.get(package)
        body = json.dumps({"vulnerabilities": found, "urls": [{"digests": {"sha256": HASH}}]}).encode()
        status = b"404 Not Found" if found is None else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        await writer.drain()
        writer.close()

    async def head(self, reader: asyncio.StreamReader) -> list[str]:
        return (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")


@asynccontextmanager
async def database(folder: Path, **known: list[dict[str, Any]]) -> AsyncIterator[tuple[Database, dict[str, str]]]:
    """Yield it, and the environment in which it is all that can be asked. Names are written ``name_1_0``."""
    spelled = {re.sub(r"_(\d+)_(\d+)$", r"/\1.\2", name): found for name, found in known.items()}
    stand_in = Database(folder, spelled)
    server = await asyncio.start_server(stand_in, "127.0.0.1", 0)
    async with server:
        proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield stand_in, environ(folder) | {"HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(stand_in.bundle)}


def environ(folder: Path) -> dict[str, str]:
    """Return an environment without proxies and with a cache of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"PIP_AUDIT_CACHE_DIR": "", "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}


def locked(folder: Path, *pins: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text("".join(f"{pin} --hash=sha256:{HASH}\n" for pin in pins))
    return path


async def audited(requirements: Path, environ: Mapping[str, str], folder: Path) -> int:
    return await asyncio.to_thread(audit, requirements, environ, "--cache-dir", str(folder / "audit-cache"))


async def test_what_is_known_is_listed_and_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with database(tmp_path, good_1_0=[], bad_1_0=[KNOWN]) as (asked, around):
        assert await audited(locked(tmp_path, "good==1.0", "bad==1.0"), around, tmp_path) == 1
    assert sorted(asked.asked) == ["bad/1.0", "good/1.0"]
    said = capsys.readouterr()
    assert "bad 1.0  PYSEC-0000-1  mended in: 1.0.1\n    It lets anybody in." in said.out
    assert "1 known vulnerabilities in 2 packages" in said.out
    assert said.err == ""


async def test_where_nothing_is_known_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with database(tmp_path, good_1_0=[]) as (_, around):
        assert await audited(locked(tmp_path, "good==1.0"), around, tmp_path) == 0
    said = capsys.readouterr()
    assert said.out == "0 known vulnerabilities in 1 packages\n"
    assert said.err == ""


async def test_a_mirror_that_knows_nothing_is_not_taken_for_good_news(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip-audit says "No known vulnerabilities found" to it."""
    async with database(tmp_path) as (_, around):
        assert await audited(locked(tmp_path, "some==1.0"), around, tmp_path) == 0
    said = capsys.readouterr()
    assert "NOT AUDITED: nobody here knows anything of 1 packages" in said.err
    assert said.out == "no package was audited\n"


async def test_without_a_network_it_says_so_and_lets_it_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    around = environ(tmp_path) | {"HTTPS_PROXY": "http://127.0.0.1:1"}
    assert await audited(locked(tmp_path, "some==1.0"), around, tmp_path) == 0
    said = capsys.readouterr()
    assert "NOT AUDITED: there is no way to the database" in said.err
    assert said.out == ""


async def test_anything_else_that_goes_wrong_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("some>=1.0\n")
    assert await audited(path, environ(tmp_path), tmp_path) == 1
    said = capsys.readouterr()
    assert "NOT AUDITED" not in said.err
    assert "some" in said.err


def test_what_was_found_beside_what_could_not_be_asked_for() -> None:
    document = {
        "dependencies": [
            {"name": "gone", "skip_reason": "not found"},
            {"name": "bad", "version": "2", "vulns": [{"id": "X-1", "fix_versions": [], "description": "d" * 900}]},
            {"name": "good", "version": "3", "vulns": []},
        ],
        "fixes": [],
    }
    found = read(document)
    assert found == Audit(2, ("gone",), (f"bad 2  X-1  mended in: no version yet\n    {'d' * 300}",))
