"""What the client asks for and what the callee does, for each call of the plan: data for both ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from otpvoice.testkit.callee import Scenario
from tests.soak.plan import Ask, Callee, Kind

QUICK: Final = {"template": "{code}", "gap": 0.1, "group": 0, "speed": 1.5, "slow_down": 0, "times": 1}
WAITS: Final = 8.0
"""Seconds that a prepared call waits for somebody who never comes."""


def body_of(ask: Ask, hook: str, now: float) -> dict[str, Any]:
    """Return the request. ``now``: Unix seconds; ``hook``: who is asked by an interactive one."""
    speak = {"type": "say_code", "code": ask.code} | QUICK
    shared = {"to": ask.to, "ring_timeout": 5, "max_duration": 20, "metadata": {"number": ask.number}}
    match ask.kind:
        case Kind.CODE | Kind.TEST:
            return shared | {"actions": [speak]}
        case Kind.GATHER:
            listen = {"type": "gather", "max_digits": len(ask.keys), "first_digit_timeout": 6, "inter_digit_timeout": 2}
            return shared | {"actions": [speak | {"code": ask.code[::-1]}, listen]}
        case Kind.INTERACTIVE:
            return shared | {"webhook": {"url": hook, "events": ["*"], "interactive": True}}
        case Kind.WAITING:
            until = datetime.fromtimestamp(now + WAITS, UTC).isoformat(timespec="milliseconds")
            return {"dial": False, "valid_until": until, "actions": [speak], "metadata": {"number": ask.number}}


def secrets_of(ask: Ask) -> tuple[str, ...]:
    """Return all that nobody may find of a call."""
    return (ask.code, ask.code[::-1], ask.keys)


def answer_to(ask: Ask, type_: str) -> list[dict[str, Any]]:
    """Return what the application answers to whom it is asked by an interactive call."""
    return [{"type": "say_code", "code": ask.code} | QUICK] if type_ == "call.answered" else []


def scenario_of(ask: Ask) -> Scenario:
    """Return what the callee does."""
    match ask.callee:
        case Callee.REJECTS:
            return Scenario.rejects(ask.status, ring=ask.ring)
        case Callee.NEVER_ANSWERS:
            return Scenario.never_answers()
        case Callee.LEAVES:
            return Scenario.answers(ask.ring).hangs_up(ask.leaves_after)
        case Callee.KEYS_FAST:
            return Scenario.answers(ask.ring).presses(ask.keys, on=0.06, off=0.04)
        case Callee.LISTENS if ask.kind is Kind.GATHER:
            # As soon as the code is out, most of the time.
            return Scenario.answers(ask.ring).presses(ask.keys, on=0.08, off=0.08, start=6.0)
        case Callee.LISTENS:
            return Scenario.answers(ask.ring)
