"""Looking names up, on threads of its own, so that names that are never answered for hold up nobody else's.

Requests choose the names, and some servers answer late or never; ``getaddrinfo`` can't be called off. So a name is
looked up once at a time, whoever asks; who asks waits for so long and no longer; the names of one domain have a few
threads and no more. What a name leads to is not judged here: between the look-up and the connection it can change, and
addresses are not looked up at all.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Final, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from otpvoice.adapters.places import Places
from otpvoice.trust.domains import domain

THREADS: Final = 256
"""At once. Most of them wait for servers that are gone; each takes some 50 kB."""
THREADS_PER_DOMAIN: Final = 8
PATIENCE: Final = 6.0
"""Seconds that anybody waits for a look-up: one server that is silent (5 s, resolv.conf(5)), and then the next one."""
KEPT: Final = 3.0
"""Seconds for which it is known what came of a look-up, and that nothing did."""

_Found: TypeAlias = list[tuple[socket.AddressFamily, int, str]]
"""Family, protocol, address."""
_Question: TypeAlias = tuple[str, socket.AddressFamily]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of a look-up. ``found`` None: the name leads nowhere."""

    found: _Found | None
    until: float


@dataclass(frozen=True, slots=True)
class _LookUp:
    """One that is under way. ``until``: who waits for it gives up, s of the event loop's clock."""

    task: asyncio.Task[_Found]
    until: float


def system(host: str, family: socket.AddressFamily) -> _Found:
    """Ask the system. Takes its time. Raises ``OSError``."""
    found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(kind, protocol, str(address[0])) for kind, _, protocol, _, address in found]


class Names(AbstractResolver):
    """The system's resolver, or what else ``look_up`` asks, on a thread. ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        look_up: Callable[[str, socket.AddressFamily], _Found] = system,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up, self._clock = look_up, clock
        self._threads = Places(THREADS, THREADS_PER_DOMAIN)
        self._under_way: dict[_Question, _LookUp] = {}
        # All are kept for as long, so that the first is the first to be forgotten.
        self._outcomes: OrderedDict[_Question, _Outcome] = OrderedDict()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return where a name leads. Raises ``OSError``: nowhere, or nobody said within ``PATIENCE``."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, protocol, address in await self._found((host, family))
        ]

    async def close(self) -> None:
        """Wait for nobody any more. Threads that still do end by themselves, and do not keep the process."""
        tasks = [look_up.task for look_up in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _found(self, question: _Question) -> _Found:
        self._forget_old()
        if (known := self._outcomes.get(question)) is not None:
            if known.found is None:
                raise OSError(None, "no such name, a moment ago")
            return known.found
        look_up = self._under_way.get(question)
        if look_up is None:
            until = asyncio.get_running_loop().time() + PATIENCE
            # In a context of its own: it is for all who wait for it, and bears the name of none.
            task = asyncio.create_task(self._ask(question, until), name="looking a name up", context=Context())
            look_up = self._under_way[question] = _LookUp(task, until)
            task.add_done_callback(partial(self._ended, question))
        try:
            # Who leaves must not take the answer away from others that wait for it.
            async with asyncio.timeout_at(look_up.until):
                return await asyncio.shield(look_up.task)
        except TimeoutError:
            raise OSError(None, "no name server answers") from None

    async def _ask(self, question: _Question, until: float) -> _Found:
        whose = domain(question[0].lower())
        # Who has no thread by then leaves the line; who has one keeps its place until the thread ends.
        async with asyncio.timeout_at(until):
            await self._threads.take(whose)
        try:
            return await _on_a_thread(partial(self._look_up, *question))
        finally:
            self._threads.leave(whose)

    def _ended(self, question: _Question, task: asyncio.Task[_Found]) -> None:
        self._under_way.pop(question, None)
        if not task.cancelled():
            found = None if task.exception() is not None else task.result()
            self._outcomes[question] = _Outcome(found, self._clock() + KEPT)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._outcomes:
            question, first = next(iter(self._outcomes.items()))
            if now < first.until:
                return
            del self._outcomes[question]


async def _on_a_thread(look_up: Callable[[], _Found]) -> _Found:
    """Return what it returns. Cancelled, the thread is left to itself: at its end nobody hears of it."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Found] = loop.create_future()

    def settle(found: _Found | None, fault: Any) -> None:
        if answer.done():
            return
        if found is None:
            answer.set_exception(fault)
        else:
            answer.set_result(found)

    def run() -> None:
        found, fault = None, None
        try:
            found = look_up()
        except Exception as failed:
            fault = failed
        try:
            loop.call_soon_threadsafe(settle, found, fault)
        except RuntimeError:
            return  # the loop is closed: the process ends

    try:
        # A pool's threads would be waited for at the end of the process.
        Thread(target=run, name="names", daemon=True).start()
    except RuntimeError:
        raise OSError(None, "no thread to be had") from None
    return await answer
