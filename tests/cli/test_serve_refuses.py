"""``otpvoice serve`` with settings that are wrong: it says all that is wrong with them and ends; nothing has begun."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from unittest.mock import AsyncMock

import pytest

from otpvoice.cli.serve import EX_CONFIG, serve
from otpvoice.service import Service
from tests.scenarios.stories import side_by_side

SECRET: Final = "not-a-secret-that-anybody-may-read"
GOOD: Final = {
    "OTPVOICE_ARI_URL": "http://127.0.0.1:1",
    "OTPVOICE_ARI_USER": "otpvoice",
    "OTPVOICE_ARI_PASSWORD": SECRET,
    "OTPVOICE_REDIS_URL": "redis://127.0.0.1:1/0",
    "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
    "OTPVOICE_CALLER_IDS": "+15550199",
    "OTPVOICE_ALLOW_DESTINATIONS": "+1555",
    "OTPVOICE_API_KEYS": f"{SECRET}-key",
    "OTPVOICE_HTTP_BIND": "127.0.0.1:0",
}
WRONG: Final = {
    "OTPVOICE_ARI_URL": "asterisk",
    "OTPVOICE_REDIS_URL": f"http://user:{SECRET}@redis",
    "OTPVOICE_ALLOW_DESTINATIONS": "abroad",
    "OTPVOICE_HTTP_BIND": "everywhere",
    "OTPVOICE_SECRET_KEY": SECRET,
    "OTPVOICE_WEBHOOK_SECRETS": SECRET,
    "OTPVOICE_MEDIA_LEGS": "9:1",
    "OTPVOICE_DRAIN_TIMEOUT": "soon",
    "OTPVOICE_LANGAUGE": "en-US",
}


async def refused(settings: Mapping[str, str], *said: str) -> None:
    """It ends by itself, says all of this, and nothing that is secret."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otpvoice", "serve", env={"PATH": os.defpath, **settings}, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(20):
            log, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = (log + complaint).decode()
    assert process.returncode == EX_CONFIG, told
    assert [text for text in said if text not in told] == [], told
    assert "service.listening" not in told
    assert "ari.connect" not in told
    assert SECRET not in told
    assert "Traceback" not in told


def of_file(path: Path, text: str) -> dict[str, str]:
    path.write_text(text)
    path.chmod(0o600)
    return {"OTPVOICE_CONFIG": str(path)}


def test_each_of_these_is_refused_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[tuple[Mapping[str, str], tuple[str, ...]]] = [
        ({}, ("5 settings are wrong", "OTPVOICE_TRUNK", "OTPVOICE_API_KEYS", "OTPVOICE_REDIS_URL")),
        (GOOD | WRONG, (f"{len(WRONG)} settings are wrong", *WRONG)),
        (of_file(tmp_path / "half.toml", 'ari_url = "http://127.0.0.1:1"\nari_url = '), ("half.toml",)),
        (GOOD | {"OTPVOICE_CONFIG": str(tmp_path / "nowhere.toml")}, ("OTPVOICE_CONFIG names a file",)),
        (GOOD | {"OTPVOICE_VOICE": "nobody"}, ("1 setting is wrong", "OTPVOICE_VOICE must be")),
    ]
    monkeypatch.setattr(Service, "start", AsyncMock(side_effect=AssertionError("it has begun")))
    for settings, said in rows:
        monkeypatch.setattr(os, "environ", dict(settings))
        assert serve() == EX_CONFIG
        told = "".join(capsys.readouterr())
        assert [text for text in said if text not in told] == [], told
        assert SECRET not in told


async def test_a_process_with_settings_that_are_wrong_ends_by_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"127.0.0.1:{taken.getsockname()[1]}"
        await side_by_side(
            refused(GOOD | WRONG, f"{len(WRONG)} settings are wrong", *WRONG),
            refused(GOOD | {"OTPVOICE_HTTP_BIND": port}, "service.not_started", "address already in use"),
        )
