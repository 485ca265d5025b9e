"""How an address is written in the settings: where to listen, whom to connect to, and where requests may lead.

Only the shape is looked at: nothing is resolved, and no message repeats the value.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from otpvoice.core.secret import Secret
from otpvoice.settings.values import text, words
from otpvoice.trust.addresses import read_entry
from otpvoice.trust.urls import read_url

LONGEST_URL: Final = 2000
_DATABASE: Final = re.compile(r"/?|/[0-9]+", re.ASCII)


class Bind(NamedTuple):
    """Where to listen. Port 0: the kernel chooses."""

    host: str
    port: int


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
    # Empty ones are none to ``urlsplit``, and still there.
    if set("?#@") & set(str(value)) or url.path not in {"", "/"}:
        raise ValueError(f"{rule}, user or query")
    return str(value).rstrip("/")


def redis_url(value: Any) -> Secret:
    """An address of Redis; secret, since it may hold a password.

    A password with a / or # that is not escaped ends the host too early: what is left of it would be taken for a place.
    """
    whole = str(value)
    rule = "must be redis://[user:password@]host:port/db, rediss://… or unix://…"
    if "@" in whole:
        rule += "; in a user and a password, / # ? @ : % are written %2F %23 %3F %40 %3A %25"
    try:
        url = urlsplit(whole)
        to_socket = url.scheme == "unix"
        sound = bool(url.path) if to_socket else bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        raise ValueError(rule) from None
    if url.scheme not in {"redis", "rediss", "unix"} or not sound or not whole.isprintable():
        raise ValueError(rule)
    behind = whole.partition(f"//{url.netloc}")[2]
    if {"@", "#"} & set(behind) or not (to_socket or _DATABASE.fullmatch(url.path)):
        raise ValueError(rule)
    return Secret(whole)


def url_allow(value: Any) -> tuple[str, ...]:
    """Hosts, names with ``*.`` before them, addresses and networks, as they are compared: in small letters."""
    try:
        return tuple(dict.fromkeys(str(read_entry(entry)) for entry in words(value)))
    except ValueError as error:
        raise ValueError(f"has an entry that opens nothing: {error}") from None


def webhook_url(value: Any) -> str:
    """Where reports go. What the administrator names may be any host and port, and http."""
    url = text(value)
    read_url(url)
    if len(url) > LONGEST_URL:
        raise ValueError(f"must have at most {LONGEST_URL} characters")
    return url
