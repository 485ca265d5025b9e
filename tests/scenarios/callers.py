"""Phones that call in: into a dialplan that hands them to us by ``Stasis(…)``, and tells in the end what it saw.

The same for the agent before a real Asterisk and for the fake's people. It judges nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import OutgoingCall, Scenario
from tests.fakes import Dialplan
from tests.scenarios.phones import SOON, AgentNetwork, AgentPhone, Calls, FakeNetwork, FakePhone, Phone

RINGING: Final = "100"
"""An extension that hands the caller on without having answered."""
UP: Final = "200"
"""One that answers first."""
STAYS: Final = "300"
"""One that does not hang up afterwards."""
TWICE: Final = "400"
"""One that hands the caller on twice; only in a real Asterisk."""
TAPPED: Final = "500"
"""One that hands the caller on, and connects it with whom its header X-Callee names (``number@host:port``)."""

_TOLD: Final = (
    *("OTPVOICE_CALL", "OTPVOICE_STATUS", "OTPVOICE_REASON", "OTPVOICE_ERROR", "OTPVOICE_DELIVERED"),
    *("OTPVOICE_DIGITS", "OTPVOICE_DIGITS_ENDED_BY", "STASISSTATUS", "WENT_ON"),
)
_STASIS: Final = "Stasis(${PJSIP_HEADER(read,X-Stasis)})"
_ENTRY: Final = """exten => {name},1,Set(TEST_TOKEN=${{FILTER(0-9a-z,${{PJSIP_HEADER(read,X-Token)}})}})
 same => n,Set(CHANNEL(hangup_handler_push)=told,s,1)
{lines}"""


def _way(name: str, *applications: str) -> str:
    return _ENTRY.format(name=name, lines="".join(f" same => n,{application}\n" for application in applications))


DIALPLAN: Final = "\n".join([
    "[from-trunk]",
    _way(RINGING, _STASIS, "Set(WENT_ON=${CHANNEL(state)})", "Hangup()"),
    _way(UP, "Answer()", _STASIS, "Set(WENT_ON=${CHANNEL(state)})", "Hangup()"),
    _way(STAYS, _STASIS, "Set(WENT_ON=${CHANNEL(state)})", "Wait(60)"),
    _way(TWICE, _STASIS, "Set(WENT_ON=once)", _STASIS, "Set(WENT_ON=twice)", "Hangup()"),
    _way(
        TAPPED,
        "Set(CALLEE=${FILTER(0-9.:@,${PJSIP_HEADER(read,X-Callee)})})",
        _STASIS,
        "Set(WENT_ON=${CHANNEL(state)})",
        "Dial(PJSIP/trunk/sip:${CALLEE},30)",
        "Hangup()",
    ),
    "[elsewhere]",
    "exten => s,1,Set(WENT_ON=elsewhere)\n same => n,Wait(60)",
    "[out]",
    # An agent's phone, by its number (11 digits) and the agent's port.
    "exten => _X.,1,Dial(PJSIP/trunk/sip:${EXTEN:0:11}@127.0.0.1:${EXTEN:12})",
    "[told]",
    "exten => s,1,Log(NOTICE,told ${TEST_TOKEN} "
    + " ".join(f"{name}=${{URIENCODE(${{{name}}})}}" for name in _TOLD)
    + ")\n same => n,Return()\n",
])  # fmt: skip
MODULES: Final = {
    "modules.conf": "load = app_dial.so\nload = app_stack.so\nload = func_uri.so\nload = res_clioriginate.so",
    # What is told goes through the log, which discards lines when a thousand of them wait (main/logger.c).
    "logger.conf": "[general](+)\nlogger_queue_limit = 1000000",
}
_tokens = itertools.count(1)


class Caller(Phone):
    """A phone that calls. What callees do, it does; ``picked_up`` waits until it was answered."""

    @abstractmethod
    async def told(self, within: float = SOON) -> dict[str, str]:
        """Wait for the end of its channel; returns the variables by then. ``WENT_ON``: the channel's state after us."""

    @abstractmethod
    async def redirected(self) -> None:
        """Have somebody at the console lead it ``elsewhere``."""


class AgentCaller(AgentPhone, Caller):
    """One of the agent's, before a real Asterisk."""

    def __init__(
        self, network: AgentNetwork, asterisk: AsteriskInstance, stasis: str, to: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(Calls())
        self._asterisk = asterisk
        self._token = f"t{next(_tokens)}x"
        scenario = Scenario.talks()
        self.placed: OutgoingCall = network.agent.call(
            ("127.0.0.1", asterisk.sip_port),
            to,
            from_user=self.number,
            headers={"X-Token": self._token, "X-Stasis": stasis, **headers},
            scenario=scenario if network.law is None else scenario.with_laws(network.law),
        )
        self.calls.append(self.placed)
        self.called.set()

    async def told(self, within: float = SOON) -> dict[str, str]:
        pattern = re.compile(rf"Ext\. s: told {self._token} (.*)$", re.MULTILINE)
        async with asyncio.timeout(within):
            while (found := pattern.search(self._log())) is None:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.02)
        return {name: unquote(value) for name, _, value in (word.partition("=") for word in found[1].split(" "))}

    async def redirected(self) -> None:
        channel = re.search(rf'Set\("(PJSIP/\S+)", "TEST_TOKEN={self._token}"\)', self._log())
        assert channel is not None
        said = await self._asterisk.cli(f"channel redirect {channel[1]} elsewhere,s,1")
        assert "redirected" in said, said

    def _log(self) -> str:
        return self._asterisk.log_path.read_text(errors="replace")


class FakeCaller(FakePhone, Caller):
    """One of the fake's people."""

    def __init__(self, network: FakeNetwork, stasis: str, to: str, headers: Mapping[str, str]) -> None:
        super().__init__(Calls(), network.asterisk, network.law)
        assert to != TWICE
        network.asterisk.inbound(
            stasis,
            exten=to,
            caller=self.number,
            state="Up" if to == UP else "Ring",
            headers=list(headers.items()),
            dialplan=Dialplan(waits=None if to == STAYS else 0.0),
        )

    async def told(self, within: float = SOON) -> dict[str, str]:
        await self.over(within)
        *lines, last = self.call.then
        went_on = {"elsewhere": "elsewhere"}.get(lines[0].context, lines[0].state) if lines else ""
        return {name: last.variables.get(name, "") for name in _TOLD} | {"WENT_ON": went_on}

    async def redirected(self) -> None:
        self._asterisk.contexts.add("elsewhere")
        self.call.redirected("elsewhere")


def calls_in(
    network: AgentNetwork | FakeNetwork,
    asterisk: AsteriskInstance | None,
    stasis: str,
    to: str,
    headers: Mapping[str, str],
) -> Caller:
    """Have somebody call ``to``, whose dialplan says ``Stasis(stasis)``."""
    if isinstance(network, FakeNetwork):
        return FakeCaller(network, stasis, to, headers)
    assert asterisk is not None
    return AgentCaller(network, asterisk, stasis, to, headers)
