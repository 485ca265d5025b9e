"""Somebody else has the callee: it is heard, its marks come back when they were played, and then the plan goes on."""

from __future__ import annotations

from typing import Any

import pytest

from otpvoice.core.actions import Action, Gather, Pause, Say, Stream
from otpvoice.core.digits import DigitRules
from otpvoice.core.events import ActionCompleted, StreamEnded, StreamStarted
from otpvoice.media.g711 import ulaw_decode, ulaw_encode
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import AudioTold, StreamBegan, Told
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side, verdict
from tests.scenarios.stream_peer import Peer, PeerSession, a_peer
from tests.scenarios.world import FRAME, PlacedCall, World

LOW, HIGH = 700, 1100
BYE = Say("Good bye.", speed=2.0)
WAITS = Gather(DigitRules(max_digits=1, first_digit_timeout=30.0))
TALKING = ("twilio", "exotel")
pytestmark = pytest.mark.parametrize("format_", TALKING)


def spoken(session: PeerSession, sound: bytes) -> list[str]:
    """Return what says this μ-law sound in the format of a session, at 8000 Hz."""
    return session.listener.say(sound if session.began.encoding == "audio/x-mulaw" else ulaw_decode(sound))


async def talking(world: World, peer: Peer, format_: str, *after: Action) -> tuple[PlacedCall, Phone, PeerSession]:
    """Place a call that is a voicebot's."""
    phone = world.answers()
    call = await world.place(world.plan(Stream(peer.url, format_, name="bot", mode="talk"), *after, to=phone))
    await call.seen(StreamStarted)
    session = await peer.session()
    await session.until(lambda: bool(session.of(StreamBegan)))
    return call, phone, session


def media(summary: dict[str, Any]) -> dict[str, Any]:
    [entry] = summary["media"]
    assert isinstance(entry, dict)
    return entry


async def test_what_it_says_is_heard_and_what_is_said_it_hears(world: World, format_: str) -> None:
    async def echo(session: PeerSession, told: Told) -> None:
        if isinstance(told, AudioTold):
            await session.say(*spoken(session, ulaw_encode(told.pcm)))

    async with a_peer(format_, echo) as peer:
        call, phone, session = await talking(world, peer, format_, WAITS)
        await phone.speaks(LOW, 0.8)
        await session.until(lambda: phone.tone(LOW, 0.5) in session.sound("inbound"))
        await phone.heard(0.7)
        await phone.hang_up()
        summary = await call.over()
        await session.over.wait()
        assert phone.tone(LOW, 0.5) in phone.sound
        entry = media(summary)
        assert (entry["mode"], entry["tracks"], entry["disconnected_by"]) == ("talk", ["inbound"], "call")
        assert entry["frames_received"] > 25
        assert session.stopped is not None
        assert session.stopped.reason == {"exotel": "callended", "twilio": None}[format_]
        assert verdict(summary) == ("completed", None, "callee")


async def test_marks_come_back_when_they_were_played(world: World, format_: str) -> None:
    async with a_peer(format_) as peer:
        call, phone, session = await talking(world, peer, format_, WAITS)
        tone = phone.tone(HIGH, 0.6)
        await session.say(*session.listener.mark("at once"))
        await session.until(lambda: session.marks == ["at once"])
        await session.say(*spoken(session, tone), *session.listener.mark("one"))
        await session.say(*spoken(session, tone), *session.listener.mark("two"))
        assert session.marks == ["at once"]
        await session.until(lambda: "one" in session.marks)
        assert session.marks == ["at once", "one"]
        await session.until(lambda: "two" in session.marks)
        await phone.hang_up()
        await call.over()
        heard = phone.sound.strip(b"\xff")
        assert tone.strip(b"\xff") in heard
        assert len(heard) >= 2 * len(tone) - 4 * FRAME


async def test_what_is_cleared_is_not_heard(world: World, format_: str) -> None:
    """Its marks come back at once where the format wants that; where a mark says *played*, never."""
    back = ["never"] if FORMATS[format_].clear_returns_marks else []
    async with a_peer(format_) as peer:
        call, phone, session = await talking(world, peer, format_, WAITS)
        for _ in range(8):
            await session.say(*spoken(session, phone.tone(HIGH, 1.0)))
        await session.say(*session.listener.mark("never"))
        await phone.heard(0.3)
        await session.say(*session.listener.clear())
        await session.say(*spoken(session, phone.tone(LOW, 0.4)), *session.listener.mark("after"))
        await session.until(lambda: session.marks == [*back, "after"])
        await phone.hang_up()
        await call.over()
        assert len(phone.sound.strip(b"\xff")) < 4 * 8000
        assert phone.tone(LOW, 0.3).strip(b"\xff") in phone.sound


async def test_keys_are_passed_on_and_are_nobody_elses(world: World, format_: str) -> None:
    async with a_peer(format_) as peer:
        call, phone, session = await talking(world, peer, format_, WAITS)
        await phone.press("42*#")
        await session.until(lambda: session.digits == "42*#")
        await session.connection.close()
        await call.seen(StreamEnded)
        await phone.press("7")
        await call.over()
        assert call.keys == ["7"]


async def test_when_it_leaves_the_plan_goes_on(world: World, format_: str) -> None:
    async with a_peer(format_) as peer:
        call, phone, session = await talking(world, peer, format_, BYE)
        # What it says in the moment of leaving is cut: it has left.
        await session.say(*spoken(session, phone.tone(HIGH, 5.0)))
        await session.connection.close(1000, "done")
        summary = await call.over()
        entry = media(summary)
        assert (entry["status"], entry["disconnected_by"], entry["close_code"]) == ("completed", "peer", 1000)
        assert entry["close_reason"] == "done"
        assert entry["duration_ms"] is not None
        assert verdict(summary) == ("completed", None, "plan")
        [goodbye] = await world.sound_of(world.plan(BYE, to=phone))
        assert goodbye.audio.strip(b"\xff") in phone.sound
        assert [event.type for event in call.of(ActionCompleted)] == ["stream", "say"]


async def test_one_that_is_not_there_or_breaks_off_does_not_hold_the_plan_up(world: World, format_: str) -> None:
    async def not_there() -> None:
        async with a_peer(format_) as peer:
            nowhere = Stream(peer.url, format_, mode="talk")
        summary = await world.call(world.plan(nowhere, BYE, to=world.answers()))
        assert (media(summary)["status"], media(summary)["started_at"]) == ("failed", None)
        assert [error["code"] for error in summary["errors"]] == ["stream_failed"]
        assert verdict(summary) == ("completed", None, "plan")

    async def breaks_off() -> None:
        async with a_peer(format_) as peer:
            call, _, session = await talking(world, peer, format_, BYE)
            session.connection.transport.abort()
            summary = await call.over()
            entry = media(summary)
            assert (entry["status"], entry["disconnected_by"], entry["error"]) == ("failed", "peer", "lost")
            assert (entry["close_code"], entry["reconnects"]) == (1006, 0)
            assert [error["code"] for error in summary["errors"]] == ["stream_failed"]
            assert verdict(summary) == ("completed", None, "plan")
            assert len(peer.sessions) == 1

    await side_by_side(not_there(), breaks_off())


async def test_a_call_that_is_hung_up_by_us_ends_it(world: World, format_: str) -> None:
    async with a_peer(format_) as peer:
        call, _, session = await talking(world, peer, format_, Pause(30.0))
        call.hang_up()
        summary = await call.over()
        await session.over.wait()
        assert media(summary)["disconnected_by"] == "call"
        assert session.connection.close_code == 1000
        assert verdict(summary) == ("completed", None, "api")
