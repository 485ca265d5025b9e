"""Collects what the checker judges (``invariants``): from Redis, Asterisk, the service, the endpoint, and all logs.

It asks beside the product wherever it can, and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.faults.asking import Asking
from tests.faults.hook import Hook
from tests.faults.invariants import Facts, Posted, Told, broken
from tests.faults.needles import Needles
from tests.faults.sites import Site
from tests.scenarios.phones import AgentNetwork

WITHIN: Final = 15.0
"""Seconds after which nothing of a call may be left (I1)."""
UNCAUGHT: Final = frozenset({"python.uncaught", "python.unraisable", "asyncio.unhandled"})
_POLL: Final = 0.25
_ALLOWED: Final = frozenset({"otpvoice.toml", "ari.conf"})
"""Files that hold what is configured."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The parts of a run. ``accepted``: calls that a client was promised; ``numbers``: of each INVITE that came.

    ``alone``: nobody else uses this Asterisk, so all that it has is looked at. ``hooked``: see ``Facts``.
    """

    service: ServeInstance
    redis: RedisInstance
    asterisk: AsteriskInstance
    instance: str
    accepted: Collection[str]
    numbers: Callable[[], Iterable[str]]
    hook: Hook | None = None
    hooked: frozenset[str] | None = None
    alone: bool = False
    seen_ended: Sequence[dict[str, Any]] = ()
    folders: Sequence[Path] = field(default=())


def scene_of(site: Site, asterisk: AsteriskInstance, hook: Hook | None = None, *, alone: bool = False) -> Scene:
    """Return the scene of a site whose phones are agents behind a real Asterisk."""
    network = site.network
    assert isinstance(network, AgentNetwork)
    return Scene(
        site.service,
        site.redis,
        asterisk,
        site.instance,
        site.calls,
        lambda: ["+" + call.invite.number.removeprefix("+") for call in network.agent.calls],
        hook,
        hooked=frozenset() if hook is None else None,
        alone=alone,
    )


async def evidence(scene: Scene, secrets: Collection[str] = ()) -> Facts:
    """Collect all of it now. ``secrets``: codes and keys that were used, see ``Needles``; none: nothing is searched."""
    kept = await _kept(scene.redis.url)
    # One after the other: media legs are made and retired at any time, also when nothing happens.
    legs = await _legs(scene.service)
    channels, bridges = await _of_asterisk(scene, kept.records)
    posts = tuple(scene.hook.posts) if scene.hook is not None else ()
    searched, leaks = (0, ()) if not secrets else await _searched(scene, Needles(secrets), posts)
    return Facts(
        accepted=frozenset(scene.accepted),
        records=kept.records,
        summaries=tuple(kept.summaries),
        events=tuple(kept.events),
        posts=posts,
        hooked=scene.hooked,
        seen_ended=tuple(scene.seen_ended),
        invites=Counter(scene.numbers()),
        channels=channels,
        bridges=bridges,
        leg_prefix=f"otpvoice-{scene.instance}-leg-",
        legs=legs,
        live=tuple(kept.names["live"]),
        busy=tuple(kept.names["busy"]),
        plans=tuple(kept.names["plan"]),
        claims=tuple(kept.names["key"]),
        outbox=tuple(kept.names["outbox"]),
        dead=tuple(kept.names["dead"]),
        leaks=leaks,
        secrets=len(secrets),
        searched=searched,
        uncaught=tuple(_uncaught(scene.service.log_path)),
    )


async def settled(collect: Callable[[], Awaitable[Facts]], within: float = WITHIN) -> Facts:
    """Collect until all holds, for so many seconds at most. Returns what was collected last."""
    over = asyncio.get_running_loop().time() + within
    while True:
        facts = await collect()
        if not broken(facts) or asyncio.get_running_loop().time() >= over:
            return facts
        await asyncio.sleep(_POLL)


# --- Redis ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Kept:
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    names: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What should not be left, by the kind of its key."""


async def _kept(url: str) -> _Kept:
    """Read what is kept of all accounts; the names of keys are a contract (``adapters.store.keys``)."""
    kept = _Kept()
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter(match="otpvoice:{*", count=1000):
            kind, _, rest = key.decode().partition("}:")[2].partition(":")
            match kind:
                case "call":
                    if (record := await _whole(redis, key)) is not None:
                        kept.records[rest] = json.loads(record)
                case "summaries":
                    kept.summaries += [json.loads(entry[b"summary"]) for _, entry in await _whole(redis, key) or ()]
                case "events":
                    kept.events += [
                        Told(entry[b"id"].decode(), entry[b"type"].decode(), entry[b"body"])
                        for _, entry in await _whole(redis, key) or ()
                    ]
                case "live" | "outbox" | "dead":
                    kept.names[kind] += [member.decode() for member in await _whole(redis, key) or ()]
                case "busy" | "plan":
                    kept.names[kind].append(key.decode())
                case "key":
                    # "fingerprint token" and, once it was answered, a third word.
                    if len((await _whole(redis, key) or b"- - -").split(b" ", 2)) < 3:
                        kept.names[kind].append(rest)
                case _:
                    pass
    return kept


async def _whole(redis: Redis, key: bytes) -> Any:
    """Return a value of any kind; None where it went meanwhile."""
    match kind := await redis.type(key):
        case b"string":
            return await redis.get(key)
        case b"stream":
            return await redis.xrange(key)
        case b"hash":
            return await redis.hgetall(key)
        case b"zset":
            return await redis.zrange(key, 0, -1)
        case b"none":
            return None
        case _:
            raise AssertionError(f"a {kind!r} is not looked into")


# --- Asterisk and the service ---------------------------------------------------------------------------------------


async def _of_asterisk(scene: Scene, calls: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of channels and bridges that can be ours."""
    async with Asking(scene.asterisk) as ask, asyncio.timeout(WITHIN):
        # Under load it does not answer each time; that is no answer, and not that there are none.
        while not isinstance(found := await ask("bridges"), list):  # noqa: ASYNC110 - it tells nobody when it can
            await asyncio.sleep(_POLL)
    bridges = [bridge["id"] for bridge in found]
    # ARI does not show all: a channel that is on its way out, or that no module owns. The last field is its id.
    lines = (await scene.asterisk.cli("core show channels concise")).splitlines()
    channels = [line.split("!")[-1] for line in lines if "!" in line]
    if scene.alone:
        return tuple(channels), tuple(bridges)
    ours = (f"otpvoice-{scene.instance}-", *scene.accepted, *calls)
    return tuple(one for one in channels if one.startswith(ours)), tuple(one for one in bridges if one.startswith(ours))


async def _legs(service: ServeInstance) -> int:
    """Return how many media legs the service has; none where it does not run."""
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{service.url}/readyz", headers=service.headers) as answer,
        ):
            nodes: list[Mapping[str, Any]] = (await answer.json(content_type=None)).get("nodes", [])
    except aiohttp.ClientError:
        return 0
    return sum(node["legs"]["free"] + node["legs"]["taken"] for node in nodes)


def _uncaught(log: Path) -> Iterable[str]:
    with log.open("rb") as lines:
        for line in lines:
            if not line.startswith(b"{"):
                # Python's own words, past our log; an interpreter that is killed writes half a line.
                if line.startswith(b"Traceback"):
                    yield "a traceback outside of the log"
                continue
            if b'"exception"' in line or any(name.encode() in line for name in UNCAUGHT):
                try:
                    told = json.loads(line)
                except ValueError:
                    continue
                if told.get("exception") or told["event"] in UNCAUGHT:
                    yield f"{told['event']} ({(told.get('exception') or '').strip().rpartition(chr(10))[2][:200]})"


# --- secrets --------------------------------------------------------------------------------------------------------


async def _searched(scene: Scene, needles: Needles, posts: Iterable[Posted]) -> tuple[int, tuple[str, ...]]:
    """Return how many places were searched, and those that hold a secret: files, Redis, what was posted.

    None were, where one of the folders has no file: whoever looks there has looked in the wrong place.
    """
    places: list[tuple[str, bool]] = []
    blind = False
    folders = [scene.service.folder, scene.asterisk.log_path.parent, scene.redis.folder, *scene.folders]
    for folder in folders:
        found = await asyncio.to_thread(list, needles.in_files(folder, allowed=_ALLOWED))
        places += [(f"{folder.name}/{name}", leaks) for name, leaks in found]
        blind |= not found
    async with Redis.from_url(scene.redis.url) as redis:
        async for key in redis.scan_iter(count=1000):
            text = key + b"\n" + repr(await _whole(redis, key)).encode()
            places.append((f"Redis {key.decode(errors='replace')}", needles.within(text)))
        places.append(("Redis' log of slow commands", needles.within(repr(await redis.slowlog_get(1000)).encode())))
    for post in posts:
        if b'"asked":true' not in post.body:
            places.append((f"the post {post.id}", needles.within(post.body)))
    return 0 if blind else len(places), tuple(name for name, leaks in places if leaks)
