"""Each documented number, called by a whole session: what the page says of it is what the summary says."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from otpvoice.core.actions import Gate, Gather, Pause, Replay, Say, SayCode, SendDigits
from otpvoice.core.digits import DigitRules
from otpvoice.core.e164 import is_e164
from otpvoice.core.events import (
    ActionCompleted,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    CharacterPlayed,
    CodeDelivered,
    CodeReplayed,
    DigitReceived,
    KeyPressed,
    OnSecond,
    OriginateAccepted,
    PiecePlayed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.outcome import OwnAction
from otpvoice.core.secret import OtpCode
from otpvoice.rehearsal.numbers import TABLE, markdown
from tests.rehearsal.rig import READ, Rehearsal, Voice, rehearse, verdict
from tests.rehearsal.virtual import in_no_time

RANG = ["dialing", "ringing", "ended"]
DID_NOT_RING = ["dialing", "ended"]
TALKED = ["dialing", "ringing", "answered", "ended"]
PLAN = ("completed", None, "plan")
SOMEBODY = "+12025550123"


def collected(digits: str, ended_by: str, tries: int, *, valid: bool) -> dict[str, Any]:
    whole = {"tag": None, "digits": digits, "count": len(digits), "ended_by": ended_by, "valid": valid}
    return whole | {"tries": tries, "ignored": 0}


SHORT = {key: collected(key, "inter_digit_timeout", 2, valid=False) for key in "0123456789"}
WHOLE = "123456"
ENDS: dict[str, tuple[tuple[str, str | None, str], int | None, list[str], bool, list[dict[str, Any]]]] = {
    "+12025550100": (PLAN, None, TALKED, True, [collected("", "no_input", 2, valid=False)]),
    "+12025550101": (("busy", None, "callee"), 486, DID_NOT_RING, False, []),
    "+12025550102": (("no_answer", None, "callee"), 480, RANG, False, []),
    "+12025550103": (("rejected", "declined", "callee"), 603, RANG, False, []),
    "+12025550104": (("invalid_number", None, "callee"), 404, DID_NOT_RING, False, []),
    "+12025550105": (("unreachable", None, "callee"), 480, DID_NOT_RING, False, []),
    "+12025550106": (("failed", "congestion", "callee"), 503, DID_NOT_RING, False, []),
    "+12025550107": (("completed", None, "callee"), None, TALKED, False, []),
    "+12025550108": (PLAN, None, TALKED, True, [collected(WHOLE, "terminator", 1, valid=True)]),
    "+12025550109": (PLAN, None, TALKED, True, [collected(WHOLE, "terminator", 2, valid=True)]),
    **{f"+1202555011{key}": (PLAN, None, TALKED, True, [SHORT[key]]) for key in "0123456789"},
    "+12025550120": (("no_answer", None, "timeout"), None, RANG, False, []),
    # And whoever is not in the table.
    SOMEBODY: (PLAN, None, TALKED, True, [SHORT["1"]]),
    "100": (PLAN, None, TALKED, True, [SHORT["1"]]),
}


@pytest.mark.parametrize("number", [*(row.number for row in TABLE), SOMEBODY, "100"])
def test_a_number_does_what_is_said_of_it(number: str) -> None:
    outcome, sip_status, states, delivered, keys = ENDS[number]
    call, summary = in_no_time(rehearse(number))
    assert verdict(summary) == outcome
    assert summary["outcome"]["sip_status"] == sip_status
    assert summary["outcome"]["cause"] is not None
    assert list(dict.fromkeys([*(state.value for _, state in call.seen), summary["state"]])) == states
    assert (summary["delivered"], summary["test"], summary["errors"]) == (delivered, True, [])
    assert summary["collected"] == keys


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.number)
def test_the_table_says_how_it_ends(row: Any) -> None:
    (line,) = (line for line in markdown().splitlines() if row.number in line)
    summary = in_no_time(rehearse(row.number))[1]
    class_, reason = re.findall(r"\| `(\w+)` \| (.*?) ?\|$", line)[0]
    assert (class_, reason.strip("`") or None) == verdict(summary)[:2]


def test_the_numbers_are_those_that_are_kept_for_fiction() -> None:
    numbers = [row.number for row in TABLE]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert is_e164(number)
        assert re.fullmatch(r"\+120255501\d\d", number)


def test_a_call_is_told_in_the_order_of_any_call() -> None:
    """With a beginning, a middle and an end, each of them told by the line or by the flow as for a telephone."""
    call, summary = in_no_time(rehearse("+12025550108", SayCode(OtpCode("482"), times=1), Say("Hello.")))
    assert [type(event) for event, _ in call.seen] == [
        CallDialed,
        OriginateAccepted,
        CallProgressed,
        CallAnswered,
        SpeakingStarted,
        PiecePlayed,
        PiecePlayed,
        CharacterPlayed,
        PiecePlayed,
        CharacterPlayed,
        PiecePlayed,
        CharacterPlayed,
        CodeDelivered,
        SpeakingFinished,
        ActionCompleted,
        SpeakingStarted,
        PiecePlayed,
        SpeakingFinished,
        ActionCompleted,
        # It has become quiet, and the tail is longer than a callee's patience.
        *([DigitReceived, KeyPressed] * len("123456#")),
        CallEnded,
    ]
    assert summary["played"]["readings"] == 1
    assert summary["played"]["complete"]
    ats = [event.at for event in call.told if not isinstance(event, OnSecond)]
    assert ats == sorted(ats)


def test_who_hangs_up_in_the_middle_has_heard_half_of_a_reading() -> None:
    summary = in_no_time(rehearse("+12025550107"))[1]
    assert [digit["position"] for digit in summary["played"]["digits"]] == [1, 2]
    assert summary["played"]["readings"] == 0


def test_who_hangs_up_in_the_middle_passes_the_gate_before() -> None:
    gated = SayCode(OtpCode("4829"), gate=Gate())
    summary = in_no_time(rehearse("+12025550107", gated))[1]
    assert verdict(summary) == ("completed", None, "callee")
    assert [digit["position"] for digit in summary["played"]["digits"]] == [1, 2]


@pytest.mark.parametrize(
    ("number", "delivered", "readings", "errors"),
    [
        (SOMEBODY, True, 1, []),
        ("+12025550111", True, 1, []),
        ("+12025550108", True, 1, []),
        ("+12025550112", False, 0, ["gate_not_passed"]),
        ("+12025550100", False, 0, ["gate_not_passed"]),
    ],
)
def test_a_gate_opens_for_its_key(number: str, delivered: bool, readings: int, errors: list[str]) -> None:
    gated = SayCode(OtpCode("4829"), gate=Gate(key="1"), times=1)
    summary = in_no_time(rehearse(number, gated))[1]
    assert (summary["delivered"], summary["played"]["readings"]) == (delivered, readings)
    assert [error["code"] for error in summary["errors"]] == errors


@pytest.mark.parametrize(("number", "replays"), [("+12025550100", 0), (SOMEBODY, 2), ("+12025550115", 0)])
def test_whoever_presses_the_key_of_the_replay_hears_it_again(number: str, replays: int) -> None:
    call, summary = in_no_time(rehearse(number, SayCode(OtpCode("4829"), times=1, replay=Replay(key="1", limit=2))))
    assert call.happened(CodeReplayed) == replays
    assert summary["played"]["readings"] == 1 + replays


def test_a_question_without_a_word_is_understood_as_well() -> None:
    """It is quiet from the answer on."""
    ask = Gather(DigitRules(max_digits=1), sensitive=False)
    summary = in_no_time(rehearse("+12025550117", ask))[1]
    assert summary["collected"] == [collected("7", "max_digits", 1, valid=True)]


def test_nobody_presses_a_key_in_a_pause_or_while_something_is_said() -> None:
    call, _ = in_no_time(rehearse(SOMEBODY, Say("Hello."), Pause(30.0), Say("Bye."), tail=0.0))
    assert call.happened(DigitReceived) == 0


def test_keys_that_we_press_reach_nobody_and_break_nothing() -> None:
    summary = in_no_time(rehearse("+12025550100", SendDigits("12w#"), Say("Hello.")))[1]
    assert (verdict(summary), summary["errors"]) == (PLAN, [])


def test_a_call_that_rings_on_can_be_called_off() -> None:
    async def story() -> tuple[str, str | None, str]:
        call = Rehearsal("+12025550120")
        running = asyncio.create_task(call.run())
        while not call.happened(CallProgressed):  # noqa: ASYNC110 - its time is skipped
            await asyncio.sleep(0.01)
        call.session.hang_up(OwnAction.HANG_UP_BY_API)
        return verdict(await running)

    assert in_no_time(story()) == ("canceled", None, "api")


def test_what_is_said_takes_a_twentieth_of_its_time_and_what_is_waited_for_all_of_it() -> None:
    call, summary = in_no_time(rehearse("+12025550100", Say("Hello."), Pause(39.0), tail=2.0, lead_in=0.0))
    # Half a second of a word, 39 s of a pause behind a breath of 0.4 s, and twice the lead-out.
    assert summary["talk_ms"] == pytest.approx(1000 * ((0.5 + 0.4 + 39.0 + 2 * 0.2) / 20 + 2.0), abs=5)
    assert summary["ring_ms"] == 20
    lengths = [event.seconds for event in call.told if isinstance(event, SpeakingStarted)]
    assert lengths == pytest.approx([0.7, 39.6])


def test_the_same_call_is_the_same_story() -> None:
    def story() -> list[Any]:
        return in_no_time(rehearse("+12025550109"))[0].told

    assert story() == story()


async def test_it_also_works_while_real_time_passes() -> None:
    async with asyncio.timeout(10):
        summary = (await rehearse("+12025550108", READ, Gather(DigitRules(max_digits=6), sensitive=False), tail=0.0))[1]
    assert verdict(summary) == PLAN
    assert summary["delivered"]
    assert summary["collected"][0]["digits"] == WHOLE


@pytest.mark.parametrize("fallback", [None, "espeak"])
def test_who_stood_in_for_a_voice_is_told_as_of_any_call(fallback: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Voice, "fallback", fallback)
    _, summary = in_no_time(rehearse(SOMEBODY))
    assert summary["speech"]["fallback"] == fallback
