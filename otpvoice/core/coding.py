"""The verb *read a code* to somebody who presses keys for it: the gate, the choice of a language, hearing it again.

A code that needs no key is an ordinary script (``speaking``). What is said here is in ``question``.
"""

from __future__ import annotations

from collections.abc import Collection

from otpvoice.core.actions import ANY_KEY
from otpvoice.core.compile import CodeStep
from otpvoice.core.digits import KEYPAD
from otpvoice.core.events import CodeReplayed, DigitReceived
from otpvoice.core.speaking import speak
from otpvoice.core.speech import Script
from otpvoice.core.stage import PlanOver, Stage, Steps, TimedOut

TO_CHOOSE = 3.0
"""Seconds behind the menu of languages for a key, where no gate waits for one."""
TO_REPLAY = 5.0
"""Seconds behind the offer to hear the code again for its key."""
MOST_CHANGES = 20
"""How often a language may be chosen while a code is read: each begins it anew."""


def read_code(stage: Stage, step: CodeStep) -> Steps[None]:
    """Read a code once its gate is passed, in the language that is chosen, and again as often as that is wanted.

    Raises ``PlanOver`` where the gate was not passed.
    """
    reader = _Reader(stage, step)
    if step.key is not None:
        yield from reader.pass_gate()
    elif step.gate:
        yield from reader.choose()
    yield from reader.read(step.tongues[reader.tongue].readings)
    yield from reader.replay()


class _Reader:
    """One code on one call. ``tongue``: the key of the language that is spoken now, "" for the call's own."""

    def __init__(self, stage: Stage, step: CodeStep) -> None:
        self.tongue = ""
        self._stage, self._step = stage, step
        self._changes = 0
        self._before = 0  # keys that were pressed before the readings began
        self._languages = frozenset(step.tongues) - {""}

    def pass_gate(self) -> Steps[None]:
        """Ask for the gate's key. The first key decides a try, so that pressing them all opens nothing."""
        gate = self._step.action.gate
        assert gate is not None  # noqa: S101 - a step with a key has a gate
        for _ in range(gate.tries):
            # Only who has heard the question has an answer to it.
            while self._stage.held:
                yield
            self._stage.typed.clear()
            key = yield from self._ask(self._step.gate, KEYPAD, gate.timeout)
            if key in self._languages:
                self.tongue = key
                return
            if key and self._step.key in {key, ANY_KEY}:
                return
        yield from speak(self._stage, self._step.failure)
        raise PlanOver("gate_not_passed", "the key that was asked for before the code was not pressed")

    def choose(self) -> Steps[None]:
        """Offer the languages, and go on without a choice."""
        key = yield from self._ask(self._step.gate, self._languages, TO_CHOOSE)
        self.tongue = key or ""

    def read(self, script: Script) -> Steps[None]:
        """Read to the end. A key that chooses a language begins the readings anew, in that one."""
        self._before = len(self._stage.typed)
        while True:
            key = yield from speak(self._stage, script, self._languages)
            if not key:
                return
            self._change(key)
            script = self._step.tongues[self.tongue].readings

    def replay(self) -> Steps[None]:
        """Offer the code again until nobody wants it, or it was read often enough; then close, where that is due."""
        action = self._step.action.replay
        for count in range(1, (action.limit if action else 0) + 1):
            key = yield from self._wanted(action.key if action else "")
            if not key:
                return
            if key in self._languages:
                self._change(key)
            self._stage.tell(CodeReplayed(count))
            yield from self.read(self._step.tongues[self.tongue].replays[count - 1])
        yield from speak(self._stage, self._closing)

    def _wanted(self, again: str) -> Steps[str]:
        """Return the key by which the code is wanted again; "": it is not, and we have closed."""
        if key := self._typed(again):
            return key
        keys = self._languages | {again}
        key = yield from self._ask(self._offer, KEYPAD, TO_REPLAY)
        if key in keys:
            return key
        if key:
            self._stage.type_ahead(key)  # an answer to what comes next
        # Who is told goodbye and reaches for the key is in time.
        return (yield from speak(self._stage, self._closing, keys))

    @property
    def _closing(self) -> Script:
        return self._step.tongues[self.tongue].closing

    @property
    def _offer(self) -> Script:
        return self._step.tongues[self.tongue].offer

    def _change(self, key: str) -> None:
        self.tongue = key
        self._changes += 1
        if self._changes >= MOST_CHANGES:
            self._languages = frozenset()

    def _typed(self, key: str) -> str:
        """Take the key of the offer out of what was pressed while the code was read: once, however often it was."""
        before, meanwhile = self._stage.typed[: self._before], self._stage.typed[self._before :]
        if key not in meanwhile:
            return ""
        self._stage.typed[:] = [*before, *(other for other in meanwhile if other != key)]
        return key

    def _ask(self, script: Script, keys: Collection[str], seconds: float) -> Steps[str]:
        """Speak a question and wait for one of these keys, which cuts it; "": none came in time."""
        key = yield from speak(self._stage, script, keys)
        if key:
            return key
        self._stage.within(seconds)
        while True:
            match (yield):
                case DigitReceived(digit=digit) if digit in keys:
                    self._stage.deadline = None
                    return digit
                case DigitReceived(digit=digit):
                    self._stage.type_ahead(digit)
                case TimedOut():
                    return ""
