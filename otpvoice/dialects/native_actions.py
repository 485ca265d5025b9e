"""Our own spelling of the actions: one model an action, its ranges and defaults, and the word of the core it becomes.

The models are the contract. Those of what is spoken are in ``native_speech``, those of streams in ``native_streams``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from otpvoice.core import actions as core
from otpvoice.core.digits import DigitRules
from otpvoice.dialects import fields
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.models import Labelled
from otpvoice.dialects.native_speech import Pause, Play, Prompt, Say, SayCode, prompt_to_core
from otpvoice.dialects.native_streams import StopStream, Stream
from otpvoice.dialects.numbers import Number
from otpvoice.dialects.offers import TrunkOffer
from otpvoice.dialects.voice_names import Casting


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

    def to_core(self, casting: Casting) -> core.Gather:
        """Return the core's word for it."""
        return core.Gather(
            rules=self._rules(),
            prompt=prompt_to_core(self.prompt, casting),
            success=prompt_to_core(self.success, casting),
            failure=prompt_to_core(self.failure, casting),
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


def to_core(action: Action, trunk: TrunkOffer, shown: str | None, casting: Casting) -> core.Action:
    """Return the core's word for an action of a call on this trunk, which shows this caller ID there."""
    match action:
        case Dial():
            return action.to_core(trunk, shown)
        case Say() | SayCode() | Gather():
            return action.to_core(casting)
        case _:
            return action.to_core()
