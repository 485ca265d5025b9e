"""Junk: whatever is sent to its HTTP port, the calls that there are go on."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import Site, delivers, gather, open_site, say_code, verdict

pytestmark = pytest.mark.asterisk

BODIES: Final[list[bytes]] = [
    b"",
    b"\x00" * 1000,
    b"\xff\xfe\xfd",
    b"null",
    b"[]",
    b"42",
    b"NaN",
    b'{"to": ',
    b"{" * 50_000,
    b"[" * 200_000,
    b'{"a":' * 20_000,
    b'{"to": "+15550000001", "to": "+15550000002", "code": "1234"}',
    b'{"to": "+15550000001", "code": 1e999}',
    b'{"to": "\\ud800", "code": "1234"}',
    b'{"to": "+15550000001\\r\\nX: y", "code": "1234"}',
    b'{"to": "+1555&Local/1@default", "code": "1234"}',
    b"9" * 100_000,
    b'"' + b"a" * 5_000_000 + b'"',
    json.dumps({"to": "+15550000001", "actions": [{"type": "pause", "seconds": 60}] * 5000}).encode(),
    json.dumps({"to": "+15550000001", "code": "1234", "metadata": {str(n): n for n in range(5000)}}).encode(),
]
BOMB: Final = gzip.compress(b" " * 20_000_000, 1)
RAW: Final[list[bytes]] = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS ClientHello
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"A" * 100_000,
    b"\r\n" * 10_000,
    b"GET /" + b"a" * 50_000 + b" HTTP/1.1\r\n\r\n",
    b"OPTIONS sip:x SIP/2.0\r\n\r\n",
]


async def test_junk_does_not_disturb_calls(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(tmp_path, asterisk) as site:
        hearing, keying = site.answers(), site.answers()
        speaking = await site.place(hearing, say_code("482913", times=2))
        collecting = await site.place(keying, gather(4), say_code("705"))
        await site.told("code.character_played", speaking)
        await site.told("call.answered", collecting)
        await asyncio.gather(junk_over_http(site), keying.press("4829"))
        ends = [await site.summary(call) for call in (speaking, collecting)]
        assert [verdict(end) for end in ends] == [("completed", None, "plan")] * 2
        assert [end["delivered"] for end in ends] == [True, True]
        assert ends[0]["played"]["readings"] == 2
        assert ends[1]["collected"][0]["count"] == 4
        assert [end["errors"] for end in ends] == [[], []]
        await delivers(site)
        assert (len(await site.all_summaries()), site.invites) == (3, 3)
        assert site.logged("service.broken") == site.logged("session.broken") == []


async def junk_over_http(site: Site) -> None:
    """All of it at once, twice: with the key and without, whole and cut off."""
    answers: list[int] = []

    async def post(http: aiohttp.ClientSession, body: bytes, **headers: str) -> None:
        try:
            async with http.post(f"{site.service.url}/v1/calls", data=io.BytesIO(body), headers=headers) as answer:
                answers.append(answer.status)
                assert answer.content_type == "application/problem+json"
        except aiohttp.ClientConnectionError:
            answers.append(0)  # it was told before it had sent all

    async def raw(data: bytes, *, hang_up: bool) -> None:
        address = urlsplit(site.service.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(data)
        if not hang_up:
            async with asyncio.timeout(20):
                await reader.read(100)
        writer.close()

    login = site.service.headers
    async with aiohttp.ClientSession() as http:
        work: list[Any] = [post(http, body, **login) for body in BODIES]
        work += [post(http, body) for body in BODIES]
        work += [post(http, BOMB, **login, **{"Content-Encoding": "gzip"})]
        work += [raw(data, hang_up=True) for data in RAW]
        work += [raw(data, hang_up=False) for data in RAW[:4]]
        for end in await asyncio.gather(*work, return_exceptions=True):
            assert end is None or isinstance(end, ConnectionError), end
    assert answers
    assert all(status == 0 or 400 <= status < 500 for status in answers), answers
