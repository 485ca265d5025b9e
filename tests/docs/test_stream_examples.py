"""The example voicebots, run as they are: what a platform tells them, written out by hand, and what they say to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import importlib.util
import json
import re
import sys
import time
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve
from websockets.datastructures import Headers

from otpvoice.media.g711 import ulaw_decode
from otpvoice.testkit.callee import Ending, IncomingCall, Law, Scenario
from otpvoice.testkit.callee.tone import sine
from tests.dialplan.house import House, open_house

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
SOON: Final = 10.0
FRAME: Final = 160
"""Bytes of 20 ms, μ-law."""


def module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[str]:
    """Run an example as its first lines say. Yields its URL; in the end it goes by Ctrl-C, without a complaint."""
    bot = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / f"{name}.py"),
        "127.0.0.1:0",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert bot.stdout is not None
    assert bot.stderr is not None
    try:
        async with asyncio.timeout(SOON):
            url = (await bot.stdout.readline()).decode().strip()
        assert url.startswith("ws://127.0.0.1:"), (await bot.stderr.read()).decode()
        yield url
    finally:
        bot.send_signal(2)
        async with asyncio.timeout(SOON):
            _, complaint = await bot.communicate()
    assert (bot.returncode, complaint) == (0, b"")


async def told(peer: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(SOON):
        message: dict[str, Any] = json.loads(await peer.recv())
    return message


async def gone(peer: ClientConnection) -> None:
    """Wait until the bot closes, whatever it says before."""
    async with asyncio.timeout(SOON):
        async for _ in peer:
            pass
    assert peer.close_code == 1000


# --- echo -------------------------------------------------------------------------------------------------------------


def frame(number: int) -> str:
    return base64.b64encode(bytes([number % 256]) * FRAME).decode()


async def tell(peer: ClientConnection, **message: Any) -> None:
    await peer.send(json.dumps(message))


async def begin_echo(peer: ClientConnection) -> None:
    start = {
        "accountSid": "default",
        "streamSid": "MZ1",
        "callSid": "call_1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    }
    await tell(peer, event="connected", protocol="Call", version="1.0.0")
    await tell(peer, event="start", sequenceNumber="1", streamSid="MZ1", start=start)


async def hear_media(peer: ClientConnection, number: int) -> None:
    media = {"track": "inbound", "chunk": str(number + 1), "timestamp": str(20 * number), "payload": frame(number)}
    await tell(peer, event="media", sequenceNumber=str(number + 2), streamSid="MZ1", media=media)


async def test_the_echo_is_a_second_late_and_the_same() -> None:
    delay = module("echo_bot").DELAY
    assert delay * 0.02 == 1.0
    async with running("echo_bot") as url, connect(url) as peer:
        await begin_echo(peer)
        for number in range(delay + 20):
            await hear_media(peer, number)
        heard = [await told(peer) for _ in range(20)]
        assert heard == [
            {"event": "media", "streamSid": "MZ1", "media": {"payload": frame(number)}} for number in range(20)
        ]
        await tell(peer, event="dtmf", streamSid="MZ1", dtmf={"track": "inbound_track", "digit": "4"})
        await hear_media(peer, 70)
        assert (await told(peer))["media"]["payload"] == frame(20)
        await tell(peer, event="dtmf", streamSid="MZ1", dtmf={"track": "inbound_track", "digit": "#"})
        await gone(peer)


async def test_an_echo_ends_with_its_call_and_serves_others() -> None:
    async with running("echo_bot") as url:
        async with connect(url) as peer:
            await begin_echo(peer)
            await tell(peer, event="stop", streamSid="MZ1", stop={"accountSid": "default", "callSid": "call_1"})
            await gone(peer)
        async with connect(url) as peer:
            await begin_echo(peer)
            await hear_media(peer, 0)
            peer.transport.abort()  # in the middle of it
        async with connect(url) as one, connect(url) as other:
            for peer in (one, other):
                await begin_echo(peer)
                for number in range(51):
                    await hear_media(peer, number)
                assert (await told(peer))["media"]["payload"] == frame(0)


# --- menu -------------------------------------------------------------------------------------------------------------


async def begin_menu(peer: ClientConnection, rate: int = 8000) -> None:
    start = {
        "stream_sid": "s1",
        "call_sid": "call_1",
        "account_sid": "default",
        "from": "+12025550199",
        "to": "+12025550123",
        "custom_parameters": {},
        "media_format": {"encoding": "raw", "sample_rate": str(rate), "bit_rate": "128"},
    }
    await tell(peer, event="connected")
    await tell(peer, event="start", sequence_number=1, stream_sid="s1", start=start)


async def press(peer: ClientConnection, digit: str) -> None:
    await tell(peer, event="dtmf", sequence_number=5, stream_sid="s1", dtmf={"digit": digit, "duration": "100"})


async def give_back(peer: ClientConnection, mark: str) -> None:
    await tell(peer, event="mark", sequence_number=7, stream_sid="s1", mark={"name": mark})


async def said(peer: ClientConnection) -> tuple[bytes, str]:
    """Return what the bot says up to its next mark, and the mark's name."""
    sound = b""
    while True:
        message = await told(peer)
        assert message["stream_sid"] == "s1"
        match message["event"]:
            case "media":
                piece = base64.b64decode(message["media"]["payload"])
                assert len(piece) % 320 == 0
                sound += piece
            case "mark":
                return sound, message["mark"]["name"]
            case other:
                assert other == "clear"
                assert not sound, "it clears before it speaks"


def pitches(sound: bytes, rate: int = 8000) -> list[int]:
    """Return the pitch of each half second, to 10 Hz: half of the times that the wave passes through zero."""
    samples = array("h", sound)
    halves = [samples[start : start + rate // 2] for start in range(0, len(samples) - rate // 4, rate // 2)]
    return [round(sum((a < 0) != (b < 0) for a, b in pairwise(half)) / len(half) * rate / 20) * 10 for half in halves]


MENU = [440, 550, 660]


async def test_keys_choose_and_what_was_chosen_is_followed_by_the_menu() -> None:
    async with running("menu_bot") as url, connect(url) as peer:
        await begin_menu(peer)
        sound, mark = await said(peer)
        assert pitches(sound) == MENU
        await give_back(peer, mark)
        await press(peer, "1")
        sound, mark = await said(peer)
        assert pitches(sound) == [880, 880, *MENU]
        await give_back(peer, mark)
        await press(peer, "2")
        sound, mark = await said(peer)
        assert pitches(sound) == [1320, 1320, *MENU]
        await press(peer, "9")
        sound, mark = await said(peer)
        assert pitches(sound)[0] == 330
        await give_back(peer, mark)
        await gone(peer)


async def test_a_key_cuts_what_is_being_said() -> None:
    """The mark of what was cut comes back, too, and is not taken for the new one's."""
    async with running("menu_bot") as url, connect(url) as peer:
        await begin_menu(peer)
        _, cut = await said(peer)
        await press(peer, "9")
        assert (await told(peer))["event"] == "clear"
        await give_back(peer, cut)
        sound, mark = await said(peer)
        assert pitches(sound)[0] == 330
        assert mark != cut
        await give_back(peer, mark)
        await gone(peer)


async def test_a_key_that_is_no_choice_changes_nothing() -> None:
    async with running("menu_bot") as url, connect(url) as peer:
        await begin_menu(peer)
        await said(peer)
        await press(peer, "5")
        sound, _ = await said(peer)
        assert pitches(sound) == MENU


async def test_a_recording_is_the_menu(tmp_path: Path) -> None:
    path = tmp_path / "menu.wav"
    recording = bytes(range(256)) * 25
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(recording)
    async with running("menu_bot", str(path)) as url, connect(url) as peer:
        await begin_menu(peer)
        assert (await said(peer))[0] == recording


async def test_the_tones_are_those_of_a_faster_stream() -> None:
    async with running("menu_bot") as url, connect(url) as peer:
        await begin_menu(peer, rate=16_000)
        sound, _ = await said(peer)
        assert pitches(sound, 16_000) == MENU


async def test_who_presses_nothing_hears_the_menu_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is heard meanwhile does not put the end off."""
    bot = module("menu_bot")
    monkeypatch.setattr(bot, "PATIENCE", 0.05)
    monkeypatch.setattr(sys, "argv", ["menu_bot.py"])
    async with serve(bot.answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/") as peer:
            await begin_menu(peer)
            for _ in range(bot.ASKED):
                sound, mark = await said(peer)
                assert pitches(sound) == MENU
                media = {"chunk": 2, "timestamp": "100", "payload": base64.b64encode(bytes(1600)).decode()}
                await tell(peer, event="media", sequence_number=3, stream_sid="s1", media=media)
                await give_back(peer, mark)
            await gone(peer)


# --- on a real call ---------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house whose streams may lead to this machine."""
    async with open_house(tmp_path_factory.mktemp("house"), url_allow="127.0.0.1") as house:
        yield house


async def called(house: House, number: str, name: str, url: str) -> tuple[str, IncomingCall]:
    """Call somebody with the stream that the bot's first lines have. Returns the call's id, and the answered phone."""
    (line,) = re.findall(r"^(\{.*\})$", (EXAMPLES / f"{name}.py").read_text(), re.MULTILINE)
    stream = json.loads(line) | {"url": url}
    house.scenarios[number] = Scenario.answers()
    status, body = await house.ask("POST", "/v1/calls", {"to": f"+{number}", "actions": [stream]})
    assert status == 202, body
    phone = await house.callee(number)
    await phone.answered(within=SOON)
    return body["id"], phone


def melody(phone: IncomingCall) -> list[int]:
    """Return the pitches that the phone heard, to 10 Hz, each as often as it lasted for 0.1 s; silence is none."""
    heard = ulaw_decode(phone.recording.payload())
    tenths = [heard[start : start + 1600] for start in range(0, len(heard) - 1600, 1600)]
    return [pitches(tenth * 5)[0] for tenth in tenths if tenth.strip(b"\0")]


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_a_callee_hears_the_echo_and_ends_it_by_a_key(house: House) -> None:
    async with running("echo_bot") as url:
        call_id, phone = await called(house, "15550901", "echo_bot", url)
        await phone.heard_packets(1, within=SOON)
        await phone.play_tone(440, 0.5)
        await phone.heard(0.4, within=SOON)
        (burst,) = phone.recording.bursts()
        echoed = phone.recording.payload()[burst.start : burst.end]
        assert echoed in sine(440, 0.5, Law.PCMU), "the same, to the byte"
        assert phone.times.ok_sent is not None
        assert burst.arrival - phone.times.ok_sent > 1.0
        await phone.press("#")
        assert await phone.ended(within=SOON) is Ending.CALLER_HUNG_UP
        summary = await house.summary(call_id)
        [media] = summary["media"]
        assert (media["status"], media["disconnected_by"], media["close_code"]) == ("completed", "peer", 1000)
        assert summary["outcome"]["ended_by"] == "plan"


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
async def test_a_callee_chooses_by_keys_and_cuts_the_menu(house: House) -> None:
    async with running("menu_bot") as url:
        call_id, phone = await called(house, "15550902", "menu_bot", url)
        # A tenth in which one pitch follows another has neither.
        await phone.until(lambda: all(melody(phone).count(pitch) >= 3 for pitch in MENU), within=SOON)
        await phone.press("1")
        await phone.until(lambda: 880 in melody(phone), within=SOON)
        await phone.press("9")
        await phone.until(lambda: 330 in melody(phone), within=SOON)
        assert await phone.ended(within=SOON) is Ending.CALLER_HUNG_UP
        heard = melody(phone)
        assert heard.index(440) < heard.index(550) < heard.index(660) < heard.index(880) < heard.index(330)
        assert 660 not in heard[heard.index(880) :], "the key has cut what was chosen, or the menu behind it"
        assert heard.count(330) >= 5, "and goodbye was heard whole"
        summary = await house.summary(call_id)
        [media] = summary["media"]
        assert (media["status"], media["disconnected_by"], media["close_code"]) == ("completed", "peer", 1000)
        assert summary["collected"] == [], "the keys were the bot's"


# --- who is it? -------------------------------------------------------------------------------------------------------

SECRET, URL = "a secret that both know", "wss://bots.example/echo?lang=en"


def signed(secret: str = SECRET, url: str = URL, age: float = 0.0) -> Headers:
    timestamp = str(int(time.time() - age))
    digest = hmac.new(secret.encode(), f"{timestamp}.{url}".encode(), hashlib.sha256).hexdigest()
    return Headers({"x-otpvoice-timestamp": timestamp, "x-otpvoice-signature": digest})


def without(name: str) -> Headers:
    headers = signed()
    del headers[name]
    return headers


@pytest.mark.parametrize("age", [0, 240, -240])
def test_a_signature_of_ours_is_taken(age: float) -> None:
    module("verify_stream").verify(SECRET, signed(age=age), URL)


@pytest.mark.parametrize(
    "headers",
    [
        signed(secret="another"),
        signed(url=URL + "&more"),
        signed(age=3600),
        signed(age=-3600),
        without("x-otpvoice-timestamp"),
        without("x-otpvoice-signature"),
        Headers({"x-otpvoice-timestamp": "now", "x-otpvoice-signature": "x"}),
    ],
    ids=["another secret", "another url", "too old", "too new", "no time", "no signature", "junk"],
)
def test_a_signature_of_somebody_else_is_not(headers: Headers) -> None:
    with pytest.raises(ValueError, match=r"."):
        module("verify_stream").verify(SECRET, headers, URL)
