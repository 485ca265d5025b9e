"""What the webhook of type VCA answers: what is done then, and by which word an answer that can't be used is told."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import Action, Dial, Gather, Hangup, Play, Say
from otpvoice.core.compile import compile_actions
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.callflow import CallflowSpelling, Refused, parse_callflow
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.problems import Fault, ProblemFound
from otpvoice.dialects.spelling import ANSWER_FAULTS, Spelling
from tests.dialects.callflow.account import DEFAULTS, EXAMPLES, HOOKS, NOW

LOCALES = load_locales()
SPELLING: Spelling = CallflowSpelling()
SOURCE, OTHER = "6512341234", "6587654321"
BODY = {"callflow": [{"action": "makeCall", "params": {"source": SOURCE, "destination": "6512345678"}}]}
PLAN: CallPlan = parse_callflow(json.dumps(BODY).encode(), DEFAULTS, HOOKS, NOW).plan

CALL = {"action": "makeCall", "params": {"source": SOURCE, "destination": OTHER}}
SAY = {"action": "say", "params": {"text": "Hello.", "voiceProfile": "en-US-ZiraRUS", "speed": 1.0}}
ASK = {"action": "sayAndCapture", "params": {"promptMessage": "Press one.", "voiceProfile": "en-US-BenjaminRUS"}}
HANGUP = {"action": "hangup"}
ZIRA = Say("Hello.", language="en-US", voice="espeak:en-us+f2")
ASKED = Gather(
    DigitRules(
        max_digits=25, valid_digits="0123456789*", first_digit_timeout=30, inter_digit_timeout=30, overall_timeout=30
    ),
    prompt=(Say("Press one.", language="en-US", voice="espeak:en-us"),),
    tries=3,
)


def scenario(asked: Any, /, **values: Any) -> dict[str, Any]:
    return {"action": "scenario", "params": {"scenarioName": asked, **values}}


def answered(answer: Any, plan: CallPlan = PLAN, defaults: CallDefaults = DEFAULTS) -> tuple[Action, ...]:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return SPELLING.actions(body, "CALL_ACTION", plan, defaults, NOW)


@pytest.mark.parametrize(
    ("answer", "actions"),
    [
        (b"", ()),
        (b" \r\n", ()),
        (b"OK", ()),
        (b" ok\r\n", ()),
        (b"\xef\xbb\xbf", ()),
        (b"\xef\xbb\xbfOk", ()),
        (b'\xef\xbb\xbf{"callflow": [{"action": "hangup"}]}', (Hangup(),)),
        ({}, ()),
        ({"callflow": []}, ()),
        ({"clientActionId": None, "callflow": None}, ()),
        ({"ok": True, "callflow": [HANGUP]}, (Hangup(),)),
        ({"callflow": [SAY, {"action": "hangup", "params": None}]}, (ZIRA, Hangup())),
        ({"callflow": [{"action": "playFile", "params": {"fileUrl": "https://a.example/b.mp3", "repetition": 3}}]},
         (Play(url="https://a.example/b.mp3", times=3),)),
        ({"callflow": [CALL]}, (Dial("+6587654321", "+6512341234"), Hangup())),
        ({"callflow": [SAY, CALL]}, (ZIRA, Dial("+6587654321", "+6512341234"), Hangup())),
        ({"callflow": [CALL, SAY]}, (Dial("+6587654321", "+6512341234"), ZIRA)),
        # Nobody looks for a hook: somebody has just answered.
        ({"callflow": [ASK]}, (ASKED,)),
        ({"clientActionId": "ivr1_level2", "callflow": [ASK]}, (replace(ASKED, id="ivr1_level2", tag="ivr1_level2"),)),
        ({"clientActionId": "x" * 255, "callflow": [SAY, CALL]},
         (replace(ZIRA, id="x" * 255), Dial("+6587654321", "+6512341234", id="x" * 255), Hangup(id="x" * 255))),
        ({"callflow": [scenario("second_party", name="you", to="1001")]},
         (Say("Connecting you.", language="en-IE", voice="espeak:en-ie+f2"), Dial("1001", "+6561115777"), Hangup())),
    ],
)  # fmt: skip
def test_an_answer_says_what_comes_next(answer: Any, actions: tuple[Action, ...]) -> None:
    assert answered(answer) == actions


def test_a_second_party_rings_as_long_as_its_trunk_says() -> None:
    plan = replace(PLAN, trunk="other")
    call = {"action": "makeCall", "params": {"source": "600", "destination": OTHER}}
    assert answered({"callflow": [call]}, plan)[0] == Dial("+6587654321", "600", ring_timeout=20)


def test_a_voice_that_is_at_home_nowhere_speaks_what_the_call_does() -> None:
    said = {"action": "say", "params": {"text": "Hello.", "voiceProfile": "alice"}}
    (spoken,) = answered({"callflow": [said]}, replace(PLAN, language="fr-FR"))
    assert spoken == Say("Hello.", voice="espeak:fr-fr+f2")


@pytest.mark.parametrize(
    ("answer", "first", "path"),
    [
        *((body, "invalid_json", "$") for body in (b"Thank you!", b"OK, thanks", b"O K", b"OK OK", b'"OK"', b"KO")),
        ([HANGUP], "invalid_json", "$"),
        # The guide's samples have comments, and commas behind the last.
        (b'{"callflow": [{"action": "hangup"},]}', "invalid_json", "$"),
        ({"callflow": {}}, "type", "$.callflow"),
        ({"clientActionId": 7, "callflow": [HANGUP]}, "type", "$.clientActionId"),
        ({"clientActionId": "x" * 256, "callflow": [HANGUP]}, "length", "$.clientActionId"),
        ({"callflow": [{"action": "fly"}]}, "action", "$.callflow[0].action"),
        ({"callflow": [{"action": "say"}]}, "required", "$.callflow[0].params"),
        ({"callflow": [{"action": "say", "params": {"voiceProfile": "en-US-ZiraRUS"}}]}, "required",
         "$.callflow[0].params.text"),
        ({"callflow": [HANGUP, SAY]}, "hangup", "$.callflow[0]"),
        ({"callflow": [ASK, HANGUP]}, "hangup", "$.callflow[1]"),
        ({"callflow": [CALL, CALL]}, "count", "$.callflow[1]"),
        ({"callflow": [HANGUP] * 51}, "count", "$.callflow"),
        ({"callflow": [scenario("second_party"), HANGUP]}, "scenario_with_others", "$.callflow[0]"),
        ({"callflow": [{"action": "say", "params": {"text": "a", "voiceProfile": "Zorblax the Third"}}]}, "voice",
         "$.callflow[0].params.voiceProfile"),
        ({"callflow": [{"action": "say", "params": {"text": "a", "language": "tlh"}}]}, "voice",
         "$.callflow[0].params.language"),
        ({"callflow": [SAY, {"action": "makeCall", "params": {"source": "6561115799", "destination": OTHER}}]},
         "caller_id_not_allowed", "$.callflow[1].params.source"),
        # One of the account's, but not of the call's trunk.
        ({"callflow": [{"action": "makeCall", "params": {"source": "600", "destination": OTHER}}]},
         "caller_id_not_allowed", "$.callflow[0].params.source"),
        # What the form wants comes before it.
        ({"callflow": [{"action": "makeCall", "params": {"source": "600", "destination": OTHER}}, {"action": "say"}]},
         "required", "$.callflow[1].params"),
        ({"callflow": [{"action": "makeCall", "params": {"source": SOURCE, "destination": "home"}}, {"action": "say"}]},
         "required", "$.callflow[1].params"),
        ({"callflow": [{"action": "makeCall", "params": {"source": "600", "destination": "447700900123"}}]},
         "caller_id_not_allowed", "$.callflow[0].params.source"),
        ({"callflow": [{"action": "makeCall", "params": {"source": SOURCE, "destination": "447700900123"}}]},
         "destination_not_allowed", "$.actions[0].to"),
        ({"callflow": [scenario("second_party", name="you", to="447700900123")]}, "destination_not_allowed",
         "$.actions[1].to"),
        *(
            ({"callflow": [one]}, "scenario_invalid", "$.callflow[0]")
            for one in (
                {"action": "scenario"},
                scenario(" "),
                scenario("missing"),
                scenario("theirs"),
                scenario("broken_no_text", text="a"),
                # Two calls: it is for the beginning.
                scenario("two_calls"),
                scenario("second_party", to="1001"),
                scenario("second_party", name="you", to="home"),
                scenario("spoken", voice="Zorblax"),
            )
        ),
    ],
)  # fmt: skip
def test_an_answer_that_can_not_be_used_is_told_by_its_first_problem(answer: Any, first: str, path: str) -> None:
    with pytest.raises(ProblemFound) as found:
        answered(answer)
    problem = found.value.problems[0]
    assert (problem.code, problem.path) == (first, path)
    assert (found.value.fault is Fault.DESTINATION_NOT_ALLOWED) == (first == "destination_not_allowed")


def test_the_words_that_have_a_code_of_their_own_are_those_of_the_port() -> None:
    assert {"destination_not_allowed", "caller_id_not_allowed", "scenario_invalid"} <= ANSWER_FAULTS


def test_what_is_wrong_with_a_scenarios_file_is_in_the_record() -> None:
    with pytest.raises(ProblemFound) as found:
        answered({"callflow": [scenario("broken_placeholder_misspelt", text="4821")]})
    with pytest.raises(ProblemFound) as broken:
        answered({"callflow": [scenario("broken_a_placeholder_misspelt", text="4821")]})
    assert found.value.problems[0].message == "must name a scenario that there is"
    assert "has braces that are no placeholder" in broken.value.problems[0].message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("source", "destination", "text", "voiceProfile", "fileUrl", "maxDigits"), VALUES)
    | {"scenarioName": st.sampled_from(sorted(path.stem for path in (EXAMPLES / "scenarios").glob("*.json")))},
)
ENTRIES = st.sampled_from([CALL, SAY, ASK, HANGUP]) | st.fixed_dictionaries(
    {"action": st.sampled_from(["makeCall", "say", "sayAndCapture", "playFile", "scenario"]) | VALUES, "params": PARAMS}
)


def read(body: bytes) -> tuple[Action, ...] | ProblemFound:
    try:
        return answered(body)
    except ProblemFound as found:
        return found


@given(st.fixed_dictionaries({"callflow": st.lists(ENTRIES, max_size=5) | VALUES}, optional={"clientActionId": VALUES}))
def test_any_answer_is_actions_or_problems(answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    match read(body):
        case ProblemFound(problems=problems):
            assert problems
        case actions:
            compile_actions(actions, PLAN, LOCALES)
    # As a request it gets a code, or is taken: nothing else is raised.
    with suppress(Refused):
        parse_callflow(body, DEFAULTS, HOOKS, NOW)
