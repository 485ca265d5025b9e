"""FakeAsterisk: a real HTTP server on a real loopback port that behaves as Asterisk 22.10.1 does towards ARI clients.

For races and faults that the real one does not show on demand. It has behaviour, not canned answers: people are
scripted (``callee``), faults are asked for (``faults``), everything else follows. It does no SIP and no RTP; audio
is counted in frames of 20 ms and *heard* by whoever is in the bridge at that tick and not on hold.

    async with FakeAsterisk() as asterisk:
        asterisk.callee("15550100").answers(after=0.2).presses("4821#")
        ...
        await asterisk.until(lambda: asterisk.callee("15550100").call.over)
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from tests.fakes.arguments import joined
from tests.fakes.call import Call, Heard
from tests.fakes.callee import Callee
from tests.fakes.channels import Channel, Json
from tests.fakes.clock import Clock, Ticker
from tests.fakes.dialplan import Dialplan, Pbx
from tests.fakes.faults import Faults
from tests.fakes.media_socket import MediaLeg
from tests.fakes.rest import Request
from tests.fakes.server import Server
from tests.fakes.snooping import Snooping
from tests.fakes.stasis import Stasis
from tests.fakes.switch import Switch
from tests.fakes.variables import ABSOLUTE_TIMEOUT

UNTIL_TIMEOUT: Final = 5.0  # of our seconds
UNKNOWN_NUMBER: Final = 404
TRUNK: Final = "trunk"
INBOUND_CONTEXT: Final = "from-trunk"


class FakeAsterisk:
    """``speed``: how many of its seconds, media ticks and timers included, pass in one of ours."""

    version = "22.10.1"
    user = "otp"
    password = "made-up-for-tests"

    def __init__(self, *, speed: float = 1.0) -> None:
        self.speed = speed
        self.endpoints = {TRUNK}
        self.contexts = {INBOUND_CONTEXT, "default", "after"}
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.originates: Counter[str] = Counter()
        self.legs: dict[str, MediaLeg] = {}
        self.life = 0
        self.booting = False
        self.stopping = False
        self.faults = Faults(self)
        self._arrived = 0
        self._callees: dict[str, Callee] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def __aenter__(self) -> Self:
        self.clock = Clock(self.speed)
        self.startup_time = self.clock.timestamp()
        self.stasis = Stasis(self.clock, self.faults.reshape, self.changed, [])
        self.ticker = Ticker(self.clock, self._tick, self._wants_ticks)
        self.switch = self._new_switch()
        self.server = Server(self)
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping = True
        self._die()
        self.ticker.stop()
        await self.server.stop()

    def _new_switch(self) -> Switch:
        return Switch(
            self.clock,
            self.stasis,
            advance=self.ticker.advance,
            wedged=lambda: self.faults.wedged,
            changed=self.changed,
        )

    @property
    def url(self) -> str:
        """Where ``/ari`` and ``/media`` are."""
        return f"http://127.0.0.1:{self.server.port}"

    # What a test asks of it

    @property
    def events(self) -> list[Json]:
        """All events that were written to a socket, in order."""
        return self.stasis.events

    def callee(self, number: str) -> Callee:
        """The person behind a number; always the same one. A number without a script does not exist: 404."""
        return self._callees.setdefault(number.removeprefix("+"), Callee(number.removeprefix("+")))

    @property
    def calls(self) -> list[Call]:
        return [call for callee in self._callees.values() for call in callee.calls]

    def leg(self, channel_id: str) -> MediaLeg:
        return next(leg for leg in self.legs.values() if leg.channel.id == channel_id)

    def requested(self, *operations: str) -> list[Request]:
        return [request for request in self.requests if request.operation in operations]

    def enters(
        self,
        app: str,
        *args: str,
        caller: str = "15550111",
        state: str = "Up",
        variables: dict[str, str] | None = None,
        channel_id: str = "",
    ) -> Call:
        """A call from the dialplan: ``Stasis(app,args…)`` on a channel that is ``Up`` or rings (``Ring``).

        The caller then acts by its script. With no active application ``STASISSTATUS`` is FAILED, at once.
        """
        return self.inbound(
            joined(app, *args),
            caller=caller,
            state=state,
            variables=variables,
            dialplan=Dialplan(waits=None),
            channel_id=channel_id,
        )

    def inbound(
        self,
        app_data: str,
        *,
        exten: str = "100",
        caller: str = "15550111",
        name: str = "",
        state: str = "Up",
        headers: Iterable[tuple[str, str]] = (),
        variables: dict[str, str] | None = None,
        dialplan: Dialplan | None = None,
        channel_id: str = "",
    ) -> Call:
        """An INVITE from the trunk, whose dialplan says ``Stasis(app_data)`` and then what ``dialplan`` is.

        ``state``: ``Ring``, or ``Up`` where the dialplan has said Answer() before. Variables are set, not substituted.
        Bytes in ``app_data``, ``headers`` and ``variables`` that are no UTF-8 are written as lone surrogates.
        The caller then acts by the script of ``callee(caller)``, from the answer on; who hangs up before it, cancels.
        """
        self._arrived += 1
        channel = self.new_channel(channel_id or f"{int(time.time())}.{self._arrived}", f"PJSIP/{TRUNK}")
        channel.state, channel.caller, channel.protocol_id = state, (name, caller), f"{uuid.uuid4()}"
        channel.context = (INBOUND_CONTEXT, exten, 1 if state == "Ring" else 2)
        channel.headers, channel.variables = list(headers), dict(variables or {})
        pbx = channel.pbx = Pbx(self.switch, self.clock, channel, dialplan or Dialplan(), self.contexts)
        if ABSOLUTE_TIMEOUT in channel.variables:
            self.switch.set_function(channel, ABSOLUTE_TIMEOUT, channel.variables.pop(ABSOLUTE_TIMEOUT))
        person = self.callee(caller)
        call = channel.call = Call(self, person, channel)
        steps = person.steps()
        person.calls.append(call)
        pbx.stasis(app_data)
        call.play_script(steps, answered=lambda: None)
        return call

    async def until(self, happened: Callable[[], bool], within: float = UNTIL_TIMEOUT) -> None:
        """Wait for a state of the fake; ``within`` so many of our seconds, else TimeoutError."""
        async with asyncio.timeout(within):
            await self.wait(happened)

    async def restart(self, booting: float = 0.2) -> None:
        """Die with everything in it and come back: connections reset, 503 for ``booting`` seconds, all forgotten."""
        self.crash()
        self.booting = True
        await self.clock.sleep(booting)
        self.startup_time, self.booting = self.clock.timestamp(), False

    # What its parts ask of it

    def crash(self) -> None:
        """Everything is forgotten, without a word to anybody; a new life starts at once."""
        self._die()
        self.faults.wedged = False
        self.stasis = Stasis(self.clock, self.faults.reshape, self.changed, self.stasis.events)
        self.switch = self._new_switch()
        self.startup_time = self.clock.timestamp()
        self.server.reset()
        self.changed()

    def _die(self) -> None:
        self.life += 1
        for task in self._tasks:
            task.cancel()
        for channel in self.switch.channels.values():
            channel.gone = True
            if channel.absolute is not None:
                channel.absolute.cancel()
        for call in self.calls:
            if not call.over:
                call.ended(None, None)
        self.legs.clear()
        self.changed()

    def changed(self) -> None:
        """Something happened: whoever waits may look again."""
        for waiter in list(self._waiting):
            happened, future = waiter
            if not future.done() and happened():
                future.set_result(None)

    async def wait(self, happened: Callable[[], bool]) -> None:
        if happened():
            return
        waiter = (happened, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            await waiter[1]
        finally:
            self._waiting.remove(waiter)

    def new_channel(self, channel_id: str, name: str) -> Channel:
        number = len(self.requests)
        channel = Channel(channel_id, f"{name}-{number:08x}", self.clock.timestamp())
        self.switch.channels[channel_id] = channel
        return channel

    def dial(self, channel: Channel, callee: Callee, *, app: str, args: list[str], timeout: float | None) -> None:
        """Send the INVITE; the script of the callee is what happens next."""
        if channel.local and not callee.scripted:
            # No such extension: not even a Dial tells of it.
            self.clock.later(0.0, lambda: self.switch.end(channel, 0))
            return
        self.originates[channel.id] += 1
        call = channel.call = Call(self, callee, channel)
        if not callee.scripted:
            callee.rejects(UNKNOWN_NUMBER)
        steps = callee.steps()
        channel.replied = not callee.silent
        callee.calls.append(call)
        switch = self.switch
        switch.dial(channel)
        if timeout is not None:
            self.clock.later(timeout, lambda: switch.not_answered(channel) if channel.dialling else None)
        call.play_script(steps, lambda: switch.answered(channel, app, args))

    def await_media(self, leg: MediaLeg, *, app: str, args: list[str]) -> None:
        """The leg is dialled: answered when its socket is there, else destroyed after 30 s."""
        self.legs[leg.connection_id] = leg
        switch = self.switch
        switch.dial(leg.channel)

        async def connected() -> None:
            came = await leg.answered()
            if leg.channel.gone:
                return
            if came:
                switch.answered(leg.channel, app, args)
            else:
                switch.not_answered(leg.channel)

        task = asyncio.create_task(connected(), name=f"leg {leg.channel.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tick(self, at: float) -> None:
        for leg in list(self.legs.values()):
            leg.tick(at)
        said: dict[Channel, bytes | None] = {}
        for call in self._speaking():
            # Speech passes with time, also where nobody listens.
            frame, bridge = call.next_frame(), call.channel.bridge
            said[call.channel] = frame
            if frame is not None and bridge is not None:
                for leg in bridge.legs:
                    leg.inbound(frame)
                for other in bridge.calls:
                    if other is not call and other.listening:
                        other.heard.append(Heard(at, frame))
        for snoop in self._snoops():
            snoop.tick(said.get(snoop.spied))
        self.changed()

    def _snoops(self) -> list[Snooping]:
        return [channel.snoop for channel in self.switch.channels.values() if channel.snoop is not None]

    def _speaking(self) -> list[Call]:
        up = [channel.call for channel in self.switch.channels.values() if channel.state == "Up"]
        return [call for call in up if call is not None and call.speaking]

    def _wants_ticks(self) -> bool:
        legs = any(leg.queue.wants_ticks for leg in self.legs.values())
        return legs or bool(self._speaking()) or any(snoop.wants_ticks for snoop in self._snoops())
