"""Listening on a real Asterisk: what a leg gives of its party, what snoops give of others, and that nothing is left.

Signals are known to the byte. A machine that is busy sends them late, and then a snoop fills in silence: what must be
right is what is not silent.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from otpvoice.ari.application import channels_in
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.leg import LegEvent, MediaLeg
from otpvoice.ari.node import AsteriskNode, NodeSettings
from otpvoice.ari.router import AriEvent
from otpvoice.ari.snoop import Snoop, Spy
from otpvoice.core.events import DigitReceived
from otpvoice.media.playout import Piece
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, OutgoingCall, Scenario
from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.rtp import Law, RtpPacket
from otpvoice.testkit.callee.sdp import Direction
from tests.ari.rig import APP, FRAME, OWN_APP, Watcher, a_while, eventually, running

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

DIALPLAN = f"""[from-trunk]
exten => 100,1,Stasis({APP})
exten => 200,1,Dial(PJSIP/15550122@trunk)
exten => 300,1,Answer()
 same => n,Read(PIN,,4,,1,20)
"""
LAWS = {"ulaw": Law.PCMU, "alaw": Law.PCMA}
WITHIN = 5.0
T = TypeVar("T")


class Place:
    """A phone with several lines, an Asterisk that speaks one law, and our node on it."""

    def __init__(self, agent: CalleeAgent, asterisk: AsteriskInstance, node: AsteriskNode, watcher: Watcher) -> None:
        self.agent, self.asterisk, self.node, self.watcher = agent, asterisk, node, watcher
        self.law = LAWS[node.settings.law]
        self.ended: list[str] = []
        self.made: list[Snoop] = []
        self._count = 0

    @property
    def quiet(self) -> bytes:
        return self.law.silence * FRAME

    def signal(self, frames: int, seed: int) -> bytes:
        chance = random.Random(seed)
        return bytes(chance.randrange(256) for _ in range(frames * FRAME))

    def snooped(self, signal: bytes) -> list[bytes]:
        """A signal's frames behind a snoop: mu-law has one zero only there."""
        signal = signal.replace(b"\x7f", b"\xff") if self.law is Law.PCMU else signal
        return [signal[start : start + FRAME] for start in range(0, len(signal), FRAME)]

    async def calls(self, extension: str) -> tuple[OutgoingCall, str]:
        """Somebody calls, and sends nothing by itself; and the channel's id."""
        before = await self.sip()
        scenario = Scenario.talks().with_silence(0)
        call = self.agent.call(("127.0.0.1", self.asterisk.sip_port), extension, scenario=scenario)

        async def arrived() -> list[str]:
            return [one for one, exten in (await self.sip()).items() if one not in before and exten == extension]

        [channel_id] = await becomes(arrived)
        return call, channel_id

    async def sip(self) -> dict[str, str]:
        """The channels of telephones, and the extensions that they called; "" of one that was called."""
        channels: list[AriEvent] = await self.node.rest.get("channels")
        places = {one["id"]: one["dialplan"] for one in channels if one["name"].startswith("PJSIP/")}
        return {one: "" if at["app_name"] == "AppDial" else at["exten"] for one, at in places.items()}

    async def in_stasis(self) -> tuple[OutgoingCall, CallChannel]:
        """Somebody who is in our hands, and picked up."""
        call, channel_id = await self.calls("100")
        started = self.watcher.strangers
        await eventually(
            lambda: [e for e in started if e["type"] == "StasisStart" and e["channel"]["id"] == channel_id]
        )
        self.node.router.register(channel_id, lambda _: None)
        channel = CallChannel(self.node.rest, channel_id)
        await channel.answer()
        await call.answered(within=WITHIN)
        return call, channel

    def snoop(self, channel_id: str, spy: Spy, heard: list[bytes]) -> Snoop:
        self._count += 1
        name = f"snoop-{self._count}"

        def ended() -> None:
            self.ended.append(name)

        made = Snoop(self.node, channel_id, spy, name, lambda audio, _: heard.append(audio), ended)
        self.made.append(made)
        return made

    async def nothing_left(self) -> None:
        """All legs are back, and all of them were proven clean; there are no other channels and no other bridges."""
        pool = self.node.pool
        await eventually(lambda: pool.taken == 0 and not pool._retiring)
        assert self.legs <= pool.ids, "none was retired"

        async def only_legs() -> bool:
            return {channel["id"] for channel in await self.node.rest.get("channels")} == pool.ids

        await becomes(only_legs)
        bridges = await self.node.rest.get("bridges")
        assert sorted(bridge["id"] for bridge in bridges) == sorted(f"{leg}-bridge" for leg in pool.ids)
        assert all(len(bridge["channels"]) == 1 for bridge in bridges)

    legs: set[str] = set()  # noqa: RUF012 - those that were there when the test began


async def becomes(happened: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Ask until the answer is something: nobody tells."""
    async with asyncio.timeout(WITHIN):
        while not (answer := await happened()):  # noqa: ASYNC110 - Asterisk has no event for it
            await asyncio.sleep(0.01)
    return answer


async def says(call: Call, signal: bytes) -> None:
    """Send G.711 in packets of 20 ms."""
    stream = call._audio.stream
    assert stream is not None
    await call._sent(lambda finished: stream.play(signal, finished))


async def sends(call: Call, law: Law, signal: bytes, size: int, first: int) -> None:
    """Send packets of so many bytes, each in its time."""
    loop = asyncio.get_running_loop()
    socket, begin = call._audio._socket, loop.time()
    assert socket is not None
    for number, start in enumerate(range(0, len(signal), size)):
        packet = RtpPacket(law.value, (first + number) & 0xFFFF, first * 1000 + start, 77, signal[start : start + size])
        socket.send(packet.encode())
        await asyncio.sleep(begin + (number + 1) * size / 8000 - loop.time())


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=LAWS)
async def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    law = request.param
    scenario = Scenario.answers().with_silence(0)
    async with (
        CalleeAgent(scenario) as agent,
        await AsteriskInstance.start(
            tmp_path_factory.mktemp("asterisk") / "run",
            trunk=agent.address,
            codecs=law,
            rtp_ports=80,
            extensions=DIALPLAN,
            extra_config={"modules.conf": "load = app_dial.so\nload = app_read.so"},
        ) as asterisk,
    ):
        settings = NodeSettings(
            name="one",
            url=asterisk.ari_url,
            user=asterisk.ari_user,
            password=asterisk.ari_password,
            app=APP,
            instance="a",
            law=law,
            silence=LAWS[law].silence,
            legs_minimum=4,
            legs_maximum=8,
        )
        watcher = Watcher()
        async with running(AsteriskNode(settings, watcher)) as node:
            yield Place(agent, asterisk, node, watcher)
            await node.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(house: Place) -> AsyncIterator[Place]:
    house.ended.clear()
    house.legs = set(house.node.pool.ids)
    yield house
    for call in (*house.agent.placed, *house.agent.calls):
        await call.hang_up()
    await asyncio.gather(*(snoop.close() for snoop in house.made))
    await house.nothing_left()


# --- a leg ------------------------------------------------------------------------------------------------------------


class Line:
    """Somebody in the bridge of a leg; what was heard, and told."""

    def __init__(self, place: Place, call: OutgoingCall, channel: CallChannel, leg: MediaLeg) -> None:
        self.place, self.call, self.channel, self.leg = place, call, channel, leg
        self.heard: list[bytes] = []
        self.told: list[LegEvent] = []
        leg.ear = lambda audio, _: self.heard.append(audio)
        leg.listener = self.told.append

    @property
    def keys(self) -> str:
        return "".join(event.digit for event in self.told if isinstance(event, DigitReceived))

    async def over(self) -> None:
        await self.channel.hang_up()
        await self.place.node.pool.give_back(self.leg)


async def a_line(place: Place, *, listens: bool = True) -> Line:
    call, channel = await place.in_stasis()
    leg = await place.node.pool.take(1.0)
    line = Line(place, call, channel, leg)
    await leg.listen(listens)
    assert await channel.join(leg)
    return line


async def test_each_packet_of_the_phone_is_a_message_byte_for_byte(place: Place) -> None:
    line = await a_line(place)
    for number, size in enumerate((160, 80, 240, 320)):
        line.heard.clear()
        signal = place.signal(24, number)
        await sends(line.call, place.law, signal, size, first=1000 * (number + 1))
        await eventually(lambda: len(b"".join(line.heard)) >= len(signal))  # noqa: B023
        assert b"".join(line.heard) == signal
        assert Counter(map(len, line.heard)) == {size: len(signal) // size}
    await line.over()


async def test_who_sends_nothing_or_holds_is_not_heard(place: Place) -> None:
    line = await a_line(place)
    await a_while(0.2)
    assert line.heard == [], "a phone that suppresses silence"
    speaking = asyncio.create_task(says(line.call, place.signal(100, 1)))
    await eventually(lambda: len(line.heard) > 5)
    await line.call.hold(Direction.INACTIVE)
    line.heard.clear()
    await a_while(0.2)
    assert len(line.heard) <= 1
    await line.call.resume()
    await eventually(lambda: len(line.heard) > 5)
    await speaking
    await line.over()


async def test_nobody_listens_until_somebody_does_and_not_for_longer(place: Place) -> None:
    line = await a_line(place, listens=False)
    speaking = asyncio.create_task(says(line.call, place.signal(150, 1)))
    await a_while(0.3)
    assert line.heard == []
    await line.leg.listen(True)
    await eventually(lambda: len(line.heard) > 10)
    await line.leg.listen(False)
    await a_while(0.1)
    line.heard.clear()
    await a_while(0.2)
    assert line.heard == []
    await speaking
    await line.over()


async def test_keys_come_once_and_not_as_audio(place: Place) -> None:
    line = await a_line(place)
    await line.call.press("1234567890", on=0.04, off=0.04)
    await eventually(lambda: len(line.keys) >= 10)
    await a_while(0.1)
    assert line.keys == "1234567890"
    assert line.heard == []
    await line.over()


async def test_what_is_said_as_it_comes_arrives_byte_for_byte(place: Place) -> None:
    line = await a_line(place, listens=False)
    signal = place.signal(60, 5)
    for start in range(0, len(signal), FRAME):
        line.leg.say("s", [Piece(signal[start : start + FRAME], 1 if start + FRAME == len(signal) else None)])
        await asyncio.sleep(0.018)
    await eventually(lambda: any(getattr(event, "index", None) == 1 for event in line.told))
    await line.call.heard_packets(60, within=WITHIN)
    assert line.call.recording.payload().replace(place.law.silence * 80, b"").startswith(signal[:FRAME])
    assert b"".join(packet.payload for packet in line.call.recording.packets if len(packet.payload) == FRAME) == signal
    await line.over()


async def test_no_frame_of_one_call_reaches_the_next(place: Place) -> None:
    """Whoever speaks until the end, and whoever comes then, over the same leg."""
    others = [await place.node.pool.take(1.0) for _ in range(7)]
    only: MediaLeg | None = None
    for turn in range(6):
        line = await a_line(place)
        only = only or line.leg
        assert line.leg is only
        own = bytes([1 + turn]) * FRAME
        speaking = asyncio.create_task(says(line.call, own * 500))
        await eventually(lambda: len(line.heard) > 3)  # noqa: B023
        await line.over()
        heard = len(line.heard)
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        assert set(line.heard) == {own}
        assert heard == len(line.heard)
    for leg in others:
        await place.node.pool.give_back(leg)


# --- snoops -----------------------------------------------------------------------------------------------------------


async def four_snoops(place: Place, first: str, second: str) -> tuple[list[Snoop], dict[str, list[bytes]]]:
    heard: dict[str, list[bytes]] = {}
    opened = []
    for who, channel_id in (("first", first), ("second", second)):
        heard |= {f"{who} in": [], f"{who} out": []}
        opened.append(place.snoop(channel_id, "in", heard[f"{who} in"]))
        opened.append(place.snoop(channel_id, "out", heard[f"{who} out"]))
    assert all(await asyncio.gather(*(snoop.open() for snoop in opened)))
    return opened, heard


async def both_speak(place: Place, first: Call, second: Call, heard: dict[str, list[bytes]]) -> None:
    """Both at once, for a second: each is heard in its own "in" and in the other's "out", and nowhere else."""
    signals = {"first": place.signal(50, 1), "second": place.signal(50, 2)}
    await asyncio.gather(says(first, signals["first"]), says(second, signals["second"]))

    def sounds(track: str) -> list[bytes]:
        return [frame for frame in heard[track] if frame != place.quiet]

    expected = {
        "first in": place.snooped(signals["first"]),
        "first out": place.snooped(signals["second"]),
        "second in": place.snooped(signals["second"]),
        "second out": place.snooped(signals["first"]),
    }
    for track, frames in expected.items():
        await eventually(lambda: len(sounds(track)) >= 50)  # noqa: B023
        assert sounds(track) == frames, track
    assert {len(frame) for frames in heard.values() for frame in frames} == {FRAME}


async def ended_all(place: Place, snoops: list[Snoop]) -> None:
    await eventually(lambda: len(place.ended) == len(snoops))
    await asyncio.gather(*(snoop.close() for snoop in snoops))
    assert len(place.ended) == len(set(place.ended)) == len(snoops), "once each"


async def test_two_whom_a_dialplan_connects_are_heard_and_notice_nothing(place: Place) -> None:
    first, first_id = await place.calls("200")
    await first.answered(within=WITHIN)
    second = place.agent.calls[-1]
    [second_id] = set(await place.sip()) - {first_id}
    snoops, heard = await four_snoops(place, first_id, second_id)
    await both_speak(place, first, second, heard)
    spoken = [packet.payload for packet in second.recording.packets if len(packet.payload) == FRAME]
    assert b"".join(spoken) == place.signal(50, 1), "as it was, without a snoop's one zero"
    await first.hang_up()
    await ended_all(place, snoops)


async def test_two_who_talk_in_a_bridge_of_ours_are_heard(place: Place) -> None:
    first, near = await place.in_stasis()
    second, far = await place.in_stasis()
    await place.node.rest.post("bridges/otpvoice-a-talk-call_1-1", {"type": "mixing,dtmf_events,proxy_media"})
    try:
        assert await near.enter("otpvoice-a-talk-call_1-1")
        assert await far.enter("otpvoice-a-talk-call_1-1")
        snoops, heard = await four_snoops(place, near.id, far.id)
        await both_speak(place, first, second, heard)
        for snoop in snoops:
            await snoop.close()
        assert place.ended == [], "it was us"
    finally:
        # Whatever came of it, the next test finds no bridge of this one.
        await place.node.rest.delete("bridges/otpvoice-a-talk-call_1-1")


async def test_whoever_is_in_a_dialplan_gives_a_frame_each_20_ms_also_where_nothing_is_said(
    place: Place,
) -> None:
    call, channel_id = await place.calls("300")
    await call.answered(within=WITHIN)
    said: list[bytes] = []
    hears: list[bytes] = []
    snoops = [place.snoop(channel_id, "in", said), place.snoop(channel_id, "out", hears)]
    assert all(await asyncio.gather(*(snoop.open() for snoop in snoops)))
    loop = asyncio.get_running_loop()
    await eventually(lambda: len(said) >= 1)
    begin = loop.time()
    await eventually(lambda: len(said) >= 51)
    assert 0.9 < loop.time() - begin < 1.2
    await eventually(lambda: len(hears) >= 51)
    assert set(said) == set(hears) == {place.quiet}
    await call.hang_up()
    await ended_all(place, snoops)


async def test_a_phone_that_rings_is_heard_in_silence_and_a_channel_that_is_gone_is_not(place: Place) -> None:
    call, channel_id = await place.calls("100")
    said: list[bytes] = []
    snoop = place.snoop(channel_id, "in", said)
    assert await snoop.open()
    await eventually(lambda: len(said) > 5)
    await call.hang_up()
    await ended_all(place, [snoop])
    assert await place.snoop(channel_id, "in", said).open() is False


async def test_no_frame_of_one_snoop_reaches_another(place: Place) -> None:
    others = [await place.node.pool.take(1.0) for _ in range(7)]
    lines = [await place.in_stasis() for _ in range(2)]
    own = [bytes([1 + number]) * FRAME for number in range(2)]
    speaking = [asyncio.create_task(says(call, frame * 1000)) for (call, _), frame in zip(lines, own, strict=True)]
    for turn in range(12):
        heard: list[bytes] = []
        snoop = place.snoop(lines[turn % 2][1].id, "in", heard)
        assert await snoop.open()
        await eventually(lambda: len(heard) > 3)  # noqa: B023
        await snoop.close()
        assert set(heard) <= {own[turn % 2], place.quiet}
    for task in speaking:
        task.cancel()
    await asyncio.gather(*speaking, return_exceptions=True)
    for leg in others:
        await place.node.pool.give_back(leg)


async def test_a_snoop_outlives_the_events_socket_and_one_of_a_former_life_does_not(place: Place) -> None:
    call, channel = await place.in_stasis()
    said: list[bytes] = []
    snoop = place.snoop(channel.id, "in", said)
    assert await snoop.open()
    speaking = asyncio.create_task(says(call, place.signal(400, 1)))
    told: list[AriEvent] = []
    place.node.router.register("former-life", told.append)  # else it is a stranger, and ended at once
    assert await channel.snoop("former-life", "in", OWN_APP)
    await eventually(lambda: told)
    place.node.router.forget("former-life")
    gaps = len(place.watcher.gaps)
    assert place.node._socket is not None
    await place.node._socket.close()
    await eventually(lambda: len(place.watcher.gaps) > gaps)
    alive, _ = place.watcher.gaps[-1]
    assert {snoop._channel.id, "former-life"} <= alive
    snoop.after_gap(alive)
    await gone(place, "former-life")
    speaking.cancel()
    said.clear()
    await eventually(lambda: len(said) > 5)
    assert place.ended == []
    await snoop.close()


async def gone(place: Place, channel_id: str) -> None:
    channel = CallChannel(place.node.rest, channel_id)

    async def is_gone() -> bool:
        return await channel.state() is None

    await becomes(is_gone)


async def test_a_snoop_of_who_sends_nothing_is_over_at_once_and_gone_with_the_next_packet(
    place: Place,
) -> None:
    """``ast_audiohook_detach`` waits for the other channel's thread: it is nobody's any more, and in nobody's way."""
    call, channel = await place.in_stasis()
    said: list[bytes] = []
    snoop = place.snoop(channel.id, "in", said)
    assert await snoop.open()
    await snoop.close()
    assert place.node.pool.taken == 0
    still = CallChannel(place.node.rest, snoop._channel.id)
    assert await still.state() is not None
    assert still.id not in await channels_in(place.node.rest, OWN_APP)
    await says(call, place.signal(3, 1))
    await gone(place, still.id)
