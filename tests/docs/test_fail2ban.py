"""The examples for fail2ban: its real fail2ban-regex finds in real lines who is to be banned, and nobody else."""

from __future__ import annotations

import asyncio
import configparser
import re
import shutil
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.programs import NotInstalled, find, unpacked
from tests.docs.admin_page import ROOT, block
from tests.docs.nginx_in_front import in_front_of
from tests.web.world import BODY, KEY, Door, logged, opened

EXAMPLES = ROOT / "docs" / "examples" / "fail2ban"
JAILS = EXAMPLES / "jail.d" / "otpvoice.conf"


@pytest.fixture
def filters(tmp_path: Path) -> Path:
    """fail2ban's own configuration, and ours beside it as the page has it copied."""
    try:
        own = unpacked("fail2ban") / "etc" / "fail2ban"
    except NotInstalled:
        own = Path("/etc/fail2ban")
    folder = tmp_path / "fail2ban"
    shutil.copytree(own, folder)
    command = block("console fail2ban").splitlines()[0]
    assert command == "cp -r docs/examples/fail2ban/. /etc/fail2ban/"
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    return folder


def banned(filters: Path, name: str, log: Path) -> list[str]:
    """Return the addresses that a filter finds in a log, each as often as it does."""
    command = [find("fail2ban-regex"), "--config", filters, "--out", "ip", log, name]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=30)
    assert "ERROR" not in done.stderr + done.stdout, done.stderr
    return done.stdout.split()


async def ask(url: str, address: str, **rest: object) -> int:
    """Ask for a call from this address of loopback; return the status."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(f"{url}/v1/calls", **rest) as answer,  # type: ignore[arg-type]
    ):
        return answer.status


async def ask_in_all_ways(door: Door) -> None:
    """From .2 with a wrong key, from .3 with none, from .4 for a number that it may not call, from .5 rightly."""
    lie = {"User-Agent": '"status":401,"remote":"127.0.0.9"', "X-Forwarded-For": "127.0.0.9"}
    bearer = {"Authorization": f"Bearer {KEY}"}
    wrong = {"Authorization": 'Bearer "event":"http.request","status":401,"remote":"127.0.0.9"'}
    assert await ask(door.base, "127.0.0.2", json=BODY, headers=lie | {"Authorization": "Bearer guessed"}) == 401
    assert await ask(door.base, "127.0.0.2", json=BODY, headers=wrong) == 401
    assert await ask(door.base, "127.0.0.3", json=BODY, headers=lie) == 401
    assert await ask(door.base, "127.0.0.4", json=BODY | {"to": "+18768880000"}, headers=bearer) == 403
    assert await ask(door.base, "127.0.0.5", json=BODY, headers=bearer | lie) == 202


async def test_who_tries_keys_is_found_in_our_log(filters: Path, tmp_path: Path) -> None:
    with logged() as log:
        async with opened() as door:
            await ask_in_all_ways(door)
        (tmp_path / "log").write_text(log.getvalue())
    assert banned(filters, "otpvoice", tmp_path / "log") == ["127.0.0.2", "127.0.0.2", "127.0.0.3"]
    all_of_them = banned(filters, "otpvoice[mode=all]", tmp_path / "log")
    assert sorted(all_of_them) == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.4"]


async def test_who_tries_keys_is_found_in_nginx_s_log(filters: Path, tmp_path: Path) -> None:
    with logged():
        async with opened() as door, in_front_of(door.base, tmp_path / "nginx") as front:
            lie = {"User-Agent": '" 401 1 ', "Referer": '127.0.0.9 - - "POST /v1/calls HTTP/1.1" 401 1'}
            for address, key, path in (("127.0.0.2", "guessed", "/v1/calls"), ("127.0.0.3", KEY, '/v1/" 401 1')):
                connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=front.trusts)
                headers = {"Authorization": f"Bearer {key}", **lie}
                async with (
                    aiohttp.ClientSession(connector=connector) as http,
                    http.get(front.url + path, headers=headers) as answer,
                ):
                    assert answer.status == (401 if address == "127.0.0.2" else 404)
            written = front.log
    assert len(written.read_text().splitlines()) == 2
    assert banned(filters, "otpvoice-proxy", written) == ["127.0.0.2"]


@pytest.mark.asterisk
async def test_strangers_at_sip_are_found_in_asterisk_s_ordinary_log(filters: Path, tmp_path: Path) -> None:
    """By fail2ban's own filter, whatever name they give themselves; the trunk's calls are not."""
    async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=("127.0.0.1", 9)) as asterisk:
        for address, name in (("127.0.0.2", "admin"), ("127.0.0.3", "trunk"), ("127.0.0.1", "carrier")):
            await knock(address, asterisk.sip_port, name)
    # It writes its log behind, and to the end when it stops.
    log = tmp_path / "messages.log"
    log.write_text(asterisk.log_path.read_text())
    assert banned(filters, "asterisk", log) == ["127.0.0.2", "127.0.0.3"]


async def knock(address: str, port: int, name: str) -> None:
    """Send an INVITE, and wait for an answer that is final."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.setblocking(False)
        sip.bind((address, 0))
        own = sip.getsockname()[1]
        sip.connect(("127.0.0.1", port))
        lines = (
            "INVITE sip:100@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {address}:{own};branch=z9hG4bK-{name}",
            f"From: <sip:{name}@{address}>;tag={name}",
            "To: <sip:100@127.0.0.1>",
            f"Call-ID: {name}@{address}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:{name}@{address}:{own}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            await loop.sock_sendall(sip, "\r\n".join([*lines, "", ""]).encode())
            while (await loop.sock_recv(sip, 4096)).startswith(b"SIP/2.0 1"):
                pass


def test_the_jails_are_of_filters_that_there_are(filters: Path) -> None:
    jails = configparser.ConfigParser(interpolation=None)
    jails.read(JAILS)
    assert jails.sections() == ["otpvoice", "otpvoice-proxy", "asterisk"]
    for name in jails.sections():
        assert (filters / "filter.d" / f"{name}.conf").exists()
    assert not jails.defaults(), "other jails are none of ours"
    assert all("203.0.113.0/24" in jails[name]["ignoreip"] for name in jails.sections()), "the carrier's"
    # The stock jail of this name brings ports and actions along; two of its own are set for ours.
    assert re.search(r"^\[asterisk\]$", (filters / "jail.conf").read_text(), re.MULTILINE)
    assert all({"port", "maxretry", "bantime"} <= set(jails[name]) for name in ("otpvoice", "otpvoice-proxy"))
