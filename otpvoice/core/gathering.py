"""The verb *gather*: ask, collect keys, say whether it was right, and ask again where tries are left."""

from __future__ import annotations

from otpvoice.core.compile import GatherStep
from otpvoice.core.digits import Collected, DigitCollector, EndedBy
from otpvoice.core.events import DigitReceived, DigitsCollected
from otpvoice.core.speaking import speak, speak_listening
from otpvoice.core.stage import Stage, Steps, TimedOut, Told


def gather(stage: Stage, step: GatherStep) -> Steps[None]:
    """Run a gather to its end. Each try is told."""
    action = step.action
    for attempt in range(1, action.tries + 1):
        collected = yield from _try(stage, step, attempt)
        stage.tell(DigitsCollected(collected, action.tag, attempt, action.sensitive))
        if collected.valid:
            yield from speak(stage, step.success)
            return
        yield from speak(stage, step.failure)


def _try(stage: Stage, step: GatherStep, attempt: int) -> Steps[Collected]:
    """One try: ask, then wait for keys."""
    action = step.action
    collector = DigitCollector(action.rules)
    try:
        collected = _take_typed(stage, collector, keep=action.type_ahead == "keep")
        if collected is None and not (collector.count and action.barge_in):
            collected = yield from _ask(stage, step, collector)
        collector.arm(stage.now)
        while collected is None:
            stage.deadline = collector.deadline
            match (yield):
                case DigitReceived(digit=digit):
                    collected = collector.press(digit, stage.now)
                case TimedOut():
                    collected = collector.expire(stage.now)
    except GeneratorExit:
        # The call ends under us: what was keyed so far is told, as ended by that.
        ended = collector.end(EndedBy.CANCELED if stage.hanging_up else EndedBy.HANGUP)
        if ended is not None:
            stage.tell(DigitsCollected(ended, action.tag, attempt, action.sensitive))
        raise
    stage.deadline = None
    return collected


def _ask(stage: Stage, step: GatherStep, collector: DigitCollector) -> Steps[Collected | None]:
    """Speak the prompt, with keys counted as the gather wants them."""
    action = step.action
    collected: Collected | None = None
    speaking = speak_listening(stage, step.prompt)
    told: Told = None
    while True:
        try:
            speaking.send(told)
        except StopIteration:
            return collected
        told = yield
        if not isinstance(told, DigitReceived) or (not action.barge_in and action.type_ahead == "flush"):
            continue
        before = collector.count
        collected = collected or collector.press(told.digit, stage.now)
        # A key that does not count cuts nothing.
        if action.barge_in and (collected is not None or collector.count > before):
            speaking.close()
            return collected


def _take_typed(stage: Stage, collector: DigitCollector, *, keep: bool) -> Collected | None:
    """Count the keys that came before anybody asked, or forget them."""
    collected = None
    while stage.typed and keep and collected is None:
        collected = collector.press(stage.typed.pop(0), stage.now)
    if not keep:
        stage.typed.clear()
    return collected
