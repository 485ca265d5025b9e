"""Our own request: examples that are taken, those that are not and why, and that nothing else can come of any body."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.locales import load_locales
from otpvoice.core.actions import (
    BasicAuth,
    BearerAuth,
    Dial,
    Gate,
    Gather,
    Hangup,
    LanguageKey,
    Pause,
    Play,
    Replay,
    Say,
    SayCode,
    SendDigits,
    SignatureAuth,
    StopStream,
    Stream,
)
from otpvoice.core.chance import drawn
from otpvoice.core.digits import DigitRules
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.secret import OtpCode, Secret
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import CallBody, parse_answer, parse_call
from otpvoice.dialects.native_actions import Dial as DialModel
from otpvoice.dialects.native_actions import Gather as GatherModel
from otpvoice.dialects.native_speech import Pause as PauseModel
from otpvoice.dialects.native_speech import Play as PlayModel
from otpvoice.dialects.native_speech import Say as SayModel
from otpvoice.dialects.native_speech import SayCode as SayCodeModel
from otpvoice.dialects.native_streams import BasicAuth as BasicAuthModel
from otpvoice.dialects.native_streams import BearerAuth as BearerAuthModel
from otpvoice.dialects.native_streams import SignatureAuth as SignatureAuthModel
from otpvoice.dialects.native_streams import StopStream as StopStreamModel
from otpvoice.dialects.native_streams import Stream as StreamModel
from otpvoice.dialects.offers import CallDefaults, CallRequest, TrunkOffer
from otpvoice.dialects.problems import Fault, ProblemFound
from otpvoice.dialects.voice_names import Casting
from tests.dialects.account import DEFAULTS, NOW
from tests.dialects.changed import one_field_more, one_value_changed, places

EXAMPLES = Path(__file__).parent / "examples" / "native"
GOOD = sorted((EXAMPLES / "good").glob("*.json"))
BAD = sorted((EXAMPLES / "bad").glob("*.json"))
LOCALES = load_locales()
NUMBER = "+442079460123"
CASTING = Casting(DEFAULTS, "en-US")
LISTENER = "wss://voice.example/calls"


def parse(document: Any, defaults: CallDefaults = DEFAULTS) -> CallRequest:
    return parse_call(json.dumps(document).encode(), defaults, NOW)


def problems(document: Any, defaults: CallDefaults = DEFAULTS) -> list[tuple[str, str]]:
    with pytest.raises(ProblemFound) as found:
        parse(document, defaults)
    return [(problem.path, problem.code) for problem in found.value.problems]


# --- examples ---------------------------------------------------------------------------------------------------------

CALL = CallPlan(
    to=NUMBER,
    caller_id="+442079460001",
    trunk="default",
    language="en-US",
    actions=(),
    ring_timeout=45,
    max_duration=180,
    lead_in=0.5,
    tail=0.7,
    shown="+442079460001",
)

PLANS = {
    "code_alone": replace(CALL, actions=(SayCode(OtpCode("918273")),)),
    "code_with_everything": replace(
        CALL,
        caller_id="+442079460000",
        shown="+442079460000",
        trunk="second",
        language="pt-BR",
        voice="espeak:pt-br",
        ring_timeout=30,
        max_duration=90.5,
        valid_until=1_896_084_000.5,
        sip_headers={"X-Request-Id": "a b/1"},
        metadata={"order": 7, "nested": {"none": None, "list": [1, None]}},
        actions=(
            SayCode(OtpCode("aB3"), template="{brand}: {code}!", brand="Acme {1}", times=5, speed=1),
            Gather(DigitRules(max_digits=1, valid_digits="1"), prompt=(Say("Press 1."),), tag="confirm"),
        ),
    ),
    "keys_around_a_code": replace(
        CALL,
        actions=(
            SayCode(
                OtpCode("918273"),
                gate=Gate("random", tries=3, timeout=5.5, failure=(Say("Goodbye."),)),
                replay=Replay("#", 10),
                languages=(LanguageKey("2", "fr"), LanguageKey("*", "de")),
            ),
            SayCode(OtpCode("918273"), gate=Gate("any", failure=(Play("welcome"), Pause(1)))),
            SayCode(OtpCode("918273"), gate=Gate(), replay=Replay()),
            Play(url="https://audio.example/a.mp3?token=1", times=2),
            SendDigits("12w#AD*"),
        ),
    ),
    "code_alone_with_gate_and_replay": replace(
        CALL,
        actions=(SayCode(OtpCode("918273"), gate=Gate("any"), replay=Replay("0", 1)),),
        webhook=Webhook("https://hooks.example/otp?tenant=1", ("code.delivered", "call.ended")),
    ),
    "nothing_but_somebody_to_ask": replace(
        CALL,
        actions=(),
        webhook=Webhook(
            "https://hooks.example/next",
            interactive=True,
            timeout=10,
            fallback=(Say("Goodbye."), Dial("+442079460124", "+442079460001"), Hangup()),
        ),
    ),
    "local_number": replace(CALL, to="1000", actions=(SayCode(OtpCode("000")),)),
    "actions_of_every_type": replace(
        CALL,
        actions=(
            Say("Hello", language="de", voice="espeak", speed=2, times=2, gap=0, id="hello", tag="t"),
            Pause(0.1),
            SayCode(
                OtpCode("Zz9999999999"),
                template="{code}",
                group=0,
                gap=0,
                group_gap=10,
                speed=0.5,
                times=1,
                slow_down=0.5,
                language="fr",
                voice="espeak:fr",
            ),
            Gather(
                DigitRules(
                    min_digits=0,
                    max_digits=64,
                    terminators="*#",
                    valid_digits="0123456789*#ABCD",
                    first_digit_timeout=0.1,
                    inter_digit_timeout=60,
                    overall_timeout=600,
                ),
                prompt=(Say("One?"), Pause(60), SayCode(OtpCode("123"))),
                success=(Say("Thank you."),),
                tries=10,
                barge_in=False,
                type_ahead="keep",
                sensitive=False,
                id="g",
                tag="answer",
            ),
            Gather(DigitRules()),
            Hangup(id="end"),
        ),
    ),
    "longest_number_and_smallest_fields": replace(
        CALL, to="+999999999999999", ring_timeout=5, max_duration=10, actions=(SayCode(OtpCode("aaa")),)
    ),
    "recordings_and_second_legs": replace(
        CALL,
        actions=(
            Play("welcome"),
            Play("Thank_you-2", times=5, id="p", tag="t"),
            Gather(
                DigitRules(max_digits=1),
                prompt=(Play("welcome", times=2), Say("One?")),
                success=(Play("Thank_you-2"),),
            ),
            Dial("+442079460124", "+442079460001", 45),
            Dial("1000", "+442079460000", 5, id="d", tag="t"),
        ),
    ),
    "inbound": replace(
        CALL,
        to=None,
        caller_id=None,
        actions=(SayCode(OtpCode("918273")),),
        valid_until=NOW + 86_400,
        metadata={"order": 7},
        inbound=True,
        goes_on=True,
    ),
    "inbound_with_a_second_leg": replace(
        CALL,
        to="+33123456789",
        caller_id=None,
        trunk="second",
        shown="+442079460000",
        ring_timeout=20,
        actions=(Play("welcome"), Dial("1000", "+442079460000", 20)),
        inbound=True,
        goes_on=True,
    ),
    "stream_alone": replace(CALL, actions=(Stream(LISTENER, "twilio", mode="talk"),)),
    "streams": replace(
        CALL,
        actions=(
            Stream(f"{LISTENER}?a=b", "twilio"),
            Stream(
                f"{LISTENER}?sample-rate=16000",
                name="assist",
                format="exotel",
                tracks=("outbound", "second", "inbound"),
                sample_rate=16_000,
                parameters={"order-id": "4711", "empty": ""},
                auth=BasicAuth("bot", Secret("p@ss:1")),
                id="a",
                tag="t",
            ),
            Stream(
                "https://voice.example/where",
                name="asked",
                format="exotel",
                sample_rate=24_000,
                auth=BasicAuth("bot", Secret("p@ss:1")),
            ),
            Stream(
                LISTENER,
                name="audit",
                format="voxology",
                tracks=("inbound", "second"),
                auth=BearerAuth(Secret("eyJhbGciOiJub25lIn0.e30.")),
            ),
            SayCode(OtpCode("918273")),
            StopStream(),
            StopStream("asked", id="s", tag="t"),
            Stream(LISTENER, "twilio", mode="talk", auth=SignatureAuth(Secret("0123456789abcdef"))),
            Stream(LISTENER, "twilio", mode="talk", sample_rate=8000),
        ),
    ),
    "streams_of_a_plan_that_asks": replace(
        CALL,
        actions=(Stream(LISTENER, "twilio"),),
        webhook=Webhook(
            "https://hooks.example/next", interactive=True, fallback=(StopStream("first"), Stream(LISTENER, "twilio"))
        ),
    ),
    "voices_and_letters": replace(
        CALL,
        voice="espeak:en-ie+f2",
        language="en-IE",
        actions=(
            Say("Hello. Here is your code."),
            SayCode(OtpCode("XK4"), template="It is {code}.", voice="espeak:en-gb", spelling=True),
            Say("Hallo", voice="espeak:de-de+f2", language="de-DE"),
            Say("Bonjour", voice="espeak:fr-fr+f2", language="fr-FR"),
            Gather(
                DigitRules(max_digits=1),
                prompt=(Say("One?"),),
                failure=(Say("Nein", voice="espeak:de-de+f2", language="de-DE"),),
            ),
        ),
    ),
    "gather_without_terminators": replace(CALL, actions=(Gather(DigitRules(terminators="", max_digits=4)),)),
}


@pytest.mark.parametrize("example", GOOD, ids=lambda path: path.stem)
def test_a_good_example_becomes_its_plan(example: Path) -> None:
    request = parse_call(example.read_bytes(), DEFAULTS, NOW)
    assert request == CallRequest(PLANS[example.stem], PLANS[example.stem].trunk)


def test_every_plan_has_its_example() -> None:
    assert PLANS.keys() == {path.stem for path in GOOD}


@pytest.mark.parametrize("example", BAD, ids=lambda path: path.stem)
def test_a_bad_example_is_refused_for_the_reasons_beside_it(example: Path) -> None:
    with pytest.raises(ProblemFound) as found:
        parse_call(example.read_bytes(), DEFAULTS, NOW)
    complaints = [f"{one.path} {one.code}: {one.message}" for one in found.value.problems]
    assert [found.value.fault.value, *complaints] == example.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize("example", BAD, ids=lambda path: path.stem)
def test_a_complaint_repeats_no_code(example: Path) -> None:
    with pytest.raises(ProblemFound) as found:
        parse_call(example.read_bytes(), DEFAULTS, NOW)
    told = f"{found.value} {found.value!r} {found.value.problems}"
    assert "918273" not in told
    assert found.value.__cause__ is None


# --- the shorthand ----------------------------------------------------------------------------------------------------


def test_the_shorthand_stands_for_exactly_these_actions() -> None:
    spoken = {"code": "918273", "brand": "Acme", "template": "{brand} {code}", "times": 3, "speed": 1.1}
    gather = {"prompt": "One", "max_digits": 1, "success": "Thanks"}
    written_out = [{"type": "say_code", **spoken}, {"type": "gather", **gather}]
    short = parse({"to": NUMBER, **spoken, "gather": gather})
    assert short == parse({"to": NUMBER, "actions": written_out})


def test_the_shorthand_without_gather_is_one_action() -> None:
    assert parse({"to": NUMBER, "code": "918273"}) == parse(
        {"to": NUMBER, "actions": [{"type": "say_code", "code": "918273"}]}
    )


def test_defaults_of_the_models_are_those_of_the_core() -> None:
    """They are written down twice; this keeps them one."""
    code, pause = OtpCode("918273"), {"type": "pause", "seconds": 1}
    assert SayModel(type="say", text="a").to_core(CASTING) == Say("a")
    assert SayCodeModel(type="say_code", code=code.reveal()).to_core(CASTING) == SayCode(code)  # type: ignore[arg-type]
    assert GatherModel().to_core(CASTING) == Gather(DigitRules())
    assert PauseModel.model_validate(pause).to_core() == Pause(1)
    assert PlayModel(type="play", prompt="a").to_core() == Play("a")
    assert StreamModel.model_construct(type="stream", url=LISTENER).to_core() == Stream(LISTENER, "twilio")
    assert StopStreamModel(type="stop_stream").to_core() == StopStream()
    assert DialModel.model_construct(type="dial", to=NUMBER).to_core(TrunkOffer("trunk"), None) == Dial(NUMBER)


@pytest.mark.parametrize(
    "name",
    ["shorthand.json", "actions.json", "prepared.json", "recordings.json", "streams.json", "hosted-voice.json"],
)
def test_the_payloads_of_the_api_page_are_taken(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    (payload,) = re.findall(rf"^```json file={re.escape(name)}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    anywhere = Destinations((), anywhere=True)
    defaults = replace(DEFAULTS, destinations=anywhere, prompts=lambda _: True)
    assert parse_call(payload.encode(), defaults, NOW).plan.actions


# --- what the account decides -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [None, "espeak", "espeak:de"])
def test_only_a_voice_that_was_asked_for_is_in_the_plan(asked: str | None) -> None:
    """Nobody asked for the configured one: the record would say otherwise."""
    document = {"to": NUMBER, "code": "918273", "language": "fr"} | ({} if asked is None else {"voice": asked})
    assert parse(document, DEFAULTS).plan.voice == asked


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"language": "tlh"}, "$.language"),
        ({"language": "tlh", "voice": "espeak"}, "$.voice"),
        ({"voice": "robot"}, "$.voice"),
    ],
)
def test_a_voice_that_can_not_speak_is_blamed_on_the_field_that_chose_it(fields: dict[str, str], path: str) -> None:
    assert problems({"to": NUMBER, "code": "918273", **fields}) == [(path, "voice")]


def test_the_first_caller_id_of_the_trunk_is_shown() -> None:
    assert parse({"to": NUMBER, "code": "918273", "trunk": "second"}).plan.caller_id == "+442079460000"


def test_a_trunk_without_caller_ids_shows_its_own() -> None:
    trunks = {"default": replace(DEFAULTS.trunks["default"], caller_ids=())}
    defaults = replace(DEFAULTS, trunks=trunks)
    assert parse({"to": NUMBER, "code": "918273"}, defaults).plan.caller_id is None
    assert problems({"to": NUMBER, "code": "918273", "from": "+442079460001"}, defaults) == [("$.from", "not_allowed")]


def test_an_account_without_trunks_calls_nobody() -> None:
    assert problems({"to": NUMBER, "code": "918273"}, replace(DEFAULTS, trunks={})) == [("$.trunk", "not_allowed")]


def test_a_ring_timeout_of_the_trunk_holds_where_none_is_given() -> None:
    assert parse({"to": NUMBER, "code": "918273", "trunk": "second"}).plan.ring_timeout == 20
    assert parse({"to": NUMBER, "code": "918273", "trunk": "second", "ring_timeout": 9}).plan.ring_timeout == 9


def test_without_local_numbers_only_e164_is_called() -> None:
    assert problems({"to": "1000", "code": "918273"}, replace(DEFAULTS, local_numbers=None)) == [("$.to", "format")]


def test_a_local_number_is_not_looked_up_among_destinations() -> None:
    nowhere = replace(DEFAULTS, destinations=replace(DEFAULTS.destinations, allow=()))
    assert parse({"to": "1000", "code": "918273"}, nowhere).plan.to == "1000"


def test_a_destination_is_the_last_thing_looked_at() -> None:
    """What is wrong comes first: who may not call there learns nothing new."""
    assert problems({"to": "+33123456789", "code": "1"}) == [("$.code", "format")]


def test_a_second_leg_shows_what_the_call_shows_and_rings_as_long_as_its_trunk_says() -> None:
    second = {"actions": [{"type": "dial", "to": "1000"}]}
    own = {"from": "+442079460000"}
    assert parse({"to": NUMBER, **second, **own}).plan.actions == (Dial("1000", "+442079460000", 45),)
    assert parse({"dial": False, **second, **own}).plan.actions == (Dial("1000", "+442079460000", 45),)
    # How long the first one may ring is said of the first one.
    timed = parse({"to": NUMBER, "ring_timeout": 9, "trunk": "second", **second}).plan
    assert timed.actions == (Dial("1000", "+442079460000", 20),)


def test_an_inbound_call_rings_nobody_so_that_its_number_is_on_no_list() -> None:
    assert parse({"to": "+449098790000", "dial": False, "code": "918273"}).plan.inbound
    second = {"dial": False, "actions": [{"type": "dial", "to": "+449098790000"}]}
    assert problems(second) == [("$.actions[0].to", "destination_not_allowed")]


def test_a_call_that_is_dialled_needs_a_number() -> None:
    for dial in ({}, {"dial": True}):
        assert problems({"code": "918273", **dial}) == [("$.to", "required")]
    assert problems({"code": "918273", "dial": "no"}) == [("$.dial", "type"), ("$.to", "required")]


def test_without_a_prompts_folder_every_name_is_unknown() -> None:
    play = {"to": NUMBER, "actions": [{"type": "play", "prompt": "welcome"}]}
    assert parse(play).plan.actions == (Play("welcome"),)
    assert problems(play, replace(DEFAULTS, prompts=None)) == [("$.actions[0].prompt", "prompt")]


def test_a_call_is_stale_from_its_last_moment_on() -> None:
    at = {"to": NUMBER, "code": "918273", "valid_until": "2027-01-15T08:00:00Z"}
    assert problems(at) == [("$.valid_until", "expired")]
    assert parse({**at, "valid_until": "2027-01-15T08:00:00.001Z"}).plan.valid_until == pytest.approx(NOW + 0.001)


def test_a_prepared_call_waits_for_a_day_at_most() -> None:
    """Its plan is in memory meanwhile. One that is dialled is dialled at once, so for it any instant will do."""
    late = {"code": "918273", "valid_until": "2027-01-16T08:00:00.001Z"}
    assert problems({**late, "dial": False}) == [("$.valid_until", "range")]
    assert parse({**late, "to": NUMBER}).plan.valid_until == pytest.approx(NOW + 86_400.001)
    # What dial is meant to be is not known.
    assert problems({**late, "to": NUMBER, "dial": 0}) == [("$.dial", "type")]
    with pytest.raises(ProblemFound) as refused:
        parse({**late, "dial": False})
    (problem,) = refused.value.problems
    assert problem.message == "must be at most 24 hours ahead where dial is false"


@pytest.mark.parametrize("digits", range(1, 10))
def test_any_number_of_decimals_of_a_second_is_read(digits: int) -> None:
    fraction = "5" + "0" * (digits - 1)
    request = parse({"to": NUMBER, "code": "918273", "valid_until": f"2030-01-01T00:00:00.{fraction}z"})
    assert request.plan.valid_until == 1_893_456_000.5


def test_who_names_no_group_and_who_names_null_leave_it_to_the_language() -> None:
    plans = [
        parse({"to": NUMBER, "actions": [{"type": "say_code", "code": "918273", **more}]})
        for more in ({}, {"group": None})
    ]
    assert plans[0] == plans[1]
    assert problems({"to": NUMBER, "code": "918273", "group": None}) == [("$.group", "unknown_field")]
    assert problems({"to": NUMBER, "actions": [{"type": "say", "text": "a", "group": None}]}) == [
        ("$.actions[0].group", "unknown_field")
    ]


def test_all_that_is_spoken_is_made_fit_for_it_wherever_it_stands() -> None:
    odd, fit = "a\u2028b \u202ec\ufeff", "a b c"
    spoken = {"type": "say_code", "code": "918273", "brand": odd, "template": odd + "{code}"}
    gather = {"type": "gather", "max_digits": 1, "prompt": odd, "success": [{"type": "say", "text": odd}]}
    plan = parse({"to": NUMBER, "actions": [{**spoken, "gate": {"failure": odd}}, gather]}).plan
    code, asked = plan.actions
    assert isinstance(code, SayCode)
    assert isinstance(asked, Gather)
    assert (code.brand, code.template, code.gate) == (fit, fit + "{code}", Gate(failure=(Say(fit),)))
    assert (asked.prompt, asked.success) == ((Say(fit),), (Say(fit),))


def test_a_hosted_voice_that_is_at_home_nowhere_speaks_what_the_account_does() -> None:
    plan = parse({"to": NUMBER, "code": "918273", "voice": "alice"}).plan
    assert (plan.voice, plan.language) == ("espeak:en-us+f2", "en-US")
    plan = parse({"to": NUMBER, "code": "918273", "voice": "alice", "language": "fr"}).plan
    assert (plan.voice, plan.language) == ("espeak:fr+f2", "fr")


def test_a_hosted_voice_of_an_action_that_is_at_home_nowhere_speaks_what_the_call_does() -> None:
    """The woman is not lost, wherever in a request she is asked for."""
    said = {"type": "say", "text": "a", "voice": "alice"}
    read = {"type": "say_code", "code": "918273", "voice": "alice", "gate": {"failure": [said]}}
    plan = parse({"to": NUMBER, "language": "fr", "actions": [said, read, {"type": "gather", "prompt": [said]}]}).plan
    first, code, asked = plan.actions
    assert isinstance(first, Say)
    assert isinstance(code, SayCode)
    assert isinstance(asked, Gather)
    assert code.gate is not None
    (failed,), (prompted,) = code.gate.failure, asked.prompt
    assert isinstance(failed, Say)
    assert isinstance(prompted, Say)
    assert {one.voice for one in (first, code, failed, prompted)} == {"espeak:fr+f2"}
    # The call's language may be that of its own hosted voice; whoever answers speaks it, too.
    plan = parse({"to": NUMBER, "voice": "de-DE-KatjaNeural", "actions": [said]}).plan
    assert plan.actions == (Say("a", voice="espeak:de-de+f2"),)
    assert parse_answer(orjson.dumps({"actions": [said]}), plan, DEFAULTS, NOW) == plan.actions


def test_a_hosted_voice_whose_language_nobody_speaks_is_refused_by_that_language() -> None:
    mute = replace(DEFAULTS, stand_in=lambda language, _: None if language.startswith("jv") else "piper")
    document = {"to": NUMBER, "actions": [{"type": "say", "text": "a", "voice": "jv-ID-SitiNeural"}]}
    with pytest.raises(ProblemFound) as refused:
        parse(document, mute)
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("$.actions[0].voice", "voice")
    assert problem.message.endswith("no voice speaks jv-ID")


def test_a_text_that_cleans_to_nothing_rings_nobody() -> None:
    for nothing in ("\u200e", " \n", "\ufeff\u00ad", "\u200b", "\U000e0041"):
        documents: dict[str, dict[str, Any]] = {
            "$.actions[0].text": {"actions": [{"type": "say", "text": nothing}]},
            "$.actions[0].prompt": {"actions": [{"type": "gather", "prompt": nothing}]},
            "$.brand": {"code": "918273", "brand": nothing},
            "$.template": {"code": "918273", "template": nothing},
        }
        for name, document in documents.items():
            assert problems({"to": NUMBER, **document}) == [(name, "length")], nothing


def test_null_is_a_value_of_a_code_s_group_alone() -> None:
    assert parse({"to": NUMBER, "code": "918273", "metadata": {"group": None}}).plan.metadata == {"group": None}
    nulls = {"type": "gather", "group": None, "prompt": [{"type": "say_code", "code": "918273", "group": None}]}
    assert problems({"to": NUMBER, "actions": [nulls]}) == [("$.actions[0].group", "unknown_field")]


def test_a_voice_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    for voice in ("robot", "Robot the Third", "en_US"):
        with pytest.raises(ProblemFound) as refused:
            parse({"to": NUMBER, "code": "918273", "voice": voice})
        (problem,) = refused.value.problems
        assert problem.path == "$.voice"
        assert problem.message.endswith("there is no voice of this name; there are espeak")
        assert voice not in problem.message


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_events_go_where_the_account_wants_them_unless_the_call_says_so() -> None:
    defaults = replace(DEFAULTS, webhook_url="https://hooks.example/all")
    body: dict[str, Any] = {"to": NUMBER, "code": "918273"}
    assert parse_call(json.dumps(body).encode(), defaults, NOW).plan.webhook == Webhook("https://hooks.example/all")
    body |= {"webhook": {"url": "https://hooks.example/own"}}
    assert parse_call(json.dumps(body).encode(), defaults, NOW).plan.webhook == Webhook("https://hooks.example/own")


def test_who_has_no_secrets_has_no_webhooks() -> None:
    body = {"to": NUMBER, "code": "918273", "webhook": {"url": "https://hooks.example/"}}
    with pytest.raises(ProblemFound) as refused:
        parse_call(json.dumps(body).encode(), replace(DEFAULTS, signs=False), NOW)
    assert [(one.path, one.code) for one in refused.value.problems] == [("$.webhook.url", "webhook")]


def answered(answer: Any) -> tuple[Any, ...]:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return parse_answer(body, replace(CALL, shown="+442079460000"), DEFAULTS, NOW)


@pytest.mark.parametrize(
    ("answer", "actions"),
    [
        (b"", ()),
        (b" \r\n", ()),
        ({}, ()),
        ({"actions": []}, ()),
        ({"actions": [{"type": "say", "text": "Right."}, {"type": "hangup"}]}, (Say("Right."), Hangup())),
        ({"actions": [{"type": "say_code", "code": "918273"}]}, (SayCode(OtpCode("918273")),)),
        ({"actions": [{"type": "dial", "to": "1000"}]}, (Dial("1000", "+442079460000"),)),
        # begun before, by the plan or by an answer
        ({"actions": [{"type": "stop_stream", "name": "first"}]}, (StopStream("first"),)),
    ],
)
def test_an_answer_says_what_comes_next(answer: Any, actions: tuple[Any, ...]) -> None:
    assert answered(answer) == actions


def test_what_is_dialled_by_an_answer_does_not_show_the_callers_number() -> None:
    """Of a channel that was handed to us, the plan's caller ID is whoever called."""
    plan = replace(CALL, caller_id="+19005551234", inbound=True)
    (dial,) = parse_answer(b'{"actions": [{"type": "dial", "to": "1000"}]}', plan, DEFAULTS, NOW)
    assert dial == Dial("1000", "+442079460001")


@pytest.mark.parametrize(
    ("answer", "fault", "complaints"),
    [
        (b"Thank you!", Fault.NOT_JSON, [("$", "invalid_json")]),
        ([], Fault.NOT_JSON, [("$", "invalid_json")]),
        ({"ok": True}, Fault.INVALID, [("$.ok", "unknown_field")]),
        ({"actions": None}, Fault.INVALID, [("$.actions", "type")]),
        ({"actions": [{"type": "pause", "seconds": 0.1}] * 51}, Fault.INVALID, [("$.actions", "length")]),
        ({"actions": [{"type": "say"}]}, Fault.INVALID, [("$.actions[0].text", "required")]),
        (
            {"actions": [{"type": "stream", "url": LISTENER}] * 2},
            Fault.INVALID,
            [("$.actions[1].name", "rule")],
        ),
        (
            {"actions": [{"type": "play", "prompt": "missing"}, {"type": "dial", "to": NUMBER, "from": "+15550100"}]},
            Fault.INVALID,
            [("$.actions[1].from", "not_allowed"), ("$.actions[0].prompt", "prompt")],
        ),
        (
            {"actions": [{"type": "dial", "to": "+18765551234"}]},
            Fault.DESTINATION_NOT_ALLOWED,
            [("$.actions[0].to", "destination_not_allowed")],
        ),
    ],
)
def test_an_answer_is_held_to_the_rules_of_a_request(
    answer: Any, fault: Fault, complaints: list[tuple[str, str]]
) -> None:
    with pytest.raises(ProblemFound) as refused:
        answered(answer)
    assert refused.value.fault is fault
    assert [(one.path, one.code) for one in refused.value.problems] == complaints


# --- any body at all --------------------------------------------------------------------------------------------------

LONE = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | LONE | st.sampled_from([NUMBER, "918273", "say", "1000"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LONE, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [field.alias or name for name, field in CallBody.model_fields.items()]
    + [*SayModel.model_fields, *SayCodeModel.model_fields, *GatherModel.model_fields, *PauseModel.model_fields]
    + [*PlayModel.model_fields, *DialModel.model_fields, *StreamModel.model_fields, *StopStreamModel.model_fields]
    + [*BasicAuthModel.model_fields, *BearerAuthModel.model_fields, *SignatureAuthModel.model_fields]
)
DOCUMENTS = [json.loads(path.read_text()) for path in GOOD]


def read(body: bytes) -> CallRequest | ProblemFound:
    try:
        return parse_call(body, DEFAULTS, NOW)
    except ProblemFound as found:
        return found


def check(body: bytes) -> None:
    """Either a plan that the core can carry out and the store can keep, or complaints that name their spot."""
    match read(body):
        case CallRequest(plan=plan):
            CallFlow(drawn(plan, min), LOCALES)
            orjson.dumps([plan.to, dict(plan.metadata), dict(plan.sip_headers)])
        case ProblemFound(fault=fault, problems=found):
            assert len(found) == 1 or (found and fault is not Fault.NOT_JSON)
            assert all(problem.path.startswith("$") and problem.message for problem in found)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered_with_complaints(body: bytes) -> None:
    check(body)


@given(st.dictionaries(NAMES | LONE, VALUES, max_size=6))
def test_any_json_is_answered(document: dict[str, Any]) -> None:
    check(json.dumps(document).encode())


@pytest.mark.parametrize("value", [None, 5, "x"])
def test_a_field_with_the_name_by_which_pydantic_marks_keys_is_answered(value: Any) -> None:
    for document in DOCUMENTS:
        for place in range(1 + len(places(document))):
            changed = copy.deepcopy(document)
            objects = [changed, *(outer[key] for outer, key in places(changed))]
            if isinstance(objects[place], dict):
                objects[place]["[key]"] = value
                check(json.dumps(changed).encode())
    found = read(json.dumps({"to": "+442079460000", "code": "482913", "[key]": value}).encode())
    assert isinstance(found, ProblemFound)
    assert [(problem.path, problem.message) for problem in found.problems] == [("$", "has a field that is not known")]


@given(one_value_changed(DOCUMENTS, VALUES))
def test_a_good_request_with_one_value_changed_is_answered(document: Any) -> None:
    check(json.dumps(document).encode())


@given(one_field_more(DOCUMENTS, NAMES | LONE, VALUES))
def test_a_good_request_with_one_field_more_is_answered(document: Any) -> None:
    check(json.dumps(document).encode())
