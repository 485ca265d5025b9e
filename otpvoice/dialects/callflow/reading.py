"""8x8's spelling of a request: a callflow, and the call plan that it is.

It places nothing. A call that 8x8 would accept and report dead comes out as a plan that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from otpvoice.core.outcome import Fault
from otpvoice.core.plan import CallPlan, Hook, Webhook
from otpvoice.dialects import fields
from otpvoice.dialects.callflow import codes, params
from otpvoice.dialects.callflow.acting import chosen_trunk, core_actions, language_of, mute
from otpvoice.dialects.callflow.entries import Callflow, Entry, read_callflow, without_nulls
from otpvoice.dialects.callflow.hooks import ACTION, CLIENT_REQUEST_ID, STATUS, SUMMARY
from otpvoice.dialects.callflow.scenario import prepared
from otpvoice.dialects.callflow.wrongs import Refused, found_in, refusal
from otpvoice.dialects.context import Context
from otpvoice.dialects.numbers import owned, refused_destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Problem, ProblemFound
from otpvoice.dialects.reader import read_object
from otpvoice.dialects.voice_names import Casting

SPELLING: Final = "callflow"
LONGEST_CALL: Final = 14_400.0
"""Seconds from the answer on: 8x8 has no field for it."""
PATIENCE: Final = 10.0
"""Seconds in which the webhook of type VCA has to answer: 8x8 names none."""


@dataclass(frozen=True, slots=True)
class CallflowRequest:
    """A call as asked for. ``trunk`` is the name of one that was offered.

    ``valid_until``: as it was written. ``refused``: it is accepted, dials nobody, and ends at once with this fault; of
    one whose scenario's values were wrong the plan has nothing to do, and may have nobody to call.
    """

    plan: CallPlan
    trunk: str
    valid_until: str | None = None
    refused: Fault | None = None


class _Body(params.Params):
    valid_until: fields.Instant | None = None
    client_request_id: Annotated[str, Field(max_length=255)] | None = None
    callflow: Annotated[list[Any], Field(min_length=1)]


def parse_callflow(body: bytes, defaults: CallDefaults, hooks: Mapping[str, Hook], now: float) -> CallflowRequest:
    """Return what a body asks for. ``hooks``: those of the account, by type; ``now``: Unix seconds.

    Raises ``Refused``, and nothing else.
    """
    try:
        document = without_nulls(read_object(body))
    except ProblemFound as found:
        raise refusal(found.problems) from None
    context = Context(defaults, now)
    problems: list[Problem] = []
    asked = None
    try:
        asked = _Body.model_validate(document, context=context)
    except ValidationError as error:
        problems += found_in(error)
    listed = document.get("callflow")
    callflow = read_callflow(listed, context) if isinstance(listed, list) and listed else Callflow()
    problems += callflow.problems
    if asked is None or problems:
        raise refusal(problems)
    late = asked.valid_until is not None and asked.valid_until <= now
    expired = [Problem("$.validUntil", "expired", "must be in the future")] if late else []
    return _Reading(asked, document.get("validUntil"), context, hooks, expired).request(callflow)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A request whose form is right. ``valid_until``: as it was written."""

    asked: _Body
    valid_until: str | None
    context: Context
    hooks: Mapping[str, Hook]
    expired: Sequence[Problem]

    def request(self, callflow: Callflow) -> CallflowRequest:
        """Return what is asked for. Raises ``Refused``."""
        match callflow.entries[0].params:
            case params.Scenario() as asked:
                return self._scenario(asked)
        plan, problems = self._plan(callflow)
        problems += [*self._untold(callflow), *self.expired]
        if plan is None or problems:
            raise refusal(problems)
        return self._taken(plan)

    def _scenario(self, asked: params.Scenario) -> CallflowRequest:
        if self.expired:
            raise refusal(self.expired)
        scenario = prepared(asked, self.context)
        plan, problems = None, [*scenario.problems, *scenario.callflow.problems]
        if not problems:
            plan, problems = self._plan(scenario.callflow)
        if (broken := scenario.broken(problems)) is not None:
            raise Refused(codes.UNKNOWN_SCENARIO, broken=broken)
        if untold := self._untold(scenario.callflow):
            raise refusal(untold)
        if plan is None or problems:
            return self._answer(self._dead(scenario.callflow), Fault.SCENARIO_INVALID)
        return self._taken(plan)

    def _taken(self, plan: CallPlan) -> CallflowRequest:
        uncovered = any(refused_destinations(plan, self.context.defaults))
        return self._answer(plan, Fault.NOT_ALLOWED if uncovered else None)

    def _answer(self, plan: CallPlan, refused: Fault | None) -> CallflowRequest:
        return CallflowRequest(plan, plan.trunk, self.valid_until, refused)

    def _untold(self, callflow: Callflow) -> list[Problem]:
        """Keys are told to the webhook of type VCA, which says what comes next."""
        captures = () if ACTION in self.hooks else callflow.of(params.SayAndCapture)
        return [Problem(one.path(), "nobody_to_tell", "has nobody to tell the keys to") for one in captures]

    def _plan(self, callflow: Callflow) -> tuple[CallPlan | None, list[Problem]]:
        """Return the plan of a callflow that has been read, and what keeps this account from it."""
        defaults, (first, *rest) = self.context.defaults, callflow.entries
        trunk = chosen_trunk(callflow.of(params.MakeCall), defaults)
        if isinstance(trunk, Problem):
            return None, [trunk]
        casting = Casting(defaults, language_of(rest, defaults))
        actions = core_actions(rest, trunk, casting)
        plan = replace(
            self._call(first, trunk), language=casting.language, actions=tuple(one.action for one in actions)
        )
        return plan, list(mute(actions, plan, defaults))

    def _dead(self, callflow: Callflow) -> CallPlan:
        """Return a plan that says of a call what can be said."""
        first = next(iter(callflow.of(params.MakeCall)), None)
        return self._call(first, next(iter(self.context.defaults.trunks.values()), TrunkOffer("")))

    def _call(self, first: Entry | None, trunk: TrunkOffer) -> CallPlan:
        """Return the plan of a call that nothing is done in. ``first``: whom to call; None: nobody knows."""
        defaults, asked = self.context.defaults, self.asked
        call = first.params if first is not None and isinstance(first.params, params.MakeCall) else None
        caller_id = owned(call.source, trunk) if call is not None else None
        named = asked.client_request_id is not None
        return CallPlan(
            to=call.destination if call is not None else None,
            caller_id=caller_id,
            trunk=trunk.name,
            language=defaults.language,
            actions=(),
            ring_timeout=trunk.ring_timeout,
            max_duration=LONGEST_CALL,
            lead_in=defaults.lead_in,
            tail=defaults.tail,
            valid_until=asked.valid_until,
            metadata={CLIENT_REQUEST_ID: asked.client_request_id} if named else {},
            webhook=webhook_of(self.hooks),
            shown=caller_id,
        )


def webhook_of(hooks: Mapping[str, Hook]) -> Webhook:
    """Return where a session is told, and who is asked in it, by the account's hooks."""
    asked = hooks.get(ACTION)
    told = tuple(hooks[type_] for type_ in (SUMMARY, STATUS) if type_ in hooks)
    return Webhook(
        url=asked.url if asked is not None else "",
        events=(),
        interactive=asked is not None,
        timeout=PATIENCE,
        spelling=SPELLING,
        hooks=told,
        auth=asked.auth if asked is not None else None,
    )
