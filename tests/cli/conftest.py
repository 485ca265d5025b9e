"""What the commands find around them."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from otpvoice.cli import patience
from tests.web.world import KEY


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing set but a key, and nothing on standard input."""
    for name in ("URL", "KEY", "KEY_FILE", "API_KEYS", "API_KEYS_FILE", "CONFIG", "HTTP_BIND", "ADMIN_BIND"):
        monkeypatch.delenv(f"OTPVOICE_{name}", raising=False)
    monkeypatch.delenv("OTPVOICE_CODE", raising=False)
    monkeypatch.setenv("OTPVOICE_KEY", KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(patience, "AGAIN_AFTER", 0.01)
    return monkeypatch  # type: ignore[return-value]
