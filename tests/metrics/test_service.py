"""A whole service: a call changes exactly what it should, nothing else is told, and whoever is away hinders nobody."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from otpvoice.adapters.store import StoreUnavailable
from tests.metrics.samples import Samples, changes
from tests.metrics.service import CODE, KEY, NUMBER, OPENMETRICS, SECRET, TEST_KEY, TOKEN, Running, running

KEYS = "564738"


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(monkeypatch) as house:
        yield house


def split(said: Samples) -> tuple[Samples, Samples]:
    """Return counts, and sums of seconds."""
    sums = {name: number for name, number in said.items() if name.endswith("_sum") or "_sum{" in name}
    return {name: number for name, number in said.items() if name not in sums}, sums


def quick(*more: dict[str, Any]) -> dict[str, Any]:
    """Return a plan whose code is read in half a second."""
    code = {"type": "say_code", "code": CODE, "times": 1, "gap": 0, "group": 0, "speed": 2}
    return {"actions": [code, *more]}


async def spoken(house: Running, **more: Any) -> None:
    """Have a call that is answered, hears its code, presses keys and is hung up; wait until all of it was posted."""
    phone = house.asterisk.callee(NUMBER).anew().answers(after=0.02)
    plan = quick({"type": "gather", "max_digits": len(KEYS)})
    assert (await house.place(**plan, **more)).status == 202
    posted = len(house.sink.posted)
    await house.until(lambda said: said['otpvoice_calls_in_progress{state="answered"}'] == 1)
    await house.sink.until(lambda: any(b'"action.completed"' in one.body for one in house.sink.posted[posted:]))
    await phone.call.press(KEYS, on=0.02, off=0.06)
    await house.sink.until(lambda: any(b'"call.ended"' in one.body for one in house.sink.posted[posted:]))


async def test_a_call_changes_what_it_should_and_nothing_else(house: Running) -> None:
    before = await house.samples()
    await spoken(house)
    posted = len(house.sink.posted)
    delivered = 'otpvoice_webhook_deliveries_total{result="delivered"}'
    after = await house.until(
        lambda said: (
            said[delivered] - before[delivered] == posted
            and said["otpvoice_webhooks_pending"] == 0
            and said[legs(house, "free")] >= 2
            and said[legs(house, "taken")] == 0
        )
    )
    counts, sums = split(changes(before, after))
    counts = {name: number for name, number in counts.items() if not name.startswith("otpvoice_media_legs{")}
    counts = {name: number for name, number in counts.items() if not name.startswith("otpvoice_speech_")}
    whose = 'account="default",direction="outbound",door="http"'
    assert counts == {
        f'otpvoice_calls_total{{{whose},outcome="completed",reason="none"}}': 1,
        'otpvoice_dials_total{trunk="default"}': 1,
        'otpvoice_answers_total{trunk="default"}': 1,
        'otpvoice_codes_total{delivered="true"}': 1,
        'otpvoice_digits_collected_total{ended_by="max_digits"}': 1,
        "otpvoice_keys_total": len(KEYS),
        "otpvoice_ring_seconds_count": 1,
        "otpvoice_answer_seconds_count": 1,
        "otpvoice_first_audio_seconds_count": 1,
        "otpvoice_talk_seconds_count": 1,
        "otpvoice_webhook_seconds_count": posted,
        "otpvoice_webhook_lag_seconds_count": posted,
        delivered: posted,
        'otpvoice_http_requests_total{method="POST",route="/v1/calls",status="202"}': 1,
        'otpvoice_http_request_seconds_count{route="/v1/calls"}': 1,
    }
    assert all(0 < seconds < 10 for seconds in sums.values())
    assert sums["otpvoice_talk_seconds_sum"] > sums["otpvoice_first_audio_seconds_sum"]


def legs(house: Running, state: str) -> str:
    return f'otpvoice_media_legs{{node="{house.asterisk.url.removeprefix("http://")}",state="{state}"}}'


async def test_while_nothing_happens_nothing_changes(house: Running) -> None:
    before = await house.samples()
    after = await house.samples()
    assert changes(before, after) == {}
    assert before.keys() == after.keys()


async def test_nothing_that_was_asked_for_is_told(house: Running) -> None:
    await spoken(house, metadata={"order": TOKEN}, webhook={"url": house.sink.url(f"/other/{TOKEN}")})
    for wrong in ({"to": f"+1202{TOKEN}"}, {CODE: CODE}, {"code": [CODE]}):
        assert (await house.place(**wrong)).status == 422
    assert (await house.place(key=f"{KEY}{CODE}")).status == 401
    base = f"http://127.0.0.1:{house.service.port}"
    for path in (f"/{CODE}", f"/v1/calls/{NUMBER}", f"/metrics?{CODE}", f"/metrics/{CODE}"):
        async with house.http.get(base + path, headers={"Authorization": f"Bearer {KEY}"}) as response:
            assert response.status in {200, 404}
    numbers = (NUMBER, NUMBER[1:], "2025550199")
    secrets = (*numbers, CODE, KEYS, KEY, TEST_KEY, TOKEN, SECRET, house.asterisk.password)
    names = re.compile(rb"https?:|/hook|/other|(?:call|evt|stream)_[0-9a-f]{16,}")
    for accept in ("", OPENMETRICS):
        text, _ = await house.text(accept)
        assert not [secret for secret in secrets if secret.encode() in text]
        assert not names.findall(text)
    told_elsewhere = house.sink.posted[-1].body
    assert NUMBER.encode() in told_elsewhere
    assert names.search(told_elsewhere)


async def test_a_call_of_a_test_key_is_counted_apart(house: Running) -> None:
    before = await house.samples()
    assert (await house.place(key=TEST_KEY, to="+12025550100", **quick())).status == 202
    assert (await house.place(key=TEST_KEY, to="nobody")).status == 422
    name = 'otpvoice_test_calls_total{outcome="completed"}'
    after = await house.until(lambda said: said[name] == 1 and said["otpvoice_webhooks_pending"] == 0)
    counts, _ = split(changes(before, after))
    about = {name for name in counts if "webhook" not in name and "http_request" not in name and "speech" not in name}
    assert about == {name}


async def test_a_refusal_is_counted_by_its_reason_at_the_door(house: Running) -> None:
    before = await house.samples()
    assert (await house.place(code="1")).status == 422
    assert (await house.place(to="+442079460123", code=CODE)).status == 403
    assert (await house.place(key="nobody's")).status == 401
    house.asterisk.inbound("otpvoice,nothing=at all", state="Up")
    unknown = 'otpvoice_calls_refused_total{door="dialplan",reason="unknown_key"}'
    after = await house.until(lambda said: said[unknown] == 1)
    refused = {name: number for name, number in changes(before, after).items() if "refused" in name}
    assert refused == {
        'otpvoice_calls_refused_total{door="http",reason="invalid_request"}': 1,
        'otpvoice_calls_refused_total{door="http",reason="destination_not_allowed"}': 1,
        'otpvoice_calls_refused_total{door="http",reason="unauthorized"}': 1,
        unknown: 1,
    }


async def test_a_caller_of_a_dialplan_was_not_dialled(house: Running) -> None:
    before = await house.samples()
    house.asterisk.enters("otpvoice", "say=Hello", "then=hangup")
    name = (
        'otpvoice_calls_total{account="default",direction="inbound",door="dialplan",outcome="completed",reason="none"}'
    )
    after = await house.until(lambda said: said[name] == 1)
    said, _ = split(changes(before, after))
    assert not [name for name in said if name.startswith(("otpvoice_dials", "otpvoice_answers", "otpvoice_codes"))]
    assert (said["otpvoice_talk_seconds_count"], said["otpvoice_first_audio_seconds_count"]) == (1, 1)


async def test_two_services_in_one_process_do_not_count_for_each_other(
    house: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = 'otpvoice_webhook_deliveries_total{result="delivered"}'
    async with running(monkeypatch) as other:
        before, own = await other.samples(), await house.samples()
        house.asterisk.callee(NUMBER).anew().busy()
        assert (await house.place(**quick())).status == 202
        await house.until(lambda said: said[delivered] - own[delivered] == 3)
        assert changes(before, await other.samples()) == {}


async def test_a_store_that_is_away_is_told_and_all_else_too(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("timeout")

    before = await house.samples()
    monkeypatch.setattr(house.service._store, "ping", away)
    after = await house.samples()
    assert after["otpvoice_store_up"] == 0
    assert before.keys() - after.keys() == {"otpvoice_webhooks_pending", "otpvoice_webhooks_dead"}
    assert (await house.place(**quick())).status == 202


async def test_it_is_told_while_calls_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as house:
        house.asterisk.callee(NUMBER).never_answers()
        assert (await house.place(**quick())).status == 202
        await house.until(lambda said: said['otpvoice_calls_in_progress{state="ringing"}'] == 1)
        draining = asyncio.create_task(house.service.stop(drain=60))
        said = await house.until(lambda said: said["otpvoice_draining"] == 1)
        assert said['otpvoice_calls_in_progress{state="ringing"}'] == 1
        house.asterisk.callee(NUMBER).call.hang_up()
        await draining


async def test_metrics_are_where_the_administrator_looks_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch, admin_bind="127.0.0.1:0") as house:
        assert (await house.place()).status == 422
        said = await house.samples()
        assert said['otpvoice_http_requests_total{method="POST",route="/v1/calls",status="422"}'] == 1
        async with house.http.get(f"http://127.0.0.1:{house.service.port}/metrics") as response:
            assert response.status == 404
