"""8x8's spelling of an answer: what the webhook of type VCA says comes next, in a session that there is already.

What is wrong with it is told when the session is over: nobody is there to be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from otpvoice.core import actions as core
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.callflow import params
from otpvoice.dialects.callflow.acting import core_actions, foreign_sources, mute
from otpvoice.dialects.callflow.entries import Callflow, Entry, read_callflow, without_nulls
from otpvoice.dialects.callflow.scenario import prepared
from otpvoice.dialects.callflow.wrongs import Refused, found_in, ranked
from otpvoice.dialects.context import Context
from otpvoice.dialects.numbers import refused_destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, ProblemFound
from otpvoice.dialects.reader import read_object, without_mark
from otpvoice.dialects.voice_names import Casting

_NO_MORE: Final = frozenset({b"", b"OK"})
"""Bodies that answer nothing: 200 is asked for quickly, and what frameworks write with it is often this word."""


class _Answer(params.Params):
    client_action_id: Annotated[str, Field(max_length=255)] | None = None
    callflow: list[Any] = Field(default_factory=list)


def read_answer(
    body: bytes, _asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
) -> tuple[core.Action, ...]:
    """Return what an answer says is to be done next in a session of this plan; nothing: no more.

    Each action has the answer's ``clientActionId`` as its id, and a gather as its tag, too: the next question has it.
    Raises ``ProblemFound``, as ``dialects.spelling`` wants it.
    """
    body = without_mark(body)
    if body.strip().upper() in _NO_MORE:
        return ()
    document = without_nulls(read_object(body))
    context = Context(defaults, now)
    try:
        answer = _Answer.model_validate(document, context=context)
    except ValidationError as error:
        raise ProblemFound(Fault.INVALID, found_in(error)) from None
    callflow = read_callflow(answer.callflow, context, answers=True) if answer.callflow else Callflow()
    _raise(callflow.problems)
    match callflow.entries[:1]:
        case (Entry(params=params.Scenario() as asked),):
            return _scenario(asked, answer.client_action_id, plan, context)
    actions, problems = _done(callflow, answer.client_action_id, plan, defaults)
    _raise(problems)
    return _covered(actions, plan, defaults)


def _scenario(asked: params.Scenario, label: str | None, plan: CallPlan, context: Context) -> tuple[core.Action, ...]:
    try:
        scenario = prepared(asked, context, answers=True)
    except Refused as refused:
        _raise([Problem("$.callflow[0]", "scenario_invalid", refused.broken or "must name a scenario that there is")])
        raise
    problems = [*scenario.problems, *scenario.callflow.problems]
    actions: tuple[core.Action, ...] = ()
    if not problems:
        actions, problems = _done(scenario.callflow, label, plan, context.defaults)
    if problems:
        broken = scenario.broken(problems)
        _raise([Problem("$.callflow[0]", "scenario_invalid", broken or "has values that can't be used")])
    return _covered(actions, plan, context.defaults)


def _done(
    callflow: Callflow, label: str | None, plan: CallPlan, defaults: CallDefaults
) -> tuple[tuple[core.Action, ...], list[Problem]]:
    """Return what the core is to do, and what keeps this call from it."""
    trunk = defaults.trunks.get(plan.trunk) or next(iter(defaults.trunks.values()), TrunkOffer(""))
    done = core_actions(callflow.entries, trunk, Casting(defaults, plan.language), label)
    problems = [*foreign_sources(callflow.of(params.MakeCall), trunk), *mute(done, plan, defaults)]
    return tuple(one.action for one in done), problems


def _covered(actions: tuple[core.Action, ...], plan: CallPlan, defaults: CallDefaults) -> tuple[core.Action, ...]:
    refused = list(refused_destinations(replace(plan, to=None, actions=actions, webhook=None), defaults))
    if refused:
        raise ProblemFound(Fault.DESTINATION_NOT_ALLOWED, refused)
    return actions


def _raise(problems: Sequence[Problem]) -> None:
    """Raise what was found, if anything was; what is told is the first."""
    if problems:
        raise ProblemFound(Fault.INVALID, ranked(problems))
