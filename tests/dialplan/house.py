"""A real Asterisk with exactly the files of ``dialplan/``, a service beside it, and callers who come in.

The contexts of the tests themselves lead callers into the recipes, and have each channel tell its variables when it is
gone, from a hang-up handler (which runs however the call ended, after ``h``). It judges nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
from redis.asyncio import Redis

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, CallOver, IncomingCall, Invite, OutgoingCall, Scenario
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.dialplan.menu import Menu

ROOT: Final = Path(__file__).parents[2]
RECIPES: Final = sorted((ROOT / "dialplan").glob("*.conf"))
SOON: Final = 20.0
"""Seconds within which whatever is awaited has happened, on a busy machine too."""
PINS: Final = {"+15550301": "0829", "+15550302": "4829", "+15550304": "4829", "+15550305": "4829", "+15550307": "9053"}
CODE: Final = "4829"
"""In OTP_CODE of each channel of the trunk, from the start: set by its endpoint, and not by Set()."""
_POLL: Final = 0.02
_tokens = itertools.count(1)

_TOLD: Final = [
    *(f"OTPVOICE_{name}" for name in ("CALL", "STATUS", "REASON", "DELIVERED", "DIGITS", "DIGITS_ENDED_BY", "ERROR")),
    "STASISSTATUS",
    "WENT_ON",
]
_MODULES: Final = ("app_stack", "func_uri", "func_shell", "res_clioriginate")
"""What the tests tell with, and what an attacker would like: no recipe needs it."""
_ENTRY: Final = """exten => {name},1,Set(TEST_TOKEN=${{FILTER(0-9a-z,${{PJSIP_HEADER(read,X-Test)}})}})
 same => n,Set(CHANNEL(hangup_handler_push)=test-told,s,1)
{lines}"""


def way(name: str, *applications: str) -> str:
    """Return an extension that callers dial: whatever happens to them then, in the end their channel tells."""
    lines = "\n".join(f" same => n,{application}" for application in applications)
    return _ENTRY.format(name=name, lines=lines)


WAYS: Final = (
    way("pin", "Goto(otpvoice-pin,s,1)"),
    way("answered-pin", "Answer()", "Goto(otpvoice-pin,s,1)"),
    way("languages", "Goto(otpvoice-languages,s,1)"),
    way("header", "Goto(otpvoice-header,s,1)"),
    way("telesign", "Goto(otpvoice-hosted,telesign,1)"),
    way("8x8", "Goto(otpvoice-hosted,8x8,1)"),
    way("code", "Goto(otpvoice-code,s,1)"),
    way("prepared-header", "Goto(otpvoice-prepared,header,1)"),
    way("prepared-variable", "Set(OTP_CALL=${PJSIP_HEADER(read,X-Id)})", "Goto(otpvoice-prepared,variable,1)"),
    way("_call[_]!", "Goto(otpvoice-prepared,${FILTER(a-z0-9_,${EXTEN})},1)"),
    way("sales", "Goto(otpvoice-connect,sales,1)"),
    way("support", "Goto(otpvoice-connect,support,1)"),
    way("answered-sales", "Answer()", "Goto(otpvoice-connect,sales,1)"),
    # From a trunk, which the file warns of: here nobody else can call.
    way("_+X.", "Goto(otpvoice-connect-dialled,${FILTER(0-9+,${EXTEN})},1)"),
    way("_7X.", "Set(OTP_CODE=${PJSIP_HEADER(read,X-Code)})", "Goto(otpvoice-call-out,${FILTER(0-9,${EXTEN:1})},1)"),
    # The arguments as somebody outside says they are: the worst that a dialplan can do.
    way("raw", "Stasis(otpvoice,${PJSIP_HEADER(read,X-Args)})", "Set(WENT_ON=yes)", "Hangup()"),
    way("ringing", "Ringing()", "Stasis(otpvoice,${PJSIP_HEADER(read,X-Args)})", "Set(WENT_ON=yes)", "Hangup()"),
    way("up", "Answer()", "Stasis(otpvoice,${PJSIP_HEADER(read,X-Args)})", "Set(WENT_ON=yes)", "Hangup()"),
    # Bytes that no header can have; func_uri.so is the tests' own.
    way("decoded", "Stasis(otpvoice,${URIDECODE(${PJSIP_HEADER(read,X-Args)})})", "Set(WENT_ON=yes)", "Hangup()"),
    way("hurried", "Set(TIMEOUT(absolute)=1)", "Goto(otpvoice-pin,s,1)"),
    way("first", "Stasis(otpvoice,say=Hello)", "Wait(60)"),
    way("name", 'Stasis(otpvoice,"say=${CALLERID(name)}")', "Set(WENT_ON=yes)", "Hangup()"),
    way("quoted", 'Stasis(otpvoice,"say=${PJSIP_HEADER(read,X-Name)}")', "Set(WENT_ON=yes)", "Hangup()"),
    way(
        "filtered",
        'Stasis(otpvoice,"say=${FILTER(a-zA-Z ,${PJSIP_HEADER(read,X-Name)})}")',
        "Set(WENT_ON=yes)",
        "Hangup()",
    ),
    way(
        "limited",
        "Set(TIMEOUT(absolute)=${PJSIP_HEADER(read,X-Limit)})",
        "Stasis(otpvoice,${PJSIP_HEADER(read,X-Args)})",
        "Set(WENT_ON=${TIMEOUT(absolute)})",
        "Hangup()",
    ),
)


def dialplan(*more: str) -> str:
    """Return what ``extensions_local.conf`` holds: the recipes themselves, and the ways into them."""
    included = "".join(f'#include "{path}"\n' for path in RECIPES)
    fields = " ".join(f"{name}=${{URIENCODE(${{{name}}})}}" for name in _TOLD)
    told = f"[test-told]\nexten => s,1,Log(NOTICE,told ${{TEST_TOKEN}} {fields})\n same => n,Return()\n"
    return "\n".join([included, "[from-trunk]", *WAYS, *more, told])


@dataclass(slots=True)
class Caller:
    """Somebody who called: the call as the telephone knows it, and what the channel told when it was gone."""

    house: House
    token: str
    phone: OutgoingCall

    async def told(self, within: float = SOON) -> dict[str, str]:
        """Wait for the variables of the channel at its end, by name."""
        pattern = re.compile(rf"Ext\. s: told {self.token} (.*)$", re.MULTILINE)
        await until(lambda: pattern.search(self.house.log) is not None, within)
        (found,) = pattern.findall(self.house.log)
        return {name: unquote(value) for name, _, value in (word.partition("=") for word in found.split(" "))}

    @property
    def channel(self) -> str:
        """The channel's name; empty until its first step."""
        found = re.search(rf'Set\("(PJSIP/\S+)", "TEST_TOKEN={self.token}"\)', self.house.log)
        return found[1] if found is not None else ""

    @property
    def path(self) -> list[str]:
        """Which extensions the channel has come by so far, each as ``extension@context:priority``."""
        steps = re.findall(rf'Executing \[(\S+)\] \w+\("{re.escape(self.channel)}"', self.house.log)
        return [step for step in steps if "@test-told:" not in step]

    def logged(self, text: str) -> bool:
        """Has one of its steps written this into the log?"""
        thread = re.search(rf"VERBOSE(\[\d+\]\[C-\w+\]) .*TEST_TOKEN={self.token}\"", self.house.log)
        return (
            thread is not None and re.search(rf"{re.escape(thread[1])} .*{re.escape(text)}", self.house.log) is not None
        )

    async def at(self, step: str, count: int = 1, within: float = SOON) -> None:
        """Wait until the channel comes by a step, for the ``count``-th time."""
        await until(lambda: self.path.count(step) >= count, within)

    async def hears(self, seconds: float = 0.3, within: float = SOON) -> None:
        """Wait until so much more was heard than until now."""
        before = self.phone.recording.audible
        await self.phone.heard(before + seconds, within=within)

    async def keys(self, digits: str, *, at: str, count: int = 1) -> None:
        """Wait for a step, and for the first words of what is asked there; then press."""
        await self.at(at, count)
        await self.hears()
        await self.press(digits)

    async def press(self, digits: str) -> None:
        """Press keys; the last of them may be what ends the call."""
        with suppress(CallOver):
            await self.phone.press(digits)

    async def summary(self, within: float = SOON) -> dict[str, Any]:
        """Wait for the summary of the call that the channel says it was."""
        return await self.house.summary((await self.told(within))["OTPVOICE_CALL"], within)


@dataclass(slots=True)
class House:
    """Made by ``open_house``. ``agent`` is whom the trunk leads to, and whoever calls in."""

    asterisk: AsteriskInstance
    redis: RedisInstance
    agent: CalleeAgent
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    service: ServeInstance | None = None
    menu: Menu | None = None
    http: aiohttp.ClientSession | None = None

    def calls(self, user: str, **headers: str) -> Caller:
        """Have somebody call. ``headers``: ``X_Args`` is the header X-Args, ``caller`` and ``name`` are who it is."""
        token = f"t{next(_tokens)}"
        caller, name = headers.pop("caller", "+15550142"), headers.pop("name", None)
        fields = {"X-Test": token} | {header.replace("_", "-"): value for header, value in headers.items()}
        target = ("127.0.0.1", self.asterisk.sip_port)
        phone = self.agent.call(target, user, from_user=caller, display_name=name, headers=fields)
        return Caller(self, token, phone)

    @property
    def log(self) -> str:
        """What Asterisk has logged."""
        return self.asterisk.log_path.read_text(errors="replace")

    async def counted(self, keys: int, caller: str, within: float = SOON) -> None:
        """Wait until so many keys of the one call from this number have come: a hang-up can overtake a key."""
        status, body = await self.ask("GET", "/v1/calls?limit=100")
        assert status == 200, body
        (call,) = [one["id"] for one in body["data"] if one["from"] == caller]
        await until(lambda: [line["call"] for line in self.lines("key.pressed")].count(call) == keys, within)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What the service has logged of one kind, so far."""
        assert self.service is not None
        lines = map(json.loads, self.service.log_path.read_text().splitlines())
        return [line for line in lines if line["event"] == event]

    @property
    def over(self) -> list[str]:
        """The ids of the calls that have ended, as the service's log tells."""
        return [line["call"] for line in self.lines("call.ended")]

    async def prepare(self, *actions: Mapping[str, Any], **fields: Any) -> str:
        """Prepare a call over HTTP. Returns its id."""
        status, body = await self.ask("POST", "/v1/calls", {"dial": False, "actions": actions} | fields)
        assert status == 202, body
        assert body["state"] == "waiting"
        return str(body["id"])

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the service, with its key. Returns status and JSON."""
        assert self.service is not None
        assert self.http is not None
        url = self.service.url + path
        async with self.http.request(method, url, json=body, headers=self.service.headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def summary(self, call_id: str, within: float = SOON) -> dict[str, Any]:
        """Wait for a call's summary in the stream: there is one, and never a second."""
        (found,) = await self._summaries(lambda one: one["id"] == call_id, within)
        return found

    async def callee(self, number: str, within: float = SOON) -> IncomingCall:
        """Wait for the first call to a number."""
        await until(lambda: any(call.invite.number == number for call in self.agent.calls), within)
        return next(call for call in self.agent.calls if call.invite.number == number)

    async def ended(self) -> list[dict[str, Any]]:
        """Return all summaries that there are by now."""
        async with Redis.from_url(self.redis.url) as redis:
            return await summaries(redis)

    async def summary_of(self, sip_call_id: str, within: float = SOON) -> dict[str, Any]:
        """Wait for the summary of a call that the dialplan made itself, by the Call-ID of its INVITE."""
        (found,) = await self._summaries(
            lambda one: [leg["sip_call_id"] for leg in one["legs"]] == [sip_call_id], within
        )
        return found

    async def _summaries(self, fits: Callable[[dict[str, Any]], bool], within: float) -> list[dict[str, Any]]:
        async with asyncio.timeout(within):
            while True:
                if found := [one for one in await self.ended() if fits(one)]:
                    return found
                await asyncio.sleep(_POLL)


async def until(condition: Callable[[], bool], within: float = SOON) -> None:
    """Wait until something holds that nobody tells: a line in a log."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(_POLL)


def verdict(summary: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return class and reason of a call's outcome."""
    return summary["outcome"]["class"], summary["outcome"]["reason"]


async def summaries(redis: Redis) -> list[dict[str, Any]]:
    """Return all summaries in the stream."""
    entries: list[Any] = await redis.xrange("otpvoice:{default}:summaries") or []
    return [json.loads(fields[b"summary"]) for _, fields in entries]


@asynccontextmanager
async def open_house(
    folder: Path, *, service: bool = True, debug: int = 0, code: str = CODE, **settings: Any
) -> AsyncIterator[House]:
    """Start all of it. ``service`` False: nobody is home. ``debug`` is Asterisk's, ``settings`` are the service's."""
    scenarios: dict[str, Scenario] = {}

    def of(invite: Invite) -> Scenario:
        return scenarios.get(invite.number, Scenario.rejects(404))

    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(await RedisInstance.start(folder / "redis"))
        agent = await stack.enter_async_context(CalleeAgent(of))
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(
                folder / "asterisk",
                trunk=agent.address,
                verbose=5,
                debug=debug,
                extensions=dialplan(),
                extra_config={
                    "otpvoice-pins.conf": "[pins]\n" + "".join(f"{who} = {pin}\n" for who, pin in PINS.items()),
                    # Of 1000 lines that wait Asterisk throws the next ones away: among them may be what a channel told.
                    "logger.conf": "[general](+)\nlogger_queue_limit = 1000000",
                    "modules.conf": "".join(f"load = {module}.so\n" for module in _MODULES),
                    "pjsip.conf": f"[trunk](+)\ntype = endpoint\nset_var = OTP_CODE={code}",
                },
                rtp_ports=200,
            )
        )
        house = House(asterisk, redis, agent, scenarios)
        if service:
            await stack.enter_async_context(serving(house, folder / "service", **settings))
        yield house


@asynccontextmanager
async def serving(house: House, folder: Path, **settings: Any) -> AsyncIterator[ServeInstance]:
    """Start a service, ready for calls."""
    values = {
        "ari_url": house.asterisk.ari_url,
        "ari_user": house.asterisk.ari_user,
        "ari_password": house.asterisk.ari_password,
        "trunk": "PJSIP/{number}@trunk",
        "caller_ids": "+15550199",
        "allow_destinations": "+1555 +44207946000",
        "redis_url": house.redis.url,
        "media_legs": "8:60",
        "lead_in": 0.1,
        "tail": 0.1,
    } | settings
    async with await ServeInstance.start(folder, values) as service, aiohttp.ClientSession() as http:
        house.service, house.http = service, http
        await service.ready()
        yield service
