"""8x8's requests: documents that are taken, those that are not and by which code, and that nothing else can come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import Dial, Gather, Hangup, Play, Say
from otpvoice.core.chance import drawn
from otpvoice.core.digits import DigitRules
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Fault
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.plan_text import plan_from_text, plan_to_text
from otpvoice.dialects.callflow import MESSAGES, CallflowRequest, Refused, http_status, parse_callflow
from otpvoice.dialects.callflow.params import MakeCall, PlayFile, SayAndCapture
from otpvoice.dialects.callflow.params import Say as SayParams
from otpvoice.dialects.offers import CallDefaults, SpeechProfile
from tests.dialects.callflow.account import DEFAULTS, EXAMPLES, HOOKS, NOW
from tests.dialects.changed import one_field_more, one_value_changed

GOOD = sorted((EXAMPLES / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "bad").glob("*.json"))
LOCALES = load_locales()
SOURCE, DESTINATION = "6512341234", "6512345678"


def parse(document: Any, defaults: CallDefaults = DEFAULTS) -> CallflowRequest:
    return parse_callflow(json.dumps(document).encode(), defaults, HOOKS, NOW)


def refused(document: Any, defaults: CallDefaults = DEFAULTS) -> Refused:
    with pytest.raises(Refused) as found:
        parse(document, defaults)
    return found.value


def call(source: str = SOURCE, destination: str = DESTINATION) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": source, "destination": destination}}


def say(text: str = "Hello.", **params: Any) -> dict[str, Any]:
    return {"action": "say", "params": {"text": text, "voiceProfile": "en-IE-EmilyNeural"} | params}


# --- documents that are taken -----------------------------------------------------------------------------------------

HOOK = Webhook(
    "https://ivr.example/vca",
    events=(),
    interactive=True,
    timeout=10.0,
    spelling="callflow",
    hooks=(HOOKS["VSS"], HOOKS["VCS"]),
    auth="c2VhbGVk",
)
CALL = CallPlan(
    to="+6512345678",
    caller_id="+6512341234",
    shown="+6512341234",
    trunk="singapore",
    language="en-US",
    actions=(),
    ring_timeout=45,
    max_duration=14_400,
    lead_in=0.5,
    tail=0.7,
    webhook=HOOK,
)
EMILY = Say("Hello, this is a test Voice Message.", language="en-IE", voice="espeak:en-ie+f2")
BENJAMIN = Say("Press one, or two.", language="en-US", voice="espeak:en-us")
RULES = DigitRules(
    max_digits=25,
    valid_digits="0123456789*",
    first_digit_timeout=30,
    inter_digit_timeout=30,
    overall_timeout=30,
)
ASK = Gather(RULES, prompt=(BENJAMIN,), tries=3)


def one_key(overall: float, *, hash_ends: bool) -> DigitRules:
    return DigitRules(
        max_digits=1,
        terminators="#" if hash_ends else "",
        valid_digits="0123456789*" + ("" if hash_ends else "#"),
        first_digit_timeout=overall,
        inter_digit_timeout=overall,
        overall_timeout=overall,
    )


# The plan, and until when the request holds, as it was written.
PLANS: dict[str, tuple[CallPlan, str | None]] = {
    "the_guides_message": (
        replace(CALL, language="en-IE", actions=(EMILY, Hangup()), valid_until=1_814_594_372.226),
        "2027-07-03T05:59:32.226Z",
    ),
    "the_guides_file": (
        replace(
            CALL,
            actions=(Play(url="https://sample-videos.com/audio/mp3/wave.mp3", times=2), Hangup()),
            valid_until=1_814_594_372.0,
        ),
        "2027-07-03T05:59:32Z",
    ),
    "the_openapi_files_default": (
        replace(
            CALL,
            to="+6590000000",
            caller_id="+6512345678",
            shown="+6512345678",
            trunk="other",
            ring_timeout=20,
            language="en-GB",
            actions=(
                Say("Hi, This is a test message from 8x8", language="en-GB", voice="espeak:en-gb+f2"),
                Hangup(),
            ),
            valid_until=1_814_594_372.226,
        ),
        "2027-07-03T05:59:32.226Z",
    ),
    "the_simple_ivr": (
        replace(
            CALL,
            caller_id="+6561115777",
            shown="+6561115777",
            actions=(
                Gather(
                    one_key(10, hash_ends=False),
                    prompt=(
                        replace(
                            BENJAMIN,
                            text="If you have resolved your issue already, press one. "
                            "Or press two to speak to an agent.",
                        ),
                    ),
                    failure=(replace(BENJAMIN, text="Invalid input, please try again"),),
                    tries=2,
                ),
            ),
        ),
        None,
    ),
    "the_advanced_ivr": (
        replace(
            CALL,
            actions=(
                Gather(
                    one_key(10, hash_ends=True),
                    prompt=(replace(BENJAMIN, text="Welcome to ABC Restaurant, to book a table press 1."),),
                ),
            ),
        ),
        None,
    ),
    "a_call_and_nothing": (CALL, None),
    "two_parties": (replace(CALL, actions=(Dial("+6587654321", "+6561115777"), Hangup())), None),
    "two_parties_and_words_around": (
        replace(
            CALL,
            language="en-IE",
            actions=(
                replace(EMILY, text="Connecting."),
                Dial("1001", "+6512341234"),
                replace(EMILY, text="Goodbye."),
                Hangup(),
            ),
        ),
        None,
    ),
    "two_parties_on_another_trunk": (
        replace(
            CALL,
            caller_id="+6561115777",
            shown="+6561115777",
            trunk="other",
            ring_timeout=20,
            actions=(Dial("+6587654321", "600", ring_timeout=20), Hangup()),
        ),
        None,
    ),
    "a_language_alone": (
        replace(CALL, language="fr-FR", actions=(Say("Bonjour.", language="fr-FR", speed=0.5, times=3),)),
        None,
    ),
    "a_language_and_a_profile": (
        replace(
            CALL,
            language="de",
            actions=(
                Say("Guten Tag.", language="de", voice="espeak:de-de+f2"),
                Say("Ola.", language="pt-PT", voice="espeak:pt-pt+f2", speed=2),
            ),
        ),
        None,
    ),
    "a_capture_that_says_little": (
        replace(CALL, actions=(replace(ASK, prompt=(replace(BENJAMIN, text="Your PIN, please."),)),)),
        None,
    ),
    "a_capture_that_says_all": (
        replace(
            CALL,
            language="en-GB",
            actions=(
                Gather(
                    replace(
                        RULES,
                        min_digits=4,
                        max_digits=6,
                        first_digit_timeout=20,
                        inter_digit_timeout=2.5,
                        overall_timeout=20,
                    ),
                    prompt=(Say("Your PIN, please.", language="en-GB", voice="espeak:en-gb+f2", speed=0.8, times=2),),
                    success=(Say("Thank you.", language="en-GB", voice="espeak:en-gb+f2", speed=0.8),),
                    tries=10,
                ),
            ),
        ),
        None,
    ),
    "a_capture_between": (
        replace(
            CALL,
            actions=(
                replace(ASK, rules=replace(RULES, min_digits=25, terminators="", valid_digits="0123456789*#")),
                replace(EMILY, text="Thank you."),
            ),
        ),
        None,
    ),
    "a_capture_of_the_former_api": (
        replace(
            CALL,
            actions=(
                replace(
                    ASK,
                    rules=replace(RULES, max_digits=1),
                    prompt=(replace(BENJAMIN, text="Press any key."),),
                    success=(replace(BENJAMIN, text="Thank you."),),
                ),
                replace(ASK, prompt=(replace(BENJAMIN, text="Again."),)),
            ),
        ),
        None,
    ),
    "nulls_everywhere": (replace(CALL, actions=(Say("Hello.", language="en-US"), ASK)), None),
    "fields_that_nobody_knows": (
        replace(CALL, language="en-IE", actions=(EMILY, Hangup()), metadata={"clientRequestId": "order 7"}),
        None,
    ),
    "numbers_with_a_point": (
        replace(
            CALL,
            actions=(
                Play(url="https://sample-videos.com/audio/mp3/wave.mp3", times=2),
                replace(
                    ASK,
                    rules=replace(RULES, max_digits=4, first_digit_timeout=5, inter_digit_timeout=1, overall_timeout=5),
                    tries=1,
                ),
            ),
        ),
        None,
    ),
    "a_scenario": (
        replace(
            CALL,
            to="+6587654321",
            caller_id="+6561115777",
            shown="+6561115777",
            language="en-IE",
            actions=(
                replace(EMILY, text="Dear Ms {{times}}, in 30 minutes, true, 1.5.", speed=1.5, times=2),
                Hangup(),
            ),
            metadata={"clientRequestId": "order 8"},
        ),
        None,
    ),
    "a_scenario_with_a_number_for_words": (
        replace(CALL, language="en-IE", actions=(replace(EMILY, text="4821"),)),
        None,
    ),
    "a_scenario_of_this_account": (
        replace(CALL, language="en-IE", actions=(replace(EMILY, text="Hello."),)),
        None,
    ),
    "characters_of_other_alphabets": (
        replace(
            CALL,
            language="fr-FR",
            actions=(Say("Bonjour à toutes et à tous, 你好 😀!", language="fr-FR", voice="espeak:fr-fr+f2"),),
        ),
        None,
    ),
}


@pytest.mark.parametrize("path", GOOD, ids=[path.stem for path in GOOD])
def test_a_good_document_is_a_plan(path: Path) -> None:
    request = parse_callflow(path.read_bytes(), DEFAULTS, HOOKS, NOW)
    plan, valid_until = PLANS[path.stem]
    assert request == CallflowRequest(plan, plan.trunk, valid_until)
    assert plan_from_text(plan_to_text(request.plan)) == request.plan


def test_every_plan_of_the_table_has_its_document() -> None:
    assert PLANS.keys() == {path.stem for path in GOOD}


# --- documents that are not -------------------------------------------------------------------------------------------

DEAD = {-2004: Fault.NOT_ALLOWED, -2009: Fault.SCENARIO_INVALID}


def code_of(path: Path) -> int:
    return int(path.stem.partition("_")[0])


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_bad_document_gets_its_code(path: Path) -> None:
    code = code_of(path)
    hooks = {} if code == -1004 else HOOKS
    if code in DEAD:
        dead = parse_callflow(path.read_bytes(), DEFAULTS, hooks, NOW)
        assert dead.refused is DEAD[code]
        assert dead.plan.trunk == dead.trunk
        return
    with pytest.raises(Refused) as found:
        parse_callflow(path.read_bytes(), DEFAULTS, hooks, NOW)
    answer = found.value
    assert (answer.code, answer.status) == (code, http_status(code))
    assert (answer.broken is not None) == ("_broken_" in path.stem)
    said = path.with_suffix(".txt")
    assert said.exists() == (code == -1009)
    where = f" {'; '.join(said.read_text().splitlines())}" if said.exists() else ""
    assert answer.message == MESSAGES[code] + where


def test_what_is_wrong_with_a_scenarios_file_is_for_the_administrator() -> None:
    found = refused(
        {"callflow": [{"action": "scenario", "params": {"scenarioName": "broken_no_text", "text": "4821"}}]}
    )
    assert (found.code, found.message) == (-1020, MESSAGES[-1020])
    assert found.broken == "scenario broken_no_text: $.callflow[2].params.text: is missing but it is required"


def test_a_scenario_that_can_not_be_read_is_not_blamed_for_where_things_stand() -> None:
    files = {"odd": b'{"callflow": [{"action": "fly"}, {"action": "hangup"}, {"action": "say", "params": {}}]}'}
    asked = {"callflow": [{"action": "scenario", "params": {"scenarioName": "odd"}}]}
    assert refused(asked, replace(DEFAULTS, scenarios=files.get)).broken == (
        "scenario odd: $.callflow[0].action: must be an action that there is; "
        "$.callflow[2].params.voiceProfile: is missing but it is required; "
        "$.callflow[2].params.text: is missing but it is required"
    )


def test_a_call_that_is_reported_dead_says_what_is_known_of_it() -> None:
    values = {"source": SOURCE, "destination": DESTINATION, "name": "Ann", "minutes": 5, "rate": 1, "fast": False}
    document = {"clientRequestId": "order 9", "validUntil": "2027-07-03T05:59:32Z"}
    asked = {"action": "scenario", "params": {"scenarioName": "reminder", **values}}
    dead = parse({**document, "callflow": [asked]})
    plan = replace(CALL, valid_until=1_814_594_372.0, metadata={"clientRequestId": "order 9"})
    assert dead == CallflowRequest(plan, "singapore", "2027-07-03T05:59:32Z", Fault.SCENARIO_INVALID)
    asked["params"] = {"scenarioName": "reminder"}
    nothing = replace(plan, to=None, caller_id=None, shown=None)
    assert parse({**document, "callflow": [asked]}).plan == nothing


def test_no_complaint_repeats_a_value() -> None:
    code = "73829465"
    odd = say(f"Your code is {code}.\x00", repetition=int(code), speed=float(code), voiceProfile=code, language=code)
    ask = {"action": "sayAndCapture", "params": {"promptMessage": [code], "maxDigits": code, "dtmfCallbackUrl": code}}
    dial = call(code, [code])  # type: ignore[arg-type]
    for listed in ([odd], [dial, odd, ask], [code], [{"action": code}], [call(code, code), ask]):
        found = refused({"callflow": listed, "validUntil": code, code: code})
        assert code not in str(found)


# --- rules that want more than one document ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registered", "webhook"),
    [
        ((), Webhook("", events=(), timeout=10.0, spelling="callflow")),
        (("VSS",), Webhook("", events=(), timeout=10.0, spelling="callflow", hooks=(HOOKS["VSS"],))),
        (("VCA",), replace(HOOK, hooks=())),
        (("VCS", "VSS", "VCA"), HOOK),
    ],
)
def test_who_is_told_and_asked_is_who_is_registered(registered: tuple[str, ...], webhook: Webhook) -> None:
    body = json.dumps({"callflow": [call()]}).encode()
    request = parse_callflow(body, DEFAULTS, {name: HOOKS[name] for name in registered}, NOW)
    assert request.plan.webhook == webhook


@pytest.mark.parametrize(
    ("destination", "to"),
    [
        ("6512345678", "+6512345678"),
        ("+6512345678", "+6512345678"),
        ("1234", "1234"),
        # Without plus, and no extension that may be called.
        ("651234", "+651234"),
    ],
)
def test_a_destination_is_written_with_or_without_plus(destination: str, to: str) -> None:
    assert parse({"callflow": [call(destination=destination)]}).plan.to == to


def test_a_local_number_is_one_harmless_word_whatever_may_be_called() -> None:
    anything = replace(DEFAULTS, local_numbers=re.compile(".*"))
    for number in ("1000&PJSIP", "1000@elsewhere", "65 1234", "1" * 41):
        assert refused({"callflow": [call(destination=number)]}, anything).code == -1017
    assert parse({"callflow": [call(destination="front-desk")]}, anything).plan.to == "front-desk"


def test_one_of_our_own_voices_speaks_its_own_language() -> None:
    profiles = [SpeechProfile("espeak:de", "de"), SpeechProfile("espeak:tlh", "tlh")]
    known = replace(DEFAULTS, profiles=lambda: profiles)
    spoken = parse({"callflow": [call(), say(voiceProfile="espeak:de")]}, known).plan
    assert (spoken.language, spoken.actions) == ("de", (Say("Hello.", language="de", voice="espeak:de"),))
    spoken = parse({"callflow": [call(), say(voiceProfile="espeak:de", language="fr")]}, known).plan
    assert (spoken.language, spoken.actions) == ("fr", (Say("Hello.", language="fr", voice="espeak:de"),))
    spoken = parse({"callflow": [call(), say(voiceProfile="espeak")]}, known).plan
    assert (spoken.language, spoken.actions) == ("en-US", (Say("Hello.", voice="espeak"),))
    assert refused({"callflow": [call(), say(voiceProfile="espeak:tlh")]}, known).code == -1002


def test_an_extension_is_none_where_none_may_be_called() -> None:
    assert refused({"callflow": [call(destination="1234")]}, replace(DEFAULTS, local_numbers=None)).code == -1017


def test_who_has_no_trunk_has_no_source() -> None:
    assert refused({"callflow": [call()]}, replace(DEFAULTS, trunks={})).code == -1014


def test_what_can_be_read_is_read_before_rules_are_asked() -> None:
    """One document, mended step by step: what the form wants comes first, and then what stands where."""
    document: dict[str, Any] = {
        "validUntil": "2020-01-01T00:00:00Z",
        "callflow": [
            say(text="\x07"),
            {"action": "hangup"},
            call("6599999999", "home"),
            call(),
            call(),
            {"action": "fly"},
            {"action": "say", "params": {}},
        ],
    }
    listed = document["callflow"]
    seen = [refused(document).code]
    mends: list[Callable[[], object]] = [
        lambda: listed.pop(5),
        lambda: listed.pop(5),
        lambda: listed.pop(4),
        lambda: listed.insert(0, listed.pop(2)),
        lambda: listed.pop(2),
        lambda: listed[0]["params"].update(destination=DESTINATION),
        lambda: listed[1]["params"].update(text="Hello."),
        lambda: listed[0]["params"].update(source=SOURCE),
    ]
    for mend in mends:
        mend()
        seen.append(refused(document).code)
    assert seen == [-1007, -1009, -1010, -1013, -1012, -1017, -1016, -1014, -1015]
    document["validUntil"] = None
    assert parse(document).refused is None


def test_a_time_may_have_another_zone() -> None:
    document = {"callflow": [call()], "validUntil": "2027-01-15T16:00:01+08:00"}
    request = parse(document)
    assert (request.plan.valid_until, request.valid_until) == (NOW + 1, "2027-01-15T16:00:01+08:00")
    assert refused({**document, "validUntil": "2027-01-15T16:00:00+08:00"}).code == -1015


def test_the_longest_of_everything_is_taken() -> None:
    listed = [call(), *[say("a" * 1200) for _ in range(49)]]
    request = parse({"clientRequestId": "ü" * 255, "callflow": listed})
    assert len(request.plan.actions) == 49
    assert request.plan.metadata == {"clientRequestId": "ü" * 255}
    text = "b" * 3000
    assert parse({"callflow": [call(), say(text)]}).plan.actions[0] == replace(EMILY, text=text)
    # A body that is longer than any request may be is not read.
    assert refused({"callflow": listed, "padding": "c" * 65_536}).code == -1001


def test_a_value_of_a_scenario_is_words_and_nothing_else() -> None:
    injected = '", "voiceProfile": "x"}}, {"action": "hangup"}, {{minutes}} {{name}} \\u0041'
    values = {"source": SOURCE, "destination": DESTINATION, "times": 1, "minutes": -0.5, "rate": 2, "fast": True}
    asked = {"action": "scenario", "params": {"scenarioName": "reminder", "name": injected, **values}}
    first, second = parse({"callflow": [asked]}).plan.actions
    assert first == replace(EMILY, text=f"Dear {injected}, in -0.5 minutes, true, 2.", speed=2)
    assert second == Hangup()


# --- any body at all --------------------------------------------------------------------------------------------------

LONE = st.text(max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | LONE
    | st.sampled_from([SOURCE, DESTINATION, "say", "makeCall", "scenario", "hangup", "reminder", "{{name}}", 1, 1.0]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LONE, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["validUntil", "clientRequestId", "callflow", "action", "params", "scenarioName", "name", "text", "endMessage"]
    + [
        str(field.alias)
        for model in (MakeCall, SayParams, PlayFile, SayAndCapture)
        for field in model.model_fields.values()
    ]
)
DOCUMENTS = [json.loads(path.read_text()) for path in GOOD]


def read(body: bytes) -> CallflowRequest | Refused:
    try:
        return parse_callflow(body, DEFAULTS, HOOKS, NOW)
    except Refused as answer:
        return answer


def check(body: bytes) -> None:
    """Either a plan that the core can carry out and the store can keep, or a code with its text."""
    match read(body):
        case CallflowRequest(plan=plan, valid_until=valid_until):
            CallFlow(drawn(plan, min), LOCALES)
            assert plan_from_text(plan_to_text(plan)) == plan
            orjson.dumps([plan.to, dict(plan.metadata), valid_until])
        case Refused(code=code, message=message):
            where = message.removeprefix(MESSAGES[code])
            assert where.startswith(" $") if code == -1009 else not where


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_with_a_code(body: bytes) -> None:
    check(body)


@given(st.dictionaries(NAMES | LONE, VALUES, max_size=6))
def test_any_json_is_answered(document: dict[str, Any]) -> None:
    check(json.dumps(document).encode())


@given(one_value_changed(DOCUMENTS, VALUES))
def test_a_good_request_with_one_value_changed_is_answered(document: Any) -> None:
    check(json.dumps(document).encode())


@given(one_field_more(DOCUMENTS, NAMES | LONE, VALUES))
def test_a_good_request_with_one_field_more_is_answered(document: Any) -> None:
    check(json.dumps(document).encode())
