"""Where a host is, seen from this machine: on it, in a private network, or out in the world; and our own addresses."""

from __future__ import annotations

import asyncio
import re
import socket
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final


class Nearness(Enum):
    """How near a host is."""

    HERE = auto()
    """This machine's own address."""
    PRIVATE = auto()
    PUBLIC = auto()
    UNKNOWN = auto()
    """Its name is not known."""


_TRIE: Final = Path("/proc/net/fib_trie")
_IF_INET6: Final = Path("/proc/net/if_inet6")
_LOCAL: Final = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def place(host: str, port: int) -> str:
    """Return how a place is written: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def own_addresses() -> list[str]:
    """Return the addresses of this machine that others could reach, as the kernel lists them (proc(5)).

    Neither loopback nor link-local ones.
    """
    found = set(_LOCAL.findall(_text(_TRIE)))
    for line in _text(_IF_INET6).splitlines():
        number = line.split(maxsplit=1)[0]
        found.add(str(IPv6Address(int(number, 16))))
    return sorted(address for address in found if not _is_nobodys(address))


async def nearness(host: str, own: list[str]) -> Nearness:
    """Look a host up. The farthest of its addresses counts."""
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Nearness.UNKNOWN
    return max(
        (nearness_of(str(info[4][0]), own) for info in infos), key=lambda one: one.value, default=Nearness.UNKNOWN
    )


def nearness_of(address: str, own: list[str]) -> Nearness:
    """Judge one address."""
    ip = ip_address(address.partition("%")[0])
    if ip.is_loopback or address in own:
        return Nearness.HERE
    return Nearness.PUBLIC if ip.is_global else Nearness.PRIVATE


def _is_nobodys(address: str) -> bool:
    ip = ip_address(address)
    return ip.is_loopback or ip.is_link_local


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
