"""Two verbs at once: one that is waited for, and one beside it that is cut when the first is done.

Both hear all that happens. Each has a deadline of its own, and is told of that one alone.
"""

from __future__ import annotations

from typing import TypeVar

from otpvoice.core.stage import Stage, Steps, TimedOut, Told

T = TypeVar("T")


def beside(stage: Stage, background: Steps[None], foreground: Steps[T]) -> Steps[T]:
    """Run ``foreground`` to its end, with ``background`` beside it, which may be done before."""
    told: Told = None
    ahead: float | None = None
    behind: float | None = None
    sounding = True
    try:
        while True:
            if not isinstance(told, TimedOut) or _due(stage, ahead):
                stage.deadline = None if isinstance(told, TimedOut) else ahead
                try:
                    foreground.send(told)
                except StopIteration as done:
                    result: T = done.value
                    return result
                ahead = stage.deadline
            if sounding and (not isinstance(told, TimedOut) or _due(stage, behind)):
                stage.deadline = None if isinstance(told, TimedOut) else behind
                try:
                    background.send(told)
                except StopIteration:
                    sounding = False
                behind = stage.deadline if sounding else None
            stage.deadline = min((at for at in (ahead, behind) if at is not None), default=None)
            told = yield
    finally:
        stage.deadline = None
        foreground.close()
        background.close()


def _due(stage: Stage, deadline: float | None) -> bool:
    return deadline is not None and stage.now >= deadline
