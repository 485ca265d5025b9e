"""A code for somebody who presses keys for it: each story from its first second to its last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from otpvoice.core.actions import Gate, Gather, LanguageKey, Play, Replay, Say, SayCode
from otpvoice.core.coding import MOST_CHANGES, TO_CHOOSE, TO_REPLAY
from otpvoice.core.commands import HangUp, Release, Speak, StopSpeaking
from otpvoice.core.compile import CodeStep
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallResumed,
    CodeDelivered,
    CodeReplayed,
    DigitsCollected,
    HangupAsked,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import EndedParty, OutcomeClass, OwnAction
from otpvoice.core.secret import Keys, OtpCode
from otpvoice.core.speaking import BREATH
from otpvoice.core.speech import CodeCharacter, Script
from tests.core.stories import (
    BEGAN,
    CLOSING,
    PASSES,
    Done,
    Told,
    go_on,
    heard,
    inbound,
    live,
    orders,
    outbound,
    outcome,
    pressed,
    reports,
)

ANSWERED: Told = (1.0, CallAnswered(1001.0))
GERMAN = (LanguageKey("5", "de"),)
BYE = Say("Good bye.")
PIN = Gather(DigitRules(max_digits=4), type_ahead="keep")


def coded(*others: Say | Gather, **options: Any) -> CallFlow:
    """Return a call that reads a code, and then does something else."""
    return outbound(SayCode(OtpCode("482"), group=0, **options), *others)


def step_of(flow: CallFlow) -> CodeStep:
    return next(step for step in flow.steps if isinstance(step, CodeStep))


def parts(flow: CallFlow) -> dict[str, Script]:
    """What may be said around a code, by names for a reader."""
    step = step_of(flow)
    return {
        "gate": step.gate,
        "failure": step.failure,
        **{f"readings {key}".strip(): tongue.readings for key, tongue in step.tongues.items()},
        **{f"offer {key}".strip(): tongue.offer for key, tongue in step.tongues.items()},
        **{f"closing {key}".strip(): tongue.closing for key, tongue in step.tongues.items() if tongue.closing},
        **{
            f"replay {count} {key}".strip(): script
            for key, tongue in step.tongues.items()
            for count, script in enumerate(tongue.replays, start=1)
        },
    }


def said(flow: CallFlow, done: Sequence[Done]) -> list[str]:
    """What was spoken, by the names of ``parts``."""
    names = {script: name for name, script in parts(flow).items()}
    return [names.get(order.script, "other") for order in orders(done) if isinstance(order, Speak)]


def secret(script: Script) -> bool:
    return any(isinstance(piece, CodeCharacter) for piece in script)


def heard_all(flow: CallFlow, *names: str, at: float = 1.0, first: int = 1) -> list[Told]:
    """These parts are played, a second each."""
    scripts = parts(flow)
    return [told for i, name in enumerate(names) for told in heard(first + i, scripts[name], at + i)]


# --- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "pressed_", "opens"),
    [
        ("1", "1", True),
        ("1", "2", False),
        ("1", "#", False),
        ("1", "A", False),
        ("*", "*", True),
        ("any", "7", True),
        ("any", "#", True),
        ("any", "D", True),
        ("0", "0", True),
    ],
)
@pytest.mark.parametrize("during", [True, False], ids=["during the question", "behind it"])
def test_a_code_is_read_when_the_key_of_its_gate_was_pressed(
    key: str, pressed_: str, opens: bool, during: bool
) -> None:
    flow = coded(gate=Gate(key))
    question = heard(1, step_of(flow).gate, 1.0, upto=0 if during else None)
    done = live(flow, ANSWERED, *question, *pressed(2.5, pressed_))
    assert said(flow, done) == ["gate", "readings" if opens else "gate"]
    assert (StopSpeaking("1") in orders(done)) is during
    assert orders(done)[-1] == Speak("2", parts(flow)["readings" if opens else "gate"], 0, lead_in=BREATH)


def test_a_try_ends_so_long_after_the_question_as_the_gate_says() -> None:
    flow = coded(gate=Gate(timeout=5.0))
    live(flow, ANSWERED, *heard(1, step_of(flow).gate, 1.0))
    assert flow.deadline == 2.0 + 5.0
    assert said(flow, go_on(flow, (7.0, PASSES))) == ["gate"]


@pytest.mark.parametrize("key", ["1", "any"])
def test_who_presses_nothing_is_told_so_and_the_call_is_over_without_a_fault(key: str) -> None:
    flow = coded(BYE, gate=Gate(key, tries=2, timeout=8.0))
    gate, failure = step_of(flow).gate, step_of(flow).failure
    done = live(flow, ANSWERED, *heard(1, gate, 1.0), (10.0, PASSES), *heard(2, gate, 10.0), (19.0, PASSES))
    assert said(flow, done) == ["gate", "gate", "failure"]
    done = go_on(flow, *heard(3, failure, 19.0))
    (failed,) = reports(done)
    assert isinstance(failed, ActionFailed)
    assert (failed.index, failed.code) == (0, "gate_not_passed")
    assert orders(done) == []
    done = go_on(flow, (20.0 + flow.plan.tail, PASSES), (21.0, CallEnded(1021.0, cause=16)))
    assert orders(done) == [HangUp(OwnAction.HANG_UP_BY_PLAN)], "and nothing else of the plan is done"
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.PLAN)
    assert flow.proof.delivered is False
    assert flow.proof.complete is False


def test_pressing_all_keys_opens_nothing() -> None:
    flow = coded(gate=Gate("3", tries=2))
    done = live(flow, ANSWERED, *heard(1, step_of(flow).gate, 1.0), *pressed(3.0, *"123456789"))
    assert said(flow, done) == ["gate", "gate", "failure"]


@pytest.mark.parametrize("tries", [1, 3])
def test_a_wrong_key_is_a_try(tries: int) -> None:
    flow = coded(gate=Gate("1", tries=tries))
    asked = [(float(n), event) for n in range(1, 2 * tries, 2) for _, event in pressed(0.0, "2")]
    assert said(flow, live(flow, ANSWERED, *asked)) == [*["gate"] * tries, "failure"]


def test_a_wrong_key_leaves_the_next_try_its_whole_time() -> None:
    flow = coded(gate=Gate("1", timeout=8.0))
    gate = step_of(flow).gate
    done = live(flow, ANSWERED, *heard(1, gate, 1.0), *pressed(9.0, "2"), *heard(2, gate, 9.0))
    assert flow.deadline == 10.0 + 8.0
    assert said(flow, [*done, *go_on(flow, *pressed(17.9, "1"))]) == ["gate", "gate", "readings"]


def test_keys_that_were_pressed_before_the_question_do_not_open_the_gate() -> None:
    flow = outbound(BYE, SayCode(OtpCode("482"), gate=Gate("any")), PIN)
    bye, gate = flow.scripts[0], step_of(flow).gate
    done = live(flow, ANSWERED, *pressed(1.1, "1", "1"), *heard(1, bye, 1.1), *heard(2, gate, 2.1))
    assert said(flow, done) == ["other", "gate"]
    assert flow.deadline == 3.1 + 8.0, "and are no try"
    readings = parts(flow)["readings"]
    done = go_on(flow, *pressed(4.0, "1"), *heard(3, readings, 4.0), *pressed(6.0, *"4821"))
    assert flow.collected is not None
    assert flow.collected.keys == Keys("4821"), "nor answers to what comes later"


def test_keys_that_are_pressed_while_nobody_hears_the_question_do_not_open_the_gate() -> None:
    flow = coded(gate=Gate("any", tries=1))
    done = live(flow, (0.9, CallHeld(1000.9)), ANSWERED, *pressed(2.0, "1"), (9.0, CallResumed(1009.0)))
    assert said(flow, done) == ["gate"]
    assert said(flow, go_on(flow, *pressed(9.5, "1"))) == ["readings"]


def test_the_request_may_have_its_own_words_for_the_failure() -> None:
    flow = coded(gate=Gate(failure=(Say("Nobody there."), Play("bye")), tries=1))
    own = [piece for script in flow.scripts for piece in script]
    assert said(flow, live(flow, ANSWERED, *pressed(2.0, "2"))) == ["gate", "failure"]
    assert set(step_of(flow).failure) <= set(own), "it is made before anybody is rung"
    assert len(step_of(flow).failure) == 2


def test_a_channel_goes_on_in_its_dialplan_when_the_gate_was_not_passed() -> None:
    flow = inbound(SayCode(OtpCode("482"), gate=Gate(tries=1)))
    done = live(flow, ANSWERED, *pressed(2.0, "2"), *heard(2, step_of(flow).failure, 2.0), (3.6, PASSES))
    assert orders(done)[-1] == Release()


def test_the_gate_of_one_code_is_not_that_of_the_next() -> None:
    flow = outbound(*(SayCode(OtpCode(code), times=1, gate=Gate()) for code in ("482", "917")))
    first, second = (step for step in flow.steps if isinstance(step, CodeStep))
    done = live(flow, ANSWERED, *pressed(2.0, "1"), *heard(2, first.tongues[""].readings, 2.0))
    assert orders(done)[-1] == Speak("3", second.gate, 0, lead_in=BREATH)


# --- languages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("during", [True, False], ids=["during the question", "behind it"])
@pytest.mark.parametrize("key", ["1", "any"])
def test_a_key_that_chooses_a_language_opens_the_gate(key: str, during: bool) -> None:
    flow = coded(gate=Gate(key), languages=GERMAN)
    question = heard(1, step_of(flow).gate, 1.0, upto=0 if during else None)
    assert said(flow, live(flow, ANSWERED, *question, *pressed(2.5, "5"))) == ["gate", "readings 5"]


@pytest.mark.parametrize("during", [True, False], ids=["during the menu", "behind it"])
def test_a_language_is_chosen_where_there_is_no_gate(during: bool) -> None:
    flow = coded(languages=GERMAN)
    menu = heard(1, step_of(flow).gate, 1.0, upto=0 if during else None)
    assert said(flow, live(flow, ANSWERED, *menu, *pressed(2.5, "5"))) == ["gate", "readings 5"]


def test_who_chooses_nothing_hears_the_code_in_the_language_of_the_call() -> None:
    flow = coded(languages=GERMAN)
    done = live(flow, ANSWERED, *heard(1, step_of(flow).gate, 1.0))
    assert flow.deadline == 2.0 + TO_CHOOSE
    done += go_on(flow, *pressed(3.0, "4"))
    assert flow.deadline == 2.0 + TO_CHOOSE, "another key chooses nothing, and moves no timer"
    assert said(flow, [*done, *go_on(flow, (5.0, PASSES))]) == ["gate", "readings"]


def test_a_key_that_chooses_nothing_waits_for_whoever_asks_next() -> None:
    flow = coded(PIN, times=1, languages=GERMAN)
    scripts = parts(flow)
    done = live(flow, ANSWERED, *pressed(1.5, "4"), *heard(1, scripts["gate"], 1.6), *pressed(3.0, "3"))
    done += go_on(flow, (5.6, PASSES), *pressed(5.7, "2"), *heard(2, scripts["readings"], 5.8), *pressed(7.0, "1"))
    assert [report.collected.keys for report in reports(done) if isinstance(report, DigitsCollected)] == [Keys("4321")]


def test_a_language_without_a_pack_is_not_offered_but_may_be_chosen() -> None:
    flow = coded(template="Kod: {code}", languages=(LanguageKey("6", "sv"),))
    assert step_of(flow).gate == ()
    assert said(flow, live(flow, ANSWERED, *pressed(2.0, "6"))) == ["readings", "readings 6"]


def test_a_language_that_is_chosen_while_the_code_is_read_has_it_read_anew() -> None:
    flow = coded(gate=Gate(), languages=GERMAN)
    scripts = parts(flow)
    done = live(flow, ANSWERED, *pressed(2.0, "1"), *heard(2, scripts["readings"], 2.0, upto=4), *pressed(3.1, "5"))
    assert orders(done)[-2:] == [StopSpeaking("2"), Speak("3", scripts["readings 5"], 0, lead_in=BREATH)]
    done = go_on(flow, *heard(3, scripts["readings 5"], 3.1))
    assert ActionCompleted(0, "say_code", None) in reports(done)
    assert (flow.proof.readings, flow.proof.complete) == (2, True), "what was cut is no reading"


def test_a_language_may_be_changed_a_number_of_times() -> None:
    flow = coded(languages=(*GERMAN, LanguageKey("6", "en")))
    done = live(flow, ANSWERED, *pressed(1.5, *"56" * MOST_CHANGES))
    assert len(said(flow, done)) == 1 + 1 + MOST_CHANGES, "the menu, the choice, and the changes"
    done = go_on(flow, *heard_all(flow, said(flow, done)[-1], first=len(said(flow, done)), at=2.0))
    assert ActionCompleted(0, "say_code", None) in reports(done)


# --- once more --------------------------------------------------------------------------------------------------------


def test_a_code_is_offered_again_and_read_once_more_by_the_key() -> None:
    flow = coded(replay=Replay("1", limit=3))
    done = live(flow, ANSWERED, *heard_all(flow, "readings", "offer"))
    assert flow.deadline == 3.0 + TO_REPLAY
    done += go_on(flow, *pressed(4.0, "1"), *heard_all(flow, "replay 1", "offer", first=3, at=4.0), (11.0, PASSES))
    assert said(flow, done) == ["readings", "offer", "replay 1", "offer"]
    told = [report for report in reports(done) if not isinstance(report, ActionCompleted)]
    assert [report for report in told if isinstance(report, CodeReplayed)] == [CodeReplayed(1)]
    assert sum(isinstance(report, CodeDelivered) for report in told) == 1, "it is delivered once"
    assert reports(done)[-1] == ActionCompleted(0, "say_code", None)
    assert flow.proof.readings == 3
    assert [played.reading for played in flow.proof.digits] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_code_is_read_once_more_no_more_often_than_the_limit_says(limit: int) -> None:
    flow = coded(times=1, replay=Replay("#", limit=limit))
    done = live(flow, ANSWERED, *heard_all(flow, "readings"))
    for count in range(1, limit + 1):
        at = 2.0 * count
        done += go_on(flow, *pressed(at, "#"), *heard_all(flow, f"replay {count}", first=2 * count + 1, at=at))
    rounds = [name for count in range(1, limit + 1) for name in ("offer", f"replay {count}")]
    assert said(flow, done) == ["readings", *rounds]
    assert [report.count for report in reports(done) if isinstance(report, CodeReplayed)] == [*range(1, limit + 1)]
    assert reports(done)[-1] == ActionCompleted(0, "say_code", None), "and then nobody is offered it"


def test_the_key_of_the_replay_cuts_the_offer() -> None:
    flow = coded(replay=Replay())
    done = live(flow, ANSWERED, *heard_all(flow, "readings"), *pressed(2.5, "1"))
    assert orders(done)[-2:] == [StopSpeaking("2"), Speak("3", parts(flow)["replay 1"], 0, lead_in=BREATH)]


def test_who_wants_it_again_while_it_is_read_gets_it_once_without_being_asked() -> None:
    flow = coded(PIN, replay=Replay("1"))
    done = live(flow, ANSWERED, *pressed(1.5, *"1211"), *heard_all(flow, "readings"))
    assert said(flow, done) == ["readings", "replay 1"]
    done = go_on(flow, *heard_all(flow, "replay 1", first=2, at=2.0))
    assert said(flow, done) == ["offer"]
    done = go_on(flow, *heard_all(flow, "offer", first=3, at=3.0), (9.0, PASSES), *pressed(9.1, *"345"))
    assert [report.collected.keys for report in reports(done) if isinstance(report, DigitsCollected)] == [Keys("2345")]


def test_a_key_of_the_replay_from_before_the_readings_is_no_wish() -> None:
    flow = coded(PIN, times=1, replay=Replay("1"), languages=GERMAN)
    scripts = parts(flow)
    done = live(flow, ANSWERED, *pressed(1.5, "1"), *heard(1, scripts["gate"], 1.5), (5.5, PASSES))
    done += go_on(flow, *heard_all(flow, "readings", "offer", first=2, at=5.5), *pressed(8.0, *"234"))
    assert said(flow, done) == ["gate", "readings", "offer"]
    assert [report.collected.keys for report in reports(done) if isinstance(report, DigitsCollected)] == [Keys("1234")]


@pytest.mark.parametrize("during", [True, False], ids=["during the offer", "behind it"])
def test_another_key_ends_the_offer_and_is_an_answer_to_what_comes_next(during: bool) -> None:
    flow = coded(PIN, replay=Replay("1"))
    done = live(flow, ANSWERED, *heard_all(flow, "readings"))
    done += go_on(flow, *heard(2, parts(flow)["offer"], 2.0, upto=0 if during else None), *pressed(3.5, *"7890"))
    assert said(flow, done) == ["readings", "offer"]
    assert [type(report) for report in reports(done) if isinstance(report, ActionCompleted | DigitsCollected)] == [
        ActionCompleted,
        DigitsCollected,
        ActionCompleted,
    ]
    assert flow.collected is not None
    assert flow.collected.keys == Keys("7890")


def test_a_language_that_is_chosen_at_the_offer_is_that_of_the_replay() -> None:
    flow = coded(gate=Gate("2"), replay=Replay("1"), languages=GERMAN)
    done = live(flow, ANSWERED, *pressed(2.0, "2"), *heard_all(flow, "readings", "offer", first=2, at=2.0))
    done += go_on(flow, *pressed(5.0, "5"), *heard_all(flow, "replay 1 5", "offer 5", first=4, at=5.0))
    assert said(flow, done) == ["gate", "readings", "offer", "replay 1 5", "offer 5"]
    assert [report for report in reports(done) if isinstance(report, CodeReplayed)] == [CodeReplayed(1)]


def test_a_language_that_is_chosen_during_a_replay_begins_the_readings_anew() -> None:
    flow = coded(gate=Gate("2"), replay=Replay("1", limit=1), languages=GERMAN)
    done = live(flow, ANSWERED, *pressed(2.0, "2"), *heard_all(flow, "readings", first=2, at=2.0), *pressed(3.5, *"15"))
    assert said(flow, done) == ["gate", "readings", "offer", "replay 1", "readings 5"]
    done = go_on(flow, *heard_all(flow, "readings 5", first=5, at=4.0))
    assert reports(done)[-1] == ActionCompleted(0, "say_code", None), "that was the one replay"


# --- the end ----------------------------------------------------------------------------------------------------------


def closed(**options: Any) -> CallFlow:
    """Return a call that reads a code, says goodbye, and hangs up."""
    return outbound(SayCode(OtpCode("482"), group=0, **options), locales=CLOSING)


def test_when_nobody_wants_it_again_we_say_goodbye_and_hang_up() -> None:
    flow = closed(replay=Replay())
    done = live(flow, ANSWERED, *heard_all(flow, "readings", "offer"), (3.0 + TO_REPLAY, PASSES))
    done += go_on(flow, *heard_all(flow, "closing", first=3, at=8.0))
    assert said(flow, done) == ["readings", "offer", "closing"]
    assert reports(done)[-1] == ActionCompleted(0, "say_code", None)
    assert orders(go_on(flow, (9.0 + flow.plan.tail, PASSES))) == [HangUp(OwnAction.HANG_UP_BY_PLAN)]


def test_who_is_told_goodbye_and_presses_the_key_is_in_time() -> None:
    flow = closed(times=1, replay=Replay("2", limit=2))
    live(flow, ANSWERED, *heard_all(flow, "readings", "offer"), (3.0 + TO_REPLAY, PASSES))
    done = go_on(flow, *pressed(8.2, "1", "2"))
    assert orders(done) == [StopSpeaking("3"), Speak("4", parts(flow)["replay 1"], 0, lead_in=BREATH)]
    assert [report for report in reports(done) if isinstance(report, CodeReplayed)] == [CodeReplayed(1)]
    done = go_on(flow, *heard_all(flow, "replay 1", "offer", first=4, at=9.0))
    assert said(flow, done) == ["offer"]


def test_after_the_last_time_that_it_may_be_asked_for_goodbye_is_said_at_once_and_to_the_end() -> None:
    flow = closed(times=1, replay=Replay("2", limit=1))
    done = live(flow, ANSWERED, *heard_all(flow, "readings"), *pressed(2.5, "2"))
    done += go_on(flow, *heard_all(flow, "replay 1", first=3, at=3.0), *pressed(4.2, "2", "5"))
    assert said(flow, done) == ["readings", "offer", "replay 1", "closing"]
    assert orders(done)[-1] == Speak("4", parts(flow)["closing"], 0, lead_in=BREATH), "and no key cuts it"
    assert ActionCompleted(0, "say_code", None) in reports(go_on(flow, *heard_all(flow, "closing", first=4, at=5.0)))


def test_another_key_at_the_offer_is_followed_by_goodbye_where_nothing_else_comes() -> None:
    flow = closed(times=1, replay=Replay("2"))
    done = live(flow, ANSWERED, *heard_all(flow, "readings", "offer"), *pressed(3.5, "9"))
    assert said(flow, done) == ["readings", "offer", "closing"]


def test_goodbye_is_said_in_the_language_that_was_chosen_and_a_choice_during_it_reads_again() -> None:
    flow = closed(times=1, gate=Gate("2"), replay=Replay("1"), languages=GERMAN)
    done = live(flow, ANSWERED, *pressed(2.0, "5"), *heard_all(flow, "readings 5", "offer 5", first=2, at=2.0))
    done += go_on(flow, (4.0 + TO_REPLAY, PASSES))
    assert said(flow, done) == ["gate", "readings 5", "offer 5", "closing 5"]
    assert said(flow, go_on(flow, *pressed(9.5, "5"))) == ["replay 1 5"]


@pytest.mark.parametrize("options", [{"gate": Gate()}, {"languages": GERMAN}], ids=["a gate", "languages"])
def test_without_a_replay_goodbye_follows_the_readings(options: dict[str, Any]) -> None:
    flow = closed(times=1, **options)
    gate = heard(1, step_of(flow).gate, 1.0)
    opens = pressed(2.5, "1") if "gate" in options else [(2.0 + TO_CHOOSE, PASSES)]
    done = live(flow, ANSWERED, *gate, *opens, *heard_all(flow, "readings", first=2, at=5.0), *pressed(6.5, "1", "5"))
    assert said(flow, done) == ["gate", "readings", "closing"]


def test_whoever_does_not_pass_the_gate_hears_its_failure_and_no_other_goodbye() -> None:
    flow = closed(gate=Gate("1", tries=1))
    done = live(flow, ANSWERED, *pressed(2.0, "3"), *heard(2, step_of(flow).failure, 2.0))
    assert said(flow, done) == ["gate", "failure"]
    assert flow.deadline == 3.0 + flow.plan.tail


def test_a_goodbye_that_a_hold_cuts_is_said_again_and_the_code_is_not() -> None:
    flow = outbound(SayCode(OtpCode("482"), times=1), locales=CLOSING)
    (script,) = flow.scripts
    live(flow, ANSWERED, *heard(1, script, 1.0, upto=len(script) - 1))
    go_on(flow, (3.0, CallHeld(1003.0)))
    (order,) = orders(go_on(flow, (9.0, CallResumed(1009.0))))
    assert isinstance(order, Speak)
    assert order.start == len(script) - 1
    assert (flow.proof.readings, flow.proof.complete) == (1, True)


# --- what counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"gate": Gate()}, {"replay": Replay(limit=3)}, {"languages": GERMAN}, {"gate": Gate("any")}], ids=repr
)
def test_readings_by_request_are_not_due_nor_those_in_other_languages(options: dict[str, Any]) -> None:
    flow = coded(times=2, **options)
    assert flow.proof.expected == 2
    assert (flow.proof.spoken, flow.proof.delivered) == (True, False)


def test_what_is_read_once_more_does_not_stand_in_for_what_was_due() -> None:
    flow = outbound(SayCode(OtpCode("482"), times=1, replay=Replay()), SayCode(OtpCode("482"), times=2))
    live(flow, ANSWERED, *heard_all(flow, "readings"))
    assert (flow.proof.readings, flow.proof.expected, flow.proof.complete) == (1, 3, False)


# --- over holds and hang-ups ------------------------------------------------------------------------------------------

Place = Callable[[CallFlow], list[Told]]


def _full() -> CallFlow:
    return coded(BYE, times=1, gate=Gate(), replay=Replay("2"), languages=GERMAN)


def _through(flow: CallFlow, *names: str, upto: int | None = None) -> list[Told]:
    """The gate is passed by its key, and these parts are played, the last one up to some piece."""
    told = [ANSWERED, *heard(1, step_of(flow).gate, 1.0), *pressed(3.0, "1")]
    for i, name in enumerate(names):
        last = i == len(names) - 1
        told += heard(2 + i, parts(flow)[name], 3.0 + i, upto=upto if last else None)
    return told


PLACES: dict[str, tuple[Place, str]] = {
    "in the question": (lambda flow: [ANSWERED, *heard(1, step_of(flow).gate, 1.0, upto=0)], "gate"),
    "in the readings": (lambda flow: _through(flow, "readings", upto=1), "readings"),
    "in the offer": (lambda flow: _through(flow, "readings", "offer", upto=0), "offer"),
    "in a replay": (
        lambda flow: [
            *_through(flow, "readings", "offer", upto=0),
            *pressed(5.0, "2"),
            *heard(4, parts(flow)["replay 1"], 5.0, upto=0),
        ],
        "replay 1",
    ),
    "in the failure": (
        lambda flow: [ANSWERED, *pressed(2.0, "3", "3"), *heard(3, step_of(flow).failure, 2.0, upto=0)],
        "failure",
    ),
}
WAITS: dict[str, Place] = {
    "behind the question": lambda flow: [ANSWERED, *heard(1, step_of(flow).gate, 1.0)],
    "behind the offer": lambda flow: _through(flow, "readings", "offer"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_hold_cuts_is_said_again_after_it(place: str) -> None:
    told, name = PLACES[place]
    flow = _full()
    live(flow, *told(flow))
    done = go_on(flow, (20.0, CallHeld(1020.0)))
    assert flow.deadline == 1.0 + flow.plan.max_duration, "only the limit of the call runs"
    (cut,) = orders(done)
    assert isinstance(cut, StopSpeaking)
    (order,) = orders(go_on(flow, (50.0, CallResumed(1050.0))))
    assert isinstance(order, Speak)
    assert (order.script, order.utterance_id) == (parts(flow)[name], str(int(cut.utterance_id) + 1))
    assert order.lead_in == flow.plan.lead_in
    assert not secret(order.script[: order.start]), "and no reading is begun in its middle"


@pytest.mark.parametrize("place", WAITS)
def test_a_wait_for_a_key_ends_during_a_hold_and_nothing_is_said_until_it_is_over(place: str) -> None:
    flow = _full()
    live(flow, *WAITS[place](flow))
    due = flow.deadline
    assert due is not None
    assert orders(go_on(flow, (due - 1.0, CallHeld(BEGAN)), (due, PASSES))) == []
    (order,) = orders(go_on(flow, (due + 9.0, CallResumed(BEGAN))))
    assert isinstance(order, Speak)
    assert not secret(order.script)


@pytest.mark.parametrize("place", [*PLACES, *WAITS])
def test_who_hangs_up_ends_it_wherever_it_stands(place: str) -> None:
    flow = _full()
    live(flow, *(WAITS[place] if place in WAITS else PLACES[place][0])(flow))
    done = go_on(flow, (20.0, CallEnded(1020.0, cause=16, by_callee=True)))
    assert [order for order in orders(done) if not isinstance(order, StopSpeaking)] == []
    assert (outcome(flow).class_, outcome(flow).ended_by) == (OutcomeClass.COMPLETED, EndedParty.CALLEE)


@pytest.mark.parametrize("place", [*PLACES, *WAITS])
def test_a_hang_up_by_request_ends_it_wherever_it_stands(place: str) -> None:
    flow = _full()
    live(flow, *(WAITS[place] if place in WAITS else PLACES[place][0])(flow))
    done = go_on(flow, (20.0, HangupAsked(1020.0, OwnAction.HANG_UP_BY_API)), (20.1, CallEnded(1020.1, cause=16)))
    assert orders(done)[-1] == HangUp(OwnAction.HANG_UP_BY_API)
    assert outcome(flow).ended_by is EndedParty.API


def test_a_code_whose_first_reading_was_cut_by_a_hang_up_is_not_delivered() -> None:
    flow = _full()
    live(flow, *_through(flow, "readings", upto=3), (9.0, CallEnded(1009.0, cause=16, by_callee=True)))
    assert flow.proof.delivered is False


def test_no_code_can_be_read_off_what_is_said_around_it() -> None:
    flow = coded(gate=Gate(), replay=Replay(), languages=GERMAN)
    for name in ("gate", "failure", "offer", "offer 5"):
        assert not secret(parts(flow)[name])
    assert "'4'" not in repr(flow.steps)
    assert "482" not in repr(flow.steps)
