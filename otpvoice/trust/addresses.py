"""Which addresses a URL from a request may lead to, and what an admin can open besides.

Pure: numbers and tables, no names are looked up. ``ipaddress.is_global`` alone is not asked: in Python 3.11 it is True
for multicast, NAT64, 6to4, fec0::/10 and ::127.0.0.1, and what it says changes with the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Entry: TypeAlias = str | Network | Address
"""Of the allow list: the name of a host, ``*.`` and a domain, a network, an address. As text it is what was meant."""


class Reach(IntEnum):
    """What it takes to reach an address. The greater, the more; of two that apply, the greater holds."""

    PUBLIC = 0
    PRIVATE = 1
    """Somebody's own network, or nobody's: opened by a network, an address, or the name of a host."""
    LOCAL = 2
    """This machine, its link, and what tells machines their secrets: opened by the address alone."""
    NEVER = 3
    """Not one machine: opened by nothing."""


def _networks(*prefixes: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, prefixes))


_NEVER: Final = _networks(
    "0.0.0.0/8",  # RFC 1122, 3.2.1.3; Linux takes 0.0.0.0 for itself
    "224.0.0.0/4",  # multicast
    "255.255.255.255/32",
    "::/128",
    "ff00::/8",  # multicast
)
_LOCAL: Final = _networks(
    "127.0.0.0/8",
    "::1/128",
    "169.254.0.0/16",
    "fe80::/10",
    "fec0::/10",  # site-local, RFC 3879
    # What clouds tell their machines, keys among it.
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure, and by its number a public address
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::/32",  # Amazon
    "fd20:ce::254/128",  # Google
    "fd00:42::42/128",  # Scaleway
    # IPv4 inside, and where exactly depends on who set it up: nothing that can be checked.
    "::/96",  # IPv4-compatible, RFC 4291, 2.5.5.1
    "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
    "64:ff9b:1::/48",  # local NAT64, RFC 8215
    "2001::/32",  # Teredo, RFC 4380
)
# The IANA registries of special-purpose addresses (RFC 6890).
_PRIVATE: Final = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' NAT, RFC 6598
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays, RFC 7526
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "240.0.0.0/4",
    "2001::/23",  # IETF protocols
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # RFC 4291, 2.4: the rest is not handed out
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214, 6.1

_SINGLE: Final = {4: 32, 6: 128}
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@lru_cache(maxsize=512)
def reach(address: Address) -> Reach:
    """Return what it takes to reach an address. An IPv4 address inside an IPv6 one counts as what it is."""
    if isinstance(address, IPv6Address):
        if (mapped := address.ipv4_mapped) is not None:
            return reach(mapped)
        if address in _NAT64:
            # Where DNS64 is in use, this is what every public IPv4 host looks like.
            return reach(IPv4Address(int(address) & 0xFFFFFFFF))
    return max((_own(address), *map(reach, _inside(address))))


def _own(address: Address) -> Reach:
    for level, networks in ((Reach.NEVER, _NEVER), (Reach.LOCAL, _LOCAL), (Reach.PRIVATE, _PRIVATE)):
        if any(address in network for network in networks):
            return level
    if not address.is_global or (address.version == 6 and address not in _GLOBAL_UNICAST):
        return Reach.PRIVATE
    return Reach.PUBLIC


def _inside(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that tunnels would unpack."""
    if address.version == 6:
        number = int(address)
        if address.sixtofour is not None:
            yield address.sixtofour
        if number >> 32 & 0xFFFFFFFF in _ISATAP:
            yield IPv4Address(number & 0xFFFFFFFF)


def literal(host: str) -> Address | None:
    """Return the address that a host of a URL is written as; None: it is a name. Raises ``ValueError`` for neither.

    ``127.1``, ``0x7f000001``, ``2130706433`` and ``0177.0.0.1`` are neither: what they mean depends on who reads them.
    """
    if host.startswith("["):
        if not host.endswith("]") or "%" in host:
            raise ValueError("no IPv6 address")
        return IPv6Address(host[1:-1])
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise ValueError("no host name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return IPv4Address(host)
    return None


@dataclass(frozen=True, slots=True)
class UrlAllow:
    """What may be reached besides public addresses. The default: nothing."""

    hosts: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    addresses: frozenset[Address] = frozenset()

    def names(self, host: str) -> bool:
        """Is this host, in small letters, named? Its private addresses are open then, and they alone."""
        return host in self.hosts or host.endswith(self.suffixes)

    def opens(self, address: Address, *, named: bool = False) -> bool:
        """May this address be reached, under a host's name that is ``named`` or not?"""
        plain = _plain(address)
        match reach(plain):
            case Reach.PUBLIC:
                return True
            case Reach.PRIVATE:
                return named or plain in self.addresses or any(plain in network for network in self.networks)
            case Reach.LOCAL:
                return plain in self.addresses
            case Reach.NEVER:
                return False

    @property
    def opens_loopback(self) -> bool:
        return any(address.is_loopback for address in self.addresses)


def read_entry(text: str) -> Entry:
    """Return what an entry of the allow list is. Raises ``ValueError`` with the rule that it breaks."""
    text = text.strip().lower()
    network = _network(text)
    if network is None:
        _check_name(text.removeprefix("*."))
        return text
    if network.prefixlen == _SINGLE[network.version]:
        return _single(network.network_address)
    _check_network(network)
    return network


def parse_allow(entries: Iterable[str]) -> UrlAllow:
    """Return what these entries open. Raises ``ValueError`` with the rule that the first wrong one breaks."""
    hosts: set[str] = set()
    suffixes: set[str] = set()
    networks: set[Network] = set()
    addresses: set[Address] = set()
    for entry in map(read_entry, entries):
        match entry:
            case str():
                (suffixes if entry.startswith("*") else hosts).add(entry.removeprefix("*"))
            case IPv4Network() | IPv6Network():
                networks.add(entry)
            case _:
                addresses.add(entry)
    return UrlAllow(frozenset(hosts), tuple(sorted(suffixes)), tuple(sorted(networks, key=str)), frozenset(addresses))


def _network(text: str) -> Network | None:
    """Return the network or single address that an entry is; None: it looks like a host."""
    if "%" in text:
        return None  # of one link, which another machine has, too
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        ip_network(text, strict=False)
    except ValueError:
        return None
    raise ValueError("a network ends where its prefix ends: 10.20.0.0/16, not 10.20.0.1/16")


def _check_name(name: str) -> None:
    try:
        is_name = literal(name) is None
    except ValueError:
        is_name = False
    if not is_name:
        raise ValueError(
            "an entry is a host name (hooks.corp.example), a domain (*.corp.example), a network (10.20.0.0/16) or an "
            "address, without scheme, port or path"
        )
    if name == "localhost" or name.endswith(".localhost"):
        raise ValueError("this machine is not opened by a name: name the address, 127.0.0.1 or ::1")


def _check_network(network: Network) -> None:
    if any(network.version == closed.version and network.subnet_of(closed) for closed in (*_LOCAL, *_NEVER)):  # type: ignore[arg-type]
        raise ValueError("loopback, link-local and metadata addresses are named one by one")


def _single(address: Address) -> Address:
    plain = _plain(address)
    if reach(plain) is Reach.NEVER:
        raise ValueError("unspecified, broadcast and multicast addresses can't be reached")
    return plain


def _plain(address: Address) -> Address:
    """Return the address that the kernel connects to, without the scope of its link."""
    if address.version == 4:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv6Address(int(address)) if address.scope_id is not None else address


def parsed(host: str) -> Address | None:
    """Return the address that a socket is to connect to; None where it is none."""
    try:
        return ip_address(host)
    except ValueError:
        return None
