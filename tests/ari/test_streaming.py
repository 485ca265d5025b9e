"""Streams of a call against the fake: each track comes from where its party is, once, and what breaks costs no call.

After each test no snoop and no bridge is left in Asterisk, and every leg is back in the pool, proven clean.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

import pytest

from otpvoice.ari import backoff, handset, pool, snoop, telephone
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.line import Line
from otpvoice.ari.streaming import SOURCES
from otpvoice.core.actions import Action, Dial, Gather, Pause, Say, StopStream, Stream
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionFailed,
    CallAnswered,
    PartiesConnected,
    PartiesParted,
    SpeakingFinished,
    StreamEnded,
    StreamStarted,
)
from otpvoice.core.media import Disconnected
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialplan import DialplanDoor
from otpvoice.media.playout import Piece
from otpvoice.media.streams.words import SPOKEN_BY_STREAMS
from otpvoice.stasis import Trunk
from otpvoice.stasis.call import Call as TakenCall
from tests.ari.relays import Recorded, Relays, frame, frames, seams
from tests.ari.rig import (
    APP,
    NUMBER,
    PREFIX,
    TONE,
    TRUNK,
    House,
    a_house,
    assert_clean,
    eventually,
    of,
    outcome,
    the_call,
)
from tests.fakes import Call, FakeAsterisk
from tests.fakes.channels import Json
from tests.fakes.dialplan import Dialplan

SECOND, THIRD = "15550122", "15550133"
WAITS: Final = Gather(DigitRules(max_digits=1, first_digit_timeout=30.0))
ALL: Final = ("inbound", "outbound", "second")
LEGS: Final = 4


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.02)
    monkeypatch.setattr(backoff, "LONGEST", 0.05)
    monkeypatch.setattr(snoop, "LEG_WITHIN", 0.1)
    monkeypatch.setattr(snoop, "ENTERS_WITHIN", 0.3)
    monkeypatch.setattr(handset, "NEW_LEG_WITHIN", 0.5)
    monkeypatch.setattr(handset, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(pool, "LEFT_WITHIN", 0.2)
    monkeypatch.setattr(pool, "RETRY", 0.02)


def ear(name: str, *tracks: str, **fields: Any) -> Stream:
    return Stream("wss://relay.example/", "twilio", name=name, tracks=tracks or ("inbound",), **fields)


class Streamed:
    """A house, and who carries its streams."""

    def __init__(self, house: House, relays: Relays) -> None:
        self.house, self.asterisk, self.relays = house, house.asterisk, relays
        self.call_id = ""

    async def answered(self, *actions: Action, streams: tuple[Stream, ...] = ()) -> Call:
        """Somebody who has picked up, and waits for nothing but a key."""
        self.asterisk.callee(NUMBER).answers()
        plan = CallPlan(
            f"+{NUMBER}", None, "default", "en", (*actions, WAITS), lead_in=0.0, tail=0.0, ring_timeout=10.0
        )
        trunk = replace(TRUNK, streams=streams)
        self.call_id = str((await self.house.stasis.place(plan, trunk, account="default", door="test"))["id"])
        await self.house.until(CallAnswered)
        return the_call(self.asterisk)

    async def talking(self, *streams: Stream, then: tuple[Action, ...] = ()) -> tuple[Call, Call]:
        """Two who talk with each other, and are heard."""
        self.asterisk.callee(SECOND).answers()
        first = await self.answered(*streams, Dial(SECOND), *then)
        await self.connected()
        second = the_call(self.asterisk, SECOND)
        wanted = {SOURCES[track] for stream in streams for track in stream.tracks}
        await eventually(lambda: len(self.listening) == len(wanted))
        return first, second

    async def connected(self, count: int = 1) -> None:
        await eventually(lambda: len(self.house.happened(PartiesConnected)) == count)

    async def parted(self, count: int = 1) -> None:
        await eventually(lambda: len(self.house.happened(PartiesParted)) == count)

    @property
    def line(self) -> Line:
        call = self.house.stasis._calls[self.call_id]
        assert isinstance(call, TakenCall)
        assert isinstance(call.line, Line)
        return call.line

    @property
    def snoops(self) -> list[str]:
        return [channel.id for channel in self.asterisk.switch.channels.values() if channel.snoop is not None]

    @property
    def listening(self) -> list[str]:
        """Snoops that somebody hears."""
        channels = self.asterisk.switch.channels
        return [name for name in self.snoops if (bridge := channels[name].bridge) is not None and bridge.legs]

    @property
    def legs(self) -> set[str]:
        """Those over which the snoops are heard."""
        channels = self.asterisk.switch.channels
        bridges = [channels[name].bridge for name in self.snoops]
        return {leg.channel.id for bridge in bridges if bridge is not None for leg in bridge.legs}

    async def summary(self) -> Json:
        await eventually(lambda: self.house.ledger.finished)
        [summary] = self.house.ledger.finished
        return summary

    async def nothing_left(self) -> None:
        node, switch = self.house.node, self.asterisk.switch
        await eventually(lambda: node.connected and not self.house.stasis.count)
        await self.house.legs_back()
        await eventually(lambda: not self.snoops)
        await eventually(lambda: len(node.pool.ids) == node.pool.free)
        await eventually(lambda: {c for c in switch.channels if c.startswith(PREFIX)} == node.pool.ids)
        await eventually(lambda: len(switch.bridges) == node.pool.free)
        assert len(node.router) == 2 * node.pool.free
        await assert_clean(node)
        ids = [summary["id"] for summary in self.house.ledger.finished]
        assert len(ids) == len(set(ids)), "one summary each"


@pytest.fixture
async def streamed(asterisk: FakeAsterisk) -> AsyncIterator[Streamed]:
    async with a_house(asterisk, legs_minimum=LEGS, legs_maximum=LEGS) as house:
        streamed = Streamed(house, Relays())
        house.stasis.relays = streamed.relays
        yield streamed
        for fault in asterisk.faults._rest:
            fault.lift()
        await house.stasis.end_all()
        await streamed.nothing_left()


async def says(call: Call, recorded: Recorded, track: str, first: int, count: int = 5) -> None:
    """Whoever it is says so many frames, which come on this track, in order."""
    before = len(recorded.sounds(track))
    call.say(frames(first, count))
    await eventually(lambda: len(recorded.sounds(track)) >= before + count)
    assert recorded.numbers(track)[-count:] == list(range(first, first + count))


def errors(summary: Json) -> list[str]:
    return [error["code"] for error in summary["errors"]]


def media(summary: Json) -> list[tuple[str, str, str | None, str | None]]:
    return [(one["name"], one["status"], one["disconnected_by"], one["error"]) for one in summary["media"]]


# --- one party --------------------------------------------------------------------------------------------------------


async def test_what_the_party_says_and_what_is_pushed_to_it(streamed: Streamed) -> None:
    call = await streamed.answered(ear("a", "inbound", "outbound"), Say("Hello."))
    recorded = streamed.relays.of("a")
    recorded.connects()
    await streamed.house.until(SpeakingFinished)
    assert b"w" * TONE in b"".join(recorded.pushes)
    assert recorded.syncs
    await says(call, recorded, "inbound", 0)
    assert not recorded.tracks["outbound"], "that is placed by what is pushed"
    assert not streamed.snoops
    await call.press("1")
    summary = await streamed.summary()
    assert (media(summary), errors(summary)) == ([("a", "completed", "call", None)], [])
    assert recorded.digits == "", "keys are for who talks"


async def test_who_talks_hears_keys_and_of_what_was_played(streamed: Streamed) -> None:
    call = await streamed.answered(ear("talk", mode="talk"), ear("ear"))
    talk = streamed.relays.of("talk")
    talk.connects()
    assert talk.mouth is not None
    utterance = f"{SPOKEN_BY_STREAMS}1"
    talk.mouth.say(utterance, [Piece(b"t" * TONE, 7), Piece(b"\xff" * TONE)])
    await eventually(lambda: talk.pieces == [(utterance, 7)])
    assert b"t" in call.audio
    await call.press("4")
    assert talk.digits == "4"
    assert len(streamed.relays.opened) == 1, "the plan waits"
    talk.ends()
    await eventually(lambda: len(streamed.relays.opened) == 2)
    await says(call, streamed.relays.of("ear"), "inbound", 0)
    await call.press("1")
    summary = await streamed.summary()
    assert [one[:3] for one in media(summary)] == [("talk", "completed", "peer"), ("ear", "completed", "call")]
    assert len(talk.tracks["inbound"]) == 0


async def test_who_is_heard_by_nobody_sends_nothing(streamed: Streamed) -> None:
    """Two streams hear it, one after the other ends, and then it is told to be silent."""
    call = await streamed.answered(ear("a"), ear("b"))
    a, b = streamed.relays.opened
    await says(call, a, "inbound", 0)
    assert b.numbers("inbound") == [0, 1, 2, 3, 4]
    a.ends()
    await says(call, b, "inbound", 5)
    assert len(a.sounds("inbound")) == 5
    b.ends()
    [leg] = streamed.house.node.pool._taken
    assert leg.ear is None
    await eventually(lambda: not leg.listening)


async def test_a_stream_is_stopped_by_the_plan(streamed: Streamed) -> None:
    call = await streamed.answered(ear("a"), Pause(0.05), StopStream("a"))
    await streamed.house.until(StreamEnded)
    assert streamed.relays.of("a").finished == [Disconnected.PLAN]
    call.hang_up()
    assert media(await streamed.summary()) == [("a", "completed", "plan", None)]


async def test_a_leg_that_is_lost_with_nobody_to_talk_to_ends_the_call_and_its_streams(streamed: Streamed) -> None:
    await streamed.answered(ear("a"))
    [leg] = streamed.house.node.pool._taken
    streamed.asterisk.faults.kill_leg(leg.channel_id)
    summary = await streamed.summary()
    assert outcome(summary) == ("failed", "media_lost", "us")
    assert media(summary)[0][:2] == ("a", "completed")


# --- two parties ------------------------------------------------------------------------------------------------------


async def test_two_parties_are_three_tracks(streamed: Streamed) -> None:
    first, second = await streamed.talking(ear("a", *ALL))
    recorded = streamed.relays.of("a")
    await says(first, recorded, "inbound", 0)
    assert not recorded.sounds("second")
    assert not recorded.sounds("outbound")
    await says(second, recorded, "second", 100)
    await eventually(lambda: recorded.numbers("outbound") == list(range(100, 105)))
    assert recorded.numbers("inbound") == list(range(5))
    second.hang_up()
    await streamed.parted()
    await says(first, recorded, "inbound", 10)
    await eventually(lambda: not streamed.snoops)
    assert len(recorded.sounds("second")) == len(recorded.sounds("outbound")) == 5


async def test_one_snoop_for_all_who_hear_a_party(streamed: Streamed) -> None:
    first, _ = await streamed.talking(ear("a", "inbound"), ear("b", "near"))
    assert len(streamed.snoops) == 1
    a, b = streamed.relays.opened
    await says(first, a, "inbound", 0)
    assert b.numbers("near") == list(range(5))


async def test_nothing_is_heard_twice_or_late_where_the_parties_part_slowly(streamed: Streamed) -> None:
    """Asterisk takes its time for the end of the bridge; by then the first party is with its leg already."""
    first, second = await streamed.talking(ear("a", "inbound", "outbound"))
    recorded = streamed.relays.of("a")
    first.say(frames(0, 400))
    await eventually(lambda: len(recorded.sounds("inbound")) > 5)
    with streamed.asterisk.faults.delay("destroyBridge", seconds=0.3):
        second.hang_up()
        await streamed.parted()
    at = len(recorded.sounds("inbound"))
    await eventually(lambda: len(recorded.sounds("inbound")) > at + 20)
    # The two ways are not equally long: by a frame, at the one moment at which they change.
    assert seams(recorded.numbers("inbound")) in ([], [0], [2])
    await eventually(lambda: not streamed.snoops)


async def test_without_a_leg_a_track_is_silent_and_heard_when_there_is_one(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool_ = streamed.house.node.pool
    taken = [await pool_.take(1.0) for _ in range(LEGS - 1)]
    streamed.asterisk.callee(SECOND).answers()
    first = await streamed.answered(ear("a", "inbound", "second"), Dial(SECOND))
    recorded = streamed.relays.of("a")
    await streamed.connected()
    tries: list[float] = []
    take = pool_.take

    async def counted(within: float) -> MediaLeg:
        tries.append(within)
        return await take(within)

    monkeypatch.setattr(pool_, "take", counted)
    await eventually(lambda: len(tries) == 6)
    assert len(streamed.house.happened(ActionFailed)) == 2, "told once for each, and tried again and again"
    for leg in taken:
        await pool_.give_back(leg)
    await eventually(lambda: len(streamed.listening) == 2)
    await says(first, recorded, "inbound", 10)
    await says(the_call(streamed.asterisk, SECOND), recorded, "second", 100)
    first.hang_up()
    summary = await streamed.summary()
    assert errors(summary) == ["track_silent", "track_silent"]
    assert [error["action"] for error in summary["errors"]] == [0, 0]
    assert outcome(summary) == ("completed", None, "callee")


@pytest.mark.parametrize("at", ["snoop", "addChannel"])
async def test_they_part_while_the_snoops_are_being_opened(streamed: Streamed, at: str) -> None:
    streamed.asterisk.callee(SECOND).answers()
    first = await streamed.answered(ear("a", *ALL), Dial(SECOND))
    recorded = streamed.relays.of("a")
    with streamed.asterisk.faults.delay(at, seconds=0.15):
        await streamed.connected()
        the_call(streamed.asterisk, SECOND).hang_up()
        await streamed.parted()
    await says(first, recorded, "inbound", 0)
    await eventually(lambda: not streamed.snoops and streamed.house.node.pool.taken == 1)
    assert recorded.numbers("inbound") == list(range(5))
    assert not streamed.house.happened(ActionFailed)


async def test_two_second_parties_one_after_the_other(streamed: Streamed) -> None:
    streamed.asterisk.callee(THIRD).answers()
    first, second = await streamed.talking(ear("a", *ALL), then=(Dial(THIRD),))
    recorded = streamed.relays.of("a")
    await says(second, recorded, "second", 100)
    second.hang_up()
    await streamed.connected(2)
    third = the_call(streamed.asterisk, THIRD)
    await eventually(lambda: len(streamed.listening) == len(streamed.snoops) == 3)
    await says(third, recorded, "second", 200)
    await eventually(lambda: recorded.numbers("outbound")[-5:] == list(range(200, 205)))
    await says(first, recorded, "inbound", 0)
    third.hang_up()
    await streamed.parted(2)
    await says(first, recorded, "inbound", 10)
    assert recorded.numbers("second") == [*range(100, 105), *range(200, 205)]


async def test_another_second_party_without_a_pause(streamed: Streamed) -> None:
    """Whoever is there by now is listened to; the first party stays with its snoop."""
    first, _ = await streamed.talking(ear("a", "inbound", "second"))
    recorded = streamed.relays.of("a")
    before = set(streamed.snoops)
    other = streamed.asterisk.inbound("elsewhere", caller=THIRD, dialplan=Dialplan(waits=None))
    streamed.line._streaming.second_joins(other.channel.id)
    await eventually(lambda: len(streamed.listening) == len(streamed.snoops) == 2 and before != set(streamed.snoops))
    await says(other, recorded, "second", 200)
    await says(first, recorded, "inbound", 0)
    assert len(before & set(streamed.snoops)) == 1


async def test_a_stream_that_begins_while_they_talk(streamed: Streamed) -> None:
    first, second = await streamed.talking()
    assert not streamed.snoops
    streamed.line.start_stream(9, ear("late", "inbound", "second"))
    late = streamed.relays.of("late")
    await eventually(lambda: len(streamed.listening) == 2)
    await says(first, late, "inbound", 0)
    await says(second, late, "second", 100)
    second.hang_up()
    await streamed.parted()
    await says(first, late, "inbound", 10)


@pytest.mark.parametrize("by", ["peer", "plan"])
async def test_a_stream_that_ends_while_they_talk_leaves_the_others(streamed: Streamed, by: str) -> None:
    first, second = await streamed.talking(ear("a", *ALL), ear("b", "second"))
    a, b = streamed.relays.opened
    if by == "peer":
        a.ends()
    else:
        streamed.line.stop_stream(1)
    await eventually(lambda: len(streamed.snoops) == 1)
    await says(second, b, "second", 100)
    assert not a.sounds("second")
    if by == "peer":
        b.ends()
    else:
        streamed.line.stop_stream(2)
    await eventually(lambda: not streamed.snoops)
    first.hang_up()
    summary = await streamed.summary()
    assert [one[:3] for one in media(summary)] == [("a", "completed", by), ("b", "completed", by)]


async def test_a_gap_of_the_events_is_outlived(streamed: Streamed) -> None:
    first, second = await streamed.talking(ear("a", *ALL))
    recorded = streamed.relays.of("a")
    streamed.asterisk.faults.cut_events()
    await eventually(lambda: not streamed.house.node.connected)
    await eventually(lambda: streamed.house.node.connected)
    await says(first, recorded, "inbound", 0)
    await says(second, recorded, "second", 100)
    assert not streamed.house.happened(ActionFailed)


async def test_a_snoop_that_ended_in_a_gap_is_made_again(streamed: Streamed) -> None:
    first, second = await streamed.talking(ear("a", "inbound", "second"))
    recorded = streamed.relays.of("a")
    before = set(streamed.snoops)
    streamed.asterisk.faults.cut_events()
    for name in before:
        streamed.asterisk.switch.end(streamed.asterisk.switch.channels[name], 0)
    await eventually(lambda: len(streamed.listening) == 2 and not before & set(streamed.snoops))
    await says(first, recorded, "inbound", 0)
    await says(second, recorded, "second", 100)


async def test_a_snoop_whose_leg_dies_has_another(streamed: Streamed) -> None:
    first, second = await streamed.talking(ear("a", "inbound", "second"))
    recorded = streamed.relays.of("a")
    dead = streamed.legs
    assert len(dead) == 2
    for leg in dead:
        streamed.asterisk.faults.kill_leg(leg)
    await eventually(lambda: len(streamed.legs) == 2 and not streamed.legs & dead)
    await says(first, recorded, "inbound", 0)
    await says(second, recorded, "second", 100)
    assert not streamed.house.happened(ActionFailed)


async def test_the_calls_own_leg_dies_while_they_talk(streamed: Streamed) -> None:
    """Another takes its place when they part, and is heard and watched as the old one was."""
    first, second = await streamed.talking(ear("a", "inbound", "outbound"), then=(Say("Hello."),))
    recorded = streamed.relays.of("a")
    own = own_leg(streamed)
    streamed.asterisk.faults.kill_leg(own.channel_id)
    await eventually(lambda: own.lost)
    await says(first, recorded, "inbound", 0)
    second.hang_up()
    await streamed.parted()
    await streamed.house.until(SpeakingFinished)
    assert b"w" * TONE in b"".join(recorded.pushes)
    await says(first, recorded, "inbound", 10)
    assert own_leg(streamed) is not own


def own_leg(streamed: Streamed) -> MediaLeg:
    leg = streamed.line._handset._leg
    assert leg is not None
    return leg


async def test_the_first_party_hangs_up_while_they_talk(streamed: Streamed) -> None:
    first, second = await streamed.talking(ear("a", *ALL))
    recorded = streamed.relays.of("a")
    await says(first, recorded, "inbound", 0)
    first.hang_up()
    summary = await streamed.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert media(summary) == [("a", "completed", "call", None)]
    assert errors(summary) == []
    await eventually(lambda: second.over)


async def test_asterisk_restarts_while_they_talk(streamed: Streamed) -> None:
    await streamed.talking(ear("a", *ALL))
    await streamed.asterisk.restart(0.05)
    summary = await streamed.summary()
    assert outcome(summary)[:2] == ("failed", "asterisk_lost")
    assert media(summary)[0][:2] == ("a", "completed")


# --- streams that break -----------------------------------------------------------------------------------------------

BROKEN: Final = ("broken", "failed", "error", "internal")


async def test_an_opener_that_raises_costs_no_call(streamed: Streamed) -> None:
    streamed.relays.refuses = True
    call = await streamed.answered(ear("broken"), Say("Hello."))
    await streamed.house.until(SpeakingFinished)
    await call.press("1")
    summary = await streamed.summary()
    assert outcome(summary) == ("completed", None, "plan")
    assert (media(summary), errors(summary)) == ([BROKEN], ["stream_failed"])


async def test_an_opener_that_raises_for_who_was_to_talk(streamed: Streamed) -> None:
    streamed.relays.refuses = True
    call = await streamed.answered(ear("broken", mode="talk"), Say("Hello."))
    await streamed.house.until(SpeakingFinished)
    call.hang_up()
    assert media(await streamed.summary()) == [BROKEN]


@pytest.mark.parametrize("raises", ["arrived", "pushed", "synced", "flushed"])
async def test_a_stream_that_raises_costs_itself_alone(
    streamed: Streamed, raises: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call = await streamed.answered(ear("broken", "inbound", "outbound"), ear("b", "inbound"), Say("Hello. " * 50))
    broken, b = streamed.relays.opened
    broken.connects()
    await streamed.house.until(StreamStarted)
    broken.raises = {raises, "finish"}
    call.say(frames(0, 20))
    if raises == "flushed":
        streamed.line._handset.clear()
        own_leg(streamed)._flushed()
    if raises != "arrived":
        await streamed.line.speak("u", [Piece(b"x" * TONE, 0)])
    await streamed.house.until(StreamEnded)
    broken.ends()  # nobody asks it any more
    await eventually(lambda: len(b.sounds("inbound")) == 20)
    assert len(streamed.house.happened(StreamEnded)) == 1
    assert b.numbers("inbound") == list(range(20)), "who is heard besides misses nothing"
    call.hang_up()
    summary = await streamed.summary()
    assert outcome(summary) == ("completed", None, "callee")
    assert media(summary) == [BROKEN, ("b", "completed", "call", None)]
    assert errors(summary) == ["stream_failed"]
    assert (broken.raised, broken.finished) == (2, [Disconnected.ERROR])
    said = capsys.readouterr().out
    assert said.count("stream.broken") == said.count("ZeroDivisionError") - said.count("stream.not_finished") == 1


async def test_a_talk_that_raises_at_a_key(streamed: Streamed) -> None:
    call = await streamed.answered(ear("broken", mode="talk"), Say("Hello."))
    streamed.relays.of("broken").raises = {"digit"}
    await call.press("7")
    await streamed.house.until(SpeakingFinished)
    await call.press("1")
    summary = await streamed.summary()
    assert outcome(summary) == ("completed", None, "plan")
    assert media(summary) == [BROKEN]


async def test_a_talk_that_raises_at_what_was_played(streamed: Streamed) -> None:
    call = await streamed.answered(ear("broken", mode="talk"), Say("Hello."))
    broken = streamed.relays.of("broken")
    broken.raises = {"played"}
    assert broken.mouth is not None
    broken.mouth.say(f"{SPOKEN_BY_STREAMS}1", [Piece(b"t" * TONE, 0), Piece(b"\xff" * TONE)])
    await streamed.house.until(SpeakingFinished)
    await call.press("1")
    assert media(await streamed.summary()) == [BROKEN]


@pytest.mark.parametrize("by", ["callee", "plan"])
async def test_a_stream_that_raises_at_its_end(streamed: Streamed, by: str) -> None:
    streamed.relays.raises = {"finish"}
    stops = (Pause(0.05), StopStream("broken")) if by == "plan" else ()
    call = await streamed.answered(ear("broken"), ear("b"), *stops)
    if by == "plan":
        await streamed.house.until(StreamEnded)
    call.hang_up()
    summary = await streamed.summary()
    assert media(summary) == [BROKEN, ("b", "failed", "error", "internal")]
    assert outcome(summary) == ("completed", None, "callee")


async def test_a_stream_that_raises_while_two_talk(streamed: Streamed) -> None:
    _, second = await streamed.talking(ear("broken", "second"), ear("b", "second"))
    broken, b = streamed.relays.opened
    before = streamed.house.node.pool.ids
    broken.raises = {"arrived"}
    await says(second, b, "second", 100)
    await streamed.house.until(StreamEnded)
    assert before <= streamed.house.node.pool.ids
    assert len(streamed.snoops) == 1
    assert not broken.sounds("second")


async def test_a_stream_that_ends_while_it_is_told_something_hides_nothing_from_the_next(streamed: Streamed) -> None:
    call = await streamed.answered(ear("a"), ear("b"), ear("c"))
    a, b, c = streamed.relays.opened
    a.then = a.ends
    call.say(frame(0))
    await eventually(lambda: c.sounds("inbound"))
    assert b.numbers("inbound") == c.numbers("inbound") == [0]


# --- what a trunk wants -----------------------------------------------------------------------------------------------

WANTED: Final = Stream("wss://relay.example/", "twilio", name="trunk", tracks=("near", "far"), trusted=True)
DEFAULTS: Final = CallDefaults(
    trunks={"default": TrunkOffer("default")},
    destinations=Destinations((), (), anywhere=True),
    language="en",
    lead_in=0.0,
    tail=0.0,
)
SAME_ENDPOINT: Final = {
    "plain": Trunk("plain", "PJSIP/+{number}@trunk"),
    "default": replace(TRUNK, streams=(WANTED,)),
    "other": Trunk("other", "PJSIP/{number}@elsewhere", streams=(replace(WANTED, name="elsewhere"),)),
}


def comes_in(streamed: Streamed, arguments: str) -> Call:
    return streamed.asterisk.inbound(f"{APP},{arguments}", dialplan=Dialplan(waits=None))


async def test_a_trunk_streams_who_is_called_on_it(streamed: Streamed) -> None:
    call = await streamed.answered(ear("own"), streams=(WANTED,))
    await eventually(lambda: len(streamed.relays.opened) == 2)
    await says(call, streamed.relays.of("trunk"), "near", 0)
    assert not streamed.relays.of("trunk").finished
    call.hang_up()
    assert {one[0] for one in media(await streamed.summary())} == {"trunk", "own"}


@pytest.mark.parametrize("is_prepared", [False, True])
async def test_a_trunk_streams_who_comes_in_by_it(streamed: Streamed, is_prepared: bool) -> None:
    stasis = streamed.house.stasis
    stasis.door = DialplanDoor(stasis, "default", DEFAULTS, SAME_ENDPOINT)
    arguments = "gather=1"
    if is_prepared:
        plan = CallPlan(None, None, "default", "en", (WAITS,), lead_in=0.0, tail=0.0, inbound=True, goes_on=True)
        record = await stasis.prepare(plan, SAME_ENDPOINT["plain"], account="default", door="http")
        arguments = f"call={record['id']}"
    call = comes_in(streamed, arguments)
    await eventually(lambda: streamed.relays.opened)
    [recorded] = streamed.relays.opened
    recorded.connects()
    assert (recorded.order.name, recorded.facts.direction) == ("trunk", "inbound")
    await says(call, recorded, "near", 0)
    await call.press("7")
    await eventually(lambda: call.then)
    assert call.then[0].variables["OTPVOICE_DIGITS"] == "7"
    summary = await streamed.summary()
    assert media(summary) == [("trunk", "completed", "call", None)]
    assert recorded.tracks.keys() == {"near"}


async def test_what_a_trunk_wants_can_not_be_stopped_by_a_plan_and_breaks_no_call(streamed: Streamed) -> None:
    streamed.relays.refuses = True
    call = await streamed.answered(StopStream("trunk"), streams=(WANTED,))
    await streamed.house.until(StreamEnded)
    await call.press("1")
    summary = await streamed.summary()
    assert outcome(summary) == ("completed", None, "plan")
    assert media(summary) == [("trunk", "failed", "error", "internal")]
    assert summary["errors"][0]["action"] is None


async def test_streams_of_the_dead_are_not_asked_for(streamed: Streamed) -> None:
    """Nothing waits here: an order that comes when all is over opens nothing."""
    call = await streamed.answered()
    line = streamed.line
    call.hang_up()
    await streamed.summary()
    line.start_stream(3, ear("late"))
    assert not streamed.relays.opened
    assert not of(streamed.asterisk.requests, "snoop")
