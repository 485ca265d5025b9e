"""What ends a collection of keys, and what counts: rows of (second, key), then properties over any row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otpvoice.core.digits import KEYPAD, MOST_KEYS, Collected, DigitCollector, DigitRules, EndedBy
from otpvoice.core.secret import Keys

ARM = "arm"
TIME_PASSES = "time passes"
Step: TypeAlias = tuple[float, str]  # the second; then a key, ARM, or TIME_PASSES (call expire)

THREE = DigitRules(max_digits=3)
TWO_TO_FOUR = DigitRules(min_digits=2, max_digits=4)
KEPT = DigitRules(min_digits=2, max_digits=4, terminators="#*", keep_terminator=True)
BY_HASH = DigitRules()
SHORT = DigitRules(max_digits=6, first_digit_timeout=8, inter_digit_timeout=4, overall_timeout=10)


def tell(collector: DigitCollector, now: float, what: str) -> Collected | None:
    if what == ARM:
        collector.arm(now)
        return None
    return collector.expire(now) if what == TIME_PASSES else collector.press(what, now)


def run(rules: DigitRules, steps: Sequence[Step]) -> Collected | None:
    """Drive a collector up to its end; what comes after it must do nothing."""
    collector, result = DigitCollector(rules), None
    for now, what in steps:
        told = tell(collector, now, what)
        assert result is None or told is None
        result = result or told
    return result


def got(keys: str, ended_by: EndedBy, *, valid: bool = True, ignored: int = 0, by: str = "#") -> Collected:
    return Collected(Keys(keys), ended_by, valid, ignored, Keys(by) if ended_by is EndedBy.TERMINATOR else None)


@pytest.mark.parametrize(
    ("rules", "steps", "expected"),
    [
        # by a key
        (THREE, [(0, ARM), (1, "1"), (2, "2"), (3, "3")], got("123", EndedBy.MAX_DIGITS)),
        (THREE, [(0, ARM), (1, "1"), (2, "2"), (3, "#")], got("12", EndedBy.TERMINATOR)),
        (THREE, [(0, ARM), (1, "#")], got("", EndedBy.TERMINATOR, valid=False)),
        (TWO_TO_FOUR, [(0, ARM), (1, "1"), (2, "#")], got("1", EndedBy.TERMINATOR, valid=False)),
        (DigitRules(min_digits=0), [(0, ARM), (1, "#")], got("", EndedBy.TERMINATOR)),
        (DigitRules(terminators="#*"), [(0, ARM), (1, "7"), (2, "*")], got("7", EndedBy.TERMINATOR, by="*")),
        (DigitRules(valid_digits="12#"), [(0, ARM), (1, "1"), (2, "#")], got("1", EndedBy.TERMINATOR)),
        (DigitRules(max_digits=1, valid_digits="#", terminators=""), [(0, "#")], got("#", EndedBy.MAX_DIGITS)),
        (DigitRules(max_digits=2, valid_digits="AD"), [(0, "A"), (0, "D")], got("AD", EndedBy.MAX_DIGITS)),
        # a terminator that is kept is among the keys, and still none that the rules ask for
        (KEPT, [(0, ARM), (1, "1"), (2, "2"), (3, "#")], got("12#", EndedBy.TERMINATOR)),
        (KEPT, [(0, ARM), (1, "1"), (2, "#")], got("1#", EndedBy.TERMINATOR, valid=False)),
        (KEPT, [(0, ARM), (1, "*")], got("*", EndedBy.TERMINATOR, valid=False, by="*")),
        (KEPT, [(0, ARM), *[(1, "5")] * 4], got("5555", EndedBy.MAX_DIGITS)),
        # by time
        (THREE, [(0, ARM), (8, TIME_PASSES)], got("", EndedBy.NO_INPUT, valid=False)),
        (DigitRules(min_digits=0), [(0, ARM), (8, TIME_PASSES)], got("", EndedBy.NO_INPUT)),
        (TWO_TO_FOUR, [(0, ARM), (1, "1"), (5, TIME_PASSES)], got("1", EndedBy.INTER_DIGIT_TIMEOUT, valid=False)),
        (TWO_TO_FOUR, [(0, ARM), (1, "1"), (2, "2"), (6, TIME_PASSES)], got("12", EndedBy.INTER_DIGIT_TIMEOUT)),
        (SHORT, [(0, ARM), (3, "1"), (6, "2"), (9, "3"), (10, TIME_PASSES)], got("123", EndedBy.OVERALL_TIMEOUT)),
        (TWO_TO_FOUR, [(5, ARM), (12.9, TIME_PASSES), (13, TIME_PASSES)], got("", EndedBy.NO_INPUT, valid=False)),
        # keys that do not count move no timer
        (THREE, [(0, ARM), (7, "*"), (8, TIME_PASSES)], got("", EndedBy.NO_INPUT, valid=False, ignored=1)),
        (THREE, [(0, ARM), (1, "1"), (4, "A"), (5, TIME_PASSES)], got("1", EndedBy.INTER_DIGIT_TIMEOUT, ignored=1)),
        (THREE, [(0, ARM), *[(1, k) for k in ("a", "", "12", "٣", " ", "\n")], (2, "#")],
         got("", EndedBy.TERMINATOR, valid=False, ignored=6)),
        # before arm: no timer, but keys count
        (THREE, [(0, "1"), (99, "2"), (999, "3")], got("123", EndedBy.MAX_DIGITS)),
        (THREE, [(0, "1"), (1, "#")], got("1", EndedBy.TERMINATOR)),
        (THREE, [(0, "1"), (99, TIME_PASSES)], None),
        (THREE, [(0, "1"), (9, ARM), (12.9, TIME_PASSES)], None),
        (THREE, [(0, "1"), (9, ARM), (13, TIME_PASSES)], got("1", EndedBy.INTER_DIGIT_TIMEOUT)),
        (THREE, [(0, "*"), (9, ARM), (17, TIME_PASSES)], got("", EndedBy.NO_INPUT, valid=False, ignored=1)),
        (THREE, [(0, ARM), (5, ARM), (8, TIME_PASSES)], got("", EndedBy.NO_INPUT, valid=False)),
        # a deadline that nobody noticed wins over the key, whichever key
        (THREE, [(0, ARM), (8, "1")], got("", EndedBy.NO_INPUT, valid=False)),
        (THREE, [(0, ARM), (1, "1"), (5, "#")], got("1", EndedBy.INTER_DIGIT_TIMEOUT)),
        (THREE, [(0, ARM), (1, "1"), (5, "*")], got("1", EndedBy.INTER_DIGIT_TIMEOUT)),
        (THREE, [(0, ARM), (7.999, "1"), (11.998, "2"), (15.997, "3")], got("123", EndedBy.MAX_DIGITS)),
        # expired late, the timer that ran out first is the reason
        (SHORT, [(0, ARM), (1, "1"), (99, TIME_PASSES)], got("1", EndedBy.INTER_DIGIT_TIMEOUT)),
        (SHORT, [(0, ARM), (4, "1"), (7, "2"), (99, "3")], got("12", EndedBy.OVERALL_TIMEOUT)),
        # timers that end together
        (SHORT, [(0, ARM), (4, "1"), (6, "2"), (10, TIME_PASSES)], got("12", EndedBy.OVERALL_TIMEOUT)),
        (DigitRules(overall_timeout=8), [(0, ARM), (8, TIME_PASSES)], got("", EndedBy.OVERALL_TIMEOUT, valid=False)),
        (DigitRules(overall_timeout=2), [(0, ARM), (2, TIME_PASSES)], got("", EndedBy.OVERALL_TIMEOUT, valid=False)),
        # nothing more comes of it
        (THREE, [(0, ARM), (1, "1"), (2, "#"), (3, "2"), (4, "#"), (5, ARM), (99, TIME_PASSES)],
         got("1", EndedBy.TERMINATOR)),
        (BY_HASH, [(0, ARM)] + [(0, "5")] * 99, got("5" * MOST_KEYS, EndedBy.MAX_DIGITS)),
    ],
)  # fmt: skip
def test_what_ends_a_collection(rules: DigitRules, steps: list[Step], expected: Collected | None) -> None:
    assert run(rules, steps) == expected


@pytest.mark.parametrize(
    ("steps", "deadline", "count"),
    [
        ([], None, 0),
        ([(0, "1")], None, 1),
        ([(5, ARM)], 13, 0),
        ([(0, "1"), (5, ARM)], 9, 1),
        ([(5, ARM), (6, "1")], 10, 1),
        ([(5, ARM), (6, "1"), (8, "2")], 12, 2),
        ([(5, ARM), (6, "*")], 13, 0),
        ([(5, ARM), (9, ARM)], 13, 0),
        ([(0, ARM), (3, "1"), (6, "2"), (7, "3")], 10, 3),
        ([(5, ARM), (6, "#")], None, 0),
        ([(5, ARM), (13, TIME_PASSES)], None, 0),
        ([(5, "1"), (6, "#"), (7, ARM)], None, 1),
    ],
)
def test_when_it_wants_to_be_woken(steps: list[Step], deadline: float | None, count: int) -> None:
    collector = DigitCollector(SHORT)
    for now, what in steps:
        tell(collector, now, what)
    assert (collector.deadline, collector.count) == (deadline, count)


@pytest.mark.parametrize("ended_by", [EndedBy.HANGUP, EndedBy.CANCELED])
@pytest.mark.parametrize("armed", [True, False])
def test_an_end_from_outside_is_never_valid_and_keeps_the_keys(ended_by: EndedBy, armed: bool) -> None:
    collector = DigitCollector(TWO_TO_FOUR)
    if armed:
        collector.arm(0)
    for key in "1*23":
        collector.press(key, 1)
    assert collector.end(ended_by) == got("123", ended_by, valid=False, ignored=1)
    assert collector.end(ended_by) is None
    assert collector.press("#", 2) is None
    assert (collector.deadline, collector.count) == (None, 3)


@pytest.mark.parametrize("ended_by", [by for by in EndedBy if by not in {EndedBy.HANGUP, EndedBy.CANCELED}])
def test_only_the_collector_says_that_it_timed_out_or_was_complete(ended_by: EndedBy) -> None:
    with pytest.raises(ValueError, match=r"^ended_by: "):
        DigitCollector(THREE).end(ended_by)


def test_keys_do_not_show_in_any_text() -> None:
    collector = DigitCollector(THREE)
    collected = [collector.press(key, 0) for key in "918"][-1]
    assert collected is not None
    assert collected.keys.reveal() == "918"
    assert "918" not in f"{collected} {collected!r} {collector} {collector!r}"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("max_digits", {"max_digits": 0}),
        ("max_digits", {"max_digits": -1}),
        ("max_digits", {"max_digits": 65}),
        ("max_digits", {"terminators": ""}),
        ("min_digits", {"min_digits": -1}),
        ("min_digits", {"min_digits": 4, "max_digits": 3}),
        ("min_digits", {"min_digits": 65}),
        ("terminators", {"terminators": "#x"}),
        ("terminators", {"terminators": "a"}),
        ("valid_digits", {"valid_digits": "0-9"}),
        ("valid_digits", {"valid_digits": "٣"}),
        ("valid_digits", {"valid_digits": ""}),
        ("valid_digits", {"valid_digits": "#*", "terminators": "*#"}),
        *[
            (timeout, {timeout: seconds})
            for timeout in ("first_digit_timeout", "inter_digit_timeout", "overall_timeout")
            for seconds in (0, -1, math.inf, math.nan)
        ],
    ],
)
def test_wrong_rules_name_the_field(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        DigitRules(**wrong)


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"max_digits": 1},
        {"max_digits": 64, "min_digits": 64},
        {"max_digits": 4, "terminators": ""},
        {"min_digits": 0, "valid_digits": ""},
        {"valid_digits": "".join(sorted(KEYPAD))},
        {"first_digit_timeout": 100, "overall_timeout": 0.001},
    ],
)
def test_rules_that_are_odd_and_right(right: dict[str, Any]) -> None:
    assert DigitRules(**right).limit == right.get("max_digits", MOST_KEYS)


def test_the_defaults_are_those_of_the_http_api() -> None:
    assert DigitRules() == DigitRules(
        min_digits=1,
        max_digits=None,
        terminators="#",
        valid_digits="0123456789",
        first_digit_timeout=8.0,
        inter_digit_timeout=4.0,
        overall_timeout=60.0,
    )


# --- properties -----------------------------------------------------------------------------------------------------

keys = st.sampled_from([*sorted(KEYPAD), "a", "", "11"])
timeouts = st.sampled_from([0.5, 1.0, 2.0, 4.0, 9.0])  # coarse, so that timers tie


@st.composite
def any_rules(draw: st.DrawFn) -> DigitRules:
    most = draw(st.none() | st.integers(1, 6))
    valid = draw(st.sampled_from(["0123456789", "12", "0123456789*#ABCD", "*"]))
    terminators = draw(st.sampled_from(["#", "#*", "1"] if most is None else ["", "#", "#*", "1"]))
    assume(set(valid) - set(terminators))
    return DigitRules(
        min_digits=draw(st.integers(0, most or 6)),
        max_digits=most,
        terminators=terminators,
        valid_digits=valid,
        first_digit_timeout=draw(timeouts),
        inter_digit_timeout=draw(timeouts),
        overall_timeout=draw(timeouts),
    )


@st.composite
def any_steps(draw: st.DrawFn) -> list[Step]:
    whats = draw(st.lists(keys | st.sampled_from([ARM, TIME_PASSES]), max_size=40))
    now, steps = 0.0, []
    for what in whats:
        now += draw(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]))
        steps.append((now, what))
    return steps


@given(any_rules(), any_steps())
def test_whatever_is_pressed_the_result_keeps_the_rules(rules: DigitRules, steps: list[Step]) -> None:
    collected = run(rules, steps)
    if collected is None:
        return
    pressed = collected.keys.reveal()
    assert len(pressed) <= rules.limit
    assert set(pressed) <= set(rules.valid_digits) - set(rules.terminators)
    assert (len(pressed) == rules.limit) == (collected.ended_by is EndedBy.MAX_DIGITS)
    assert collected.valid == (len(pressed) >= rules.min_digits)
    if collected.ended_by is EndedBy.NO_INPUT:
        assert not pressed
    if collected.ended_by is EndedBy.INTER_DIGIT_TIMEOUT:
        assert pressed
    asked = [what for _, what in steps if what not in {ARM, TIME_PASSES}]
    assert len(pressed) + collected.ignored <= len(asked)


@given(any_rules(), any_steps())
def test_it_ends_exactly_once_and_is_deaf_after(rules: DigitRules, steps: list[Step]) -> None:
    collector = DigitCollector(rules)
    results: list[Collected] = []
    for now, what in [*steps, (1e6, ARM), (2e6, TIME_PASSES)]:
        if results:
            assert collector.deadline is None
        count = collector.count
        if result := tell(collector, now, what):
            results.append(result)
        if results and result is None:
            assert collector.count == count
    assert len(results) == 1
    assert collector.end(EndedBy.HANGUP) is None
    assert collector.count == len(results[0].keys)


@given(any_rules(), any_steps())
def test_the_deadline_lies_ahead_below_the_overall_limit_and_only_a_key_moves_it(
    rules: DigitRules, steps: list[Step]
) -> None:
    collector, armed_at = DigitCollector(rules), None
    for now, what in steps:
        before, count = collector.deadline, collector.count
        ended = tell(collector, now, what) is not None
        if what == ARM and armed_at is None:
            armed_at = now
        after = collector.deadline
        if armed_at is None or ended:
            assert after is None
        if ended:
            return
        if after is None:
            continue
        assert armed_at is not None
        assert after <= armed_at + rules.overall_timeout
        if before is not None and collector.count == count:
            assert after == before
        if before is not None and count:  # the first key swaps timers, and may bring the deadline nearer
            assert after >= before
        if what not in {ARM, TIME_PASSES}:
            assert after > now


@given(any_rules(), any_steps())
def test_a_timely_expiry_and_a_late_one_tell_the_same(rules: DigitRules, steps: list[Step]) -> None:
    """Waking it at every deadline, or leaving that to the next key, is the same to the callee."""
    timely, late = DigitCollector(rules), DigitCollector(rules)
    timely_result = late_result = None
    for now, what in [*steps, (1e6, ARM), (2e6, TIME_PASSES)]:
        if timely.deadline is not None and timely.deadline <= now:
            timely_result = timely_result or timely.expire(timely.deadline)
        timely_result = timely_result or tell(timely, now, what)
        late_result = late_result or (tell(late, now, what) if what != TIME_PASSES or now == 2e6 else None)
    assert timely_result == late_result is not None


@given(any_rules(), any_steps(), st.data())
def test_keys_that_are_ignored_change_nothing_but_their_count(
    rules: DigitRules, steps: list[Step], data: st.DataObject
) -> None:
    """Wherever they are put in, and in whatever order."""
    silent = [*sorted(KEYPAD - set(rules.valid_digits) - set(rules.terminators)), "a", "", "11"]
    collector, noisy = DigitCollector(rules), DigitCollector(rules)
    for now, what in steps:
        noise = data.draw(st.lists(st.sampled_from(silent), max_size=3))
        if noisy.deadline is None or now < noisy.deadline:
            before = noisy.deadline
            assert [noisy.press(key, now) for key in noise] == [None] * len(noise)
            assert noisy.deadline == before
        quiet_result, noisy_result = tell(collector, now, what), tell(noisy, now, what)
        assert (noisy.deadline, noisy.count) == (collector.deadline, collector.count)
        assert (quiet_result is None) == (noisy_result is None)
        if quiet_result is not None and noisy_result is not None:
            assert noisy_result.keys == quiet_result.keys
            assert (noisy_result.ended_by, noisy_result.valid) == (quiet_result.ended_by, quiet_result.valid)
            assert noisy_result.ignored >= quiet_result.ignored
            return


@given(any_rules(), st.permutations(["a", "", "11", "b", "c"]), st.sampled_from(["", "1", "2", "*"]))
def test_the_order_of_ignored_keys_is_of_no_account(rules: DigitRules, noise: list[str], key: str) -> None:
    def pressed(sequence: Sequence[str]) -> Collected | None:
        return run(rules, [(0.0, ARM), *((0.0, k) for k in sequence), (1e6, TIME_PASSES)])

    assert pressed([*noise, key]) == pressed([*sorted(noise), key])


def test_the_key_that_ended_it_is_printed_as_little_as_the_others() -> None:
    ended = run(DigitRules(terminators="789", valid_digits="456"), [(0, ARM), (1, "4"), (2, "9")])
    assert ended == Collected(Keys("4"), EndedBy.TERMINATOR, valid=True, ignored=0, terminator=Keys("9"))
    assert not {"4", "9"} & set(repr(ended) + str(ended))
