"""What the administrator's page puts in front: the firewall and the proxy, as the real programs read them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from otpvoice.testkit.configuration import defaults
from otpvoice.testkit.programs import find
from tests.docs.admin_page import ROOT, block
from tests.docs.nginx_in_front import Front, complaint, configured, in_front_of
from tests.web.world import BODY, KEY, Door, logged, opened

RULES = block("nft file=nftables.conf")

# --- the firewall -----------------------------------------------------------------------------------------------------


def read_by_nft(rules: str, path: Path) -> str:
    """Return what nft has against these rules; empty: nothing. It only checks, in a network of its own."""
    path.write_text(rules)
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False, timeout=20).returncode:
        pytest.skip("no network namespace can be had here, which nft checks rules in")
    command = [*alone, str(find("nft")), "--check", "--file", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stderr


def test_nft_takes_the_rules(tmp_path: Path) -> None:
    assert read_by_nft(RULES, tmp_path / "nftables.conf") == ""


def test_nft_would_not_take_others(tmp_path: Path) -> None:
    """So that the test before can fail."""
    assert "carrer" in read_by_nft(RULES.replace("saddr @carrier ", "saddr @carrer "), tmp_path / "nftables.conf")


def test_the_rules_let_in_what_the_defaults_need_and_nothing_that_is_loopback_s() -> None:
    of_asterisk = defaults(ROOT / "asterisk")
    rules = re.sub(r"#.*", "", RULES)
    assert f"udp dport {of_asterisk['RTP_START']}-{of_asterisk['RTP_END']} accept" in rules
    assert f"th dport {{ {of_asterisk['SIP_PORT']}, 5061 }} accept" in rules
    assert "policy drop" in rules
    for inside in ("8080", of_asterisk["ARI_PORT"], "6379"):
        assert inside not in rules


# --- the proxy --------------------------------------------------------------------------------------------------------


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    assert complaint(configured(tmp_path, 0x7FFF, "http://127.0.0.1:1")) == ""


def test_nginx_would_not_take_another_one(tmp_path: Path) -> None:
    """So that the test before can fail."""
    main = configured(tmp_path, 0x7FFF, "http://127.0.0.1:1")
    (tmp_path / "otpvoice.conf").write_text(block("nginx file=otpvoice.conf").replace("proxy_pass", "proxy_past"))
    assert "proxy_past" in complaint(main)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    with logged():
        async with opened() as door:
            yield door


@pytest.fixture
async def front(door: Door, tmp_path: Path) -> AsyncIterator[Front]:
    async with in_front_of(door.base, tmp_path / "nginx") as front:
        yield front


async def test_applications_get_through_and_nobody_else(front: Front, door: Door) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=front.trusts)) as http:

        async def status(method: str, path: str, **rest: object) -> int:
            async with http.request(method, front.url + path, **rest) as answer:  # type: ignore[arg-type]
                await answer.read()
                return answer.status

        bearer = {"Authorization": f"Bearer {KEY}"}
        assert await status("POST", "/v1/calls", json=BODY, headers=bearer) == 202
        assert len(door.calls.placed) == 1
        assert await status("GET", "/v1/calls", headers=bearer) == 200
        assert await status("GET", "/v1/calls") == 401
        for page in ("/docs", "/docs/errors", "/docs/errors/draining", "/openapi.json"):
            assert await status("GET", page) == 200, page
        for inside in ("/healthz", "/readyz", "/metrics", "/", "/docsx", "/v1"):
            assert await status("GET", inside) in {301, 404}, inside
        # The whole of what otpvoice reads, and not more.
        assert await status("POST", "/v1/calls", data=b" " * 65_000, headers=bearer) == 400
        assert await status("POST", "/v1/calls", data=b" " * 66_000, headers=bearer) == 413


async def test_events_come_through_as_they_happen(front: Front) -> None:
    bearer = {"Authorization": f"Bearer {KEY}"}
    patience = aiohttp.ClientTimeout(sock_read=10)  # less than the time until a sign of life
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=front.trusts), headers=bearer) as http,
        http.get(f"{front.url}/v1/events", headers={"Accept": "text/event-stream"}, timeout=patience) as stream,
    ):
        assert stream.content_type == "text/event-stream"
        async with http.post(f"{front.url}/v1/calls", json=BODY) as answer:
            assert answer.status == 202
        while not (line := await stream.content.readline()).startswith(b"event: "):
            assert line, "the stream ended"
        assert line == b"event: call.queued\n"


async def test_neither_key_nor_code_is_in_the_log_of_nginx(front: Front) -> None:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=front.trusts)) as http,
        http.post(f"{front.url}/v1/calls", json=BODY, headers={"Authorization": f"Bearer {KEY}"}) as answer,
    ):
        assert answer.status == 202
    written = front.log.read_text()
    assert '"POST /v1/calls HTTP/1.1" 202' in written
    assert KEY not in written
    assert BODY["code"] not in written
