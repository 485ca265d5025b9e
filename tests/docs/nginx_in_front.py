"""A real nginx that serves the configuration of the administrator's page, on a port of loopback, in front of a door."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import find
from tests.docs.admin_page import block

HOST: Final = "otp.example"
_MAIN: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/otpvoice.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Front:
    """``url``: its base; ``trusts``: who knows its certificate; ``log``: its access log."""

    url: str
    trusts: ssl.SSLContext
    log: Path


def configured(folder: Path, port: int, behind: str) -> Path:
    """Write the page's configuration for this port and this door; return the main file."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST, "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    text = block("nginx file=otpvoice.conf")
    for written, here in (
        ("    listen 443 ssl;\n", f"    listen 127.0.0.1:{port} ssl;\n"),
        # Not every machine has IPv6.
        ("    listen [::]:443 ssl;\n", ""),
        ("/etc/ssl/otp.example.pem", str(folder / "certificate.pem")),
        ("/etc/ssl/private/otp.example.key", str(folder / "key.pem")),
        ("http://127.0.0.1:8080", behind),
    ):
        assert written in text
        text = text.replace(written, here)
    (folder / "otpvoice.conf").write_text(text)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    return folder / "nginx.conf"


def complaint(main: Path) -> str:
    """Return what ``nginx -t`` has against it; empty: nothing."""
    done = subprocess.run(
        [find("nginx"), "-t", "-q", "-c", str(main), "-p", str(main.parent), "-e", "stderr"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return done.stderr if done.returncode or done.stderr else ""


@asynccontextmanager
async def in_front_of(door: str, folder: Path) -> AsyncIterator[Front]:
    """Run it; leaving ends it."""
    folder.mkdir()
    ports = PortBlock.claim(10)
    main = configured(folder, ports.tcp, door)
    process = await asyncio.create_subprocess_exec(
        str(find("nginx")), "-c", str(main), "-p", str(folder), "-e", str(folder / "error.log")
    )
    try:
        async with asyncio.timeout(20):
            while not await _listens(ports.tcp):
                assert process.returncode is None, (folder / "error.log").read_text()
        trusts = ssl.create_default_context(cafile=str(folder / "authority.pem"))
        yield Front(f"https://127.0.0.1:{ports.tcp}", trusts, folder / "access.log")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        ports.release()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.02)
        return False
    writer.close()
    return True
