"""Does Redis keep what it is given: over a restart, when it is full, and fast enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.sizes import size
from otpvoice.doctor.store.seen import UNTOLD

PERSISTENCE = Check("redis.persistence", "Does Redis keep what it was given when it is restarted?")
FORGETS = PERSISTENCE.fails(
    "forgets",
    "Redis keeps nothing: a restart forgets every call, every webhook that was to be sent, every lock",
    "In redis.conf: appendonly yes (at once, without a restart: `redis-cli config set appendonly yes`, and then the"
    " file). In compose also a volume for /data.",
)
SNAPSHOTS = PERSISTENCE.warns(
    "snapshots_only",
    "Redis writes snapshots only ({save}): a crash loses what came after the last one",
    "In redis.conf: appendonly yes (at once: `redis-cli config set appendonly yes`).",
)
UNSAVED = PERSISTENCE.fails(
    "not_written",
    "Redis could not write {what} to its disk",
    "Look at its log and its disk (`df -h`, permissions of dir in redis.conf). Until then it may refuse every write"
    " (MISCONF).",
)
NO_SYNC = PERSISTENCE.warns(
    "no_sync",
    "appendfsync is no: when the machine crashes, half a minute and more is lost",
    "In redis.conf: appendfsync everysec.",
)

EVICTION = Check("redis.eviction", "Does Redis throw nothing away?")
EVICTS = EVICTION.fails(
    "evicts",
    "maxmemory-policy is {policy}: when Redis is full it throws records away, and of one that is gone the end can be"
    " told twice",
    "In redis.conf: maxmemory-policy noeviction (at once: `redis-cli config set maxmemory-policy noeviction`). Should"
    " it be a cache for others, too, give otpvoice a Redis of its own.",
)

MEMORY = Check("redis.memory", "Has Redis room?")
FULL = MEMORY.fails(
    "full",
    "Redis has used {used} of {limit} ({percent} %): when it is full calls are refused (503)",
    "Raise maxmemory in redis.conf, lower OTPVOICE_SUMMARY_TTL, or see what fills it: `redis-cli --bigkeys`.",
)
FILLING = MEMORY.warns(
    "filling",
    "Redis has used {used} of {limit} ({percent} %)",
    "Raise maxmemory in redis.conf before it is full, or lower OTPVOICE_SUMMARY_TTL. A call takes some 20 kB for a day,"
    " and 3 kB for OTPVOICE_SUMMARY_TTL.",
)
FULL_FROM: Final = 95
FILLING_FROM: Final = 75
"""Percent."""

LATENCY = Check("redis.latency", "Does Redis answer fast?")
SLOW = LATENCY.warns(
    "slow",
    "Redis takes {milliseconds:g} ms to answer, at best; a call asks it several times",
    "Have it near otpvoice, and look for what is slow: `redis-cli --latency`, `redis-cli slowlog get`, transparent"
    " huge pages, a disk that is slow to sync (appendfsync always).",
)
SLOW_FROM: Final = 20.0
"""Milliseconds."""


def judge_persistence(info: Mapping[str, Any], config: Mapping[str, str]) -> Finding:
    """By INFO persistence; what ``save`` and ``appendfsync`` are, CONFIG tells."""
    if "aof_enabled" not in info:
        return PERSISTENCE.unknown(UNTOLD)
    for name, what in (("aof_last_write_status", "its append-only file"), ("rdb_last_bgsave_status", "a snapshot")):
        if info.get(name, "ok") != "ok":
            return UNSAVED(what=what)
    if info["aof_enabled"]:
        sync = config.get("appendfsync")
        return NO_SYNC() if sync == "no" else PERSISTENCE.ok(f"appendonly yes{f', appendfsync {sync}' if sync else ''}")
    if "save" not in config:
        return SNAPSHOTS(save="or nothing at all: CONFIG is not told to our user")
    return SNAPSHOTS(save=f"save {config['save']}") if config["save"].strip() else FORGETS()


def judge_eviction(info: Mapping[str, Any]) -> Finding:
    """By INFO memory. Ours all have a time to live, so ``volatile-…`` takes them as ``allkeys-…`` does."""
    policy = str(info.get("maxmemory_policy", ""))
    if not policy:
        return EVICTION.unknown(UNTOLD)
    return EVICTION.ok("maxmemory-policy noeviction") if policy == "noeviction" else EVICTS(policy=policy)


def judge_memory(info: Mapping[str, Any]) -> Finding:
    """Against ``maxmemory``, else the machine's."""
    used = int(info.get("used_memory") or 0)
    limit = int(info.get("maxmemory") or 0) or int(info.get("total_system_memory") or 0)
    if not used or not limit:
        return MEMORY.unknown(UNTOLD)
    percent = round(100 * used / limit)
    if percent >= FILLING_FROM:
        fault = FULL if percent >= FULL_FROM else FILLING
        return fault(used=size(used), limit=size(limit), percent=percent)
    of = "maxmemory" if info.get("maxmemory") else "the machine's memory; no maxmemory is set"
    return MEMORY.ok(f"{size(used)} used of {size(limit)} ({of})", used=used, limit=limit)


def judge_latency(seconds: float) -> Finding:
    """``seconds``: the shortest time of an answer."""
    milliseconds = round(seconds * 1000, 1)
    if milliseconds > SLOW_FROM:
        return SLOW(milliseconds=milliseconds)
    return LATENCY.ok(f"{milliseconds:g} ms for an answer", ms=milliseconds)
