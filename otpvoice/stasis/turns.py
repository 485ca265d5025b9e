"""Whose turn is it on a trunk? So many calls a second, so many at a time, and a line for the others.

Pure: time is an argument, and who calls the next one is told when to ask again. It rings nobody and wakes nobody.

The accounts take turns, and among its own calls each is served in order: who floods the line waits behind themselves.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LATE: Final = 0.1
"""Seconds that somebody may be called late without making the next one later: a busy machine costs no calls."""


class LineFull(Exception):
    """Too many calls wait, of all accounts or of this one."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticket(Generic[T]):
    """A place in the line, worth something before ``until``."""

    account: str
    until: float
    who: T


class Turns(Generic[T]):
    """Those who wait for one trunk, and how many have had their turn and are not done yet.

    Turns are due ``1/calls_per_second`` apart and never early, so that in any span there are at most
    ``1 + calls_per_second * (span + LATE)`` of them. None: no limit.
    """

    def __init__(self, *, calls_per_second: float | None, max_calls: int | None, longest: int) -> None:
        self._gap = 0.0 if calls_per_second is None else 1 / calls_per_second
        self._max_calls, self._longest = max_calls, longest
        self._line: OrderedDict[str, OrderedDict[Ticket[T], None]] = OrderedDict()
        self._next = -math.inf
        self._due: float | None = None
        self.waiting = self.in_progress = 0

    @property
    def deadline(self) -> float | None:
        """When to ask ``call`` again; None: not before somebody comes, or is done."""
        return self._due

    def free(self, now: float) -> bool:
        """Would somebody who comes now be called at once?"""
        return not self.waiting and not self._full and now >= self._next

    def join(self, account: str, until: float, who: T) -> Ticket[T]:
        """Stand in line. Raises ``LineFull``.

        An account's share is smaller, the more of them wait: there is room left for one that comes next.
        """
        own = self._line.get(account, ())
        share = self._longest // (len(self._line.keys() - {account}) + 2)
        if self.waiting >= self._longest or len(own) >= max(1, share):
            raise LineFull
        ticket = Ticket(account, until, who)
        self._line.setdefault(account, OrderedDict())[ticket] = None
        self.waiting += 1
        return ticket

    def leave(self, ticket: Ticket[T]) -> None:
        """Give up a place. Who has been called, or has left, has none."""
        own = self._line.get(ticket.account)
        if own is None or ticket not in own:
            return
        del own[ticket]
        if not own:
            del self._line[ticket.account]
        self.waiting -= 1
        if not self.waiting:
            self._due = None

    def call(self, now: float) -> T | None:
        """Return whose turn it is: in progress from now on. Ask until it is nobody's, and again at ``deadline``."""
        ticket = self._first(now)
        if ticket is None or self._full:
            self._due = None
            return None
        if now < self._next:
            self._due = self._next
            return None
        # Due is what the first one waited for, and for nothing else.
        began = now if self._due is None else max(self._due, now - LATE)
        self._next = began + self._gap
        self.leave(ticket)
        if ticket.account in self._line:
            self._line.move_to_end(ticket.account)
        self.in_progress += 1
        self._due = self._next if self.waiting else None
        return ticket.who

    def add(self) -> None:
        """Count a call that asks nobody: it waits for no turn, and takes one from those who do only by being there."""
        self.in_progress += 1

    def done(self) -> None:
        """A call of those in progress is over."""
        if not self.in_progress:
            raise ValueError("more calls are over than there were")
        self.in_progress -= 1

    @property
    def _full(self) -> bool:
        return self._max_calls is not None and self.in_progress >= self._max_calls

    def _first(self, now: float) -> Ticket[T] | None:
        """Return who is first; those whose time is over are not in line any more."""
        while self._line:
            ticket = next(iter(next(iter(self._line.values()))))
            if ticket.until > now:
                return ticket
            self.leave(ticket)
        return None
