"""The online engine: what it may ask for, what it does with whatever is answered, and when it stops asking.

The service is a site of loopback that speaks as the real one does (``batchexecute``), well or badly. What gTTS and its
program make of it is tried in this process; that it is a program of its own, at the end, once.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate
from time import time
from urllib.parse import parse_qs

import gtts.lang  # type: ignore[import-untyped]
import pytest
import requests
from structlog.testing import capture_logs

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.child import Bounds
from otpvoice.adapters.speech.engines import gtts as engine
from otpvoice.adapters.speech.engines import gtts_child
from otpvoice.adapters.speech.engines.circuit import Circuit
from otpvoice.adapters.speech.engines.gtts import LARGEST_CHARACTER, VOICES, Gtts
from otpvoice.adapters.speech.recordings.decoding import Decoder
from otpvoice.core.language_tags import is_tag, lookup
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from tests.adapters.audio_files import MP3_FRAME, MP3_RATE, mp3
from tests.adapters.sites import CERTIFICATE, Visit, answering, closed_port

LOCALES = load_locales()
SOUND = mp3(40)
PATH = "/_/TranslateWebserverUi/data/batchexecute"
WAVE = Wave(24000, b"\1\0" * 100)

Page = Callable[[Visit], Awaitable[None]]


def batch(sound: bytes | str) -> bytes:
    """An answer with sound in it, as the service writes it."""
    text = sound if isinstance(sound, str) else base64.b64encode(sound).decode()
    inner = json.dumps([text] if text else [], separators=(",", ":"))
    line = json.dumps([["wrb.fr", "jQ1olc", inner, None, None, None, "generic"], ["di", 54]], separators=(",", ":"))
    return f')]}}\'\n\n{len(line)}\n{line}\n25\n[["e",4,null,null,{len(line)}]]\n'.encode()


def sent(request: bytes) -> tuple[str, str]:
    """The text and the language that the service was asked for."""
    body = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
    ((rpc, inner, *_),) = json.loads(body["f.req"][0])[0]
    assert rpc == "jQ1olc"
    text, language, *_ = json.loads(inner)
    return text, language


# --- the program that asks --------------------------------------------------------------------------------------------


@pytest.fixture
def careful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "Session", gtts_child.Careful)
    # What the environment says of proxies is not followed.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")


async def child(url: str, text: str = "seven", language: str = "en", within: float = 5) -> bytes:
    order = {"text": text, "language": language, "timeout": within, "endpoint": url}
    return await asyncio.to_thread(gtts_child.answer, order)


def saying(body: bytes = b"", status: str = "200 OK", **headers: str) -> Page:
    async def page(visit: Visit) -> None:
        await visit.answer(body, status, **headers)

    return page


async def reset(visit: Visit) -> None:
    visit.reset()


async def half(visit: Visit) -> None:
    body = batch(SOUND)
    await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
    visit.reset()


async def silence(visit: Visit) -> None:
    await visit.gone()


BAD_BYTES = batch(SOUND).replace(b'"[\\"', b'"[\\"\xff\xfe', 1)

ANSWERS: list[tuple[str, Page, bytes]] = [
    ("good", saying(batch(SOUND)), b"sound\n" + SOUND),
    ("too many", saying(b"<html>sorry", "429 Too Many Requests"), b"status 429\n"),
    ("too many, with a pause", saying(b"", "429 Too Many Requests", Retry_After="120"), b"status 429 120\n"),
    ("a pause that is nonsense", saying(b"", "429 Too Many Requests", Retry_After="soon"), b"status 429\n"),
    (
        "a pause until a date that is over",
        saying(b"", "503 S", Retry_After=formatdate(0, usegmt=True)),
        b"status 503 0\n",
    ),
    ("broken", saying(b"", "503 Service Unavailable"), b"status 503\n"),
    ("forbidden", saying(b"", "403 Forbidden"), b"status 403\n"),
    ("elsewhere", saying(b"", "302 Found", Location="/sorry"), b"status 302\n"),
    ("elsewhere, with sound", saying(batch(SOUND), "302 Found", Location="/sorry"), b"status 302\n"),
    ("nothing", saying(b""), b"silent\n"),
    ("no content", saying(b"", "204 No Content"), b"status 204\n"),
    ("a page for people", saying(b"<!DOCTYPE html><title>Before you continue</title>"), b"silent\n"),
    ("an empty list", saying(batch("")), b"silent\n"),
    ("no list", saying(b')]}\'\n\n[["wrb.fr","jQ1olc",null,null]]\n'), b"silent\n"),
    ("wrong base64", saying(batch("abcde")), b"silent\n"),
    ("no ASCII", saying(BAD_BYTES), b"silent\n"),
    ("garbage", saying(bytes(range(256)) * 10), b"silent\n"),
    ("an answer that is cut", half, b"unreachable\n"),
    ("a connection that breaks", reset, b"unreachable\n"),
    ("too large", saying(bytes(gtts_child.LARGEST + 1)), b"too_large\n"),
    ("exactly not too large", saying(bytes(gtts_child.LARGEST)), b"silent\n"),
]


@pytest.mark.usefixtures("careful")
@pytest.mark.parametrize(("page", "said"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_what_is_made_of_an_answer(page: Page, said: bytes) -> None:
    async with answering({PATH: page}) as service:
        assert await child(service.url(PATH, "127.0.0.1")) == said
        assert len(service.requests) == 1, "nothing is followed, and nothing tried twice"


@pytest.mark.usefixtures("careful")
async def test_a_pause_may_be_until_a_date() -> None:
    date = formatdate(time() + 600, usegmt=True)
    async with answering({PATH: saying(b"", "429 Too Many Requests", Retry_After=date)}) as service:
        word, status, seconds = (await child(service.url(PATH, "127.0.0.1"))).split()
    assert (word, status) == (b"status", b"429")
    assert 500 < int(seconds) <= 601


@pytest.mark.usefixtures("careful")
async def test_a_service_that_says_nothing_is_left() -> None:
    async with answering({PATH: silence}) as service:
        assert await child(service.url(PATH, "127.0.0.1"), within=0.1) == b"unreachable\n"


@pytest.mark.usefixtures("careful")
async def test_a_service_that_is_not_there() -> None:
    with closed_port() as port:
        assert await child(f"http://127.0.0.1:{port}{PATH}") == b"unreachable\n"
    assert await child(f"http://otpvoice.invalid{PATH}") == b"unreachable\n"


@pytest.mark.usefixtures("careful")
async def test_whoever_has_no_certificate_is_not_asked() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(tls)  # signed by nobody we know
    async with answering({PATH: saying(batch(SOUND))}, tls=tls) as service:
        assert await child(service.url(PATH, "127.0.0.1", "https")) == b"unreachable\n"
        assert service.requests == []


@pytest.mark.usefixtures("careful")
async def test_what_is_sent_is_the_text_to_the_letter() -> None:
    async with answering({PATH: saying(batch(SOUND))}) as service:
        for text in ("Dr. Who? your code:", "¿Qué?", "sept"):
            await child(service.url(PATH, "127.0.0.1"), text, "fr")
    assert [sent(request) for request in service.requests] == [
        ("Dr. Who? your code:", "fr"),
        ("¿Qué?", "fr"),
        ("sept", "fr"),
    ]


@pytest.mark.usefixtures("careful")
async def test_a_long_text_is_asked_for_in_a_few_parts_or_not_at_all() -> None:
    async with answering({PATH: saying(batch(SOUND))}) as service:
        url = service.url(PATH, "127.0.0.1")
        assert await child(url, "twelve words and no more than that, in a sentence. " * 4) == b"sound\n" + SOUND * 8
        assert await child(url, "a " * 5000) == b"too_long\n"
    assert [len(sent(request)[0]) <= 100 for request in service.requests] == [True] * 8


# --- the engine -------------------------------------------------------------------------------------------------------


class Program:
    """The program that asks, in its place: it says what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.said: Callable[[str], bytes] = lambda text: b"sound\n" + text.encode()
        self.asked: list[tuple[str, str]] = []
        self.now = 1000.0

    async def __call__(self, argv: object, data: bytes, bounds: Bounds) -> bytes:
        order = json.loads(data)
        self.asked.append((order["text"], order["language"]))
        await asyncio.sleep(0)
        return self.said(order["text"])

    def clock(self) -> float:
        return self.now


class Ears(Decoder):
    """A decoder that hears something in all but ``garbage``."""

    async def decode(self, data: bytes, whose: str = "") -> Wave:
        if b"garbage" in data:
            raise SpeechUnavailable("audio_format")
        return WAVE


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    program = Program()
    monkeypatch.setattr(engine, "ask", program)
    monkeypatch.setattr("random.uniform", lambda low, high: low)
    return program


@pytest.fixture
def voice(program: Program) -> Gtts:
    circuit = Circuit(failures=3, first=30, longest=100)
    return Gtts(Ears(), LOCALES, ["Acme"], circuit=circuit, clock=program.clock)


async def reason(voice: Gtts, text: str, language: str = "en") -> str:
    with pytest.raises(SpeechUnavailable) as caught:
        await voice.render(text, language, None, 1)
    assert text not in caught.value.reason
    return caught.value.reason


SENTENCE = LOCALES.lookup("en").gate_any
PACK_SENTENCES = [
    ("en", "Your code is:"),
    ("en-GB", "Your code is:"),
    ("en", "Your Acme code is:"),
    ("en", SENTENCE),
    ("de", LOCALES.lookup("de").again),
]


@pytest.mark.parametrize(("language", "text"), PACK_SENTENCES)
async def test_sentences_of_language_packs_are_said(voice: Gtts, program: Program, language: str, text: str) -> None:
    assert await voice.render(text, language, None, 1) == WAVE
    assert [text for text, _ in program.asked] == [text]


FORBIDDEN = [
    "482913",
    "4 8 2 9 1 3",
    "four eight two nine one three",
    "Your code is: 482913",
    "Your code is: four",
    "Your Umbrella code is:",
    "Your 482913 code is:",
    "Your code is",
    "your code is:",
    "Meet me at noon.",
    "Ihr Code lautet:",
    "sieben",
    "seven\neight",
]


@pytest.mark.parametrize("text", FORBIDDEN)
async def test_nothing_else_leaves(voice: Gtts, program: Program, text: str) -> None:
    assert await reason(voice, text) == "an online engine is given texts of language packs only"
    assert program.asked == []


async def test_a_text_is_said_in_its_own_language_only(voice: Gtts, program: Program) -> None:
    """The sentence of one pack is no sentence in another language's voice."""
    with pytest.raises(SpeechUnavailable):
        await voice.render("Your code is:", "en", "de", 1)
    assert program.asked == []


async def test_no_order_of_digits_leaves(voice: Gtts, program: Program) -> None:
    """Whoever asks for a code's digits one by one, has the whole alphabet asked for, and in its own order."""
    for character in "482913":
        assert await voice.render(LOCALES.lookup("en").word(character), "en", None, 1) == WAVE
    assert [text for text, _ in program.asked] == list(LOCALES.lookup("en").digits)


async def test_digits_that_are_asked_for_at_once_leave_in_their_order_too(voice: Gtts, program: Program) -> None:
    words = [LOCALES.lookup("de").word(character) for character in "9317"]
    assert await asyncio.gather(*(voice.render(word, "de", None, 1) for word in words)) == [WAVE] * 4
    assert program.asked == [(word, "de") for word in LOCALES.lookup("de").digits]


async def test_codes_leave_no_trace_whatever_fails(voice: Gtts, program: Program) -> None:
    """With a service that fails at every third text, what left is a run of the alphabet's own order each time."""
    program.said = lambda text: b"unreachable\n" if len(program.asked) % 3 == 0 else b"sound\nx"
    digits = LOCALES.lookup("en").digits
    for character in "942174":
        program.now += 1000
        with suppress(SpeechUnavailable):
            await voice.render(digits[int(character)], "en", None, 1)
    places = [digits.index(text) for text, _ in program.asked]
    assert places == sorted(places)
    assert set(places) == set(range(10))


@pytest.mark.parametrize("text", ["seven", "Your code is:"])
async def test_a_character_is_kept_and_a_sentence_is_not(voice: Gtts, program: Program, text: str) -> None:
    for _ in range(3):
        await voice.render(text, "en", None, 1)
    assert Counter(text for text, _ in program.asked)[text] == (1 if text == "seven" else 3)


async def test_a_character_that_is_garbage_is_not_kept(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"sound\ngarbage" if text == "two" else b"sound\nfine"
    assert await reason(voice, "seven") == "the online engine was answered with something that is no sound"
    program.said = lambda text: b"sound\nfine"
    assert await voice.render("seven", "en", None, 1) == WAVE
    zero, one, two, *others = LOCALES.lookup("en").digits
    assert [text for text, _ in program.asked] == [zero, one, two, two, *others]


async def test_a_character_that_is_endless_is_refused(voice: Gtts, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[int] = []

    async def ask(argv: object, data: bytes, allowed: Bounds) -> bytes:
        bounds.append(allowed.output)
        raise SpeechUnavailable("the engine wrote too much")

    monkeypatch.setattr(engine, "ask", ask)
    assert await reason(voice, "seven") == "the engine wrote too much"
    assert await reason(voice, SENTENCE) == "the engine wrote too much"
    assert bounds[0] < LARGEST_CHARACTER + 100 < bounds[1]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"status 403\n", "the online engine was answered with 403"),
        (b"silent\n", "the online engine was answered without sound"),
        (b"sound\n", "the online engine's program said nothing that is understood"),
        (b"too_large\n", "the online engine was answered with too much"),
        (b"unreachable\n", "the online engine was not answered"),
        (b"too_long\n", "a text is too long for the online engine"),
        (b"", "the online engine's program said nothing that is understood"),
        (b"status\n", "the online engine's program said nothing that is understood"),
        (b"status 429 soon\n", "the online engine's program said nothing that is understood"),
        (b"\xff\xfe garbage", "the online engine's program said nothing that is understood"),
    ],
)
async def test_what_fails_is_told_without_the_text(voice: Gtts, program: Program, said: bytes, why: str) -> None:
    program.said = lambda text: said
    with capture_logs() as logs:
        assert await reason(voice, SENTENCE) == why
    assert SENTENCE not in str(logs)


async def test_after_three_failures_it_is_not_asked_any_more(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"unreachable\n"
    opened = []
    for _ in range(3):
        await reason(voice, SENTENCE)
        opened.append(voice.open)
    assert opened == [False, False, True]
    with capture_logs() as logs:
        assert await reason(voice, SENTENCE) == "engine_paused"
        assert await reason(voice, "seven") == "engine_paused"
    assert len(program.asked) == 3
    assert logs == [], "what is not asked, is no news"


@pytest.mark.parametrize("said", [b"sound\ngarbage", b"silent\n", b"", b"status 503\n"])
async def test_whatever_is_of_no_use_is_a_failure(voice: Gtts, program: Program, said: bytes) -> None:
    program.said = lambda text: said
    for _ in range(3):
        await reason(voice, SENTENCE)
    assert voice.open


async def test_a_program_that_fails_is_a_failure(voice: Gtts, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(argv: object, data: bytes, bounds: Bounds) -> bytes:
        raise SpeechUnavailable("the engine took longer than 15 s")

    monkeypatch.setattr(engine, "ask", ask)
    for _ in range(3):
        assert await reason(voice, SENTENCE) == "the engine took longer than 15 s"
    assert voice.open


async def test_a_character_that_is_there_is_said_whatever_becomes_of_the_others(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"unreachable\n" if text == "five" else b"sound\nfine"
    assert await voice.render("three", "en", None, 1) == WAVE
    assert await reason(voice, "five") == "the online engine was not answered"
    program.now += 1
    assert await reason(voice, "seven") == "the online engine was not answered"
    assert voice.open
    assert await voice.render("three", "en", None, 1) == WAVE


async def test_a_hundred_at_once_do_not_ask_a_service_that_fails_a_hundred_times(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"status 500\n"
    reasons = Counter(await asyncio.gather(*(reason(voice, SENTENCE) for _ in range(100))))
    assert reasons == {"the online engine was answered with 500": 3, "engine_paused": 97}


@pytest.mark.parametrize(
    ("said", "pause"), [(b"status 429\n", 30), (b"status 429 600\n", 600), (b"status 429 1\n", 30)]
)
async def test_too_many_requests_pause_it_at_once(voice: Gtts, program: Program, said: bytes, pause: int) -> None:
    program.said = lambda text: said
    await reason(voice, SENTENCE)
    assert voice.open
    program.said = lambda text: b"sound\nfine"
    program.now += pause - 1
    assert await reason(voice, SENTENCE) == "engine_paused"
    program.now += 1
    assert await voice.render(SENTENCE, "en", None, 1) == WAVE
    assert not voice.open


async def test_one_text_tries_a_service_again_and_the_pause_grows(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"status 429\n"
    await reason(voice, SENTENCE)
    program.now += 30
    reasons = Counter(await asyncio.gather(*(reason(voice, SENTENCE) for _ in range(10))))
    assert reasons == {"the online engine was answered with 429": 1, "engine_paused": 9}
    program.now += 59
    assert await reason(voice, SENTENCE) == "engine_paused"
    program.now += 1
    assert await reason(voice, SENTENCE) == "the online engine was answered with 429"


async def test_a_text_that_is_too_long_is_not_the_services_fault(voice: Gtts, program: Program) -> None:
    program.said = lambda text: b"too_long\n"
    for _ in range(5):
        await reason(voice, SENTENCE)
    assert not voice.open


async def test_who_does_not_wait_leaves_the_turn_to_the_next(voice: Gtts, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released = asyncio.Event(), asyncio.Event()

    async def ask(argv: object, data: bytes, bounds: Bounds) -> bytes:
        begun.set()
        await released.wait()
        return b"sound\nfine"

    monkeypatch.setattr(engine, "ask", ask)
    first = asyncio.create_task(voice.render(SENTENCE, "en", None, 1))
    await begun.wait()
    first.cancel()
    released.set()
    assert await voice.render(SENTENCE, "en", None, 1) == WAVE
    assert first.cancelled()


@pytest.mark.parametrize(
    "asked",
    [
        ("seven", "en", None, 1.5),
        ("seven", "en", "tlh", 1.0),
        ("seven", "tlh", None, 1.0),
        ("a" * 401, "en", None, 1.0),
    ],
)
async def test_what_it_does_not_take(voice: Gtts, program: Program, asked: tuple[str, str, str | None, float]) -> None:
    text = asked[0]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any sentence
        await voice.render(*asked)
    assert text not in str(caught.value)
    assert program.asked == []


async def test_there_is_nothing_to_ask_where_there_is_nothing_to_say(voice: Gtts, program: Program) -> None:
    assert await voice.render(" …! ", "en", None, 1) == Wave(24000, b"")
    assert program.asked == []


async def test_without_gtts_it_says_how_to_get_it(
    voice: Gtts, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert voice.missing() is None
    monkeypatch.setattr(engine, "_edition", lambda: "")
    assert "pip install 'otpvoice[gtts]'" in str(voice.missing())
    assert "pip install 'otpvoice[gtts]'" in await reason(voice, SENTENCE)
    assert program.asked == []


def test_it_declares_what_it_is(voice: Gtts) -> None:
    assert (voice.traits.offline, voice.traits.may_see_secrets, voice.traits.speeds) == (False, False, None)
    assert voice.edition("en", None) == voice.edition("de", "de") == gtts.__version__


def test_its_languages_are_those_of_gtts(voice: Gtts) -> None:
    assert voice.voices().keys() == gtts.lang.tts_langs().keys()
    assert all(is_tag(tag) for tag in VOICES.values())


LANGUAGES: list[tuple[str, str]] = [
    ("en-IE", "en"), ("pt", "pt"), ("pt-BR", "pt"), ("pt-PT", "pt-PT"), ("fr-CA", "fr-CA"), ("fr-BE", "fr"),
    ("he", "iw"), ("iw", "iw"), ("nb", "no"), ("no", "no"), ("zh", "zh"), ("zh-TW", "zh-TW"), ("zh-Hans-CN", "zh-CN"),
    ("yue", "yue"), ("fil", "tl"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "name"), LANGUAGES)
def test_a_language_has_its_voice(voice: Gtts, language: str, name: str) -> None:
    assert lookup(language, voice.traits.languages) is not None
    assert voice._voice(language, None) == name


# --- as a program -----------------------------------------------------------------------------------------------------


@pytest.fixture
def nobodys_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.mark.usefixtures("nobodys_proxy")
async def test_a_sentence_comes_from_the_service_by_a_program_of_its_own() -> None:
    async with answering({PATH: saying(batch(SOUND))}) as service:
        voice = Gtts(Decoder(), LOCALES, endpoint=service.url(PATH, "127.0.0.1"))
        rate, pcm = await voice.render(SENTENCE, "en", None, 1)
    assert rate == MP3_RATE
    assert max(map(abs, array("h", pcm))) > 1000
    assert len(pcm) == pytest.approx(2 * 40 * MP3_FRAME, rel=0.1)
    (request,) = service.requests
    assert sent(request) == (SENTENCE, "en")
    assert b"ookie" not in request
    assert b"uthorization" not in request


async def test_a_service_that_drips_is_left_at_the_deadline() -> None:
    async def drip(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await visit.say(b" ")
            await asyncio.sleep(0.05)

    async with answering({PATH: drip}) as service:
        voice = Gtts(Decoder(), LOCALES, endpoint=service.url(PATH, "127.0.0.1"), deadline=1.5)
        assert await reason(voice, SENTENCE) == "the engine took longer than 1.5 s"


def test_most_packs_have_a_voice_here() -> None:
    """So that the rows above are about something."""
    languages = Gtts(Decoder(), LOCALES).traits.languages
    assert sum(lookup(tag, languages) is not None for tag in LOCALES.tags) > len(LOCALES.tags) / 2
