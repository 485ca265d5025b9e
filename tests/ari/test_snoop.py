"""Snoops against the fake: what is heard, and that nothing is left of one, whatever breaks and whoever gives up.

After each test no snoop is left in Asterisk or with the router, and every leg is back in the pool, proven clean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from otpvoice.ari import backoff, errors, pool
from otpvoice.ari import snoop as module
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.pool import NoLegFree
from otpvoice.ari.snoop import Snoop, Spy
from otpvoice.media.playout import Piece
from tests.ari.rig import (
    FRAME,
    NUMBER,
    ORDER,
    OWN_APP,
    SILENCE,
    a_call_on,
    a_node,
    a_while,
    answers_within,
    assert_clean,
    eventually,
    leg_channels,
    of,
)
from tests.fakes import Call, FakeAsterisk

QUIET = SILENCE * FRAME
CALL, SECOND = "call_1-1", "call_1-2"


def frame(number: int) -> bytes:
    return bytes([1 + number % 100]) * FRAME


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEG_WITHIN", 0.3)
    monkeypatch.setattr(module, "ENTERS_WITHIN", 0.3)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(pool, "RETRY", 0.02)
    monkeypatch.setattr(backoff, "FIRST", 0.03)


class Party:
    """Somebody who picked up, in our own application; ``heard``: what a snoop gave."""

    def __init__(self, asterisk: FakeAsterisk, node: AsteriskNode) -> None:
        self.asterisk, self.node = asterisk, node
        self.heard: list[bytes] = []
        self.ended = 0
        self.made: list[Snoop] = []

    def snoop(
        self, spy: Spy = "in", *, of: str = CALL, name: str = "s1", ear: Callable[..., None] | None = None
    ) -> Snoop:
        def count() -> None:
            self.ended += 1

        made = Snoop(self.node, of, spy, name, ear or self._hear, count)
        self.made.append(made)
        return made

    def _hear(self, audio: bytes, now: float) -> None:
        assert abs(asyncio.get_running_loop().time() - now) < 0.1
        self.heard.append(audio)

    @property
    def call(self) -> Call:
        return self.asterisk.callee(NUMBER).call

    async def calls(self, channel_id: str, number: str = NUMBER) -> Call:
        up = asyncio.Event()
        self.asterisk.callee(number).answers()
        self.node.router.register(channel_id, lambda event: up.set() if event["type"] == "StasisStart" else None)
        await self.node.rest.post(f"channels/{channel_id}", ORDER | {"endpoint": f"PJSIP/{number}@trunk"})
        await up.wait()
        return self.asterisk.callee(number).call

    def sounds(self) -> list[bytes]:
        return [audio for audio in self.heard if audio != QUIET]

    async def nothing_left(self, legs: int | None = None) -> None:
        """Wait until all is as it was. ``legs``: as many as before still live; None: a dead one may be retired."""
        node = self.node
        await eventually(lambda: node.pool.taken == 0)
        assert node.pool.free >= node.settings.legs_minimum or legs is None
        await eventually(lambda: not snoops(self.asterisk))
        assert not [made for made in self.made if made._channel.id in node.router]
        assert len(node.pool.ids) == node.pool.free + len(node.pool._retiring)
        await eventually(lambda: set(leg_channels(self.asterisk)) == node.pool.ids)
        await assert_clean(node)


def snoops(asterisk: FakeAsterisk) -> list[str]:
    return [channel.id for channel in asterisk.switch.channels.values() if channel.snoop is not None]


@pytest.fixture
async def party(asterisk: FakeAsterisk) -> AsyncIterator[Party]:
    async with a_node(asterisk, legs_minimum=2, legs_maximum=3) as node:
        party = Party(asterisk, node)
        await party.calls(CALL)
        yield party
        asterisk.faults._rest.clear()
        await asyncio.gather(*(made.close() for made in party.made))
        await party.nothing_left()


# --- what is heard ----------------------------------------------------------------------------------------------------


async def test_what_a_party_says_is_heard_and_silence_where_it_says_nothing(party: Party) -> None:
    snoop = party.snoop("in")
    assert await snoop.open()
    await eventually(lambda: len(party.heard) >= 5)
    assert not party.sounds()
    party.call.say(b"".join(map(frame, range(20))))
    await eventually(lambda: len(party.sounds()) == 20)
    await eventually(lambda: party.heard[-1] == QUIET)
    assert party.sounds() == [frame(number) for number in range(20)]
    [request] = of(party.asterisk.requests, "snoop")
    assert (request.path, request.body) == (f"/ari/channels/{CALL}/snoop/s1", {"spy": "in", "app": OWN_APP})
    await snoop.close()
    await party.nothing_left(legs=2)
    assert party.ended == 0, "we ended it"


async def test_what_a_party_hears_is_heard(party: Party) -> None:
    leg = await party.node.pool.take(1.0)
    await a_call_on(party.node, leg, SECOND)
    snoop = party.snoop("out", of=SECOND)
    assert await snoop.open()
    await leg.speak("u", [Piece(b"".join(map(frame, range(10))), 0)])
    await eventually(lambda: len(party.sounds()) == 10)
    assert party.sounds() == [frame(number) for number in range(10)]
    party.asterisk.callee(NUMBER).calls[-1].hang_up()
    await party.node.pool.give_back(leg)


async def test_two_snoops_of_one_party_at_once(party: Party) -> None:
    said: list[bytes] = []
    near, far = party.snoop("in", ear=lambda audio, _: said.append(audio)), party.snoop("out", name="s2")
    assert all(await asyncio.gather(near.open(), far.open()))
    party.call.say(frame(1) * 5)
    await eventually(lambda: said.count(frame(1)) == 5)
    assert not party.sounds()


async def test_after_its_end_nothing_is_heard(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    party.call.say(frame(1) * 100)
    await eventually(lambda: len(party.sounds()) > 3)
    with party.asterisk.faults.delay("hangup", seconds=0.1):
        closing = asyncio.create_task(snoop.close())
        await party.asterisk.until(lambda: bool(of(party.asterisk.requests, "hangup")))
        count = len(party.heard)
        await closing
    assert len(party.heard) == count


async def test_no_frame_of_one_call_reaches_another(asterisk: FakeAsterisk) -> None:
    """Two who speak without a pause take turns at the only leg."""
    async with a_node(asterisk, legs_minimum=1, legs_maximum=1) as node:
        party = Party(asterisk, node)
        calls = [await party.calls(CALL), await party.calls(SECOND, "15550122")]
        for number, call in enumerate(calls):
            call.say(frame(number) * 2000)
        for turn in range(20):
            party.heard.clear()
            snoop = party.snoop(of=(CALL, SECOND)[turn % 2], name=f"s{turn}")
            assert await snoop.open()
            await eventually(lambda: len(party.heard) >= 3)
            await snoop.close()
            assert set(party.sounds()) <= {frame(turn % 2)}
        await party.nothing_left(legs=1)
        assert node.pool.ids == {"otpvoice-a-leg-101"}, "it was proven clean each time"


# --- how it ends ------------------------------------------------------------------------------------------------------


async def test_it_ends_with_the_channel_and_says_so_once(party: Party) -> None:
    near, far = party.snoop("in"), party.snoop("out", name="s2")
    assert await near.open()
    assert await far.open()
    party.call.hang_up()
    await eventually(lambda: party.ended == 2)
    await asyncio.gather(near.close(), far.close(), near.close())
    await party.nothing_left(legs=2)
    assert party.ended == 2
    assert not of(party.asterisk.requests, "hangup"), "what is gone is not hung up"


async def test_a_channel_that_is_not_there_is_not_snooped_on(party: Party) -> None:
    snoop = party.snoop(of="nobody")
    assert await snoop.open() is False
    await party.nothing_left(legs=2)
    assert not of(party.asterisk.requests, "hangup")


async def test_a_channel_that_ends_meanwhile_is_not_snooped_on(party: Party) -> None:
    fault = party.asterisk.faults.hang("addChannel", times=1)
    snoop = party.snoop()
    opening = asyncio.create_task(snoop.open())
    await party.asterisk.until(lambda: bool(of(party.asterisk.requests, "addChannel")[2:]))
    party.call.hang_up()
    await eventually(lambda: not snoops(party.asterisk))
    fault.lift()
    with suppress(errors.AriError):
        assert await opening is False
    await party.nothing_left(legs=2)
    assert party.ended == 0, "it never began"


async def test_an_end_in_the_very_moment_of_its_begin_is_no_begin(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    snoop = party.snoop()
    begin = snoop._begin

    async def begins_and_ends() -> bool:
        begun = await begin()
        party.call.hang_up()
        await eventually(lambda: snoop._gone)
        return begun

    monkeypatch.setattr(snoop, "_begin", begins_and_ends)
    assert await snoop.open() is False
    assert party.ended == 0


async def test_a_leg_that_dies_in_the_very_moment_of_its_begin_is_told(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    snoop = party.snoop()
    begin = snoop._begin

    async def begins_and_loses_its_leg() -> bool:
        begun = await begin()
        [leg] = party.node.pool._taken
        party.asterisk.faults.kill_leg(leg.channel_id)
        await eventually(lambda: leg.lost)
        return begun

    monkeypatch.setattr(snoop, "_begin", begins_and_loses_its_leg)
    with pytest.raises(errors.AriError):
        await snoop.open()


async def test_it_is_closed_as_often_as_you_like(party: Party) -> None:
    snoop = party.snoop()
    await snoop.close()
    assert await snoop.open() is False, "it was called off"
    another = party.snoop(name="s2")
    assert await another.open()
    await asyncio.gather(another.close(), another.close())
    await another.close()
    assert len(of(party.asterisk.requests, "hangup")) == 1


@pytest.mark.parametrize("at", ["snoop", "addChannel"])
async def test_it_is_closed_while_it_begins(party: Party, at: str) -> None:
    fault = party.asterisk.faults.hang(at, times=1)
    snoop = party.snoop()
    opening = asyncio.create_task(snoop.open())
    await party.asterisk.until(lambda: any(request.status is None for request in of(party.asterisk.requests, at)))
    await snoop.close()
    assert await opening is False
    fault.lift()
    await party.nothing_left(legs=2)


@pytest.mark.parametrize("at", ["snoop", "addChannel"])
async def test_who_waits_for_it_is_cancelled(party: Party, at: str) -> None:
    """As in a group of tasks with a limit of time; and whoever is cancelled closes nothing."""
    fault = party.asterisk.faults.hang(at, times=1)
    opening = asyncio.create_task(party.snoop().open())
    await party.asterisk.until(lambda: any(request.status is None for request in of(party.asterisk.requests, at)))
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    fault.lift()
    await party.nothing_left(legs=2)


async def test_who_waits_for_a_leg_is_cancelled(party: Party) -> None:
    legs = [await party.node.pool.take(1.0) for _ in range(3)]
    opening = asyncio.create_task(party.snoop().open())
    await a_while(0.05)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    for leg in legs:
        await party.node.pool.give_back(leg)


async def test_closing_goes_on_where_who_waits_for_it_is_cancelled(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    fault = party.asterisk.faults.delay("hangup", seconds=0.1)
    closing = asyncio.create_task(snoop.close())
    await party.asterisk.until(lambda: bool(of(party.asterisk.requests, "hangup")))
    closing.cancel()
    fault.lift()
    await party.nothing_left(legs=2)


# --- what breaks ------------------------------------------------------------------------------------------------------


async def test_without_a_leg_nothing_is_asked_for(party: Party) -> None:
    legs = [await party.node.pool.take(1.0) for _ in range(3)]
    with pytest.raises(NoLegFree):
        await party.snoop().open()
    assert not of(party.asterisk.requests, "snoop")
    for leg in legs:
        await party.node.pool.give_back(leg)


async def test_while_nobody_would_tell_nothing_is_asked_for(party: Party) -> None:
    async with party.asterisk.faults.refusing():
        await eventually(lambda: not party.node.connected)
        with pytest.raises(errors.AriError):
            await party.snoop().open()
    assert not of(party.asterisk.requests, "snoop")
    await eventually(lambda: party.node.connected and party.node.pool.free >= 2)


@pytest.mark.parametrize(
    ("status", "raised"),
    [(404, None), (400, errors.Refused), (409, errors.NotInStasis), (500, errors.Refused), (503, errors.NotBooted)],
)
async def test_it_is_refused(party: Party, status: int, raised: type[errors.AriError] | None) -> None:
    body = {"message": "Asterisk not booted" if status == 503 else "no"}
    party.asterisk.faults.answer("snoop", status=status, body=body, times=1)
    snoop = party.snoop()
    if raised is None:
        assert await snoop.open() is False
    else:
        with pytest.raises(raised):
            await snoop.open()
        await snoop.close()
    await party.nothing_left(legs=2)


async def test_a_name_that_is_taken_is_refused_and_the_other_lives_on(party: Party) -> None:
    """In Asterisk, by somebody whom we do not know, and here."""
    assert await party.snoop().open()
    with pytest.raises(ValueError, match="registered already"):
        await party.snoop().open()
    await a_while(0.05)
    count = len(party.heard)
    await eventually(lambda: len(party.heard) > count)
    assert snoops(party.asterisk) == ["s1"]
    party.call.hang_up()
    await eventually(lambda: party.ended == 1)


async def test_an_answer_that_is_lost_is_made_up_for_by_the_event(party: Party) -> None:
    party.asterisk.faults.cut_after("snoop")
    assert await party.snoop().open()
    await eventually(lambda: len(party.heard) >= 3)


async def test_an_order_that_is_lost_is_not_given_again(party: Party) -> None:
    party.asterisk.faults.cut_before("snoop", times=None)
    with pytest.raises(errors.AnswerLost):
        await party.snoop().open()
    assert len(of(party.asterisk.requests, "snoop")) == 1


async def test_its_start_is_never_told(party: Party) -> None:
    party.asterisk.faults.drop_event("StasisStart")
    with pytest.raises(errors.AnswerLost):
        await party.snoop().open()
    await party.nothing_left(legs=2)
    assert len(of(party.asterisk.requests, "hangup")) == 1


async def test_an_order_that_is_carried_out_too_late_is_taken_back(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk was slow; by then nobody waits."""
    party.asterisk.faults.delay("snoop", seconds=1.0)
    answers_within(monkeypatch, 0.2)
    with pytest.raises(errors.AnswerLost):
        await party.snoop().open()
    await party.asterisk.until(lambda: bool(snoops(party.asterisk)))
    await eventually(lambda: not snoops(party.asterisk))


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
async def test_it_can_not_be_moved_to_the_leg(party: Party, status: int) -> None:
    party.asterisk.faults.answer("addChannel", status=status, body={"message": "no"}, times=1)
    snoop = party.snoop()
    with suppress(errors.AriError):
        assert await snoop.open() is False
    await snoop.close()
    assert not of(party.asterisk.requests, "getBridge"), "it was never in there, and nobody waits for it to leave"
    await party.nothing_left(legs=2)


async def test_the_answer_to_its_move_is_lost(party: Party) -> None:
    party.asterisk.faults.cut_after("addChannel")
    assert await party.snoop().open()
    await eventually(lambda: len(party.heard) >= 3)


async def test_its_leg_dies_before_it_is_there(party: Party) -> None:
    party.asterisk.faults.delay("snoop", seconds=0.1, times=1)
    opening = asyncio.create_task(party.snoop().open())
    await party.asterisk.until(lambda: bool(of(party.asterisk.requests, "snoop")))
    [leg] = party.node.pool._taken
    party.asterisk.faults.kill_leg(leg.channel_id)
    await eventually(lambda: leg.lost)
    with pytest.raises(errors.AriError):
        await opening
    await party.nothing_left()


async def test_a_leg_that_dies_while_it_is_replaced_is_the_end(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    [leg] = party.node.pool._taken
    asked = len(of(party.asterisk.requests, "addChannel"))
    party.asterisk.faults.delay("addChannel", seconds=0.1, times=1)
    party.asterisk.faults.kill_leg(leg.channel_id)
    await party.asterisk.until(lambda: len(of(party.asterisk.requests, "addChannel")) > asked)
    [another] = party.node.pool._taken
    party.asterisk.faults.kill_leg(another.channel_id)
    await eventually(lambda: party.ended == 1)
    assert party.node.pool.taken == 0
    await snoop.close()
    await party.nothing_left()


async def test_a_leg_that_dies_is_replaced(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    await eventually(lambda: len(party.heard) >= 3)
    [leg] = party.node.pool._taken
    party.asterisk.faults.kill_leg(leg.channel_id)
    await eventually(lambda: leg.lost)
    party.heard.clear()
    await eventually(lambda: len(party.heard) > 3)
    [another] = party.node.pool._taken
    party.asterisk.faults.cut_media(another.channel_id)
    await eventually(lambda: another.lost)
    party.heard.clear()
    await eventually(lambda: len(party.heard) > 3)
    assert not {leg, another} & party.node.pool._taken
    assert party.ended == 0
    assert snoops(party.asterisk) == ["s1"]


async def test_a_leg_that_dies_and_can_not_be_replaced_is_the_end(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    [leg] = party.node.pool._taken
    others = [await party.node.pool.take(1.0) for _ in range(2)]
    with party.asterisk.faults.answer("externalMedia", status=500, body={}):
        party.asterisk.faults.kill_leg(leg.channel_id)
        await eventually(lambda: party.ended)
    await snoop.close()
    for other in others:
        await party.node.pool.give_back(other)
    assert party.ended == 1


async def test_it_can_not_be_hung_up_at_once(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    party.asterisk.faults.answer("hangup", status=500, body={}, times=2)
    await snoop.close()
    await party.nothing_left(legs=2)
    assert len(of(party.asterisk.requests, "hangup")) == 3


# --- gaps, and who reaps ----------------------------------------------------------------------------------------------


async def reconnected(party: Party, snoop: Snoop) -> None:
    await eventually(lambda: party.node.connected and party.node.pool.free >= 1)
    snoop.after_gap(set(party.asterisk.switch.channels))


async def test_it_outlives_a_gap_of_the_events_socket_and_is_not_reaped(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    party.asterisk.faults.cut_events()
    await eventually(lambda: not party.node.connected)
    await reconnected(party, snoop)
    count = len(party.heard)
    await eventually(lambda: len(party.heard) > count + 3)
    assert snoops(party.asterisk) == ["s1"]
    assert party.ended == 0


async def test_it_outlives_a_connection_that_was_cut_and_goes_on_with_another_leg(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    async with party.asterisk.faults.refusing():
        await eventually(lambda: not party.node.connected and party.node.pool.taken == 0)
        assert snoops(party.asterisk) == ["s1"]
        await a_while(0.4)
    await reconnected(party, snoop)
    party.heard.clear()
    await eventually(lambda: len(party.heard) > 3)
    assert party.ended == 0


async def test_whose_end_no_event_has_told_has_ended(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    party.asterisk.faults.drop_event("StasisEnd", "ChannelLeftBridge", times=None)
    party.call.hang_up()
    await eventually(lambda: not snoops(party.asterisk))
    party.asterisk.faults.cut_events()
    await eventually(lambda: not party.node.connected)
    await reconnected(party, snoop)
    assert party.ended == 1
    await snoop.close()
    await party.nothing_left(legs=2)


async def test_an_asterisk_that_dies_has_no_snoops(party: Party) -> None:
    snoop = party.snoop()
    assert await snoop.open()
    await party.asterisk.restart()
    await reconnected(party, snoop)
    await eventually(lambda: party.ended == 1)
    await snoop.close()
    await snoop.close()


async def test_snoops_of_a_former_life_are_reaped(asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).answers()
    async with a_node(asterisk, legs_minimum=1) as before:
        party = Party(asterisk, before)
        await party.calls(CALL)
        assert await party.snoop().open()
    # It died, and closed nothing.
    await eventually(lambda: not asterisk.stasis.active(OWN_APP))
    assert snoops(asterisk) == ["s1"]
    with capture_logs() as logs:
        async with a_node(asterisk, legs_minimum=1, last_leg=200):
            await eventually(lambda: not snoops(asterisk))
    reaped = {line["channel"]: line.get("call") for line in logs if line["event"] == "ari.reaped"}
    assert reaped[CALL] == "call_1", "whose channel it was is in its name"
    assert reaped["s1"] is None
