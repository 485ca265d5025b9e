"""Random keys of gates, drawn before a call begins: what is announced is rendered ahead like all else.

The core has no chance of its own: who draws is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from otpvoice.core.actions import RANDOM_KEY, Action, SayCode
from otpvoice.core.plan import CallPlan

KEYS: Final = "123456789"
"""Keys that are drawn from. No 0: whoever wants an operator presses it, and so do machines."""


def drawn(plan: CallPlan, draw: Callable[[Sequence[str]], str]) -> CallPlan:
    """Return a plan whose random keys are keys, each drawn by ``draw`` (``secrets.choice``)."""
    webhook = plan.webhook
    if webhook is not None:
        webhook = replace(webhook, fallback=drawn_actions(webhook.fallback, draw))
    return replace(plan, actions=drawn_actions(plan.actions, draw), webhook=webhook)


def drawn_actions(actions: Iterable[Action], draw: Callable[[Sequence[str]], str]) -> tuple[Action, ...]:
    """Return actions whose random keys are keys. A key that chooses a language is not drawn."""
    return tuple(_drawn(action, draw) for action in actions)


def _drawn(action: Action, draw: Callable[[Sequence[str]], str]) -> Action:
    if not isinstance(action, SayCode) or action.gate is None or action.gate.key != RANDOM_KEY:
        return action
    taken = {choice.key for choice in action.languages}
    return replace(action, gate=replace(action.gate, key=draw([key for key in KEYS if key not in taken])))
