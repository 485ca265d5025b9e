"""Somebody who calls, in both worlds: into a dialplan that is ``Stasis(…)`` and a few lines after it.

What those lines saw of the variables is told in one word each, as both worlds can say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, OutgoingCall
from tests.fakes import Call, Dialplan, FakeAsterisk
from tests.fakes.causes import SIP_OF_CAUSE

WITHIN: Final = 5.0
CALLER: Final = "15550111"
SEEN: Final = ("STASISSTATUS", "OTPVOICE_STATUS")
TONE: Final = b"\x2a" * 160


@dataclass(frozen=True)
class Arrival:
    """A call to ``exten``; ``waits`` and ``cause``: the pause and the Hangup() after ``Stasis(app_data)``."""

    app_data: str = "otp,in"
    state: str = "Up"
    exten: str = "100"
    name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    waits: float = 0.0
    cause: int | None = 16


class Caller(Protocol):
    async def answered(self) -> None: ...
    async def press(self, digits: str, off: float = 0.1) -> None: ...
    async def speaks(self, seconds: float) -> None: ...
    async def hang_up(self) -> None: ...
    async def hung_up_by_console(self) -> None: ...
    async def redirected(self) -> None:
        """By the console, to ``x`` of the context ``after``."""
        ...

    def heard(self) -> float:
        """Seconds of something else than silence."""
        ...

    def digits(self) -> str:
        """What the other party keyed."""
        ...

    async def then(self, line: str) -> str | None:
        """``STASISSTATUS/OTPVOICE_STATUS`` as the ``next`` line or ``h`` saw them; None: not reached."""
        ...


class Exchange(Protocol):
    """Where calls come in."""

    async def comes(self, arrival: Arrival, caller: str = CALLER) -> Caller: ...
    async def answers_locally(self, extension: str, cause: int | None, hangs_up: float | None) -> None:
        """An extension behind ``Local/…@from-trunk``: Busy() or Hangup(cause), or it answers and hangs up with 17."""
        ...


@dataclass
class FakeCaller:
    call: Call

    async def answered(self) -> None:
        assert self.call.channel.state == "Up"

    async def press(self, digits: str, off: float = 0.1) -> None:
        await self.call.press(digits, off=off)

    async def speaks(self, seconds: float) -> None:
        await self.call._asterisk.clock.sleep(self.call.say(TONE * round(seconds / 0.02)))

    async def hang_up(self) -> None:
        self.call.hang_up()

    async def hung_up_by_console(self) -> None:
        self.call.hung_up_by_console()

    async def redirected(self) -> None:
        self.call.redirected("after", "x")

    def heard(self) -> float:
        return 0.02 * sum(heard.payload == TONE for heard in self.call.heard)

    def digits(self) -> str:
        return self.call.digits

    async def then(self, line: str) -> str | None:
        seen = [seen for seen in self.call.then if (seen.extension == "h") == (line == "h")]
        return "/".join(seen[0].variables.get(name, "") for name in SEEN) if seen else None


@dataclass
class FakeExchange:
    asterisk: FakeAsterisk

    async def comes(self, arrival: Arrival, caller: str = CALLER) -> Caller:
        self.asterisk.callee(caller).anew()
        call = self.asterisk.inbound(
            arrival.app_data,
            exten=arrival.exten,
            caller=caller,
            name=arrival.name,
            state=arrival.state,
            headers=list(arrival.headers.items()),
            variables=dict(arrival.variables),
            dialplan=Dialplan(arrival.waits, arrival.cause),
        )
        return FakeCaller(call)

    async def answers_locally(self, extension: str, cause: int | None, hangs_up: float | None) -> None:
        callee = self.asterisk.callee(extension).anew()
        if cause is not None:
            callee.rejects(SIP_OF_CAUSE[cause], after=0.05)
            return
        callee.rings().answers(after=0.1)
        if hangs_up is not None:
            callee.hangs_up(after=hangs_up, cause=17)


@dataclass
class RealCaller:
    call: OutgoingCall
    asterisk: AsteriskInstance

    async def answered(self) -> None:
        await self.call.answered(within=WITHIN)

    async def press(self, digits: str, off: float = 0.1) -> None:
        await self.call.press(digits, on=0.1, off=off)

    async def speaks(self, seconds: float) -> None:
        await self.call.play_tone(440, seconds)

    async def hang_up(self) -> None:
        await self.call.hang_up()

    async def hung_up_by_console(self) -> None:
        await self.asterisk.cli(f"channel request hangup {await self._name()}")

    async def redirected(self) -> None:
        await self.asterisk.cli(f"channel redirect {await self._name()} after,x,1")

    async def _name(self) -> str:
        """Of the only channel in Stasis that the console knows."""
        rows = (await self.asterisk.cli("core show channels concise")).splitlines()
        [name] = [row.partition("!")[0] for row in rows if row.startswith("PJSIP/")]
        return name

    def heard(self) -> float:
        return self.call.recording.audible

    def digits(self) -> str:
        return self.call.recording.digits()

    async def then(self, line: str) -> str | None:
        for row in (await self.asterisk.cli("dialplan show globals")).splitlines():
            name, _, value = row.strip().partition("=")
            if name == line.upper():
                return value or None
        return None


@dataclass
class RealExchange:
    asterisk: AsteriskInstance
    agent: CalleeAgent

    async def comes(self, arrival: Arrival, caller: str = CALLER) -> Caller:
        await self._load(dialplan_text(arrival))
        call = self.agent.call(
            ("127.0.0.1", self.asterisk.sip_port),
            arrival.exten,
            from_user=caller,
            display_name=arrival.name or None,
            headers=arrival.headers,
        )
        return RealCaller(call, self.asterisk)

    async def answers_locally(self, extension: str, cause: int | None, hangs_up: float | None) -> None:
        refusal = "Busy(1)" if cause == 17 else f"Hangup({cause})"
        rings = ["Ringing()", "Wait(0.1)", "Answer()", f"Wait({hangs_up or 9})", "Hangup(17)"]
        steps = "".join(f" same => n,{line}\n" for line in (rings if cause is None else ["Wait(0.05)", refusal]))
        await self._load(f"[from-trunk]\nexten => {extension},1,NoOp()\n{steps}")

    async def _load(self, dialplan: str) -> None:
        path = self.asterisk.folder / "etc" / "extensions_local.conf"
        path.write_bytes(dialplan.encode(errors="surrogateescape"))
        await self.asterisk.cli("dialplan reload")


def dialplan_text(arrival: Arrival) -> str:
    seen = "/".join(f"${{{name}}}" for name in SEEN)
    hangup = ["Wait(0)"] if arrival.cause is None else [f"Hangup({arrival.cause})"]
    lines = [
        "Set(GLOBAL(NEXT)=)",
        "Set(GLOBAL(H)=)",
        *(f"Set({name}={value})" for name, value in arrival.variables.items()),
        *(["Answer()"] if arrival.state == "Up" else []),
        "Stasis(" + arrival.app_data.replace(";", "\\;") + ")",
        f"Set(GLOBAL(NEXT)={seen})",
        *([f"Wait({arrival.waits})"] if arrival.waits else []),
        *hangup,
    ]
    steps = "".join(f" same => n,{line}\n" for line in lines)
    return (
        f"[from-trunk]\nexten => {arrival.exten},1,NoOp()\n{steps}exten => h,1,Set(GLOBAL(H)={seen})\n"
        f"[after]\nexten => x,1,Set(GLOBAL(NEXT)={seen})\n same => n,Hangup({arrival.cause or ''})\n"
    )
