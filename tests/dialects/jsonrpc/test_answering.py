"""Answers to events: documents that say what comes next, those that do not and why, and that nothing else can come."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import Action, Dial, Gather, Hangup, Play, Say, SendDigits
from otpvoice.core.digits import DigitRules
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.jsonrpc import JsonRpcSpelling, events, inbound_plan
from otpvoice.dialects.offers import CallDefaults, Keying
from otpvoice.dialects.problems import Fault, ProblemFound
from otpvoice.dialects.spelling import ANSWER_FAULTS, Spelling
from otpvoice.dialects.stasis_keys import REASONS, Invalid
from tests.dialects.jsonrpc.account import CALL, DEFAULTS, EXAMPLES, NAMES, NOW, VALUES

GOOD = sorted((EXAMPLES / "answers" / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "answers" / "bad").glob("*.json"))
LOCALES = load_locales()
SPELLING: Spelling = JsonRpcSpelling()
ALL_KEYS = "#*0123456789ABCD"
FILE = "https://url-pointing-to-audio-file.com/file.wav"
A, B = Play(url="https://audio.example/a.mp3", id="play"), Play(url="https://audio.example/b.wav", id="play")
ENTER = Say("Enter it.", id="speak")
INBOUND = inbound_plan("+442079460001", "+442079460555", {}, DEFAULTS)
EVENTS = (
    events.INCOMING_CALL,
    events.DIAL_COMPLETED,
    events.PLAY_COMPLETED,
    events.SPEAK_COMPLETED,
    events.SEND_DTMF_COMPLETED,
    events.CALL_LEG_COMPLETED,
)


def read(
    document: Any, asked: str = events.DIAL_COMPLETED, plan: CallPlan = CALL, defaults: CallDefaults = DEFAULTS
) -> tuple[Action, ...]:
    return SPELLING.actions(orjson.dumps(document), asked, plan, defaults, NOW)


def problem(
    document: Any, asked: str = events.DIAL_COMPLETED, plan: CallPlan = CALL, defaults: CallDefaults = DEFAULTS
) -> tuple[str, str]:
    with pytest.raises(ProblemFound) as found:
        read(document, asked, plan, defaults)
    (only,) = found.value.problems
    return only.code, only.path


def gather(
    *prompt: Say | Play,
    most: int = 64,
    first: float = 10.0,
    between: float = 3.0,
    terminators: str = "#",
    name: str = "speak",
    **more: Any,
) -> Gather:
    rules = DigitRules(
        min_digits=0,
        max_digits=most,
        terminators=terminators,
        valid_digits=ALL_KEYS,
        first_digit_timeout=first,
        inter_digit_timeout=between,
        overall_timeout=first + most * between + 1,
        keep_terminator=more.pop("keep_terminator", False),
    )
    return Gather(rules, prompt, id=name, tag=name, **more)


# --- examples ---------------------------------------------------------------------------------------------------------

ACTIONS: dict[str, tuple[Action, ...]] = {
    "seed_play": (gather(Play(url=FILE, id="play"), most=5, terminators="*", name="play"),),
    "seed_handler": (gather(Play(url=FILE, id="play"), most=5, name="play"),),
    "seed_hangup": (Hangup(id="hangup"),),
    "demo_speak": (
        gather(
            Say("Hello Dave, how can we help you today? Press 1 for Customer Service.", language="en-US", id="speak"),
            most=1,
        ),
    ),
    "demo_speak_without_language": (gather(Say("How would you rate your service today?", id="speak"), most=1),),
    "demo_dial": (Dial("+442079460124", "+442079460001", 45.0, id="dial"),),
    "demo_in_a_list": (Hangup(id="hangup"),),
    "demo_in_another_language": (gather(Say("Press 1.", language="en-GB", id="speak"), most=1),),
    "nothing": (),
    "null": (),
    "an_empty_list": (),
    "play_alone": (A,),
    "play_several": (A, B),
    "play_several_and_collect": (gather(A, B, name="play"),),
    "speak_with_a_voice": (Say("Olá.", language="pt-BR", voice="espeak:pt-br+f2", id="speak"),),
    "collect_as_texts": (gather(ENTER, first=2.5, between=1.5, terminators="#*D"),),
    "collect_without_terminators": (gather(ENTER, most=4, terminators=""),),
    "collect_more_than_anybody_types": (gather(ENTER, first=0.1, between=0.1),),
    "collect_none": (Say("Hello.", id="speak"),),
    "send_keys": (SendDigits("12w#", id="send_dtmf"),),
    "send_digits": (SendDigits("1234", id="send_dtmf"),),
    "dial_with_everything": (
        Dial("+442079460124", "+442079460000", 45.0, max_duration=60.0, digits="w42#", id="dial"),
    ),
    "dial_without_a_caller_id": (Dial("1001", "+442079460001", 45.0, id="dial"),),
}


def test_each_good_example_has_its_actions() -> None:
    assert [path.stem for path in GOOD] == sorted(ACTIONS)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_right_is_done(path: Path) -> None:
    actions = SPELLING.actions(path.read_bytes(), events.DIAL_COMPLETED, CALL, DEFAULTS, NOW)
    assert actions == ACTIONS[path.stem]
    CallFlow(CALL, LOCALES).compiled(actions)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_is_wrong_is_told_with_its_place(path: Path) -> None:
    with pytest.raises(ProblemFound) as found:
        SPELLING.actions(path.read_bytes(), events.DIAL_COMPLETED, CALL, DEFAULTS, NOW)
    (only,) = found.value.problems
    assert f"{only.code} {only.path}\n" == path.with_suffix(".txt").read_text()
    assert (found.value.fault is Fault.DESTINATION_NOT_ALLOWED) == (only.code == "destination_not_allowed")


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
def test_an_empty_answer_is_no_more(body: bytes) -> None:
    assert SPELLING.actions(body, events.PLAY_COMPLETED, CALL, DEFAULTS, NOW) == ()


# --- what is a choice -------------------------------------------------------------------------------------------------

SPEAK = {"method": "speak", "params": {"tts": {"message": "Enter it."}, "collect_digits": {"max": 4}}}


@pytest.mark.parametrize(
    ("keying", "expected"),
    [
        (Keying(), gather(ENTER, most=4)),
        (Keying(terminator_included=True), gather(ENTER, most=4, keep_terminator=True)),
        (Keying(stops_at_first_key=False), gather(ENTER, most=4, barge_in=False, type_ahead="keep")),
    ],
)
def test_what_the_documents_leave_open_about_keys_is_the_administrator_s(keying: Keying, expected: Gather) -> None:
    assert read(SPEAK, defaults=replace(DEFAULTS, keying=keying)) == (expected,)


def test_keys_are_told_to_nobody_but_who_asked() -> None:
    (action,) = read(SPEAK)
    assert isinstance(action, Gather)
    assert action.sensitive


# --- who may dial when ------------------------------------------------------------------------------------------------

DIAL = {"method": "dial", "params": {"to": "442079460124"}}
MAY_DIAL = {events.INCOMING_CALL, events.DIAL_COMPLETED, events.CALL_LEG_COMPLETED}


@pytest.mark.parametrize("asked", EVENTS)
def test_a_second_party_is_called_in_answer_to_some_events_only(asked: str) -> None:
    menus = {events.PLAY_COMPLETED, events.SPEAK_COMPLETED}
    for plan, may in ((CALL, MAY_DIAL), (INBOUND, MAY_DIAL | menus)):
        if asked in may:
            assert isinstance(read(DIAL, asked, plan)[0], Dial)
        else:
            assert problem(DIAL, asked, plan) == ("unsupported_state", "$.method")


@pytest.mark.parametrize("asked", EVENTS)
@pytest.mark.parametrize("method", ["play", "speak", "hangup", "send_dtmf"])
def test_all_else_answers_any_event(asked: str, method: str) -> None:
    params = {"url": A.url, "tts": {"message": "Hello."}, "digits": "1"}
    assert len(read({"method": method, "params": params}, asked)) == 1


@pytest.mark.parametrize(
    ("caller", "given_", "shown"),
    [
        ("+442079460555", "442079460555", "+442079460555"),
        ("+442079460555", "+442079460555", "+442079460555"),
        ("442079460555", "442079460555", "+442079460555"),
        ("+442079460555", "442079460000", "+442079460000"),
        ("+442079460555", None, "+442079460001"),
        ("2001", "2001", "2001"),
    ],
)
def test_a_caller_s_own_number_may_be_shown(caller: str, given_: str | None, shown: str) -> None:
    document = {"method": "dial", "params": {"to": "442079460124", "caller_id_number": given_}}
    (dial,) = read(document, events.INCOMING_CALL, replace(INBOUND, caller_id=caller))
    assert isinstance(dial, Dial)
    assert dial.caller_id == shown


@pytest.mark.parametrize(
    ("plan", "number"),
    [
        (replace(CALL, caller_id="+442079460777"), "442079460777"),
        (INBOUND, "442079460556"),
        (replace(INBOUND, caller_id=None), "442079460555"),
        (replace(INBOUND, caller_id="a name, and more"), "a name, and more"),
    ],
)
def test_anybody_else_s_number_is_not(plan: CallPlan, number: str) -> None:
    document = {"method": "dial", "params": {"to": "442079460124", "caller_id_number": number}}
    assert problem(document, events.DIAL_COMPLETED, plan) == (
        "caller_id_not_allowed",
        "$.params.caller_id_number",
    )


def test_what_the_record_tells_as_it_is_called_here_is_so_called() -> None:
    seen = {path.with_suffix(".txt").read_text().split(" ")[0] for path in BAD} | {"unsupported_state"}
    assert seen >= ANSWER_FAULTS - {"scenario_invalid"}


def test_a_trunk_that_is_gone_since_is_no_fault() -> None:
    (dial,) = read(DIAL, plan=replace(CALL, trunk="gone"))
    assert isinstance(dial, Dial)
    assert dial.ring_timeout == 45.0


def test_an_answer_speaks_the_language_of_its_call() -> None:
    hosted = {"method": "speak", "params": {"tts": {"message": "Olá.", "voice": "Joanna"}}}
    assert read(hosted)[0] == Say("Olá.", language="en-US", voice="espeak:en-us+f2", id="speak")
    assert problem({"method": "speak", "params": {"tts": {"message": "A"}}}, plan=replace(CALL, language="tlh")) == (
        "voice",
        "$.language",
    )


# --- calls that come in -----------------------------------------------------------------------------------------------


def test_a_call_that_comes_in_asks_at_its_answer() -> None:
    assert INBOUND.asks_at_answer
    assert INBOUND.inbound
    assert (INBOUND.to, INBOUND.caller_id, INBOUND.shown) == ("+442079460001", "+442079460555", "+442079460001")
    assert (INBOUND.webhook, INBOUND.max_duration) == (CALL.webhook, 14_400)
    CallFlow(INBOUND, LOCALES)
    assert inbound_plan("10\n0", "x" * 100, {}, DEFAULTS).to == "100"


@pytest.mark.parametrize(
    ("defaults", "reason"),
    [(replace(DEFAULTS, event_url=None), "nobody_to_ask"), (replace(DEFAULTS, trunks={}), "not_allowed")],
)
def test_nobody_comes_in_where_nobody_can_be_asked(defaults: CallDefaults, reason: str) -> None:
    with pytest.raises(Invalid) as invalid:
        inbound_plan("100", "200", {}, defaults)
    assert invalid.value.reason == reason
    assert reason in REASONS


# --- any answer at all ------------------------------------------------------------------------------------------------


def check(body: bytes, asked: str, plan: CallPlan) -> None:
    try:
        actions = SPELLING.actions(body, asked, plan, DEFAULTS, NOW)
    except ProblemFound as found:
        for one in found.problems:
            json.dumps([one.path, one.code, one.message])
            assert one.path.startswith("$"), one
            assert one.message.isprintable(), one
        return
    for action in actions:
        if isinstance(action, Dial):
            assert not action.to.startswith("+") or DEFAULTS.destinations.refusal(action.to) is None
    CallFlow(plan, LOCALES).compiled(actions)


@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"[" * 5000)
@example(b"[[]]")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    check(body, events.INCOMING_CALL, INBOUND)


@given(VALUES, st.sampled_from(EVENTS), st.sampled_from([CALL, INBOUND]))
def test_any_document_is_read_or_refused(document: Any, asked: str, plan: CallPlan) -> None:
    check(orjson.dumps(document), asked, plan)


@given(
    st.sampled_from(["play", "play_multiple", "speak", "send_dtmf", "dial"]),
    st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=6), max_size=6),
    st.sampled_from(EVENTS),
)
def test_any_params_are_read_or_refused(method: str, params: dict[str, Any], asked: str) -> None:
    check(orjson.dumps({"method": method, "params": params}), asked, INBOUND)


def test_nothing_that_was_answered_is_repeated() -> None:
    mark = "QZ7"
    for method in ("play", "play_multiple", "speak", "send_dtmf", "dial", mark):
        for value in (mark, {mark: mark}, [mark], {"message": {mark: 1}}, {"max": mark}):
            names = ("url", "urls", "tts", "collect_digits", "digits", "send_dtmf", "to", "caller_id_number")
            params = {"to": "442079460124", **dict.fromkeys(names, value)}
            for some in ({name: params[name]} for name in names):
                with pytest.raises(ProblemFound) as found:
                    read({"method": method, "params": some})
                assert mark not in str(found.value)
