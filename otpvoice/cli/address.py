"""Where a running otpvoice answers and with which key, by the same settings that it was started with.

It checks nothing: settings that are wrong are for ``serve`` to complain about. Standard library only, and little of it,
since ``check`` runs every few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_BIND: Final = "127.0.0.1:8080"
_ANY: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "::": "[::1]"}


def hook_url(environ: Mapping[str, str]) -> str:
    """Return the base URL of the hook."""
    return environ.get("OTPVOICE_URL") or _url(_setting(environ, "http_bind") or _BIND)


def admin_url(environ: Mapping[str, str], hook: str | None = None) -> str:
    """Return the base URL where health is asked for: on this machine, unless it is the hook's and that is known."""
    bind = _setting(environ, "admin_bind")
    return _url(bind) if bind else hook or _url(_setting(environ, "http_bind") or _BIND)


def key(environ: Mapping[str, str]) -> str | None:
    """Return the key to use: OTPVOICE_KEY, else the first of the account ``default``; each also from a file."""
    for name in ("OTPVOICE_KEY", "OTPVOICE_API_KEYS"):
        if found := _first(environ.get(name)) or _first(_text(environ.get(f"{name}_FILE"))):
            return found
    document = _file(environ.get("OTPVOICE_CONFIG"))
    return _first(document.get("api_keys")) or _first(_text(document.get("api_keys_file")))


def _first(value: object) -> str | None:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    return words[0] if isinstance(words, list) and words and isinstance(words[0], str) else None


def _url(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    return f"http://{_ANY.get(host, host)}:{port}"


def _setting(environ: Mapping[str, str], name: str) -> str | None:
    # A blank one counts as not set, as in settings.sources.
    if value := environ.get(f"OTPVOICE_{name.upper()}", "").strip():
        return value
    value_of_file = _file(environ.get("OTPVOICE_CONFIG")).get(name)
    return value_of_file if isinstance(value_of_file, str) else None


def _file(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    import tomllib  # noqa: PLC0415 - a fifth of the time that a check takes

    try:
        return tomllib.loads(_text(path) or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _text(path: object) -> str | None:
    if not isinstance(path, str) or not path:
        return None
    try:
        # Not by pathlib, which takes as long to import as tomllib.
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None
