"""Who else can reach Asterisk's HTTP server: by its access lists, and by really knocking from this machine's addresses.

A media socket has no password, and an ARI user is worth all of Asterisk; so the net has to keep others out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from otpvoice.doctor.addresses import Nearness, place
from otpvoice.doctor.asking import Answered, ask, new_http
from otpvoice.doctor.asterisk.files import Files
from otpvoice.doctor.asterisk.reach import is_asterisks
from otpvoice.doctor.finding import Check, Finding

EXPOSURE = Check("asterisk.exposure", "Can anybody else reach ARI and the media sockets?")
OPEN = EXPOSURE.fails(
    "open",
    "{paths} can be reached at {address}, and http.conf has no access list for it: whoever gets there can listen in, or"
    " try passwords",
    "bindaddr = 127.0.0.1 in http.conf [general] if otpvoice is on the same machine (tlsbindaddr = 127.0.0.1:8089, or"
    " tlsenable = no, for https). Else, in http.conf: [/ari] type ="
    " restriction, deny = 0.0.0.0/0.0.0.0,::/0, permit = <otpvoice's address>; the same in [/media]; then asterisk -rx"
    " 'module reload http'. And a firewall.",
)
NO_LIST = EXPOSURE.warns(
    "no_list",
    "http.conf has no access list for {paths}: nothing but the net keeps others out",
    "In http.conf: [/ari] type = restriction, deny = 0.0.0.0/0.0.0.0,::/0, permit = <otpvoice's address>; the same in"
    " [/media]; then asterisk -rx 'module reload http'.",
)
MAYBE = EXPOSURE.unsure(
    "maybe_open",
    "{paths} can be reached at {address}; whether http.conf has an access list for others can't be seen from here",
    "Look whether http.conf has [/ari] and [/media] with type = restriction, deny and permit; or load func_config.so,"
    " and ask again.",
)
CLEAR = EXPOSURE.fails(
    "in_the_clear",
    "{host} is a public address, and http:// goes there in the clear: the ARI password, and every spoken code",
    "Use https:// (tlsenable, tlsbindaddr, tlscertfile in http.conf), or a tunnel (WireGuard) and its private address.",
)
PATHS: Final = ("/ari", "/media")


@dataclass(frozen=True, slots=True)
class Knock:
    """At ``address``, a URL at this machine: the paths where Asterisk's HTTP server let us in, password or not."""

    address: str
    paths: tuple[str, ...]


def doors(url: str, files: Files) -> list[tuple[str, int]]:
    """Return scheme and port of each door that Asterisk's HTTP server may have: the one that we use, and those beside.

    Without files it is those of a usual http.conf. Whether a door is there at all is seen by knocking.
    """
    parts = urlsplit(url)
    ours = parts.scheme, parts.port or (443 if parts.scheme == "https" else 80)
    plain = _port(files.single.get(("http.conf", "general", "bindport"))) or 8088
    _, _, behind = (files.single.get(("http.conf", "general", "tlsbindaddr")) or "").rpartition(":")
    return list(dict.fromkeys([ours, ("http", plain), ("https", _port(behind) or 8089)]))


def _port(text: str | None) -> int | None:
    # Of an IPv6 address without a port the last group may look like one: no harm, nobody is there.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,5}", text) and int(text) <= MOST else None


MOST: Final = 65_535


async def knock(url: str, addresses: Iterable[str], files: Files) -> list[Knock]:
    """Knock at all doors of other addresses of this machine, without any password, whatever the certificate."""
    bases = [f"{scheme}://{place(address, port)}" for address in addresses for scheme, port in doors(url, files)]
    async with new_http(verified=False) as http:
        knocks = await asyncio.gather(*(_at(http, base) for base in bases))
    return [one for one in knocks if one.paths]


async def _at(http: aiohttp.ClientSession, base: str) -> Knock:
    return Knock(base, tuple([path for path in PATHS if await _opens(http, f"{base}{path}/otpvoice-doctor")]))


async def _opens(http: aiohttp.ClientSession, url: str) -> bool:
    """401 (a password is wanted) and 404 (no such media socket) come from behind the access list; 403 does not."""
    answer = await ask(http, url, within=1.0)
    if not isinstance(answer, Answered) or not is_asterisks(answer):
        return False  # another program may have such a port
    return answer.status in {400, 401, 404, 405, 426}


def judge(url: str, nearness: Nearness, knocks: Sequence[Knock], files: Files) -> list[Finding]:
    """``nearness``: of Asterisk to this machine. ``knocks``: where else on this machine it answers."""
    found: list[Finding] = []
    if nearness is Nearness.PUBLIC and urlsplit(url).scheme == "http":
        found.append(CLEAR(host=urlsplit(url).hostname))
    open_paths = [path for path in PATHS if files.read and not restricted(files, path)]
    for one in knocks:
        reached = [path for path in one.paths if path in open_paths or not files.read]
        if reached and files.read:
            found.append(OPEN(paths=" and ".join(reached), address=one.address))
        elif reached:
            found.append(MAYBE(paths=" and ".join(reached), address=one.address))
    if not knocks and open_paths and nearness is not Nearness.HERE:
        found.append(NO_LIST(paths=" and ".join(open_paths)))
    if found:
        return found
    said = (
        "only this machine reaches it" if nearness is Nearness.HERE and not knocks else "access lists keep others out"
    )
    if not files.read and nearness is not Nearness.HERE:
        return [
            EXPOSURE.skipped("Asterisk is on another machine, and its files could not be read (see asterisk.files)")
        ]
    return [EXPOSURE.ok(said)]


def restricted(files: Files, path: str) -> bool:
    """Does an access list keep anybody out of a path? One that begins with a deny, and does not permit the world."""
    if (files.single.get(("http.conf", path, "type")) or "").lower() != "restriction":
        return False
    if files.lists.get(("http.conf", path, "acl")):
        return True  # a named one, of acl.conf: somebody has thought of it
    denies = _networks(files.lists.get(("http.conf", path, "deny"), ()))
    permits = _networks(files.lists.get(("http.conf", path, "permit"), ()))
    return any(_is_all(one) for one in denies) and not any(_is_all(one) for one in permits)


def _networks(lines: Iterable[str]) -> list[str]:
    return [one.strip() for line in lines for one in line.split(",")]


def _is_all(entry: str) -> bool:
    try:
        return ip_network(entry.removeprefix("!"), strict=False).prefixlen == 0
    except ValueError:
        return False
