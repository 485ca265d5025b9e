"""Our own spelling of the actions: one model an action, its ranges and defaults, and the word of the core it becomes.

The models are the contract. What a later version can do is known by name and refused, here and in ``native``.
"""

from __future__ import annotations

from typing import Annotated, Literal, NoReturn, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from otpvoice.core import actions as core
from otpvoice.core.digits import DigitRules
from otpvoice.core.locale import split_template
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import HIDDEN, complaint
from otpvoice.dialects.numbers import Number
from otpvoice.dialects.offers import TrunkOffer


class Model(BaseModel):
    """Nothing is coerced, nothing unknown is passed over."""

    # hide_input_in_errors: should an exception get out, it does not show the body.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Templated(Model):
    """The sentence around a code."""

    brand: fields.Brand | None = None
    template: fields.Template | None = None  # after the brand, which its rule looks at

    @field_validator("template")
    @classmethod
    def _template(cls, template: str | None, info: ValidationInfo) -> str | None:
        try:
            split_template(template or "{code}", info.data.get("brand", ""))  # no brand there: it was wrong itself
        except ValueError as error:
            raise complaint("template", f"breaks a rule: {error}") from None
        return template


class _Labelled(Model):
    id: fields.Label | None = None
    tag: fields.Label | None = None


class Say(_Labelled):
    """Speak a text."""

    type: Literal["say"]
    text: fields.Text
    language: fields.Language | None = None
    voice: fields.VoiceName | None = None
    speed: fields.Speed = 1.0
    times: fields.Times = 1
    gap: fields.Gap = 1.0

    def to_core(self) -> core.Say:
        """Return the core's word for it."""
        return core.Say(
            text=self.text,
            language=self.language,
            voice=self.voice,
            speed=self.speed,
            times=self.times,
            gap=self.gap,
            id=self.id,
            tag=self.tag,
        )


class SayCode(_Labelled, Templated):
    """Speak a code."""

    type: Literal["say_code"]
    code: fields.Code
    group: Annotated[int, Field(ge=0, le=12)] = 3
    gap: fields.Gap = 0.35
    group_gap: fields.Gap = 0.8
    speed: fields.Speed = 0.9
    times: fields.Times = 2
    slow_down: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    language: fields.Language | None = None
    voice: fields.VoiceName | None = None
    replay: fields.Later = None
    gate: fields.Later = None
    languages: fields.Later = None

    def to_core(self) -> core.SayCode:
        """Return the core's word for it."""
        return core.SayCode(
            code=self.code,
            template=self.template,
            brand=self.brand,
            group=self.group,
            gap=self.gap,
            group_gap=self.group_gap,
            speed=self.speed,
            times=self.times,
            slow_down=self.slow_down,
            language=self.language,
            voice=self.voice,
            id=self.id,
            tag=self.tag,
        )


class Pause(_Labelled):
    """Silence."""

    type: Literal["pause"]
    seconds: Annotated[float, Field(ge=0.1, le=60)]

    def to_core(self) -> core.Pause:
        """Return the core's word for it."""
        return core.Pause(self.seconds, id=self.id, tag=self.tag)


class Play(_Labelled):
    """Play a recording."""

    type: Literal["play"]
    prompt: fields.PromptName
    times: fields.Times = 1
    url: fields.Later = None

    def to_core(self) -> core.Play:
        """Return the core's word for it."""
        return core.Play(self.prompt, times=self.times, id=self.id, tag=self.tag)


class Dial(_Labelled):
    """Call a second party."""

    type: Literal["dial"]
    to: Number
    from_: Annotated[str | None, Field(alias="from")] = None
    ring_timeout: fields.RingTimeout | None = None

    def to_core(self, trunk: TrunkOffer, shown: str | None) -> core.Dial:
        """Return the core's word for it. What is not given is the trunk's ring timeout, and what the call shows."""
        timeout = trunk.ring_timeout if self.ring_timeout is None else self.ring_timeout
        return core.Dial(self.to, self.from_ or shown, timeout, id=self.id, tag=self.tag)


class Hangup(_Labelled):
    """End the call."""

    type: Literal["hangup"]

    def to_core(self) -> core.Hangup:
        """Return the core's word for it."""
        return core.Hangup(id=self.id, tag=self.tag)


class LaterAction(BaseModel):
    """What a later version can do."""

    type: Annotated[Literal["send_digits", "stream", "stop_stream"], AfterValidator(fields.refuse_later)]

    def to_core(self) -> NoReturn:
        """Never called: there is no such object."""
        raise AssertionError("validation refuses it")


def _spelling(value: object) -> str:
    return HIDDEN + ("text" if isinstance(value, str) else "list")


_Spoken: TypeAlias = Annotated[Say | SayCode | Play | Pause, Field(discriminator="type")]
Prompt: TypeAlias = Annotated[
    Annotated[fields.Text, Tag(HIDDEN + "text")] | Annotated[list[_Spoken], Field(max_length=20), Tag(HIDDEN + "list")],
    Discriminator(_spelling),
]
"""A text, or a list of what is to be spoken."""


class Gather(_Labelled):
    """Collect keys."""

    type: Literal["gather"] = "gather"
    prompt: Prompt = Field(default_factory=list)
    success: Prompt = Field(default_factory=list)
    failure: Prompt = Field(default_factory=list)
    min_digits: Annotated[int, Field(ge=0, le=64)] = 1
    max_digits: Annotated[int, Field(ge=1, le=64)] | None = None
    terminators: fields.KeySet = "#"
    valid_digits: fields.KeySet = "0123456789"
    first_digit_timeout: fields.KeyTimeout = 8.0
    inter_digit_timeout: fields.KeyTimeout = 4.0
    overall_timeout: Annotated[float, Field(ge=0.1, le=600)] = 60.0
    tries: Annotated[int, Field(ge=1, le=10)] = 1
    barge_in: bool = True
    type_ahead: Literal["flush", "keep"] = "flush"
    sensitive: bool = True

    @model_validator(mode="after")
    def _check_rules(self) -> Gather:
        try:
            self._rules()
        except ValueError as error:
            # DigitRules' message begins with the name of the field.
            field, _, rule = str(error).partition(": ")
            raise complaint("rule", rule, field) from None
        return self

    def _rules(self) -> DigitRules:
        return DigitRules(
            min_digits=self.min_digits,
            max_digits=self.max_digits,
            terminators=self.terminators,
            valid_digits=self.valid_digits,
            first_digit_timeout=self.first_digit_timeout,
            inter_digit_timeout=self.inter_digit_timeout,
            overall_timeout=self.overall_timeout,
        )

    def to_core(self) -> core.Gather:
        """Return the core's word for it."""
        return core.Gather(
            rules=self._rules(),
            prompt=_prompt(self.prompt),
            success=_prompt(self.success),
            failure=_prompt(self.failure),
            tries=self.tries,
            barge_in=self.barge_in,
            type_ahead=self.type_ahead,
            sensitive=self.sensitive,
            id=self.id,
            tag=self.tag,
        )


Action: TypeAlias = Annotated[
    Say | SayCode | Play | Gather | Pause | Dial | Hangup | LaterAction, Field(discriminator="type")
]


def to_core(action: Action, trunk: TrunkOffer, shown: str | None) -> core.Action:
    """Return the core's word for an action of a call on this trunk, which shows this caller ID there."""
    return action.to_core(trunk, shown) if isinstance(action, Dial) else action.to_core()


def _prompt(prompt: str | list[Say | SayCode | Play | Pause]) -> core.Prompt:
    if isinstance(prompt, str):
        return (core.Say(prompt),)
    return tuple(item.to_core() for item in prompt)
