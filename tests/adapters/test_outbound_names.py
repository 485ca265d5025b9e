"""Looking names up: who is answered while others are not, and how often the system is asked.

The threads are real; what they ask answers when it is told to.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from threading import Event, Lock

import pytest

from otpvoice.adapters.outbound import names as names_module
from otpvoice.adapters.outbound.names import THREADS, THREADS_PER_DOMAIN, Names
from otpvoice.trust.domains import domain

SOON = 20.0
ANY = socket.AF_UNSPEC


class System:
    """What a resolver asks: names of ``dead…`` are not answered before ``let_go``, those of ``none…`` lead nowhere."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.let_go = Event()
        self.now = 1000.0
        self._changed = asyncio.Condition()
        self._loop = asyncio.get_running_loop()
        self._lock = Lock()

    def __call__(self, host: str, family: socket.AddressFamily) -> list[tuple[socket.AddressFamily, int, str]]:
        with self._lock:
            self.asked[host] += 1
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._tell()))
        if "dead" in host:
            self.let_go.wait()
        if "none" in host:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, 6, "192.0.2.7")]

    def clock(self) -> float:
        return self.now

    async def until(self, count: int) -> None:
        """Wait until so many questions have reached it."""
        async with asyncio.timeout(SOON), self._changed:
            await self._changed.wait_for(lambda: self.asked.total() >= count)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@pytest.fixture
async def system() -> AsyncIterator[System]:
    asked = System()
    yield asked
    asked.let_go.set()


@pytest.fixture
async def names(system: System) -> AsyncIterator[Names]:
    made = Names(system, clock=system.clock)
    yield made
    system.let_go.set()
    async with asyncio.timeout(SOON):
        while made._under_way:
            await asyncio.gather(*(one.task for one in made._under_way.values()), return_exceptions=True)
    await made.close()


async def where(names: Names, host: str) -> str:
    async with asyncio.timeout(SOON):
        (found,) = await names.resolve(host, 443)
    assert (found["hostname"], found["port"], found["proto"]) == (host, 443, 6)
    return found["host"]


async def all_of(tasks: list[asyncio.Task[str]]) -> list[str | BaseException]:
    async with asyncio.timeout(SOON):
        return await asyncio.gather(*tasks, return_exceptions=True)


def asking(names: Names, hosts: list[str]) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(where(names, host)) for host in hosts]


async def test_a_name_that_is_fine_is_answered_while_a_hundred_others_are_not(names: Names, system: System) -> None:
    waiting = asking(names, [f"dead{number}.example" for number in range(100)])
    await system.until(100)
    assert await where(names, "hooks.example") == "192.0.2.7"
    assert not any(task.done() for task in waiting)
    system.let_go.set()
    assert await all_of(waiting) == ["192.0.2.7"] * 100


async def test_the_names_of_one_domain_have_a_few_threads_and_no_more(names: Names, system: System) -> None:
    waiting = asking(names, [f"dead{number}.somebody.example" for number in range(2 * THREADS)])
    await system.until(THREADS_PER_DOMAIN)
    assert await where(names, "hooks.example") == "192.0.2.7"
    assert system.asked.total() == THREADS_PER_DOMAIN + 1
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await all_of(waiting)


async def test_who_asks_at_once_shares_a_look_up_and_who_leaves_takes_it_from_nobody(
    names: Names, system: System
) -> None:
    waiting = asking(names, ["dead.example"] * 50)
    await system.until(1)
    waiting[0].cancel()
    system.let_go.set()
    answers = await all_of(waiting)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == ["192.0.2.7"] * 49
    assert system.asked == {"dead.example": 1}


@pytest.mark.parametrize("host", ["none.example", "hooks.example"])
async def test_what_came_of_a_look_up_is_known_for_a_moment(names: Names, system: System, host: str) -> None:
    async def ask() -> None:
        if host.startswith("none"):
            with pytest.raises(OSError, match="no such name"):
                await where(names, host)
        else:
            await where(names, host)

    for _ in range(3):
        await ask()
        system.now += names_module.KEPT / 4
    assert system.asked == {host: 1}
    system.now += names_module.KEPT
    await ask()
    assert system.asked == {host: 2}
    system.now += names_module.KEPT
    await where(names, "other.example")
    assert list(names._outcomes) == [("other.example", ANY)], "and then forgotten: requests choose them, without end"


async def test_nobody_waits_for_ever_and_what_comes_late_is_for_the_next(
    names: Names, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_module, "PATIENCE", 0.1)
    for _ in range(3):
        with pytest.raises(OSError, match="no name server answers"):
            await where(names, "dead.example")
    assert system.asked == {"dead.example": 1}, "its thread still waits, and no second one beside it"
    (late,) = names._under_way.values()
    system.let_go.set()
    await late.task
    assert await where(names, "dead.example") == "192.0.2.7"
    assert system.asked == {"dead.example": 1}


async def test_who_waits_in_line_too_long_asks_nobody(
    names: Names, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names_module, "PATIENCE", 0.1)
    hosts = [f"dead{number}.somebody.example" for number in range(THREADS_PER_DOMAIN + 5)]
    answers = await all_of(asking(names, hosts))
    assert all(isinstance(answer, OSError) for answer in answers)
    system.let_go.set()
    late = [look_up.task for look_up in names._under_way.values()]
    assert len(late) == THREADS_PER_DOMAIN
    await asyncio.gather(*late)
    assert sorted(system.asked) == sorted(hosts[:THREADS_PER_DOMAIN])


async def test_who_waits_when_it_is_closed_waits_no_more(names: Names, system: System) -> None:
    waiting = asking(names, ["dead.example"])
    await system.until(1)
    await names.close()
    (answer,) = await all_of(waiting)
    assert isinstance(answer, asyncio.CancelledError)


async def test_where_no_thread_is_to_be_had_no_name_is_found(
    names: Names, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoThread:
        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(names_module, "Thread", NoThread)
    with pytest.raises(OSError, match="no thread"):
        await where(names, "hooks.example")
    assert not system.asked


async def test_the_system_itself_knows_this_machine_and_nobody_called_invalid() -> None:
    names = Names()
    async with asyncio.timeout(SOON):
        assert {found["host"] for found in await names.resolve("localhost", 80, socket.AF_INET)} == {"127.0.0.1"}
        with pytest.raises((OSError, UnicodeError)):
            await names.resolve("a..invalid")
    await names.close()


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        ("hooks.example", "hooks.example"),
        ("a.b.hooks.example", "hooks.example"),
        ("a.hooks.co.uk", "hooks.co.uk"),
        ("hooks.co.uk", "hooks.co.uk"),
        ("co.uk", "co.uk"),
        ("a.co.de", "a.co.de"),
        ("a.hooks.io", "hooks.io"),
        ("a.com.hooks.net", "hooks.net"),
        ("hooks", "hooks"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
    ],
)
def test_whose_a_host_is(host: str, whose: str) -> None:
    assert domain(host) == whose
