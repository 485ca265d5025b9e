"""What an action becomes before anything rings: steps, and all that they may speak."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from otpvoice.core import actions
from otpvoice.core.actions import (
    Action,
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
    StopStream,
    Stream,
)
from otpvoice.core.compile import (
    KEY,
    TONE,
    WAIT,
    CodeStep,
    DialStep,
    GatherStep,
    HangupStep,
    SendStep,
    SpokenStep,
    StopStreamStep,
    StreamStep,
    compile_plan,
    scripts_in,
    scripts_of,
    sending_seconds,
    type_of,
)
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import Webhook
from otpvoice.core.ringback import ringback
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Recording, RemoteRecording, Script, Silence, Words
from tests.core.stories import CLOSING, LOCALES, inbound, outbound

ROWS: list[tuple[Action, type, str]] = [
    (Say("Hello."), SpokenStep, "say"),
    (SayCode(OtpCode("123")), SpokenStep, "say_code"),
    (SayCode(OtpCode("123"), gate=Gate()), CodeStep, "say_code"),
    (SayCode(OtpCode("123"), replay=Replay()), CodeStep, "say_code"),
    (SayCode(OtpCode("123"), languages=(LanguageKey("5", "de"),)), CodeStep, "say_code"),
    (Play("welcome"), SpokenStep, "play"),
    (Pause(1.0), SpokenStep, "pause"),
    (Gather(DigitRules()), GatherStep, "gather"),
    (SendDigits("12#"), SendStep, "send_digits"),
    (Dial("+15550177"), DialStep, "dial"),
    (Dial("+15550177", digits="w1"), DialStep, "dial"),
    (Stream("wss://example.com/ear", "twilio"), StreamStep, "stream"),
    (StopStream(), StopStreamStep, "stop_stream"),
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
    url = "https://shop.example/welcome.mp3"
    assert outbound(Play(url=url)).scripts == ((RemoteRecording(url),),)


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


# --- a code that asks for keys ----------------------------------------------------------------------------------------


def code_step(**options: object) -> CodeStep:
    (step,) = outbound(replace(SayCode(OtpCode("482"), times=2), **options)).steps  # type: ignore[arg-type]
    assert isinstance(step, CodeStep)
    return step


def words(script: Script) -> list[tuple[str, str]]:
    return [(piece.text, piece.language) for piece in script if isinstance(piece, Words)]


def readings(script: Script) -> list[int]:
    return [piece.reading for piece in script if isinstance(piece, CodeCharacter) and piece.position == 1]


GERMAN = (LanguageKey("5", "de-AT"),)


def test_a_gate_has_a_question_and_a_failure_and_its_own_key() -> None:
    step = code_step(gate=Gate("*"))
    assert (step.key, words(step.gate)) == ("*", [("Press star for your code.", "en")])
    assert words(step.failure) == [("Goodbye.", "en")]
    own = code_step(gate=Gate(failure=(Say("Nobody there."), Pause(0.5))))
    assert own.failure == (Words("Nobody there.", "en"), Silence(0.5))


def test_without_a_gate_there_is_the_menu_and_no_failure() -> None:
    step = code_step(languages=GERMAN)
    assert (step.key, words(step.gate), step.failure) == (None, [("Für Deutsch: fünf.", "de-AT")], ())
    assert code_step(replay=Replay()).gate == ()


def test_a_code_is_there_in_each_language_and_as_often_as_it_may_be_asked_for() -> None:
    step = code_step(languages=GERMAN, replay=Replay("2", limit=3))
    assert list(step.tongues) == ["", "5"]
    own, german = step.tongues.values()
    assert words(own.readings) == [("Your code is:", "en"), ("Again:", "en")]
    assert words(german.readings) == [("Ihr Code lautet:", "de-AT"), ("Ich wiederhole:", "de-AT")]
    assert [readings(script) for script in german.replays] == [[3], [4], [5]]
    assert [words(script) for script in german.replays] == [[("Ich wiederhole:", "de-AT")]] * 3
    assert words(own.offer) == [("Press two to hear it again.", "en")]
    assert words(german.offer) == [("Noch einmal: zwei.", "de-AT")]


def test_without_a_replay_nothing_is_offered() -> None:
    (own,) = code_step(gate=Gate()).tongues.values()
    assert (own.replays, own.offer) == ((), ())


def test_a_template_is_for_its_own_language_and_another_has_its_own_sentence() -> None:
    languages = (LanguageKey("5", "de"), LanguageKey("6", "en-GB"), LanguageKey("7", "sv"))
    step = code_step(template="{brand} says: {code}", brand="Acme", times=1, languages=languages)
    assert {key: words(tongue.readings) for key, tongue in step.tongues.items()} == {
        "": [("Acme says:", "en")],
        "5": [("Ihr Code von Acme lautet:", "de")],
        "6": [("Acme says:", "en-GB")],
        "7": [("Acme says:", "sv")],  # it has no sentence of its own
    }


def test_the_language_of_the_action_is_the_own_one_of_its_code() -> None:
    step = code_step(language="de", times=1, languages=(LanguageKey("6", "en"),), replay=Replay(limit=1))
    assert words(step.tongues[""].readings) == [("Ihr Code lautet:", "de")]
    assert words(step.tongues[""].offer) == [("Noch einmal: eins.", "de")]
    assert words(step.tongues["6"].replays[0]) == [("Again:", "en")]


def test_all_that_a_code_may_need_is_made_ahead_and_each_script_once() -> None:
    say = SayCode(OtpCode("482"), gate=Gate(), languages=GERMAN, replay=Replay(limit=2))
    (step,) = outbound(say, locales=CLOSING).steps
    assert isinstance(step, CodeStep)
    spoken = {step.gate, step.failure}
    for tongue in step.tongues.values():
        spoken |= {tongue.readings, *tongue.replays, tongue.offer, tongue.closing}
    assert set(scripts_of(step)) == spoken
    assert len(scripts_in((step, step))) == len(spoken) == 2 + 2 * 5
    assert () not in scripts_in((code_step(replay=Replay()),))


def test_a_template_that_breaks_a_rule_is_refused_wherever_it_stands() -> None:
    broken = SayCode(OtpCode("482"), template="Your code", gate=Gate())
    with pytest.raises(ValueError, match="exactly once"):
        outbound(broken)
    with pytest.raises(ValueError, match="exactly once"):
        outbound(webhook=Webhook("https://shop.example", interactive=True, fallback=(broken,)))
    with pytest.raises(ValueError, match="exactly once"):
        outbound().compiled((broken,))


# --- the end ----------------------------------------------------------------------------------------------------------

CODE = SayCode(OtpCode("482"), times=1)
ASKS = Webhook("https://shop.example", interactive=True, fallback=(CODE,))


@pytest.mark.parametrize(
    ("plan", "closes"),
    [
        ((CODE,), True),
        ((Say("Hello."), CODE), True),
        ((CODE, CODE), True),
        ((CODE, Hangup()), True),
        ((CODE, Hangup(), Say("Never said.")), True),
        ((CODE, Say("Thank you.")), False),
        ((CODE, Pause(1.0)), False),
        ((CODE, Gather(DigitRules())), False),
        ((CODE, Dial("+15550177")), False),
        ((Hangup(), CODE), False),
        ((replace(CODE, template="{code}"),), False),
        ((Gather(DigitRules(), prompt=(CODE,)),), False),
        ((replace(CODE, replay=Replay()),), True),
        ((replace(CODE, gate=Gate()), Hangup()), True),
        ((replace(CODE, gate=Gate()), Say("Thank you.")), False),
        ((replace(CODE, replay=Replay(), template="{code}"),), False),
    ],
)
def test_a_closing_sentence_is_said_where_a_code_is_the_last_thing(plan: tuple[Action, ...], closes: bool) -> None:
    flow = outbound(*plan, locales=CLOSING)
    closings = [script for script in flow.scripts if ("That was all.", "en") in words(script)]
    assert len(closings) == closes
    if closes:
        assert words(closings[0])[-1] == ("That was all.", "en")
        assert closings[0][-1] == Words("That was all.", "en", None, 0.9, packaged=True)
    assert all(words(script).count(("That was all.", "en")) <= 1 for script in flow.scripts)


@pytest.mark.parametrize("code", [CODE, replace(CODE, replay=Replay())])
def test_who_is_let_go_or_asked_what_comes_next_is_not_told_goodbye(code: SayCode) -> None:
    for flow in (
        inbound(code, locales=CLOSING),
        outbound(code, locales=CLOSING, webhook=ASKS),
        outbound(locales=CLOSING, webhook=ASKS),
    ):
        assert not any(piece.text == "That was all." for s in flow.scripts for piece in s if isinstance(piece, Words))
        assert "That was all." not in {
            text for step in flow.compiled((code,)) for s in scripts_of(step) for text, _ in words(s)
        }
    for flow in (inbound(code, Hangup(), locales=CLOSING), inbound(code, locales=CLOSING, goes_on=False)):
        assert any(piece.text == "That was all." for s in flow.scripts for piece in s if isinstance(piece, Words))


def test_a_webhook_that_is_only_told_takes_no_goodbye_away() -> None:
    flow = outbound(CODE, locales=CLOSING, webhook=Webhook("https://shop.example"))
    assert words(flow.scripts[0])[-1] == ("That was all.", "en")


def test_each_language_of_a_code_has_its_own_goodbye() -> None:
    flow = outbound(replace(CODE, languages=GERMAN, replay=Replay("1")), locales=CLOSING)
    (step,) = flow.steps
    assert isinstance(step, CodeStep)
    assert {key: words(tongue.closing) for key, tongue in step.tongues.items()} == {
        "": [("That was all.", "en")],
        "5": [("Das war alles.", "de-AT")],
    }


def test_a_code_with_a_sentence_of_its_own_has_no_goodbye_in_any_language() -> None:
    flow = outbound(replace(CODE, template="{code}", languages=GERMAN, replay=Replay("1")), locales=CLOSING)
    (step,) = flow.steps
    assert isinstance(step, CodeStep)
    assert {key: tongue.closing for key, tongue in step.tongues.items()} == {"": (), "5": ()}


# --- keys that we press -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "seconds"),
    [("1", KEY + TONE), ("12#", 3 * KEY + TONE), ("w", WAIT + TONE), ("ww1A", 2 * WAIT + 2 * KEY + TONE)],
)
def test_how_long_it_takes_to_press_keys_until_the_last_has_sounded(digits: str, seconds: float) -> None:
    assert sending_seconds(digits) == pytest.approx(seconds)
    (step,) = outbound(SendDigits(digits)).steps
    assert isinstance(step, SendStep)
    assert step.seconds == pytest.approx(seconds)
    assert scripts_of(step) == ()
