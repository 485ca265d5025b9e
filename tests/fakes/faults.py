"""Faults on demand: what the real Asterisk, or the network before it, does once in a month.

A REST fault is in force from the moment it is made, ``times`` times if given, until ``lift()`` or the end of its
``with``. Without operations it is about every request. Nothing here is random.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tests.fakes.media_queue import MediaEvent

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk
    from tests.fakes.call import Call
    from tests.fakes.channels import Json
    from tests.fakes.media_socket import MediaLeg


@dataclass(slots=True, eq=False)
class Fault:
    """One rule. ``used`` counts what it hit."""

    kind: str
    about: tuple[str, ...] = ()
    times: int | None = None
    seconds: float = 0.0
    status: int = 503
    body: Any = None
    until: str = ""
    used: int = 0
    lifted: bool = False
    held: list[Json] = field(default_factory=list)
    changed: Callable[[], None] | None = None

    def hits(self, what: str) -> bool:
        """Is this rule about it? Then that is one time less."""
        if self.lifted or (self.about and what not in self.about) or self.used == self.times:
            return False
        self.used += 1
        return True

    def lift(self) -> None:
        self.lifted = True
        if self.changed is not None:
            self.changed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()


class Faults:
    """``asterisk.faults``. Operations are those of ``rest.py``: ``originate``, ``externalMedia``, ``hangup``, …"""

    def __init__(self, asterisk: FakeAsterisk) -> None:
        self.wedged = False
        self._asterisk = asterisk
        self._rest: list[Fault] = []
        self._events: list[Fault] = []
        self._marks: list[Fault] = []
        self._commands: list[tuple[Fault, Callable[[MediaLeg], object]]] = []
        self._late_media_start: Fault | None = None

    # REST

    def delay(self, *operations: str, seconds: float, times: int | None = None) -> Fault:
        """Executed, and answered, ``seconds`` (of the fake's clock) late."""
        return self._add(Fault("delay", operations, times, seconds=seconds))

    def answer(self, *operations: str, status: int, body: Any = None, times: int | None = None) -> Fault:
        """Not executed; answered with this: JSON, or bytes as they are."""
        return self._add(Fault("answer", operations, times, status=status, body=body))

    def not_booted(self, *operations: str, times: int | None = None) -> Fault:
        return self.answer(*operations, status=503, body={"message": "Asterisk not booted"}, times=times)

    def hang(self, *operations: str, times: int | None = None) -> Fault:
        """Not executed and never answered; the connection drops when the fault is lifted."""
        return self._add(Fault("hang", operations, times))

    def cut_before(self, *operations: str, times: int | None = 1) -> Fault:
        """Not executed: the connection drops, as a keep-alive connection does that has just expired."""
        return self._add(Fault("cut before", operations, times))

    def cut_after(self, *operations: str, times: int | None = 1) -> Fault:
        """Executed, and then the connection drops: the answer is lost."""
        return self._add(Fault("cut after", operations, times))

    def answer_instead(self, *operations: str, status: int, body: Any = None, times: int | None = 1) -> Fault:
        """Executed, and answered with this in the place of its answer: a proxy's word, or junk."""
        return self._add(Fault("instead", operations, times, status=status, body=body))

    def cut_short(self, *operations: str, times: int | None = 1) -> Fault:
        """Executed; the connection drops in the middle of the answer's JSON."""
        return self._add(Fault("cut short", operations, times))

    def answer_after(self, event: str, *operations: str, times: int | None = None) -> Fault:
        """Executed; answered only when the event of that type about the new channel is on the events socket."""
        return self._add(Fault("answer after", operations, times, until=event))

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Connection refused: nothing listens on the port, and all connections are reset."""
        await self._asterisk.server.refuse()
        try:
            yield
        finally:
            await self._asterisk.server.listen()

    def _add(self, fault: Fault) -> Fault:
        fault.changed = self._asterisk.changed
        self._rest.append(fault)
        return fault

    def about(self, operation: str) -> list[Fault]:
        """The REST faults that strike this request, each now used once."""
        return [fault for fault in self._rest if fault.hits(operation)]

    # Events

    def cut_events(self) -> None:
        """All events sockets are reset; their applications are inactive, their channels stay."""
        for socket in self._asterisk.stasis.sockets:
            socket.abort()
            self._asterisk.stasis.disconnect(socket)

    def black_hole_events(self) -> None:
        """The sockets of now stay open and silent, to PINGs too; Asterisk believes that they are fine. For ever."""
        for socket in self._asterisk.stasis.sockets:
            socket.black_holed = True

    def drop_event(self, *kinds: str, times: int | None = 1) -> Fault:
        return self._add_event(Fault("drop", kinds, times))

    def repeat_event(self, *kinds: str, times: int | None = 1) -> Fault:
        return self._add_event(Fault("repeat", kinds, times))

    def hold_event(self, kind: str, *, until: str, times: int | None = 1) -> Fault:
        """The event arrives right after the next ``until`` of the same channel, instead of before."""
        return self._add_event(Fault("hold", (kind,), times, until=until))

    def _add_event(self, fault: Fault) -> Fault:
        self._events.append(fault)
        return fault

    def reshape(self, event: Json) -> list[Json]:
        """What goes out now in the place of this event."""
        sent = [event]
        for fault in self._events:
            if fault.kind == "hold" and event["type"] == fault.until:
                due = [held for held in fault.held if _channel_of(held) == _channel_of(event)]
                fault.held = [held for held in fault.held if held not in due]
                sent += due
            elif fault.hits(event["type"]):
                if fault.kind == "repeat":
                    return [*sent, event]
                fault.held += [event] if fault.kind == "hold" else []
                return []
        return sent

    # Media

    def wedge_media(self) -> None:
        """chan_websocket's registry lock is lost: no leg is made, connected or ended any more, until a restart."""
        self.wedged = True

    def lose_marks(self, *correlation_ids: str, times: int | None = None) -> Fault:
        """These marks (or all) are never confirmed."""
        fault = Fault("lose", correlation_ids, times)
        self._marks.append(fault)
        return fault

    def loses_mark(self, event: MediaEvent) -> bool:
        if event["event"] != "MEDIA_MARK_PROCESSED":
            return False
        return any(fault.hits(event["correlation_id"]) for fault in self._marks)

    def at_command(self, command: str, act: Callable[[MediaLeg], object], *, times: int | None = 1) -> Fault:
        """Do something just before the next such command on a media socket is carried out."""
        fault = Fault("command", (command,), times)
        self._commands.append((fault, act))
        return fault

    def digit_in_mid_flush(self, call: Call, digit: str) -> Fault:
        """The callee's digit crosses the FLUSH_MEDIA on the wire."""
        return self.at_command("FLUSH_MEDIA", lambda leg: call.press_now(digit))

    def command_arrives(self, command: str | None, leg: MediaLeg) -> None:
        for fault, act in self._commands:
            if command is not None and fault.hits(command):
                act(leg)

    def stasis_start_before_media_start(self) -> Fault:
        """The leg's StasisStart overtakes its MEDIA_START: they travel on two sockets."""
        self._late_media_start = Fault("late media start")
        return self._late_media_start

    def media_starts(self, start: Callable[[], None], answer: Callable[[], None]) -> None:
        late = self._late_media_start is not None and not self._late_media_start.lifted
        if late:
            answer()
            asyncio.get_running_loop().call_later(0.03, start)
        else:
            start()
            answer()

    def cut_media(self, channel_id: str) -> None:
        """The leg's socket is reset, and the leg hangs up: cause 38 (0 in no bridge), tech_cause 1001."""
        self._asterisk.leg(channel_id).cut()

    def kill_leg(self, channel_id: str) -> None:
        """Asterisk ends a leg by itself: CLOSE on its socket, then the events of its end."""
        self._asterisk.switch.hung_up(self._asterisk.leg(channel_id).channel, 38)


def _channel_of(event: Json) -> object:
    return (event.get("channel") or event.get("peer") or {}).get("id")
