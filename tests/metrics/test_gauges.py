"""What is asked of the house when somebody scrapes: as it is at that moment, and bounded by what is configured."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from otpvoice.core.record import State
from otpvoice.metrics.gauges import Gauges, host_of
from otpvoice.metrics.store import StoreState
from tests.metrics.house import FakeHouse, FakeNode, FakePool, Named
from tests.metrics.samples import Samples, changes, told
from tests.metrics.test_calls import fresh

NODE = 'node="127.0.0.1:8088"'


class Asked:
    """A house whose gauges were read once."""

    def __init__(self) -> None:
        self.parts = FakeHouse()
        self.store = StoreState(True, 0, 0)
        self.registry = CollectorRegistry()
        self.registry.register(Gauges(self.parts.house, "1.2.3", lambda: self.store))
        self.before = told(self.registry)

    def changes(self) -> Samples:
        return changes(self.before, told(self.registry))


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_quiet_house(asked: Asked) -> None:
    assert asked.before == {
        'otpvoice_build_info{version="1.2.3"}': 1,
        "otpvoice_draining": 0,
        "otpvoice_store_writes_pending": 0,
        "otpvoice_store_records_dropped_total": 0,
        'otpvoice_calls_in_progress{state="waiting"}': 0,
        'otpvoice_calls_in_progress{state="queued"}': 0,
        'otpvoice_calls_in_progress{state="dialing"}': 0,
        'otpvoice_calls_in_progress{state="ringing"}': 0,
        'otpvoice_calls_in_progress{state="answered"}': 0,
        'otpvoice_trunk_queue{trunk="carrier"}': 0,
        'otpvoice_trunk_calls{trunk="carrier"}': 0,
        f"otpvoice_ari_connected{{{NODE}}}": 1,
        f"otpvoice_ari_ready{{{NODE}}}": 1,
        f"otpvoice_ari_replaced{{{NODE}}}": 0,
        f"otpvoice_ari_reconnects_total{{{NODE}}}": 0,
        f"otpvoice_media_wedged{{{NODE}}}": 0,
        f"otpvoice_media_legs_limit{{{NODE}}}": 400,
        f"otpvoice_media_legs_not_made_total{{{NODE}}}": 0,
        f"otpvoice_media_leg_waiting{{{NODE}}}": 0,
        f'otpvoice_media_legs{{{NODE},state="free"}}': 8,
        f'otpvoice_media_legs{{{NODE},state="taken"}}': 0,
        "otpvoice_store_up": 1,
        "otpvoice_webhooks_pending": 0,
        "otpvoice_webhooks_dead": 0,
        'otpvoice_speech_cache_bytes{in="memory"}': 0,
        'otpvoice_speech_cache_bytes{in="disk"}': 0,
        'otpvoice_speech_engine_open{engine="gtts"}': 0,
        "otpvoice_event_loop_tasks": 0,
    }


def test_a_house_at_work(asked: Asked) -> None:
    parts = asked.parts
    parts.switchboard.draining = True
    parts.switchboard.records = [fresh(state=State.RINGING), fresh(state=State.ANSWERED), fresh(state=State.ANSWERED)]
    parts.switchboard.records += [fresh(state=State.ANSWERED, test=True), fresh(state=State.ENDED)]
    parts.writes.pending, parts.writes.dropped = 5, 2
    parts.trunk.waiting, parts.trunk.in_progress = 7, 3
    parts.speech.kept["disk"], parts.speech.left_alone["gtts"] = 4096, True
    asked.store = StoreState(True, 11, 1)
    assert asked.changes() == {
        'otpvoice_speech_cache_bytes{in="disk"}': 4096,
        'otpvoice_speech_engine_open{engine="gtts"}': 1,
        "otpvoice_draining": 1,
        'otpvoice_calls_in_progress{state="ringing"}': 1,
        'otpvoice_calls_in_progress{state="answered"}': 2,
        "otpvoice_store_writes_pending": 5,
        "otpvoice_store_records_dropped_total": 2,
        'otpvoice_trunk_queue{trunk="carrier"}': 7,
        'otpvoice_trunk_calls{trunk="carrier"}': 3,
        "otpvoice_webhooks_pending": 11,
        "otpvoice_webhooks_dead": 1,
    }


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (FakeNode(connected=False, connections=0), {"ari_connected": -1, "ari_ready": -1}),
        (FakeNode(replaced=True), {"ari_replaced": 1, "ari_ready": -1}),
        (FakeNode(connections=3), {"ari_reconnects_total": 2}),
        (
            FakeNode(pool=FakePool(wedged=True, not_made=4)),
            {"media_wedged": 1, "media_legs_not_made_total": 4, "ari_ready": -1},
        ),
        (FakeNode(pool=FakePool(waiting=2)), {"media_leg_waiting": 2}),
    ],
)
def test_an_asterisk_in_trouble(asked: Asked, node: FakeNode, expected: dict[str, float]) -> None:
    asked.parts.switchboard.nodes[:] = [node]
    assert asked.changes() == {f"otpvoice_{name}{{{NODE}}}": value for name, value in expected.items()}


@pytest.mark.parametrize(("taken", "ready"), [(0, 0), (400, 1)])
def test_an_asterisk_without_any_media_leg_is_not_ready_and_a_busy_one_is(asked: Asked, taken: int, ready: int) -> None:
    asked.parts.switchboard.nodes[:] = [FakeNode(pool=FakePool(free=0, taken=taken))]
    assert told(asked.registry)[f"otpvoice_ari_ready{{{NODE}}}"] == ready


def test_each_asterisk_has_its_own(asked: Asked) -> None:
    asked.parts.switchboard.nodes.append(FakeNode(Named("https://otp:secret@pbx.example:8089/prefix"), connected=False))
    said = told(asked.registry)
    assert said[f"otpvoice_ari_connected{{{NODE}}}"] == 1
    assert said['otpvoice_ari_connected{node="pbx.example:8089"}'] == 0
    assert not [name for name in said if "secret" in name or "//" in name]


async def test_tasks_are_counted_as_long_as_they_have_not_ended(asked: Asked) -> None:
    def counted() -> float:
        return told(asked.registry)["otpvoice_event_loop_tasks"]

    ours = counted()
    over = asyncio.Event()
    waiting = [asyncio.create_task(over.wait()) for _ in range(3)]
    assert counted() == ours + 3
    over.set()
    await asyncio.gather(*waiting)
    assert counted() == ours >= 1


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8088", "127.0.0.1:8088"),
        ("http://pbx.example", "pbx.example"),
        ("https://a:b@[::1]:8089/x?token=y", "[::1]:8089"),
        ("one", "?"),
    ],
)
def test_a_node_is_called_by_its_host(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_store_that_is_away_is_a_number_and_what_it_would_know_is_not_there(asked: Asked) -> None:
    asked.store = StoreState()
    said = told(asked.registry)
    assert said["otpvoice_store_up"] == 0
    assert asked.before.keys() - said.keys() == {"otpvoice_webhooks_pending", "otpvoice_webhooks_dead"}


def test_a_registry_knows_all_names_before_anything_was_asked(asked: Asked) -> None:
    """Else two collectors could say the same, and nobody would notice."""
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        asked.registry.register(Gauges(asked.parts.house, "1", StoreState))
