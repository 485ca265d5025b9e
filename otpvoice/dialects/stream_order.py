"""Which streams of a plan run at once: by its actions alone, before anybody is rung.

A stream that listens is taken to run until it is stopped, one that talks until the next action. What has ended by
itself is for the call to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otpvoice.core.actions import Action, StopStream, Stream
from otpvoice.core.plan import CallPlan
from otpvoice.core.streams import MOST
from otpvoice.dialects.problems import Problem, json_path


def misplaced_streams(plan: CallPlan, *, goes_before: bool = False) -> Iterator[Problem]:
    """Return what of a plan's streams can't be. ``goes_before``: other actions were, which may have begun some."""
    yield from _misplaced(("actions",), plan.actions, goes_before=goes_before)
    if plan.webhook is not None:
        # Whatever was answered until then.
        yield from _misplaced(("webhook", "fallback"), plan.webhook.fallback, goes_before=True)


def _misplaced(place: tuple[str, ...], actions: Sequence[Action], *, goes_before: bool) -> Iterator[Problem]:
    running: set[str] = set()
    for index, action in enumerate(actions):
        match action:
            case Stream() if action.name in running:
                yield Problem(
                    json_path((*place, index, "name")),
                    "rule",
                    "must be another one: a stream of this name runs until stop_stream",
                )
            case Stream() if len(running) == MOST:
                yield Problem(json_path((*place, index)), "rule", f"is one more than the {MOST} streams that may run")
            case Stream() if not action.talks:
                running.add(action.name)
            case StopStream() if action.name in running:
                running.discard(action.name)
            case StopStream() if not goes_before:
                yield Problem(json_path((*place, index, "name")), "rule", "names a stream that does not run")
