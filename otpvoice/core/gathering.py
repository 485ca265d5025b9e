"""The verb *gather*: ask, collect keys, say whether it was right, and ask again where tries are left."""

from __future__ import annotations

from otpvoice.core.actions import Gather
from otpvoice.core.compile import GatherStep
from otpvoice.core.digits import Collected, DigitCollector, EndedBy
from otpvoice.core.events import DigitReceived, DigitsCollected
from otpvoice.core.speaking import speak, speak_listening
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut, Told


def gather(stage: Stage, step: GatherStep) -> Steps[None]:
    """Run a gather to its end, and tell what it brought."""
    action = step.action
    tries, collector = 0, DigitCollector(action.rules)
    collected: Collected | None = None
    try:
        while tries < action.tries and (collected is None or not collected.valid):
            if collected is not None:
                yield from speak(stage, step.failure)
            tries, collector, collected = tries + 1, DigitCollector(action.rules), None
            collected = yield from _try(stage, step, collector)
    except GeneratorExit:
        # The call ends under us. A try that has begun is told as ended by that; between two tries, the last one is.
        ended = collected or collector.end(EndedBy.CANCELED if stage.hanging_up else EndedBy.HANGUP)
        if ended is not None:
            _bring(stage, action, ended, tries)
        raise
    if collected is None:
        return
    last = step.success if collected.valid else step.failure
    if not stage.asks:
        _bring(stage, action, collected, tries)
        yield from speak(stage, last)
        return
    # Whoever is asked by it hears of it when the callee has heard all; a call that ends before asks nobody.
    try:
        yield from speak(stage, last)
    except (GeneratorExit, ActionFault):
        _bring(stage, action, collected, tries)
        raise
    stage.collected = collected
    stage.question = _report(action, collected, tries)


def _bring(stage: Stage, action: Gather, collected: Collected, tries: int) -> None:
    """Keep what came of it for whoever asked, and tell it."""
    stage.collected = collected
    stage.tell(_report(action, collected, tries))


def _report(action: Gather, collected: Collected, tries: int) -> DigitsCollected:
    return DigitsCollected(collected, action.tag, tries, action.sensitive)


def _try(stage: Stage, step: GatherStep, collector: DigitCollector) -> Steps[Collected]:
    """One try: ask, then wait for keys."""
    action = step.action
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
        if collected is not None:
            stage.type_ahead(told.digit)  # for whoever asks next
            continue
        before = collector.count
        collected = collector.press(told.digit, stage.now)
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
