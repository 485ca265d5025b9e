"""Our own spelling: the body of ``POST /v1/calls``, and its translation into a call plan.

It places nothing and knows no account: what may be chosen from, and the moment, are arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from otpvoice.core import actions as core
from otpvoice.core import plan as plans
from otpvoice.core.plan import CallPlan
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import complaint, complaints, presentable
from otpvoice.dialects.context import Context, context
from otpvoice.dialects.models import Model
from otpvoice.dialects.native_actions import Action, Dial, Gather, to_core
from otpvoice.dialects.native_events import EventType
from otpvoice.dialects.native_speech import Gate, Replay, Templated
from otpvoice.dialects.numbers import check_number, refused_destinations
from otpvoice.dialects.offers import CallDefaults, CallRequest, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, ProblemFound, json_path
from otpvoice.dialects.reader import nulls, read_object
from otpvoice.dialects.speakable import unspeakable
from otpvoice.dialects.stream_order import misplaced_streams
from otpvoice.dialects.voice_names import Casting

__all__ = ["CallBody", "CallDefaults", "CallRequest", "TrunkOffer", "parse_answer", "parse_call"]

_SHORTHAND: Final = ("brand", "template", "times", "speed", "replay", "gate", "gather")
_DIALLING: Final = ("ring_timeout", "sip_headers")
"""Fields of a call that is dialled."""
_MAY_BE_NULL: Final = ("say_code", "group")
"""An action, and its field: who copies an action with all its fields writes so that the language decides."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds that a prepared call may wait for its channel: until then its plan, with the code, is in memory."""


class Webhook(Model):
    """Where the call's events go, and whether somebody there says what comes next. ``timeout`` in seconds."""

    url: fields.WebhookUrl
    events: Annotated[list[Literal["*", EventType]], Field(min_length=1, max_length=20)] = Field(default=["*"])
    interactive: bool = False
    timeout: Annotated[float, Field(ge=1, le=30)] = 5.0
    fallback: Annotated[list[Action], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _asks(self) -> Webhook:
        if self.fallback and not self.interactive:
            raise complaint("conflict", "goes with interactive, which is not true", "fallback")
        return self

    def to_core(self, trunk: TrunkOffer, shown: str | None, casting: Casting) -> plans.Webhook:
        """Return the core's word for it."""
        fallback = tuple(to_core(action, trunk, shown, casting) for action in self.fallback)
        return plans.Webhook(self.url, tuple(self.events), self.interactive, self.timeout, fallback)


class CallBody(Templated):
    """The body of ``POST /v1/calls``: ``actions``, or the shorthand around ``code``. Times in seconds.

    ``dial`` false: nobody is dialled; the plan waits for a channel that the dialplan hands over. ``from`` and ``trunk``
    are then those of second legs, and ``to`` is only a note.
    """

    dial: bool = True
    to: Annotated[str | None, Field(validate_default=True)] = None  # after dial, which decides whether it is required
    trunk: Annotated[str | None, Field(validate_default=True)] = None
    from_: Annotated[str | None, Field(alias="from")] = None  # after the trunk, which decides what may be shown
    language: fields.Language | None = None
    voice: fields.VoiceName | None = None
    sip_headers: fields.SipHeaders = Field(default_factory=dict)
    ring_timeout: fields.RingTimeout | None = None
    max_duration: Annotated[float, Field(ge=10, le=14_400)] = 180.0
    valid_until: fields.Instant | None = None
    metadata: fields.Metadata = Field(default_factory=dict)
    webhook: Webhook | None = None
    actions: Annotated[list[Action], Field(min_length=1, max_length=50)] | None = None
    code: fields.Code | None = None
    times: fields.Times = 2
    speed: fields.Speed = 0.9
    replay: Replay | None = None
    gate: Gate | None = None
    gather: Gather | None = None

    @field_validator("to")
    @classmethod
    def _to(cls, to: str | None, info: ValidationInfo) -> str | None:
        if to is not None:
            return check_number(to, info)
        if info.data.get("dial", True):  # not there: it was wrong itself
            raise complaint("required", "is required")
        return None

    @field_validator("trunk")
    @classmethod
    def _trunk(cls, name: str | None, info: ValidationInfo) -> str | None:
        if context(info).trunk(name) is None:
            raise complaint("not_allowed", "must be one of the account's trunks")
        return name

    @field_validator("from_")
    @classmethod
    def _from(cls, caller_id: str | None, info: ValidationInfo) -> str | None:
        trunk = context(info).trunk(info.data["trunk"]) if "trunk" in info.data else None
        if trunk is not None and caller_id is not None and caller_id not in trunk.caller_ids:
            raise complaint("not_allowed", "must be one of the caller IDs that may be used on this trunk")
        return caller_id

    @field_validator("valid_until")
    @classmethod
    def _valid_until(cls, at: float | None, info: ValidationInfo) -> float | None:
        if at is None:
            return None
        now = context(info).now
        if at <= now:
            raise complaint("expired", "must be in the future")
        if not info.data.get("dial", True) and at > now + LONGEST_WAIT:
            raise complaint("range", f"must be at most {LONGEST_WAIT / 3600:g} hours ahead where dial is false")
        return at

    def plan_actions(self, trunk: TrunkOffer, shown: str | None, casting: Casting) -> tuple[core.Action, ...]:
        """Return what is to be done: the actions, or those that the shorthand stands for."""
        if self.code is None:
            return tuple(to_core(action, trunk, shown, casting) for action in self.actions or ())
        spoken = core.SayCode(
            self.code,
            template=self.template,
            brand=self.brand,
            times=self.times,
            speed=self.speed,
            replay=self.replay.to_core() if self.replay is not None else None,
            gate=self.gate.to_core(casting) if self.gate is not None else None,
        )
        return (spoken,) if self.gather is None else (spoken, self.gather.to_core(casting))


def parse_call(body: bytes, defaults: CallDefaults, now: float) -> CallRequest:
    """Return what a body asks for. ``now``: Unix seconds.

    Raises ``ProblemFound`` with all that is wrong, and nothing else: ``Fault.NOT_JSON``, ``Fault.INVALID``, or
    ``Fault.DESTINATION_NOT_ALLOWED`` where that is all that is wrong.
    """
    document = read_object(body)
    problems = list(_conflicts(document))
    request = None
    try:
        parsed = CallBody.model_validate(document, context=Context(defaults, now))
    except ValidationError as error:
        problems += complaints(error)
    else:
        request = _request(parsed, defaults)
        problems += _caller_ids(parsed, defaults)
        problems += unspeakable(request.plan, defaults, shorthand=parsed.code is not None)
        problems += misplaced_streams(request.plan)
    problems += _nulls(document, problems)
    if problems or request is None:
        raise ProblemFound(Fault.INVALID, problems)
    if refused := list(refused_destinations(request.plan, defaults)):
        raise ProblemFound(Fault.DESTINATION_NOT_ALLOWED, refused)
    return request


class Answer(Model):
    """What somebody who was asked may answer: what comes next."""

    actions: Annotated[list[Action], Field(max_length=50)] = Field(default_factory=list)


def parse_answer(body: bytes, plan: CallPlan, defaults: CallDefaults, now: float) -> tuple[core.Action, ...]:
    """Return what an answer says is to be done next in a call of this plan; nothing: no more.

    Raises ``ProblemFound`` as ``parse_call``.
    """
    if not body.strip():
        return ()
    document = read_object(body)
    trunk = defaults.trunks.get(plan.trunk) or next(iter(defaults.trunks.values()))
    problems: list[Problem] = []
    actions: tuple[core.Action, ...] = ()
    try:
        answer = Answer.model_validate(document, context=Context(defaults, now))
    except ValidationError as error:
        problems += complaints(error)
    else:
        casting = Casting(defaults, plan.language)
        actions = tuple(to_core(action, trunk, plan.shown, casting) for action in answer.actions)
        problems += _not_shown(("actions",), answer.actions, trunk)
        asked = replace(plan, to=None, actions=actions, webhook=None)
        problems += unspeakable(asked, defaults)
        problems += misplaced_streams(asked, goes_before=True)
    problems += _nulls(document, problems)
    if problems:
        raise ProblemFound(Fault.INVALID, problems)
    asked = replace(plan, to=None, actions=actions, webhook=None)
    if refused := list(refused_destinations(asked, defaults)):
        raise ProblemFound(Fault.DESTINATION_NOT_ALLOWED, refused)
    return actions


def _conflicts(document: Mapping[str, Any]) -> Iterator[Problem]:
    if "code" not in document:
        for name in _SHORTHAND:
            if name in document:
                yield Problem(json_path((name,)), "conflict", "goes with code, which is not given")
        webhook = document.get("webhook")
        asks = isinstance(webhook, dict) and webhook.get("interactive") is True
        if "actions" not in document and not asks:
            yield Problem("$.actions", "required", "is required, or code in its place")
    elif "actions" in document:
        yield Problem("$.actions", "conflict", "must not be given together with code")
    if document.get("dial") is False:
        for name in _DIALLING:
            if name in document:
                yield Problem(json_path((name,)), "conflict", "goes with a call that is dialled, and dial is false")


def _nulls(document: Mapping[str, Any], known: list[Problem]) -> Iterator[Problem]:
    """Null is a value in metadata, and where it has a meaning: elsewhere a field that has none is left out."""
    reported = {problem.path for problem in known}
    for path in nulls(document):
        if (path[0] == "metadata" and len(path) > 1) or _may_be_null(document, path):
            continue
        if json_path(path) not in reported and all(map(presentable, path)):
            yield Problem(json_path(path), "null", "must not be null: leave it out")


def _may_be_null(document: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    return isinstance(inner, dict) and (inner.get("type"), path[-1]) == _MAY_BE_NULL


def _caller_ids(body: CallBody, defaults: CallDefaults) -> Iterator[Problem]:
    """Second legs go out on the call's trunk, which decides what may be shown there."""
    fallback = body.webhook.fallback if body.webhook is not None else ()
    for place, actions in ((("actions",), body.actions or ()), (("webhook", "fallback"), fallback)):
        yield from _not_shown(place, actions, _trunk(body, defaults))


def _not_shown(place: tuple[str, ...], actions: Sequence[Action], trunk: TrunkOffer) -> Iterator[Problem]:
    for index, action in enumerate(actions):
        if isinstance(action, Dial) and action.from_ is not None and action.from_ not in trunk.caller_ids:
            path = json_path((*place, index, "from"))
            yield Problem(path, "not_allowed", "must be one of the caller IDs that may be used on this trunk")


def _trunk(body: CallBody, defaults: CallDefaults) -> TrunkOffer:
    return defaults.trunks[body.trunk] if body.trunk is not None else next(iter(defaults.trunks.values()))


def _request(body: CallBody, defaults: CallDefaults) -> CallRequest:
    trunk = _trunk(body, defaults)
    shown = body.from_ or next(iter(trunk.caller_ids), None)
    asked = Casting(defaults, defaults.language).understood(body.voice, body.language)
    casting = Casting(defaults, asked.language or defaults.language)
    plan = CallPlan(
        to=body.to,
        # Who calls whom is for the channel to say where nobody is dialled.
        caller_id=shown if body.dial else None,
        trunk=trunk.name,
        language=casting.language,
        actions=body.plan_actions(trunk, shown, casting),
        # None stays None: the record says which voice was asked for, and nobody asked for the configured one.
        voice=asked.voice,
        ring_timeout=body.ring_timeout or trunk.ring_timeout,
        max_duration=body.max_duration,
        lead_in=defaults.lead_in,
        tail=defaults.tail,
        valid_until=body.valid_until,
        sip_headers=body.sip_headers,
        metadata=body.metadata,
        webhook=body.webhook.to_core(trunk, shown, casting) if body.webhook is not None else defaults.webhook,
        shown=shown,
        inbound=not body.dial,
        goes_on=not body.dial,
    )
    return CallRequest(plan, trunk.name)
