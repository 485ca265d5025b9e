"""How one setting is written: text or TOML in, a value out, or ``ValueError`` with the rule as the end of a sentence.

Each function sees one value. No message repeats it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from otpvoice.core.locale import is_tag
from otpvoice.core.secret import Secret

WEAK_PASSWORDS: Final = frozenset({"", "asterisk", "ari", "otpvoice"})
"""Those of samples and defaults, this project's own included."""
SHORTEST_PASSWORD: Final = 16
SHORTEST_API_KEY: Final = 20

_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)
_CALLER_ID: Final = re.compile(r"\+?[0-9]{2,15}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 6750 section 2.1
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_VOICE: Final = re.compile(r"[a-z0-9_-]{1,32}(:[A-Za-z0-9_+.-]{1,64})?", re.ASCII)
# technology/resource. Nothing that Asterisk reads as a second destination (&), an option (,) or an expression ($).
_DIAL: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)/[A-Za-z0-9_./:@;=+~*#!?%\[\]{}-]+", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST_EXTENSION: Final = 9
_WHOLE_NUMBERS: Final = (
    "442079460123",
    "00442079460123",
    "011442079460123",
    "02079460123",
    "18768880000",
    "9011441234567",
)


class Bind(NamedTuple):
    """Where to listen. Port 0: the kernel chooses."""

    host: str
    port: int


class Legs(NamedTuple):
    """Media legs of one Asterisk node: kept ready, and at most."""

    minimum: int
    maximum: int


def text(value: Any) -> str:
    """Any text on one line."""
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        raise ValueError("must be a text on one line")
    return value


def flag(value: Any) -> bool:
    """A switch."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("must be 1 or 0")
    return word in _TRUE


def number(low: float, high: float) -> Callable[[Any], float]:
    """A number within these bounds."""
    rule = f"must be a number from {low:g} to {high:g}"

    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(rule)
        try:
            parsed = float(value)
        except ValueError:
            raise ValueError(rule) from None
        if not low <= parsed <= high:  # NaN is not either
            raise ValueError(rule)
        return parsed

    return parse


def one_of(*words: str) -> Callable[[Any], str]:
    """One of these words."""

    def parse(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return str(value)

    return parse


def words(value: Any) -> tuple[str, ...]:
    """A list: in a variable separated by blanks or commas."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("must be a list of texts")


def _all(pattern: re.Pattern[str], rule: str) -> Callable[[Any], tuple[str, ...]]:
    def parse(value: Any) -> tuple[str, ...]:
        items = words(value)
        if not all(map(pattern.fullmatch, items)):
            raise ValueError(rule)
        return tuple(dict.fromkeys(items))

    return parse


prefixes: Final = _all(_PREFIX, "must be prefixes of E.164 numbers, each with its plus")
caller_ids: Final = _all(
    _CALLER_ID, "must be numbers of 2 to 15 digits, in E.164 with plus where they are outside ones"
)
names: Final = _all(_NAME, "must be names of letters, digits, dots, hyphens and underscores")
digests: Final = _all(_DIGEST, "must be SHA-256 digests of keys, 64 hexadecimal digits each")


def name(value: Any) -> str:
    """A word that may stand in an ARI application, a key of Redis or a path."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit")
    return value


def instance(value: Any) -> str:
    """The name of this process among its kind."""
    parsed = name(value)
    if "-leg-" in f"{parsed}-":
        # Legs are otpvoice-<instance>-leg-<n>, and known by what that begins with: "a-leg" would pass for one of "a".
        raise ValueError("must not hold -leg")
    return parsed


def bind(value: Any) -> Bind:
    """host:port."""
    rule = "must be host:port, the host an address or a name, IPv6 in brackets"
    host, colon, port = str(value).rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host.strip("[]") if bracketed else host
    if not colon or not host or not host.isprintable() or " " in host or "/" in host or (":" in host and not bracketed):
        raise ValueError(rule)
    if not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > 65_535:
        raise ValueError(rule)
    return Bind(host, int(port))


def legs(value: Any) -> Legs:
    """min:max."""
    found = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})", str(value), re.ASCII)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ValueError("must be min:max, from 1 to 9999, the maximum not less than the minimum")
    return Legs(int(found[1]), int(found[2]))


def ari_url(value: Any) -> str:
    """The base of Asterisk's HTTP server."""
    rule = "must be http://host:port or https://host:port of Asterisk's HTTP server, without a path"
    try:
        url = urlsplit(str(value))
        sound = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        raise ValueError(rule) from None
    if not sound or not str(value).isprintable() or " " in str(value):
        raise ValueError(rule)
    if url.username or url.password or url.query or url.fragment or url.path not in {"", "/"}:
        raise ValueError(f"{rule}, user or query")
    return str(value).rstrip("/")


def redis_url(value: Any) -> Secret:
    """An address of Redis; secret, since it may hold a password."""
    rule = "must be redis://[user:password@]host:port/db, rediss://… or unix://…"
    try:
        url = urlsplit(str(value))
        sound = (bool(url.hostname) and (url.port is None or url.port > 0)) or (url.scheme == "unix" and bool(url.path))
    except ValueError:
        raise ValueError(rule) from None
    if url.scheme not in {"redis", "rediss", "unix"} or not sound or not str(value).isprintable():
        raise ValueError(rule)
    return Secret(str(value))


def secret_key(value: Any) -> Secret:
    """32 bytes in base64 (either alphabet); kept as they were written."""
    rule = "must be 32 random bytes in base64"
    try:
        key = base64.b64decode(str(value).strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(rule) from None
    if len(key) != 32 or len(set(key)) < 8:
        raise ValueError(rule)
    return Secret(base64.b64encode(key).decode())


def api_keys(value: Any, *, shortest: int) -> tuple[str, ...]:
    """Bearer keys."""
    keys = words(value)
    if not all(_TOKEN.fullmatch(key) and shortest <= len(key) <= 200 for key in keys):
        raise ValueError(
            f"must be keys of {shortest} to 200 of A-Z a-z 0-9 . _ ~ + / -, made at random, separated by blanks"
        )
    return keys


def dial(value: Any, *, dialplan: bool) -> str:
    """A dial string with a place for the number. ``dialplan``: may it lead into one (``Local/…``)?"""
    found = _DIAL.fullmatch(value) if isinstance(value, str) and len(value) <= 200 else None
    if not found:
        raise ValueError("must be a dial string, technology/resource, without blanks, commas, & or $")
    placeholders = _PLACEHOLDER.findall(value)
    if (
        not placeholders
        or not {"number", "e164"}.issuperset(placeholders)
        or re.search(r"[{}]", _PLACEHOLDER.sub("", value))
    ):
        raise ValueError("must hold {number} (E.164 without plus) or {e164} (with plus), and no other braces")
    if found[1].lower() == "local" and not dialplan:
        raise ValueError("must not be Local/…, which runs dialplan for whatever number is asked for")
    return str(value)


def local_numbers(value: Any) -> re.Pattern[str]:
    """A pattern of extensions, to be matched whole."""
    try:
        pattern = re.compile(text(value), re.ASCII)
    except (re.error, RecursionError, OverflowError):
        raise ValueError("must be a regular expression") from None
    if any(map(pattern.fullmatch, _WHOLE_NUMBERS)):
        raise ValueError(
            f"must match extensions of up to {_LONGEST_EXTENSION} digits: whole telephone numbers would get past the"
            " lists of destinations"
        )
    return pattern


def folder(value: Any) -> Path:
    """A folder whose files can be read."""
    rule = "must be a folder that can be read"
    try:
        path = Path(text(value))
        if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
            raise ValueError
    except (ValueError, OSError):
        raise ValueError(rule) from None
    return path.absolute()


def language(value: Any) -> str:
    """A BCP 47 tag."""
    if not isinstance(value, str) or len(value) > 35 or not is_tag(value):
        raise ValueError("must be a BCP 47 language tag")
    return value


def voice(value: Any) -> str:
    """An engine, or one of its voices."""
    if not isinstance(value, str) or not _VOICE.fullmatch(value):
        raise ValueError("must be the name of an engine, or engine:voice")
    return value
