"""From an order to a connection: one more try, the question over https, and who sees which credentials."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from otpvoice.core.actions import BasicAuth, BearerAuth, SignatureAuth, StreamAuth
from otpvoice.core.media import Disconnected
from otpvoice.core.secret import Secret
from otpvoice.media.streams.exotel import Exotel
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import Facts
from tests.adapters.sites import Host, Visit, closed_port, site
from tests.adapters.streams.customers import PLENTY, a_customer, server_tls
from tests.adapters.streams.house import QUICK, House, a_house, like

SECRET = "s3cret"


class Asking(Exotel):
    """Has words for the question over https."""

    def query(self, facts: Facts) -> dict[str, str]:
        return {"CallSid": facts.call_id, "From": facts.caller or "", "Odd": "a b&c=d"}


ASKING = {"asking": Asking()}


def page(body: bytes, status: str = "200 OK", **headers: str) -> Host:
    return lambda visit: visit.answer(body, status, **headers)


def says(url: str) -> Host:
    return page(json.dumps({"url": url}).encode())


# --- one more try -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
async def test_a_handshake_that_failed_is_tried_once_more(status: int) -> None:
    async with a_customer(refuses=lambda number: status if number == 1 else None) as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        assert (await call.connected()).reconnects == 0
        assert stream.finish(Disconnected.CALL).error is None


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (403, 1), (404, 1), (200, 1), (301, 1), (500, 2), (503, 2)])
async def test_and_not_more_than_once_and_not_where_no_was_meant(status: int, tries: int) -> None:
    asked: list[int] = []

    def refuses(number: int) -> int:
        asked.append(number)
        return status

    async with a_customer(refuses=refuses) as customer, a_house() as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        word = "redirect" if status == 301 else f"http_{status}"
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", word)
        assert (report.started_at, report.close_code, report.frames_sent) == (None, None, 0)
        assert report.ended_at is not None
        assert len(asked) == tries
        assert [type(told).__name__ for told in call.told] == ["Ended"]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ws://nobody.example/", "dns"),
        ("ws://inside.example:8080/", "blocked"),
        ("ws://10.1.2.3/", "blocked"),
        ("http://hooks.example/", "bad_url"),
        (f"ws://{SECRET}:x@hooks.example/", "bad_url"),
        (f"nonsense {SECRET}", "bad_url"),
    ],
)
async def test_a_url_that_leads_nowhere(url: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with a_house() as house:
        _, call = house.listen(url)
        assert (await call.ended()).error == word
    assert SECRET not in capsys.readouterr().out


async def test_nobody_listens_there() -> None:
    with closed_port() as port:
        async with a_house() as house:
            _, call = house.listen(f"ws://hooks.example:{port}/")
            assert (await call.ended()).error == "connect"


async def test_whoever_does_not_answer_in_time_has_had_all_of_it() -> None:
    async def hangs(visit: Visit) -> None:
        await visit.request()
        await visit.gone()

    async with site(hangs) as here, a_house(timings=replace(QUICK, connecting=0.5)) as house:
        _, call = house.listen(here.url(scheme="ws"))
        assert (await call.ended()).error == "timeout"
        assert here.visits == 1, "nothing is left for a second try"


async def test_tls_that_does_not_verify(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_customer(tls=True) as customer:
        async with a_house() as house:
            _, call = house.listen(customer.url(f"/{SECRET}", host="127.0.0.1"))
            assert (await call.ended()).error == "tls"
        async with a_house(tls=False) as house:
            _, call = house.listen(customer.url(f"/{SECRET}", host="hooks.example"))
            assert (await call.ended()).error == "tls"
        assert customer.visits == []
    assert SECRET not in capsys.readouterr().out


# --- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "authorization"),
    [
        (BasicAuth("me", Secret(SECRET)), f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"),
        (BearerAuth(Secret(SECRET)), f"Bearer {SECRET}"),
    ],
)
async def test_a_login_is_shown_at_the_door(
    auth: StreamAuth, authorization: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url(), auth=auth)
        await call.connected()
        visit = await customer.visit()
        assert visit.headers["Authorization"] == authorization
        report = stream.finish(Disconnected.CALL)
    assert SECRET not in capsys.readouterr().out + repr(report)


async def test_a_signature_is_over_the_url_as_it_was_dialled() -> None:
    async with a_customer() as customer, a_house(clock=lambda: 1_800_000_000.9) as house:
        stream, call = house.listen(customer.url("", host="HOOKS.example"), auth=SignatureAuth(Secret(SECRET)))
        await call.connected()
        visit = await customer.visit()
        dialled = f"ws://{visit.headers['Host']}{visit.path}"
        assert dialled == f"ws://hooks.example:{customer.port}/"
        expected = hmac.new(SECRET.encode(), f"1800000000.{dialled}".encode(), hashlib.sha256).hexdigest()
        assert visit.headers["X-Otpvoice-Timestamp"] == "1800000000"
        assert visit.headers["X-Otpvoice-Signature"] == expected
        assert "Authorization" not in visit.headers
        stream.finish(Disconnected.CALL)


async def test_a_token_that_no_header_can_have() -> None:
    async with a_customer() as customer, a_house() as house:
        _, call = house.listen(customer.url(), auth=BearerAuth(Secret("a\r\nX-Admin: yes")))
        assert (await call.ended()).error == "bad_auth"
        assert customer.visits == []


# --- the question over https ------------------------------------------------------------------------------------------


async def asked(house: House, url: str, **fields: object) -> str | None:
    """Order a stream at this https URL. Returns the word for why it failed; None: it was connected."""
    stream, call = house.listen(url, fields.pop("format", "asking"), **fields)  # type: ignore[arg-type]
    await call.next_any()
    return stream.finish(Disconnected.CALL).error


async def test_an_https_url_is_asked_for_the_wss_url() -> None:
    requests: list[str] = []
    async with a_customer(tls=True) as customer, a_house(formats=ASKING) as house:

        async def serve(visit: Visit) -> None:
            requests.append((await visit.request()).decode())
            await says(customer.url("/bot?a=b", "hooks.example"))(visit)

        async with site(serve, tls=server_tls()) as here:
            assert await asked(house, here.url("/where?x=y", scheme="https")) is None
        visit = await customer.visit()
        assert visit.path == "/bot?a=b"
    line, *lines = requests[0].split("\r\n")
    target = urlsplit(line.split(" ")[1])
    assert (line.split(" ")[0], target.path) == ("GET", "/where")
    assert parse_qs(target.query) == {"x": ["y"], "CallSid": ["call_1"], "From": ["+15550199"], "Odd": ["a b&c=d"]}
    assert "Accept: application/json" in lines


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (page(b"no JSON"), "bad_answer"),
        (page(b""), "bad_answer"),
        (page(b"[]"), "bad_answer"),
        (page(b'{"url": 1}'), "bad_answer"),
        (page(b'{"URL": "wss://hooks.example/"}'), "bad_answer"),
        (page(b'{"url": "' + b"x" * 70_000 + b'"}'), "too_large"),
        (says("wss://hooks.example/" + "x" * 2048), "bad_url"),
        (says("https://hooks.example/"), "bad_url"),
        (says("wss://a@b@hooks.example/"), "bad_url"),
        (says("wss://%FF:x@hooks.example/"), "bad_url"),
        (says("wss://a%3Ab:x@hooks.example/"), "bad_url"),
        (says("ws://hooks.example/"), "bad_url"),  # what is said there is no less secret than the question
        (says("ws://127.0.0.1/"), "bad_url"),
        (says("wss://hooks.example/?sample-rate=44100"), "bad_url"),
        (says("wss://hooks.example/?sample-rate=8000&sample-rate=16000"), "bad_url"),
        (says("wss://hooks.example/?sample-rate="), "bad_url"),
        (says("wss://127.0.0.3:8080/"), "blocked"),
        (says("wss://169.254.169.254/"), "blocked"),
        (says("wss://inside.example:8080/"), "blocked"),
        (says("wss://nobody.example/"), "dns"),
        (page(b"", "401 So"), "http_401"),
        (page(b"", "500 So"), "http_500"),
        (page(b"", "204 So"), "http_204"),
        (page(b"", "302 So", Location="/elsewhere"), "redirect"),
        (lambda visit: visit.say(b"junk\r\n\r\n"), "protocol"),
    ],
)
async def test_an_answer_that_leads_nowhere(answer: Host, word: str) -> None:
    async def serve(visit: Visit) -> None:
        await visit.request()
        await answer(visit)

    async with site(serve, tls=server_tls()) as here, a_house(formats=ASKING) as house:
        assert await asked(house, here.url(scheme="https")) == word


@pytest.mark.parametrize(
    ("ordered", "query", "rate"),
    [(None, "?sample-rate=24000", 24000), (16000, "?a=b&sample-rate=8000", 8000), (16000, "?rate=8000", 16000)],
)
async def test_the_url_that_is_answered_chooses_the_rate(ordered: int | None, query: str, rate: int) -> None:
    async with (
        a_customer(tls=True) as customer,
        site(says(customer.url(f"/bot{query}", "hooks.example")), tls=server_tls()) as here,
        a_house(formats=ASKING) as house,
    ):
        stream, call = house.listen(here.url(scheme="https"), "asking", sample_rate=ordered)
        await call.connected()
        [start] = await (await customer.visit()).event("start")
        assert start["start"]["media_format"]["sample_rate"] == str(rate)
        stream.finish(Disconnected.CALL)


async def test_the_host_that_is_known_is_the_one_that_was_dialled() -> None:
    async with (
        a_customer(tls=True) as customer,
        site(says(customer.url(host="bot:secret@other.example")), tls=server_tls()) as here,
        a_house(formats=ASKING, leads={"other.example": [["127.0.0.1"]]}) as house,
    ):
        stream, call = house.listen(here.url(scheme="https"), "asking")
        assert stream.report.host == "hooks.example", "whom we ask, as long as nothing else is known"
        assert (await call.connected()).host == "other.example"
        assert stream.finish(Disconnected.CALL).host == "other.example"


async def test_the_question_and_the_handshake_share_their_time() -> None:
    async def hangs(visit: Visit) -> None:
        await visit.request()
        await visit.gone()

    async with (
        site(hangs, tls=server_tls()) as here,
        a_house(formats=ASKING, timings=replace(QUICK, connecting=0.2)) as house,
    ):
        assert await asked(house, here.url(scheme="https")) == "timeout"


async def test_a_question_that_failed_is_asked_once_more() -> None:
    questions = 0
    async with a_customer(tls=True) as customer, a_house(formats=ASKING) as house:

        async def serve(visit: Visit) -> None:
            nonlocal questions
            questions += 1
            await visit.request()
            if questions == 1:
                visit.reset()
            else:
                await says(customer.url(host="hooks.example"))(visit)

        async with site(serve, tls=server_tls()) as here:
            assert await asked(house, here.url(scheme="https")) is None
        assert questions == 2


@pytest.mark.parametrize(("format_", "error", "questions"), [("twilio", "bad_url", 0), ("asks", None, 1)])
async def test_a_format_without_the_question_or_without_words_for_it(
    format_: str, error: str | None, questions: int
) -> None:
    formats = {"twilio": FORMATS["twilio"], "asks": like(FORMATS["twilio"], asks_by_https=True)}
    async with (
        a_customer(tls=True) as customer,
        site(says(customer.url(host="hooks.example")), tls=server_tls()) as here,
        a_house(formats=formats) as house,
    ):
        assert await asked(house, here.url(scheme="https"), format=format_) == error
        assert here.visits == questions


@pytest.mark.parametrize(
    ("user", "host", "auth", "shown"),
    [
        ("", "hooks.example", BearerAuth(Secret(SECRET)), None),  # another port: not whom it was meant for
        ("bot:pass%40word@", "hooks.example", None, "Basic " + base64.b64encode(b"bot:pass@word").decode()),
        ("bot:x@", "hooks.example", BearerAuth(Secret(SECRET)), "Basic " + base64.b64encode(b"bot:x").decode()),
        ("", "hooks.example", BasicAuth("me", Secret(SECRET)), None),
    ],
)
async def test_credentials_are_for_whom_they_are_meant(
    user: str, host: str, auth: StreamAuth | None, shown: str | None
) -> None:
    requests: list[bytes] = []
    async with a_customer(tls=True) as customer, a_house(formats=ASKING) as house:

        async def serve(visit: Visit) -> None:
            requests.append(await visit.request())
            await says(customer.url(host=f"{user}{host}"))(visit)

        async with site(serve, tls=server_tls()) as here:
            assert await asked(house, here.url(scheme="https"), auth=auth) is None
        visit = await customer.visit()
        assert visit.headers.get("Authorization") == shown
        assert (b"Authorization: " in requests[0]) is (auth is not None)


async def test_credentials_go_on_to_the_same_host() -> None:
    requests: list[str] = []

    async def serve(visit: Visit) -> None:
        requests.append((await visit.request()).decode())
        if len(requests) == 1:
            await says(here.url("/bot", scheme="wss"))(visit)
        else:
            await visit.answer(status="403 So")

    async with site(serve, tls=server_tls()) as here, a_house(formats=ASKING) as house:
        assert await asked(house, here.url(scheme="https"), auth=BearerAuth(Secret(SECRET))) == "http_403"
    assert [f"Authorization: Bearer {SECRET}" in request for request in requests] == [True, True]


async def test_a_signature_is_for_each_url_on_its_way() -> None:
    requests: list[str] = []
    async with a_customer(tls=True) as customer, a_house(formats=ASKING, clock=lambda: 1_800_000_000.0) as house:

        async def serve(visit: Visit) -> None:
            requests.append((await visit.request()).decode())
            await says(customer.url("/bot", "hooks.example"))(visit)

        async with site(serve, tls=server_tls()) as here:
            assert await asked(house, here.url("/", scheme="https"), auth=SignatureAuth(Secret(SECRET))) is None
        visit = await customer.visit()
        path = requests[0].split(" ")[1]
        for url, text in (
            (f"https://hooks.example:{here.port}{path}", requests[0]),
            (customer.url("/bot", "hooks.example"), f"X-Otpvoice-Signature: {visit.headers['X-Otpvoice-Signature']}"),
        ):
            expected = hmac.new(SECRET.encode(), f"1800000000.{url}".encode(), hashlib.sha256).hexdigest()
            assert f"X-Otpvoice-Signature: {expected}" in text


async def test_the_admins_trust_ends_at_another_host() -> None:
    async def serve(visit: Visit) -> None:
        await visit.request()
        await says(there)(visit)

    async with (
        site(serve, "127.0.0.3", tls=server_tls()) as inside,
        a_house(formats=ASKING, leads={"hooks.example": [["127.0.0.3"]]}) as house,
    ):
        there = "wss://inside.example:8080/"
        assert await asked(house, inside.url(scheme="https")) == "blocked"
        assert await asked(house, inside.url(scheme="https"), trusted=True) == "blocked"
        there = inside.url(scheme="ws")
        assert await asked(house, inside.url(scheme="https"), trusted=True) == "bad_url", "nor does it make it public"
        there = inside.url(scheme="wss")
        assert await asked(house, inside.url(scheme="https"), trusted=True) == "http_200"


async def test_a_stream_that_is_finished_while_it_asks_leaves_nothing() -> None:
    waiting, gone = asyncio.Event(), asyncio.Event()

    async def hangs(visit: Visit) -> None:
        await visit.request()
        waiting.set()
        await visit.gone()
        gone.set()

    async with (
        site(hangs, tls=server_tls()) as here,
        a_house(formats=ASKING, timings=replace(QUICK, connecting=2 * PLENTY)) as house,
    ):
        stream, call = house.listen(here.url(scheme="https"), "asking")
        await asyncio.wait_for(waiting.wait(), PLENTY)
        assert stream.finish(Disconnected.PLAN).error == "not_connected"
        await asyncio.wait_for(gone.wait(), PLENTY)
        assert call.told == []
