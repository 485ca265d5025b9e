"""Sound by order: from memory, from the disk, or made; once for all, and what a call waits for first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.speech import asking as asking_module
from otpvoice.adapters.speech.asking import Asking, NeverTaken
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.orders import Keeping, Order
from otpvoice.adapters.speech.supply import LONGEST_CHARACTER, Supply
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.clip import Clip
from otpvoice.media.wav import Wave
from tests.adapters.speech_stands import NOTHING, Stand, Tally, Untouched


class Disk:
    """Clips by address."""

    def __init__(self) -> None:
        self.clips: dict[str, Clip] = {}

    async def get(self, address: str) -> Clip | None:
        return self.clips.get(address)

    async def put(self, address: str, clip: Clip) -> None:
        self.clips[address] = clip


class House:
    """A supply of stand-ins."""

    def __init__(self, *stands: Stand, disk: Disk | None = None, room: int = 1 << 20) -> None:
        self.stands: Mapping[str, Stand] = {stand.name: stand for stand in stands or (Stand(),)}
        self.engine = next(iter(self.stands.values()))
        self.finishing, self.tally, self.disk = Untouched(), Tally(), disk
        asking = Asking(self.stands, self.finishing, self.tally)
        self.supply = Supply(asking, "ulaw", cast("ClipFiles | None", disk), self.tally, room)


def order(text: str = "seven", keeping: Keeping = Keeping.DISK, **more: Any) -> Order:
    asked: dict[str, Any] = {"engine": "espeak", "voice": None, "language": "en", "speed": 1.0} | more
    return Order(text=text, keeping=keeping, **asked)


def online(**more: Any) -> Stand:
    return Stand("gtts", secrets=False, speeds=None, **more)


# --- memory, and the disk ---------------------------------------------------------------------------------------------


async def test_what_was_made_is_in_memory_and_on_the_disk() -> None:
    disk = Disk()
    house = House(disk=disk)
    sound = await house.supply.get(order())
    assert sound
    assert await house.supply.get(order()) is sound
    assert house.supply.at_hand(order()) is sound
    assert [*disk.clips] == [order().address("1")]
    assert house.engine.texts == ["seven"]
    assert house.tally.sources == {"engine": 1, "memory": 1}
    assert house.supply.size == len(sound)


async def test_after_a_restart_it_comes_from_the_disk() -> None:
    disk = Disk()
    sound = await House(disk=disk).supply.get(order())
    again = House(disk=disk)
    assert await again.supply.get(order()) == sound
    assert again.engine.asked == []
    assert again.tally.sources == {"disk": 1}


async def test_another_edition_of_the_engine_makes_it_anew() -> None:
    disk = Disk()
    await House(disk=disk).supply.get(order())
    again = House(disk=disk)
    again.engine.version = "2"
    await again.supply.get(order())
    assert again.engine.texts == ["seven"]
    assert len(disk.clips) == 2


@pytest.mark.parametrize("fault", [FileNotFoundError(), ValueError("no such voice")])
async def test_an_edition_that_can_t_be_told_keeps_nothing_from_being_said(fault: Exception) -> None:
    class Gone(Stand):
        def edition(self, language: str, voice_name: str | None) -> str:
            raise fault

    house = House(Gone(), disk=Disk())
    assert await house.supply.get(order())
    assert house.disk is not None
    assert house.disk.clips == {}


@pytest.mark.parametrize(
    ("keeping", "asked", "in_memory", "on_disk"),
    [(Keeping.DISK, 1, True, 1), (Keeping.MEMORY, 1, True, 0), (Keeping.NOWHERE, 2, False, 0)],
)
async def test_where_sound_may_stay(keeping: Keeping, asked: int, in_memory: bool, on_disk: int) -> None:
    house = House(disk=Disk())
    for _ in range(2):
        await house.supply.get(order(keeping=keeping))
    assert len(house.engine.asked) == asked
    assert bool(house.supply.size) is in_memory
    assert house.disk is not None
    assert len(house.disk.clips) == on_disk


async def test_nothing_to_say_is_kept_nowhere() -> None:
    house = House(disk=Disk())
    assert await house.supply.get(order(NOTHING)) == b""
    assert house.disk is not None
    assert (house.supply.size, house.disk.clips) == (0, {})


@pytest.mark.parametrize(
    ("clip", "flaw"),
    [
        (Clip(b"", b""), "silent"),
        (Clip(b"12", bytes(2 * int(8000 * LONGEST_CHARACTER) + 2)), "endless"),
    ],
)
async def test_a_character_that_is_none_is_not_kept_and_not_believed(clip: Clip, flaw: str) -> None:
    disk = Disk()
    house = House(disk=disk)
    disk.clips[order(character=True).address("1")] = clip
    assert await house.supply.get(order(character=True))  # what lay there was no character
    house = House(disk=Disk())

    async def flawed(*_: object, **__: object) -> Clip:
        return clip

    house.finishing.speech = flawed  # type: ignore[method-assign]
    with pytest.raises(SpeechUnavailable, match=flaw):
        await house.supply.get(order(character=True))
    assert house.disk is not None
    assert (house.supply.size, house.disk.clips) == (0, {})


# --- making it --------------------------------------------------------------------------------------------------------


async def test_what_many_want_at_once_is_made_once() -> None:
    house = House()
    sounds = await asyncio.gather(*(house.supply.get(order()) for _ in range(20)))
    assert house.engine.texts == ["seven"]
    assert len(set(map(id, sounds))) == 1


async def test_who_goes_does_not_take_the_sound_from_those_that_wait() -> None:
    house = House()
    house.engine.gate.clear()
    first, second = (asyncio.create_task(house.supply.get(order())) for _ in range(2))
    await house.engine.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    house.engine.gate.set()
    assert await second
    assert house.engine.texts == ["seven"]


async def test_a_failure_is_told_to_all_and_remembered_by_none() -> None:
    house = House()
    house.engine.fault = SpeechUnavailable("the engine ended with status 139")
    tries = await asyncio.gather(*(house.supply.get(order()) for _ in range(3)), return_exceptions=True)
    assert [str(fault) for fault in tries] == ["the engine ended with status 139"] * 3
    assert house.tally.renders == {("espeak", "failed"): 1}
    house.engine.fault = None
    assert await house.supply.get(order())
    assert house.tally.renders["espeak", "rendered"] == 1


async def test_what_an_engine_says_about_a_text_is_not_passed_on() -> None:
    house = House()
    house.engine.fault = ValueError("can't say 4821")
    with pytest.raises(NeverTaken) as caught:
        await house.supply.get(order("4821", Keeping.NOWHERE))
    assert "4821" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert house.tally.renders == {("espeak", "refused"): 1}


async def test_a_fault_of_ours_in_an_engine_is_a_failure_that_does_not_tell_the_text() -> None:
    house = House()
    house.engine.fault = KeyError("4821")
    with capture_logs() as lines, pytest.raises(SpeechUnavailable, match="broken"):
        await house.supply.get(order("4821"))
    assert lines == [{"event": "speech.engine_broken", "log_level": "error", "engine": "espeak", "error": "KeyError"}]


async def test_an_engine_that_is_not_there_is_not_asked() -> None:
    house = House(Stand(absent="espeak-ng is not installed"))
    with pytest.raises(SpeechUnavailable, match="not installed"):
        await house.supply.get(order())
    assert house.engine.asked == []


async def test_closing_stops_what_is_being_made() -> None:
    house = House()
    house.engine.gate.clear()
    waiting = asyncio.create_task(house.supply.get(order()))
    await house.engine.begun.wait()
    await house.supply.close()
    for asked in (waiting, house.supply.get(order()), house.supply.get(order(keeping=Keeping.NOWHERE))):
        with pytest.raises(SpeechUnavailable, match="nothing is said any more"):
            await asked
    with pytest.raises(SpeechUnavailable):
        await house.supply.make_ahead(order())
    await house.supply.close()
    assert house.engine.texts == ["seven"]


async def test_who_is_cancelled_while_it_closes_is_cancelled() -> None:
    house = House()
    house.engine.gate.clear()
    waiting = asyncio.create_task(house.supply.get(order()))
    await house.engine.begun.wait()
    waiting.cancel()
    await house.supply.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


class Leaving(Stand):
    """An engine that notes whose text is given up, and ends then when it is let."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.given_up: list[str] = []
        self.may_end = asyncio.Event()

    async def render(self, text: str, language: str, voice_name: str | None, speed: float) -> Wave:
        try:
            return await super().render(text, language, voice_name, speed)
        except asyncio.CancelledError:
            self.given_up.append(text)
            await self.may_end.wait()
            raise


@pytest.mark.parametrize(("speeds", "speed"), [((0.5, 2.0), 1.0), (None, 0.8)], ids=["asked", "made of another speed"])
async def test_when_the_last_one_goes_it_is_made_no_longer(speeds: tuple[float, float] | None, speed: float) -> None:
    engine = Leaving(speeds=speeds)
    house = House(engine)
    engine.gate.clear()
    tasks = [asyncio.create_task(house.supply.get(order(speed=speed))) for _ in range(3)]
    await engine.begun.wait()
    for task in tasks[:2]:
        task.cancel()
    await asyncio.wait(tasks[:2])
    assert engine.given_up == []
    tasks[2].cancel()
    await asyncio.wait(tasks[2:])
    # Whoever comes now is not given what is about to end.
    next_one = asyncio.create_task(house.supply.get(order(speed=speed)))
    while len(engine.asked) < 2:  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    assert engine.given_up == ["seven"]
    engine.may_end.set()
    engine.gate.set()
    assert await next_one


async def test_what_is_made_ahead_is_made_whatever_call_goes() -> None:
    engine = Leaving()
    house = House(engine)
    engine.gate.clear()
    ahead = asyncio.create_task(house.supply.make_ahead(order()))
    await engine.begun.wait()
    call = asyncio.create_task(house.supply.get(order()))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    engine.gate.set()
    await ahead
    assert (engine.texts, engine.given_up) == (["seven"], [])


async def test_an_engine_whose_files_hang_keeps_neither_the_loop_nor_its_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "PATIENCE", 0.05)
    gate = threading.Event()

    class Hangs(Stand):
        def edition(self, language: str, voice_name: str | None) -> str:
            gate.wait()
            return "1"

    house = House(Hangs(), Stand("flite"), disk=Disk())
    try:
        assert await house.supply.get(order())
        assert await house.supply.get(order("eight"))
        assert await house.supply.get(order(engine="flite"))
    finally:
        gate.set()
    assert house.disk is not None
    assert [*house.disk.clips] == [order(engine="flite").address("1")]


# --- speeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("speeds", "speed", "asked", "stretched"),
    [
        ((0.5, 2.0), 0.8, 0.8, 1.0),
        ((0.9, 1.1), 1.1, 1.1, 1.0),
        ((0.9, 1.1), 0.8, 1.0, 0.8),
        (None, 1.0, 1.0, 1.0),
    ],
)
async def test_a_speed_is_the_engine_s_where_it_has_it(
    speeds: tuple[float, float] | None, speed: float, asked: float, stretched: float
) -> None:
    house = House(Stand(speeds=speeds))
    await house.supply.get(order(speed=speed))
    assert [one[3] for one in house.engine.asked] == [asked]
    assert house.finishing.done == [(stretched, True)]


async def test_an_engine_with_one_speed_is_asked_once_for_all_speeds() -> None:
    house = House(Stand(speeds=None), disk=Disk())
    sounds = [await house.supply.get(order(speed=speed)) for speed in (0.9, 0.8, 1.0, 0.9)]
    assert [one[3] for one in house.engine.asked] == [1.0]
    assert len(set(sounds)) == 3
    assert house.disk is not None
    assert len(house.disk.clips) == 3
    assert house.tally.sources == {"engine": 1, "memory": 3}


async def test_a_text_that_may_hold_a_code_is_stretched_and_kept_nowhere() -> None:
    house = House(Stand(speeds=None))
    await house.supply.get(order("4821", Keeping.NOWHERE, speed=0.8))
    assert house.finishing.done == [(0.8, True)]
    assert house.supply.size == 0


# --- ahead ------------------------------------------------------------------------------------------------------------


async def test_an_engine_that_may_not_see_secrets_is_asked_ahead_only() -> None:
    house = House(online())
    with pytest.raises(SpeechUnavailable, match="not asked during a call"):
        await house.supply.get(order(engine="gtts"))
    with pytest.raises(SpeechUnavailable, match="not asked during a call"):
        await house.supply.get(order("4821", Keeping.NOWHERE, engine="gtts"))
    assert house.engine.asked == []
    await house.supply.make_ahead(order(engine="gtts"))
    assert await house.supply.get(order(engine="gtts"))
    # Every speed is there with one.
    assert await house.supply.get(order(engine="gtts", speed=0.65))
    assert len(house.engine.asked) == 1
    with pytest.raises(ValueError, match="not made ahead"):
        await house.supply.make_ahead(order("4821", Keeping.NOWHERE, engine="gtts"))


async def test_a_call_does_not_wait_for_an_engine_that_is_asked_ahead() -> None:
    house = House(online())
    house.engine.gate.clear()
    ahead = asyncio.create_task(house.supply.make_ahead(order(engine="gtts")))
    await house.engine.begun.wait()
    with pytest.raises(SpeechUnavailable, match="not asked during a call"):
        await house.supply.get(order(engine="gtts"))
    house.engine.gate.set()
    await ahead
    assert await house.supply.get(order(engine="gtts"))


async def test_what_lies_on_the_disk_is_had_without_its_engine() -> None:
    disk = Disk()
    await House(online(), disk=disk).supply.make_ahead(order(engine="gtts"))
    again = House(online(absent="gTTS is not installed"), disk=disk)
    assert await again.supply.get(order(engine="gtts", speed=0.8))
    assert again.engine.asked == []


async def test_what_was_made_ahead_stays_however_little_room_there_is() -> None:
    house = House(room=1)
    await house.supply.make_ahead(order())
    await house.supply.get(order("eight"))
    assert house.supply.at_hand(order())
    assert not house.supply.at_hand(order("eight"))
    await house.supply.make_ahead(order())
    assert house.engine.texts == ["seven", "eight"]


async def test_what_is_made_ahead_lets_a_call_s_text_go_first() -> None:
    house = House()
    house.engine.gate.clear()
    call = asyncio.create_task(house.supply.get(order("of the call")))
    await house.engine.begun.wait()
    ahead = asyncio.create_task(house.supply.make_ahead(order("ahead")))
    other = asyncio.create_task(house.supply.get(order("of another call")))
    while len(house.engine.asked) < 2:  # noqa: ASYNC110 - turns of the loop, no time
        await asyncio.sleep(0)
    assert house.engine.texts == ["of the call", "of another call"]
    house.engine.gate.set()
    await asyncio.gather(call, other, ahead)
    assert house.engine.texts[-1] == "ahead"


async def test_a_call_that_comes_to_wait_for_it_takes_it_to_the_front() -> None:
    house = House()
    house.finishing.gate.clear()  # nothing that is not urgent comes through
    ahead = asyncio.create_task(house.supply.make_ahead(order()))
    await house.finishing.begun.wait()
    assert await house.supply.get(order())
    await ahead
    assert house.engine.texts == ["seven"]
    assert house.finishing.done == [(1.0, True)]


async def test_so_it_does_with_the_sound_that_another_speed_is_made_of() -> None:
    house = House(Stand(speeds=None))
    house.finishing.gate.clear()
    ahead = asyncio.create_task(house.supply.make_ahead(order(speed=0.8)))
    await house.finishing.begun.wait()
    assert await house.supply.get(order(speed=0.8))
    await ahead
    assert house.engine.texts == ["seven"]
    assert house.finishing.done == [(1.0, True), (0.8, True)]
