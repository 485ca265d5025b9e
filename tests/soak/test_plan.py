"""The plan of a soak: the same for the same seed, each trouble in it, and a last life that is long."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from tests.faults.needles import LEAST, Needles
from tests.soak.plan import DIGITS, ENDPOINT, MACHINERY, Ask, Callee, Kind, Trouble, asks, faults
from tests.soak.requests import answer_to, body_of, scenario_of, secrets_of

HALF_AN_HOUR = 1800.0
SEEDS = range(20)
KILLS = {Trouble.SERVICE_KILLED, Trouble.ASTERISK_KILLED}


def test_a_seed_repeats_the_run() -> None:
    assert list(asks(7, 60, 2)) == list(asks(7, 60, 2))
    assert list(asks(7, 60, 2)) != list(asks(8, 60, 2))
    assert faults(7, HALF_AN_HOUR) == faults(7, HALF_AN_HOUR) != faults(8, HALF_AN_HOUR)
    # Troubles of one line do not depend on whether the other one may come.
    alone = faults(7, HALF_AN_HOUR, frozenset(ENDPOINT))
    assert alone == [fault for fault in faults(7, HALF_AN_HOUR) if fault.trouble in ENDPOINT]


def test_calls_come_at_their_rate_and_of_all_kinds() -> None:
    planned = list(asks(1, HALF_AN_HOUR, 2.0))
    assert len(planned) == pytest.approx(3600, rel=0.1)
    assert [ask.at for ask in planned] == sorted(ask.at for ask in planned)
    assert all(0 < ask.at < HALF_AN_HOUR for ask in planned)
    assert len({ask.to for ask in planned}) == len(planned)
    assert set(Counter(ask.kind for ask in planned)) == set(Kind)
    assert set(Counter(ask.callee for ask in planned)) == set(Callee)
    assert any(ask.hasty is not None for ask in planned)


def test_its_secrets_can_be_looked_for_and_chance_finds_none() -> None:
    planned = list(asks(1, HALF_AN_HOUR, 2.0))
    secrets = [secret for ask in planned for secret in secrets_of(ask)]
    assert {len(secret) for secret in secrets} == {DIGITS}
    assert DIGITS >= LEAST
    needles = Needles(secrets)
    assert not needles.within(b"\n".join(f"{at}.{at % 1000:03}".encode() for at in range(1_764_000_000, 1_764_002_000)))
    assert not needles.within(b"\n".join(ask.to.encode() for ask in planned))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_trouble_comes_and_one_at_a_time_in_its_line(seed: int) -> None:
    planned = faults(seed, HALF_AN_HOUR)
    assert {fault.trouble for fault in planned} == set(Trouble)
    for line in (MACHINERY, ENDPOINT):
        mine = [fault for fault in planned if fault.trouble in line]
        assert all(former.at + former.lasts < later.at for former, later in itertools.pairwise(mine))
    assert all(fault.at > 0 and fault.at + fault.lasts < HALF_AN_HOUR for fault in planned)
    # Nobody is killed in the last third: a life that is long enough to see it grow.
    assert max(fault.at for fault in planned if fault.trouble in KILLS) < 0.65 * HALF_AN_HOUR


@pytest.mark.parametrize("seconds", [15.0, 60.0, 180.0])
def test_a_short_run_has_troubles_too_and_they_are_over_before_it_is(seconds: float) -> None:
    for seed in SEEDS:
        planned = faults(seed, seconds)
        assert len(planned) >= 2
        assert all(fault.at + fault.lasts < seconds for fault in planned)


def test_only_what_may_come_comes() -> None:
    killed = frozenset({Trouble.SERVICE_KILLED})
    assert {fault.trouble for fault in faults(1, 120, killed)} == killed
    assert faults(1, 120, frozenset()) == []


def an_ask(kind: Kind, callee: Callee = Callee.LISTENS) -> Ask:
    return Ask(17, 0.0, kind, callee, "2345678901", "9876543210", 0.5, 1.0, 486, None)


def test_what_is_asked_for_and_answered_is_what_the_plan_says() -> None:
    bodies = {kind: body_of(an_ask(kind), "http://127.0.0.1:1/hook", 1_764_000_000.0) for kind in Kind}
    assert all(body["metadata"] == {"number": 17} for body in bodies.values())
    assert bodies[Kind.INTERACTIVE]["webhook"]["interactive"] is True
    assert "actions" not in bodies[Kind.INTERACTIVE]
    assert bodies[Kind.WAITING]["dial"] is False
    assert bodies[Kind.WAITING]["valid_until"] == "2025-11-24T16:00:08.000+00:00"
    assert {body.get("to", "+15550000017") for body in bodies.values()} == {"+15550000017"}
    (spoken,) = answer_to(an_ask(Kind.INTERACTIVE), "call.answered")
    assert spoken["code"] == "2345678901"
    assert answer_to(an_ask(Kind.INTERACTIVE), "action.completed") == []


@pytest.mark.parametrize("callee", Callee)
@pytest.mark.parametrize("kind", Kind)
def test_each_callee_does_something(kind: Kind, callee: Callee) -> None:
    scenario = scenario_of(an_ask(kind, callee))
    steps = {Callee.LEAVES: 1, Callee.KEYS_FAST: 1, Callee.LISTENS: int(kind is Kind.GATHER)}
    assert len(scenario.steps) == steps.get(callee, 0)
