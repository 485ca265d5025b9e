"""What an action becomes before anything rings: steps, and all that they may speak."""

from __future__ import annotations

from typing import get_args

import pytest

from otpvoice.core import actions
from otpvoice.core.actions import Action, Dial, Gather, Hangup, Pause, Play, Say, SayCode
from otpvoice.core.compile import DialStep, GatherStep, HangupStep, SpokenStep, compile_plan, scripts_of, type_of
from otpvoice.core.digits import DigitRules
from otpvoice.core.ringback import ringback
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Recording, Silence, Words
from tests.core.stories import LOCALES, inbound, outbound

ROWS: list[tuple[Action, type, str]] = [
    (Say("Hello."), SpokenStep, "say"),
    (SayCode(OtpCode("123")), SpokenStep, "say_code"),
    (Play("welcome"), SpokenStep, "play"),
    (Pause(1.0), SpokenStep, "pause"),
    (Gather(DigitRules()), GatherStep, "gather"),
    (Dial("+15550177"), DialStep, "dial"),
    (Hangup(), HangupStep, "hangup"),
]


@pytest.mark.parametrize(("action", "kind", "name"), ROWS)
def test_every_action_is_a_step_and_has_the_name_of_the_api(action: Action, kind: type, name: str) -> None:
    (step,) = outbound(action).steps
    assert isinstance(step, kind)
    assert type_of(step) == name


def test_there_is_no_other_action() -> None:
    assert {type(action) for action, _, _ in ROWS} == set(get_args(actions.Action))


def test_a_recording_is_spoken_like_a_text() -> None:
    assert outbound(Play("welcome")).scripts == ((Recording("welcome"),),)


def test_a_prompt_may_be_of_all_kinds() -> None:
    asked = (Play("welcome"), Say("How many?"), Pause(0.5))
    flow = outbound(Gather(DigitRules(), prompt=asked, success=(Play("thanks"),)))
    assert flow.scripts == (
        (Recording("welcome"), Words("How many?", "en"), Silence(0.5)),
        (Recording("thanks"),),
    )


def test_the_ringback_is_that_of_the_calls_language() -> None:
    flow = inbound(Dial("+15550177"), language="en-GB")
    (step,) = compile_plan(flow.plan, LOCALES)
    assert scripts_of(step) == (ringback("en-GB"),)
    assert flow.proof.delivered is None
