"""Calls that come in: a channel that executes a dialplan of which one line is ``Stasis(…)``.

Executes no dialplan: what follows that line is a pause and a ``Hangup()``, and what was seen there is written down.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.fakes.arguments import separate
from tests.fakes.causes import NORMAL, SIP_OF_CAUSE
from tests.fakes.channels import Channel

if TYPE_CHECKING:
    from tests.fakes.clock import Clock
    from tests.fakes.switch import Switch

HANGUP_EXTENSION: Final = "h"


@dataclass(frozen=True, slots=True)
class Dialplan:
    """The lines after ``Stasis(…)``: so many seconds (None: for ever), then ``Hangup(cause)``, or the end (None)."""

    waits: float | None = 0.0
    cause: int | None = NORMAL


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of the dialplan that was reached: where, in which state, and the variables at that moment."""

    context: str
    extension: str
    priority: int
    state: str
    at: float
    variables: dict[str, str] = field(repr=False)


class Pbx:
    """The thread that executes a channel's dialplan (main/pbx.c)."""

    def __init__(self, switch: Switch, clock: Clock, channel: Channel, plan: Dialplan, contexts: set[str]) -> None:
        self.seen: list[Seen] = []
        self._switch = switch
        self._clock = clock
        self._channel = channel
        self._plan = plan
        self._contexts = contexts
        self._timer: asyncio.TimerHandle | None = None

    def stasis(self, app_data: str) -> None:
        """Execute ``Stasis(app_data)``; where no such application is active the dialplan goes on at once."""
        app, *args = separate(app_data) or [""]
        self._channel.application = ("Stasis", app_data)
        if not self._switch.enter_stasis(self._channel, app, args):
            context, extension, priority = self._channel.context
            self.run(context, extension, priority + 1)

    def run(self, context: str, extension: str, priority: int) -> None:
        """Go on there; a context that does not exist is the end of the dialplan."""
        self._channel.context = (context, extension, priority)
        self._channel.application = ("", "")
        if context not in self._contexts:
            self._over(None)
            return
        self._look()
        if self._plan.waits is not None:
            self._timer = self._clock.later(self._plan.waits, lambda: self._over(self._plan.cause))

    def ended(self) -> None:
        """The channel is going: ``h`` is executed last of all."""
        if self._timer is not None:
            self._timer.cancel()
        context, _, _ = self._channel.context
        self._channel.context = (context, HANGUP_EXTENSION, 1)
        self._look()

    def _over(self, cause: int | None) -> None:
        asked_for = cause if cause is not None else self._channel.hangup_cause
        self._switch.end(self._channel, asked_for, SIP_OF_CAUSE.get(asked_for, 0))

    def _look(self) -> None:
        variables, now = dict(self._channel.variables), self._clock.now()
        self.seen.append(Seen(*self._channel.context, self._channel.state, now, variables))
