"""Our own spelling of what is spoken and played: texts, codes, recordings, and what goes around them.

The models are the contract; ``native_actions`` has the other actions.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from otpvoice.core import actions as core
from otpvoice.core.locale import split_template
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import HIDDEN, complaint
from otpvoice.dialects.models import Labelled, Model
from otpvoice.dialects.voice_names import Casting


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

    def to_core(self, casting: Casting) -> core.Say:
        """Return the core's word for it."""
        asked = casting.understood(self.voice, self.language)
        return core.Say(
            text=self.text,
            language=asked.language,
            voice=asked.voice,
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

    def to_core(self, casting: Casting) -> core.Gate:
        """Return the core's word for it."""
        if isinstance(self.failure, str):
            return core.Gate(self.key, self.tries, self.timeout, (core.Say(self.failure),))
        return core.Gate(
            self.key,
            self.tries,
            self.timeout,
            tuple(item.to_core(casting) if isinstance(item, Say) else item.to_core() for item in self.failure),
        )


class LanguageKey(Model):
    """A language for a code, by a key."""

    key: fields.Key
    language: fields.Language


class SayCode(Labelled, Templated):
    """Speak a code."""

    type: Literal["say_code"]
    code: fields.Code
    group: Annotated[int, Field(ge=0, le=12)] | None = None
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
    spelling: bool = False

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

    def to_core(self, casting: Casting) -> core.SayCode:
        """Return the core's word for it."""
        asked = casting.understood(self.voice, self.language)
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
            language=asked.language,
            voice=asked.voice,
            replay=self.replay.to_core() if self.replay is not None else None,
            gate=self.gate.to_core(casting) if self.gate is not None else None,
            languages=tuple(core.LanguageKey(choice.key, choice.language) for choice in self.languages),
            spelling=self.spelling,
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


def prompt_to_core(prompt: str | list[Say | SayCode | Play | Pause], casting: Casting) -> core.Prompt:
    """Return the core's words for a text, or for a list of what is to be spoken."""
    if isinstance(prompt, str):
        return (core.Say(prompt),)
    return tuple(item.to_core(casting) if isinstance(item, Say | SayCode) else item.to_core() for item in prompt)
