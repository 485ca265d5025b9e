"""Our own spelling: the body of ``POST /v1/calls``, and its translation into a call plan.

It places nothing and knows no account: what may be chosen from, and the moment, are arguments. What a later version
will take is known by name and refused as ``not_supported``, so that nobody believes that it works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias, assert_never

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from otpvoice.core import actions as core
from otpvoice.core.e164 import is_e164
from otpvoice.core.plan import CallPlan
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import complaint, complaints, presentable
from otpvoice.dialects.native_actions import Action, Gather, Templated
from otpvoice.dialects.offers import CallDefaults, CallRequest, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, ProblemFound, json_path
from otpvoice.dialects.reader import nulls, read_object

__all__ = ["CallBody", "CallDefaults", "CallRequest", "TrunkOffer", "parse_call"]

# An extension goes into a dial string: whatever LOCAL_NUMBERS allows, it is one harmless word.
_EXTENSION: Final = re.compile(r"[0-9A-Za-z*#][0-9A-Za-z*#_.-]{0,39}", re.ASCII)
_SHORTHAND: Final = ("brand", "template", "times", "speed", "replay", "gate", "gather")


@dataclass(frozen=True, slots=True)
class _Context:
    defaults: CallDefaults
    now: float

    def trunk(self, name: str | None) -> TrunkOffer | None:
        trunks = self.defaults.trunks
        return next(iter(trunks.values()), None) if name is None else trunks.get(name)


class CallBody(Templated):
    """The body of ``POST /v1/calls``: ``actions``, or the shorthand around ``code``. Times in seconds."""

    to: str
    trunk: Annotated[str | None, Field(validate_default=True)] = None
    from_: Annotated[str | None, Field(alias="from")] = None  # after the trunk, which decides what may be shown
    language: fields.Language | None = None
    voice: fields.VoiceName | None = None
    dial: bool = True
    sip_headers: fields.SipHeaders = Field(default_factory=dict)
    ring_timeout: Annotated[float, Field(ge=5, le=120)] | None = None
    max_duration: Annotated[float, Field(ge=10, le=14_400)] = 180.0
    valid_until: fields.Instant | None = None
    metadata: fields.Metadata = Field(default_factory=dict)
    webhook: fields.Later = None
    actions: Annotated[list[Action], Field(min_length=1, max_length=50)] | None = None
    code: fields.Code | None = None
    times: fields.Times = 2
    speed: fields.Speed = 0.9
    replay: fields.Later = None
    gate: fields.Later = None
    gather: Gather | None = None

    @field_validator("to")
    @classmethod
    def _to(cls, to: str, info: ValidationInfo) -> str:
        local = _context(info).defaults.local_numbers
        if not is_e164(to) and not (local and _EXTENSION.fullmatch(to) and local.fullmatch(to)):
            kinds = ", or a local number that may be called" if local else ""
            raise complaint("format", f"must be a number in E.164 with plus, as in +442079460123{kinds}")
        return to

    @field_validator("trunk")
    @classmethod
    def _trunk(cls, name: str | None, info: ValidationInfo) -> str | None:
        if _context(info).trunk(name) is None:
            raise complaint("not_allowed", "must be one of the account's trunks")
        return name

    @field_validator("from_")
    @classmethod
    def _from(cls, caller_id: str | None, info: ValidationInfo) -> str | None:
        trunk = _context(info).trunk(info.data["trunk"]) if "trunk" in info.data else None
        if trunk is not None and caller_id is not None and caller_id not in trunk.caller_ids:
            raise complaint("not_allowed", "must be one of the caller IDs that may be used on this trunk")
        return caller_id

    @field_validator("valid_until")
    @classmethod
    def _valid_until(cls, at: float | None, info: ValidationInfo) -> float | None:
        if at is not None and at <= _context(info).now:
            raise complaint("expired", "must be in the future")
        return at

    @field_validator("dial")
    @classmethod
    def _dial(cls, dial: bool) -> bool:
        if not dial:
            fields.refuse_later(dial)
        return dial

    def plan_actions(self) -> tuple[core.Action, ...]:
        """Return what is to be done: the actions, or those that the shorthand stands for."""
        if self.code is None:
            return tuple(action.to_core() for action in self.actions or ())
        spoken = core.SayCode(self.code, template=self.template, brand=self.brand, times=self.times, speed=self.speed)
        return (spoken,) if self.gather is None else (spoken, self.gather.to_core())


def _context(info: ValidationInfo) -> _Context:
    if not isinstance(info.context, _Context):
        raise TypeError("a CallBody is validated by parse_call alone")
    return info.context


def parse_call(body: bytes, defaults: CallDefaults, now: float) -> CallRequest:
    """Return what a body asks for. ``now``: Unix seconds.

    Raises ``ProblemFound`` with all that is wrong, and nothing else: ``Fault.NOT_JSON``, ``Fault.INVALID``, or
    ``Fault.DESTINATION_NOT_ALLOWED`` where that is all that is wrong.
    """
    document = read_object(body)
    problems = list(_conflicts(document))
    request = None
    try:
        parsed = CallBody.model_validate(document, context=_Context(defaults, now))
    except ValidationError as error:
        problems += complaints(error)
    else:
        request = _request(parsed, defaults)
        problems += _unspeakable(request.plan, defaults, shorthand=parsed.code is not None)
    problems += _nulls(document, problems)
    if problems or request is None:
        raise ProblemFound(Fault.INVALID, problems)
    _check_destination(request.plan.to, defaults)
    return request


def _conflicts(document: Mapping[str, Any]) -> Iterator[Problem]:
    if "code" not in document:
        for name in _SHORTHAND:
            if name in document:
                yield Problem(json_path((name,)), "conflict", "goes with code, which is not given")
        if "actions" not in document:
            yield Problem("$.actions", "required", "is required, or code in its place")
    elif "actions" in document:
        yield Problem("$.actions", "conflict", "must not be given together with code")


def _nulls(document: Mapping[str, Any], known: list[Problem]) -> Iterator[Problem]:
    """Null is a value in metadata only: elsewhere a field that has none is left out."""
    reported = {problem.path for problem in known}
    for path in nulls(document):
        if path[0] == "metadata" and len(path) > 1:
            continue
        if json_path(path) not in reported and all(map(presentable, path)):
            yield Problem(json_path(path), "null", "must not be null: leave it out")


def _check_destination(to: str, defaults: CallDefaults) -> None:
    # What has no plus is an extension, which LOCAL_NUMBERS allows.
    refusal = defaults.destinations.refusal(to) if to.startswith("+") else None
    if refusal is not None:
        fault = Fault.DESTINATION_NOT_ALLOWED
        raise ProblemFound(fault, [Problem("$.to", fault.value, refusal)])


def _request(body: CallBody, defaults: CallDefaults) -> CallRequest:
    trunk = defaults.trunks[body.trunk] if body.trunk is not None else next(iter(defaults.trunks.values()))
    plan = CallPlan(
        to=body.to,
        caller_id=body.from_ or next(iter(trunk.caller_ids), None),
        trunk=trunk.name,
        language=body.language or defaults.language,
        actions=body.plan_actions(),
        # None stays None: the configured voice is for its own language only, one that was asked for is for all.
        voice=body.voice,
        ring_timeout=body.ring_timeout or trunk.ring_timeout,
        max_duration=body.max_duration,
        lead_in=defaults.lead_in,
        tail=defaults.tail,
        valid_until=body.valid_until,
        sip_headers=body.sip_headers,
        metadata=body.metadata,
    )
    return CallRequest(plan, trunk.name)


def _unspeakable(plan: CallPlan, defaults: CallDefaults, *, shorthand: bool) -> Iterator[Problem]:
    """Ask for each language that something is to be spoken in whether the voice speaks it: before anybody is rung."""
    if defaults.check_voice is None:
        return
    asked: set[tuple[str, str | None]] = set()
    for place, language, voice in _spoken(plan, shorthand=shorthand):
        if (language, voice) in asked:
            continue
        asked.add((language, voice))
        try:
            defaults.check_voice(language, voice)
        except ValueError:
            path = place or ("language" if plan.voice is None else "voice",)
            yield Problem(
                json_path(path), "voice", "asks for a voice that there is not, or that does not speak this language"
            )


_Place: TypeAlias = tuple[str | int, ...]


def _spoken(plan: CallPlan, *, shorthand: bool) -> Iterator[tuple[_Place, str, str | None]]:
    """Return for all that is spoken: the field that chose it (none: the call's own), language, voice."""
    for index, action in enumerate(plan.actions):
        place: _Place = () if shorthand else ("actions", index)
        match action:
            case core.Say() | core.SayCode():
                yield _voice_of(action, plan, place)
            case core.Gather():
                place = ("gather",) if shorthand else place
                for name in ("prompt", "success", "failure"):
                    for item, spoken in enumerate(getattr(action, name)):
                        if not isinstance(spoken, core.Pause):
                            yield _voice_of(spoken, plan, (*place, name, item))
            case core.Pause() | core.Hangup():
                pass
            case _:
                assert_never(action)


def _voice_of(spoken: core.Say | core.SayCode, plan: CallPlan, place: _Place) -> tuple[_Place, str, str | None]:
    own = "voice" if spoken.voice else "language" if spoken.language else None
    return (*place, own) if own else (), spoken.language or plan.language, spoken.voice or plan.voice
