"""Where a running otpvoice answers and with which key, by the same settings that it was started with.

It checks nothing: settings that are wrong are for ``serve`` to complain about. Standard library only, since ``check``
runs every few seconds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_BIND: Final = "127.0.0.1:8080"
_ANY: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}


def hook_url(environ: Mapping[str, str]) -> str:
    """Return the base URL of the hook."""
    return environ.get("OTPVOICE_URL") or _url(_setting(environ, "http_bind") or _BIND)


def admin_url(environ: Mapping[str, str]) -> str:
    """Return the base URL where health is asked for."""
    return _url(_setting(environ, "admin_bind") or _setting(environ, "http_bind") or _BIND)


def key(environ: Mapping[str, str]) -> str | None:
    """Return the key to use: OTPVOICE_KEY, else the first of OTPVOICE_API_KEYS; each also from a file."""
    for name in ("OTPVOICE_KEY", "OTPVOICE_API_KEYS"):
        value = environ.get(name)
        if not value and (path := environ.get(f"{name}_FILE")):
            value = _text(path)
        if value and value.split():
            return value.replace(",", " ").split()[0]
    return None


def _url(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    return f"http://{_ANY.get(host, host)}:{port}"


def _setting(environ: Mapping[str, str], name: str) -> str | None:
    if value := environ.get(f"OTPVOICE_{name.upper()}"):
        return value
    value_of_file = _file(environ.get("OTPVOICE_CONFIG")).get(name)
    return value_of_file if isinstance(value_of_file, str) else None


def _file(path: str | None) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(path) or "") if path else {}
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
