"""Is Redis reached, does it let us in, does it take writes, and is it new enough?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.store.seen import UNTOLD, NoRedis, Seen

REDIS = Check("redis", "Does Redis answer, let us in, and take writes?")
DNS = REDIS.fails(
    "dns",
    "the host of {server} is not known",
    "Set OTPVOICE_REDIS_URL to a name or an address that this machine knows (`getent hosts {host}`).",
)
REFUSED = REDIS.fails(
    "refused",
    "nothing listens at {server}",
    "Is Redis running (`systemctl status redis-server`, `docker compose ps`)? Does redis.conf bind an address that this"
    " machine reaches, and is the port that of OTPVOICE_REDIS_URL?",
)
TIMEOUT = REDIS.fails(
    "timeout",
    "{server} does not answer within {seconds} s",
    "A firewall that drops packets, or a Redis that is busy: on its own host try `redis-cli ping`, `redis-cli"
    " --latency` and `redis-cli slowlog get`.",
)
TLS = REDIS.fails(
    "tls",
    "{server} speaks no TLS that we trust: {detail}",
    "rediss:// wants tls-port and a certificate in redis.conf that this machine trusts (SSL_CERT_FILE names the"
    " authority's); for the plain port write redis://.",
)
PASSWORD = REDIS.fails(
    "password",
    "{server} refuses the user or password ({detail})",
    "OTPVOICE_REDIS_URL must be redis://:PASSWORD@host:port/0 with requirepass of redis.conf, or"
    " redis://USER:PASSWORD@… with a user of its ACL. In the URL, @ / : # in a password are written %40 %2F %3A %23.",
)
PROTECTED = REDIS.fails(
    "protected",
    "{server} is in protected mode: it takes nobody from another machine",
    "Give it a password: requirepass in redis.conf, the same in OTPVOICE_REDIS_URL. Do not turn protected-mode off.",
)
LOADING = REDIS.fails(
    "loading",
    "{server} is still reading its data",
    "Wait a moment and ask again.",
)
REPLICA = REDIS.fails(
    "replica",
    "{server} is a replica of {primary} and takes no writes",
    "OTPVOICE_REDIS_URL must lead to the primary; behind a failover, to a name or an address that follows it.",
)
REFUSES = REDIS.fails(
    "refuses_writes",
    "{server} answers, and refuses what otpvoice asks of it: {command} ({code})",
    "OOM: it is full, raise maxmemory. MISCONF: it can't write to its disk (`df -h`; its log). NOREPLICAS: too few"
    " replicas are there (min-replicas-to-write). ERR: it has no such command: rename-command in redis.conf took it"
    " away, or it is too old (redis.version). CLUSTERDOWN, MOVED, CROSSSLOT: it is a cluster, and otpvoice needs a"
    " primary of its own (cluster-enabled no).",
)
OTHER = REDIS.fails(
    "other",
    "{server} does not work: {detail}",
    "Try `redis-cli -u <OTPVOICE_REDIS_URL> ping`, and look at its log. If its port speaks TLS, write rediss://.",
)
NONE = REDIS.warns(
    "none",
    "OTPVOICE_REDIS_URL is not set: calls are known to one process only, and forgotten with it",
    "For anything but development: OTPVOICE_REDIS_URL=redis://:PASSWORD@host:6379/0.",
)

VERSION = Check("redis.version", "Is Redis's version one that works?")
TOO_OLD = VERSION.fails(
    "too_old",
    "Redis {version} is too old",
    "Install Redis 6.2 or later, or Valkey: before it ZMSCORE and other commands are missing.",
)
LEAST: Final = (6, 2)
_OF_A_REPLICA: Final = frozenset({"READONLY", "MASTERDOWN"})
"""The second: it has lost its primary, and is not to serve what is stale."""

_NOT_REACHED: Final = {
    "dns": DNS,
    "refused": REFUSED,
    "timeout": TIMEOUT,
    "tls": TLS,
    "password": PASSWORD,
    "protected": PROTECTED,
    "loading": LOADING,
    "other": OTHER,
}


def judge_not_reached(fault: NoRedis, *, server: str, host: str) -> Finding:
    """Say why there is none."""
    detail = fault.detail or fault.why
    return _NOT_REACHED[fault.why](server=server, host=host, seconds=detail, detail=detail)


def judge(seen: Seen, *, server: str) -> Finding:
    """Say whether it takes writes."""
    if seen.refused in _OF_A_REPLICA:
        primary = f"{seen.info['master_host']}:{seen.info['master_port']}" if "master_host" in seen.info else "another"
        return REPLICA(server=server, primary=primary)
    if seen.refused:
        return REFUSES(server=server, code=seen.refused, command=seen.refused_at)
    return REDIS.ok(f"{server} answers, and takes writes", user=seen.user)


def judge_version(info: Mapping[str, Any]) -> Finding:
    """By INFO; Valkey names the Redis that it is compatible with."""
    version = str(info.get("redis_version", ""))
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return VERSION.unknown(UNTOLD)
    if (int(found[1]), int(found[2])) < LEAST:
        return TOO_OLD(version=version)
    valkey = info.get("valkey_version")
    return VERSION.ok(f"Valkey {valkey}" if valkey else f"Redis {version}", version=version)
