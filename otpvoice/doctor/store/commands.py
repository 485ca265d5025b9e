"""Each command that otpvoice gives, given once and harmlessly: which of them our user may not give, and which fail.

What is written lies at one key of our own, for seconds, and is taken away again. All are sent at once: a Redis that is
far away takes its time for each answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from redis import exceptions as faults

from otpvoice.adapters.store.redis.connection import code_of

KEPT: Final = 10_000
"""Milliseconds that our key lives, should we not come to delete it."""

Command: TypeAlias = tuple[str, ...]
_KEY, _OTHER, _STREAM, _SORTED = "{}", "{}:string", "{}:stream", "{}:sorted"
COMMANDS: Final[Sequence[Command]] = (
    ("HSET", _KEY, "f", "1"),
    ("PEXPIRE", _KEY, str(KEPT)),
    ("HGET", _KEY, "f"),
    ("HGETALL", _KEY),
    ("HMGET", _KEY, "f"),
    ("HEXISTS", _KEY, "f"),
    ("HDEL", _KEY, "f"),
    ("SET", _OTHER, "1", "PX", str(KEPT)),
    ("GET", _OTHER),
    ("MGET", _OTHER),
    ("EXISTS", _OTHER),
    ("XADD", _STREAM, "1-1", "f", "1"),
    ("PEXPIRE", _STREAM, str(KEPT)),
    ("XRANGE", _STREAM, "-", "+"),
    ("XREVRANGE", _STREAM, "+", "-"),
    ("XREAD", "COUNT", "1", "STREAMS", _STREAM, "0"),
    ("XDEL", _STREAM, "1-1"),
    ("ZADD", _SORTED, "1", "m"),
    ("PEXPIRE", _SORTED, str(KEPT)),
    ("ZCARD", _SORTED),
    ("ZCOUNT", _SORTED, "0", "1"),
    ("ZMSCORE", _SORTED, "m"),
    ("ZSCORE", _SORTED, "m"),
    ("ZRANGE", _SORTED, "0", "0"),
    ("ZREM", _SORTED, "m"),
    ("ZREMRANGEBYSCORE", _SORTED, "0", "0"),
    ("SCRIPT LOAD", "return 1"),
    ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"),  # of "return 1"
    ("TIME",),
    ("PING",),
    ("DEL", _KEY, _OTHER, _STREAM, _SORTED),
)
"""Those that ``adapters/store/redis`` names. A test holds this list against that one."""


async def attempt(client: Any) -> tuple[list[str], tuple[str, str]]:
    """Give them. Returns those that our user may not give, and the first that failed with the code; "" for none."""
    key = f"otpvoice:doctor:{secrets.token_hex(8)}"
    together = client.pipeline(transaction=False)
    for name, *arguments in COMMANDS:
        together.execute_command(name, *(argument.replace("{}", key) for argument in arguments))
    return sort(await together.execute(raise_on_error=False))


def sort(answers: Sequence[Any]) -> tuple[list[str], tuple[str, str]]:
    """``answers``: one for each of ``COMMANDS``, errors among them. Any is a refusal, but for two that follow one.

    Those are NOSCRIPT where a script could not be loaded, and WRONGTYPE, of a key that is not as it should be.
    """
    forbidden: list[str] = []
    refused = ("", "")
    for (name, *_), answer in zip(COMMANDS, answers, strict=True):
        if isinstance(answer, faults.NoPermissionError):
            forbidden.append(name)
        elif isinstance(answer, faults.RedisError) and not refused[0]:
            code = code_of(answer) or type(answer).__name__
            follows = code in {"NOSCRIPT", "WRONGTYPE"} and bool(forbidden)
            refused = refused if follows else (code, name)
    return forbidden, refused
