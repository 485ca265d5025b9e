"""The door below ``/api/v1/subaccounts`` as tests see it: two sub-accounts, a moment that stands still, and shapes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

import pytest

from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import SpeechProfile
from otpvoice.web import callflows, registrations
from otpvoice.web.auth import Account
from tests.dialects.callflow.account import DEFAULTS, NOW, scenarios
from tests.web.world import KEY, OTHER_KEY, SECRET, TEST_KEY, Answer, Door, digest, opened

ACCOUNT: Final = "acme_corp"
ROOT: Final = "/api/v1/subaccounts"
MINE: Final = f"{ROOT}/{ACCOUNT}"
CALLFLOWS, WEBHOOKS, PROFILES = f"{MINE}/callflows", f"{MINE}/webhooks", f"{MINE}/speech-profiles"

OFFERS: Final = replace(
    DEFAULTS,
    profiles=lambda: [SpeechProfile("da-DK-Naja", "da-DK", True), SpeechProfile("espeak:de", "de")],
    scenarios=lambda name: b"{" if name == "broken" else scenarios(name),
)
FICTION: Final = "+12025550120"
"""A number that only a test key may name here."""
REHEARSAL: Final = replace(OFFERS, destinations=Destinations(("+65", FICTION), ("+6599",)))
ACCOUNTS: Final = (
    Account(ACCOUNT, (digest(KEY), digest(TEST_KEY)), OFFERS, REHEARSAL),
    Account("other", (digest(OTHER_KEY),), replace(OFFERS, account="other")),
)

CALL: Final = {"action": "makeCall", "params": {"source": "6512341234", "destination": "6512345678"}}
SAY: Final = {"action": "say", "params": {"text": "Hello, Ann.", "voiceProfile": "en-IE-EmilyNeural"}}
ASK: Final = {
    "action": "sayAndCapture",
    "params": {"promptMessage": "Press one.", "voiceProfile": "en-IE-EmilyNeural", "maxDigits": 1},
}
BODY: Final = {"callflow": [CALL, SAY, {"action": "hangup"}]}

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@asynccontextmanager
async def opened_at(now: float, *, secret: bytes | None = SECRET) -> AsyncIterator[Door]:
    """Open the door. For it, it is this moment."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (callflows, registrations):
            patch.setattr(module, "time", SimpleNamespace(time=lambda: now))
        async with opened(secret=secret, accounts=ACCOUNTS) as door:
            yield door


@asynccontextmanager
async def opened_now(*, secret: bytes | None = SECRET) -> AsyncIterator[Door]:
    """Open the door at the moment of the examples."""
    async with opened_at(NOW, secret=secret) as door:
        yield door


async def ask(door: Door, body: Any = BODY, **more: Any) -> Answer:
    """Ask for a callflow; bytes go as they are. Calls before it have ended: nobody is called twice at once."""
    for call_id in list(door.calls.live):
        await door.calls.end(call_id)
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    return await door.ask("POST", CALLFLOWS, **sent, **more)


async def register(door: Door, kind: str, *, key: str = KEY, **fields: Any) -> Answer:
    """Register an endpoint."""
    body = {"type": kind, "url": f"https://ivr.example/{kind.lower()}"} | fields
    return await door.ask("POST", WEBHOOKS, json=body, key=key)


def created(answer: Answer) -> Mapping[str, Any]:
    """Return what says that a session was created."""
    body: Mapping[str, Any] = answer.body
    assert answer.status == 200, body
    assert answer.headers["Content-Type"] == "application/json"
    assert list(body) == [
        *("sessionId", "sessionStatus", "callFlowRequestId"),
        *(["validUntil"] if "validUntil" in body else []),
        *("statusCode", "statusMessage"),
    ]
    assert (body["sessionStatus"], body["statusCode"], body["statusMessage"]) == ("CREATED", 1, "Created")
    assert UUID.fullmatch(body["sessionId"])
    assert UUID.fullmatch(body["callFlowRequestId"])
    return body


def not_created(answer: Answer, status: int, code: int) -> str:
    """Return the message of a refusal."""
    body: Mapping[str, Any] = answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert list(body) == ["sessionStatus", "callFlowRequestId", "statusCode", "statusMessage"]
    assert (answer.status, body["statusCode"], body["sessionStatus"]) == (status, code, "NOT_CREATED"), body
    assert UUID.fullmatch(body["callFlowRequestId"])
    assert type(body["statusCode"]) is int
    assert body["statusMessage"]
    return str(body["statusMessage"])


def failed(answer: Answer, status: int, code: str) -> str:
    """Return the message of an error of another resource."""
    body: Mapping[str, Any] = answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert list(body) == ["errorId", "statusCode", "statusMessage", "timestamp"]
    assert (answer.status, body["statusCode"]) == (status, code), body
    assert UUID.fullmatch(body["errorId"])
    assert INSTANT.fullmatch(body["timestamp"])
    return str(body["statusMessage"])
