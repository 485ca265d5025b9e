"""The ``params`` of each action: one model an action, with its ranges, its defaults, and the rules among its fields.

8x8, "Send Callflow" and "Call Action Handling (IVR)"; where the two differ, the guide's defaults hold. What is not
known is passed over, as 8x8 does. Null is as good as absent: whoever reads a document has taken it away.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from otpvoice.core.language_tags import primary
from otpvoice.dialects import fields
from otpvoice.dialects.callflow import values
from otpvoice.dialects.callflow.wrongs import MISSING
from otpvoice.dialects.complaints import complaint
from otpvoice.dialects.hosted_voices import engine_voice
from otpvoice.dialects.models import Model

MOST_WITHOUT_HASH: Final = 25
"""Digits: "maxDigits must be provided and > 0 and < 26"."""
DEFAULT_MOST_DIGITS: Final = 25
DEFAULT_OVERALL_TIMEOUT: Final = 30_000
"""Milliseconds."""
_MULTILINGUAL: Final = "multilingual"
"""In the names of voices that speak more than the language they are named after."""


class Params(Model):
    """Fields are written as 8x8 does: ``voice_profile`` is ``voiceProfile``."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)


class MakeCall(Params):
    """Call somebody. ``callRecording`` is read and not done: nothing is recorded here."""

    source: str
    destination: values.Destination
    call_recording: bool = False


class Spoken(Params):
    """Who speaks, and how: a profile, a language, or both."""

    language: values.Language | None = None  # before the profile, which its rule looks at
    voice_profile: Annotated[values.Voice | None, Field(validate_default=True)] = None
    repetition: values.Repetition = 1
    speed: values.Speed = 1.0

    @field_validator("voice_profile")
    @classmethod
    def _somebody(cls, profile: str | None, info: ValidationInfo) -> str | None:
        if "language" not in info.data:  # it was wrong itself
            return profile
        language = info.data["language"]
        if profile is None:
            if language is None:
                # "It is required to set either a language code or a voice profile."
                raise complaint("required", MISSING)
        elif language is not None and not _speaks(profile, language):
            raise complaint("voice", "does not speak this language")
        return profile


class Say(Spoken):
    """Speak a text."""

    text: values.Words


class PlayFile(Params):
    """Play a recording that is fetched."""

    file_url: fields.Url
    repetition: values.Repetition = 1


def _unless_empty(text: object) -> object:
    return None if isinstance(text, str) and not text.strip() else text


Message = Annotated[values.Words | None, BeforeValidator(_unless_empty)]


class SayAndCapture(Spoken):
    """Ask for keys. Timeouts in milliseconds."""

    prompt_message: values.Words
    min_digits: Annotated[values.Whole, Field(ge=1)] | None = None
    max_digits: values.Whole | None = None
    digit_timeout: values.Milliseconds | None = None
    overall_timeout: values.Whole | None = None
    complete_on_hash: bool = True
    no_of_tries: Annotated[values.Whole, Field(ge=1, le=10)] = 3
    success_message: Message = None
    failure_message: Message = None
    dtmf_callback_url: Any = None

    @field_validator("dtmf_callback_url")
    @classmethod
    def _told_elsewhere(cls, url: object) -> None:
        if url:
            # Of the former API. Who sends it waits there for a body that nobody posts any more.
            raise complaint("not_offered", "is not offered: keys are told to the webhook of type VCA")

    @model_validator(mode="before")
    @classmethod
    def _legacy(cls, params: Any) -> Any:
        """The former API's ``text`` and ``endMessage`` stand where today's names do not."""
        if not isinstance(params, dict):
            return params
        legacy = {"promptMessage": params.get("text"), "successMessage": params.get("endMessage")}
        return {name: value for name, value in legacy.items() if value is not None} | params

    @model_validator(mode="after")
    def _enough_is_said(self) -> SayAndCapture:
        most, overall = self.max_digits, self.overall_timeout
        if self.min_digits is not None and not (most and self.min_digits <= most <= values.MOST_DIGITS):
            raise complaint("most_digits", "must be no less than minDigits, which is given", "maxDigits")
        if not self.complete_on_hash and not (most and 1 <= most <= MOST_WITHOUT_HASH):
            raise complaint("endless", f"must be 1 to {MOST_WITHOUT_HASH} where no hash ends it", "maxDigits")
        if most is not None and not 1 <= most <= values.MOST_DIGITS:
            raise complaint("range", f"must be 1 to {values.MOST_DIGITS}", "maxDigits")
        if self.digit_timeout is not None and not (overall and overall >= 1):
            raise complaint("overall_timeout", "must be given together with digitTimeout", "overallTimeout")
        if overall is not None and not 1 <= overall <= values.LONGEST_TIMEOUT:
            raise complaint("range", f"must be 1 to {values.LONGEST_TIMEOUT}", "overallTimeout")
        # "Must be less", says the guide, and has samples in which the two are equal: those work.
        if self.digit_timeout is not None and overall is not None and self.digit_timeout > overall:
            raise complaint("digit_timeout", "must not be more than overallTimeout", "digitTimeout")
        return self


class Scenario(Params):
    """Do what has been prepared under a name. All other fields are the values of its placeholders."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    scenario_name: Any = None


class Hangup(Params):
    """End the session."""


def _speaks(profile: str, language: str) -> bool:
    """May a voice be asked for this language? Of our own voices the account's speech knows; of theirs, their names."""
    hosted = engine_voice(profile)
    if hosted is None or hosted.language is None or _MULTILINGUAL in profile.lower():
        return True
    return primary(hosted.language) == primary(language)
