"""What the callee hears, sends and waits for, and many calls at once, against a caller made by hand."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise

import pytest

from otpvoice.testkit.callee import CalleeAgent, CallOver, Ending, HeardAudio, HeardPackets, HeardSilence, Scenario
from tests.testkit.caller import LOUD, QUIET, SOON, calling, phone, taken


async def test_what_is_heard_is_recorded() -> None:
    async with phone() as (agent, caller):
        ok = await caller.answered()
        call = await taken(agent)
        upcoming = asyncio.create_task(call.next_packet(within=SOON))
        await asyncio.sleep(0)
        caller.speak(ok, LOUD, QUIET, LOUD)
        assert (await upcoming).sequence == 1
        await call.heard_packets(3, within=SOON)
        await call.heard(0.04, within=SOON)
        recording = call.recording
        assert recording.payload() == LOUD + QUIET + LOUD
        assert [packet.sequence for packet in recording.packets] == [1, 2, 3]
        assert call.times.first_rtp == recording.packets[0].arrival == call.times.first_sound
        assert call.times.ok_sent is not None
        assert call.times.first_rtp > call.times.ok_sent


async def test_a_stranger_is_not_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        async with phone() as (agent, caller):
            ok = await caller.answered()
            caller.speak(ok, QUIET, source=stranger)
            caller.speak(ok, LOUD)
            call = await taken(agent)
            await call.heard_packets(1, within=SOON)
            assert call.recording.payload() == LOUD


async def test_without_recording_only_counts_and_times_are_kept() -> None:
    async with phone(record=False) as (agent, caller):
        ok = await caller.answered()
        caller.speak(ok, QUIET, LOUD)
        call = await taken(agent)
        await call.heard(0.02, within=SOON)
        assert (call.recording.packets, call.recording.count) == ([], 2)
        assert call.times.first_rtp is not None


async def test_what_has_come_by_the_end_is_heard_by_an_agent_that_is_late() -> None:
    """It finds the BYE first, and the audio behind it: nothing of that is lost, and who waits for it gets it."""
    async with phone() as (agent, caller):
        ok = await caller.answered()
        call = await taken(agent)
        waiting = asyncio.create_task(call.heard_packets(20, within=SOON))
        await asyncio.sleep(0)
        caller.request("BYE")
        caller.speak(ok, *[LOUD] * 20)
        await call.ended(within=SOON)
        await waiting
        assert call.recording.payload() == LOUD * 20


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (Scenario.answers().hangs_up(when=HeardPackets(3)), (QUIET, QUIET, QUIET)),
        (Scenario.answers().hangs_up(when=HeardAudio(0.04)), (LOUD, QUIET, LOUD)),
        (Scenario.answers().hangs_up(when=HeardSilence(0.05)), (LOUD, QUIET)),
        (Scenario.answers().hangs_up(after=0.02), ()),
    ],
)
async def test_moments(scenario: Scenario, said: tuple[bytes, ...]) -> None:
    async with phone(scenario) as (agent, caller):
        ok = await caller.answered()
        call = await taken(agent)
        caller.speak(ok, *said)
        caller.reply(await caller.expect("BYE"), "200 OK")
        await call.ended(within=SOON)
        if said:
            assert call.times.bye is not None
            assert call.recording.last_arrival is not None
            assert call.times.bye >= call.recording.last_arrival


async def test_silence_is_counted_from_the_last_sound() -> None:
    async with phone() as (agent, caller):
        ok = await caller.answered()
        call = await taken(agent)
        waiting = asyncio.create_task(call.heard_silence(0.1, within=SOON))
        caller.speak(ok, QUIET)
        await call.heard_packets(1, within=SOON)
        assert not waiting.done()
        caller.speak(ok, LOUD, QUIET)
        await waiting
        assert call.recording.last_sound is not None
        assert asyncio.get_running_loop().time() >= call.recording.last_sound + 0.1
        hung = asyncio.create_task(call.heard_silence(9.0))
        caller.request("BYE")
        with pytest.raises(CallOver):
            await hung


async def test_waiting_has_an_end() -> None:
    async with phone() as (agent, caller):
        await caller.answered()
        call = await taken(agent)
        for wait in (call.heard(1, within=0.01), call.heard_silence(1, within=0.01), call.ended(within=0.01)):
            with pytest.raises(TimeoutError):
                await wait
        with pytest.raises(TimeoutError):
            await agent.next_call(within=0.01)


async def test_keys_leave_at_the_times_of_the_press() -> None:
    async with phone(Scenario.answers().with_silence(0)) as (agent, caller):
        await caller.answered()
        call = await taken(agent)
        await call.press("4#", on=0.06, off=0.04)
        packets = [await caller.hear() for _ in range(12)]
        assert {packet[1] & 0x7F for packet in packets} == {101}
        # Code, end bit and duration of each packet, back to back where the gap had no room.
        assert [(packet[12], packet[13] >> 7, int.from_bytes(packet[14:16], "big")) for packet in packets] == [
            (4, 0, 160), (4, 0, 320), (4, 0, 480), (4, 1, 480), (4, 1, 480), (4, 1, 480),
            (11, 0, 160), (11, 0, 320), (11, 0, 480), (11, 1, 480), (11, 1, 480), (11, 1, 480),
        ]  # fmt: skip
        first, second = call.strokes
        assert (first.digit, second.digit) == ("4", "#")
        assert first.down <= first.up <= second.down <= second.up


async def test_keys_without_telephone_event_are_refused() -> None:
    async with phone(Scenario.answers().without_telephone_event()) as (agent, caller):
        ok = await caller.answered()
        assert "telephone-event" not in ok.body
        with pytest.raises(ValueError, match="not negotiated"):
            await (await taken(agent)).press("1")


async def test_a_tone_is_sent_between_silence() -> None:
    async with phone(Scenario.answers().plays_tone(440, 0.06)) as (_, caller):
        await caller.answered()
        loud: list[int] = []
        while len(loud) < 3:
            packet = await caller.hear()
            if packet[12:] != QUIET:
                loud.append(int.from_bytes(packet[4:8], "big"))
        assert [(after - before) % 2**32 for before, after in pairwise(loud)] == [160, 160]


async def test_many_calls_at_once() -> None:
    async with phone() as (agent, _):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(40):
                tasks.create_task(_one_of_many(agent))
        assert [call.ended_by for call in agent.calls] == [Ending.CALLER_HUNG_UP] * 40
        assert len({call.dialog.local_tag for call in agent.calls}) == 40


async def _one_of_many(agent: CalleeAgent) -> None:
    async with calling(agent) as caller:
        await caller.answered()
        await caller.hear()
        caller.request("BYE")
        await caller.expect("200")


async def test_the_end_of_the_agent_is_the_end_of_its_calls() -> None:
    async with CalleeAgent() as agent, calling(agent) as talking, calling(agent) as ringing:
        await talking.answered()
        call = await taken(agent)
        await call.answered(within=SOON)
        agent.scenario = Scenario.never_answers()
        ringing.invite()
        await ringing.expect("100", "180")
        closing = asyncio.create_task(agent.close())
        talking.reply(await talking.expect("BYE"), "200 OK")
        await ringing.expect("480")
        await asyncio.wait_for(closing, SOON)
        assert [call.ended_by for call in agent.calls] == [Ending.CALLEE_HUNG_UP, Ending.REJECTED]
