"""What somebody answers who was asked what comes next: done, or told as what it was, and never repeated."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.webhooks import Answered, NotAnswered, Reply
from otpvoice.core.actions import Action, Dial, Gate, Hangup, Pause, Say, SayCode
from otpvoice.core.chance import KEYS
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import OtpCode
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native_events import Envelope
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, ProblemFound
from otpvoice.dialects.spelling import Teller
from otpvoice.interview import Interview
from otpvoice.session import NoAnswer
from tests.web.world import logged

HOOK: Final = "https://hooks.example/otp?token=t0ken"
QUESTION: Final = Envelope("evt_1_3", 3, "digits.collected", b'{"type": "digits.collected"}')
SHOWN: Final = "+442079460000"
PLAN: Final = CallPlan(
    "+442079460123", SHOWN, "default", "en-US", (Say("Hello."),), webhook=Webhook(HOOK, timeout=7.0), shown=SHOWN
)
DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default", ("+442079460000",))}, destinations=Destinations(("+44",)), language="en-US"
)
REHEARSED: Final = replace(DEFAULTS, destinations=Destinations(("+44", "+12025550100")))
CODE: Final = "918273"


@dataclass
class Hook:
    """An endpoint that says one thing."""

    reply: Reply
    asked: list[tuple[str, str, str, bytes, float]] = field(default_factory=list)

    auths: list[str | None] = field(default_factory=list)

    async def ask(
        self, account: str, url: str, event_id: str, body: bytes, seconds: float, /, *, auth: str | None = None
    ) -> Reply:
        self.asked.append((account, url, event_id, body, seconds))
        self.auths.append(auth)
        return self.reply


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """All that is logged."""
    with logged() as output:
        yield output


def a_record(plan: CallPlan = PLAN, *, test: bool = False) -> CallRecord:
    proof = CallFlow(plan, load_locales()).proof
    return CallRecord("call_1", "shop", "http", plan, proof, "node", "otp-1", 1_800_000_000.0, test=test)


async def test_an_answer_of_a_test_call_may_name_a_scripted_callee() -> None:
    body = {"actions": [{"type": "dial", "to": "+12025550100"}]}
    assert await answered(body, test=True) == (Dial("+12025550100", "+442079460000"),)
    with pytest.raises(NoAnswer) as refused:
        await answered(body)
    assert "$.actions[0].to is" in refused.value.message


def interview(hook: Hook, question: Envelope | None = QUESTION) -> Interview:
    return Interview(hook, {"call_1": question}.get, {"shop": DEFAULTS}, {"shop": REHEARSED})


async def answered(body: bytes | dict[str, Any], *, test: bool = False) -> Any:
    """What comes of an answer."""
    hook = Hook(Answered(body if isinstance(body, bytes) else json.dumps(body).encode()))
    return await interview(hook).ask(a_record(test=test))


async def refused(body: bytes | dict[str, Any]) -> NoAnswer:
    with pytest.raises(NoAnswer) as raised:
        await answered(body)
    return raised.value


async def test_what_is_asked_is_the_question_as_it_is_kept() -> None:
    hook = Hook(Answered(b""))
    await interview(hook).ask(a_record())
    assert hook.asked == [("shop", HOOK, "evt_1_3", QUESTION.body, 7.0)]


class Shouted:
    """A spelling that is none of ours: an answer is a text to speak, or in capitals a word for what is wrong."""

    def teller(self) -> Teller:
        raise AssertionError("nobody tells anything here")

    def actions(
        self, body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
    ) -> tuple[Action, ...]:
        if body.isupper():
            fault = Fault.DESTINATION_NOT_ALLOWED if body == b"THERE" else Fault.INVALID
            raise ProblemFound(fault, [Problem("$.x", body.decode().lower(), "is wrong")])
        return (Say(f"{asked}: {body.decode()}", language=defaults.language),)


SHOUTED = replace(PLAN, webhook=Webhook(HOOK, (), True, 7.0, spelling="shouted", auth="sealed"))


async def shouted(body: bytes) -> tuple[Hook, Any]:
    hook = Hook(Answered(body))
    asker = Interview(hook, {"call_1": QUESTION}.get, {"shop": DEFAULTS}, {"shop": REHEARSED}, {"shouted": Shouted()})
    return hook, await asker.ask(a_record(SHOUTED))


async def test_an_answer_is_read_as_it_is_spelled_at_that_webhook() -> None:
    hook, answered = await shouted(b"hello")
    assert answered == (Say(f"{QUESTION.type}: hello", language=DEFAULTS.language),)
    assert hook.auths == ["sealed"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"THERE", "destination_not_allowed"),
        (b"CALLER_ID_NOT_ALLOWED", "caller_id_not_allowed"),
        (b"SCENARIO_INVALID", "scenario_invalid"),
        (b"UNSUPPORTED_STATE", "unsupported_state"),
        (b"RANGE", "answer_invalid"),
    ],
)
async def test_what_is_wrong_there_has_a_word_of_its_own_where_others_have_one_for_it(body: bytes, code: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        await shouted(body)
    assert raised.value.code == code


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}", b'{"actions": []}'])
async def test_nothing_is_an_answer_and_means_no_more(body: bytes) -> None:
    assert await answered(body) == ()


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([{"type": "say", "text": "Hi."}], (Say("Hi."),)),
        ([{"type": "pause", "seconds": 1}, {"type": "hangup"}], (Pause(1.0), Hangup())),
        ([{"type": "say_code", "code": CODE, "times": 1}], (SayCode(OtpCode(CODE), times=1),)),
        ([{"type": "dial", "to": "+442079460199"}], (Dial("+442079460199", "+442079460000"),)),
    ],
)
async def test_what_is_answered_comes_next(actions: list[dict[str, Any]], expected: Any) -> None:
    assert await answered({"actions": actions}) == expected


async def test_a_random_key_is_drawn_for_each_answer() -> None:
    body = {"actions": [{"type": "say_code", "code": CODE, "gate": {"key": "random"}}]}
    drawn = {(await answered(body))[0].gate.key for _ in range(200)}
    assert drawn <= set(KEYS)
    assert len(drawn) > 1


async def test_in_a_rehearsal_the_key_is_the_one_that_the_scripted_callee_presses() -> None:
    body = {"actions": [{"type": "say_code", "code": CODE, "gate": {"key": "random"}}]}
    assert {(await answered(body, test=True))[0].gate for _ in range(30)} == {Gate(key="1")}


@pytest.mark.parametrize("reason", ["timeout", "http_500", "too_large", "connection_refused"])
async def test_who_does_not_answer_is_told_as_that(reason: str, log: io.StringIO) -> None:
    hook = Hook(NotAnswered(reason))
    with pytest.raises(NoAnswer) as raised:
        await interview(hook).ask(a_record())
    assert (raised.value.code, raised.value.message) == (
        "not_answered",
        f"the webhook did not say what comes next: {reason}",
    )
    assert "t0ken" not in log.getvalue() + raised.value.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"Thank you!", "$ is not JSON"),
        (b"<html>918273</html>", "$ is not JSON"),
        (b"[]", "$ must be an object"),
        (b'"918273"', "$ must be an object"),
        (b"\xff918273", "$ is not UTF-8"),
        (b'{"actions": 5}', "$.actions"),
        (b'{"actions": null}', "$.actions must be a list"),
        (b'{"action": []}', "$.action "),
        ({"actions": [{"type": "say"}]}, "$.actions[0].text"),
        ({"actions": [{"type": "sing", "text": CODE}]}, "$.actions[0].type"),
        ({"actions": [{"type": "say_code", "code": CODE + "-!"}]}, "$.actions[0].code"),
        ({"actions": [{"type": "say_code", "code": CODE, "times": 99}]}, "$.actions[0].times"),
        ({"actions": [{"type": "hangup"}, {"type": "pause", "seconds": -1}]}, "$.actions[1].seconds"),
        ({"actions": [{"type": "hangup"}] * 51}, "$.actions"),
        ({"to": "+442079460123", "code": CODE}, "$."),
        ({CODE: 1}, "$"),
        ({"actions": [{"type": "say", "text": "Hi.", CODE: CODE}]}, "$.actions[0]"),
        ({"actions": [{"type": "play", "url": f"https://files.example/{CODE}.wav"}]}, "$.actions[0].url"),
        ({"actions": [{"type": "dial", "to": "+33123456789"}]}, "$.actions[0].to"),
        ({"actions": [{"type": "dial", "to": f"+44\n{CODE}"}]}, "$.actions[0].to"),
        ({"actions": [{"type": "dial", "to": "+442079460199", "from": "+33123456789"}]}, "$.actions[0].from"),
        ({"actions": [{"type": "stream", "url": f"wss://media.example/{CODE}"}]}, "$.actions[0]"),
    ],
)
async def test_what_can_not_be_used_is_told_where_it_is_wrong_and_not_repeated(
    body: bytes | dict[str, Any], told: str, log: io.StringIO
) -> None:
    raised = await refused(body)
    assert raised.code == "answer_invalid"
    assert raised.message.startswith("the webhook's answer can't be used: $")
    assert told in raised.message
    seen = raised.message + repr(raised) + repr(raised.__cause__) + log.getvalue()
    assert CODE not in seen
    assert "+33123456789" not in seen
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["call"]) == ("interview.not_understood", "call_1")
    assert line["problems"]


async def test_of_many_things_that_are_wrong_three_are_told() -> None:
    raised = await refused({"actions": [{"type": "x"}] * 10})
    assert raised.message.count("$.actions[") == 3


@pytest.mark.parametrize(
    ("question", "plan"), [(None, PLAN), (QUESTION, replace(PLAN, webhook=None)), (None, replace(PLAN, webhook=None))]
)
async def test_where_there_is_nobody_to_ask_nobody_is_asked(question: Envelope | None, plan: CallPlan) -> None:
    hook = Hook(Answered(b""))
    with pytest.raises(NoAnswer) as raised:
        await interview(hook, question).ask(a_record(plan))
    assert raised.value.code == "nobody_to_ask"
    assert not hook.asked
