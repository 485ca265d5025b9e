"""Whole calls without a world: a real flow and a real record, a teller that hears all of it, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otpvoice.core.actions import Action, Dial, Gather, Hangup, Play, Say
from otpvoice.core.commands import Command, DialSecond, Speak, Tell
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import Asked, CallAnswered, CallDialed, Event, OnSecond, SpeakingFinished, SpeakingStarted
from otpvoice.core.flow import CallFlow
from otpvoice.core.instants import rfc3339
from otpvoice.core.outcome import classify
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord
from otpvoice.dialects.callflow.telling import CallflowTeller
from otpvoice.dialects.spelling import Question, Told
from tests.core.stories import BEGAN, LOCALES, PASSES
from tests.core.stories import Told as Happened

CALL = "call_a089b40df05911f0893799c7872ee3c4"
KEYS = "31415926"
HELLO = Say("Hello, this is a test Voice Message.")
FILE = Play(url="https://example.com/wave.mp3")
BYE = Hangup()
CONNECT = Dial("+6531589338", caller_id="+6568332048", id="ivr1_level2")


def capture(tag: str | None = None, most: int = len(KEYS)) -> Gather:
    """A sayAndCapture."""
    rules = DigitRules(min_digits=1, max_digits=most, terminators="", overall_timeout=30.0)
    return Gather(rules, prompt=(Say("Enter your code."),), barge_in=True, sensitive=True, tag=tag)


def outbound(*actions: Action, asks: bool = False, **changes: Any) -> CallPlan:
    """A callflow as its request makes a plan of it, without the first ``makeCall``, which is the call."""
    plan = CallPlan(
        "+6591178965",
        "+6568332048",
        "default",
        "en",
        actions,
        metadata={"clientRequestId": "Request-Id-Client-Confirmation-1200"},
        webhook=Webhook("https://example.com/vca" if asks else "", (), interactive=asks, spelling="callflow"),
    )
    return replace(plan, **changes)


def inbound(*actions: Action) -> CallPlan:
    """A call to a number of ours, which is asked for at once."""
    return outbound(*actions, asks=True, to="+6568332048", caller_id="+6591178965", inbound=True, metadata={})


class Life:
    """One call, happening by happening. ``told`` and ``asked``: everything that was, in order."""

    def __init__(self, plan: CallPlan) -> None:
        self.flow = CallFlow(plan, LOCALES)
        channel = None if plan.inbound else f"{CALL}-1"
        self.record = CallRecord(CALL, "8x8_test", "8x8", plan, self.flow.proof, "a", "i", BEGAN, channel=channel)
        self.teller = CallflowTeller()
        self.told: list[Told] = []
        self.asked: list[Question] = []
        self._now = 0.0
        self._known: dict[int, dict[str, str | None]] = {}
        if plan.inbound:
            self.record.channel = "1768292898.7"
        self._carry_out(self.flow.start(0.0, BEGAN))

    def go(self, *happened: Happened) -> Life:
        """Let things happen. What is spoken is played out at once."""
        for now, event in happened:
            self._now = now
            if event is PASSES:
                self._carry_out(self.flow.expire(now))
            else:
                assert isinstance(event, Event)
                self._note(event)
                self._carry_out(self.flow.receive(event, now))
        return self

    def ended(self) -> list[dict[str, Any]]:
        """End the record as the session does, and return all that was told, in order."""
        assert self.flow.over
        self.record.end(classify(self.flow.ending), BEGAN + self._now)
        self.told += self.teller.ended(self.call(), BEGAN + self._now)
        return [read(told.body) for told in self.told]

    def call(self) -> dict[str, Any]:
        """The record's JSON; a second leg has what was said of it when it was called, where the record has not."""
        call = self.record.to_json()
        seconds = [leg for leg in call["legs"] if leg["role"] == "second"]
        for number, leg in enumerate(seconds, 1):
            known = self._known.get(number, {})
            leg.update({name: known[name] for name in known if leg.get(name) is None})
        return call

    def statuses(self) -> list[str]:
        """What the statuses said, and of which leg."""
        return statuses(self.told)

    def _note(self, event: Event) -> None:
        self.record.note(event)
        if isinstance(event, OnSecond) and isinstance(event.event, CallDialed):
            self._known[event.number]["dialed_at"] = rfc3339(event.event.at)
        call, at = self.call(), getattr(event, "at", None) or BEGAN + self._now
        self.told += self.teller.told(call, event, at)
        if isinstance(event, Asked) or (isinstance(event, CallAnswered) and self.record.plan.asks_at_answer):
            self.asked.append(self.teller.question(call, event, at))

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case Tell(report=report):
                    self._note(report)
                case DialSecond(number=number, to=to, caller_id=caller_id):
                    self.record.second(number, to)
                    self._known[number] = {"from": caller_id}
                case Speak(utterance_id=name):
                    at = BEGAN + self._now
                    for event in (SpeakingStarted(name, at, 1.0), SpeakingFinished(name, at, cut=False)):
                        self.go((self._now, event))
                case _:
                    pass  # nobody carries it out


def read(body: bytes) -> dict[str, Any]:
    """Return JSON as an object."""
    value = json.loads(body)
    assert isinstance(value, dict)
    return value


def statuses(told: Sequence[Told]) -> list[str]:
    """Return what is said by the statuses, each with the end of the number that is called."""
    payloads = [read(one.body)["payload"] for one in told if one.hook == "VCS"]
    return [f"{payload['callStatus']} {(payload['destination'] or '')[-2:]}" for payload in payloads]


def paths(value: Any, path: str = "$") -> set[str]:
    """Return the JSONPaths of all members, so that two documents can be compared by their shape."""
    if not isinstance(value, Mapping):
        return set()
    return {f"{path}.{name}" for name in value}.union(*(paths(value[name], f"{path}.{name}") for name in value))
