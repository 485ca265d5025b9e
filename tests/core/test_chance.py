"""Random keys of gates: drawn once, before anything is made, from what is free."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otpvoice.core.actions import ANY_KEY, RANDOM_KEY, Action, Gate, Gather, LanguageKey, Say, SayCode
from otpvoice.core.chance import KEYS, drawn, drawn_actions
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.secret import OtpCode
from tests.core.stories import outbound

RANDOM = SayCode(OtpCode("482"), gate=Gate(RANDOM_KEY, tries=3, timeout=5.0, failure=(Say("No."),)))


def last(keys: Sequence[str]) -> str:
    return keys[-1]


def gated(key: str) -> SayCode:
    return SayCode(OtpCode("482"), gate=Gate(key, tries=3, timeout=5.0, failure=(Say("No."),)))


def plan(*actions: Action, fallback: tuple[Action, ...] = ()) -> CallPlan:
    webhook = Webhook("https://shop.example", interactive=True, fallback=fallback) if fallback else None
    return CallPlan("+15550100", None, "default", "en", actions, webhook=webhook)


def test_a_random_key_becomes_the_one_that_is_drawn_and_nothing_else_changes() -> None:
    assert drawn(plan(RANDOM, Say("Bye.")), last) == plan(gated("9"), Say("Bye."))


def test_each_key_is_drawn_anew() -> None:
    keys = iter("37")
    assert drawn_actions((RANDOM, RANDOM), lambda _: next(keys)) == (gated("3"), gated("7"))


def test_the_fallback_has_random_keys_too() -> None:
    assert drawn(plan(Say("Hello."), fallback=(RANDOM,)), last) == plan(Say("Hello."), fallback=(gated("9"),))


@pytest.mark.parametrize(
    "action",
    [gated("1"), gated(ANY_KEY), SayCode(OtpCode("482")), Say("Hello."), Gather(DigitRules())],
    ids=lambda action: type(action).__name__,
)
def test_nothing_is_drawn_where_nothing_is_random(action: Action) -> None:
    def never(_: Sequence[str]) -> str:
        raise AssertionError("nothing is to be drawn")

    assert drawn(plan(action), never) == plan(action)


def test_it_is_drawn_from_digits_that_people_do_not_press_for_another_reason() -> None:
    seen: list[str] = []

    def first(keys: Sequence[str]) -> str:
        seen.append("".join(keys))
        return keys[0]

    drawn(plan(RANDOM), first)
    assert seen == [KEYS] == ["123456789"]


def test_a_key_that_chooses_a_language_is_not_drawn() -> None:
    languages = tuple(LanguageKey(key, "de") for key in "98#0")
    (action,) = drawn_actions((SayCode(OtpCode("482"), gate=Gate(RANDOM_KEY), languages=languages),), last)
    assert isinstance(action, SayCode)
    assert action.gate == Gate("7")
    assert action.languages == languages


def test_a_key_that_was_not_drawn_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="drawn before"):
        outbound(RANDOM)
