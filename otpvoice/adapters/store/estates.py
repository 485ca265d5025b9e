"""Whose a call is, and what it leaves to the next life of the process that took it, should that not see its end.

It names the port and its words, as ``ports`` does for all else, and opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose calls these are: a process, and which of its lives. ``life``: never the same one twice."""

    instance: str
    life: str


@dataclass(frozen=True, slots=True)
class Estate:
    """What a call leaves to the next life, should the one that took it not see its end.

    ``telling``: where what happens to it is told, as JSON that the store does not read. ``over_within``: so many
    seconds after it is first written it is over, whatever happens. ``plan``: what was asked for, sealed, as long as
    nobody was dialled for it; None: it is in memory alone. ``plan_seconds``: for so long that is of any use.
    """

    telling: bytes = field(repr=False)
    over_within: float
    plan: bytes | None = field(default=None, repr=False)
    plan_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Inherited:
    """A call that has not ended, as its former owner left it; it is ours now.

    ``events``: the number of the last one that was told. ``telling``: as in ``Estate``; None: nothing is known of that.
    ``plan``: sealed; None: there never was one, its time is over, or its call was about to be dialled.
    """

    record: dict[str, Any]
    events: int
    telling: bytes | None = field(default=None, repr=False)
    plan: bytes | None = field(default=None, repr=False)


class Estates(Protocol):
    """Calls whose owner will not see their end. A store writes for one owner, which it was told when it was made.

    Whoever accepts a call, or writes it first, owns it. Once it was adopted, what its former owner writes of it is
    refused: a process that was frozen, and wakes, changes nothing any more.
    """

    async def left_behind(self, account: str, /, *, ours: bool) -> Sequence[str]:
        """The account's calls that have not ended, are another owner's, and are overdue (``Estate.over_within``).

        ``ours``: and those of former lives of this very instance, overdue or not.
        """

    async def adopt(self, account: str, call_id: str, /) -> Inherited | None:
        """Take a call over, if ``left_behind`` would still name it (with ``ours``). None: there is nothing to take.

        A repeat by the one who has taken it over gets it again.
        """
