"""How the calls of one door are told, and how what is answered there is read: what each dialect that asks provides.

Ours is told by ``native_events`` and stands beside these: its envelopes are what is kept and shown of every call.
Nothing here posts or keeps anything. No code is in what is told; keys are only in what somebody is asked by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from otpvoice.core.actions import Action
from otpvoice.core.events import Event
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.offers import CallDefaults


@dataclass(frozen=True, slots=True)
class Told:
    """Something that is posted to the hook of this name, if the call has one. ``type``: how deliveries call it."""

    hook: str
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked by: ``name`` is the event's in that spelling, and says what may be answered."""

    name: str
    body: bytes = field(repr=False)  # keys are in it


class Teller(Protocol):
    """Tells one call in the words of a spelling. ``call``: ``CallRecord.to_json`` as it stands; ``at``: Unix seconds.

    It may remember what happened; a call of a former life is told by one that remembers nothing, by its end alone.
    """

    def told(self, call: Mapping[str, Any], event: Event, at: float, /) -> Sequence[Told]:
        """Return what is posted when this has happened. Each event comes once, in order, before ``ended``."""

    def question(self, call: Mapping[str, Any], event: Event, at: float, /) -> Question:
        """Return what is asked at this event: an ``Asked``, or the answer of a call that has nothing to do yet.

        It comes after ``told`` of the same event.
        """

    def ended(self, call: Mapping[str, Any], at: float, /) -> Sequence[Told]:
        """Return what is posted when the call is over."""


class Spelling(Protocol):
    """A spelling, for all of its calls."""

    def teller(self) -> Teller:
        """Return one for a call that begins, or is found at its end."""

    def actions(
        self, body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
    ) -> tuple[Action, ...]:
        """Return what an answer says is to be done next; nothing: no more. ``asked``: the question's name.

        Raises ``ProblemFound``; its first problem's ``code`` is what the call's record has as the error's, where it is
        one of ``ANSWER_FAULTS``.
        """


ANSWER_FAULTS = frozenset({"destination_not_allowed", "caller_id_not_allowed", "scenario_invalid", "unsupported_state"})
"""Codes of problems that an answer may have and that are told as such; all others are ``answer_invalid``."""
