"""Recordings by URL: what is fetched, when it is fetched again, and which word says why there is none.

The servers, the client and the decoder are the real ones; the clock is turned by hand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.recordings import downloads as downloads_module
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.adapters.speech.recordings.downloads import FETCHING, FETCHING_EACH, FRESH, HELD_EACH, LARGEST, Downloads
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.speech import RemoteRecording, Silence, SpeechUnavailable, Tone
from otpvoice.media.clip import Clip
from otpvoice.media.g711 import Law, encode
from otpvoice.media.wav import Wave
from otpvoice.trust.addresses import UrlAllow, parse_allow
from tests.adapters.audio_files import flac, flac_silence, sine, wav
from tests.adapters.sites import Host, Visit, answering, closed_port, site

SECRET = "s3cret"
FILE = wav(sine(0.1).tobytes(), 8000)
QUICK = ("/bin/sh", "-c", "printf 'sound 8000\\n'; exec cat")
"""A decoder whose samples are the file."""


class AsItIs:
    """Finishes nothing."""

    async def speech(self, wave: Wave, *, speed: float = 1.0, urgent: bool = True) -> Clip:
        raise NotImplementedError

    async def recording(self, wave: Wave) -> Clip:
        return Clip(b"", wave.pcm)

    async def close(self) -> None: ...


def heard(file: bytes) -> bytes:
    """Return what ``QUICK`` and ``AsItIs`` make of a file."""
    return encode(file, "ulaw")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shelf:
    """A server of one file, which it may know by a tag or a date; ``conditions`` are what it was asked about them."""

    def __init__(self, body: bytes = FILE, validators: Mapping[str, str] = MappingProxyType({})) -> None:
        self.body = body
        self.status = "200 OK"
        self.validators = validators
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def __call__(self, visit: Visit) -> None:
        self.asked.set()
        await self.gate.wait()
        body = b"" if self.status.startswith("304") else self.body
        await visit.answer(body, self.status, Content_Type="text/html", **self.validators)


def conditions(request: bytes) -> dict[str, str]:
    lines = [line.partition(": ") for line in request.decode().split("\r\n")]
    return {name: value for name, _, value in lines if name.startswith("If-")}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    guarded = GuardedClient(parse_allow(["127.0.0.1"]))
    yield guarded
    await guarded.close()


@pytest.fixture
async def finishing() -> AsyncIterator[Finishing]:
    made = AtHand()
    yield made
    await made.close()


@pytest.fixture
async def downloads(client: GuardedClient, clock: Clock) -> AsyncIterator[Downloads]:
    made = Downloads(client, Decoder(QUICK), finishing=AsItIs(), clock=clock)
    yield made
    await made.close()


async def reason(downloads: Downloads, url: str, law: Law = "ulaw") -> str:
    with pytest.raises(SpeechUnavailable) as unavailable:
        await downloads.clip(url, law)
    assert SECRET not in repr(unavailable.value.__context__)
    return unavailable.value.reason


def here(place: Any, path: str = f"/a.wav?{SECRET}") -> str:
    url: str = place.url(path, "127.0.0.1")
    return url


def shelf_at(shelf: Shelf) -> Mapping[str, Host]:
    return {f"/a.wav?{SECRET}": shelf}


# --- from end to end --------------------------------------------------------------------------------------------------


async def test_a_recording_of_a_url_is_heard_among_the_rest_of_a_script(
    client: GuardedClient, finishing: Finishing
) -> None:
    async with answering(shelf_at(Shelf(flac(sine(0.5), 8000)))) as place:
        remote = RemoteRecording(here(place))
        assert SECRET not in repr(remote)
        renderer = Renderer(
            (Espeak(),), load_locales(), "alaw", finishing=finishing, downloads=Downloads(client, finishing=finishing)
        )
        sounds = (await renderer.prepare((Silence(0.1), remote, Tone((400,), 0.1), remote))).sounds
        assert [len(sound) for sound in sounds] == [800, 4000, 800, 4000]
        assert sounds[1] is sounds[3]
        assert len(place.requests) == 1
        await renderer.close()


async def test_without_downloads_no_url_is_fetched() -> None:
    renderer = Renderer((Espeak(),), load_locales(), "ulaw", finishing=AsItIs())
    with pytest.raises(SpeechUnavailable, match=r"^audio_blocked$"):
        await renderer.prepare((RemoteRecording("http://127.0.0.1/"),))


# --- why there is none ------------------------------------------------------------------------------------------------


def answers(body: bytes = b"", status: str = "200 OK", **headers: str) -> Host:
    return lambda visit: visit.answer(body, status, **headers)


@pytest.mark.parametrize(
    ("page", "word"),
    [
        (answers(FILE, "404 Not Found"), "audio_status"),
        (answers(FILE, "500 Oh"), "audio_status"),
        (answers(FILE, "206 Partial Content"), "audio_status"),
        (answers(b"", "204 No Content"), "audio_status"),
        (answers(b"", "304 Not Modified"), "audio_status"),
        (answers(b"<html>", Content_Type="audio/wav"), "audio_format"),
        (answers(b""), "audio_format"),
        (answers(flac_silence(301, 8000)), "audio_too_large"),
        (answers(bytes(LARGEST + 1)), "audio_too_large"),
        (answers(b"", "302 Found", Location="http://169.254.169.254/"), "audio_blocked"),
        (answers(b"", "302 Found", Location="file:///etc/passwd"), "audio_unreachable"),
        (answers(b"", "302 Found", Location="/a.wav"), "audio_unreachable"),
    ],
)
async def test_the_word_for_an_answer_that_is_no_recording(client: GuardedClient, page: Host, word: str) -> None:
    downloads = Downloads(client, finishing=AsItIs())
    async with answering({"/a.wav": page}) as place:
        assert await reason(downloads, here(place, "/a.wav")) == word


async def test_a_file_may_be_as_large_as_allowed(downloads: Downloads) -> None:
    async with answering(shelf_at(Shelf(bytes(1024 * 1024)))) as place:
        assert len(await downloads.clip(here(place), "ulaw")) == 512 * 1024


async def test_the_word_for_a_url_that_leads_where_nobody_may_go(downloads: Downloads) -> None:
    for url in ("http://127.0.0.2/", "http://10.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "a", ""):
        assert await reason(downloads, url) == "audio_blocked"
    strict = Downloads(GuardedClient(UrlAllow()), finishing=AsItIs())
    assert await reason(strict, "http://127.0.0.1/") == "audio_blocked"


async def test_the_word_for_a_server_that_is_not_there(downloads: Downloads) -> None:
    with closed_port() as port:
        assert await reason(downloads, f"http://127.0.0.1:{port}/{SECRET}") == "audio_unreachable"


async def test_the_word_for_a_server_that_is_slow(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads_module, "FETCH_WITHIN", 0.2)

    async def drip(visit: Visit) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nR")
        await visit.gone()

    async with site(drip) as place:
        assert await reason(downloads, here(place)) == "audio_timeout"


async def test_who_waits_for_others_too_long_is_told(client: GuardedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads_module, "READY_WITHIN", 0.2)
    downloads = Downloads(client, Decoder(("/bin/sh", "-c", "exec sleep 999")), finishing=AsItIs())
    async with answering(shelf_at(Shelf())) as place:
        assert await reason(downloads, here(place)) == "audio_timeout"


# --- how often it is fetched ------------------------------------------------------------------------------------------


async def test_a_recording_is_fetched_once_an_hour(downloads: Downloads, clock: Clock) -> None:
    shelf = Shelf()
    async with answering(shelf_at(shelf)) as place:
        first = await downloads.clip(here(place), "ulaw")
        clock.now += FRESH - 1
        shelf.body = b"another!"
        assert await downloads.clip(here(place), "ulaw") is first
        clock.now += 1
        assert await downloads.clip(here(place), "ulaw") == heard(b"another!")
        assert len(place.requests) == 2
        assert conditions(place.requests[1]) == {}, "it said nothing that it would know it by"


@pytest.mark.parametrize(
    ("validators", "asked"),
    [
        ({"ETag": '"v1"'}, {"If-None-Match": '"v1"'}),
        (
            {"Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT"},
            {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        ),
        (
            {"ETag": 'W/"v1"', "Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT"},
            {"If-None-Match": 'W/"v1"', "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        ),
        ({"ETag": "\xff\x80"}, {}),
    ],
)
async def test_after_an_hour_it_is_asked_whether_it_changed(
    downloads: Downloads, clock: Clock, validators: dict[str, str], asked: dict[str, str]
) -> None:
    shelf = Shelf(validators=validators)
    async with answering(shelf_at(shelf)) as place:
        first = await downloads.clip(here(place), "ulaw")
        clock.now += FRESH
        shelf.status = "304 Not Modified" if asked else "200 OK"
        for _ in range(2):  # and then it is good for another hour
            assert await downloads.clip(here(place), "ulaw") == first
        clock.now += FRESH
        shelf.status, shelf.body = "200 OK", b"another!"
        assert await downloads.clip(here(place), "ulaw") == heard(b"another!")
        assert [conditions(request) for request in place.requests] == [{}, asked, asked]


async def test_what_changed_and_can_not_be_had_is_not_played_from_memory(downloads: Downloads, clock: Clock) -> None:
    shelf = Shelf(validators={"ETag": '"v1"'})
    async with answering(shelf_at(shelf)) as place:
        await downloads.clip(here(place), "ulaw")
        clock.now += FRESH
        shelf.status = "410 Gone"
        assert await reason(downloads, here(place)) == "audio_status"


async def test_a_failure_is_not_kept(downloads: Downloads) -> None:
    shelf = Shelf()
    async with answering(shelf_at(shelf)) as place:
        shelf.status = "503 Busy"
        assert await reason(downloads, here(place)) == "audio_status"
        shelf.status = "200 OK"
        assert await downloads.clip(here(place), "ulaw") == heard(FILE)


async def test_who_asks_at_once_shares_a_download_and_who_leaves_takes_it_from_nobody(downloads: Downloads) -> None:
    shelf = Shelf()
    shelf.gate.clear()
    async with answering(shelf_at(shelf)) as place, asyncio.timeout(20):
        waiting = [asyncio.create_task(downloads.clip(here(place), "ulaw")) for _ in range(5)]
        await shelf.asked.wait()
        waiting[0].cancel()
        shelf.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        others = [await task for task in waiting[1:]]
        assert others == [heard(FILE)] * 4
        assert len(place.requests) == 1


async def test_who_asks_at_once_shares_a_failure(downloads: Downloads) -> None:
    shelf = Shelf()
    shelf.status = "404 Gone"
    async with answering(shelf_at(shelf)) as place:
        words = await asyncio.gather(*(reason(downloads, here(place)) for _ in range(5)))
        assert (words, len(place.requests)) == (["audio_status"] * 5, 1)


async def test_the_laws_are_kept_apart(client: GuardedClient, finishing: Finishing) -> None:
    downloads = Downloads(client, finishing=finishing)
    async with answering(shelf_at(Shelf())) as place:
        ulaw, alaw = [await downloads.clip(here(place), law) for law in ("ulaw", "alaw")]
        assert ulaw != alaw
        assert await downloads.clip(here(place), "ulaw") is ulaw


async def test_what_is_kept_has_room_for_the_recent(client: GuardedClient, clock: Clock) -> None:
    downloads = Downloads(client, Decoder(QUICK), finishing=AsItIs(), clock=clock, room=250)
    pages: dict[str, Host] = {f"/{n}": answers(bytes(200)) for n in range(3)}
    pages["/large"] = answers(bytes(502))
    async with answering(pages) as place:

        async def fetched(*paths: str) -> list[str]:
            before = len(place.requests)
            for path in paths:
                await downloads.clip(here(place, path), "ulaw")
            return [request.split(b" ")[1].decode() for request in place.requests[before:]]

        assert await fetched("/0", "/1", "/0", "/2") == ["/0", "/1", "/2"]
        assert await fetched("/0", "/2") == []
        assert await fetched("/1") == ["/1"]
        assert await fetched("/large", "/large") == ["/large", "/large"]


async def test_what_is_kept_is_limited_in_number(
    client: GuardedClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads_module, "MOST", 2)
    downloads = Downloads(client, Decoder(QUICK), finishing=AsItIs(), clock=clock)
    async with answering({f"/{n}": answers(b"xx") for n in range(3)}) as place:
        for path in ("/0", "/1", "/2", "/2", "/0"):
            await downloads.clip(here(place, path), "ulaw")
        assert len(place.requests) == 4


async def test_so_many_files_are_fetched_at_once_and_no_more(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads_module, "FETCHING", 1)
    downloads = Downloads(client, Decoder(QUICK), finishing=AsItIs())
    first, second = Shelf(), Shelf()
    first.gate.clear()
    async with answering({"/1": first, "/2": second, "/3": answers()}) as place, asyncio.timeout(20):
        waiting = asyncio.create_task(downloads.clip(here(place, "/1"), "ulaw"))
        await first.asked.wait()
        behind = asyncio.create_task(downloads.clip(here(place, "/2"), "ulaw"))
        await client.get(here(place, "/3"), seconds=20, most=0)  # and much later
        assert not second.asked.is_set()
        first.gate.set()
        assert await waiting == heard(FILE)
        assert await behind == heard(FILE)


async def test_a_server_that_is_slow_delays_its_own_files() -> None:
    client = GuardedClient(parse_allow(["127.0.0.1", "127.0.0.2"]))
    downloads = Downloads(client, Decoder(QUICK), finishing=AsItIs())
    slow = {f"/{number}": Shelf() for number in range(2 * FETCHING)}
    for shelf in slow.values():
        shelf.gate.clear()
    async with answering(slow) as place, answering({"/": Shelf()}, "127.0.0.2") as other, asyncio.timeout(20):
        waiting = [asyncio.create_task(downloads.clip(here(place, path), "ulaw")) for path in slow]
        for path in list(slow)[:FETCHING_EACH]:
            await slow[path].asked.wait()
        assert await downloads.clip(other.url("/", "127.0.0.2"), "ulaw") == heard(FILE)
        assert sum(shelf.asked.is_set() for shelf in slow.values()) == FETCHING_EACH
        assert not any(task.done() for task in waiting)
        for shelf in slow.values():
            shelf.gate.set()
        assert await asyncio.gather(*waiting) == [heard(FILE)] * len(slow)
    await client.close()


async def test_what_waits_to_be_decoded_leaves_its_place_to_what_is_fetched(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads_module, "FETCHING", 1)
    downloads = Downloads(client, Decoder(("/bin/sh", "-c", "exec sleep 999"), children=1), finishing=AsItIs())
    shelves = {f"/{number}": Shelf() for number in range(HELD_EACH + 1)}
    async with answering(shelves) as place, asyncio.timeout(20):
        waiting = [asyncio.create_task(downloads.clip(here(place, path), "ulaw")) for path in shelves]
        *held, last = shelves.values()
        for shelf in held:
            await shelf.asked.wait()
        await client.get(here(place, "/"), seconds=20, most=0)  # and much later
        assert not last.asked.is_set(), "no more than so many of one domain are in memory"
        assert not any(task.done() for task in waiting)
        await downloads.close()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_closing_stops_what_is_under_way(downloads: Downloads) -> None:
    shelf = Shelf()
    shelf.gate.clear()
    async with answering(shelf_at(shelf)) as place, asyncio.timeout(20):
        waiting = asyncio.create_task(downloads.clip(here(place), "ulaw"))
        await shelf.asked.wait()
        await downloads.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_no_url_is_held_or_logged(
    client: GuardedClient, clock: Clock, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    downloads = Downloads(client, Decoder(("/bin/sh", "-c", "kill -SEGV $$")), finishing=AsItIs(), clock=clock)
    async with answering(shelf_at(Shelf())) as place:
        assert await reason(downloads, here(place)) == "audio_format"
        kept = Downloads(client, Decoder(QUICK), finishing=AsItIs(), clock=clock)
        await kept.clip(here(place), "ulaw")
    assert SECRET not in caplog.text + capsys.readouterr().out
    assert SECRET not in repr(vars(kept)) + repr(vars(downloads))


async def test_what_can_not_be_finished_is_not_played_and_not_kept(client: GuardedClient) -> None:
    class Broken(AsItIs):
        broken = True

        async def recording(self, wave: Wave) -> Clip:
            if self.broken:
                raise SpeechUnavailable("the sound could not be finished")
            return await super().recording(wave)

    finishing = Broken()
    downloads = Downloads(client, Decoder(QUICK), finishing=finishing)
    async with answering(shelf_at(Shelf())) as place:
        assert await reason(downloads, here(place)) == "the sound could not be finished"
        finishing.broken = False
        assert await downloads.clip(here(place), "ulaw") == heard(FILE)
