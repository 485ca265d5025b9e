"""The dialplan's arguments: what they become, what is refused and how it is said, and that nothing else can happen."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import (
    ANY_KEY,
    RANDOM_KEY,
    Action,
    BasicAuth,
    Dial,
    Gate,
    Gather,
    Hangup,
    Pause,
    Play,
    Replay,
    Say,
    SayCode,
    StopStream,
    Stream,
)
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.secret import OtpCode, Secret
from otpvoice.dialects.durations import LONGEST, SHORTEST, longest
from otpvoice.dialects.native import CallBody
from otpvoice.dialects.offers import CallDefaults
from otpvoice.dialects.stasis_args import Arguments, Invalid, parse_arguments
from otpvoice.dialects.stasis_keys import ACTS, KEYS, OTHER_DOORS, OUR_DOOR, REASONS
from tests.dialects.account import DEFAULTS, NOW

CODE = SayCode(OtpCode("918273"))
NUMBER, CALLER = "1000", "+442079460555"
URL = "wss://voice.example/calls"


def plan(*args: str, defaults: CallDefaults = DEFAULTS, **variables: str | None) -> CallPlan:
    return parse_arguments(args).plan(NUMBER, CALLER, variables, defaults, NOW)


def refusal(*args: str, defaults: CallDefaults = DEFAULTS, **variables: str | None) -> Invalid:
    with pytest.raises(Invalid) as refused:
        plan(*args, defaults=defaults, **variables)
    assert refused.value.__cause__ is None
    return refused.value


# --- what they become -------------------------------------------------------------------------------------------------


def gather(**rules: object) -> DigitRules:
    return DigitRules(max_digits=4, **rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "actions"),
    [
        (["code=918273"], [CODE]),
        ([" code=918273"], [CODE]),
        (["code=918273", "times=3", "speed=1", "brand=Acme"], [replace(CODE, times=3, speed=1.0, brand="Acme")]),
        (["say=Hello, world"], [Say("Hello, world")]),
        (["say=1+1=2"], [Say("1+1=2")]),
        (["say=Hello", "times=2", "speed=0.75"], [Say("Hello", times=2, speed=0.75)]),
        (["play=welcome"], [Play("welcome")]),
        (["play=welcome", "times=5"], [Play("welcome", times=5)]),
        # times and speed are the code's, else the text's, else the recording's
        (["times=3", "play=welcome", "say=A", "code=918273"], [Play("welcome"), Say("A"), replace(CODE, times=3)]),
        (["times=3", "say=A", "play=welcome"], [Play("welcome"), Say("A", times=3)]),
        (["code=918273", "gate=7"], [replace(CODE, gate=Gate("7"))]),
        (["code=918273", "gate=any", "replay=*"], [replace(CODE, gate=Gate(ANY_KEY), replay=Replay("*"))]),
        (
            ["say=A", "replay=1", "gate=random", "code=918273"],
            [Say("A"), replace(CODE, gate=Gate(RANDOM_KEY), replay=Replay("1"))],
        ),
        (["play=https://host.example/a.wav"], [Play(url="https://host.example/a.wav")]),
        (["play=https://host.example/a.wav", "times=2"], [Play(url="https://host.example/a.wav", times=2)]),
        (["gather=4"], [Gather(gather())]),
        (["gather=4", "terminators="], [Gather(gather(terminators=""))]),
        (
            [
                "gather=4",
                "min=0",
                "terminators=*#",
                "valid=0123456789ABCD",
                "first_digit_timeout=5",
                "inter_digit_timeout=2.5",
                "overall_timeout=30",
                "tries=3",
                "barge_in=no",
                "tag=pin",
                "sensitive=OFF",
                "prompt=Key?",
            ],
            [
                Gather(
                    gather(
                        min_digits=0,
                        terminators="*#",
                        valid_digits="0123456789ABCD",
                        first_digit_timeout=5.0,
                        inter_digit_timeout=2.5,
                        overall_timeout=30.0,
                    ),
                    prompt=(Say("Key?"),),
                    tries=3,
                    barge_in=False,
                    tag="pin",
                    sensitive=False,
                )
            ],
        ),
        (["dial=1000"], [Dial("1000", "+442079460001", 45.0)]),
        (["dial=+442079460123"], [Dial("+442079460123", "+442079460001", 45.0)]),
        ([f"stream={URL}", "mode=talk"], [Stream(URL, "twilio", mode="talk")]),
        ([f"stream={URL}", "mode=talk", "tracks=near"], [Stream(URL, "twilio", mode="talk")]),
        ([f"stream={URL}", "mode=talk", "then=hangup", "say=A"], [Stream(URL, "twilio", mode="talk"), Say("A")]),
        ([f"stream={URL}", "say=A"], [Stream(URL, "twilio"), Say("A")]),
        ([f"stream={URL}", "say=A", "then=hangup"], [Stream(URL, "twilio"), Say("A")]),
        (
            [f"stream={URL}", "dial=1000", "tracks=far, second,inbound", "format=voxology"],
            [
                Stream(URL, format="voxology", tracks=("outbound", "second", "inbound")),
                Dial("1000", "+442079460001", 45.0),
            ],
        ),
        (
            ["stream=wss://bot:p%40ss@voice.example/?sample-rate=16000", "format=exotel", "mode=talk"],
            [
                Stream(
                    "wss://voice.example/?sample-rate=16000",
                    format="exotel",
                    mode="talk",
                    sample_rate=16_000,
                    auth=BasicAuth("bot", Secret("p@ss")),
                )
            ],
        ),
        # whatever the order of the arguments
        (
            ["dial=1000", "gather=4", "code=918273", "say=A", "play=welcome", f"stream={URL}", "door=dialplan"],
            [
                Stream(URL, "twilio"),
                Play("welcome"),
                Say("A"),
                CODE,
                Gather(gather()),
                Dial("1000", "+442079460001", 45.0),
            ],
        ),
    ],
)
def test_arguments_become_actions(args: list[str], actions: list[Action]) -> None:
    assert plan(*args).actions == tuple(actions)


def test_the_voice_of_a_hosted_product_brings_its_language() -> None:
    made = plan("say=Hello", "voice=en-IE-EmilyNeural")
    assert (made.voice, made.language) == ("espeak:en-ie+f2", "en-IE")
    made = plan("say=Hallo", "voice=en-IE-EmilyNeural", "language=de")
    assert (made.voice, made.language) == ("espeak:de+f2", "de")


def test_what_is_only_there_for_screens_is_not_spoken() -> None:
    assert plan("say=one\u2028two \u202ethree", "gather=1", "prompt=\ufeffWell?").actions == (
        Say("one two three"),
        Gather(DigitRules(max_digits=1), prompt=(Say("Well?"),)),
    )


def test_a_plan_is_one_of_a_channel_that_was_handed_over() -> None:
    assert plan("code=918273", "language=pt-BR", "voice=espeak:pt-br", "then=hangup") == CallPlan(
        to=NUMBER,
        caller_id=CALLER,
        trunk="default",
        language="pt-BR",
        actions=(CODE,),
        voice="espeak:pt-br",
        lead_in=0.5,
        tail=0.7,
        inbound=True,
        goes_on=False,
        shown="+442079460001",
    )


def test_the_channel_goes_on_unless_it_is_to_be_hung_up() -> None:
    assert plan("code=918273").goes_on
    assert plan("code=918273", "then=continue").goes_on
    assert not parse_arguments(["call=call_1", "then=hangup"]).goes_on


@pytest.mark.parametrize(
    ("args", "seconds"),
    [
        (["code=918273"], 180),
        (["gather=4"], 180),
        (["gather=4", "tries=2"], 180),
        (["gather=4", "tries=10", "overall_timeout=600"], 6030),
        # 20 characters, each 0.2 s, and 1 s behind them: 5 s a try
        (["gather=4", "tries=3", "overall_timeout=100", "prompt=Your number, please."], 3 * 105 + 30),
        (["gather=4", "tries=10", "overall_timeout=600", "prompt=" + "x" * 3000], 10 * (600 + 601) + 30),
        (["say=" + "x" * 1000], 231),
        (["say=" + "x" * 3000, "times=5", "speed=0.5"], 5 * 1201 + 30),
        (["play=welcome", "times=5"], 1530),
        (["code=918273", "times=5"], 330),
        (["code=918273", "gate=1", "replay=1"], 2 * 60 + 3 * 60 + 2 * (60 + 8) + 30),
        (["play=welcome", "say=" + "x" * 500, "code=918273", "gather=4"], 300 + 101 + 120 + 60 + 30),
        (["code=918273", "dial=1000"], 14_400),
        ([f"stream={URL}", "mode=talk"], 3630),
        ([f"stream={URL}", "mode=talk", "format=exotel", "gather=4"], 3690),
        ([f"stream={URL}", "play=welcome"], 330),
        # nobody knows what the dialplan does with a channel that is tapped
        ([f"stream={URL}"], 14_400),
    ],
    ids=lambda value: ",".join(value)[:60] if isinstance(value, list) else None,
)
def test_a_call_is_not_cut_before_it_can_be_over(args: list[str], seconds: float) -> None:
    assert plan(*args).max_duration == pytest.approx(seconds)


def test_the_bounds_of_a_call_are_those_of_the_http_api() -> None:
    schema = CallBody.model_json_schema()["properties"]["max_duration"]
    assert (schema["default"], schema["maximum"]) == (SHORTEST, LONGEST)
    assert longest((Pause(60), StopStream(), Hangup())) == SHORTEST
    assert longest((Pause(60), Pause(100), Gather(DigitRules(), success=(Pause(9),), failure=(Pause(1),)))) == 260
    assert longest((Gather(DigitRules(overall_timeout=600), tries=10),) * 3) == LONGEST


@pytest.mark.parametrize(
    ("more", "tracks"),
    [
        ([], ("near", "far")),
        (["mode=listen", "then=continue"], ("near", "far")),
        (["tracks=near,far"], ("near", "far")),
        (["tracks=far"], ("far",)),
        (["tracks=inbound"], ("near",)),
        (["tracks=outbound, near"], ("far", "near")),
        # nothing of this is anything to do
        (["header=X-A", "language=de", "voice=espeak", "webhook=https://hooks.example/", "door=dialplan"],
         ("near", "far")),
    ],
)  # fmt: skip
def test_a_stream_that_listens_and_nothing_else_is_a_tap(more: list[str], tracks: tuple[str, ...]) -> None:
    assert parse_arguments([f"stream={URL}", *more]).taps
    tapped = plan(f"stream={URL}", *more)
    assert tapped.actions == (Stream(URL, "twilio", tracks=tracks),)
    assert tapped.goes_on


@pytest.mark.parametrize(
    "args",
    [
        ["say=A"],
        ["call=call_1"],
        [f"stream={URL}", "mode=talk"],
        *([f"stream={URL}", f"{key}=A1"] for key in ACTS if key != "stream"),
    ],
)
def test_anything_else_is_none(args: list[str]) -> None:
    assert not parse_arguments(args).taps


def test_a_code_is_read_from_the_variable_that_is_named() -> None:
    assert parse_arguments(["code_var=__OTP"]).variables == ("__OTP",)
    assert plan("code_var=OTP", "times=2", OTP="918273").actions == (CODE,)


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_value_is_said_to_have_none(value: str | None) -> None:
    assert refusal("code_var=OTP", OTP=value).reason == "no_value"


def test_headers_are_read_into_metadata_fit_to_be_kept() -> None:
    arguments = parse_arguments(["code=918273", "header=X-Account, X-Long,X-None,X-Empty,X-Odd"])
    names = [f"PJSIP_HEADER(read,X-{name})" for name in ("Account", "Long", "None", "Empty", "Odd")]
    assert arguments.variables == tuple(names)
    values = dict(zip(names, ["7", "ä" * 300, None, "", "a\r\nb\x00\ud800\u202ec\x7f"], strict=True))
    kept = {"X-Account": "7", "X-Long": "ä" * 200, "X-Odd": "abc"}
    assert arguments.merged({}, values) == kept
    assert arguments.plan(NUMBER, CALLER, values, DEFAULTS, NOW).metadata == kept


def headers(**values: str) -> tuple[Arguments, dict[str, str | None]]:
    """Return arguments that read these headers, and what is read."""
    names = [f"X-{name}" for name in values]
    arguments = parse_arguments(["call=call_1", "header=" + ",".join(names)])
    return arguments, dict(zip(arguments.variables, values.values(), strict=True))


def test_headers_come_behind_what_the_application_said_and_change_nothing_of_it() -> None:
    arguments, values = headers(A="new", B="1")
    given = {"X-A": "old", "order": [7, None]}
    assert [*arguments.merged(given, values).items()] == [("X-A", "old"), ("order", [7, None]), ("X-B", "1")]
    assert given == {"X-A": "old", "order": [7, None]}


def test_headers_beyond_the_fiftieth_key_are_left_out() -> None:
    arguments, values = headers(A="1", B="2", C="3")
    given = {f"k{n}": n for n in range(48)}
    assert arguments.merged(given, values) == given | {"X-A": "1", "X-B": "2"}
    given = {f"k{n}": n for n in range(50)}
    assert arguments.merged(given, values) == given


def test_a_header_that_makes_metadata_too_large_is_left_out_and_the_next_may_fit() -> None:
    arguments, values = headers(A="x" * 100, B="x" * 8, C="1")
    given = {"k": "x" * (8192 - len('{"k":"","X-B":"' + "x" * 8 + '"}'))}
    assert arguments.merged(given, values) == given | {"X-B": "x" * 8}
    assert len(orjson.dumps(arguments.merged(given, values))) == 8192


def test_headers_alone_are_no_more_than_metadata_may_be() -> None:
    arguments, values = headers(**{f"{n}" + "N" * 59: "\U0001f4de" * 300 for n in range(10)})
    kept = arguments.merged({}, values)
    assert len(kept) == 9
    assert len(orjson.dumps(kept)) <= 8192
    spoken = replace(arguments, call=None, _given={"say": "Hello"})
    assert spoken.plan(NUMBER, CALLER, values, DEFAULTS, NOW).metadata == kept


def test_what_a_prepared_call_needs_is_read_and_its_plan_is_its_own() -> None:
    arguments = parse_arguments(["call=call_0123456789abcdef01234567", "header=X-A"])
    assert arguments.call == "call_0123456789abcdef01234567"
    assert arguments.variables == ("PJSIP_HEADER(read,X-A)",)
    with pytest.raises(Invalid):
        arguments.plan(NUMBER, CALLER, {}, DEFAULTS, NOW)


@pytest.mark.parametrize("door", OTHER_DOORS)
def test_a_call_of_another_door_has_its_plan_from_there(door: str) -> None:
    arguments = parse_arguments([f"door={door}", "then=hangup", "header=X-Ref"])
    assert (arguments.door, arguments.call, arguments.taps) == (door, None, False)
    with pytest.raises(Invalid):
        arguments.plan("100", "200", {}, DEFAULTS, NOW)
    values = dict.fromkeys(arguments.variables, "one\ttwo")
    told = replace(plain("100", "200"), metadata={"external_id": "7"}, goes_on=True)
    dressed = arguments.dressed(told, values)
    assert dressed == replace(told, goes_on=False, metadata={"external_id": "7", "X-Ref": "onetwo"})
    assert parse_arguments([f"door={door}"]).dressed(told, {}).goes_on
    assert parse_arguments(["say=A"]).door == parse_arguments(["call=call_1"]).door == OUR_DOOR


def test_what_a_caller_says_of_itself_is_cut_to_one_printable_line() -> None:
    made = parse_arguments(["code=918273"]).plan(None, "a\nb\ud800" + "1" * 100, {}, DEFAULTS, NOW)
    assert made.to is None
    assert made.caller_id == "ab" + "1" * 62


def test_no_code_is_shown_by_arguments() -> None:
    assert "918273" not in repr(parse_arguments(["code=918273", "say=918273"]))


def test_neither_url_nor_password_is_shown_by_a_plan() -> None:
    made = plan("stream=wss://bot:918273@voice.example/918273?token=918273")
    (action,) = made.actions
    assert isinstance(action, Stream)
    assert action.url == "wss://voice.example/918273?token=918273"
    assert "918273" not in f"{made!r} {action}"


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = [
    ([], "nothing_to_do", "one of call, stream, play, say, code, code_var, gather, dial is required"),
    (["then=continue", "header=X-A"], "nothing_to_do", None),
    ([""], "not_a_pair", 'argument 1 is not key=value; a comma needs quotes: "say=One, two"'),
    (["say=Hello", " world"], "not_a_pair", 'argument 2 is not key=value; a comma needs quotes: "say=One, two"'),
    (["code=918273", "918273=x"], "unknown_key", "argument 2 has a key that is not known"),
    (["Code=918273"], "unknown_key", None),
    (["=918273"], "unknown_key", None),
    (["code=918273", "code=918273"], "repeated_key", "code is given twice"),
    (["code="], "no_value", "code has no value"),
    (["gather=4", "tag="], "no_value", "tag has no value"),
    (["code=918273", "door=918273"], "choice", "door must be one of dialplan, 8x8, telesign"),
    (["door=Telesign"], "choice", None),
    (["door=telesign", "code=918273"], "conflict", "code does not go with this door: what is to be done is asked for"),
    (["door=8x8", "language=de"], "conflict", None),
    (["call=call_1", "door=telesign"], "conflict", None),
    (["door=telesign", "then=stay"], "choice", None),
    (["door=dialplan"], "nothing_to_do", None),
    (["code=918273", "code_var=OTP"], "conflict", "code and code_var exclude each other"),
    (["call=call_1", "code=918273"], "conflict", "code does not go with call: the prepared call has it all"),
    (["call=call_1", "door=dialplan"], "conflict", None),
    (["say=Hello", "brand=Acme"], "conflict", "brand goes with code or code_var, which is not given"),
    (["play=welcome", "speed=1"], "conflict", None),
    (["gather=4", "times=2"], "conflict", None),
    *(([f"{key}=1", "say=A"], "conflict", None) for key, one in KEYS.items() if one.goes_with == ("gather",)),
    (["call=../../x"], "format", None),
    (["code_var=FILTER(0-9,${X})"], "format", None),
    (["code_var=1A"], "format", None),
    (["code_var=A\n"], "format", None),
    (["code_var=" + "A" * 81], "format", None),
    (["code=91-82"], "format", "code must be 3 to 12 characters of 0-9, A-Z, a-z"),
    (["code_var=OTP"], "format", "code_var must be 3 to 12 characters of 0-9, A-Z, a-z"),
    (["play=../secret"], "format", None),
    (["play=nowhere"], "prompt", "play names a recording that there is not"),
    (["play=http://host.example/a.wav"], "url", "play must begin with https://"),
    (["play=ftp://host.example/a.wav"], "url", None),
    (["say=A", "play=://"], "url", None),
    (["code=918273", "webhook=http://host.example/918273"], "url", "webhook must begin with https://"),
    (["code=918273", "webhook=hooks"], "url", None),
    (["say=A", "gate=1"], "conflict", "gate goes with code or code_var, which is not given"),
    (["say=A", "replay=1"], "conflict", "replay goes with code or code_var, which is not given"),
    (["code=918273", "gate=12"], "format", None),
    (["code=918273", "gate=none"], "format", None),
    (["code=918273", "replay=any"], "format", None),
    (["code=918273", "gate="], "no_value", None),
    (["code=918273", "gate=1", "replay=1", "gate=2"], "repeated_key", None),
    (["say=a\x00b"], "format", "say must have no control characters"),
    (["say=a\ud800"], "format", None),
    (["say=" + "a" * 3001], "length", "say must have at most 3000 characters"),
    (["code=918273", "times=two"], "format", "times must be a whole number"),
    (["code=918273", "times=2.0"], "format", None),
    (["code=918273", "times=٢"], "format", None),
    (["code=918273", "times= 2"], "format", None),
    (["code=918273", "times=6"], "range", "times must be at most 5"),
    (["code=918273", "times=-1"], "range", "times must be at least 1"),
    (["code=918273", "speed=nan"], "format", "speed must be a number, as in 2 or 0.9"),
    (["code=918273", "speed=1e0"], "format", None),
    (["code=918273", "speed=3"], "range", "speed must be at most 2"),
    (["code=918273", "brand=" + "a" * 31], "length", "brand must have at most 30 characters"),
    (["code=918273", "then=stay"], "choice", "then must be continue or hangup"),
    (["gather=65"], "range", "gather must be at most 64"),
    (["gather=4", "min=5"], "rule", "min must be 0 to 4, the most that is collected"),
    (["gather=4", "terminators=0123456789"], "rule", "valid must hold a key that is no terminator"),
    (["gather=4", "valid=xyz"], "rule", None),
    (["gather=4", "valid=" + "1" * 17], "length", None),
    (["gather=4", "overall_timeout=601"], "range", None),
    (["gather=4", "sensitive=maybe"], "choice", "sensitive must be yes or no"),
    (["say=A", "language=english please"], "format", "language must be a BCP 47 language tag, as in pt-BR"),
    (["say=A", "language=tlh"], "voice", None),
    (
        ["say=A", "voice=robot"],
        "voice",
        "voice asks for what can't be spoken: there is no voice of this name; there are espeak",
    ),
    (["say=A", "voice=Robot the Third"], "format", None),
    (["say=\ufdd0"], "format", "say must have no control characters but line breaks and tabs"),
    (["stream="], "no_value", "stream has no value"),
    (["mode=talk"], "nothing_to_do", None),
    *(
        ([f"{key}=x", "say=A"], "conflict", f"{key} goes with stream, which is not given")
        for key in ("format", "mode", "tracks")
    ),
    (["call=call_1", f"stream={URL}"], "conflict", "stream does not go with call: the prepared call has it all"),
    (
        [f"stream={URL}", "then=hangup"],
        "rule",
        "then must be continue where nothing is done but to listen: a hang-up would leave nothing",
    ),
    (
        [f"stream={URL}", "tracks=near,second"],
        "rule",
        "tracks must be near, far or both where nothing is done but to listen",
    ),
    ([f"stream={URL}", "tracks=near,inbound"], "rule", "tracks must name each track once"),
    ([f"stream={URL}", "tracks=near,"], "choice", "tracks must be 'inbound', 'outbound' or 'second'"),
    ([f"stream={URL}", "tracks=near,far,second,near"], "length", None),
    ([f"stream={URL}", "mode=talk", "tracks=near,far"], "rule", "tracks must be inbound alone where mode is talk"),
    ([f"stream={URL}", "mode=both"], "choice", "mode must be 'listen' or 'talk'"),
    ([f"stream={URL}", "mode=talk", "format=voxology"], "rule", "mode must be listen in this format"),
    ([f"stream={URL}", "format=918273"], "choice", "format must be 'twilio', 'exotel' or 'voxology'"),
    (["stream=ws://voice.example/"], "url", "stream must begin with wss://"),
    (["stream=https://voice.example/"], "url", None),
    (["stream=wss://918273@voice.example/"], "url", None),
    (
        [f"stream={URL}?sample-rate=1", "format=exotel"],
        "url",
        "stream must have one sample-rate of 8000, 16000 or 24000 in its query",
    ),
    (["stream=" + "x" * 2049], "length", None),
    (["dial=2000"], "format", None),
    (["dial=+33123456789"], "destination_not_allowed", "dial is not on the list of allowed destinations"),
    (["dial=+449098790000"], "destination_not_allowed", "dial is a premium-rate number"),
    (["say=A", "header=X-A,X-a"], "format", None),
    (["say=A", "header=From"], "format", None),
    (["say=A", "header=X-A)"], "format", None),
    (["say=A", "header=" + ",".join(f"X-{n}" for n in range(11))], "too_many", "header must be at most 10 names"),
]


@pytest.mark.parametrize(("args", "reason", "message"), REFUSED, ids=lambda value: str(value).encode().hex()[:40])
def test_what_can_not_be_taken_is_named(args: list[str], reason: str, message: str | None) -> None:
    invalid = refusal(*args, OTP="12")
    assert invalid.reason == reason
    assert message is None or invalid.message == message
    assert "918273" not in str(invalid)


def test_an_account_without_trunks_has_no_calls() -> None:
    assert refusal("say=A", defaults=replace(DEFAULTS, trunks={})).reason == "not_allowed"


def test_events_go_to_the_webhook_that_is_named_or_configured() -> None:
    url, own = "https://host.example/hooks?token=918273", "https://own.example/"
    assert plan("say=A", f"webhook={url}").webhook == Webhook(url)
    assert plan("say=A").webhook is None
    configured = replace(DEFAULTS, webhook_url=own)
    assert plan("say=A", defaults=configured).webhook == Webhook(own)
    assert plan("say=A", f"webhook={url}", defaults=configured).webhook == Webhook(url)
    assert "918273" not in repr(plan("say=A", f"webhook={url}"))


def test_without_secrets_there_is_no_webhook() -> None:
    invalid = refusal("say=A", "webhook=https://host.example/", defaults=replace(DEFAULTS, signs=False))
    assert invalid.reason == "webhook"


def test_without_a_prompts_folder_there_is_no_recording() -> None:
    assert refusal("play=welcome", defaults=replace(DEFAULTS, prompts=None)).reason == "prompt"


def test_every_reason_but_that_of_the_switchboard_is_seen_here() -> None:
    seen_elsewhere = {"not_allowed", "webhook", "unknown_call", "not_supported", "nobody_to_ask"}
    assert {reason for _, reason, _ in REFUSED} | seen_elsewhere == REASONS.keys()


def test_the_tables_say_what_to_know() -> None:
    assert all(key.meaning for key in KEYS.values())
    assert all(re.fullmatch("[a-z_]+", word) and len(text.split()) > 3 for word, text in REASONS.items())
    assert set(ACTS) <= KEYS.keys()
    assert {other for key in KEYS.values() for other in key.goes_with} <= set(ACTS)


# --- any arguments at all ---------------------------------------------------------------------------------------------

ANY = st.text(st.characters(codec=None), max_size=40) | st.text("\x00\ud800=, \"\\${}()'", max_size=40)
LIKELY = st.sampled_from(
    [
        URL,
        "talk",
        "near,far",
        "exotel",
        "918273",
        "OTP",
        "4",
        "2",
        "0.9",
        "yes",
        "welcome",
        "1000",
        "#",
        "X-A",
        "en-US",
        "continue",
        "espeak",
        "-1",
        "65",
    ]
)
ARGUMENT = ANY | st.builds("{}={}".format, st.sampled_from([*KEYS]), LIKELY | ANY)
MARK = "\u20acQZ7\u20ac"


def plain(number: str | None, caller: str | None) -> CallPlan:
    """The plan of another door."""
    return CallPlan(number, caller, "default", "en-US", (Hangup(),), inbound=True)


def made(args: list[str], value: str | None) -> CallPlan | Arguments | Invalid:
    try:
        arguments = parse_arguments(args)
        values = dict.fromkeys(arguments.variables, value)
        arguments.merged({}, values)
        if arguments.door != OUR_DOOR:
            return arguments.dressed(plain("100", "200"), values)
        return arguments if arguments.call else arguments.plan(value, value, values, DEFAULTS, NOW)
    except Invalid as invalid:
        return invalid


def check(args: list[str], value: str | None) -> None:
    match made(args, value):
        case CallPlan() as plan:
            assert plan.inbound
            assert plan.actions
            orjson.dumps([plan.to, plan.caller_id, dict(plan.metadata)])
        case Arguments() as arguments:
            assert arguments.call
        case Invalid() as invalid:
            assert invalid.reason in REASONS
            assert invalid.message.isprintable()
            assert len(invalid.message) < 200
            assert "taken together" not in invalid.message, "a field that the tables do not name"


@given(st.lists(ARGUMENT, max_size=8), st.none() | LIKELY | ANY)
def test_any_arguments_are_answered(args: list[str], value: str | None) -> None:
    check(args, value)


@given(st.dictionaries(st.sampled_from([*KEYS]), LIKELY | ANY, max_size=12), st.none() | LIKELY | ANY)
def test_any_values_of_known_keys_are_answered(pairs: dict[str, str], value: str | None) -> None:
    check([f"{key}={text}" for key, text in pairs.items()], value)


@given(st.lists(st.sampled_from([*KEYS, *ACTS]), unique=True, max_size=6), st.sampled_from(["{}", "{}={}", "{1}={0}"]))
def test_nothing_that_was_given_is_repeated(keys: list[str], shape: str) -> None:
    for value in (MARK, MARK + "\x00"):
        args = [shape.format(key, value) for key in keys]
        if isinstance(answer := made(args, value), Invalid):
            assert "QZ7" not in str(answer)


@pytest.mark.parametrize("shape", ["{}", "k{}=", "say=", "header=X-", "=", "code_var="])
def test_the_largest_that_asterisk_hands_over_is_answered_at_once(shape: str) -> None:
    started = time.process_time()
    check([shape.format(n) + "x,=" * 700 for n in range(128)], "x" * 2048)
    assert time.process_time() - started < 1
