"""Recordings that lie at URLs of requests: fetched by the guarded client, decoded elsewhere, kept for an hour.

They are kept in memory only and by a digest of the URL, so that no URL, with whatever token is in it, is held for
longer than it is asked for. What failed is not kept: the next call asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

import structlog

from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.places import Places
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.g711 import Law
from otpvoice.trust.domains import domain
from otpvoice.trust.urls import BadUrl, read_url

log = structlog.get_logger(__name__)

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of a file."""
FRESH: Final = 3600.0
"""Seconds for which a file is not asked for again."""
ROOM: Final = 32 * 1024 * 1024
"""Bytes of sound that are kept: more than an hour."""
MOST: Final = 4096
"""Recordings that are kept, however short."""
FETCHING: Final = 32
"""Files at once."""
FETCHING_EACH: Final = 4
"""Of those from one domain: a server that is slow delays its own files."""
HELD: Final = 48
"""Files in memory at once, each perhaps as a whole: those that are fetched, and those that wait to be decoded."""
HELD_EACH: Final = 8
FETCH_WITHIN: Final = 10.0
"""Seconds from the first look-up to the last byte, redirects and all."""
READY_WITHIN: Final = 30.0
"""Seconds for all of it, waiting for others included."""

_Key: TypeAlias = tuple[bytes, Law]

_WORDS: Final = {
    "blocked": "audio_blocked",
    "bad_url": "audio_blocked",
    "timeout": "audio_timeout",
    "too_large": "audio_too_large",
}


@dataclass(frozen=True, slots=True)
class _Copy:
    """A recording, and what its server would know it by."""

    sound: bytes = field(repr=False)
    fresh_until: float
    validators: tuple[tuple[str, str], ...] = field(repr=False)


class Downloads:
    """Recordings by URL. ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        client: GuardedClient,
        decoder: Decoder | None = None,
        *,
        finishing: Finishing,
        clock: Callable[[], float] = time.monotonic,
        room: int = ROOM,
    ) -> None:
        self._client = client
        self._decoder = decoder or Decoder()
        self._finishing = finishing
        self._clock = clock
        self._room = room
        self._copies: OrderedDict[_Key, _Copy] = OrderedDict()
        self._used = 0
        self._under_way: dict[_Key, asyncio.Task[bytes]] = {}
        self._fetching = Places(FETCHING, FETCHING_EACH)
        self._held = Places(HELD, HELD_EACH)

    async def clip(self, url: str, law: Law) -> bytes:
        """Return a recording in this law, as loud as what is spoken; the same object while it is fresh.

        Raises ``SpeechUnavailable``: ``audio_blocked`` (it leads where requests may not), ``audio_unreachable``,
        ``audio_status`` (an answer, and not 200), ``audio_too_large`` (more than ``LARGEST`` bytes, or too many
        seconds), ``audio_format`` (see ``Decoder.telephone``), ``audio_timeout``.
        """
        key = (hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest(), law)
        copy = self._copies.get(key)
        if copy is not None and self._clock() < copy.fresh_until:
            self._copies.move_to_end(key)
            return copy.sound
        task = self._under_way.get(key)
        if task is None:
            # In a context of its own: it is for all who wait for it, and bears the name of none.
            task = self._under_way[key] = asyncio.create_task(self._make(key, url, copy), context=Context())
            task.add_done_callback(partial(self._forget, key))
        try:
            # Who hung up must not take the recording away from others that wait for it.
            return await asyncio.shield(task)
        except SpeechUnavailable as unavailable:
            log.warning("speech.not_fetched", host=_host_of(url), reason=unavailable.reason)
            raise

    async def close(self) -> None:
        """Stop what is being fetched or decoded."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, key: _Key, url: str, old: _Copy | None) -> bytes:
        try:
            async with asyncio.timeout(READY_WITHIN):
                copy = await self._copy(url, key[1], old)
        except TimeoutError:
            raise SpeechUnavailable("audio_timeout") from None
        self._keep(key, copy)
        return copy.sound

    async def _copy(self, url: str, law: Law, old: _Copy | None) -> _Copy:
        headers = {"Accept": "audio/*, */*;q=0.5", **dict(old.validators if old else ())}
        whose = _whose(url)
        async with self._held(whose):
            try:
                async with self._fetching(whose):
                    answer = await self._client.get(url, headers, seconds=FETCH_WITHIN, most=LARGEST)
            except Unreached as unreached:
                raise SpeechUnavailable(_WORDS.get(unreached.reason, "audio_unreachable")) from None
            fresh_until = self._clock() + FRESH
            if old is not None and answer.status == 304:
                return replace(old, fresh_until=fresh_until)
            if answer.status != 200:
                raise SpeechUnavailable("audio_status")
            sound = await self._decoder.telephone(answer.body, law, whose, finishing=self._finishing)
            return _Copy(sound, fresh_until, _validators(answer))

    def _keep(self, key: _Key, copy: _Copy) -> None:
        old = self._copies.pop(key, None)
        self._used += len(copy.sound) - (len(old.sound) if old else 0)
        self._copies[key] = copy
        while self._used > self._room or len(self._copies) > MOST:
            _, oldest = self._copies.popitem(last=False)
            self._used -= len(oldest.sound)

    def _forget(self, key: _Key, task: asyncio.Task[bytes]) -> None:
        self._under_way.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen: nobody may be waiting any more


def _whose(url: str) -> str:
    return domain(_host_of(url))


def _host_of(url: str) -> str:
    """Return what a log may show of a URL; "" where it is none, and nobody's: it is not asked for."""
    try:
        return read_url(url).host
    except BadUrl:
        return ""


def _validators(answer: Answer) -> tuple[tuple[str, str], ...]:
    # RFC 9110, 13.1.3: who has the entity tag does not look at the date.
    asked = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
    known = ((condition, answer.headers.get(name, "")) for condition, name in asked)
    return tuple((condition, value) for condition, value in known if value and value.isascii() and value.isprintable())
