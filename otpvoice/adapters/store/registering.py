"""Registered endpoints as they are written down, and how many there may be. It knows no store."""

from __future__ import annotations

from typing import Final

import orjson

from otpvoice.adapters.store.record import nameable
from otpvoice.adapters.store.registrations import Registration

MOST: Final = 50
"""So many an account may have: each is read whenever one of its calls begins."""


def look_at(account: str, registration: Registration) -> None:
    """ValueError: account or name can be no part of what is kept, or there is no URL."""
    if not (nameable(account) and nameable(registration.name)):
        raise ValueError("account and name of a registration: 1 to 128 visible characters, no braces")
    if not registration.url:
        raise ValueError("a registration has a URL")


def too_many() -> ValueError:
    """Return what is raised where an account has all that it may have."""
    return ValueError(f"an account has {MOST} registrations at most")


def written(registration: Registration) -> bytes:
    """JSON in UTF-8. TypeError: a text in it is none (a lone surrogate)."""
    auth = {} if registration.auth is None else {"auth": registration.auth}
    return orjson.dumps({"url": registration.url, "enabled": registration.enabled} | auth)


def registration_in(name: bytes, text: bytes) -> Registration | None:
    """The registration, or None for what no store of ours has written."""
    try:
        named, kept = name.decode(), orjson.loads(text)
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        return None
    if not (isinstance(kept, dict) and nameable(named)):
        return None
    url, auth, enabled = kept.get("url"), kept.get("auth"), kept.get("enabled")
    if not (isinstance(url, str) and url and isinstance(auth, str | None) and isinstance(enabled, bool)):
        return None
    return Registration(named, url, auth, enabled)
