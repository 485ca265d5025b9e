"""The guarded client's WebSockets: handshakes that are none, addresses that may not be reached, and redirects."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp.client_proto import ResponseHandler

from otpvoice.adapters.outbound import connections as connections_module
from otpvoice.adapters.outbound.answers import Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.outbound.handshake import Refused
from otpvoice.trust.addresses import parse_allow
from tests.adapters.sites import Book, Visit, answering, closed_port, site
from tests.adapters.streams.customers import PLENTY, a_customer, a_rogue, accepts, client_tls, server_tls
from tests.adapters.streams.house import NAMES

ALLOW = parse_allow(["127.0.0.1", "127.0.0.2"])
TIGHT = 0.2
SECRET = "s3cret"


class Ear:
    """Takes what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.ends = 0
        self.over = asyncio.Event()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.ends += 1
        self.over.set()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    guarded = GuardedClient(ALLOW, resolver=Book(NAMES), tls=client_tls())
    yield guarded
    await guarded.close()


async def fault(asked: Awaitable[object]) -> tuple[str, bool] | int | None:
    """Return why there is no connection: what could not be reached, or what was answered."""
    with pytest.raises((Unreached, Refused)) as caught:
        await asked
    error: BaseException = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert SECRET not in f"{error!s}{error!r}"
    if isinstance(error, Refused):
        return error.status
    assert isinstance(error, Unreached)
    return error.reason, error.sent


def dial(client: GuardedClient, url: str, seconds: float = PLENTY, *, trusted: bool = False) -> Awaitable[object]:
    return client.websocket(url, {"Authorization": SECRET}, seconds=seconds, trusted=trusted)


def answers(status: str, **headers: str) -> Callable[[Visit], Awaitable[None]]:
    return lambda visit: visit.answer(b"<html>", status, **headers)


# --- handshakes -------------------------------------------------------------------------------------------------------


async def test_what_comes_with_the_handshake_is_not_lost_and_the_end_is_told_once(client: GuardedClient) -> None:
    async with site(accepts(Upgrade="WebSocket", Connection="keep-alive, Upgrade")) as here:
        connection = await client.websocket(here.url("/a?b=%2F", scheme="ws"), seconds=PLENTY)
        ear = Ear()
        connection.hand_to(ear)
        assert ear.data == b"\x81\x02hi"
        connection.close()
        await asyncio.wait_for(ear.over.wait(), PLENTY)
        connection.close()
        assert ear.ends == 1
        late = Ear()
        connection.hand_to(late)
        assert late.ends == 1, "who comes too late is told, too"


async def test_a_handshake_is_that_of_the_protocol(client: GuardedClient) -> None:
    async with a_customer() as customer:
        connection = await client.websocket(customer.url("/a?b=%2F", "hooks.example"), {"X-A": "b"}, seconds=PLENTY)
        visit = await customer.visit()
        assert visit.path == "/a?b=%2F"
        assert visit.headers["Host"] == f"hooks.example:{customer.port}"
        assert visit.headers["X-A"] == "b"
        assert visit.headers["User-Agent"].startswith("otpvoice/")
        assert not {"Cookie", "Origin", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"} & set(visit.headers)
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": None},
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Connection": None},
        {"Sec_WebSocket_Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"Sec_WebSocket_Accept": None},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
        {"Sec_WebSocket_Protocol": "chat"},
    ],
    ids=repr,
)
async def test_a_yes_that_does_not_fit_is_none(client: GuardedClient, headers: dict[str, str | None]) -> None:
    async with site(accepts(**headers)) as here:
        assert await fault(dial(client, here.url(scheme="ws"))) is None


@pytest.mark.parametrize("connection", ["keep-alive\r\nConnection: Upgrade", "upgrade\r\nCONNECTION: keep-alive"])
async def test_a_yes_may_be_told_in_two_headers(client: GuardedClient, connection: str) -> None:
    async with site(accepts(Connection=connection)) as here:
        (await client.websocket(here.url(scheme="ws"), seconds=PLENTY)).close()


def test_what_we_use_of_aiohttp_has_no_public_name() -> None:
    """Should it go away with a new version, or mean another thing, this says where to look: ``Upgraded.hand_to``."""
    assert list(inspect.signature(ResponseHandler.set_parser).parameters)[:3] == ["self", "parser", "payload"]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 407, 429, 500, 503])
async def test_an_answer_is_told_by_its_status(client: GuardedClient, status: int) -> None:
    async with answering({"/": answers(f"{status} So", Set_Cookie="a=b")}) as here:
        assert await fault(dial(client, here.url(scheme="ws"))) == status
        assert await fault(dial(client, here.url(scheme="ws"))) == status
        assert not any(b"cookie" in request.lower() for request in here.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_by_nobody(client: GuardedClient, status: int) -> None:
    async with a_customer() as there:
        moved = answers(f"{status} Moved", Location=there.url())
        async with answering({"/": moved}) as here:
            assert await fault(dial(client, here.url(scheme="ws"))) == status
            assert len(here.requests) == 1
        assert there.visits == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"junk\r\n\r\n", "protocol"),
        (b"HTTP/1.1 101 So\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", "protocol"),
        (b"HTTP/1.1 101 So\r\n" + b"X: y\r\n" * 200 + b"\r\n", "protocol"),
        (b"", "closed"),
    ],
    ids=["junk", "a header that is too long", "too many headers", "nothing"],
)
async def test_what_is_no_http(client: GuardedClient, said: bytes, reason: str) -> None:
    async def says(visit: Visit) -> None:
        await visit.request()
        await visit.say(said)

    async with site(says) as here:
        assert await fault(dial(client, here.url(scheme="ws"))) == (reason, True)


async def test_a_handshake_that_hangs_is_given_up(client: GuardedClient) -> None:
    gone = asyncio.Event()

    async def hangs(visit: Visit) -> None:
        await visit.request()
        await visit.gone()
        gone.set()

    async with site(hangs) as here:
        assert await fault(dial(client, here.url(scheme="ws"), TIGHT)) == ("timeout", True)
        await asyncio.wait_for(gone.wait(), PLENTY)


async def test_a_handshake_that_is_called_off_leaves_nothing(client: GuardedClient) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def hangs(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.gone()
        gone.set()

    async with site(hangs) as here:
        dialling = asyncio.ensure_future(dial(client, here.url(scheme="ws")))
        await asyncio.wait_for(asked.wait(), PLENTY)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await asyncio.wait_for(gone.wait(), PLENTY)


# --- where it leads ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/", "bad_url"),
        ("https://hooks.example/", "bad_url"),
        ("ftp://hooks.example/", "bad_url"),
        ("ws://user:pass@hooks.example/", "bad_url"),
        ("ws://hooks.example:6379/", "blocked"),
        ("ws://127.0.0.3:8080/", "blocked"),
        ("ws://[::ffff:127.0.0.3]:8080/", "blocked"),
        ("ws://inside.example:8080/", "blocked"),
        ("ws://169.254.169.254/", "blocked"),
        ("wss://10.0.0.1/", "blocked"),
        ("ws://nobody.example/", "dns"),
        ("ws://hooks.example/\n", "bad_url"),
    ],
)
async def test_where_nobody_may_go(client: GuardedClient, url: str, why: str) -> None:
    assert await fault(dial(client, url)) == (why, False)


async def test_nothing_is_sent_where_nobody_listens(client: GuardedClient) -> None:
    with closed_port() as port:
        assert await fault(dial(client, f"ws://hooks.example:{port}/")) == ("connect", False)


async def test_a_name_that_changes_its_mind_is_held_at_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding, as for any other URL."""
    monkeypatch.setattr(connections_module, "NAME_SECONDS", 0)
    names = Book({"rebinding.example": [["127.0.0.1"], ["127.0.0.3"]]})
    async with a_customer() as outside, site(lambda visit: visit.gone(), "127.0.0.3", port=outside.port) as inside:
        guarded = GuardedClient(ALLOW, resolver=names)
        url = outside.url(host="rebinding.example")
        assert guarded.check(url, schemes=("ws", "wss")) is None
        (await guarded.websocket(url, seconds=PLENTY)).close()
        assert await fault(dial(guarded, url)) == ("blocked", False)
        assert (inside.visits, len(names.asked)) == (0, 2)
        await guarded.close()


async def test_the_admins_own_url_leads_anywhere(client: GuardedClient) -> None:
    async with site(accepts(), "127.0.0.3") as inside:
        url = inside.url(host="inside.example", scheme="ws")
        assert await fault(dial(client, url)) == ("blocked", False)
        (await client.websocket(url, seconds=PLENTY, trusted=True)).close()


async def test_tls_is_verified(client: GuardedClient) -> None:
    async with a_customer(tls=True) as customer:
        assert await fault(dial(client, customer.url(host="127.0.0.1"))) == ("tls", False), "another name"
        stranger = GuardedClient(ALLOW, resolver=Book(NAMES))
        assert await fault(dial(stranger, customer.url(host="hooks.example"))) == ("tls", False), "of nobody we know"
        await stranger.close()
        (await client.websocket(customer.url(host="hooks.example"), seconds=PLENTY)).close()
    async with answering({}, tls=server_tls()) as here:
        assert await fault(dial(client, here.url(scheme="ws"))) in {("closed", True), ("reset", True)}


# --- beside webhooks --------------------------------------------------------------------------------------------------


async def test_calls_that_talk_keep_no_webhook_waiting() -> None:
    guarded = GuardedClient(ALLOW, resolver=Book(NAMES), connections=1, per_host=1)
    async with a_rogue(lambda rogue: rogue.gone()) as customer, answering({"/": answers("200 OK")}) as here:
        open_ones = [await guarded.websocket(customer.url(), seconds=PLENTY) for _ in range(40)]
        answer = await guarded.post(here.url(), b"", {}, seconds=PLENTY)
        assert answer.status == 200
        for connection in open_ones:
            connection.close()
        await guarded.close()


async def test_after_the_end_nobody_is_dialled_and_who_listens_hears_of_it(client: GuardedClient) -> None:
    async with a_rogue(lambda rogue: rogue.gone()) as customer:
        connection = await client.websocket(customer.url(), seconds=PLENTY)
        ear = Ear()
        connection.hand_to(ear)
        await client.close()
        await asyncio.wait_for(ear.over.wait(), PLENTY)
        connection.close()
        assert await fault(dial(client, customer.url())) == ("closed", False)
