"""Our own spelling of the actions: one model an action, its ranges and defaults, and the word of the core it becomes.

The models are the contract. Those of streams are in ``native_streams``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from otpvoice.core import actions as core
from otpvoice.core.digits import DigitRules
from otpvoice.core.locale import split_template
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import HIDDEN, complaint
from otpvoice.dialects.models import Labelled, Model
from otpvoice.dialects.native_streams import StopStream, Stream
from otpvoice.dialects.numbers import Number
from otpvoice.dialects.offers import TrunkOffer


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


class Say(Labelled):
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


class Pause(Labelled):
    """Silence."""

    type: Literal["pause"]
    seconds: Annotated[float, Field(ge=0.1, le=60)]

    def to_core(self) -> core.Pause:
        """Return the core's word for it."""
        return core.Pause(self.seconds, id=self.id, tag=self.tag)


class Play(Labelled):
    """Play a recording: one of the prompts folder, or one that is fetched."""

    type: Literal["play"]
    prompt: fields.PromptName | None = None
    url: fields.Url | None = None
    times: fields.Times = 1

    @model_validator(mode="after")
    def _one_of_them(self) -> Play:
        if self.prompt is not None and self.url is not None:
            raise complaint("conflict", "must not be given together with prompt", "url")
        if self.prompt is None and self.url is None:
            raise complaint("required", "is required, or url in its place", "prompt")
        return self

    def to_core(self) -> core.Play:
        """Return the core's word for it."""
        return core.Play(self.prompt, times=self.times, url=self.url, id=self.id, tag=self.tag)


def _spelling(value: object) -> str:
    return HIDDEN + ("text" if isinstance(value, str) else "list")


_Listed = Field(max_length=20)
_TEXT, _LIST = Tag(HIDDEN + "text"), Tag(HIDDEN + "list")
Announcement: TypeAlias = Annotated[
    Annotated[fields.Text, _TEXT]
    | Annotated[list[Annotated[Say | Play | Pause, Field(discriminator="type")]], _Listed, _LIST],
    Discriminator(_spelling),
]
"""A text, or a list of what is to be spoken; no code is in it."""


class Replay(Model):
    """Hear a code again by a key."""

    key: fields.Key = "1"
    limit: Annotated[int, Field(ge=1, le=10)] = 3

    def to_core(self) -> core.Replay:
        """Return the core's word for it."""
        return core.Replay(self.key, self.limit)


class Gate(Model):
    """A key before the code: one that is named, any, or a random digit that is announced."""

    key: fields.GateKey = "1"
    tries: Annotated[int, Field(ge=1, le=10)] = 2
    timeout: Annotated[float, Field(ge=1, le=60)] = 8.0
    failure: Announcement = Field(default_factory=list)

    def to_core(self) -> core.Gate:
        """Return the core's word for it."""
        failure = (core.Say(self.failure),) if isinstance(self.failure, str) else self.failure
        return core.Gate(
            self.key,
            self.tries,
            self.timeout,
            tuple(item if isinstance(item, core.Say) else item.to_core() for item in failure),
        )


class LanguageKey(Model):
    """A language for a code, by a key."""

    key: fields.Key
    language: fields.Language


class SayCode(Labelled, Templated):
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
    replay: Replay | None = None
    gate: Gate | None = None
    languages: Annotated[list[LanguageKey], Field(max_length=5)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_keys(self) -> SayCode:
        keys = [choice.key for choice in self.languages]
        if len(set(keys)) < len(keys):
            raise complaint("rule", "must have a different key for each language", "languages")
        if self.gate is not None and self.gate.key in keys:
            raise complaint("rule", "must not have the key of the gate", "languages")
        if self.replay is not None and self.replay.key in keys:
            raise complaint("rule", "must not have the key of the replay", "languages")
        return self

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
            replay=self.replay.to_core() if self.replay is not None else None,
            gate=self.gate.to_core() if self.gate is not None else None,
            languages=tuple(core.LanguageKey(choice.key, choice.language) for choice in self.languages),
            id=self.id,
            tag=self.tag,
        )


def _ask_no_keys(prompt: str | list[Say | SayCode | Play | Pause]) -> str | list[Say | SayCode | Play | Pause]:
    for item in prompt if isinstance(prompt, list) else ():
        if isinstance(item, SayCode) and (item.gate or item.replay or item.languages):
            raise complaint(
                "conflict", "must not hold a code with gate, replay or languages: the keys are the gather's"
            )
    return prompt


Prompt: TypeAlias = Annotated[
    Annotated[fields.Text, _TEXT]
    | Annotated[list[Annotated[Say | SayCode | Play | Pause, Field(discriminator="type")]], _Listed, _LIST],
    Discriminator(_spelling),
    AfterValidator(_ask_no_keys),
]
"""A text, or a list of what is to be spoken."""


class SendDigits(Labelled):
    """Press keys."""

    type: Literal["send_digits"]
    digits: fields.SentDigits

    def to_core(self) -> core.SendDigits:
        """Return the core's word for it."""
        return core.SendDigits(self.digits, id=self.id, tag=self.tag)


class Dial(Labelled):
    """Call a second party."""

    type: Literal["dial"]
    to: Number
    from_: Annotated[str | None, Field(alias="from")] = None
    ring_timeout: fields.RingTimeout | None = None

    def to_core(self, trunk: TrunkOffer, shown: str | None) -> core.Dial:
        """Return the core's word for it. What is not given is the trunk's ring timeout, and what the call shows."""
        timeout = trunk.ring_timeout if self.ring_timeout is None else self.ring_timeout
        return core.Dial(self.to, self.from_ or shown, timeout, id=self.id, tag=self.tag)


class Hangup(Labelled):
    """End the call."""

    type: Literal["hangup"]

    def to_core(self) -> core.Hangup:
        """Return the core's word for it."""
        return core.Hangup(id=self.id, tag=self.tag)


class Gather(Labelled):
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
    Say | SayCode | Play | Gather | Pause | SendDigits | Dial | Stream | StopStream | Hangup,
    Field(discriminator="type"),
]


def to_core(action: Action, trunk: TrunkOffer, shown: str | None) -> core.Action:
    """Return the core's word for an action of a call on this trunk, which shows this caller ID there."""
    return action.to_core(trunk, shown) if isinstance(action, Dial) else action.to_core()


def _prompt(prompt: str | list[Say | SayCode | Play | Pause]) -> core.Prompt:
    if isinstance(prompt, str):
        return (core.Say(prompt),)
    return tuple(item.to_core() for item in prompt)
