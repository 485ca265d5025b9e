"""The second party of a call, from the order to call it until its channel is gone: what is known of it.

It waits for nothing and orders nothing: it is told, and asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from otpvoice.core.events import CallAnswered, CallEnded, CallProgressed, OfSecond
from otpvoice.core.outcome import Ending, Fault, Outcome, OwnAction, classify


@dataclass(slots=True)
class Second:
    """Second party ``number`` (from 1). ``ending``: its own, as the call has one."""

    number: int
    ending: Ending = field(default_factory=lambda: Ending(answered=False))
    hanging_up: bool = False
    over: bool = False

    @property
    def outcome(self) -> Outcome:
        """How its leg ended."""
        return classify(self.ending)

    def learn(self, event: OfSecond) -> None:
        """Take down what bears on how it ends."""
        match event:
            case CallProgressed():
                self.ending = replace(self.ending, progressed=True)
            case CallAnswered() if not self.hanging_up:
                # Else it crossed our hang-up, and nobody was spoken to.
                self.ending = replace(self.ending, answered=True)
            case CallEnded() as end:
                self.over = True
                self.ending = replace(
                    self.ending,
                    cause=end.cause,
                    sip_status=end.sip_status,
                    by_callee=end.by_callee,
                    replied=end.replied,
                    fault=self.ending.fault or end.fault,
                )
            case _:
                pass  # for the record only

    def hang_up(self, own: OwnAction | None, fault: Fault | None) -> bool:
        """Take down that we end it, and why. False where that was said before: the first reason stands."""
        if self.hanging_up:
            return False
        self.hanging_up = True
        self.ending = replace(self.ending, own=own, fault=fault)
        return True
