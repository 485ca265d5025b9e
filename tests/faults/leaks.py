"""Search all that a run leaves for secrets: files byte by byte, Redis value by value, processes by their arguments.

It looks for digits as such and for digits spelled out, alone or with something between them. Numbers in which the
digits only happen to stand (a longer one, or the fraction of a second) are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from redis.asyncio import Redis

WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def pattern(secret: str) -> re.Pattern[bytes]:
    """Return what finds a secret: digits in any of their spellings, anything else as it is."""
    if not secret.isdigit():
        return re.compile(re.escape(secret.encode()))
    digits = list(secret)
    words = [WORDS[int(digit)] for digit in digits]
    spellings = [
        rf"(?<![0-9.])(?:{secret})+(?![0-9])",
        r"(?<![0-9])" + r"[^0-9\n]{1,3}".join(digits) + r"(?![0-9])",
        r"(?i:" + r"[^a-z]{1,3}".join(words) + r")",
    ]
    return re.compile("|".join(spellings).encode())


def in_files(folder: Path, secrets: Iterable[str], *, allowed: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the files that hold one; ``allowed`` are names of files that may."""
    patterns = [pattern(secret) for secret in secrets]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in allowed and _found(patterns, path.read_bytes()):
            yield str(path.relative_to(folder))
        if _found(patterns, path.name.encode()):
            yield f"the name of {path.parent.relative_to(folder)}/…"


async def in_redis(url: str, secrets: Iterable[str]) -> list[str]:
    """Return the keys that hold one, in their name or value, and "its log" of slow commands if that does."""
    patterns = [pattern(secret) for secret in secrets]
    async with Redis.from_url(url) as redis:
        found = [
            repr(key)[2:-1]
            async for key in redis.scan_iter(count=1000)
            if _found(patterns, repr(key).encode()) or _found(patterns, repr(await _value(redis, key)).encode())
        ]
        if _found(patterns, repr(await redis.slowlog_get(1000)).encode()):
            found.append("its log")
    return found


async def _value(redis: Redis, key: Any) -> Any:
    kind = await redis.type(key)
    match kind if isinstance(kind, str) else kind.decode():
        case "string":
            return await redis.get(key)
        case "stream":
            return await redis.xrange(key)
        case "hash":
            return await redis.hgetall(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "set":
            return await redis.smembers(key)
        case "zset":
            return await redis.zrange(key, 0, -1)
        case other:
            raise AssertionError(f"a {other} is not looked into")


def in_text(text: bytes, secrets: Iterable[str]) -> bool:
    """Return whether a text holds one."""
    return _found([pattern(secret) for secret in secrets], text)


def in_processes(pid: int, secrets: Iterable[str]) -> list[str]:
    """Return the names of a process and of all below it that have one among their arguments or in their environment."""
    patterns = [pattern(secret) for secret in secrets]
    found = []
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    for process in family:
        for what in ("cmdline", "environ"):
            try:
                text = Path(f"/proc/{process.pid}/{what}").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
            if _found(patterns, text):
                found.append(f"{what} of {text.split(bytes(1))[0].decode(errors='replace')}")
    return found


def _found(patterns: Iterable[re.Pattern[bytes]], text: bytes) -> bool:
    return any(pattern.search(text) for pattern in patterns)
