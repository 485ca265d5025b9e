"""``stream.conf`` as it is, on a real Asterisk: a call is listened to while it is dialled, and a voicebot talks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from otpvoice.media.g711 import ulaw_encode
from otpvoice.media.streams.words import AudioTold, DigitTold, StreamStopped, Told
from otpvoice.media.tone import tone
from otpvoice.testkit.callee import Ending, IncomingCall, Scenario
from otpvoice.testkit.callee.rtp import Law
from otpvoice.testkit.callee.tone import sine
from tests.dialplan.house import SOON, Caller, House, dialplan, open_house, until, verdict, way
from tests.dialplan.stories import Stories
from tests.scenarios.stream_peer import PeerSession, a_peer

story = Stories()
LOW, HIGH = 440, 620
CALLEE = "442079460001"
URL = "Set(STREAM_URL=${PJSIP_HEADER(read,X-Url)})"
WAYS = (
    way("tapped", URL, "Goto(otpvoice-tap,tap,1)"),
    way("tapped-as-it-is", "Goto(otpvoice-tap,s,1)"),
    way("bot", URL, "Goto(otpvoice-voicebot,talk,1)"),
)
DIAL, GOODBYE, OVER = "dial@otpvoice-tap:2", "talk@otpvoice-voicebot:5", "T@otpvoice-voicebot:1"


async def callee_of(house: House, caller: str) -> IncomingCall:
    """Wait until the recipe's number is called for this caller, and answers."""

    def called() -> list[IncomingCall]:
        return [one for one in house.agent.calls if (one.invite.number, one.invite.caller) == (CALLEE, caller)]

    await until(lambda: bool(called()))
    (callee,) = called()
    await callee.answered(within=SOON)
    return callee


def holds(session: PeerSession, track: str, frequency: float) -> bool:
    """Is a tenth of a second of this tone in a track, to the byte? A phone on a busy machine is late with more."""
    return sine(frequency, 0.1, Law.PCMU) in session.sound(track)


async def talking(caller: Caller, callee: IncomingCall) -> None:
    """Have the two say something to each other, and wait until both have heard it."""
    await asyncio.gather(
        caller.phone.play_tone(LOW, 0.7), callee.play_tone(HIGH, 0.7),
        callee.heard(0.5, within=SOON), caller.hears(0.5),
    )  # fmt: skip


# --- the tap ----------------------------------------------------------------------------------------------------------


@story()
async def a_call_is_heard_while_it_is_dialled(house: House) -> None:
    """Both sides of it, until the caller's channel ends; and the dialplan went on at once."""
    async with a_peer() as peer:
        caller = house.calls("tapped", X_Url=peer.url, X_Customer="4711", caller="+15550501")
        callee = await callee_of(house, "+15550501")
        session = await peer.session()
        await talking(caller, callee)
        await session.until(lambda: holds(session, "near", LOW) and holds(session, "far", HIGH))
        assert not holds(session, "near", HIGH)
        await callee.hang_up()
        told = await caller.told()
        assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"]) == ("SUCCESS", "completed")
        assert caller.path[-2:] == [DIAL, "h@otpvoice-tap:1"]
        await session.over.wait()
        assert session.connection.close_code == 1000
        assert session.stopped == StreamStopped(None)
        assert session.began.tracks == ("near", "far")
        summary = await caller.summary()
        assert (verdict(summary), summary["direction"], summary["door"]) == (("completed", None), "inbound", "dialplan")
        assert summary["metadata"] == {"X-Customer": "4711"}
        [media] = summary["media"]
        assert (media["status"], media["disconnected_by"], media["mode"]) == ("completed", "call", "listen")
        assert (media["tracks"], media["dropped"], media["reconnects"]) == (["near", "far"], 0, 0)


@story()
async def a_caller_who_is_not_answered_yet_is_not_by_the_tap(house: House) -> None:
    async with a_peer() as peer:
        house.scenarios[CALLEE] = Scenario.answers(ring=0.2)
        caller = house.calls("tapped", X_Url=peer.url, caller="+15550502")
        await peer.session()
        await caller.at(DIAL)
        callee = await callee_of(house, "+15550502")
        await caller.phone.answered(within=SOON)
        assert caller.phone.times.final is not None
        assert callee.times.ok_sent is not None
        assert caller.phone.times.final >= callee.times.ok_sent, "by the callee, and by nobody before"
        await caller.phone.hang_up()
        assert await callee.ended(within=SOON) is Ending.CALLER_HUNG_UP


async def nobody() -> str:
    """Return a URL on this machine where nobody listens any more."""
    async with a_peer() as peer:
        return peer.url


@story("nobody listens there", None, ("completed", ""))
@story("it may not lead there", "ws://10.0.0.1/", ("invalid", "url"))
@story("it is no URL", "nowhere", ("invalid", "url"))
async def a_call_goes_on_without_its_stream(house: House, url: str | None, outcome: tuple[str, str]) -> None:
    number = f"+1555051{len(url or '')}"
    caller = house.calls("tapped", X_Url=url or await nobody(), caller=number)
    callee = await callee_of(house, number)
    await talking(caller, callee)
    await caller.phone.hang_up()
    await callee.ended(within=SOON)
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == outcome
    if url is None:
        [media] = (await caller.summary())["media"]
        assert (media["status"], media["started_at"], media["error"]) == ("failed", None, "connect")


@story()
async def the_url_of_the_recipe_is_an_example(house: House) -> None:
    """``streams.example`` is nobody's (RFC 2606): the call is dialled all the same."""
    caller = house.calls("tapped-as-it-is", caller="+15550503")
    callee = await callee_of(house, "+15550503")
    await caller.phone.hang_up()
    await callee.ended(within=SOON)


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_goes_on_where_nobody_is_home(empty_house: House) -> None:
    await empty_house.asterisk.load_dialplan(dialplan(*WAYS))
    empty_house.scenarios[CALLEE] = Scenario.answers()
    caller = empty_house.calls("tapped", X_Url="ws://127.0.0.1:9/", caller="+15550504")
    callee = await callee_of(empty_house, "+15550504")
    await talking(caller, callee)
    await callee.hang_up()
    assert (await caller.told())["STASISSTATUS"] == "FAILED"


# --- the voicebot -----------------------------------------------------------------------------------------------------


async def greets(session: PeerSession, told: Told) -> None:
    """Says something once it hears the caller, tells a key apart, and takes leave upon #."""
    match told:
        case AudioTold() if len(session.of(AudioTold)) == 1:
            await session.say(
                *session.listener.say(ulaw_encode(tone((HIGH,), 0.5))), *session.listener.mark("greeting")
            )
        case DigitTold("#"):
            await session.connection.close(1000, "goodbye")
        case _:
            pass


@story()
async def a_bot_talks_with_a_caller_and_takes_leave(house: House) -> None:
    async with a_peer(bot=greets) as peer:
        caller = house.calls("bot", X_Url=peer.url, caller="+15550601")
        session = await peer.session()
        await caller.hears(0.4)
        await session.until(lambda: session.marks == ["greeting"])
        await caller.phone.play_tone(LOW, 0.7)
        await session.until(lambda: holds(session, "inbound", LOW))
        await caller.press("4#")
        await session.over.wait()
        assert session.digits == "4#"
        await caller.at(GOODBYE)
        told = await caller.told()
        assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"], told["OTPVOICE_DIGITS"]) == ("SUCCESS", "completed", "")
        # The last Stasis() has said goodbye; the bot's call is the one before.
        [media] = (await summary_with(house, "+15550601"))["media"]
        assert (media["status"], media["disconnected_by"], media["close_reason"]) == ("completed", "peer", "goodbye")
        assert media["frames_received"] == 25


@story()
async def a_caller_hangs_up_on_a_bot(house: House) -> None:
    async with a_peer(bot=greets) as peer:
        caller = house.calls("bot", X_Url=peer.url, caller="+15550602")
        session = await peer.session()
        await caller.hears(0.3)
        await caller.phone.hang_up()
        assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"
        await session.over.wait()
        assert session.stopped == StreamStopped(None)
        [media] = (await caller.summary())["media"]
        assert (media["status"], media["disconnected_by"]) == ("completed", "call")


@story()
async def a_bot_that_is_not_there_is_no_end_of_the_call(house: House) -> None:
    caller = house.calls("bot", X_Url=await nobody(), caller="+15550603")
    await caller.at(GOODBYE)
    await caller.told()
    [media] = (await summary_with(house, "+15550603"))["media"]
    assert (media["status"], media["error"]) == ("failed", "connect")


@story()
async def a_bot_that_may_not_be_reached_is_nobody(house: House) -> None:
    caller = house.calls("bot", X_Url="ws://10.0.0.1/", caller="+15550605")
    await caller.at("s@otpvoice-unavailable:1")
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", "url")


@story()
async def a_bot_does_not_talk_for_longer_than_the_file_says(house: House) -> None:
    """Its limit strikes (the test moves it nearer): the caller is told, and the bot too."""
    async with a_peer(bot=greets) as peer:
        caller = house.calls("bot", X_Url=peer.url, caller="+15550604")
        session = await peer.session()
        await caller.hears(0.3)
        await house.asterisk.cli(f"dialplan set chanvar {caller.channel} TIMEOUT(absolute) 0.5")
        await caller.at(OVER)
        await session.over.wait()
        await caller.hears(0.5)
        assert (await caller.told())["OTPVOICE_STATUS"] == "completed"


async def summary_with(house: House, caller: str) -> dict[str, Any]:
    """Return the summary of a caller's call that was streamed."""
    (found,) = [one for one in await house.ended() if one["from"] == caller and one["media"]]
    return found


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, asyncio.Task[Any]]]:
    """All of them, in a house whose streams may lead to this machine."""
    async with open_house(tmp_path_factory.mktemp("house"), url_allow="127.0.0.1") as house:
        await house.asterisk.load_dialplan(dialplan(*WAYS))
        house.scenarios[CALLEE] = Scenario.answers(ring=0.2)
        async with story.told_in(house) as told:
            yield told


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", story.names)
async def test_that(told: dict[str, asyncio.Task[Any]], name: str) -> None:
    await told[name]
