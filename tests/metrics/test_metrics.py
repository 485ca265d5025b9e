"""All metrics together: what goes wrong in counting costs no call, and what is exposed is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from otpvoice.core.events import CallDialed
from otpvoice.core.media import StreamReport, StreamStatus
from otpvoice.core.record import CallRecord
from otpvoice.metrics import Metrics
from otpvoice.metrics.catalogue import CATALOGUE
from tests.metrics.house import FakeHouse
from tests.metrics.samples import changes, parsed, samples_of, told
from tests.metrics.test_calls import completed, fresh
from tests.metrics.test_work import LISTENS


class Ledger:
    """Records, as they were handed over."""

    def __init__(self) -> None:
        self.handed: list[tuple[str, str | None]] = []

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        self.handed.append(("accept", token))

    def save(self, record: CallRecord, /) -> None:
        self.handed.append(("save", None))

    def finish(self, record: CallRecord, /) -> None:
        self.handed.append(("finish", None))


def metrics_of(*accounts: str) -> Metrics:
    return Metrics(accounts=accounts, trunks=["carrier"], formats=["spoken"], version="1.2.3")


async def test_records_that_count_hand_everything_on_and_count_the_end() -> None:
    metrics, ledger = metrics_of("shop"), Ledger()
    records, before = metrics.counted_records(ledger), told(metrics.registry)
    await records.accept(fresh(), token="t")
    records.save(fresh())
    assert changes(before, told(metrics.registry)) == {}
    records.finish(completed(fresh()))
    assert ledger.handed == [("accept", "t"), ("save", None), ("finish", None)]
    assert [name for name in changes(before, told(metrics.registry)) if "calls_total" in name]


async def test_what_can_t_be_counted_is_in_the_log_and_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    metrics, ledger = metrics_of("shop"), Ledger()
    monkeypatch.setattr(metrics._calls, "follow", broken)
    monkeypatch.setattr(metrics._calls, "ended", broken)
    with capture_logs() as lines:
        metrics.follow(fresh(), CallDialed(1.0))
        metrics.counted_records(ledger).finish(fresh())
    assert [line["event"] for line in lines] == ["metrics.broken"] * 2
    assert ledger.handed == [("finish", None)]


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
async def test_a_house_of_many_accounts_is_told_whole(accept: str) -> None:
    metrics, parts = metrics_of(*(f"account-{number}" for number in range(30))), FakeHouse()
    metrics.counted_asker(FakeHouse.asker())
    metrics.watch(parts.house)
    metrics.answered("GET", "/v1/calls", 200, 0.1)
    families = parsed(*await metrics.expose(accept))
    names = {family.name for family in families}
    assert len(names) == len(families)
    stems = {one.name.removesuffix("_total").removesuffix("_info") for one in CATALOGUE}
    assert {name.removesuffix("_total").removesuffix("_info") for name in names} >= stems
    said = samples_of(families)
    assert sum(name.startswith("otpvoice_calls_total{") for name in said) == 30 * 3 * 2
    assert (said["otpvoice_webhooks_pending"], said["otpvoice_webhooks_dead"]) == (7, 3)


class EndsWhenLookedAt:
    """A stream that ends as soon as the event loop has its turn after somebody has read what it sent."""

    def __init__(self, ended: Callable[[StreamReport], None]) -> None:
        self._ended, self._open = ended, [replace(LISTENS, frames_sent=1000)]

    @property
    def reports(self) -> Iterator[StreamReport]:
        asyncio.get_running_loop().call_soon(self._end)
        return iter(self._open)

    def _end(self) -> None:
        while self._open:
            self._ended(replace(self._open.pop(), status=StreamStatus.COMPLETED))


async def test_a_stream_that_ends_while_it_is_told_is_told_once() -> None:
    metrics = metrics_of("shop")
    house = replace(FakeHouse().house, streams=EndsWhenLookedAt(metrics.streams.ended))
    metrics.watch(house)
    told_by_and_by = []
    for _ in range(3):
        said = samples_of(parsed(*await metrics.expose("")))
        ended = said['otpvoice_streams_total{format="spoken",status="completed"}']
        told_by_and_by.append((said["otpvoice_stream_frames_sent_total"], ended))
        await asyncio.sleep(0)
    assert told_by_and_by == [(1000, 0), (1000, 1), (1000, 1)]


async def test_before_there_is_a_house_what_is_counted_is_told() -> None:
    text, _ = await metrics_of("shop").expose("")
    assert b"otpvoice_keys_total 0.0" in text
    assert b"otpvoice_store_up" not in text


def test_the_library_s_own_registry_stays_as_it_was() -> None:
    before = {family.name for family in REGISTRY.collect()}
    metrics_of("shop")
    assert {family.name for family in REGISTRY.collect()} == before
    assert not [name for name in before if name.startswith("otpvoice_")]
