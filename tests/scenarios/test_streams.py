"""The call's audio on somebody's WebSocket, as it was: one leg, two legs, and beside whatever the plan does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from otpvoice.core.actions import Action, Dial, Gather, Pause, Say, StopStream, Stream
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import (
    ActionCompleted,
    PartiesConnected,
    SpeakingFinished,
    StreamEnded,
    StreamStarted,
)
from otpvoice.media.g711 import Law
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.scenarios.callers import TAPPED
from tests.scenarios.phones import AgentNetwork, Phone
from tests.scenarios.stories import verdict, world_of
from tests.scenarios.stream_peer import PeerSession, a_peer
from tests.scenarios.world import FRAME, PlacedCall, World

LOW, HIGH = 700, 1100
WAITS = Gather(DigitRules(max_digits=1, first_digit_timeout=30.0))
"""Has the call last until a key is pressed, or somebody hangs up."""
FORMATS = ("twilio", "exotel", "voxology")
NAMES = {"voxology": {"inbound": "caller", "outbound": "api", "second": "transfer"}}
"""How a format calls the tracks, where that is its own way."""


def ear(url: str, format_: str = "twilio", *tracks: str, **fields: Any) -> Stream:
    return Stream(url, format_, tracks=tracks or ("inbound", "outbound"), **fields)


def sound(session: PeerSession, track: str, law: Law = "ulaw") -> bytes:
    [*names] = {told.track for told in session.told if hasattr(told, "track")}
    own = NAMES.get(session.listener.__class__.__module__.rsplit(".", 1)[-1], {}).get(track, track)
    return session.sound(own if own in names else track, law)


async def streaming(world: World, *actions: Action, to: Phone | None = None) -> tuple[PlacedCall, Phone]:
    """Place a call and wait until its stream runs."""
    phone = to or world.answers()
    call = await world.place(world.plan(*actions, to=phone))
    await call.seen(StreamStarted)
    return call, phone


def frames_apart(session: PeerSession, one: str, other: str) -> float:
    return abs(len(sound(session, one)) - len(sound(session, other))) / FRAME


# --- one party --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
async def test_what_the_phone_says_and_hears_is_what_the_peer_gets(kind: AsteriskInstance | None, format_: str) -> None:
    async with world_of(kind) as world, a_peer(format_) as peer:
        said = Say("One, two, three.", speed=2.0)
        call, phone = await streaming(world, ear(peer.url, format_), said, WAITS)
        await call.seen(SpeakingFinished)
        await phone.speaks(LOW, 0.6)
        await phone.hang_up()
        summary = await call.over()
        session = await peer.session()
        await session.over.wait()
        [utterance] = await world.sound_of(world.plan(said, to=phone))
        assert phone.tone(LOW, 0.6) in sound(session, "inbound")
        assert utterance.audio.strip(b"\xff") in sound(session, "outbound")
        assert frames_apart(session, "inbound", "outbound") <= 1
        [media] = summary["media"]
        assert (media["status"], media["disconnected_by"], media["error"]) == ("completed", "call", None)
        assert (media["format"], media["mode"], media["host"]) == (format_, "listen", "127.0.0.1")
        assert (media["dropped"], media["reconnects"]) == (0, 0)
        assert media["frames_sent"] * FRAME >= len(sound(session, "inbound")) > 0
        assert media["duration_ms"] > 600
        assert verdict(summary) == ("completed", None, "callee")


async def test_with_the_other_law_it_is_the_same() -> None:
    async with world_of(None, law="alaw") as world, a_peer() as peer:
        call, phone = await streaming(world, ear(peer.url), Say("One.", speed=2.0), WAITS)
        await phone.speaks(LOW, 0.5)
        await phone.hang_up()
        await call.over()
        session = await peer.session()
        await session.over.wait()
        assert len(sound(session, "inbound", "alaw").strip(b"\xd5")) >= 0.4 * 8000


async def test_streams_begin_and_end_where_the_plan_says_so(world: World) -> None:
    async with a_peer() as first, a_peer("exotel") as second:
        one, two = ear(first.url, name="one"), ear(second.url, "exotel", "inbound", name="two")
        phone = world.answers()
        plan = world.plan(one, two, Pause(0.6), StopStream("one"), Pause(0.4), StopStream("two"), WAITS, to=phone)
        call = await world.place(plan)
        await call.seen(StreamEnded, 2)
        sessions = [await first.session(), await second.session()]
        for session in sessions:
            await session.over.wait()
        assert [session.connection.close_code for session in sessions] == [1000, 1000]
        assert sessions[1].stopped is not None
        assert sessions[1].stopped.reason == "stopped"
        await phone.hang_up()
        summary = await call.over()
        assert [(media["name"], media["disconnected_by"]) for media in summary["media"]] == [
            ("one", "plan"),
            ("two", "plan"),
        ]
        assert summary["media"][0]["duration_ms"] < summary["media"][1]["duration_ms"]


async def test_a_stream_that_nobody_takes_is_an_error_and_the_call_goes_on(world: World) -> None:
    async with a_peer() as peer:
        nowhere = peer.url
    call = await world.place(world.plan(ear(nowhere), Say("One.", speed=2.0), Pause(0.5), to=world.answers()))
    summary = await call.over()
    [media] = summary["media"]
    assert (media["status"], media["started_at"]) == ("failed", None)
    assert [(error["code"], error["action"]) for error in summary["errors"]] == [("stream_failed", 0)]
    assert verdict(summary) == ("completed", None, "plan")


async def test_a_peer_that_breaks_off_is_connected_again(world: World) -> None:
    async with a_peer() as peer:
        call, phone = await streaming(world, ear(peer.url), WAITS)
        session = await peer.session()
        session.connection.transport.abort()
        again = await peer.session(2)
        await again.until(lambda: len(again.told) > 3)
        await phone.hang_up()
        [media] = (await call.over())["media"]
        assert (media["status"], media["reconnects"], media["disconnected_by"]) == ("completed", 1, "call")


async def test_a_peer_that_says_goodbye_is_let_go(world: World) -> None:
    async with a_peer() as peer:
        call, phone = await streaming(world, ear(peer.url), WAITS)
        await (await peer.session()).connection.close(1000, "enough")
        ended = await call.seen(StreamEnded)
        assert (ended.report.close_code, ended.report.close_reason) == (1000, "enough")
        await phone.hang_up()
        summary = await call.over()
        assert summary["media"][0]["disconnected_by"] == "peer"
        assert len(peer.sessions) == 1


# --- two parties ------------------------------------------------------------------------------------------------------


async def test_two_parties_are_three_tracks(world: World) -> None:
    async with a_peer() as peer:
        first, second = world.answers(), world.answers()
        tracks = ("inbound", "outbound", "second")
        plan = world.plan(ear(peer.url, "twilio", *tracks), Dial(second.number), WAITS, to=first)
        call = await world.place(plan)
        await call.seen(PartiesConnected)
        session = await peer.session()
        await asyncio.gather(first.speaks(LOW, 1.5), second.speaks(HIGH, 1.5))
        await second.hang_up()
        await call.seen(ActionCompleted, 2)
        await first.speaks(LOW, 0.5)
        await first.hang_up()
        summary = await call.over()
        await session.over.wait()
        low, high = first.tone(LOW, 0.5), second.tone(HIGH, 0.5)
        assert low in sound(session, "inbound")
        assert high in sound(session, "second")
        assert high in sound(session, "outbound")
        assert low not in sound(session, "second")
        assert frames_apart(session, "inbound", "second") <= 1
        assert frames_apart(session, "inbound", "outbound") <= 1
        assert summary["media"][0]["status"] == "completed"


# --- what the trunk wants ---------------------------------------------------------------------------------------------


async def test_a_trunk_streams_every_call_on_it(world: World) -> None:
    async with a_peer("voxology") as peer:
        wanted = Stream(peer.url, "voxology", name="trunk", tracks=("near", "far"), trusted=True)
        phone = world.answers()
        call = await world.place(world.plan(Say("One.", speed=2.0), WAITS, to=phone), streams=(wanted,))
        await call.seen(SpeakingFinished)
        await phone.speaks(LOW, 0.5)
        await phone.hang_up()
        summary = await call.over()
        session = await peer.session()
        await session.over.wait()
        assert phone.tone(LOW, 0.5) in sound(session, "near")
        assert len(sound(session, "far").strip(b"\xff")) > 0
        assert [message["type"] for message in session.messages][:3] == ["init_stream", "start_track", "start_track"]
        assert summary["media"][0]["name"] == "trunk"


# --- a tap ------------------------------------------------------------------------------------------------------------


@pytest.mark.asterisk
async def test_a_tap_lives_while_the_dialplan_connects_the_caller_with_somebody(asterisk: AsteriskInstance) -> None:
    async with world_of(asterisk) as world, a_peer("voxology") as peer:
        callee = world.answers()
        assert isinstance(world.network, AgentNetwork)
        host, port = world.network.agent.address
        arguments = f"stream={peer.url},mode=listen,then=continue,format=voxology"
        caller = world.calls_in(arguments, TAPPED, X_Callee=f"{callee.number}@{host}:{port}")
        session = await peer.session()
        await callee.picked_up()
        await asyncio.gather(caller.speaks(LOW, 1.5), callee.speaks(HIGH, 1.5))
        await callee.hang_up()
        call = await world.taken(caller)
        summary = await call.over()
        await session.over.wait()
        low, high = caller.tone(LOW, 0.5), callee.tone(HIGH, 0.5)
        assert low in callee.sound
        assert low in sound(session, "near")
        assert high in sound(session, "far")
        assert low not in sound(session, "far")
        assert (summary["door"], summary["direction"], verdict(summary)[0]) == ("dialplan", "inbound", "completed")
        assert summary["media"][0]["disconnected_by"] == "call"
        assert len(summary["media"][0]["tracks"]) == 2
