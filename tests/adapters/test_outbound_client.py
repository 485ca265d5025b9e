"""What the guarded client reaches, what it tells, and what it does about servers that mean it ill.

The servers are real, on loopback, which is opened address by address: 127.0.0.1 and 127.0.0.2 stand for the Internet,
127.0.0.3 for what nobody may reach.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from otpvoice.adapters.outbound import connections as connections_module
from otpvoice.adapters.outbound.answers import Answer, Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.trust import urls as urls_module
from otpvoice.trust.addresses import parse_allow
from tests.adapters.sites import AUTHORITY, CERTIFICATE, Book, Host, Visit, answering, closed_port, site

ALLOW = parse_allow(["127.0.0.1", "127.0.0.2"])
PLENTY = 20.0
TIGHT = 0.2
SECRET = "s3cret"  # in every URL, and in no exception
NAMES = {"hooks.example": [["127.0.0.1"]], "other.example": [["127.0.0.2"]], "inside.example": [["127.0.0.3"]]}

Ask = Callable[[GuardedClient, str], Coroutine[Any, Any, Answer]]


@pytest.fixture
def names() -> Book:
    return Book(NAMES)


@pytest.fixture
async def client(names: Book) -> AsyncIterator[GuardedClient]:
    tls = ssl.create_default_context()
    AUTHORITY.configure_trust(tls)
    guarded = GuardedClient(ALLOW, resolver=names, tls=tls)
    yield guarded
    await guarded.close()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    return context


async def post(client: GuardedClient, url: str, seconds: float = PLENTY, **options: Any) -> Answer:
    return await client.post(url, b"news", {"X-Signature": "v1"}, seconds=seconds, **options)


async def get(client: GuardedClient, url: str, seconds: float = PLENTY, most: int = 10_000, **options: Any) -> Answer:
    return await client.get(url, seconds=seconds, most=most, **options)


async def unreached(asked: Coroutine[Any, Any, Answer]) -> tuple[str, bool]:
    with pytest.raises(Unreached) as caught:
        await asked
    error: BaseException = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert str(error) == caught.value.reason
    return caught.value.reason, caught.value.sent


def page(body: bytes = b"fine", status: str = "200 OK", **headers: str) -> Host:
    return lambda visit: visit.answer(body, status, **headers)


def says(data: bytes, then: Callable[[Visit], Any] = lambda visit: visit.gone()) -> Host:
    async def host(visit: Visit) -> None:
        await visit.request()
        await visit.say(data)
        await then(visit)

    return host


# --- an ordinary question ---------------------------------------------------------------------------------------------


async def test_a_post_is_sent_as_it_is_and_answered(client: GuardedClient) -> None:
    async with answering({"/x?a=%2F": page(b"thanks", "201 Created", Retry_After="7")}) as here:
        answer = await post(client, here.url("/x?a=%2F"))
    assert (answer.status, answer.body, answer.cut) == (201, b"thanks", False)
    assert answer.headers["retry-after"] == "7"
    head, _, body = here.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x?a=%2F HTTP/1.1"
    sent = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines[1:]}
    assert sent["Host"] == f"hooks.example:{here.port}"
    assert sent["X-Signature"] == "v1"
    assert sent["Accept-Encoding"] == "identity"
    assert sent["User-Agent"].startswith("otpvoice/")
    assert sent.keys().isdisjoint({"Cookie", "Authorization"})
    assert body == b"news"


async def test_what_is_shown_of_an_answer_is_not_what_is_in_it(client: GuardedClient) -> None:
    async with answering({"/": page(b"4821", X_Code="4821")}) as here:
        assert "4821" not in repr(await get(client, here.url()))


async def test_a_connection_is_kept_and_not_shared_with_the_trusted(client: GuardedClient) -> None:
    async with answering({"/": page()}) as here:
        for _ in range(3):
            await post(client, here.url())
        assert here.visits == 1
        for _ in range(3):
            await post(client, here.url(), trusted=True)
        assert here.visits == 2
        await post(client, here.url())
        assert here.visits == 2
        assert len(here.requests) == 7


async def test_no_proxy_is_taken_from_the_environment(client: GuardedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def proxy(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"by proxy")

    async with answering({"/": page()}) as here, site(proxy) as false_friend:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{false_friend.port}")
        assert (await get(client, here.url())).body == b"fine"
        assert false_friend.visits == 0


async def test_cookies_are_neither_told_nor_brought_back(client: GuardedClient) -> None:
    async with answering({"/": page(Set_Cookie=f"a={SECRET}; Path=/", ETag='"1"')}) as here:
        answer = await get(client, here.url())
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["etag"] == '"1"'
        await get(client, here.url())
    assert not any(b"cookie" in request.lower() for request in here.requests)


async def test_a_header_that_is_no_text_can_still_be_written(client: GuardedClient) -> None:
    async with site(says(b"HTTP/1.1 200 OK\r\nX-A: \xff\xfe\r\nContent-Length: 0\r\n\r\n")) as here:
        answer = await post(client, here.url())
    assert answer.headers["x-a"].encode()


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [post, get])
@pytest.mark.parametrize("host", ["inside.example", "127.0.0.3", "[::ffff:127.0.0.3]", "[::ffff:7f00:3]"])
async def test_who_may_not_be_reached_sees_no_connection(client: GuardedClient, ask: Ask, host: str) -> None:
    async with site(says(b""), "127.0.0.3") as inside:
        assert await unreached(ask(client, inside.url(f"/?{SECRET}", host))) == ("blocked", False)
        assert inside.visits == 0


@pytest.mark.parametrize("ask", [post, get])
async def test_a_name_that_changes_its_mind_is_held_at_the_socket(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: an address that may be reached for the first look-up, another for the next."""
    monkeypatch.setattr(connections_module, "NAME_SECONDS", 0)
    names = Book({"rebinding.example": [["127.0.0.2"], ["127.0.0.3"], ["127.0.0.3", "127.0.0.2"], ["127.0.0.2"]]})
    closing = page(Connection="close")
    async with (
        answering({"/": closing}, "127.0.0.2") as outside,
        site(says(b""), "127.0.0.3", port=outside.port) as inside,
    ):
        guarded = GuardedClient(ALLOW, resolver=names)
        url = outside.url("/", "rebinding.example")
        assert guarded.check(url) is None
        assert (await ask(guarded, url)).status == 200
        assert await unreached(ask(guarded, url)) == ("blocked", False)
        assert (await ask(guarded, url)).status == 200, "of several addresses, those are tried that may be"
        assert (await ask(guarded, url)).status == 200
        await guarded.close()
        assert (inside.visits, outside.visits, len(names.asked)) == (0, 3, 4)


async def test_a_name_that_leads_to_many_closed_doors_is_blocked(client: GuardedClient) -> None:
    inside = ["127.0.0.3", "169.254.169.254", "::1", "10.0.0.1", "0.0.0.0", "fd00:ec2::254", "not an address"]
    guarded = GuardedClient(ALLOW, resolver=Book({"hooks.example": [inside]}))
    assert await unreached(post(guarded, "http://hooks.example:8080/")) == ("blocked", False)
    await guarded.close()


async def test_a_named_host_does_not_lead_to_this_machine() -> None:
    guarded = GuardedClient(parse_allow(["inside.example"]), resolver=Book(NAMES))
    async with site(says(b""), "127.0.0.3") as inside:
        assert await unreached(post(guarded, inside.url("/", "inside.example"))) == ("blocked", False)
        assert inside.visits == 0
    await guarded.close()


async def test_the_admin_may_lead_anywhere_and_a_request_not_by_the_same_connection(client: GuardedClient) -> None:
    async with answering({"/": page()}, "127.0.0.3") as inside:
        url = inside.url("/", "inside.example")
        assert (await post(client, url, trusted=True)).status == 200
        assert (await post(client, inside.url("/", "127.0.0.3"), trusted=True)).status == 200
        assert await unreached(post(client, url)) == ("blocked", False)
        assert await unreached(post(client, "http://user@hooks.example/", trusted=True)) == ("bad_url", False)


async def test_the_admin_may_name_any_port_and_a_request_not(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering({"/": page(), "/on": page(b"", "302 Found", Location="/")}) as here:
        monkeypatch.setattr(urls_module, "_BAD_PORTS", frozenset({here.port}))
        assert (await post(client, here.url(), trusted=True)).status == 200
        assert (await get(client, here.url("/on"), trusted=True)).body == b"fine"
        assert await unreached(post(client, here.url())) == ("blocked", False)
        assert len(here.requests) == 3


async def test_the_systems_own_names_are_held_to_the_same_rules() -> None:
    guarded = GuardedClient(parse_allow(["127.0.0.2"]))
    async with site(says(b"")) as here:
        assert guarded.check(here.url("/", "localhost")) is None, "some loopback is open"
        assert await unreached(post(guarded, here.url("/", "localhost"))) == ("blocked", False)
        assert here.visits == 0
    await guarded.close()


# --- redirects --------------------------------------------------------------------------------------------------------


async def test_a_redirected_post_is_not_sent_on(client: GuardedClient) -> None:
    async with answering({"/": page(b"", "307 Temporary Redirect", Location="/b")}) as here:
        answer = await post(client, here.url())
    assert (answer.status, answer.headers["location"], len(here.requests)) == (307, "/b", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_get_follows_with_nothing_that_says_who_asks(client: GuardedClient, status: int) -> None:
    async with answering({"/b": page(b"there")}, "127.0.0.2") as there:
        location = there.url("/b", "other.example")
        async with answering({"/": page(b"", f"{status} Over There", Location=location)}) as here:
            headers = {"Authorization": SECRET, "X-Api-Key": SECRET, "Cookie": SECRET, "If-None-Match": '"1"'}
            answer = await client.get(here.url(), headers, seconds=PLENTY, most=100)
    assert answer.body == b"there"
    assert here.requests[0].count(SECRET.encode()) == 3
    assert SECRET.encode() not in there.requests[0]
    assert b'If-None-Match: "1"' in there.requests[0]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "blocked"),
        ("http://127.0.0.3:8080/", "blocked"),
        ("http://[::ffff:a9fe:a9fe]/", "blocked"),
        ("http://inside.example:8080/", "blocked"),
        ("http://hooks.example:6379/", "blocked"),
        ("//127.0.0.3/", "blocked"),
        ("http://2852039166/", "redirect"),
        ("file:///etc/passwd", "redirect"),
        ("gopher://hooks.example/", "redirect"),
        ("http://user@hooks.example/", "redirect"),
        ("http://nobody.example:8080/", "dns"),
        ("/", "redirect"),
    ],
)
async def test_a_redirect_leads_no_further_than_a_request(client: GuardedClient, location: str, reason: str) -> None:
    async with answering({"/": page(b"", "302 Found", Location=location)}) as here:
        assert await unreached(get(client, here.url())) == (reason, True)


async def test_a_get_follows_so_many_redirects_and_no_more(client: GuardedClient) -> None:
    steps = {f"/{n}": page(b"", "302 Found", Location=f"/{n + 1}") for n in range(3)}
    async with answering({**steps, "/3": page(b"at last")}) as here:
        assert (await get(client, here.url("/0"))).body == b"at last"
        assert await unreached(get(client, here.url("/0"), redirects=2)) == ("redirect", True)
        assert await unreached(get(client, here.url("/2"), redirects=0)) == ("redirect", True)


async def test_what_redirects_to_nowhere_is_an_answer(client: GuardedClient) -> None:
    async with answering({"/": page(b"", "302 Found"), "/n": page(b"", "304 Not Modified", Location="/")}) as here:
        assert (await get(client, here.url())).status == 302
        assert (await get(client, here.url("/n"))).status == 304


async def test_a_redirect_does_not_leave_https(client: GuardedClient) -> None:
    async with answering({"/": page()}) as plain:
        pages = {"/": page(b"", "302 Found", Location=plain.url())}
        async with answering(pages, tls=server_tls()) as here:
            assert await unreached(get(client, here.url(scheme="https"))) == ("redirect", True)
            assert plain.visits == 0


async def test_the_trust_of_the_admin_ends_at_another_host(client: GuardedClient) -> None:
    async with answering({"/a": page(b"", "302 Found", Location="/b"), "/b": page()}, "127.0.0.3") as inside:
        start = inside.url("/a", "inside.example")
        assert (await get(client, start, trusted=True)).body == b"fine"
        async with answering({"/": page(b"", "302 Found", Location=start)}) as here:
            assert await unreached(get(client, here.url(), trusted=True)) == ("blocked", True)


# --- whether a byte left ----------------------------------------------------------------------------------------------


async def test_nothing_was_sent_where_nobody_listens(client: GuardedClient) -> None:
    with closed_port() as port:
        assert await unreached(post(client, f"http://hooks.example:{port}/{SECRET}")) == ("connect", False)
        assert await unreached(post(client, f"http://127.0.0.1:{port}/{SECRET}")) == ("connect", False)


async def test_nothing_was_sent_to_a_name_that_is_not_known(client: GuardedClient) -> None:
    assert await unreached(post(client, f"http://nobody.example/{SECRET}")) == ("dns", False)


async def test_nothing_was_sent_while_a_name_is_looked_up(client: GuardedClient, names: Book) -> None:
    names.silent = True
    assert await unreached(post(client, f"http://hooks.example/{SECRET}", TIGHT)) == ("timeout", False)


async def test_nothing_was_sent_before_tls(client: GuardedClient) -> None:
    async with answering({"/": page()}, tls=server_tls()) as here:
        # A name that the certificate is not for; and certificates of nobody that the system knows.
        assert await unreached(post(client, here.url(scheme="https", host="127.0.0.1"))) == ("tls", False)
        guarded = GuardedClient(ALLOW, resolver=Book(NAMES))
        assert await unreached(post(guarded, here.url(scheme="https"))) == ("tls", False)
        await guarded.close()
        assert (await post(client, here.url(scheme="https"))).status == 200
        assert len(here.requests) == 1
    async with site(lambda visit: visit.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as plain:
        assert await unreached(post(client, plain.url(scheme="https"))) == ("tls", False)
    async with site(lambda visit: visit.gone()) as silent:
        assert await unreached(post(client, silent.url(scheme="https"), TIGHT)) == ("timeout", False)


async def _reset(visit: Visit) -> None:
    await visit.request()
    visit.reset()


async def _end(visit: Visit) -> None:
    await visit.request()


async def _listen(visit: Visit) -> None:
    await visit.gone()


@pytest.mark.parametrize("ask", [post, get])
@pytest.mark.parametrize(
    ("host", "seconds", "reason"),
    [
        (_reset, PLENTY, "reset"),
        (_end, PLENTY, "closed"),
        (_listen, TIGHT, "timeout"),
        (says(b"HTTP/1.1 200 OK\r\nX-Slow: "), TIGHT, "timeout"),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n" * 5), TIGHT, "timeout"),
        (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), PLENTY, "protocol"),
        (says(b"\x00" * 100 + b"\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 9999 Odd\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 101 + b"\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 8191 + b"\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 " + b"b" * 8191 + b"\r\n\r\n"), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 1_000_000), PLENTY, "protocol"),
        (says(b"HTTP/1.1 200 OK\r\nX A: b\r\n\r\n"), PLENTY, "protocol"),
    ],
)
async def test_why_there_is_no_answer_once_it_was_asked_for(
    client: GuardedClient, ask: Callable[..., Coroutine[Any, Any, Answer]], host: Host, seconds: float, reason: str
) -> None:
    async with site(host) as here:
        assert await unreached(ask(client, here.url(f"/{SECRET}"), seconds)) == (reason, True)


async def test_a_post_is_never_repeated_by_itself(client: GuardedClient) -> None:
    """Not even on a connection that was kept, and turns out to be dead."""

    async def once(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"")
        await visit.request()
        seen.append(True)

    seen: list[bool] = []
    async with site(once) as here:
        assert (await post(client, here.url())).status == 200
        assert await unreached(post(client, here.url())) == ("closed", True)
        assert (here.visits, seen) == (1, [True])


# --- too much ---------------------------------------------------------------------------------------------------------


async def _for_ever(visit: Visit, start: bytes, piece: bytes) -> None:
    await visit.request()
    await visit.say(start)
    while True:
        await visit.say(piece)


ENDLESS = partial(_for_ever, start=b"HTTP/1.1 200 OK\r\n\r\n", piece=bytes(65536))
ENDLESS_CHUNKS = partial(
    _for_ever,
    start=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    piece=b"10000\r\n" + bytes(65536) + b"\r\n",
)


@pytest.mark.parametrize("host", [ENDLESS, ENDLESS_CHUNKS])
async def test_an_endless_body_ends_where_we_stop_reading(client: GuardedClient, host: Host) -> None:
    async with site(host) as here:
        answer = await post(client, here.url())
        assert (answer.status, len(answer.body), answer.cut) == (200, 65_536, True)
        assert await unreached(get(client, here.url())) == ("too_large", True)


async def test_a_body_may_be_as_long_as_allowed(client: GuardedClient) -> None:
    async with answering({"/": page(b"x" * 1000)}) as here:
        assert (await get(client, here.url(), most=1000)).body == b"x" * 1000
        assert await unreached(get(client, here.url(), most=999)) == ("too_large", True)
        assert (await post(client, here.url(), most=1000)).cut is False
        short = await post(client, here.url(), most=999)
        assert (short.body, short.cut) == (b"x" * 999, True)


async def test_a_body_that_says_it_is_too_long_is_not_read(client: GuardedClient) -> None:
    async with site(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n")) as here:
        assert await unreached(get(client, here.url())) == ("too_large", True)


@pytest.mark.parametrize(
    ("host", "seconds", "reason"),
    [
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), TIGHT, "timeout"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", lambda visit: visit.say(b"")), PLENTY, "closed"),
    ],
)
async def test_half_a_body_is_an_answer_to_a_post_and_none_to_a_get(
    client: GuardedClient, host: Host, seconds: float, reason: str
) -> None:
    async with site(host) as here:
        answer = await post(client, here.url(), seconds)
        assert (answer.status, answer.cut) == (200, True)
        assert b"half".startswith(answer.body)
        assert await unreached(get(client, here.url(), seconds)) == (reason, True)


async def test_a_body_in_broken_pieces_is_none(client: GuardedClient) -> None:
    async with site(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n")) as here:
        assert await unreached(get(client, here.url())) == ("protocol", True)


async def test_a_bomb_is_left_as_it_came(client: GuardedClient) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    async with answering({"/": page(bomb, Content_Encoding="gzip")}) as here:
        assert (await get(client, here.url(), most=len(bomb))).body == bomb
        assert (await post(client, here.url())).body == bomb


async def test_who_asks_too_many_waits_and_does_not_hold_up_the_others(names: Book) -> None:
    client = GuardedClient(ALLOW, resolver=names, per_host=1)
    arrived = asyncio.Event()

    async def host(visit: Visit) -> None:
        arrived.set()
        await visit.gone()

    async with site(host) as slow, answering({"/": page()}, "127.0.0.2") as quick, asyncio.timeout(PLENTY):
        first = asyncio.create_task(post(client, slow.url()))
        await arrived.wait()
        assert await unreached(post(client, slow.url(), TIGHT)) == ("timeout", False)
        assert (await post(client, quick.url("/", "other.example"))).status == 200
        assert slow.visits == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    await client.close()


# --- the end ----------------------------------------------------------------------------------------------------------


async def test_who_waits_when_we_close_gets_no_answer(client: GuardedClient) -> None:
    arrived = asyncio.Event()

    async def host(visit: Visit) -> None:
        await visit.request()
        arrived.set()
        await visit.gone()

    async with site(host) as here:
        waiting = asyncio.create_task(unreached(post(client, here.url())))
        async with asyncio.timeout(PLENTY):
            await arrived.wait()
            await client.close()
            assert await waiting == ("closed", True)
        assert await unreached(post(client, here.url())) == ("closed", False)


async def test_who_gives_up_ends_the_connection(client: GuardedClient) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def host(visit: Visit) -> None:
        await visit.request()
        arrived.set()
        await visit.gone()
        left.set()

    async with site(host) as here, asyncio.timeout(PLENTY):
        waiting = asyncio.create_task(post(client, here.url()))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await left.wait()


async def test_nothing_of_a_url_is_in_any_log(client: GuardedClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with answering({f"/{SECRET}": page(Set_Cookie="\x01bad=; =")}) as here, site(_reset) as rude:
        await post(client, here.url(f"/{SECRET}"))
        await get(client, here.url(f"/{SECRET}"))
        await unreached(post(client, rude.url(f"/{SECRET}")))
        await unreached(get(client, f"https://{SECRET}.example/{SECRET}"))
    assert SECRET not in caplog.text


def test_the_resolver_of_the_tests_is_one() -> None:
    assert isinstance(Book({}), AbstractResolver)
